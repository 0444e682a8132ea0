"""CCAI Platform: customers' replies, and the signed webhooks that tell of them.

Documented ("Chat platform API" webhooks): `{"event_type", "timestamp", "chat_id", "body": {"sender", "message"}}`,
`X-Signature: primary=... secondary=...` with base64(HMAC-SHA256(secret, timestamp + raw body)) and
`X-Signature-Timestamp`; participant_joined and participant_left. Assumed: the timestamp header is Unix seconds, and
the shape of a participant. Sandbox extensions, described by no document:
`end_user_number` and `outbound_number` in the body, and the event `message_status`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from messaging.sandbox.models import Chat, ChatMessage, EndUser, PhoneMessage, TimerEvent, TimerKind
from messaging.sandbox.models.ccai import CLOSED_STATUSES
from messaging.sandbox.plays import Hook

from .face import stamp

CHAT_ENDED = "chat_ended"
JOINED, LEFT, AGENT_WROTE = "participant_joined", "participant_left", "message_received"


def receive(message: PhoneMessage, media: Mapping[str, Any] | None) -> list[str]:
    """Keep a reply in the open chat between the two numbers, or in a new one that waits for an agent."""
    end_user, _ = EndUser.objects.get_or_create(account=message.account, number=message.phone.number)
    chat = Chat.objects.filter(stream=message.stream, end_user=end_user).exclude(status__in=CLOSED_STATUSES).first()
    if chat is None:
        chat = Chat.objects.create(
            account=message.account,
            stream=message.stream,
            end_user=end_user,
            chat_type="Messaging (SMS)",
            status="queued",
        )
    ChatMessage.objects.create(chat=chat, sender_type="end_user", sender_id=end_user.pk, content=message.text)
    message.thread_id = str(chat.pk)
    message.save()
    return ["inbound"]


def build_hook(event: TimerEvent) -> Hook:
    """The webhook of one event, signed with the account's secrets at the moment of sending."""
    if event.message is None:
        return _hook(event, event.word, int(event.about.partition(":")[0]), _of_the_agent(event), "the agent")
    message = event.message
    numbers = {"end_user_number": message.phone.number, "outbound_number": message.business_number}
    inside: dict[str, Any]
    if event.kind == TimerKind.REPORT:
        kind = "message_status"
        inside = {"status": event.word, **numbers, "reason": event.reason}
    elif event.word == CHAT_ENDED:
        kind, inside = CHAT_ENDED, {}
    else:
        kind = "message_received"
        chat = Chat.objects.get(pk=int(message.thread_id))
        sender = {
            "id": chat.end_user_id,
            "type": "end_user",
            "status": "connected",
            "connected_at": stamp(chat.created_at),
        }
        inside = {"sender": sender, "message": {"type": "text", "content": message.text}, **numbers}
    word = {"message_status": f"{event.word} report", CHAT_ENDED: "the end of a chat"}.get(kind, "customer's message")
    return _hook(event, kind, int(message.thread_id), inside, word)


def _of_the_agent(event: TimerEvent) -> dict[str, Any]:
    """Who came or left, or what the agent wrote: `about` is the chat's id, and that of the message behind a colon."""
    chat_id, _, message_id = event.about.partition(":")
    chat = Chat.objects.select_related("agent").get(pk=int(chat_id))
    agent = {
        "id": chat.agent.agent_id if chat.agent else None,
        "type": "agent",
        "status": "finished" if event.word == LEFT else "connected",
        "connected_at": stamp(chat.assigned_at),
    }
    if event.word != AGENT_WROTE:
        return {"participant": agent}
    written = ChatMessage.objects.get(pk=int(message_id))
    return {"sender": agent, "message": {"type": "text", "content": written.content}}


def _hook(event: TimerEvent, kind: str, chat_id: int, inside: dict[str, Any], word: str) -> Hook:
    body = {"event_type": kind, "timestamp": stamp(event.occurred_at), "chat_id": chat_id, "body": inside}
    raw = json.dumps(body, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", **signature(raw, event.account.webhook_secrets)}
    return Hook(raw, headers, f"{kind}: {word}")


def signature(raw: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    """The two signature headers; none for an account without secrets."""
    if not secrets.get("primary"):
        return {}
    moment = str(int(timezone.now().timestamp()))
    signed = []
    for name in ("primary", "secondary"):
        if secrets.get(name):
            digest = hmac.new(secrets[name].encode(), moment.encode() + raw, hashlib.sha256).digest()
            signed.append(f"{name}={base64.b64encode(digest).decode()}")
    return {"X-Signature": " ".join(signed), "X-Signature-Timestamp": moment}
