"""What the templates of search need: the found words marked."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from conversations.views import highlight

register = template.Library()

SNIPPET = 150


@register.filter
def marked(text: str, words: list[str]) -> SafeString:
    """The whole text with the searched words marked."""
    return highlight.highlighted(text, words)


@register.filter
def snippet(text: str, words: list[str]) -> SafeString:
    """A long text cut around the first searched word, on one line."""
    return highlight.highlighted(" ".join(text.split()), words, longest=SNIPPET)
