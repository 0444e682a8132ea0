"""The contact centre that `benchmark inbox` asks: so many conversations on five streams, filled in sets.

Everything follows from the seed. Half of the conversations are done, every fifth is open; customers live in five
countries, wrote and were answered by turns, and a few of our messages did not arrive. Nothing is ever sent.
"""

# ruff: noqa: S608 - every name and number in these statements is ours

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from conversations.management.benchmark.bulk import execute, fill, go_on_counting, without_indexes
from conversations.management.benchmark.inbox_words import PHRASES, first_names, last_names, phrases
from conversations.models import (
    Activity,
    ConsentState,
    Contact,
    ContactSearch,
    Conversation,
    ConversationTag,
    Draft,
    Message,
    MessageEvent,
    MessageSearch,
    OptIn,
    ProviderAccount,
    Stream,
    Tag,
    Team,
    TeamMembership,
    TeamStream,
    User,
)
from conversations.models.team import Role
from conversations.services.handling.upkeep import add_up_counts

SEED = 20_261_122
STREAMS = (("sms", 35), ("whatsapp", 25), ("sms", 20), ("whatsapp", 12), ("sms", 8))  # of 100 conversations
AGENTS = 50  # ten in each of five teams; each team sees two streams
TAGS = 20
LONGEST = 2000  # messages more than the others, in one conversation
PEOPLE_SHARE = 80  # contacts for 100 conversations: some talk to us on two streams


@dataclass(frozen=True, slots=True)
class Centre:
    """Who asks, and what they ask about most."""

    agent: User  # sees two of the five streams
    supervisor: User  # sees all
    longest: int  # the conversation with the most messages, which the agent has


def make_ground() -> None:
    """People, streams and phrases: what every size has. Made once, then copied as a database."""
    account = ProviderAccount.objects.create(
        name="Benchmark", provider="cirrus", base_url=settings.SANDBOX_URL, credentials={"api_key": uuid4().hex}
    )
    streams = [
        Stream.objects.create(
            account=account, name=f"Stream {place}", channel=channel, sender=f"+4477009006{place:02}", external_id=place
        )
        for place, (channel, _) in enumerate(STREAMS)
    ]
    teams = [Team.objects.create(name=f"Team {place}") for place in range(len(STREAMS))]
    for place, team in enumerate(teams):
        for stream in (streams[place], streams[(place + 1) % len(streams)]):
            TeamStream.objects.create(team=team, stream=stream)
    for number in range(AGENTS):
        user = User.objects.create_user(f"agent{number}@benchmark.example", role=Role.AGENT, name=f"Agent {number}")
        TeamMembership.objects.create(team=teams[number % len(teams)], user=user)
    supervisor = User.objects.create_user("supervisor@benchmark.example", role=Role.SUPERVISOR, name="Supervisor")
    TeamMembership.objects.bulk_create(TeamMembership(team=team, user=supervisor) for team in teams)
    Tag.objects.bulk_create(Tag(name=f"Tag {number}") for number in range(TAGS))
    _copy_words("benchmark_phrase", phrases(SEED))
    _copy_words("benchmark_first", first_names())
    _copy_words("benchmark_last", last_names())


def _copy_words(table: str, texts: list[str]) -> None:
    execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, text text NOT NULL, tsv tsvector)")
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} (id, text) FROM STDIN") as copy:
        for number, text in enumerate(texts):
            copy.write_row((number, text))
    execute(f"UPDATE {table} SET tsv = array_to_tsvector(parley_words(text))")
    execute(f"VACUUM ANALYZE {table}")


