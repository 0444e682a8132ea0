"""Writes the audit: who did what, when and from where. Nothing here reads it back to decide anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from axes.helpers import get_client_ip_address
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from conversations.models import (
    AgentIdentity,
    ApiKey,
    AuditEntry,
    Contact,
    Conversation,
    KeywordSet,
    Message,
    OptIn,
    ProviderAccount,
    SendingPolicy,
    Stream,
    StreamGate,
    SubStream,
    Team,
    TeamMembership,
    TeamStream,
    User,
    WebhookSubscription,
)
from conversations.models.audit import AuditAction
from conversations.services.sign_in import username_of

SEEN_AGAIN_AFTER = timedelta(hours=1)
"""How long one look at a customer of another team counts as the same look."""

ACTION_OF: Mapping[type[Model], AuditAction] = {
    User: AuditAction.PERSON_CHANGED,
    AgentIdentity: AuditAction.PERSON_CHANGED,
    Group: AuditAction.ROLE_CHANGED,
    Team: AuditAction.TEAM_CHANGED,
    TeamMembership: AuditAction.TEAM_CHANGED,
    TeamStream: AuditAction.TEAM_CHANGED,
    ProviderAccount: AuditAction.ACCOUNT_CHANGED,
    ApiKey: AuditAction.API_KEY_CHANGED,
    Stream: AuditAction.STREAM_CHANGED,
    SubStream: AuditAction.STREAM_CHANGED,
    StreamGate: AuditAction.STREAM_CHANGED,
    SendingPolicy: AuditAction.STREAM_CHANGED,
    KeywordSet: AuditAction.STREAM_CHANGED,
    WebhookSubscription: AuditAction.WEBHOOK_CHANGED,
}
"""The rows whose changes in the administration are written down, and as what."""

_CUSTOMERS = (Contact, Conversation, Message, OptIn)


def record(
    action: AuditAction,
    *,
    actor: User | None,
    subject: Model | None = None,
    summary: str = "",
    request: HttpRequest | None = None,
) -> AuditEntry:
    """Add an entry, in the transaction of what it tells about where there is one.

    `summary` is a sentence without numbers of customers, words of messages or secrets. `request` gives the address.
    """
    return AuditEntry.objects.create(
        action=action,
        actor=actor,
        address=get_client_ip_address(request) if request is not None else None,
        subject_type=subject._meta.model_name or "" if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
        subject=_called(subject),
        summary=summary[:500],
    )


def note_look(user: User, subject: Contact | Conversation, *, streams: Iterable[int], request: HttpRequest) -> None:
    """Write down that somebody who sees everything looked at a customer of streams that no team of theirs has.

    `streams` are the ids of the streams concerned, not looked at for others. Once an hour for each customer.
    """
    if not user.sees_every_stream:
        return
    concerned = set(streams)
    own = Stream.objects.filter(pk__in=concerned, teams__memberships__user=user)
    if not concerned or own.exists():
        return
    entry = {"action": AuditAction.SEEN_FROM_OUTSIDE, "actor": user, "subject_id": subject.pk}
    recent = AuditEntry.objects.filter(
        **entry, subject_type=subject._meta.model_name, at__gt=timezone.now() - SEEN_AGAIN_AFTER
    )
    if not recent.exists():
        record(AuditAction.SEEN_FROM_OUTSIDE, actor=user, subject=subject, request=request)


def record_change(row: Model, *, actor: User, summary: str, request: HttpRequest) -> None:
    """Write down that a row was added, changed or deleted in the administration, when it is one of ACTION_OF."""
    if (action := ACTION_OF.get(type(row))) is not None:
        record(action, actor=actor, subject=row, summary=summary, request=request)


def watch_sign_ins() -> None:
    """Connect to Django's signals of sign-in; called once, when the application is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit_signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="audit_signed_out")
    user_login_failed.connect(_sign_in_failed, dispatch_uid="audit_sign_in_failed")


def _called(subject: Model | None) -> str:
    if subject is None:
        return ""
    if isinstance(subject, _CUSTOMERS):
        return f"{subject._meta.verbose_name} {subject.pk}".capitalize()  # never a name or a number
    return str(subject)[:200]


def _signed_in(sender: type, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    record(AuditAction.SIGNED_IN, actor=user, subject=user, request=request)


def _signed_out(sender: type, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record(AuditAction.SIGNED_OUT, actor=user, subject=user, request=request)


def _sign_in_failed(sender: str, credentials: dict[str, Any], request: HttpRequest | None, **kwargs: Any) -> None:
    # What was typed may be a password in the wrong field: only an address that is somebody's is kept.
    meant = User.objects.filter(email__iexact=username_of(request, credentials)).first()
    summary = "" if meant else "Nobody has the address that was typed."
    record(AuditAction.SIGN_IN_FAILED, actor=None, subject=meant, summary=summary, request=request)
