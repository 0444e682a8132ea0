"""What people do with a message that waits for its time, with and without a script."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Message
from conversations.models.message import MessageStatus
from conversations.services import lifecycle
from conversations.services.compose import cancel_message, queue_message
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, read
from tests.conversations.views.told import BOTH_WAYS, shown, toast, told


@pytest.fixture
def scheduled(centre: Centre) -> Message:
    """Priya's text for the next days, at nine."""
    at = (timezone.localtime() + timedelta(days=2)).replace(hour=9, minute=0, second=0, microsecond=0)
    return queue_message(
        conversation=centre.conversation(), body="Your visit is on Friday.", author=centre.priya, scheduled_for=at
    )


def as_typed(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"


def edited(message: Message, **fields: str) -> dict[str, str]:
    """The form of a scheduled message, filled in as it came."""
    form = {"later": "on", "body": message.body, "scheduled_for": as_typed(message.scheduled_for), "valid_until": ""}
    return {**form, **fields}


def test_a_scheduled_message_says_when_it_goes_and_in_which_zone(scheduled: Message, agent: Client) -> None:
    message = shown(agent, scheduled)
    at = timezone.localtime(scheduled.scheduled_for)
    assert f"Sends {at:%a} 09:00" in message.text
    assert f"{at:%A} {at.day} {at:%B}" in message.text
    assert "09:00 London time" in message.text
    form = message.one("form", action=f"/m/{scheduled.pk}/edit/")
    assert form.one("textarea").text == scheduled.body
    assert form.one("input", name="scheduled_for").attributes["value"] == as_typed(at)


@BOTH_WAYS
def test_its_words_and_time_are_changed(scheduled: Message, agent: Client, headers: dict[str, str]) -> None:
    later = scheduled.scheduled_for + timedelta(hours=3)
    ends = later + timedelta(hours=1)
    form = edited(scheduled, body="Another day.", scheduled_for=as_typed(later), valid_until=as_typed(ends))
    response = agent.post(f"/m/{scheduled.pk}/edit/", form, headers=headers)
    assert told(response) == "Message changed"
    scheduled.refresh_from_db()
    assert (scheduled.body, scheduled.scheduled_for, scheduled.valid_until) == ("Another day.", later, ends)
    message = shown(agent, scheduled)
    assert "no later than" in message.text
    assert "Changed: words, time, end of validity · Priya Nair" in message.text


@BOTH_WAYS
@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"body": " "}, "body", "Write a message first."),
        ({"body": "x" * 1700}, "body", "Shorten it by 100."),
        ({"scheduled_for": "2020-01-01T10:00"}, "scheduled_for", "Choose a time that lies ahead."),
        ({"scheduled_for": ""}, "scheduled_for", "Choose a date and a time."),
        ({"scheduled_for": "soon"}, "scheduled_for", "Enter a date and a time"),
        ({"valid_until": "2020-01-01T10:00"}, "valid_until", "A message must stay valid until after it is sent."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(
    scheduled: Message, agent: Client, headers: dict[str, str], fields: dict[str, str], field: str, sentence: str
) -> None:
    response = agent.post(f"/m/{scheduled.pk}/edit/", edited(scheduled, **fields), headers=headers)
    assert response.status_code == 422
    box = read(response).one("details", id=f"edit-box-{scheduled.pk}")
    assert "open" in box.attributes
    assert sentence in box.one(id=f"edit-{scheduled.pk}-{field}_error").text
    before = scheduled.body
    scheduled.refresh_from_db()
    assert scheduled.body == before


def next_last_sunday(month: int) -> date:
    """The next day on which London's clocks change in that month."""
    today = timezone.localdate()
    days = [
        max(date(year, month, day) for day in range(25, 32) if date(year, month, day).weekday() == 6)
        for year in (today.year, today.year + 1)
    ]
    return next(day for day in days if day > today)


def test_a_time_that_the_clocks_skip_or_show_twice_is_asked_for(scheduled: Message, agent: Client) -> None:
    form = edited(scheduled, scheduled_for=f"{next_last_sunday(3)}T01:30")
    answer = agent.post(f"/m/{scheduled.pk}/edit/", form, headers=HX)
    assert "the clocks go forward" in read(answer).one(class_="field-error").text
    october = next_last_sunday(10)
    form = edited(scheduled, scheduled_for=f"{october}T01:30")
    answer = agent.post(f"/m/{scheduled.pk}/edit/", form, headers=HX)
    assert "comes twice" in read(answer).one(class_="field-error").text
    assert read(answer).one("select", name="which_time")
    agent.post(f"/m/{scheduled.pk}/edit/", {**form, "which_time": "second"}, headers=HX)
    scheduled.refresh_from_db()
    assert f"{scheduled.scheduled_for:%Y-%m-%d %H:%M}" == f"{october} 01:30"  # UTC: after the clocks went back


@BOTH_WAYS
@pytest.mark.parametrize("action", ["edit", "send-now"])
def test_a_message_that_has_just_left_is_not_changed(
    scheduled: Message, agent: Client, action: str, headers: dict[str, str]
) -> None:
    form = edited(scheduled, body="Too late")
    lifecycle.move([scheduled], MessageStatus.QUEUED, come_from=(MessageStatus.SCHEDULED,), queued_at=timezone.now())
    response = agent.post(f"/m/{scheduled.pk}/{action}/", form, headers=headers)
    assert told(response) == "It has just left. Nothing was changed."
    if headers:
        assert response.status_code == 409
        assert "Queued" in read(response).one("article").text
    scheduled.refresh_from_db()
    assert scheduled.body == "Your visit is on Friday."


def test_of_two_who_edit_the_second_is_told(scheduled: Message, agent: Client, supervisor: Client) -> None:
    seen = shown(agent, scheduled).one("input", name="seen").attributes["value"]
    address = f"/m/{scheduled.pk}/edit/"
    supervisor.post(address, edited(scheduled, body="Tom's words", seen=seen), headers=HX)
    response = agent.post(address, edited(scheduled, body="Priya's words", seen=seen), headers=HX)
    assert response.status_code == 409
    assert "Somebody changed this message while you did." in toast(response)["text"]
    assert "Tom's words" in read(response).one(class_="bubble-text").text


def test_seconds_that_the_field_does_not_show_are_kept(scheduled: Message, agent: Client) -> None:
    at = scheduled.scheduled_for + timedelta(seconds=42)
    Message.objects.update(scheduled_for=at)
    scheduled.refresh_from_db()
    agent.post(f"/m/{scheduled.pk}/edit/", edited(scheduled, body="Other words"))
    scheduled.refresh_from_db()
    assert (scheduled.body, scheduled.scheduled_for) == ("Other words", at)


@BOTH_WAYS
def test_it_is_sent_at_once(scheduled: Message, agent: Client, headers: dict[str, str]) -> None:
    assert shown(agent, scheduled).one("form", action=f"/m/{scheduled.pk}/send-now/")
    response = agent.post(f"/m/{scheduled.pk}/send-now/", headers=headers)
    assert told(response) == "Queued. It leaves now."
    scheduled.refresh_from_db()
    assert scheduled.status == MessageStatus.QUEUED


def test_a_colleague_cannot_change_it_and_a_supervisor_can(
    scheduled: Message, supervisor: Client, centre: Centre
) -> None:
    bob = factories.make_user(name="Bob Agent")
    centre.team.members.add(bob)
    colleague = Client()
    colleague.force_login(bob)
    assert not shown(colleague, scheduled).all("form")
    for action in ("edit", "send-now", "cancel"):
        response = colleague.post(f"/m/{scheduled.pk}/{action}/", edited(scheduled, body="Bob's"), headers=HX)
        assert response.status_code == 422
        assert "Only its author or a supervisor" in toast(response)["text"]
    scheduled.refresh_from_db()
    assert (scheduled.status, scheduled.body) == (MessageStatus.SCHEDULED, "Your visit is on Friday.")
    actions = {form.attributes["action"].split("/")[3] for form in shown(supervisor, scheduled).all("form")}
    assert actions == {"edit", "send-now", "cancel"}


def test_a_cancelled_message_says_by_whom(scheduled: Message, agent: Client, centre: Centre) -> None:
    response = agent.post(f"/m/{scheduled.pk}/cancel/", headers=HX)
    message = read(response).one("article")
    assert "Not sent, cancelled by Priya Nair" in message.text
    assert "message-cancelled" in message.attributes["class"].split()
    held = factories.make_message(
        scheduled.conversation, status=MessageStatus.HELD, held_for="undo", author=centre.priya
    )
    cancel_message(held, actor=centre.priya)
    assert "Not sent, undone by Priya Nair" in shown(agent, held).text


def test_what_we_stopped_ourselves_says_why(scheduled: Message, agent: Client) -> None:
    lifecycle.move(
        [scheduled],
        MessageStatus.CANCELLED,
        come_from=(MessageStatus.SCHEDULED,),
        reason="The customer wrote first",
    )
    text = shown(agent, scheduled).text
    assert "Not sent: the customer wrote first" in text
    assert text.count("wrote first") == 1


def test_the_words_of_a_template_are_not_offered_for_change(centre: Centre, agent: Client) -> None:
    message = factories.make_message(
        centre.conversation(centre.care),
        kind="template",
        template=factories.make_template(centre.care),
        status=MessageStatus.SCHEDULED,
        scheduled_for=timezone.now() + timedelta(days=1),
        author=centre.priya,
    )
    form = shown(agent, message).one("form", action=f"/m/{message.pk}/edit/")
    assert not form.all("textarea")
    assert form.one("input", name="scheduled_for")


def test_what_is_held_for_the_window_has_no_time(centre: Centre, agent: Client) -> None:
    message = factories.make_message(
        centre.conversation(centre.care, external_id="obj-1"),
        status=MessageStatus.HELD,
        held_for="window",
        author=centre.priya,
    )
    article = shown(agent, message)
    assert "It leaves once Amira Haddad writes." in article.text
    assert not article.all("input", name="scheduled_for")
    response = agent.post(f"/m/{message.pk}/edit/", {"body": "Other words", "valid_until": ""}, headers=HX)
    assert toast(response)["text"] == "Message changed"
    refused = agent.post(f"/m/{message.pk}/send-now/", headers=HX)
    assert refused.status_code == 422
    assert "Only templates can be sent" in toast(refused)["text"]
