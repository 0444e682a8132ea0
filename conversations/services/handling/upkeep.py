"""What time alone changes in an inbox, and what piles up there: called by the dispatcher's sweep."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import DateTimeField, F, Func, OuterRef, Subquery
from django.db.models.functions import Greatest

from conversations.models import Activity, Conversation, Handling
from conversations.models.activity import ActivityKind
from conversations.models.conversation import ConversationStatus as Status
from conversations.services import notifications
from conversations.services.activities import Note, note_all

BATCH = 500
HANDLINGS_KEPT = timedelta(days=1)

_ADD_UP = """
    WITH several AS (
        SELECT stream_id, status, assignee_id
          FROM conversations_inboxcount
         GROUP BY stream_id, status, assignee_id
        HAVING count(*) > 1 OR sum(number) = 0
    ), gone AS (
        DELETE FROM conversations_inboxcount AS one
         USING several
         WHERE one.stream_id = several.stream_id AND one.status = several.status
           AND one.assignee_id IS NOT DISTINCT FROM several.assignee_id
        RETURNING one.stream_id, one.status, one.assignee_id, one.number
    )
    INSERT INTO conversations_inboxcount (stream_id, status, assignee_id, number)
         SELECT stream_id, status, assignee_id, sum(number)
           FROM gone
          GROUP BY stream_id, status, assignee_id
         HAVING sum(number) <> 0
"""


def sweep(at: datetime) -> None:
    """Do everything that is due."""
    wake_snoozed(at)
    lower_closed_windows(at)
    return_silent(at)
    add_up_counts()
    Handling.objects.filter(created_at__lt=at - HANDLINGS_KEPT).delete()
    notifications.tell_what_is_due(at)
    notifications.forget_old(at)


def wake_snoozed(at: datetime) -> list[int]:
    """Bring back the conversations whose time has come; returns their ids. Two who do this at once share the work."""
    with transaction.atomic():
        waking = Conversation.objects.waking(at).order_by("pk")
        found = list(waking.select_for_update(skip_locked=True, no_key=True)[:BATCH])
        ids = [one.pk for one in found]
        if ids:
            Conversation.objects.filter(pk__in=ids).update(status=Status.OPEN, snoozed_until=None)
            data = {"from": Status.SNOOZED, "to": Status.OPEN, "woke": True}
            note_all(ActivityKind.STATUS_CHANGE, [Note(one, data=data) for one in found], actor=None)
            notifications.woke(found)
    return ids


def lower_closed_windows(at: datetime) -> int:
    """Let conversations whose window has closed sink in the lists by urgency; returns how many."""
    with transaction.atomic():
        closed = Conversation.objects.listed_by_a_closed_window(at).order_by("pk")
        ids = [one.pk for one in closed.select_for_update(skip_locked=True, no_key=True).only("pk")[:BATCH]]
        # The trigger that keeps the column sees the time as it is now.
        return Conversation.objects.filter(pk__in=ids).update(urgency=F("urgency")) if ids else 0


def add_up_counts() -> None:
    """Make one row of numbers of those that triggers wrote for the same stream, status and person."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD_UP)


def return_silent(at: datetime) -> list[int]:
    """Give back conversations whose customer waits longer for the person who has them than the stream allows.

    Both the wait and the assignment must be that old, in the working hours of the stream; a team keeps them.
    Returns their ids.
    """
    patience = F("stream__working_hours"), F("stream__return_after")
    assigned = Activity.objects.filter(conversation=OuterRef("pk"), kind=ActivityKind.ASSIGNMENT).order_by("-pk")
    silent = (
        Conversation.objects.filter(
            status=Status.OPEN, assignee__isnull=False, reply_due_at__isnull=False, stream__return_after__isnull=False
        )
        .alias(
            began=Greatest("waiting_since", Subquery(assigned.values("occurred_at")[:1])),
            over_at=Func(
                patience[0],
                F("began"),
                patience[1],
                function="parley_working_deadline",
                output_field=DateTimeField(),
            ),
        )
        .filter(over_at__lte=at)
    )
    with transaction.atomic():
        locking = silent.order_by("pk").select_for_update(skip_locked=True, no_key=True, of=("self",))
        found = list(locking.select_related("stream", "contact", "assignee")[:BATCH])
        if found:
            Conversation.objects.filter(pk__in=[one.pk for one in found]).update(assignee=None)
            notes = [
                Note(one, data={"from": one.assignee_id, "to": None, "silent": str(one.assignee)}) for one in found
            ]
            note_all(ActivityKind.ASSIGNMENT, notes, actor=None)
    return [one.pk for one in found]
