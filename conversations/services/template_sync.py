"""Bringing our templates to what a file says that the provider holds, with a report of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from conversations.models import Stream, User, WhatsAppTemplate
from conversations.models.audit import AuditAction
from conversations.models.template import TemplateStatus
from conversations.services import audit
from conversations.services.template_files import Incoming
from conversations.services.templates import stop_what_would_change
from messaging.whatsapp import validate_template

_COMPARED = {  # what a file may change, and how a report calls it
    "category": "category",
    "components": "wording",
    "status": "status",
    "status_reason": "reason",
    "external_id": "id",
}


class Change(StrEnum):
    """What a file makes of one template."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    GONE = "gone"
    WRONG = "wrong"


class Line(NamedTuple):
    """One template of the report. `place` is 0 for one that the file does not hold; `sentence` says what is said."""

    change: Change
    place: int
    name: str
    language: str
    sentence: str


@dataclass(slots=True)
class Report:
    """What an import did, or would do."""

    lines: list[Line] = field(default_factory=list)
    stored: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many of each change, in the order of Change."""
        counted = Counter(line.change for line in self.lines)
        return {change.value: counted[change] for change in Change}

    @property
    def worth_reading(self) -> list[Line]:
        """All but what stays as it is, what is wrong first."""
        order = [Change.WRONG, Change.GONE, Change.CHANGED, Change.NEW]
        return sorted((line for line in self.lines if line.change in order), key=lambda line: order.index(line.change))


def sync_templates(
    *, stream: Stream, found: Sequence[Incoming], actor: User | None, complete: bool = True, dry_run: bool = False
) -> Report:
    """Store what a file holds. Rows that are wrong are reported and leave their template as it is.

    `complete` says that the file holds all templates of the stream: those it does not name are `gone` then, and
    never deleted; drafts are ours and stay. `dry_run` only reports.
    """
    with transaction.atomic():
        known = {
            (row.name, row.language): row
            for row in WhatsAppTemplate.objects.filter(stream=stream).select_for_update(of=("self",))
        }
        report, named = Report(stored=not dry_run), set()
        for one in found:
            key = (one.name, one.language)
            problem = "It stands in the file twice." if key in named else _problem(one)
            named.add(key)
            if problem:
                report.lines.append(Line(Change.WRONG, one.place, one.name, one.language, problem))
                continue
            row = known.get(key) or WhatsAppTemplate(stream=stream, name=one.name, language=one.language)
            report.lines.append(_take(row, one, actor, dry_run=dry_run))
        for key, row in known.items() if complete else ():
            if key not in named and row.status not in (TemplateStatus.DRAFT, TemplateStatus.GONE):
                report.lines.append(_leave(row, actor, dry_run=dry_run))
        if not dry_run:
            counts = ", ".join(f"{count} {word}" for word, count in report.counts.items() if count)
            summary = f"A file was read: {counts or 'nothing in it'}."
            audit.record(AuditAction.TEMPLATE_CHANGED, actor=actor, subject=stream, summary=summary)
    return report


def _problem(one: Incoming) -> str:
    if one.problem:
        return one.problem
    problems = validate_template(one.name, one.category, one.language, one.components, new=False)
    if problems:
        return problems[0].sentence
    if len(one.language) > 12:
        return "Its language is no code of WhatsApp."
    return ""


def _take(row: WhatsAppTemplate, one: Incoming, actor: User | None, *, dry_run: bool) -> Line:
    is_new = row.pk is None
    wanted: dict[str, Any] = {
        "category": one.category,
        "components": one.components,
        "status": one.status or (TemplateStatus.PENDING if is_new else row.status),
        "status_reason": one.reason,
        "external_id": one.external_id or row.external_id,
    }
    changed = [name for name in _COMPARED if getattr(row, name) != wanted[name]]
    sentence = _said(row, wanted, changed, is_new=is_new)
    if not dry_run:
        sentence += _store(row, wanted, actor, is_new=is_new)
    change = Change.NEW if is_new else Change.CHANGED if changed else Change.SAME
    return Line(change, one.place, one.name, one.language, sentence)


def _store(row: WhatsAppTemplate, wanted: dict[str, Any], actor: User | None, *, is_new: bool) -> str:
    for name, value in wanted.items():
        setattr(row, name, value)
    row.changed_by, row.seen_at = actor, timezone.now()
    before = row.version
    row.save()
    stopped = 0 if is_new or row.version == before else stop_what_would_change(row, actor=actor)
    return f" {stopped} waiting message{'s' if stopped > 1 else ''} stopped." if stopped else ""


def _said(row: WhatsAppTemplate, wanted: dict[str, Any], changed: Sequence[str], *, is_new: bool) -> str:
    status = TemplateStatus(wanted["status"]).label
    if is_new:
        return f"{status}."
    words = []
    if "status" in changed:
        words.append(f"{TemplateStatus(row.status).label} to {str(status).lower()}")
    words += [f"another {_COMPARED[name]}" for name in changed if name != "status"]
    return f"{', '.join(words).capitalize()}." if words else ""


def _leave(row: WhatsAppTemplate, actor: User | None, *, dry_run: bool) -> Line:
    used = row.messages.count()
    if not dry_run:
        row.status, row.status_reason, row.changed_by = TemplateStatus.GONE, "Not in the last import", actor
        row.save(update_fields=["status", "status_reason", "changed_by", "updated_at"])
    kept = f"; kept for the {used:,} messages that used it" if used else ""
    return Line(Change.GONE, 0, row.name, row.language, f"The file does not hold it{kept}.")
