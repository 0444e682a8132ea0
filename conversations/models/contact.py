"""A customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.contrib.postgres.aggregates import BoolOr
from django.db import models
from django.db.models import BooleanField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.erasure import recall_triggers
from conversations.models.fields import E164
from conversations.models.search import contact_words
from conversations.models.triggers import contact_triggers
from messaging.phone import format_for_people

if TYPE_CHECKING:
    from conversations.models.team import User


LONGEST_RECORD = 1000
_LAST_OF_ALL = "\uffff"


def _name_key() -> Lower:
    """What contacts are sorted by first."""
    last, first = NullIf("last_name", Value("")), NullIf("first_name", Value(""))
    return Lower(Coalesce(last, first, Value(_LAST_OF_ALL)))


class ContactQuerySet(models.QuerySet["Contact"]):
    """Questions about contacts."""

    def visible_to(self, user: User) -> ContactQuerySet:
        """The contacts with whom this user may see a conversation; those with none are seen by all who may write."""
        from conversations.models.conversation import Conversation
        from conversations.models.stream import Stream

        if not user.is_active:
            return self.none()
        if user.sees_everything:
            return self
        # One value a contact, NULL where there is no conversation. PostgreSQL would answer two EXISTS for a page of
        # contacts by reading every conversation first.
        seen = Q(stream__in=Stream.objects.visible_to(user))
        if user.is_limited:
            seen = Q(pk__in=Conversation.objects.visible_to(user))
        shared = (
            Conversation.objects.filter(contact=OuterRef("pk"))
            .order_by()
            .values("contact")
            .annotate(shared=BoolOr(seen))
            .values("shared")
        )
        may_write = user.has_perm("conversations.send_messages")
        return self.filter(Coalesce(Subquery(shared, output_field=BooleanField()), Value(may_write)))

    def by_name(self) -> ContactQuerySet:
        """By last name, then first name; contacts without a name at the end. The order is `contact_by_name`."""
        named = self.annotate(name_key=_name_key(), first_key=Lower("first_name"))
        return named.order_by("name_key", "first_key", "pk")

    def after(self, name_key: str, first_key: str, pk: int) -> ContactQuerySet:
        """Those of `by_name` that come after the contact with these keys."""
        same = Q(name_key=name_key) & (Q(first_key__gt=first_key) | Q(first_key=first_key, pk__gt=pk))
        # The first condition is implied: it lets PostgreSQL begin in the middle of the index.
        return self.filter(Q(name_key__gte=name_key) & (Q(name_key__gt=name_key) | same))


class Fact(NamedTuple):
    """One line of a customer record; without a name where the line has none."""

    name: str
    value: str


class Contact(models.Model):
    """A customer, known by one phone number.

    Providers' terms: user / identity (Cirrus), end_user (CCAI Platform), to[].phone (Webex Interact).
    """

    phone = models.CharField(max_length=16, unique=True, help_text="E.164, with the plus sign.")
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=12, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    record = models.TextField(
        _("customer record"),
        max_length=LONGEST_RECORD,
        blank=True,
        default="",
        db_default="",
        help_text=_("What your own systems say of them, a line each, like Account: FB-118204."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    erased_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When their data was erased; `phone` is a made-up one since."
    )

    objects = ContactQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        triggers = [*contact_triggers(), *contact_words(), *recall_triggers()]
        constraints = [
            models.CheckConstraint(condition=Q(phone__regex=E164), name="contact_phone_is_e164"),
            models.CheckConstraint(
                condition=Q(erased_at=None)
                | Q(first_name="", last_name="", email="", record="", phone__startswith="+999"),
                name="contact_erased_stays_empty",
            ),
        ]
        indexes = [models.Index(_name_key(), Lower("first_name"), "id", name="contact_by_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def full_name(self) -> str:
        """First and last name, or nothing."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def name(self) -> str:
        """What people read: the name, or the number."""
        return self.full_name or ("Erased person" if self.erased_at else self.phone_display)

    @property
    def phone_display(self) -> str:
        """The number in its international form."""
        if self.erased_at:
            return "Erased"
        return format_for_people(self.phone)

    @property
    def facts(self) -> list[Fact]:
        """The lines of the customer record, each cut at its first colon."""
        cut = (line.partition(":") for line in self.record.splitlines() if line.strip())
        return [Fact(name.strip(), value.strip()) if colon else Fact("", name.strip()) for name, colon, value in cut]

    @property
    def initials(self) -> str:
        """One or two letters for the avatar; # for a number without a name."""
        letters = self.first_name[:1] + self.last_name[:1]
        return letters.upper() or "#"


class IdentityKind(models.TextChoices):
    """What kind of name a provider has for a customer, beside the number."""

    PERSON = "person", _("Customer id")
    WHATSAPP = "whatsapp", _("WhatsApp id")


class ContactIdentity(models.Model):
    """A name under which one provider account knows a contact, and the call that proved it.

    Two contacts with the same one are the same person at the provider: their page offers to merge them.
    Providers' terms: user id, identity StreamProviderId (Cirrus), end_user id (CCAI Platform).
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="identities")
    account = models.ForeignKey(
        "conversations.ProviderAccount", on_delete=models.CASCADE, related_name="contact_identities"
    )
    kind = models.CharField(max_length=10, choices=IdentityKind.choices)
    value = models.CharField(max_length=64)
    proof = models.ForeignKey(
        "conversations.WebhookEvent", on_delete=models.SET_NULL, null=True, blank=True, related_name="identities"
    )
    first_seen_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "contact identities"
        constraints = [
            models.UniqueConstraint(fields=("account", "kind", "value", "contact"), name="contact_identity_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}"
