"""The outcome of a window: messages are written once, with what became of them, all of a window in one transaction.

A message of a campaign has no row before: the chunk is its outbox. Contacts and conversations come into being with
it, the conversations dormant, so that no inbox is flooded; they wake when the customer answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from conversations.models import Campaign, CampaignChunk, Message, SendAttempt
from conversations.models.campaign import ChunkStatus
from conversations.models.message import MessageStatus as Status
from conversations.services import dispatch, outcomes, pacing
from conversations.services.campaigns import control
from conversations.services.campaigns.statements import add_to_campaign, locked_chunk, store_window
from conversations.services.campaigns.writing import Person, write_messages
from conversations.services.clock import database_now
from conversations.services.exchange import put_back
from conversations.services.statements import store_attempts
from messaging.types import Outcome, RecipientResult, SendResult

STATUS_OF = {Outcome.ACCEPTED: Status.ACCEPTED, Outcome.REFUSED: Status.FAILED, Outcome.UNCONFIRMED: Status.UNCONFIRMED}
RECENT = 200  # outcomes that the failure limit looks at
ENOUGH = 50  # of them, before it says anything


Payload = list[dict[str, Any]]  # what a chunk keeps of its people


@dataclass(slots=True)
class Window:
    """What is to be stored of one window, in plain values: it may lie on a disk meanwhile.

    `refused` maps places to (code, sentence) of people who were not written to; `requests` is what was sent.
    """

    chunk: int
    claim: str
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)
    requests: list[RequestOutcome] = field(default_factory=list)
    wait: float = 0.0  # seconds until those that were not accepted are tried again


@dataclass(slots=True)
class RequestOutcome:
    """One request: its attempt, the places it carried, what was kept of it, and a result for each place."""

    claim: str
    places: list[int]
    attempt: dict[str, Any]
    results: list[RecipientResult]
    on_wire_at: str | None = None
    request_id: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class AtHand:
    """What whoever has sent a window knows of it besides: its campaign as the window was taken, its attempts by claim,
    and the payload of its chunk. To read them again takes longer than all else.
    """

    campaign: Campaign
    attempts: Mapping[str, SendAttempt]
    payload: Payload


def record(window: Window, at_hand: AtHand | None = None) -> None:
    """Store a window in one transaction; harmless when it was stored before, or when its claim is over.

    Without `at_hand` what it needs is read.
    """
    with transaction.atomic():
        chunk = locked_chunk(window.chunk)
        if str(chunk.claim) != window.claim:
            _record_late(window)
            return
        if at_hand is not None:
            chunk.payload = at_hand.payload
            campaign = at_hand.campaign
        else:
            campaign = Campaign.objects.select_related("stream__account", "template").get(pk=chunk.campaign_id)
        now = database_now()
        attempts = _close_attempts(window, at_hand.attempts if at_hand else _attempts_of(window), now)
        people, again = _outcomes(window, chunk, attempts)
        write_messages(campaign, chunk, people, at=now)
        written = {person.place for person in people}
        chunk.rest = [place for place in chunk.rest if place not in written]
        chunk.tries = chunk.tries + 1 if again and not written else 0
        chunk.next_attempt_at = now + timedelta(seconds=window.wait) if again else None
        store_window(chunk)
        if at_hand is not None:
            _learn(window, campaign, now)
        elif pacing.let_next(campaign.stream):
            dispatch.hint_next_on_commit(campaign.stream)
        count(campaign.pk, people)


def _attempts_of(window: Window) -> dict[str, SendAttempt]:
    found = SendAttempt.objects.filter(claim__in=[one.claim for one in window.requests])
    return {str(one.claim): one for one in found}


def _close_attempts(window: Window, known: Mapping[str, SendAttempt], now: datetime) -> dict[str, SendAttempt]:
    closed = {}
    for request in window.requests:
        closed[request.claim] = attempt = known[request.claim]
        put_back(attempt, request.attempt)
        attempt.request_id, attempt.finished_at = request.request_id, now
    store_attempts(closed.values())
    return closed


def _outcomes(window: Window, chunk: CampaignChunk, attempts: dict[str, SendAttempt]) -> tuple[list[Person], list[int]]:
    """The people with an outcome, and the places that are tried again."""
    people = [
        Person(place, Status.EXPIRED if code == "expired" else Status.FAILED, code=code, text=text)
        for place, (code, text) in window.refused.items()
    ]
    again: list[int] = []
    for request in window.requests:
        attempt = attempts[request.claim]
        results = {one.ref: one for one in request.results}
        for place in request.places:
            ref = chunk.payload[place]["ref"]
            one = results.get(ref) or RecipientResult(
                ref, Outcome.UNCONFIRMED, code="missing_from_answer", text="The answer does not name it."
            )
            if one.outcome in STATUS_OF:
                people.append(_person(place, STATUS_OF[one.outcome], attempt, one))
            elif _gives_up(chunk, one):
                people.append(_person(place, Status.FAILED, attempt, one, code="gave_up"))
            else:
                again.append(place)
    waiting = set(chunk.rest)
    return [person for person in people if person.place in waiting], again


def _person(place: int, status: str, attempt: SendAttempt, one: RecipientResult, code: str = "") -> Person:
    return Person(
        place=place,
        status=status,
        attempt=attempt,
        external_id=one.external_id if status == Status.ACCEPTED else "",
        conversation_id=one.conversation_id,
        code=code or ("" if status == Status.ACCEPTED else one.code[:60] or str(one.outcome)),
        text="" if status == Status.ACCEPTED else one.text,
        outcome=one.outcome.value,
    )


def _gives_up(chunk: CampaignChunk, one: RecipientResult) -> bool:
    counts = one.outcome is Outcome.RETRY and one.code not in outcomes.NOT_AN_ATTEMPT
    return counts and chunk.tries + 1 >= settings.DELIVERY_ATTEMPTS


def _learn(window: Window, campaign: Campaign, now: datetime) -> None:
    """What these answers tell of the stream and the account. Of one that lay on a disk it may be true no more."""
    if not window.requests:
        return
    answers = [(request.results, request.retry_after) for request in window.requests]
    if pacing.note_all(campaign.stream, answers, at=now):
        dispatch.hint_next_on_commit(campaign.stream)
    blocked = [results for results, _ in answers if any(one.outcome is Outcome.BLOCKED for one in results)]
    telling = blocked[0] if blocked else [one for results, _ in answers for one in results]
    outcomes.note_account(campaign.stream.account, SendResult(tuple(telling)))


def _record_late(window: Window) -> None:
    """The claim is over: what was on the wire is unconfirmed by now, and its answer still settles that."""
    for request in window.requests:
        attempt = SendAttempt.objects.filter(claim=request.claim).select_related("stream__account").first()
        if attempt is None:
            continue
        messages = list(
            Message.objects.filter(claim=request.claim).select_related("stream__account", "conversation__contact")
        )
        outcomes.record_late(
            attempt,
            request.attempt,
            SendResult(tuple(request.results), request.request_id),
            messages=messages,
            wait=timedelta(seconds=window.wait),
        )


def count(campaign_id: int, people: Iterable[Person]) -> None:
    """Add these outcomes to the campaign's numbers, and pause it when too many of the last ones failed."""
    people = list(people)
    if not people:
        return
    recent, limit = add_to_campaign(
        campaign_id,
        accepted=sum(person.status == Status.ACCEPTED for person in people),
        failed=sum(person.status in (Status.FAILED, Status.EXPIRED) for person in people),
        unconfirmed=sum(person.status == Status.UNCONFIRMED for person in people),
        recent="".join("x" if person.status == Status.FAILED else "." for person in people if person.attempt),
        kept=RECENT,
    )
    failed, known = recent.count("x"), len(recent)
    if limit is not None and known >= ENOUGH and failed * 100 > limit * known:
        reason = f"{failed} of the last {known} failed. Look at the reasons before you resume."
        control.pause_by_itself(campaign_id, reason=reason)


