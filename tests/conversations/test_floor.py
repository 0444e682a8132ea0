"""The floor: what it counts, for whom, moving the work of somebody, and giving back what lies too long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.models import Activity, Contact, Conversation, Message, Stream, Team, User, WorkingHours
from conversations.models.activity import ActivityKind
from conversations.services import floor, handling
from conversations.services.handling import upkeep
from conversations.services.reports.keeping import calendar_of
from conversations.services.reports.working_time import working_seconds
from tests import factories

pytestmark = pytest.mark.django_db


@dataclass
class Place:
    """Tom supervises Priya and Sam on one stream; the other stream is somebody else's."""

    tom: User
    priya: User
    sam: User
    team: Team
    stream: Stream
    other: Stream
    browser: Client

    def waiting(self, *, minutes: float, stream: Stream | None = None, **fields: Any) -> Conversation:
        """A conversation whose customer has waited so long."""
        since = timezone.now() - timedelta(minutes=minutes)
        return factories.make_conversation(stream or self.stream, waiting_since=since, last_message_at=since, **fields)

    def words(self) -> str:
        """The page, on one line."""
        return " ".join(self.browser.get("/floor/").content.decode().split())


@pytest.fixture
def place() -> Place:
    tom, priya, sam = (
        factories.make_user(role, name=name)
        for role, name in (("supervisor", "Tom Okafor"), ("agent", "Priya Nair"), ("agent", "Sam Osei"))
    )
    stream, other = factories.make_stream(reply_within=30), factories.make_stream()
    team = factories.make_team(name="Care", members=[tom, priya, sam], streams=[stream])
    browser = Client()
    browser.force_login(tom)
    return Place(tom, priya, sam, team, stream, other, browser)


@pytest.fixture
def office() -> WorkingHours:
    """Nine to five with an hour for lunch, Monday to Friday in London, Christmas off."""
    hours = WorkingHours.objects.create(name="Office", time_zone="Europe/London")
    for day in range(5):
        hours.periods.create(weekday=day, opens_at=time(9), closes_at=time(12))
        hours.periods.create(weekday=day, opens_at=time(13), closes_at=time(17))
    hours.holidays.create(day=date(2026, 12, 25), name="Christmas")
    return hours


def deadline(hours: WorkingHours | None, since: datetime, minutes: int) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT parley_working_deadline(%s, %s, %s)", [hours and hours.pk, since, minutes])
        return cursor.fetchone()[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)  # nothing is written
@given(
    since=st.integers(0, 2 * 365 * 86_400).map(
        lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0, seconds)
    ),
    minutes=st.integers(1, 3_000),
)
def test_the_deadline_is_when_that_much_working_time_has_passed(
    office: WorkingHours, since: datetime, minutes: int
) -> None:
    due, calendar = deadline(office, since, minutes), calendar_of(office)
    assert working_seconds(since, due, calendar) == minutes * 60
    assert working_seconds(since, due - timedelta(seconds=1), calendar) == minutes * 60 - 1, "and not a second later"


def test_without_hours_the_clock_on_the_wall_counts(office: WorkingHours) -> None:
    since = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday
    assert deadline(None, since, 90) == since + timedelta(minutes=90)
    assert deadline(office, since, 90) == datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    office.periods.all().delete()
    assert deadline(office, since, 90) == since + timedelta(minutes=90), "hours that never are"


def test_an_answer_is_due_in_the_hours_of_the_stream(place: Place, office: WorkingHours) -> None:
    place.stream.working_hours = office
    place.stream.save()
    friday = datetime(2026, 11, 20, 16, 45, tzinfo=UTC)
    conversation = factories.make_conversation(place.stream, waiting_since=friday)
    conversation.refresh_from_db()
    assert conversation.reply_due_at == datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


def test_what_should_be_resolved_soon_is_due_too(place: Place) -> None:
    Stream.objects.filter(pk=place.stream.pk).update(resolve_within=10)
    conversation = factories.make_conversation(place.stream, assignee=place.priya)
    found = floor.look(place.tom)
    assert (found.waiting, found.overdue, found.due_soon) == (0, 0, 1)
    page = place.browser.get(f"/c/{conversation.pk}/?view=all").content.decode()
    assert "Resolve in" in page
    assert "When it should be resolved" in page
    Conversation.objects.update(status="waiting")
    assert floor.look(place.tom).due_soon == 0


def test_what_the_page_counts(place: Place) -> None:
    late = place.waiting(minutes=45, assignee=place.priya)
    place.waiting(minutes=20)
    place.waiting(minutes=1, assignee=place.priya)
    factories.make_conversation(place.stream, assignee=place.sam)
    place.waiting(minutes=600, stream=place.other)
    for status, code, text in (
        ("failed", "not_on_whatsapp", ""),
        ("failed", "not_on_whatsapp", ""),
        ("undelivered", "", ""),
        ("accepted", "", ""),
    ):
        factories.make_message(late, status=status, failure_code=code, failure_text=text)
    old = factories.make_message(late, status="failed", failure_code="session_active")
    Message.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=2))
    factories.make_message(late, status="queued", queued_at=timezone.now())

    found = floor.look(place.tom)
    assert (found.waiting, found.overdue, found.due_soon, found.unassigned) == (3, 1, 1, 1)
    assert found.longest[0].pk == late.pk
    assert [(one.number, one.example.status) for one in found.reasons] == [(2, "failed"), (1, "undelivered")]
    assert found.failed == 3
    assert found.outbox_depth == 1
    loads = {one.user: (one.open, one.waiting) for one in found.people}
    assert loads == {place.priya: (2, 2), place.sam: (1, 0), place.tom: (0, 0)}
    assert found.people[0].user == place.priya, "with the most who wait"
    page = place.words()
    assert "Write to it by SMS instead." in page
    assert "session_active" not in page
    assert str(place.other) not in page


