"""What another system is told: the body of a request, made of the rows as the subscription's owner may see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from conversations.models import Campaign, Contact, Conversation, Message, OptIn, User, WebhookDelivery
from conversations.models.outgoing import TEST_KIND, OutgoingKind


def body_of(delivery: WebhookDelivery, owner: User) -> bytes | None:
    """The body, JSON in UTF-8: `id`, `event`, `occurred_at` and `data`. None when its owner may not see the rows.

    None too when they are gone. The status is the one of that moment, everything else as it is now.
    """
    data = _READERS[delivery.kind](delivery.data, owner)
    if data is None:
        return None
    told = {
        "id": str(delivery.event_id),
        "event": delivery.kind,
        "occurred_at": _time(delivery.occurred_at),
        "data": data,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _message(data: dict[str, Any], owner: User) -> dict[str, Any] | None:
    found = Message.objects.visible_to(owner).select_related("conversation__contact", "stream", "recipient")
    message = found.filter(pk=data["message"]).first()
    if message is None:
        return None
    return {
        "message": {
            "id": message.pk,
            "direction": message.direction,
            "kind": message.kind,
            "body": message.body,
            "status": data["status"],
            "failure_code": message.failure_code if data["status"] == message.status else "",
            "failure_text": message.failure_text if data["status"] == message.status else "",
            "client_key": message.client_key,
            "external_id": message.external_id,
            "segments": message.segments,
            "campaign": message.recipient.campaign_id if message.recipient else None,
            "created_at": _time(message.created_at),
        },
        "conversation": message.conversation_id,
        "stream": _stream(message.stream),
        "contact": _contact(message.conversation.contact),
    }


def _conversation(data: dict[str, Any], owner: User) -> dict[str, Any] | None:
    found = Conversation.objects.visible_to(owner).select_related("contact", "stream")
    conversation = found.filter(pk=data["conversation"]).first()
    if conversation is None:
        return None
    assignee = User.objects.filter(pk=data["assignee"]).first() if data["assignee"] else None
    return {
        "conversation": {
            "id": conversation.pk,
            "status": data["status"],
            "assignee": {"id": assignee.pk, "name": assignee.name, "email": assignee.email} if assignee else None,
            "external_id": conversation.external_id,
            "last_message_at": _time(conversation.last_message_at),
            "window_closes_at": _time(conversation.window_closes_at),
        },
        "stream": _stream(conversation.stream),
        "contact": _contact(conversation.contact),
    }


def _decision(data: dict[str, Any], owner: User) -> dict[str, Any] | None:
    entry = OptIn.objects.visible_to(owner).select_related("contact", "stream").filter(pk=data["opt_in"]).first()
    if entry is None:
        return None
    return {
        "decision": {
            "id": entry.pk,
            "event": entry.event,
            "channel": entry.channel,
            "purpose": entry.purpose,
            "scope": entry.scope,
            "source": entry.source,
            "occurred_at": _time(entry.occurred_at),
        },
        "stream": _stream(entry.stream) if entry.stream else None,
        "contact": _contact(entry.contact),
    }


def _campaign(data: dict[str, Any], owner: User) -> dict[str, Any] | None:
    campaign = Campaign.objects.visible_to(owner).select_related("stream").filter(pk=data["campaign"]).first()
    if campaign is None:
        return None
    return {
        "campaign": {
            "id": campaign.pk,
            "name": campaign.name,
            "status": data["status"],
            "rows": campaign.row_count,
            "accepted": campaign.accepted_count,
            "failed": campaign.failed_count,
            "unconfirmed": campaign.unconfirmed_count,
            "started_at": _time(campaign.started_at),
            "ended_at": _time(campaign.ended_at),
        },
        "stream": _stream(campaign.stream),
    }


def _test(data: dict[str, Any], owner: User) -> dict[str, Any]:
    return {"message": "This is a test. Nothing happened."}


def _stream(stream: Any) -> dict[str, Any]:
    return {"id": stream.pk, "name": stream.name, "channel": stream.channel}


def _contact(contact: Contact) -> dict[str, Any]:
    return {"id": contact.pk, "phone": contact.phone, "name": contact.full_name}


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


_READERS: dict[str, Callable[[dict[str, Any], User], dict[str, Any] | None]] = {
    OutgoingKind.MESSAGE_STATUS: _message,
    OutgoingKind.MESSAGE_RECEIVED: _message,
    OutgoingKind.CONVERSATION_OPENED: _conversation,
    OutgoingKind.CONVERSATION_ASSIGNED: _conversation,
    OutgoingKind.CONVERSATION_RESOLVED: _conversation,
    OutgoingKind.OPTED_IN: _decision,
    OutgoingKind.OPTED_OUT: _decision,
    OutgoingKind.CAMPAIGN_FINISHED: _campaign,
    TEST_KIND: _test,
}
