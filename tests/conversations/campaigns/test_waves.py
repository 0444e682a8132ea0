"""A window of several waves, at a provider that takes one person a request: what stops it, and what a loss leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from conversations.models import Campaign, CampaignChunk, Contact, OptIn, StreamGate, User
from conversations.services import consent, spool
from conversations.services.accounts import check_account
from conversations.services.campaigns import planning, sending, taking, upkeep, window
from conversations.services.campaigns.wave import Call
from tests.conversations.campaigns.conftest import confirm, fiction, run_to_the_end
from tests.conversations.campaigns.counting import Make, adds_up, arrived, outcomes_of, people
from tests.conversations.campaigns.test_workers import first_window
from tests.sandbox.playing import PlayedSandbox

SOON = window.Pace(0.1)  # a provider that is waited for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def three_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waves of three, so that eight people are three waves."""
    monkeypatch.setattr(window, "MOST_AT_ONCE", 3)


@pytest.fixture(params=[(3, window.Pace()), (2, SOON)], ids=["one at a time", "two abreast"])
def waves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, window.Pace]:
    """How many people a wave has, and the pace of a window of such waves."""
    size, pace = request.param
    monkeypatch.setattr(window, "MOST_AT_ONCE", size * pace.abreast)
    return size, pace


def happens_before_the_second_wave(monkeypatch: pytest.MonkeyPatch, what: Callable[[], None]) -> None:
    original = window._put_on_wire

    def put_on_wire(taken: taking.Taken, on_wire: list[Call], leaving: Sequence[Call]) -> None:
        if on_wire:
            what()
        original(taken, on_wire, leaving)

    monkeypatch.setattr(window, "_put_on_wire", put_on_wire)


def test_a_window_leaves_in_waves_and_is_stored_once(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, threads: ThreadPoolExecutor
) -> None:
    campaign = make_campaign(*people(200, 8), stream="cirrus")
    chunk, claim, taken = first_window(campaign, tom, in_waves=True)
    assert len(taken.calls) == 8
    window.send(taken, threads)
    assert outcomes_of(campaign) == {"accepted": 8}
    assert arrived(product_sandbox) == {fiction(number): 1 for number in range(200, 208)}
    on_wire = [call.attempt.on_wire_at for call in taken.calls]
    assert len(set(on_wire)) == 3
    assert sending._release(chunk.pk, claim) == campaign.pk
    assert adds_up(campaign)


def test_a_worker_lost_between_two_waves_leaves_in_doubt_what_has_left(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, threads: ThreadPoolExecutor
) -> None:
    campaign = make_campaign(*people(200, 8), stream="cirrus")
    _, _, taken = first_window(campaign, tom, in_waves=True)
    window._put_on_wire(taken, [], taken.calls[:3])
    window._put_on_wire(taken, taken.calls[:3], taken.calls[3:6])
    CampaignChunk.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    upkeep.sweep(timezone.now())
    run_to_the_end(campaign)
    assert outcomes_of(campaign) == {"unconfirmed": 6, "accepted": 2}
    assert arrived(product_sandbox) == {fiction(206): 1, fiction(207): 1}
    assert adds_up(campaign)


def test_no_wave_follows_one_that_the_provider_turned_away(
    make_campaign: Make,
    tom: User,
    product_sandbox: PlayedSandbox,
    threads: ThreadPoolExecutor,
    waves: tuple[int, window.Pace],
) -> None:
    size, pace = waves
    product_sandbox.control("faults", phone=fiction(201), fault="throttled", times=1)
    campaign = make_campaign(*people(200, 8), stream="cirrus")
    chunk, _, taken = first_window(campaign, tom, in_waves=True)
    assert window.send(taken, threads, pace) == window.Pace()
    left = size * pace.abreast
    assert outcomes_of(campaign) == {"accepted": left - 1}
    assert arrived(product_sandbox) == {fiction(200 + place): 1 for place in range(left) if place != 1}
    chunk.refresh_from_db()
    assert (chunk.rest, chunk.on_wire) == ([1, *range(left, 8)], {})
    assert adds_up(campaign)


