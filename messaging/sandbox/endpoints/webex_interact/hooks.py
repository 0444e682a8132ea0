"""Webex Interact: customers' replies and opt-outs, and the CloudEvents that tell of them.

Documented: the kinds of event with their keys (all values text), code "1003" for submitted, no reason for a failure,
clicked for an opened link, STOP and UNSUBSCRIBE as opt-out words, and that an opt-out counts for the number that was
written to. Assumed: that the message itself is told of too (status inbound) before the opt-out, and, for accounts with
a secret, the signature header of the sibling Webex Connect.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from messaging.sandbox.ids import ksuid
from messaging.sandbox.models import (
    PhoneMessage,
    SandboxStream,
    SmsRequest,
    SuppressedNumber,
    TimerEvent,
    TimerKind,
)
from messaging.sandbox.network import CLICKED, LINK
from messaging.sandbox.plays import Hook

from .face import stamp
from .parts import count_parts

OPT_OUT_WORDS = ("STOP", "UNSUBSCRIBE")
OPT_IN_WORDS = ("START", "UNSTOP")
SUBMITTED = "1003"
_STATUSES = {"sent": "submitted"}


def receive(message: PhoneMessage, media: Mapping[str, Any] | None) -> list[str]:
    """Keep a reply; an opt-out word also puts the number on the list, an opt-in word takes it off."""
    message.ref = ksuid("cid_")
    message.save()
    word = message.text.strip().upper()
    mine = {"account": message.account, "stream": message.stream, "number": message.phone.number}
    if word in OPT_IN_WORDS:
        SuppressedNumber.objects.filter(**mine).delete()
    if word not in OPT_OUT_WORDS:
        return ["inbound"]
    SuppressedNumber.objects.get_or_create(**mine, defaults={"keyword": word})
    return ["inbound", "opt_out"]


def build_hook(event: TimerEvent) -> Hook:
    """One CloudEvent."""
    message = event.letter
    body: dict[str, Any] = {
        "specversion": "1.0",
        "type": "com.interact.messages.sms.status",
        "source": "https://api.webexinteract.com/v1/sms",
        "id": event.event_id,
        "time": stamp(event.occurred_at),
        "datacontenttype": "application/json",
    }
    if event.kind == TimerKind.REPORT:
        body |= {
            "data": _report(event),
            "correlation_id": message.ref,
            "transaction_id": message.external_id,
        }
        summary = f"{body['data']['status']} report, {message.external_id[:11]}"
    elif event.word == CLICKED:
        body |= {"data": _clicked(event), "correlation_id": message.ref, "transaction_id": message.external_id}
        summary = "opened link"
    elif event.word == "opt_out":
        body["type"] = "com.interact.messages.sms.opt.out"
        body["data"] = _opt_out(event)
        summary = "opt-out"
    else:
        body |= {"data": _inbound(event), "correlation_id": message.ref}
        summary = "customer's message"
    raw = json.dumps(body, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/cloudevents+json", **_signature(raw, event.account.webhook_secrets)}
    return Hook(raw, headers, summary)


def _signature(raw: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    """The sibling product's optional header; none for an account without a secret."""
    if not secrets.get("primary"):
        return {}
    digest = hmac.new(secrets["primary"].encode(), raw, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature": f"sha256={digest}"}


def _report(event: TimerEvent) -> dict[str, str]:
    message = event.letter
    status = _STATUSES.get(event.word, event.word)
    data = {"status": status, "channel": "sms"}
    if status == "submitted":
        data["code"] = SUBMITTED
    data |= {
        "phone_number": message.phone.number,
        "from": message.stream.sender or message.stream.number,
        "message_body": message.text,
        "message_parts": str(count_parts(message.text)),
    }
    request = SmsRequest.objects.filter(request_id=message.request_id).first()
    if request is not None and request.scheduled_at is not None:
        data["scheduled_at"] = stamp(request.scheduled_at)
    return data


def _clicked(event: TimerEvent) -> dict[str, str]:
    """A report with status clicked. That `shortlink` holds the link is assumed."""
    link = LINK.search(event.letter.text)
    return _report(event) | {"shortlink": link[0] if link else ""}


def _inbound(event: TimerEvent) -> dict[str, Any]:
    message = event.letter
    return {
        "status": "inbound",
        "channel": "sms",
        "message": message.text,
        "phone_number": message.phone.number,
        "inbound_number": message.stream.number,
        "inbound_number_id": _number_id(message.stream),
        "rules": [],
    }


def _opt_out(event: TimerEvent) -> dict[str, Any]:
    message = event.letter
    return {
        "status": "opt_out",
        "channel": "sms",
        "message": message.text,
        "type": "keyword",
        "phone_number": message.phone.number,
        "inbound_number": message.stream.number,
        "inbound_number_id": _number_id(message.stream),
        "account_level_opt_out": False,
        "opt_out_time": stamp(event.occurred_at),
    }


def _number_id(stream: SandboxStream) -> str:
    return stream.number_id or f"num_{stream.pk:027d}"
