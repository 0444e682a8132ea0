"""Rules about messages that PostgreSQL itself keeps, whoever asks: a page, the admin, a shell, a late job.

    CC001  a status that cannot follow the present one (the table is LEGAL_MOVES in models/message.py)
    CC002  sending to somebody who has opted out
    CC003  sending what is no longer valid
    CC004  changing words, stream, conversation or number after the first attempt
    CC005  changing or deleting a line of the ledger of opt-ins, or its proof
    CC006  changing or deleting an entry of the audit (models/audit.py), or a wording of a template (models/template.py)
    CC007  asking about a number without the key of erased numbers (models/erasure.py)

Retention and erasure are the only writers that may pass (`pgtrigger.ignore`, in the transaction that writes
their audit row).
"""

from __future__ import annotations

from collections.abc import Mapping, Set

import pgtrigger

# The youngest decision about the stream, its business or the whole channel counts. The one confirmation of an opt-out
# may leave although it stands: `confirms` names the decision, which has one such message at most.
_OPTED_OUT = """
    SELECT 1
      FROM (
        SELECT CASE NEW.purpose WHEN 'marketing' THEN state.marketing ELSE state.service END AS decision,
               CASE NEW.purpose WHEN 'marketing' THEN state.marketing_from_id ELSE state.service_from_id END AS entry
          FROM conversations_conversation AS conversation
          JOIN conversations_contact AS contact ON contact.id = conversation.contact_id
          JOIN conversations_stream AS stream ON stream.id = NEW.stream_id
          JOIN conversations_consentstate AS state
            ON state.phone = contact.phone AND state.channel = stream.channel
           AND (state.stream_id IS NULL OR state.stream_id = stream.id)
           AND (state.brand = '' OR state.brand = stream.business_name)
         WHERE conversation.id = NEW.conversation_id
           AND CASE NEW.purpose WHEN 'marketing' THEN state.marketing ELSE state.service END <> ''
         ORDER BY 2 DESC NULLS LAST
         LIMIT 1
      ) AS present
     WHERE present.decision = 'opted_out' AND present.entry IS DISTINCT FROM NEW.confirms_id
"""

_TRIED = "SELECT 1 FROM conversations_attemptresult AS result WHERE result.message_id = OLD.id"

_WRITTEN_TO = """
    SELECT 1
      FROM conversations_conversation AS conversation
      JOIN conversations_message AS message ON message.conversation_id = conversation.id
      JOIN conversations_attemptresult AS result ON result.message_id = message.id
     WHERE conversation.contact_id = OLD.id
"""


def _refuse(code: str, sentence: str) -> str:
    return f"RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = '{sentence}';"


def message_triggers(legal: Mapping[str, Set[str]]) -> list[pgtrigger.Trigger]:
    """The triggers of the message table for a table of legal moves."""
    moves = ", ".join(
        f"('{before}', '{after}')" for before, targets in sorted(legal.items()) for after in sorted(targets)
    )
    return [
        pgtrigger.Trigger(
            name="message_moves",
            when=pgtrigger.Before,
            operation=pgtrigger.Update,
            condition=pgtrigger.Q(old__status__df=pgtrigger.F("new__status")),
            func=f"""
                IF (OLD.status::text, NEW.status::text) NOT IN ({moves}) THEN
                    {_refuse("CC001", "A message cannot make this move.")}
                END IF;
                IF OLD.status = 'unconfirmed' AND NEW.status = 'queued'
                   AND NEW.release_count <= OLD.release_count THEN
                    {_refuse("CC001", "An unconfirmed message is sent again only when a person says so.")}
                END IF;
                IF NEW.status = 'sending' THEN
                    IF NEW.valid_until <= clock_timestamp() THEN
                        {_refuse("CC003", "The message is no longer valid.")}
                    END IF;
                    IF EXISTS ({_OPTED_OUT}) THEN
                        {_refuse("CC002", "The customer has opted out.")}
                    END IF;
                END IF;
                RETURN NEW;
            """,
        ),
        pgtrigger.Trigger(
            name="message_content",
            when=pgtrigger.Before,
            operation=pgtrigger.UpdateOf(
                "body", "stream_id", "conversation_id", "kind", "template_id", "template_values", "confirms_id"
            ),
            condition=pgtrigger.AnyChange(
                "body", "stream", "conversation", "kind", "template", "template_values", "confirms"
            ),
            func=f"""
                IF EXISTS ({_TRIED}) THEN
                    {_refuse("CC004", "A message cannot be changed after the first attempt to send it.")}
                END IF;
                RETURN NEW;
            """,
        ),
    ]


def contact_triggers() -> list[pgtrigger.Trigger]:
    """A contact keeps its number once something was sent to it."""
    return [
        pgtrigger.Trigger(
            name="contact_number",
            when=pgtrigger.Before,
            operation=pgtrigger.UpdateOf("phone"),
            condition=pgtrigger.AnyChange("phone"),
            func=f"""
                IF EXISTS ({_WRITTEN_TO}) THEN
                    {_refuse("CC004", "A contact keeps its number once something was sent to it.")}
                END IF;
                RETURN NEW;
            """,
        )
    ]


def ledger_triggers(name: str, *columns: str) -> list[pgtrigger.Trigger]:
    """A table that only grows: none of the columns changes, and no row goes."""
    return [
        pgtrigger.Trigger(
            name=f"{name}_stands",
            when=pgtrigger.Before,
            operation=pgtrigger.Update,
            condition=pgtrigger.AnyChange(*columns),
            func=_refuse("CC005", "The ledger of permissions only grows. Record the true decision instead."),
        ),
        pgtrigger.Trigger(
            name=f"{name}_stays",
            when=pgtrigger.Before,
            operation=pgtrigger.Delete,
            func=_refuse("CC005", "The ledger of permissions only grows. Nothing is deleted from it."),
        ),
    ]
