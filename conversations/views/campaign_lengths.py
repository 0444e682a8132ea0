"""What the texts of a campaign come to, and what is worth a look before it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from conversations.models import Campaign
from conversations.models.campaign import RowVerdict
from conversations.models.message import Kind, Purpose
from conversations.services.campaigns.lengths import Lengths, cost_of, lengths_of
from conversations.services.campaigns.texts import Texts
from messaging.merge import MergeError
from messaging.segments import is_blank, measure

_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}
LIVE = 1_000  # people; more are not counted anew at every key


class Parts(NamedTuple):
    """How many people get a text of so many parts; `begins` and `share` are percents of all."""

    parts: int
    people: int
    begins: float
    share: float


class Check(NamedTuple):
    """Something looked at before it goes: fine, or worth a look."""

    is_fine: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class LengthsShown:
    """The card about lengths; `cost` is empty where nobody has set a price."""

    lengths: Lengths
    parts: list[Parts]
    cost: str


def parts_of(counts: Mapping[int, int]) -> list[Parts]:
    """People by the parts of their text, as a bar shows them."""
    everybody, begins, found = sum(counts.values()) or 1, 0.0, []
    for number, people in sorted(counts.items()):
        share = people * 100 / everybody
        found.append(Parts(number, people, begins, share))
        begins += share
    return found


def texts_of(parts: list[Parts]) -> int:
    """How many texts they are together."""
    return sum(one.parts * one.people for one in parts)


def cost_words(campaign: Campaign, texts: int) -> str:
    """£182.61; empty where nobody has set a price."""
    cost = cost_of(campaign, texts)
    return "" if cost is None else money_words(cost, campaign.stream.currency)


def money_words(amount: Decimal, currency: str) -> str:
    """An amount with its sign, or with its three letters behind it."""
    sign = _SIGNS.get(currency)
    return f"{sign}{amount:,.2f}" if sign else f"{amount:,.2f} {currency}"


def lengths_shown(campaign: Campaign) -> LengthsShown | None:
    """The lengths of the texts as they stand; None while there is no text, or one that cannot be read."""
    if campaign.kind != Kind.TEXT or is_blank(campaign.body) or not campaign.row_count:
        return None
    try:
        lengths = lengths_of(campaign)
    except MergeError:
        return None
    return LengthsShown(lengths, parts_of(lengths.parts), cost_words(campaign, lengths.texts))


def checks_of(campaign: Campaign, shown: LengthsShown) -> list[Check]:
    """What is fine and what is worth a look; nothing here stops the campaign."""
    return list(_checks(campaign, shown.lengths))


def _checks(campaign: Campaign, lengths: Lengths) -> Iterator[Check]:
    missing = Texts(campaign).missing_columns()
    if missing:
        yield Check(False, f"Nothing fills {' and '.join(missing)}")
    else:
        yield Check(True, "Every field has a column or a value")
    if empty := lengths.refused[RowVerdict.MISSING_FIELD]:
        yield Check(False, f"{_people(empty)} left out: a value is missing")
    if long := lengths.refused[RowVerdict.TOO_LONG]:
        yield Check(False, f"{_people(long)} left out: the text is too long")
    if lengths.unicode:
        yield Check(False, f"{_people(lengths.unicode)} sent Unicode, which takes more texts{_because_of(campaign)}")
    else:
        yield Check(True, "Plain characters only")
    opted_out = campaign.verdict_counts.get(RowVerdict.OPTED_OUT, 0)
    yield Check(True, f"{_people(opted_out)} left out: opted out" if opted_out else "Nobody on the list has opted out")
    stream = campaign.stream
    if stream.sender and not stream.sender.lstrip("+").isdigit() and not stream.inbound_number:
        yield Check(False, f"{stream.sender} is a name: nobody can reply to it")
    if campaign.purpose == Purpose.MARKETING:
        says = "stop" in campaign.body.casefold()
        yield Check(says, "It says how to opt out" if says else "It does not say how to opt out, such as Reply STOP")


def _people(number: int) -> str:
    return "1 person is" if number == 1 else f"{number:,} people are"


def _because_of(campaign: Campaign) -> str:
    counted = measure(campaign.body)
    if counted.encoding == "GSM-7":
        return ""
    characters = Counter(character for _, character in counted.costly)
    return f": {' '.join(character for character, _ in characters.most_common(3))}"
