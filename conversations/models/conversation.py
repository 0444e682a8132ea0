"""A conversation: everything between one contact and one stream until it is resolved."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Subquery, When
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from conversations.models.composed import Given, Question
from conversations.models.inbox_triggers import PART, Urgency, conversation_triggers, first_of
from conversations.models.outgoing_triggers import conversation_outgoing_triggers
from conversations.models.report_triggers import conversation_report_triggers
from conversations.models.stream import Channel, Stream

if TYPE_CHECKING:
    from conversations.models.team import User


_OURS = Question(lambda: Stream.objects.filter(is_active=True).of_number(Given("phone")).order_by().values_list("pk"))


class ConversationStatus(models.TextChoices):
    """Where a conversation stands. The provider's own status id is kept beside it, in `external_status`."""

    DORMANT = "dormant", _("Dormant")  # made by a campaign; wakes when the customer answers
    OPEN = "open", _("Open")  # ours to answer
    WAITING = "waiting", _("Waiting")  # the customer's to answer
    SNOOZED = "snoozed", _("Snoozed")  # comes back at snoozed_until
    RESOLVED = "resolved", _("Resolved")  # done; a reply opens it again
    ARCHIVED = "archived", _("Archived")  # done and put away; a reply starts a new one


IN_INBOX = (ConversationStatus.OPEN, ConversationStatus.WAITING, ConversationStatus.SNOOZED)
CURRENT = (*IN_INBOX, ConversationStatus.DORMANT)  # at most one of these per stream and contact


_LISTED = ~Q(status=ConversationStatus.DORMANT)


class ListOrder(StrEnum):
    """The orders of a list of conversations."""

    URGENT = "urgent"
    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERS = {
    ListOrder.URGENT: ("urgency", "id"),
    ListOrder.NEWEST: ("-last_message_at", "-id"),
    ListOrder.OLDEST: ("last_message_at", "id"),
}
CLOSING_SOON = timedelta(hours=4)


