"""Messages: reading them, sending texts and templates, and what can be done to one that was sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from ninja import Query
from pydantic import Field

from conversations.api import answers
from conversations.api.door import user_of
from conversations.api.errors import Refused
from conversations.api.fields import Given, Id, Moment, example
from conversations.api.operations import Resource
from conversations.api.paging import Listing, Page, page, rows_by_id
from conversations.api.rows import (
    messages_of,
    shown_message,
    stream_to_write_on,
    visible_conversation,
    visible_message,
)
from conversations.models import Conversation, Stream, WhatsAppTemplate
from conversations.models.api_key import ApiScope
from conversations.models.message import MessageStatus
from conversations.services import compose, scheduling, unconfirmed
from conversations.services.canned import check_filled
from conversations.services.conversations import contact_for_number, open_conversation
from conversations.services.wire_log import readable

router = Resource(tags=["Messages"])
_PLACE = "/messages/{int:pk}"
Value = Annotated[str, Field(max_length=2000)]


class MessageListing(Listing):
    """Which messages, in which order."""

    stream: Id | None = Field(None, description="The id of a stream.")
    conversation: Id | None = Field(None, description="The id of a conversation.")
    contact: Id | None = Field(None, description="The id of a contact.")
    direction: Literal["in", "out"] | None = None
    status: Annotated[str, Field(max_length=12)] = Field("", description="One of the statuses of a message.")
    after: Id | None = Field(None, description="Only those with a greater id: what came since the last one seen.")
    order: Literal["newest", "oldest"] = "newest"


@router.operation("GET", "/messages", scope=ApiScope.READ, answer=Page[answers.Message])
def list_messages(request: HttpRequest, asked: Annotated[MessageListing, Query()]) -> dict[str, Any]:
    """The messages of the conversations that this key sees.

    To be told what customers write, ask with direction=in, order=oldest and the id of the last one in `after`.
    Messages that arrive at the same moment can become visible out of order, so a program that must not miss one
    subscribes to webhooks, or asks again for the last minute.
    """
    rows = messages_of(request)
    same = {"stream": asked.stream, "conversation": asked.conversation, "conversation__contact": asked.contact}
    wanted: dict[str, Any] = {**same, "direction": asked.direction, "pk__gt": asked.after}
    if asked.status:
        if asked.status not in MessageStatus.values:
            known = ", ".join(MessageStatus.values)
            raise Refused(422, "not_a_choice", f"There is no status {asked.status}. Choose among {known}.", "status")
        wanted["status"] = asked.status
    rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
    found = rows_by_id(rows, asked, newest_first=asked.order == "newest")
    return page(request, found, asked, show=answers.Message.of)


class MediaGiven(Given):
    """A file: where it lies, or the id under which it was uploaded."""

    kind: Literal["image", "video", "document"]
    link: str = Field("", max_length=2000, description="An https address.")
    external_id: str = Field("", max_length=200, description="The id of an uploaded file.")
    filename: str = Field("", max_length=255)


class TemplateGiven(Given):
    """A WhatsApp template, by its name and language on the stream, and what stands in its places."""

    name: str = Field(max_length=512)
    language: str = Field("", max_length=12, description="May be left out where the name has one language only.")
    header: dict[str, Value] = Field({}, description="Values of the header by the names of their places.")
    body: dict[str, Value] = Field({}, description='Values of the body, such as {"1": "Amira"}.')
    buttons: dict[str, Value] = Field({}, description="Values of buttons by their place, beginning with 0.")
    media: MediaGiven | None = Field(None, description="The file of the header, where it has one.")


class ContentGiven(Given):
    """A text or a template, and when it is sent."""

    model_config = example(body="Your engineer comes on Thursday between 9 and 11.")

    body: str | None = Field(None, max_length=20_000, description="The text. Leave it out for a template.")
    template: TemplateGiven | None = Field(None, description="A template. Leave it out for a text.")
    scheduled_for: Moment | None = Field(None, description="Not before; null: now.")
    valid_until: Moment | None = Field(None, description="Not after; texts only.")
    cancel_on_reply: bool = Field(
        False, description="A scheduled text is not wanted any more once the customer writes."
    )


class MessageGiven(ContentGiven):
    """A message to a number."""

    model_config = example(stream=1, to="+447700900142", body="Your engineer comes on Thursday.")

    stream: Id = Field(description="The id of a stream that may be written on.")
    to: str = Field(max_length=60, description="A phone number; without a country code it is of the stream's country.")


@router.operation("POST", "/messages", scope=ApiScope.SEND, answer=answers.Message, status=201)
def send_message(request: HttpRequest, given: MessageGiven) -> answers.Message:
    """Send a text or a template to a number, in its conversation, which is opened where there is none.

    201 means that it is queued: what becomes of it is read at /messages/{pk}.
    """
    stream = stream_to_write_on(request, given.stream)
    try:
        contact = contact_for_number(given.to, stream=stream)
    except ValidationError as error:
        raise Refused(422, error.code or "number", " ".join(error.messages), "to") from error
    conversation = open_conversation(stream=stream, contact=contact, actor=user_of(request))
    return _send(request, conversation, given)


@router.operation("POST", "/conversations/{int:pk}/messages", scope=ApiScope.SEND, answer=answers.Message, status=201)
def reply(request: HttpRequest, pk: int, given: ContentGiven) -> answers.Message:
    """Send a text or a template in a conversation."""
    return _send(request, visible_conversation(request, pk), given)


def _send(request: HttpRequest, conversation: Conversation, given: ContentGiven) -> answers.Message:
    if (given.body is None) == (given.template is None):
        raise Refused(422, "one_of_both", "Give a body or a template, one of the two.", "body")
    user = user_of(request)
    if given.template is not None:
        if given.valid_until is not None:
            raise Refused(422, "texts_only", "A template has no end of validity. Leave it out.", "valid_until")
        message = compose.queue_template(
            conversation=conversation,
            template=_template(conversation.stream, given.template),
            values=_values(given.template),
            author=user,
            media=given.template.media.model_dump(exclude_defaults=True) if given.template.media else None,
            scheduled_for=given.scheduled_for,
        )
    else:
        check_filled(given.body or "")
        message = compose.queue_message(
            conversation=conversation,
            body=given.body or "",
            author=user,
            scheduled_for=given.scheduled_for,
            valid_until=given.valid_until,
        )
    if given.cancel_on_reply and given.scheduled_for is not None:
        message.cancel_on_reply = True
        message.save(update_fields=["cancel_on_reply"])
    return shown_message(request, message.pk)


def _template(stream: Stream, given: TemplateGiven) -> WhatsAppTemplate:
    found = list(stream.templates.filter(name=given.name).select_related("stream__account").order_by("pk"))
    if given.language:
        found = [one for one in found if one.language == given.language]
    if not found:
        raise Refused(
            422, "template_unknown", f"{stream} has no template {given.name} in that language.", "template.name"
        )
    if len(found) > 1:
        known = ", ".join(one.language for one in found)
        raise Refused(422, "language_missing", f"Choose a language of {given.name}: {known}.", "template.language")
    return found[0]


def _values(given: TemplateGiven) -> dict[str, Any]:
    """The values in the shape of messaging.whatsapp.render_components."""
    named = {"header": given.header, "body": given.body, "buttons": given.buttons}
    return {part: dict(values) for part, values in named.items() if values}


@router.operation("GET", _PLACE, scope=ApiScope.READ, answer=answers.Message)
def read_message(request: HttpRequest, pk: int) -> answers.Message:
    """One message, and what has become of it."""
    return shown_message(request, pk)


@router.operation("GET", f"{_PLACE}/attempts", scope=ApiScope.READ, answer=answers.Attempts)
def list_attempts(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Every request to the provider that carried a message, and what came of it."""
    message = visible_message(request, pk)
    results = message.results.select_related("attempt").order_by("pk")
    return {"items": [answers.Attempt.of(one, text=readable(one.text, stream=message.stream)) for one in results]}


