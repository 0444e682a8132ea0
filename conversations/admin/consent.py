"""Permission to write: the ledger, which only ever grows, and the present state that the gate reads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import chip
from conversations.admin.mixins import LedgerAdmin, NamedAutocompleteSelect, PhoneSearchMixin, signed_in
from conversations.forms.consent import CHECKLIST, ConsentForm
from conversations.models import ConsentState, Contact, OptIn, Stream, User
from conversations.models.consent import OPENING, ConsentDecision, ConsentEventKind, ConsentSource
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services import consent
from messaging.phone import format_for_people

_TONES = {ConsentDecision.OPTED_IN: "good", ConsentDecision.OPTED_OUT: "bad"}
_BY_HAND = (ConsentSource.AGENT, ConsentSource.FORM)


class OptInForm(forms.Form):
    """A decision that a customer told us or signed. The service writes it; a wrong one is answered by a new one."""

    contact = forms.ModelChoiceField(Contact.objects.none(), label=_("Contact"))
    channel = forms.ChoiceField(label=_("Channel"), choices=Channel.choices)
    event = forms.ChoiceField(
        label=_("Decision"), choices=[one for one in ConsentEventKind.choices if one[0] != ConsentEventKind.ERASED]
    )
    purpose = forms.ChoiceField(label=_("For"), choices=[("", _("Every purpose")), *Purpose.choices], required=False)
    source = forms.ChoiceField(label=_("How we know"), choices=[(one.value, one.label) for one in _BY_HAND])
    stream = forms.ModelChoiceField(Stream.objects.none(), label=_("Told on stream"), required=False)
    wording = forms.CharField(
        label=_("Wording"),
        required=False,  # the service says when it is needed
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text=_("What the customer was shown or said. An opt-in is nothing without it."),
    )
    business_name = forms.CharField(label=_("Business named in it"), required=False, max_length=100)
    is_active = forms.BooleanField(label=_("WhatsApp: the customer did something to agree"), required=False)
    names_business = forms.BooleanField(label=_("WhatsApp: the wording names the business"), required=False)
    names_messages = forms.BooleanField(label=_("WhatsApp: it says what kind of messages will come"), required=False)
    evidence = forms.CharField(
        label=_("Evidence"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text=_("Where the proof is: a link, a form's number, who heard it."),
    )
    occurred_at = forms.SplitDateTimeField(label=_("When"), widget=AdminSplitDateTime)

    def __init__(self, data: Any, *, user: User, admin_site: admin.AdminSite) -> None:
        super().__init__(data, initial={"occurred_at": timezone.now()})
        contact: Any = self.fields["contact"]
        contact.queryset = Contact.objects.all().visible_to(user)
        contact.widget = NamedAutocompleteSelect(OptIn._meta.get_field("contact"), admin_site)
        contact.widget.choices = contact.choices
        when: Any = self.fields["occurred_at"].widget
        for part, name in zip(when.widgets, (gettext("Date"), gettext("Time")), strict=True):
            part.attrs["aria-label"] = name
        self.fields["stream"].queryset = Stream.objects.all().visible_to(user)  # type: ignore[attr-defined]

    def clean_occurred_at(self) -> Any:
        moment = self.cleaned_data["occurred_at"]
        if moment > timezone.now():
            raise ValidationError(gettext("This lies ahead. Enter when the customer decided."), code="ahead")
        return moment

    def clean(self) -> dict[str, Any]:
        """On WhatsApp an opt-in passes the checklist."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("event") in OPENING and cleaned.get("channel") == Channel.WHATSAPP:
            for name in CHECKLIST:
                if not cleaned.get(name):
                    self.add_error(name, gettext("WhatsApp asks for this. Without it the opt-in does not count."))
        return cleaned

    def record(self, user: User) -> OptIn | None:
        """Write the decision, or put the refusal at its field."""
        given = {name: value for name, value in self.cleaned_data.items() if name not in CHECKLIST}
        try:
            return consent.record(OptIn(recorded_by=user, **given))
        except ValidationError as error:
            field = ConsentForm.fields_of_codes.get(error.code or "")
            self.add_error(field if field in self.fields else None, error)
            return None


