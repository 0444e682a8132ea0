"""Where a conversation stands, in words that both sides share.

Open and waiting follow from who wrote last, which each side works out for itself: between the two they are one word.
A status of theirs for which we have none is `#` and their id.
"""

from __future__ import annotations

from conversations.models.conversation import ConversationStatus as Status
from messaging.mirror import RemoteConversation

OPEN = "open"
_WORKED_ON = (Status.OPEN, Status.WAITING, Status.DORMANT)


def status_word(status: str) -> str:
    """Our status in the shared words; theirs, where it is an id without a word of ours, as it is."""
    if status in _WORKED_ON:
        return OPEN
    return f"#{status}" if status.isdecimal() else status


def their_status(there: RemoteConversation) -> str:
    """Where the other side says that it stands."""
    return status_word(there.status or there.external_status)
