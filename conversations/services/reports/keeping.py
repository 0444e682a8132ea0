"""Keeps the numbers that reports are read from: adds up what triggers noted, measures working hours, rebuilds.

See docs/decisions: PostgreSQL keeps the numbers of the reports.
"""

# ruff: noqa: S608 - every word in these statements is a constant of ours

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from conversations.models import Conversation, ConversationTimes, NextReply, Stream, WorkingHours
from conversations.models.report_triggers import counted_changes, recount_replies, recount_times
from conversations.services.reports.working_time import Calendar, working_seconds

BATCH = 2_000  # conversations measured, or recounted, in one transaction
_LOCK = 7_264_001  # whoever adds up or rebuilds holds this advisory lock
_KEY = "(subject, stream_id, hour, subject_id, outcome)"


def _add(changes: str) -> str:
    """SQL: add these changes to the kept numbers, once for each subject that they are about."""
    return f"""
        INSERT INTO conversations_reportcount AS kept (subject, subject_id, stream_id, hour, outcome, number, parts)
             SELECT about.subject, about.subject_id, changes.stream_id,
                    date_trunc('hour', changes.quarter, %(zone)s), changes.outcome,
                    sum(changes.number), sum(changes.parts)
               FROM ({changes}) AS changes
         CROSS JOIN LATERAL (VALUES
                ('stream', 0::bigint),
                ('author', CASE WHEN changes.campaign_id IS NULL THEN changes.author_id END),
                ('template', changes.template_id),
                ('campaign', changes.campaign_id)) AS about (subject, subject_id)
              WHERE about.subject_id IS NOT NULL
              GROUP BY 1, 2, 3, 4, 5
             HAVING sum(changes.number) <> 0 OR sum(changes.parts) <> 0
        ON CONFLICT {_KEY} DO UPDATE
                SET number = kept.number + EXCLUDED.number, parts = kept.parts + EXCLUDED.parts
    """


_TAKE = """
    WITH taken AS (
        DELETE FROM conversations_reportchange
        RETURNING quarter, stream_id, author_id, template_id, campaign_id, outcome, number, parts
    )
"""
_WRITE_MEASURED = """
    UPDATE conversations_conversationtimes AS times
       SET reply_working = measured.reply, resolution_working = measured.resolution
      FROM unnest(%(ids)s::bigint[], %(started)s::timestamptz[], %(asked)s::timestamptz[],
                  %(replied)s::timestamptz[], %(resolved)s::timestamptz[],
                  %(reply)s::integer[], %(resolution)s::integer[])
        AS measured (id, started_at, asked_at, replied_at, resolved_at, reply, resolution)
     WHERE times.conversation_id = measured.id
       AND (times.started_at, times.asked_at, times.replied_at, times.resolved_at) IS NOT DISTINCT FROM
           (measured.started_at, measured.asked_at, measured.replied_at, measured.resolved_at)
"""
_WRITE_MEASURED_REPLIES = """
    UPDATE conversations_nextreply AS kept
       SET reply_working = measured.reply
      FROM unnest(%s::bigint[], %s::timestamptz[], %s::integer[]) AS measured (id, replied_at, reply)
     WHERE kept.id = measured.id AND kept.replied_at = measured.replied_at
"""
# Around the clock every second counts: no calendar is needed.
_MEASURE_REPLIES_OF_OPEN_STREAMS = """
    UPDATE conversations_nextreply AS kept
       SET reply_working = floor(EXTRACT(EPOCH FROM replied_at - asked_at))
      FROM conversations_stream AS stream
     WHERE stream.id = kept.stream_id AND stream.working_hours_id IS NULL AND kept.reply_working IS NULL
"""
_MEASURE_OPEN_STREAMS = """
    UPDATE conversations_conversationtimes AS times
       SET reply_working = floor(EXTRACT(EPOCH FROM replied_at - asked_at)),
           resolution_working = CASE WHEN resolved_at < started_at THEN 0
                                     ELSE floor(EXTRACT(EPOCH FROM resolved_at - started_at)) END
      FROM conversations_stream AS stream
     WHERE stream.id = times.stream_id AND stream.working_hours_id IS NULL
       AND (times.replied_at IS NOT NULL AND times.reply_working IS NULL
            OR times.resolved_at IS NOT NULL AND times.resolution_working IS NULL)
"""


def keep_up() -> None:
    """Add up what was noted, and measure what is new. A page that reads the numbers calls it too."""
    add_up()
    measure()
    measure_replies()


