"""Bad-input rows B39 and B40: times to send and ends of validity, at every door.

the composer, with and without a script     tests/conversations/views/test_composer.py
editing what waits                          tests/conversations/test_scheduling.py
the providers' own schedules                tests/messaging/providers/webex_interact/test_webex_sms.py, .../cirrus/...
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conversations.forms.base import LocalTimeField
from conversations.models import Message
from conversations.services.compose import queue_message
from tests import factories
from tests.bad_input.conftest import nothing_stored_nor_sent
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import read

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")
few = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def local(text: str) -> datetime:
    """A time without a zone, as a clock on a wall shows it."""
    return datetime.fromisoformat(text)


def refusal_of(call: Callable[[], object]) -> ValidationError | None:
    """What a call is refused with, if it is."""
    try:
        call()
    except ValidationError as refusal:
        return refusal
    return None


class Change(NamedTuple):
    """A half hour, naive, that the clocks of a zone skip or show twice, less than a year ahead."""

    zone: str
    at: datetime

    @property
    def typed(self) -> str:
        """The time as the field takes it."""
        return f"{self.at:%Y-%m-%dT%H:%M}"

    def read(self, fold: int) -> datetime:
        """The moment that is meant, in UTC."""
        return self.at.replace(tzinfo=ZoneInfo(self.zone), fold=fold).astimezone(UTC)


def next_change(*, skips: bool) -> Change:
    """The next one of two zones: in some weeks that of one of them lies further ahead than may be scheduled."""
    half = NOW.replace(minute=30, second=0, microsecond=0)
    for hours in range(1, 360 * 24):
        for zone in ("Europe/London", "America/New_York"):
            change = Change(zone, half + timedelta(hours=hours))
            before, after = (change.at.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1))
            if before != after and (before < after) is skips:
                return change
    raise AssertionError("no clock is changed any more")


NOW = datetime.now(LONDON).replace(tzinfo=None)
GAP, TWICE = next_change(skips=True), next_change(skips=False)
TOMORROW = NOW + timedelta(days=1)

# The row, what is typed into the field, and what is said there. The clock of the site is London's.
REFUSED = [
    ("B39", "", "Choose a date and a time."),
    ("B39", "2020-01-01T10:00", "Choose a time that lies ahead."),
    ("B39", "0001-01-01T00:00", "Choose a time that lies ahead."),
    pytest.param(
        *("B39", f"{NOW - timedelta(minutes=1):%Y-%m-%dT%H:%M}", "Choose a time that lies ahead."), id="a minute ago"
    ),
    ("B39", "9999-12-31T23:59", "Choose a time before"),
    pytest.param(
        *("B39", f"{NOW + timedelta(days=8):%Y-%m-%dT%H:%M}", "Webex Interact allows 7 days"), id="in eight days"
    ),
    ("B39", "2025-02-30T10:00", "Enter a date and a time"),
    ("B39", "2026-13-01T10:00", "Enter a date and a time"),
    ("B39", "2026-11-23T24:01", "Enter a date and a time"),
    ("B39", "10000-01-01T10:00", "Enter a date and a time"),
    ("B39", "-2026-11-23T10:00", "Enter a date and a time"),
    ("B39", "tomorrow", "Enter a date and a time"),
    ("B39", "1800000000", "Enter a date and a time"),
    ("B39", "9" * 5000, "Enter a date and a time"),
    pytest.param(
        *("B39", f"{datetime.now(UTC):%Y-%m-%dT%H:%M}+14:00", "Choose a time that lies ahead."),
        id="today, far in the east",
    ),
]


@pytest.fixture
def webex(desk: Centre) -> Any:
    """A stream of Priya's whose provider takes a message at most seven days ahead."""
    stream = factories.make_stream(factories.make_account("webex_interact"), name="Webex texts")
    factories.make_team(members=[desk.priya], streams=[stream])
    return stream


def reply(agent: Client, stream: Any, **fields: str) -> Any:
    """Send the composer of the stream's conversation with a time."""
    conversation = stream.conversations.get()
    form = {"mode": "reply", "body": "Hello", "later": "on", "client_key": str(uuid.uuid4()), **fields}
    return agent.post(f"/c/{conversation.pk}/reply/", form)


def write(agent: Client, stream: Any, **fields: str) -> Any:
    """Send the form of a new message with a time."""
    form = {"to": "07741632543", "stream": stream.pk, "body": "Hello", "later": "on", "client_key": str(uuid.uuid4())}
    return agent.post("/new/", form | fields)


@pytest.mark.parametrize(("row", "when", "sentence"), REFUSED)
def test_a_time_that_cannot_be_is_refused_in_both_forms(
    webex: Any, agent: Client, row: str, when: str, sentence: str
) -> None:
    factories.make_conversation(webex)
    for door in (reply, write):
        with nothing_stored_nor_sent():
            response = door(agent, webex, scheduled_for=when)
        assert response.status_code == 422, row
        assert sentence in read(response).one(id="id_scheduled_for_error").text, (row, door)


