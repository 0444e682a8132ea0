"""Remarks for the team, as a page leaves them: once, with the colleagues they name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db import transaction

from conversations.models import Activity, Conversation, User
from conversations.models.activity import ActivityKind
from conversations.models.draft import DraftKind
from conversations.services import conversations, drafts


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
        remark.mentions.set(mentioned(remark.text, colleagues))
        drafts.let_go(conversation, actor, DraftKind.REMARK)
    return remark


def mentioned(text: str, people: Iterable[User]) -> list[User]:
    """The people whose name stands after an @, in any case; a first name counts where only one has it."""
    by_name: dict[str, list[User]] = {}
    for person in people:
        full = " ".join(str(person).split()).casefold()
        for name in {full, full.partition(" ")[0]}:
            by_name.setdefault(name, []).append(person)
    only = {name: found[0] for name, found in by_name.items() if len(found) == 1}
    if not only:
        return []
    longest_first = "|".join(re.escape(name) for name in sorted(only, key=len, reverse=True))
    named = re.findall(rf"(?<![\w@.])@({longest_first})(?!\w)", " ".join(text.split()).casefold())
    return list(dict.fromkeys(only[name] for name in named))
