"""Workers that are killed, frozen or told to stop at each point of a message's way."""

from __future__ import annotations

import random
import time

import pytest

from conversations.models import AttemptResult, Message
from tests.chaos.answers import after, huge
from tests.chaos.conftest import Chaos
from tests.chaos.processes import eventually
from tests.chaos.reports import body, report

BACKLOG = 40  # messages that wait at once
SECONDS_OF_KILLING = 0.8  # for each kill

slow = pytest.mark.chaos


def wire_marks(message: Message) -> list[bool]:
    """Of each attempt in turn, whether it got on the wire; without those that a busy machine let come too late."""
    results = AttemptResult.objects.filter(message=message).exclude(code="fenced").order_by("id")
    return list(results.values_list("on_wire", flat=True))


@slow
def test_killed_before_its_claim(chaos: Chaos) -> None:
    with chaos("F1", "worker killed before its claim") as run:
        conversation = run.conversation()
        run.freeze_workers()
        message = run.text(conversation)
        with run.holding_before_the_claim(conversation):
            run.thaw_workers()
            run.site.waiting_process().kill()
        run.site.mend()
        run.wait_for(message, "accepted")
        assert wire_marks(message) == [True]


def test_killed_between_claim_and_wire(chaos: Chaos) -> None:
    with chaos("F2", "worker killed between claim and wire") as run:
        conversation = run.conversation()
        with run.holding_before_the_wire(conversation):
            message = run.text(conversation)
            run.site.waiting_process().kill()
        run.site.mend()
        run.wait_for(message, "accepted")
        assert wire_marks(message) == [False, True]


@pytest.mark.parametrize("accepting", [pytest.param(False, marks=slow, id="untaken"), pytest.param(True, id="taken")])
def test_killed_on_the_wire(chaos: Chaos, accepting: bool) -> None:
    what = "after" if accepting else "before"
    with chaos("F3", f"worker killed on the wire, {what} the provider took it") as run:
        conversation = run.conversation()
        with run.holding_on_the_wire(conversation, accepting=accepting, then=lambda call: call.close()) as hold:
            message = run.text(conversation)
            run.sender_of(hold).kill()
        run.site.mend()
        run.wait_for(message, "unconfirmed")
        run.try_everything()
        assert run.status_of(message) == "unconfirmed"
        assert (run.requested(message), run.arrived(message)) == (1, int(accepting))


def test_killed_with_the_answer_in_hand(chaos: Chaos) -> None:
    with chaos("F4", "worker killed after the answer, before its commit") as run:
        run.site.need("default")
        conversation = run.conversation()
        with run.holding_on_the_wire(conversation) as hold:
            message = run.text(conversation)
            worker = run.sender_of(hold)
            with run.holding_before_the_outcome(message):
                hold.released.set()
                assert run.site.waiting_process() is worker
                worker.kill()
        run.site.mend()
        run.wait_for(message, "unconfirmed")
        run.hook(run.stream.account, body(report(message, "delivered")))
        run.wait_for(message, "delivered")


@pytest.mark.parametrize(("messages", "kills"), [(40, 2), pytest.param(1000, 40, marks=slow)])
def test_killed_at_random(chaos: Chaos, messages: int, kills: int) -> None:
    with chaos("F5", f"workers killed at random, {kills} times") as run:
        dice = random.Random(5)
        run.provider.usual = lambda call: after(dice.uniform(0, 0.03))(call)
        moments = [time.monotonic() + dice.uniform(0, SECONDS_OF_KILLING * kills) for _ in range(kills)]
        killed = 0

        def workers_keep_up() -> bool:
            nonlocal killed
            if killed < sum(moment < time.monotonic() for moment in moments):
                worker = dice.choice(run.site.workers)
                worker.kill()
                worker.start()
                killed += 1
            return run.busy() < BACKLOG

        for _ in range(messages):
            eventually(workers_keep_up, "the workers keep up")
            run.text()
        run.settle()
        assert Message.objects.filter(status="unconfirmed").count() <= killed


@slow
def test_frozen_before_the_wire(chaos: Chaos) -> None:
    with chaos("F6", "worker frozen before the wire past its lease, then revived") as run:
        conversation = run.conversation()
        with run.holding_before_the_wire(conversation):
            message = run.text(conversation)
            worker = run.site.waiting_process()
            worker.freeze()
            first = AttemptResult.objects.get(message=message)
            eventually(lambda: AttemptResult.objects.filter(pk=first.pk, outcome="retry"), "its claim is taken back")
        run.wait_for(message, "accepted")
        worker.thaw()
        eventually(lambda: AttemptResult.objects.filter(pk=first.pk, code="fenced"), "the revived worker is fenced")
        assert wire_marks(message) == [True]
        assert run.requested(message) == 1