def _within_reach(user: User) -> Q:
    """The conversations that a person may see of those on the streams that they see: the one place that decides it."""
    from conversations.models.team import Reach, TeamMembership

    if not user.is_limited:
        return Q()
    own = Q(assignee=user.pk)
    if user.reach == Reach.OWN:
        return own
    teams = TeamMembership.objects.filter(user=user.pk).values("team")
    colleagues = TeamMembership.objects.filter(team__in=teams).values("user")
    return own | Q(team__in=teams) | Q(assignee__in=colleagues) | Q(team=None, assignee=None)


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Questions about conversations."""

    def visible_to(self, user: User, *, streams: Collection[int] | None = None) -> ConversationQuerySet:
        """The conversations this user may see; every page, list and event goes through here.

        `streams` are the ids of Stream.objects.visible_to(user), where they were read for the same answer.
        """
        if user.sees_everything:
            return self
        seen = Stream.objects.visible_to(user) if streams is None else streams
        return self.filter(_within_reach(user), stream__in=seen)

    def current(self) -> ConversationQuerySet:
        """Neither resolved nor archived."""
        return self.filter(status__in=CURRENT)

    def in_inbox(self) -> ConversationQuerySet:
        """What an inbox lists: neither dormant nor done."""
        return self.filter(status__in=IN_INBOX)

    def unassigned(self) -> ConversationQuerySet:
        """Nobody has them, though a team may."""
        return self.filter(assignee=None)

    def for_teams_of(self, user: User) -> ConversationQuerySet:
        """Given to no team, or to one of this user's."""
        return self.filter(Q(team=None) | Q(team__in=user.memberships.values("team")))

    def mentioning(self, user: User) -> ConversationQuerySet:
        """In the inbox, with a remark that names this user."""
        from conversations.models.activity import Activity

        return self.in_inbox().filter(pk__in=Activity.objects.filter(mentions=user.pk).values("conversation"))

    def window_closing(self, at: datetime) -> ConversationQuerySet:
        """In the inbox, and WhatsApp's window closes within four hours."""
        return self.in_inbox().filter(window_closes_at__gt=at, window_closes_at__lte=at + CLOSING_SOON)

    def with_failed_send(self) -> ConversationQuerySet:
        """In the inbox, and the newest of our messages did not arrive."""
        return self.in_inbox().filter(failed_at__isnull=False)

    def with_message(self, status: str) -> ConversationQuerySet:
        """With a message of that status, whatever has become of the conversation."""
        from conversations.models.message import Message

        return self.filter(pk__in=Message.objects.filter(status=status).values("conversation"))

    def with_draft_of(self, user: User) -> ConversationQuerySet:
        """In which this user has begun to write."""
        from conversations.models.draft import Draft

        return self.filter(pk__in=Draft.objects.filter(user=user.pk).values("conversation"))

    def matching(self, text: str) -> ConversationQuerySet:
        """Whose contact's name has every word, or whose number has these digits."""
        condition = Q()
        for word in text.split():
            condition &= Q(contact__first_name__icontains=word) | Q(contact__last_name__icontains=word)
        digits = "".join(character for character in text if character.isdecimal()).lstrip("0")
        if len(digits) >= 3 and not any(character.isalpha() for character in text):
            condition |= Q(contact__phone__contains=digits)
        return self.filter(condition)

    def waking(self, at: datetime) -> ConversationQuerySet:
        """Snoozed until then, or until some time before."""
        return self.filter(status=ConversationStatus.SNOOZED, snoozed_until__lte=at)

    def listed_by_a_closed_window(self, at: datetime) -> ConversationQuerySet:
        """In the part of a list for open windows, though theirs has closed."""
        first = first_of(Urgency.WINDOW)
        closed = first + int(at.timestamp() * 1000)
        return self.in_inbox().filter(urgency__gte=first, urgency__lte=closed)

    def newest_first(self) -> ConversationQuerySet:
        """The order of the inbox, which keyset paging follows."""
        return self.in_order(ListOrder.NEWEST)

    def in_order(self, order: ListOrder) -> ConversationQuerySet:
        """In the order of a list."""
        return self.order_by(*_ORDERS[order])

    def following(self, order: ListOrder, key: Any, pk: int) -> ConversationQuerySet:
        """What comes after the row with that key (`urgency` or `last_message_at`) and id, in that order."""
        column = _ORDERS[order][0].lstrip("-")
        further = "lt" if order == ListOrder.NEWEST else "gt"
        # The first condition alone tells PostgreSQL where in the index to begin.
        return self.filter(
            Q(**{f"{column}__{further}e": key})
            & (Q(**{f"{column}__{further}": key}) | Q(**{column: key, f"pk__{further}": pk}))
        )

    def keys_stream_by_stream(self, order: ListOrder, streams: Collection[int], size: int) -> list[int]:
        """The ids of the first `size` rows that lie on these streams.

        Each stream is asked for its own first rows, which its index has in order; one question about several
        streams would read all their rows and sort them.
        """
        column = _ORDERS[order][0].lstrip("-")
        parts = [self.filter(stream=pk).in_order(order).values("id", column)[:size] for pk in streams]
        if len(parts) > 1:
            parts = [parts[0].union(*parts[1:], all=True).order_by(*_ORDERS[order])[:size]]
        return [row["id"] for part in parts for row in part]

    def for_list(self) -> ConversationQuerySet:
        """With the rows a list row shows, and `is_with_us`."""
        rows = self.select_related("contact", "stream__account", "stream__policy", "assignee", "team")
        ours = Stream.objects.filter(is_active=True)
        # Two lists without a reference to the row: PostgreSQL reads each once, however many rows there are.
        return rows.annotate(
            is_with_us=Case(
                When(contact__phone__in=ours.values("sender"), then=True),
                When(contact__phone__in=ours.values("inbound_number"), then=True),
                default=False,
            )
        )

    def with_attention(self, user: User) -> ConversationQuerySet:
        """With what the chips of a list row say: is_unconfirmed, sends_at, is_opted_out, has_draft, has_question."""
        from conversations.models.activity import Activity
        from conversations.models.consent import ConsentDecision, ConsentState
        from conversations.models.draft import Draft
        from conversations.models.message import Message, MessageStatus

        messages = Message.objects.filter(conversation=OuterRef("pk"))
        scheduled = messages.filter(status=MessageStatus.SCHEDULED).order_by("scheduled_for")
        consent = ConsentState.objects.applying(
            phone=OuterRef("contact__phone"),
            channel=OuterRef("stream__channel"),
            stream=OuterRef("stream"),
            brand=OuterRef("stream__business_name"),
        )
        present = Subquery(consent.deciding("service").values("service")[:1])
        return self.annotate(
            is_unconfirmed=Exists(messages.filter(status=MessageStatus.UNCONFIRMED)),
            sends_at=Subquery(scheduled.values("scheduled_for")[:1]),
            is_opted_out=Case(When(Exact(present, ConsentDecision.OPTED_OUT), then=True), default=False),
            has_draft=Exists(Draft.objects.filter(user=user.pk, conversation=OuterRef("pk"))),
            has_question=Exists(Activity.objects.open_questions().filter(conversation=OuterRef("pk"))),
        )


