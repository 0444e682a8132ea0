"""Files that prove a decision: checked by what they are, kept in the ledger's own table, given out as attachments."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from conversations.models import ProofFile, User
from messaging.whatsapp.files import MOST_PIXELS, size_in_pixels

LARGEST = 1_500_000  # bytes; a whole request may have 2 MB
LONGEST_NAME = 200

# What a file begins with, by the end of its name.
_BEGINNINGS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "txt": ("text/plain", ()),
    "eml": ("text/plain", ()),
}


def checked(given: UploadedFile) -> tuple[str, str, bytes]:
    """The name, the type and the content of a file. Raises ValidationError for what is none of the kinds we keep."""
    name = (given.name or "").rpartition("/")[2][-LONGEST_NAME:]
    ending = name.rpartition(".")[2].lower()
    content = given.read() if given.size is not None and given.size <= LARGEST else b""
    if given.size is not None and given.size > LARGEST:
        raise ValidationError("The file is larger than 1.5 MB. Scan it smaller, or enter a link.", code="too_large")
    if not content:
        raise ValidationError("The file is empty. Choose another one.", code="empty_file")
    if ending not in _BEGINNINGS:
        raise ValidationError("Choose a PDF, a PNG or JPEG picture, or a text file.", code="wrong_type")
    content_type, beginnings = _BEGINNINGS[ending]
    is_text = not beginnings and b"\x00" not in content
    if not (is_text or content.startswith(beginnings or b"\x00")):
        raise ValidationError(f"This is no {ending.upper()} file, whatever its name says.", code="wrong_type")
    width, height = size_in_pixels(content, content_type)
    if width * height > MOST_PIXELS:
        raise ValidationError(f"This picture has {width:,} by {height:,} pixels. Scan it smaller.", code="too_large")
    return name, content_type, content


def keep(given: tuple[str, str, bytes], *, added_by: User) -> ProofFile:
    """Store a file that was checked."""
    name, content_type, content = given
    return ProofFile.objects.create(name=name, content_type=content_type, content=content, added_by=added_by)
