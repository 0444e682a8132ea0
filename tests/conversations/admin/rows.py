"""One row of every model, on one stream: what a page of the administration may have to show."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db.models import Model
from django.utils import timezone

from conversations.models import (
    Activity,
    AgentIdentity,
    Attachment,
    AttemptResult,
    Campaign,
    CampaignChunk,
    CampaignRecipient,
    CannedReply,
    ConsentState,
    ContactIdentity,
    ContactSearch,
    Conversation,
    ConversationMirror,
    ConversationTag,
    ConversationTimes,
    DispatcherTick,
    Draft,
    Drift,
    ErasedNumber,
    Handling,
    Holiday,
    HookSecret,
    IdempotentRequest,
    InboxCount,
    Indicator,
    KeywordSet,
    MessageEvent,
    MessageSearch,
    NextReply,
    Notification,
    NumberCheck,
    OptIn,
    ProofFile,
    ProviderSession,
    Receipt,
    RefusedCall,
    ReportChange,
    ReportCount,
    SavedFilter,
    SecondFactor,
    SendAttempt,
    SendingPolicy,
    SignedInSession,
    Stream,
    StreamGate,
    SubStream,
    Tag,
    TeamMembership,
    TeamStream,
    User,
    WebhookDelivery,
    WebhookEvent,
    WebhookSubscription,
    WorkingHours,
    WorkingPeriod,
)
from conversations.models.audit import AuditAction
from conversations.services import audit, consent
from conversations.services.api_keys import create_api_key
from tests import factories


def rows_for_people() -> list[type[Model]]:
    """The models that the administration shows: all but what search, the inbox and writers keep to themselves."""
    models = apps.get_app_config("conversations").get_models()
    kept = (ContactSearch, MessageSearch, ConversationTag, Draft, Handling, InboxCount, ProofFile, SavedFilter)
    kept += (CampaignChunk, ErasedNumber, IdempotentRequest, Notification, SecondFactor, SignedInSession)
    kept += (ReportChange, ReportCount, ConversationTimes, NextReply)
    kept += (WorkingPeriod, Holiday)  # on the page of their working hours
    kept += (ContactIdentity, HookSecret, ProviderSession, RefusedCall)  # on the pages of contacts and streams
    return [model for model in models if model not in kept]


def make_rows_of_pages(*, text: str = "Hello") -> dict[type[Model], Any]:
    """What make_rows makes, and what pages have an address for and the administration does not show."""
    found: dict[type[Model], Any] = make_rows(text=text)
    now = timezone.now()
    told = Notification.objects.create(
        user=found[User], conversation=found[Conversation], kind="assigned", created_at=now
    )
    key = f"elsewhere-{found[User].pk}"
    there = SignedInSession.objects.create(user=found[User], session_key=key, seen_at=now)
    Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(hours=1))
    return {**found, Notification: told, SignedInSession: there, Group: Group.objects.get(name="agent")}


def make_rows(stream: Stream | None = None, *, text: str = "Hello") -> dict[type[Model], Model]:
    """Each model's new row. Without a stream, a new one, of a new account, with a team and a member of its own.

    `text` stands wherever a customer, a colleague or a provider may have written something.
    """
    number = uuid.uuid4().hex
    account = stream.account if stream else factories.make_account(name=f"{text} {number}"[-100:], health_text=text)
    stream = stream or factories.make_stream(
        account, "whatsapp", name=f"{text} {number}"[-100:], business_name=text, pause_reason=text
    )
    author = factories.make_user(name=text)
    team = factories.make_team(members=[author], streams=[stream], name=f"{text} {number}"[-100:])
    contact = factories.make_contact(first_name=text, last_name="Khan")
    conversation = factories.make_conversation(
        stream, contact, assignee=author, last_message_preview=text, external_status=text[:40]
    )
    message = factories.make_message(
        conversation,
        status="failed",
        author=author,
        body=text,
        external_id=number,
        failure_code="recipient_refused",
        failure_text=text,
        media=[{"kind": "document", "filename": text}],
        rendered={"header": text},
        template_values={"body": {"1": text}},
        verdict={"ok": True, "sentence": text},
    )
    entry = consent.record(
        OptIn(
            contact=contact,
            channel=stream.channel,
            event="opt_in",
            source="form",
            wording=text,
            business_name=text,
            evidence=text,
            recorded_by=author,
        )
    )
    attempt = SendAttempt.objects.create(
        stream=stream,
        claim=uuid.uuid4(),
        operation=text[:60],
        request_id=text,
        started_at=timezone.now(),
        http_status=400,
        request_method="POST",
        request_url="http://127.0.0.1:8100/cirrus/send",
        request_body=text,
        response_body=text,
    )
    call = WebhookEvent.objects.create(
        account=stream.account,
        key=number,
        body=text.encode(),
        headers={"user-agent": text},
        content_type=text,
        error=text,
        received_at=timezone.now(),
    )
    template = factories.make_template(
        stream,
        name=f"visit_{number}",
        status_reason=text,
        components=[{"type": "HEADER", "format": "TEXT", "text": text}, {"type": "BODY", "text": text}],
    )
    campaign = Campaign.objects.create(
        name=text[:120], stream=stream, body=text, file_name=text[:200], columns=[text], status_reason=text[:300]
    )
    there = ConversationMirror.objects.create(
        stream=stream, external_id=number, conversation=conversation, external_status=text[:40], problem=text[:300]
    )
    told = WebhookSubscription.objects.create(
        name=f"{text} {number}"[-100:], url="https://crm.example/", owner=author, events=[], secrets=["whsec_row"]
    )
    rows: list[Model] = [
        told,
        WebhookDelivery.objects.create(
            subscription=told, event_id=uuid.uuid4(), kind="test", ordered_by="t", status="failed", problem=text[:300]
        ),
        there,
        Drift.objects.create(mirror=there, conversation=conversation, field="name", ours=text[:200], theirs=text[:200]),
        stream.account,
        stream,
        StreamGate.objects.get_or_create(stream=stream)[0],
        SubStream.objects.create(stream=stream, name=text, external_id=number),
        author,
        team,
        TeamMembership.objects.get(team=team),
        TeamStream.objects.get(team=team),
        AgentIdentity.objects.create(user=author, account=stream.account, external_id=text[:64]),
        contact,
        conversation,
        message,
        MessageEvent.objects.create(message=message, to_status=message.status, actor=author, reason=text),
        attempt,
        AttemptResult.objects.create(attempt=attempt, message=message, outcome="refused", code="refused", text=text),
        call,
        Receipt.objects.create(
            account=stream.account, message=message, webhook_event=call, key=number, status="failed", text=text
        ),
        DispatcherTick.objects.create(host=f"{text}-{number}"[-200:], process_id=1, ticked_at=timezone.now()),
        Activity.objects.create(conversation=conversation, kind="remark", actor=author, text=text, data={"was": text}),
        Tag.objects.create(name=f"{text} {number}"[:40]),
        Indicator.objects.create(conversation=conversation, key="vip", title=text, created_by=author),
        CannedReply.objects.create(shortcut=f"reply-{number[:8]}", title=text[:100], body=text, team=team),
        KeywordSet.objects.update_or_create(language="xx", defaults={"stop": "xstop", "stop_reply": text})[0],
        SendingPolicy.objects.get_or_create(stream=stream, defaults={"help_contact": text})[0],
        entry,
        ConsentState.objects.get(phone=contact.phone),
        template,
        template.versions.get(),
        template.status_changes.get(),
        Attachment.objects.create(
            stream=stream, message=message, kind="document", filename=text, problem=text, link=text, uploaded_by=author
        ),
        campaign,
        CampaignRecipient.objects.create(
            campaign=campaign, row=2, given=text[:200], fields={"firstname": text}, verdict="invalid", reason=text[:300]
        ),
        audit.record(AuditAction.STREAM_CHANGED, actor=author, subject=stream, summary=text),
        create_api_key(name=text[:100], user=author, scopes=["read"], streams=[stream])[0],
        WorkingHours.objects.create(name=f"{text} {number}"[:60]),
        NumberCheck.objects.create(stream=stream, phone=contact.phone, on_whatsapp=True, checked_by=author),
    ]
    return {type(row): row for row in rows}