@pytest.mark.parametrize(
    ("row", "option", "when", "sentence"),
    [
        ("B39", "--at", "2030-03-01T09:00", "is not a time with a time zone"),
        ("B39", "--at", "2030-03-01", "is not a time with a time zone"),
        ("B39", "--at", "2025-02-30T09:00Z", "is not a time with a time zone"),
        ("B39", "--at", "2030-03-01T09:00+25:00", "is not a time with a time zone"),
        ("B39", "--at", "2030-03-01T09:00 Europe/London", "is not a time with a time zone"),
        ("B39", "--at", "1800000000", "is not a time with a time zone"),
        ("B39", "--at", "2030-03-01T09:00Z\udcff", "At holds a character that is none."),
        ("B39", "--at", "2020-03-01T09:00Z", "Choose a time that lies ahead."),
        ("B39", "--at", "0001-01-01T00:00+14:00", "Choose a time that lies ahead."),
        pytest.param(
            *("B39", "--at", f"{datetime.now(UTC):%Y-%m-%dT%H:%M}+14:00", "Choose a time that lies ahead."),
            id="today, far in the east",
        ),
        ("B39", "--at", "9999-12-31T23:59-14:00", "Choose a time before"),
        pytest.param(
            *(
                "B39",
                "--at",
                f"{datetime.now(UTC) + timedelta(days=8):%Y-%m-%dT%H:%M}Z",
                "Webex Interact allows 7 days",
            ),
            id="in eight days",
        ),
        ("B40", "--valid-until", "2030-03-01T09:00", "is not a time with a time zone"),
        ("B40", "--valid-until", "2020-03-01T09:00Z", "A message must stay valid until after it is sent."),
        ("B40", "--valid-until", "0001-01-01T00:00+14:00", "A message must stay valid until after it is sent."),
        ("B40", "--valid-until", "9999-12-31T23:59-14:00", "Webex Interact allows 3 days"),
        pytest.param(
            *("B40", "--valid-until", f"{datetime.now(UTC) + timedelta(days=4):%Y-%m-%dT%H:%M}Z", "allows 3 days"),
            id="valid for four days",
        ),
    ],
)
def test_a_time_that_cannot_be_is_refused_in_scripts(
    webex: Any, row: str, option: str, when: str, sentence: str
) -> None:
    with nothing_stored_nor_sent(), pytest.raises(CommandError) as refusal:
        call_command(
            *("send_message", f"--stream={webex}", "--to=07741632543", "--body=Hello", f"{option}={when}"),
            stdout=StringIO(),
        )
    assert sentence in str(refusal.value), row


@pytest.mark.parametrize("slug", ["cirrus", "ccai_platform"])
def test_b40_no_validity_is_longer_than_a_year(desk: Centre, slug: str) -> None:
    stream = factories.make_stream(factories.make_account(slug))
    conversation = factories.make_conversation(stream)
    for end in ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", f"{datetime.now(UTC) + timedelta(days=366)}"):
        with nothing_stored_nor_sent(), pytest.raises(ValidationError) as refusal:
            queue_message(conversation=conversation, body="Hello", valid_until=datetime.fromisoformat(end))
        assert refusal.value.code == "valid_until_too_late"


@pytest.mark.parametrize("hours", [0, -1])
def test_b40_validity_that_ends_before_or_with_the_sending_is_refused(webex: Any, hours: int) -> None:
    at = timezone.now() + timedelta(days=1)
    conversation = factories.make_conversation(webex)
    with nothing_stored_nor_sent(), pytest.raises(ValidationError) as refusal:
        queue_message(
            conversation=conversation, body="Hello", scheduled_for=at, valid_until=at + timedelta(hours=hours)
        )
    assert refusal.value.code == "valid_until_too_early"


@pytest.mark.parametrize(("days", "code"), [(3, None), (3.001, "valid_until_too_late")])
def test_b40_validity_is_counted_from_the_time_of_sending(webex: Any, days: float, code: str | None) -> None:
    at = timezone.now() + timedelta(days=6)
    conversation = factories.make_conversation(webex)
    found = refusal_of(
        lambda: queue_message(
            conversation=conversation, body="Hello", scheduled_for=at, valid_until=at + timedelta(days=days)
        )
    )
    assert (found.code if found else None) == code


@pytest.mark.parametrize("name", ["scheduled_for", "valid_until"])
def test_b39_b40_a_naive_time_is_refused_by_the_service(webex: Any, name: str) -> None:
    conversation = factories.make_conversation(webex)
    with nothing_stored_nor_sent(), pytest.raises(ValidationError) as refusal:
        queue_message(conversation=conversation, body="Hello", **{name: TOMORROW})
    assert refusal.value.code == "time_without_zone"


