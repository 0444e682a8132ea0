"""Who has which conversation open, and who is typing there: in Valkey alone, for less than a minute.

A page says every few seconds that it is still there. Nothing is stored in PostgreSQL, nothing waits for an answer,
and while Valkey is away nobody is seen: all that is lost is a courtesy.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from conversations import live
from conversations.broker import broker
from conversations.models import Conversation, User

logger = logging.getLogger(__name__)

HERE_FOR = 40  # seconds after the last word of a page
TYPING_FOR = 8  # seconds after the last key
_KEY = "parley:presence:"
_BUSY = "parley:present"  # the conversations that somebody has open, by the time of the last word


@dataclass(frozen=True, slots=True)
class Present:
    """A colleague who has a conversation open."""

    user_id: int
    is_typing: bool


def here(conversation: Conversation, user: User, *, typing: bool) -> None:
    """This user has the conversation open now. Tells open pages if that is new."""
    _tell_if_changed(conversation, user, seen=True, typing=typing)


def gone(conversation: Conversation, user: User) -> None:
    """This user has left the conversation."""
    _tell_if_changed(conversation, user, seen=False, typing=False)


def _tell_if_changed(conversation: Conversation, user: User, *, seen: bool, typing: bool) -> None:
    now = time.time()
    key, name, typist = f"{_KEY}{conversation.pk}", str(user.pk), f"{user.pk}:typing"
    try:
        with broker().pipeline() as pipe:
            pipe.zscore(key, name)
            pipe.zscore(key, typist)
            if seen:
                pipe.zadd(key, {name: now} | ({typist: now} if typing else {}))
                pipe.zadd(_BUSY, {str(conversation.pk): now})
                pipe.expire(key, HERE_FOR * 2)
                pipe.expire(_BUSY, HERE_FOR * 2)
            if not seen:
                pipe.zrem(key, name)
            if not typing:
                pipe.zrem(key, typist)
            was_here, was_typing, *_ = pipe.execute()
    except RedisError:
        logger.warning("The broker does not answer: nobody is seen at their conversations.")
        return
    changed = (_is_fresh(was_here, now, HERE_FOR), _is_fresh(was_typing, now, TYPING_FOR)) != (seen, typing)
    if changed:
        live.publish(stream_id=conversation.stream_id, kind="presence", conversation_id=conversation.pk, user=user.pk)


def who_is_at(conversation_ids: Collection[int], *, but: User) -> dict[int, list[Present]]:
    """The colleagues who have these conversations open, by conversation; none of those that nobody has open."""
    now = time.time()
    try:
        recent: list[Any] = broker().zrangebyscore(_BUSY, now - HERE_FOR, "+inf")
        busy = {int(pk) for pk in recent}
        asked = sorted(busy & set(conversation_ids))
        if not asked:
            return {}
        with broker().pipeline(transaction=False) as pipe:
            for pk in asked:
                pipe.zrange(f"{_KEY}{pk}", 0, -1, withscores=True)
            answers = pipe.execute()
    except RedisError:
        return {}
    found = {}
    for pk, answer in zip(asked, answers, strict=True):
        if people := _read(dict(answer), now, but.pk):
            found[pk] = people
    return found


def _read(scores: dict[bytes, float], now: float, but: int) -> list[Present]:
    people = []
    for name, at in sorted(scores.items(), key=lambda one: one[1]):
        if name.isdigit() and int(name) != but and _is_fresh(at, now, HERE_FOR):
            typing = _is_fresh(scores.get(name + b":typing"), now, TYPING_FOR)
            people.append(Present(int(name), typing))
    return people


def _is_fresh(at: float | None, now: float, seconds: float) -> bool:
    return at is not None and at > now - seconds