@admin.register(OptIn)
class OptInAdmin(PhoneSearchMixin, LedgerAdmin):
    """Every decision ever recorded. Nothing is changed or deleted; a new decision is added below."""

    visible_through = ("contact", Contact)
    list_display = (
        "row_number",
        "decision",
        "contact",
        "number",
        "channel",
        "purpose",
        "source",
        "recorded_by",
        "occurred_at",
    )
    list_filter = ("event", "channel", "purpose", "scope", "source", ("occurred_at", admin.DateFieldListFilter))
    list_select_related = ("contact", "recorded_by")
    search_fields = ("phone", "contact__first_name", "contact__last_name")
    search_help_text = _("Number in any form, or name")
    readonly_fields = ("decision", "number", "proof", "recorded_at")
    fields = (
        "decision",
        "contact",
        "number",
        "channel",
        "purpose",
        "scope",
        "stream",
        "source",
        "wording",
        "business_name",
        "evidence",
        "proof",
        "recorded_by",
        "occurred_at",
        "recorded_at",
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).has_perm("conversations.add_optin")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Record a decision through services/consent.py."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = signed_in(request)
        form = OptInForm(request.POST if request.method == "POST" else None, user=user, admin_site=self.admin_site)
        if form.is_valid() and (entry := form.record(user)):
            self.log_addition(request, entry, "Recorded")
            text = gettext("Recorded: %(what)s for %(who)s.") % {"what": entry, "who": entry.contact}
            self.message_user(request, text, messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:conversations_optin_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Record an opt-in or opt-out"),
            "sentence": gettext("This cannot be changed later. A mistake is put right by recording the true decision."),
            "form": form,
            "media": self.media + form.media,
            "button": gettext("Record"),
            "opts": self.opts,
            "confirmed": "_save",
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/action_page.html", context)

    @admin.display(description=_("decision"))
    def decision(self, entry: OptIn) -> SafeString:
        out = entry.event in (ConsentEventKind.OPT_OUT, ConsentEventKind.ERASED)
        return chip(entry.get_event_display(), "bad" if out else "good")

    @admin.display(description=_("file"))
    def proof(self, entry: OptIn) -> SafeString | str:
        if entry.evidence_file_id is None:
            return ""
        return format_html('<a href="{}">{}</a>', reverse("proof-file", args=[entry.pk]), entry.evidence_file)

    @admin.display(description=_("number"))
    def number(self, entry: OptIn) -> str:
        return format_for_people(entry.phone)


@admin.register(ConsentState)
class ConsentStateAdmin(PhoneSearchMixin, LedgerAdmin):
    """What the gate reads, one row a number and channel."""

    list_display = ("number", "channel", "reach", "service_word", "marketing_word", "changed_at")
    list_filter = ("channel", "scope", "service", "marketing")
    list_select_related = ("stream",)
    search_fields = ("phone",)
    search_help_text = _("Number in any form")
    readonly_fields = ("number", "reach", "service_word", "marketing_word")
    fields = ("number", "channel", "reach", "service_word", "marketing_word", "last_event", "changed_at")
    visible_through = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentState]:
        states: QuerySet[ConsentState] = super().get_queryset(request)
        user = signed_in(request)
        if user.sees_everything:
            return states
        return states.filter(Exists(Contact.objects.all().visible_to(user).filter(phone=OuterRef("phone"))))

    @admin.display(description=_("number"))
    def number(self, state: ConsentState) -> str:
        return format_for_people(state.phone)

    @admin.display(description=_("for"))
    def reach(self, state: ConsentState) -> str:
        return str(state.stream or state.brand or state.get_scope_display())

    @admin.display(description=_("service"))
    def service_word(self, state: ConsentState) -> SafeString:
        return chip(state.get_service_display(), _TONES.get(ConsentDecision(state.service), ""))

    @admin.display(description=_("marketing"))
    def marketing_word(self, state: ConsentState) -> SafeString:
        return chip(state.get_marketing_display(), _TONES.get(ConsentDecision(state.marketing), ""))
