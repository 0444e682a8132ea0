"""CCAI Platform's Outbound SMS: one call, fourteen ways to be refused.

Documented: the fields, every 400 text, the answers. Assumed: the order of the checks (the order of the page), the US
test before any test of validity (the page's own example `+82 000-000-0000` demands it), 404 for an unknown agent, and
that a second text by the open chat's own agent is taken into that chat.
"""

from __future__ import annotations

from typing import Any

import phonenumbers
from django.utils import timezone

from messaging.sandbox.arrivals import accept
from messaging.sandbox.calls import Answer, Call
from messaging.sandbox.ids import id_in
from messaging.sandbox.models import Agent, Chat, ChatMessage, EndUser, SandboxChannel, SandboxStream
from messaging.sandbox.models.ccai import CLOSED_STATUSES
from messaging.sandbox.network import tell_of_change
from messaging.sandbox.numbers import e164, parse

from .chats import chat_object
from .face import body_of, refused
from .hooks import JOINED

CHAT_TYPES = ("Messaging (SMS)", "Messaging (API)", "SMS")
IN_SESSION = "Outbound SMS failed. Consumer is already in an active SMS session."
REGION = "US"


def send_sms(call: Call) -> Answer:
    """POST /apps/api/v1/sms; answers with the whole chat object."""
    values = body_of(call)
    _check_channel(call, values)
    number = _end_user_number(values)
    stream = _outbound_stream(call, values)
    text = values.get("message")
    if not isinstance(text, str) or not text.strip():
        raise refused("message is required")
    agent, by_id = _agent(call, values)
    chat = Chat.objects.filter(stream=stream, end_user__number=number).exclude(status__in=CLOSED_STATUSES).first()
    if chat is not None and (agent is None or chat.agent_id != agent.pk):
        raise refused(IN_SESSION)
    faults = call.arriving_at([number])
    if faults[number].key == "not_valid":
        raise refused("end_user_number is invalid")
    if chat is None:
        chat = _open(call, stream, number, values, agent)
    sender = "agent" if chat.agent else "virtual_agent"
    ChatMessage.objects.create(
        chat=chat, sender_type=sender, sender_id=chat.agent.agent_id if chat.agent else None, content=text
    )
    ticket_id = str(values.get("ticket_id") or "")
    accept(call, stream, [(number, {"text": text, "ref": ticket_id, "thread_id": str(chat.pk)})], faults)
    return Answer(200, chat_object(chat, shows_agent=by_id))


def _check_channel(call: Call, values: dict[str, Any]) -> None:
    if not values.get("chat_type"):
        raise refused("chat_type needs to be provided")
    if values["chat_type"] not in CHAT_TYPES:
        raise refused("valid chat type needs to be provided")
    if not call.account.sms_enabled:
        raise refused("SMS is not enabled")
    if not call.account.outbound_enabled:
        raise refused("Outbound SMS is not enabled")


def _end_user_number(values: dict[str, Any]) -> str:
    text = values.get("end_user_number")
    if not text:
        raise refused("end_user_number is required")
    number = parse(str(text), REGION)
    if number is None or not phonenumbers.is_valid_number(number):
        raise refused("end_user_number is invalid")
    return e164(number)


def _outbound_stream(call: Call, values: dict[str, Any]) -> SandboxStream:
    text = values.get("outbound_number")
    if not text:
        raise refused("outbound_number is required")
    number = parse(str(text), REGION)
    if number is None:
        raise refused("outbound_number is invalid")
    if phonenumbers.region_code_for_number(number) != REGION:
        raise refused("Non-US phone number not allowed")
    stream = call.account.streams.filter(number=e164(number), channel=SandboxChannel.SMS, is_active=True).first()
    if stream is None:
        raise refused("outbound_number is not found")
    return stream


def _agent(call: Call, values: dict[str, Any]) -> tuple[Agent | None, bool]:
    """The agent that was named, and whether by id. The document's spelling and its sibling page's are both taken."""
    agent_id = values.get("agentId", values.get("agent_id"))
    email = values.get("agentEmail", values.get("agent_email"))
    if agent_id in (None, "") and not email:
        return None, False
    agents = call.account.agents
    if agent_id not in (None, ""):
        found = agents.filter(agent_id=id_in(agent_id)).first()
    else:
        found = agents.filter(email__iexact=str(email)).first()
    if found is None:
        raise refused("Not Found", 404)
    return found, agent_id not in (None, "")


def _open(call: Call, stream: SandboxStream, number: str, values: dict[str, Any], agent: Agent | None) -> Chat:
    end_user, _ = EndUser.objects.get_or_create(account=call.account, number=number)
    now = timezone.now()
    chat = Chat.objects.create(
        account=call.account,
        stream=stream,
        end_user=end_user,
        agent=agent,
        chat_type=values["chat_type"],
        status="assigned" if agent else "selecting",
        ticket_id=str(values.get("ticket_id") or ""),
        created_at=now,
        assigned_at=now if agent else None,
    )
    if agent:
        tell_of_change(call.account, JOINED, about=str(chat.pk), phone=number)
    return chat
