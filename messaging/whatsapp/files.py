"""What a file is, by its first bytes: names and declared types are what somebody says.

Types are those of `rules.MEDIA_LIMITS`; the beginnings come from their specifications (JFIF, PNG, ISO 14496-12,
RFC 3533, RFC 4867, ISO 32000, ECMA-376, MS-CFB).
"""

from __future__ import annotations

import io
import struct
import zipfile

from messaging.whatsapp.rules import MEDIA_LIMITS, Problem, check_media

MOST_PIXELS = 50_000_000
"""A picture of more pixels fills the memory of whoever opens it, however small its file is."""

UNPACKED_TIMES, UNPACKED_BYTES = 100, 100_000_000
"""An archive that comes to more than both, so many times its own size and so many bytes, is there to fill a disk."""

_BEGINNINGS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
)
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OFFICE_PARTS = {
    "word/": _OFFICE + "wordprocessingml.document",
    "xl/": _OFFICE + "spreadsheetml.sheet",
    "ppt/": _OFFICE + "presentationml.presentation",
}
_OLD_OFFICE = {
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
}
_OLD_OFFICE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def content_type_of(content: bytes, filename: str = "") -> str:
    """Return the content type of a whole file, empty for one that WhatsApp does not carry.

    The name decides only where the bytes cannot: between the old formats of Office, and for plain text.
    """
    for beginning, found in _BEGINNINGS:
        if content.startswith(beginning):
            return found
    if len(content) > 1 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2:  # MPEG 1 or 2, layer III
        return "audio/mpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        return _of_iso_brand(content[8:12])
    suffix = filename[filename.rfind(".") :].lower() if "." in filename else ""
    if content.startswith(_OLD_OFFICE_START):
        return _OLD_OFFICE.get(suffix, "")
    if content.startswith(b"PK\x03\x04"):
        return _of_archive(content)
    return "text/plain" if suffix == ".txt" and _is_text(content) else ""


def _of_iso_brand(brand: bytes) -> str:
    if brand.startswith(b"3g"):
        return "video/3gpp"
    return "audio/mp4" if brand.startswith(b"M4A") else "video/mp4"


def _of_archive(content: bytes) -> str:
    """A document of Office is an archive with its own folders; only its list of names and sizes is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError):
        return ""
    if unpacked > max(UNPACKED_BYTES, UNPACKED_TIMES * len(content)):
        return ""
    if "[Content_Types].xml" not in names or any("vbaProject" in name for name in names):
        return ""
    return next((found for part, found in _OFFICE_PARTS.items() if any(name.startswith(part) for name in names)), "")


def _is_text(content: bytes) -> bool:
    try:
        return "\x00" not in content.decode()
    except UnicodeDecodeError:
        return False


def kind_of(content_type: str) -> str:
    """Return the kind of media (a key of MEDIA_LIMITS) that has this content type, empty when none has."""
    return next((kind for kind, (types, _) in MEDIA_LIMITS.items() if content_type in types), "")


def check_file(kind: str, content: bytes, filename: str) -> Problem | None:
    """Return what is wrong with sending this file as `kind`, or None."""
    content_type = content_type_of(content, filename)
    if content and not content_type:
        return Problem(
            "content_type", "unknown_type", "WhatsApp carries no files like this one, whatever it is called."
        )
    if problem := check_media(kind, content_type, len(content)):
        return problem
    width, height = size_in_pixels(content, content_type)
    if width * height > MOST_PIXELS:
        return Problem("size", "too_many_pixels", f"This picture has {width:,} by {height:,} pixels. Make it smaller.")
    return None


def size_in_pixels(content: bytes, content_type: str) -> tuple[int, int]:
    """Return width and height as a picture's own head gives them, zeros where it gives none."""
    if content_type == "image/png" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    if content_type == "image/webp" and content[12:16] == b"VP8X" and len(content) >= 30:
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    return _size_of_jpeg(content) if content_type == "image/jpeg" else (0, 0)


def _size_of_jpeg(content: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame: its head holds the size
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return 0, 0
