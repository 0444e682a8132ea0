"""Webex Interact: bulk SMS in every form, scheduled requests, look-ups, and its refusals word for word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.management.demo.stage import Row, RowFailed, Seen, Stage, row, wait_for
from conversations.models import ConsentState, Message, Receipt
from conversations.models.consent import ConsentDecision
from conversations.services.demo_data.company import BULK
from messaging.errors import ConfigurationError, Refused
from messaging.providers.webex_interact import WebexInteract
from messaging.providers.webex_interact.lookups import ListScheduled
from messaging.providers.webex_interact.sms import BulkSms, Group
from messaging.types import DeliveryStatus

ROWS: list[Row] = []
webex = partial(row, ROWS, "webex_interact")

LEE, MIA, NED, OLA, PAT, QUIN, RAY = (f"+4477009008{number:02}" for number in range(7))
STORED_TEXT = "stp_2alB8n4k3BuCjOumRddxXiaA97M"
NO_SUCH_NUMBER = "+4477416325434477416325434"
BAD_NUMBER = "Invalid phone number or unsupported region."
TEN_THOUSAND = [f"+4477{number:08}" for number in range(10_001)]


def _there(stage: Stage) -> WebexInteract:
    provider = stage.provider(stage.stream(BULK).account)
    assert isinstance(provider, WebexInteract)
    return provider


def _bulk(to: Sequence[Group] | str, **fields: Any) -> BulkSms:
    groups = (Group((to,)),) if isinstance(to, str) else tuple(to)
    if "template_id" not in fields:
        fields.setdefault("body", "Hello")
    return BulkSms(BULK, groups, **fields)


@webex("SMS: a text", expects="delivered")
def text(stage: Stage) -> Seen:
    message = stage.write(BULK, LEE, "Fernhill engineers are working in Ewell on 26 November.")
    stage.kept["bulk"] = str(message.pk)
    return stage.seen(message)


@webex("SMS: the customer answers", expects="in the same conversation")
def answered(stage: Stage) -> Seen:
    return stage.reply(Message.objects.get(pk=stage.kept["bulk"]), "How long will it take?")


@webex("SMS: a text that is valid for a day", expects="delivered")
def with_validity(stage: Stage) -> Seen:
    until = timezone.now() + timedelta(days=1)
    return stage.seen(stage.write(BULK, MIA, "Your code is 4417 until tomorrow.", valid_until=until))


@webex("SMS: a text scheduled on our clock, by the dispatcher", expects="scheduled, then delivered")
def scheduled_here(stage: Stage) -> Seen:
    at = timezone.now() + timedelta(seconds=0.5)
    message = stage.write(BULK, NED, "Shall I call you?", scheduled_for=at)
    before, seen = message.status, stage.seen(message)
    return Seen(seen.call, f"{before}, then {seen.got}")


@webex(
    "SMS: groups with references and merge fields",
    expects="3 queued; Hello Ola of Ewell, Hello Pat of Ewell; 2 reports name ref-1",
)
def merge_fields(stage: Stage) -> Seen:
    provider = _there(stage)
    to = (Group((OLA, QUIN), "ref-1", {"name": "Ola"}), Group((PAT,), "ref-2", {"name": "Pat"}))
    answer = provider.send_sms(
        _bulk(to, body="Hello ${name} of ${town}", global_merge_fields={"town": "Ewell", "name": "friend"})
    )
    texts = ", ".join(_arrived(stage, phone) for phone in (OLA, PAT))
    reports = Receipt.objects.filter(ref="ref-1", status=DeliveryStatus.DELIVERED.value)
    wait_for(lambda: reports.count() == 2)
    return stage.asked(provider, f"{len(answer.messages)} queued; {texts}; {reports.count()} reports name ref-1")


@webex("SMS: a text stored there, with merge fields", expects="1 queued; Hello Ola, your 12000-mile service is due")
def stored_text(stage: Stage) -> Seen:
    provider = _there(stage)
    values = {"firstname": "Ola", "count": "12000-mile", "date": "1 December", "phone": "01632 960001"}
    answer = provider.send_sms(_bulk((Group((OLA,), "", values),), template_id=STORED_TEXT))
    arrived = " ".join(_arrived(stage, OLA, after=1).split()[:7])
    return stage.asked(provider, f"{len(answer.messages)} queued; {arrived}")


def _arrived(stage: Stage, phone: str, *, after: int = 0) -> str:
    found = wait_for(lambda: [one["text"] for one in stage.letters(phone) if one["status"] == "delivered"][after:])
    return str(found[0]) if found else "nothing arrived"


@webex("SMS: one number refused beside one taken (1002)", expects=f"1 queued, 1 refused: {BAD_NUMBER}")
def partly_refused(stage: Stage) -> Seen:
    provider = _there(stage)
    answer = provider.send_sms(_bulk((Group((QUIN, NO_SUCH_NUMBER)),)))
    refused = "; ".join(item.message for item in answer.errors)
    return stage.asked(provider, f"{len(answer.messages)} queued, {len(answer.errors)} refused: {refused}")


@webex("SMS: the network knows no such number (1002)", expects=f"failed: {BAD_NUMBER}")
def number_refused(stage: Stage) -> Seen:
    stage.sandbox.post("faults", {"phone": RAY, "fault": "not_valid"})
    return stage.seen(stage.write(BULK, RAY, "Are you there?"))


@webex("SMS: sent later by Webex's own clock", expects="1 queued, scheduled, then delivered")
def sent_later(stage: Stage) -> Seen:
    provider = _there(stage)
    answer = provider.send_sms(_bulk(QUIN, body="It is time.", send_at=timezone.now() + timedelta(hours=1)))
    seen = stage.asked(provider, f"{len(answer.messages)} queued")
    before = stage.letters(QUIN)[-1]["status"]
    stage.sandbox.post("schedule/advance")
    wait_for(lambda: stage.letters(QUIN)[-1]["status"] == "delivered")
    return Seen(seen.call, f"{seen.got}, {before}, then {stage.letters(QUIN)[-1]['status']}")


@webex("SMS: 10,000 numbers in one request, to be sent in 7 days", expects="10000 queued")
def ten_thousand(stage: Stage) -> Seen:
    provider = _there(stage)
    at = timezone.now() + timedelta(days=7, minutes=-1)
    answer = provider.send_sms(_bulk((Group(tuple(TEN_THOUSAND[:10_000])),), send_at=at))
    stage.kept["request"] = answer.request_id
    return stage.asked(provider, f"{len(answer.messages)} queued")


@webex("Scheduled requests: look it up", expects="1 found: SCHEDULED")
def list_scheduled(stage: Stage) -> Seen:
    return _looked_up(stage)


@webex("Scheduled requests: cancel it", expects="cancelled")
def cancel(stage: Stage) -> Seen:
    provider = _there(stage)
    provider.cancel_scheduled(stage.kept["request"])
    return stage.asked(provider, "cancelled")


@webex("Scheduled requests: look it up again", expects="1 found: DELETED")
def list_cancelled(stage: Stage) -> Seen:
    return _looked_up(stage)


def _looked_up(stage: Stage) -> Seen:
    provider = _there(stage)
    found = provider.list_scheduled(ListScheduled(id=stage.kept["request"])).items
    return stage.asked(provider, f"{len(found)} found: {', '.join(one.status for one in found)}")


@webex("The account", expects="accepted, active")
def account(stage: Stage) -> Seen:
    provider = _there(stage)
    return stage.asked(provider, f"accepted, {provider.get_account().status.lower()}")


@webex("The senders", expects=BULK)
def senders(stage: Stage) -> Seen:
    provider = _there(stage)
    names = ", ".join(sender.name for sender in provider.senders())
    return stage.asked(provider, names)


@webex("The customer texts STOP", expects="opted out; the next text is refused: opted_out")
def stop(stage: Stage) -> Seen:
    seen = stage.reply(Message.objects.get(pk=stage.kept["bulk"]), "STOP")
    state = wait_for(lambda: ConsentState.objects.filter(phone=LEE, service=ConsentDecision.OPTED_OUT).exists())
    try:
        stage.write(BULK, LEE, "One more offer.")
    except ValidationError as refusal:
        return Seen(seen.call, f"{'opted out' if state else 'no opt-out'}; the next text is refused: {refusal.code}")
    return Seen(seen.call, "the next text is queued")


def _refusal(stage: Stage, sms: BulkSms) -> Seen:
    provider = _there(stage)
    try:
        provider.send_sms(sms)
    except Refused as refusal:
        return stage.asked(provider, f"{refusal.code}: {refusal.text}")
    raise RowFailed("accepted")


def _refused_here(stage: Stage, sms: BulkSms, words: str) -> Seen:
    """Refused before the call, in a sentence that holds the provider's own words."""
    try:
        _there(stage).send_sms(sms)
    except ConfigurationError as refusal:
        return Seen("-", f"refused here: {words if words in str(refusal) else refusal}")
    raise RowFailed("accepted")


