"""What providers tell us: twice, in any order, too early, about others; and fifty times at once."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from conversations.models import Message, Receipt
from tests.chaos.conftest import Chaos
from tests.chaos.reports import body, report, written
from tests.chaos.run import words
from tests.chaos.web import Agent, call_hook

pytestmark = pytest.mark.chaos


def test_in_every_order_and_twice(chaos: Chaos) -> None:
    with chaos("F32", "receipts in all 24 orders, each twice") as run:
        run.site.need("default")
        messages = [run.wait_for(message, "accepted") for message in run.texts(24)]
        orders = itertools.permutations(("submitted", "failed", "delivered", "clicked"))
        told = [[report(message, status) for status in order] for message, order in zip(messages, orders, strict=True)]
        for step in range(4):
            events = [of_one[step] for of_one in told]
            run.hook(run.stream.account, body(*events))
            run.hook(run.stream.account, body(*reversed(events)))
            run.settle()
        assert set(Message.objects.values_list("status", flat=True)) == {"delivered"}
        assert Receipt.objects.count() == 24 * 3, "a click is no receipt"


def test_before_the_answer(chaos: Chaos) -> None:
    with chaos("F32", "receipt before the answer") as run:
        run.site.need("default")
        conversation = run.conversation()
        with run.holding_on_the_wire(conversation) as hold:
            message = run.text(conversation)
            run.sender_of(hold)
            run.hook(run.stream.account, body(report(message, "delivered")))
        run.wait_for(message, "delivered")


def test_about_somebody_else(chaos: Chaos) -> None:
    with chaos("F32", "receipts for an unknown id and for another account's message") as run:
        run.site.need("default")
        message = run.wait_for(run.text(), "accepted")
        stranger = run.new_stream().account
        run.hook(stranger, body(report(message, "failed")))
        run.hook(run.stream.account, body(report(message, "failed", correlation_id="", transaction_id="tid_unknown")))
        run.settle()
        assert run.status_of(message) == "accepted"
        assert list(Receipt.objects.values_list("message", flat=True)) == [None, None]


def test_a_customers_words_fifty_times(chaos: Chaos) -> None:
    with chaos("F33", "a customer's message fifty times at once, then with other words") as run:
        run.site.need("default")
        Agent(run, run.stream)
        token, phone = run.stream.account.webhook_token, run.conversation().contact.phone
        question = words()
        said = written(run.stream, phone, question)
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: call_hook(run, token, body(said)), range(50)))
        said["data"]["message"] = words()
        answers.append(call_hook(run, token, body(said)))
        run.settle()
        assert set(answers) == {200}
        assert list(Message.objects.filter(direction="in").values_list("body", flat=True)) == [question]
