"""How values look in the administration: words with a colour, raw text kept raw, links between rows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext

from conversations.models import Stream
from conversations.models.account import AccountHealth
from conversations.models.message import MessageStatus
from conversations.models.outgoing import DeliveryStatus
from conversations.models.template import TemplateStatus
from conversations.models.webhook import WebhookEventStatus

NOTHING = "–"
PREVIEW = 60  # characters of a text in a list

TONES: dict[str, str] = {
    MessageStatus.DELIVERED: "good",
    MessageStatus.READ: "good",
    MessageStatus.ACCEPTED: "info",
    MessageStatus.SENT: "info",
    MessageStatus.SCHEDULED: "info",
    MessageStatus.QUEUED: "info",
    MessageStatus.SENDING: "info",
    MessageStatus.HELD: "warn",
    MessageStatus.UNCONFIRMED: "warn",
    MessageStatus.EXPIRED: "bad",
    MessageStatus.FAILED: "bad",
    MessageStatus.UNDELIVERED: "bad",
    AccountHealth.WORKING: "good",
    AccountHealth.NEEDS_CREDENTIALS: "bad",
    AccountHealth.UNREACHABLE: "bad",
    TemplateStatus.APPROVED: "good",
    TemplateStatus.PENDING: "info",
    TemplateStatus.PAUSED: "warn",
    TemplateStatus.REJECTED: "bad",
    TemplateStatus.DISABLED: "bad",
    DeliveryStatus.WAITING: "info",
    WebhookEventStatus.PROCESSED: "good",
    WebhookEventStatus.UNRECOGNISED: "warn",
}


def chip(word: Any, tone: str = "") -> SafeString:
    """A word in a box; the colour (good, info, warn, bad or none) only repeats what the word says."""
    return format_html('<span class="chip {}">{}</span>', f"chip-{tone}" if tone else "", word)


def status_chip(row: Any, field: str = "status") -> SafeString:
    """The chip of a status of a row."""
    return chip(getattr(row, f"get_{field}_display")(), TONES.get(getattr(row, field), ""))


def words(text: str) -> SafeString:
    """Somebody's words in a list: short, and kept from turning the line around them."""
    return (
        format_html('<bdi class="words">{}</bdi>', Truncator(text).chars(PREVIEW))
        if text
        else format_html("{}", NOTHING)
    )


def raw(text: str) -> SafeString:
    """Text exactly as it is, as text."""
    return (
        format_html('<pre class="raw" dir="auto" tabindex="0">{}</pre>', text) if text else format_html("{}", NOTHING)
    )


def raw_json(value: Any) -> SafeString:
    """A JSON value to be read."""
    return raw(json.dumps(value, indent=2, ensure_ascii=False, default=str) if value else "")


def link_to(row: Model | None) -> SafeString:
    """The row's page in the administration."""
    if row is None:
        return format_html("{}", NOTHING)
    opts = row._meta
    return link(reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk]), str(row))


def moment(at: datetime) -> str:
    """A time to the second, in the site's time zone."""
    return date_format(timezone.localtime(at), "j M Y, H:i:s")


def short_moment(at: datetime) -> str:
    """A time in a list: to the minute, with the year where it is another one."""
    local = timezone.localtime(at)
    return date_format(local, "j M H:i" if local.year == timezone.localdate().year else "j M Y")


def pause_words(stream: Stream) -> str:
    """That a person stopped a stream, and until when, where that is known."""
    until = stream.pause_ends_at
    return gettext("Paused until %s") % short_moment(until) if until else gettext("Paused")


def span(length: timedelta) -> str:
    """A length of time in its two largest units: 45 s, 4 min 10 s, 2 h 5 min, 3 d 4 h."""
    seconds = max(int(length.total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def list_link(model: type[Model], text: Any, **lookups: Any) -> SafeString:
    """The list of a model, filtered."""
    opts = model._meta
    address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist", query=lookups)
    return link(address, text)


def link(address: str, text: Any) -> SafeString:
    """A link to a page of ours."""
    return format_html('<a href="{}"><bdi>{}</bdi></a>', address, text)


class WithStatus:
    """A list column for rows with a `status`."""

    @admin.display(description="status", ordering="status")
    def status_word(self, row: Any) -> SafeString:
        return status_chip(row)