def _in(**distance: int) -> datetime:
    return timezone.now() + timedelta(**distance)


@webex("Refused: more than 10,000 numbers", expects="refused here: at most 10,000 numbers in one request")
def too_many(stage: Stage) -> Seen:
    sms = _bulk((Group(tuple(TEN_THOUSAND)),))
    return _refused_here(stage, sms, "at most 10,000 numbers in one request")


@webex(
    "Refused: neither text nor stored text", expects="refused here: neither message_body nor template_id was provided"
)
def no_text(stage: Stage) -> Seen:
    return _refused_here(stage, _bulk(QUIN, body=""), "neither message_body nor template_id was provided")


@webex("Refused: text and stored text", expects="refused here: both were provided, only one is allowed")
def two_texts(stage: Stage) -> Seen:
    sms = _bulk(QUIN, body="Hello", template_id=STORED_TEXT)
    return _refused_here(stage, sms, "both were provided, only one is allowed")


@webex("Refused: a group without numbers", expects="refused here: no phone numbers provided")
def no_numbers(stage: Stage) -> Seen:
    return _refused_here(stage, _bulk((Group(()),)), "no phone numbers provided")


@webex(
    "Refused: valid until before it is sent",
    expects="refused here: date must be in the future when compared to send_at",
)
def valid_before_sent(stage: Stage) -> Seen:
    sms = _bulk(QUIN, send_at=_in(days=2), valid_until=_in(days=1))
    return _refused_here(stage, sms, "date must be in the future when compared to send_at")