def test_a_page_of_few_statements(place: Place) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            place.browser.get("/floor/")
        return len(asked)

    place.waiting(minutes=5, assignee=place.priya)
    few = statements()
    for number in range(12):
        place.waiting(minutes=number, assignee=factories.make_user(name=f"Agent {number}"))
    assert statements() == few <= 40


def test_it_is_for_supervisors(place: Place) -> None:
    place.waiting(minutes=5, assignee=place.sam)
    agent = Client()
    agent.force_login(place.priya)
    assert agent.get("/floor/").status_code == 403
    assert agent.post(f"/floor/{place.sam.pk}/move/", {"to": f"user-{place.priya.pk}"}).status_code == 404
    assert 'href="/floor/"' not in agent.get("/inbox/", follow=True).content.decode()
    assert Conversation.objects.get().assignee == place.sam


def test_the_work_of_somebody_absent_goes_to_a_team_in_one_step(place: Place) -> None:
    theirs = [place.waiting(minutes=number, assignee=place.sam) for number in range(25)]
    for status, some in (("waiting", theirs[:2]), ("snoozed", theirs[2:3])):
        Conversation.objects.filter(pk__in=[one.pk for one in some]).update(status=status)
    elsewhere = place.waiting(minutes=3, stream=place.other, assignee=place.sam)
    assert (
        "Sam Osei has 25 conversations that you see "
        "(22 open · 2 answered, the customer has not come back · 1 snoozed)."
        in place.browser.get(f"/floor/{place.sam.pk}/move/").content.decode()
    )
    answer = place.browser.post(f"/floor/{place.sam.pk}/move/", {"to": f"team-{place.team.pk}"}, follow=True)
    assert "25 conversations of Sam Osei given to Care." in answer.content.decode()
    moved = Conversation.objects.filter(pk__in=[one.pk for one in theirs])
    assert set(moved.values_list("assignee", "team")) == {(None, place.team.pk)}
    lines = Activity.objects.filter(kind=ActivityKind.ASSIGNMENT, actor=place.tom)
    assert lines.count() == lines.values("conversation").distinct().count() == 25
    elsewhere.refresh_from_db()
    assert elsewhere.assignee == place.sam, "what she does not see stays"
    place.browser.post("/handle/undo/")
    assert moved.filter(assignee=place.sam).count() == 25


@pytest.mark.parametrize("to", ["user-{sam}", "user-{stranger}", "team-999999", "nobody-1"])
def test_who_cannot_have_it_gets_nothing(place: Place, to: str) -> None:
    place.waiting(minutes=3, assignee=place.sam)
    stranger = factories.make_user(name="Stranger")
    form = {"to": to.format(sam=place.sam.pk, stranger=stranger.pk)}
    answer = place.browser.post(f"/floor/{place.sam.pk}/move/", form)
    assert answer.status_code == 422
    assert "Choose somebody who sees these conversations." in answer.content.decode()
    assert Conversation.objects.get().assignee == place.sam
    assert not Activity.objects.exists()


def test_only_so_many_at_once_and_the_page_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handling, "MOST_AT_ONCE", 3)
    for number in range(5):
        place.waiting(minutes=number, assignee=place.sam)
    answer = place.browser.post(f"/floor/{place.sam.pk}/move/", {"to": ""}, follow=True)
    assert (
        "3 conversations of Sam Osei back among the unassigned. 2 are left: move them next." in answer.content.decode()
    )
    assert Conversation.objects.filter(assignee=place.sam).count() == 2


def test_what_lies_too_long_goes_back(place: Place) -> None:
    place.stream.return_after = 20
    place.stream.save()
    silent = place.waiting(minutes=25, assignee=place.priya, team=place.team)
    others = [
        place.waiting(minutes=15, assignee=place.priya),
        place.waiting(minutes=25),
        factories.make_conversation(place.stream, assignee=place.priya),  # it is the customer's turn
        place.waiting(minutes=90, assignee=place.priya, stream=place.other),  # that stream gives nothing back
    ]
    just_taken = place.waiting(minutes=25)
    handling.claim(just_taken, actor=place.sam)
    assert upkeep.return_silent(timezone.now()) == [silent.pk]
    silent.refresh_from_db()
    assert (silent.assignee, silent.team) == (None, place.team)
    for one in (*others, just_taken):
        before = one.assignee
        one.refresh_from_db()
        assert one.assignee == before
    assert upkeep.return_silent(timezone.now()) == []
    page = place.browser.get(f"/c/{silent.pk}/").content.decode()
    assert "Back among the unassigned: the customer waited too long for" in page
    assert Contact.objects.count() == 6
