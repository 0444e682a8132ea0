"""Creating an object, and a child in it: a conversation, and a message.

On behalf of an agent, a message goes to the customer, through the gate. On behalf of the customer, it is written down
as what they told us: it is shown to the agents, opens no window at WhatsApp, and is no opt-in and no opt-out. An
object without `ManagerId` is one that the customer began, as the document says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import JsonResponse

from conversations.api.dialects.calls import Call, door
from conversations.models import Contact, Conversation, Message, Stream, SubStream, User
from conversations.models.api_key import ApiScope
from conversations.permissions import may_send_in_bulk, may_send_on
from conversations.services import compose, contacts, conversations
from conversations.services.mirror import phone

from .components import Unusable, template_of
from .face import FACE, fields, missing, number_in, object_in, refused, required, success, text_in, wrong
from .finding import (
    OBJECT_NOT_FOUND,
    colleague,
    contact_of,
    conversation_by_id,
    e164_of,
    stream_by_any,
    sub_stream,
)
from .notes import move_to
from .words import OPEN, PROVIDER_TYPES, STATUSES

MOST_RECIPIENTS = 20
_DETAILS = {"FirstName": "first_name", "LastName": "last_name", "Email": "email"}


class NewObject(NamedTuple):
    """The fields of an object that is to be created, checked."""

    manager: User | None
    part: SubStream | None
    status: int
    user: dict[str, Any]
    content: dict[str, Any]


def read_object(values: Mapping[str, Any], stream: Stream) -> NewObject:
    """The fields that Create Object and the templated messages share. Raises Refused."""
    status = number_in(values, "StatusId", OPEN)
    if status not in STATUSES:
        raise wrong("StatusId")
    if number_in(values, "StreamProviderType") not in PROVIDER_TYPES:
        raise wrong("StreamProviderType")
    user = values.get("User") or {}
    if not isinstance(user, dict):
        raise wrong("User")
    return NewObject(
        manager=colleague(number_in(values, "ManagerId"), stream, "ManagerId"),
        part=sub_stream(number_in(values, "SubStreamId"), stream),
        status=status,
        user=user,
        content=object_in(values, "Content"),
    )


def create_object(call: Call, stream_id: str) -> JsonResponse:
    """POST /streams/{STREAM_ID}/objects."""
    call.needs(ApiScope.SEND)
    stream = stream_by_any(call, stream_id)
    values = fields(call)
    text = str(required(values, "Message"))
    wanted = read_object(values, stream)
    _check_may_write(call, stream)
    people = _people(call, values, wanted, stream)
    if len(people) > 1:
        wanted = wanted._replace(user={})  # one person's name is not that of several
    is_template = bool(wanted.content.get("whatsapp_hsm_name"))
    opened = [open_object(call, contact, stream, wanted) for contact in people]
    for conversation in opened:
        if is_template:
            _send_template(call, conversation, wanted.content)
        elif wanted.manager or values.get("sendToClient") is True:
            compose.queue_message(conversation=conversation, body=text, author=call.user)
        else:
            phone.write_down(conversation, text=text, actor=call.user, tells_provider=False)
        settle_object(call, conversation, wanted)
    return success({"id": opened[0].pk})


def open_object(call: Call, contact: Contact, stream: Stream, wanted: NewObject) -> Conversation:
    """The conversation with a person, with what the fields say of it before anything is written there."""
    _fill_in(call, contact, wanted.user)
    conversation = conversations.open_conversation(stream=stream, contact=contact, actor=call.user)
    if wanted.part is not None and conversation.sub_stream_id != wanted.part.pk:
        conversation.sub_stream = wanted.part
        conversation.save(update_fields=["sub_stream"])
    if wanted.manager is not None:
        conversations.assign(conversation, to=wanted.manager, actor=call.user)
    return conversation


def settle_object(call: Call, conversation: Conversation, wanted: NewObject) -> None:
    """What the fields say of a conversation once something was written there: a remark, and another status."""
    if remarks := text_in(wanted.user, "Remarks").strip():
        conversations.add_remark(conversation, text=remarks, actor=call.user)
    if wanted.status != OPEN:
        move_to(conversation, wanted.status, actor=call.user, field="StatusId")


def _people(call: Call, values: Mapping[str, Any], wanted: NewObject, stream: Stream) -> list[Contact]:
    """Whom it is with: `Content.to`, else the user's own number. Several need what campaigns need."""
    named = wanted.content.get("to")
    field = "Content.to" if named else "UserStreamProviderId"
    if not named:
        own = text_in(values, "UserStreamProviderId") or text_in(wanted.user, "Phone1")
        if not own.strip():
            raise missing(field)
        named = [own]
    if not isinstance(named, Sequence) or isinstance(named, str):
        raise wrong(field)
    if len(named) > MOST_RECIPIENTS:
        raise wrong(field, f"{MOST_RECIPIENTS} numbers are the most.")
    if len(named) > 1:
        check_bulk(call, stream)
    found = [contact_of(str(one), stream, field) for one in named]
    return list({contact.pk: contact for contact in found}.values())


