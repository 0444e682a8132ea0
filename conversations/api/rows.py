"""The rows that a request may name: what its key does not see is not there."""

from __future__ import annotations

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from conversations.api import answers
from conversations.api.door import user_of
from conversations.api.errors import Refused
from conversations.models import Conversation, Message, Stream, Tag
from conversations.models.conversation import ConversationQuerySet
from conversations.models.message import MessageQuerySet


def conversations_of(request: HttpRequest) -> ConversationQuerySet:
    """The conversations that the key sees, with all that an answer shows of them."""
    rows = Conversation.objects.visible_to(user_of(request)).for_list()
    return rows.defer("stream__account__credentials").prefetch_related("tags")


def visible_conversation(request: HttpRequest, pk: int) -> Conversation:
    """One of them; Http404 for every other."""
    return get_object_or_404(Conversation.objects.visible_to(user_of(request)).for_list(), pk=pk)


def shown_conversation(request: HttpRequest, pk: int) -> answers.Conversation:
    """The conversation as it is now."""
    return answers.Conversation.of(get_object_or_404(conversations_of(request), pk=pk))


def messages_of(request: HttpRequest) -> MessageQuerySet:
    """The messages that the key sees, with all that an answer shows of them."""
    return Message.objects.visible_to(user_of(request)).select_related(
        "author", "conversation__contact", "conversation__stream__account", "stream__account", "template__stream"
    )


def visible_message(request: HttpRequest, pk: int) -> Message:
    """One of our own messages among them; Http404 for every other."""
    return get_object_or_404(messages_of(request).outbound(), pk=pk)


def shown_message(request: HttpRequest, pk: int) -> answers.Message:
    """The message as it is now."""
    return answers.Message.of(get_object_or_404(messages_of(request), pk=pk))


def stream_to_write_on(request: HttpRequest, pk: int) -> Stream:
    """A stream that the key's user may write on, and that works. Refused like one that is not there."""
    rows = Stream.objects.sendable_by(user_of(request)).working().select_related("account")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Refused(404, "not_found", f"There is no stream {pk} that this key may write on.", "stream")
    return found


def offered_tags(names: list[str], field: str) -> list[Tag]:
    """The tags of these names, in any case. Refused for one that is not offered."""
    known = {tag.name.casefold(): tag for tag in Tag.objects.offered()}
    for name in names:
        if name.casefold() not in known:
            raise Refused(422, "tag_unknown", f"There is no tag {name}. Supervisors decide which there are.", field)
    return [known[name.casefold()] for name in names]
