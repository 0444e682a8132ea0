"""A small JSON API for tests and for setting up the demo. The product itself never calls it.

Every POST takes and every call answers a JSON object; what is wrong is told as 400 {"error": sentence}.

| call | body or query | answer |
|---|---|---|
| POST /control/reset/ | {"accounts"?: fields} | all but the standing accounts is gone, no fault is on |
| POST /control/seed/ | {"webhook_urls": {slug: url}} | the standing accounts are as at the first start |
| GET /control/accounts/ | | {"accounts": [...]} with their streams |
| POST /control/accounts/ | {"provider", "name"?, any field of SandboxAccount} | made, or changed if it exists |
| POST /control/streams/ | {"account", "name", "channel"?, any field of SandboxStream} | the same |
| POST /control/templates/ | {"account", "name", "language", "status"?, "components"?} | the same, for WhatsApp |
| POST /control/faults/ | {"phone" or "account", "fault", "settings"?, "times"?} | on, `times` times or until changed |
| GET /control/phones/ | | {"phones": [...]} |
| POST /control/phones/ | {"number", "name"?, "on_sms"?, "on_whatsapp"?, "is_blocked"?} | made or changed |
| GET /control/messages/ | ?phone= &provider= &direction= &status= | {"messages": [...]}, oldest first |
| GET /control/ledger/ | ?kind= &provider= &phone= &after= &limit= | {"entries": [...]}, oldest first |
| POST /control/reply/ | {"phone", "text", "stream"? or "message"?, "photo"? (base64)} | the customer answers |
| | with "written_at" (ISO, with its zone) | the customer wrote then, and nobody is told |
| POST /control/objects/ | {"stream", "objects", "children"} | so many conversations lie at Cirrus, nothing is told |
| POST /control/click/ | {"message"} | the customer opens the link in it |
| POST /control/schedule/advance/ | | what waits at a provider for its time is sent now |
| POST /control/skip-24-hours/ | {"phone"} | its WhatsApp windows close |
| GET /control/idle/ | ?timeout=5 | waits until no report or webhook is left; {"pending": n} |

An account is named by its id or its name, a stream and a message by their ids, a phone by its E.164 number.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from django.forms.models import model_to_dict
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from . import faults, filling, network
from .database import writing
from .models import (
    CirrusMedia,
    CirrusObject,
    CirrusTag,
    EndUser,
    LedgerEntry,
    PhoneMessage,
    Provider,
    SandboxAccount,
    SandboxStream,
    SmsRequest,
    SuppressedNumber,
    TimerEvent,
    VirtualPhone,
    WhatsAppTemplate,
)
from .numbers import e164, parse
from .seed import account_name, seed

Handler = Callable[[dict[str, Any]], dict[str, Any]]
MOST_ROWS = 1000
ACCOUNT_SWITCHES = (
    "fault",
    "fault_settings",
    "fault_times",
    "is_active",
    "sms_enabled",
    "outbound_enabled",
    "sends_receipts",
    "status_as_text",
    "webhooks_as_xml",
    "tells_changes",
    "requests_per_second",
    "delivered_after",
    "read_after",
)


class Misused(ValueError):
    """The call cannot be carried out; the text says why."""


def _view(**methods: Handler) -> Callable[[HttpRequest], JsonResponse]:
    def view(request: HttpRequest) -> JsonResponse:
        handler = methods.get(request.method or "")
        if handler is None:
            return JsonResponse({"error": f"Use {' or '.join(methods)}."}, status=405)
        try:
            values = request.GET.dict() if request.method == "GET" else _json(request)
            return JsonResponse(handler(values))
        except ValidationError as error:
            return JsonResponse({"error": " ".join(error.messages)}, status=400)
        except ValueError as error:
            return JsonResponse({"error": str(error)}, status=400)

    return view


def _json(request: HttpRequest) -> dict[str, Any]:
    if not request.body:
        return {}
    if request.content_type != "application/json":
        raise Misused("Send application/json.")
    try:
        values = json.loads(request.body)
    except ValueError:
        raise Misused("The body is not JSON.") from None
    if not isinstance(values, dict):
        raise Misused("Send a JSON object.")
    return values


def _row(row: Model) -> dict[str, Any]:
    """A row as JSON: its fields, keys of other rows as their ids."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _account(value: Any) -> SandboxAccount:
    found = SandboxAccount.objects.filter(Q(pk=value) if isinstance(value, int) else Q(name=value)).first()
    if found is None:
        raise Misused(f"There is no account {value}.")
    return found


