"""Finding people, messages and conversations by what somebody types, within what that person may see.

Words are found by how they begin, in any order, without regard to capitals and accents. A number is found in any
form, by how it begins or by its last digits. Every statement names the streams that the user may see, so nothing
of another stream decides what is found.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.db import OperationalError, connection, transaction
from django.db.models import F, Func, OuterRef, QuerySet
from psycopg.errors import QueryCanceled

from conversations.models import (
    Contact,
    Conversation,
    ConversationTag,
    Indicator,
    Message,
    MessageSearch,
    Stream,
    Tag,
    User,
)
from conversations.models.search import ANY, beginnings_query, words_query
from messaging.phone import country_code

LONGEST_TEXT = 100
LONGEST_SECONDS = 2.0
SHORTEST_NUMBER = 3  # digits
SHORTEST_NATIONAL = 7  # digits that are left when a leading zero is taken for the one of a national number
WHOLE_WORD_BYTES = 1  # a single letter is found as a word only: it begins too many
MOST_FLAGGED = 200
MOST_PEOPLE = 200  # of more matches, which ones are looked at is left to the database


class SearchTookTooLong(Exception):
    """The database was stopped: the words are too common for what else was asked."""

    sentence = "That search took too long and was stopped. Type more letters, or another word."


@contextmanager
def time_limit(seconds: float = LONGEST_SECONDS) -> Iterator[None]:
    """Stop a statement that takes longer, so that a search never holds up others. Raises SearchTookTooLong."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{int(seconds * 1000)}ms"])
            yield
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise SearchTookTooLong from error
        raise


