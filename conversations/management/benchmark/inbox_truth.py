"""What must be true of the centre and of what pages show: found out the long way, without an index or a kept number."""

# ruff: noqa: S608 - every word in these statements is ours

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db import transaction
from django.utils import timezone

from conversations.management.benchmark.bulk import execute
from conversations.management.benchmark.inbox_pages import FIRST_PAGE, Asked, Questions
from conversations.management.benchmark.report import Count
from conversations.models.conversation import IN_INBOX
from conversations.models.message import NOT_ARRIVED
from conversations.models.search import ALL
from conversations.services.handling.upkeep import lower_closed_windows
from conversations.services.search import MOST_PEOPLE, Search

SAMPLE = 20_000
_ROW_ID = re.compile(rb'id="row-(\d+)"')


@contextmanager
def _without_indexes() -> Iterator[None]:
    with transaction.atomic():
        for way in ("indexscan", "indexonlyscan", "bitmapscan"):
            execute(f"SET LOCAL enable_{way} = off")
        yield


def _number(statement: str, **values: Any) -> int:
    ((found,),) = execute(statement, values)
    return int(found)


# What triggers keep

_WORDS = """
    SELECT count(*)
      FROM generate_series(1, (SELECT max(id) FROM conversations_message),
                           GREATEST(1, (SELECT max(id) FROM conversations_message) / %(sample)s)) AS wanted
      JOIN conversations_message AS message ON message.id = wanted
      LEFT JOIN conversations_messagesearch AS search ON search.message_id = message.id
     WHERE (search.tsv, search.stream_id, search.conversation_id) IS DISTINCT FROM
           CASE WHEN message.direction = 'in' OR message.author_id IS NOT NULL
                THEN (array_to_tsvector(parley_words(message.body)), message.stream_id, message.conversation_id)
                ELSE (NULL::tsvector, NULL::bigint, NULL::bigint) END
"""
_NAMES = """
    SELECT count(*)
      FROM generate_series(1, (SELECT max(id) FROM conversations_contact),
                           GREATEST(1, (SELECT max(id) FROM conversations_contact) / %(sample)s)) AS wanted
      JOIN conversations_contact AS contact ON contact.id = wanted
      LEFT JOIN conversations_contactsearch AS search ON search.contact_id = contact.id
     WHERE search.tsv IS DISTINCT FROM parley_contact_words(first_name, last_name, email, phone)
"""
_SOME = """
    (SELECT conversation.*
       FROM generate_series(1, (SELECT max(id) FROM conversations_conversation),
                            GREATEST(1, (SELECT max(id) FROM conversations_conversation) / %(sample)s)) AS wanted
       JOIN conversations_conversation AS conversation ON conversation.id = wanted
      UNION SELECT conversation.* FROM conversations_conversation AS conversation WHERE failed_at IS NOT NULL)
"""
_FAILURES = f"""
    SELECT count(*)
      FROM {_SOME} AS conversation
      LEFT JOIN LATERAL (SELECT status = ANY (%(failures)s::text[]) AS failed FROM conversations_message
                          WHERE conversation_id = conversation.id AND direction = 'out' AND status <> 'cancelled'
                          ORDER BY id DESC LIMIT 1) AS newest ON true
     WHERE (conversation.failed_at IS NOT NULL) <> COALESCE(newest.failed, false)
"""
_LAST_MESSAGES = f"""
    SELECT count(*)
      FROM {_SOME} AS conversation
      JOIN LATERAL (SELECT * FROM conversations_message
                     WHERE conversation_id = conversation.id ORDER BY id DESC LIMIT 1) AS message ON true
     WHERE (conversation.last_message_at, conversation.last_message_direction, conversation.stream_id,
            conversation.last_message_preview)
           IS DISTINCT FROM (message.created_at, message.direction, message.stream_id, left(message.body, 160))
"""
_NUMBERS = """
    SELECT count(*)
      FROM (SELECT stream_id, status, assignee_id, count(*) AS number
              FROM conversations_conversation WHERE status = ANY (%(listed)s) GROUP BY 1, 2, 3) AS counted
      FULL JOIN (SELECT stream_id, status, assignee_id, sum(number) AS number
                   FROM conversations_inboxcount GROUP BY 1, 2, 3) AS kept
        ON (counted.stream_id, counted.status, COALESCE(counted.assignee_id, 0))
         = (kept.stream_id, kept.status, COALESCE(kept.assignee_id, 0))
     WHERE counted.number IS DISTINCT FROM kept.number
"""


