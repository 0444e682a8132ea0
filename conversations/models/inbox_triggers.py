"""What PostgreSQL keeps for the inbox, so that a list of a million conversations is read from an index.

    due_at      when the next thing is due that we promise: an answer, or that an open conversation is resolved
    urgency     the place of a conversation in a list by urgency: one number, smaller is more urgent
    failed_at   since when something we sent has not arrived, and nobody has written after it
    counts      how many conversations each person has on each stream, open, waiting and snoozed

They follow from other columns, whoever changes those: a page, a worker, a shell. No service has to think of them.
"""

# ruff: noqa: S608 - every word in these statements is a constant of ours

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import pgtrigger


class Urgency(IntEnum):
    """The parts of a list by urgency, most urgent first."""

    FAILED = 0  # something did not arrive: the oldest first
    DUE = 1  # an answer is due, or the end of what is open: what is due first
    WINDOW = 2  # WhatsApp's window is open: whose closes first
    UNREAD = 3  # newest first
    REST = 4  # newest first
    SNOOZED = 5  # whose time comes first


PART = 10**13  # milliseconds since 1970 fit into one part of `urgency` until the year 2286


def first_of(part: Urgency) -> int:
    """The smallest `urgency` of a part."""
    return part * PART


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _listed(words: Collection[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _milliseconds(column: str) -> str:
    return f"(EXTRACT(EPOCH FROM {column}) * 1000)::bigint"


def _last_by(column: str) -> str:
    return f"{first_of(Urgency.SNOOZED)} - 1 - {_milliseconds(column)}"


def least_urgent(last_message_at: datetime) -> int:
    """The `urgency` of what no list shows by another reason, as the trigger computes it."""
    microseconds = (last_message_at - _EPOCH) // timedelta(microseconds=1)
    return first_of(Urgency.SNOOZED) - 1 - (microseconds + 500) // 1000


_COUNT_ONE_MORE = """
    INSERT INTO conversations_inboxcount (stream_id, status, assignee_id, number)
         VALUES (NEW.stream_id, NEW.status, NEW.assignee_id, 1);
"""


def _keep_what_is_due(in_inbox: Collection[str], is_open: str) -> str:
    """What a stream promises, in its working hours: the one place that says when something is due.

    The first answer has its time, later ones theirs. The time for the whole runs from when a conversation is opened,
    or opened again; it presses only while the next step is ours.
    """
    deadline = """
            SELECT parley_working_deadline(stream.working_hours_id, {since}, {minutes})
              INTO {into}
              FROM conversations_stream AS stream WHERE stream.id = NEW.stream_id;
    """
    answered = """
        SELECT FROM conversations_conversationtimes AS times
         WHERE times.conversation_id = NEW.id AND times.replied_at <= NEW.waiting_since
    """
    minutes = f"""
        CASE WHEN EXISTS ({answered}) THEN COALESCE(stream.reply_again_within, stream.reply_within)
             ELSE stream.reply_within END
    """
    opened_at = "CASE WHEN TG_OP = 'INSERT' THEN NEW.created_at ELSE now() END"
    whole = "stream.resolve_within"
    return f"""
        IF NEW.waiting_since IS NULL THEN
            NEW.reply_due_at := NULL;
        ELSIF TG_OP = 'INSERT' OR OLD.waiting_since IS DISTINCT FROM NEW.waiting_since THEN
            {deadline.format(since="NEW.waiting_since", minutes=minutes, into="NEW.reply_due_at")}
        ELSE
            NEW.reply_due_at := OLD.reply_due_at;
        END IF;
        IF NEW.status NOT IN ({_listed(in_inbox)}) THEN
            NEW.resolve_due_at := NULL;
        ELSIF TG_OP = 'INSERT' OR OLD.status NOT IN ({_listed(in_inbox)}) THEN
            {deadline.format(since=opened_at, minutes=whole, into="NEW.resolve_due_at")}
        ELSE
            NEW.resolve_due_at := OLD.resolve_due_at;
        END IF;
        NEW.due_at := LEAST(NEW.reply_due_at, CASE WHEN NEW.status = '{is_open}' THEN NEW.resolve_due_at END);
    """


def conversation_triggers(*, in_inbox: Collection[str], is_open: str, snoozed: str) -> list[pgtrigger.Trigger]:
    """Keeps `urgency`, what is due and the counts; lets nobody but the messages' triggers change `failed_at`."""
    keep_urgency = f"""
        IF TG_OP = 'INSERT' THEN
            NEW.failed_at := NULL;
        ELSIF pg_trigger_depth() < 2 THEN
            NEW.failed_at := OLD.failed_at;  -- a row saved as it was read a while ago knows an old one
        END IF;
        IF NEW.status <> '{snoozed}' THEN
            NEW.snoozed_until := NULL;
        END IF;
        {_keep_what_is_due(in_inbox, is_open)}
        NEW.urgency := CASE
            WHEN NEW.status NOT IN ({_listed(in_inbox)}) THEN
                {_last_by("NEW.last_message_at")}
            WHEN NEW.status = '{snoozed}' THEN
                {first_of(Urgency.SNOOZED)}
                + COALESCE({_milliseconds("NEW.snoozed_until")}, {PART} - 1)
            WHEN NEW.failed_at IS NOT NULL THEN
                {first_of(Urgency.FAILED)} + {_milliseconds("NEW.failed_at")}
            WHEN NEW.due_at IS NOT NULL THEN
                {first_of(Urgency.DUE)} + {_milliseconds("NEW.due_at")}
            WHEN NEW.window_closes_at > now() THEN
                {first_of(Urgency.WINDOW)} + {_milliseconds("NEW.window_closes_at")}
            WHEN NEW.unread_count > 0 THEN
                {first_of(Urgency.REST)} - 1 - {_milliseconds("NEW.last_message_at")}
            ELSE
                {_last_by("NEW.last_message_at")}
        END;
        RETURN NEW;
    """
    # A campaign writes thousands of dormant conversations at once, and knows what there is to keep.
    is_kept = f"""
        NEW.status NOT IN ({_listed(in_inbox)}) AND NEW.urgency = {_last_by("NEW.last_message_at")}
        AND NEW.failed_at IS NULL AND NEW.snoozed_until IS NULL
        AND NEW.waiting_since IS NULL AND NEW.reply_due_at IS NULL
        AND NEW.resolve_due_at IS NULL AND NEW.due_at IS NULL
    """
    return [
        pgtrigger.Trigger(
            name="conversation_urgency_first",
            when=pgtrigger.Before,
            operation=pgtrigger.Insert,
            condition=pgtrigger.Condition(f"NOT ({is_kept})"),
            func=keep_urgency,
        ),
        pgtrigger.Trigger(
            name="conversation_urgency", when=pgtrigger.Before, operation=pgtrigger.Update, func=keep_urgency
        ),
        pgtrigger.Trigger(
            name="conversation_counted",
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            condition=pgtrigger.Condition(f"NEW.status IN ({_listed(in_inbox)})"),  # a campaign's are dormant
            func=f"{_COUNT_ONE_MORE} RETURN NULL;",
        ),
        pgtrigger.Trigger(
            name="conversation_counts",
            when=pgtrigger.After,
            operation=pgtrigger.Delete | pgtrigger.UpdateOf("status", "assignee_id", "stream_id"),
            func=f"""
                IF TG_OP = 'UPDATE' AND ROW(OLD.status, OLD.assignee_id, OLD.stream_id)
                    IS NOT DISTINCT FROM ROW(NEW.status, NEW.assignee_id, NEW.stream_id) THEN
                    RETURN NULL;
                END IF;
                IF OLD.status IN ({_listed(in_inbox)}) THEN
                    INSERT INTO conversations_inboxcount (stream_id, status, assignee_id, number)
                         VALUES (OLD.stream_id, OLD.status, OLD.assignee_id, -1);
                END IF;
                IF TG_OP = 'UPDATE' AND NEW.status IN ({_listed(in_inbox)}) THEN
                    {_COUNT_ONE_MORE}
                END IF;
                RETURN NULL;
            """,
        ),
    ]


def failure_triggers(*, failures: Collection[str], cancelled: str) -> list[pgtrigger.Trigger]:
    """Keeps the conversation's `failed_at`: set while our newest message that nobody cancelled did not arrive."""
    newest = f"""
        SELECT CASE WHEN message.status IN ({_listed(failures)}) THEN COALESCE(conversation.failed_at, now()) END
          FROM conversations_message AS message
         WHERE message.conversation_id = conversation.id
           AND message.direction = 'out' AND message.status <> '{cancelled}'
         ORDER BY message.id DESC
         LIMIT 1
    """
    return [
        pgtrigger.Trigger(
            name="message_failure_written",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="written"),
            func=f"""
                UPDATE conversations_conversation AS conversation
                   SET failed_at = ({newest})
                  FROM (SELECT conversation_id, bool_or(status IN ({_listed(failures)})) AS fails
                          FROM written
                         WHERE direction = 'out'
                         GROUP BY conversation_id) AS one
                 WHERE conversation.id = one.conversation_id
                   AND (one.fails OR conversation.failed_at IS NOT NULL);
                RETURN NULL;
            """,
        ),
        pgtrigger.Trigger(
            name="message_failure_moved",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("status"),
            condition=pgtrigger.Condition(
                f"""
                NEW.direction = 'out' AND OLD.status IS DISTINCT FROM NEW.status
                AND (OLD.status IN ({_listed({*failures, cancelled})})
                     OR NEW.status IN ({_listed({*failures, cancelled})}))
                """
            ),
            func=f"""
                UPDATE conversations_conversation AS conversation
                   SET failed_at = ({newest})
                 WHERE conversation.id = NEW.conversation_id
                   AND conversation.failed_at IS DISTINCT FROM ({newest});
                RETURN NULL;
            """,
        ),
    ]
