"""Campaigns that wait, are paused, stopped, too late or begun again."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import (
    Campaign,
    Contact,
    SendingPolicy,
    User,
)
from conversations.services.campaigns import control, planning, sending, taking, upkeep
from tests.conversations.campaigns.conftest import confirm, fiction, run
from tests.conversations.campaigns.counting import Make, adds_up, arrived, outcomes_of, people
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)


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
    assert taking.awake(chunk, campaign, night_in_london, most=20) == [0]
    night_in_both = timezone.now().replace(hour=6, minute=0)
    assert taking.awake(chunk, campaign, night_in_both, most=20) == []
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
    assert taking.awake(chunk, campaign, morning, most=20) == [0]
    assert taking.awake(chunk, campaign, morning.replace(hour=2), most=20) == [1]


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
