"""Telling another system, over real sockets: whatever it does, everything reaches it once it listens, in order."""

from __future__ import annotations

import hashlib
import hmac
import socket
from datetime import timedelta
from functools import partial
from typing import Any

import django_rq
import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from conversations import jobs, queue
from conversations.models import AuditEntry, Message, Notification, WebhookDelivery, WebhookSubscription
from conversations.services import dispatch
from conversations.services.clock import database_now
from conversations.services.outgoing import delivering, posting, subscriptions, upkeep
from tests import factories
from tests.conversations.outgoing_webhooks.conftest import Consumer, forget_transports, subscribe

pytestmark = pytest.mark.django_db
DAY = timedelta(hours=24, minutes=1)


def tell(subscription: WebhookSubscription) -> None:
    delivering.tell([subscription.pk])
    subscription.refresh_from_db()


def receive(number: int = 1, **given: Any) -> list[WebhookDelivery]:
    """Customers wrote, each in a conversation of their own."""
    for _ in range(number):
        factories.make_message(factories.make_conversation(), direction="in", **given)
    return list(WebhookDelivery.objects.order_by("pk"))


def make_due(subscription: WebhookSubscription) -> None:
    """The next try is now."""
    subscription.deliveries.update(next_try_at=timezone.now() - timedelta(seconds=1))
    WebhookSubscription.objects.filter(pk=subscription.pk).update(next_try_at=None)


def long_ago(subscription: WebhookSubscription, *, failing: bool = True) -> None:
    """The tries began a day before."""
    then = timezone.now() - DAY
    subscription.deliveries.update(first_tried_at=then)
    if failing:
        WebhookSubscription.objects.filter(pk=subscription.pk).update(failing_since=then)
    make_due(subscription)


def statuses() -> list[str]:
    return list(WebhookDelivery.objects.order_by("pk").values_list("status", flat=True))


