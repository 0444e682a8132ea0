"""Campaigns whose workers are killed, whose broker forgets, whose provider and database fail, while people press on.

Everybody on the list is accounted for at the end: invariants C1 to C4, after every fault.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from conversations.models import Campaign, CampaignChunk, SendAttempt
from conversations.services.campaigns import control, reading
from conversations.services.campaigns.taking import MOST_PEOPLE
from tests.chaos.answers import after, take_and_say
from tests.chaos.campaigns import CHUNK, Bulk, campaign_of, phone_of
from tests.chaos.conftest import Chaos
from tests.chaos.processes import eventually

PEOPLE = 10_000
KILLS = 4  # at random, beside those at known points

slow = pytest.mark.chaos


def test_killed_on_the_wire(chaos: Chaos) -> None:
    with chaos("F3", "campaign of 1,500: worker killed on the wire") as run, campaign_of(run, 1_500) as bulk:
        with bulk.holding_on_the_wire(2, then=lambda call: call.close()) as hold:
            bulk.begin()
            run.sender_of(hold).kill()
        bulk.end_lease(2)  # of nobody else, who may be on the wire just now
        assert bulk.finish() == {"accepted": 1_000, "unconfirmed": CHUNK}
        assert bulk.statuses_of(2) == {"unconfirmed": CHUNK}
        assert bulk.arrived() == {1: 1_500}


@slow
def test_killed_while_it_checks(chaos: Chaos) -> None:
    with chaos("F1", "worker killed while it checks a list of 6,000: another begins") as run:
        run.site.need("default")
        bulk = Bulk(run, 6_000)
        with run.site.holding("LOCK TABLE conversations_consentstate IN ACCESS EXCLUSIVE MODE"):
            reading.check(bulk.campaign)
            assert bulk.campaign.status == "checking"
            worker = run.site.waiting_process("a worker checks the list")
            assert worker is run.site["default"]
            worker.kill()
        run.site.mend()
        ready = Campaign.objects.filter(status="ready")
        eventually(ready.exists, "another worker checks it")
        assert ready.get().sendable_count == 6_000


@slow
def test_killed_at_every_point(chaos: Chaos) -> None:
    what = f"campaign of {PEOPLE:,}: workers killed before, on and after the wire, and {KILLS} times at random"
    with chaos("F5", what) as run, campaign_of(run, PEOPLE) as bulk:
        dice = random.Random(5)
        run.provider.usual = lambda call: after(dice.uniform(0.05, 0.2))(call)
        with (
            bulk.holding_on_the_wire(5, accepting=False, then=lambda call: call.close()) as untaken,
            bulk.holding_on_the_wire(8) as taken,
        ):
            with bulk.holding_before_the_wire():
                bulk.begin()
                run.site.waiting_process("a worker is connected").kill()
            run.site.mend()
            run.sender_of(untaken).kill()
            run.site.mend()
            worker = run.sender_of(taken)
            with bulk.holding_before_the_outcome(8):
                taken.released.set()
                assert run.site.waiting_process("a worker has the answer") is worker
                worker.kill()
        killed = 0
        while killed < KILLS and bulk.answered() < PEOPLE - 2 * CHUNK:
            time.sleep(dice.uniform(0, 0.8))
            dice.choice([run.site["bulk-1"], run.site["bulk-2"]]).kill()
            run.site.restart_the_dead()
            killed += 1
        found = bulk.finish()
        assert set(found) <= {"accepted", "unconfirmed"}
        assert 2 * CHUNK <= found["unconfirmed"] <= (2 + killed) * CHUNK
        assert [bulk.statuses_of(chunk) for chunk in (5, 8)] == [{"unconfirmed": CHUNK}] * 2
        assert bulk.arrived()[0] >= CHUNK, "those whom the provider never took"
        assert set(bulk.arrived()) <= {0, 1}


@slow
def test_killed_between_the_waves_of_a_window(chaos: Chaos) -> None:
    people = 3_000
    what = f"campaign of {people:,}, one person a request: worker killed in a late wave, and {KILLS} times at random"
    with chaos("F5", what) as run:
        stream = run.new_stream(provider="ccai_platform", sender="+16285550199", inbound_number="")
        with campaign_of(run, people, stream) as bulk:
            with run.provider.holding(phone_of(150)) as hold:
                bulk.begin()
                run.sender_of(hold).kill()
            dice, killed = random.Random(5), 1
            while killed <= KILLS and bulk.answered() < people * 3 // 4:
                time.sleep(dice.uniform(0, 0.5))
                dice.choice([run.site["bulk-1"], run.site["bulk-2"]]).kill()
                run.site.restart_the_dead()
                killed += 1
            found = bulk.finish()
            assert set(found) == {"accepted", "unconfirmed"}
            assert found["unconfirmed"] <= killed * MOST_PEOPLE
            assert set(bulk.arrived()) <= {0, 1}
            assert found["accepted"] <= bulk.arrived()[1]
            assert bulk.arrived()[0] <= found["unconfirmed"]


@slow
@pytest.mark.parametrize("how", ["flushed", "killed"])
def test_the_broker_forgets(chaos: Chaos, how: str) -> None:
    number = "F12" if how == "flushed" else "F11"
    with chaos(number, f"campaign of {PEOPLE:,}: Valkey {how}, twice") as run, campaign_of(run, PEOPLE) as bulk:
        run.provider.usual = after(0.05)
        bulk.begin()
        for answered in (PEOPLE // 10, PEOPLE // 2):
            bulk.wait_for_answers(answered)
            if how == "flushed":
                with run.site.valkey() as client:
                    client.flushall()
            else:
                run.site.kill_valkey()
                run.wait_for_the_dispatcher()
                run.site.start_valkey()
        assert bulk.finish() == {"accepted": PEOPLE}
        assert bulk.arrived() == {1: PEOPLE}


@slow
def test_taken_and_answered_with_an_error(chaos: Chaos) -> None:
    what = f"campaign of {PEOPLE:,}: 500, 502 and 504 after taking a request"
    with chaos("F25", what) as run, campaign_of(run, PEOPLE) as bulk:
        in_doubt = {2: 500, 3: 502, 9: 504, 14: 500, 20: 500}
        for chunk, status in in_doubt.items():
            bulk.play(chunk, take_and_say(status, "Whoops."))
        bulk.begin()
        assert bulk.finish() == {
            "accepted": PEOPLE - len(in_doubt) * CHUNK,
            "unconfirmed": len(in_doubt) * CHUNK,
        }
        assert [bulk.statuses_of(chunk) for chunk in in_doubt] == [{"unconfirmed": CHUNK}] * len(in_doubt)
        assert bulk.arrived() == {1: PEOPLE}
        assert SendAttempt.objects.filter(on_wire_at__isnull=False).count() == PEOPLE // CHUNK


@slow
@pytest.mark.parametrize("how", ["a moment", "long"])
def test_the_database_goes_with_answers_in_hand(chaos: Chaos, how: str) -> None:
    number = "F18" if how == "a moment" else "F19"
    what = f"campaign of {PEOPLE:,}: PostgreSQL away for {how} with answers in hand"
    with chaos(number, what) as run, campaign_of(run, PEOPLE) as bulk:
        spool = Path(run.site.environment["SPOOL_DIR"])
        with bulk.holding_on_the_wire(3) as one, bulk.holding_on_the_wire(4) as two:
            bulk.begin()
            eventually(lambda: one.arrived.is_set() and two.arrived.is_set(), "both are on the wire")
            run.site.kill_postgres()
        if how == "long":
            eventually(lambda: len(list(spool.glob("*.json"))) == 2, "the answers are kept on disk")
        run.site.start_postgres()
        run.site.mend()
        assert bulk.finish() == {"accepted": PEOPLE}
        assert bulk.arrived() == {1: PEOPLE}
        eventually(lambda: not list(spool.glob("*.json")), "the disk is cleared")


@slow
@pytest.mark.parametrize("word", ["paused", "stopped"])
def test_somebody_presses_while_a_worker_is_killed(chaos: Chaos, word: str) -> None:
    what = f"campaign of {PEOPLE:,}: {word} while a worker is killed on the wire"
    with chaos("F3", what) as run, campaign_of(run, PEOPLE) as bulk:
        run.provider.usual = after(0.1)
        with bulk.holding_on_the_wire(6, then=lambda call: call.close()) as hold:
            bulk.begin()
            worker = run.sender_of(hold)
            if word == "paused":
                control.pause(bulk.campaign, actor=None, reason="Wrong date")
            else:
                control.stop(bulk.campaign, actor=None)
            worker.kill()
        run.site.mend()
        eventually(lambda: bulk.statuses_of(6)["unconfirmed"] == CHUNK, "the lost worker's request is in doubt")
        left = len(run.provider.ledger)
        bulk.try_everything()
        assert len(run.provider.ledger) == left < PEOPLE, "nothing leaves"
        assert bulk.answered() == left
        if word == "paused":
            assert Campaign.objects.get().waiting_count == PEOPLE - left
            control.resume(bulk.campaign, actor=None)
            left = PEOPLE
        assert bulk.finish() == {"accepted": left - CHUNK, "unconfirmed": CHUNK}
        assert bulk.campaign.status == ("stopped" if word == "stopped" else "done")
        assert bulk.campaign.waiting_count == PEOPLE - left
        assert bulk.arrived() == ({1: PEOPLE} if left == PEOPLE else {1: left, 0: PEOPLE - left})
        waiting = CampaignChunk.objects.exclude(rest=[]).values_list("status", flat=True)
        assert set(waiting) == ({"stopped"} if word == "stopped" else set())
