"""Reports that wait are applied in sets, and come to what they would come to one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import jobs
from conversations.models import Message, MessageEvent, Receipt, WebhookEvent
from conversations.services import inbound
from messaging.types import HookRequest
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

THEN = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def stream() -> Any:
    return factories.make_stream(factories.make_account("webex_interact"), inbound_number="+447400900001")


def sent(stream: Any, number: int = 0, **fields: Any) -> Message:
    """A message that the provider has accepted."""
    conversation = factories.make_conversation(stream, factories.make_contact(f"+4477009000{number:02}"))
    fields = {"status": "accepted", "external_id": f"tid_{number}", "sent_at": timezone.now(), **fields}
    return factories.make_message(conversation, **fields)


def report(message: Message, status: str, *, key: str = "", by_ref: bool = True, after: int = 0) -> dict[str, Any]:
    """What the provider says of it, so many seconds after THEN."""
    names = {"correlation_id": str(message.ref)} if by_ref else {}
    return {
        "id": key or f"evt_{message.pk}_{status}",
        "time": (THEN + timedelta(seconds=after)).isoformat(),
        "type": "com.interact.messages.sms.status",
        "data": {"status": status, "phone_number": message.conversation.contact.phone.lstrip("+")},
        "transaction_id": message.external_id,
        **names,
    }


def tell(stream: Any, *events: dict[str, Any]) -> WebhookEvent:
    """One call with these events; nobody has read it yet."""
    body = json.dumps(events[0] if len(events) == 1 else list(events)).encode()
    return inbound.store_webhook(stream.account, HookRequest("POST", {}, body, timezone.now(), "application/json"))


def test_reports_of_many_come_to_what_they_come_to_one_by_one(stream: Any) -> None:
    """Every order of three reports, once as a set and once call by call: the same statuses, times and reports."""
    orders = list(permutations(("submitted", "delivered", "failed")))
    found = []
    for number, read in ((0, lambda events: jobs.process_webhooks([])), (50, inbound.process_webhooks)):
        messages = [sent(stream, number + place) for place in range(len(orders))]
        events = [
            tell(stream, report(message, status, by_ref=bool(message.pk % 2), after=place)).pk
            for message, order in zip(messages, orders, strict=True)
            for place, status in enumerate(order)
        ]
        read(events)
        assert set(WebhookEvent.objects.filter(pk__in=events).values_list("status", "stream")) == {
            ("processed", stream.pk)
        }
        rows = Message.objects.filter(pk__in=[one.pk for one in messages]).order_by("pk")
        found.append(
            [(one.status, one.delivered_at, one.failure_code, one.receipts.count(), one.lease_until) for one in rows]
        )
    assert found[0] == found[1]
    assert {status for status, *_ in found[0]} == {"delivered"}


def test_each_message_has_its_own_time_and_its_history(stream: Any) -> None:
    first, second = sent(stream, 1), sent(stream, 2)
    tell(stream, report(first, "delivered", after=5))
    tell(stream, report(first, "submitted", after=1))
    tell(stream, report(second, "delivered", after=9), report(second, "submitted", after=2))
    jobs.process_webhooks([])
    for message, seconds in ((first, 5), (second, 9)):
        message.refresh_from_db()
        assert (message.status, message.delivered_at) == ("delivered", THEN + timedelta(seconds=seconds))
        moves = MessageEvent.objects.filter(message=message, reason="Receipt").order_by("id")
        assert list(moves.values_list("from_status", "to_status")) == [("accepted", "sent"), ("sent", "delivered")]
        assert set(message.receipts.values_list("status", flat=True)) == {"sent", "delivered"}
    assert set(WebhookEvent.objects.values_list("summary", flat=True)) == {
        "Report: delivered",
        "Report: sent",
        "Report: delivered, Report: sent",
    }


def test_a_report_that_was_told_in_another_call_is_kept_once(stream: Any) -> None:
    message = sent(stream)
    tell(stream, report(message, "delivered", key="evt_1", after=3))
    tell(stream, report(message, "delivered", key="evt_1", after=4))
    jobs.process_webhooks([])
    tell(stream, report(message, "delivered", key="evt_1", after=5))
    jobs.process_webhooks([])
    message.refresh_from_db()
    assert message.delivered_at == THEN + timedelta(seconds=3)
    assert Receipt.objects.count() == 1
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}


def test_what_is_not_plain_is_read_by_itself_among_the_others(stream: Any) -> None:
    plain, failed = sent(stream, 1), sent(stream, 2)
    lease = timezone.now() + timedelta(minutes=1)
    underway = sent(stream, 3, external_id="", status="sending", claim=uuid4(), lease_until=lease)
    tell(stream, report(plain, "delivered"))
    tell(stream, report(failed, "failed"))
    tell(stream, report(underway, "delivered"))
    foreign = sent(factories.make_stream(factories.make_account("webex_interact")), 4)
    tell(stream, report(foreign, "delivered"))
    written = report(plain, "inbound", key="evt_in")
    written["data"] |= {"message": "Thank you", "inbound_number": stream.inbound_number}
    tell(stream, report(plain, "submitted"), written)
    jobs.process_webhooks([])
    statuses = {one.pk: one.status for one in Message.objects.filter(direction="out")}
    assert [statuses[one.pk] for one in (plain, failed, underway, foreign)] == [
        *("delivered", "failed"),
        *("sending", "accepted"),
    ]
    assert list(Message.objects.filter(direction="in").values_list("body", flat=True)) == ["Thank you"]
    assert Receipt.objects.filter(message=None).count() == 2, "of the one on the wire and the one that is not ours"
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}


def test_forty_reports_cost_as_many_statements_as_ten(stream: Any) -> None:
    costs = []
    for numbers in (range(10), range(10, 50)):
        for number in numbers:
            tell(stream, report(sent(stream, number), "delivered"))
        with CaptureQueriesContext(connection) as asked:
            jobs.process_webhooks([])
        costs.append(len(asked))
    assert costs[0] == costs[1] < 40
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}
