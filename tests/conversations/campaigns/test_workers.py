"""Several workers and planners at one campaign, and workers that are lost."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_rq
import pytest
from django.db import connection
from django.utils import timezone

from conversations import jobs
from conversations.models import (
    Campaign,
    CampaignChunk,
    Contact,
    Message,
    OptIn,
    User,
)
from conversations.queue import BULK
from conversations.services import consent, spool
from conversations.services.campaigns import control, planning, recording, sending, taking, upkeep, window
from conversations.services.exchange import kept_of
from messaging.types import Outcome, RecipientResult
from tests.conversations.campaigns.conftest import confirm, fiction, run, run_to_the_end
from tests.conversations.campaigns.counting import Make, adds_up, arrived, outcomes_of, people
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)


def first_window(
    campaign: Campaign, tom: User, *, in_waves: bool = False
) -> tuple[CampaignChunk, uuid.UUID, taking.Taken]:
    """The only chunk of a confirmed campaign, its claim, and what a worker took of it."""
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    chunk = campaign.chunks.get()
    claim = sending._claim(chunk.pk)
    assert claim is not None
    taken = taking.take(chunk.pk, claim, chunk.payload, in_waves=in_waves)
    assert taken is not None
    return chunk, claim, taken


@pytest.mark.parametrize("on_wire", [True, False])
def test_a_lost_worker_leaves_no_doubt_beyond_its_window(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, on_wire: bool
) -> None:
    campaign = make_campaign(*people(200, 3))
    chunk, claim, taken = first_window(campaign, tom)
    if on_wire:
        window._put_on_wire(taken, [], taken.calls)
    CampaignChunk.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    upkeep.sweep(timezone.now())
    run(campaign)
    expected = {"unconfirmed": 3} if on_wire else {"accepted": 3}
    assert outcomes_of(campaign) == expected
    assert sum(arrived(product_sandbox).values()) == (0 if on_wire else 3)
    assert adds_up(campaign)
    if on_wire:
        late = [RecipientResult(ref, Outcome.ACCEPTED, external_id=f"tid-{ref}") for ref in taken.calls[0].refs]
        attempt = taken.calls[0].attempt
        kept = recording.RequestOutcome(str(attempt.claim), [0, 1, 2], kept_of(attempt), late)
        recording.record(recording.Window(chunk.pk, str(claim), requests=[kept]))
        assert outcomes_of(campaign) == {"accepted": 3}


def test_a_campaign_ends_though_its_last_worker_was_lost_before_saying_so(
    make_campaign: Make, tom: User, threads: ThreadPoolExecutor
) -> None:
    campaign = make_campaign(*people(200, 3))
    chunk, claim, taken = first_window(campaign, tom)
    window.send(taken, threads)
    assert sending._release(chunk.pk, claim) == campaign.pk
    campaign.refresh_from_db()
    assert (campaign.status, campaign.ended_at, campaign.accepted_count) == ("running", None, 3)
    upkeep.sweep(timezone.now())
    campaign.refresh_from_db()
    assert campaign.status == "done"
    assert campaign.ended_at is not None


def test_answers_that_lay_on_the_disk_are_stored_once(
    make_campaign: Make,
    tom: User,
    product_sandbox: PlayedSandbox,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.SPOOL_DIR = tmp_path
    product_sandbox.control("faults", phone=fiction(201), fault="not_valid")
    out = Contact.objects.create(phone=fiction(202))
    campaign = make_campaign(*people(200, 4))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    consent.record(OptIn(contact=out, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    with monkeypatch.context() as away:
        away.setattr(spool, "_surely", lambda record, keep: keep())  # as if the database did not come back
        run(campaign)
    assert outcomes_of(campaign) == {}
    assert spool.count() == (1, 0)
    run(campaign)
    assert arrived(product_sandbox) == {fiction(200): 1, fiction(203): 1}, "nothing more leaves before that is stored"
    assert spool.replay() == 1
    assert spool.replay() == 0
    assert outcomes_of(campaign) == {"accepted": 2, "failed": 2}
    assert {one.failure_code for one in Message.objects.filter(status="failed")} == {
        "number_not_reachable",
        "opted_out",
    }
    assert arrived(product_sandbox) == {fiction(200): 1, fiction(203): 1}
    assert adds_up(campaign)


def test_two_workers_at_one_chunk_send_it_once(make_campaign: Make, tom: User, product_sandbox: PlayedSandbox) -> None:
    campaign = make_campaign(*people(200, 20), stream="cirrus")
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    pk = campaign.chunks.get().pk

    def work(_: int) -> None:
        try:
            sending.deliver_chunk(pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    run_to_the_end(campaign)
    assert arrived(product_sandbox) == {fiction(number): 1 for number in range(200, 220)}
    assert outcomes_of(campaign) == {"accepted": 20}


def test_who_has_sent_a_chunk_takes_what_is_due_next(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, settings: Any
) -> None:
    settings.CAMPAIGN_CHUNK = 2
    campaign = make_campaign(*people(200, 7))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    late, *others = campaign.chunks.order_by("-number").values_list("pk", flat=True)
    CampaignChunk.objects.filter(pk=late).update(next_attempt_at=timezone.now() + timedelta(minutes=1))
    waiting = django_rq.get_queue(BULK)
    assert {f"deliver_chunk-{pk}" for pk in (late, *others)} <= set(waiting.job_ids)
    jobs.deliver_chunk([others[-1]])
    assert outcomes_of(campaign) == {"accepted": 6}
    assert set(waiting.job_ids) & {f"deliver_chunk-{pk}" for pk in others[:-1]} == set(), "nobody is woken in vain"
    assert f"deliver_chunk-{late}" in waiting.job_ids
    assert control.wake_for(others[0]), "it can be woken for again"
    assert f"deliver_chunk-{others[0]}" in waiting.job_ids
    assert set(arrived(product_sandbox).values()) == {1}


def test_two_planners_lay_every_row_once(make_campaign: Make, tom: User, settings: Any) -> None:
    settings.CAMPAIGN_CHUNK = 3
    campaign = make_campaign(*people(200, 20))
    confirm(campaign, tom)

    def work(_: int) -> None:
        try:
            planning.plan(campaign.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    laid = [person["phone"] for chunk in campaign.chunks.order_by("number") for person in chunk.payload]
    assert laid == [fiction(number) for number in range(200, 220)]


def test_a_claim_that_is_over_sends_nothing(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, threads: ThreadPoolExecutor
) -> None:
    campaign = make_campaign(*people(200, 2))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    chunk = campaign.chunks.get()
    assert taking.take(chunk.pk, uuid.uuid4(), chunk.payload, in_waves=False) is None
    claim = sending._claim(chunk.pk)
    assert claim is not None
    taken = taking.take(chunk.pk, claim, chunk.payload, in_waves=False)
    assert taken is not None
    CampaignChunk.objects.update(claim=uuid.uuid4())
    window.send(taken, threads)
    assert not arrived(product_sandbox)
    assert outcomes_of(campaign) == {}
