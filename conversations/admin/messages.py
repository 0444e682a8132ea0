"""Messages and what happened to them: attempts, results, events. To be read; the actions call the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.attempts import ResultInline
from conversations.admin.display import WithStatus, link_to, raw, raw_json, short_moment, words
from conversations.admin.filters import FailureFilter, StreamFilter, by_choices, by_person
from conversations.admin.mixins import LedgerAdmin, PhoneSearchMixin, RowsInline, signed_in
from conversations.admin.object_actions import CONFIRMED, conversation_url, sentences
from conversations.models import (
    Message,
    MessageEvent,
    Receipt,
    User,
)
from conversations.models.message import MessageStatus
from conversations.services import unconfirmed
from conversations.services.compose import cancel_message, send_again


class ReasonForm(forms.Form):
    """How somebody knows what became of a message."""

    reason = forms.CharField(
        label=_("How you know"),
        max_length=200,
        required=False,  # the service says when it is needed
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class EventInline(RowsInline):
    model = MessageEvent
    fields = ("created_at", "from_status", "to_status", "actor", "reason")
    readonly_fields = fields
    verbose_name_plural = _("What happened")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("actor")


class ReceiptInline(RowsInline):
    model = Receipt
    fields = ("received_at", "status", "code", "text", "occurred_at", "external_id")
    readonly_fields = fields
    verbose_name_plural = _("Reports from the provider")


@admin.register(Message)
class MessageAdmin(WithStatus, PhoneSearchMixin, LedgerAdmin):
    """Every message, in and out. Nothing here writes a status: services/lifecycle.py alone does."""

    list_display = (
        "row_number",
        "status_and_reason",
        "body_words",
        "contact",
        "in_or_out",
        "stream",
        "author",
        "created",
    )
    list_filter = (
        "status",
        "direction",
        FailureFilter,
        StreamFilter,
        by_person("author", _("author")),
        ("created_at", admin.DateFieldListFilter),
    )
    list_select_related = ("stream", "conversation__contact", "author")
    search_fields = (
        "conversation__contact__phone",
        "conversation__contact__first_name",
        "conversation__contact__last_name",
        "=external_id",
    )
    search_help_text = _("Number or name of the customer, or the provider's id of the message")
    readonly_fields = (
        "contact",
        "status_word",
        "body_raw",
        "media_json",
        "rendered_json",
        "values_json",
        "verdict_json",
    )
    inlines = (EventInline, ResultInline, ReceiptInline)
    actions = ("cancel", "send_again", "it_arrived", "send_in_spite")
    object_actions = actions
    fieldsets = (
        (None, {"fields": ("status_word", "failure_code", "failure_text", "body_raw", "kind", "purpose")}),
        (_("Who"), {"fields": ("contact", "direction", "stream", "conversation", "author")}),
        (
            _("Times"),
            {
                "fields": (
                    "created_at",
                    "scheduled_for",
                    "valid_until",
                    "queued_at",
                    "next_attempt_at",
                    "on_wire_at",
                    "sent_at",
                    "delivered_at",
                    "read_at",
                )
            },
        ),
        (_("Contents"), {"fields": ("segments", "template", "values_json", "rendered_json", "media_json")}),
        (_("For investigations"), {"fields": ("ref", "external_id", "client_key", "attempt_count", "verdict_json")}),
    )

    def inbox_url(self, one: Message) -> str:
        return conversation_url(one.conversation_id)

    def fits(self, one: Message, action: str) -> bool:
        known = {"cancel": one.can_be_cancelled, "send_again": one.can_be_sent_again}
        return known.get(action, one.status == MessageStatus.UNCONFIRMED)

    @admin.action(description=_("Cancel"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Stop messages that have not left us."""

        def cancelled(message: Message, actor: User) -> None:
            cancel_message(message, actor=actor, reason="Cancelled in the administration")

        done = self._each(request, queryset, cancelled)
        if done:
            self.report(request, done, ngettext("%d message cancelled.", "%d messages cancelled.", done) % done, ())

    @admin.action(description=_("Send again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Send the words of failed messages as new messages; asked twice, they go once."""

        def sent(message: Message, actor: User) -> None:
            send_again(message, actor=actor, client_key=f"again-{message.ref}")

        done = self._each(request, queryset, sent)
        if done:
            text = ngettext("%d message queued again.", "%d messages queued again.", done) % done
            self.report(request, done, text, ())

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """May whoever asks decide on messages that nobody confirmed?"""
        return signed_in(request).has_perm("conversations.release_unconfirmed")

    @admin.action(description=_("It arrived"), permissions=["decide"])
    def it_arrived(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        """Settle unconfirmed messages that the customer is known to have."""
        return self._decide(request, queryset, "it_arrived", gettext("These messages arrived"), unconfirmed.it_arrived)

    @admin.action(description=_("Send again, possibly twice"), permissions=["decide"])
    def send_in_spite(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        """Send unconfirmed messages once more and accept that a customer may get one twice."""
        title = gettext("Send these messages again, possibly twice")
        return self._decide(request, queryset, "send_in_spite", title, unconfirmed.send_again)

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[Message], action: str, title: str, settle: Callable[..., None]
    ) -> HttpResponse | None:
        form = ReasonForm(request.POST if CONFIRMED in request.POST else None)
        if not form.is_valid():
            sentence = gettext("Only messages that nobody confirmed are changed. Who decided, and why, is kept.")
            return self.action_page(
                request, queryset, action=action, title=title, sentence=sentence, form=form, button=title
            )
        reason = form.cleaned_data["reason"]
        done = self._each(request, queryset, lambda message, actor: settle(message, actor=actor, reason=reason))
        if done:
            self.report(request, done, ngettext("%d message settled.", "%d messages settled.", done) % done, ())
        return None

    def _each(self, request: HttpRequest, queryset: QuerySet[Message], act: Callable[[Message, User], None]) -> int:
        """Do it to each message by itself; report the refusals and return how many it was done to."""
        if self.is_too_many(request, queryset):
            return 0
        done, refused = 0, []
        for message in queryset.select_related("conversation__contact", "conversation__stream__account", "stream"):
            try:
                act(message, signed_in(request))
                done += 1
            except ValidationError as error:
                refused.append((f"#{message.pk} to {message.conversation.contact}", sentences(error)))
        self.report(request, 0, "", refused)
        return done

    @admin.display(description=_("status"))
    def status_and_reason(self, message: Message) -> SafeString:
        word = self.status_word(message)
        return format_html('{}<div class="note">{}</div>', word, message.failure_code) if message.failure_code else word

    @admin.display(description=_("created"))
    def created(self, message: Message) -> str:
        return short_moment(message.created_at)

    @admin.display(description=_("direction"))
    def in_or_out(self, message: Message) -> str:
        return gettext("Out") if message.is_outbound else gettext("In")

    @admin.display(description=_("text"))
    def body_words(self, message: Message) -> SafeString:
        return words(message.body)

    @admin.display(description=_("contact"))
    def contact(self, message: Message) -> SafeString:
        return link_to(message.conversation.contact)

    @admin.display(description=_("text"))
    def body_raw(self, message: Message) -> SafeString:
        return raw(message.body)

    @admin.display(description=_("media"))
    def media_json(self, message: Message) -> SafeString:
        return raw_json(message.media)

    @admin.display(description=_("as the customer sees it"))
    def rendered_json(self, message: Message) -> SafeString:
        return raw_json(message.rendered)

    @admin.display(description=_("values"))
    def values_json(self, message: Message) -> SafeString:
        return raw_json(message.template_values)

    @admin.display(description=_("why it was allowed"))
    def verdict_json(self, message: Message) -> SafeString:
        return raw_json(message.verdict)


@admin.register(MessageEvent)
class MessageEventAdmin(LedgerAdmin):
    """Every change of a status: append-only."""

    visible_through = ("message", Message)
    list_display = ("row_number", "message", "from_status", "to_status", "actor", "reason", "created_at")
    list_filter = (
        by_choices("to_status", _("to status"), MessageStatus.choices),
        ("created_at", admin.DateFieldListFilter),
    )
    list_select_related = ("message", "actor")
    fields = ("message", "from_status", "to_status", "actor", "reason", "created_at")
    readonly_fields = ("created_at",)
