"""Keys of the JSON API: made here and shown once, changed, replaced and revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import chip
from conversations.admin.filters import by_person
from conversations.admin.mixins import NeverDeletedMixin, ProductAdmin, signed_in
from conversations.admin.object_actions import CONFIRMED, sentences
from conversations.admin.people_forms import may_manage
from conversations.models import ApiKey, User
from conversations.models.api_key import ApiScope
from conversations.services import api_keys

_FIELDS_OF_CODES = {"stream_unseen": "streams", "user_inactive": "user", "expired": "expires_at"}


class ApiKeyForm(forms.ModelForm):
    """What a key is for and what it may be used for. `actor` is set by the page that makes the form."""

    actor: User
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), choices=ApiScope.choices, widget=forms.CheckboxSelectMultiple, help_text=_("What it may do.")
    )

    class Meta:
        model = ApiKey
        fields = ("name", "user", "scopes", "streams", "expires_at", "rate_per_minute")

    def clean_user(self) -> User:
        """Nobody makes a key that may do more than they may themselves."""
        user: User = self.cleaned_data["user"]
        if not may_manage(self.actor, user):
            raise ValidationError(gettext("This person may do more than you. Choose somebody else."), code="too_much")
        return user

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        user = cleaned.get("user") or (self.instance.user if self.instance.pk else None)
        if user is None or self.errors:
            return cleaned
        try:
            if self.instance.pk:
                api_keys.check_streams(user, cleaned["streams"])
            else:
                asked = {name: cleaned[name] for name in ("name", "scopes", "streams", "expires_at")}
                api_keys.check_new_key(user=user, **asked)
        except ValidationError as error:
            self.add_error(_FIELDS_OF_CODES.get(error.code or "", "name"), error)
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(NeverDeletedMixin, ProductAdmin):
    """Keys of programs. They are revoked, never deleted: the audit names them."""

    visible_through = None
    form = ApiKeyForm
    list_display = ("name", "short_key", "user", "scope_words", "state", "last_used_at", "expires_at")
    list_filter = (by_person("user", _("person")),)
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__name")
    autocomplete_fields = ("user", "streams")
    actions = ("replace", "revoke")
    object_actions = ("replace", "revoke")

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": self.form.Meta.fields})]
        own = ("name", "short_key", "user", "scopes", "streams", "expires_at", "rate_per_minute")
        dates = ("state", "last_used_at", "former_ends_at", "revoked_at", "created_by", "created_at")
        return [(None, {"fields": own}), (_("Dates"), {"fields": dates})]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        fixed = ("short_key", "state", "last_used_at", "former_ends_at", "revoked_at", "created_by", "created_at")
        return fixed if obj is None else (*fixed, "user")

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.actor = signed_in(request)
        return form

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Nobody changes a key that acts for somebody who may do more."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_manage(signed_in(request), obj.user))

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Made by the service, so that its text is shown once: see response_add."""
        if change:
            super().save_model(request, obj, form, change)
            return
        obj.text = api_keys.store_new_key(obj, streams=form.cleaned_data["streams"], created_by=signed_in(request))

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        return self._shown(request, obj, obj.text)

    @admin.action(description=_("Replace key"), permissions=["change"])
    def replace(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Give one key a new text, after a question; the former goes on for a week."""
        chosen = self._changeable(request, queryset)
        if len(chosen) != 1:
            self.message_user(request, gettext("Choose one key to replace. Nothing was done."), messages.ERROR)
            return None
        if CONFIRMED not in request.POST:
            sentence = gettext("The program needs the new key within a week: so long the present one works too.")
            return self._asked(request, queryset, "replace", gettext("Replace key"), sentence)
        try:
            return self._shown(request, chosen[0], api_keys.rotate_api_key(chosen[0], actor=signed_in(request)))
        except ValidationError as error:
            self.message_user(request, sentences(error), messages.ERROR)
            return None

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Refuse keys from now on, after a question."""
        if CONFIRMED not in request.POST:
            sentence = gettext("Programs that use them are refused at once. A key that was revoked stays so.")
            return self._asked(request, queryset, "revoke", gettext("Revoke keys"), sentence)
        for key in self._changeable(request, queryset):
            api_keys.revoke_api_key(key, actor=signed_in(request))
            self.message_user(request, gettext("%s was revoked.") % key, messages.SUCCESS)
        return None

    @admin.display(description=_("key"))
    def short_key(self, key: ApiKey) -> str:
        return f"pk_{key.prefix}_…"

    @admin.display(description=_("scopes"))
    def scope_words(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description=_("state"))
    def state(self, key: ApiKey) -> SafeString:
        if key.revoked_at is not None:
            return chip(gettext("Revoked"), "bad")
        if not key.is_in_use:
            return chip(gettext("Expired"), "bad")
        if not key.user.is_active:
            return chip(gettext("Person switched off"), "bad")
        return chip(gettext("In use"), "good")

    def _changeable(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> list[ApiKey]:
        return [key for key in queryset.select_related("user") if self.has_change_permission(request, key)]

    def _asked(
        self, request: HttpRequest, queryset: QuerySet[ApiKey], action: str, title: str, sentence: str
    ) -> HttpResponse:
        return self.action_page(
            request, queryset, action=action, title=title, sentence=sentence, button=title, danger=action == "revoke"
        )

    def _shown(self, request: HttpRequest, key: ApiKey, text: str) -> HttpResponse:
        """The one page with the whole key; no browser keeps it, and nothing else ever shows it."""
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The new key"),
            "key": key,
            "text": text,
            "opts": self.opts,
        }
        request.current_app = self.admin_site.name
        response = TemplateResponse(request, "admin/api_key.html", context)
        add_never_cache_headers(response)
        return response
