"""What people do with one message where it stands, with and without a script."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, Message
from conversations.models.message import MessageStatus
from conversations.services import lifecycle
from conversations.services.compose import cancel_message, queue_message
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, Element, read

BOTH_WAYS = pytest.mark.parametrize("headers", [{}, HX], ids=["plain", "htmx"])


def toast(response: Any) -> dict[str, str]:
    """The notice that the page shows."""
    found: dict[str, str] = json.loads(response["HX-Trigger"])["parley:toast"]
    return found


def sentences(response: Any) -> list[str]:
    """What a plain browser is told on the next page."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def told(response: Any) -> str:
    """What somebody is told, with or without a script."""
    return toast(response)["text"] if "HX-Trigger" in response else sentences(response)[0]


def shown(client: Client, message: Message) -> Element:
    """The message on the page of its conversation."""
    return read(client.get(f"/c/{message.conversation_id}/")).one("article", id=f"message-{message.pk}")


def test_a_waiting_message_is_cancelled_by_its_author(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    message = factories.make_message(amira, status=MessageStatus.QUEUED, author=centre.priya)
    assert read(agent.get(f"/c/{amira.pk}/")).all("form", action=f"/m/{message.pk}/cancel/")
    agent.post(f"/m/{message.pk}/cancel/")
    message.refresh_from_db()
    assert message.status == MessageStatus.CANCELLED


def test_a_colleagues_message_is_cancelled_by_a_supervisor_alone(
    centre: Centre, agent: Client, supervisor: Client
) -> None:
    amira = centre.conversation()
    message = factories.make_message(amira, status=MessageStatus.QUEUED, author=factories.make_user())
    assert not read(agent.get(f"/c/{amira.pk}/")).all("form", action=f"/m/{message.pk}/cancel/")
    assert sentences(agent.post(f"/m/{message.pk}/cancel/")) == [
        "Only its author or a supervisor can cancel this message."
    ]
    message.refresh_from_db()
    assert message.status == MessageStatus.QUEUED
    assert read(supervisor.get(f"/c/{amira.pk}/")).all("form", action=f"/m/{message.pk}/cancel/")
    supervisor.post(f"/m/{message.pk}/cancel/")
    message.refresh_from_db()
    assert message.status == MessageStatus.CANCELLED


def test_a_message_that_left_is_not_cancelled(centre: Centre, agent: Client) -> None:
    message = factories.make_message(centre.conversation(), author=centre.priya, status=MessageStatus.ACCEPTED)
    response = agent.post(f"/m/{message.pk}/cancel/", headers=HX)
    assert response.status_code == 409
    assert "too late" in toast(response)["text"]
    assert read(response).one("article").attributes["id"] == f"message-{message.pk}"


def test_a_failed_message_is_sent_again_once(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    failed = factories.make_message(amira, status=MessageStatus.FAILED, body="Try me", failure_text="No route")
    page = read(agent.get(f"/c/{amira.pk}/"))
    assert "No route" in page.one(class_="message-notice").text
    assert page.one("form", action=f"/m/{failed.pk}/send-again/")
    agent.post(f"/m/{failed.pk}/send-again/")
    agent.post(f"/m/{failed.pk}/send-again/")
    again = Message.objects.exclude(pk=failed.pk).get()
    assert (again.body, again.status, again.author) == ("Try me", MessageStatus.QUEUED, centre.priya)
    page = read(agent.get(f"/c/{amira.pk}/"))
    assert "It was sent again as a new message." in page.one(class_="message-notice").text
    assert not page.all("form", action=f"/m/{failed.pk}/send-again/")


def test_a_doubtful_message_is_not_sent_again_from_here(centre: Centre, supervisor: Client) -> None:
    amira = centre.conversation()
    doubtful = factories.make_message(amira, status=MessageStatus.UNCONFIRMED)
    page = read(supervisor.get(f"/c/{amira.pk}/"))
    assert not page.all("form", action=f"/m/{doubtful.pk}/send-again/")
    assert "may have arrived" in sentences(supervisor.post(f"/m/{doubtful.pk}/send-again/"))[0]
    assert Message.objects.count() == 1


# --- Unconfirmed ----------------------------------------------------------------------------------------------


@pytest.fixture
def doubtful(centre: Centre) -> Message:
    """Priya's message that nobody knows to have arrived."""
    return factories.make_message(
        centre.conversation(), status=MessageStatus.UNCONFIRMED, author=centre.priya, failure_code="no_answer"
    )


def test_whoever_may_not_decide_is_told_who_can(doubtful: Message, agent: Client) -> None:
    message = shown(agent, doubtful)
    assert "May have been sent. Check before you resend." in message.text
    assert "did not answer within 30 s." in message.text
    assert "Tom Reyes can decide whether it is sent again." in message.text
    assert not message.all("form")
    for action in ("arrived", "send-again-anyway"):
        response = agent.post(f"/m/{doubtful.pk}/{action}/", {"reason": "I know"}, headers=HX)
        assert response.status_code == 422
        assert "Ask a supervisor" in toast(response)["text"]
    doubtful.refresh_from_db()
    assert doubtful.status == MessageStatus.UNCONFIRMED


def test_it_says_who_is_asked_next(doubtful: Message, agent: Client) -> None:
    label = doubtful.stream.account.provider_label
    assert f"{label} cannot be asked about it. A person has to decide." in shown(agent, doubtful).text
    soon = timezone.localtime() + timedelta(minutes=5)
    Message.objects.update(next_lookup_at=soon)
    assert f"We are asking {label} at {soon:%H:%M}." in shown(agent, doubtful).text.replace(f"{soon:%a} ", "")
    Message.objects.update(lookup_count=1)
    assert f"We are asking {label} again at" in shown(agent, doubtful).text
    Message.objects.update(lookup_count=4, next_lookup_at=None)
    assert f"We asked {label} 4 times and it does not know this message." in shown(agent, doubtful).text


@BOTH_WAYS
def test_a_supervisor_says_that_it_arrived(doubtful: Message, supervisor: Client, headers: dict[str, str]) -> None:
    assert shown(supervisor, doubtful).one("form", action=f"/m/{doubtful.pk}/arrived/")
    response = supervisor.post(f"/m/{doubtful.pk}/arrived/", {"reason": "She said so by phone"}, headers=headers)
    assert told(response) == "Noted: it arrived"
    if headers:
        assert "autofocus" in read(response).one("article").attributes
    else:
        assert response["Location"] == f"/c/{doubtful.conversation_id}/#message-{doubtful.pk}"
    doubtful.refresh_from_db()
    assert doubtful.status == MessageStatus.DELIVERED
    message = shown(supervisor, doubtful)
    assert "Arrived, says Tom Reyes" in message.text
    assert "It arrived: She said so by phone · Tom Reyes" in message.text
    assert not message.all(class_="message-notice")


@BOTH_WAYS
def test_a_supervisor_sends_it_again_and_accepts_a_double(
    doubtful: Message, supervisor: Client, headers: dict[str, str]
) -> None:
    address = f"/m/{doubtful.pk}/send-again-anyway/"
    response = supervisor.post(address, {"reason": "Nothing came"}, headers=headers)
    assert told(response) == "Queued again. The customer may get it twice."
    doubtful.refresh_from_db()
    assert (doubtful.status, doubtful.release_count) == (MessageStatus.QUEUED, 1)
    assert "Sent again, possibly twice: Nothing came · Tom Reyes" in shown(supervisor, doubtful).text


@BOTH_WAYS
@pytest.mark.parametrize("action", ["arrived", "send-again-anyway"])
@pytest.mark.parametrize("reason", ["", "  ", "x" * 300])
def test_a_decision_without_a_reason_comes_back_open(
    doubtful: Message, supervisor: Client, action: str, reason: str, headers: dict[str, str]
) -> None:
    response = supervisor.post(f"/m/{doubtful.pk}/{action}/", {"reason": reason}, headers=headers)
    assert response.status_code == 422
    message = read(response).one("article", id=f"message-{doubtful.pk}")
    (opened,) = [one for one in message.all("details", class_="message-form") if "open" in one.attributes]
    assert opened.one(class_="field-error")
    field = opened.one("textarea")
    assert {"autofocus", "aria-invalid"} <= set(field.attributes)
    doubtful.refresh_from_db()
    assert doubtful.status == MessageStatus.UNCONFIRMED


def test_the_form_of_an_old_message_is_shown_on_its_own_page(
    doubtful: Message, supervisor: Client, centre: Centre
) -> None:
    for number in range(50):
        factories.make_message(doubtful.conversation, direction="in", body=f"N{number}")
    page = read(supervisor.post(f"/m/{doubtful.pk}/arrived/"))
    assert page.one("article", id=f"message-{doubtful.pk}").one(class_="field-error")


@BOTH_WAYS
@pytest.mark.parametrize("reason", ["Too late", ""])
def test_a_message_that_was_settled_meanwhile_says_so(
    doubtful: Message, supervisor: Client, reason: str, headers: dict[str, str]
) -> None:
    lifecycle.move([doubtful], MessageStatus.READ, come_from=(MessageStatus.UNCONFIRMED,), reason="Receipt")
    response = supervisor.post(f"/m/{doubtful.pk}/arrived/", {"reason": reason}, headers=headers)
    assert ("settled already" if reason else "can no longer be done") in told(response)
    if headers:
        assert response.status_code == 409
        assert "Read" in read(response).one("article").text
    doubtful.refresh_from_db()
    assert doubtful.status == MessageStatus.READ


def test_a_doubt_further_up_is_shown_above_the_composer(doubtful: Message, agent: Client, centre: Centre) -> None:
    address = f"/c/{doubtful.conversation_id}/"
    assert not read(agent.get(address)).all(id="doubt-line")
    factories.make_message(doubtful.conversation, direction="in", body="Hello?")
    line = read(agent.get(address)).one(id="doubt-line")
    assert line.text == "1 message above is not confirmed and may not have arrived"
    assert line.attributes["href"] == f"#message-{doubtful.pk}"
    for number in range(50):
        factories.make_message(doubtful.conversation, direction="in", body=f"N{number}")
    line = read(agent.get(address)).one(id="doubt-line")
    assert line.attributes["href"] == f"{address}?before={doubtful.pk + 1}#message-{doubtful.pk}"
    older = read(agent.get(line.attributes["href"]))
    assert older.one("article", id=f"message-{doubtful.pk}")
    assert not older.all(id="doubt-line")


# --- Scheduled and held ---------------------------------------------------------------------------------------


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


def test_what_can_still_be_undone_counts_down(centre: Centre, agent: Client, supervisor: Client) -> None:
    amira = centre.conversation()
    ten_seconds = timedelta(seconds=10)
    first, last = (
        queue_message(conversation=amira, body=body, author=centre.priya, hold=ten_seconds) for body in ("One", "Two")
    )
    clock = shown(supervisor, last).one("window-clock")
    assert clock.attributes["words"] == "Sends in {}"
    assert clock.text.endswith(" s")
    assert shown(supervisor, last).all("form", action=f"/m/{last.pk}/cancel/")
    # The last one is counted down, and taken back, in its author's composer.
    own = shown(agent, last)
    assert not own.all("window-clock")
    assert not own.all("form")
    assert "Queued" in own.text
    # One before it is taken back where it stands, with what its author has begun meanwhile.
    (undo,) = shown(agent, first).all("form", action=f"/m/{first.pk}/undo/")
    assert (undo.text, undo.attributes["hx-include"]) == ("Undo", "#composer")
    assert not shown(agent, first).all("form", action=f"/m/{first.pk}/cancel/")
    Message.objects.update(next_attempt_at=timezone.now() - ten_seconds)
    assert "Sends in a moment" in shown(agent, last).text


# --- Send again with mended words -----------------------------------------------------------------------------


def test_a_failed_text_is_mended_and_sent_again(centre: Centre, agent: Client) -> None:
    failed = factories.make_message(centre.conversation(), status=MessageStatus.FAILED, body="Wrog")
    assert shown(agent, failed).one("textarea", name="body").text == "Wrog"
    response = agent.post(f"/m/{failed.pk}/send-again/", {"body": "Right"}, headers=HX)
    assert "It was sent again as a new message." in read(response).text
    assert Message.objects.exclude(pk=failed.pk).get().body == "Right"
    failed.refresh_from_db()
    assert failed.body == "Wrog"


def test_mended_words_that_cannot_be_sent_come_back(centre: Centre, agent: Client) -> None:
    failed = factories.make_message(centre.conversation(), status=MessageStatus.FAILED, body="Wrog")
    response = agent.post(f"/m/{failed.pk}/send-again/", {"body": "  "}, headers=HX)
    assert response.status_code == 422
    assert "Write a message first." in read(response).one(class_="field-error").text
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    "action", ["text", "attempts", "edit", "send-now", "arrived", "send-again-anyway", "cancel", "send-again"]
)
def test_a_foreign_message_is_not_there(centre: Centre, stranger: Client, action: str) -> None:
    message = factories.make_message(centre.conversation(), status=MessageStatus.UNCONFIRMED)
    ask = stranger.get if action in ("text", "attempts") else stranger.post
    assert ask(f"/m/{message.pk}/{action}/", {"reason": "x"}).status_code == 404


@pytest.mark.parametrize("action", ["edit", "send-now", "arrived", "send-again-anyway", "cancel", "send-again"])
def test_a_message_of_the_customer_is_not_ours_to_send(centre: Centre, supervisor: Client, action: str) -> None:
    message = factories.make_message(centre.conversation(), direction="in")
    assert supervisor.get(f"/m/{message.pk}/{action}/").status_code == 405
    assert supervisor.post(f"/m/{message.pk}/{action}/", {"reason": "x"}).status_code == 404


def test_the_queries_of_a_page_do_not_grow_with_its_messages(
    centre: Centre, agent: Client, django_assert_max_num_queries: Any
) -> None:
    def page_with(count: int) -> Conversation:
        conversation = centre.conversation(contact=factories.make_contact())
        at = timezone.now() + timedelta(days=1)
        for _ in range(count):
            factories.make_message(conversation, status=MessageStatus.UNCONFIRMED, author=centre.priya)
            factories.make_message(conversation, status=MessageStatus.SCHEDULED, scheduled_for=at, author=centre.priya)
            factories.make_message(conversation, status=MessageStatus.HELD, held_for="window", author=centre.priya)
            factories.make_message(conversation, status=MessageStatus.FAILED, author=centre.priya)
        return conversation

    few, many = page_with(1), page_with(10)
    with django_assert_max_num_queries(60) as asked:
        agent.get(f"/c/{few.pk}/")
    with django_assert_max_num_queries(len(asked)):
        agent.get(f"/c/{many.pk}/")
