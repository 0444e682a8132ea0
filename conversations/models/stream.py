"""A stream: one channel of one account, the line a customer sees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.composed import Given
from messaging.phone import format_for_people
from messaging.registry import provider_class
from messaging.types import Channel as ChannelValue
from messaging.types import Limits, StreamConfig

if TYPE_CHECKING:
    from conversations.models.team import User

UNTIL_RESUMED = datetime(9999, 1, 1, tzinfo=UTC)  # the end of a pause that a person has to end


class Channel(models.TextChoices):
    """How a message reaches the customer. Providers' terms: stream provider type (Cirrus), chat_type (CCAI)."""

    SMS = "sms", _("SMS")
    WHATSAPP = "whatsapp", _("WhatsApp")


class StreamQuerySet(models.QuerySet["Stream"]):
    """Questions about streams."""

    def visible_to(self, user: User) -> StreamQuerySet:
        """The streams whose conversations this user may see; nothing for somebody who is not active."""
        if not user.is_active:
            return self.none()
        rows = self._left_to(user)
        if user.sees_every_stream:
            return rows
        return rows.filter(
            Exists(Stream.teams.through.objects.filter(stream=OuterRef("pk"), team__memberships__user=user.pk))
        )

    def sendable_by(self, user: User) -> StreamQuerySet:
        """The streams on which this user may write."""
        if not user.may_send:
            return self.none()
        rows = self._left_to(user)
        return rows if user.sees_every_stream else rows.sendable_by_team_of(user.pk)

    def sendable_by_team_of(self, user: int | Given) -> StreamQuerySet:
        """Those on which a team of this user may write."""
        teams = Stream.teams.through.objects.filter(stream=OuterRef("pk"), can_send=True)
        return self.filter(Exists(teams.filter(team__memberships__user=user)))

    def _left_to(self, user: User) -> StreamQuerySet:
        """All, unless an API key has narrowed its user to some."""
        return self if user.narrowed_to is None else self.filter(pk__in=user.narrowed_to)

    def of_number(self, phone: str | Given) -> StreamQuerySet:
        """The streams that send from this number, or that customers write to under it."""
        return self.filter(Q(sender=phone) | Q(inbound_number=phone))

    def working(self) -> StreamQuerySet:
        """Active streams of active accounts."""
        return self.filter(is_active=True, account__is_active=True)


