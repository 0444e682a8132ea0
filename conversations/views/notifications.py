"""What somebody is told of: the bell's panel, the page of all of it, and what open pages ask for."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Campaign, Notification, User, WebhookSubscription
from conversations.models.notification import NotificationKind as Kind
from conversations.models.notification import ways_of
from conversations.services import notifications as service
from conversations.services.conversations import preview
from conversations.views.requests import is_htmx, number_in, signed_in
from conversations.views.wording import clock, clock_ahead

PAGE = 30
MOST_NEWS = 50
MOST_COUNTED = 99


class Line(NamedTuple):
    """A notification for people: the customer or campaign, what happened, and maybe the words that were written."""

    notification: Notification
    icon: str
    tone: str
    name: str
    words: str
    preview: str

    @property
    def address(self) -> str:
        """Where it leads."""
        if self.notification.campaign_id:
            return reverse("campaign", args=[self.notification.campaign_id])
        if self.notification.webhook_id:
            if self.notification.user.has_perm("conversations.view_webhooksubscription"):
                return reverse("admin:conversations_webhooksubscription_change", args=[self.notification.webhook_id])
            return reverse("notifications")
        return reverse("conversation", args=[self.notification.conversation_id])


class Bell:
    """What the bell says on every page: one query, when a template asks.

    `streams` are the ids of those that the user sees, where they were read for the same answer.
    """

    def __init__(self, user: User, *, streams: Collection[int] | None = None) -> None:
        self.user, self.streams = user, streams

    @cached_property
    def _found(self) -> dict[str, Any]:
        listed = Notification.objects.listed_for(self.user, streams=self.streams)
        return listed.unread().aggregate(number=Count("pk"), newest=Max("pk"))

    @property
    def number(self) -> int:
        """How many are unread."""
        return int(self._found["number"])

    @property
    def shown(self) -> str:
        """The same in little room."""
        return f"{MOST_COUNTED}+" if self.number > MOST_COUNTED else str(self.number)

    @property
    def newest(self) -> int:
        """The newest unread one; an open page is told of those that come after it."""
        return self._found["newest"] or 0


@never_cache
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """All of them, newest first, page by page; htmx gets the bell's panel."""
    return _show(request)


@never_cache
@require_safe
def news(request: HttpRequest) -> JsonResponse:
    """What an open page has not told yet: unread ones after the id `after`, oldest first, and how loudly.

    Nothing while somebody is away and wants quiet: it is told when they are back.
    """
    user = signed_in(request)
    unread = Notification.objects.of(user).unread()
    is_quiet = user.quiet_when_away and not user.is_available
    found = [] if is_quiet else list(unread.filter(pk__gt=number_in(request, "after")).with_what_is_shown()[:MOST_NEWS])
    items = [
        {
            "id": one.pk,
            "conversation": one.conversation_id,
            "address": line.address,
            "words": f"{line.name}: {line.words}",
            "ways": sorted(ways_of(user, one.kind)),
        }
        for one in reversed(found)
        for line in [line_of(one)]
    ]
    return JsonResponse({"unread": Bell(user).number, "volume": user.sound_volume, "items": items})


@require_POST
def read_notification(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one as read. Http404 for anybody else's."""
    own = Notification.objects.of(signed_in(request))
    service.read(own.filter(pk=get_object_or_404(own, pk=pk).pk))
    return _answer(request)


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark all as read, those that the bell does not show too."""
    service.read(Notification.objects.of(signed_in(request)))
    return _answer(request)


def line_of(notification: Notification) -> Line:
    """What a notification says; of rows with_what_is_shown()."""
    icon, tone, words = _said(notification)
    message = notification.message
    about, campaign = notification.conversation, notification.campaign
    name = about.contact.name if about else str(campaign or notification.webhook or "")
    return Line(notification, icon, tone, name, words, preview(message) if message else "")


def _said(one: Notification) -> tuple[str, str, str]:
    """Icon, tone and words. Somebody who has left since is a colleague."""
    who = str(one.actor) if one.actor else "A colleague"
    match one.kind:
        case Kind.ASSIGNED:
            return "user-check", "", f"{who} assigned this to you" if one.actor else "assigned to you"
        case Kind.REPLY:
            return "reply", "", "wrote to you" if one.number == 1 else f"{one.number} new messages"
        case Kind.MENTION:
            return "at-sign", "", f"{who} named you in a remark"
        case Kind.DUE:
            return "clock", "warning", f"reply due at {clock_ahead(one.deadline)}"
        case Kind.OVERDUE:
            return "clock-alert", "danger", f"reply overdue since {clock(one.deadline)}"
        case Kind.CLOSING:
            return "timer", "warning", f"WhatsApp's window closes at {clock_ahead(one.deadline)}"
        case Kind.FAILED:
            return "circle-alert", "danger", "your message did not arrive" + _times(one)
        case Kind.UNCONFIRMED:
            return "circle-question-mark", "warning", "your message is not confirmed" + _times(one)
        case Kind.CAMPAIGN:
            return _said_of_campaign(one.campaign) if one.campaign else ("megaphone", "", "")
        case Kind.WEBHOOK:
            return "circle-alert", "danger", _said_of_webhook(one.webhook) if one.webhook else ""
        case _:
            return "moon", "", "back from being snoozed"


def _said_of_campaign(campaign: Campaign) -> tuple[str, str, str]:
    if campaign.ended_at is None:
        reason = f": {campaign.status_reason}" if campaign.status_reason else ""
        return "pause", "warning", f"the campaign was paused by itself{reason}".rstrip(".")
    failed = f", {campaign.failed_count:,} failed" if campaign.failed_count else ""
    unknown = f", {campaign.unconfirmed_count:,} not confirmed" if campaign.unconfirmed_count else ""
    tone = "warning" if failed or unknown else ""
    return "circle-check", tone, f"the campaign has ended: {campaign.accepted_count:,} sent{failed}{unknown}"


def _said_of_webhook(webhook: WebhookSubscription) -> str:
    if webhook.paused_at is None:
        return "the webhook was paused by itself, and goes on again"
    return f"the webhook was paused: {webhook.pause_reason}".rstrip(".")


def _times(one: Notification) -> str:
    return "" if one.number == 1 else f", {one.number} times"


def _answer(request: HttpRequest) -> HttpResponse:
    return _show(request) if is_htmx(request) else HttpResponseRedirect(reverse("notifications"))


def _show(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    listed = Notification.objects.listed_for(user).with_what_is_shown()
    if before := number_in(request, "before"):
        listed = listed.filter(pk__lt=before)
    found = list(listed[: PAGE + 1])
    context = {
        "lines": [line_of(one) for one in found[:PAGE]],
        "before": before,
        "older": found[PAGE - 1].pk if len(found) > PAGE else 0,
    }
    template = "notifications/page.html"
    if is_htmx(request):
        template = "notifications/_lines.html" if before else "notifications/_panel.html"
    return render(request, template, context)
