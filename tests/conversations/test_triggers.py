"""What PostgreSQL refuses, whoever asks: here a shell with `.save()` and `.update()`."""

from __future__ import annotations

import itertools
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from conversations.models import AttemptResult, Contact, Message, OptIn, SendAttempt
from conversations.models.message import LEGAL_MOVES, MessageStatus
from conversations.services import consent
from tests import factories

pytestmark = pytest.mark.django_db

OUTBOUND = [status for status in MessageStatus.values if status != "received"]


def message_in(status: str) -> Message:
    """A message that lies in a status with all that its constraints ask for."""
    needs: dict[str, Any] = {}
    if status == "scheduled":
        needs = {"scheduled_for": timezone.now() + timedelta(hours=1)}
    if status == "sending":
        needs = {"claim": uuid.uuid4(), "lease_until": timezone.now()}
    return factories.make_message(status=status, **needs)


def set_status(message: Message, to: str, **changes: Any) -> None:
    if to == "sending":
        changes |= {"claim": uuid.uuid4(), "lease_until": timezone.now()}
    if to == "scheduled":
        changes |= {"scheduled_for": timezone.now() + timedelta(hours=1)}
    with transaction.atomic():
        Message.objects.filter(pk=message.pk).update(status=to, **changes)


def refused(code: str, message: Message, to: str, **changes: Any) -> None:
    before = message.status
    with pytest.raises(DatabaseError) as found:
        set_status(message, to, **changes)
    assert found.value.__cause__.sqlstate == code  # type: ignore[union-attr]
    message.refresh_from_db()
    assert message.status == before


@pytest.mark.parametrize("start", OUTBOUND)
def test_every_pair_of_statuses_is_as_tabled(start: str) -> None:
    for to in OUTBOUND:
        if to == start:
            continue
        message = message_in(start)
        if to in LEGAL_MOVES[start]:
            set_status(message, to, release_count=1)
        else:
            refused("CC001", message, to)


def test_an_unconfirmed_message_is_queued_by_a_release_only() -> None:
    message = message_in("unconfirmed")
    refused("CC001", message, "queued")
    set_status(message, "queued", release_count=1)


def test_nobody_sends_to_who_opted_out() -> None:
    message = message_in("queued")
    contact = message.conversation.contact
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    refused("CC002", message, "sending")


def test_an_opt_out_of_marketing_stops_marketing_only() -> None:
    service, marketing = message_in("queued"), message_in("queued")
    Message.objects.filter(pk=marketing.pk).update(purpose="marketing")
    for message in (service, marketing):
        consent.record(
            OptIn(
                contact=message.conversation.contact,
                channel="sms",
                event="opt_out",
                purpose="marketing",
                source="form",
                wording="No offers",
            )
        )
    set_status(service, "sending")
    refused("CC002", marketing, "sending")


def test_nobody_sends_what_is_no_longer_valid() -> None:
    message = message_in("queued")
    Message.objects.filter(pk=message.pk).update(valid_until=timezone.now() - timedelta(seconds=1))
    refused("CC003", message, "sending")


def test_after_an_attempt_words_stream_and_number_stay() -> None:
    message = message_in("queued")
    other = factories.make_stream()
    Message.objects.filter(pk=message.pk).update(body="Edited in time")
    attempt = SendAttempt.objects.create(stream=message.stream, claim=uuid.uuid4(), started_at=timezone.now())
    AttemptResult.objects.create(attempt=attempt, message=message)
    changes = itertools.chain([{"body": "Edited too late"}], [{"stream": other}])
    for change in changes:
        with pytest.raises(DatabaseError) as found, transaction.atomic():
            Message.objects.filter(pk=message.pk).update(**change)
        assert found.value.__cause__.sqlstate == "CC004"  # type: ignore[union-attr]
    with pytest.raises(DatabaseError), transaction.atomic():
        Contact.objects.filter(pk=message.conversation.contact_id).update(phone="+33612345678")
    message.refresh_from_db()
    assert (message.body, message.stream) == ("Edited in time", message.conversation.stream)
