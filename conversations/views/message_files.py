"""The files of messages as the timeline shows them: a picture, something to play, or a name to keep it by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db.models import Q
from django.urls import reverse

from conversations.models import Attachment, Message
from conversations.models.attachment import AttachmentStatus

_PROBLEMS = {
    AttachmentStatus.WAITING: "It is being fetched from the provider.",
    AttachmentStatus.REFUSED: "Not kept.",
    AttachmentStatus.LOST: "Not here.",
}


class File(NamedTuple):
    """One file: `shown` is image, video or audio where a page may show it; `note` says why it is not here.

    `link` is where somebody else keeps one that is not ours.
    """

    kind: str
    filename: str
    address: str = ""
    shown: str = ""
    size: int = 0
    note: str = ""
    link: str = ""


class Files:
    """What is kept of the files of some messages, asked in one query, and in none where no message has a file."""

    def __init__(self, messages: Iterable[Message]) -> None:
        with_files = [message for message in messages if message.media]
        refs = [one["attachment"] for message in with_files for one in message.media if one.get("attachment")]
        found = Attachment.objects.filter(Q(message__in=with_files) | Q(ref__in=refs)).order_by() if with_files else ()
        self._by_place: dict[tuple[int | None, int], Attachment] = {}
        self._by_ref: dict[str, Attachment] = {}
        for one in found:
            self._by_place[one.message_id, one.position] = one
            self._by_ref[str(one.ref)] = one

    def of(self, message: Message) -> tuple[File, ...]:
        """The files of a message, in its order."""
        return tuple(self._file(message, position, one) for position, one in enumerate(message.media))

    def _file(self, message: Message, position: int, one: Mapping[str, str]) -> File:
        kind, name = one.get("kind", ""), one.get("filename", "")
        kept = self._by_ref.get(one.get("attachment", "")) or self._by_place.get((message.pk, position))
        if kept is None:
            return File(kind, name, link=one.get("link", ""))
        if kept.status != AttachmentStatus.KEPT:
            note = " ".join(part for part in (_PROBLEMS[AttachmentStatus(kept.status)], kept.problem) if part)
            return File(kept.kind, name, note=note)
        main = kept.content_type.partition("/")[0] if kept.is_shown_in_pages else ""
        return File(kept.kind, name or kept.filename, reverse("file", args=[kept.ref]), main, kept.size)
