"""What happened to a message, as people read it: plain words first, nothing secret, nobody else's."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import AttemptResult, Message, MessageEvent, Receipt, SendAttempt, Team
from conversations.models.message import MessageStatus
from conversations.views.history import history
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, Element, read


@pytest.fixture
def message(centre: Centre) -> Message:
    """Priya's message to Amira."""
    return factories.make_message(centre.conversation(), status=MessageStatus.FAILED, author=centre.priya)


def tried(*messages: Message, outcome: str = "accepted", on_wire: bool = True, **fields: Any) -> SendAttempt:
    """A request that carried these messages."""
    began = timezone.now()
    attempt = SendAttempt.objects.create(
        stream=messages[0].stream,
        claim=uuid.uuid4(),
        operation="SendSms",
        started_at=began,
        on_wire_at=began + timedelta(milliseconds=20) if on_wire else None,
        finished_at=began + timedelta(milliseconds=440),
        **fields,
    )
    for one in messages:
        AttemptResult.objects.create(
            attempt=attempt, message=one, outcome=outcome, on_wire=on_wire and outcome != "retry", code=outcome
        )
    return attempt


def moved(message: Message, came_from: str, to: str, **fields: Any) -> None:
    MessageEvent.objects.create(message=message, from_status=came_from, to_status=to, **fields)


def lines(client: Client, message: Message) -> list[str]:
    """The steps as text."""
    page = read(client.get(f"/m/{message.pk}/attempts/", headers=HX))
    return [one.text for one in page.all(class_="history-step")]


def test_attempts_decisions_and_reports_stand_in_one_order(message: Message, agent: Client, centre: Centre) -> None:
    label = message.stream.account.provider_label
    moved(message, "", "queued", actor=centre.priya)
    moved(message, "queued", "sending")
    tried(message, outcome="retry", on_wire=False)
    moved(message, "sending", "queued", reason="No connection could be made")
    attempt = tried(message, outcome="unconfirmed", http_status=502, request_id="req-1")
    moved(message, "sending", "unconfirmed", reason="HTTP 502")
    attempt.results.update(released_at=timezone.now(), released_by=centre.tom)
    moved(message, "unconfirmed", "queued", actor=centre.tom, reason="Sent again, possibly twice: nothing came")
    tried(message, http_status=200)
    moved(message, "sending", "accepted")
    Receipt.objects.create(account=message.stream.account, message=message, key="1", status="delivered")
    moved(message, "accepted", "delivered", reason="Receipt")
    Receipt.objects.create(account=message.stream.account, message=message, key="2", status="sent", text="late")

    found = lines(agent, message)

    expected = [
        "Queued · Priya Nair",
        f"Attempt 1: {label} could not be reached. Nothing was sent",
        "Queued again, to be tried later · Parley",
        f"Attempt 2: {label} gave no clear answer: it may have been sent",
        "Not confirmed, not sent again by itself · Parley",
        "Queued again, a possible double accepted · Tom Reyes",
        f"Attempt 3: {label} accepted it",
        "Accepted · Parley",
        f"Report: delivered · {label}",
        f"Report: sent · {label}",
    ]
    assert len(found) == len(expected)
    for line, words in zip(found, expected, strict=True):
        assert line.startswith(words)
    assert "never: nothing was written" in found[1]
    assert "No connection could be made" in found[2]
    assert "HTTP status 502" in found[3]
    assert "Request id req-1" in found[3]
    assert "by Tom Reyes: a possible double was accepted" in found[3]
    assert "nothing came" in found[5]
    assert "after 0.42 s" in found[6]
    assert "late (it changed nothing)" in found[9]


def test_nothing_secret_and_no_whole_number_is_shown(message: Message, agent: Client) -> None:
    attempt = tried(
        message,
        outcome="refused",
        request_method="POST",
        request_url="https://provider.example/sms/447700900142?token=hush",
        request_body='{"Number": "447700900142", "Message": "<b>Hello</b>"}',
        response_body='{"error": "447700900142 is no number", "key": "sandbox-cirrus-key"}',
    )
    attempt.results.update(text="+44 7700 900142 is no number")
    for headers in ({}, HX):
        page = read(agent.get(f"/m/{message.pk}/attempts/", headers=headers))
        assert "•••0142 is no number" in page.one(class_="history-detail").text
        folded = page.one("details", class_="wire")
        sent, answered = (one.text for one in folded.all("pre"))
        assert sent == (
            'POST https://provider.example/sms/•••0142?token=••• {"Number": "•••0142", "Message": "<b>Hello</b>"}'
        )
        assert answered == '{"error": "•••0142 is no number", "key": "•••"}'


