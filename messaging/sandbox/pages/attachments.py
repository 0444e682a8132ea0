"""Photos that a virtual phone sends: one from this computer, or the sandbox's own sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile

LARGEST_PHOTO = 5 * 1024 * 1024  # bytes; WhatsApp takes images of up to 5 MB
_SAMPLE = Path(__file__).resolve().parent.parent / "static" / "sandbox" / "photo.png"
_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}

Media = dict[str, Any]


def sample_photo() -> Media:
    """The photo behind "Send a photo"."""
    return {"filename": "photo.png", "content_type": "image/png", "data": _SAMPLE.read_bytes()}


def attached_photo(upload: UploadedFile | None) -> Media | None:
    """A chosen photo as `network.reply_as_customer` wants it, None when none was chosen.

    The type is read from its first bytes. Raises ValueError for a file that WhatsApp would not take.
    """
    if upload is None:
        return None
    if (upload.size or 0) > LARGEST_PHOTO:
        raise ValueError(f"Choose a smaller photo: {upload.name} is over 5 MB, and WhatsApp takes no more.")
    data = upload.read()
    kind = next((kind for beginning, kind in _BEGINNINGS.items() if data.startswith(beginning)), None)
    if kind is None:
        raise ValueError(f"Choose a JPEG or PNG photo: {upload.name} is neither.")
    return {"filename": upload.name, "content_type": kind, "data": data}
