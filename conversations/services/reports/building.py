"""Builds a report from the numbers that are kept: some twenty statements, whatever the size of the centre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from conversations.models import ConversationTimes, NextReply
from conversations.models.report import MessageOutcome
from conversations.models.stream import Channel
from conversations.services.reports import breakdowns, keeping, numbers, words
from conversations.services.reports.breakdowns import DAY_SHOWN, NO_RECEIPTS
from conversations.services.reports.numbers import FAILED, Tally, Times, total
from conversations.services.reports.rows import definition
from conversations.services.reports.scope import Scope
from conversations.services.reports.tables import Cell, Day, Hour, Report, Step, Table, Tile, behind, linked
from conversations.services.reports.words import amount, duration, share

MOST_DAYS = 62  # longer reports show weeks
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def build(scope: Scope) -> Report:
    """The report of a scope, true at this moment."""
    keeping.keep_up()
    by_hour = numbers.messages_by_hour(scope)
    by_stream, by_stream_before = numbers.messages_by_stream(scope), numbers.messages_by_stream(scope.before)
    times = numbers.read_times(scope, working=scope.working, parts=True)
    times_before = numbers.read_times(scope.before, working=scope.working).everything
    otherwise = numbers.read_times(scope, working=not scope.working).everything
    sent_by = numbers.sent_by_person(scope)
    busy, busy_from = _busy(by_hour)
    days = _days(scope, by_hour)
    tables = [
        _per_day(days),
        _delivery(scope, by_stream),
        breakdowns.reply_by_hour(scope, times),
        _busy_table(busy, busy_from),
        breakdowns.agents(scope, sent_by, times),
        breakdowns.both_clocks(scope, times.everything, otherwise),
        breakdowns.streams(scope, by_stream, times),
        breakdowns.templates(scope),
        breakdowns.campaigns(scope),
        breakdowns.tags(scope),
        breakdowns.opt_outs(scope),
    ]
    return Report(
        scope=scope,
        tiles=_tiles(scope, by_stream, by_stream_before, times.everything, times_before),
        tables={one.key: one for one in tables},
        steps=_steps(scope, by_stream),
        days=[Day(label, long_label, tally.taken, tally.received) for label, long_label, tally, _ in days],
        hours=[Hour(hour, one.reply_typical, one.reply_slow) for hour, one in breakdowns.hours_shown(times)],
        busy=busy,
        busy_from=busy_from,
        target=breakdowns.target_of(scope.streams),
        by_day={person: [found.get(day, 0) for day in scope.days] for person, found in sent_by.items()},
        unmeasured=_unmeasured(scope),
    )


def _unmeasured(scope: Scope) -> int:
    begun = ConversationTimes.objects.visible_to(scope.user).filter(stream__in=scope.stream_ids)
    again = NextReply.objects.visible_to(scope.user).filter(stream__in=scope.stream_ids)
    return (
        begun.begun(scope.since, scope.until).unmeasured().count()
        + again.asked(scope.since, scope.until).unmeasured().count()
    )


# The tiles


def _tiles(
    scope: Scope, now: Mapping[int, Tally], before: Mapping[int, Tally], times: Times, times_before: Times
) -> list[Tile]:
    whole, whole_before, compared = total(now.values()), total(before.values()), f"on {scope.before_words}"
    unknown = whole.taken - whole.reported
    change, tone = _points(whole.arrived, whole.reported, whole_before.arrived, whole_before.reported)
    same_change, same_tone = _points(times.same_day, times.begun, times_before.same_day, times_before.begun)
    faster = words.duration_change(times.reply_typical, times_before.reply_typical)
    return [
        Tile(
            *("Conversations", linked(times.begun, "begun"), words.relative_change(times.begun, times_before.begun)),
            *("", compared, definition("begun")),
        ),
        Tile(
            *("Messages sent", linked(whole.taken, "taken")),
            *(words.relative_change(whole.taken, whole_before.taken), "", compared, definition("taken")),
        ),
        Tile(
            "Delivered",
            Cell(
                share(whole.arrived, whole.reported) if whole.reported or not whole.taken else NO_RECEIPTS,
                behind("arrived", whole.arrived),
            ),
            *(change, tone),
            f"{amount(unknown)} without a receipt" if unknown else f"{amount(whole.arrived)} arrived",
            "Messages of which a receipt says that they arrived or were read, of all those of which a receipt came. Of "
            "the others nobody knows whether they arrived.",
        ),
        Tile(
            *("First reply, typical", Cell(duration(times.reply_typical), behind("answered", times.answered)), faster),
            "good" if faster.startswith("↓") else "bad" if faster.startswith("↑") else "",
            f"9 in 10 by {duration(times.reply_slow)}",
            f"Half of the first replies were as fast or faster, {scope.hours_words}. {definition('answered')}",
        ),
        Tile(
            *("Resolved same day", Cell(share(times.same_day, times.begun), behind("same-day", times.same_day))),
            *(same_change, same_tone, f"{amount(times.same_day)} of {amount(times.begun)}", definition("same-day")),
        ),
        _cost_tile(scope, now, before),
    ]


def _points(part: int, whole: int, part_before: int, whole_before: int) -> tuple[str, str]:
    now = part * 100 / whole if whole else None
    before = part_before * 100 / whole_before if whole_before else None
    change = words.point_change(now, before)
    return change, "good" if change.startswith("↑") else "bad" if change.startswith("↓") else ""


def _cost_tile(scope: Scope, now: Mapping[int, Tally], before: Mapping[int, Tally]) -> Tile:
    costs, costs_before = breakdowns.costs_of(scope.streams, now), breakdowns.costs_of(scope.streams, before)
    taken = total(now.values()).taken
    currency = max(costs, key=lambda one: costs[one], default="")
    priced = sum(now[one.pk].taken for one in scope.streams if one.price is not None and one.pk in now)
    notes = []
    if currency and len(costs) == 1 and priced:
        notes.append(f"{words.unit_price(costs[currency] / priced, currency)} a message")
    if taken > priced:
        notes.append(f"{amount(taken - priced)} unpriced")
    return Tile(
        "Cost",
        Cell(breakdowns.cost_words(costs), behind("taken", taken)),
        words.relative_change(costs.get(currency, Decimal()), costs_before.get(currency, Decimal())),
        *("", ", ".join(notes)),
        "Parts of the messages that providers took, times the price of a part that the stream has now. A WhatsApp "
        "message counts as one part. The provider's bill may differ.",
    )


# Delivery


def _steps(scope: Scope, tallies: Mapping[int, Tally]) -> list[Step]:
    whole = total(tallies.values())
    whatsapp = total(tallies[one.pk] for one in scope.streams if one.channel == Channel.WHATSAPP and one.pk in tallies)
    failed, read = whole.of(FAILED), whole.of((MessageOutcome.READ,))
    tried = whole.taken + whole.of((MessageOutcome.REFUSED,))
    unsure = whole.of((MessageOutcome.UNCONFIRMED,))
    rows = [
        ("Accepted", "by a provider", "taken", whole.taken, whole.taken, "out", ""),
        ("Sent", "a receipt came", "reported", whole.reported, whole.taken, "out", ""),
        ("Delivered", "of those with one", "arrived", whole.arrived, whole.reported, "good", ""),
        ("Read", "WhatsApp only", "read", read, whatsapp.arrived, "read", f" of {amount(whatsapp.arrived)}"),
        ("Failed", "of all that were tried", "failed", failed, tried, "bad", ""),
    ]
    if unsure:
        rows.append(("Not confirmed", "may have left", "unconfirmed", unsure, tried + unsure, "warning", ""))
    return [
        Step(title, hint, linked(number, name), share(number, of) + more * bool(of), number / of if of else 0, tone)
        for title, hint, name, number, of, tone, more in rows
    ]


def _delivery(scope: Scope, tallies: Mapping[int, Tally]) -> Table:
    known = [(one, tallies[one.pk]) for one in scope.streams if one.pk in tallies]
    unknown = [
        f"{amount(tally.taken - tally.reported)} on {one.name}" for one, tally in known if tally.taken > tally.reported
    ]
    note = f"No receipt came for {', '.join(unknown)}: nobody knows whether these arrived." if unknown else ""
    return Table(
        "delivery",
        "Delivery",
        "Messages written in this time, by what is known of them now. Sent is a share of the messages that providers "
        "took, Delivered of those of which a receipt came, Failed of all that were tried.",
        ("Step", "Messages", "Share"),
        [[Cell(one.title), one.number, Cell(one.share)] for one in _steps(scope, tallies)],
        note=note,
    )


# Messages by day and by hour


def _days(scope: Scope, by_hour: Mapping[datetime, Tally]) -> list[tuple[str, str, Tally, dict[str, object]]]:
    """Label, long label, messages and the words of the address, of each day or week."""
    by_day: dict[date, Tally] = {}
    for hour, tally in by_hour.items():
        by_day.setdefault(hour.date(), Tally()).merge(tally)
    found = []
    for first, last in _stretches(scope):
        tally = total(by_day[day] for day in scope.days if first <= day <= last and day in by_day)
        label = f"{first:%a %-d}" if first == last and len(scope.days) <= 14 else f"{first:%-d %b}"
        long_label = f"{first:%A %-d %B}" if first == last else f"{first:%-d %B} to {last:%-d %B}"
        rows: dict[str, object] = {"period": "chosen", "from": f"{first:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}"}
        found.append((label, long_label, tally, rows))
    return found


def _stretches(scope: Scope) -> list[tuple[date, date]]:
    if len(scope.days) <= MOST_DAYS:
        return [(day, day) for day in scope.days]
    firsts = [day for day in scope.days if day.weekday() == 0 or day == scope.first]
    return [(day, min(day + timedelta(days=6 - day.weekday()), scope.last)) for day in firsts]


def _per_day(days: Sequence[tuple[str, str, Tally, dict[str, object]]]) -> Table:
    return Table(
        "days",
        "Messages per day",
        f"Sent: {definition('taken')} Received: {definition('received')} Both count on the day on which they were "
        "written.",
        ("Day", "Sent", "Received"),
        [
            [Cell(label), linked(tally.taken, "taken", rows), linked(tally.received, "received", rows)]
            for _, label, tally, rows in days
        ],
    )


def _busy(by_hour: Mapping[datetime, Tally]) -> tuple[list[tuple[str, list[int]]], int]:
    received = [[0] * 24 for _ in _WEEKDAYS]
    for hour, tally in by_hour.items():
        received[hour.weekday()][hour.hour] += tally.received
    used = [hour for hour in range(24) if any(row[hour] for row in received)]
    first, last = min([DAY_SHOWN[0], *used]), max([DAY_SHOWN[1], *used])
    return [(name, row[first : last + 1]) for name, row in zip(_WEEKDAYS, received, strict=True)], first


def _busy_table(busy: Sequence[tuple[str, Sequence[int]]], first: int) -> Table:
    return Table(
        "busy",
        "Busy hours",
        f"{definition('received')} By the hour of the day and the day of the week in which they came.",
        ("Day", *(f"{first + place:02}" for place in range(len(busy[0][1])))),
        [
            [Cell(name), *(linked(one, "received", {"weekday": day, "hour": at}) for at, one in enumerate(row, first))]
            for day, (name, row) in enumerate(busy)
        ],
    )  # fmt: skip
