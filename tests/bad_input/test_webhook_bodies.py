"""Bad-input rows B50, B51 and B22: how large a call is, in what form, and whether it says anything we know."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.asgi import LARGEST_HOOK, application
from conversations.models import Message, Receipt, WebhookEvent
from conversations.services import inbound
from conversations.webhooks import LARGEST_BODY
from messaging.registry import provider_classes
from tests import factories
from tests.bad_input.calls import OURS, call, read_calls, said
from tests.conversations.views.conftest import signed_in
from tests.messaging.providers.made_up import bodies

pytestmark = pytest.mark.django_db

BODY = json.dumps(said("Hello")).encode()


def padded(size: int) -> bytes:
    """A call of that many bytes."""
    empty = json.dumps(said("")).encode()
    return json.dumps(said("x" * (size - len(empty)))).encode()


@pytest.mark.parametrize(("size", "status"), [(LARGEST_BODY, 200), (LARGEST_BODY + 1, 413), (20_000_000, 413)])
def test_b50_a_body_ends_at_256_kilobytes(size: int, status: int) -> None:
    account = factories.make_account("webex_interact")
    body = padded(size)
    assert len(body) == size
    assert call(account, body).status_code == status
    assert WebhookEvent.objects.count() == (status == 200)


@pytest.mark.parametrize("lie", ["0", "10", "", "-1", "9" * 40])
def test_b50_a_length_that_is_a_lie_breaks_nothing(lie: str) -> None:
    account = factories.make_account("webex_interact")
    assert call(account, BODY, CONTENT_LENGTH=lie).status_code in (200, 400, 413)


def test_b50_a_body_in_pieces_ends_there_too() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"[" * 10_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/hooks/x/", "headers": [], "query_string": b""}
    asyncio.run(application(scope, receive, send))
    assert sent[0]["status"] == 413
    assert LARGEST_HOOK == LARGEST_BODY


UNREADABLE = {
    "100,000 brackets": b"[" * 100_000,
    "100,000 closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 20_000,
    "NaN": b'{"id": "evt_1", "data": NaN}',
    "Infinity": b'{"id": "evt_1", "data": -Infinity}',
    "a number of 100,000 digits": b'{"id": ' + b"9" * 100_000,
    "not UTF-8": b'{"id": "\xff\xfe"}',
    "UTF-16": '{"id": "evt_1"}'.encode("utf-16"),
    "a form": b"id=evt_1&type=message",
    "a multipart form": b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\nevt_1\r\n--x--\r\n',
    "gzip": gzip.compress(b'{"id": "evt_1"}'),
    "cut": b'{"id": "evt_',
    "nothing": b"",
    "NUL": b"\x00",
    "text": b'"evt_1"',
    "a number": b"7",
}


@pytest.mark.parametrize("slug", provider_classes())
@pytest.mark.parametrize("kind", UNREADABLE)
def test_b50_what_nobody_can_read_is_answered_400_and_kept(slug: str, kind: str) -> None:
    account = factories.make_account(slug)
    for times in (1, 2):
        assert call(account, UNREADABLE[kind]).status_code == 400
        event = WebhookEvent.objects.get()
        assert (event.status, bytes(event.body), event.times_received) == ("failed", UNREADABLE[kind], times)
    assert event.error.endswith(".")
    inbound.replay(event)
    event.refresh_from_db()
    assert event.status == "failed"
    assert not Message.objects.exists()


def test_b50_the_last_of_two_keys_counts() -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, inbound_number=OURS)
    call(account, BODY.replace(b'"message": "Hello"', b'"message": "First", "message": "Last"'))
    read_calls()
    assert Message.objects.get().body == "Last"


@pytest.mark.parametrize("number", [10**30, -(2**63), 2**63, 0])
def test_b50_numbers_of_any_size_are_kept_as_text(number: int) -> None:
    account = factories.make_account("webex_interact")
    message = factories.make_message(
        factories.make_conversation(factories.make_stream(account)), external_id=str(number)
    )
    report = {"id": number, "type": "com.interact.messages.sms.status", "data": {"status": "delivered"}}
    assert call(account, report | {"transaction_id": number}).status_code == 200
    read_calls()
    message.refresh_from_db()
    assert message.status == "delivered"
    assert Receipt.objects.get().key == str(number)


def test_b22_half_a_surrogate_pair_in_a_call_is_replaced() -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, inbound_number=OURS)
    call(account, BODY.replace(b"Hello", b"a\\ud800b\\u0000c"))
    read_calls()
    assert Message.objects.get().body == "a?bc"


@pytest.mark.parametrize(
    "event",
    [
        {"id": "evt_1", "type": "com.interact.messages.sms.painted", "data": {"status": "blue"}},
        {"id": "evt_1", "type": "com.interact.messages.sms.status", "data": {"status": "blue"}},
        {"id": "evt_1", "data": {}},
        {"id": "evt_1"},
        {},
        [{}, 7, None, []],
    ],
)
def test_b51_an_event_of_no_known_kind_is_kept_and_shown(event: object) -> None:
    account = factories.make_account("webex_interact")
    assert call(account, event).status_code == 200
    read_calls()
    row = WebhookEvent.objects.get()
    assert (row.status, row.error) == ("unrecognised", "")
    browser = signed_in(factories.make_user("administrator"))
    found = browser.get("/admin/conversations/webhookevent/?status__exact=unrecognised").content.decode()
    assert f"/admin/conversations/webhookevent/{row.pk}/change/" in found
    assert "Unrecognised" in found


def test_b51_more_and_fewer_fields_than_documented_are_no_fault() -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, inbound_number=OURS)
    bare = {"id": "evt_2", "type": "com.interact.messages.sms.status", "extra": {"deep": [1]}}
    bare["data"] = {"status": "inbound", "phone_number": "447700900142", "inbound_number": OURS, "x": None}
    assert call(account, bare).status_code == 200
    read_calls()
    assert Message.objects.get().body == ""


@pytest.mark.parametrize("slug", provider_classes())
def test_b50_b51_no_call_at_all_breaks_anything(slug: str) -> None:
    """Any bytes, any JSON, and recorded calls with values replaced: never a fault of ours."""
    account = factories.make_account(slug)
    for number, stream_id in enumerate(("71", "72", "532")):
        factories.make_stream(
            account, sender=f"+1628555019{9 - number}", inbound_number=f"+44781000000{9 - number}",
            settings={"stream_id": stream_id},
        )  # fmt: skip

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def send(data: st.DataObject) -> None:
        body = data.draw(bodies(provider_classes()[slug], "hook_"))
        assert call(account, body).status_code in (200, 400)
        read_calls()
        for event in WebhookEvent.objects.all():
            assert event.status != "received"
            assert not event.error.isidentifier()  # the name of an exception
        WebhookEvent.objects.all().delete()

    send()
