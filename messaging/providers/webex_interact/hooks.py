"""What Webex Interact tells us: CloudEvents 1.0 as JSON, one event or a list.

Source: the provider's webhook pages. Delivery reports and customers' messages have the same type and differ by
`data.status`; opt-outs have a type of their own. A clicked short link names the message that it stood in.

The provider documents no header for its optional signature. Where an account has a `webhook_secret`, its
sibling product's form is expected: `x-hub-signature`, the HMAC-SHA256 of the raw body in hex.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from messaging.errors import WebhookRefused
from messaging.providers.webex_interact import wire
from messaging.types import (
    Channel,
    ConsentEvent,
    DeliveryReport,
    DeliveryStatus,
    HookEvent,
    HookRequest,
    InboundMessage,
    LinkOpened,
    Unrecognised,
)

SIGNATURE_HEADER = "x-hub-signature"
MESSAGE_EVENT = "com.interact.messages.sms.status"
OPT_OUT_EVENT = "com.interact.messages.sms.opt.out"

_STATUSES = {
    "submitted": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "failed": DeliveryStatus.FAILED,
}
_LONGEST_KEY = 64


def verify(hook: HookRequest, credentials: Mapping[str, str]) -> None:
    """Raise WebhookRefused unless the body is signed with one of the secrets; none configured asks for nothing."""
    secrets = [secret for part in credentials.get("webhook_secret", "").split(",") if (secret := part.strip())]
    if not secrets:
        return
    given = hook.headers.get(SIGNATURE_HEADER, "").strip().removeprefix("sha256=").lower().encode("utf-8", "replace")
    expected = [hmac.new(secret.encode(), hook.body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    if not any(hmac.compare_digest(given, digest) for digest in expected):
        raise WebhookRefused("The call does not carry the signature of this account.")


def parse(hook: HookRequest) -> list[HookEvent]:
    """The events of a call, in order. Raises WebhookRefused(status=400) for what is not JSON of events."""
    try:
        data = hook.json()
    except ValueError as error:
        raise WebhookRefused("The call is not readable JSON.", status=400) from error
    if not isinstance(data, dict | list):
        raise WebhookRefused("The call is neither an event nor a list of events.", status=400)
    events = data if isinstance(data, list) else [data]
    return [_read(event, _key(event, hook.body, place)) for place, event in enumerate(events)]


def _key(event: Any, body: bytes, place: int) -> str:
    given = wire.text(event.get("id")) if isinstance(event, dict) else ""
    if 0 < len(given) <= _LONGEST_KEY:
        return given
    return hashlib.sha256(b"%d " % place + (given.encode() or body)).hexdigest()


def _read(event: Any, key: str) -> HookEvent:
    data = event.get("data") if isinstance(event, dict) else None
    if not isinstance(data, dict):
        return Unrecognised(key)
    kind, status, phone = (
        wire.text(event.get("type")),
        wire.text(data.get("status")),
        wire.phone(data.get("phone_number")),
    )
    if kind == MESSAGE_EVENT and status in _STATUSES:
        return _report(event, data, key, phone)
    if kind == MESSAGE_EVENT and status == "clicked":
        return LinkOpened(
            key=key,
            external_id=wire.identifier(event.get("transaction_id")),
            ref=wire.identifier(event.get("correlation_id"), longest=64),
            phone=phone,
            link=wire.text(data.get("shortlink") or data.get("url"))[:500],
            occurred_at=wire.iso_moment(event.get("time")),
        )
    if kind == MESSAGE_EVENT and status == "inbound" and phone:
        return InboundMessage(
            key=key,
            phone=phone,
            body=wire.text(data.get("message")),
            channel=Channel.SMS,
            stream_keys=_stream_keys(data),
            occurred_at=wire.iso_moment(event.get("time")),
        )
    if kind == OPT_OUT_EVENT and phone:
        return ConsentEvent(
            key=key,
            phone=phone,
            event="opt_out",
            stream_keys=_stream_keys(data),
            text=wire.text(data.get("message")),
            everywhere=data.get("account_level_opt_out") in (True, "true"),
            occurred_at=wire.iso_moment(data.get("opt_out_time")) or wire.iso_moment(event.get("time")),
        )
    return Unrecognised(key, status or kind)


def _report(event: Mapping[str, Any], data: Mapping[str, Any], key: str, phone: str) -> DeliveryReport:
    status, code = _STATUSES[wire.text(data.get("status"))], wire.text(data.get("code"))
    failed = status is DeliveryStatus.FAILED
    return DeliveryReport(
        status=status,
        key=key,
        external_id=wire.identifier(event.get("transaction_id")),
        ref=wire.identifier(event.get("correlation_id"), longest=64),
        phone=phone,
        occurred_at=wire.iso_moment(event.get("time")),
        code="not_delivered" if failed else "",
        text=f"Code {code}" if failed and code else "",
    )


def _stream_keys(data: Mapping[str, Any]) -> tuple[str, ...]:
    keys = (wire.identifier(data.get(name)).strip() for name in ("inbound_number", "inbound_number_id"))
    return tuple(key for key in keys if key)