def what_is_kept(size: int) -> list[Count]:
    """The rows hold what triggers would have kept, though they were filled in sets."""
    return [
        Count(f"{size:,}: messages of a sample with other words than theirs", 0, _number(_WORDS, sample=SAMPLE)),
        Count(f"{size:,}: contacts of a sample with other words than theirs", 0, _number(_NAMES, sample=SAMPLE)),
        Count(
            f"{size:,}: failures that are not noted", 0, _number(_FAILURES, sample=SAMPLE, failures=list(NOT_ARRIVED))
        ),
        Count(f"{size:,}: conversations with another last message", 0, _number(_LAST_MESSAGES, sample=SAMPLE)),
        Count(f"{size:,}: numbers that are not those of the rows", 0, _number(_NUMBERS, listed=list(IN_INBOX))),
    ]


# What pages show

_MILLISECONDS = "round(EXTRACT(EPOCH FROM {}) * 1000)"
_URGENT = f"""
    CASE WHEN failed_at IS NOT NULL THEN 0 WHEN due_at IS NOT NULL THEN 1 WHEN window_closes_at > now() THEN 2
         WHEN unread_count > 0 THEN 3 ELSE 4 END,
    CASE WHEN failed_at IS NOT NULL THEN {_MILLISECONDS.format("failed_at")}
         WHEN due_at IS NOT NULL THEN {_MILLISECONDS.format("due_at")}
         WHEN window_closes_at > now() THEN {_MILLISECONDS.format("window_closes_at")}
         ELSE - {_MILLISECONDS.format("last_message_at")} END,
    id
"""
_FIRST_PAGES = {
    "list, mine": ("open", "assignee_id = %(user)s", _URGENT),
    "list, unassigned": ("open", "assignee_id IS NULL", _URGENT),
    "list, all open": ("open", "true", _URGENT),
    "list, all open, of all streams": ("open", "true", _URGENT),
    "list, one stream": ("open", "stream_id = %(first)s", _URGENT),
    "list, waiting, newest first": ("waiting", "true", "last_message_at DESC, id DESC"),
}


def first_page_is_wrong(name: str, questions: Questions, get: Callable[[], bytes]) -> bool | None:
    """Does the first page of a list show other rows than a sort of the whole table? None where it is not one."""
    if name not in _FIRST_PAGES:
        return None
    status, where, order = _FIRST_PAGES[name]
    while lower_closed_windows(timezone.now()):
        pass  # the dispatcher's work
    streams = questions.streams
    with _without_indexes():
        wanted = execute(
            f"SELECT id FROM conversations_conversation WHERE status = '{status}' AND stream_id = ANY(%(streams)s) "
            f"AND {where} ORDER BY {order} LIMIT {FIRST_PAGE}",
            {"streams": streams, "user": questions.user.pk, "first": streams[0]},
        )
    return [pk for (pk,) in wanted] != [int(pk) for pk in _ROW_ID.findall(get())]


_MESSAGES = """
    SELECT message_id FROM conversations_messagesearch
     WHERE tsv @@ parley_query(%(text)s, %(joiner)s, 1) AND stream_id = ANY(%(streams)s)
     ORDER BY message_id DESC LIMIT 26
"""
_VISIBLE = """EXISTS (SELECT 1 FROM conversations_conversation AS conversation
                       WHERE conversation.contact_id = contact.id AND conversation.stream_id = ANY(%(streams)s))"""
_NAMED = f"""
    SELECT contact.id FROM conversations_contact AS contact
      JOIN conversations_contactsearch AS search ON search.contact_id = contact.id
     WHERE search.tsv @@ parley_query(%(text)s, %(joiner)s, 0) AND {_VISIBLE}
"""
_NUMBERED = f"""
    SELECT contact.id FROM conversations_contact AS contact
     WHERE (phone LIKE '%%' || %(digits)s OR phone LIKE '+' || %(digits)s || '%%'
            OR phone LIKE %(country)s || ltrim(%(digits)s, '0') || '%%') AND {_VISIBLE}
"""


def search_is_wrong(name: str, questions: Questions, asked: Asked) -> bool | None:
    """Does a search find others than a scan of everything? None where it was no search, or names stand for words."""
    if not name.startswith("search") or name == "search, first name and word":
        return None
    (text,) = parse_qs(urlsplit(asked.address).query)["q"]
    search = Search(text, questions.user)
    country = "+" if search.digits.startswith("00") else "+44"
    values = {"text": text, "joiner": ALL, "streams": questions.streams, "digits": search.digits, "country": country}
    with _without_indexes():
        messages = [pk for (pk,) in execute(_MESSAGES, values)]
        if not text.lstrip("+").isdecimal() and not search.words:
            return None
        people = {pk for (pk,) in execute(_NAMED if search.words else _NUMBERED, values)}
    found = {one.pk for one in search.people()}
    if len(people) <= MOST_PEOPLE and found != people:
        return True
    shown = [one.pk for one in search.messages(26)]
    if name == "search, first and last name":
        # Messages in which a name stands for the other word come between: Tom Neriez is found in a Neriez's "tomorrow".
        oldest = shown[-1] if len(shown) == 26 else 0
        return not found <= people or not {pk for pk in messages if pk >= oldest} <= set(shown)
    return not found <= people or shown != messages