@slow
def test_frozen_inside_its_claim(chaos: Chaos) -> None:
    with chaos("F6", "worker frozen in the transaction of its claim: the others go on") as run:
        conversation = run.conversation()
        message = run.quiet_text(conversation)  # whoever wakes a worker waits for its claim to note that
        with run.site.holding("SELECT FROM conversations_streamgate WHERE stream_id = %s FOR UPDATE", run.stream.pk):
            run.start_job(message)
            worker = run.site.waiting_process()
            worker.freeze()
        try:
            for other in run.texts(3):
                run.wait_for(other, "accepted")
        finally:
            worker.thaw()
        run.wait_for(message, "accepted")


@slow
def test_frozen_with_the_answer_in_hand(chaos: Chaos) -> None:
    with chaos("F7", "worker frozen after the answer past its lease, then revived") as run:
        conversation = run.conversation()
        with run.holding_on_the_wire(conversation) as hold:
            message = run.text(conversation)
            worker = run.sender_of(hold)
            with run.holding_before_the_outcome(message):
                hold.released.set()
                assert run.site.waiting_process() is worker
                worker.freeze()
        try:
            run.wait_for(message, "unconfirmed")
        finally:
            worker.thaw()
        run.wait_for(message, "accepted")
        assert run.arrived(message) == 1


@slow
def test_frozen_on_the_wire(chaos: Chaos) -> None:
    with chaos("F7", "worker frozen on the wire past its deadline, then revived") as run:
        conversation = run.conversation()
        with run.holding_on_the_wire(conversation) as hold:
            message = run.text(conversation)
            worker = run.sender_of(hold)
            worker.freeze()
            run.wait_for(message, "unconfirmed")
        worker.thaw()
        eventually(lambda: message.results.get().code, "the revived worker says what it knows")
        run.try_everything()
        assert run.status_of(message) in ("unconfirmed", "accepted")
        assert run.requested(message) == 1


@slow
def test_told_to_stop(chaos: Chaos) -> None:
    with chaos("F8", "worker told to stop (SIGTERM) with a request on the wire") as run:
        conversation = run.conversation()
        with run.holding_on_the_wire(conversation) as hold:
            message = run.text(conversation)
            worker = run.sender_of(hold)
            worker.ask_to_stop()
        worker.wait_for_end()
        assert run.status_of(message) == "accepted"


@slow
def test_the_job_runs_out_of_time_before_the_wire(chaos: Chaos) -> None:
    with chaos("F9", "RQ's job time-out before the wire") as run:
        conversation = run.conversation()
        message = run.quiet_text(conversation)
        with run.holding_before_the_wire(conversation):
            run.start_job(message, timeout=1)
            first = eventually(lambda: AttemptResult.objects.filter(message=message).first(), "it is claimed")
            eventually(lambda: AttemptResult.objects.filter(pk=first.pk, outcome="retry"), "the job is out of time")
        run.wait_for(message, "accepted")
        assert wire_marks(message)[0] is False


@slow
def test_the_job_runs_out_of_time_on_the_wire(chaos: Chaos) -> None:
    with chaos("F9", "RQ's job time-out on the wire") as run:
        conversation = run.conversation()
        message = run.quiet_text(conversation)
        with run.holding_on_the_wire(conversation):
            run.start_job(message, timeout=1)
            run.wait_for(message, "unconfirmed")
        assert message.failure_code == "internal_fault"
        assert run.requested(message) == 1


@slow
def test_an_answer_without_end(chaos: Chaos) -> None:
    with chaos("F10", "answer too large for memory") as run:
        conversation = run.conversation()
        run.provider.play(conversation.contact.phone, huge)
        before = [worker.pid for worker in run.site.workers]
        message = run.wait_for(run.text(conversation), "unconfirmed")
        assert message.failure_code == "answer_too_large"
        assert [worker.pid for worker in run.site.workers if worker.is_alive] == before


def test_the_same_job_five_times(chaos: Chaos) -> None:
    with chaos("F17", "the same job five times, at once") as run:
        run.freeze_workers()
        messages = run.texts(6)
        for message in messages * 5:
            run.start_job(message)
        run.thaw_workers()
        for message in messages:
            run.wait_for(message, "accepted")
            assert wire_marks(message) == [True]
