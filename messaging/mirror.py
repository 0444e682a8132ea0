"""Value objects of the mirror: what we tell a provider of a conversation, and what it holds of one. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from messaging.types import Media


class EntryKind(StrEnum):
    """What a provider is told."""

    OPENING = "opening"  # the conversation exists; nothing is sent to the customer
    CUSTOMER_MESSAGE = "customer_message"  # what the customer said elsewhere, on their behalf
    REMARK = "remark"
    STATUS = "status"
    CONTENT = "content"
    LOG = "log"
    INDICATOR_SET = "indicator_set"
    INDICATOR_REMOVED = "indicator_removed"


@dataclass(frozen=True, slots=True)
class MirrorEntry:
    """One thing to tell.

    `ref` is our own reference of it, `conversation_id` the conversation's id on the other side (empty for an
    opening), `agent_id` who did it there, `phone` E.164. `values` holds what the kind needs besides `text`: `status`
    (our word, or their id as text), `content`, or an indicator's `key`, `title`, `display_class` and `link`.
    `already_there` is how many entries of the same kind and text the other side is known to hold without this one.
    """

    kind: EntryKind
    ref: str
    conversation_id: str = ""
    text: str = ""
    agent_id: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    sub_stream_id: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    already_there: int = 0


@dataclass(frozen=True, slots=True)
class RemoteMessage:
    """One message as the other side holds it. `ref` is ours where it came from us, `agent_id` theirs."""

    external_id: str
    body: str
    from_agent: bool
    ref: str = ""
    agent_id: str = ""
    at: datetime | None = None
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """One line of the other side's log: `kind` is a word (`remark`, `custom` ...), `by` a name."""

    kind: str
    text: str
    at: datetime | None = None
    by: str = ""
    agent_id: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class RemoteConversation:
    """A conversation as the other side holds it. `status` is our word, empty where only `external_status` says it.

    Messages and log come oldest first. `ref` is our reference of what began it, where we did.
    """

    external_id: str
    phone: str = ""
    status: str = ""
    external_status: str = ""
    agent_id: str = ""
    sub_stream_id: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    ref: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    is_closed: bool = False
    created_at: datetime | None = None
    changed_at: datetime | None = None
    messages: tuple[RemoteMessage, ...] = ()
    log: tuple[RemoteEntry, ...] = ()

    @property
    def fingerprint(self) -> str:
        """64 characters that differ when anything of it does."""
        return hashlib.sha256(repr(self).encode("utf-8", "backslashreplace")).hexdigest()
