"""Bad-input rows B52 to B54: what a call may say about others, STOP and what is near it, and links to files.

the words that stop and start, in every language     tests/messaging/test_keywords.py
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import ConsentState, Conversation, Message, Receipt, Stream, WebhookEvent
from messaging.registry import provider_classes
from tests import factories
from tests.bad_input.calls import AMIRA, OURS, call, read_calls, said
from tests.conversations.views.conftest import Centre

pytestmark = pytest.mark.django_db


def stream_of(slug: str = "webex_interact", **fields: Any) -> Stream:
    """A stream of a new account."""
    return factories.make_stream(factories.make_account(slug), inbound_number=OURS, **fields)


def report(slug: str, status: str, **named: str) -> dict[str, Any]:
    """A provider's report, which names its message by `external_id` or `ref`."""
    if slug == "webex_interact":
        event = {"id": "evt_r", "type": "com.interact.messages.sms.status", "data": {"status": status}}
        return event | {"transaction_id": named.get("external_id", ""), "correlation_id": named.get("ref", "")}
    child = {"Id": "5", "Status": status, "MessageId": named.get("external_id", ""), "Ref": named.get("ref", "")}
    return {"Event": {"Subscription": "Object", "Name": "OnChildStatus", "Object": {"Id": "7", "Children": [child]}}}


