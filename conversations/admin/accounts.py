"""Provider accounts: a form that builds itself from what the provider declares, tests, and webhook addresses."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import NOTHING, list_link, status_chip
from conversations.admin.mixins import ManagedMixin, NeverDeletedMixin, ProductAdmin, signed_in
from conversations.admin.object_actions import CONFIRMED, query_with
from conversations.admin.option_fields import PREFIX, credential_fields, name_of, values_of
from conversations.models import ProviderAccount, Stream
from conversations.models.account import AccountHealth
from conversations.services import hook_addresses
from conversations.services.accounts import check_account, transport, wake
from messaging.errors import ConfigurationError
from messaging.providers.base import Provider
from messaging.registry import provider_class, provider_classes

MOST_TESTED = 10  # each test is a call to a provider, one after the other, while somebody waits


class AccountForm(forms.ModelForm):
    """Name, address and credentials of an account. Subclassed for one provider with the fields of its options."""

    provider: ClassVar[str] = ""

    class Meta:
        model = ProviderAccount
        fields = ("name", "base_url", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "base_url" in self.fields:
            self.fields["base_url"].widget.attrs["placeholder"] = provider_class(self.provider).default_base_url
            self.fields["base_url"].strip = False  # type: ignore[attr-defined]

    def clean_base_url(self) -> str:
        """The address as it will be called: only paths are ever added to it."""
        value: str = self.cleaned_data["base_url"]
        if value and (set(value) & set("?# \t\r\n") or not value.isascii()):
            raise ValidationError(
                gettext("An address is a host and a path. Leave out spaces, ? and #, and what follows them."),
                code="address",
            )
        return value

    def clean(self) -> dict[str, Any]:
        """Check where calls would go with all of this, and only then take the credentials over."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        provider = provider_class(self.provider)
        credentials = values_of(provider.credential_options, cleaned, self.instance.credentials or {})
        defaults = {option.name: option.default for option in provider.credential_options if option.default}
        meant = ProviderAccount(provider=self.provider, base_url=cleaned["base_url"])
        meant.credentials = defaults | credentials
        try:
            transport().check_address(meant.address, provider.hosts)
        except ConfigurationError as error:
            self.add_error(_field_of_the_address(provider, cleaned["base_url"]), str(error))
        else:
            self.instance.provider = self.provider
            self.instance.credentials = credentials
        return cleaned

    @property
    def changes_how_we_call(self) -> bool:
        """Do calls go elsewhere, or with other credentials, from now on?"""
        return any(name == "base_url" or name.startswith(PREFIX) for name in self.changed_data)


def _field_of_the_address(provider: type[Provider], base_url: str) -> str:
    """Where an address is refused: at its own field, or at the last credential that the default one is made of."""
    parts = [one for one in provider.credential_options if "{" + one.name + "}" in provider.default_base_url]
    return name_of(parts[-1]) if parts and not base_url else "base_url"