def test_of_a_shared_request_others_are_shown_to_those_alone_who_may_see_them(
    message: Message, centre: Centre, agent: Client
) -> None:
    other = factories.make_message(centre.conversation(contact=factories.make_contact()))
    tried(message, other, request_method="POST", request_url="https://x.example", request_body="to two people")
    page = read(agent.get(f"/m/{message.pk}/attempts/", headers=HX))
    assert "The request carried messages to 1 other, too." in page.text
    assert "to two people" in page.text
    assert len(page.all(class_="attempt-facts")) == 1


def test_a_shared_request_is_not_shown_to_whoever_may_not_see_all_of_it(
    message: Message, centre: Centre, agent: Client
) -> None:
    hidden = factories.make_message(factories.make_conversation())
    tried(message, hidden, request_method="POST", request_url="https://x.example", request_body="to two people")
    page = read(agent.get(f"/m/{message.pk}/attempts/", headers=HX))
    assert "1 other, not all of whom you may see, so its text is not shown" in page.text
    assert "accepted it" in page.text
    assert "x.example" not in page.text
    assert "to two people" not in page.text
    # Once they see that stream too, they see the request.
    Team.objects.get(members=centre.priya).streams.add(hidden.stream)
    assert "to two people" in read(agent.get(f"/m/{message.pk}/attempts/", headers=HX)).text


@pytest.mark.parametrize(
    ("outcome", "on_wire", "code", "words"),
    [
        ("accepted", True, "", "accepted it"),
        ("refused", True, "refused", "refused it"),
        ("refused", False, "configuration", "It could not be sent"),
        ("blocked", True, "credentials_refused", "refused our credentials"),
        ("unconfirmed", True, "no_answer", "it may have been sent"),
        ("retry", True, "throttled", "asked us to wait"),
        ("retry", False, "not_sent", "could not be reached"),
        ("retry", False, "fenced", "Stopped before anything was sent"),
        ("", False, "", "Under way"),
    ],
)
def test_every_outcome_has_plain_words(
    message: Message, centre: Centre, outcome: str, on_wire: bool, code: str, words: str
) -> None:
    attempt = tried(message, outcome=outcome)
    attempt.results.update(on_wire=on_wire, code=code)
    (step,) = history(message, centre.priya)
    assert words in step.words


def test_every_move_has_words(message: Message, centre: Centre) -> None:
    for status in MessageStatus.values:
        if status != MessageStatus.SENDING:
            for came_from in ("", status, "sending"):
                moved(message, came_from, status)
    said = [step.words for step in history(message, centre.priya)]
    assert len(said) == 3 * (len(MessageStatus.values) - 1)
    assert not [words for words in said if "_" in words or not words[0].isupper()]


def test_a_scheduled_message_has_a_history_too(centre: Centre, agent: Client) -> None:
    at = timezone.now() + timedelta(days=1)
    scheduled = factories.make_message(
        centre.conversation(), status=MessageStatus.SCHEDULED, scheduled_for=at, author=centre.priya
    )
    moved(scheduled, "", "scheduled", actor=centre.priya)
    moved(scheduled, "scheduled", "scheduled", actor=centre.tom, reason="Changed: words")
    page: Element = read(agent.get(f"/c/{scheduled.conversation_id}/"))
    assert page.one("details", class_="details-toggle").attributes["hx-get"] == f"/m/{scheduled.pk}/attempts/"
    first, second = lines(agent, scheduled)
    assert first.startswith("Scheduled · Priya Nair")
    assert second.startswith("Changed while it waited · Tom Reyes")


def test_the_details_of_a_foreign_message_are_not_found(message: Message, stranger: Client) -> None:
    assert stranger.get(f"/m/{message.pk}/attempts/").status_code == 404