def test_an_opt_out_between_two_waves_wins_and_the_first_is_stored(
    make_campaign: Make,
    tom: User,
    product_sandbox: PlayedSandbox,
    threads: ThreadPoolExecutor,
    waves: tuple[int, window.Pace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size, pace = waves
    first_of_the_second = fiction(200 + size)

    def opt_out() -> None:
        contact = Contact.objects.get_or_create(phone=first_of_the_second)[0]
        if not consent.is_opted_out(contact.phone, "sms"):
            consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))

    campaign = make_campaign(*people(200, 8), stream="cirrus")
    chunk, claim, taken = first_window(campaign, tom, in_waves=True)
    happens_before_the_second_wave(monkeypatch, opt_out)
    window.send(taken, threads, pace)
    assert outcomes_of(campaign) == {"accepted": size}
    assert set(arrived(product_sandbox)) == {fiction(200 + place) for place in range(size)}
    chunk.refresh_from_db()
    assert (chunk.rest, chunk.on_wire) == ([*range(size, 8)], {})
    sending._release(chunk.pk, claim)
    run_to_the_end(campaign)
    assert outcomes_of(campaign) == {"accepted": 7, "failed": 1}
    assert first_of_the_second not in arrived(product_sandbox)
    assert set(arrived(product_sandbox).values()) == {1}
    assert adds_up(campaign)