@webex(
    "Refused: a sender that is not registered (10006)",
    expects="sender_refused: sender is not registered for this account",
)
def wrong_sender(stage: Stage) -> Seen:
    return _refusal(stage, BulkSms("NOT OURS", (Group((QUIN,)),), body="Hello"))


@webex("Refused: a time to send that has passed (10006)", expects="schedule_in_past: date must be in the future")
def past(stage: Stage) -> Seen:
    return _refusal(stage, _bulk(QUIN, send_at=_in(days=-1)))


@webex(
    "Refused: a time to send too far ahead (10006)",
    expects="schedule_too_far: date cannot be more than 7 days in the future",
)
def too_far(stage: Stage) -> Seen:
    return _refusal(stage, _bulk(QUIN, send_at=_in(days=8)))


@webex(
    "Refused: valid for too long (10006)",
    expects="validity_too_long: date cannot be more than 3 days in the future",
)
def valid_too_long(stage: Stage) -> Seen:
    return _refusal(stage, _bulk(QUIN, valid_until=_in(days=4)))


@webex(
    "Refused: a merge field without a value (10006)",
    expects="merge_fields_refused: no value for merge field name",
)
def merge_field_missing(stage: Stage) -> Seen:
    return _refusal(stage, _bulk(QUIN, body="Hello ${name}"))


@webex("Refused: a stored text that there is not (10006)", expects="template_refused: template not found")
def wrong_stored_text(stage: Stage) -> Seen:
    return _refusal(stage, _bulk(QUIN, template_id="stp_000000000000000000000000000"))