@dataclass(frozen=True)
class Search:
    """One text, asked by one user. Empty and unreadable texts find nothing."""

    typed: str
    user: User

    @cached_property
    def text(self) -> str:
        """What was typed, without what no text has, and not longer than anybody types."""
        return " ".join(self.typed.replace("\x00", "").split())[:LONGEST_TEXT]

    @cached_property
    def words(self) -> list[str]:
        """The parts of the text that hold a letter."""
        return [part for part in self.text.split() if any(character.isalpha() for character in part)]

    @cached_property
    def digits(self) -> str:
        """The digits of the parts that could be a number, together: 07700 900 355 is written with spaces."""
        parts = (part for part in self.text.split() if all(one.isdecimal() or one in "+()-./" for one in part))
        return "".join(str(unicodedata.decimal(one)) for part in parts for one in part if one.isdecimal())

    @cached_property
    def streams(self) -> list[Stream]:
        """The streams that the user may see."""
        return list(Stream.objects.visible_to(self.user).only("pk", "name", "channel", "region"))

    def people(self, limit: int = MOST_PEOPLE) -> list[Contact]:
        """Contacts whose names and number fit all of the text; the one who spoke with us last comes first.

        Of more than MOST_PEOPLE any may be missing.
        """
        found = self.matching_contacts()
        if found is None:
            return []
        ids = list(found.order_by().values_list("pk", flat=True)[:MOST_PEOPLE])
        latest = Conversation.objects.visible_to(self.user).filter(contact=OuterRef("pk")).newest_first()
        last_at = latest.values("last_message_at")[:1]
        return list(
            Contact.objects.filter(pk__in=ids)
            .annotate(last_at=last_at)
            .order_by(F("last_at").desc(nulls_last=True), "-pk")[:limit]
        )

    def matching_contacts(self) -> QuerySet[Contact] | None:
        """The contacts that fit, without an order; None when the text asks for nobody."""
        if not self.words and len(self.digits) < SHORTEST_NUMBER:
            return None
        found: QuerySet[Contact] = Contact.objects.visible_to(self.user)
        addresses = [word for word in self.words if "@" in word[1:]]
        names = " ".join(word for word in self.words if word not in addresses)
        if names:
            found = found.filter(search__tsv__matches=words_query(names))
        if addresses:
            found = found.filter(search__tsv__matches=beginnings_query([one.lower() for one in addresses]))
        if len(self.digits) >= SHORTEST_NUMBER:
            found = found.filter(search__tsv__matches=beginnings_query(self._numbers()))
        return found

    def _numbers(self) -> list[str]:
        """How the wanted number may lie in the index (models/search.py says how numbers do)."""
        digits, national = self.digits, self.digits.lstrip("0")
        found = {f"-{digits[::-1]}", f"+{digits}"}
        if len(national) >= SHORTEST_NATIONAL:
            found.add(f"-{national[::-1]}")
        if digits.startswith("00") and national:
            found.add(f"+{national}")
        elif national:
            found |= {f"+{country_code(stream.region)}{national}" for stream in self.streams}
        return sorted(found)

    def messages(self, limit: int, *, before: int = 0) -> list[Message]:
        """Messages with all the words, newest first; `before` is the id of the last one shown already.

        Where words are missing from a message, the customer's name may stand for them, but not for all.
        """
        if not self.text:
            return []
        with_all = MessageSearch.objects.filter(tsv__matches=words_query(self.text, exact=WHOLE_WORD_BYTES))
        ids = set(self._newest(with_all, limit, before))
        if len(self.words) > 1:
            ids.update(self._newest(self._with_names(), limit, before))
        newest = sorted(ids, reverse=True)[:limit]
        found = Message.objects.select_related("conversation__contact", "stream", "author").in_bulk(newest)
        return [found[pk] for pk in newest if pk in found]

    def _with_names(self) -> QuerySet[MessageSearch]:
        any_word = words_query(self.text, joiner=ANY, exact=WHOLE_WORD_BYTES)
        named = Contact.objects.visible_to(self.user).filter(search__tsv__matches=words_query(self.text, joiner=ANY))
        people = list(named.order_by().values_list("pk", flat=True)[:MOST_PEOPLE])
        together = Func(
            F("tsv"),
            F("conversation__contact__search__tsv"),
            template="(%(expressions)s)",
            arg_joiner=" || ",
            output_field=SearchVectorField(),
        )
        return (
            MessageSearch.objects.filter(conversation__contact__in=people, tsv__matches=any_word)
            .annotate(together=together)
            .filter(together__matches=words_query(self.text))
        )

    def _newest(self, found: QuerySet[MessageSearch], limit: int, before: int) -> list[int]:
        if not self.user.sees_everything:
            found = found.filter(stream__in=[stream.pk for stream in self.streams])
        if self.user.is_limited:
            found = found.filter(conversation__in=Conversation.objects.visible_to(self.user))
        if before:
            found = found.filter(pk__lt=before)
        return list(found.order_by("-pk").values_list("pk", flat=True)[:limit])

    def conversations(self, limit: int, *, people: Sequence[Contact] = ()) -> list[Conversation]:
        """Conversations with one of `people`, or with a tag or an indicator of all the words; newest first."""
        visible = Conversation.objects.visible_to(self.user)
        with_people = visible.filter(contact__in=people).for_list().newest_first()[:limit]
        with_flag = visible.filter(pk__in=self._flagged()).for_list().newest_first()[:limit]
        found = {one.pk: one for one in (*with_people, *with_flag)}.values()
        return sorted(found, key=lambda one: (one.last_message_at, one.pk), reverse=True)[:limit]

    def _flagged(self) -> list[int]:
        if not self.text:
            return []
        indicators, tags = Indicator.objects.filter(removed_at=None), Tag.objects.all()
        for word in self.text.split():
            indicators, tags = indicators.filter(title__icontains=word), tags.filter(name__icontains=word)
        # The tags are few and read first: joined with them, PostgreSQL walks through all that was ever tagged.
        flags: list[QuerySet[Any]] = [indicators, ConversationTag.objects.filter(tag__in=list(tags))]
        found: list[int] = []
        for rows in flags:
            if not self.user.sees_everything:
                rows = rows.filter(conversation__stream__in=[stream.pk for stream in self.streams])
            if self.user.is_limited:
                rows = rows.filter(conversation__in=Conversation.objects.visible_to(self.user))
            found += rows.order_by("-pk").values_list("conversation", flat=True)[:MOST_FLAGGED]
        return found
