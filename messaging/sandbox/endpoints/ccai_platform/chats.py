"""CCAI Platform's chats: the object that every SMS answers with, and the calls around it.

Documented: the chat object's keys and values; 404 "Not Found"; 400 "Chat is already ended" and "param is missing or
the value is empty: NAME"; the bodies of creating, writing and finishing. Assumed: that these calls work on SMS chats,
the shape of the list of messages, and that a ticket shows in `out_ticket_id` once the chat is read back.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from messaging.sandbox.arrivals import accept
from messaging.sandbox.calls import Answer, Call
from messaging.sandbox.ids import id_in
from messaging.sandbox.models import Agent, Chat, ChatMessage, EndUser, PhoneMessage
from messaging.sandbox.models.ccai import CLOSED_STATUSES
from messaging.sandbox.network import tell, tell_of_change

from .face import body_of, refused, stamp
from .hooks import AGENT_WROTE, CHAT_ENDED, LEFT


def chat_object(chat: Chat, *, shows_agent: bool = True, shows_ticket: bool = False) -> dict[str, Any]:
    """A chat with the documented keys in their documented order.

    An SMS that named its agent by e-mail is answered with `agent_info` null, as in the document.
    """
    participants = [_participant(chat, 1, "end_user", None, chat.end_user_id, chat.created_at)]
    if chat.agent and chat.assigned_at:
        participants.append(_participant(chat, 2, "agent", chat.agent.agent_id, None, chat.assigned_at))
    ended = chat.ends_at or timezone.now()
    return {
        "id": chat.pk,
        "lang": "en",
        "chat_type": chat.chat_type,
        "status": chat.status,
        "created_at": stamp(chat.created_at),
        "queued_at": None,
        "assigned_at": stamp(chat.assigned_at),
        "ends_at": stamp(chat.ends_at),
        "wait_duration": 0,
        "chat_duration": int((ended - chat.created_at).total_seconds()) if chat.ends_at else 0,
        "rating": None,
        "has_feedback": False,
        "out_ticket_id": (chat.ticket_id or None) if shows_ticket else None,
        "out_ticket_url": None,
        "verified": False,
        "disconnected_by": "disconnected_by_agent" if chat.ends_at else "disconnected_by_unknown",
        "fail_reason": None,
        "selected_menu": None,
        "menu_path": None,
        "agent_info": _agent_info(chat.agent) if chat.agent and shows_agent else None,
        "end_user": {"id": chat.end_user_id, "identifier": chat.end_user.identifier or None, "out_contact_id": None},
        "photos": [],
        "videos": [],
        "transfers": [],
        "participants": participants,
        "offer_type": None,
        "offer_events": [],
        "answer_type": "manual",
        "outbound_number": chat.stream.number,
    }


def _participant(
    chat: Chat, position: int, type_: str, user_id: int | None, end_user_id: int | None, since: Any
) -> dict[str, Any]:
    return {
        "id": chat.pk * 2 + position,
        "type": type_,
        "status": "connected" if chat.is_open else "finished",
        "chat_id": chat.pk,
        "user_id": user_id,
        "end_user_id": end_user_id,
        "chat_duration": None,
        "connected_at": stamp(since),
        "ended_at": stamp(chat.ends_at),
        "fail_reason": "nothing",
    }


def _agent_info(agent: Agent) -> dict[str, Any]:
    return {
        "id": agent.agent_id,
        "agent_number": agent.agent_number,
        "email": agent.email,
        "name": agent.name,
        "first_name": agent.first_name,
        "last_name": agent.last_name,
        "avatar_url": None,
    }


def get_chat(call: Call, chat_id: int) -> Answer:
    """GET /chats/{id}."""
    return Answer(200, chat_object(_find(call, chat_id), shows_ticket=True))


def list_chats(call: Call) -> Answer:
    """GET /chats, newest first; `?status=` keeps one status."""
    found = Chat.objects.filter(account=call.account).order_by("-id")
    if call.request.GET.get("status"):
        found = found.filter(status=call.request.GET["status"])
    return Answer(200, [chat_object(chat, shows_ticket=True) for chat in found[:100]])


def list_messages(call: Call, chat_id: int) -> Answer:
    """GET /chats/{id}/messages, oldest first: the way to poll for customers' answers."""
    chat = _find(call, chat_id)
    rows = [
        {
            "id": message.pk,
            "chat_id": chat.pk,
            "created_at": stamp(message.created_at),
            "sender": {"id": message.sender_id, "type": message.sender_type},
            "message": {"type": "text", "content": message.content},
        }
        for message in chat.messages.order_by("id")
    ]
    return Answer(200, rows)


