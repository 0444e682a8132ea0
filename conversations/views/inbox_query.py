"""What an inbox page was asked for, as it stands in the address: view, status, stream, order, text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest
from django.urls import reverse

from conversations.models import Conversation, Message, Stream, User
from conversations.models.conversation import IN_INBOX, ConversationQuerySet, ConversationStatus
from conversations.models.message import NOT_ARRIVED, Direction, MessageStatus

MAX_TEXT = 100
Word = TypeVar("Word", bound=StrEnum)


class View(StrEnum):
    """The views of the inbox."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    ALL = "all"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    SCHEDULED = "scheduled"


class Standing(StrEnum):
    """Whose turn it is, as an inbox divides its conversations."""

    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"


class Order(StrEnum):
    """The orders of a list."""

    URGENT = "urgent"
    NEWEST = "newest"


BY_PERSON = (View.MINE, View.UNASSIGNED, View.ALL)  # these are divided by standing

STATUSES: dict[Standing, tuple[str, ...]] = {
    Standing.OPEN: (ConversationStatus.OPEN,),
    Standing.WAITING: (ConversationStatus.WAITING, ConversationStatus.SNOOZED),
    Standing.RESOLVED: (ConversationStatus.RESOLVED,),
}


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """One list of conversations. `as_query` and `read` are each other's reverse; defaults are left out."""

    view: View = View.MINE
    standing: Standing = Standing.OPEN
    stream: Stream | None = None
    order: Order | None = None
    text: str = ""

    @classmethod
    def read(cls, request: HttpRequest) -> InboxQuery:
        """The list an address names. Raises Http404 for a stream this user cannot see; other words are ignored."""
        given = request.GET
        text = given.get("q", "").replace("\x00", "").strip()[:MAX_TEXT]
        return cls(
            view=_word(View, given.get("view")) or View.MINE,
            standing=_word(Standing, given.get("status")) or Standing.OPEN,
            stream=_visible_stream(request.user, given.get("stream")),
            order=_word(Order, given.get("sort")),
            text=text,
        )

    def changed(self, **changes: object) -> InboxQuery:
        """The same list but for some words."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def as_query(self, **extra: object) -> str:
        """The words of an address, with `extra` ones added."""
        words: dict[str, object] = {}
        if self.view != View.MINE:
            words["view"] = self.view
        if self.standing != Standing.OPEN:
            words["status"] = self.standing
        if self.stream is not None:
            words["stream"] = self.stream.pk
        if self.order is not None:
            words["sort"] = self.order
        if self.text:
            words["q"] = self.text
        return urlencode(words | extra)

    @property
    def without_text(self) -> InboxQuery:
        """The whole list."""
        return self.changed(text="")

    @property
    def address(self) -> str:
        """The address of the inbox with this list."""
        words = self.as_query()
        return f"{reverse('inbox')}?{words}" if words else reverse("inbox")

    @property
    def sort(self) -> Order:
        """The order in force: most urgent first where there is something to answer."""
        if self.order is not None:
            return self.order
        return Order.URGENT if self.view in BY_PERSON and self.standing == Standing.OPEN else Order.NEWEST

    @property
    def is_divided(self) -> bool:
        """Does the list show one standing at a time?"""
        return self.view in BY_PERSON

    @property
    def title(self) -> str:
        """What the list is called."""
        if self.stream is not None:
            return self.stream.name
        if self.view == View.ALL:
            return {Standing.OPEN: "All open", Standing.WAITING: "Waiting", Standing.RESOLVED: "Resolved"}[
                self.standing
            ]
        return {
            View.MINE: "Mine",
            View.UNASSIGNED: "Unassigned",
            View.FAILED: "Failed sends",
            View.UNCONFIRMED: "Not confirmed",
            View.SCHEDULED: "Scheduled",
        }[self.view]

    def conversations(self, user: User) -> ConversationQuerySet:
        """The conversations of the list, without an order."""
        found = Conversation.objects.visible_to(user).filter(in_view(self.view, user))
        if self.is_divided:
            found = found.filter(status__in=STATUSES[self.standing])
        if self.stream is not None:
            found = found.filter(stream=self.stream)
        if self.text:
            found = found.filter(_matches(self.text))
        return found


def in_view(view: View, user: User) -> Q:
    """The condition of a view."""
    match view:
        case View.MINE:
            return Q(assignee=user.pk)
        case View.UNASSIGNED:
            return Q(assignee=None)
        case View.FAILED:
            return Q(status__in=IN_INBOX, pk__in=unanswered_failures().values("conversation"))
        case View.UNCONFIRMED:
            return Q(pk__in=_with_status(MessageStatus.UNCONFIRMED))
        case View.SCHEDULED:
            return Q(pk__in=_with_status(MessageStatus.SCHEDULED))
        case _:
            return Q()


def unanswered_failures() -> QuerySet[Message]:
    """Messages that did not arrive and that nobody has followed by another one."""
    followed = (
        Message.objects.outbound()
        .filter(conversation=OuterRef("conversation"), pk__gt=OuterRef("pk"))
        .exclude(status__in=(*NOT_ARRIVED, MessageStatus.CANCELLED))
    )
    return Message.objects.filter(Q(status__in=NOT_ARRIVED) & ~Exists(followed), direction=Direction.OUT)


def _with_status(status: str) -> QuerySet[Message, Any]:
    return Message.objects.filter(status=status).values("conversation")


def _matches(text: str) -> Q:
    condition = Q()
    for word in text.split():
        condition &= Q(contact__first_name__icontains=word) | Q(contact__last_name__icontains=word)
    digits = "".join(character for character in text if character.isdecimal()).lstrip("0")
    if len(digits) >= 3 and not any(character.isalpha() for character in text):
        condition |= Q(contact__phone__contains=digits)
    return condition


def _visible_stream(user: object, given: str | None) -> Stream | None:
    if not given:
        return None
    assert isinstance(user, User)
    stream = None
    if given.isascii() and given.isdigit() and len(given) < 19:
        stream = Stream.objects.visible_to(user).filter(pk=int(given)).first()
    if stream is None:
        raise Http404("No such stream.")
    return stream


def _word(words: type[Word], given: str | None) -> Word | None:
    try:
        return words(given or "")
    except ValueError:
        return None
