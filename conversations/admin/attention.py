"""What somebody ought to look at, for the first page: each line is a count and the list behind it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from conversations.admin import operations
from conversations.models import Message, ProviderAccount, WebhookEvent, WebhookSubscription
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