def fill_centre(conversations: int, messages: int) -> Centre:
    """Fill the present database, a copy of the ground, with so many conversations of so many messages."""
    _plan(conversations)
    agent = User.objects.get(email="agent0@benchmark.example")
    ((longest,),) = execute(
        "SELECT min(n) FROM plan WHERE status = 'open' AND last_in AND assignee_id = %(agent)s", {"agent": agent.pk}
    )
    if longest is None:
        raise CommandError("With so few conversations the agent has none. Choose at least 1,000.")
    with without_indexes(Contact, ContactSearch, triggers=False):
        _fill_contacts()
    with without_indexes(Conversation, triggers=True):
        _fill_conversations(conversations, messages)
    rounds = [_round(conversations, messages, back) for back in reversed(range(messages))]
    with without_indexes(Message, MessageSearch, triggers=False):
        rows = f"SELECT {longest} AS n, id, {messages + LONGEST} - id AS back FROM generate_series(1, {LONGEST}) AS id"
        for one in (rows, *rounds):
            _fill_messages(one, f"NOT {_FAILS}")
            _fill_words(one, f"NOT {_FAILS}")
    _fill_messages(rounds[-1], _FAILS)  # with the triggers, which note what did not arrive
    _fill_the_rest(agent, conversations)
    for model in (Contact, Conversation, Message, OptIn):
        go_on_counting(model)
    add_up_counts()
    execute("DROP TABLE plan")
    execute("VACUUM (ANALYZE)")
    return Centre(agent, User.objects.get(email="supervisor@benchmark.example"), longest)


def _dice(key: str, throw: int, sides: int) -> str:
    """SQL: 0 to sides - 1, by chance, but always the same for the same key and throw."""
    return f"mod(hashint8extended(({key})::bigint, {SEED + throw}) & {2**63 - 1}, {sides})"


