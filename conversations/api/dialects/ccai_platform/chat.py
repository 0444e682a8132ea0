"""A conversation as CCAI Platform's chat object: its keys in the document's order, whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from conversations.models import Conversation, User
from conversations.models.activity import ActivityKind


def chat_object(
    conversation: Conversation, *, chat_type: str, outbound_number: str, shows_agent: bool
) -> dict[str, Any]:
    """The chat. Ids are ours: the conversation's, the contact's, and those of people who work here.

    A text that names its agent by e-mail is answered with `agent_info` null, as in the document. Two participants of
    a conversation have its id twice over, plus one and plus two: so each has its own.
    """
    agent = conversation.assignee
    assigned_at = _assigned_at(conversation) if agent else None
    participants = [_participant(conversation, 1, "end_user", conversation.created_at)]
    if agent is not None and assigned_at is not None:
        participants.append(_participant(conversation, 2, "agent", assigned_at))
    return {
        "id": conversation.pk,
        "lang": (conversation.contact.language or "en").partition("_")[0],
        "chat_type": chat_type,
        "status": "assigned" if agent else "selecting",
        "created_at": _stamp(conversation.created_at),
        "queued_at": None,
        "assigned_at": _stamp(assigned_at) if assigned_at else None,
        "ends_at": None,
        "wait_duration": 0,
        "chat_duration": 0,
        "rating": None,
        "has_feedback": False,
        "out_ticket_id": None,
        "out_ticket_url": None,
        "verified": False,
        "disconnected_by": "disconnected_by_unknown",
        "fail_reason": None,
        "selected_menu": None,
        "menu_path": None,
        "agent_info": _agent_info(agent) if agent and shows_agent else None,
        "end_user": {"id": conversation.contact_id, "identifier": None, "out_contact_id": None},
        "photos": [],
        "videos": [],
        "transfers": [],
        "participants": participants,
        "offer_type": None,
        "offer_events": [],
        "answer_type": "manual",
        "outbound_number": outbound_number,
    }


def _participant(conversation: Conversation, place: int, kind: str, since: datetime) -> dict[str, Any]:
    is_agent = kind == "agent"
    return {
        "id": conversation.pk * 2 + place,
        "type": kind,
        "status": "connected",
        "chat_id": conversation.pk,
        "user_id": conversation.assignee_id if is_agent else None,
        "end_user_id": None if is_agent else conversation.contact_id,
        "chat_duration": None,
        "connected_at": _stamp(since),
        "ended_at": None,
        "fail_reason": "nothing",
    }


def _agent_info(agent: User) -> dict[str, Any]:
    first, _, last = agent.name.partition(" ")
    return {
        "id": agent.pk,
        "agent_number": agent.pk,
        "email": agent.email,
        "name": agent.name,
        "first_name": first,
        "last_name": last,
        "avatar_url": None,
    }


def _assigned_at(conversation: Conversation) -> datetime:
    """When whoever has the conversation was given it last; one that was made theirs has no such line."""
    given = conversation.activities.filter(kind=ActivityKind.ASSIGNMENT).order_by("-id").first()
    return given.occurred_at if given else conversation.created_at


def _stamp(moment: datetime) -> str:
    """`2021-10-04T17:20:51.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
