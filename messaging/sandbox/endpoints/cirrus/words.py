"""The numbers that Cirrus's "Enums" page gives to things."""

from __future__ import annotations

TELEPHONE, WHATSAPP = 5, 7  # StreamProviderType; 5 is used for SMS
PROVIDER_TYPES = {
    0: "Commbox",
    1: "Facebook",
    2: "Twitter",
    3: "YouTube",
    4: "Mail",
    5: "Telephone",
    6: "Anonymous",
    7: "WhatsApp",
    8: "Web",
    9: "AppleAppStore",
    10: "Instagram",
    11: "Google",
    12: "Telegram",
    13: "GoogleMyBusiness",
    14: "Microsoft365",
    15: "Gmail",
    16: "WhatsAppCloud",
    17: "Salesforce",
}
STATUSES = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15})  # ObjectStatusType has no 12
CLOSED = frozenset({2, 4, 5, 14})  # Resolved, Irrelevant, Deleted, Archive
PHOTO = 2  # ObjectType
REMARK, STATUS_CHANGE, STREAM_CHANGE, CUSTOM = 1, 2, 5, 12  # ObjectActivityType
ACTIVITY_TYPES = range(1, 24)


def provider_type_name(number: int) -> str:
    """The word for a StreamProviderType, as webhooks print it."""
    return PROVIDER_TYPES.get(number, str(number))