@admin.register(ProviderAccount)
class ProviderAccountAdmin(ManagedMixin, NeverDeletedMixin, ProductAdmin):
    """Accounts with providers. Stored secrets go in and never come out."""

    visible_through = None
    list_display = ("name", "provider", "health_word", "is_active", "stream_count", "checked_at")
    list_filter = ("provider", "health", "is_active")
    search_fields = ("name",)
    readonly_fields = ("provider_name", "webhook_address", "health_word", "said", "checked_at")
    actions = ("test_connection", "new_webhook_address")
    object_actions = ("test_connection", "new_webhook_address")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderAccount]:
        # Deferred: a list needs no secret, and must open even when the key of one is lost.
        return super().get_queryset(request).defer("credentials").annotate(number_of_streams=Count("streams"))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """No guessing at secrets through the address bar."""
        return not lookup.startswith(("credentials", "webhook_token")) and super().lookup_allowed(
            lookup, value, request
        )

    def get_fieldsets(self, request: HttpRequest, obj: ProviderAccount | None = None) -> Any:
        main = ("name", "base_url", "is_active")
        if obj is None:
            return [(None, {"fields": main}), self._credentials(self._chosen(request))]
        health = (_("Health"), {"fields": ("health_word", "said", "checked_at")})
        shown: list[Any] = [(None, {"fields": ("provider_name", *main)})]
        if self.has_change_permission(request, obj):
            shown.append(self._credentials(obj.provider, obj))
        if self.has_manage_permission(request):
            shown.append((_("Webhook"), {"fields": ("webhook_address",)}))
        return [*shown, health]

    def get_form(
        self, request: HttpRequest, obj: ProviderAccount | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        slug = obj.provider if obj else self._chosen(request)
        fields = credential_fields(provider_class(slug).credential_options, _stored(obj))
        kwargs["form"] = type("AccountForm", (AccountForm,), {"provider": slug, **fields})
        return super().get_form(request, obj, change=change, **kwargs)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First which provider, then the form for it."""
        slug = self._chosen(request)
        if slug:
            title = gettext("Add %s account") % provider_class(slug).label
            return super().add_view(request, form_url, {**(extra_context or {}), "title": title})
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Add provider account"),
            "question": gettext("Which provider is the account with?"),
            "choices": [(query_with(request, provider=slug), one.label) for slug, one in provider_classes().items()],
            "is_popup": IS_POPUP_VAR in request.GET,
            "opts": self.opts,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/choose_first.html", context)

    def save_model(self, request: HttpRequest, obj: ProviderAccount, form: Any, change: bool) -> None:
        """Save; what the last test said of other credentials says nothing of these."""
        if not change:
            obj.save()
            return
        changed = ["name", "base_url", "is_active", "credentials"]
        if form.changes_how_we_call:
            obj.health, obj.health_text, obj.checked_at = AccountHealth.UNCHECKED, "", None
            changed += ["health", "health_text", "checked_at"]
        obj.save(update_fields=changed)
        if form.changes_how_we_call:
            wake(obj)

    @admin.action(description=_("Test connection"), permissions=["manage"])
    def test_connection(self, request: HttpRequest, queryset: QuerySet[ProviderAccount]) -> None:
        """Call each provider with the stored credentials and say what came of it."""
        accounts = list(queryset[: MOST_TESTED + 1])
        if len(accounts) > MOST_TESTED:
            text = gettext("Test at most %d accounts at a time. None was tested.") % MOST_TESTED
            self.message_user(request, text, messages.ERROR)
            return
        for account in accounts:
            health = check_account(account)
            level = messages.SUCCESS if health.ok else messages.ERROR
            self.message_user(request, f"{account}: {health.sentence}", level)

    @admin.action(description=_("New webhook address"), permissions=["manage"])
    def new_webhook_address(self, request: HttpRequest, queryset: QuerySet[ProviderAccount]) -> HttpResponse | None:
        """Replace the secret part of the webhook address, after a warning."""
        if CONFIRMED not in request.POST:
            return self.action_page(
                request,
                queryset,
                action="new_webhook_address",
                title=gettext("New webhook address"),
                sentence=gettext(
                    "The present address stops working at once: reports and replies are lost until the new one is "
                    "entered at the provider."
                ),
                button=gettext("Make a new address"),
                danger=True,
            )
        for account in queryset:
            hook_addresses.new_account_address(account, actor=signed_in(request), request=request)
            self.note_in_history(request, account, "New webhook address.")
            text = gettext("%s has a new webhook address. Enter it at the provider.") % account
            self.message_user(request, text, messages.SUCCESS)
        return None

    @admin.display(description=_("provider"))
    def provider_name(self, account: ProviderAccount) -> str:
        return account.provider_label

    @admin.display(description=_("health"), ordering="health")
    def health_word(self, account: ProviderAccount) -> SafeString:
        return status_chip(account, "health")

    @admin.display(description=_("what the last call said"))
    def said(self, account: ProviderAccount) -> str:
        return account.health_text or NOTHING

    @admin.display(description=_("webhook address"))
    def webhook_address(self, account: ProviderAccount) -> SafeString:
        note = gettext("Enter it at the provider. It is a secret: whoever knows it can send us reports and replies.")
        return format_html('<code>{}</code><div class="note">{}</div>', account.webhook_url, note)

    @admin.display(description=_("streams"), ordering="number_of_streams")
    def stream_count(self, account: Any) -> SafeString:
        return list_link(Stream, account.number_of_streams, account__id__exact=account.pk)

    def _chosen(self, request: HttpRequest) -> str:
        slug = request.GET.get("provider", "")
        return slug if slug in provider_classes() else ""

    def _credentials(self, slug: str, obj: ProviderAccount | None = None) -> Any:
        names = credential_fields(provider_class(slug).credential_options, _stored(obj))
        return (_("Credentials"), {"fields": tuple(names)})


def _stored(account: ProviderAccount | None) -> dict[str, str]:
    return (account.credentials or {}) if account else {}
