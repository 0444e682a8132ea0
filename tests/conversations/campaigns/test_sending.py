"""A campaign from its list to the handsets: everybody once, with an outcome each, whatever goes wrong."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import django_rq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import jobs
from conversations.models import (
    Campaign,
    CampaignChunk,
    Contact,
    Conversation,
    Message,
    SendAttempt,
    SendingPolicy,
    User,
)
from conversations.queue import BULK
from conversations.services import consent, outbound, receipts, spool
from conversations.services.campaigns import control, planning, recording, sending, upkeep
from conversations.services.exchange import kept_of
from messaging.types import DeliveryReport, DeliveryStatus, Outcome, RecipientResult
from tests import factories
from tests.conversations.campaigns.conftest import confirm, fiction, run
from tests.factories import SandboxStreams
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]
CIRRUS, WEBEX = "cirrus", "webex_interact"


def people(first: int, number: int) -> list[str]:
    """Rows of a list."""
    return [f"{fiction(one)},Rosa{one}" for one in range(first, first + number)]


def arrived(sandbox: PlayedSandbox) -> Counter[str]:
    """How many messages each phone holds."""
    return Counter(one["phone"] for one in sandbox.messages() if one["direction"] == "to_phone")


def outcomes_of(campaign: Campaign) -> Counter[str]:
    """How many messages of the campaign have each status."""
    return Counter(Message.objects.filter(recipient__campaign=campaign).values_list("status", flat=True))


def adds_up(campaign: Campaign) -> bool:
    """Does every row have a verdict, and every one that was to be sent an outcome or a place that waits?"""
    campaign.refresh_from_db()
    rows = campaign.recipients.count()
    waiting = sum(len(chunk.rest) for chunk in campaign.chunks.all())
    return (
        rows == campaign.row_count == campaign.left_out_count + campaign.sendable_count
        and sum(outcomes_of(campaign).values()) == campaign.answered_count
        and campaign.waiting_count == waiting
    )


def test_everybody_gets_their_text_once(make_campaign: Make, tom: User, product_sandbox: PlayedSandbox) -> None:
    campaign = make_campaign(*people(200, 30), f"{fiction(230)},")
    confirm(campaign, tom)
    run(campaign)
    assert (campaign.status, campaign.accepted_count, campaign.failed_count) == ("done", 31, 0)
    messages = Message.objects.filter(recipient__campaign=campaign)
    assert outcomes_of(campaign) == {"accepted": 31}
    assert messages.get(recipient__phone=fiction(230)).body == "Hello there, your router is on its way."
    texts = {one["phone"]: one["text"] for one in product_sandbox.messages()}
    assert texts == {one.recipient.phone: one.body for one in messages.select_related("recipient")}
    attempt = SendAttempt.objects.get(chunk__campaign=campaign)
    assert (attempt.results.count(), attempt.http_status, attempt.is_bulk) == (31, 200, True)
    assert adds_up(campaign)
    run(campaign)
    assert set(arrived(product_sandbox).values()) == {1}


@pytest.mark.parametrize(("stream", "requests"), [("cirrus", 25), ("ccai_platform", 25)])
def test_providers_that_take_one_at_a_time_get_many_at_once(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, stream: str, requests: int
) -> None:
    numbers = [fiction(one) if stream == CIRRUS else f"+1202555{one:04}" for one in range(120, 145)]
    campaign = make_campaign(*(f"{number},Rosa" for number in numbers), stream=stream)
    confirm(campaign, tom)
    run(campaign)
    while campaign.status == "running":  # a busy machine may have turned a connection away
        CampaignChunk.objects.update(next_attempt_at=None)
        run(campaign)
    assert outcomes_of(campaign) == {"accepted": 25}
    assert arrived(product_sandbox) == dict.fromkeys(numbers, 1)
    assert SendAttempt.objects.filter(chunk__campaign=campaign, http_status=200).count() == requests


MOST_STATEMENTS_OF_A_WINDOW = 30  # they are most of what a window of one person a request costs
MOST_STATEMENTS_OF_A_JOB = 30  # besides
_OF_TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


def test_a_window_asks_the_database_a_bounded_number_of_times(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(*people(200, 6), stream=CIRRUS)
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    with CaptureQueriesContext(connection) as queries:
        sending.deliver_chunk(campaign.chunks.get().pk)
    asked = [query["sql"] for query in queries if not query["sql"].startswith(_OF_TRANSACTIONS)]
    windows = sum("INSERT INTO conversations_sendattempt" in sql for sql in asked)
    assert windows >= 1
    assert len(asked) <= MOST_STATEMENTS_OF_A_JOB + windows * MOST_STATEMENTS_OF_A_WINDOW
    assert outcomes_of(campaign)["accepted"] > 0


def test_templates_travel_twenty_at_a_time(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, streams: SandboxStreams
) -> None:
    template = factories.make_template(streams["whatsapp"], language="en_GB", components=factories.VISIT)
    for number in range(300, 345):
        factories.opt_in(factories.make_contact(fiction(number)))
    campaign = make_campaign(
        *people(300, 46),
        stream="whatsapp",
        kind="template",
        body="",
        template=template,
        purpose="service",
        template_values={"body": ["${firstname}", "Thursday", "9", "13"]},
    )
    confirm(campaign, tom)
    assert campaign.verdict_counts == {"send": 45, "no_permission": 1}
    run(campaign)
    assert outcomes_of(campaign) == {"accepted": 45}
    sizes = [one.results.count() for one in SendAttempt.objects.filter(chunk__campaign=campaign).order_by("id")]
    assert sizes == [20, 20, 5]
    message = Message.objects.get(recipient__phone=fiction(300))
    assert message.body == (
        "Hello Rosa300, your Fernhill engineer is booked for Thursday between 9 and 13. Reply here to change it."
    )
    assert message.rendered["footer"] == "Fernhill Broadband"
    assert message.conversation.external_id, "the conversation that the provider made"


def test_a_conversation_sleeps_until_the_customer_answers(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(*people(200, 2))
    busy = factories.make_conversation(campaign.stream, factories.make_contact(fiction(200)))
    before = (busy.status, busy.last_message_preview)
    confirm(campaign, tom)
    run(campaign)
    busy.refresh_from_db()
    assert (busy.status, busy.last_message_preview) == before
    assert busy.messages.get().body == "Hello Rosa200, your router is on its way."
    sleeping = Conversation.objects.get(contact__phone=fiction(201))
    assert (sleeping.status, sleeping.contact.first_name) == ("dormant", "Rosa201")
    assert sleeping not in Conversation.objects.in_inbox()


def test_one_number_that_is_refused_harms_no_other(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    product_sandbox.control("faults", phone=fiction(201), fault="not_valid")
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    run(campaign)
    assert outcomes_of(campaign) == {"accepted": 2, "failed": 1}
    failed = Message.objects.get(status="failed")
    assert (failed.recipient.phone, failed.failure_code) == (fiction(201), "number_not_reachable")
    assert failed.failure_text
    assert adds_up(campaign)


def test_a_provider_that_asks_to_wait_is_asked_again(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    product_sandbox.control("faults", phone=fiction(200), fault="throttled", times=1)
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    run(campaign)
    assert outcomes_of(campaign) == {}
    assert campaign.status == "running"
    chunk = campaign.chunks.get()
    assert (chunk.status, len(chunk.rest), chunk.next_attempt_at is not None) == ("ready", 3, True)
    CampaignChunk.objects.update(next_attempt_at=None)
    campaign.stream.gate.__class__.objects.update(paused_until=None)
    run(campaign)
    assert outcomes_of(campaign) == {"accepted": 3}
    assert set(arrived(product_sandbox).values()) == {1}


def test_what_nobody_knows_is_unconfirmed_and_never_sent_again(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    product_sandbox.control("faults", phone=fiction(200), fault="reset_after", times=1)
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    run(campaign)
    upkeep.sweep(timezone.now())
    run(campaign)
    assert outcomes_of(campaign) == {"unconfirmed": 3}
    assert (campaign.status, campaign.unconfirmed_count) == ("done", 3)
    assert set(arrived(product_sandbox).values()) == {1}
    message = Message.objects.get(recipient__phone=fiction(200))
    report = DeliveryReport(DeliveryStatus.DELIVERED, key="r1", ref=str(message.ref))
    receipts.record(campaign.stream.account, report)
    message.refresh_from_db()
    assert message.status == "delivered"


def test_a_report_that_comes_before_the_answer_is_stored_counts(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(*people(200, 2))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    ref = campaign.chunks.get().payload[0]["ref"]
    receipts.record(campaign.stream.account, DeliveryReport(DeliveryStatus.DELIVERED, key="early", ref=ref))
    run(campaign)
    assert outcomes_of(campaign) == {"accepted": 1, "delivered": 1}


def test_who_opts_out_after_the_check_is_not_written_to(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    contact = Contact.objects.create(phone=fiction(201))
    consent.record(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP")
    run(campaign)
    assert outcomes_of(campaign) == {"accepted": 2, "failed": 1}
    refused = Message.objects.get(status="failed")
    assert (refused.failure_code, refused.attempt_count, refused.results.count()) == ("opted_out", 0, 0)
    assert arrived(product_sandbox) == {fiction(200): 1, fiction(202): 1}


def test_an_opt_out_between_the_claim_and_the_wire_wins(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    contact = Contact.objects.create(phone=fiction(201))
    original, calls = sending._put_on_wire, []

    def meanwhile(*args: Any) -> None:
        if not calls:
            consent.record(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP")
        calls.append(args)
        original(*args)

    monkeypatch.setattr(sending, "_put_on_wire", meanwhile)
    run(campaign)
    assert len(calls) == 2
    assert arrived(product_sandbox) == {fiction(200): 1, fiction(202): 1}
    assert outcomes_of(campaign) == {"accepted": 2, "failed": 1}


def test_a_paused_campaign_waits_and_goes_on(make_campaign: Make, tom: User, product_sandbox: PlayedSandbox) -> None:
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    control.pause(campaign, actor=tom, reason="Wrong date")
    run(campaign)
    assert (outcomes_of(campaign), campaign.status, campaign.status_reason) == ({}, "paused", "Wrong date")
    assert adds_up(campaign)
    assert not arrived(product_sandbox)
    control.resume(campaign, actor=tom)
    run(campaign)
    assert (outcomes_of(campaign), campaign.status) == ({"accepted": 3}, "done")


def test_what_has_not_left_a_stopped_campaign_never_will(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, settings: Any
) -> None:
    settings.CAMPAIGN_CHUNK = 2
    campaign = make_campaign(*people(200, 5))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    sending.deliver_chunk(campaign.chunks.get(number=1).pk)
    control.stop(campaign, actor=tom)
    run(campaign)
    assert (campaign.status, campaign.accepted_count, campaign.waiting_count) == ("stopped", 2, 3)
    assert campaign.ended_at is not None
    assert set(campaign.chunks.values_list("status", flat=True)) == {"done", "stopped"}
    assert sum(arrived(product_sandbox).values()) == 2
    assert adds_up(campaign)


@pytest.mark.parametrize("on_wire", [True, False])
def test_a_lost_worker_leaves_no_doubt_beyond_its_window(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, on_wire: bool
) -> None:
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    chunk = campaign.chunks.get()
    claim = sending._claim(chunk.pk)
    assert claim is not None
    taken = sending._take(chunk.pk, claim, chunk.payload)
    assert taken is not None
    attempts = {taken.calls[0].places: taken.attempts[0]}
    if on_wire:
        sending._put_on_wire(taken, claim, taken.calls, attempts)
    CampaignChunk.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    upkeep.sweep(timezone.now())
    run(campaign)
    expected = {"unconfirmed": 3} if on_wire else {"accepted": 3}
    assert outcomes_of(campaign) == expected
    assert sum(arrived(product_sandbox).values()) == (0 if on_wire else 3)
    assert adds_up(campaign)
    if on_wire:
        late = [RecipientResult(ref, Outcome.ACCEPTED, external_id=f"tid-{ref}") for ref in taken.calls[0].refs]
        attempt = taken.attempts[0]
        kept = recording.RequestOutcome(str(attempt.claim), [0, 1, 2], kept_of(attempt), late)
        recording.record(recording.Window(chunk.pk, str(claim), requests=[kept]))
        assert outcomes_of(campaign) == {"accepted": 3}


def test_a_campaign_ends_though_its_last_worker_was_lost_before_saying_so(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    chunk = campaign.chunks.get()
    claim = sending._claim(chunk.pk)
    assert claim is not None
    taken = sending._take(chunk.pk, claim, chunk.payload)
    assert taken is not None
    sending._send(taken, claim)
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
    consent.record(contact=out, channel="sms", event="opt_out", source="keyword", wording="STOP")
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
    campaign.refresh_from_db()
    while campaign.status == "running":  # a busy machine may have turned a connection away
        CampaignChunk.objects.update(next_attempt_at=None)
        run(campaign)
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


def test_too_many_failures_pause_it(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, settings: Any
) -> None:
    settings.CAMPAIGN_CHUNK = 50
    for number in range(200, 210):
        product_sandbox.control("faults", phone=fiction(number), fault="not_valid")
    campaign = make_campaign(*people(200, 60))
    confirm(campaign, tom)
    run(campaign)
    assert (campaign.status, campaign.failed_count) == ("paused", 10)
    assert campaign.waiting_count == 10
    assert campaign.status_reason == "10 of the last 50 failed. Look at the reasons before you resume."


def test_the_failures_go_out_again_as_a_campaign_of_their_own(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    product_sandbox.control("faults", phone=fiction(201), fault="not_valid", times=1)
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    run(campaign)
    again = control.retry_failures(campaign, actor=tom)
    assert (again.retry_of, again.row_count, again.status) == (campaign, 1, "draft")
    confirm(again, tom)
    run(again)
    assert outcomes_of(again) == {"accepted": 1}
    assert arrived(product_sandbox) == {fiction(200): 1, fiction(201): 1, fiction(202): 1}


def test_what_is_no_longer_valid_is_not_sent(make_campaign: Make, tom: User, product_sandbox: PlayedSandbox) -> None:
    campaign = make_campaign(*people(200, 2), valid_until=timezone.now() + timedelta(hours=1))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(valid_until=timezone.now() - timedelta(seconds=1))
    run(campaign)
    assert outcomes_of(campaign) == {"expired": 2}
    assert not arrived(product_sandbox)
    assert adds_up(campaign)


def test_a_scheduled_campaign_begins_at_its_time(make_campaign: Make, tom: User) -> None:
    at = timezone.now() + timedelta(hours=1)
    campaign = make_campaign(*people(200, 2), scheduled_for=at)
    confirm(campaign, tom)
    assert campaign.status == "scheduled"
    upkeep.sweep(timezone.now())
    run(campaign)
    assert (campaign.status, outcomes_of(campaign)) == ("scheduled", {})
    upkeep.sweep(at + timedelta(seconds=1))
    run(campaign)
    assert (campaign.status, outcomes_of(campaign)) == ("done", {"accepted": 2})


def test_marketing_waits_for_the_morning_there(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign("+12025550142,Rosa", "+447700900200,Olu", stream="cirrus")
    Campaign.objects.filter(pk=campaign.pk).update(keeps_quiet_hours=True)
    campaign.refresh_from_db()
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    chunk = campaign.chunks.get()
    night_in_london = timezone.now().replace(hour=23, minute=30)  # and evening in Washington
    assert sending._awake(chunk, campaign, night_in_london) == [0]
    night_in_both = timezone.now().replace(hour=6, minute=0)
    assert sending._awake(chunk, campaign, night_in_both) == []
    assert chunk.next_attempt_at is not None
    assert chunk.next_attempt_at.hour in (8, 9)


def test_the_hours_of_the_stream_and_the_zone_of_the_customer_count(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign("+447700900200,Olu", "+447700900201,Rosa", purpose="service")
    SendingPolicy.objects.create(
        stream=campaign.stream, quiet_hours="unasked", opens_at=time(10), closes_at=time(12), time_zone="Europe/London"
    )
    Contact.objects.create(phone="+447700900201", time_zone="Asia/Tokyo")
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    chunk = campaign.chunks.get()
    morning = timezone.now().replace(month=11, day=23, hour=10, minute=30)
    assert sending._awake(chunk, campaign, morning) == [0]
    assert sending._awake(chunk, campaign, morning.replace(hour=2)) == [1]


def test_a_stream_that_is_switched_off_pauses_its_campaigns(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    campaign = make_campaign(*people(200, 2))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    campaign.stream.is_active = False
    campaign.stream.save()
    run(campaign)
    assert (campaign.status, campaign.status_reason) == ("paused", f"{campaign.stream.name} is switched off.")
    assert not arrived(product_sandbox)
    assert adds_up(campaign)


def test_the_pace_of_a_campaign_is_kept(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(*people(200, 10), pace=12)
    confirm(campaign, tom)
    run(campaign)
    assert campaign.accepted_count == 2
    chunk = campaign.chunks.get()
    assert chunk.next_attempt_at is not None
    assert timedelta(seconds=5) < chunk.next_attempt_at - timezone.now() <= timedelta(seconds=10)


def test_a_message_of_a_campaign_can_be_released_like_any_other(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    from conversations.services import unconfirmed

    product_sandbox.control("faults", phone=fiction(200), fault="reset_after", times=1)
    campaign = make_campaign(*people(200, 1))
    confirm(campaign, tom)
    run(campaign)
    message = Message.objects.get(recipient__campaign=campaign)
    unconfirmed.send_again(message, actor=tom, reason="The customer says nothing came")
    outbound.deliver([message.pk])
    message.refresh_from_db()
    assert message.status == "accepted"
    assert arrived(product_sandbox) == {fiction(200): 2}


def test_a_claim_that_is_over_sends_nothing(make_campaign: Make, tom: User, product_sandbox: PlayedSandbox) -> None:
    campaign = make_campaign(*people(200, 2))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    chunk = campaign.chunks.get()
    assert sending._take(chunk.pk, uuid.uuid4(), chunk.payload) is None
    claim = sending._claim(chunk.pk)
    assert claim is not None
    taken = sending._take(chunk.pk, claim, chunk.payload)
    assert taken is not None
    CampaignChunk.objects.update(claim=uuid.uuid4())
    sending._send(taken, claim)
    assert not arrived(product_sandbox)
    assert outcomes_of(campaign) == {}
