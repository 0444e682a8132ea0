"""Numbers as people read them: the page shows these words, and the CSV file holds the same."""

from __future__ import annotations

from decimal import Decimal

NOTHING = "–"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}


def amount(number: int) -> str:
    """1,284"""
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """97.1%; 100% and 0% only when it is all or nothing."""
    if not whole:
        return NOTHING
    if part in (0, whole):
        return "100%" if part else "0%"
    return f"{min(99.9, max(0.1, part * 100 / whole)):.1f}%"


def duration(seconds: int | None) -> str:
    """45 s, 11 m, 1 h 05 m, 2 d 3 h; rounded down."""
    if seconds is None:
        return NOTHING
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} m"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02} m"
    return f"{seconds // _DAY} d {seconds % _DAY // _HOUR} h"


def money(value: Decimal, currency: str) -> str:
    """£311.20, or 311.20 CHF."""
    sign = _SIGNS.get(currency)
    return f"{sign}{value:,.2f}" if sign else f"{value:,.2f} {currency}"


def unit_price(value: Decimal, currency: str) -> str:
    """What one message costs: £0.033."""
    sign = _SIGNS.get(currency)
    return f"{sign}{value:.3f}" if sign else f"{value:.3f} {currency}"


def relative_change(now: int | Decimal, before: int | Decimal) -> str:
    """↑ 6.2%, empty when there is nothing to compare with."""
    if not before:
        return ""
    percent = (now - before) * 100 / before
    return _arrow(float(percent), f"{abs(percent):.1f}%")


def point_change(now: float | None, before: float | None) -> str:
    """↓ 0.6 pt, of two shares in percent."""
    if now is None or before is None:
        return ""
    return _arrow(round(now - before, 1), f"{abs(now - before):.1f} pt")


def duration_change(now: int | None, before: int | None) -> str:
    """↓ 4 m"""
    if now is None or before is None:
        return ""
    return _arrow(now - before, duration(abs(now - before)))


def _arrow(difference: float, words: str) -> str:
    if not difference:
        return "no change"
    return f"{'↑' if difference > 0 else '↓'} {words}"
