"""What PostgreSQL keeps for the reports, so that a page about a million conversations adds up a few thousand rows.

    ReportChange       for each message that got an outcome, changed it or went: one more, one fewer
    ConversationTimes  for each conversation: when it began, was answered and was done
    NextReply          for each answer after the first: since when the customer waited for it

They follow from messages and conversations, whoever changes those. `counted_changes`, `counted_times` and
`counted_replies` say the same about all rows at once: rebuilding uses them, and tests compare what is kept with them.
"""

# ruff: noqa: S608 - every word in these statements is a constant of ours

from __future__ import annotations

import pgtrigger

_DONE = "('resolved', 'archived')"
_QUARTER = "date_bin('15 minutes', {row}.created_at, TIMESTAMPTZ '2000-01-01 00:00:00+00')"
_OUTCOME = """
    CASE WHEN {row}.direction = 'in' THEN 'received'
         WHEN {row}.status IN ('accepted', 'sent', 'delivered', 'read', 'unconfirmed') THEN {row}.status
         WHEN {row}.status IN ('failed', 'undelivered', 'expired')
              THEN CASE WHEN {row}.sent_at IS NULL THEN 'refused' ELSE 'lost' END
    END
"""
# A message without parts, on WhatsApp, is charged as one.
_PARTS = "CASE WHEN {row}.direction = 'in' THEN 0 ELSE GREATEST({row}.segments, 1) END"
_COLUMNS = "quarter, stream_id, author_id, template_id, campaign_id, outcome, number, parts"


def _one(row: str, number: int) -> str:
    campaign = f"(SELECT campaign_id FROM conversations_campaignrecipient AS one WHERE one.id = {row}.recipient_id)"
    return f"""
        SELECT {_QUARTER.format(row=row)}, {row}.stream_id, {row}.author_id, {row}.template_id, {campaign},
               {_OUTCOME.format(row=row)}, {number}, {number} * ({_PARTS.format(row=row)})
         WHERE {_OUTCOME.format(row=row)} IS NOT NULL
    """


def counted_changes(table: str, sign: int = 1) -> str:
    """SQL: the changes that these messages make, added up by their kind."""
    row = "message"
    return f"""
        SELECT {_QUARTER.format(row=row)} AS quarter, message.stream_id, message.author_id, message.template_id,
               recipient.campaign_id, {_OUTCOME.format(row=row)} AS outcome,
               {sign} * count(*) AS number, {sign} * sum({_PARTS.format(row=row)}) AS parts
          FROM {table} AS message
          LEFT JOIN conversations_campaignrecipient AS recipient ON recipient.id = message.recipient_id
         WHERE {_OUTCOME.format(row=row)} IS NOT NULL
         GROUP BY 1, 2, 3, 4, 5, 6
    """


_FIRST_REPLY = """
    SELECT message.sent_at, message.author_id
      FROM conversations_message AS message
     WHERE message.conversation_id = {conversation} AND message.direction = 'out' AND message.recipient_id IS NULL
       AND message.author_id IS NOT NULL AND message.sent_at >= {asked_at}
     ORDER BY message.sent_at, message.id
     LIMIT 1
"""
_RESOLVED_AT = f"CASE WHEN conversation.status IN {_DONE} THEN conversation.resolved_at END"


def counted_times(where: str) -> str:
    """SQL: conversation_id, stream_id, started_at, asked_at, replied_at, replied_by_id, resolved_at, from the rows."""
    first_reply = _FIRST_REPLY.format(conversation="conversation.id", asked_at="begun.asked_at")
    return f"""
        SELECT conversation.id AS conversation_id, conversation.stream_id, begun.started_at, begun.asked_at,
               reply.sent_at AS replied_at, reply.author_id AS replied_by_id, {_RESOLVED_AT} AS resolved_at
          FROM conversations_conversation AS conversation
          JOIN LATERAL (
            SELECT min(message.created_at) AS started_at,
                   min(message.created_at) FILTER (WHERE message.direction = 'in') AS asked_at
              FROM conversations_message AS message
             WHERE message.conversation_id = conversation.id AND message.recipient_id IS NULL
          ) AS begun ON begun.started_at IS NOT NULL
          LEFT JOIN LATERAL ({first_reply}) AS reply ON true
         WHERE {where}
    """


