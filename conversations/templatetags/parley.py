"""What our templates need besides Django's own tags: icons, times, safe links."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode, urlsplit

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language_info

from conversations.models import Activity, Conversation, WhatsAppTemplate
from conversations.models.stream import Channel
from conversations.services.remarks import mention_pattern
from conversations.views import chips, icons, message_text, wording
from conversations.views.template_preview import body_text

register = template.Library()

# Stops at spaces, quotes, angle brackets and the characters that turn the direction of writing.
_ADDRESS = re.compile("https?://[^\\s<>\"'\u200e\u200f\u202a-\u202e\u2066-\u2069]+", re.IGNORECASE)
_AFTER_ADDRESS = ".,;:!?)]}…"


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "") -> SafeString:
    """An icon of the sprite; with a label it is read out, without one it is decoration."""
    return _icon(name, size, label)


@lru_cache(maxsize=500)
def _icon(name: str, size: int, label: str) -> SafeString:
    if name not in icons.NAMES:
        raise template.TemplateSyntaxError(f"The icon {name} is not in views/icons.py.")
    address = f"{reverse('icons')}?v={icons.version()}#{name}"
    classes = "icon" if size == 16 else f"icon icon-{size}"
    if label:
        return format_html('<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', classes, label, address)
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', classes, address)


@register.filter
def linked(text: str) -> SafeString:
    """Escape a customer's or agent's text and make its http and https addresses into links; nothing else.

    Characters that turn the direction of writing stay in the text and turn nothing (conversations/views/message_text).
    """
    return _linked(text, _isolated)


@register.filter
def remark_words(remark: Activity) -> SafeString:
    """A remark's text as `linked` shows it, with the colleagues whom it mentions marked."""
    mention = mention_pattern(remark.mentions.all())
    if mention is None:
        return _linked(remark.text, _isolated)

    def marked(text: str) -> SafeString:
        pieces = mention.split(text)
        named = [*mention.findall(text), ""]
        parts = (
            (_isolated(piece), format_html('<b class="mention">{}</b>', one) if one else "")
            for piece, one in zip(pieces, named, strict=True)
        )
        return format_html_join("", "{}{}", parts)

    return _linked(remark.text, marked)


def _linked(text: str, plain: Callable[[str], SafeString]) -> SafeString:
    """The text with links; `plain` escapes what lies between them."""
    parts: list[tuple[SafeString]] = []
    end = 0
    for match in _ADDRESS.finditer(text):
        address = match.group().rstrip(_AFTER_ADDRESS)
        if not _is_safe(address):
            continue
        parts.append((plain(text[end : match.start()]),))
        parts.append(
            (format_html('<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>', address, address),)
        )
        end = match.start() + len(address)
    if not parts:
        return plain(text)
    parts.append((plain(text[end:]),))
    return format_html_join("", "{}", parts)


def _isolated(text: str) -> SafeString:
    """Escaped, each character that turns the direction of writing shut in an element of its own, where it ends."""
    if not message_text.turns_direction(text):
        return conditional_escape(text)
    pieces = message_text.TURNING.split(text)
    turning = [*message_text.TURNING.findall(text), ""]
    marked = (
        (piece, format_html('<bdi class="direction-mark">{}</bdi>', one) if one else "")
        for piece, one in zip(pieces, turning, strict=True)
    )
    return format_html_join("", "{}{}", marked)


def _is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@register.filter
def shortened(text: str) -> message_text.Shortened:
    """What is shown of a text at first."""
    return message_text.shortened(text)


@register.filter
def turns_direction(text: str) -> bool:
    """Does the text hold characters that would show it in another order?"""
    return message_text.turns_direction(text)


@register.filter
def is_web_address(text: str) -> bool:
    """Is this an http or https address that may become a link?"""
    return _is_safe(text)


@register.filter
def machine_time(moment: datetime | None) -> str:
    """2026-11-19T14:27:08+00:00, for the attribute of a time that people read in other words."""
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""


@register.filter
def hour(moment: datetime) -> str:
    """14:27."""
    return f"{timezone.localtime(moment):%H:%M}"


@register.filter
def clock(moment: datetime | None) -> str:
    """14:27, Wed 15:15, 2 Nov, 2 Nov 2024."""
    return wording.clock(moment)


