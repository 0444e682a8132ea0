"""Filters of lists: their choices are what the user may see, and they cost a bounded query each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from conversations.admin.mixins import signed_in
from conversations.models import Message, Stream, Team, User
from conversations.models.message import MessageStatus

NEWEST_LOOKED_AT = 1000
SUGGESTED = 50  # names
_TO_LOOK_AT = (MessageStatus.FAILED, MessageStatus.UNCONFIRMED, MessageStatus.UNDELIVERED)


class ChoiceFilter(admin.SimpleListFilter):
    """A filter by one look-up that ignores values which are not among its choices."""

    lookup = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen not in {str(value) for value, _label in self.lookup_choices}:
            return queryset
        return queryset.filter(**{self.lookup: chosen})


def by_choices(field: str, word: Any, choices: Sequence[tuple[Any, Any]]) -> type[ChoiceFilter]:
    """A filter by a column that says nothing of its values: Django would read all rows to find them."""

    class Filter(ChoiceFilter):
        title = word
        parameter_name = field
        lookup = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[Any, Any]]:
            return choices

    return Filter


def by_newest(field: str, word: Any) -> type[ChoiceFilter]:
    """A filter by a column whose values nobody knows beforehand: its choices are those of the newest rows."""

    class Filter(ChoiceFilter):
        title = word
        parameter_name = field
        lookup = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
            rows = model_admin.get_queryset(request).order_by("-pk").values_list(field, flat=True)
            found = {value for value in rows[:NEWEST_LOOKED_AT] if value not in (None, "")}
            return [(str(value), str(value)) for value in sorted(found)]

    return Filter


class NameFilter(admin.RelatedFieldListFilter):
    """By a row of another table that has a name, and maybe secrets: nothing but the names is read."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        rows = field.remote_field.model._default_manager.order_by("name")
        return list(rows.values_list("pk", "name"))


class TypedFilter(admin.SimpleListFilter):
    """By a row of another table whose name is typed: a list of all would have no end. Some are suggested."""

    template = "admin/typed_filter.html"
    lookup = ""
    model: Any = None
    hint: Any = _("Name")
    everything: Any = _("All")
    kept: Sequence[tuple[str, str]] = ()  # what else the list is narrowed down by

    def rows(self, user: User) -> QuerySet[Any]:
        """What may be suggested to this user."""
        return self.model.objects.visible_to(user)

    def meant(self, typed: str, user: User) -> QuerySet[Any]:
        """The rows of that name; where there is none, those with a part of it."""
        named = self.rows(user).filter(name__iexact=typed)
        return named if named.exists() else self.rows(user).filter(name__icontains=typed)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        names = self.rows(signed_in(request)).order_by("name").values_list("name", flat=True)
        return [(name, name) for name in names[:SUGGESTED]]

    def has_output(self) -> bool:
        return True

    def value(self) -> str:
        """What was typed."""
        return (super().value() or "").strip()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        typed = self.value()
        if not typed:
            return queryset
        # As numbers, so that PostgreSQL knows whether they are few and takes the index.
        meant = list(self.meant(typed, signed_in(request)).values_list("pk", flat=True))
        return queryset.filter(**{f"{self.lookup}__in": meant})

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The way back to all; what else the list is narrowed down by stays in the form."""
        self.kept = [pair for pair in changelist.params.items() if pair[0] != self.parameter_name]
        yield {"query_string": changelist.get_query_string(remove=[self.parameter_name]), "display": self.everything}


class StreamFilter(TypedFilter):
    """By the stream of a row."""

    title = _("stream")
    parameter_name = "stream"
    lookup = "stream"
    model = Stream


class ConversationStreamFilter(StreamFilter):
    """By the stream of a row's conversation."""

    lookup = "conversation__stream"


class TeamFilter(TypedFilter):
    """By the team of a row."""

    title = _("name of the team")
    parameter_name = "of_team"
    lookup = "team"
    model = Team


class PersonFilter(TypedFilter):
    """By a person. Those whom the user has no team with are found too, but not suggested."""

    hint = _("Name or e-mail address")
    everything = _("Everybody")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        people = self.rows(signed_in(request)).order_by("name", "pk").only("name", "email")
        return [(one.email, str(one)) for one in people[:SUGGESTED]]

    def rows(self, user: User) -> QuerySet[Any]:
        """Everybody in turn, or the members of one's own teams."""
        people = User.objects.filter(is_active=True)
        return people if user.sees_everything else people.filter(teams__members=user).distinct()

    def meant(self, typed: str, user: User) -> QuerySet[Any]:
        # Part of a name will do, for rows show it; an address is not to be guessed letter by letter.
        return User.objects.filter(Q(name__icontains=typed) | Q(email__iexact=typed))


def by_person(field: str, word: Any) -> type[PersonFilter]:
    """A filter by a column that leads to a person."""
    return type("Filter", (PersonFilter,), {"title": word, "parameter_name": field, "lookup": field})


class FailureFilter(ChoiceFilter):
    """By the code of what went wrong. The choices are those of the newest failures."""

    title = _("failure")
    parameter_name = "failure"
    lookup = "failure_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        newest = (
            Message.objects.visible_to(signed_in(request))
            .filter(status__in=_TO_LOOK_AT)
            .order_by("-pk")
            .values_list("failure_code", flat=True)[:NEWEST_LOOKED_AT]
        )
        return [(code, code) for code in sorted({code for code in newest if code})]
