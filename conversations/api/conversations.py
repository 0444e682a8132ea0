"""Conversations: lists of them, opening one, and what people do to one."""

from __future__ import annotations

from datetime import datetime
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
from conversations.api.paging import Listing, Page, page
from conversations.api.rows import (
    conversations_of,
    offered_tags,
    shown_conversation,
    stream_to_write_on,
    visible_conversation,
)
from conversations.models import Contact, Conversation, Stream, Team, User
from conversations.models.api_key import ApiScope
from conversations.models.audit import AuditAction
from conversations.models.conversation import IN_INBOX, ConversationQuerySet, ListOrder
from conversations.services import audit, handling
from conversations.services.conversations import contact_for_number, open_conversation
from conversations.services.handling import Handled
from conversations.services.search import Search, SearchTookTooLong, time_limit
from conversations.services.transcript import transcript_of

router = Resource(tags=["Conversations"])
_PLACE = "/conversations/{int:pk}"


class ConversationListing(Listing):
    """Which conversations, in which order."""

    status: Literal["inbox", "any", "dormant", "open", "waiting", "snoozed", "resolved", "archived"] = Field(
        "inbox", description="inbox: open, waiting or snoozed."
    )
    stream: Id | None = Field(None, description="The id of a stream.")
    contact: Id | None = Field(None, description="The id of a contact.")
    assignee: Annotated[str, Field(max_length=254)] = Field(
        "", description="The e-mail address of a person; nobody: those that nobody has."
    )
    tag: Annotated[str, Field(max_length=40)] = Field("", description="The name of a tag.")
    unread: bool | None = Field(None, description="true: the customer wrote since somebody looked.")
    q: Annotated[str, Field(max_length=100)] = Field("", description="Words of the name, or digits of the number.")
    order: Literal["newest", "oldest", "urgent"] = Field("newest", description="By the last message, or by urgency.")


@router.operation("GET", "/conversations", scope=ApiScope.READ, answer=Page[answers.Conversation])
def list_conversations(request: HttpRequest, asked: Annotated[ConversationListing, Query()]) -> dict[str, Any]:
    """The conversations that this key sees.

    To poll, ask with If-None-Match and the ETag of the last answer.
    """
    order = ListOrder(asked.order)
    column = "urgency" if order == ListOrder.URGENT else "last_message_at"
    after = asked.seen(int if order == ListOrder.URGENT else datetime, int)
    user, found = user_of(request), _wanted(request, asked)
    if user.is_limited:
        found = found.visible_to(user)
    if after is not None:
        found = found.following(order, *after)
    visible = Stream.objects.visible_to(user)
    streams = list(visible.filter(pk=asked.stream) if asked.stream else visible)
    keys = found.keys_stream_by_stream(order, [one.pk for one in streams], asked.limit + 1)
    by_key = conversations_of(request).in_bulk(keys)
    rows = [by_key[pk] for pk in keys if pk in by_key]
    return page(request, rows, asked, show=answers.Conversation.of, key=lambda row: (getattr(row, column), row.pk))


def _wanted(request: HttpRequest, asked: ConversationListing) -> ConversationQuerySet:
    found = Conversation.objects.all()
    if asked.status == "inbox":
        found = found.filter(status__in=IN_INBOX)
    elif asked.status != "any":
        found = found.filter(status=asked.status)
    if asked.contact:
        found = found.filter(contact=asked.contact)
    if asked.assignee == "nobody":
        found = found.unassigned()
    elif asked.assignee:
        found = found.filter(assignee__email=asked.assignee.lower())
    if asked.tag:
        found = found.filter(tags__name__iexact=asked.tag)
    if asked.unread is not None:
        found = found.filter(unread_count__gt=0) if asked.unread else found.filter(unread_count=0)
    if asked.q:
        found = found.filter(contact__in=_people(request, asked.q))
    return found


def _people(request: HttpRequest, text: str) -> list[Contact]:
    try:
        with time_limit():
            return Search(text, user_of(request)).people()
    except SearchTookTooLong as error:
        raise Refused(422, "search_too_long", error.sentence, "q") from error


class ConversationGiven(Given):
    """Whom to talk to, and on which stream."""

    model_config = example(stream=1, to="+447700900142")

    stream: Id = Field(description="The id of a stream that may be written on.")
    to: str = Field(max_length=60, description="A phone number; without a country code it is of the stream's country.")


@router.operation("POST", "/conversations", scope=ApiScope.SEND, answer=answers.Conversation, status=201)
def open_a_conversation(request: HttpRequest, given: ConversationGiven) -> answers.Conversation:
    """Open a conversation without a message.

    The one that is open is answered where there is one, and one that was resolved lately is opened again.
    """
    stream = stream_to_write_on(request, given.stream)
    try:
        contact = contact_for_number(given.to, stream=stream)
    except ValidationError as error:
        raise Refused(422, error.code or "number", " ".join(error.messages), "to") from error
    conversation = open_conversation(stream=stream, contact=contact, actor=user_of(request))
    return shown_conversation(request, conversation.pk)


@router.operation("GET", _PLACE, scope=ApiScope.READ, answer=answers.Conversation)
def read_conversation(request: HttpRequest, pk: int) -> answers.Conversation:
    """One conversation. Reading it here does not mark it as read."""
    found = visible_conversation(request, pk)
    audit.note_look(user_of(request), found, streams={found.stream_id}, request=request)
    return shown_conversation(request, pk)


