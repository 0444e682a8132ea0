"""What providers tell us: refused, stored once, read once, and put where it belongs."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from conversations import jobs, queue
from conversations.models import ConsentState, Contact, Conversation, Message, Receipt, WebhookEvent
from conversations.services import inbound, waiting_calls
from messaging.types import InboundMessage
from tests import factories

pytestmark = pytest.mark.django_db

INBOUND_NUMBER = "+447700900177"
AMIRA = "+447700900142"


def said(text: str, *, key: str = "evt_1", phone: str = AMIRA, to: str = INBOUND_NUMBER) -> dict[str, Any]:
    """A Webex Interact event: a customer wrote."""
    return {
        "specversion": "1.0",
        "type": "com.interact.messages.sms.status",
        "source": "https://api.webexinteract.com/v1/sms",
        "id": key,
        "time": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {
            "status": "inbound",
            "channel": "sms",
            "message": text,
            "phone_number": phone,
            "inbound_number": to,
            "inbound_number_id": "num_1",
        },
        "correlation_id": "cid_1",
    }


@pytest.fixture
def stream() -> Any:
    account = factories.make_account("webex_interact")
    return factories.make_stream(account, external_id="", sender="FERNHILL", inbound_number=INBOUND_NUMBER)


def call(stream: Any, event: object, **extra: Any) -> int:
    """Call the webhook as the provider does, and read what came."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    answer = Client().post(f"/hooks/{stream.account.webhook_token}/", body, content_type="application/json", **extra)
    inbound.process_webhooks(list(WebhookEvent.objects.filter(status="received").values_list("pk", flat=True)))
    return answer.status_code


def test_a_reply_opens_a_conversation(stream: Any) -> None:
    assert call(stream, said("Is the refund coming?")) == 200
    conversation = Conversation.objects.get()
    assert (conversation.status, conversation.unread_count) == ("open", 1)
    assert conversation.waiting_since is not None
    message = conversation.messages.get()
    assert (message.direction, message.status, message.body) == ("in", "received", "Is the refund coming?")


def test_a_reply_lands_in_the_conversation_it_answers(stream: Any) -> None:
    ours = factories.make_conversation(stream, factories.make_contact(AMIRA), status="waiting")
    call(stream, said("Thank you"))
    ours.refresh_from_db()
    assert ours.status == "open"
    assert ours.messages.get().body == "Thank you"


def test_a_reply_opens_a_resolved_conversation_again(stream: Any) -> None:
    ours = factories.make_conversation(stream, factories.make_contact(AMIRA), status="resolved")
    call(stream, said("One more thing"))
    assert Conversation.objects.get() == ours
    assert Conversation.objects.get().status == "open"


def test_the_same_event_counts_once(stream: Any) -> None:
    event = said("Hello")
    assert call(stream, event) == 200
    assert call(stream, event) == 200
    event["time"] = "2026-11-22T09:00:00Z"  # the same event in another body
    assert call(stream, event) == 200
    assert Message.objects.count() == 1
    assert WebhookEvent.objects.order_by("id").first().times_received == 2


def test_an_unknown_address_is_404_and_stores_nothing(stream: Any) -> None:
    answer = Client().post("/hooks/nobody-knows-this/", b"{}", content_type="application/json")
    assert answer.status_code == 404
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(("method", "status"), [("get", 405), ("head", 200), ("put", 405)])
def test_other_methods(stream: Any, method: str, status: int) -> None:
    answer = getattr(Client(), method)(f"/hooks/{stream.account.webhook_token}/")
    assert answer.status_code == status
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}', b'"text"', b"{}", b'{"id": 5}']
)
def test_a_body_that_cannot_be_read_is_kept_and_breaks_nothing(stream: Any, body: bytes) -> None:
    assert call(stream, body) in (200, 400)
    assert not Message.objects.exists()


def test_a_reply_to_a_number_that_is_not_set_up_is_kept_for_replay(stream: Any) -> None:
    call(stream, said("Hello", to="+447700900999"))
    event = WebhookEvent.objects.get()
    assert event.status == "failed"
    assert "+447700900999" in event.error
    assert not Message.objects.exists()
    stream.inbound_number = "+447700900999"
    stream.save()
    inbound.replay(event)
    assert Message.objects.get().body == "Hello"


