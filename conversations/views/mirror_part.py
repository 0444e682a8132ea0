"""What the panel beside a conversation says of the other side."""

from __future__ import annotations

from typing import NamedTuple

from conversations.models import Conversation, Drift
from conversations.models.activity import PushState
from conversations.services.mirror import drifts


class MirrorPart(NamedTuple):
    """What the panel says of the other side."""

    provider: str
    external_id: str
    waiting: int
    refused: int
    drifts: list[Drift]


def mirror_part(conversation: Conversation) -> MirrorPart | None:
    """The other side of a conversation, where there is one."""
    if not conversation.stream.is_mirrored:
        return None
    entries = conversation.activities
    return MirrorPart(
        provider=conversation.stream.account.provider_label,
        external_id=conversation.external_id,
        waiting=entries.to_push().count(),
        refused=entries.filter(push_state=PushState.FAILED).count(),
        drifts=drifts.open_drifts(conversation),
    )
