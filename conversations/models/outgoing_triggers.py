"""PostgreSQL writes down what other systems are to be told, in the transaction of what happened, whoever did it.

One row for each subscription that wants to know. While nobody wants to, each statement asks that once and writes
nothing; sets of rows, as campaigns write them, are one statement.
"""

# ruff: noqa: S608 - every word in these statements is a constant of ours

from __future__ import annotations

import pgtrigger

# What our own engine passes through is nobody else's business: draft, scheduled, held, queued, sending.
TOLD_STATUSES = (
    "('accepted', 'sent', 'delivered', 'read', 'undelivered', 'failed', 'expired', 'cancelled', 'unconfirmed')"
)
_INBOX = "('open', 'waiting', 'snoozed')"
_DONE = "('resolved', 'archived')"


def _tell(kinds: tuple[str, ...], facts: str) -> str:
    """SQL: write what `facts` selects: kind, ordered_by, data, stream_id (null: no single stream), place."""
    wanted = ", ".join(f"'{kind}'" for kind in kinds)
    return f"""
        IF EXISTS (SELECT FROM conversations_webhooksubscription WHERE events && ARRAY[{wanted}]::varchar[]) THEN
            INSERT INTO conversations_webhookdelivery
                   (subscription_id, event_id, kind, ordered_by, data, occurred_at, status, tries, next_try_at,
                    problem, replays)
            SELECT subscription.id, fact.event_id, fact.kind, fact.ordered_by, fact.data, clock_timestamp(), 'waiting',
                   0, clock_timestamp(), '', 0
              FROM (SELECT gen_random_uuid() AS event_id, found.* FROM ({facts}) AS found) AS fact
              JOIN conversations_webhooksubscription AS subscription ON fact.kind = ANY(subscription.events)
             WHERE fact.stream_id IS NULL
                OR NOT EXISTS (SELECT FROM conversations_webhooksubscription_streams AS named
                                WHERE named.webhooksubscription_id = subscription.id)
                OR EXISTS (SELECT FROM conversations_webhooksubscription_streams AS named
                            WHERE named.webhooksubscription_id = subscription.id
                              AND named.stream_id = fact.stream_id)
             ORDER BY fact.place, fact.kind;
        END IF;
    """


def _message(row: str) -> str:
    return f"""
        'conversation-' || {row}.conversation_id AS ordered_by,
        jsonb_build_object('message', {row}.id, 'status', {row}.status) AS data, {row}.stream_id, {row}.id AS place
    """


def message_outgoing_triggers() -> list[pgtrigger.Trigger]:
    """The triggers of the message table."""
    return [
        pgtrigger.Trigger(
            name="message_told_written",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="written"),
            func=_tell(
                ("message.received", "message.status"),
                f"""SELECT CASE direction WHEN 'in' THEN 'message.received' ELSE 'message.status' END AS kind,
                           {_message("written")}
                      FROM written
                     WHERE direction = 'in' OR status IN {TOLD_STATUSES}""",
            )
            + "RETURN NULL;",
        ),
        pgtrigger.Trigger(
            name="message_told_moved",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("status"),
            condition=pgtrigger.Condition(f"OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN {TOLD_STATUSES}"),
            func=_tell(("message.status",), f"SELECT 'message.status' AS kind, {_message('NEW')}") + "RETURN NULL;",
        ),
    ]


def _conversation(row: str) -> str:
    return f"""
        'conversation-' || {row}.id AS ordered_by,
        jsonb_build_object('conversation', {row}.id, 'status', {row}.status, 'assignee', {row}.assignee_id) AS data,
        {row}.stream_id, {row}.id AS place
    """


def conversation_outgoing_triggers() -> list[pgtrigger.Trigger]:
    """The triggers of the conversation table. What a campaign makes is dormant, and told when the customer answers."""
    return [
        pgtrigger.Trigger(
            name="conversation_told_begun",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="written"),
            func=_tell(
                ("conversation.opened", "conversation.assigned"),
                f"""SELECT 'conversation.opened' AS kind, {_conversation("written")}
                      FROM written WHERE status IN {_INBOX}
                     UNION ALL
                    SELECT 'conversation.assigned' AS kind, {_conversation("written")}
                      FROM written WHERE status IN {_INBOX} AND assignee_id IS NOT NULL""",
            )
            + "RETURN NULL;",
        ),
        pgtrigger.Trigger(
            name="conversation_told_moved",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("status", "assignee_id"),
            condition=pgtrigger.Condition(
                "ROW(OLD.status, OLD.assignee_id) IS DISTINCT FROM ROW(NEW.status, NEW.assignee_id)"
            ),
            func=_tell(
                ("conversation.opened", "conversation.assigned", "conversation.resolved"),
                f"""SELECT 'conversation.opened' AS kind, {_conversation("NEW")}
                     WHERE NEW.status IN {_INBOX} AND OLD.status NOT IN {_INBOX}
                     UNION ALL
                    SELECT 'conversation.assigned' AS kind, {_conversation("NEW")}
                     WHERE OLD.assignee_id IS DISTINCT FROM NEW.assignee_id
                     UNION ALL
                    SELECT 'conversation.resolved' AS kind, {_conversation("NEW")}
                     WHERE NEW.status IN {_DONE} AND OLD.status NOT IN {_DONE}""",
            )
            + "RETURN NULL;",
        ),
    ]


def opt_in_outgoing_triggers() -> list[pgtrigger.Trigger]:
    """The triggers of the ledger of opt-ins and opt-outs. One about a single stream is for who hears of that stream."""
    return [
        pgtrigger.Trigger(
            name="opt_in_told",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="written"),
            func=_tell(
                ("contact.opted_in", "contact.opted_out"),
                """SELECT CASE event WHEN 'opt_out' THEN 'contact.opted_out' ELSE 'contact.opted_in' END AS kind,
                          'contact-' || contact_id AS ordered_by, jsonb_build_object('opt_in', id) AS data,
                          CASE scope WHEN 'stream' THEN stream_id END AS stream_id, id AS place
                     FROM written
                    WHERE event IN ('opt_in', 'double_opt_in', 'opt_out')""",
            )
            + "RETURN NULL;",
        )
    ]


def campaign_outgoing_triggers() -> list[pgtrigger.Trigger]:
    """The triggers of the campaign table."""
    return [
        pgtrigger.Trigger(
            name="campaign_told",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("ended_at"),
            condition=pgtrigger.Condition("OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL"),
            func=_tell(
                ("campaign.finished",),
                """SELECT 'campaign.finished' AS kind, 'campaign-' || NEW.id AS ordered_by,
                          jsonb_build_object('campaign', NEW.id, 'status', NEW.status) AS data, NEW.stream_id,
                          NEW.id AS place""",
            )
            + "RETURN NULL;",
        )
    ]