def verified(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """As docs/webhooks.md tells its readers to."""
    stamp, *signatures = headers["parley-signature"].split(",")
    expected = hmac.new(secret.encode(), stamp.removeprefix("t=").encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(one.removeprefix("v1="), expected) for one in signatures)


def test_an_answer_of_a_status_alone_is_one(consumer: Consumer) -> None:
    consumer.is_bare = True
    subscription = subscribe(consumer.url, "message.received")
    receive()
    tell(subscription)
    assert statuses() == ["delivered"]
    assert subscription.failing_since is None


def test_a_message_of_a_customer_is_told_and_signed(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    [row] = receive(body="Is it today? 🙂")
    message = Message.objects.get()
    tell(subscription)
    [told] = consumer.told
    assert (told["id"], told["event"]) == (str(row.event_id), "message.received")
    assert told["data"]["message"]["body"] == "Is it today? 🙂"
    assert told["data"]["message"]["status"] == "received"
    assert told["data"]["contact"]["phone"] == message.conversation.contact.phone
    assert told["data"]["conversation"] == message.conversation_id
    [headers] = consumer.headers
    assert headers["parley-event"] == "message.received"
    assert headers["parley-event-id"] == str(row.event_id)
    assert verified(headers, consumer.bodies[0], subscription.secrets[0])
    assert not verified(headers, consumer.bodies[0] + b" ", subscription.secrets[0])
    row.refresh_from_db()
    assert (row.status, row.tries, row.answered, row.problem) == ("delivered", 1, 200, "")
    tell(subscription)
    assert len(consumer.told) == 1


def test_during_a_rotation_both_secrets_verify(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    former = subscription.secrets[0]
    new = subscriptions.rotate_secret(subscription, actor=None)
    receive()
    tell(subscription)
    assert all(verified(consumer.headers[0], consumer.bodies[0], one) for one in (new, former))
    WebhookSubscription.objects.update(former_secret_ends_at=timezone.now())
    receive()
    tell(subscription)
    assert [verified(consumer.headers[1], consumer.bodies[1], one) for one in (new, former)] == [True, False]
    stored = "SELECT secrets FROM conversations_webhooksubscription"
    with connection.cursor() as cursor:
        cursor.execute(stored)
        assert new not in str(cursor.fetchone())


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (500, "It answered 500."),
        (404, "It answered 404."),
        (302, "It answered with a redirect, which is not followed. Enter the address where it leads."),
    ],
)
def test_what_is_not_taken_is_tried_again_with_the_same_id(consumer: Consumer, answer: int, problem: str) -> None:
    subscription = subscribe(consumer.url, "message.received")
    [row] = receive()
    consumer.answers = [answer]
    before = database_now()
    tell(subscription)
    row.refresh_from_db()
    assert (row.status, row.answered, row.problem) == ("waiting", answer, problem)
    assert before + timedelta(seconds=3) < row.next_try_at < before + timedelta(seconds=8)
    assert consumer.paths == ["/told"]
    tell(subscription)
    assert len(consumer.told) == 1  # it waits
    make_due(subscription)
    tell(subscription)
    assert {one["id"] for one in consumer.told} == {str(row.event_id)}
    assert statuses() == ["delivered"]
    assert (subscription.failures, subscription.failing_since) == (0, None)


def test_what_comes_after_a_failure_in_a_conversation_waits_for_it(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    talk = factories.make_conversation()
    for body in ("one", "two"):
        factories.make_message(talk, direction="in", body=body)
    first = receive(body="elsewhere")[0]
    consumer.refused_ids = {str(first.event_id)}
    tell(subscription)
    assert sorted(one["data"]["message"]["body"] for one in consumer.told) == ["elsewhere", "one"]
    assert statuses() == ["waiting", "waiting", "delivered"]
    consumer.begin()
    make_due(subscription)
    tell(subscription)
    assert [one["data"]["message"]["body"] for one in consumer.told] == ["one", "two"]


def test_a_slow_one_is_cut_off_and_waits_behind_bulk(consumer: Consumer, settings: Any, woken: Any) -> None:
    settings.WEBHOOK_TOTAL_SECONDS = 0.2
    posting.transport.cache_clear()
    subscription = subscribe(consumer.url, "message.received")
    consumer.delay = 0.4
    [row] = receive()
    tell(subscription)
    row.refresh_from_db()
    assert (row.status, row.answered) == ("waiting", None)
    assert "no answer within" in row.problem
    assert subscription.is_slow
    make_due(subscription)
    with woken():
        upkeep.sweep(database_now())
    assert waiting_jobs() == {queue.INTERACTIVE: 0, queue.BULK: 1, queue.DEFAULT: 0}


@pytest.fixture
def woken(django_capture_on_commit_callbacks: Any) -> Any:
    """Jobs are enqueued when a transaction commits."""
    return partial(django_capture_on_commit_callbacks, execute=True)


def waiting_jobs() -> dict[str, int]:
    return {name: len(django_rq.get_queue(name)) for name in queue.QUEUES}


def test_an_answer_without_end_is_not_read(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    consumer.largest = b"x" * (posting.LARGEST_ANSWER + 1)
    [row] = receive()
    tell(subscription)
    row.refresh_from_db()
    assert (row.status, row.problem) == ("waiting", "The answer was larger than 64 kB.")


def test_one_that_is_down_is_asked_ever_less_and_nothing_is_lost(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        host = f"127.0.0.1:{nobody.getsockname()[1]}"
    settings.EXTRA_PROVIDER_HOSTS = [host]
    forget_transports()
    subscription = subscribe(f"http://{host}/", "message.received")
    receive(12)
    tell(subscription)
    assert WebhookDelivery.objects.filter(tries=1).count() == delivering.ROUND
    for _ in range(4):
        make_due(subscription)
        tell(subscription)
    assert sum(WebhookDelivery.objects.values_list("tries", flat=True)) == delivering.ROUND + 4
    assert statuses() == ["waiting"] * 12
    assert subscription.failures == 5
    assert subscription.next_try_at is not None
    assert subscription.next_try_at > timezone.now()
    assert "No connection could be made" in WebhookDelivery.objects.exclude(problem="").earliest("pk").problem
    forget_transports()


@pytest.mark.parametrize(
    "address",
    [
        "http://billing.example/told",
        "https://billing.example:8443/told",
        "https://user:word@billing.example/",
        "ftp://billing.example/",
        "//billing.example/",
        "https://billing.example\\@127.0.0.1/",
        "",
    ],
)
def test_addresses_that_are_refused_when_they_are_entered(address: str) -> None:
    with pytest.raises(ValidationError) as refused:
        subscribe(address)
    assert "url" in refused.value.message_dict
    assert not WebhookSubscription.objects.exists()


@pytest.mark.parametrize("address", ["https://127.0.0.1/", "https://localhost/", "https://[::ffff:127.0.0.1]/"])
def test_an_address_that_is_not_public_is_told_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Something listens there; it sees a connection, and not one byte."""
    settings.EXTRA_PROVIDER_HOSTS = []
    forget_transports()
    with socket.create_server(("127.0.0.1", 0)) as inside:
        port, look_up = inside.getsockname()[1], socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, _, *rest, **more: look_up(host, port, *rest, **more))
        subscription = subscribe(address, "message.received")
        [row] = receive()
        tell(subscription)
        inside.settimeout(0.5)
        connection_made, _ = inside.accept()
        with connection_made:
            connection_made.settimeout(0.5)
            assert connection_made.recv(1) == b""
    row.refresh_from_db()
    assert row.status == "waiting"
    assert "not public" in row.problem


def test_after_a_day_of_failure_it_is_paused_people_hear_of_it_and_nothing_is_lost(
    consumer: Consumer, woken: Any
) -> None:
    admin, tom = factories.make_user("administrator"), factories.make_user("supervisor")
    sam, priya = factories.make_user("supervisor"), factories.make_user("agent")
    stream = factories.make_stream()
    factories.make_team(members=[tom, priya], streams=[stream])
    subscription = subscribe(consumer.url, "message.received", owner=admin, streams=[stream])
    factories.make_message(factories.make_conversation(stream), direction="in")
    consumer.answers = [500, 500]
    tell(subscription)
    long_ago(subscription)
    tell(subscription)
    assert subscription.paused_at is not None
    assert subscription.pause_reason == "Nothing arrived for a day. It answered 500."
    assert set(Notification.objects.values_list("user", flat=True)) == {admin.pk, tom.pk}
    assert sam.pk not in Notification.objects.values_list("user", flat=True)
    assert Notification.objects.of(tom).count() == 1
    assert AuditEntry.objects.filter(action="webhook_changed", summary="Paused by itself.").count() == 1
    factories.make_message(factories.make_conversation(stream), direction="in")
    make_due(subscription)
    tell(subscription)
    with woken():
        upkeep.sweep(database_now())
    assert len(consumer.told) == 2
    assert waiting_jobs()[queue.DEFAULT] == 0
    subscriptions.resume(subscription, actor=admin)
    tell(subscription)
    assert statuses() == ["delivered", "delivered"]
    with pytest.raises(ValidationError, match="not paused"):
        subscriptions.resume(subscription, actor=admin)


def test_one_event_that_is_never_taken_is_given_up_after_a_day(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    [bad] = receive()
    factories.make_message(Message.objects.get().conversation, direction="in", body="next")
    consumer.refused_ids = {str(bad.event_id)}
    tell(subscription)
    receive()
    long_ago(subscription, failing=False)
    WebhookSubscription.objects.update(failures=0, failing_since=None)
    tell(subscription)
    assert statuses() == ["failed", "delivered", "delivered"]
    assert subscription.paused_at is None


def test_one_that_cannot_be_read_holds_up_nothing(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    odd, _ = receive(2)
    WebhookDelivery.objects.filter(pk=odd.pk).update(data={"message": "none"})
    tell(subscription)
    assert statuses() == ["failed", "delivered"]
    odd.refresh_from_db()
    assert odd.problem == "What it is about could not be read. The log names the kind of error."


def test_a_replay_has_the_same_id(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    [row] = receive()
    tell(subscription)
    subscriptions.replay(row, actor=None)
    with pytest.raises(ValidationError, match="waits"):
        subscriptions.replay(row, actor=None)
    tell(subscription)
    assert [one["id"] for one in consumer.told] == [str(row.event_id)] * 2
    row.refresh_from_db()
    assert (row.status, row.replays) == ("delivered", 1)


def test_it_is_told_what_its_owner_sees_and_no_more(consumer: Consumer) -> None:
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[factories.make_stream()])
    subscription = subscribe(consumer.url, "message.received", owner=tom)
    receive()
    tell(subscription)
    assert consumer.told == []
    assert statuses() == ["skipped"]


def test_an_owner_who_has_left_pauses_it_and_loses_nothing(consumer: Consumer) -> None:
    tom = factories.make_user("administrator")
    subscription = subscribe(consumer.url, "message.received", owner=tom)
    receive()
    tom.is_active = False
    tom.save()
    tell(subscription)
    assert subscription.paused_at is not None
    assert statuses() == ["waiting"]
    with pytest.raises(ValidationError) as refused:
        subscribe(consumer.url, name="Second", owner=tom)
    assert "owner" in refused.value.message_dict


def test_a_status_is_told_as_it_was_then(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.status")
    message = factories.make_message(status="accepted")
    Message.objects.filter(pk=message.pk).update(status="delivered")
    tell(subscription)
    assert [one["data"]["message"]["status"] for one in consumer.told] == ["accepted", "delivered"]


def test_the_dispatcher_wakes_who_has_something_to_be_told(consumer: Consumer, woken: Any) -> None:
    subscription = subscribe(consumer.url, "message.received")
    with woken():
        dispatch.sweep()
    assert waiting_jobs() == {queue.INTERACTIVE: 0, queue.BULK: 0, queue.DEFAULT: 0}
    receive()
    with woken():
        dispatch.sweep()
    assert waiting_jobs() == {queue.INTERACTIVE: 0, queue.BULK: 0, queue.DEFAULT: 1}
    subscriptions.send_test(subscription)
    [job] = django_rq.get_queue(queue.DEFAULT).jobs
    assert (job.func, job.args) == (jobs.tell_subscribers, [[subscription.pk]])
    tell(subscription)
    assert {one["event"] for one in consumer.told} == {"message.received", "test"}


def test_a_test_event_makes_the_next_try_now(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    receive()
    WebhookSubscription.objects.update(failures=9, next_try_at=timezone.now() + timedelta(hours=1))
    tell(subscription)
    assert consumer.told == []
    subscriptions.send_test(subscription)
    tell(subscription)
    assert [one["event"] for one in consumer.told] == ["message.received", "test"]
    assert subscription.failures == 0


def test_one_that_is_deleted_while_it_is_told_something_is_told_no_more(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = subscribe(consumer.url, "message.received")
    receive()
    original = posting.send

    def send(*args: Any, **given: Any) -> posting.Reply:
        reply = original(*args, **given)
        subscriptions.delete(subscription, actor=None)
        return reply

    monkeypatch.setattr(posting, "send", send)
    delivering.tell([subscription.pk])
    assert len(consumer.told) == 1
    assert not WebhookDelivery.objects.exists()
