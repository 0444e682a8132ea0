"""How many parts Webex bills for a text: 160 / 153 GSM septets, 70 / 63 UTF-16 units (its documents say 63)."""

from __future__ import annotations

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("\f^{}\\[~]|€")


def count_parts(text: str) -> int:
    """The number of parts; an escape pair or a surrogate pair is never split."""
    if all(character in _GSM or character in _GSM_TWICE for character in text):
        return _pack([2 if character in _GSM_TWICE else 1 for character in text], 160, 153)
    return _pack([2 if ord(character) > 0xFFFF else 1 for character in text], 70, 63)


def _pack(sizes: list[int], single: int, part: int) -> int:
    if sum(sizes) <= single:
        return 1
    parts, room = 1, part
    for size in sizes:
        if size > room:
            parts, room = parts + 1, part
        room -= size
    return parts