def check_bulk(call: Call, stream: Stream) -> None:
    """Refuse unless the key and its user may write to several people at once."""
    call.needs(ApiScope.BULK)
    if not may_send_in_bulk(call.user, stream):
        FACE.refuse(403, "Ask a supervisor: you may not write to several people at once on this stream.", "not_allowed")


def _check_may_write(call: Call, stream: Stream) -> None:
    if not may_send_on(call.user, stream):
        raise refused(f"You can read {stream.name} but not send from it. Ask a supervisor for access.")


def _fill_in(call: Call, contact: Contact, user: Mapping[str, Any]) -> None:
    """Name a contact who has no name yet. One that others know is changed only by whoever may change contacts."""
    given = {ours: text_in(user, theirs).strip() for theirs, ours in _DETAILS.items()}
    new = {name: text for name, text in given.items() if text and not getattr(contact, name)}
    if not new or not (call.user.has_perm("conversations.change_contact") or not contact.conversations.exists()):
        return
    for theirs, ours in _DETAILS.items():
        if len(new.get(ours, "")) > 100:
            raise wrong(f"User.{theirs}")
    if "email" in new:
        try:
            validate_email(new["email"])
        except ValidationError:
            raise wrong("User.Email") from None
    details = {name: getattr(contact, name) for name in contacts.DETAILS} | new
    contacts.change_contact(contact, phone=contact.phone, details=details, actor=call.user)


def _send_template(call: Call, conversation: Conversation, content: Mapping[str, Any]) -> None:
    """Create Object's older way to name a template: `whatsapp_hsm_name` with its values in order."""
    given = content.get("whatsapp_localizable_params") or []
    if not isinstance(given, list):
        raise wrong("Content.whatsapp_localizable_params")
    wanted = {
        "name": content["whatsapp_hsm_name"],
        "language": {"code": content.get("whatsapp_language_code") or "en"},
    }
    try:
        template = template_of(conversation.stream, wanted)
    except Unusable as error:
        raise wrong("Content.whatsapp_hsm_name", str(error)) from error
    compose.queue_template(
        conversation=conversation, template=template, values={"body": given} if given else {}, author=call.user
    )


def create_child(call: Call, stream_id: str, object_id: str) -> JsonResponse:
    """POST /streams/{STREAM_ID}/objects/{OBJECT_ID}/child."""
    call.needs(ApiScope.SEND)
    stream = stream_by_any(call, stream_id)
    return _create_child(call, conversation_by_id(call, object_id, stream))


def create_child_by_number(call: Call, stream_id: str, provider_id: str, provider_type: str) -> JsonResponse:
    """POST /streams/{STREAM_ID}/objects/{STREAM_PROVIDER_ID}/{STREAM_PROVIDER_TYPE}/child: the newest with a number."""
    call.needs(ApiScope.SEND)
    stream = stream_by_any(call, stream_id)
    visible = Conversation.objects.visible_to(call.user).filter(stream=stream, contact__phone=e164_of(provider_id))
    found = visible.select_related("contact", "stream__account", "assignee").newest_first().first()
    if found is None:
        raise refused(OBJECT_NOT_FOUND)
    return _create_child(call, found)


def _create_child(call: Call, conversation: Conversation) -> JsonResponse:
    values = fields(call)
    required(values, "Type")
    number_in(values, "Type")
    is_manager = values.get("IsManager") is True
    agent = None
    if is_manager:
        required(values, "UserIdentity")
        agent = colleague(number_in(values, "UserIdentity"), conversation.stream, "UserIdentity")
        if agent is None:
            raise wrong("UserIdentity")
    required(values, "UserStreamProviderId")
    required(values, "UserStreamProviderType")
    if number_in(values, "UserStreamProviderType") not in PROVIDER_TYPES:
        raise wrong("UserStreamProviderType")
    text = str(required(values, "Message"))
    _check_may_write(call, conversation.stream)
    message = _on_behalf(call, conversation, values, text, agent)
    return success({"id": message.pk})


def _on_behalf(
    call: Call, conversation: Conversation, values: Mapping[str, Any], text: str, agent: User | None
) -> Message:
    """Write it for the agent, who then has the conversation if nobody did, or write down what the customer said."""
    if agent is None:
        return phone.write_down(conversation, text=text, actor=call.user, tells_provider=False)
    if e164_of(text_in(values, "UserStreamProviderId")) != conversation.contact.phone:
        raise wrong("UserStreamProviderId", "The conversation is with another number.")
    if conversation.assignee_id is None:
        conversations.assign(conversation, to=agent, actor=call.user)
    return compose.queue_message(conversation=conversation, body=text, author=call.user)


objects_door = door(FACE, POST=create_object)
child_door = door(FACE, POST=create_child)
child_by_number_door = door(FACE, POST=create_child_by_number)
