"""Marking in a text what somebody searched for, by the same rule that found it: the beginnings of words."""

from __future__ import annotations

import re
import unicodedata

from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f\u0591-\u05c7\u064b-\u065f][^\W_]*)*")
_PLAIN = str.maketrans("łøđħıς", "lodhiσ")
_BEFORE = 32  # characters of a long text that are kept before the first mark


def fold(text: str) -> str:
    """Small letters without accents, as the index keeps words (parley_fold of the database decides)."""
    decomposed = unicodedata.normalize("NFKD", text).lower().translate(_PLAIN)
    return "".join(one for one in decomposed if unicodedata.category(one) != "Mn")


def wanted_words(text: str) -> list[str]:
    """The words of a search, folded, the longest first."""
    return sorted({fold(word) for word in _WORD.findall(text)}, key=len, reverse=True)


def highlighted(text: str, words: list[str], *, longest: int = 0) -> SafeString:
    """The text, escaped, with the beginning of each found word in <mark>.

    `longest` cuts a longer text to so many characters around the first mark.
    """
    marks = _marks(text, words)
    start, end = 0, len(text)
    if longest and end > longest:
        first = marks[0][0] if marks else 0
        start = max(0, min(first - _BEFORE, end - longest))
        while 0 < start < first and not text[start - 1].isspace():
            start += 1
        end = min(end, start + longest)
    parts: list[tuple[SafeString]] = [(conditional_escape("…" if start else ""),)]
    place = start
    for begin, finish in marks:
        if begin < start or finish > end:
            continue
        parts += [(conditional_escape(text[place:begin]),), (format_html("<mark>{}</mark>", text[begin:finish]),)]
        place = finish
    parts.append((conditional_escape(text[place:end].rstrip() + ("…" if end < len(text) else "")),))
    return format_html_join("", "{}", parts)


def _marks(text: str, words: list[str]) -> list[tuple[int, int]]:
    marks = []
    for match in _WORD.finditer(text):
        folded = fold(match.group())
        found = next((word for word in words if folded.startswith(word)), None)
        if found:
            marks.append((match.start(), match.start() + _length(match.group(), found)))
    return marks


def _length(token: str, word: str) -> int:
    """How many characters of a token make up the folded word."""
    return next(size for size in range(1, len(token) + 1) if fold(token[:size]).startswith(word))
