"""Who is told: making and changing subscriptions, their secrets, pauses, tests and replays."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from conversations.models import Stream, User, WebhookDelivery, WebhookSubscription
from conversations.models.audit import AuditAction
from conversations.models.outgoing import TEST_KIND, DeliveryStatus, OutgoingKind
from conversations.services import audit, notifications
from conversations.services.outgoing import posting, signing

CHANGEOVER = timedelta(days=1)  # how long requests are signed with the former secret too
SEE_NUMBERS = "conversations.see_numbers"


def check(*, url: str, owner: User, events: Collection[str]) -> None:
    """Raise ValidationError, by field, for an address, an owner or events that a subscription cannot have."""
    problems: dict[str, ValidationError] = {}
    try:
        posting.check_address(url)
    except ValidationError as error:
        problems["url"] = error
    if not owner.is_active or not owner.has_perm(SEE_NUMBERS):
        problems["owner"] = ValidationError(
            "What is told holds whole numbers: choose somebody who is active and may see them.", code="owner"
        )
    unknown = [one for one in events if one not in OutgoingKind.values]
    if unknown or not events:
        problems["events"] = ValidationError(f"Choose one or more of {', '.join(OutgoingKind.values)}.", code="events")
    if problems:
        raise ValidationError(problems)


@transaction.atomic
def create(
    *,
    name: str,
    url: str,
    owner: User,
    events: Collection[str],
    streams: Iterable[Stream] = (),
    actor: User | None,
    secret: str = "",
) -> tuple[WebhookSubscription, str]:
    """A new subscription and its secret (a new one, where none is given). Raises ValidationError (see `check`)."""
    check(url=url, owner=owner, events=events)
    made = WebhookSubscription(name=name, url=url, owner=owner, events=list(events))
    secret = give_first_secret(made, actor=actor, secret=secret)
    made.full_clean(exclude=["secrets"])
    made.save()
    made.streams.set(streams)
    _note(made, actor, "Made.")
    return made, secret


@transaction.atomic
def change(
    subscription: WebhookSubscription,
    *,
    name: str,
    url: str,
    events: Collection[str],
    streams: Iterable[Stream],
    actor: User | None,
) -> None:
    """Tell it something else, or elsewhere, what waits too. Raises ValidationError (see `check`)."""
    check(url=url, owner=subscription.owner, events=events)
    subscription.name, subscription.url, subscription.events = name, url, list(events)
    subscription.full_clean(exclude=["secrets"])
    subscription.save(update_fields=["name", "url", "events"])
    subscription.streams.set(streams)
    _note(subscription, actor, "Changed.")


def give_first_secret(subscription: WebhookSubscription, *, actor: User | None, secret: str = "") -> str:
    """Ready one that is not stored yet: who makes it, and its first secret, which is returned."""
    secret = secret or signing.new_secret()
    subscription.secrets, subscription.created_by = [secret], actor
    return secret


@transaction.atomic
def rotate_secret(subscription: WebhookSubscription, *, actor: User | None, secret: str = "") -> str:
    """A new secret (the given one), which is returned. The present one goes on for a day beside it."""
    locked = _lock(subscription)
    secret = secret or signing.new_secret()
    _change(subscription, secrets=[secret, locked.secrets[0]], former_secret_ends_at=timezone.now() + CHANGEOVER)
    _note(subscription, actor, "New secret; the former one ends in a day.")
    return secret


@transaction.atomic
def delete(subscription: WebhookSubscription, *, actor: User | None) -> None:
    """Tell it nothing any more; what waits and its log go with it."""
    _note(subscription, actor, "Deleted.")
    subscription.delete()


@transaction.atomic
def pause(subscription: WebhookSubscription, *, actor: User | None, reason: str = "") -> None:
    """Tell it nothing more until somebody resumes it; what happens meanwhile waits. Raises ValidationError."""
    if _lock(subscription).paused_at is not None:
        raise ValidationError("This webhook is paused already.", code="paused")
    _change(subscription, paused_at=timezone.now(), pause_reason=(reason or "Paused by a person.")[:300])
    _note(subscription, actor, "Paused.")


@transaction.atomic
def resume(subscription: WebhookSubscription, *, actor: User | None) -> None:
    """Tell it again, first what waits, in its order. Raises ValidationError when it is not paused."""
    if _lock(subscription).paused_at is None:
        raise ValidationError("This webhook is not paused.", code="not_paused")
    _change(
        subscription, paused_at=None, pause_reason="", failing_since=None, failures=0, next_try_at=None, is_slow=False
    )
    waiting = subscription.deliveries.filter(status=DeliveryStatus.WAITING)
    waiting.update(next_try_at=F("occurred_at"), first_tried_at=None, tries=0)
    _note(subscription, actor, "Resumed.")


def pause_by_itself(subscription: WebhookSubscription, *, reason: str) -> None:
    """Nothing arrives there, or its owner has gone: people are told, and what happens meanwhile waits."""
    with transaction.atomic():
        _change(subscription, paused_at=timezone.now(), pause_reason=reason[:300])
        _note(subscription, None, "Paused by itself.")
        notifications.webhook_stands_still(subscription)


def owner_may_be_told(subscription: WebhookSubscription) -> bool:
    """Is the owner still somebody who may read what is told? Else it is paused, so that nothing is lost."""
    owner = subscription.owner
    if owner.is_active and owner.has_perm(SEE_NUMBERS):
        return True
    pause_by_itself(subscription, reason="Its owner is not active, or may not see numbers any more. Choose another.")
    return False


def send_test(subscription: WebhookSubscription) -> WebhookDelivery:
    """Put an event of the kind `test` in the outbox. Where nothing arrives, the next try is now: somebody looks."""
    event_id = uuid.uuid4()
    with transaction.atomic():
        _change(subscription, next_try_at=None)
        return subscription.deliveries.create(event_id=event_id, kind=TEST_KIND, ordered_by=f"test-{event_id.hex[:12]}")


def replay(delivery: WebhookDelivery, *, actor: User | None) -> None:
    """Tell it once more, with the same id, before what waits in its line. Raises ValidationError when it waits."""
    done = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(status=DeliveryStatus.WAITING)
    again: dict[str, Any] = {"status": DeliveryStatus.WAITING, "next_try_at": timezone.now(), "first_tried_at": None}
    with transaction.atomic():
        if not done.update(**again, tries=0, problem="", answered=None, replays=F("replays") + 1):
            raise ValidationError("This waits to be delivered already.", code="waiting")
        _note(delivery.subscription, actor, f"Replayed {delivery.kind} {delivery.event_id}.")


def _lock(subscription: WebhookSubscription) -> WebhookSubscription:
    return WebhookSubscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)


def _change(subscription: WebhookSubscription, **changes: Any) -> None:
    WebhookSubscription.objects.filter(pk=subscription.pk).update(**changes)
    for name, value in changes.items():
        setattr(subscription, name, value)


def _note(subscription: WebhookSubscription, actor: User | None, summary: str) -> None:
    audit.record(AuditAction.WEBHOOK_CHANGED, actor=actor, subject=subscription, summary=summary)
