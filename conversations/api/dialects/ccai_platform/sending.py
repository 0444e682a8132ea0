"""POST /apps/api/v1/sms: a text to one person, answered with the chat it belongs to.

The document's refusals come from our own state, in the order in which its page has them. What its words cannot say,
an opt-out or quiet hours, is our sentence in the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.http import JsonResponse
from django.utils import timezone

from conversations.api.dialects.calls import Call, door, row_id
from conversations.models import Contact, Conversation, Stream, User
from conversations.models.api_key import ApiScope
from conversations.models.conversation import IN_INBOX
from conversations.models.conversation import ConversationStatus as Status
from conversations.models.message import Direction, MessageStatus
from conversations.models.stream import Channel, StreamQuerySet
from conversations.services import compose, conversations
from messaging.phone import PhoneError, parse_number

from .chat import chat_object
from .face import FACE, refused

CHAT_TYPES = ("Messaging (SMS)", "Messaging (API)", "SMS")
IN_SESSION = "Outbound SMS failed. Consumer is already in an active SMS session."
SESSION_LASTS = timedelta(days=1)  # after its last message; the provider takes one such text to a number a day
REGION = "US"
TICKET = "ticket"
_NEVER_LEFT = (MessageStatus.CANCELLED, MessageStatus.FAILED, MessageStatus.EXPIRED)


def send_sms(call: Call) -> JsonResponse:
    """Send the text, and give the conversation to the agent who is named."""
    call.needs(ApiScope.SEND)
    values = call.data()
    values = values if isinstance(values, dict) else {}
    ours = Stream.objects.visible_to(call.user).filter(channel=Channel.SMS).select_related("account")
    outbound = _outbound(values)
    stream = _named(ours, outbound)
    _check_channel(call.user, values, ours.filter(pk=stream.pk) if stream else ours)
    phone = _end_user_number(values)
    if stream is None:
        raise _no_stream(outbound)
    text = values.get("message")
    if not isinstance(text, str) or not text.strip():
        raise refused("message is required")
    agent, by_id = _agent(values, stream)
    conversation = _conversation(call.user, _contact(phone, stream), stream, agent)
    if agent is not None:
        conversations.assign(conversation, to=agent, actor=call.user)
    compose.queue_message(conversation=conversation, body=text, author=call.user)
    if ticket_id := str(values.get("ticket_id") or "").strip():
        conversations.set_indicator(conversation, key=TICKET, title=f"Ticket {ticket_id}"[:100], actor=call.user)
    chat = chat_object(
        conversation,
        chat_type=values["chat_type"],
        outbound_number=_e164(outbound) or outbound,
        shows_agent=by_id or agent is None,
    )
    return JsonResponse(chat)


def _check_channel(user: User, values: Mapping[str, Any], streams: StreamQuerySet) -> None:
    """Is SMS on, and may anybody be written to first? Asked of the stream that is named, else of all."""
    if not values.get("chat_type"):
        raise refused("chat_type needs to be provided")
    if values["chat_type"] not in CHAT_TYPES:
        raise refused("valid chat type needs to be provided")
    working = streams.filter(is_active=True, account__is_active=True)
    if not working.exists():
        raise refused("SMS is not enabled")
    if not Stream.objects.sendable_by(user).filter(pk__in=working.values("pk")).exists():
        raise refused("Outbound SMS is not enabled")


def _end_user_number(values: Mapping[str, Any]) -> str:
    given = values.get("end_user_number")
    if not given:
        raise refused("end_user_number is required")
    try:
        return parse_number(str(given), region=REGION, allow_fictional=True).e164
    except PhoneError as error:
        raise refused("end_user_number is invalid") from error


def _outbound(values: Mapping[str, Any]) -> str:
    return str(values.get("outbound_number") or "").strip()[:100]


def _e164(text: str) -> str:
    """The number of a text; empty where it cannot be one."""
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _named(ours: StreamQuerySet, outbound: str) -> Stream | None:
    """The stream with that number; of several, the one that is on. A number that one of ours has may be of any land."""
    wanted = _e164(outbound) or outbound
    return ours.of_number(wanted).order_by("-is_active", "pk").first() if wanted else None


def _no_stream(outbound: str) -> Exception:
    number = _e164(outbound)
    if not outbound:
        return refused("outbound_number is required")
    if not number:
        return refused("outbound_number is invalid")
    if phonenumbers.region_code_for_number(phonenumbers.parse(number)) != REGION:
        return refused("Non-US phone number not allowed")
    return refused("outbound_number is not found")


def _agent(values: Mapping[str, Any], stream: Stream) -> tuple[User | None, bool]:
    """Who is named, and whether by id. The document's spelling and that of the page beside it are both taken."""
    given, email = values.get("agentId", values.get("agent_id")), values.get("agentEmail", values.get("agent_email"))
    if given in (None, "") and not email:
        return None, False
    people = User.objects.who_see([stream])
    by_id = given not in (None, "")
    found = people.filter(pk=row_id(str(given))) if by_id else people.filter(email__iexact=str(email))
    agent = found.first()
    if agent is None:
        FACE.refuse(404)
    return agent, by_id


def _contact(phone: str, stream: Stream) -> Contact:
    try:
        return conversations.contact_for_number(phone, stream=stream)
    except ValidationError as error:
        raise refused(error.messages[0]) from error


def _conversation(user: User, contact: Contact, stream: Stream, agent: User | None) -> Conversation:
    """The conversation in which nobody else writes with the person; refuses while somebody does.

    The contact's row is held meanwhile: of two who begin at once the second one waits, and then sees the first's text.
    """
    Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
    current = Conversation.objects.filter(stream=stream, contact=contact, status__in=IN_INBOX).first()
    if current is not None and _is_in_session(current) and (agent is None or current.assignee_id != agent.pk):
        raise refused(IN_SESSION)
    opened = conversations.open_conversation(stream=stream, contact=contact, actor=user)
    return Conversation.objects.select_related("stream__account", "contact", "assignee").get(pk=opened.pk)


def _is_in_session(conversation: Conversation) -> bool:
    """Does the customer wait for us, or was the last message less than a day ago?"""
    last = conversation.messages.exclude(status__in=_NEVER_LEFT).order_by("-id").first()
    if last is None:
        return False
    waits = conversation.status == Status.OPEN and last.direction == Direction.IN
    return waits or last.created_at > timezone.now() - SESSION_LASTS


send_sms_door = door(FACE, POST=send_sms)