@register.filter
def clock_ahead(moment: datetime | None) -> str:
    """A time that lies ahead, with the hour."""
    return wording.clock_ahead(moment)


@register.filter
def exact_clock(moment: datetime) -> str:
    """14:27:08 today, else 2 Nov, 14:27:08."""
    return wording.exact_clock(moment)


@register.filter
def moment_words(moment: datetime) -> str:
    """Thursday 26 November, 09:00 London time."""
    return wording.moment_words(moment)


@register.filter
def day_words(day: date) -> str:
    """Today, Thursday 19 November."""
    return wording.day_words(day)


@register.simple_tag
def running_clock(words: str, until: datetime) -> SafeString:
    """Words with the time that is left in place of {}; clock.js keeps it running."""
    return format_html(
        '<window-clock until="{}" words="{}">{}</window-clock>',
        until.isoformat(timespec="seconds"),
        words,
        words.replace("{}", wording.time_left(until)),
    )


@register.filter
def due_chip(conversation: Conversation) -> chips.Chip:
    """What is due first in a conversation, and when."""
    return chips.due_chip(conversation)


@register.filter
def time_ago(moment: datetime) -> str:
    """2 days ago."""
    return wording.time_ago(moment)


@register.filter
def avatar_tone(pk: int | None) -> int:
    """One of six colours, always the same for the same person."""
    return (pk or 0) % 6 + 1


@register.filter
def activity_line(activity: Activity) -> wording.ActivityLine:
    """Icon and words of an activity."""
    return wording.activity_line(activity)


@register.filter
def account_health(health: str) -> wording.DeliveryState:
    """Tone and word for the dot of a stream."""
    return wording.account_health(health)


@register.filter
def call_tone(status: str) -> str:
    """The tone of the chip for what became of a call."""
    return {"failed": "danger", "unrecognised": "warning", "parked": "info", "processed": "good"}.get(status, "outline")


@register.filter
def channel_name(channel: str) -> str:
    """SMS, WhatsApp."""
    return wording.channel_name(channel)


@register.filter
def media_icon(kind: str) -> str:
    """The icon for a file of that kind."""
    return {"image": "image", "video": "video", "audio": "mic", "location": "map-pin"}.get(kind, "file-text")


@register.filter
def channel_icon(channel: str) -> str:
    """The icon for a channel."""
    return "message-circle" if channel == Channel.WHATSAPP else "message-square"


@register.filter
def time_there(moment: datetime) -> str:
    """A time in the zone it came with; Django's own filter would turn it into the site's."""
    return f"{moment:%H:%M}"


@register.filter
def language_words(code: str) -> str:
    """Arabic for ar; a code that Django does not know stays as it is."""
    try:
        return str(get_language_info(code.replace("_", "-").lower())["name"])
    except KeyError:
        return code


@register.filter
def indicator_tone(display_class: str) -> str:
    """How a chip looks for a word of the provider or of our own form."""
    word = display_class.lower()
    for tone, words in _INDICATOR_TONES.items():
        if any(one in word for one in words):
            return tone
    return "plain"


_INDICATOR_TONES = {
    "danger": ("danger", "error", "red"),
    "warning": ("warn", "amber", "yellow", "orange"),
    "good": ("success", "green", "ok"),
    "info": ("info", "primary", "blue"),
}


@register.filter
def template_body(template: WhatsAppTemplate) -> str:
    """The wording of a template, variables and all."""
    return body_text(template)


@register.simple_tag
def window_progress(closes_at: datetime) -> SafeString:
    """How much of WhatsApp's 24 hours is left, as a bar."""
    hours = max(0.0, (closes_at - timezone.now()).total_seconds() / 3600)
    return format_html('<progress max="24" value="{}" aria-hidden="true"></progress>', f"{hours:.1f}")


@register.simple_tag(takes_context=True)
def in_inbox(context: dict[str, Any], name: str, *args: Any, **words: Any) -> str:
    """The address of a page, with the list that is shown beside it and further words."""
    inbox = context.get("inbox")
    address = reverse(name, args=args)
    query = inbox.as_query(**words) if inbox else urlencode(words)
    return f"{address}?{query}" if query else address
