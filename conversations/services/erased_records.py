"""What retention and erasure take out of rows: bodies, files, and the raw records of what providers said."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from conversations.models import (
    Activity,
    Attachment,
    AttemptResult,
    CampaignChunk,
    CampaignRecipient,
    ConsentState,
    Contact,
    ContactIdentity,
    ContactSearch,
    IdempotentRequest,
    Message,
    MessageEvent,
    NumberCheck,
    OptIn,
    ProofFile,
    Receipt,
    RefusedCall,
    SendAttempt,
    WebhookEvent,
)
from conversations.models.activity import TO_PUSH, PushState
from conversations.models.attachment import AttachmentStatus
from conversations.models.campaign import ChunkStatus
from conversations.services import attachment_files

logger = logging.getLogger(__name__)
SHORTEST_ID = 6  # a shorter id of a provider would be found in calls about others
NATIONAL = 9  # the last digits of a number, which every way of writing it has
PAYLOAD_KEPT = ("recipient", "ref", "segments")
NO_CALL: dict[str, Any] = {"body": b"", "headers": {}, "summary": "", "error": "", "about": ""}
NO_RECORD = {"request_url": "", "request_body": "", "response_body": ""}


def numbers_of(contact: Contact) -> set[str]:
    """The person's numbers: the present one, and those that they gave up when contacts were merged."""
    return {contact.phone, *contact.opt_ins.values_list("phone", flat=True)}


def names_the_person(text: str, contact: Contact, phones: Iterable[str]) -> bool:
    """Does a text hold a name, an address or a number of the person?"""
    digits = "".join(letter for letter in text if letter.isdecimal())
    names = set(re.findall(r"\w\w+", f"{contact.full_name} {contact.email}".casefold()))
    return bool(names & set(re.findall(r"\w+", text.casefold()))) or any(phone[-7:] in digits for phone in phones)


# --- What was said ------------------------------------------------------------------------------------------


def erase_messages(messages: QuerySet[Message]) -> int:
    """Empty messages and all that was written about them; statuses and times stay. Returns how many."""
    ids = list(messages.values_list("pk", flat=True))
    MessageEvent.objects.filter(message__in=ids).update(reason="")
    AttemptResult.objects.filter(message__in=ids).update(text="", external_id="")
    SendAttempt.objects.filter(results__message__in=ids).update(**NO_RECORD)
    Receipt.objects.filter(message__in=ids).update(phone="", text="", external_id="", ref="")
    return Message.objects.filter(pk__in=ids).update(
        body="",
        template_values={},
        rendered={},
        media=[],
        verdict={},
        failure_text="",
        external_id="",
        client_key=None,
    )


def erase_files(found: QuerySet[Attachment], *, why: str) -> int:
    """Empty rows of files; the files themselves go when the transaction has committed. Returns how many."""
    rows = list(found.select_for_update(of=("self",)).values_list("pk", "stored_as"))
    Attachment.objects.filter(pk__in=[pk for pk, _ in rows]).update(
        status=AttachmentStatus.LOST,
        problem=why,
        filename="",
        stored_as="",
        link="",
        external_id="",
        external_until=None,
        next_try_at=None,
        size=0,
    )
    stored = [name for _, name in rows if name]
    transaction.on_commit(lambda: remove_from_disk(stored))
    return len(rows)


def remove_from_disk(stored: Iterable[str]) -> None:
    """Remove stored files; one that cannot be removed is logged, and found again as an orphan by retention."""
    for name in stored:
        try:
            attachment_files.path_of(name).unlink(missing_ok=True)
        except OSError:
            logger.exception("A file of an attachment could not be removed.")


def stop_telling(conversations: Collection[int]) -> None:
    """Nothing of these conversations is told to the other side any more."""
    waiting = Activity.objects.filter(conversation__in=conversations, push_state__in=TO_PUSH)
    waiting.update(push_state=PushState.LOCAL, push_claim=None, push_lease_until=None, push_next_at=None)


# --- Raw records --------------------------------------------------------------------------------------------


