"""What the pages of the administration share: who sees which rows, and rows that nobody edits."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet, Media
from django.http import Http404, HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import NOTHING
from conversations.admin.object_actions import ObjectActionsMixin
from conversations.models import User
from conversations.services import audit
from conversations.services.search import Search

MANAGE = "conversations.manage_accounts"
_LIKE_A_NUMBER = re.compile(r"[+(]{0,2}[0-9][0-9 ().\-]{3,}")


class CappedPaginator(Paginator):
    """Counts to LIMIT and no further: an exact count of millions of rows takes seconds and helps nobody."""

    LIMIT = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are, LIMIT when there are more."""
        rows: Any = self.object_list
        return rows.order_by()[: self.LIMIT].count()


class NamedAutocompleteSelect(AutocompleteSelect):
    """Django's search as one types, with words in its empty box and a name for screen readers."""

    @property
    def media(self) -> Media:
        return super().media + Media(js=("admin_theme/names.js",))

    def build_attrs(self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None) -> dict[str, Any]:
        return super().build_attrs(base_attrs, extra_attrs) | {"data-placeholder": gettext("Type to search")}


class VisibleToMixin(BaseModelAdmin):
    """Rows through `visible_to(user)`, on lists, pages, choices of foreign keys and their look-ups alike.

    `visible_through` is None for a model that has `visible_to` itself or no stream at all, else the look-up that
    leads from its rows to a model that has it: ("message", Message).
    """

    visible_through: ClassVar[tuple[str, type[Model]] | None]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows that whoever asks may see."""
        rows: Any = super().get_queryset(request)
        user = signed_in(request)
        if hasattr(rows, "visible_to"):
            return rows.visible_to(user)
        if self.visible_through is None or user.sees_everything:
            return rows
        lookup, model = self.visible_through
        return rows.filter(**{f"{lookup}__in": model._default_manager.all().visible_to(user)})  # type: ignore[attr-defined]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", NamedAutocompleteSelect(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        """What a foreign key may be set to: the rows that the other model's own pages show."""
        model = db_field.remote_field.model
        if self.admin_site.is_registered(model):
            return self.admin_site.get_model_admin(model).get_queryset(request)
        return super().get_field_queryset(db, db_field, request)


class ReadOnlyMixin(BaseModelAdmin):
    """Rows that services write: the administration shows them and changes nothing."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ManagedMixin(admin.ModelAdmin):
    """Accounts, streams and what belongs to them: the model's permissions, and the right to manage them as well."""

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """May whoever asks change accounts, streams and secrets?"""
        return signed_in(request).has_perm(MANAGE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.has_manage_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.has_manage_permission(request)


class NeverDeletedMixin(BaseModelAdmin):
    """Rows that carry history: they are switched off, not deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PhoneSearchMixin(admin.ModelAdmin):
    """Finds a number however it was typed: +44 7700 900123, 07700 900123 and 7700900123 are one."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows that match, with a number reduced to its digits first."""
        if _LIKE_A_NUMBER.fullmatch(search_term.strip()):
            search_term = re.sub(r"\D", "", search_term).lstrip("0")
        return super().get_search_results(request, queryset, search_term)


class PeopleSearchMixin(admin.ModelAdmin):
    """Finds customers as the product's own search does, through its index: to read every name takes long at a million.

    `contact_field` is where the rows have the contact, `exact_field` what a text may also be as a whole.
    """

    contact_field = "pk"
    exact_field = ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows of the people whose names and number fit all of the text; of an id, the row that has it."""
        text = search_term.strip()
        if not text:
            return queryset, False
        if self.exact_field and (exact := queryset.filter(**{self.exact_field: text.replace("\x00", "")})).exists():
            return exact, False
        found = Search(text, signed_in(request)).matching_contacts()
        if found is None:
            return queryset.none(), False
        return queryset.filter(**{f"{self.contact_field}__in": found.order_by().values("pk")}), False


class ProductAdmin(VisibleToMixin, ObjectActionsMixin, admin.ModelAdmin):
    """The base of every page of ours."""

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # counts every row once for each choice of a filter
    empty_value_display = NOTHING

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        """Keep it in the row's history, and in the audit when it belongs there; the next two do the same."""
        return self._audited(request, obj, super().log_addition(request, obj, message))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        return self._audited(request, obj, super().log_change(request, obj, message))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for row in queryset:
            audit.record_change(row, actor=signed_in(request), summary=gettext("Deleted."), request=request)
        return super().log_deletions(request, queryset)

    def note_in_history(self, request: HttpRequest, obj: Any, message: str) -> None:
        """Keep in the row's history what a service did to it and wrote into the audit itself."""
        super().log_change(request, obj, message)

    def _audited(self, request: HttpRequest, obj: Any, entry: LogEntry) -> LogEntry:
        audit.record_change(obj, actor=signed_in(request), summary=entry.get_change_message(), request=request)
        return entry

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row of an address; 404 when there is none or when it is not for this user."""
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """A list is called after what is in it; rows for an action are named by their numbers."""
        if not all(pk.isdecimal() for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest("A row is named by its number.")
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, {**title, **(extra_context or {})})


class LedgerAdmin(ReadOnlyMixin, ProductAdmin):
    """Pages of a table that grows without end and that only services write."""

    paginator = CappedPaginator
    ordering = ("-id",)
    sortable_by = ()  # other orders would sort the whole table

    @admin.display(description=_("no."))
    def row_number(self, row: Model) -> int:
        return int(row.pk)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only what there is to read: most times and reasons of a row never come."""
        shown = super().get_fieldsets(request, obj)
        if obj is None:
            return shown
        full = [
            (title, [name for name in more["fields"] if not self._is_empty(obj, str(name))]) for title, more in shown
        ]
        return [(title, {"fields": names}) for title, names in full if names]

    def _is_empty(self, obj: Any, name: str) -> bool:
        value = getattr(obj, name) if hasattr(obj, name) else getattr(self, name)(obj)
        return value in (None, "", NOTHING) or value == {} or value == []


class RowsInline(VisibleToMixin, ReadOnlyMixin, admin.TabularInline):
    """Rows of another table under the one they belong to, to be read. Whoever sees the one sees the others."""

    extra = 0
    can_delete = False
    classes = ("rows",)
    visible_through = None


class LabelledFormSet(BaseInlineFormSet):
    """Fields that say what they are called: in a table only the head of the column does."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            widget = getattr(field.widget, "widget", field.widget)  # within the wrapper that adds links
            if not widget.is_hidden:
                widget.attrs.setdefault("aria-label", field.label)


class EditableInline(VisibleToMixin, admin.TabularInline):
    """Rows of another table, edited under the one they belong to."""

    formset = LabelledFormSet
    extra = 0
    visible_through = None


class LinksInline(EditableInline):
    """Rows that tie two others together: added and removed here, changed on their own page.

    Existing rows are text: a choice of all users or streams in each of them would be a query a row.
    """

    show_change_link = True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def signed_in(request: HttpRequest) -> User:
    """Whoever asks: the site's guard has let nobody else in."""
    assert isinstance(request.user, User)
    return request.user