def test_b39_an_hour_that_is_skipped_says_what_to_choose(desk: Centre, agent: Client, settings: Any) -> None:
    settings.TIME_ZONE = GAP.zone
    desk.conversation()
    later = GAP._replace(at=GAP.at + timedelta(hours=1))
    for door in (reply, write):
        with nothing_stored_nor_sent():
            response = door(agent, desk.texts, scheduled_for=GAP.typed)
        assert response.status_code == 422
        assert read(response).one(id="id_scheduled_for_error").text == (
            f"{GAP.at:%H:%M} does not exist on {GAP.at:%-d %B %Y}: the clocks go forward. "
            f"Choose {later.at:%H:%M} or later."
        )
    assert reply(agent, desk.texts, scheduled_for=later.typed).status_code == 302
    assert Message.objects.get().scheduled_for == later.read(fold=0)


@pytest.mark.parametrize(("which", "fold"), [("first", 0), ("second", 1)])
def test_b39_an_hour_that_comes_twice_is_asked_for(
    desk: Centre, agent: Client, settings: Any, which: str, fold: int
) -> None:
    settings.TIME_ZONE = TWICE.zone
    desk.conversation()
    names = {"Europe/London": ("BST", "GMT"), "America/New_York": ("EDT", "EST")}[TWICE.zone]
    for door in (reply, write):
        with nothing_stored_nor_sent():
            asked = read(door(agent, desk.texts, scheduled_for=TWICE.typed))
            assert door(agent, desk.texts, scheduled_for=TWICE.typed, which_time="third").status_code == 422
        assert asked.one(id="id_scheduled_for_error").text == (
            f"01:30 comes twice on {TWICE.at:%-d %B %Y}: the clocks go back. Choose which one is meant."
        )
        choices = [option.text for option in asked.one("select", name="which_time").all("option")]
        assert choices == [
            "Which one?",
            f"01:30 {names[0]}, before the clocks go back",
            f"01:30 {names[1]}, after they went back",
        ]
    assert reply(agent, desk.texts, scheduled_for=TWICE.typed, which_time=which).status_code == 302
    assert Message.objects.get().scheduled_for == TWICE.read(fold)
    assert TWICE.read(1) - TWICE.read(0) == timedelta(hours=1)


def test_b39_the_choice_of_the_hour_stays_when_the_form_comes_back(desk: Centre, agent: Client, settings: Any) -> None:
    settings.TIME_ZONE = TWICE.zone
    desk.conversation()
    page = read(reply(agent, desk.texts, scheduled_for=TWICE.typed, which_time="second", body=""))
    chosen = [one.attributes["value"] for one in page.all("option") if "selected" in one.attributes]
    assert "second" in chosen
    assert not page.all(id="id_scheduled_for_error")


def test_b39_a_choice_without_a_question_is_left_alone(desk: Centre, agent: Client) -> None:
    desk.conversation()
    assert reply(agent, desk.texts, scheduled_for=f"{TOMORROW:%Y-%m-%dT12:00}", which_time="x").status_code == 302
    assert not read(agent.get(f"/c/{desk.texts.conversations.get().pk}/")).all("select", name="which_time")


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
def test_b39_any_time_of_a_year_is_itself_or_refused_for_its_clocks(zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    clocks = ZoneInfo(zone)
    field = LocalTimeField(label="Send at")

    @few
    @given(st.datetimes(min_value=local("2026-01-01T00:00"), max_value=local("2027-01-01T00:00")))
    @example(local("2026-03-29T01:30"))
    @example(local("2026-10-25T01:30"))
    @example(local("2026-03-08T02:00"))
    @example(local("2026-11-01T01:59"))
    @example(local("2026-10-04T02:15"))
    @example(local("2026-04-05T01:45"))
    def read_back(typed: datetime) -> None:
        typed = typed.replace(second=0, microsecond=0)
        moments = {typed.replace(tzinfo=clocks, fold=fold).astimezone(UTC) for fold in (0, 1)}
        real = {moment for moment in moments if moment.astimezone(clocks).replace(tzinfo=None) == typed}
        text = f"{typed:%Y-%m-%dT%H:%M}"
        if len(real) == 1:
            assert {field.clean(text).astimezone(UTC)} == real
        else:
            found = refusal_of(lambda: field.clean(text))
            assert found is not None
            assert found.code == ("time_comes_twice" if real else "time_does_not_exist")

    read_back()


@given(st.one_of(st.text(max_size=40), st.from_regex(r"[0-9]{1,5}-[0-9]{1,2}-[0-9]{1,2}[T ][0-9:]{1,8}[Z+-]?[0-9:]*")))
@settings(deadline=None)
def test_b39_any_text_is_a_time_or_refused(text: str) -> None:
    field = LocalTimeField(label="Send at")
    found = refusal_of(lambda: field.clean(text))
    if found is None:
        assert field.clean(text) is None or timezone.is_aware(field.clean(text))
    else:
        assert found.messages[0].endswith(".")
