"""A provider that is down, refuses, breaks off, lies or leads astray."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from conversations.models import Message, ProviderAccount, StreamGate
from conversations.models.account import AccountHealth
from conversations.services import dispatch
from conversations.services.accounts import check_account
from tests.chaos import answers
from tests.chaos.certificates import self_signed
from tests.chaos.conftest import Chaos
from tests.chaos.processes import eventually
from tests.chaos.provider import Behaviour, Call, taken
from tests.chaos.reports import body, report
from tests.chaos.run import Run

slow = pytest.mark.chaos


def send_each(run: Run, behaviours: dict[str, Behaviour]) -> dict[str, Message]:
    """A message for each behaviour, on a stream of its own: no breaker or pause of one holds up the others."""
    messages = {}
    for name, behaviour in behaviours.items():
        conversation = run.conversation(run.new_stream())
        run.provider.play(conversation.contact.phone, behaviour)
        messages[name] = run.text(conversation)
    return messages


def fates(run: Run, messages: dict[str, Message]) -> dict[str, str]:
    """What became of each."""
    return {name: run.status_of(message) for name, message in messages.items()}


def all_unconfirmed(run: Run, behaviours: dict[str, Behaviour]) -> dict[str, Message]:
    """Send each, and see that none is believed or sent again."""
    messages = send_each(run, behaviours)
    run.settle()
    run.try_everything()
    assert fates(run, messages) == dict.fromkeys(behaviours, "unconfirmed")
    assert all(run.requested(message) == 1 for message in messages.values())
    return messages


@slow
def test_down(chaos: Chaos) -> None:
    with chaos("F23", "provider down: the breaker opens, then all are sent") as run:
        run.provider.go_down()
        run.texts(25)
        gate = StreamGate.objects.filter(stream=run.stream, open_until__isnull=False)
        eventually(lambda: run.end_backoffs() or gate.exists(), "the breaker opens")
        assert set(Message.objects.values_list("status", flat=True)) <= {"queued", "sending"}
        run.provider.come_up()
        run.settle(impatiently=True)
        assert set(Message.objects.values_list("status", "attempt_count")) == {("accepted", 1)}


@slow
def test_a_name_that_nobody_knows(chaos: Chaos) -> None:
    with chaos("F23", "provider's name unknown to the DNS, then mended") as run:
        stream = run.new_stream(base_url="https://gone.invalid")
        message = run.text(run.conversation(stream, phone="+447400123456"))
        eventually(lambda: Message.objects.filter(pk=message.pk, failure_code="not_sent"), "it cannot be sent")
        ProviderAccount.objects.filter(pk=stream.account_id).update(base_url=run.provider.url)
        run.settle(impatiently=True)
        assert run.status_of(message) == "accepted"


@slow
def test_a_certificate_that_nobody_vouches_for(chaos: Chaos, tmp_path: Path) -> None:
    with chaos("F23", "provider's certificate worth nothing, then mended") as run:
        run.provider.go_down()
        run.provider.come_up(self_signed(tmp_path))
        stream = run.new_stream(base_url=run.provider.url.replace("http:", "https:"))
        message = run.text(run.conversation(stream))
        eventually(lambda: Message.objects.filter(pk=message.pk, failure_code="not_sent"), "it cannot be sent")
        assert run.provider.ledger == []
        run.provider.go_down()
        run.provider.come_up()
        ProviderAccount.objects.filter(pk=stream.account_id).update(base_url=run.provider.url)
        run.settle(impatiently=True)
        assert run.status_of(message) == "accepted"


# What Retry-After says, and the seconds that the stream then waits; None leaves it to our own backoff.
RETRY_AFTER: dict[str, int | None] = {
    "1": 1,
    "120": 120,
    "0120": 120,
    "1000000000": 3600,
    "99999999999": None,
    "-5": None,
    "1.5": None,
    "1e9": None,
    "nan": None,
    "inf": None,
    "soon": None,
    "": None,
    "Wed, 21 Oct 2015 07:28:00 GMT": 0,
}


def test_throttled(chaos: Chaos) -> None:
    with chaos("F24", "provider says 429 with Retry-After in every spelling") as run:
        in_two_days = format_datetime(datetime.now(UTC) + timedelta(days=2), usegmt=True)
        wishes = {**RETRY_AFTER, in_two_days: 3600}
        messages = send_each(run, {said: answers.refuse(429, Retry_After=said) for said in wishes})
        waits = {}
        for said, message in messages.items():
            refused = message.attempts.filter(finished_at__isnull=False).order_by("id")
            first = eventually(refused.first, "it is refused once")
            pause = StreamGate.objects.get(stream=message.stream_id).paused_until
            waits[said] = None if pause is None else round((pause - first.finished_at).total_seconds())
        assert waits == wishes
        run.settle(impatiently=True)
        assert set(Message.objects.values_list("status", "attempt_count")) == {("accepted", 1)}


@slow
def test_throttled_many_times(chaos: Chaos) -> None:
    with chaos("F24", "provider says 429 and 503 nine times, then takes it") as run:
        conversation = run.conversation()
        run.provider.play(conversation.contact.phone, *(answers.refuse(status) for status in (429, 503, 429) * 3))
        message = run.text(conversation)
        run.settle(impatiently=True)
        message.refresh_from_db()
        assert (message.status, message.attempt_count, run.requested(message)) == ("accepted", 1, 10)


@slow
def test_errors_of_the_provider(chaos: Chaos) -> None:
    with chaos("F25", "provider says 5xx, before and after it took the message") as run:
        behaviours: dict[str, Behaviour] = {}
        for status in (500, 501, 502, 504, 520, 599):
            behaviours[f"{status} before"] = answers.refuse(status)
            behaviours[f"{status} after"] = answers.take_and_say(status, '{"errors": []}')
        all_unconfirmed(run, behaviours)


@slow
def test_connections_that_break(chaos: Chaos) -> None:
    with chaos("F25", "connection reset or closed, before and after it was taken") as run:
        all_unconfirmed(
            run,
            {
                "reset before": answers.reset_untaken,
                "reset after": answers.reset_taken,
                "closed after": answers.close_taken,
            },
        )


@slow
def test_an_answer_after_the_time_out(chaos: Chaos) -> None:
    with chaos("F26", "provider answers after the time-out; then a receipt comes") as run:
        run.site.need("default")
        conversation = run.conversation()
        with run.holding_on_the_wire(conversation):
            message = run.wait_for(run.text(conversation), "unconfirmed")
        assert message.failure_code == "no_answer"
        run.hook(run.stream.account, body(report(message, "delivered")))
        run.wait_for(message, "delivered")


@slow
def test_answers_that_nobody_can_read(chaos: Chaos) -> None:
    with chaos("F27", "answers that nobody can read, or that prove nothing") as run:
        pids = [worker.pid for worker in run.site.workers]
        messages = all_unconfirmed(run, answers.UNREADABLE)
        assert all(run.arrived(message) == 1 for message in messages.values())
        assert [worker.pid for worker in run.site.workers if worker.is_alive] == pids, "no worker fell over"


@slow
def test_a_byte_a_second(chaos: Chaos) -> None:
    with chaos("F28", "provider answers a byte a second") as run:
        messages = all_unconfirmed(run, {"trickle": answers.trickle})
        messages["trickle"].refresh_from_db()
        assert messages["trickle"].failure_code == "no_answer"


@slow
def test_redirects(chaos: Chaos) -> None:
    with chaos("F29", "redirects, also to a link-local address") as run:
        behaviours: dict[str, Behaviour] = {}
        for status in (301, 302, 303, 307, 308):
            for place in (f"{run.provider.url}/astray", "http://169.254.169.254/latest/", "//127.0.0.1/", "file:///x"):
                behaviours[f"{status} to {place}"] = answers.take_and_say(status, Location=place)
        all_unconfirmed(run, behaviours)
        assert run.provider.strays == []


@slow
def test_a_request_of_many(chaos: Chaos) -> None:
    with chaos("F30", "one request of many: refused, missing, reordered, written anew") as run:
        run.site.need("bulk-1")
        run.site.wait_for_worker("bulk")
        people = [run.conversation() for _ in range(5)]
        messages = [run.quiet_text(one, seconds=600, body="The same words to everybody.") for one in people]
        plain, anew, refused, missing, last = (one.contact.phone for one in people)

        def reply(call: Call) -> None:
            by_phone = {entry.phone: entry for entry in call.entries}
            for phone in (plain, anew, missing, last):
                by_phone[phone].accepted = True
            items: list[dict[str, Any]] = [
                taken(by_phone[last]),
                taken(by_phone[anew], to=f"{anew[:3]} {anew[3:7]}-{anew[7:]}"),
                taken(by_phone[plain], to=plain.lstrip("+")),
            ]
            error = {"to": refused, "status": "error", "code": 1002, "message": "Number not reachable."}
            call.answer(200, {"request_id": "req_many", "messages": items, "errors": [error]})

        run.provider.usual = reply
        dispatch.hint([message.pk for message in messages])
        run.settle()
        assert [run.status_of(message) for message in messages] == [
            "accepted",
            "accepted",
            "failed",
            "unconfirmed",
            "accepted",
        ]
        assert all(run.requested(message) == 1 for message in messages)


@slow
@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_was_changed(chaos: Chaos, status: int) -> None:
    with chaos("F31", f"provider says {status} after its key was changed, then it is mended") as run:
        run.provider.change_key("aky_another00000000000000000", status)
        messages = run.texts(5)
        account = run.stream.account
        blocked = ProviderAccount.objects.filter(pk=account.pk, health=AccountHealth.NEEDS_CREDENTIALS)
        eventually(blocked.exists, "the account needs its credentials")
        statuses = Message.objects.values_list("status", flat=True)
        # a worker that began its claim before the refusal may still ask, and is refused as well
        eventually(lambda: set(statuses.all()) == {"queued"}, "all wait")
        assert run.provider.ledger == []
        account.refresh_from_db()
        account.credentials = {"access_key": run.provider.key}
        account.save()
        assert check_account(account).ok
        for message in messages:
            run.wait_for(message, "accepted")