def _phone(values: dict[str, Any], key: str = "phone") -> VirtualPhone:
    """The phone with this number; made if it is new."""
    number = parse(str(values.get(key, "")))
    if number is None:
        raise Misused(f"Give {key} as a number with its country code, as +447700900142.")
    return VirtualPhone.objects.get_or_create(number=e164(number))[0]


def _change(row: Model, values: dict[str, Any]) -> None:
    """Set fields by name and save. Raises Misused for a name that the row does not have."""
    names = {field.name for field in row._meta.concrete_fields} - {"id", "account"}
    unknown = set(values) - names
    if unknown:
        raise Misused(f"There is no field {', '.join(sorted(unknown))}.")
    for name, value in values.items():
        setattr(row, name, value)
    row.full_clean(validate_unique=False, validate_constraints=False)
    row.save()


def reset(values: dict[str, Any]) -> dict[str, Any]:
    """Forget all messages, conversations, requests, faults and added accounts; keep the standing ones.

    `accounts` holds fields that all of them get in place of their defaults.
    """
    with writing():
        of_cirrus = (CirrusObject, CirrusMedia, CirrusTag)
        for model in (TimerEvent, PhoneMessage, *of_cirrus, EndUser, SmsRequest, SuppressedNumber):
            model.objects.all().delete()
        LedgerEntry.objects.all().delete()
        VirtualPhone.objects.all().delete()
        SandboxAccount.objects.exclude(name__in=[account_name(slug) for slug in Provider.values]).delete()
        defaults = {name: getattr(SandboxAccount(), name) for name in ACCOUNT_SWITCHES}
        SandboxAccount.objects.update(**defaults | values.get("accounts", {}))
        seed()
    return {}


def seed_again(values: dict[str, Any]) -> dict[str, Any]:
    """Make the standing accounts as at the first start."""
    urls = values.get("webhook_urls", {})
    for url in urls.values():
        _check_address(url)
    seed(urls)
    return list_accounts({})


def list_accounts(values: dict[str, Any]) -> dict[str, Any]:
    """All accounts with their streams."""
    found = SandboxAccount.objects.prefetch_related("streams")
    return {"accounts": [_row(row) | {"streams": [_row(stream) for stream in row.streams.all()]} for row in found]}


def change_account(values: dict[str, Any]) -> dict[str, Any]:
    """Make or change an account; without a name it is the provider's standing one."""
    values = dict(values)
    provider = str(values.pop("provider", ""))
    name = str(values.pop("name", "") or account_name(provider))
    _check_address(values.get("webhook_url", ""))
    with writing():
        row = SandboxAccount.objects.filter(provider=provider, name=name).first()
        row = row or SandboxAccount(provider=provider, name=name)
        _change(row, values)
    return _row(row)


def _check_address(url: str) -> None:
    if url and not network.is_loopback(url):
        raise Misused(f"The sandbox posts to this machine only, not to {url}.")


def change_stream(values: dict[str, Any]) -> dict[str, Any]:
    """Make or change a stream."""
    values = dict(values)
    account, name = _account(values.pop("account", "")), str(values.pop("name", ""))
    channel = values.pop("channel", "sms")
    with writing():
        row = account.streams.filter(name=name, channel=channel).first()
        row = row or SandboxStream(account=account, name=name, channel=channel)
        _change(row, values)
    return _row(row)


def change_template(values: dict[str, Any]) -> dict[str, Any]:
    """Make or change a WhatsApp template."""
    values = dict(values)
    account = _account(values.pop("account", ""))
    key = {"name": str(values.pop("name", "")), "language": str(values.pop("language", ""))}
    with writing():
        row = account.whatsapp_templates.filter(**key).first() or WhatsAppTemplate(account=account, **key)
        _change(row, values)
    return _row(row)


def set_fault(values: dict[str, Any]) -> dict[str, Any]:
    """Switch a fault on."""
    with writing():
        holder = _account(values["account"]) if "account" in values else _phone(values)
        faults.set_fault(
            holder, str(values.get("fault", "")), settings=values.get("settings"), times=values.get("times")
        )
    return model_to_dict(holder, fields=["fault", "fault_settings", "fault_times"])


def list_phones(values: dict[str, Any]) -> dict[str, Any]:
    """All phones."""
    return {"phones": [_row(row) | {"unseen": row.unseen_count} for row in VirtualPhone.objects.all()]}