def erase_raw(contact: Contact, phones: Collection[str]) -> int:
    """Empty the calls of providers that tell of the person, and delete what was turned away. Returns how many.

    A call tells of them when it proved one of their ids, brought a report about one of their messages, or has a number
    of theirs, in any country's writing, or a provider's id of them or of their conversations, in its body.
    """
    needles = {phone.lstrip("+")[-NATIONAL:] for phone in phones}
    needles |= set(contact.identities.values_list("value", flat=True))
    needles |= set(contact.conversations.values_list("external_id", flat=True)) | {contact.email}
    needles = {one for one in needles if len(one) >= SHORTEST_ID}
    proofs = ContactIdentity.objects.filter(contact=contact).values("proof")
    reports = Receipt.objects.filter(Q(message__conversation__contact=contact) | Q(phone__in=phones))
    calls = WebhookEvent.objects.filter(
        Q(pk__in=proofs)
        | Q(pk__in=reports.values("webhook_event"))
        | Q(pk__in=_holding("conversations_webhookevent", needles))
    )
    count = calls.update(**NO_CALL)
    Receipt.objects.filter(phone__in=phones).update(phone="", text="", external_id="", ref="")
    for needle in needles:  # answers of the dialects name no conversation
        IdempotentRequest.objects.filter(body__contains=needle).delete()
    refused, _ = RefusedCall.objects.filter(pk__in=_holding("conversations_refusedcall", needles)).delete()
    contact.identities.all().delete()
    return count + refused


def _holding(table: str, needles: Collection[str]) -> list[int]:
    """The rows of a table with one of these texts in their raw body."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {table} WHERE EXISTS ("  # noqa: S608 - a name of ours
            "SELECT 1 FROM unnest(%s::bytea[]) AS needle WHERE position(needle IN body) > 0)",
            [[needle.encode() for needle in needles]],
        )
        return [pk for (pk,) in cursor.fetchall()]


# --- Campaigns ----------------------------------------------------------------------------------------------


def is_being_sent(phones: Collection[str]) -> bool:
    """Is a chunk with one of these numbers with a worker now? In a transaction: free ones stay free until its end."""
    holding = _chunks(phones)
    return any(chunk.status == ChunkStatus.SENDING for chunk in holding.select_for_update(no_key=True))


def _chunks(phones: Collection[str]) -> QuerySet[CampaignChunk]:
    listed = CampaignRecipient.objects.filter(phone__in=phones).values("campaign")
    condition = Q(pk__isnull=True)
    for phone in phones:
        condition |= Q(payload__contains=[{"phone": phone}])
    return CampaignChunk.objects.filter(condition, campaign__in=listed).order_by("pk")


def erase_lists(made_up: Mapping[str, str]) -> None:
    """Put made-up numbers in the place of these on the lists of campaigns, which keep their counts.

    What has not left yet the gate refuses: a made-up number is opted out.
    """
    for chunk in _chunks(made_up.keys()):
        chunk.payload = [_person_without(one, made_up) for one in chunk.payload]
        chunk.save(update_fields=["payload"])
    for phone, stand_in in made_up.items():
        CampaignRecipient.objects.filter(phone=phone).update(given="", phone=stand_in, fields={}, reason="")
        NumberCheck.objects.filter(phone=phone).update(phone=stand_in)


def _person_without(one: dict[str, Any], made_up: Mapping[str, str]) -> dict[str, Any]:
    if one["phone"] not in made_up:
        return one
    return {**{name: one[name] for name in PAYLOAD_KEPT if name in one}, "phone": made_up[one["phone"]], "body": ""}


# --- Permission ---------------------------------------------------------------------------------------------


def erase_permission(contact: Contact, phones: Collection[str], made_up: str) -> None:
    """Keep what was decided and when, without the number, the words and the proof that were only theirs."""
    ConsentState.objects.filter(phone__in=phones).delete()
    ledger = OptIn.objects.filter(contact=contact)
    proofs = set(ledger.exclude(evidence_file=None).values_list("evidence_file", flat=True))
    shared = OptIn.objects.filter(evidence_file__in=proofs).exclude(contact=contact).values("evidence_file")
    ProofFile.objects.filter(pk__in=proofs).exclude(pk__in=shared).update(name="Erased", content=b"")
    ledger.update(phone=made_up, wording="", evidence="")


def forget_words(contact: Contact) -> None:
    """Nobody finds the contact by words or digits any more."""
    ContactSearch.objects.filter(contact=contact).delete()
