"""Who wrote: one contact for a number, a WhatsApp id and a provider's own id of a person.

A number always means its own contact, since an answer goes to it. An id alone means the contact that was last seen
with it. Two numbers with one id are one person at the provider: that is kept with the call that proved it, and
people merge the two contacts on their page.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from django.db.models import Q
from django.utils import timezone

from conversations.models import Contact, ContactIdentity, ProviderAccount, WebhookEvent
from conversations.models.contact import IdentityKind
from conversations.models.fields import E164
from messaging.types import InboundMessage

LONGEST = {"first_name": 100, "last_name": 100, "email": 254}  # what does not fit a contact is left out
LONGEST_ID = 64


class NumberNotReadable(Exception):
    """Nothing in a call says which customer it is about; it is kept and can be replayed."""


class SamePerson(NamedTuple):
    """Another contact that a provider takes for the same person, and by what."""

    contact: Contact
    identity: ContactIdentity


def contact_of(one: InboundMessage, account: ProviderAccount, *, known: Contact | None = None) -> Contact:
    """The contact who wrote, made if the number is new; `known` is whose conversation the call names.

    Raises NumberNotReadable when there is no number and no id that a contact is known by.
    """
    if one.phone:
        return contact_of_number(one.phone, one)
    if known is not None:
        return known
    for kind, value in _ids(one):
        seen = ContactIdentity.objects.filter(account=account, kind=kind, value=value).select_related("contact")
        if found := seen.order_by("-last_seen_at", "-pk").first():
            return found.contact
    if one.whatsapp_id and re.fullmatch(E164, f"+{one.whatsapp_id}"):  # WhatsApp's ids are numbers, mostly
        return contact_of_number(f"+{one.whatsapp_id}", one)
    raise NumberNotReadable(
        "The call names no number, and the customer by no id that a contact is known by."
        if one.person_id or one.whatsapp_id
        else "The customer's number cannot be read."
    )


def contact_of_number(phone: str, one: InboundMessage | None = None) -> Contact:
    """The contact of a number, made if new; what is missing of the name is taken from the message.

    Raises NumberNotReadable for what is not E.164. Whoever wrote to us has a number that works, whatever a library
    thinks of it: only its form is checked.
    """
    if not re.fullmatch(E164, phone):
        raise NumberNotReadable("The customer's number cannot be read.")
    names = {"first_name": one.first_name, "last_name": one.last_name, "email": one.email} if one else {}
    names = {name: value for name, value in names.items() if len(value) <= LONGEST[name]}
    contact, created = Contact.objects.get_or_create(phone=phone, defaults=names)
    missing = {name: value for name, value in names.items() if value and not getattr(contact, name)}
    if missing and not created:
        Contact.objects.filter(pk=contact.pk).update(**missing)
    return contact


def remember(one: InboundMessage, account: ProviderAccount, contact: Contact, event: WebhookEvent | None) -> None:
    """Keep the ids that came with a message; the first call that named one is its proof."""
    for kind, value in _ids(one):
        if kind == IdentityKind.WHATSAPP and f"+{value}" == contact.phone:
            continue  # it is the number
        identity, created = ContactIdentity.objects.get_or_create(
            account=account, kind=kind, value=value, contact=contact, defaults={"proof": event}
        )
        if not created:
            ContactIdentity.objects.filter(pk=identity.pk).update(last_seen_at=timezone.now())


def same_person(contact: Contact) -> list[SamePerson]:
    """The other contacts that a provider knows by an id of this one, each once."""
    shared = Q(pk__in=[])
    for mine in contact.identities.all():
        shared |= Q(account=mine.account_id, kind=mine.kind, value=mine.value)
    found = ContactIdentity.objects.filter(shared).exclude(contact=contact).select_related("contact", "account")
    found = found.defer("account__credentials")
    others: dict[int, SamePerson] = {}
    for identity in found.order_by("pk"):
        others.setdefault(identity.contact_id, SamePerson(identity.contact, identity))
    return list(others.values())


def _ids(one: InboundMessage) -> list[tuple[IdentityKind, str]]:
    given = ((IdentityKind.PERSON, one.person_id), (IdentityKind.WHATSAPP, one.whatsapp_id))
    return [(kind, value) for kind, value in given if value and len(value) <= LONGEST_ID]
