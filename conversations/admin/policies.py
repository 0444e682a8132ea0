"""What a stream allows itself: countries, the customer's hours, how many messages, who answers keywords."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from phonenumbers import SUPPORTED_REGIONS

from conversations.admin.mixins import ManagedMixin, ProductAdmin
from conversations.models import SendingPolicy, Stream
from messaging.quiet_hours import QuietHours


class SendingPolicyForm(forms.ModelForm):
    """Rules that can be kept: countries that exist, hours that open before they close, a zone with a clock."""

    class Meta:
        model = SendingPolicy
        fields = (
            *("stream", "countries", "quiet_hours", "opens_at", "closes_at", "time_zone"),
            *("most_per_person", "most_per_agent", "keyword_replies", "help_contact"),
        )

    def clean_countries(self) -> str:
        """Two-letter countries, each once."""
        found = list(dict.fromkeys(self.cleaned_data["countries"].replace(",", " ").upper().split()))
        if unknown := [one for one in found if one not in SUPPORTED_REGIONS]:
            raise ValidationError(
                gettext("%s is no country. Use two letters, such as GB or US.") % unknown[0], code="country"
            )
        return ", ".join(found)

    def clean_time_zone(self) -> str:
        """A zone that exists."""
        zone: str = self.cleaned_data["time_zone"].strip()
        if zone and zone not in available_timezones():
            raise ValidationError(gettext("Write it like Europe/London, or leave it empty."), code="time_zone")
        return zone

    def clean(self) -> dict[str, Any]:
        """Both times or neither, and the day opens before it closes."""
        cleaned: dict[str, Any] = super().clean() or {}
        opens, closes = cleaned.get("opens_at"), cleaned.get("closes_at")
        if (opens is None) != (closes is None):
            self.add_error("closes_at" if opens else "opens_at", gettext("Enter both times, or neither."))
        elif opens is not None and closes is not None:
            try:
                QuietHours(opens, closes)
            except ValueError:
                self.add_error("closes_at", gettext("Choose a time after the opening, on the same day."))
        return cleaned


@admin.register(SendingPolicy)
class SendingPolicyAdmin(ManagedMixin, ProductAdmin):
    """One row a stream; without one, a stream writes to every country at every hour."""

    form = SendingPolicyForm
    visible_through = ("stream", Stream)
    list_display = ("stream", "countries", "quiet_hours", "opens_at", "closes_at", "keyword_replies")
    list_select_related = ("stream",)
    search_fields = ("stream__name",)
    autocomplete_fields = ("stream",)
    ordering = ("stream__name",)
    fieldsets = (
        (None, {"fields": ("stream", "countries")}),
        (
            _("The customer's hours"),
            {
                "fields": ("quiet_hours", "opens_at", "closes_at", "time_zone"),
                "description": _(
                    "A number may be in several time zones: then it has to be open in each of them. What comes at "
                    "night is refused with the time at which it can be sent; what is on its way waits until then."
                ),
            },
        ),
        (_("How many"), {"fields": ("most_per_person", "most_per_agent")}),
        (_("STOP, START and HELP"), {"fields": ("keyword_replies", "help_contact")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: SendingPolicy | None = None) -> Any:
        return ("stream",) if obj else ()
