"""How the words of a message are shown: so that they cannot turn the page around, and not all of a very long one."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

LONGEST = 1600  # characters of one text shown at once
MOST_LINES = 50
LONGEST_CLUSTER = 40  # how far back a cut looks for the beginning of a character made of several

# Embeddings, overrides and isolates (Unicode Bidirectional Algorithm): they make text read in another order than it
# is written in, as far as the end of the paragraph. The plain marks of right-to-left writing are not among them.
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_JOINERS = "\u200d\ufe0f"


class Shortened(NamedTuple):
    """What is shown of a text at first; `rest` says how much there is in all, and is empty when that is everything."""

    text: str
    rest: str = ""


def shortened(text: str) -> Shortened:
    """The beginning of a very long text, or the whole of another one."""
    end = min(len(text), LONGEST)
    place = -1
    for _ in range(MOST_LINES):
        place = text.find("\n", place + 1, end)
        if place < 0:
            break
    else:
        end = place
    if end >= len(text):
        return Shortened(text)
    lines = text.count("\n") + 1
    rest = f"{lines:,} lines" if lines > MOST_LINES else f"{len(text):,} characters"
    return Shortened(text[: _before_cluster(text, end)], rest)


def _before_cluster(text: str, end: int) -> int:
    """The cut, moved to where no accent, and no part of an emoji, is torn from what it belongs to."""
    for cut in range(end, max(0, end - LONGEST_CLUSTER), -1):
        joined = unicodedata.combining(text[cut]) or text[cut] in _JOINERS or text[cut - 1] == "\u200d"
        if not joined:
            return cut
    return end


def turns_direction(text: str) -> bool:
    """Does the text hold characters that would show it in another order than it is written in?"""
    return bool(TURNING.search(text))
