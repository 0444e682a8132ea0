"""While somebody writes: colleagues who were quicker, taking back, canned replies, names, times, and own settings."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import (
    CannedReply,
    Contact,
    Conversation,
    Draft,
    Message,
    OptIn,
    ProviderAccount,
    SendingPolicy,
    Stream,
)
from conversations.models.message import Direction, MessageStatus
from conversations.models.stream import UNTIL_RESUMED
from conversations.services import consent
from conversations.views import presets
from conversations.views.meters import meter
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, Element, read


def form(body: str = "Hello Amira", **fields: Any) -> dict[str, Any]:
    """A filled composer."""
    return {"mode": "reply", "body": body, "client_key": str(uuid.uuid4()), **fields}


def composer(client: Client, pk: int) -> Element:
    return read(client.get(f"/c/{pk}/")).one(id="composer")


def value_of(one: Element, name: str) -> str:
    return one.one("input", name=name).attributes["value"]


# Somebody else wrote


@pytest.mark.parametrize("headers", [{}, HX])
def test_a_colleague_who_was_quicker_is_read_first(centre: Centre, agent: Client, headers: dict[str, str]) -> None:
    amira = centre.conversation()
    seen = value_of(composer(agent, amira.pk), "seen")
    theirs = factories.make_message(amira, author=centre.tom, body="Same card, 3 to 5 days.")
    response = agent.post(f"/c/{amira.pk}/reply/", form("To the same card.", seen=seen), headers=headers)
    assert response.status_code == 409
    back = read(response).one(id="composer")
    notice = back.all(class_="composer-notice")[0]
    assert "Tom Reyes replied just now: “ Same card, 3 to 5 days. ”" in notice.text
    assert notice.one("a").attributes["href"] == f"#message-{theirs.pk}"
    assert "".join(back.one(id="composer-body").pieces) == "To the same card."
    assert "Send anyway" in back.one("button", class_="composer-send").text
    assert Message.objects.count() == 1

    anyway = form("To the same card.", seen=value_of(back, "seen"), reply_version=value_of(back, "reply_version"))
    assert agent.post(f"/c/{amira.pk}/reply/", anyway, headers=headers).status_code in (200, 302)
    assert Message.objects.count() == 2


def test_a_customer_who_wrote_meanwhile_is_read_first(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    for number in range(3):
        factories.make_message(amira, direction=Direction.IN, body=f"Line {number}")
    response = agent.post(f"/c/{amira.pk}/reply/", form(seen=0), headers=HX)
    notice = read(response).one(id="composer").all(class_="composer-notice")[0]
    assert "Amira Haddad wrote just now: “ Line 2 ” and 2 more · Nothing of yours was sent." in notice.text


def test_a_remark_needs_no_such_question(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    factories.make_message(amira, direction=Direction.IN)
    agent.post(f"/c/{amira.pk}/reply/", form("", remark="@Tom look", mode="remark", seen=0), headers=HX)
    assert list(amira.activities.get().mentions.all()) == [centre.tom]


def test_a_remark_sent_twice_is_one(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    filled = form("", remark="Call back", mode="remark")
    for _ in range(2):
        assert agent.post(f"/c/{amira.pk}/reply/", filled, headers=HX).status_code == 200
    assert amira.activities.count() == 1


# Taking back


def _pause(amira: Conversation) -> None:
    Stream.objects.filter(pk=amira.stream_id).update(paused_until=timezone.now() + timedelta(hours=1))


def _opt_out(amira: Conversation) -> None:
    consent.record(OptIn(contact=amira.contact, channel=amira.stream.channel, event="opt_out", source="keyword"))


def _close_window(amira: Conversation) -> None:
    Conversation.objects.filter(pk=amira.pk).update(window_closes_at=timezone.now() + timedelta(seconds=3))


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (_pause, "Will wait, Fernhill Care is paused"),
        (_opt_out, "Will not be sent"),
        (_close_window, "Will be held until the customer writes"),
    ],
)
def test_the_undo_bar_says_what_becomes_of_the_message_now(
    centre: Centre, agent: Client, supervisor: Client, happens: Callable[[Conversation], None], words: str
) -> None:
    amira = centre.conversation(centre.care, external_id="obj-1", window_closes_at=timezone.now() + timedelta(hours=1))
    agent.post(f"/c/{amira.pk}/reply/", form(), headers=HX)
    before = composer(agent, amira.pk)
    assert re.search(r"Sends in \d+ s", before.one("undo-bar").text)
    happens(amira)
    after = composer(agent, amira.pk)
    assert after.one("undo-bar").one("span", class_="undo-words").text == words
    assert after.one("undo-bar").one("button").text == "Undo"
    # An open page exchanges the composer when its state is another one; the window's end comes with the clock.
    assert happens is _close_window or after.attributes["data-state"] != before.attributes["data-state"]
    if happens is _pause:
        assert words in read(supervisor.get(f"/c/{amira.pk}/")).one(id="timeline").text


def test_what_was_sent_can_be_taken_back(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    sent = read(agent.post(f"/c/{amira.pk}/reply/", form("Too quick"), headers=HX)).one(id="composer")
    bar = sent.one("undo-bar")
    assert 8 <= int(bar.attributes["data-seconds"]) <= 10
    message = Message.objects.get()
    assert bar.one("button").attributes["formaction"] == f"/m/{message.pk}/undo/"

    response = agent.post(f"/m/{message.pk}/undo/", form("Begun meanwhile"), headers=HX)
    back = read(response).one(id="composer")
    assert "".join(back.one(id="composer-body").pieces) == "Too quick\n\nBegun meanwhile"
    assert not back.all("undo-bar")
    assert (response["HX-Retarget"], "parley:undone" in response["HX-Trigger"]) == ("#composer", True)
    message.refresh_from_db()
    assert message.status == MessageStatus.CANCELLED


def test_taking_back_without_a_script(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/reply/", form("Too quick"))
    response = agent.post(f"/m/{Message.objects.get().pk}/undo/?view=all")
    assert response["Location"] == f"/c/{amira.pk}/?view=all#composer"
    assert "".join(composer(agent, amira.pk).one(id="composer-body").pieces) == "Too quick"


def test_what_has_left_stays(centre: Centre, agent: Client) -> None:
    message = factories.make_message(centre.conversation(), author=centre.priya)
    response = agent.post(f"/m/{message.pk}/undo/", headers=HX)
    assert response.status_code == 422
    assert "It is too late" in response["HX-Trigger"]
    assert not Draft.objects.exists()


def test_strangers_take_nothing_back(centre: Centre, stranger: Client) -> None:
    message = factories.make_message(centre.conversation(), status="scheduled", scheduled_for=timezone.now())
    assert stranger.post(f"/m/{message.pk}/undo/").status_code == 404


def test_send_and_resolve_leaves_the_wish_with_the_message(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/reply/", form(then="resolve"))
    amira.refresh_from_db()
    assert (Message.objects.get().resolve_after, amira.status) == (True, "waiting")


def test_a_scheduled_message_may_be_for_silence_only(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    at = f"{timezone.localtime() + timedelta(days=1):%Y-%m-%dT%H:%M}"
    agent.post(f"/c/{amira.pk}/reply/", form(later="on", scheduled_for=at, cancel_on_reply="on"))
    message = Message.objects.get()
    assert (message.status, message.cancel_on_reply) == (MessageStatus.SCHEDULED, True)


# Canned replies and names


def test_canned_replies_come_filled_in(centre: Centre, agent: Client) -> None:
    CannedReply.objects.create(shortcut="hi", title="Hello", body="Hello ${first_name}, about ${order}.")
    amira = centre.conversation()
    found = read(agent.get(f"/c/{amira.pk}/canned/?q=hel", headers=HX))
    option = found.one("li", role="option")
    assert option.attributes["data-insert"] == "Hello Amira, about ${order}."
    assert "no order" in option.text
    assert option.one(class_="variable-filled").text == "Amira"
    nothing = read(agent.get(f"/c/{amira.pk}/canned/?q=<b>", headers=HX))
    assert "No canned reply has “ <b> ” in its name or text." in nothing.text


def test_canned_replies_without_a_script(centre: Centre, agent: Client) -> None:
    reply = CannedReply.objects.create(shortcut="hi", title="Hello", body="Hello ${first_name}.")
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/draft/", form("Begun.", go="canned"))
    page = read(agent.get(response["Location"]))
    assert page.one("button", name="canned").attributes["value"] == str(reply.pk)
    response = agent.post(f"/c/{amira.pk}/canned/insert/", {"canned": reply.pk})
    assert response["Location"] == f"/c/{amira.pk}/#composer"
    assert Draft.objects.get().body == "Begun.\n\nHello Amira."


def test_canned_replies_of_other_teams_cannot_be_inserted(centre: Centre, agent: Client) -> None:
    team = factories.make_team(name="Billing")
    reply = CannedReply.objects.create(shortcut="hi", title="Hello", body="Secret", team=team)
    amira = centre.conversation()
    assert agent.post(f"/c/{amira.pk}/canned/insert/", {"canned": reply.pk}).status_code == 404
    assert "Secret" not in agent.get(f"/c/{amira.pk}/canned/", headers=HX).content.decode()


def test_canned_replies_for_a_first_message(centre: Centre, agent: Client) -> None:
    CannedReply.objects.create(shortcut="hi", title="Hello", body="Hello ${first_name} from ${stream_name}.")
    amira = centre.conversation().contact
    ask = {"q": "hi", "to": amira.phone, "stream": centre.texts.pk}
    option = read(agent.get("/new/canned/", ask, headers=HX)).one("li", role="option")
    assert option.attributes["data-insert"] == "Hello Amira from Service texts."
    option = read(agent.get("/new/canned/", ask | {"to": ""}, headers=HX)).one("li", role="option")
    assert option.attributes["data-insert"] == "Hello ${first_name} from Service texts."
    assert agent.get("/new/canned/", {"stream": 999_999}).status_code == 404


def test_colleagues_are_those_who_see_the_conversation(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    names = [one.text for one in read(agent.get(f"/c/{amira.pk}/colleagues/", headers=HX)).all("li")]
    assert names == ["TR Tom Reyes"]
    option = read(agent.get(f"/c/{amira.pk}/colleagues/?q=rey", headers=HX)).one("li")
    assert option.attributes["data-insert"] == "@Tom Reyes "
    nobody = read(agent.get(f"/c/{amira.pk}/colleagues/?q=sam", headers=HX))
    assert "Nobody called “ sam ” sees this conversation." in nobody.text


# Times, lengths, settings


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        # Sunday afternoon in London: it is too late for today, and Monday is tomorrow.
        (datetime(2026, 11, 22, 15, 45, tzinfo=UTC), "Europe/London", [("Tomorrow 09:00", "2026-11-23T09:00")]),
        (
            datetime(2026, 11, 19, 14, 34, tzinfo=UTC),
            "Europe/London",
            [
                ("Today 16:00", "2026-11-19T16:00"),
                ("Tomorrow 09:00", "2026-11-20T09:00"),
                ("Monday 09:00", "2026-11-23T09:00"),
            ],
        ),
        # Their clock, our field: 16:00 in Los Angeles is midnight in London.
        (
            datetime(2026, 11, 19, 14, 34, tzinfo=UTC),
            "America/Los_Angeles",
            [
                ("Today 16:00 in Los Angeles", "2026-11-20T00:00"),
                ("Tomorrow 09:00 in Los Angeles", "2026-11-20T17:00"),
                ("Monday 09:00 in Los Angeles", "2026-11-23T17:00"),
            ],
        ),
    ],
)
def test_times_are_the_customers(
    monkeypatch: pytest.MonkeyPatch, now: datetime, zone: str, expected: list[tuple[str, str]]
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: now)
    found = presets.presets_for(Contact(phone="+447700900142", time_zone=zone), None)
    assert [(one.label, one.value) for one in found] == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("provider", "offered"),
    [
        ("webex_interact", ["Today 16:00", "Tomorrow 09:00"]),
        ("cirrus", ["Today 16:00", "Tomorrow 09:00", "Monday 09:00"]),
    ],
)
def test_no_time_is_offered_that_the_provider_would_not_take(
    monkeypatch: pytest.MonkeyPatch, provider: str, offered: list[str]
) -> None:
    """Early on a Monday the next one at nine is more than seven days away."""
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 23, 5, 55, tzinfo=UTC))
    contact = Contact(phone="+447700900142", time_zone="Europe/London")
    found = presets.presets_for(contact, factories.make_stream(factories.make_account(provider)))
    assert [one.label for one in found] == offered


@pytest.mark.django_db
def test_no_time_is_offered_that_lies_outside_the_hours_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 19, 13, 0, tzinfo=UTC))
    contact = Contact(phone="+447700900142", time_zone="Europe/London")
    stream = factories.make_stream()
    SendingPolicy.objects.create(stream=stream, quiet_hours="unasked", opens_at=time(8), closes_at=time(12))
    assert [one.label for one in presets.presets_for(contact, stream)] == ["Tomorrow 09:00", "Monday 09:00"]


@pytest.mark.parametrize(
    ("body", "forcing", "plain", "saved"),
    [
        ("x" * 160, (), False, 0),
        ("It’s – " * 11, ("’", "–"), True, 1),
        ("a" * 100 + "🙂", ("🙂",), False, 1),
        ("مرحباً " * 20, (), False, 0),
        ("é" * 20 + "🙂", (), False, 0),
    ],
)
@pytest.mark.django_db
def test_the_meter_names_what_costs(body: str, forcing: tuple[str, ...], plain: bool, saved: int) -> None:
    counted = meter(factories.make_stream(), body)
    assert (counted.forcing, bool(counted.plain), counted.saved_segments) == (forcing, plain, saved)


def test_everybody_sets_their_own_time_to_undo(centre: Centre, agent: Client) -> None:
    assert read(agent.get("/account/")).one("option", value="10").attributes.get("selected") == ""
    agent.post("/account/sending/", {"undo_seconds": "0", "enter_sends": "on"})
    centre.priya.refresh_from_db()
    assert (centre.priya.undo_seconds, centre.priya.enter_sends) == (0, True)
    amira = centre.conversation()
    assert "data-enter-sends" in composer(agent, amira.pk).attributes
    agent.post(f"/c/{amira.pk}/reply/", form())
    assert Message.objects.get().status == MessageStatus.QUEUED


@pytest.mark.parametrize("seconds", ["7", "", "x", "3600"])
def test_a_time_to_undo_that_is_not_offered_changes_nothing(centre: Centre, agent: Client, seconds: str) -> None:
    agent.post("/account/sending/", {"undo_seconds": seconds})
    centre.priya.refresh_from_db()
    assert centre.priya.undo_seconds == 10


# What is in the way


def test_what_waits_is_queued_and_says_why(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    centre.texts.paused_until, centre.texts.pause_reason = timezone.now() + timedelta(hours=1), "Billing run"
    centre.texts.save()
    shown = composer(agent, amira.pk)
    assert "Service texts is paused until" in shown.one(class_="window-bar").text
    assert "Billing run" in shown.one(class_="window-bar").text
    assert "Queue" in shown.one("button", class_="composer-send").text


@pytest.mark.parametrize(
    ("health", "reason", "end"),
    [
        ("needs_credentials", "refused our credentials", "What you send waits until that is mended."),
        ("unreachable", "is not answering", "What you send waits, and leaves by itself."),
    ],
)
def test_the_bar_and_the_message_name_the_same_reason(
    centre: Centre, agent: Client, health: str, reason: str, end: str
) -> None:
    amira = centre.conversation()
    ProviderAccount.objects.filter(pk=centre.texts.account_id).update(health=health)
    factories.make_message(amira, status="queued")
    label = centre.texts.account.provider_label
    page = agent.get(f"/c/{amira.pk}/").content.decode()
    assert f"{label} {reason}. {end}" in page
    assert f"Queued, {label} {reason}" in page


def test_a_pause_that_somebody_has_to_end_names_no_day(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    centre.texts.paused_until = UNTIL_RESUMED
    centre.texts.save()
    shown = composer(agent, amira.pk).one(class_="window-bar").text
    assert shown == "Service texts is paused until somebody resumes it. What you send waits until then."


def test_a_closed_window_in_a_gate_leads_to_other_channels(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care)
    shown = composer(agent, amira.pk)
    assert shown.one("button", name="to_stream").text == "Text by SMS instead"


def test_whoever_may_not_send_is_told_whom_to_ask(centre: Centre, agent: Client) -> None:
    centre.team.team_streams.update(can_send=False)
    gate = composer(agent, centre.conversation().pk).one(class_="gate").text
    assert "You can read Service texts but not send from it. Ask Tom Reyes for access." in gate


def test_a_number_that_cannot_be_used_leads_to_the_contact(centre: Centre, agent: Client) -> None:
    short = factories.make_contact("+4420794", first_name="Amira")
    amira = centre.conversation(contact=short)
    gate = composer(agent, amira.pk).one(class_="gate")
    assert "This number can't be used" in gate.text
    assert gate.one("a").attributes["href"] == f"/contacts/{short.pk}/"