def recount_times(where: str) -> str:
    """SQL: two statements that write the times of these conversations anew (`where` is about `conversation`)."""
    return f"""
        DELETE FROM conversations_conversationtimes AS times
         USING conversations_conversation AS conversation
         WHERE times.conversation_id = conversation.id AND {where}
           AND NOT EXISTS (SELECT 1 FROM conversations_message AS message
                            WHERE message.conversation_id = conversation.id AND message.recipient_id IS NULL);
        INSERT INTO conversations_conversationtimes AS times
               (conversation_id, stream_id, started_at, asked_at, replied_at, replied_by_id, resolved_at)
        {counted_times(where)}
            ON CONFLICT (conversation_id) DO UPDATE
           SET stream_id = EXCLUDED.stream_id, started_at = EXCLUDED.started_at, asked_at = EXCLUDED.asked_at,
               replied_at = EXCLUDED.replied_at, replied_by_id = EXCLUDED.replied_by_id,
               resolved_at = EXCLUDED.resolved_at
         WHERE (times.stream_id, times.started_at, times.asked_at, times.replied_at, times.replied_by_id,
                times.resolved_at)
               IS DISTINCT FROM (EXCLUDED.stream_id, EXCLUDED.started_at, EXCLUDED.asked_at, EXCLUDED.replied_at,
                                 EXCLUDED.replied_by_id, EXCLUDED.resolved_at);
    """


# Of each answer after the first: since when the customer had waited for it, which is since their first message after
# the answer before.
def counted_replies(of: str) -> str:
    """SQL: conversation_id, stream_id, asked_at, replied_at, replied_by_id of later answers (`of`: "= 7", "IN ...")."""
    ours = """
        SELECT times.conversation_id, times.stream_id, message.sent_at, message.author_id,
               lag(message.sent_at) OVER (PARTITION BY message.conversation_id ORDER BY message.sent_at, message.id)
                   AS before
          FROM conversations_conversationtimes AS times
          JOIN conversations_message AS message ON message.conversation_id = times.conversation_id
         WHERE message.direction = 'out' AND message.author_id IS NOT NULL AND message.recipient_id IS NULL
           AND message.sent_at >= times.replied_at AND times.conversation_id {of}
    """
    return f"""
        SELECT ours.conversation_id, ours.stream_id, asked.asked_at, ours.sent_at AS replied_at,
               ours.author_id AS replied_by_id
          FROM ({ours.format(of=of)}) AS ours
          JOIN LATERAL (
            SELECT min(message.created_at) AS asked_at
              FROM conversations_message AS message
             WHERE message.conversation_id = ours.conversation_id AND message.direction = 'in'
               AND message.created_at > ours.before AND message.created_at <= ours.sent_at
          ) AS asked ON asked.asked_at IS NOT NULL
    """


def recount_replies(of: str) -> str:
    """SQL: two statements that write the later answers of these conversations anew; those that are right stay."""
    columns = "conversation_id, stream_id, asked_at, replied_at, replied_by_id"
    return f"""
        DELETE FROM conversations_nextreply AS kept
         WHERE kept.conversation_id {of}
           AND ({", ".join(f"kept.{name}" for name in columns.split(", "))}) NOT IN ({counted_replies(of)});
        INSERT INTO conversations_nextreply ({columns}) {counted_replies(of)}
            ON CONFLICT (conversation_id, asked_at) DO NOTHING;
    """


# An answer that has left already when it is written, or a customer's message that comes after an answer to it: what
# providers keep is read late, the rest is rare. One conversation after the other, since statistics that are out of date
# make PostgreSQL read all messages for each one when it is asked about all at once.
_RECOUNT_LATE = f"""
    FOR late IN
        SELECT DISTINCT one.conversation_id
          FROM written AS one
          JOIN conversations_conversationtimes AS times ON times.conversation_id = one.conversation_id
         WHERE one.recipient_id IS NULL AND times.replied_at IS NOT NULL
           AND (one.direction = 'out' AND one.author_id IS NOT NULL AND one.sent_at IS NOT NULL
                OR one.direction = 'in' AND EXISTS (
                    SELECT FROM conversations_message AS ours
                     WHERE ours.conversation_id = one.conversation_id AND ours.direction = 'out'
                       AND ours.author_id IS NOT NULL AND ours.sent_at >= one.created_at))
    LOOP
        {recount_replies("= late")}
    END LOOP;
"""


