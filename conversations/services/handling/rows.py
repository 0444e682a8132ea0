"""Rows that several actions share: taking them, changing them, and remembering what they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from conversations.models import Conversation, ConversationTag, Handling, Tag, User
from conversations.models.activity import ActivityKind
from conversations.models.conversation import CURRENT
from conversations.models.inbox import HandlingKind
from conversations.services.activities import Note, note_all

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of an action: how many conversations changed, which did not and why, and how to undo it."""

    done: int = 0
    refused: list[tuple[Conversation, str]] = field(default_factory=list)
    handling: Handling | None = None


def locked(pks: Sequence[int], actor: User | None) -> list[Conversation]:
    """The rows as they are now, which nobody changes until we have; None as actor is the system, which sees all.

    In the order of their ids, so that two who take the same rows wait for each other instead of for ever.
    """
    if len(pks) > MOST_AT_ONCE:
        raise ValidationError(f"Choose {MOST_AT_ONCE} conversations at most.", code="too_many")
    rows = Conversation.objects.filter(pk__in=pks)
    if actor is not None:
        rows = rows.visible_to(actor)
    locked = rows.select_for_update(no_key=True, of=("self",)).select_related("stream", "contact").order_by("pk")
    return list(locked)


def without_a_newer_one(found: list[Conversation]) -> tuple[list[Conversation], list[tuple[Conversation, str]]]:
    """Those that may become current again, and those whose contact has another current one, or would have."""
    others = Conversation.objects.filter(
        contact__in={one.contact_id for one in found}, stream__in={one.stream_id for one in found}, status__in=CURRENT
    )
    taken = set(others.values_list("stream", "contact"))
    free, refused = [], []
    for one in sorted(found, key=lambda one: one.last_message_at, reverse=True):
        key = (one.stream_id, one.contact_id)
        if key in taken:
            refused.append((one, " ".join(another_is_open(one).messages)))
        else:
            taken.add(key)
            free.append(one)
    return free, refused


def another_is_open(conversation: Conversation) -> ValidationError:
    """Why a resolved conversation stays resolved."""
    return ValidationError(
        f"{conversation.contact} already has an open conversation on {conversation.stream}. Go on there.",
        code="another_is_open",
    )


def differs(conversation: Conversation, changes: Mapping[str, Any]) -> bool:
    """Is any of these columns another now?"""
    return any(getattr(conversation, name) != value for name, value in changes.items())


def change(changed: Sequence[Conversation], changes: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Set the same columns of all in one statement; returns what they were before."""
    if changed:
        Conversation.objects.filter(pk__in=[one.pk for one in changed]).update(**changes)
    before = {one.pk: {name: getattr(one, name) for name in changes} for one in changed}
    for one in changed:
        for name, value in changes.items():
            setattr(one, name, value)
    return before


def put_tags(
    changed: Sequence[Conversation],
    added: Mapping[int, Sequence[Tag]],
    removed: Mapping[int, Sequence[Tag]],
    actor: User | None,
) -> None:
    """Put tags on conversations and take others off; both are named by the conversation's id."""
    ConversationTag.objects.bulk_create(
        (ConversationTag(conversation=one, tag=tag) for one in changed for tag in added[one.pk]),
        ignore_conflicts=True,
    )
    pairs = [(one.pk, tag.pk) for one in changed for tag in removed[one.pk]]
    if pairs:
        rows = ConversationTag.objects.filter(conversation__in={pk for pk, _ in pairs}, tag__in={pk for _, pk in pairs})
        rows.filter(pk__in=[row.pk for row in rows if (row.conversation_id, row.tag_id) in set(pairs)]).delete()
    for kind, tags in ((ActivityKind.TAG_ADDED, added), (ActivityKind.TAG_REMOVED, removed)):
        notes = [Note(one, ", ".join(map(str, tags[one.pk]))) for one in changed if tags[one.pk]]
        note_all(kind, notes, actor=actor)


def handled(
    kind: HandlingKind,
    changed: Sequence[Conversation],
    before: Mapping[int, Mapping[str, Any]],
    after: Mapping[str, Any],
    actor: User | None,
    refused: list[tuple[Conversation, str]],
) -> Handled:
    """What came of setting the columns `after`, which were `before`, by conversation."""
    changes = [{"conversation": one.pk, "before": _plain(before[one.pk]), "after": _plain(after)} for one in changed]
    return Handled(len(changed), refused, remember(kind, changes, actor))


def remember(kind: HandlingKind, changes: list[dict[str, Any]], actor: User | None) -> Handling | None:
    """Keep what it takes to undo a person's action."""
    if actor is None or not changes:
        return None
    return Handling.objects.create(actor=actor, kind=kind, changes=changes)


def _plain(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as JSON."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in columns.items()}
