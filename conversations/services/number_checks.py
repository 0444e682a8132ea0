"""Asking WhatsApp whether a number can be reached there: with a permission on record, and not too often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations.models import Contact, NumberCheck, Stream, User
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.permissions import may_send_on
from conversations.services import accounts, consent

BAN_WARNING = "WhatsApp bans businesses that look up many numbers and write to few of them."
DAY = timedelta(hours=24)


def check_number(*, stream: Stream, phone: str, actor: User | None) -> NumberCheck:
    """Ask about one number (E.164) and keep the answer.

    Raises ValidationError: without the right (`not_allowed`), on a stream that is not WhatsApp's (`no_whatsapp`),
    without a permission on record (`no_opt_in`), after too many of one day (`too_many_checks`), or when the provider
    cannot say. A check that was not answered counts: WhatsApp may have counted it.
    """
    if stream.channel != Channel.WHATSAPP:
        raise ValidationError(f"{stream.name} is no WhatsApp stream. Choose one that is.", code="no_whatsapp")
    if actor is not None and not may_send_on(actor, stream):
        raise ValidationError(f"You can read {stream.name} but not send from it.", code="not_allowed")
    if not has_permission(phone, stream):
        raise ValidationError(
            f"No WhatsApp permission is on record for this number. {BAN_WARNING} Record the opt-in first.",
            code="no_opt_in",
        )
    with transaction.atomic():
        Stream.objects.select_for_update(no_key=True).get(pk=stream.pk)  # one counts at a time
        made = NumberCheck.objects.filter(stream=stream, created_at__gt=timezone.now() - DAY).count()
        if made >= stream.checks_per_day:
            raise ValidationError(
                f"{stream.name} has looked up {made} numbers in 24 hours, as many as are allowed. {BAN_WARNING}",
                code="too_many_checks",
            )
        check = NumberCheck.objects.create(stream=stream, phone=phone, checked_by=actor)
    check.on_whatsapp = accounts.validate_contact(stream=stream, phone=phone)
    check.save(update_fields=["on_whatsapp"])
    return check


def has_permission(phone: str, stream: Stream) -> bool:
    """Is there an opt-in for any kind of messages on this stream, not taken back since?"""
    found = (
        consent.present(phone, stream.channel, stream=stream, purpose=purpose)
        for purpose in (Purpose.SERVICE, Purpose.MARKETING)
    )
    return any(one.entry is not None and not one.is_out for one in found)


def last_answer(phone: str) -> NumberCheck | None:
    """The youngest check of a number that was answered."""
    answered = NumberCheck.objects.filter(phone=phone, on_whatsapp__isnull=False)
    return answered.select_related("stream", "checked_by").first()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a number at WhatsApp, and the streams from which this user may ask."""

    check: NumberCheck | None
    streams: list[Stream]
    needs_permission: bool
    warning: str = BAN_WARNING


def standing_of(contact: Contact, user: User) -> Standing:
    """The last answer and who may be asked next."""
    sendable = Stream.objects.sendable_by(user).working().filter(channel=Channel.WHATSAPP).select_related("account")
    permitted = [stream for stream in sendable if has_permission(contact.phone, stream)]
    return Standing(last_answer(contact.phone), permitted, needs_permission=bool(sendable) and not permitted)
