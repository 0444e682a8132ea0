"""Webhooks to other systems: who is told what, the secrets, and the log with replays."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import WithStatus, chip, list_link, raw_json
from conversations.admin.filters import NameFilter, by_choices
from conversations.admin.mixins import LedgerAdmin, ManagedMixin, ProductAdmin, signed_in
from conversations.admin.object_actions import sentences
from conversations.models import WebhookDelivery, WebhookSubscription
from conversations.models.outgoing import DeliveryStatus, OutgoingKind
from conversations.services.outgoing import subscriptions

STATES = {"working": (_("Working"), "good"), "failing": (_("Failing"), "warn"), "paused": (_("Paused"), "bad")}


class SubscriptionForm(forms.ModelForm):
    """Who is told what; the secret is made, not entered."""

    events = forms.MultipleChoiceField(
        choices=OutgoingKind.choices, widget=forms.CheckboxSelectMultiple, label=_("Events")
    )

    class Meta:
        model = WebhookSubscription
        fields = ("name", "url", "owner", "events", "streams")

    def clean(self) -> dict[str, Any]:
        """What the service asks of an address, an owner and events."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                subscriptions.check(url=cleaned["url"], owner=cleaned["owner"], events=cleaned["events"])
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned


@admin.register(WebhookSubscription)
class WebhookSubscriptionAdmin(ManagedMixin, ProductAdmin):
    """Other systems that are told what happens here. Their secrets are shown once, when they are made."""

    form = SubscriptionForm
    visible_through = None
    list_display = ("name", "state_word", "url", "owner", "waiting", "failing_since")
    list_select_related = ("owner",)
    search_fields = ("name", "url")
    autocomplete_fields = ("owner",)
    filter_horizontal = ("streams",)
    readonly_fields = ("state_word", "pause_reason", "failing_since", "former_secret_ends_at", "waiting")
    actions = ("send_test", "pause", "resume", "rotate_secret")
    object_actions = ("send_test", "pause", "resume", "rotate_secret")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookSubscription]:
        # Deferred: a list needs no secret, and must open even when the key of one is lost.
        waits = Count("deliveries", filter=Q(deliveries__status=DeliveryStatus.WAITING))
        return super().get_queryset(request).defer("secrets").annotate(number_waiting=waits)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """No guessing at secrets through the address bar."""
        return not lookup.startswith("secrets") and super().lookup_allowed(lookup, value, request)

    def get_fieldsets(self, request: HttpRequest, obj: WebhookSubscription | None = None) -> Any:
        main = (None, {"fields": ("name", "url", "owner", "events", "streams")})
        return [main] if obj is None else [main, (_("State"), {"fields": self.readonly_fields})]

    def save_model(self, request: HttpRequest, obj: WebhookSubscription, form: Any, change: bool) -> None:
        if not change:
            subscriptions.give_first_secret(obj, actor=signed_in(request))
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: WebhookSubscription, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._secret_page(request, obj, obj.secrets[0])

    @admin.action(description=_("Send a test event"), permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> None:
        """Put an event of the kind `test` in the outbox."""
        for one in queryset:
            subscriptions.send_test(one)
        text = gettext("A test event is on its way. See the deliveries for what becomes of it.")
        self.message_user(request, text)

    @admin.action(description=_("Pause"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> None:
        """Tell them nothing until somebody resumes them."""
        self._each(request, queryset, subscriptions.pause, gettext("Paused. What happens meanwhile waits."))

    @admin.action(description=_("Resume"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> None:
        """Tell them again, first what waits."""
        self._each(request, queryset, subscriptions.resume, gettext("Resumed. What waited is told first."))

    @admin.action(description=_("New secret"), permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> HttpResponse | None:
        """Make a new secret for one of them, and show it."""
        if queryset.count() != 1:
            self.message_user(request, gettext("Choose one webhook: its new secret is shown once."), messages.ERROR)
            return None
        one = queryset.get()
        return self._secret_page(request, one, subscriptions.rotate_secret(one, actor=signed_in(request)))

    def _each(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription], do: Any, sentence: str) -> None:
        done, refused = 0, []
        for one in queryset:
            try:
                do(one, actor=signed_in(request))
                done += 1
            except ValidationError as error:
                refused.append((one, sentences(error)))
        self.report(request, done, sentence, refused)

    def _secret_page(self, request: HttpRequest, one: WebhookSubscription, secret: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The secret of %s") % one,
            "opts": self.opts,
            "one": one,
            "secret": secret,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/webhook_secret.html", context)

    @admin.display(description=_("state"))
    def state_word(self, one: WebhookSubscription) -> SafeString:
        return chip(*STATES[one.state])

    @admin.display(description=_("waiting"))
    def waiting(self, one: Any) -> SafeString:
        return list_link(WebhookDelivery, one.number_waiting, subscription__id__exact=one.pk)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(WithStatus, LedgerAdmin):
    """Everything that other systems are told, or were."""

    visible_through = None
    list_display = ("row_number", "status_word", "subscription", "kind", "tries", "answered", "problem", "occurred_at")
    list_filter = ("status", by_choices("kind", _("kind"), OutgoingKind.choices), ("subscription", NameFilter))
    list_select_related = ("subscription",)
    search_fields = ("=event_id", "=ordered_by")
    search_help_text = _("The id of the event, or a line such as conversation-12")
    actions = ("replay",)
    object_actions = ("replay",)
    readonly_fields = ("status_word", "next_try", "data_json")
    fieldsets = (
        (None, {"fields": ("subscription", "status_word", "kind", "event_id", "ordered_by", "occurred_at")}),
        (
            _("Tries"),
            {"fields": ("tries", "answered", "seconds", "problem", "last_tried_at", "next_try", "replays")},
        ),
        (_("What it names"), {"fields": ("data_json",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        return super().get_queryset(request).select_related("subscription").defer("subscription__secrets")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Whoever may change webhooks may tell them something again."""
        return signed_in(request).has_perm("conversations.change_webhooksubscription")

    @admin.action(description=_("Replay"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Tell it once more, with the same id."""
        if self.is_too_many(request, queryset):
            return
        done, refused = 0, []
        for one in queryset.order_by("pk"):
            try:
                subscriptions.replay(one, actor=signed_in(request))
                done += 1
            except ValidationError as error:
                refused.append((one, sentences(error)))
        self.report(request, done, ngettext("%d will be told again.", "%d will be told again.", done) % done, refused)

    @admin.display(description=_("next try"))
    def next_try(self, one: WebhookDelivery) -> Any:
        waits = one.status == DeliveryStatus.WAITING
        return timezone.localtime(one.next_try_at) if waits else None

    @admin.display(description=_("rows"))
    def data_json(self, one: WebhookDelivery) -> SafeString:
        return raw_json(one.data)