def _set_first_reply(source: str, of: str) -> str:
    first_reply = _FIRST_REPLY.format(conversation="times.conversation_id", asked_at="times.asked_at")
    return f"""
        UPDATE conversations_conversationtimes AS times
           SET (replied_at, replied_by_id) = ({first_reply})
          {source}
         WHERE times.asked_at IS NOT NULL AND {of};
    """


# Most messages begin nothing: their conversation is known to have begun before.
_BEGINS = f"""
    INSERT INTO conversations_conversationtimes AS times (conversation_id, stream_id, started_at, asked_at, resolved_at)
    SELECT conversation.id, conversation.stream_id, begun.started_at, begun.asked_at, {_RESOLVED_AT}
      FROM (SELECT conversation_id, min(created_at) AS started_at,
                   min(created_at) FILTER (WHERE direction = 'in') AS asked_at
              FROM written
             WHERE recipient_id IS NULL
             GROUP BY conversation_id) AS begun
      JOIN conversations_conversation AS conversation ON conversation.id = begun.conversation_id
      LEFT JOIN conversations_conversationtimes AS kept ON kept.conversation_id = begun.conversation_id
     WHERE kept.started_at IS NULL OR begun.started_at < kept.started_at
        OR begun.asked_at < COALESCE(kept.asked_at, 'infinity')
        ON CONFLICT (conversation_id) DO UPDATE
       SET started_at = LEAST(times.started_at, EXCLUDED.started_at),
           asked_at = LEAST(times.asked_at, EXCLUDED.asked_at);
"""

# Read from the few that were written to the times that are kept of them, not the other way.
_WRITTEN = """
    FROM (SELECT conversation_id, min(created_at) FILTER (WHERE direction = 'in') AS asked_at,
                 min(sent_at) FILTER (WHERE direction = 'out' AND author_id IS NOT NULL) AS sent_at
            FROM written
           WHERE recipient_id IS NULL
           GROUP BY conversation_id) AS one
"""
_WRITTEN_MAY_ANSWER = """
    times.conversation_id = one.conversation_id
    AND (one.asked_at <= times.asked_at OR one.sent_at <= COALESCE(times.replied_at, 'infinity'))
"""
_MOVED_MAY_ANSWER = """
    times.conversation_id = NEW.conversation_id
    AND (times.replied_at IS NULL OR NEW.sent_at <= times.replied_at OR OLD.sent_at = times.replied_at)
"""


def _same(row: str, columns: tuple[str, ...]) -> str:
    return f"ROW({_OUTCOME.format(row=row)}, {', '.join(f'{row}.{name}' for name in columns)})"


_COUNTED = ("created_at", "stream_id", "author_id", "template_id", "recipient_id", "segments")
_TIMED = ("created_at", "author_id", "recipient_id", "conversation_id")


