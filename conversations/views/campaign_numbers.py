"""The numbers of a campaign that was confirmed, so that they always add up, and why messages failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone

from conversations.models import Campaign, Message
from conversations.models.campaign import ENDED, CampaignStatus
from conversations.models.message import NOT_ARRIVED
from conversations.models.message import MessageStatus as Status
from conversations.views import trouble

DELIVERED = (Status.DELIVERED, Status.READ)
UNDER_WAY = (Status.ACCEPTED, Status.SENT)  # the provider has it; no receipt says what became of it
NOT_SENT = (*NOT_ARRIVED, Status.CANCELLED)

_OPTED_OUT = ("opted_out", "no_opt_in")
_NUMBER = ("number_not_reachable", "recipient_number_refused", "non_us_number", "not_valid")


@dataclass(frozen=True, slots=True)
class Tally:
    """One of the numbers below the bar. `share`, and where it `begins` in the bar, are percents of those it goes to."""

    key: str
    word: str
    count: int
    begins: float
    share: float
    hint: str

    @property
    def share_words(self) -> str:
        """81.6%, and never 100% or 0% of what is not all or nothing."""
        return f"{min(self.share, 99.9) if self.share < 100 else 100:.1f}%".replace(".0%", "%")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why some messages failed, how many, and what can be done about it."""

    code: str
    words: str
    count: int
    advice: str
    address: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """What became of everybody on the list, from one grouped query."""

    campaign: Campaign
    tallies: list[Tally]
    failures: list[Failure]
    processed: int
    percent: int
    pace: str
    to_retry: int  # failed, and may be sent in another campaign; what a provider cancelled may not

    @property
    def failed(self) -> int:
        """How many did not arrive."""
        return next(one.count for one in self.tallies if one.key == "failed")

    @property
    def rest(self) -> int:
        """How many have no outcome."""
        return self.campaign.sendable_count - self.processed

    @property
    def quarter(self) -> int:
        """0, 25, 50, 75 or 100: what is said aloud."""
        return self.percent // 25 * 25


def numbers_of(campaign: Campaign) -> Numbers:
    """Count; two queries, however many people there are."""
    groups: list[Any] = list(
        Message.objects.filter(recipient__campaign=campaign)
        .order_by()
        .values("status", "failure_code")
        .annotate(number=Count("pk"), example=Min("pk"))
    )
    counts: dict[str, int] = {}
    for group in groups:
        counts[group["status"]] = counts.get(group["status"], 0) + group["number"]
    everybody, written = campaign.sendable_count, sum(counts.values())
    percent = min(100, written * 100 // everybody) if everybody else 100
    return Numbers(
        campaign=campaign,
        tallies=list(_tallies(campaign, counts, everybody - written)),
        failures=list(_failures(campaign, [one for one in groups if one["status"] in NOT_SENT])),
        processed=written,
        percent=percent,
        pace=_pace(campaign, written, everybody - written),
        to_retry=_sum(counts, NOT_ARRIVED),
    )


def _tallies(campaign: Campaign, counts: dict[str, int], rest: int) -> Iterator[Tally]:
    receipts = campaign.stream.limits(campaign.kind).receipts
    never = campaign.status in ENDED
    everybody = campaign.sendable_count
    kinds = (
        ("delivered", "Delivered", _sum(counts, DELIVERED), "receipt from the network"),
        ("accepted", "Sent", _sum(counts, UNDER_WAY), "waiting for a receipt" if receipts else "taken by the provider"),
        ("unconfirmed", "Not confirmed", counts.get(Status.UNCONFIRMED, 0), "may have left, never sent twice"),
        ("rest", "Never sent" if never else "Waiting", rest, "stopped before they left" if never else "still here"),
        ("failed", "Failed", _sum(counts, NOT_SENT), "reasons below"),
    )
    begins = 0.0
    for key, word, count, hint in kinds:
        share = count * 100 / everybody if everybody else 0.0
        if count or key in ("delivered", "accepted", "failed") or (key == "rest" and not never):
            yield Tally(key, word, count, begins, share, hint if count else "")
        begins += share


def _sum(counts: dict[str, int], statuses: tuple[Status, ...]) -> int:
    return sum(counts.get(one, 0) for one in statuses)


def _failures(campaign: Campaign, groups: list[Any]) -> Iterator[Failure]:
    """The reasons, most frequent first, in the words for one of each."""
    found = Message.objects.in_bulk([one["example"] for one in groups])
    people = reverse("campaign", args=[campaign.pk])
    for group in sorted(groups, key=lambda one: -one["number"]):
        example = found.get(group["example"])
        if example is None:
            continue
        example.stream = campaign.stream
        code = group["failure_code"]
        query = urlencode({"show": "failed", "code": code or "-", "status": group["status"]})
        yield Failure(
            code=code,
            words=trouble.why_not_arrived(example),
            count=group["number"],
            advice=_advice(example),
            address=f"{people}?{query}#people",
        )


def _advice(message: Message) -> str:
    code = message.failure_code
    if code in _OPTED_OUT:
        return "Nothing to do: they do not want it."
    if code in _NUMBER:
        return "Correct the numbers and send to them anew."
    if message.status == Status.UNDELIVERED:
        return "Try again later: phones are off or out of reach for a time."
    if message.status == Status.EXPIRED:
        return "Send to them again with more time."
    if message.status == Status.CANCELLED:
        return "Nothing to do."
    return "See what the provider said, then send to them again."


def _pace(campaign: Campaign, written: int, rest: int) -> str:
    """114 a minute, done about 14:37; empty while too little has left to say."""
    if campaign.started_at is None or not written:
        return ""
    minutes = ((campaign.ended_at or timezone.now()) - campaign.started_at).total_seconds() / 60
    if minutes < 0.1 and rest:
        return ""
    rate = written / max(minutes, 1 / 60)
    words = f"about {max(1, round(rate)):,} a minute"
    if campaign.status == CampaignStatus.RUNNING and rest:
        left = rest / rate
        words += ", less than a minute left" if left < 1 else f", about {round(left):,} min left"
    return words
