"""WhatsApp's numbers and words: languages, statuses, lengths, media limits, the customer service window.

The limits are those of Meta's "Template components" and "Media" pages as of November 2025. They are data, because
Meta changes them and its own answer always wins.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

CATEGORIES = frozenset({"authentication", "marketing", "utility"})

_LANGUAGE_CODES = (
    "af sq ar ar_EG ar_AE ar_LB ar_MA ar_QA ar_SA az bn bg ca zh_CN zh_HK zh_TW hr cs da nl en en_GB en_US en_AU "
    "en_CA en_IN et fil fi fr fr_CA fr_BE ka de el gu ha he hi hu id ga it ja kn kk rw_RW ko ky_KG lo lv lt mk ms "
    "ml mr nb fa pl pt_BR pt_PT pa ro ru sr sk sl es es_AR es_ES es_MX es_CL es_CO es_PE es_VE sw sv ta te th tr "
    "uk ur uz vi zu"
)
LANGUAGES = frozenset(_LANGUAGE_CODES.split())
"""Meta's language codes. `en` and `en_US` are different translations."""

PLAIN_STATUSES: Mapping[str, str] = {
    "approved": "approved",
    "reinstated": "approved",
    "unarchived": "approved",
    "pending": "pending",
    "in_appeal": "pending",
    "rejected": "rejected",
    "paused": "paused",
    "flagged": "paused",
    "disabled": "disabled",
    "limit_exceeded": "disabled",
    "archived": "disabled",
    "locked": "disabled",
    "deleted": "gone",
    "pending_deletion": "gone",
}
"""What each of Meta's statuses means for somebody who wants to send the template: only an approved one can be sent."""

# Names, categories and lengths: Meta's "Template components"; pywa 4.5 (types/templates.py) has the same numbers.
NAME_LENGTH = 512
HEADER_LENGTH = 60
BODY_LENGTH = 1024
FOOTER_LENGTH = 60
BUTTON_TEXT_LENGTH = 25
URL_LENGTH = 2000
PHONE_LENGTH = 20
CODE_LENGTH = 15
# Buttons: the same page; the most of each kind also dualhook.com/docs/template-elements.
MAX_BUTTONS = 10
MAX_OF_BUTTON = {"QUICK_REPLY": 10, "URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1}
MEDIA_HEADERS = frozenset({"IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "GIF"})
FILE_KINDS = ("image", "video", "document")  # of the files that a header may be sent with
WINDOW = timedelta(hours=24)

# Files: Meta's "Media" page, "Supported media types".
_MEBIBYTE = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument."
MEDIA_LIMITS: Mapping[str, tuple[frozenset[str], int]] = {
    "image": (frozenset({"image/jpeg", "image/png"}), 5 * _MEBIBYTE),
    "video": (frozenset({"video/mp4", "video/3gpp"}), 16 * _MEBIBYTE),
    "audio": (
        frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
        16 * _MEBIBYTE,
    ),
    "document": (
        frozenset(
            {
                "text/plain",
                "application/pdf",
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                _OFFICE + "wordprocessingml.document",
                _OFFICE + "spreadsheetml.sheet",
                _OFFICE + "presentationml.presentation",
            }
        ),
        100 * _MEBIBYTE,
    ),
    "sticker": (frozenset({"image/webp"}), 500 * 1024),
}
"""By kind of media: the content types WhatsApp takes and the largest file in bytes."""


class Problem(NamedTuple):
    """One thing that is wrong: the field (`body.text`, `buttons.1.url`), a code and a sentence for people."""

    field: str
    code: str
    sentence: str


def window_closes_at(last_inbound_at: datetime) -> datetime:
    """Return when free text stops being allowed: 24 hours after the customer's last message.

    Only messages from the customer open or extend the window (Meta error 131047), ours never do.
    """
    return last_inbound_at + WINDOW


def check_media(kind: str, content_type: str, size: int) -> Problem | None:
    """Return what is wrong with sending a file of `size` bytes as `kind` (a key of `MEDIA_LIMITS`), or None."""
    if kind not in MEDIA_LIMITS:
        return Problem("kind", "unknown_kind", f"WhatsApp has no {kind} messages. Send an image, video or document.")
    types, largest = MEDIA_LIMITS[kind]
    plain_type = content_type.partition(";")[0].strip().lower()
    if plain_type not in types:
        accepted = ", ".join(sorted(types))
        return Problem("content_type", "wrong_type", f"WhatsApp takes no {plain_type} as {kind}. Use {accepted}.")
    if size <= 0:
        return Problem("size", "empty_file", "This file is empty. Choose another one.")
    if size > largest:
        limit = f"{largest // _MEBIBYTE} MB" if largest >= _MEBIBYTE else f"{largest // 1024} KB"
        return Problem("size", "too_large", f"This file is too large. WhatsApp takes at most {limit} as {kind}.")
    return None
