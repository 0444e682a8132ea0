"""STOP against many queued messages: from its commit on no attempt begins, whatever was under way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from conversations.models import Message, OptIn, SendAttempt, StreamGate
from conversations.services import consent, outbound
from conversations.services.clock import database_now
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

LINES = 4  # streams to the same customer, each with a worker


@pytest.mark.parametrize(("races", "messages"), [(1, 100), pytest.param(50, 40, marks=pytest.mark.chaos)])
def test_no_attempt_begins_after_stop(races: int, messages: int, product_sandbox: Any) -> None:
    account = factories.make_sandbox_streams(product_sandbox.url)["webex_interact"].account
    lines = [
        factories.make_stream(account, name=f"Line {number}", sender="FERNHILL", external_id=str(number))
        for number in range(LINES)
    ]
    StreamGate.objects.update(rate=10_000, burst=10_000)
    for race in range(races):
        contact = factories.make_contact(f"+447700900{100 + race}")
        conversations = [factories.make_conversation(line, contact) for line in lines]
        queued = [
            factories.make_message(one, status="queued", body=f"{race}-{number}")
            for number in range(messages // LINES)
            for one in conversations
        ]
        run(contact, [message.pk for message in queued])


def run(contact: Any, ids: list[int]) -> None:
    """One race."""
    under_way = threading.Event()

    def work(line: int) -> None:
        try:
            for pk in ids[line::LINES]:
                outbound.deliver([pk])
                under_way.set()
        finally:
            connection.close()

    with ThreadPoolExecutor(LINES) as threads:
        workers = [threads.submit(work, line) for line in range(LINES)]
        assert under_way.wait(30)
        consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
        committed = database_now()
        for worker in workers:
            worker.result(60)
    Message.objects.filter(pk__in=ids).update(next_attempt_at=None)
    for pk in ids:
        outbound.deliver([pk])

    attempts = SendAttempt.objects.filter(results__message__in=ids).exclude(on_wire_at=None)
    begun = list(attempts.values_list("on_wire_at", flat=True))
    assert begun, "some had left before"
    assert max(begun) < committed
    fates = dict.fromkeys(Message.objects.filter(pk__in=ids).values_list("status", "failure_code"))
    assert ("failed", "opted_out") in fates, "STOP came before the last of them"
    assert {status for status, _ in fates} <= {"failed", "accepted", "sent", "delivered", "unconfirmed"}
    assert {code for status, code in fates if status == "failed"} == {"opted_out"}
    assert not Message.objects.filter(pk__in=ids, on_wire_at__gt=committed).exists()