def create_end_user(call: Call) -> Answer:
    """POST /end_users with {"identifier"}."""
    identifier = body_of(call).get("identifier")
    if not identifier:
        raise refused("param is missing or the value is empty: identifier")
    end_user, _ = EndUser.objects.get_or_create(account=call.account, identifier=str(identifier))
    return Answer(200, {"id": end_user.pk})


def create_chat(call: Call) -> Answer:
    """POST /chats with {"chat": {"end_user_id", ...}}: an API chat, without a phone."""
    values = body_of(call).get("chat")
    if not isinstance(values, dict) or not values:
        raise refused("param is missing or the value is empty: chat")
    end_user = EndUser.objects.filter(account=call.account, pk=id_in(values.get("end_user_id"))).first()
    stream = call.account.streams.filter(is_active=True).first()
    if end_user is None or stream is None:
        raise refused("Not Found", 404)
    if Chat.objects.filter(stream=stream, end_user=end_user).exclude(status__in=CLOSED_STATUSES).exists():
        raise refused("Duplicate request: Please wait for the interval to expire")
    chat = Chat.objects.create(
        account=call.account, stream=stream, end_user=end_user, chat_type="Messaging (API)", status="queued"
    )
    return Answer(200, chat_object(chat))


def create_message(call: Call, chat_id: int) -> Answer:
    """POST /chats/{id}/message with {"from_user_id", "message": {"type": "text", "content"}}; 202 "accepted"."""
    chat = _find(call, chat_id)
    if not chat.is_open:
        raise refused("Chat is already ended")
    values = body_of(call)
    message = values.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str) or not content.strip():
        raise refused("param is missing or the value is empty: message")
    numbers = [chat.end_user.number] if chat.end_user.number else []
    faults = call.arriving_at(numbers)
    written = ChatMessage.objects.create(
        chat=chat, sender_type="agent", sender_id=id_in(values.get("from_user_id")) or None, content=content
    )
    tell_of_change(call.account, AGENT_WROTE, about=f"{chat.pk}:{written.pk}", phone=chat.end_user.number)
    accept(call, chat.stream, [(number, {"text": content, "thread_id": str(chat.pk)}) for number in numbers], faults)
    return Answer(202, {"message": "accepted"})


def update_chat(call: Call, chat_id: int) -> Answer:
    """PATCH /chats/{id} with {"finished_by_user_id", "chat": {"status": "finished"}} ends the session."""
    chat = _find(call, chat_id)
    values = body_of(call).get("chat")
    status = values.get("status") if isinstance(values, dict) else None
    if not status:
        raise refused("param is missing or the value is empty: chat")
    if not chat.is_open:
        raise refused("Chat is already ended")
    chat.status = str(status)
    chat.ends_at = None if chat.is_open else timezone.now()
    chat.save(update_fields=["status", "ends_at"])
    if not chat.is_open and chat.agent:
        tell_of_change(call.account, LEFT, about=str(chat.pk), phone=chat.end_user.number)
    last = PhoneMessage.objects.filter(account=call.account, thread_id=str(chat.pk)).order_by("-id").first()
    if not chat.is_open and last is not None:
        tell(last, [CHAT_ENDED])
    return Answer(200, chat_object(chat))


def _find(call: Call, chat_id: int) -> Chat:
    found = Chat.objects.select_related("stream", "end_user", "agent").filter(account=call.account, pk=chat_id)
    chat = found.first()
    if chat is None:
        raise refused("Not Found", 404)
    return chat
