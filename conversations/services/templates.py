"""Templates of our own making: drafts as supervisors write them, and what WhatsApp decided about each.

Cirrus documents no call that makes or lists templates: a draft is submitted there by hand, and what came of it is
recorded here, or comes with the next import (services/template_sync.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from conversations.models import Message, Stream, User, WhatsAppTemplate
from conversations.models.audit import AuditAction
from conversations.models.message import MessageStatus
from conversations.models.stream import Channel
from conversations.models.template import TemplateStatus
from conversations.permissions import may_edit_templates
from conversations.services import audit, conversations, lifecycle
from messaging.whatsapp import Problem, TemplateValueError, render_components, validate_template

WAITING = (MessageStatus.DRAFT, MessageStatus.SCHEDULED, MessageStatus.HELD)
LONGEST_REASON = 300


def problems_of(template: WhatsAppTemplate) -> list[Problem]:
    """What WhatsApp would refuse: of a draft everything, of one that it holds only what we could not fill in."""
    return validate_template(
        template.name,
        template.category,
        template.language,
        template.components,
        new=template.status == TemplateStatus.DRAFT,
    )


def save_draft(
    *,
    stream: Stream,
    name: str,
    language: str,
    category: str,
    components: Sequence[Mapping[str, Any]],
    actor: User,
    template: WhatsAppTemplate | None = None,
) -> WhatsAppTemplate:
    """Make a draft, or change one (`template`). It may have problems: nobody can send it yet.

    Raises ValidationError (`not_allowed`, `not_a_draft`, `name_taken`, `no_whatsapp`); then nothing is stored.
    """
    _check_may_edit(actor, stream)
    if stream.channel != Channel.WHATSAPP:
        raise ValidationError(f"{stream.name} sends no WhatsApp. Choose another stream.", code="no_whatsapp")
    if template is not None and template.status != TemplateStatus.DRAFT:
        raise ValidationError(
            "WhatsApp holds this template already. Copy it, and submit the copy under a new name.", code="not_a_draft"
        )
    row = template or WhatsAppTemplate(status=TemplateStatus.DRAFT)
    row.stream, row.name, row.language, row.category = stream, name, language, category
    row.components, row.changed_by = list(components), actor
    try:
        with transaction.atomic():
            row.save()
            audit.record(AuditAction.TEMPLATE_CHANGED, actor=actor, subject=row, summary="Draft saved.")
    except IntegrityError as error:
        raise ValidationError(
            f"{stream.name} has a template {name} in this language already. Choose another name.", code="name_taken"
        ) from error
    return row


def record_status(template: WhatsAppTemplate, *, status: str, reason: str, actor: User) -> None:
    """Note what became of a template at WhatsApp: submitted, approved, paused, rejected, disabled or gone.

    Raises ValidationError (`not_allowed`, `unknown_status`, `has_problems`); then nothing changes.
    """
    _check_may_edit(actor, template.stream)
    if status not in TemplateStatus.values:
        raise ValidationError("Choose one of the statuses.", code="unknown_status")
    if template.status == TemplateStatus.DRAFT and status != TemplateStatus.DRAFT:
        problems = problems_of(template)
        if problems:
            raise ValidationError(
                f"WhatsApp would refuse this: {problems[0].sentence} Mend it before you submit it.",
                code="has_problems",
            )
    summary = f"{template.get_status_display()} to {TemplateStatus(status).label.lower()}."
    template.status, template.status_reason, template.changed_by = status, reason[:LONGEST_REASON], actor
    with transaction.atomic():
        template.save(update_fields=["status", "status_reason", "changed_by", "updated_at"])
        audit.record(AuditAction.TEMPLATE_CHANGED, actor=actor, subject=template, summary=summary)


def stop_what_would_change(template: WhatsAppTemplate, *, actor: User | None) -> int:
    """Stop the messages that wait with an earlier wording, which the customer would no longer see; how many."""
    rows = Message.objects.filter(template=template, status__in=WAITING).select_related("conversation__stream")
    stopped = 0
    for message in rows.exclude(template_version__number=template.version):
        try:
            is_same = render_components(template.components, message.template_values).body == message.body
        except TemplateValueError:
            is_same = False
        if is_same:
            continue
        moved = lifecycle.move(
            [message],
            MessageStatus.CANCELLED,
            come_from=WAITING,
            actor=actor,
            reason=f"The template {template.name} has another wording now",
        )
        if moved:
            message.refresh_from_db()
            conversations.note_cancelled(message, actor=actor)
            stopped += 1
    return stopped


def _check_may_edit(actor: User, stream: Stream) -> None:
    if not may_edit_templates(actor, stream):
        raise ValidationError("Templates are written by supervisors of the stream.", code="not_allowed")