def add_up() -> None:
    """Add to the kept numbers what triggers noted since. Two who do this at once wait for each other."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM conversations_reportchange)")
        if not cursor.fetchone()[0]:
            return
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_TAKE + _add("SELECT * FROM taken"), {"zone": settings.TIME_ZONE})


def measure(most: int = BATCH) -> int:
    """Count the working hours of conversations that have none counted yet, at most so many; returns how many."""
    rows = list(
        ConversationTimes.objects.unmeasured()
        .order_by()
        .values_list(
            *("conversation_id", "stream_id", "started_at", "asked_at", "replied_at", "resolved_at"),
            *("reply_working", "resolution_working"),
        )[:most]
    )
    if not rows:
        return 0
    calendars = _calendars()
    names = ("ids", "started", "asked", "replied", "resolved", "reply", "resolution")
    values: dict[str, list[object]] = {name: [] for name in names}
    for pk, stream, started_at, asked_at, replied_at, resolved_at, reply, resolution in rows:
        calendar = calendars.get(stream)
        if replied_at and reply is None:
            reply = working_seconds(asked_at, replied_at, calendar)
        if resolved_at and resolution is None:
            resolution = working_seconds(started_at, resolved_at, calendar)
        row = (pk, started_at, asked_at, replied_at, resolved_at, reply, resolution)
        for name, value in zip(names, row, strict=True):
            values[name].append(value)
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_MEASURED, values)
    return len(rows)


def measure_replies(most: int = BATCH) -> int:
    """Count the working hours of answers after the first that have none counted yet; returns how many."""
    rows = list(
        NextReply.objects.unmeasured().order_by().values_list("pk", "stream_id", "asked_at", "replied_at")[:most]
    )
    if not rows:
        return 0
    calendars = _calendars()
    seconds = [working_seconds(asked_at, replied_at, calendars.get(stream)) for _, stream, asked_at, replied_at in rows]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_MEASURED_REPLIES, [[row[0] for row in rows], [row[3] for row in rows], seconds])
    return len(rows)


def calendar_of(hours: WorkingHours) -> Calendar:
    """The calendar of working hours, whose periods and holidays are read."""
    week: dict[int, list] = {}
    for period in hours.periods.all():
        week.setdefault(period.weekday, []).append((period.opens_at, period.closes_at))
    return Calendar(ZoneInfo(hours.time_zone), week, frozenset(holiday.day for holiday in hours.holidays.all()))


def _calendars() -> dict[int, Calendar]:
    """The calendars by stream; a stream that is open around the clock has none."""
    found = {one.pk: calendar_of(one) for one in WorkingHours.objects.prefetch_related("periods", "holidays")}
    streams = Stream.objects.filter(working_hours__isnull=False).values_list("pk", "working_hours")
    return {stream: found[hours] for stream, hours in streams}


def rebuild(say: Callable[[str], None] = lambda text: None) -> None:
    """Count everything anew from messages and conversations, while work goes on."""
    say("Counting messages")
    _rebuild_counts()
    say("Reading the times of conversations")
    last = 0
    while ids := list(Conversation.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        _recount(ids)
        last = ids[-1]
    say("Measuring working hours")
    ConversationTimes.objects.update(reply_working=None, resolution_working=None)
    NextReply.objects.update(reply_working=None)
    with connection.cursor() as cursor:
        cursor.execute(_MEASURE_OPEN_STREAMS)
        cursor.execute(_MEASURE_REPLIES_OF_OPEN_STREAMS)
    while measure():
        pass
    while measure_replies():
        pass


def _rebuild_counts() -> None:
    """The numbers of one moment: what is noted by others meanwhile is not taken, and added up later."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])  # before the snapshot: adding up waits
        try:
            with transaction.atomic():
                if not connection.savepoint_ids:  # else it is the caller's transaction, which has begun
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute("DELETE FROM conversations_reportchange")
                cursor.execute("DELETE FROM conversations_reportcount")
                cursor.execute(_add(counted_changes("conversations_message")), {"zone": settings.TIME_ZONE})
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _recount(ids: list[int]) -> None:
    """The times of these conversations, which nobody changes meanwhile."""
    with transaction.atomic():
        held = Conversation.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
        list(held.values_list("pk", flat=True))
        with connection.cursor() as cursor:
            both = recount_times("conversation.id = ANY (%(ids)s)") + recount_replies("= ANY (%(ids)s)")
            for statement in both.split(";"):
                if statement.strip():
                    cursor.execute(statement, {"ids": ids})
