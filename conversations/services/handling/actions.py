"""What people do to conversations, one or many at once: assign, resolve, snooze, tag, mark; and taking that back.

Each is a few statements, however many conversations there are. Who may see them is asked in SQL: what an actor
cannot see is passed over as if it were not there. Each leaves an activity in every conversation, and a `Handling`
with what it takes to undo it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations.models import Conversation, ConversationTag, Tag, Team, User
from conversations.models.activity import ActivityKind
from conversations.models.conversation import IN_INBOX, ListOrder
from conversations.models.conversation import ConversationStatus as Status
from conversations.models.inbox import HandlingKind
from conversations.models.stream import Stream
from conversations.services import notifications
from conversations.services.activities import Note, note_all, tell
from conversations.services.handling.rows import (
    Handled,
    another_is_open,
    change,
    differs,
    handled,
    locked,
    put_tags,
    remember,
    without_a_newer_one,
)

_DONE = {"status": Status.RESOLVED, "waiting_since": None, "unread_count": 0, "snoozed_until": None}


def assign(pks: Sequence[int], *, actor: User | None, to: User | None = None, team: Team | None = None) -> Handled:
    """Give conversations to a person, to a team (then nobody has them yet), or with neither to nobody.

    A person keeps the team. Who does not see a conversation's stream cannot be given it: that one is refused.
    """
    with transaction.atomic():
        found = locked(pks, actor)
        unseen = _unseen_by(to or team, {conversation.stream_id for conversation in found})
        refused = [
            (one, f"{to or team} cannot see {one.stream}. Choose somebody who can.")
            for one in found
            if one.stream_id in unseen
        ]
        wanted = [one for one in found if one.stream_id not in unseen]
        if team is not None:
            changes: dict[str, Any] = {"assignee_id": None, "team_id": team.pk}
        elif to is not None:
            changes = {"assignee_id": to.pk}
        else:
            changes = {"assignee_id": None, "team_id": None}
        changed = [one for one in wanted if differs(one, changes)]
        data = [{"from": one.assignee_id, "to": to.pk if to else None} for one in changed]
        if team is not None:
            data = [{**one, "team": team.pk} for one in data]
        before = change(changed, changes)
        notes = [Note(one, str(to or team or ""), what) for one, what in zip(changed, data, strict=True)]
        note_all(ActivityKind.ASSIGNMENT, notes, actor=actor)
        notifications.assigned(changed, to=to, actor=actor)
        return handled(HandlingKind.ASSIGNED, changed, before, changes, actor, refused)


def claim(conversation: Conversation, *, actor: User) -> Handled:
    """Take a conversation that nobody has. Raises ValidationError naming the one who was quicker."""
    with transaction.atomic():
        taken = Conversation.objects.filter(pk=conversation.pk, assignee=None).update(assignee=actor)
        conversation.refresh_from_db(fields=["assignee"])
        if not taken:
            if conversation.assignee == actor:
                return Handled()
            raise ValidationError(f"Taken by {conversation.assignee} just now.", code="taken")
        note_all(ActivityKind.ASSIGNMENT, [Note(conversation, str(actor), {"from": None, "to": actor.pk})], actor=actor)
        before = {conversation.pk: {"assignee_id": None}}
        return handled(HandlingKind.ASSIGNED, [conversation], before, {"assignee_id": actor.pk}, actor, [])


def take_next(actor: User) -> Conversation | None:
    """Take the most urgent open conversation that nobody has, of no team or of the actor's; None when there is none.

    Of two people who press at once, each gets another one.
    """
    streams = list(Stream.objects.visible_to(actor).values_list("pk", flat=True))
    waiting = Conversation.objects.filter(status=Status.OPEN).unassigned().for_teams_of(actor)
    with transaction.atomic():
        first = waiting.keys_stream_by_stream(ListOrder.URGENT, streams, 50)
        free = Conversation.objects.filter(pk__in=first, status=Status.OPEN).unassigned().in_order(ListOrder.URGENT)
        conversation = free.select_for_update(skip_locked=True, no_key=True).first()
        if conversation is not None:
            claim(conversation, actor=actor)
        return conversation


def resolve(pks: Sequence[int], *, actor: User | None) -> Handled:
    """The work is done; a reply opens a conversation again."""
    with transaction.atomic():
        found = [one for one in locked(pks, actor) if one.is_current]
        notifications.over([one.pk for one in found])
        return _set_status(HandlingKind.RESOLVED, found, {**_DONE, "resolved_at": timezone.now()}, actor, [])


def reopen(pks: Sequence[int], *, actor: User | None) -> Handled:
    """Work again on resolved conversations. One whose contact has a newer conversation on the stream is refused."""
    with transaction.atomic():
        found = [one for one in locked(pks, actor) if not one.is_current]
        free, refused = without_a_newer_one(found)
        return _set_status(HandlingKind.REOPENED, free, {"status": Status.OPEN, "resolved_at": None}, actor, refused)


def snooze(pks: Sequence[int], *, until: datetime | None, actor: User | None) -> Handled:
    """Put conversations out of sight until a time, or (None) until the customer writes, which wakes them anyway.

    Raises ValidationError for a time that has passed. What is resolved is left alone.
    """
    if until is not None and until <= timezone.now():
        raise ValidationError("Choose a time that lies ahead.", code="snooze_in_the_past")
    with transaction.atomic():
        found = [one for one in locked(pks, actor) if one.status in IN_INBOX]
        changed = [one for one in found if one.status != Status.SNOOZED or one.snoozed_until != until]
        changes = {"status": Status.SNOOZED, "snoozed_until": until}
        return _set_status(
            HandlingKind.SNOOZED, changed, changes, actor, [], until=until.isoformat() if until else None
        )


def wake(pks: Sequence[int], *, actor: User | None) -> Handled:
    """Bring snoozed conversations back now."""
    with transaction.atomic():
        found = [one for one in locked(pks, actor) if one.status == Status.SNOOZED]
        return _set_status(HandlingKind.REOPENED, found, {"status": Status.OPEN, "snoozed_until": None}, actor, [])


def tag(pks: Sequence[int], *, add: Iterable[Tag] = (), remove: Iterable[Tag] = (), actor: User | None) -> Handled:
    """Put tags on conversations and take others off."""
    adding, removing = list(add), list(remove)
    with transaction.atomic():
        found = locked(pks, actor)
        present: dict[int, set[int]] = defaultdict(set)
        for row in ConversationTag.objects.filter(conversation__in=found):
            present[row.conversation_id].add(row.tag_id)
        added = {one.pk: [word for word in adding if word.pk not in present[one.pk]] for one in found}
        removed = {one.pk: [word for word in removing if word.pk in present[one.pk]] for one in found}
        changed = [one for one in found if added[one.pk] or removed[one.pk]]
        put_tags(changed, added, removed, actor)
        changes = [
            {
                "conversation": one.pk,
                "before": {"tags": [word.pk for word in removed[one.pk]]},
                "after": {"tags": [word.pk for word in added[one.pk]]},
            }
            for one in changed
        ]
        return Handled(len(changed), [], remember(HandlingKind.TAGGED, changes, actor))


def mark(pks: Sequence[int], *, unread: bool, actor: User | None) -> Handled:
    """Mark conversations as read or as unread. It is no part of their history: there is no activity."""
    with transaction.atomic():
        changed = [one for one in locked(pks, actor) if bool(one.unread_count) != unread]
        changes = {"unread_count": 1 if unread else 0}
        before = change(changed, changes)
        for one in changed:
            tell(one)
        kind = HandlingKind.MARKED_UNREAD if unread else HandlingKind.MARKED_READ
        return handled(kind, changed, before, changes, actor, [])


def _set_status(
    kind: HandlingKind,
    changed: list[Conversation],
    changes: dict[str, Any],
    actor: User | None,
    refused: list[tuple[Conversation, str]],
    **data: Any,
) -> Handled:
    was = [one.status for one in changed]
    try:
        with transaction.atomic():
            before = change(changed, changes)
    except IntegrityError as error:
        raise another_is_open(changed[0]) from error
    notes = [
        Note(one, data={"from": status, "to": changes["status"], **data})
        for one, status in zip(changed, was, strict=True)
    ]
    note_all(ActivityKind.STATUS_CHANGE, notes, actor=actor)
    return handled(kind, changed, before, changes, actor, refused)


def _unseen_by(whom: User | Team | None, stream_ids: set[int]) -> set[int]:
    """Those of the streams that a person or a team does not see."""
    streams = Stream.objects.filter(pk__in=stream_ids)
    if isinstance(whom, User):
        return stream_ids - set(streams.visible_to(whom).values_list("pk", flat=True))
    if isinstance(whom, Team):
        return stream_ids - set(streams.filter(teams=whom).values_list("pk", flat=True))
    return set()