def test_stop_and_start(stream: Any) -> None:
    call(stream, said("stop.", key="evt_1"))
    state = ConsentState.objects.get(phone=AMIRA, channel="sms")
    assert (state.service, state.marketing) == ("opted_out", "opted_out")
    assert state.last_event.wording == "stop."
    call(stream, said("START", key="evt_2"))
    state.refresh_from_db()
    assert state.service == "opted_in"


def test_a_wish_in_other_words_is_no_opt_out(stream: Any) -> None:
    call(stream, said("I will stop by later"))
    assert not ConsentState.objects.exists()


def test_hostile_text_is_stored_as_it_came(stream: Any) -> None:
    text = '<script>alert(1)</script> {{7*7}} "><svg \u202e'
    call(stream, said(text))
    assert Message.objects.get().body == text


def test_a_whatsapp_message_restarts_the_window() -> None:
    stream = factories.make_stream(channel="whatsapp", external_id="enc", settings={"stream_id": "533"})
    hook: dict[str, Any] = {
        "Event": {
            "Subscription": "Object",
            "Name": "OnNewChild",
            "Brand": "x",
            "Object": {
                "Id": "901730",
                "StreamId": "533",
                "SubStreamId": "0",
                "Children": {
                    "Child": {
                        "Id": "2099753",
                        "Type": "0",
                        "Message": "Hello",
                        "ManagerId": "0",
                        "User": {
                            "Id": "1",
                            "Phone1": AMIRA.lstrip("+"),
                            "Identity": {"Id": "2", "StreamProviderId": AMIRA.lstrip("+"), "StreamProviderType": "7"},
                        },
                    }
                },
            },
        }
    }
    assert call(stream, hook) == 200
    conversation = Conversation.objects.get()
    assert conversation.external_id == "901730"
    assert conversation.window_closes_at is not None
    assert abs(conversation.window_closes_at - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert Contact.objects.get().phone == AMIRA

    # One that is told of hours late, after a younger one, is kept and closes nothing.
    child = hook["Event"]["Object"]["Children"]["Child"]
    child |= {"Id": "2099752", "Message": "Before", "CreateDate": f"{timezone.now() - timedelta(hours=23):%FT%T}"}
    opened = (conversation.last_inbound_at, conversation.window_closes_at)
    assert call(stream, hook) == 200
    conversation.refresh_from_db()
    assert conversation.messages.count() == 2
    assert (conversation.last_inbound_at, conversation.window_closes_at) == opened


def test_a_receipt_of_another_account_raises_nothing(stream: Any) -> None:
    message = factories.make_message(factories.make_conversation(stream), external_id="tid_1")
    other = factories.make_stream(factories.make_account("webex_interact"), external_id="", sender="OTHER")
    event = said("")
    event["data"] = {"status": "delivered", "channel": "sms", "phone_number": AMIRA}
    event["transaction_id"] = "tid_1"
    event.pop("correlation_id")
    call(other, event)
    message.refresh_from_db()
    assert message.status == "accepted"
    call(stream, event)
    message.refresh_from_db()
    assert message.status == "delivered"


@pytest.mark.django_db(transaction=True)
def test_fifty_deliveries_of_one_event_at_once_make_one_message(stream: Any) -> None:
    event, statuses = said("Hello"), []

    def deliver() -> None:
        try:
            statuses.append(call(stream, event))
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 50
    assert Message.objects.count() == 1
    assert WebhookEvent.objects.get().times_received == 50


@pytest.mark.django_db(transaction=True)
def test_many_messages_of_one_new_number_at_once_make_one_conversation(stream: Any) -> None:
    statuses = []

    def deliver(number: int) -> None:
        try:
            statuses.append(call(stream, said(f"Text {number}", key=f"evt_{number}")))
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    call(stream, said("The last one", key="evt_20"))  # reads what the others left to each other
    assert statuses == [200] * 20
    assert Contact.objects.count() == Conversation.objects.count() == 1
    assert sorted(Message.objects.values_list("body", flat=True)) == sorted(
        [f"Text {number}" for number in range(20)] + ["The last one"]
    )
    assert Conversation.objects.get().unread_count == 21


def test_what_was_held_for_the_window_leaves_when_the_customer_writes() -> None:
    stream = factories.make_stream(channel="whatsapp", external_id="enc", settings={"stream_id": "533"})
    ours = factories.make_conversation(stream, factories.make_contact(AMIRA), external_id="901730")
    held = factories.make_message(ours, status="held", held_for="window", queued_at=timezone.now())
    inbound.receive(InboundMessage(key="child:1", phone=AMIRA, body="Hello", conversation_id="901730"), stream.account)
    held.refresh_from_db()
    assert (held.status, held.held_for) == ("queued", "")


@pytest.mark.django_db(transaction=True)
def test_what_a_customer_wrote_does_not_wait_behind_the_reports_of_a_campaign(stream: Any) -> None:
    for name in queue.QUEUES:
        django_rq.get_queue(name).empty()
    told = said("", key="evt_report")
    told["data"] |= {"status": "delivered", "transaction_id": "tr_1"}
    for event in (told, said("STOP")):
        Client().post(f"/hooks/{stream.account.webhook_token}/", json.dumps(event), content_type="application/json")
    _, words = WebhookEvent.objects.order_by("id").values_list("pk", flat=True)
    assert django_rq.get_queue(queue.DEFAULT).job_ids == ["process_webhooks-"]
    assert django_rq.get_queue(queue.INTERACTIVE).job_ids == [f"hear_customers-{words}"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_reads_every_report_that_waits(stream: Any) -> None:
    for name in queue.QUEUES:
        django_rq.get_queue(name).empty()
    for number in range(3):
        told = said("", key=f"evt_{number}")
        told["data"] |= {"status": "delivered", "transaction_id": f"tr_{number}"}
        Client().post(f"/hooks/{stream.account.webhook_token}/", json.dumps(told), content_type="application/json")
    waiting = django_rq.get_queue(queue.DEFAULT)
    assert waiting.job_ids == ["process_webhooks-"]
    jobs.process_webhooks([])
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert Receipt.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_reports_are_woken_for_once_until_a_worker_takes_the_job(stream: Any) -> None:
    for name in queue.QUEUES:
        django_rq.get_queue(name).empty()
    waiting = django_rq.get_queue(queue.DEFAULT)
    for number in range(4):
        if number == 2:
            waiting.pop_job_id()  # a worker has looked at what waits, and works on it
        told = said("", key=f"evt_{number}")
        told["data"] |= {"status": "delivered", "transaction_id": f"tr_{number}"}
        Client().post(f"/hooks/{stream.account.webhook_token}/", json.dumps(told), content_type="application/json")
        assert waiting.count == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_time_is_over_leaves_the_rest_to_another_job(
    stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        told = said("", key=f"evt_{number}")
        told["data"] |= {"status": "delivered", "transaction_id": f"tr_{number}"}
        Client().post(f"/hooks/{stream.account.webhook_token}/", json.dumps(told), content_type="application/json")
    waiting = django_rq.get_queue(queue.DEFAULT)
    waiting.empty()
    monkeypatch.setattr(waiting_calls, "GO_ON_SECONDS", 0)
    jobs.process_webhooks([])
    assert WebhookEvent.objects.filter(status="received").count() == 2
    assert waiting.job_ids == ["process_webhooks-"]


@pytest.mark.django_db(transaction=True)
def test_a_call_costs_two_statements(stream: Any, django_assert_num_queries: Any) -> None:
    told = said("", key="evt_1")
    told["data"] |= {"status": "delivered", "transaction_id": "tr_1"}
    for times in (1, 2):
        with django_assert_num_queries(1 + times):  # whose address it is, the call; the one that was there before
            Client().post(f"/hooks/{stream.account.webhook_token}/", json.dumps(told), content_type="application/json")
    assert WebhookEvent.objects.get().times_received == 2
