"""Streams and their parts: settings as the provider declares them, a test message, pause and resume."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import chip, pause_words, status_chip
from conversations.admin.mixins import (
    EditableInline,
    LinksInline,
    ManagedMixin,
    NeverDeletedMixin,
    ProductAdmin,
    signed_in,
)
from conversations.admin.object_actions import CONFIRMED, query_with
from conversations.admin.option_fields import stream_fields
from conversations.admin.stream_forms import PauseForm, StreamForm, TestMessageForm
from conversations.models import ProviderAccount, Stream, StreamGate, SubStream, TeamStream
from conversations.services import stream_rules
from conversations.services.stream_tokens import token_of
from messaging.registry import provider_class


class SubStreamInline(EditableInline):
    model = SubStream


class TeamStreamInline(LinksInline):
    model = TeamStream
    autocomplete_fields = ("team",)
    verbose_name_plural = _("Teams that see this stream")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamStream]:
        return super().get_queryset(request).select_related("team", "stream")


@admin.register(Stream)
class StreamAdmin(ManagedMixin, NeverDeletedMixin, ProductAdmin):
    """The lines that customers write to."""

    list_display = ("name", "channel", "account", "address", "account_health", "state", "is_active")
    list_filter = ("channel", "account__provider", "is_active")
    list_select_related = ("account",)
    search_fields = ("name", "sender", "inbound_number", "external_id")
    readonly_fields = ("account", "account_health", "state", "stream_id", "stream_token")
    inlines = (SubStreamInline, TeamStreamInline)
    actions = ("send_test_message", "pause", "resume")
    object_actions = ("send_test_message", "pause", "resume")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stream]:
        return super().get_queryset(request).defer("account__credentials").select_related("account")

    def has_send_permission(self, request: HttpRequest) -> bool:
        """May whoever asks write to customers at all? On which streams, the gate decides."""
        return signed_in(request).has_perm("conversations.send_messages")

    def get_readonly_fields(self, request: HttpRequest, obj: Stream | None = None) -> Any:
        # What the conversations of a stream went through does not change under them.
        return (*self.readonly_fields, "channel") if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Stream | None = None) -> Any:
        account = obj.account if obj else self._chosen(request)
        assert account is not None
        provider = provider_class(account.provider)
        names = [
            name
            for name, label in (("external_id", provider.external_id_label), ("sender", provider.sender_label))
            if label
        ]
        main = ("name", "channel", *names, "inbound_number", "is_active")
        shown: list[Any] = [(None, {"fields": ("account", *main) if obj else main})]
        if obj is not None:
            shown.append((_("Now"), {"fields": ("state", "account_health")}))
            shown.append((_("For programs"), {"fields": ("stream_id", "stream_token")}))
        shown.append(
            (
                _("Writing"),
                {
                    "fields": (
                        "business_name",
                        "region",
                        "body_limit",
                        "reply_within",
                        "reply_again_within",
                        "resolve_within",
                        "return_after",
                        "working_hours",
                        "checks_per_day",
                    )
                },
            )
        )
        keeping = ("keeps_words_for", "keeps_files_for", "keeps_records_for")
        shown.append((_("Keeping, in days"), {"fields": keeping}))
        shown.append((_("Costs"), {"fields": ("price", "currency")}))
        options = tuple(stream_fields(provider.stream_options, {}))
        if options and (obj is None or self.has_change_permission(request, obj)):
            shown.append((provider.label, {"fields": options}))
        return shown

    def get_form(self, request: HttpRequest, obj: Stream | None = None, change: bool = False, **kwargs: Any) -> Any:
        account = obj.account if obj else self._chosen(request)
        assert account is not None
        fields = stream_fields(provider_class(account.provider).stream_options, obj.settings if obj else {})
        kwargs["form"] = type("StreamForm", (StreamForm,), {"account": account, **fields})
        return super().get_form(request, obj, change=change, **kwargs)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First which account, then the form for it."""
        account = self._chosen(request)
        if account is not None:
            title = gettext("Add stream of %s") % account
            return super().add_view(request, form_url, {**(extra_context or {}), "title": title})
        if not self.has_add_permission(request):
            raise PermissionDenied
        accounts = ProviderAccount.objects.defer("credentials")
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Add stream"),
            "question": gettext("Which account does it belong to?"),
            "choices": [(query_with(request, account=one.pk), f"{one} ({one.provider_label})") for one in accounts],
            "otherwise": (reverse("admin:conversations_provideraccount_add"), gettext("Add an account first")),
            "is_popup": IS_POPUP_VAR in request.GET,
            "opts": self.opts,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/choose_first.html", context)

    def get_inlines(self, request: HttpRequest, obj: Stream | None) -> Any:
        return self.inlines if obj else ()

    @admin.action(description=_("Send test message"), permissions=["send"])
    def send_test_message(self, request: HttpRequest, queryset: QuerySet[Stream]) -> HttpResponse | None:
        """Queue one text on one stream, as an agent would."""
        streams = list(queryset[:2])
        if len(streams) != 1:
            self.message_user(request, gettext("Choose one stream to send a test message from."), messages.ERROR)
            return None
        stream = streams[0]
        if CONFIRMED in request.POST:
            form = TestMessageForm(request.POST)
            if form.is_valid() and (message := form.send(stream, signed_in(request))):
                address = reverse("admin:conversations_message_change", args=[message.pk])
                text = format_html(gettext('Queued on {}. See <a href="{}">how it goes</a>.'), str(stream), address)
                self.message_user(request, text, messages.SUCCESS)
                return None
        else:
            form = TestMessageForm(
                initial={"body": gettext("Test message from %s.") % stream, "client_key": f"test-{uuid4()}"}
            )
        return self.action_page(
            request,
            queryset,
            action="send_test_message",
            title=gettext("Send a test message from %s") % stream,
            button=gettext("Send test message"),
            form=form,
        )

    @admin.action(description=_("Pause"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Stream]) -> HttpResponse | None:
        """Let messages wait. Nothing that is already with the provider is stopped."""
        form = PauseForm(request.POST if CONFIRMED in request.POST else None)
        if not form.is_valid():
            return self.action_page(
                request,
                queryset,
                action="pause",
                title=gettext("Pause streams"),
                sentence=gettext("Messages wait here until the pause is over. Agents can go on writing."),
                button=gettext("Pause"),
                form=form,
            )
        reason = form.cleaned_data["reason"]
        for stream in queryset:
            stream_rules.pause(stream, until=form.until(), reason=reason, actor=signed_in(request), request=request)
            self.note_in_history(request, stream, f"Paused: {reason}")
            self.message_user(request, gettext("%s is paused.") % stream, messages.SUCCESS)
        return None

    @admin.action(description=_("Resume"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        """End a pause; the dispatcher wakes what waited."""
        for stream in queryset:
            try:
                stream_rules.resume(stream, actor=signed_in(request), request=request)
            except ValidationError:
                self.message_user(request, gettext("%s is not paused.") % stream, messages.WARNING)
                continue
            self.note_in_history(request, stream, "Resumed.")
            self.message_user(request, gettext("%s sends again.") % stream, messages.SUCCESS)

    @admin.display(description=_("id"))
    def stream_id(self, stream: Stream) -> str:
        """What the JSON API and the dialects call the stream."""
        return str(stream.pk)

    @admin.display(description=_("encrypted id"))
    def stream_token(self, stream: Stream) -> str:
        """What stands for it in Cirrus's dialect, in the place of ENCRYPTED_STREAM_ID (docs/dialects.md)."""
        return token_of(stream)

    @admin.display(description=_("number or id"))
    def address(self, stream: Stream) -> str:
        return stream.sender or stream.inbound_number or stream.external_id

    @admin.display(description=_("account's health"))
    def account_health(self, stream: Stream) -> SafeString:
        return status_chip(stream.account, "health")

    @admin.display(description=_("now"))
    def state(self, stream: Stream) -> SafeString:
        if not stream.is_active or not stream.account.is_active:
            return chip(_("Switched off"))
        if not stream.is_paused:
            return chip(_("Sending"), "good")
        return format_html("{} {}", chip(pause_words(stream), "warn"), stream.pause_reason)

    def _chosen(self, request: HttpRequest) -> ProviderAccount | None:
        number = request.GET.get("account", "")
        if not number.isdecimal() or len(number) > 18:
            return None
        return ProviderAccount.objects.filter(pk=number).first()


@admin.register(SubStream)
class SubStreamAdmin(ManagedMixin, ProductAdmin):
    """Parts of streams, where a provider has them."""

    visible_through = ("stream", Stream)
    list_display = ("name", "stream", "external_id")
    list_select_related = ("stream",)
    search_fields = ("name", "external_id", "stream__name")
    autocomplete_fields = ("stream",)
    ordering = ("stream__name", "name")


@admin.register(StreamGate)
class StreamGateAdmin(ManagedMixin, NeverDeletedMixin, ProductAdmin):
    """How fast streams send. The rates are set here; what a stream has used up, workers write."""

    visible_through = ("stream", Stream)
    list_display = ("stream", "rate", "burst", "breaker", "faults", "paused_until")
    list_select_related = ("stream",)
    search_fields = ("stream__name",)
    autocomplete_fields = ("stream",)
    ordering = ("stream__name",)
    readonly_fields = ("breaker", "faults", "timeouts", "paused_until")
    fields = ("stream", "rate", "burst", *readonly_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: StreamGate | None = None) -> Any:
        return ("stream", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: StreamGate, form: Any, change: bool) -> None:
        """Leave alone what workers write meanwhile."""
        obj.save(update_fields=["rate", "burst"] if change else None)

    @admin.display(description=_("breaker"))
    def breaker(self, gate: StreamGate) -> SafeString:
        if gate.open_until is None or not gate.is_open:
            return chip(_("Closed: sending"), "good")
        until = date_format(timezone.localtime(gate.open_until), "H:i:s")
        return chip(gettext("Open until %s: waiting") % until, "bad")