def _plan(conversations: int) -> None:
    """A row a conversation, from which all others follow."""
    people = max(1, conversations * PEOPLE_SHARE // 100)
    streams = list(Stream.objects.order_by("pk").values_list("pk", flat=True))
    agents = list(User.objects.filter(name__startswith="Agent").order_by("pk").values_list("pk", flat=True))
    number = len(streams)
    bounds = (
        f"WHEN {_dice('contact_id', 1, 100)} < {sum(share for _, share in STREAMS[: place + 1])} THEN {place}"
        for place in range(number)
    )
    # Twenty see a stream: the team with its number, and the one before.
    seat = f"{number} * {_dice('n', 6, AGENTS // number)} + mod(place + {number - 1} * {_dice('n', 7, 2)}, {number})"
    execute(
        f"""
        CREATE UNLOGGED TABLE plan AS
        WITH numbers AS (
            SELECT n, CASE WHEN n > {people} THEN n - {people} ELSE n END AS contact_id,
                   {_dice("n", 2, 1000)} AS lot, {_dice("n", 3, 1_000_000)} / 1000000.0 AS age
              FROM generate_series(1, {conversations}) AS n
        ), placed AS (
            SELECT *, mod(CASE {" ".join(bounds)} END + CASE WHEN n > {people} THEN 1 ELSE 0 END, {number}) AS place,
                   CASE WHEN lot < 200 THEN 'open' WHEN lot < 350 THEN 'waiting' WHEN lot < 380 THEN 'snoozed'
                        WHEN lot < 930 THEN 'resolved' WHEN lot < 950 THEN 'archived' ELSE 'dormant' END AS status
              FROM numbers
        ), manned AS (
            SELECT *, (ARRAY{streams})[1 + place] AS stream_id,
                   CASE WHEN status <> 'dormant' THEN (ARRAY{agents})[1 + {seat}] END AS author_id
              FROM placed
        )
        SELECT n, contact_id, stream_id, status, author_id,
               CASE WHEN {_dice("n", 5, 100)} >= (CASE status WHEN 'open' THEN 35 ELSE 15 END) THEN author_id
                    END AS assignee_id,
               now() - interval '1 second' - make_interval(secs => CASE
                   WHEN status IN ('open', 'waiting', 'snoozed') THEN age * age * 30 * 86400.0
                   ELSE age * 700 * 86400.0 END) AS at,
               make_interval(mins => 1 + {_dice("n", 10, 120)}::integer) AS pause,
               CASE status WHEN 'open' THEN {_dice("n", 4, 10)} > 0 WHEN 'snoozed' THEN {_dice("n", 4, 2)} = 0
                    WHEN 'resolved' THEN {_dice("n", 4, 10)} < 3 ELSE false END AS last_in,
               CASE WHEN status <> 'waiting' THEN 'delivered' WHEN {_dice("n", 8, 2000)} < 5 THEN 'failed'
                    WHEN {_dice("n", 8, 2000)} = 5 THEN 'unconfirmed' WHEN {_dice("n", 8, 2000)} = 6 THEN 'scheduled'
                    ELSE 'delivered' END AS last_outcome
          FROM manned
        """
    )
    execute("ANALYZE plan")


def _fill_contacts() -> None:
    first = _dice("n", 9, len(first_names()))
    last = f"floor({len(last_names())} * power({_dice('n', 11, 1_000_000)} / 1000000.0, 2))::integer"
    phone = f"""
        CASE {_dice("n", 12, 5)}
             WHEN 0 THEN '+447' || lpad(mod(n * 7, 1000000000)::text, 9, '0')
             WHEN 1 THEN '+1212' || lpad(mod(n * 3, 10000000)::text, 7, '0')
             WHEN 2 THEN '+49151' || lpad(n::text, 8, '0')
             WHEN 3 THEN '+336' || lpad(n::text, 8, '0')
             ELSE '+9198' || lpad(n::text, 8, '0') END
    """
    execute(
        f"""
        CREATE UNLOGGED TABLE people AS
        SELECT n, phone, first.text AS first_name, last.text AS last_name, first.tsv || last.tsv AS words
          FROM (SELECT n, {phone} AS phone, {first} AS first, {last} AS last
                  FROM (SELECT DISTINCT contact_id AS n FROM plan) AS contact) AS contact
          JOIN benchmark_first AS first ON first.id = contact.first
          JOIN benchmark_last AS last ON last.id = contact.last
         ORDER BY n
        """
    )
    columns = {"id": "n", "phone": "phone", "first_name": "first_name", "last_name": "last_name"}
    fill(Contact, columns, "people")
    ends = "array_to_tsvector(ARRAY[phone, '-' || reverse(substr(phone, 2))])"
    fill(ContactSearch, {"contact_id": "n", "tsv": f"words || {ends}"}, "people")
    execute("DROP TABLE people")


_FAILS = "(back = 0 AND last_outcome = 'failed')"
_BODY = "one.text || '. ' || two.text || reference"


def _round(conversations: int, messages: int, back: int) -> str:
    """SQL: one message of each conversation, the one after which `back` others follow."""
    before = LONGEST + (messages - 1 - back) * conversations
    return f"SELECT n, {before} + n AS id, {back} AS back FROM plan"


def _written(rows: str, where: str) -> str:
    """SQL: what is to be read where, with the texts of these messages."""
    return f"""
        (SELECT rows.id, rows.back, plan.*, plan.last_in = (mod(rows.back, 2) = 0) AS is_in,
                CASE WHEN {_dice("rows.id", 15, 20)} = 0 THEN ' FH' || lpad(rows.id::text, 10, '0') ELSE '' END
                    AS reference,
                {_dice("rows.id", 13, PHRASES)} AS first_phrase, {_dice("rows.id", 14, PHRASES)} AS second_phrase
           FROM ({rows}) AS rows JOIN plan USING (n)
          WHERE {where}) AS message
        JOIN benchmark_phrase AS one ON one.id = message.first_phrase
        JOIN benchmark_phrase AS two ON two.id = message.second_phrase
    """


def _fill_conversations(conversations: int, messages: int) -> None:
    last_inbound = "CASE WHEN last_in THEN at ELSE at - pause END"
    of_whatsapp = "stream_id IN (SELECT id FROM conversations_stream WHERE channel = 'whatsapp')"
    fill(
        Conversation,
        {
            "id": "n",
            "stream_id": "stream_id",
            "contact_id": "contact_id",
            "status": "status",
            "assignee_id": "assignee_id",
            "last_message_at": "at",
            "last_message_preview": f"left({_BODY}, 160)",
            "last_message_direction": "CASE WHEN last_in THEN 'in' ELSE 'out' END",
            "last_inbound_at": last_inbound,
            "window_closes_at": f"CASE WHEN {of_whatsapp} THEN {last_inbound} + interval '24 hours' END",
            "waiting_since": "CASE WHEN status = 'open' AND last_in THEN at END",
            "unread_count": f"CASE WHEN status = 'open' AND last_in AND {_dice('n', 16, 10)} < 6 "
            f"THEN 1 + {_dice('n', 17, 4)} ELSE 0 END",
            "snoozed_until": f"CASE WHEN status = 'snoozed' AND {_dice('n', 18, 5)} > 0 "
            f"THEN now() + make_interval(mins => 1 + {_dice('n', 19, 20_000)}::integer) END",
            "resolved_at": "CASE WHEN status IN ('resolved', 'archived') THEN at END",
            "created_at": f"at - {messages} * pause",
        },
        _written(_round(conversations, messages, 0), "true"),
    )


def _fill_messages(rows: str, where: str) -> None:
    outcome = (
        f"CASE WHEN back = 0 AND last_outcome <> 'delivered' THEN last_outcome "
        f"WHEN {_dice('message.id', 20, 10)} < 3 THEN 'read' ELSE 'delivered' END"
    )
    fill(
        Message,
        {
            "id": "message.id",
            "ref": f"md5('{SEED}' || message.id)::uuid",
            "conversation_id": "n",
            "stream_id": "stream_id",
            "direction": "CASE WHEN is_in THEN 'in' ELSE 'out' END",
            "body": _BODY,
            "status": f"CASE WHEN is_in THEN 'received' ELSE {outcome} END",
            "author_id": "CASE WHEN NOT is_in THEN author_id END",
            "segments": "CASE WHEN is_in THEN 0 ELSE 1 END",
            "scheduled_for": "CASE WHEN back = 0 AND last_outcome = 'scheduled' THEN now() + interval '1 day' END",
            "sent_at": "CASE WHEN NOT is_in AND (back > 0 OR last_outcome = 'delivered') THEN at - back * pause END",
            "created_at": "at - back * pause",
        },
        _written(rows, where),
    )


def _fill_words(rows: str, where: str) -> None:
    reference = "CASE WHEN reference = '' THEN '' ELSE array_to_tsvector(ARRAY[lower(trim(reference))]) END"
    columns = {
        "message_id": "message.id",
        "conversation_id": "n",
        "stream_id": "stream_id",
        "tsv": f"one.tsv || two.tsv || {reference}",
    }
    fill(MessageSearch, columns, f"{_written(rows, where)} WHERE is_in OR author_id IS NOT NULL")


def _fill_the_rest(agent: User, conversations: int) -> None:
    """Tags, permissions, what was done, what has become of the newest messages, drafts and mentions."""
    fill(
        ConversationTag,
        {"conversation_id": "id", "tag_id": f"(SELECT min(id) FROM conversations_tag) + mod(id, {TAGS})"},
        f"conversations_conversation WHERE {_dice('id', 21, 10)} = 0",
    )
    asked = f"conversations_contact WHERE {_dice('id', 22, 10)} = 0"
    decision = f"{_dice('id', 23, 10)} = 0"
    columns = {"id": "id", "contact_id": "id", "phone": "phone", "channel": "'sms'", "source": "'form'"}
    fill(OptIn, {**columns, "event": f"CASE WHEN {decision} THEN 'opt_out' ELSE 'opt_in' END"}, asked)
    state = f"CASE WHEN {decision} THEN 'opted_out' ELSE 'opted_in' END"
    columns = {"phone": "phone", "channel": "'sms'", "last_event_id": "id", "changed_at": "now()"}
    fill(ConsentState, {**columns, "service": state, "marketing": state}, asked)
    columns = {"conversation_id": "id", "kind": "'assignment'", "actor_id": "assignee_id", "occurred_at": "created_at"}
    fill(Activity, columns, f"conversations_conversation WHERE {_dice('id', 24, 5)} = 0 AND assignee_id IS NOT NULL")
    newest = f"id > (SELECT max(id) - {conversations} FROM conversations_message) AND direction = 'out'"
    columns = {"message_id": "id", "from_status": "'sent'", "to_status": "status", "created_at": "created_at"}
    fill(MessageEvent, columns, f"conversations_message WHERE {newest}")
    mine = Conversation.objects.visible_to(agent).in_inbox().filter(assignee=agent.pk).order_by("pk")
    for conversation in mine[:10]:
        Draft.objects.create(user=agent, conversation=conversation, kind="reply", body="I will")
        Activity.objects.create(conversation=conversation, kind="remark", text="Look").mentions.add(agent)
