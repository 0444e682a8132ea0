"""The numbers that Cirrus's published lists give to things, and what they are with us."""

from __future__ import annotations

from conversations.models.activity import ActivityKind
from conversations.models.conversation import ConversationStatus as Status
from conversations.models.message import Kind
from conversations.models.stream import Channel

TELEPHONE, WHATSAPP, MAIL = 5, 7, 4  # StreamProviderType; 5 is the one for SMS
PROVIDER_TYPES = range(18)
PROVIDER_TYPE: dict[str, int] = {Channel.SMS: TELEPHONE, Channel.WHATSAPP: WHATSAPP}

CONVERSATION = 4  # ObjectType
CHILD_TYPE: dict[str, int] = {Kind.TEMPLATE: 16, Kind.MEDIA: 2}  # the others are 0, Text

OPEN, RESOLVED, IRRELEVANT, DELETED, IN_PROCESS = 1, 2, 4, 5, 8
FOLLOW_UP, SENT, ARCHIVE, PENDING = 10, 13, 14, 15
STATUSES = frozenset(range(1, 16)) - {12}
STATUS_ID: dict[str, int] = {
    Status.DORMANT: SENT,
    Status.OPEN: OPEN,
    Status.WAITING: PENDING,
    Status.SNOOZED: FOLLOW_UP,
    Status.RESOLVED: RESOLVED,
    Status.ARCHIVED: ARCHIVE,
}

REMARK, CUSTOM = 1, 12  # ObjectActivityType
ACTIVITY_TYPES = range(1, 24)
ACTIVITY_TYPE: dict[str, int] = {
    ActivityKind.REMARK: REMARK,
    ActivityKind.STATUS_CHANGE: 2,
    ActivityKind.ASSIGNMENT: 6,
    ActivityKind.TAG_ADDED: 7,
    ActivityKind.TAG_REMOVED: 7,
}  # every other kind is Custom