def report_triggers() -> list[pgtrigger.Trigger]:
    """The triggers of the message table."""
    some_outcome = " OR ".join(f"({_OUTCOME.format(row=row)}) IS NOT NULL" for row in ("OLD", "NEW"))
    timed = [f"ROW({', '.join(f'{row}.{name}' for name in _TIMED)})" for row in ("OLD", "NEW")]
    return [
        pgtrigger.Trigger(
            name="message_report_written",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="written"),
            declare=[("late", "BIGINT")],
            func=f"""
                INSERT INTO conversations_reportchange ({_COLUMNS}) {counted_changes("written")};
                {_BEGINS}
                {_set_first_reply(_WRITTEN, _WRITTEN_MAY_ANSWER)}
                {_RECOUNT_LATE}
                RETURN NULL;
            """,
        ),
        pgtrigger.Trigger(
            name="message_report_changed",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("status", "sent_at", *_COUNTED),
            condition=pgtrigger.Condition(
                f"{_same('OLD', _COUNTED)} IS DISTINCT FROM {_same('NEW', _COUNTED)} AND ({some_outcome})"
            ),
            func=f"""
                INSERT INTO conversations_reportchange ({_COLUMNS}) {_one("OLD", -1)} UNION ALL {_one("NEW", 1)};
                RETURN NULL;
            """,
        ),
        pgtrigger.Trigger(
            name="message_report_gone",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Delete,
            referencing=pgtrigger.Referencing(old="gone"),
            func=f"""
                INSERT INTO conversations_reportchange ({_COLUMNS}) {counted_changes("gone", -1)};
                {recount_times("conversation.id IN (SELECT conversation_id FROM gone)")}
                {recount_replies("IN (SELECT conversation_id FROM gone)")}
                RETURN NULL;
            """,
        ),
        pgtrigger.Trigger(
            name="message_reply_sent",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("sent_at"),
            condition=pgtrigger.Condition(
                "NEW.direction = 'out' AND NEW.author_id IS NOT NULL AND NEW.recipient_id IS NULL "
                "AND OLD.sent_at IS DISTINCT FROM NEW.sent_at"
            ),
            func=f"""
                {_set_first_reply("", _MOVED_MAY_ANSWER)}
                {recount_replies("= NEW.conversation_id")}
                RETURN NULL;
            """,
        ),
        pgtrigger.Trigger(
            name="message_times_changed",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf(*_TIMED),
            condition=pgtrigger.Condition(f"{timed[0]} IS DISTINCT FROM {timed[1]}"),
            func=f"""
                {recount_times("conversation.id IN (OLD.conversation_id, NEW.conversation_id)")}
                {recount_replies("IN (OLD.conversation_id, NEW.conversation_id)")}
                RETURN NULL;
            """,
        ),
    ]


def conversation_report_triggers() -> list[pgtrigger.Trigger]:
    """The triggers of the conversation table."""
    return [
        pgtrigger.Trigger(
            name="conversation_times",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("status", "resolved_at", "stream_id"),
            condition=pgtrigger.Condition(
                "ROW(OLD.status, OLD.resolved_at, OLD.stream_id) "
                "IS DISTINCT FROM ROW(NEW.status, NEW.resolved_at, NEW.stream_id)"
            ),
            func=f"""
                UPDATE conversations_conversationtimes AS times
                   SET stream_id = NEW.stream_id,
                       resolved_at = CASE WHEN NEW.status IN {_DONE} THEN NEW.resolved_at END
                 WHERE times.conversation_id = NEW.id;
                IF OLD.stream_id <> NEW.stream_id THEN
                    UPDATE conversations_nextreply SET stream_id = NEW.stream_id, reply_working = NULL
                     WHERE conversation_id = NEW.id;
                END IF;
                RETURN NULL;
            """,
        ),
        pgtrigger.Trigger(
            name="conversation_times_gone",
            when=pgtrigger.After,
            operation=pgtrigger.Delete,
            func="""
                DELETE FROM conversations_conversationtimes WHERE conversation_id = OLD.id;
                DELETE FROM conversations_nextreply WHERE conversation_id = OLD.id;
                RETURN NULL;
            """,
        ),
    ]


def times_triggers() -> list[pgtrigger.Trigger]:
    """Times that change are to be measured in working hours again."""
    return [
        pgtrigger.Trigger(
            name="times_to_measure",
            when=pgtrigger.Before,
            operation=pgtrigger.Update,
            func="""
                IF ROW(OLD.stream_id, OLD.asked_at, OLD.replied_at)
                   IS DISTINCT FROM ROW(NEW.stream_id, NEW.asked_at, NEW.replied_at) THEN
                    NEW.reply_working := NULL;
                END IF;
                IF ROW(OLD.stream_id, OLD.started_at, OLD.resolved_at)
                   IS DISTINCT FROM ROW(NEW.stream_id, NEW.started_at, NEW.resolved_at) THEN
                    NEW.resolution_working := NULL;
                END IF;
                RETURN NEW;
            """,
        )
    ]
