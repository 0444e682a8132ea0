"""The pages that `benchmark inbox` asks for, and what each is compared with."""

# ruff: noqa: S608 - every word in these statements is ours

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.module_loading import import_string

from conversations.management.benchmark.bulk import execute
from conversations.management.benchmark.inbox_rows import SEED, Centre
from conversations.management.benchmark.inbox_words import COMMON, first_names, last_names, vocabulary
from conversations.models import Conversation, Message, Stream, User
from conversations.models.search import ALL

# What is measured is another way in, which this one may not import: it is reached by name, as by an address.
fold = import_string("conversations.views.highlight.fold")
InboxQuery = import_string("conversations.views.inbox_query.InboxQuery")
FIRST_PAGE, PAGE = (import_string(f"conversations.views.listing.{name}") for name in ("FIRST_PAGE", "PAGE"))
read_page = import_string("conversations.views.listing.read_page")
look_up = import_string("conversations.views.search.look_up")
read_timeline = import_string("conversations.views.timeline.read_timeline")

SAMPLE = 200  # conversations and contacts that pages are asked about
FREQUENT = 20  # a common word is one of so many
RARE_FROM = 100  # a random word is none of the most common
Sql = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its address, the same by the models alone, and the rows by one statement written by hand."""

    address: str
    by_orm: Callable[[], Any] | None = None
    floor: Sql | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A kind of page, for the agent who sees two streams or the supervisor who sees all."""

    name: str
    ask: Callable[[Questions], Asked]
    by_supervisor: bool = False


class Questions:
    """Chooses what is asked of one centre; the same questions for the same seed."""

    def __init__(self, centre: Centre, user: User) -> None:
        self.centre = centre
        self.user = user
        self.dice = Random(SEED)  # noqa: S311 nothing here is a secret
        self.streams = list(Stream.objects.visible_to(user).order_by("pk").values_list("pk", flat=True))
        self.words = vocabulary(SEED)
        self.names = [*first_names(), *last_names()]
        newest = Conversation.objects.order_by("pk").values_list("pk", flat=True).last() or 0
        lot = self.dice.sample(range(1, newest + 1), min(newest, 10 * SAMPLE))
        visible = Conversation.objects.visible_to(user).filter(pk__in=lot).exclude(pk=centre.longest).order_by("pk")
        self.conversations = list(visible.values_list("pk", flat=True)[:SAMPLE])
        self.open_keys = list(visible.filter(status="open").values_list("urgency", "pk")[:SAMPLE])
        people = visible.values_list("contact__phone", "contact__first_name", "contact__last_name")
        self.people = list(people[:SAMPLE])
        texts = Message.objects.filter(conversation__in=self.conversations, body__contains=" FH").order_by("pk")
        self.references = [body.split()[-1] for body in texts.values_list("body", flat=True)]

    def conversation(self) -> Conversation:
        """One of those that the user sees."""
        return Conversation.objects.get(pk=self.dice.choice(self.conversations))

    def two_words(self) -> str:
        """Two common words with which no name begins: a name may stand for a word."""
        names = [fold(name) for name in self.names]
        plain = [word for word in self.words[:RARE_FROM] if not any(name.startswith(word) for name in names)]
        return " ".join(self.dice.sample(plain, 2))


def pages() -> list[Page]:
    """All of them, in the order in which they are shown."""
    deep = "view=all&cursor={}_{}"
    return [
        Page("list, mine", lambda one: _list(one)),
        Page("list, unassigned", lambda one: _list(one, "view=unassigned")),
        Page("list, all open", lambda one: _list(one, "view=all")),
        Page("list, all open, of all streams", lambda one: _list(one, "view=all"), by_supervisor=True),
        Page("list, one stream", lambda one: _list(one, f"view=all&stream={one.streams[0]}")),
        Page("list, waiting, newest first", lambda one: _list(one, "view=all&status=waiting")),
        Page("list, further page", lambda one: _list(one, deep.format(*one.dice.choice(one.open_keys)))),
        Page("conversation", lambda one: _conversation(one, one.conversation().pk)),
        Page("conversation, longest", lambda one: _conversation(one, one.centre.longest)),
        Page("parts of an open page", _updates),
        Page("search, common word", lambda one: _search(one, one.dice.choice(COMMON.split()[:FREQUENT]))),
        Page("search, random word", _random_word),
        Page("search, random word, of all streams", _random_word, by_supervisor=True),
        Page("search, two words", lambda one: _search(one, one.two_words())),
        Page("search, first name and word", lambda one: _search(one, f"{one.dice.choice(one.people)[1]} order")),
        Page("search, reference", lambda one: _search(one, one.dice.choice(one.references))),
        Page("search, three letters", lambda one: _search(one, one.dice.choice(one.words[FREQUENT:])[:3])),
        Page("search, whole number", lambda one: _search(one, one.dice.choice(one.people)[0])),
        Page("search, last six digits", lambda one: _search(one, one.dice.choice(one.people)[0][-6:])),
        Page("search, first and last name", lambda one: _search(one, " ".join(one.dice.choice(one.people)[1:]))),
        Page("palette, four letters of a name", lambda one: _palette(one, one.dice.choice(one.people)[2][:4])),
        Page("contacts, newest", lambda _: Asked("/contacts/")),
        Page("contacts, by name", lambda _: Asked("/contacts/?sort=name")),
    ]


