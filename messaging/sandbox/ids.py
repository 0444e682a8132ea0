"""Ids that look like each provider's own, so that nothing in the product can come to rely on short or tidy ones."""

from __future__ import annotations

import base64
import secrets
import uuid
from datetime import datetime

from django.db.models import Max
from django.utils import timezone

from .models import CirrusChild, CirrusObject

MOST = 10**18  # a row holds no number of more digits
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KSUID_EPOCH = 1_400_000_000  # seconds; the KSUID format counts from here
_FIRST_OBJECT = (5 << 48) + 319_338  # real ones look like 1407374883872618
_FIRST_CHILD = 2_099_752


def id_in(value: object) -> int:
    """The id that a number or its digits say; 0, which no row has, for anything else."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len(str(MOST)) else 0


def ksuid(prefix: str, at: datetime | None = None) -> str:
    """`prefix` + a KSUID: 4 bytes of time and 16 random ones in 27 base-62 characters.

    Webex's ids are such: `aps_` request, `tid_` transaction, `evt_` event, `cid_` automatic correlation, `num_`
    number, `ssd_` sender, `stp_` template.
    """
    seconds = int((at or timezone.now()).timestamp()) - _KSUID_EPOCH
    number = int.from_bytes(seconds.to_bytes(4, "big") + secrets.token_bytes(16), "big")
    digits = []
    for _ in range(27):
        number, rest = divmod(number, 62)
        digits.append(_BASE62[rest])
    return prefix + "".join(reversed(digits))


def whatsapp_id(phone: str) -> str:
    """A WhatsApp message id as Cirrus prints it (`gBEGlyVGZjUpAgmyuqAHfxbHmnQ`).

    It is base64 without padding of 80 11, the length of the number, the number as decimal nibbles, 02 09 and nine
    random bytes; read off the documented example, whose nibbles are its recipient's number.
    """
    digits = phone.lstrip("+")
    number = bytes.fromhex(digits + "f" * (len(digits) % 2))
    raw = bytes([0x80, 0x11, len(number)]) + number + b"\x02\x09" + secrets.token_bytes(9)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def event_uuid(at: datetime) -> str:
    """A random id for an event of a provider that names its events by UUID, in which the time has no place."""
    return str(uuid.uuid4())


def next_object_id() -> int:
    """The next Cirrus object id; call while holding `database.writing()`."""
    return (CirrusObject.objects.aggregate(last=Max("object_id"))["last"] or _FIRST_OBJECT) + 1


def next_child_id() -> int:
    """The next Cirrus child id; call while holding `database.writing()`."""
    return (CirrusChild.objects.aggregate(last=Max("child_id"))["last"] or _FIRST_CHILD) + 1


def media_id() -> str:
    """A 15-digit media id, as WhatsApp's."""
    return str(secrets.randbelow(9 * 10**14) + 10**14)
