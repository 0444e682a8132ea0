"""The sandbox's rows. Pages and tests import them from here."""

from .accounts import (
    Agent,
    ContentTemplate,
    Provider,
    SandboxAccount,
    SandboxChannel,
    SandboxStream,
    WhatsAppTemplate,
)
from .ccai import Chat, ChatMessage, EndUser
from .cirrus import CirrusActivity, CirrusChild, CirrusIndicator, CirrusMedia, CirrusObject, CirrusTag
from .ledger import EntryKind, LedgerEntry
from .phones import MessageDirection, MessageStatus, PhoneMessage, VirtualPhone
from .timer import TimerEvent, TimerKind
from .webex import SmsRequest, SuppressedNumber

__all__ = [
    "Agent",
    "Chat",
    "ChatMessage",
    "CirrusActivity",
    "CirrusChild",
    "CirrusIndicator",
    "CirrusMedia",
    "CirrusObject",
    "CirrusTag",
    "ContentTemplate",
    "EndUser",
    "EntryKind",
    "LedgerEntry",
    "MessageDirection",
    "MessageStatus",
    "PhoneMessage",
    "Provider",
    "SandboxAccount",
    "SandboxChannel",
    "SandboxStream",
    "SmsRequest",
    "SuppressedNumber",
    "TimerEvent",
    "TimerKind",
    "VirtualPhone",
    "WhatsAppTemplate",
]
