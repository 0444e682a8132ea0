"""`upload_media`: give a file to the provider, for the header of WhatsApp templates."""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand, whatsapp_stream_named
from conversations.models import Stream
from conversations.models.message import Kind
from conversations.services import attachments
from messaging.whatsapp import check_media


class Command(ConsoleCommand):
    """Checks a file against WhatsApp's limits, uploads it and prints its id."""

    help = (
        "Upload a file and print the id that send_template --media-id takes. The id is good for 30 days. "
        "Exit code 0: the provider keeps the file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stream", required=True, help="The name of the WhatsApp stream.")
        parser.add_argument("file", metavar="FILE", help="An image, a video or a document.")
        parser.add_argument("--json", action="store_true", help="Print the id and the file's name as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        stream = whatsapp_stream_named(options["stream"])
        path = Path(options["file"])
        content_type = mimetypes.guess_type(path.name)[0] or ""
        try:
            _check(path, content_type, path.stat().st_size, stream)
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        kept = attachments.keep_upload(
            stream=stream, kind=_kind(content_type), filename=path.name, content=content, uploaded_by=None
        )
        if options["json"]:
            self.stdout.write(json.dumps({"id": kept.external_id, "filename": kept.filename}))
        else:
            self.stdout.write(kept.external_id)


def _check(path: Path, content_type: str, size: int, stream: Stream) -> None:
    if not path.is_file():
        raise CommandError(f"{path} is not a file.")
    kind = _kind(content_type)
    carried = sorted(stream.limits(Kind.TEMPLATE).media_kinds)
    if kind not in carried:
        offer = f"It takes: {', '.join(carried)}." if carried else "It takes no files."
        raise CommandError(f"{stream.account.provider_label} takes no {kind} for templates. {offer}")
    if problem := check_media(kind, content_type or "unknown type", size):
        raise CommandError(problem.sentence)


def _kind(content_type: str) -> str:
    kind = content_type.partition("/")[0]
    return kind if kind in ("image", "video", "audio") else "document"
