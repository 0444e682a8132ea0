"""The page that shows how the engine does: figures, sentences that say what to do, and who sees what."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import django_rq
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from conversations.admin.display import span
from conversations.models import DispatcherTick, Message, Receipt, Stream, StreamGate, WebhookEvent
from conversations.services import operations
from tests import factories
from tests.conversations.admin.browsing import page, signed_in

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/operations/"
MOST_QUERIES = 20


def ago(**spans: float) -> Any:
    return timezone.now() - timedelta(**spans)


def tick(host: str = "web1", **fields: Any) -> DispatcherTick:
    fields = {"process_id": 1, "leads": True, "ticked_at": timezone.now(), **fields}
    return DispatcherTick.objects.create(host=host, **fields)


def queue_of(name: str) -> Queue:
    return Queue(name, connection=django_rq.get_connection("default"), serializer=JSONSerializer)


def workers(*names: str) -> None:
    """Workers that listen, one for each name of a queue."""
    for number, name in enumerate(names):
        SimpleWorker(
            [queue_of(name)], name=f"w{number}", connection=queue_of(name).connection, serializer=JSONSerializer
        ).register_birth()


@pytest.fixture
def _everybody_works() -> None:
    tick()
    workers("interactive", "interactive", "default")


def text_of(answer: Any) -> str:
    """What a person reads, in one line."""
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(strip_tags(answer.content.decode())))


def sentences(browser: Client) -> list[str]:
    """What the page says is wrong, each with its word before it and the words of its link after it."""
    answer = browser.get(ADDRESS)
    listed = re.search(r'<ul class="troubles">(.*?)</ul>', answer.content.decode(), flags=re.DOTALL)
    found = re.findall(r"<li>(.*?)</li>", listed[1], flags=re.DOTALL) if listed else []
    return [re.sub(r"\s+", " ", unescape(strip_tags(one.replace("</span>", "</span> ")))).strip() for one in found]


def addresses(browser: Client) -> list[str]:
    return [unescape(one) for one in re.findall(r'href="([^"]*)"', browser.get(ADDRESS).content.decode())]


@pytest.mark.usefixtures("_everybody_works")
def test_all_is_well(admin_browser: Client) -> None:
    factories.make_stream(name="Service texts")
    assert sentences(admin_browser) == []
    text = text_of(admin_browser.get(ADDRESS))
    assert "Everything that is watched was as it should be" in text
    for word in ("Service texts", "10 a second", "10 of 10 free", "web1", "Leads", "none in doubt"):
        assert word in text
    assert "Things wrong" not in text_of(admin_browser.get(reverse("admin:index")))


def test_a_site_that_nobody_started_says_what_to_start(admin_browser: Client) -> None:
    assert sentences(admin_browser) == [
        "Wrong No dispatcher has come round yet. Start manage.py dispatcher: it releases what is scheduled and finds "
        "what was lost.",
        "Look at No worker is known to listen to interactive. Start manage.py rqworker interactive "
        "--worker-class conversations.queue.InteractiveWorker.",
        "Look at No worker is known to listen to default. Start manage.py rqworker default.",
    ]
    index = admin_browser.get(reverse("admin:index")).content.decode()
    assert f'<a href="{ADDRESS}">Things wrong with sending and receiving: 1' in index


@pytest.mark.parametrize(
    ("rounds", "sentence"),
    [
        ([("web1", True, 45)], "Wrong No dispatcher has come round for 45 s. Start manage.py dispatcher."),
        (
            [("web1", False, 1), ("web2", False, 2)],
            "Wrong Dispatchers come round on web1, web2, and none of them leads. Restart them.",
        ),
        (
            [("web1", True, 1), ("web2", False, 7200)],
            "Look at The dispatcher of web2 has not come round for 2 h 0 min. Start it, or forget the host if it is "
            "gone. Forget this host",
        ),
    ],
)
def test_dispatchers_that_do_not_come(
    rounds: list[tuple[str, bool, int]], sentence: str, admin_browser: Client
) -> None:
    workers("interactive", "interactive", "default")
    for host, leads, seconds in rounds:
        tick(host, leads=leads, ticked_at=ago(seconds=seconds))
    assert sentences(admin_browser) == [sentence]


def test_a_host_that_is_gone_is_forgotten(admin_browser: Client) -> None:
    tick()
    gone = tick("old_41.host", ticked_at=ago(days=3))  # _41 is an A to those who read the addresses of Django
    (address,) = (one for one in addresses(admin_browser) if one.endswith("/delete/"))
    assert admin_browser.post(address, {"post": "yes"}).status_code == 302
    assert not DispatcherTick.objects.filter(host=gone.host).exists()


def test_the_disk_of_a_host(admin_browser: Client) -> None:
    workers("interactive", "interactive", "default")
    tick(spool_files=1, spool_set_aside=2, spool_has_room=False)
    assert sentences(admin_browser) == [
        "Wrong web1 has no room to keep an answer, so its workers send nothing. Free space where SPOOL_DIR lies.",
        "Wrong 2 kept answers on web1 could not be stored. Look at the files that end in .unreadable in SPOOL_DIR "
        "there.",
        "Look at 1 answer is kept on the disk of web1, because the database was away. Its dispatcher stores it.",
    ]
    assert "No room 2 set aside 1 kept" in text_of(admin_browser.get(ADDRESS))


def test_queues_without_workers(admin_browser: Client) -> None:
    tick()
    workers("interactive")
    for name in ("bulk", "default"):
        queue_of(name).enqueue_call("conversations.jobs.process_webhooks", args=([1],))
    assert sentences(admin_browser) == [
        "Wrong 1 job waits in bulk and no worker is known to listen. Start manage.py rqworker bulk.",
        "Wrong 1 job waits in default and no worker is known to listen. Start manage.py rqworker default.",
        "Look at 1 of 2 workers for agents' messages is known. One slow provider may hold up the others.",
    ]


def test_valkey_is_away(admin_browser: Client, settings: Any) -> None:
    tick()
    nobody_listens = {"URL": "redis://127.0.0.1:1/0"}
    settings.RQ_QUEUES = {name: config | nobody_listens for name, config in settings.RQ_QUEUES.items()}
    (sentence,) = sentences(admin_browser)
    assert sentence.startswith("Wrong Valkey does not answer.")
    assert "Away Valkey does not answer." in text_of(admin_browser.get(ADDRESS))


@pytest.mark.usefixtures("_everybody_works")
def test_streams_say_what_keeps_their_messages(admin_browser: Client) -> None:
    refused = factories.make_account(name="Fernhill Cirrus", health="needs_credentials")
    for name in ("One", "Two"):
        stream = factories.make_stream(refused, name=name)
        factories.make_message(factories.make_conversation(stream), status="queued")
    broken, asked = factories.make_stream(name="Broken"), factories.make_stream(name="Asked")
    soon = timezone.now() + timedelta(seconds=50)
    StreamGate.objects.create(stream=broken, faults=20, open_until=soon)
    StreamGate.objects.create(stream=asked, paused_until=soon)
    factories.make_message(factories.make_conversation(asked), status="queued")
    late = factories.make_stream(name="Late")
    factories.make_message(factories.make_conversation(late), status="queued", queued_at=ago(seconds=250))
    factories.make_stream(name="Paused", paused_until=timezone.now() + timedelta(hours=2), pause_reason="Storm")
    factories.make_stream(name="Off", is_active=False)
    probing = factories.make_stream(name="Probing", account=factories.make_account(health="unreachable"))
    StreamGate.objects.create(stream=probing, open_until=ago(seconds=1))
    at = timezone.localtime(soon).strftime("%H:%M:%S")
    assert sorted(sentences(admin_browser)) == [
        f"Look at The provider of Asked asks us to wait until {at}; 1 message does. See what is queued",
        f"Wrong Broken waits until {at}, after 20 faults in a row. Then one request tries.",
        "Wrong The oldest message of Late has been due for 4 min 10 s. See what is queued",
        "Wrong The provider refused the credentials of Fernhill Cirrus; 2 messages wait. Enter the right ones and "
        "test them. Open the account",
    ]
    text = text_of(admin_browser.get(ADDRESS))
    for words in (
        "Credentials refused",
        f"Breaker open until {at}",
        f"Provider waits until {at}",
        "Storm",
        "Switched off",
        "Account does not answer",
        "Next request is a probe",
        "2 due, the oldest for 4 min 10 s",
    ):
        assert words in text, words
    found = addresses(admin_browser)
    assert f"{page(Message, 'changelist')}?status__exact=queued&stream=Late" in found
    assert page(type(refused), "change", refused.pk) in found


@pytest.mark.usefixtures("_everybody_works")
def test_doubts_and_calls_lead_to_their_rows(admin_browser: Client) -> None:
    stream = factories.make_stream()
    conversation = factories.make_conversation(stream)
    factories.make_message(conversation, status="unconfirmed", on_wire_at=ago(minutes=20))
    asked = factories.make_message(
        conversation, status="unconfirmed", on_wire_at=ago(minutes=2), next_lookup_at=timezone.now()
    )
    call = WebhookEvent.objects.create(
        account=stream.account, key="a", body=b"{", status="failed", error="KeyError", received_at=timezone.now()
    )
    WebhookEvent.objects.create(account=stream.account, key="b", body=b"{}", received_at=ago(minutes=65, seconds=10))
    for key in ("a", "b", "c"):
        Receipt.objects.create(account=stream.account, key=key, status="read")
    Receipt.objects.exclude(key="c").update(received_at=ago(hours=1))
    Receipt.objects.filter(key="b").update(message=asked)
    assert sentences(admin_browser) == [
        "Wrong A provider's call has waited for 1 h 5 min to be read. Start manage.py rqworker default.",
        "Look at 1 message is not confirmed and needs a person to decide. See them",
        "Look at 1 call of a provider could not be read. Mend the cause that it names, then replay it. See them",
        "Known 1 message is not confirmed; its provider will be asked about it. See them",
        "Known 1 report is about no message of ours. Does something else send through the same account? See them",
    ]
    found = addresses(admin_browser)

    def listed(model: Any, query: str) -> set[int]:
        address = f"{page(model, 'changelist')}?{query}"
        assert address in found
        return {row.pk for row in admin_browser.get(address).context["cl"].result_list}

    assert len(listed(Message, "status__exact=unconfirmed")) == 2
    assert listed(WebhookEvent, "status__exact=failed") == {call.pk}
    assert listed(Receipt, "match=never") == {Receipt.objects.get(key="a").pk}


def test_reports_are_listed_by_whether_their_message_is_known(admin_browser: Client) -> None:
    message = factories.make_message()
    account = message.stream.account
    never, parked = (Receipt.objects.create(account=account, key=key, status="read") for key in "ab")
    found = Receipt.objects.create(account=account, key="c", status="read", message=message)
    Receipt.objects.exclude(pk=parked.pk).update(received_at=ago(minutes=2))

    def listed(**query: str) -> tuple[set[int], str]:
        answer = admin_browser.get(page(Receipt, "changelist"), query)
        return {row.pk for row in answer.context["cl"].result_list}, text_of(answer)

    assert listed(match="never")[0] == {never.pk}
    assert listed(match="parked")[0] == {parked.pk}
    assert listed(match="found")[0] == {found.pk}
    everything, text = listed()
    assert everything == listed(match="nonsense")[0] == {never.pk, parked.pk, found.pk}
    assert text.count("Never matched") == text.count("Expected") == 2  # the filter's choice, and the row's word


@pytest.mark.usefixtures("_everybody_works")
def test_counts_that_stop_say_so(admin_browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "COUNTED", 2)
    account = factories.make_account()
    for key in "abc":
        WebhookEvent.objects.create(account=account, key=key, body=b"", status="failed", received_at=timezone.now())
    assert sentences(admin_browser)[0].startswith("Look at 2 or more calls of providers could not be read.")


def test_a_supervisor_sees_own_streams_and_whoever_works_for_all() -> None:
    own, other = factories.make_stream(name="Own"), factories.make_stream(name="Elsewhere")
    for stream in (own, other, other):
        factories.make_message(factories.make_conversation(stream), status="unconfirmed")
    WebhookEvent.objects.create(account=own.account, key="a", body=b"", status="failed", received_at=timezone.now())
    tick("old.host", ticked_at=ago(days=3))
    tick()
    tom = factories.make_user("supervisor", name="Tom Reyes")
    factories.make_team(members=[tom], streams=[own])
    browser = signed_in(tom)
    text = text_of(browser.get(ADDRESS))
    assert "Own" in text
    assert "Elsewhere" not in text
    assert "1 message is not confirmed and needs a person" in text
    assert "web1" in text
    assert "What providers tell us" in text  # as the name of a queue
    assert "could not be read" not in text
    assert not [one for one in addresses(browser) if "delete" in one or "queues" in one]


def test_nobody_else_comes_in_and_nothing_is_done() -> None:
    assert Client().get(ADDRESS).status_code == 302
    agent = signed_in(factories.make_user("agent"))
    assert agent.get(ADDRESS, follow=True).status_code == 403
    assert signed_in(factories.make_user("administrator")).post(ADDRESS).status_code == 405


def test_the_page_costs_the_same_for_few_rows_as_for_many(admin_browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(ADDRESS)
        return len(captured)

    factories.make_message(status="unconfirmed")
    queries()
    few = queries()
    for number in range(6):
        stream = factories.make_stream(factories.make_account(health="needs_credentials"))
        StreamGate.objects.create(stream=stream)
        factories.make_message(factories.make_conversation(stream), status="queued", queued_at=ago(hours=1))
        tick(f"web{number}", spool_files=number)
    assert queries() == few <= MOST_QUERIES


def test_names_are_text_and_the_policy_is_kept(admin_browser: Client) -> None:
    hostile = '<img src=x onerror=alert(1)>"{{7*7}}{0}{}'
    stream = factories.make_stream(
        factories.make_account(name=hostile, health="needs_credentials"),
        name=hostile,
        paused_until=timezone.now() + timedelta(hours=1),
        pause_reason=hostile,
    )
    StreamGate.objects.create(stream=stream, open_until=timezone.now() + timedelta(minutes=1))
    factories.make_message(factories.make_conversation(stream), status="unconfirmed", body=hostile)
    tick(hostile, spool_files=1, ticked_at=ago(hours=1))
    text = admin_browser.get(ADDRESS).content.decode()
    assert "<img src=x" not in text
    assert " style=" not in text
    assert "<style" not in text
    assert text.count("&lt;img src=x") >= 6


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7500, "2 h 5 min"), (273600, "3 d 4 h")],
)
def test_lengths_of_time(seconds: float, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_streams_with_something_to_say_come_first(admin_browser: Client) -> None:
    factories.make_stream(name="A sends")
    factories.make_stream(name="B is off", is_active=False)
    StreamGate.objects.create(
        stream=factories.make_stream(name="C is broken"), open_until=timezone.now() + timedelta(minutes=1)
    )
    doubtful = factories.make_stream(name="D has doubts")
    factories.make_message(factories.make_conversation(doubtful), status="unconfirmed")
    text = text_of(admin_browser.get(ADDRESS))
    table = text[text.index("Streams Stream") :]
    shown = sorted(Stream.objects.values_list("name", flat=True), key=table.index)
    assert shown == ["C is broken", "D has doubts", "A sends", "B is off"]
