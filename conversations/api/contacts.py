"""Contacts: the customers whom a key sees."""

from __future__ import annotations

from typing import Annotated, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query
from pydantic import Field

from conversations.api import answers
from conversations.api.door import user_of
from conversations.api.errors import Refused
from conversations.api.fields import Given, example
from conversations.api.operations import Resource
from conversations.api.paging import Listing, Page, page, rows_by_id
from conversations.forms.contacts import ContactForm
from conversations.models import Contact, User
from conversations.models.api_key import ApiScope
from conversations.services.audit import note_look
from conversations.services.contacts import DETAILS, change_contact, create_contact
from conversations.services.search import Search, SearchTookTooLong, time_limit

router = Resource(tags=["Contacts"])


class ContactListing(Listing):
    """Which contacts."""

    q: Annotated[str, Field(max_length=100)] = Field("", description="Words of the name, or digits of the number.")


@router.operation("GET", "/contacts", scope=ApiScope.READ, answer=Page[answers.Contact])
def list_contacts(request: HttpRequest, asked: Annotated[ContactListing, Query()]) -> dict[str, Any]:
    """The customers that this key sees, newest first."""
    try:
        with time_limit():
            rows: QuerySet[Contact] = Contact.objects.visible_to(user_of(request))
            if asked.q:
                rows = Search(asked.q, user_of(request)).matching_contacts() or rows.none()
            found = rows_by_id(rows, asked)
    except SearchTookTooLong as error:
        raise Refused(422, "search_too_long", error.sentence, "q") from error
    return page(request, found, asked, show=answers.Contact.of)


@router.operation("GET", "/contacts/{int:pk}", scope=ApiScope.READ, answer=answers.Contact)
def read_contact(request: HttpRequest, pk: int) -> answers.Contact:
    """One customer."""
    found = _visible(request, pk)
    streams = found.conversations.values_list("stream", flat=True)
    note_look(user_of(request), found, streams=streams, request=request)
    return answers.Contact.of(found)


class DetailsGiven(Given):
    """What is known of a customer; what is left out stays as it is."""

    model_config = example(first_name="Amira", last_name="Khan", language="en")

    phone: str | None = Field(None, max_length=60, description="Cannot be changed once it was written to.")
    first_name: str | None = Field(None, max_length=100)
    last_name: str | None = Field(None, max_length=100)
    email: str | None = Field(None, max_length=254)
    language: str | None = Field(None, max_length=12, description="A code such as en or en_GB.")
    time_zone: str | None = Field(None, max_length=64, description="A name such as Europe/London.")


class ContactGiven(DetailsGiven):
    """A new customer."""

    model_config = example(phone="+447700900142", first_name="Amira", last_name="Khan")

    phone: str = Field(max_length=60, description="In any form in which it is written.")


@router.operation("POST", "/contacts", scope=ApiScope.ADMIN, answer=answers.Contact, status=201)
def add_contact(request: HttpRequest, given: ContactGiven) -> answers.Contact:
    """Make a contact. 422 when somebody has the number already."""
    user = _writer(request)
    form = _checked(ContactForm(given.model_dump(exclude_none=True), user=user))
    return answers.Contact.of(create_contact(phone=form.cleaned_data["phone"], details=form.details, actor=user))


@router.operation("PATCH", "/contacts/{int:pk}", scope=ApiScope.ADMIN, answer=answers.Contact)
def edit_contact(request: HttpRequest, pk: int, given: DetailsGiven) -> answers.Contact:
    """Change what is known of a customer."""
    found = _visible(request, pk)
    user = _writer(request)
    present = {name: getattr(found, name) for name in DETAILS} | {"phone": found.phone_display}
    form = _checked(ContactForm(present | given.model_dump(exclude_none=True), user=user, contact=found))
    change_contact(found, phone=form.cleaned_data["phone"], details=form.details, actor=user)
    return answers.Contact.of(_visible(request, pk))


def _visible(request: HttpRequest, pk: int) -> Contact:
    return get_object_or_404(Contact.objects.visible_to(user_of(request)), pk=pk)


def _writer(request: HttpRequest) -> User:
    """Whom the key acts for, when they may write to customers, as the pages demand of whoever changes one."""
    user = user_of(request)
    if not user.has_perm("conversations.send_messages"):
        raise PermissionDenied
    return user


def _checked(form: ContactForm) -> ContactForm:
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())
    return form
