"""Charts as SVG, drawn from a report's numbers: places and lengths only. How they look is in report-charts.css."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conversations.services.reports.tables import Day, Hour
from conversations.services.reports.words import amount, duration

_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_MINUTE = 60
FAR = 1.6  # times the slowest answer


@dataclass(frozen=True, slots=True)
class Line:
    """A grid line with its words."""

    y: str
    text_y: str
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A day: sent below, received on top, the sum above."""

    x: str
    width: str
    sent_y: str
    sent_height: str
    received_y: str
    received_height: str
    middle: str
    total: str
    total_y: str
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """The chart of messages per day."""

    title: str
    grid: Sequence[Line]
    bars: Sequence[Bar]
    baseline: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Words at a place of an axis."""

    x: str
    words: str


@dataclass(frozen=True, slots=True)
class Lines:
    """The chart of first replies by hour. `typical` and `slow` are polylines; a gap parts them."""

    title: str
    grid: Sequence[Line]
    typical: Sequence[str]
    slow: Sequence[str]
    dots: Sequence[tuple[str, str, str]]  # x, y and class of a point that stands alone
    target: Line | None
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Square:
    """An hour of a weekday: `level` 0 to 4 says how busy it was."""

    x: str
    y: str
    width: str
    level: int
    hint: str


@dataclass(frozen=True, slots=True)
class Heat:
    """The chart of busy hours."""

    title: str
    squares: Sequence[Square]
    days: Sequence[Line]
    marks: Sequence[Mark]


_BARS = (786, 192, 26, 44)  # width, baseline, top, left


def bars(days: Sequence[Day]) -> Bars:
    """Messages per day, sent and received."""
    width, base, top, left = _BARS
    highest = max((day.sent + day.received for day in days), default=0)
    scale = _round_up(highest)
    slot = (width - 10 - left) / max(1, len(days))
    thick = min(52.0, slot * 0.62)
    height = (base - top) / scale

    drawn = []
    every = max(1, -(-len(days) // 8))
    for place, day in enumerate(days):
        middle = left + slot * (place + 0.5)
        sent, received = day.sent * height, day.received * height
        gap = 2 if sent and received else 0
        drawn.append(
            Bar(
                *(_n(middle - thick / 2), _n(thick), _n(base - sent), _n(sent)),
                *(_n(base - sent - received), _n(max(0.0, received - gap)), _n(middle)),
                amount(day.sent + day.received) if len(days) <= 10 and (sent or received) else "",
                *(_n(base - sent - received - 7), day.label if place % every == 0 else ""),
            )
        )
    most = max(days, key=lambda one: one.sent + one.received, default=None)
    title = "Messages per day, sent and received."
    if most is not None and highest:
        title += f" Most on {most.long_label}, with {amount(highest)}."
    return Bars(title, _grid(scale, base, height, amount), drawn, _n(base))


def lines(hours: Sequence[Hour], target: int | None) -> Lines:
    """How fast customers were answered, by the hour in which they first wrote."""
    base, top, left, right = 276.0, 20.0, 48.0, 398.0
    highest = max(one.slow or 0 for one in hours)
    if target and target <= highest * FAR:
        highest = max(highest, target)
    unit = 86_400 if highest > 3 * 86_400 else 3600 if highest > 3 * 3600 else _MINUTE
    scale = _round_up(max(1, -(-highest // unit)))
    height = (base - top) / (scale * unit)
    step = (right - left - 16) / max(1, len(hours) - 1)

    def points(values: Sequence[int | None]) -> list[list[tuple[str, str]]]:
        runs: list[list[tuple[str, str]]] = [[]]
        for place, value in enumerate(values):
            if value is None:
                runs.append([])
            else:
                runs[-1].append((_n(left + 8 + step * place), _n(base - value * height)))
        return [run for run in runs if run]

    typical, slow = points([one.typical for one in hours]), points([one.slow for one in hours])
    dots = [(*run[0], kind) for kind, runs in (("typical", typical), ("slow", slow)) for run in runs if len(run) == 1]
    known = [one for one in hours if one.typical is not None]
    title = "First reply by hour: nothing was answered."
    if known:
        slowest = max(known, key=lambda one: one.slow or 0)
        fastest, longest = (duration(pick(one.typical or 0 for one in known)) for pick in (min, max))
        title = (
            f"First reply by hour: typical {fastest} to {longest}, the slowest tenth from {duration(slowest.slow)} at "
            f"{slowest.hour:02}:00."
        )
    sign = {_MINUTE: "m", 3600: "h", 86_400: "d"}[unit]
    every = 2 if len(hours) < 16 else 4
    return Lines(
        title,
        _grid(scale, base, height * unit, lambda value: f"{value} {sign}"),
        [_joined(run) for run in typical if len(run) > 1],
        [_joined(run) for run in slow if len(run) > 1],
        dots,
        _target(target, base - target * height, top) if target else None,
        [Mark(_n(left + 8 + step * place), f"{hours[place].hour:02}") for place in range(0, len(hours), every)],
    )


def _target(target: int, y: float, top: float) -> Line:
    """The line of the target; one that is far above all answers is only named, so that these are not pressed flat."""
    if y < top - 1:
        return Line("", _n(top - 8), f"target {duration(target)}, far above")
    return Line(_n(y), _n(y - 6), f"target {duration(target)}")


def heat(busy: Sequence[tuple[str, Sequence[int]]], first: int) -> Heat:
    """What was received, by weekday and hour."""
    left, right, row = 40.0, 398.0, 38
    count = len(busy[0][1])
    every = 2 if count < 16 else 4
    slot = (right - left) / count
    most = max(max(values) for _, values in busy)
    squares = [
        Square(
            *(_n(left + slot * place), _n(8 + row * day), _n(slot - 2.5)),
            0 if not value else min(4, 1 + value * 4 // (most + 1)),
            f"{name} {first + place:02}:00: {amount(value)}",
        )
        for day, (name, values) in enumerate(busy)
        for place, value in enumerate(values)
    ]
    busiest = max(
        ((value, name, first + place) for name, values in busy for place, value in enumerate(values)),
        key=lambda one: one[0],
    )
    title = "Busy hours: nothing was received."
    if most:
        title = f"Busy hours: most on {busiest[1]} from {busiest[2]:02}:00, with {amount(most)} received."
    return Heat(
        title,
        squares,
        [Line("", _n(30 + row * day), name) for day, (name, _) in enumerate(busy)],
        [Mark(_n(left + slot * (place + 0.5)), f"{first + place:02}") for place in range(0, count, every)],
    )


def spark(values: Sequence[int]) -> str:
    """The points of a small line, 72 by 20."""
    if len(values) < 2:
        return ""
    most = max(values) or 1
    step = 72 / (len(values) - 1)
    return _joined([(_n(place * step), _n(17 - value * 14 / most)) for place, value in enumerate(values)])


def _grid(scale: int, base: float, height: float, words: Callable[[int], str]) -> list[Line]:
    """Lines from 0 to the end of the scale, a few whole steps apart."""
    parts = next(number for number in (4, 5, 3, 2, 1) if scale % number == 0)
    values = [scale * place // parts for place in range(parts + 1)]
    return [Line(_n(base - value * height), _n(base - value * height + 4), words(value)) for value in values]


def _round_up(highest: float) -> int:
    """The next number that an axis ends well at."""
    power = 1
    while power * 10 < highest:
        power *= 10
    return int(next(step * power for step in _STEPS if step * power >= highest and (step * power) % 1 == 0)) or 1


def _joined(points: Sequence[tuple[str, str]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _n(value: float) -> str:
    """A number of the drawing; never in a language's own form."""
    return f"{value:.1f}".removesuffix(".0")
