"""Conversations, what was done to them, their flags, and the customers they are with."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import WithStatus, chip, list_link, raw_json, words
from conversations.admin.filters import ConversationStreamFilter, StreamFilter
from conversations.admin.mixins import (
    CappedPaginator,
    LedgerAdmin,
    NeverDeletedMixin,
    PeopleSearchMixin,
    ProductAdmin,
    ReadOnlyMixin,
    RowsInline,
    signed_in,
)
from conversations.admin.object_actions import conversation_url, sentences
from conversations.models import Activity, ConsentState, Contact, Conversation, Indicator, Message, OptIn
from conversations.services import conversations as service


class IndicatorInline(RowsInline):
    model = Indicator
    fields = ("title", "key", "display_class", "link", "created_by", "created_at", "removed_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("created_by")


@admin.register(Conversation)
class ConversationAdmin(WithStatus, PeopleSearchMixin, LedgerAdmin):
    """Conversations, to be looked up. The inbox is where they are worked on."""

    list_display = ("contact_name", "stream", "status_word", "assignee", "last_words", "last_message_at")
    list_display_links = ("contact_name",)
    list_filter = ("status", StreamFilter, ("last_message_at", admin.DateFieldListFilter))
    list_select_related = ("contact", "stream", "assignee")
    search_fields = ("contact__phone", "external_id")  # what makes Django show the field; see PeopleSearchMixin
    contact_field, exact_field = "contact", "external_id"
    search_help_text = _("Number, name, or the provider's id of the conversation")
    readonly_fields = ("messages_link", "activities_link", "status_word")
    inlines = (IndicatorInline,)
    actions = ("resolve", "reopen")
    object_actions = ("resolve", "reopen")
    fieldsets = (
        (None, {"fields": ("contact", "stream", "sub_stream", "status_word", "assignee")}),
        (_("Contents"), {"fields": ("messages_link", "activities_link")}),
        (
            _("Times"),
            {
                "fields": (
                    "created_at",
                    "last_message_at",
                    "last_inbound_at",
                    "waiting_since",
                    "window_closes_at",
                    "snoozed_until",
                    "resolved_at",
                )
            },
        ),
        (_("At the provider"), {"fields": ("external_id", "external_status")}),
    )

    def inbox_url(self, one: Conversation) -> str:
        return conversation_url(one.pk)

    @admin.action(description=_("Resolve"))
    def resolve(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        """Say that the work is done, as in the inbox."""
        if self.is_too_many(request, queryset):
            return
        current = [one for one in queryset if one.is_current]
        for conversation in current:
            service.resolve(conversation, actor=signed_in(request))
        done = ngettext("%d conversation resolved.", "%d conversations resolved.", len(current)) % len(current)
        rest = [(one, gettext("It was resolved before.")) for one in queryset if one not in current]
        self.report(request, len(current), done, rest)

    @admin.action(description=_("Open again"))
    def reopen(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        """Put resolved conversations back into the inbox."""
        if self.is_too_many(request, queryset):
            return
        done, refused = 0, []
        for conversation in queryset:
            if conversation.is_current:
                refused.append((conversation, gettext("It is open already.")))
                continue
            try:
                service.reopen(conversation, actor=signed_in(request))
                done += 1
            except ValidationError as error:
                refused.append((conversation, sentences(error)))
        text = ngettext("%d conversation opened again.", "%d conversations opened again.", done) % done
        self.report(request, done, text, refused)

    @admin.display(description=_("contact"))
    def contact_name(self, conversation: Conversation) -> SafeString:
        return words(conversation.contact.name)

    @admin.display(description=_("last message"))
    def last_words(self, conversation: Conversation) -> SafeString:
        return words(conversation.last_message_preview)

    @admin.display(description=_("messages"))
    def messages_link(self, conversation: Conversation) -> SafeString:
        return list_link(Message, gettext("Show the messages"), conversation__id__exact=conversation.pk)

    @admin.display(description=_("activities"))
    def activities_link(self, conversation: Conversation) -> SafeString:
        return list_link(Activity, gettext("Show what was done"), conversation__id__exact=conversation.pk)


@admin.register(Activity)
class ActivityAdmin(LedgerAdmin):
    """What people and the system did: append-only."""

    visible_through = ("conversation", Conversation)
    list_display = ("row_number", "kind", "conversation", "actor", "text_words", "push_state", "occurred_at")
    list_filter = ("kind", "push_state", ConversationStreamFilter, ("occurred_at", admin.DateFieldListFilter))
    list_select_related = ("conversation__contact", "conversation__stream", "actor")
    fields = (
        "conversation",
        "kind",
        "actor",
        "text",
        "data_json",
        "occurred_at",
        "external_id",
        "push_state",
        "push_text",
    )
    readonly_fields = ("data_json",)

    def inbox_url(self, one: Activity) -> str:
        return conversation_url(one.conversation_id)

    @admin.display(description=_("text"))
    def text_words(self, activity: Activity) -> SafeString:
        return words(activity.text)

    @admin.display(description=_("data"))
    def data_json(self, activity: Activity) -> SafeString:
        return raw_json(activity.data)


@admin.register(Indicator)
class IndicatorAdmin(ReadOnlyMixin, ProductAdmin):
    """Flags on conversations."""

    visible_through = ("conversation", Conversation)
    paginator = CappedPaginator
    ordering = ("-id",)
    list_display = ("title", "state", "conversation", "created_by", "created_at")
    list_filter = (("removed_at", admin.EmptyFieldListFilter), ConversationStreamFilter)
    list_select_related = ("conversation__contact", "conversation__stream", "created_by")
    search_fields = ("title", "=key")
    fields = ("conversation", "title", "key", "display_class", "link", "created_by", "created_at", "removed_at")
    actions = ("remove",)
    object_actions = ("remove",)

    def inbox_url(self, one: Indicator) -> str:
        return conversation_url(one.conversation_id)

    @admin.action(description=_("Remove"))
    def remove(self, request: HttpRequest, queryset: QuerySet[Indicator]) -> None:
        """Take the flags off; they stay in the history."""
        if self.is_too_many(request, queryset):
            return
        on = list(queryset.filter(removed_at=None).select_related("conversation"))
        for indicator in on:
            service.remove_indicator(indicator, actor=signed_in(request))
        text = ngettext("%d indicator removed.", "%d indicators removed.", len(on)) % len(on)
        refused = [(one, gettext("It was removed before.")) for one in queryset if one not in on]
        self.report(request, len(on), text, refused)

    @admin.display(description=_("state"))
    def state(self, indicator: Indicator) -> SafeString:
        return chip(_("Removed")) if indicator.removed_at else chip(_("On"), "info")


class ContactForm(forms.ModelForm):
    """What we call a customer and how we write. The number is who they are: it does not change."""

    class Meta:
        model = Contact
        fields = ("first_name", "last_name", "email", "language", "time_zone", "record")

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name and name not in zoneinfo.available_timezones():
            text = gettext("There is no time zone %s. Write it like Europe/London.") % name
            raise ValidationError(text, code="time_zone")
        return name


@admin.register(Contact)
class ContactAdmin(PeopleSearchMixin, NeverDeletedMixin, ProductAdmin):
    """Customers. They come by writing, by being written to or by an import, never by hand."""

    form = ContactForm
    paginator = CappedPaginator
    ordering = ("-id",)
    list_display = ("full_name_or_number", "number", "email", "language", "created_at")
    search_fields = ("phone",)  # what makes Django show the field; see PeopleSearchMixin
    search_help_text = _("Number in any form, name or e-mail address")
    readonly_fields = ("phone", "number", "created_at", "updated_at", "consent", "conversations_link", "opt_ins_link")
    fieldsets = (
        (
            None,
            {"fields": ("number", "phone", "first_name", "last_name", "email", "language", "time_zone", "record")},
        ),
        (_("Consent"), {"fields": ("consent", "opt_ins_link")}),
        (_("Conversations"), {"fields": ("conversations_link", "created_at", "updated_at")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description=_("name"), ordering="last_name")
    def full_name_or_number(self, contact: Contact) -> SafeString:
        return words(contact.name)

    @admin.display(description=_("number"), ordering="phone")
    def number(self, contact: Contact) -> str:
        return contact.phone_display

    @admin.display(description=_("now"))
    def consent(self, contact: Contact) -> str:
        states = ConsentState.objects.filter(phone=contact.phone).order_by("channel")
        return "; ".join(str(state) for state in states) or gettext("Nothing is on record.")

    @admin.display(description=_("history"))
    def opt_ins_link(self, contact: Contact) -> SafeString:
        return list_link(OptIn, gettext("Show the opt-ins and opt-outs"), contact__id__exact=contact.pk)

    @admin.display(description=_("conversations"))
    def conversations_link(self, contact: Contact) -> SafeString:
        return list_link(Conversation, gettext("Show the conversations"), contact__id__exact=contact.pk)
