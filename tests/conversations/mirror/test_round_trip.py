"""Any sequence of actions on both sides, over real HTTP, ends with both sides equal or with the difference listed."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from conversations.models import Conversation, Drift
from conversations.services import conversations, handling
from conversations.services.compose import queue_message
from conversations.services.mirror import phone, syncing
from conversations.services.mirror.agreement import status_word
from conversations.services.outbound import deliver
from tests import factories
from tests.conversations.mirror.conftest import Cirrus, Told, push

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = st.sampled_from(("One", "Two", "ثلاثة 🙂", "One  more\nline"))
THEIR_WORDS = {1: "open", 8: "open", 15: "open", 10: "snoozed", 2: "resolved", 14: "archived"}
NUMBERS = itertools.count(1)


def machine_for(cirrus: Cirrus, streams: Any, told: Told) -> type[RuleBasedStateMachine]:
    """The machine on these servers: each example has a conversation of its own."""

    class BothSides(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            contact = factories.make_contact(f"+4477009{next(NUMBERS):05}")
            self.conversation = conversations.open_conversation(
                stream=streams["cirrus"], contact=contact, actor=streams.priya
            )
            self.digits = contact.phone.removeprefix("+")
            push(self.conversation)
            self.remarks: Counter[str] = Counter()
            self.texts: Counter[str] = Counter()

        def now(self) -> Conversation:
            return Conversation.objects.select_related("stream__account", "contact").get(pk=self.conversation.pk)

        def there(self, path: str, data: Any = None) -> None:
            answer = cirrus.played.cirrus("POST", path.format(self.conversation.external_id), data)
            assert answer.ok, answer.text

        @rule(text=WORDS)
        def we_remark(self, text: str) -> None:
            conversations.add_remark(self.now(), text=text, actor=streams.priya)
            self.remarks[text] += 1

        @rule(text=WORDS)
        def they_remark(self, text: str) -> None:
            self.there("objects/{}/remarks", {"Text": text})
            self.remarks[text] += 1

        @rule(text=WORDS)
        def we_send(self, text: str) -> None:
            message = queue_message(conversation=self.now(), body=text, author=streams.priya)
            deliver([message.pk])
            self.texts[text] += 1

        @rule(text=WORDS)
        def the_customer_calls(self, text: str) -> None:
            phone.write_down(self.now(), text=text, actor=streams.priya)
            self.texts[text] += 1

        @rule(text=WORDS)
        def the_customer_writes_there(self, text: str) -> None:
            child = {"Type": 0, "UserStreamProviderId": self.digits, "UserStreamProviderType": 5, "Message": text}
            self.there("streams/532/objects/{}/child", child)
            self.texts[text] += 1

        @rule(status=st.sampled_from(sorted(THEIR_WORDS)))
        def they_set_the_status(self, status: int) -> None:
            self.there(f"objects/{{}}/status/{status}")

        @rule(resolves=st.booleans())
        def we_set_the_status(self, resolves: bool) -> None:
            done = handling.resolve if resolves else handling.reopen
            done([self.conversation.pk], actor=streams.priya)

        @rule(fault=st.sampled_from(("reset_after", "reset_before", "garbage")))
        def the_next_answer_is_lost(self, fault: str) -> None:
            cirrus.played.control("faults", account="Fernhill Cirrus", fault=fault, times=1)
            push(self.conversation)
            cirrus.played.control("faults", account="Fernhill Cirrus", fault="ok")

        @rule()
        def we_push(self) -> None:
            push(self.conversation)

        @precondition(lambda self: self.conversation.external_id)
        @rule()
        def we_read(self) -> None:
            syncing.sync_conversation(self.now())

        @rule()
        def the_webhooks_come_in(self) -> None:
            told.come_in()

        @invariant()
        def nothing_is_doubled_here(self) -> None:
            here = Counter(self.conversation.messages.values_list("body", flat=True))
            assert here <= self.texts

        def teardown(self) -> None:
            for _ in range(3):
                push(self.conversation)
                for message in self.conversation.messages.filter(status="queued"):
                    deliver([message.pk])
                syncing.sync_conversation(self.now())
            told.come_in()
            conversation = self.now()
            there = cirrus.object(conversation)
            assert Counter(one["message"] for one in there["childs"]) == self.texts
            assert Counter(conversation.messages.values_list("body", flat=True)) == self.texts
            noted = [json.loads(one["data"])["text"] for one in there["activityLog"] if one["type"] == 1]
            assert Counter(noted) == self.remarks
            ours = conversation.activities.filter(kind="remark").values_list("text", flat=True)
            assert Counter(ours) == self.remarks
            assert set(conversation.activities.values_list("push_state", flat=True)) <= {"pushed", "local"}
            same = THEIR_WORDS[there["statusId"]] == status_word(conversation.status)
            assert same or Drift.objects.filter(conversation=conversation, field="status", settled_at=None).exists()

    return BothSides


def test_both_sides_end_equal_or_the_difference_is_listed(cirrus: Cirrus, streams: Any, told: Told) -> None:
    run_state_machine_as_test(
        machine_for(cirrus, streams, told),
        settings=settings(
            max_examples=40,
            stateful_step_count=8,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        ),
    )
