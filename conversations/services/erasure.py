"""Erasing one person: everything that says who they are or what was said goes; that nobody writes to them stays.

What is left are rows without content, so that counts and histories still add up: a contact called "Erased person"
under a made-up number, conversations that are archived, messages with their status and times. The number itself
lives on as a keyed hash alone (models/erasure.py). Nobody can undo this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pgtrigger
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from conversations import live
from conversations.models import (
    Activity,
    Attachment,
    Contact,
    Conversation,
    Draft,
    Drift,
    ErasedNumber,
    IdempotentRequest,
    Message,
    OptIn,
    ProviderSession,
    SavedFilter,
    User,
)
from conversations.models.audit import AuditAction
from conversations.models.conversation import ConversationStatus
from conversations.models.message import CANCELLABLE, MessageStatus
from conversations.models.mirror import ERASED_HERE
from conversations.services import audit, consent, erased_records, lifecycle

TRIGGERS_PASSED = (
    "conversations.Message:message_content",
    "conversations.Contact:contact_number",
    "conversations.OptIn:opt_in_stands",
    "conversations.ProofFile:proof_file_stands",
)
"""Named one by one: the triggers that keep search, lists and counts have to run."""

LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took: numbers of rows, for the person who asked and for the audit."""

    conversations: int
    messages: int
    cancelled: int
    files: int
    raw_records: int


def made_up_numbers(contact: Contact, phones: Collection[str]) -> dict[str, str]:
    """What stands for each number of an erased contact: of +999, which the ITU has given to nobody."""
    others = sorted(set(phones) - {contact.phone})
    return {phone: f"+999{place % 10}{contact.pk:011}" for place, phone in enumerate([contact.phone, *others])}


def hindrance(contact: Contact) -> str:
    """Why this person cannot be erased at this moment; empty when nothing stands in the way.

    In a transaction of the caller's it stays so until its end.
    """
    if contact.erased_at is not None:
        return "The data of this person is erased already."
    sending = Message.objects.filter(conversation__contact=contact, status=MessageStatus.SENDING)
    with transaction.atomic():
        if sending.exists() or erased_records.is_being_sent(erased_records.numbers_of(contact)):
            return "A message to this person is being sent at this moment. Try again in a minute."
    return ""


def erase(contact: Contact, *, reason: str, actor: User | None, request: HttpRequest | None = None) -> Erased:
    """Erase everything about a contact, in one transaction; the files on disk go when it has committed.

    `reason` is kept in the audit, so it must not say who the person is. Raises ValidationError (`reason_missing`,
    `names_the_person`, `not_now`, with the reason of `hindrance`); then nothing has changed.
    """
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise ValidationError("Write down why, such as: asked for it by letter.", code="reason_missing")
    with transaction.atomic(), pgtrigger.ignore(*TRIGGERS_PASSED):
        contact = Contact.objects.select_for_update().get(pk=contact.pk)
        phones = erased_records.numbers_of(contact)
        if erased_records.names_the_person(reason, contact, phones):
            raise ValidationError(
                "The reason stays in the audit: leave names and numbers out of it.", code="names_the_person"
            )
        for phone in sorted(phones):
            consent.number_lock(phone)
        if problem := hindrance(contact):
            raise ValidationError(problem, code="not_now")
        told = _erase(contact, phones, actor)
        audit.record(
            AuditAction.ERASED,
            actor=actor,
            subject=contact,
            summary=f"{told.conversations} conversations, {told.messages} messages, {told.files} files. {reason}",
            request=request,
        )
    return told


def _erase(contact: Contact, phones: Collection[str], actor: User | None) -> Erased:
    made_up = made_up_numbers(contact, phones)
    conversations = list(contact.conversations.order_by("pk"))
    messages = Message.objects.filter(conversation__in=conversations)
    cancelled = lifecycle.move(
        messages.filter(status__in=CANCELLABLE),
        MessageStatus.CANCELLED,
        come_from=CANCELLABLE,
        actor=actor,
        reason="The customer's data was erased",
    )
    # Raw records are found through what the next steps empty.
    raw = erased_records.erase_raw(contact, phones)
    files = _erase_files(messages)
    count = erased_records.erase_messages(messages)
    erased_records.erase_lists(made_up)
    _erase_conversations(conversations)
    erased_records.erase_permission(contact, phones, made_up[contact.phone])
    _erase_traces(contact, conversations, messages, phones)
    # The made-up numbers are remembered too: their opt-outs come with them, and nothing can be queued for them.
    ErasedNumber.objects.remember([*made_up.keys(), *made_up.values()])
    contact.phone, contact.erased_at = made_up[contact.phone], timezone.now()
    contact.first_name = contact.last_name = contact.email = contact.language = contact.time_zone = ""
    contact.record = ""
    contact.save()
    erased_records.forget_words(contact)
    for one in conversations:
        live.publish(stream_id=one.stream_id, kind="conversation", conversation_id=one.pk)
    return Erased(len(conversations), count, len(cancelled), files, raw)


def _erase_files(messages: QuerySet[Message]) -> int:
    """What the person sent, and what was uploaded for them alone."""
    sent = {
        str(one["attachment"])
        for media in messages.values_list("media", flat=True)
        for one in media
        if one.get("attachment")
    }
    shared = {
        ref
        for ref in sent
        if Message.objects.filter(media__contains=[{"attachment": ref}]).exclude(pk__in=messages.values("pk")).exists()
    }
    found = Attachment.objects.filter(Q(message__in=messages.values("pk")) | Q(ref__in=sent - shared))
    return erased_records.erase_files(found, why="Erased with the data of the customer.")


def _erase_conversations(conversations: Collection[Conversation]) -> None:
    ids = [one.pk for one in conversations]
    for model in (Draft, Drift, IdempotentRequest, ProviderSession):
        model.objects.filter(conversation__in=ids).delete()
    Activity.objects.filter(conversation__in=ids).update(text="", data={}, external_id="", push_text="")
    erased_records.stop_telling(ids)
    for one in conversations:
        one.mirrors.update(content={}, problem=ERASED_HERE, external_agent="", fingerprint="")
        one.indicators.update(title="Erased", link="", key=f"erased-{one.pk}", removed_at=timezone.now())
    Conversation.objects.filter(pk__in=ids).update(
        status=ConversationStatus.ARCHIVED,
        external_id="",
        last_message_preview="",
        unread_count=0,
        snoozed_until=None,
        waiting_since=None,
        window_closes_at=None,
        resolved_at=timezone.now(),
    )


def _erase_traces(
    contact: Contact, conversations: Collection[Conversation], messages: QuerySet[Message], phones: Collection[str]
) -> None:
    """What the administration, searches and sessions remember of the person."""
    _blank_log(Contact, [contact.pk])
    _blank_log(Conversation, [one.pk for one in conversations])
    _blank_log(Message, list(messages.values_list("pk", flat=True)))
    _blank_log(OptIn, list(contact.opt_ins.values_list("pk", flat=True)))
    for phone in phones:
        SavedFilter.objects.filter(words__contains=phone.lstrip("+")).delete()
        IdempotentRequest.objects.filter(body__contains=phone).delete()
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator(chunk_size=500):
        kept = session.get_decoded()
        if (kept.get("merge") or {}).get("kept") == contact.pk:
            del kept["merge"]
            session.session_data = Session.objects.encode(kept)
            session.save(update_fields=["session_data"])


def _blank_log(model: type[Model], ids: Iterable[int]) -> None:
    kind = ContentType.objects.get_for_model(model)
    LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in ids]).update(
        object_repr="Erased", change_message=""
    )