# Lists

_ROW = """
    SELECT conversation.id, conversation.urgency, conversation.last_message_at, conversation.last_message_preview,
           conversation.unread_count, conversation.due_at, conversation.window_closes_at, contact.first_name,
           contact.last_name, contact.phone, stream.name, stream.channel, assignee.name
      FROM ({keys}) AS conversation
      JOIN conversations_contact AS contact ON contact.id = conversation.contact_id
      JOIN conversations_stream AS stream ON stream.id = conversation.stream_id
      LEFT JOIN conversations_user AS assignee ON assignee.id = conversation.assignee_id
     ORDER BY {order}
     LIMIT {size}
"""


def _list(one: Questions, words: str = "") -> Asked:
    given = QueryDict(words)
    query = InboxQuery.of_words(given, one.user)
    cursor = given.get("cursor", "")
    address = f"/inbox/older/?{words}" if cursor else f"/?{words}"
    size = PAGE if cursor else FIRST_PAGE
    by_hand = _list_by_hand(one, query, cursor, size + 1)
    return Asked(address, lambda: read_page(query, one.user, cursor=cursor, size=size), by_hand)


def _list_by_hand(one: Questions, query: Any, cursor: str, size: int) -> Sql:
    """The rows of a page from the index that has them in order; of several streams the first rows of each."""
    order = "urgency, id" if query.sort == "urgent" else "last_message_at DESC, id DESC"
    values: dict[str, Any] = {"status": query.standing.value, "user": one.user.pk, "streams": one.streams}
    where = "status = %(status)s"
    if cursor:
        values["key"], values["pk"] = (int(part) for part in cursor.split("_"))
        where += " AND (urgency, id) > (%(key)s, %(pk)s)"
    if query.view == "unassigned":
        where += " AND assignee_id IS NULL"
    if query.view == "mine":
        where += " AND assignee_id = %(user)s"
    rows = f"(SELECT * FROM conversations_conversation WHERE {where}{{}} ORDER BY {order} LIMIT {size})"
    if query.view == "mine":
        keys = rows.format("")
    else:
        streams = [query.stream.pk] if query.stream else one.streams
        keys = " UNION ALL ".join(rows.format(f" AND stream_id = {pk}") for pk in streams)
    qualified = order.replace("id", "conversation.id")
    return _ROW.format(keys=keys, order=qualified, size=size), values


# Conversations

_MESSAGES = """
    SELECT message.*, author.name
      FROM conversations_message AS message
      LEFT JOIN conversations_user AS author ON author.id = message.author_id
     WHERE message.conversation_id = %(pk)s
     ORDER BY message.id DESC
     LIMIT 41
"""


def _conversation(one: Questions, pk: int) -> Asked:
    def by_orm() -> None:
        found = Conversation.objects.select_related("stream__account", "contact").get(pk=pk)
        read_timeline(found, one.user)

    return Asked(f"/c/{pk}/?view=all", by_orm, (_MESSAGES, {"pk": pk}))


def _updates(one: Questions) -> Asked:
    pk = one.conversation().pk
    ((since,),) = execute(
        "SELECT min(id) FROM (SELECT id FROM conversations_message WHERE conversation_id = %(pk)s "
        "ORDER BY id DESC LIMIT 40) AS shown",
        {"pk": pk},
    )
    return Asked(f"/inbox/updates/?view=all&open={pk}&rows=50&since={since}")


# Search

_FOUND = """
    SELECT message.id, message.body, message.created_at, contact.first_name, contact.last_name, stream.name
      FROM (SELECT message_id FROM conversations_messagesearch
             WHERE tsv @@ parley_query(%(text)s, %(joiner)s, 1) AND stream_id = ANY(%(streams)s)
             ORDER BY message_id DESC LIMIT 26) AS hit
      JOIN conversations_message AS message ON message.id = hit.message_id
      JOIN conversations_conversation AS conversation ON conversation.id = message.conversation_id
      JOIN conversations_contact AS contact ON contact.id = conversation.contact_id
      JOIN conversations_stream AS stream ON stream.id = message.stream_id
     ORDER BY message.id DESC
"""


def _search(one: Questions, text: str) -> Asked:
    values = {"text": text, "joiner": ALL, "streams": one.streams}
    return Asked(f"/search/?{urlencode({'q': text})}", lambda: look_up(text, one.user), (_FOUND, values))


def _random_word(one: Questions) -> Asked:
    return _search(one, one.dice.choice(one.words[RARE_FROM:]))


def _palette(one: Questions, text: str) -> Asked:
    return Asked(f"/search/palette/?{urlencode({'q': text})}")


def rows_by_hand(floor: Sql) -> Sequence[tuple[Any, ...]]:
    """Read the rows of a floor."""
    return execute(*floor)