class WaitingGiven(Given):
    """What changes about a message that waits; what is left out stays."""

    model_config = example(scheduled_for="2026-11-23T09:00:00Z")

    body: str | None = Field(None, max_length=20_000)
    scheduled_for: Moment | None = None
    valid_until: Moment | None = None


@router.operation("PATCH", _PLACE, scope=ApiScope.SEND, answer=answers.Message)
def edit_message(request: HttpRequest, pk: int, given: WaitingGiven) -> answers.Message:
    """Give a waiting message other words or another time. 409 when it has left."""
    message = visible_message(request, pk)
    named = {name: getattr(given, name) for name in given.model_fields_set}
    present = {"body": message.body, "scheduled_for": message.scheduled_for, "valid_until": message.valid_until}
    wanted = present | named
    scheduling.edit_waiting(message=message, actor=user_of(request), **{**wanted, "body": wanted["body"] or ""})
    return shown_message(request, pk)


@router.operation("POST", f"{_PLACE}/cancel", scope=ApiScope.SEND, answer=answers.Message)
def cancel_message(request: HttpRequest, pk: int) -> answers.Message:
    """Stop a message that has not left us. 409 when it has."""
    compose.cancel_message(visible_message(request, pk), actor=user_of(request))
    return shown_message(request, pk)


@router.operation("POST", f"{_PLACE}/send-now", scope=ApiScope.SEND, answer=answers.Message)
def send_now(request: HttpRequest, pk: int) -> answers.Message:
    """Let a waiting message go at once. 409 when it has left."""
    scheduling.send_now(message=visible_message(request, pk), actor=user_of(request))
    return shown_message(request, pk)


@router.operation("POST", f"{_PLACE}/send-again", scope=ApiScope.SEND, answer=answers.Message, status=201)
def send_again(request: HttpRequest, pk: int) -> answers.Message:
    """Send the words of a message that certainly did not arrive as a new message, once.

    409 when it may have arrived.
    """
    message = visible_message(request, pk)
    new = compose.send_again(message, actor=user_of(request), client_key=compose.again_key(message))
    return shown_message(request, new.pk)


class DecisionGiven(Given):
    """A decision on a message that may have arrived."""

    model_config = example(reason="The customer answered it on the phone.")

    reason: str = Field(max_length=200, description="How somebody knows; it is kept.")


@router.operation("POST", f"{_PLACE}/arrived", scope=ApiScope.SEND, answer=answers.Message)
def note_arrival(request: HttpRequest, pk: int, given: DecisionGiven) -> answers.Message:
    """Settle an unconfirmed message that the customer is known to have. For supervisors."""
    unconfirmed.it_arrived(visible_message(request, pk), actor=user_of(request), reason=given.reason)
    return shown_message(request, pk)


@router.operation("POST", f"{_PLACE}/send-anyway", scope=ApiScope.SEND, answer=answers.Message)
def send_anyway(request: HttpRequest, pk: int, given: DecisionGiven) -> answers.Message:
    """Send an unconfirmed message once more and accept that the customer may get it twice. For supervisors."""
    unconfirmed.send_again(visible_message(request, pk), actor=user_of(request), reason=given.reason)
    return shown_message(request, pk)
