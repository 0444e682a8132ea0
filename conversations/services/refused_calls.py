"""Calls to our webhooks that were turned away: kept for a while, so that a fault of ours loses nothing."""

from __future__ import annotations

import hashlib

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from conversations.models import ProviderAccount, RefusedCall, Stream, WebhookEvent
from conversations.services import inbound
from messaging.errors import WebhookRefused
from messaging.registry import provider_class
from messaging.types import HookRequest

MOST_KEPT = 200  # of one account: whoever knows an address can make calls up, and must not fill the disk


def keep(account: ProviderAccount, hook: HookRequest, *, stream: Stream | None, status: int, reason: str) -> None:
    """Write down a call that was turned away; the same one again only counts up, the oldest make room."""
    names = ("content-type", "user-agent", *provider_class(account.provider).hook_proof_headers)
    now = timezone.now()
    kept, created = RefusedCall.objects.get_or_create(
        account=account,
        key=hashlib.sha256(f"{status} {reason}\n".encode() + hook.body).hexdigest(),
        defaults={
            "stream": stream,
            "status": status,
            "reason": reason[:300],
            "headers": {name: hook.headers[name][:1000] for name in names if name in hook.headers},
            "content_type": hook.content_type[:100],
            "body": hook.body,
            "received_at": hook.received_at,
            "last_received_at": now,
        },
    )
    if not created:
        RefusedCall.objects.filter(pk=kept.pk).update(times_received=F("times_received") + 1, last_received_at=now)
        return
    oldest = account.refused_calls.order_by("-last_received_at", "-id").values_list("pk", flat=True)[MOST_KEPT:]
    RefusedCall.objects.filter(pk__in=list(oldest)).delete()


@transaction.atomic
def let_in(call: RefusedCall) -> WebhookEvent:
    """Take a call that was turned away, if it proves itself now: after a secret was mended, for example.

    It is held against the moment at which it came, so that a signature that was in time then still is. Raises
    ValidationError (`too_large`, `still_refused`) with the reason; then it stays where it is.
    """
    if call.status == inbound.TOO_LARGE:
        raise ValidationError(
            "This call was too large to be kept, so there is nothing to read. Look for it at the provider.",
            code="too_large",
        )
    hook = HookRequest("POST", dict(call.headers), bytes(call.body), call.received_at, call.content_type)
    try:
        event = inbound.store_webhook(call.account, hook, stream=call.stream)
    except WebhookRefused as error:
        raise ValidationError(f"It is still refused. {error}", code="still_refused") from error
    call.delete()
    return event
