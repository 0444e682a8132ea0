"""`/templates/`: what templates there are, and one of them with its languages, its history and its use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.template_draft import TemplateFilterForm, TemplateStatusForm
from conversations.models import Message, TemplateStatusChange, TemplateVersion, User, WhatsAppTemplate
from conversations.models.message import MessageStatus
from conversations.models.template import TemplateStatus
from conversations.permissions import may_edit_templates
from conversations.services.templates import record_status
from conversations.views.requests import UNPROCESSABLE, signed_in
from conversations.views.template_preview import Preview, body_text, preview_of, preview_with_samples

FAILED = (MessageStatus.FAILED, MessageStatus.UNDELIVERED)


@dataclass(frozen=True, slots=True)
class Use:
    """How often a template was sent, how often that failed, and when last."""

    sent: int = 0
    failed: int = 0
    last_at: datetime | None = None

    @property
    def failed_percent(self) -> int:
        """Of a hundred messages, how many failed."""
        return round(100 * self.failed / self.sent) if self.sent else 0


class Group(NamedTuple):
    """A template in all its languages. `use` counts all of them together."""

    name: str
    stream: str
    rows: Sequence[WhatsAppTemplate]
    use: Use

    @property
    def words(self) -> str:
        """The wording of the first language."""
        return body_text(self.rows[0])


class Event(NamedTuple):
    """One line of a template's history."""

    at: datetime
    icon: str
    words: str
    by: User | None
    version: TemplateVersion | None = None


class Language(NamedTuple):
    """One language beside the others."""

    template: WhatsAppTemplate
    preview: Preview


@never_cache
@require_safe
def templates(request: HttpRequest) -> HttpResponse:
    """The list, with its filters in the address."""
    user = signed_in(request)
    form = TemplateFilterForm(request.GET, user=user)
    found = _filtered(form.wanted, user)
    context = {
        "form": form,
        "filtered": any(form.wanted.values()),
        "groups": _groups(found),
        "edits": user.has_perm("conversations.change_whatsapptemplate"),
    }
    return render(request, "templates/list.html", context)


def _filtered(wanted: Any, user: User) -> list[WhatsAppTemplate]:
    rows = WhatsAppTemplate.objects.visible_to(user).select_related("stream")
    for name in ("stream", "language", "category", "status"):
        if wanted[name]:
            rows = rows.filter(**{name: wanted[name]})
    words = wanted["q"].lower().split()
    return [row for row in rows if all(word in f"{row.name} {body_text(row)}".lower() for word in words)]


def _groups(rows: Iterable[WhatsAppTemplate]) -> list[Group]:
    by_name: dict[tuple[str, int], list[WhatsAppTemplate]] = {}
    ours = settings.LANGUAGE_CODE[:2]
    for row in sorted(rows, key=lambda row: (row.name, row.language[:2] != ours, row.language)):
        by_name.setdefault((row.name, row.stream_id), []).append(row)
    uses = uses_of([row.pk for group in by_name.values() for row in group])
    found = [
        Group(name, group[0].stream.name, group, _together(uses.get(row.pk, Use()) for row in group))
        for (name, _), group in by_name.items()
    ]
    return sorted(found, key=lambda group: (all(row.status == TemplateStatus.GONE for row in group.rows), group.name))


def _together(uses: Iterable[Use]) -> Use:
    known = list(uses)
    times = [use.last_at for use in known if use.last_at]
    return Use(sum(use.sent for use in known), sum(use.failed for use in known), max(times, default=None))


def uses_of(pks: Sequence[int]) -> dict[int, Use]:
    """How templates were used, by their ids; those that never were are missing."""
    counted = (
        Message.objects.filter(Q(sent_at__isnull=False) | Q(status__in=FAILED), template__in=pks)
        .order_by()
        .values_list("template")
        .annotate(sent=Count("pk"), failed=Count("pk", filter=Q(status__in=FAILED)), last=Max("sent_at"))
    )
    return {pk: Use(sent, failed, last) for pk, sent, failed, last in counted}


@never_cache
@require_safe
def template(request: HttpRequest, pk: int) -> HttpResponse:
    """One language of a template, with the others beside it."""
    return _page(request, visible_template(request, pk), TemplateStatusForm())


def visible_template(request: HttpRequest, pk: int) -> WhatsAppTemplate:
    """The template; Http404 when there is none or this user cannot see its stream."""
    rows = WhatsAppTemplate.objects.visible_to(signed_in(request)).select_related("stream__account")
    return get_object_or_404(rows, pk=pk)


def _page(request: HttpRequest, row: WhatsAppTemplate, form: TemplateStatusForm, status: int = 200) -> HttpResponse:
    user = signed_in(request)
    others = WhatsAppTemplate.objects.filter(stream=row.stream_id, name=row.name).exclude(pk=row.pk)
    form.initial.setdefault("status", row.status)
    context = {
        "template": row,
        "stream": row.stream,
        "preview": preview_with_samples(row.components),
        "others": [Language(one, preview_of(one.components, {})) for one in others],
        "history": _history(row),
        "use": uses_of([row.pk]).get(row.pk, Use()),
        "edits": may_edit_templates(user, row.stream),
        "is_draft": row.status == TemplateStatus.DRAFT,
        "form": form,
    }
    return render(request, "templates/page.html", context, status=status)


def _history(row: WhatsAppTemplate) -> list[Event]:
    changes: Iterable[TemplateStatusChange] = row.status_changes.select_related("made_by")
    events = [Event(change.created_at, "flag", _decision(change), change.made_by) for change in changes] + [
        Event(one.created_at, "pencil", f"Version {one.number}", one.made_by, one)
        for one in row.versions.select_related("made_by")
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _decision(change: TemplateStatusChange) -> str:
    words = str(change.get_to_status_display())
    return f"{words}: {change.reason}" if change.reason else words


@require_POST
def change_status(request: HttpRequest, pk: int) -> HttpResponse:
    """Note what WhatsApp decided."""
    row = visible_template(request, pk)
    form = TemplateStatusForm(request.POST)
    if form.is_valid():
        try:
            record_status(row, **form.cleaned_data, actor=signed_in(request))
        except ValidationError as error:
            form.take_refusal(error)
            row.refresh_from_db()
        else:
            messages.success(request, f"Noted: {row.get_status_display().lower()}.")
            return HttpResponseRedirect(reverse("template", args=[pk]))
    return _page(request, row, form, status=UNPROCESSABLE)
