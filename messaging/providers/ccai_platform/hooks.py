"""What CCAI Platform tells us, in its two documented forms.

1. Signed chat webhooks: `{"event_type", "timestamp", "chat_id", "body"}`, one event a call. The headers
   `X-Signature: primary=<base64> secondary=<base64>` and `X-Signature-Timestamp` carry HMAC-SHA256 signatures,
   by two secrets, of the timestamp followed by the raw body.
2. External session events: `{"count", "events": [...]}` with Basic authentication.

No document says how the text of an SMS reply reaches a third party; form 1 is taken for it. Two extensions of
form 1 are read where they are present, and the sandbox sends them: `end_user_number` and `outbound_number` in
`body`, and the event type `message_status` (`body`: `status` sent, delivered or failed, `end_user_number`,
`reason`), because no delivery report is documented.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from messaging.errors import WebhookRefused
from messaging.providers.ccai_platform import wire
from messaging.types import (
    Channel,
    ConversationEvent,
    DeliveryReport,
    DeliveryStatus,
    HookEvent,
    HookRequest,
    InboundMessage,
    Unrecognised,
)

SECRET_NAMES = ("webhook_secret_primary", "webhook_secret_secondary")
PROOF_HEADERS = ("x-signature", "x-signature-timestamp", "authorization")
TOLERANCE = timedelta(minutes=5)

_SIGNATURE = re.compile(r"\b(?:primary|secondary)=(\S+)")
_LONGEST_KEY = 64
_REPORTS = {
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "failed": DeliveryStatus.FAILED,
}
# Event type -> our kind, and the chat's status that follows from it.
_CHANGES = {
    "participant_joined": ("participant_joined", ""),
    "participant_left": ("participant_left", ""),
    "chat_ended": ("ended", "finished"),
    "chat_dismissed": ("dismissed", "dismissed"),
}


def verify(hook: HookRequest, credentials: Mapping[str, str]) -> None:
    """Raise WebhookRefused unless the call proves itself in one of the configured ways; none asks for nothing.

    A signature by either secret will do, whichever of the two places it stands in: secrets rotate one at a
    time. Its timestamp must be within five minutes of the arrival.
    """
    secrets = [secret for name in SECRET_NAMES if (secret := credentials.get(name, ""))]
    password = credentials.get("webhook_password", "")
    if not secrets and not password:
        return
    if password and _is_basic(hook, credentials.get("webhook_user", ""), password):
        return
    timestamp = hook.headers.get("x-signature-timestamp", "")
    if not _is_signed(hook, timestamp, secrets):
        raise WebhookRefused("The call does not carry the signature of this account.")
    moment = wire.read_moment(timestamp)
    if moment is None or abs(hook.received_at - moment) > TOLERANCE:
        raise WebhookRefused("The call was signed too long ago, or its time cannot be read.")


def parse(hook: HookRequest) -> list[HookEvent]:
    """The events of a call, in order. Raises WebhookRefused(status=400) for what is not a JSON object."""
    try:
        data = hook.json()
    except ValueError as error:
        raise WebhookRefused("The call is not readable JSON.", status=400) from error
    if not isinstance(data, dict):
        raise WebhookRefused("The call is not a JSON object.", status=400)
    body_hash = hashlib.sha256(hook.body).hexdigest()
    if isinstance(data.get("events"), list):
        return [_read_session_event(event, f"{body_hash[:48]}-{place}") for place, event in enumerate(data["events"])]
    return [_read_chat_event(data, body_hash)]


def _is_signed(hook: HookRequest, timestamp: str, secrets: list[str]) -> bool:
    given = [found.encode("utf-8", "replace") for found in _SIGNATURE.findall(hook.headers.get("x-signature", ""))]
    signed = timestamp.encode("utf-8", "replace") + hook.body
    expected = [b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()) for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in given for other in expected)


def _is_basic(hook: HookRequest, user: str, password: str) -> bool:
    expected = b"Basic " + b64encode(f"{user}:{password}".encode())
    return hmac.compare_digest(hook.headers.get("authorization", "").encode("utf-8", "replace"), expected)


def _read_chat_event(data: Mapping[str, Any], key: str) -> HookEvent:
    kind, body = wire.text(data.get("event_type")), wire.record(data.get("body"))
    chat_id, moment = _chat_id(data), wire.read_moment(data.get("timestamp"))
    phone, sender = wire.phone(body.get("end_user_number")), wire.phone(body.get("outbound_number"))
    stream_keys = (sender,) if sender else ()
    if kind == "message_received" and (chat_id or phone):
        return _read_message(body, key, chat_id, phone, stream_keys, moment)
    if kind in _CHANGES and chat_id:
        ours, follows = _CHANGES[kind]
        return ConversationEvent(
            key, ours, chat_id, stream_keys, external_status=follows, occurred_at=moment, data=_participant(body)
        )
    status = _REPORTS.get(wire.text(body.get("status")))
    if kind == "message_status" and status and phone:
        code = "not_delivered" if status is DeliveryStatus.FAILED else ""
        reason = wire.text(body.get("reason"))
        return DeliveryReport(
            status, key, phone=phone, conversation_id=chat_id, occurred_at=moment, code=code, text=reason
        )
    return Unrecognised(key, kind)


def _read_message(
    body: Mapping[str, Any],
    key: str,
    chat_id: str,
    phone: str,
    stream_keys: tuple[str, ...],
    moment: datetime | None,
) -> HookEvent:
    message, sender = wire.record(body.get("message")), wire.record(body.get("sender"))
    content, kind = wire.text(message.get("content")), wire.text(message.get("type"))
    from_customer = sender.get("type") == "end_user"
    if from_customer and (content or kind):
        shown_as, kind_word = wire.kind_of(kind, content)
        person_id = wire.number(sender.get("id"))
        return InboundMessage(
            key=key,
            phone=phone,
            body=content,
            channel=Channel.SMS,
            conversation_id=chat_id,
            stream_keys=stream_keys,
            occurred_at=moment,
            kind=shown_as,
            kind_word=kind_word,
            person_id=str(person_id) if person_id is not None else "",
        )
    if not from_customer and chat_id:
        return ConversationEvent(
            key, "agent_message", chat_id, stream_keys, text=content, occurred_at=moment, data=_participant(body)
        )
    return Unrecognised(key, "message_received")


def _read_session_event(event: Any, fallback_key: str) -> HookEvent:
    data = wire.record(event)
    given = wire.text(data.get("event_id"))
    key = given if 0 < len(given) <= _LONGEST_KEY else fallback_key
    state, chat_id = wire.text(data.get("state")), _chat_id(data)
    if not state or not chat_id:
        return Unrecognised(key, state)
    return ConversationEvent(
        key=key,
        kind="session",
        conversation_id=chat_id,
        external_status=state,
        occurred_at=wire.read_moment(data.get("timestamp")),
        data={
            "initiator": wire.text(data.get("initiator")),
            "queue": wire.text(data.get("queue_path_names")),
            "dispositions": [wire.text(item.get("code")) for item in wire.records(data.get("dispositions"))],
        },
    )


def _participant(body: Mapping[str, Any]) -> dict[str, Any]:
    sender = wire.record(body.get("sender")) or wire.record(body.get("participant"))
    return {"sender": wire.text(sender.get("type")), "sender_id": wire.number(sender.get("id"))} if sender else {}


def _chat_id(data: Mapping[str, Any]) -> str:
    given = wire.text(data.get("chat_id"))
    return given if wire.CHAT_ID.fullmatch(given) else ""
