"""Rules that hold whoever asks and whatever happens at once: consent, validity, order, one form one message."""

from __future__ import annotations

import itertools
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.utils import timezone

from conversations.models import Message, OptIn, Stream
from conversations.services import consent, unconfirmed
from conversations.services.compose import send_again
from tests.chaos.answers import after, close_taken, refuse
from tests.chaos.conftest import Chaos
from tests.chaos.processes import eventually
from tests.chaos.provider import Call, accept
from tests.chaos.reports import body, written
from tests.chaos.run import words
from tests.chaos.site import EXTRA_WORKERS
from tests.chaos.web import Agent
from tests.factories import make_team, make_user

slow = pytest.mark.chaos


@pytest.mark.parametrize("messages", [10, pytest.param(100, marks=slow)])
def test_stop_while_messages_wait(chaos: Chaos, messages: int) -> None:
    with chaos("F34", f"STOP while {messages} messages to one number wait") as run:
        run.site.need("default")
        run.provider.usual = after(0.01)
        conversation = run.conversation()
        sent = [run.text(conversation) for _ in range(messages)]
        run.wait_for(sent[2], "accepted")
        run.hook(run.stream.account, body(written(run.stream, conversation.contact.phone, "STOP")))
        run.settle()
        assert consent.is_opted_out(conversation.contact.phone, "sms")
        fates = [run.status_of(message) for message in sent]
        assert fates == sorted(fates), "accepted ones, then failed ones"
        assert set(Message.objects.filter(status="failed").values_list("failure_code", flat=True)) <= {"opted_out"}


@slow
def test_ten_people_send_it_again(chaos: Chaos) -> None:
    with chaos("F3", "taken and not answered; then ten people press Send again at once") as run:
        conversation = run.conversation()
        run.provider.play(conversation.contact.phone, close_taken)
        message = run.wait_for(run.text(conversation), "unconfirmed")
        tom = make_user("supervisor")
        make_team(members=[tom], streams=[run.stream])

        def press(_: int) -> bool:
            try:
                unconfirmed.send_again(message, actor=tom, reason="The customer got nothing.")
            except ValidationError:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(10) as threads:
            assert sum(threads.map(press, range(10))) == 1
        message = run.wait_for(message, "accepted")
        assert (message.release_count, run.arrived(message)) == (1, 2)


@slow
def test_nobody_passes_an_opt_out(chaos: Chaos) -> None:
    with chaos("F35", "opt-out, then everybody tries to send all the same") as run:
        conversation = run.conversation()
        Stream.objects.update(paused_until="2100-01-01T00:00:00Z")
        message = run.text(conversation)
        consent.record(OptIn(contact=conversation.contact, channel="sms", event="opt_out", source="agent"))
        with pytest.raises(DatabaseError, match="opted out"), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE conversations_message SET status = 'sending', claim = gen_random_uuid(), lease_until = now()"
            )
        message.refresh_from_db()
        message.status, message.claim, message.lease_until = "sending", uuid.uuid4(), message.queued_at
        with pytest.raises(DatabaseError, match="opted out"):
            message.save()
        Stream.objects.update(paused_until=None)
        run.start_job(message)
        message = run.wait_for(message, "failed")
        assert message.failure_code == "opted_out"
        with pytest.raises(ValidationError):
            send_again(message, actor=None)
        with pytest.raises(DatabaseError, match="cannot make this move"):
            Message.objects.update(status="queued")
        assert run.requested(message) == 0


@slow
def test_validity_ends(chaos: Chaos) -> None:
    with chaos("F36", "validity ends while queued, while backing off, before the wire") as run:
        later = timezone.now() + timedelta(hours=1)
        waiting = run.text(run.conversation(run.new_stream(paused_until=later)), valid_until=later)
        run.end_validity(waiting)

        turned_away = run.conversation()
        run.provider.play(turned_away.contact.phone, refuse(429, Retry_After="600"))
        backing_off = run.text(turned_away, valid_until=later)
        eventually(lambda: Message.objects.filter(pk=backing_off.pk, next_attempt_at__isnull=False), "it was refused")
        run.end_validity(backing_off)

        held = run.conversation(run.new_stream())
        with run.holding_before_the_wire(held):
            claimed = run.text(held, valid_until=later)
            run.site.waiting_process()
            run.end_validity(claimed)
        for message in (waiting, backing_off, claimed):
            run.wait_for(message, "expired")
        assert run.requested(claimed) == 0


@slow
def test_order_with_retries(chaos: Chaos) -> None:
    with chaos("F39", "order in conversations with retries and four workers") as run:
        dice = random.Random(39)
        run.site.need(*EXTRA_WORKERS)

        def now_and_then(call: Call) -> None:
            if dice.random() < 0.3:
                refuse(dice.choice((429, 503)))(call)
            else:
                accept(call)

        run.provider.usual = now_and_then
        conversations = [run.conversation() for _ in range(12)]
        for _, conversation in itertools.product(range(8), conversations):
            run.text(conversation)
        run.settle(impatiently=True)
        run.site.spare(*EXTRA_WORKERS)
        assert set(Message.objects.values_list("status", flat=True)) == {"accepted"}
        arrived = [entry.ref for entry in run.handset]
        for conversation in conversations:
            refs = [str(message.ref) for message in run.messages if message.conversation_id == conversation.pk]
            assert sorted(refs, key=arrived.index) == refs


@slow
def test_a_double_click(chaos: Chaos) -> None:
    with chaos("F40", "one form sent twenty times at once") as run:
        agent = Agent(run, run.stream)
        conversation, text, key = run.conversation(), words(), str(uuid.uuid4())
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(lambda _: agent.reply(conversation, text, key=key), range(20)))
        assert {answer.status_code for answer in answers} == {302}
        assert Message.objects.filter(body=text).count() == 1
        run.wait_for(run.found(conversation, text), "accepted")
