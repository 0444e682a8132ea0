"""Taking an action back: every conversation is what it was before, unless somebody has changed it since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Field
from django.utils import timezone

from conversations.models import Conversation, Handling, Tag, User
from conversations.models.activity import ActivityKind
from conversations.models.conversation import CURRENT
from conversations.models.inbox import HandlingKind
from conversations.services import notifications
from conversations.services.activities import Note, note_all, tell
from conversations.services.handling.rows import Handled, change, differs, locked, put_tags, without_a_newer_one


def undo(handling: Handling, *, actor: User) -> Handled:
    """Make every conversation of an action what it was before it, unless it has changed since: that one is refused.

    Raises ValidationError when the action was undone already.
    """
    with transaction.atomic():
        if not Handling.objects.filter(pk=handling.pk, actor=actor, undone_at=None).update(undone_at=timezone.now()):
            raise ValidationError("This was undone already.", code="undone_already")
        found = {one.pk: one for one in locked([change["conversation"] for change in handling.changes], actor)}
        changes = [change for change in handling.changes if change["conversation"] in found]
        if handling.kind == HandlingKind.TAGGED:
            return _undo_tags(found, changes, actor)
        return _undo_columns(handling.kind, found, changes, actor)


def _undo_tags(found: Mapping[int, Conversation], changes: Sequence[dict[str, Any]], actor: User) -> Handled:
    words = Tag.objects.in_bulk({pk for one in changes for side in ("before", "after") for pk in one[side]["tags"]})
    back = {one["conversation"]: [words[pk] for pk in one["before"]["tags"] if pk in words] for one in changes}
    off = {one["conversation"]: [words[pk] for pk in one["after"]["tags"] if pk in words] for one in changes}
    put_tags([found[one["conversation"]] for one in changes], back, off, actor)
    return Handled(len(changes))


def _undo_columns(
    kind: str, found: Mapping[int, Conversation], changes: Sequence[dict[str, Any]], actor: User
) -> Handled:
    refused = []
    alike: dict[str, list[dict[str, Any]]] = defaultdict(list)  # what was the same before is written in one statement
    for one in changes:
        if _is_as_left(found[one["conversation"]], one["after"]):
            alike[repr(one["before"])].append(one)
        else:
            refused.append((found[one["conversation"]], "It has changed since."))
    done = 0
    for group in alike.values():
        columns = {name: _real(name, value) for name, value in group[0]["before"].items()}
        rows = [found[one["conversation"]] for one in group]
        if columns.get("status") in CURRENT:
            resolved, others = without_a_newer_one([one for one in rows if not one.is_current])
            rows = [one for one in rows if one.is_current] + resolved
            refused += others
        _NOTES[kind](rows, columns, actor)
        change(rows, columns)
        done += len(rows)
    return Handled(done, refused)


def _is_as_left(conversation: Conversation, after: Mapping[str, Any]) -> bool:
    return not differs(conversation, {name: _real(name, value) for name, value in after.items()})


def _real(name: str, value: Any) -> Any:
    """A column's value from its JSON."""
    column = Conversation._meta.get_field(name.removesuffix("_id"))
    assert isinstance(column, Field)
    return column.to_python(value)


def _note_status(rows: Sequence[Conversation], columns: Mapping[str, Any], actor: User) -> None:
    notes = [Note(one, data={"from": one.status, "to": columns["status"], "undo": True}) for one in rows]
    note_all(ActivityKind.STATUS_CHANGE, notes, actor=actor)


def _note_assignment(rows: Sequence[Conversation], columns: Mapping[str, Any], actor: User) -> None:
    to = User.objects.filter(pk=columns["assignee_id"]).first()
    data = {"to": to.pk if to else None, "undo": True}
    notes = [Note(one, str(to or ""), {"from": one.assignee_id, **data}) for one in rows]
    note_all(ActivityKind.ASSIGNMENT, notes, actor=actor)
    notifications.assigned(rows, to=to, actor=to)  # who has it again knows it


def _tell(rows: Sequence[Conversation], columns: Mapping[str, Any], actor: User) -> None:
    for one in rows:
        tell(one)


_NOTES: dict[str, Callable[[Sequence[Conversation], Mapping[str, Any], User], None]] = {
    HandlingKind.ASSIGNED: _note_assignment,
    HandlingKind.RESOLVED: _note_status,
    HandlingKind.REOPENED: _note_status,
    HandlingKind.SNOOZED: _note_status,
    HandlingKind.MARKED_READ: _tell,
    HandlingKind.MARKED_UNREAD: _tell,
}
