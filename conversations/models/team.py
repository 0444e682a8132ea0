"""People: users, teams, what a team may see, and who an agent is on the providers' side."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Group, Permission, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from conversations.models.stream import Stream


SEE_EVERY_STREAM = "conversations.view_every_stream"


class Role(models.TextChoices):
    """The roles a site starts with; each is a group, whose permissions a site may change."""

    AGENT = "agent", _("Agent")
    SUPERVISOR = "supervisor", _("Supervisor")
    ADMINISTRATOR = "administrator", _("Administrator")


class Reach(models.TextChoices):
    """Which conversations somebody sees of those on the streams of their teams."""

    STREAMS = "", _("All of them")
    TEAM = "team", _("Those of their teams and colleagues, and what nobody has")
    OWN = "own", _("Only those that they have themselves")


class Theme(models.TextChoices):
    """How pages look for a user."""

    SYSTEM = "", _("As the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class UndoSeconds(models.IntegerChoices):
    """How long what a user sends waits with us, so that it can be undone."""

    NONE = 0, _("Not at all")
    FIVE = 5, _("5 seconds")
    TEN = 10, _("10 seconds")
    TWENTY = 20, _("20 seconds")
    THIRTY = 30, _("30 seconds")


class Density(models.TextChoices):
    """How much a list shows at once."""

    COMFORTABLE = "", _("Comfortable")
    COMPACT = "compact", _("Compact")


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address, and knows who sees what."""

    def create_user(self, email: str, password: str | None = None, *, role: str = "", **fields: Any) -> User:
        """A user, in the group of `role` if one is given. Raises ValueError without an e-mail address."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        if role:
            user.groups.add(Group.objects.get(name=Role(role).value))
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user who may do everything (command `createsuperuser`)."""
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """The user of an e-mail address, in any case."""
        return self.get(email=(username or "").strip().lower())

    def who_see(self, streams: Collection[Stream]) -> models.QuerySet[User]:
        """The active people who see the conversations of every one of these streams, by name."""
        everywhere = Permission.objects.filter(content_type__app_label="conversations", codename="view_every_stream")
        by_team = models.Q()
        for stream in streams:
            member = TeamMembership.objects.filter(user=models.OuterRef("pk"), team__streams=stream)
            by_team &= models.Q(models.Exists(member))
        return (
            self.filter(is_active=True)
            .filter(
                by_team
                | models.Q(is_superuser=True)
                | models.Q(user_permissions__in=everywhere)
                | models.Q(groups__permissions__in=everywhere)
            )
            .distinct()
            .order_by("name", "id")
        )


