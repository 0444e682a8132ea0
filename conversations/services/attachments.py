"""Files: what customers send is fetched from the provider, what we send is given to it and has an id there."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations import live, queue
from conversations.models import Attachment, Message, Stream, User
from conversations.models.attachment import AttachmentStatus
from conversations.models.message import Kind
from conversations.permissions import may_send_on
from conversations.services import accounts, attachment_files
from messaging.errors import ConfigurationError, ProviderError
from messaging.whatsapp import MEDIA_LIMITS, check_file, content_type_of, kind_of

logger = logging.getLogger(__name__)

LARGEST_FETCHED = 16 * 1024 * 1024
GOOD_FOR = timedelta(days=30)  # Meta's "Media" page: an uploaded file is kept for 30 days
MARGIN = timedelta(hours=1)  # what waits in a queue may leave a little later
MOST_TRIES = 6
FIRST_PAUSE = timedelta(seconds=20)
AT_ONCE = 20
LONGEST_NAME = 200


def keep_upload(*, stream: Stream, kind: str, filename: str, content: bytes, uploaded_by: User | None) -> Attachment:
    """Check a file that somebody wants to send as `kind`, keep it, and give it to the provider.

    Raises ValidationError (`not_allowed`, `media_not_carried`, the codes of check_file, or the provider's) with the
    reason; then nothing is kept.
    """
    if uploaded_by is not None and not may_send_on(uploaded_by, stream):
        raise ValidationError(
            f"You can read {stream.name} but not send from it. Ask a supervisor for access.", code="not_allowed"
        )
    if kind not in stream.limits(Kind.TEMPLATE).media_kinds:
        raise ValidationError(f"{stream.account.provider_label} takes no {kind} here.", code="media_not_carried")
    if problem := check_file(kind, content, filename):
        raise ValidationError(problem.sentence, code=problem.code)
    attachment = Attachment(
        stream=stream,
        kind=kind,
        content_type=content_type_of(content, filename),
        filename=_plain_name(filename),
        size=len(content),
        status=AttachmentStatus.KEPT,
        uploaded_by=uploaded_by,
    )
    _give_to_provider(attachment, content)
    attachment.stored_as = attachment_files.store(content)
    attachment.save()
    return attachment


def as_media(attachment: Attachment) -> dict[str, str]:
    """An uploaded file as queue_template takes it."""
    return {
        "kind": attachment.kind,
        "external_id": attachment.external_id,
        "filename": attachment.filename,
        "attachment": str(attachment.ref),
    }


def usable_media(media: Mapping[str, str] | None, *, stream: Stream, at: datetime) -> dict[str, str] | None:
    """The header's file with an id that is good at a time: one that we keep is given to the provider again.

    Ids that we know nothing of stay as they are. Raises ValidationError (`media_expired`) for an id that will have
    ended by then and cannot be renewed.
    """
    if not media:
        return None
    known = Attachment.objects.filter(stream=stream)
    if ref := media.get("attachment"):
        found = known.filter(ref=ref).first()
    else:
        found = known.filter(external_id=media["external_id"]).first() if media.get("external_id") else None
    if found is None or found.external_until is None:
        return dict(media)
    now = timezone.now()
    if found.external_until <= max(at, now) + MARGIN:
        if now + GOOD_FOR <= at + MARGIN:
            raise ValidationError(
                f"WhatsApp keeps a file for {GOOD_FOR.days} days. Choose an earlier time, or a link to the file.",
                code="media_expired",
            )
        _renew(found)
    return {**media, "external_id": found.external_id}


def _renew(attachment: Attachment) -> None:
    try:
        content = attachment_files.read(attachment.stored_as)
    except (OSError, ValueError) as error:
        raise ValidationError(
            "WhatsApp keeps a file for 30 days, and this one is older. Upload it again.", code="media_expired"
        ) from error
    _give_to_provider(attachment, content)
    # Its row has none any more where it was erased while the provider took it.
    Attachment.objects.filter(pk=attachment.pk, stored_as=attachment.stored_as).update(
        external_id=attachment.external_id, external_until=attachment.external_until
    )


def _give_to_provider(attachment: Attachment, content: bytes) -> None:
    uploaded = accounts.upload_media(
        stream=attachment.stream,
        filename=attachment.filename or attachment.kind,
        content=content,
        content_type=attachment.content_type,
    )
    attachment.external_id = uploaded.external_id
    attachment.external_until = timezone.now() + GOOD_FOR


def expect(message: Message) -> None:
    """Have the files of a customer's message fetched, now or as soon as the provider gives them."""
    rows = Attachment.objects.bulk_create(
        Attachment(
            stream=message.stream,
            message=message,
            position=position,
            kind=one["kind"][:10],
            filename=_plain_name(one.get("filename", "")),
            link=one["link"],
            next_try_at=timezone.now(),
        )
        for position, one in enumerate(message.media)
        if one.get("link") and len(one["link"]) <= 2000
    )
    if rows:
        ids = [row.pk for row in rows]
        transaction.on_commit(lambda: queue.hint("fetch_files", ids, queue=queue.DEFAULT))


def sweep(at: datetime) -> None:
    """Wake a worker for the files whose job was lost, or that the provider did not give at first."""
    late = Attachment.objects.filter(status=AttachmentStatus.WAITING, next_try_at__lte=at - FIRST_PAUSE)
    ids = list(late.order_by("next_try_at").values_list("pk", flat=True)[:AT_ONCE])
    for pk in ids:
        queue.hint("fetch_files", [pk], queue=queue.DEFAULT)


def fetch_files(ids: Sequence[int]) -> None:
    """Get each of these files from the provider's own hosts, and keep what WhatsApp carries."""
    for pk in ids:
        with transaction.atomic():
            rows = Attachment.objects.select_for_update(of=("self",), skip_locked=True)
            waiting = rows.filter(pk=pk, status=AttachmentStatus.WAITING).select_related("stream__account").first()
            if waiting is None:
                continue
            # The next try is set before this one begins: a worker that dies leaves it to the next.
            waiting.tries += 1
            waiting.next_try_at = timezone.now() + FIRST_PAUSE * 2**waiting.tries
            waiting.save(update_fields=["tries", "next_try_at"])
        _fetch(waiting)


def _fetch(attachment: Attachment) -> None:
    provider = accounts.provider_for(attachment.stream.account)
    try:
        answer = provider.fetch_media(attachment.link, largest=LARGEST_FETCHED)
    except ConfigurationError:
        _settle(attachment, AttachmentStatus.REFUSED, "It does not lie with the provider, so it was not fetched.")
    except ProviderError as error:
        if error.code == "answer_too_large":
            _settle(attachment, AttachmentStatus.REFUSED, f"It has more than {LARGEST_FETCHED // 1024**2} MB.")
        else:
            _give_up_or_wait(attachment)
    else:
        if answer.status == 200:
            _keep(attachment, answer.body)
        elif answer.status in (404, 410):
            _settle(attachment, AttachmentStatus.LOST, "The provider does not have it any more.")
        else:
            _give_up_or_wait(attachment)


def _keep(attachment: Attachment, content: bytes) -> None:
    content_type = content_type_of(content, attachment.filename)
    kind = kind_of(content_type)
    if not kind or len(content) > MEDIA_LIMITS[kind][1]:
        _settle(attachment, AttachmentStatus.REFUSED, "It is of a kind that WhatsApp does not carry.")
    elif check_file(kind, content, attachment.filename):
        _settle(attachment, AttachmentStatus.REFUSED, "It would take too much memory to show.")
    else:
        stored_as = attachment_files.store(content)
        kept = {"stored_as": stored_as, "kind": kind, "content_type": content_type, "size": len(content)}
        if not _settle(attachment, AttachmentStatus.KEPT, "", **kept):
            attachment_files.path_of(stored_as).unlink()


def _give_up_or_wait(attachment: Attachment) -> None:
    if attachment.tries >= MOST_TRIES:
        _settle(attachment, AttachmentStatus.LOST, "The provider did not give it.")


def _settle(attachment: Attachment, status: str, problem: str, **kept: Any) -> bool:
    """Write down what became of a file; False when it is awaited no more, say because the person was erased."""
    waiting = Attachment.objects.filter(pk=attachment.pk, status=AttachmentStatus.WAITING)
    if not waiting.update(status=status, problem=problem, next_try_at=None, **kept):
        return False
    message = attachment.message
    if message is not None:
        live.publish(
            stream_id=message.stream_id, kind="status", conversation_id=message.conversation_id, message=message.pk
        )
    return True


def _plain_name(filename: str) -> str:
    """The last part of a name, without what no name may hold."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:LONGEST_NAME]


def described(attachment: Attachment) -> dict[str, Any]:
    """What a page says of a file that was just uploaded."""
    return {"ref": str(attachment.ref), "name": attachment.filename, "size": attachment.size, "kind": attachment.kind}
