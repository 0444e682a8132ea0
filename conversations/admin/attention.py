"""What somebody ought to look at, for the first page: each line is a count and the list behind it. And how to begin."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from conversations.admin import operations
from conversations.models import Message, ProviderAccount, Stream, Team, User, WebhookEvent, WebhookSubscription
from conversations.models.account import AccountHealth
from conversations.models.message import MessageStatus
from conversations.models.webhook import WebhookEventStatus

COUNTED = 100  # past this, "100 or more" says enough

_LINES: tuple[tuple[type[Model], dict[str, str], str | Promise], ...] = (
    (
        ProviderAccount,
        {"health__exact": AccountHealth.NEEDS_CREDENTIALS.value, "is_active__exact": "1"},
        _("Accounts whose credentials were refused"),
    ),
    (
        ProviderAccount,
        {"health__exact": AccountHealth.UNREACHABLE.value, "is_active__exact": "1"},
        _("Accounts that do not answer"),
    ),
    (Message, {"status__exact": MessageStatus.UNCONFIRMED.value}, _("Messages that nobody confirmed")),
    (WebhookEvent, {"status__exact": WebhookEventStatus.FAILED.value}, _("Calls of providers that we could not read")),
    (WebhookSubscription, {"pause_reason__regex": "."}, _("Webhooks to other systems that are paused")),
)

_FIRST_STEPS: tuple[tuple[type[Model], str | Promise], ...] = (
    (ProviderAccount, _("Add the account at your provider, and test its connection")),
    (Stream, _("Add a stream: the number or name that customers write to")),
    (User, _("Add people, each with a role")),
    (Team, _("Add a team: its people see and answer its streams")),
)


def first_steps(site: AdminSite, request: HttpRequest) -> list[dict[str, Any]]:
    """How a new site comes to its first message, for whoever may do it; empty once there is a stream and a team."""
    models = [model for model, _words in _FIRST_STEPS]
    if not all(site.get_model_admin(model).has_add_permission(request) for model in models):
        return []
    if Stream.objects.exists() and Team.objects.exists():
        return []
    return [
        {
            "words": words,
            "done": model._default_manager.exclude(pk=request.user.pk if model is User else None).exists(),
            "address": reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"),
        }
        for model, words in _FIRST_STEPS
    ]


def lines(site: AdminSite, request: HttpRequest) -> list[dict[str, Any]]:
    """The lines that are not empty, of the lists this user may see."""
    found: list[dict[str, Any]] = []
    for model, lookups, words in _LINES:
        page = site.get_model_admin(model)
        if not page.has_view_permission(request):
            continue
        count = page.get_queryset(request).filter(**lookups).order_by()[:COUNTED].count()
        if count:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            found.append(
                {"count": count, "more": count == COUNTED, "words": words, "address": reverse(name, query=lookups)}
            )
    if wrong := operations.how_many_are_wrong(request):
        words = _("Things wrong with sending and receiving")
        found.insert(0, {"count": wrong, "more": False, "words": words, "address": reverse("admin:operations")})
    return found