class AssignmentGiven(Given):
    """Who has the conversation from now on: a person, a team, or with neither nobody."""

    model_config = example(person="priya@fernhill.example")

    person: str | None = Field(None, max_length=254, description="An e-mail address.")
    team: str | None = Field(None, max_length=100, description="The name of a team.")


@router.operation("POST", f"{_PLACE}/assign", scope=ApiScope.SEND, answer=answers.Conversation)
def assign(request: HttpRequest, pk: int, given: AssignmentGiven) -> answers.Conversation:
    """Give a conversation to a person, to a team, or to nobody."""
    found = visible_conversation(request, pk)
    if given.person is not None and given.team is not None:
        raise Refused(422, "one_of_both", "Name a person or a team, not both.", "team")
    person: User | None = None
    team: Team | None = None
    if given.person is not None:
        person = User.objects.who_see([found.stream]).filter(email=given.person.strip().lower()).first()
        if person is None:
            sentence = f"Nobody who sees {found.stream} signs in as {given.person}. Choose somebody else."
            raise Refused(422, "person_unknown", sentence, "person")
    if given.team is not None:
        team = Team.objects.who_see([found.stream]).filter(name=given.team).first()
        if team is None:
            sentence = f"No team called {given.team} sees {found.stream}. Choose another one."
            raise Refused(422, "team_unknown", sentence, "team")
    return _handled(request, pk, handling.assign([pk], actor=user_of(request), to=person, team=team), "cannot_see")


@router.operation("POST", f"{_PLACE}/claim", scope=ApiScope.SEND, answer=answers.Conversation)
def claim(request: HttpRequest, pk: int) -> answers.Conversation:
    """Take a conversation that nobody has, for whom the key acts for. 409 when somebody was quicker."""
    handling.claim(visible_conversation(request, pk), actor=user_of(request))
    return shown_conversation(request, pk)


@router.operation("POST", f"{_PLACE}/resolve", scope=ApiScope.SEND, answer=answers.Conversation)
def resolve(request: HttpRequest, pk: int) -> answers.Conversation:
    """The work is done; a reply of the customer opens it again."""
    visible_conversation(request, pk)
    return _handled(request, pk, handling.resolve([pk], actor=user_of(request)))


@router.operation("POST", f"{_PLACE}/reopen", scope=ApiScope.SEND, answer=answers.Conversation)
def reopen(request: HttpRequest, pk: int) -> answers.Conversation:
    """Work again on a resolved conversation. 409 when the contact has another one open on the stream."""
    visible_conversation(request, pk)
    return _handled(request, pk, handling.reopen([pk], actor=user_of(request)), "another_is_open")


class SnoozeGiven(Given):
    """When a conversation comes back."""

    model_config = example(until="2026-11-23T09:00:00Z")

    until: Moment | None = Field(None, description="Null: when the customer writes, which brings it back anyway.")


@router.operation("POST", f"{_PLACE}/snooze", scope=ApiScope.SEND, answer=answers.Conversation)
def snooze(request: HttpRequest, pk: int, given: SnoozeGiven) -> answers.Conversation:
    """Put a conversation out of sight for a time."""
    visible_conversation(request, pk)
    return _handled(request, pk, handling.snooze([pk], until=given.until, actor=user_of(request)))


@router.operation("POST", f"{_PLACE}/wake", scope=ApiScope.SEND, answer=answers.Conversation)
def wake(request: HttpRequest, pk: int) -> answers.Conversation:
    """Bring a snoozed conversation back now."""
    visible_conversation(request, pk)
    return _handled(request, pk, handling.wake([pk], actor=user_of(request)))


class MarkGiven(Given):
    """Whether somebody has still to look at it."""

    model_config = example(unread=False)

    unread: bool


@router.operation("POST", f"{_PLACE}/mark", scope=ApiScope.SEND, answer=answers.Conversation)
def mark(request: HttpRequest, pk: int, given: MarkGiven) -> answers.Conversation:
    """Mark a conversation as read or as unread."""
    visible_conversation(request, pk)
    return _handled(request, pk, handling.mark([pk], unread=given.unread, actor=user_of(request)))


class TagsGiven(Given):
    """Tags by their names."""

    model_config = example(add=["Billing"], remove=[])

    add: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=50)
    remove: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=50)


@router.operation("POST", f"{_PLACE}/tags", scope=ApiScope.SEND, answer=answers.Conversation)
def tag(request: HttpRequest, pk: int, given: TagsGiven) -> answers.Conversation:
    """Put tags on a conversation and take others off."""
    visible_conversation(request, pk)
    add, remove = offered_tags(given.add, "add"), offered_tags(given.remove, "remove")
    return _handled(request, pk, handling.tag([pk], add=add, remove=remove, actor=user_of(request)))


@router.operation("GET", f"{_PLACE}/transcript", scope=ApiScope.READ, answer=answers.Transcript)
def read_transcript(request: HttpRequest, pk: int, remarks: bool = False) -> answers.Transcript:
    """A conversation from its first word to its last; `remarks` adds what only the team may read."""
    found = visible_conversation(request, pk)
    audit.record(AuditAction.EXPORTED, actor=user_of(request), subject=found, summary="Transcript.", request=request)
    return answers.Transcript.of(transcript_of(found, with_remarks=remarks))


def _handled(request: HttpRequest, pk: int, came_of: Handled, code: str = "refused") -> answers.Conversation:
    """The conversation as it is now; a refusal when the action was refused."""
    if came_of.refused:
        raise ValidationError(came_of.refused[0][1], code=code)
    return shown_conversation(request, pk)
