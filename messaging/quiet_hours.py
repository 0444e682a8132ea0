"""When campaign and marketing messages may arrive, by the customer's own clock.

Replies in an open conversation, service and authentication messages are exempt; that is for the caller to
decide. A number often may be in several time zones: then it must be open in every one of them.

The defaults are common practice, not legal advice: 47 CFR 64.1200(c)(1) allows 8 to 21 in the United States,
but several states end at 20; the UK and most of Europe keep to 9 to 20; France allows no marketing on Sundays.
Public holidays are not known here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

MIDNIGHT = time(0)
SUNDAY = 6


class NeverOpen(ValueError):
    """The zones lie so far apart that their open hours never meet. `sentence` says what to do."""

    code = "never_open"

    def __init__(self) -> None:
        self.sentence = (
            "This number may be in time zones that are never open at the same time. Set the customer's own time zone."
        )
        super().__init__(self.sentence)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Open from `opens` until just before `closes`, local time; `closes` at 00:00 means the end of the day.

    `closed_weekdays` counts from Monday = 0. Raises `ValueError` for hours that are never open.
    """

    opens: time
    closes: time
    closed_weekdays: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if self.closes != MIDNIGHT and self.opens >= self.closes:
            raise ValueError("The opening time must lie before the closing time of the same day.")
        if not self.closed_weekdays <= frozenset(range(7)) or len(self.closed_weekdays) == 7:
            raise ValueError("Closed days are numbers from 0 (Monday) to 6 (Sunday), and one must stay open.")

    def allows(self, local: datetime) -> bool:
        """Tell whether this local wall time is open."""
        if local.weekday() in self.closed_weekdays:
            return False
        return self.opens <= local.time() and (self.closes == MIDNIGHT or local.time() < self.closes)


_UNITED_STATES = QuietHours(time(8), time(20))
_EUROPE = QuietHours(time(9), time(20))
_FRANCE = QuietHours(time(9), time(20), frozenset({SUNDAY}))
_BY_REGION = {"US": _UNITED_STATES, "CA": _UNITED_STATES, "FR": _FRANCE}


def default_for(region: str | None) -> QuietHours:
    """Return the hours to start from for a two-letter country; unknown countries get 9 to 20."""
    return _BY_REGION.get((region or "").upper(), _EUROPE)


def next_opening(at_utc: datetime, zones: Sequence[str], hours: QuietHours) -> datetime | None:
    """Return the first moment (UTC) from `at_utc` that is open in all `zones`; None when that is now.

    `zones` are IANA names, at least one: the caller falls back to the stream's zone when the number's is
    unknown. Raises `NeverOpen` when the zones have no open moment in common, `ValueError` for a naive time or
    no zones, `zoneinfo.ZoneInfoNotFoundError` for an unknown name.
    """
    if at_utc.tzinfo is None:
        raise ValueError("The time needs a time zone.")
    if not zones:
        raise ValueError("At least one time zone is needed.")
    clocks = [ZoneInfo(zone) for zone in zones]
    start = moment = at_utc.astimezone(UTC)
    horizon = start + timedelta(days=9)  # a week repeats; the rest covers clock changes
    while moment < horizon:
        latest = max(_open_from(moment, clock, hours) for clock in clocks)
        if latest == moment:
            return None if moment == start else moment
        moment = latest
    raise NeverOpen


def _open_from(moment: datetime, clock: ZoneInfo, hours: QuietHours) -> datetime:
    """Return `moment` when this clock is open, otherwise its next opening, in UTC.

    An opening time that a clock change repeats counts both times; one that it skips counts an hour later.
    """
    local = moment.astimezone(clock)
    if hours.allows(local):
        return moment
    day = local.date()
    while True:
        for fold in (0, 1):
            opening = datetime.combine(day, hours.opens, tzinfo=clock).replace(fold=fold).astimezone(UTC)
            if opening > moment and hours.allows(opening.astimezone(clock)):
                return opening
        day += timedelta(days=1)
