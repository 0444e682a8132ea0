"""Numbers of people whose data was erased: kept as keyed hashes, so that nobody writes to them again.

The key is ERASURE_KEY of the environment. Every session of ours brings it to PostgreSQL as `parley.erasure_key`, and
no table and no backup holds it. Two functions of the database use it (migrations/schema_0041/functions.py):

    parley_number_key(text)          the hash of a number; refuses (CC007) where the session has no key
    parley_recall_erased(bigint[])   writes the opt-outs of contacts whose number was erased
"""

from __future__ import annotations

from collections.abc import Collection

import pgtrigger
from django.db import connection, models

_AMONG = """
    SELECT phone FROM unnest(string_to_array(%s, ',')) AS phone
     WHERE EXISTS (SELECT 1 FROM conversations_erasednumber AS erased WHERE erased.key = parley_number_key(phone))
"""
_REMEMBER = """
    INSERT INTO conversations_erasednumber (key, erased_at)
    SELECT parley_number_key(phone), clock_timestamp() FROM unnest(string_to_array(%s, ',')) AS phone
    ON CONFLICT (key) DO UPDATE SET erased_at = EXCLUDED.erased_at
"""


class ErasedNumberQuerySet(models.QuerySet["ErasedNumber"]):
    """Questions about numbers in E.164."""

    def among(self, phones: Collection[str]) -> set[str]:
        """Those of the numbers that were erased, in one query."""
        with connection.cursor() as cursor:
            cursor.execute(_AMONG, [",".join(phones)])
            return {phone for (phone,) in cursor.fetchall()}

    def remember(self, phones: Collection[str]) -> None:
        """Keep the hashes of these numbers."""
        with connection.cursor() as cursor:
            cursor.execute(_REMEMBER, [",".join(phones)])


class ErasedNumber(models.Model):
    """The keyed hash of a number that was erased. It cannot be turned back into the number without the key.

    A contact with that number comes into being opted out of every channel; a later permission with a proof lifts
    that, as it lifts any opt-out. No provider has a term for it.
    """

    key = models.CharField(max_length=64, unique=True)
    erased_at = models.DateTimeField()

    objects = ErasedNumberQuerySet.as_manager()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"Erased number {self.pk}"


def recall_triggers() -> list[pgtrigger.Trigger]:
    """A contact whose number was erased is opted out from its first moment, whoever makes it."""
    any_erased = "EXISTS (SELECT 1 FROM conversations_erasednumber)"
    return [
        pgtrigger.Trigger(
            name="contact_recalls_erased",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="written"),
            func=f"""
                IF {any_erased} THEN
                    PERFORM parley_recall_erased(ARRAY(SELECT id FROM written));
                END IF;
                RETURN NULL;
            """,  # noqa: S608 - constants of ours
        ),
        pgtrigger.Trigger(
            name="contact_number_recalls_erased",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("phone"),
            condition=pgtrigger.AnyChange("phone"),
            func=f"""
                IF {any_erased} THEN
                    PERFORM parley_recall_erased(ARRAY[NEW.id]);
                END IF;
                RETURN NULL;
            """,
        ),
    ]
