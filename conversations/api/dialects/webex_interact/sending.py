"""POST /v1/sms. One number becomes a message, more become a campaign.

A text to one person is what a program answers something with: it belongs in that person's conversation, leaves by the
agents' queue and needs no more than the right to send. A text to several is what the right to send in bulk, the check
of every row, the pace, the pause and the stop button of campaigns are for.

The one documented code of a recipient who is refused is 1002, so every refused recipient has it. The message is the
documented one for a number that is none, and our sentence where one of our rules says no.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import JsonResponse
from django.utils import timezone

from conversations.api.dialects.calls import Call, door
from conversations.api.dialects.sending import send_text
from conversations.models import Campaign, CampaignRecipient
from conversations.models.api_key import ApiScope
from conversations.models.campaign import RowVerdict
from conversations.models.message import Kind
from conversations.permissions import may_send_in_bulk
from conversations.services.campaigns import audience, control, preflight
from conversations.services.campaigns.audience import ListRow
from conversations.services.campaigns.columns import Columns
from conversations.services.conversations import contact_for_number
from conversations.services.gate import GateRefusal
from messaging import merge

from .face import FACE, field_error, ksuid
from .reading import KEPT_FIELDS, NUMBER, Order, Recipient, read_order

QUEUED, REFUSED = 1001, 1002
BAD_NUMBER = "Invalid phone number or unsupported region."
_OF_THE_STREAM = ("stream_off", "not_allowed")
_FIELDS_OF_CODES = {
    **dict.fromkeys(("stream_off", "not_allowed", "template_missing"), "from"),
    **dict.fromkeys(("scheduled_in_the_past", "scheduled_too_far"), "send_at"),
    **dict.fromkeys(("valid_until_too_early", "valid_until_too_late"), "valid_until"),
}


def send_sms(call: Call) -> JsonResponse:
    """Send a text to one person or to many; answers with an id for each of them, or with why they get none."""
    call.needs(ApiScope.SEND)
    order = read_order(call)
    if len(order.recipients) == 1:
        request_id, messages, errors = _send_one(call, order, order.recipients[0])
    else:
        request_id, messages, errors = _send_many(call, order)
    return JsonResponse({"request_id": request_id, "messages": messages, "errors": errors})


_Answers = tuple[str, list[dict[str, Any]], list[dict[str, Any]]]


def _send_one(call: Call, order: Order, recipient: Recipient) -> _Answers:
    request_id = ksuid("aps_", uuid.uuid4(), timezone.now())
    try:
        with transaction.atomic():  # a refused message leaves no contact and no conversation behind
            try:
                contact = contact_for_number(recipient.phone, stream=order.stream)
            except ValidationError as error:
                sentence = error.messages[0] if error.code == "own_number" else BAD_NUMBER
                return request_id, [], [_refused(recipient.phone, sentence)]
            body = merge.render(order.body, recipient.fields, fallbacks=dict.fromkeys(order.blanks, ""))
            message = send_text(
                contact=contact,
                stream=order.stream,
                user=call.user,
                body=body,
                scheduled_for=order.send_at,
                valid_until=order.valid_until,
            )
    except merge.MergeError as error:
        if error.code == "malformed_field":
            raise field_error("message_body", error.sentence) from error
        return request_id, [], [_refused(recipient.phone, error.sentence)]
    except GateRefusal as refusal:
        if refusal.code not in _OF_THE_STREAM:
            return request_id, [], [_refused(recipient.phone, refusal.messages[0])]
        raise _of_a_field(refusal) from refusal
    except ValidationError as error:
        raise _of_a_field(error) from error
    return request_id, [_queued(recipient.phone, ksuid("tid_", message.ref, message.created_at))], []


def _send_many(call: Call, order: Order) -> _Answers:
    call.needs(ApiScope.BULK)
    if not may_send_in_bulk(call.user, order.stream):
        FACE.refuse(403, "Ask a supervisor: you may not send campaigns on this stream.", "not_allowed")
    now = timezone.now()
    request_id = ksuid("aps_", uuid.uuid4(), now)
    transaction_ids = [ksuid("tid_", uuid.uuid4(), now) for _ in order.recipients]
    names = [NUMBER, *order.field_names, *KEPT_FIELDS]
    rows = (_row(place, *one) for place, one in enumerate(zip(order.recipients, transaction_ids, strict=True), start=1))
    with transaction.atomic():
        campaign = Campaign.objects.create(
            name=(order.name or f"{call.key.name}, {request_id}")[:120],
            stream=order.stream,
            kind=Kind.TEXT,
            body=order.body,
            fallbacks=dict.fromkeys(order.blanks, ""),
            scheduled_for=order.send_at,
            valid_until=order.valid_until,
            created_by=call.user,
        )
        audience.store(campaign, rows, Columns([(name, name) for name in names], NUMBER), name=request_id)
        problems = [problem for problem in preflight.check(campaign) if problem.code != "nobody_left"]
        if problems:
            raise _of_a_field(problems[0])
        verdicts = list(
            CampaignRecipient.objects.filter(campaign=campaign).order_by("row").values_list("verdict", "reason")
        )
        if campaign.sendable_count:
            control.confirm(campaign, actor=call.user, people=campaign.sendable_count)
        else:
            transaction.set_rollback(True)  # nobody can be written to: it never was a campaign
    messages, errors = [], []
    for recipient, transaction_id, (verdict, reason) in zip(order.recipients, transaction_ids, verdicts, strict=True):
        if verdict == RowVerdict.SEND:
            messages.append(_queued(recipient.phone, transaction_id))
        else:
            is_no_number = verdict in (RowVerdict.INVALID, RowVerdict.UNREACHABLE)
            errors.append(_refused(recipient.phone, BAD_NUMBER if is_no_number else reason))
    return request_id, messages, errors


def _row(place: int, recipient: Recipient, transaction_id: str) -> ListRow:
    fields = {name: text for name, text in recipient.fields.items() if text.strip()}
    kept = dict(zip(KEPT_FIELDS, (recipient.correlation_id, transaction_id), strict=True))
    return ListRow(
        place, recipient.phone[: audience.LONGEST_GIVEN], fields | {name: text for name, text in kept.items() if text}
    )


def _queued(phone: str, transaction_id: str) -> dict[str, Any]:
    return {"transaction_id": transaction_id, "to": phone, "status": "queued", "code": QUEUED}


def _refused(phone: str, sentence: str) -> dict[str, Any]:
    return {"to": phone, "status": "error", "code": REFUSED, "message": sentence}


def _of_a_field(error: ValidationError) -> Exception:
    """What is wrong with the whole request, said of the field that it lies in."""
    return field_error(_FIELDS_OF_CODES.get(error.code or "", "message_body"), " ".join(error.messages))


send_sms_door = door(FACE, POST=send_sms)