@pytest.mark.parametrize("slug", ["webex_interact", "cirrus"])
@pytest.mark.parametrize("by", ["external_id", "ref"])
def test_b52_a_report_about_another_accounts_message_is_ignored_and_logged(
    slug: str, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    mine, theirs = stream_of(slug), stream_of(slug)
    message = factories.make_message(factories.make_conversation(mine), external_id="tid_1", sent_at=timezone.now())
    named = report(slug, "failed", **{by: "tid_1" if by == "external_id" else str(message.ref)})
    with caplog.at_level(logging.WARNING, "parley.security"):
        assert call(theirs.account, named).status_code == 200
        read_calls()
    message.refresh_from_db()
    assert (message.status, message.failure_text) == ("accepted", "")
    assert Receipt.objects.get().message is None
    assert [record.getMessage() for record in caplog.records if record.name == "parley.security"] == [
        f"A report to account {theirs.account_id} names message {message.pk} of another account: ignored"
    ]
    caplog.clear()
    assert call(mine.account, named).status_code == 200
    read_calls()
    message.refresh_from_db()
    assert message.status == "failed"
    assert not caplog.records


def test_b52_a_report_of_a_message_not_known_yet_is_no_security_matter(caplog: pytest.LogCaptureFixture) -> None:
    stream = stream_of()
    call(stream.account, report("webex_interact", "delivered", external_id="tid_9"))
    read_calls()
    assert Receipt.objects.get().message is None
    assert not [record for record in caplog.records if record.name == "parley.security"]


@pytest.mark.parametrize("slug", ["cirrus", "ccai_platform"])
def test_b52_a_conversation_of_another_account_cannot_be_written_into(slug: str) -> None:
    mine, theirs = stream_of(slug), stream_of(slug)
    ours = factories.make_conversation(mine, factories.make_contact(AMIRA), external_id="114")
    if slug == "cirrus":
        Stream.objects.filter(pk=theirs.pk).update(settings={"stream_id": "533"})
        child = {"Id": "1", "Message": "Hello", "User": {"Phone1": AMIRA.lstrip("+")}}
        of_a_conversation = {"Id": "114", "StreamId": "533", "Children": child}
        event: dict[str, Any] = {"Subscription": "Object", "Name": "OnNewChild", "Object": of_a_conversation}
        event = {"Event": event}
    else:
        words = {"sender": {"type": "end_user"}, "message": {"content": "Hello"}}
        numbers = {"end_user_number": AMIRA, "outbound_number": theirs.sender}
        event = {"event_type": "message_received", "chat_id": 114, "body": words | numbers}
    assert call(theirs.account, event).status_code == 200
    read_calls()
    assert not ours.messages.exists()
    assert Message.objects.get().stream == theirs


@pytest.mark.parametrize(
    "text", ["STOP", "Stop.", "stop!!", " StOp \n", "STOP ALL", "stop-all", "arrêt", "ARRET", "Unsubscribe", "ＳＴＯＰ"]
)
def test_b53_a_word_that_stops_is_an_opt_out(text: str) -> None:
    stream = stream_of()
    call(stream.account, said(text))
    read_calls()
    state = ConsentState.objects.get(phone=AMIRA, channel="sms")
    assert (state.service, state.marketing, state.last_event.wording) == ("opted_out", "opted_out", text)


@pytest.mark.parametrize(
    "text",
    [
        "stopping by later",
        "pls stop",
        "Don't stop",
        "STOP it, thanks",
        "bus stop?",
        "stopp ing",
        "STОP",
        "",
        "S",
        "yes",
    ],
)
def test_b53_what_only_comes_near_is_none(text: str) -> None:
    stream = stream_of()
    call(stream.account, said(text))
    read_calls()
    assert Message.objects.get().body == text
    assert not ConsentState.objects.exists()


@pytest.fixture
def inner_server() -> Iterator[tuple[int, list[str]]]:
    """A server that only this machine reaches, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_GET = do_HEAD = do_POST = answer  # noqa: N815 the names http.server calls

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    thread.join()
    server.server_close()


INNER = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "https://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "javascript:alert(1)",
    "data:text/html,x",
]


def test_b54_no_file_that_a_customer_links_to_is_fetched(
    inner_server: tuple[int, list[str]], desk: Centre, agent: Client
) -> None:
    """Parley opens no link of a message: nothing to resolve, and so nothing to refuse."""
    port, asked = inner_server
    Stream.objects.filter(pk=desk.care.pk).update(settings={"stream_id": "533"})
    for number, link in enumerate(INNER):
        address = link.replace("{port}", str(port))
        file = {"url": address, "filename": "a.jpg", "mimetype": "image/jpeg"}
        child = {"Id": str(number + 1), "Message": f"See {address}", "Content": {"attachments": [file]}}
        child["User"] = {"Phone1": AMIRA.lstrip("+")}
        record = {"Id": "7", "StreamId": "533", "Children": child}
        event = {"Event": {"Subscription": "Object", "Name": "OnNewChild", "Object": record}}
        assert call(desk.care.account, event).status_code == 200
    read_calls()
    conversation = Conversation.objects.get()
    assert conversation.messages.count() == len(INNER)
    page = agent.get(f"/c/{conversation.pk}/")
    agent.get(f"/inbox/updates/?open={conversation.pk}")
    assert asked == []
    assert b"<img" not in page.content  # no browser fetches one by itself either
    schemes = {one["link"].partition(":")[0] for message in conversation.messages.all() for one in message.media}
    assert schemes == {"http", "https"}


@pytest.mark.parametrize("slug", provider_classes())
@pytest.mark.parametrize("when", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z"])
def test_a_clock_that_is_wrong_neither_breaks_a_page_nor_opens_a_window(
    slug: str, when: str, desk: Centre, agent: Client
) -> None:
    stream = desk.care if slug == "cirrus" else stream_of(slug)
    factories.make_team(members=[desk.priya], streams=[stream])
    Stream.objects.filter(pk=stream.pk).update(settings={"stream_id": "533"})
    child = {"Id": "1", "Message": "Hello", "CreatedTime": when, "User": {"Phone1": AMIRA.lstrip("+")}}
    record = {"Id": "114", "StreamId": "533", "Children": child}
    words = {"sender": {"type": "end_user"}, "message": {"content": "Hello"}, "end_user_number": AMIRA}
    events = {
        "webex_interact": [said("Hello") | {"time": when}],
        "cirrus": [{"Event": {"Subscription": "Object", "Name": "OnNewChild", "Object": record}}],
        "ccai_platform": [
            {"event_type": "message_received", "timestamp": when, "chat_id": 114, "body": words}
            | {"body": words | {"outbound_number": stream.sender}},
            {"event_type": "chat_ended", "timestamp": when, "chat_id": 114},
        ],
    }
    for event in events[slug]:
        call(stream.account, event)
        read_calls()
    assert not WebhookEvent.objects.exclude(status="processed").exists()
    conversation = Conversation.objects.get()
    assert conversation.last_inbound_at is not None
    assert timedelta() <= timezone.now() - conversation.last_inbound_at < timedelta(minutes=5)
    assert conversation.window_closes_at is None or conversation.window_closes_at < timezone.now() + timedelta(days=1)
    assert all(one.occurred_at > datetime(2000, 1, 1, tzinfo=UTC) for one in conversation.activities.all())
    for address in (f"/c/{conversation.pk}/", "/?view=all"):
        assert agent.get(address).status_code == 200
