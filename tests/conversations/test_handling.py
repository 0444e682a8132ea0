"""What people do to conversations, many at once, what each leaves behind, and how it is taken back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pgtrigger
import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Activity, Conversation, Handling, InboxCount, Stream, Tag, Team, User
from conversations.models.conversation import ListOrder
from conversations.models.inbox_triggers import Urgency, first_of
from conversations.services import conversations, handling
from conversations.services.compose import queue_message
from conversations.services.handling import upkeep
from tests import factories

pytestmark = pytest.mark.django_db

COLUMNS = ("status", "assignee_id", "team_id", "resolved_at", "waiting_since", "unread_count", "snoozed_until")


@dataclass
class Desk:
    """Priya and Tom answer one stream; nobody here sees another one."""

    priya: User
    tom: User
    team: Team
    stream: Stream

    def conversation(self, **fields: Any) -> Conversation:
        return factories.make_conversation(self.stream, **fields)


@pytest.fixture
def desk(db: None) -> Desk:
    priya, tom = factories.make_user(name="Priya Nair"), factories.make_user("supervisor", name="Tom Reyes")
    stream = factories.make_stream(name="Service texts")
    return Desk(priya, tom, factories.make_team(members=[priya, tom], streams=[stream], name="Billing"), stream)


def ahead(hours: float) -> datetime:
    return timezone.now() + timedelta(hours=hours)


def columns_of(*found: Conversation) -> list[tuple[Any, ...]]:
    return list(Conversation.objects.filter(pk__in=[one.pk for one in found]).order_by("pk").values_list(*COLUMNS))


def activities() -> list[tuple[str, str]]:
    return list(Activity.objects.order_by("id").values_list("kind", "text"))


@contextmanager
def as_many_queries(few: int) -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(
        connection,
    ) as found:
        yield found
    assert len(found) <= few, "\n".join(query["sql"][:150] for query in found)


def in_threads(*jobs: Any) -> None:
    def run(job: Any) -> None:
        try:
            job()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_are_resolved_in_a_few_statements_and_restored_exactly(desk: Desk) -> None:
    found = [
        desk.conversation(
            status=("open", "waiting", "snoozed")[number % 3],
            waiting_since=ahead(-number) if number % 2 else None,
            unread_count=number,
            snoozed_until=ahead(5) if number % 3 == 2 else None,
            assignee=desk.tom if number % 4 else None,
        )
        for number in range(12)
    ]
    before = columns_of(*found)

    with as_many_queries(12):  # the last of them asks whether the stream is mirrored
        came_of = handling.resolve([one.pk for one in found], actor=desk.priya)

    assert came_of.done == 12
    assert {row[0] for row in columns_of(*found)} == {"resolved"}
    assert activities() == [("status_change", "")] * 12
    assert came_of.handling is not None

    undone = handling.undo(came_of.handling, actor=desk.priya)

    assert (undone.done, undone.refused) == (12, [])
    assert columns_of(*found) == before
    assert len(activities()) == 24
    assert Activity.objects.filter(data__undo=True).count() == 12
    with pytest.raises(ValidationError) as error:
        handling.undo(came_of.handling, actor=desk.priya)
    assert error.value.code == "undone_already"


def test_what_changed_since_stays_as_it_is(desk: Desk) -> None:
    quiet, busy = desk.conversation(), desk.conversation()
    came_of = handling.resolve([quiet.pk, busy.pk], actor=desk.priya)
    conversations.open_conversation(stream=busy.stream, contact=busy.contact)
    assert came_of.handling is not None
    undone = handling.undo(came_of.handling, actor=desk.priya)
    assert undone.done == 1
    assert undone.refused == [(busy, "It has changed since.")]


def test_nobody_undoes_what_a_colleague_did(desk: Desk) -> None:
    came_of = handling.resolve([desk.conversation().pk], actor=desk.priya)
    assert came_of.handling is not None
    with pytest.raises(ValidationError):
        handling.undo(came_of.handling, actor=desk.tom)
    assert Handling.objects.undoable_by(desk.priya, timezone.now()).get() == came_of.handling
    assert not Handling.objects.undoable_by(desk.priya, ahead(1)).exists()


def test_undoing_a_resolve_beside_a_newer_conversation_leaves_it(desk: Desk) -> None:
    old = desk.conversation()
    came_of = handling.resolve([old.pk], actor=desk.priya)
    Conversation.objects.filter(pk=old.pk).update(status="archived")
    newer = desk.conversation(contact=old.contact)
    Conversation.objects.filter(pk=old.pk).update(status="resolved")
    assert came_of.handling is not None
    undone = handling.undo(came_of.handling, actor=desk.priya)
    assert undone.done == 0
    assert "already has an open conversation" in undone.refused[0][1]
    assert columns_of(newer)[0][0] == "open"


def test_what_an_actor_cannot_see_is_passed_over(desk: Desk) -> None:
    foreign, ours = factories.make_conversation(), desk.conversation()
    both = [foreign.pk, ours.pk]
    tag = Tag.objects.create(name="billing")
    for act in (
        lambda: handling.resolve(both, actor=desk.priya),
        lambda: handling.reopen(both, actor=desk.priya),
        lambda: handling.assign(both, to=desk.tom, actor=desk.priya),
        lambda: handling.snooze(both, until=None, actor=desk.priya),
        lambda: handling.tag(both, add=[tag], actor=desk.priya),
        lambda: handling.mark(both, unread=True, actor=desk.priya),
    ):
        assert act().done == 1
    assert columns_of(foreign) == [("open", None, None, None, None, 0, None)]
    assert not foreign.activities.exists()


def test_only_so_many_at_once(desk: Desk) -> None:
    with pytest.raises(ValidationError) as error:
        handling.resolve(range(1, handling.MOST_AT_ONCE + 2), actor=desk.priya)
    assert error.value.code == "too_many"


def test_assigning_to_a_person_a_team_and_nobody(desk: Desk) -> None:
    one = desk.conversation()
    handling.assign([one.pk], team=desk.team, actor=desk.tom)
    assert columns_of(one)[0][1:3] == (None, desk.team.pk)
    handling.assign([one.pk], to=desk.priya, actor=desk.tom)
    assert columns_of(one)[0][1:3] == (desk.priya.pk, desk.team.pk)
    assert handling.assign([one.pk], to=desk.priya, actor=desk.tom).done == 0
    last = handling.assign([one.pk], actor=desk.tom)
    assert columns_of(one)[0][1:3] == (None, None)
    assert activities() == [("assignment", "Billing"), ("assignment", "Priya Nair"), ("assignment", "")]
    assert last.handling is not None
    handling.undo(last.handling, actor=desk.tom)
    assert columns_of(one)[0][1:3] == (desk.priya.pk, desk.team.pk)
    assert activities()[-1] == ("assignment", "Priya Nair")


def test_who_cannot_see_a_conversation_is_not_given_it(desk: Desk) -> None:
    sam, others = factories.make_user(name="Sam Osei"), factories.make_team(name="Sales")
    one = desk.conversation()
    for whom in ({"to": sam}, {"team": others}):
        came_of = handling.assign([one.pk], actor=desk.tom, **whom)  # type: ignore[arg-type]
        assert came_of.done == 0
        assert "cannot see Service texts. Choose somebody who can." in came_of.refused[0][1]
    assert activities() == []


def test_reopening_two_of_one_contact_opens_the_newer(desk: Desk) -> None:
    contact = factories.make_contact()
    old = desk.conversation(contact=contact, status="resolved", last_message_at=ahead(-9))
    new = desk.conversation(contact=contact, status="resolved", last_message_at=ahead(-1))
    came_of = handling.reopen([old.pk, new.pk], actor=desk.priya)
    assert came_of.done == 1
    assert [row[0] for row in columns_of(old, new)] == ["resolved", "open"]
    assert came_of.refused[0][0] == old


def test_a_snoozed_conversation_comes_back_at_its_time(desk: Desk) -> None:
    soon, later, on_reply = (desk.conversation(unread_count=1) for _ in range(3))
    handling.snooze([soon.pk], until=ahead(1), actor=desk.priya)
    handling.snooze([later.pk], until=ahead(3), actor=desk.priya)
    handling.snooze([on_reply.pk], until=None, actor=desk.priya)
    assert upkeep.wake_snoozed(timezone.now()) == []
    assert upkeep.wake_snoozed(ahead(2)) == [soon.pk]
    assert [row[0] for row in columns_of(soon, later, on_reply)] == ["open", "snoozed", "snoozed"]
    woke = soon.activities.last()
    assert woke is not None
    assert (woke.actor, woke.data) == (None, {"from": "snoozed", "to": "open", "woke": True})
    until = soon.activities.first()
    assert until is not None
    assert until.data["until"] is not None


def test_a_time_that_has_passed_is_refused(desk: Desk) -> None:
    with pytest.raises(ValidationError) as error:
        handling.snooze([desk.conversation().pk], until=ahead(-1), actor=desk.priya)
    assert error.value.code == "snooze_in_the_past"


def test_snoozing_again_changes_the_time_and_waking_ends_it(desk: Desk) -> None:
    one = desk.conversation(status="waiting")
    handling.snooze([one.pk], until=ahead(1), actor=desk.priya)
    again = handling.snooze([one.pk], until=ahead(2), actor=desk.priya)
    assert again.handling is not None
    handling.undo(again.handling, actor=desk.priya)
    status, *_, until = columns_of(one)[0]
    assert status == "snoozed"
    assert until < ahead(1)
    handling.wake([one.pk], actor=desk.priya)
    assert columns_of(one)[0][0] == "open"
    assert handling.snooze([desk.conversation(status="resolved").pk], until=None, actor=desk.priya).done == 0


def test_an_answer_ends_a_snooze(desk: Desk) -> None:
    one = desk.conversation()
    handling.snooze([one.pk], until=ahead(1), actor=desk.priya)
    one.refresh_from_db()
    queue_message(conversation=one, body="Still on it", author=desk.priya)
    status, *_, until = columns_of(one)[0]
    assert (status, until) == ("waiting", None)


def test_tags_are_put_on_and_taken_off_in_one_action(desk: Desk) -> None:
    billing, vip, fault = (Tag.objects.create(name=name) for name in ("billing", "VIP", "fault"))
    first, second = desk.conversation(), desk.conversation()
    handling.tag([first.pk], add=[billing, vip], actor=desk.priya)
    with as_many_queries(13):
        came_of = handling.tag([first.pk, second.pk], add=[fault, vip], remove=[billing], actor=desk.priya)
    assert came_of.done == 2
    assert set(first.tags.all()) == {vip, fault}
    assert set(second.tags.all()) == {vip, fault}
    assert list(first.activities.values_list("kind", "text")) == [
        ("tag_added", "billing, VIP"),
        ("tag_added", "fault"),
        ("tag_removed", "billing"),
    ]
    assert came_of.handling is not None
    handling.undo(came_of.handling, actor=desk.priya)
    assert set(first.tags.all()) == {billing, vip}
    assert not second.tags.exists()
    assert handling.tag([first.pk], add=[vip], actor=desk.priya).done == 0


def test_marks_leave_no_activity_and_can_be_undone(desk: Desk) -> None:
    read, unread = desk.conversation(), desk.conversation(unread_count=3)
    came_of = handling.mark([read.pk, unread.pk], unread=False, actor=desk.priya)
    assert came_of.done == 1
    assert came_of.handling is not None
    handling.undo(came_of.handling, actor=desk.priya)
    assert columns_of(unread)[0][5] == 3
    handling.mark([read.pk], unread=True, actor=desk.priya)
    assert columns_of(read)[0][5] == 1
    assert activities() == []


def test_of_many_who_take_the_next_each_gets_another_one(transactional_db: None) -> None:
    stream = factories.make_stream()
    agents = [factories.make_user() for _ in range(4)]
    factories.make_team(members=agents, streams=[stream])
    rows = [factories.make_conversation(stream, waiting_since=ahead(-number)) for number in range(3)]
    taken: list[Conversation | None] = []
    in_threads(*(lambda agent=agent: taken.append(handling.take_next(agent)) for agent in agents))
    assert sorted(one.pk for one in taken if one) == [row.pk for row in rows]
    assert taken.count(None) == 1
    assert Activity.objects.filter(kind="assignment").count() == 3


def test_the_next_one_is_the_most_urgent_of_ones_own_teams(desk: Desk) -> None:
    factories.make_conversation(waiting_since=ahead(-9))
    desk.conversation(waiting_since=ahead(-8), team=factories.make_team(streams=[desk.stream]))
    desk.conversation(waiting_since=ahead(-7), assignee=desk.tom)
    desk.conversation(waiting_since=ahead(-6), status="waiting")
    ours = desk.conversation(waiting_since=ahead(-5), team=desk.team)
    free = desk.conversation(waiting_since=ahead(-4))
    assert handling.take_next(desk.priya) == ours
    assert handling.take_next(desk.priya) == free
    assert handling.take_next(desk.priya) is None


def test_two_who_resolve_the_same_in_other_orders_do_not_wait_for_ever(transactional_db: None) -> None:
    stream, admins = factories.make_stream(), [factories.make_user("administrator") for _ in range(4)]
    pks = [factories.make_conversation(stream).pk for _ in range(20)]
    in_threads(
        *(lambda a=admin, n=n: handling.resolve(pks[:: 1 if n % 2 else -1], actor=a) for n, admin in enumerate(admins))
    )
    assert Conversation.objects.filter(status="resolved").count() == 20
    assert Activity.objects.count() == 20


def test_upkeep_adds_the_numbers_up_and_forgets_old_actions(desk: Desk) -> None:
    found = [desk.conversation() for _ in range(5)]
    handling.resolve([found[0].pk], actor=desk.priya)
    Handling.objects.update(created_at=ahead(-30))
    upkeep.sweep(timezone.now())
    assert list(InboxCount.objects.values_list("status", "number")) == [("open", 4)]
    assert not Handling.objects.exists()
    handling.resolve([one.pk for one in found], actor=desk.priya)
    upkeep.sweep(timezone.now())
    assert not InboxCount.objects.exists()


def test_a_closed_window_sinks_in_the_list(desk: Desk) -> None:
    closing = desk.conversation(window_closes_at=ahead(1), last_message_at=ahead(-50))
    other = desk.conversation()
    assert upkeep.lower_closed_windows(timezone.now()) == 0
    assert list(Conversation.objects.in_order(ListOrder.URGENT)) == [closing, other]
    with pgtrigger.ignore("conversations.Conversation:conversation_urgency"):  # an hour passes
        past = first_of(Urgency.WINDOW) + int(ahead(-1).timestamp() * 1000)
        Conversation.objects.filter(pk=closing.pk).update(window_closes_at=ahead(-1), urgency=past)
    assert upkeep.lower_closed_windows(timezone.now()) == 1
    assert list(Conversation.objects.in_order(ListOrder.URGENT)) == [other, closing]
