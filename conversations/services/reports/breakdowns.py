"""The tables of a report that break its numbers down: by clock, hour, person, stream, template, campaign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from conversations.models import Campaign, Stream, User, WhatsAppTemplate
from conversations.models.consent import ConsentSource
from conversations.models.report import MessageOutcome, Subject
from conversations.models.stream import Channel
from conversations.services.reports import numbers, words
from conversations.services.reports.numbers import FAILED, Tally, Times, TimesBy
from conversations.services.reports.rows import definition
from conversations.services.reports.scope import Scope
from conversations.services.reports.tables import Cell, Table, behind, linked
from conversations.services.reports.words import NOTHING, amount, duration, share

NO_RECEIPTS = "No receipts"
DAY_SHOWN = (8, 18)  # the hours that are always shown


def both_clocks(scope: Scope, chosen: Times, otherwise: Times) -> Table:
    working, around = (chosen, otherwise) if scope.working else (otherwise, chosen)
    return Table(
        "times",
        "Replies and resolution",
        f"First reply: {definition('answered')} Next reply: {definition('again')} Resolution: {definition('resolved')} "
        "Typical is the median: half were as fast or faster. In time: within the working hours that the stream "
        "promises now; resolutions of streams that promise none are left out.",
        ("Time", "Typical, working hours", "9 in 10, working hours", "Typical, all hours", "9 in 10, all hours",
         "In time", "Number"),
        [
            [Cell("First reply"), *_cells(working.reply_typical, working.reply_slow),
             *_cells(around.reply_typical, around.reply_slow),
             in_time(chosen), linked(chosen.answered, "answered")],
            [Cell("Next reply"), *_cells(working.again_typical, working.again_slow),
             *_cells(around.again_typical, around.again_slow),
             Cell(share(chosen.again_in_time, chosen.again), behind("again-in-time", chosen.again_in_time)),
             linked(chosen.again, "again")],
            [Cell("Resolution"), *_cells(working.resolution_typical, working.resolution_slow),
             *_cells(around.resolution_typical, around.resolution_slow),
             Cell(share(chosen.resolution_in_time, chosen.resolution_promised),
                  behind("resolved-in-time", chosen.resolution_in_time)),
             linked(chosen.resolved, "resolved")],
        ],
    )  # fmt: skip


def in_time(times: Times, rows: Mapping[str, object] | None = None) -> Cell:
    """The share of first replies that kept what the stream promises."""
    return Cell(share(times.reply_in_time, times.answered), behind("in-time", times.reply_in_time, rows))


def _cells(*seconds: int | None) -> list[Cell]:
    return [Cell(duration(one)) for one in seconds]


def hours_shown(times: TimesBy) -> list[tuple[int, Times]]:
    used = [hour for hour, one in times.hour.items() if one.answered]
    first, last = min([DAY_SHOWN[0], *used]), max([DAY_SHOWN[1], *used])
    return [(hour, times.hour.get(hour, Times())) for hour in range(first, last + 1)]


def reply_by_hour(scope: Scope, times: TimesBy) -> Table:
    return Table(
        "hours",
        "First reply by hour",
        f"By the hour of the day in which the customer first wrote, {scope.hours_words}. {definition('answered')}",
        ("Hour", "Typical", "9 in 10", "First replies"),
        [
            [Cell(f"{hour:02}:00"), *_cells(one.reply_typical, one.reply_slow),
             linked(one.answered, "answered", {"hour": hour})]
            for hour, one in hours_shown(times)
        ],
    )  # fmt: skip


def target_of(streams: Sequence[Stream]) -> int | None:
    targets = {one.reply_within for one in streams}
    return targets.pop() * 60 if len(targets) == 1 else None


# Who and what


def agents(scope: Scope, sent_by: Mapping[int, Mapping[date, int]], times: TimesBy) -> Table:
    """Whoever wrote or answered first; somebody to whom conversations were only given is not measured by them."""
    sent = {person: sum(days.values()) for person, days in sent_by.items()}
    people = User.objects.in_bulk({*sent, *times.person})
    held = numbers.open_by_person(scope)
    target = target_of(scope.streams)
    rows = []
    for pk in sorted(people, key=lambda one: (-sent.get(one, 0), str(people[one]))):
        one = times.person.get(pk, Times())
        slow = bool(target and one.reply_typical and one.reply_typical > target)
        rows.append(
            [
                Cell(str(people[pk]), {"person": pk}),
                Cell(amount(held.get(pk, 0)), {"inbox": pk} if held.get(pk) else {}),
                linked(sent.get(pk, 0), "taken", {"agent": pk}),
                Cell(
                    duration(one.reply_typical),
                    behind("answered", one.answered, {"agent": pk}),
                    "warning" if slow else "",
                ),
                Cell(duration(one.reply_slow)),
                Cell(duration(one.again_typical), behind("again", one.again, {"agent": pk})),
                Cell(share(one.same_day, one.begun), behind("same-day", one.same_day, {"agent": pk})),
            ]
        )  # fmt: skip
    return Table(
        "agents",
        "Agents",
        "Everybody who wrote to customers in this time, campaigns left out. Open: what they have open now. First reply "
        "and same day: of the conversations that they answered first. Next reply: to customers who had been answered.",
        ("Agent", "Open", "Sent", "First reply", "9 in 10", "Next reply", "Same day"),
        rows,
        empty="Nobody wrote to a customer in this time.",
    )


def streams(scope: Scope, tallies: Mapping[int, Tally], times: TimesBy) -> Table:
    rows = []
    for stream in scope.streams:
        tally, one, this = tallies.get(stream.pk, Tally()), times.stream.get(stream.pk, Times()), {"stream": stream.pk}
        rows.append(
            [
                Cell(stream.name),
                linked(one.begun, "begun", this),
                linked(tally.received, "received", this),
                *_sent_cells(tally, this),
                Cell(duration(one.reply_typical), behind("answered", one.answered, this)),
                in_time(one, this),
                Cell(duration(one.again_typical), behind("again", one.again, this)),
                Cell(duration(one.resolution_typical), behind("resolved", one.resolved, this)),
                Cell(cost_words(costs_of([stream], tallies))),
            ]
        )
    return Table(
        "streams",
        "Streams",
        "The same numbers, stream by stream. Delivered is of the messages of which a receipt came, and says of how "
        "many where some have none: nobody knows whether those arrived. "
        "In time: first replies within the working hours that the stream promises now.",
        (
            *("Stream", "Conversations", "Received", "Sent", "Delivered", "Failed"),
            *("First reply", "In time", "Next reply", "Resolved in", "Cost"),
        ),
        rows,
        empty="There is no stream.",
    )


def _sent_cells(tally: Tally, rows: Mapping[str, object], *, read: bool = False) -> list[Cell]:
    """Sent, delivered, read where it is asked for, failed."""
    if tally.reported or not tally.taken:
        of_how_many = f" of {amount(tally.reported)}" if tally.reported < tally.taken else ""
        words = share(tally.arrived, tally.reported) + of_how_many
        delivered = Cell(words, behind("arrived", tally.arrived, rows))
    else:
        delivered = Cell(NO_RECEIPTS)
    cells = [linked(tally.taken, "taken", rows), delivered]
    if read:
        seen = tally.of((MessageOutcome.READ,))
        cells.append(Cell(share(seen, tally.arrived), behind("read", seen, rows)))
    return [*cells, linked(tally.of(FAILED), "failed", rows)]


def templates(scope: Scope) -> Table:
    tallies = numbers.messages_by_subject(scope, Subject.TEMPLATE)
    known = WhatsAppTemplate.objects.in_bulk(tallies)
    rows = [
        [Cell(f"{known[pk].name}, {known[pk].language}"), *_sent_cells(tally, {"template": pk}, read=True)]
        for pk, tally in sorted(tallies.items(), key=lambda one: -one[1].taken)
        if pk in known
    ]  # fmt: skip
    return Table(
        "templates",
        "Templates",
        "Messages made of each WhatsApp template, campaigns included. Read is of those that were delivered.",
        ("Template", "Sent", "Delivered", "Read", "Failed"),
        rows,
        empty="No template was sent in this time.",
    )


def campaigns(scope: Scope) -> Table:
    tallies = numbers.messages_by_subject(scope, Subject.CAMPAIGN)
    known = Campaign.objects.visible_to(scope.user).in_bulk(tallies)
    rows = [
        [Cell(known[pk].name, {"the_campaign": pk}), *_sent_cells(tally, {"campaign": pk}, read=True)]
        for pk, tally in sorted(tallies.items(), key=lambda one: -one[0])
        if pk in known
    ]  # fmt: skip
    return Table(
        "campaigns",
        "Campaigns",
        "Messages that campaigns sent in this time, whenever they began.",
        ("Campaign", "Sent", "Delivered", "Read", "Failed"),
        rows,
        empty="No campaign sent anything in this time.",
    )


def tags(scope: Scope) -> Table:
    rows = []
    for pk, name, one in numbers.times_by_tag(scope, working=scope.working):
        this = {"tag": pk}
        rows.append(
            [
                Cell(name),
                linked(one.begun, "begun", this),
                Cell(duration(one.reply_typical), behind("answered", one.answered, this)),
                Cell(duration(one.resolution_typical), behind("resolved", one.resolved, this)),
            ]
        )
    return Table(
        "tags",
        "Tags",
        f"{definition('begun')} By the tags that they have now; one with two tags counts at both. Times are typical, "
        f"{scope.hours_words}.",
        ("Tag", "Conversations", "First reply", "Resolved in"),
        rows,
        empty="No conversation that began in this time has a tag.",
    )


def opt_outs(scope: Scope) -> Table:
    channels, sources = dict(Channel.choices), dict(ConsentSource.choices)
    return Table(
        "opt-outs",
        "Opt-outs",
        definition("opt-outs"),
        ("How we know", "Channel", "Opt-outs"),
        [
            [Cell(str(sources[source])), Cell(str(channels[channel])),
             linked(number, "opt-outs", {"channel": channel, "source": source})]
            for channel, source, number in numbers.opt_outs_by(scope)
        ],
        empty="Nobody opted out in this time.",
    )  # fmt: skip


def costs_of(streams: Iterable[Stream], tallies: Mapping[int, Tally]) -> dict[str, Decimal]:
    """What the messages came to, by currency."""
    found: dict[str, Decimal] = {}
    for one in streams:
        if one.price is not None and one.pk in tallies and tallies[one.pk].taken:
            found[one.currency] = found.get(one.currency, Decimal()) + one.price * tallies[one.pk].parts
    return found


def cost_words(costs: Mapping[str, Decimal]) -> str:
    return ", ".join(words.money(value, currency) for currency, value in sorted(costs.items())) or NOTHING
