"""Cirrus's numbered lists, and how they map to our words.

Source: the vendor's published "Enums" list. Numbers that are not listed here are kept as they came: a new
one must never break the reading of a conversation.
"""

from __future__ import annotations

import re
from enum import IntEnum

from messaging.types import Channel


class ObjectType(IntEnum):
    """What an object or child is."""

    TEXT = 0
    LINK = 1
    PHOTO = 2
    VIDEO = 3
    CONVERSATION = 4
    MAIL = 5
    AUDIO = 6
    LOCATION = 7
    VOICE = 8
    REVIEW = 9
    FORM = 10
    SYSTEM_MESSAGE = 11
    OPTION = 12
    INPUT_DATA = 13
    CONTACTS = 14
    ALBUM = 15
    TEMPLATE_MESSAGE = 16
    CAMPAIGN_MESSAGE = 17
    SURVEY_MESSAGE = 18


class ObjectStatus(IntEnum):
    """The state of a conversation. There is no 12."""

    OPEN = 1
    RESOLVED = 2
    FORWARD = 3
    IRRELEVANT = 4
    DELETED = 5
    FORWARD_REPLY = 6
    DRAFT = 7
    IN_PROCESS = 8
    SCHEDULED = 9
    FOLLOW_UP = 10
    AUTOMATED = 11
    SENT = 13
    ARCHIVE = 14
    PENDING = 15


class StreamProviderType(IntEnum):
    """The kind of channel, and of an identity on it. Telephone is the one for SMS."""

    COMMBOX = 0
    FACEBOOK = 1
    TWITTER = 2
    YOUTUBE = 3
    MAIL = 4
    TELEPHONE = 5
    ANONYMOUS = 6
    WHATSAPP = 7
    WEB = 8
    APPLE_APP_STORE = 9
    INSTAGRAM = 10
    GOOGLE = 11
    TELEGRAM = 12
    GOOGLE_MY_BUSINESS = 13
    MICROSOFT_365 = 14
    GMAIL = 15
    WHATSAPP_CLOUD = 16
    SALESFORCE = 17


class ActivityType(IntEnum):
    """What happened to a conversation."""

    REMARK = 1
    STATUS_CHANGE = 2
    FORWARD = 3
    FORWARD_REPLY = 4
    STREAM_CHANGE = 5
    ASSIGN_CHANGE = 6
    UPDATE_OBJECT_TAG = 7
    FOLLOW_UP = 8
    UPDATE_OBJECT_INTENT = 9
    ATTACHMENT = 10
    RULE_EXECUTED = 11
    CUSTOM = 12
    UPDATE_OBJECT_PUBLICITY = 13
    DEBUG = 14
    INVALID_EXTENSION_FILE = 15
    INVALID_FILE_SIZE = 16
    DISALLOWED_FILE_UPLOAD = 17
    INACTIVITY_LOGOUT = 18
    PARTICIPANT_CHANGE = 19
    TARGET_STREAM_CHANGE = 20
    CONVERSATION_SUMMARY = 21
    LOG_ERROR = 22
    REDACT_CHILD = 23


# The first status of each row is the one we set; the others are read as the same word.
CONVERSATION_WORDS: dict[str, tuple[ObjectStatus, ...]] = {
    "open": (ObjectStatus.OPEN, ObjectStatus.IN_PROCESS),
    "waiting": (ObjectStatus.PENDING,),
    "snoozed": (ObjectStatus.FOLLOW_UP,),
    "resolved": (ObjectStatus.RESOLVED,),
    "archived": (ObjectStatus.ARCHIVE,),
}

CHANNELS: dict[StreamProviderType, Channel] = {
    StreamProviderType.TELEPHONE: Channel.SMS,
    StreamProviderType.WHATSAPP: Channel.WHATSAPP,
    StreamProviderType.WHATSAPP_CLOUD: Channel.WHATSAPP,
}

IDENTITY_TYPE: dict[Channel, StreamProviderType] = {
    Channel.SMS: StreamProviderType.TELEPHONE,
    Channel.WHATSAPP: StreamProviderType.WHATSAPP,
}

# Parts of documented refusals (and of WhatsApp's own, which are passed through), and our word for each.
REFUSALS: tuple[tuple[str, str], ...] = (
    ("not a valid whatsapp user", "not_on_whatsapp"),
    ("missing template parameter", "template_parameters"),
    ("missing parameter", "missing_parameter"),
    ("missing mandatory field", "missing_parameter"),
    ("object not found", "conversation_not_found"),
    ("more than 24 hours", "window_closed"),
)

# Meta's numbers for why WhatsApp refused a message or did not deliver it, and our word for each. Cirrus passes on
# Meta's text; where the number stands in it, it says more than the words around it.
META_CODES = {
    "130472": "whatsapp_kept_back",
    "131000": "whatsapp_fault",
    "131008": "template_parameters",
    "131009": "template_parameters",
    "131016": "whatsapp_unavailable",
    "131021": "own_number",
    "131026": "not_on_whatsapp",
    "131031": "whatsapp_blocked",
    "131042": "whatsapp_payment",
    "131045": "whatsapp_certificate",
    "131047": "window_closed",
    "131048": "whatsapp_spam_limit",
    "131049": "whatsapp_kept_back",
    "131050": "marketing_stopped",
    "131051": "type_refused",
    "131052": "file_refused",
    "131053": "file_refused",
    "131056": "whatsapp_too_fast",
    "132000": "template_parameters",
    "132001": "template_unknown",
    "132005": "template_too_long",
    "132007": "template_against_policy",
    "132008": "template_parameters",
    "132012": "template_parameters",
    "132015": "template_paused",
    "132016": "template_disabled",
}
_META_CODE = re.compile(r"(?<!\d)13[0-2]\d{3}(?!\d)")


def conversation_word(status_id: int | None) -> str:
    """Our word for a status number, or nothing where we have none."""
    for word, statuses in CONVERSATION_WORDS.items():
        if status_id in statuses:
            return word
    return ""


def activity_word(type_id: int | None) -> str:
    """`status_change` for 2 and so on; the number itself where the list has no such type."""
    if type_id is None:
        return ""
    return ActivityType(type_id).name.lower() if type_id in set(ActivityType) else str(type_id)


def provider_type(value: str) -> StreamProviderType | None:
    """The type written as a number (`5`) or as a name (`Telephone`, `Mail`): webhooks use both."""
    if value.isascii() and value.isdigit():
        return StreamProviderType(int(value)) if int(value) in set(StreamProviderType) else None
    wanted = value.replace("_", "").replace(" ", "").upper()
    return next((known for known in StreamProviderType if known.name.replace("_", "") == wanted), None)


def refusal_code(text: str, *, unknown: str = "refused") -> str:
    """Our word for a refusal's text; `unknown` where the text is not a known one."""
    for number in _META_CODE.findall(text):
        if number in META_CODES:
            return META_CODES[number]
    lowered = text.lower()
    return next((code for part, code in REFUSALS if part in lowered), unknown)