class Conversation(models.Model):
    """One contact on one stream, until resolved.

    Providers' terms: object, OBJECT_ID (Cirrus), chat (CCAI Platform); Webex Interact has none.
    """

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="conversations")
    sub_stream = models.ForeignKey(
        "conversations.SubStream",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="conversations",
        db_index=False,
    )
    contact = models.ForeignKey(
        "conversations.Contact", on_delete=models.PROTECT, related_name="conversations", db_index=False
    )
    status = models.CharField(max_length=10, choices=ConversationStatus.choices, default=ConversationStatus.OPEN)
    external_status = models.CharField(max_length=40, blank=True, help_text="The provider's own status, unchanged.")
    assignee = models.ForeignKey(
        "conversations.User",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="conversations",
        db_index=False,
    )
    team = models.ForeignKey(
        "conversations.Team",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="conversations",
        db_index=False,
    )
    tags = models.ManyToManyField(
        "conversations.Tag", through="conversations.ConversationTag", related_name="conversations"
    )
    external_id = models.CharField(max_length=64, blank=True)
    last_message_at = models.DateTimeField(default=timezone.now)
    last_message_preview = models.CharField(max_length=160, blank=True)
    last_message_direction = models.CharField(max_length=8, blank=True)
    last_inbound_at = models.DateTimeField(null=True, blank=True)
    window_closes_at = models.DateTimeField(
        null=True, blank=True, help_text="WhatsApp: free text may be sent until then."
    )
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="When the customer began to wait for an answer."
    )
    reply_due_at = models.DateTimeField(
        null=True, editable=False, help_text="When the customer should have an answer. Kept by PostgreSQL."
    )
    resolve_due_at = models.DateTimeField(
        null=True, editable=False, help_text="When it should be resolved. Kept by PostgreSQL."
    )
    due_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="What is due first of us: the answer, or the end of an open conversation. Kept by PostgreSQL.",
    )
    failed_at = models.DateTimeField(
        null=True, editable=False, help_text="Since when our newest message has not arrived. Kept by PostgreSQL."
    )
    urgency = models.BigIntegerField(
        default=0, editable=False, help_text="The place in a list: smaller is more urgent. Kept by PostgreSQL."
    )
    unread_count = models.PositiveIntegerField(default=0)
    snoozed_until = models.DateTimeField(
        null=True, blank=True, help_text="When it comes back by itself; without a time, when the customer writes."
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ("-last_message_at", "-id")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ConversationStatus.values), name="conversation_status_known"),
            models.UniqueConstraint(
                fields=("stream", "contact"), condition=Q(status__in=CURRENT), name="conversation_current_once"
            ),
        ]
        triggers = [
            *conversation_triggers(
                in_inbox=IN_INBOX, is_open=ConversationStatus.OPEN, snoozed=ConversationStatus.SNOOZED
            ),
            *conversation_report_triggers(),
            *conversation_outgoing_triggers(),
        ]
        indexes = [
            # Those that lists are read from leave out what campaigns make by the thousand and no list shows.
            models.Index(fields=("status", "urgency", "id"), name="conversation_urgent", condition=_LISTED),
            models.Index(
                fields=("assignee", "status", "urgency", "id"), name="conversation_urgent_of_user", condition=_LISTED
            ),
            models.Index(
                fields=("stream", "status", "urgency", "id"), name="conversation_urgent_on_stream", condition=_LISTED
            ),
            models.Index(
                fields=("stream", "status", "urgency", "id"),
                name="conversation_urgent_untaken",
                condition=_LISTED & Q(assignee__isnull=True),
            ),
            models.Index(
                fields=("status", "-last_message_at", "-id"), name="conversation_by_status", condition=_LISTED
            ),
            models.Index(
                fields=("assignee", "status", "-last_message_at", "-id"),
                name="conversation_new_of_user",
                condition=_LISTED,
            ),
            models.Index(
                fields=("stream", "status", "-last_message_at", "-id"),
                name="conversation_new_on_stream",
                condition=_LISTED,
            ),
            models.Index(fields=("assignee",), name="conversation_of_user", condition=Q(assignee__isnull=False)),
            models.Index(fields=("team",), name="conversation_of_team", condition=Q(team__isnull=False)),
            models.Index(
                fields=("sub_stream",), name="conversation_of_sub_stream", condition=Q(sub_stream__isnull=False)
            ),
            models.Index(
                fields=("window_closes_at",),
                name="conversation_window",
                condition=Q(status__in=IN_INBOX, window_closes_at__isnull=False),
            ),
            models.Index(
                fields=("reply_due_at",),
                name="conversation_reply_due",
                condition=Q(status=ConversationStatus.OPEN, assignee__isnull=False, reply_due_at__isnull=False),
            ),
            models.Index(
                fields=("snoozed_until",), name="conversation_waking", condition=Q(status=ConversationStatus.SNOOZED)
            ),
            models.Index(fields=("urgency",), name="conversation_failed", condition=Q(failed_at__isnull=False)),
            models.Index(fields=("contact", "-last_message_at"), name="conversation_of_contact"),
            models.Index(fields=("stream", "external_id"), name="conversation_external", condition=~Q(external_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.contact} on {self.stream}"

    @property
    def is_current(self) -> bool:
        """Neither resolved nor archived."""
        return self.status in CURRENT

    @cached_property
    def is_with_us(self) -> bool:
        """Is the contact one of our own numbers? An answer would go round in circles; for_list() brings it along."""
        return bool(_OURS.ask(phone=self.contact.phone))

    @property
    def window_is_open(self) -> bool:
        """May free text be sent? Always on SMS; on WhatsApp until 24 hours after the customer last wrote."""
        if self.stream.channel != Channel.WHATSAPP:
            return True
        return self.window_closes_at is not None and self.window_closes_at > timezone.now()

    @property
    def owes_a_reply(self) -> bool:
        """Is what is due first an answer? Else it is the end of the conversation."""
        return self.reply_due_at is not None and self.due_at == self.reply_due_at

    @property
    def part(self) -> Urgency:
        """The part of a list by urgency it stands in."""
        return Urgency(self.urgency // PART)