def change_phone(values: dict[str, Any]) -> dict[str, Any]:
    """Make or change a phone."""
    with writing():
        row = _phone(values, "number")
        _change(row, {name: value for name, value in values.items() if name != "number"})
    return _row(row)


def list_messages(values: dict[str, Any]) -> dict[str, Any]:
    """Messages, oldest first."""
    names = {"phone": "phone__number", "provider": "provider", "direction": "direction", "status": "status"}
    found = PhoneMessage.objects.select_related("phone").order_by("id")
    found = found.filter(**{names[name]: value for name, value in values.items() if name in names})
    return {"messages": [_row(row) | {"phone": row.phone.number} for row in found[:MOST_ROWS]]}


def list_ledger(values: dict[str, Any]) -> dict[str, Any]:
    """Exchanges, oldest first; `after` is the id of the last one seen."""
    found = LedgerEntry.objects.filter(**{key: values[key] for key in ("kind", "provider") if key in values})
    if "phone" in values:
        found = found.filter(phones__contains=f" {values['phone']} ")
    found = found.filter(pk__gt=int(values.get("after", 0))).order_by("id")
    return {"entries": [_row(row) for row in found[: min(int(values.get("limit", MOST_ROWS)), MOST_ROWS)]]}


def reply(values: dict[str, Any]) -> dict[str, Any]:
    """The customer answers."""
    media = None
    if values.get("photo"):
        try:
            data = base64.b64decode(values["photo"], validate=True)
        except (binascii.Error, TypeError):
            raise Misused("Send photo as base64.") from None
        media = {"filename": "photo.jpg", "content_type": "image/jpeg", "data": data}
    stream = SandboxStream.objects.filter(pk=values["stream"]).first() if "stream" in values else None
    message = PhoneMessage.objects.filter(pk=values["message"]).first() if "message" in values else None
    return _row(
        network.reply_as_customer(
            _phone(values),
            str(values.get("text", "")),
            stream=stream,
            message=message,
            media=media,
            written_at=_past(values["written_at"]) if "written_at" in values else None,
        )
    )


def _past(text: Any) -> datetime:
    at = parse_datetime(str(text))
    if at is None or timezone.is_naive(at) or at > timezone.now():
        raise Misused("Give written_at as a time that has been, with its zone: 2026-11-19T08:30:00+00:00.")
    return at


def click(values: dict[str, Any]) -> dict[str, Any]:
    """The customer opens a link."""
    message = PhoneMessage.objects.filter(pk=values.get("message", 0)).first()
    if message is None:
        raise Misused("Give message as the id of one that is on a phone.")
    network.open_link(message)
    return {}


def fill_cirrus(values: dict[str, Any]) -> dict[str, Any]:
    """Conversations as if they had been held before."""
    stream = SandboxStream.objects.filter(pk=values.get("stream", 0)).first()
    if stream is None or stream.stream_id is None:
        raise Misused("Give stream as the id of one of Cirrus.")
    with writing():
        return {"objects": filling.fill(stream, int(values.get("objects", 1)), int(values.get("children", 0)))}


def advance_schedule(values: dict[str, Any]) -> dict[str, Any]:
    """Send now what waits for its time."""
    return {"sent": network.advance_schedule()}


def skip_24_hours(values: dict[str, Any]) -> dict[str, Any]:
    """Close the WhatsApp windows of a phone."""
    network.skip_24_hours(_phone(values))
    return {}


def wait_until_idle(values: dict[str, Any]) -> dict[str, Any]:
    """Wait until nothing more is to come."""
    deadline = time.monotonic() + float(values.get("timeout", 5))
    while (pending := network.pending_count()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return {"pending": pending}


urlpatterns = [
    path("reset/", _view(POST=reset)),
    path("seed/", _view(POST=seed_again)),
    path("accounts/", _view(GET=list_accounts, POST=change_account)),
    path("streams/", _view(POST=change_stream)),
    path("templates/", _view(POST=change_template)),
    path("faults/", _view(POST=set_fault)),
    path("phones/", _view(GET=list_phones, POST=change_phone)),
    path("messages/", _view(GET=list_messages)),
    path("ledger/", _view(GET=list_ledger)),
    path("reply/", _view(POST=reply)),
    path("objects/", _view(POST=fill_cirrus)),
    path("click/", _view(POST=click)),
    path("schedule/advance/", _view(POST=advance_schedule)),
    path("skip-24-hours/", _view(POST=skip_24_hours)),
    path("idle/", _view(GET=wait_until_idle)),
]