class User(AbstractBaseUser, PermissionsMixin):
    """A person who works here. Signs in with an e-mail address.

    Providers' terms: manager (Cirrus), agent (CCAI Platform).
    """

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(max_length=150)
    is_active = models.BooleanField(default=True)
    reach = models.CharField(
        _("sees conversations"),
        max_length=4,
        choices=Reach.choices,
        default=Reach.STREAMS,
        blank=True,
        help_text=_(
            "On the streams of their teams. Whoever does not see all of them has no reports, no floor and no "
            "administration. A role that sees every stream is not limited."
        ),
    )
    is_available = models.BooleanField(default=True, help_text=_("Takes conversations now."))
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM, blank=True)
    density = models.CharField(max_length=8, choices=Density.choices, default=Density.COMFORTABLE, blank=True)
    undo_seconds = models.PositiveSmallIntegerField(
        choices=UndoSeconds.choices,
        default=UndoSeconds.TEN,
        help_text=_("How long what they send waits, so that it can be undone."),
    )
    enter_sends = models.BooleanField(default=False, help_text=_("Enter sends, Shift+Enter breaks the line."))
    single_keys = models.BooleanField(default=True, help_text=_("Single letters are shortcuts outside fields."))
    notify = models.JSONField(
        default=dict, blank=True, help_text=_("Ways to be told, by kind of notification; a kind left out: as usual.")
    )
    sound_volume = models.PositiveSmallIntegerField(default=60, help_text=_("Of notifications, in per cent."))
    quiet_when_away = models.BooleanField(
        default=True, help_text=_("While away, notifications are only counted; they are told of afterwards.")
    )
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    # The ids of the streams that an API key leaves of those its user sees; kept nowhere, None for a person.
    narrowed_to: frozenset[int] | None = None
    # Does a program with a key act for this user? No conversation becomes theirs by what it sends.
    is_program: bool = False

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ("name", "id")
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]
        permissions = [
            ("view_every_stream", "Sees the conversations of every stream"),
            ("enter_admin", "May enter the administration"),
            ("send_messages", "May write to customers on the streams of their teams"),
            ("send_in_bulk", "May send campaigns"),
            ("cancel_any_message", "May cancel messages of others"),
            ("release_unconfirmed", "May decide on unconfirmed messages"),
            ("lift_opt_out", "May record an opt-in of a customer who opted out, with proof"),
            ("view_reports", "May see the reports of their streams"),
            ("watch_floor", "May see who works and what waits, and move the work of others"),
            ("manage_accounts", "May change accounts, streams and secrets"),
            ("see_numbers", "Sees whole phone numbers; without it only their last four digits"),
            ("export_person", "May download everything about one person"),
            ("erase_person", "May erase everything about one person"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Django's question. Whoever is narrowed to some streams does not see every one, whatever their role says."""
        if perm == SEE_EVERY_STREAM and self.narrowed_to is not None:
            return False
        return super().has_perm(perm, obj)

    @property
    def may_send(self) -> bool:
        """May this user write to customers anywhere?"""
        return self.is_active and self.has_perm("conversations.send_messages")

    @property
    def sees_every_stream(self) -> bool:
        """May this user see every stream, by right? Which of them they see now is for `visible_to` to say."""
        return super().has_perm(SEE_EVERY_STREAM)

    @property
    def sees_everything(self) -> bool:
        """Is nothing hidden from this user now, by teams or by an API key? Then no row has to be left out."""
        return self.is_active and self.has_perm(SEE_EVERY_STREAM)

    @property
    def is_staff(self) -> bool:
        """May this user enter the administration? Django's admin and dashboard ask by this name."""
        return self.is_active and self.has_perm("conversations.enter_admin") and not self.is_limited

    @property
    def is_limited(self) -> bool:
        """Does this user see only some of the conversations on the streams of their teams?"""
        return self.reach != Reach.STREAMS and not self.sees_every_stream

    @property
    def short_name(self) -> str:
        """The first word of the name, where there is little room."""
        return str(self).split()[0]

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        words = str(self).split()
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words))[:2].upper()


class TeamQuerySet(models.QuerySet["Team"]):
    """Questions about teams."""

    def visible_to(self, user: User) -> TeamQuerySet:
        """Those that this user belongs to; all for whoever sees every stream."""
        if user.sees_everything:
            return self
        return self.filter(models.Exists(TeamMembership.objects.filter(team=models.OuterRef("pk"), user=user.pk)))

    def who_see(self, streams: Collection[Stream]) -> TeamQuerySet:
        """The teams that see every one of these streams."""
        found = self if streams else self.none()
        for stream in streams:
            found = found.filter(models.Exists(TeamStream.objects.filter(team=models.OuterRef("pk"), stream=stream)))
        return found


class Team(models.Model):
    """A group of people who answer the same streams. No provider has a term for it."""

    name = models.CharField(max_length=100, unique=True)
    members = models.ManyToManyField(User, through="TeamMembership", related_name="teams")
    streams = models.ManyToManyField("conversations.Stream", through="TeamStream", related_name="teams")

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class TeamMembership(models.Model):
    """A user belongs to a team, and so sees the conversations of its streams. No provider has a term for it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("team", "user"), name="team_member_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class TeamStream(models.Model):
    """A team sees a stream, and may write on it unless `can_send` is off. No provider has a term for it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="team_streams")
    stream = models.ForeignKey("conversations.Stream", on_delete=models.CASCADE, related_name="team_streams")
    can_send = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("team", "stream"), name="team_stream_once")]

    def __str__(self) -> str:
        return f"{self.team}: {self.stream}"


class AgentIdentity(models.Model):
    """Who a user is on a provider's side, so that messages go out in the agent's name there.

    Providers' terms: UserIdentity / ManagerId (Cirrus), agentId / agentEmail (CCAI Platform).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    account = models.ForeignKey("conversations.ProviderAccount", on_delete=models.CASCADE, related_name="identities")
    external_id = models.CharField(max_length=64, blank=True)
    email = models.EmailField(blank=True)

    class Meta:
        verbose_name_plural = "agent identities"
        constraints = [
            models.UniqueConstraint(fields=("user", "account"), name="agent_identity_once"),
            models.CheckConstraint(
                condition=~models.Q(external_id="") | ~models.Q(email=""), name="agent_identity_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} on {self.account}"