def recover(chunk: CampaignChunk, *, at: datetime) -> None:
    """A worker was lost: what it had on the wire is unconfirmed, the rest of its chunk is ready again.

    In a transaction that has locked the chunk.
    """
    campaign = Campaign.objects.select_related("stream__account", "template").get(pk=chunk.campaign_id)
    attempts = {str(one.claim): one for one in SendAttempt.objects.filter(claim__in=chunk.on_wire)}
    carried = {place: attempts[claim] for claim, places in chunk.on_wire.items() for place in places}
    people = [
        Person(
            place,
            Status.UNCONFIRMED,
            attempt=carried[place],
            code="worker_lost",
            text="The sending process stopped before the provider's answer was stored.",
            outcome=Outcome.UNCONFIRMED.value,
        )
        for place in chunk.rest
        if place in carried
    ]
    write_messages(campaign, chunk, people, at=at)
    SendAttempt.objects.filter(chunk=chunk, finished_at=None).update(finished_at=at)
    chunk.rest = [place for place in chunk.rest if place not in carried]
    chunk.on_wire, chunk.on_wire_at, chunk.claim, chunk.lease_until, chunk.backend_pid = {}, None, None, None, None
    chunk.status = ChunkStatus.READY if chunk.rest else ChunkStatus.DONE
    chunk.hinted_at = None  # the rest is woken for at once
    chunk.save(
        update_fields=["rest", "on_wire", "on_wire_at", "claim", "lease_until", "backend_pid", "status", "hinted_at"]
    )
    count(campaign.pk, people)
    if chunk.status == ChunkStatus.DONE:
        transaction.on_commit(lambda: control.finish_if_over(campaign.pk), robust=True)
