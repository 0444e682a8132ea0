"""What an inbox page was asked for, as it stands in the address: view, status, filters, order, text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone

from conversations.forms.base import id_in
from conversations.models import Conversation, Stream, Tag, Team, User
from conversations.models.conversation import ConversationQuerySet, ConversationStatus, ListOrder
from conversations.models.message import MessageStatus
from conversations.models.stream import Channel

MAX_TEXT = 100
Word = TypeVar("Word", bound=StrEnum)
Row = TypeVar("Row", bound=Model)


class View(StrEnum):
    """The views of the inbox."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    MENTIONS = "mentions"
    CLOSING = "closing"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    DRAFTS = "drafts"
    SCHEDULED = "scheduled"
    ALL = "all"


class Standing(StrEnum):
    """Whose turn it is, as an inbox divides its conversations; the words are those of their statuses."""

    OPEN = "open"
    WAITING = "waiting"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


BY_PERSON = (View.MINE, View.UNASSIGNED, View.ALL)  # these are divided by standing
COUNTED = (Standing.OPEN, Standing.WAITING, Standing.SNOOZED)  # what is resolved only ever grows

_TITLES = {
    View.MINE: "Mine",
    View.UNASSIGNED: "Unassigned",
    View.MENTIONS: "Mentions",
    View.CLOSING: "Window closing",
    View.FAILED: "Failed sends",
    View.UNCONFIRMED: "Not confirmed",
    View.DRAFTS: "Drafts",
    View.SCHEDULED: "Scheduled",
}
_TITLES_OF_ALL = {
    Standing.OPEN: "All open",
    Standing.WAITING: "Waiting",
    Standing.SNOOZED: "Snoozed",
    Standing.RESOLVED: "Resolved",
}


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """One list of conversations. `as_query` and `read` are each other's reverse; defaults are left out."""

    view: View = View.MINE
    standing: Standing = Standing.OPEN
    stream: Stream | None = None
    assignee: User | None = None
    team: Team | None = None
    tag: Tag | None = None
    channel: Channel | None = None
    unread: bool = False
    order: ListOrder | None = None
    text: str = ""

    @classmethod
    def read(cls, request: HttpRequest) -> InboxQuery:
        """The list an address names. Raises Http404 for a row this user cannot see; other words are ignored."""
        assert isinstance(request.user, User)
        return cls.of_words(request.GET, request.user)

    @classmethod
    def of_words(cls, given: QueryDict, user: User) -> InboxQuery:
        """The list of some words. Raises Http404 for a row this user cannot see; other words are ignored."""
        text = given.get("q", "").replace("\x00", "").strip()[:MAX_TEXT]
        return cls(
            view=_word(View, given.get("view")) or View.MINE,
            standing=_word(Standing, given.get("status")) or Standing.OPEN,
            stream=_named(lambda: Stream.objects.visible_to(user), given.get("stream")),
            assignee=_named(User.objects.all, given.get("assignee")),
            team=_named(lambda: Team.objects.visible_to(user), given.get("team")),
            tag=_named(Tag.objects.all, given.get("tag")),
            channel=Channel(channel) if (channel := given.get("channel", "")) in Channel.values else None,
            unread=given.get("unread") == "1",
            order=_word(ListOrder, given.get("sort")),
            text=text,
        )

    def changed(self, **changes: object) -> InboxQuery:
        """The same list but for some words."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def as_query(self, **extra: object) -> str:
        """The words of an address, with `extra` ones added."""
        return urlencode(self.as_words | extra)

    @property
    def as_words(self) -> dict[str, object]:
        """The words of an address, by name."""
        words: dict[str, object] = {}
        if self.view != View.MINE:
            words["view"] = self.view
        if self.standing != Standing.OPEN:
            words["status"] = self.standing
        for name in ("stream", "assignee", "team", "tag"):
            if (row := getattr(self, name)) is not None:
                words[name] = row.pk
        if self.channel is not None:
            words["channel"] = self.channel.value
        if self.unread:
            words["unread"] = 1
        if self.order is not None:
            words["sort"] = self.order
        if self.text:
            words["q"] = self.text
        return words

    @property
    def without_text(self) -> InboxQuery:
        """The whole list."""
        return self.changed(text="")

    @property
    def without_filters(self) -> InboxQuery:
        """The view as it is without what narrows it."""
        return InboxQuery(view=self.view, standing=self.standing, order=self.order)

    @property
    def address(self) -> str:
        """The address of the inbox with this list."""
        words = self.as_query()
        return f"{reverse('inbox')}?{words}" if words else reverse("inbox")

    @property
    def sort(self) -> ListOrder:
        """The order in force: most urgent first where something is to be done, newest first elsewhere."""
        if self.order is not None:
            return self.order
        newest = self.is_divided and self.standing in (Standing.WAITING, Standing.RESOLVED)
        return ListOrder.NEWEST if newest else ListOrder.URGENT

    @property
    def is_divided(self) -> bool:
        """Does the list show one standing at a time?"""
        return self.view in BY_PERSON

    @property
    def is_one_stream(self) -> bool:
        """Is it everything on one stream and nothing narrower?"""
        return self.view == View.ALL and self.stream is not None and self.narrowed_by == ["stream"]

    @property
    def narrowed_by(self) -> list[str]:
        """The filters in force, by name."""
        names = ("stream", "assignee", "team", "tag", "channel", "unread")
        return [name for name in names if getattr(self, name)]

    @property
    def is_narrowed(self) -> bool:
        """Does it hold less than its view, in a way that nobody counts beforehand?"""
        return bool(self.text) or (bool(self.narrowed_by) and not self.is_one_stream)

    @property
    def title(self) -> str:
        """What the list is called."""
        if self.is_one_stream:
            return str(self.stream)
        return _TITLES_OF_ALL[self.standing] if self.view == View.ALL else _TITLES[self.view]

    def rows(self, user: User) -> ConversationQuerySet:
        """The conversations of the list, in no order, without asking which of them this user may see."""
        found = _in_view(Conversation.objects.all(), self.view, user)
        if self.is_divided:
            found = found.filter(status=ConversationStatus(self.standing))
        for name in ("stream", "assignee", "team"):
            if (row := getattr(self, name)) is not None:
                found = found.filter(**{name: row})
        if self.tag is not None:
            found = found.filter(tag_rows__tag=self.tag)
        if self.channel is not None:
            found = found.filter(stream__channel=self.channel)
        if self.unread:
            found = found.filter(unread_count__gt=0)
        return found.matching(self.text) if self.text else found

    def conversations(self, user: User) -> ConversationQuerySet:
        """The conversations of the list that this user may see, in no order."""
        return self.rows(user).visible_to(user)


def _in_view(conversations: ConversationQuerySet, view: View, user: User) -> ConversationQuerySet:
    match view:
        case View.MINE:
            return conversations.filter(assignee=user.pk)
        case View.UNASSIGNED:
            return conversations.unassigned()
        case View.MENTIONS:
            return conversations.mentioning(user)
        case View.CLOSING:
            return conversations.window_closing(timezone.now())
        case View.FAILED:
            return conversations.with_failed_send()
        case View.UNCONFIRMED:
            return conversations.with_message(MessageStatus.UNCONFIRMED)
        case View.DRAFTS:
            return conversations.with_draft_of(user)
        case View.SCHEDULED:
            return conversations.with_message(MessageStatus.SCHEDULED)
        case _:
            return conversations


def _named(rows: Callable[[], QuerySet[Row, Any]], given: str | None) -> Row | None:
    if not given:
        return None
    row = rows().filter(pk=id_in(given)).first()
    if row is None:
        raise Http404("No such list.")
    return row


def _word(words: type[Word], given: str | None) -> Word | None:
    try:
        return words(given or "")
    except ValueError:
        return None
