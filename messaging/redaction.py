"""What is taken out of a request or an answer before people read it: secrets, and phone numbers but for their end.

More is covered than would be needed, since the texts are those of providers and customers: every run of seven or
more digits counts as a number. Dates and our own references (UUIDs) stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

COVER = "•••"
SHORTEST_SECRET = 6  # a shorter value would cover ordinary words

_NAME = r"(?:pass(?:word|wd|code)|secret|token|(?:api|access|auth)[_-]?key|authori[sz]ation|signature)"
_JSON_SECRET = re.compile(rf'("[^"\\]*{_NAME}[^"\\]*"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}}\]"]+)', re.IGNORECASE)
_QUERY_SECRET = re.compile(rf"((?:^|[?&;\s])[\w.-]*{_NAME}[\w.-]*=)[^&;\s\"]+", re.IGNORECASE)
_HEADER_SECRET = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)
_KEPT_OR_NUMBER = re.compile(
    r"(?P<kept>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|(?<!\d)\d{4}-\d\d-\d\d(?!\d))"
    r"|\+?\(?\d(?:[ \-().]{0,2}\d){6,}",
    re.IGNORECASE,
)


def redact(text: str, *, secrets: Iterable[str] = ()) -> str:
    """The text without secrets, and with the last four digits of each number at most.

    `secrets` are values known to be secret, covered wherever they stand; besides them the values of JSON keys and
    parameters with a name such as `token`, and what follows Bearer or Basic.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, COVER)
    text = _JSON_SECRET.sub(rf'\1"{COVER}"', text)
    text = _QUERY_SECRET.sub(rf"\1{COVER}", text)
    text = _HEADER_SECRET.sub(rf"\1 {COVER}", text)
    return _KEPT_OR_NUMBER.sub(_cover_number, text)


def _cover_number(found: re.Match[str]) -> str:
    if found["kept"]:
        return found[0]
    digits = [character for character in found[0] if character.isdigit()]
    return COVER + "".join(digits[-4:])