def test_answers_are_stored_though_the_next_wave_could_not_be(
    make_campaign: Make,
    tom: User,
    product_sandbox: PlayedSandbox,
    threads: ThreadPoolExecutor,
    waves: tuple[int, window.Pace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise OperationalError("the database is away")

    size, pace = waves
    campaign = make_campaign(*people(200, 8), stream="cirrus")
    chunk, _, taken = first_window(campaign, tom, in_waves=True)
    happens_before_the_second_wave(monkeypatch, fail)
    with pytest.raises(OperationalError):
        window.send(taken, threads, pace)
    assert outcomes_of(campaign) == {"accepted": size}
    chunk.refresh_from_db()
    assert (chunk.rest, chunk.on_wire) == ([*range(size, 8)], {})
    assert set(arrived(product_sandbox)) == {fiction(200 + place) for place in range(size)}
    assert adds_up(campaign)


@pytest.mark.parametrize("lay_on_a_disk", [False, True])
def test_a_refusal_of_the_former_key_says_nothing_of_the_new_one(
    make_campaign: Make,
    tom: User,
    product_sandbox: PlayedSandbox,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    lay_on_a_disk: bool,
) -> None:
    campaign = make_campaign(*people(200, 3), stream="cirrus")
    account = campaign.stream.account
    former = account.credentials
    account.credentials = {**former, "api_key": "wrong"}
    account.save()
    chunk, claim, taken = first_window(campaign, tom, in_waves=True)
    account.credentials = former
    account.save()
    assert check_account(account).ok
    with monkeypatch.context() as away:
        if lay_on_a_disk:
            away.setattr(spool, "_surely", lambda record, keep: keep())  # as if the database did not come back
        window.send(taken, threads)
    assert spool.replay() == lay_on_a_disk
    account.refresh_from_db()
    assert account.health == "working"
    assert outcomes_of(campaign) == {}
    assert arrived(product_sandbox) == {}
    sending._release(chunk.pk, claim)
    run_to_the_end(campaign)
    assert outcomes_of(campaign) == {"accepted": 3}


def test_a_window_in_which_nobody_may_be_written_to_says_nothing_of_the_provider(
    make_campaign: Make, tom: User, threads: ThreadPoolExecutor
) -> None:
    campaign = make_campaign(*people(200, 3), stream="cirrus")
    _, _, taken = first_window(campaign, tom, in_waves=False)
    taken.refused, taken.calls = dict.fromkeys(range(3), ("opted_out", "Opted out.")), []
    assert window.send(taken, threads, SOON) == SOON
    assert outcomes_of(campaign) == {"failed": 3}


@pytest.mark.parametrize(
    ("slowest", "is_quick", "abreast"),
    [(None, False, 1), (0.0, True, 1), (0.03, True, 1), (0.05, True, 2), (0.25, True, 2), (0.3, False, 1)],
)
def test_who_answers_soon_but_not_at_once_gets_two_halves(slowest: float | None, is_quick: bool, abreast: int) -> None:
    pace = window.Pace(slowest)
    assert (pace.is_quick, pace.abreast) == (is_quick, abreast)


def test_the_second_half_leaves_while_the_first_is_waited_for(
    make_campaign: Make,
    tom: User,
    product_sandbox: PlayedSandbox,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(window, "MOST_AT_ONCE", 4)
    product_sandbox.control("faults", phone=fiction(200), fault="slow", settings={"seconds": 1}, times=1)
    campaign = make_campaign(*people(200, 7), stream="cirrus")
    chunk, claim, taken = first_window(campaign, tom, in_waves=True)
    under_way: list[int] = []
    original = window._put_on_wire

    def put_on_wire(taken: taking.Taken, on_wire: list[Call], leaving: Sequence[Call]) -> None:
        under_way.append(sum(call.done is None for call in on_wire))
        original(taken, on_wire, leaving)

    monkeypatch.setattr(window, "_put_on_wire", put_on_wire)
    pace = window.send(taken, threads, SOON)
    assert pace.slowest is not None
    assert pace.slowest >= 1
    assert len(under_way) == 4
    assert under_way[1] >= 1, "somebody's answer was still under way"
    assert max(under_way) <= 2, "four requests at most are under way"
    assert outcomes_of(campaign) == {"accepted": 7}
    assert set(arrived(product_sandbox).values()) == {1}
    assert sending._release(chunk.pk, claim) == campaign.pk
    assert adds_up(campaign)


def test_a_worker_waits_for_the_next_turns_of_a_stream_instead_of_leaving_them_unused(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    campaign = make_campaign(*people(200, 30), stream="cirrus")
    StreamGate.objects.update_or_create(stream=campaign.stream, defaults={"rate": 50, "burst": 5, "tokens": 5})
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    began = time.monotonic()
    sending.deliver_chunk(campaign.chunks.get().pk)
    assert time.monotonic() - began > 0.4, "25 turns come in half a second"
    assert outcomes_of(campaign) == {"accepted": 30}
    assert set(arrived(product_sandbox).values()) == {1}


def test_a_worker_leaves_a_stream_whose_next_turn_is_far_and_one_that_is_not_the_only_one_to_wait(
    make_campaign: Make, tom: User
) -> None:
    slow, other = make_campaign(*people(200, 5), stream="cirrus"), make_campaign(*people(300, 5))
    StreamGate.objects.update_or_create(stream=slow.stream, defaults={"rate": 0.1, "burst": 2, "tokens": 2})
    for campaign in (slow, other):
        confirm(campaign, tom)
        planning.plan(campaign.pk)
    sending.deliver_chunk(slow.chunks.get().pk)
    assert outcomes_of(slow) == {"accepted": 1}, "one turn is an agent's"
    chunk = slow.chunks.get()
    CampaignChunk.objects.filter(pk=chunk.pk).update(next_attempt_at=None)
    claim = sending._claim(chunk.pk)
    assert claim is not None
    CampaignChunk.objects.filter(pk=chunk.pk).update(next_attempt_at=timezone.now() + timedelta(seconds=0.1))
    assert not sending._nap_until_its_turn(chunk.pk, claim), "nobody is at the other stream"
    sending.deliver_chunk(other.chunks.get().pk)
    assert sending._nap_until_its_turn(chunk.pk, claim)
    Campaign.objects.filter(pk=slow.pk).update(status="paused")
    assert not sending._nap_until_its_turn(chunk.pk, claim)
