"""Conversations by the hundred at Cirrus, as if they had been held over the last hours: nothing is sent or told."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from django.utils import timezone

from . import ids
from .models import CirrusChild, CirrusObject, SandboxStream
from .numbers import phones_for

APART = timedelta(seconds=2)  # between the last changes of two conversations
MOST_OBJECTS = 1000  # +44 7700 900000 to 900999, which Ofcom keeps for drama


def fill(stream: SandboxStream, objects: int, children: int) -> list[int]:
    """Add conversations, each with its own customer, who and an agent write by turns; returns their ids.

    Call inside `database.writing()`. Raises ValueError for more conversations than there are numbers.
    """
    if not 0 < objects <= MOST_OBJECTS or children < 0:
        raise ValueError(f"Ask for 1 to {MOST_OBJECTS:,} conversations.")
    phones = phones_for(f"+447700900{number:03}" for number in range(objects))
    agent = stream.account.agents.order_by("id").first()
    if agent is None:
        raise ValueError("The account has no agent.")
    now, first_object, child_ids = timezone.now(), ids.next_object_id(), count(ids.next_child_id())
    kept = []
    for place, number in enumerate(phones):
        digits = number.lstrip("+")
        changed = now - APART * (objects - place)
        kept.append(
            CirrusObject(
                account=stream.account,
                stream=stream,
                object_id=first_object + place,
                phone=number,
                stream_provider_id=digits,
                user_stream_provider_id=digits,
                user={"FirstName": "Customer", "LastName": str(place), "Phone1": digits},
                assigned_manager_id=agent.agent_id,
                message=_words(children - 1),
                created_at=changed,
                updated_at=changed,
            )
        )
    CirrusObject.objects.bulk_create(kept, batch_size=500)
    CirrusChild.objects.bulk_create(
        (
            CirrusChild(
                object=one,
                child_id=next(child_ids),
                type=0,
                is_manager=place % 2 == 1,
                manager_id=agent.agent_id if place % 2 else 0,
                message=_words(place),
                user_stream_provider_id=one.user_stream_provider_id,
                created_at=one.updated_at - APART * (children - place),
            )
            for one in kept
            for place in range(children)
        ),
        batch_size=500,
    )
    return [one.object_id for one in kept]


def _words(place: int) -> str:
    return f"Message {place}: the light on the box went out again this morning, and came back an hour later."
