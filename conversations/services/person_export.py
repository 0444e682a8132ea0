"""Everything that is kept about one person, for the person: a ZIP file of JSON and of the files they sent or got."""

from __future__ import annotations

import json
import logging
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q
from django.http import HttpRequest

from conversations.models import (
    Attachment,
    CampaignRecipient,
    Contact,
    ConversationTag,
    Indicator,
    NumberCheck,
    OptIn,
    ProofFile,
    User,
)
from conversations.models.audit import AuditAction
from conversations.services import attachment_files, audit
from conversations.services.erased_records import numbers_of
from conversations.services.transcript import as_json, transcript_of

logger = logging.getLogger(__name__)

IN_MEMORY = 8 * 1024 * 1024  # bytes; what is larger is written to a temporary file
ABOUT = (
    "person.json: who the person is, and what is known of permission, lists of campaigns and number checks.\n"
    "conversations/: one file each, with every message, remark and step.\n"
    "files/: what was sent and received. proofs/: what proves a permission.\n"
    "Times are in UTC.\n"
)


def written(contact: Contact, *, actor: User | None, request: HttpRequest | None = None) -> IO[bytes]:
    """The ZIP file, open at its beginning; a large one lies on the disk without a name until it is closed.

    Everything on every stream is in it, whoever asks, so whoever calls must ask for the right to.
    """
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 whoever reads it closes it
    try:
        _write(file, contact)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    audit.record(
        AuditAction.EXPORTED, actor=actor, subject=contact, summary="Everything about one person.", request=request
    )
    return file


def _write(file: IO[bytes], contact: Contact) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", ABOUT)
        archive.writestr("person.json", _json(_person(contact)))
        for conversation in contact.conversations.select_related("stream__account", "contact").order_by("pk"):
            told = as_json(transcript_of(conversation, with_remarks=True))
            archive.writestr(f"conversations/{conversation.pk}.json", told)
        for name, content in _files(contact):
            archive.writestr(name, content)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)


def _person(contact: Contact) -> dict[str, Any]:
    phones = numbers_of(contact)
    return {
        "phone": contact.phone,
        "former_phones": sorted(phones - {contact.phone}),
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "language": contact.language,
        "time_zone": contact.time_zone,
        "customer_record": contact.record,
        "known_since": contact.created_at,
        "known_to_providers_as": [
            {"account": one.account.name, "kind": one.kind, "value": one.value, "since": one.first_seen_at}
            for one in contact.identities.select_related("account").order_by("pk")
        ],
        "permission": [_decision(one) for one in contact.opt_ins.select_related("stream").order_by("pk")],
        "campaigns": [
            {"campaign": one.campaign.name, "phone": one.phone, "fields": one.fields, "verdict": one.verdict}
            for one in CampaignRecipient.objects.filter(phone__in=phones).select_related("campaign").order_by("pk")
        ],
        "tags": list(
            ConversationTag.objects.filter(conversation__contact=contact)
            .order_by("pk")
            .values("conversation", "tag__name")
        ),
        "indicators": list(
            Indicator.objects.filter(conversation__contact=contact)
            .order_by("pk")
            .values("conversation", "title", "link", "created_at", "removed_at")
        ),
        "number_checks": [
            {"at": one.created_at, "on_whatsapp": one.on_whatsapp}
            for one in NumberCheck.objects.filter(phone__in=phones).order_by("pk")
        ],
    }


def _decision(entry: OptIn) -> dict[str, Any]:
    return {
        "at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "phone": entry.phone,
        "channel": entry.channel,
        "event": entry.event,
        "purpose": entry.purpose or "every purpose",
        "scope": entry.scope,
        "stream": entry.stream.name if entry.stream else "",
        "business": entry.business_name,
        "source": entry.source,
        "wording": entry.wording,
        "evidence": entry.evidence,
    }


def _files(contact: Contact) -> Iterator[tuple[str, bytes]]:
    """Names inside of the archive, and contents. A file that is gone from the disk is left out, and logged."""
    of_messages = Attachment.objects.filter(~Q(stored_as=""), message__conversation__contact=contact)
    for one in of_messages.order_by("pk"):
        try:
            yield f"files/{one.pk}-{_safe(one.filename or one.kind)}", attachment_files.read(one.stored_as)
        except OSError:
            logger.warning("The file of attachment %s is not on the disk.", one.pk)
    for proof in ProofFile.objects.filter(opt_ins__contact=contact).distinct().order_by("pk"):
        yield f"proofs/{proof.pk}-{_safe(proof.name)}", bytes(proof.content)


def _safe(name: str) -> str:
    """A name that stays in its folder on every system."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(letter if letter.isalnum() or letter in " ._-" else "_" for letter in last)[:120] or "file"