class Stream(models.Model):
    """One channel of one account: what customers write to and hear from.

    Providers' terms: stream, STREAM_ID / ENCRYPTED_STREAM_ID (Cirrus), outbound_number (CCAI Platform), from /
    sender (Webex Interact).
    """

    account = models.ForeignKey("conversations.ProviderAccount", on_delete=models.PROTECT, related_name="streams")
    name = models.CharField(max_length=100, unique=True)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    external_id = models.CharField(max_length=200, blank=True, help_text=_("The stream's id at the provider."))
    sender = models.CharField(max_length=40, blank=True, help_text=_("The number or name that messages come from."))
    inbound_number = models.CharField(
        max_length=40, blank=True, help_text=_("The number customers write to, where it differs from the sender.")
    )
    business_name = models.CharField(
        max_length=100, blank=True, help_text=_("What the business is called in confirmations and opt-ins.")
    )
    region = models.CharField(
        max_length=2, default="GB", help_text=_("The country that numbers without a country code belong to.")
    )
    is_active = models.BooleanField(default=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)
    reply_within = models.PositiveIntegerField(
        _("answer within"),
        default=240,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Minutes of the working hours in which a customer who wrote should have an answer. Lists are sorted by it."
        ),
    )
    reply_again_within = models.PositiveIntegerField(
        _("answer again within"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Minutes of the working hours in which a customer who was answered before should have the next answer. "
            "Empty: as the first one."
        ),
    )
    resolve_within = models.PositiveIntegerField(
        _("resolve within"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Minutes of the working hours, from when it was opened, in which a conversation should be resolved. "
            "Empty: nobody promises that."
        ),
    )
    return_after = models.PositiveIntegerField(
        _("give back after"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Minutes of the working hours after which a conversation goes back among the unassigned when the person "
            "who has it leaves the customer waiting. Empty: never."
        ),
    )
    working_hours = models.ForeignKey(
        "conversations.WorkingHours",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="streams",
        help_text=_("When somebody is there to answer. Empty: around the clock."),
    )
    body_limit = models.PositiveIntegerField(
        default=1600, help_text=_("The longest text an agent may send, in characters.")
    )
    price = models.DecimalField(
        _("price of a text"),
        max_digits=9,
        decimal_places=5,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("About what one part of a text costs. Empty: nobody is told what a campaign comes to."),
    )
    currency = models.CharField(
        max_length=3,
        blank=True,
        default="GBP",
        validators=[RegexValidator(r"^[A-Z]{3}$", _("Three letters, such as GBP."))],
    )
    reopen_days = models.PositiveSmallIntegerField(
        _("opens again within"),
        default=7,
        validators=[MaxValueValidator(3650)],
        help_text=_(
            "Days after closing in which a conversation opens again when somebody writes. Later a new one begins; "
            "with 0 always."
        ),
    )
    keeps_words_for = models.PositiveIntegerField(
        _("keeps words for"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Days after which the texts of messages and remarks are emptied. Empty: for ever."),
    )
    keeps_files_for = models.PositiveIntegerField(
        _("keeps files for"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Days after which files of messages are removed. Empty: for ever."),
    )
    keeps_records_for = models.PositiveIntegerField(
        _("keeps raw records for"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Days after which requests, answers and calls of the provider are emptied. Empty: for ever."),
    )
    polls_messages = models.BooleanField(
        _("asks for messages"),
        default=False,
        help_text=_("For providers that can be asked, where no webhook is set up: every minute."),
    )
    checks_per_day = models.PositiveSmallIntegerField(
        _("number checks a day"),
        default=20,
        help_text=_("How many numbers may be looked up at WhatsApp in 24 hours. It bans businesses that check many."),
    )
    settings = models.JSONField(default=dict, blank=True)
    mirror_read_at = models.DateTimeField(
        null=True, editable=False, help_text="When the provider was last asked for the conversations it keeps."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StreamQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="stream_channel_known"),
            models.UniqueConstraint(
                fields=("account", "channel", "external_id", "sender"), name="stream_once_per_account"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def sender_display(self) -> str:
        """From whom a message comes, as people read it: a number in its international form, or a name."""
        return format_for_people(self.sender) or self.name

    @property
    def is_paused(self) -> bool:
        """Do messages wait here for now?"""
        return self.paused_until is not None and self.paused_until > timezone.now()

    @property
    def pause_ends_at(self) -> datetime | None:
        """When the pause is over by itself; None where somebody has to end it, and where there is none."""
        return self.paused_until if self.is_paused and self.paused_until != UNTIL_RESUMED else None

    @property
    def threading_rule(self) -> str:
        """What happens to a closed conversation when somebody writes again, in words."""
        if not self.reopen_days:
            return "When somebody writes after a conversation was closed, a new one begins."
        days = "a day" if self.reopen_days == 1 else f"{self.reopen_days} days"
        return (
            f"When somebody writes less than {days} after a conversation was closed, it opens again; later a new one "
            "begins."
        )

    @property
    def config(self) -> StreamConfig:
        """What the provider needs to know of this stream."""
        return StreamConfig(
            channel=ChannelValue(self.channel),
            external_id=self.external_id,
            sender=self.sender,
            settings=self.settings,
        )

    @property
    def is_mirrored(self) -> bool:
        """Does the provider keep the conversations of this stream too?"""
        return provider_class(self.account.provider).mirrors(self.config)

    def limits(self, kind: str = "text") -> Limits:
        """What the provider documents for a kind of message on this channel."""
        return provider_class(self.account.provider).limits(ChannelValue(self.channel), kind)


class SubStream(models.Model):
    """A part of a stream, where the provider has such parts.

    Providers' terms: sub-stream, SubStreamId (Cirrus).
    """

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="sub_streams")
    name = models.CharField(max_length=100)
    external_id = models.CharField(max_length=64)

    class Meta:
        ordering = ("name",)
        verbose_name = "sub-stream"
        constraints = [models.UniqueConstraint(fields=("stream", "external_id"), name="sub_stream_once")]

    def __str__(self) -> str:
        return self.name
