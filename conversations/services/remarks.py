"""Remarks for the team, as a page leaves them: once, with the colleagues they name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db import transaction

from conversations.models import Activity, Conversation, User
from conversations.models.activity import ActivityKind
from conversations.models.draft import DraftKind
from conversations.services import conversations, drafts, notifications


def leave_remark(
    conversation: Conversation, *, text: str, actor: User, colleagues: Iterable[User], client_key: str
) -> Activity:
    """Add a remark and let its draft go; a second call with the same key returns the first.

    Of `colleagues`, who see the conversation, those are mentioned whom the text names. Raises ValidationError when
    the text is empty.
    """
    with transaction.atomic():
        Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
        if first := conversation.activities.filter(kind=ActivityKind.REMARK, data__client_key=client_key).first():
            return first
        remark = conversations.add_remark(conversation, text=text, actor=actor)
        remark.data = {"client_key": client_key}
        remark.save(update_fields=["data"])
        named = mentioned(remark.text, colleagues)
        remark.mentions.set(named)
        notifications.mentioned(remark, named)
        drafts.let_go(conversation, actor, DraftKind.REMARK)
    return remark


def mentioned(text: str, people: Iterable[User]) -> list[User]:
    """The people whose name stands after an @, in any case; a first name counts where only one has it."""
    by_name: dict[str, list[User]] = {}
    for person in people:
        for name in _names(person):
            by_name.setdefault(name, []).append(person)
    only = {name: found[0] for name, found in by_name.items() if len(found) == 1}
    if not only:
        return []
    named = _mention_of(only).findall(" ".join(text.split()).casefold())
    return list(dict.fromkeys(only[name[1:]] for name in named))


def mention_pattern(people: Iterable[User]) -> re.Pattern[str] | None:
    """What finds these people's mentions, with the @, in a text as it was written; None without people."""
    names = {name for person in people for name in _names(person)}
    return _mention_of(names) if names else None


def _names(person: User) -> set[str]:
    """The names by which somebody is mentioned: all of it, or the first."""
    full = " ".join(str(person).split()).casefold()
    return {full, full.partition(" ")[0]}


def _mention_of(names: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(names, key=len, reverse=True)
    either = "|".join(r"\s+".join(map(re.escape, name.split())) for name in longest_first)
    return re.compile(rf"(?<![\w@.])@(?:{either})(?!\w)", re.IGNORECASE)
