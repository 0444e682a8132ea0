"""What search reads: the words of messages and of contacts, kept by triggers, whoever writes the rows.

Three functions of the database make both sides of a search the same (migrations/schema_0041/functions.py):

    parley_fold(text)                    small letters and digits without accents, one space between words
    parley_words(text)                   the words of that, each once
    parley_query(text, joiner, exact)    a tsquery: every word as a beginning, words of up to `exact` bytes whole

Whoever erases words by an UPDATE must let these triggers run: ignore the other triggers by name.
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Func, Lookup, Value
from django.db.models.sql.compiler import SQLCompiler

ALL, ANY = " & ", " | "


class MessageSearch(models.Model):
    """The words of one message that a customer or an agent wrote; campaigns and automatic texts have none.

    The newest message of a word is found by walking back from the newest, a rare word by its index: PostgreSQL
    chooses by its statistics of `tsv`. No provider has a term for it.
    """

    message = models.OneToOneField(
        "conversations.Message", on_delete=models.CASCADE, primary_key=True, related_name="search"
    )
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    stream = models.ForeignKey(
        "conversations.Stream", on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    tsv = SearchVectorField()

    class Meta:
        verbose_name = "words of a message"
        verbose_name_plural = "words of messages"
        indexes = [GinIndex(fields=("tsv",), name="message_search_words")]

    def __str__(self) -> str:
        return f"Words of message {self.pk}"


class ContactSearch(models.Model):
    """The words of a contact's names and e-mail address, and the number from both ends.

    `+447700900355` finds a number by how it begins, `-553009007744` (backwards) by its last digits. No provider
    has a term for it.
    """

    contact = models.OneToOneField(
        "conversations.Contact", on_delete=models.CASCADE, db_constraint=False, primary_key=True, related_name="search"
    )
    tsv = SearchVectorField()

    class Meta:
        verbose_name = "words of a contact"
        verbose_name_plural = "words of contacts"
        indexes = [GinIndex(fields=("tsv",), name="contact_search_words")]

    def __str__(self) -> str:
        return f"Words of contact {self.pk}"


@SearchVectorField.register_lookup
class Matches(Lookup):
    """`tsv__matches=`: the words satisfy a tsquery."""

    lookup_name = "matches"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left} @@ {right}", (*left_values, *right_values)


class TsQueryField(CharField):
    """A tsquery inside of a statement; never a column."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "tsquery"


def words_query(text: str, *, joiner: str = ALL, exact: int = 0) -> Func:
    """The query for the words of `text`; words of up to `exact` bytes must be found whole, others may go on."""
    return Func(Value(text), Value(joiner), Value(exact), function="parley_query", output_field=TsQueryField())


def beginnings_query(beginnings: list[str]) -> Func:
    """The query for any of some beginnings, taken as they are: for numbers and e-mail addresses."""
    quoted = ("'" + one.replace("\\", "\\\\").replace("'", "''") + "':*" for one in beginnings)
    return Func(Value(ANY.join(quoted)), template="%(expressions)s::tsquery", output_field=TsQueryField())


# Written by somebody: a campaign's texts, and automatic ones, are not searched.
_IS_SEARCHED = "NEW.body <> '' AND (NEW.direction = 'in' OR NEW.author_id IS NOT NULL)"

_STORE_MESSAGE = """
    INSERT INTO conversations_messagesearch (message_id, conversation_id, stream_id, tsv)
    VALUES (NEW.id, NEW.conversation_id, NEW.stream_id, array_to_tsvector(parley_words(NEW.body)))
    ON CONFLICT (message_id) DO UPDATE
       SET conversation_id = EXCLUDED.conversation_id, stream_id = EXCLUDED.stream_id, tsv = EXCLUDED.tsv;
"""


def message_words() -> list[pgtrigger.Trigger]:
    """Keep MessageSearch; the one place that decides which messages can be found.

    What is written is judged by the condition of its trigger: the many messages of a campaign call no function.
    """
    return [
        pgtrigger.Trigger(
            name="message_words_written",
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            condition=pgtrigger.Condition(_IS_SEARCHED),
            func=f"{_STORE_MESSAGE} RETURN NULL;",
        ),
        pgtrigger.Trigger(
            name="message_words",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("body", "stream_id", "conversation_id"),
            func=f"""
                IF {_IS_SEARCHED} THEN
                    {_STORE_MESSAGE}
                ELSE
                    DELETE FROM conversations_messagesearch WHERE message_id = NEW.id;
                END IF;
                RETURN NULL;
            """,  # noqa: S608 - constants of ours
        ),
    ]


def contact_words() -> list[pgtrigger.Trigger]:
    """Keep ContactSearch; contacts that are written together, as by a campaign, are read together."""
    return [
        pgtrigger.Trigger(
            name="contact_words_written",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="written"),
            func="""
                INSERT INTO conversations_contactsearch (contact_id, tsv)
                SELECT id, parley_contact_words(first_name, last_name, email, phone) FROM written;
                RETURN NULL;
            """,
        ),
        pgtrigger.Trigger(
            name="contact_words",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("first_name", "last_name", "email", "phone"),
            func="""
                INSERT INTO conversations_contactsearch (contact_id, tsv)
                VALUES (NEW.id, parley_contact_words(NEW.first_name, NEW.last_name, NEW.email, NEW.phone))
                ON CONFLICT (contact_id) DO UPDATE SET tsv = EXCLUDED.tsv;
                RETURN NULL;
            """,
        ),
    ]
