"""Delivery reports: every one is kept, each raises its message at most, none lowers it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from conversations.models import Message, ProviderAccount, Receipt, WebhookEvent
from conversations.models.composed import Given, Question
from conversations.models.message import LEGAL_MOVES, Direction
from conversations.models.message import MessageStatus as Status
from conversations.services import consequences, lifecycle
from conversations.services.opt_in_refusals import note_refusal
from messaging.types import DeliveryReport

PARKING = 7_302  # the first half of the advisory lock; the account is the second
LONGEST_WAY = timedelta(days=3)  # what no provider keeps on trying longer; a report without an id is about no older one
_FAILURES = (Status.FAILED, Status.UNDELIVERED, Status.EXPIRED)


@transaction.atomic
def record(account: ProviderAccount, report: DeliveryReport, *, event: WebhookEvent | None = None) -> Receipt:
    """Keep a report, once per key, and raise the message it is about; without one it is parked.

    A report finds its message by our own reference, else by the provider's id, else, where a report carries
    neither, by the oldest message of LONGEST_WAY still on its way in that conversation or to that number. An
    unconfirmed message is settled by our reference or the provider's id only. While the answer to the request is
    awaited a report is parked too: what the answer brings, or its absence, comes first.
    """
    receipt, created = Receipt.objects.get_or_create(
        account=account,
        key=report.key[:200],
        defaults={
            "webhook_event": event,
            "status": report.status.value,
            "external_id": report.external_id,
            "ref": report.ref,
            "phone": report.phone,
            "code": report.code[:60],
            "text": report.text,
            "occurred_at": report.occurred_at,
        },
    )
    if not created:
        return receipt
    message = _message_of(receipt, report.conversation_id)
    if message is None:
        _parking_lock(account.pk)
        message = _message_of(receipt, report.conversation_id)
    if message is not None:
        _apply(receipt, message)
    return receipt


@transaction.atomic(savepoint=False)
def apply_parked(message: Message, *, external_id: str = "", by_number: bool = False) -> None:
    """Apply the reports that came before the provider's answer was stored; in the transaction that stores it.

    `by_number` counts those that name nothing but the customer's number.
    """
    _parking_lock(message.stream.account_id, shared=True)
    by_number = by_number and message.on_wire_at is not None
    mine = _PARKED.ask(
        account=message.stream.account_id,
        ref=str(message.ref),
        external_id=external_id,
        phone=message.conversation.contact.phone if by_number else "",
        since=message.on_wire_at if by_number else timezone.now(),
    )
    if mine:  # seldom
        for receipt in Receipt.objects.filter(pk__in=[pk for (pk,) in mine]).order_by("id"):
            _apply(receipt, message)


def _parked() -> QuerySet[Receipt, Any]:
    by_id = Q(external_id=Given("external_id")) & ~Q(external_id="")
    by_number = Q(ref="", external_id="", phone=Given("phone"), received_at__gte=Given("since")) & ~Q(phone="")
    parked = Receipt.objects.filter(account=Given("account"), message=None)
    return parked.filter(Q(ref=Given("ref")) | by_id | by_number).order_by().values_list("pk")


_PARKED = Question(_parked)


@transaction.atomic(savepoint=False)
def apply_parked_to_many(account_id: int, refs: Collection[str]) -> None:
    """Apply the reports that came before the messages of a campaign were written; in the transaction that does."""
    _parking_lock(account_id, shared=True)
    parked = Receipt.objects.filter(account=account_id, message=None)
    if not refs or not parked.exists():
        return
    written = list(Message.objects.filter(ref__in=refs).select_related("conversation__contact"))
    by_ref = {str(message.ref): message for message in written}
    by_id = {message.external_id: message for message in written if message.external_id}
    by_phone = {message.conversation.contact.phone: message for message in written if not message.external_id}
    without_id = Q(ref="", external_id="", phone__in=by_phone)
    for receipt in parked.filter(Q(ref__in=by_ref) | Q(external_id__in=by_id) | without_id).order_by("id"):
        message = by_ref.get(receipt.ref) or by_id.get(receipt.external_id)
        if message is None and not receipt.ref and not receipt.external_id:
            message = by_phone[receipt.phone]
            if message.on_wire_at is None or receipt.received_at < message.on_wire_at:
                continue  # about an earlier one
        if message is not None:
            _apply(receipt, message)


def _parking_lock(account_id: int, *, shared: bool = False) -> None:
    """Whoever parks a report and whoever looks for parked ones see each other's rows."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [PARKING, account_id % 2**31])


def _message_of(receipt: Receipt, conversation_id: str) -> Message | None:
    candidates = Message.objects.filter(stream__account=receipt.account_id, direction=Direction.OUT)
    if ref := _uuid(receipt.ref):
        return candidates.filter(ref=ref).first()
    if receipt.external_id:
        return candidates.filter(external_id=receipt.external_id).first()
    lower = [status for status in (Status.ACCEPTED, Status.SENT) if lifecycle.raises(status, receipt.status)]
    # A message whose id the provider gave is reported by that id.
    on_their_way = candidates.filter(
        status__in=lower, external_id="", sent_at__gte=receipt.received_at - LONGEST_WAY
    ).order_by("id")
    if conversation_id:
        return on_their_way.filter(conversation__external_id=conversation_id).first()
    if receipt.phone:
        return on_their_way.filter(conversation__contact__phone=receipt.phone).first()
    return None


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _apply(receipt: Receipt, message: Message) -> None:
    # Locked, so that a report and the answer to its request do not pass each other by.
    row = Message.objects.select_for_update(no_key=True).only("status").get(pk=message.pk)
    if row.status == Status.SENDING:
        return
    receipt.message = message
    receipt.save(update_fields=["message"])
    to = receipt.status
    come_from = [status for status in LEGAL_MOVES if lifecycle.raises(status, to)]
    if not come_from:
        return
    at = receipt.occurred_at or timezone.now()
    changes: dict[str, Any] = {"lease_until": None}
    if to in _FAILURES:
        changes |= {"failure_code": receipt.code or to, "failure_text": receipt.text}
        note_refusal(message, code=receipt.code, text=receipt.text)
    else:
        changes |= {"failure_code": "", "failure_text": ""}
    if to == Status.DELIVERED:
        changes["delivered_at"] = at
    elif to == Status.READ:
        changes["read_at"] = at
    moved = lifecycle.move([message], to, come_from=come_from, reason="Receipt", **changes)
    if moved:
        consequences.follow(message, taken=to not in _FAILURES)
    if moved and receipt.external_id and not message.external_id:
        try:
            with transaction.atomic():
                Message.objects.filter(pk=message.pk, external_id="").update(external_id=receipt.external_id)
        except IntegrityError:
            return
