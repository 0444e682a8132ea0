"""The keywords that count here: the supervisors' where they keep some, else those of the library."""

from __future__ import annotations

from typing import Any

from django.db import connection

from conversations.models import Contact, KeywordSet
from messaging.keywords import REPLIES, WORDS, Keyword, Replies, Words, classify, filled_in, languages_of

FALLBACK = "en"


def make_missing_keywords(sender: Any, **kwargs: Any) -> None:
    """Make a row for each language that has none; what a site has changed stays. Connected to post_migrate."""
    if KeywordSet._meta.db_table not in connection.introspection.table_names():
        return  # migrated to an older state
    known = set(KeywordSet.objects.values_list("language", flat=True))
    missing = [code for code in WORDS if code not in known]
    KeywordSet.objects.bulk_create(
        [
            KeywordSet(
                language=code,
                **WORDS[code]._asdict(),
                **{f"{name}_reply": text for name, text in REPLIES[code]._asdict().items()},
            )
            for code in missing
        ],
        ignore_conflicts=True,
    )


class Vocabulary:
    """All words and replies, read once: for one message of a customer."""

    def __init__(self) -> None:
        rows = {row.language: row for row in KeywordSet.objects.all()}
        self.words = WORDS | {
            code: Words(row.stop, row.start, row.yes, row.help, row.polite, row.near) for code, row in rows.items()
        }
        self.replies = REPLIES | {
            code: Replies(row.stop_reply, row.start_reply, row.help_reply) for code, row in rows.items()
        }

    def read(self, text: str, *, opted_out: bool) -> Keyword:
        """What a customer's message asks for, whatever their language."""
        return classify(text, opted_out=opted_out, words=self.words)

    def reply(self, keyword: Keyword, text: str, contact: Contact, *, business: str, help_contact: str = "") -> str:
        """The answer, in the language of the contact, else of the word, else in English; empty: there is none."""
        place = {Keyword.STOP: 0, Keyword.START: 1, Keyword.HELP: 2}[keyword]
        spoken = languages_of(text, words=self.words)
        # A word that English has too says nothing about the language.
        guessed = spoken if FALLBACK not in spoken else []
        for code in (contact.language[:2].lower(), *guessed, FALLBACK):
            if code in self.replies and (found := self.replies[code][place].strip()):
                return filled_in(found, business=business, contact=help_contact)
        return ""
