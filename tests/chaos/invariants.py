"""What must hold after every fault: I1 to I20, C1 to C4 of campaigns, each a statement whose rows are what breaks it.

The statements see two temporary tables beside the product's: `handset`, what the provider accepted, and `legal`,
the moves of models/message.py. I16 (a flushed Valkey changes no row but hints) is a test of its own.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import LiteralString, NamedTuple

import psycopg
import redis

from conversations.models.message import LEGAL_MOVES
from conversations.services.lifecycle import RANK
from tests.chaos.provider import Entry


class Invariant(NamedTuple):
    """Its number, what it says, and the statement that finds what breaks it."""

    number: str
    says: str
    broken_by: LiteralString


INVARIANTS = (
    Invariant(
        "I1",
        "a handset gets a message once, and once more for each time a person let it be sent again",
        """SELECT ref, count(*) FROM handset LEFT JOIN conversations_message AS message USING (ref)
            GROUP BY ref, message.id, release_count HAVING message.id IS NULL OR count(*) > 1 + release_count""",
    ),
    Invariant(
        "I2",
        "nothing that reached a handset is shown as not sent, unless a receipt says so",
        """SELECT message.id, status FROM conversations_message AS message JOIN handset USING (ref)
            WHERE status IN ('draft', 'scheduled', 'held', 'queued', 'failed', 'expired', 'cancelled')
              AND NOT EXISTS (SELECT FROM conversations_receipt WHERE message_id = message.id)""",
    ),
    Invariant(
        "I3",
        "nothing is shown as taken without an answer, a receipt or a person that said so",
        """SELECT id, status FROM conversations_message AS message
            WHERE direction = 'out' AND status IN ('accepted', 'sent', 'delivered', 'read')
              AND NOT EXISTS (SELECT FROM conversations_attemptresult WHERE message_id = message.id
                                 AND outcome = 'accepted')
              AND NOT EXISTS (SELECT FROM conversations_receipt WHERE message_id = message.id)
              AND NOT EXISTS (SELECT FROM conversations_messageevent WHERE message_id = message.id
                                 AND to_status = message.status AND actor_id IS NOT NULL)""",
    ),
    Invariant(
        "I4",
        "nothing is left sending, and nothing due is left in the queue",
        """SELECT message.id, message.status FROM conversations_message AS message
             JOIN conversations_stream AS stream ON stream.id = stream_id
             JOIN conversations_provideraccount AS account ON account.id = account_id
            WHERE message.status = 'sending'
               OR (message.status = 'queued' AND account.health <> 'needs_credentials'
                   AND coalesce(next_attempt_at, '-infinity') < clock_timestamp()
                   AND coalesce(stream.paused_until, '-infinity') < clock_timestamp())""",
    ),
    Invariant(
        "I5",
        "every change of status has exactly one event; a campaign's message is written with its first status",
        """SELECT id FROM (
               SELECT message.id, message.status, recipient_id, event.id AS event, from_status, to_status,
                      coalesce(lag(to_status) OVER life, CASE WHEN recipient_id IS NULL THEN '' ELSE from_status END)
                          AS before,
                      lead(event.id) OVER life AS next
                 FROM conversations_message AS message
                 LEFT JOIN conversations_messageevent AS event ON event.message_id = message.id
               WINDOW life AS (PARTITION BY message.id ORDER BY event.id)) AS step
            WHERE (event IS NULL AND recipient_id IS NULL) OR from_status <> before
               OR (next IS NULL AND to_status <> status)""",
    ),
    Invariant(
        "I6",
        "a message is on the wire, accepted or unconfirmed in one attempt, unless a person released it",
        """SELECT message_id FROM conversations_attemptresult
            WHERE on_wire AND released_at IS NULL AND outcome IN ('', 'accepted', 'unconfirmed')
            GROUP BY message_id HAVING count(*) > 1""",
    ),
    Invariant(
        "I7",
        "what is being sent has a claim and a lease",
        """SELECT id FROM conversations_message
            WHERE status = 'sending' AND (claim IS NULL OR lease_until IS NULL)""",
    ),
    Invariant(
        "I8",
        "every move was a legal one",
        """SELECT message_id, from_status, to_status FROM conversations_messageevent
            WHERE from_status <> '' AND (from_status, to_status) NOT IN (SELECT before, after FROM legal)""",
    ),
    Invariant(
        "I9",
        "nothing but its one confirmation went on the wire after an opt-out was recorded",
        """SELECT message.id FROM conversations_sendattempt AS attempt
             JOIN conversations_attemptresult AS result ON result.attempt_id = attempt.id AND result.on_wire
             JOIN conversations_message AS message ON message.id = result.message_id
             JOIN conversations_stream AS stream ON stream.id = message.stream_id
             JOIN conversations_conversation AS conversation ON conversation.id = message.conversation_id
             JOIN conversations_contact AS contact ON contact.id = conversation.contact_id
             JOIN conversations_optin AS said ON said.phone = contact.phone AND said.channel = stream.channel
            WHERE said.event = 'opt_out' AND said.recorded_at < attempt.on_wire_at
              AND message.confirms_id IS DISTINCT FROM said.id
              AND NOT EXISTS (SELECT FROM conversations_optin AS later
                               WHERE later.phone = said.phone AND later.channel = said.channel
                                 AND later.event <> 'opt_out' AND later.id > said.id
                                 AND later.recorded_at < attempt.on_wire_at)""",
    ),
    Invariant(
        "I10",
        "nothing went on the wire before its time or after its validity",
        """SELECT message.id FROM conversations_sendattempt AS attempt
             JOIN conversations_attemptresult AS result ON result.attempt_id = attempt.id AND result.on_wire
             JOIN conversations_message AS message ON message.id = result.message_id
            WHERE attempt.on_wire_at > valid_until OR attempt.on_wire_at < scheduled_for""",
    ),
    Invariant(
        "I11",
        "the messages of a conversation went on the wire in the order they were written",
        """SELECT id FROM (
               SELECT message.id, attempt.on_wire_at, min(attempt.on_wire_at) OVER (
                          PARTITION BY conversation_id ORDER BY message.queued_at DESC
                          GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS of_later_ones
                 FROM conversations_sendattempt AS attempt
                 JOIN conversations_attemptresult AS result ON result.attempt_id = attempt.id AND result.on_wire
                 JOIN conversations_message AS message ON message.id = result.message_id
                WHERE scheduled_for IS NULL AND release_count = 0) AS sent
            WHERE on_wire_at > of_later_ones""",
    ),
    Invariant(
        "I12",
        "no second saw more attempts of a stream than its burst and rate allow",
        """SELECT stream_id, started_at FROM (
               SELECT attempt.stream_id, started_at, burst + rate AS allowed, count(*) OVER (
                          PARTITION BY attempt.stream_id ORDER BY started_at
                          RANGE BETWEEN CURRENT ROW AND interval '1 s' FOLLOWING) AS begun
                 FROM conversations_sendattempt AS attempt
                 JOIN conversations_streamgate AS gate ON gate.stream_id = attempt.stream_id) AS pace
            WHERE begun > allowed""",
    ),
    Invariant(
        "I13",
        "a provider's id names one message of a stream",
        """SELECT stream_id, external_id FROM conversations_message
            WHERE external_id <> '' GROUP BY stream_id, external_id HAVING count(*) > 1""",
    ),
    Invariant(
        "I14",
        "a receipt counts once, and none lowers a status",
        """SELECT key FROM conversations_receipt GROUP BY account_id, key HAVING count(*) > 1
            UNION ALL
           SELECT event.id::text FROM conversations_messageevent AS event
             JOIN rank AS before ON before.status = from_status
             JOIN rank AS after ON after.status = to_status
            WHERE after.height < before.height OR (reason = 'Receipt' AND after.height = before.height)""",
    ),
    Invariant(
        "I15",
        "a customer's message is there once",
        """SELECT stream_id, external_id FROM conversations_message
            WHERE direction = 'in' GROUP BY stream_id, external_id HAVING count(*) > 1""",
    ),
    Invariant(
        "I19",
        "a form that was sent twice made one message",
        """SELECT client_key FROM conversations_message
            WHERE client_key IS NOT NULL GROUP BY client_key HAVING count(*) > 1""",
    ),
    Invariant(
        "I20",
        "the words that were sent are the words that are shown",
        """SELECT message.id FROM handset JOIN conversations_message AS message USING (ref)
            WHERE digest <> encode(sha256(convert_to(body, 'UTF8')), 'hex')""",
    ),
    Invariant(
        "C1",
        "a campaign counts every row of its list by its verdict",
        """SELECT campaign.id, row_count, rows, verdict_counts FROM conversations_campaign AS campaign
             LEFT JOIN (SELECT campaign_id, count(*) AS rows, count(*) FILTER (WHERE verdict = 'send') AS send
                          FROM conversations_campaignrecipient GROUP BY campaign_id) AS list
               ON list.campaign_id = campaign.id
            WHERE row_count <> coalesce(rows, 0)
               OR coalesce((verdict_counts ->> 'send')::integer, 0) <> coalesce(send, 0)""",
    ),
    Invariant(
        "C2",
        "everybody a campaign goes to has a message, or a place that waits in a chunk, or is still to be laid into one",
        """SELECT recipient.id, "row" FROM conversations_campaignrecipient AS recipient
             JOIN conversations_campaign AS campaign ON campaign.id = recipient.campaign_id
             LEFT JOIN (SELECT recipient_id, count(*) AS times FROM conversations_message GROUP BY recipient_id)
               AS message ON message.recipient_id = recipient.id
             LEFT JOIN (SELECT (payload -> place ->> 'recipient')::bigint AS recipient_id, count(*) AS times
                          FROM conversations_campaignchunk, unnest(rest) AS place GROUP BY 1)
               AS waiting ON waiting.recipient_id = recipient.id
            WHERE verdict = 'send'
              AND coalesce(message.times, 0) + coalesce(waiting.times, 0) + ("row" > planned_row)::integer <> 1""",
    ),
    Invariant(
        "C3",
        "the numbers of a campaign are those of its messages",
        """SELECT campaign.id FROM conversations_campaign AS campaign
             LEFT JOIN conversations_campaignrecipient AS recipient ON recipient.campaign_id = campaign.id
             LEFT JOIN conversations_message AS message ON message.recipient_id = recipient.id
            GROUP BY campaign.id
           HAVING accepted_count + failed_count + unconfirmed_count <> count(message.id)""",
    ),
    Invariant(
        "C4",
        "a campaign ends with its last chunk, and nothing of it is under way afterwards",
        """SELECT campaign.id, campaign.status FROM conversations_campaign AS campaign
             LEFT JOIN conversations_campaignchunk AS chunk
               ON chunk.campaign_id = campaign.id AND chunk.status IN ('ready', 'sending')
            WHERE (ended_at IS NOT NULL AND chunk.id IS NOT NULL)
               OR (ended_at IS NULL AND chunk.id IS NULL
                   AND (campaign.status = 'stopped' OR (campaign.status IN ('running', 'paused') AND is_planned)))""",
    ),
)


def broken(connection: psycopg.Connection, delivered: Iterable[Entry]) -> list[str]:
    """A line for each invariant of the rows that does not hold in this connection's transaction."""
    connection.execute("CREATE TEMP TABLE handset (ref uuid, digest text) ON COMMIT DROP")
    connection.execute("CREATE TEMP TABLE legal (before text, after text) ON COMMIT DROP")
    connection.execute("CREATE TEMP TABLE rank (status text, height integer) ON COMMIT DROP")
    moves = [(str(before), str(after)) for before, targets in LEGAL_MOVES.items() for after in targets]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO handset VALUES (%s, %s)", [(entry.ref, entry.digest) for entry in delivered])
        cursor.executemany("INSERT INTO legal VALUES (%s, %s)", moves)
        cursor.executemany("INSERT INTO rank VALUES (%s, %s)", [(str(name), at) for name, at in RANK.items()])
    lines = []
    for invariant in INVARIANTS:
        if rows := connection.execute(invariant.broken_by).fetchmany(5):
            lines.append(f"{invariant.number}, {invariant.says}: {rows}")
    return lines


def talkative_jobs(client: redis.Redis) -> list[str]:
    """I17: the jobs in Valkey whose arguments are anything but ids."""
    found = []
    for key in client.scan_iter("rq:job:*"):
        data = client.hget(key, "data") if client.type(key) == b"hash" else None
        if isinstance(data, bytes):
            job = json.loads(zlib.decompress(data) if data[:1] == b"\x78" else data)
            _, instance, arguments, named = job
            if instance is not None or named or not all(_is_ids(one) for one in arguments):
                found.append(f"I17, a job carries ids alone: {key!r}")
    return found


def _is_ids(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, list) and all(isinstance(one, int) for one in value))
