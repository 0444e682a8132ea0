"""Files: given to us to send in the header of a template, and those that customers sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query
from pydantic import BaseModel, Field

from conversations.api.door import user_of
from conversations.api.errors import Refused
from conversations.api.fields import Id
from conversations.api.operations import Resource
from conversations.models import Attachment, Stream
from conversations.models.api_key import ApiScope
from conversations.models.attachment import AttachmentStatus
from conversations.services import attachment_files, attachments

LARGEST = 2 * 1024 * 1024  # of a request of the API as a whole (config/asgi.py)
router = Resource(tags=["Media"])


class File(BaseModel):
    """One file."""

    ref: UUID = Field(description="Its name here, as `attachment` in the media of a template or a campaign.")
    stream: int
    message: int | None = Field(description="The customer's message that it came with.")
    kind: str
    content_type: str
    filename: str
    size: int = Field(description="Bytes.")
    status: str = Field(description="kept, or why it is not here: waiting, refused, lost")

    @classmethod
    def of(cls, row: Attachment) -> File:
        """One row."""
        names = ("ref", "kind", "content_type", "filename", "size", "status")
        return cls(stream=row.stream_id, message=row.message_id, **{name: getattr(row, name) for name in names})


class Upload(BaseModel):
    """What the body is."""

    stream: Id
    kind: Literal["image", "video", "document"]
    filename: str = Field(min_length=1, max_length=200)


@router.operation("POST", "/media", scope=ApiScope.SEND, answer=File, status=201, largest_body=LARGEST, waits=True)
def upload_media(request: HttpRequest, asked: Annotated[Upload, Query()]) -> File:
    """Give a file to be sent in a template's header.

    The body is the file itself, of 2 MB at most; stream, kind and filename stand in the address. It is checked by
    what is in it, and given to the provider at once.
    """
    user = user_of(request)
    stream = Stream.objects.visible_to(user).select_related("account").filter(pk=asked.stream).first()
    if stream is None:
        raise Refused(404, "not_found", f"There is no stream {asked.stream} that this key may see.", "stream")
    kept = attachments.keep_upload(
        stream=stream, kind=asked.kind, filename=asked.filename, content=request.body, uploaded_by=user
    )
    return File.of(kept)


@router.operation("GET", "/media/{uuid:ref}", scope=ApiScope.READ, answer=File)
def read_media(request: HttpRequest, ref: UUID) -> File:
    """What a file is. Its content is at `content` below this address."""
    return File.of(_visible(request, ref))


@router.operation("GET", "/media/{uuid:ref}/content", scope=ApiScope.READ, answer=Any)
def download_media(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The file itself, as application/octet-stream: its type is what it was found to be, in what describes it."""
    found = _visible(request, ref)
    if found.status != AttachmentStatus.KEPT:
        raise Http404("The file is not here.")
    try:
        content = attachment_files.read(found.stored_as)
    except (OSError, ValueError) as error:
        raise Http404("The file is not here.") from error
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type="application/octet-stream", headers=headers)


def _visible(request: HttpRequest, ref: UUID) -> Attachment:
    return get_object_or_404(Attachment.objects.visible_to(user_of(request)), ref=ref)
