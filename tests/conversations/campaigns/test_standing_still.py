"""A campaign that cannot go on for now: what is not tried meanwhile, what its page says, and what wakes it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Campaign, CampaignChunk, ProviderAccount, StreamGate, User
from conversations.services import stream_rules
from conversations.services.accounts import check_account
from conversations.services.campaigns import planning, taking
from conversations.views.wording import clock_ahead
from tests.conversations.campaigns.conftest import confirm, run, words
from tests.conversations.campaigns.counting import Make, adds_up, arrived, outcomes_of, people
from tests.factories import CREDENTIALS
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)


def page(browser: Client, campaign: Campaign) -> str:
    return words(browser.get(f"/campaigns/{campaign.pk}/"))


def asked(sandbox: PlayedSandbox) -> int:
    entries = sandbox.ask("ledger", kind="request", provider="cirrus")["entries"]
    return sum(entry["method"] == "POST" for entry in entries)


def use_key(account: ProviderAccount, key: str) -> None:
    account.credentials = {"api_key": key}
    account.save(update_fields=["credentials"])


def test_refused_credentials_stop_a_campaign_and_repair_wakes_it(
    make_campaign: Make, tom: User, browser: Client, product_sandbox: PlayedSandbox
) -> None:
    campaign = make_campaign(*people(200, 8), stream="cirrus")
    account = campaign.stream.account
    use_key(account, "wrong")
    confirm(campaign, tom)
    run(campaign)
    account.refresh_from_db()
    assert account.health == "needs_credentials"
    tries = asked(product_sandbox)
    CampaignChunk.objects.update(next_attempt_at=None)
    run(campaign)
    assert asked(product_sandbox) == tries, "no call while the key is known to be wrong"
    said = "refused our credentials. What you send waits until that is mended."
    assert said in page(browser, campaign)

    CampaignChunk.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=4), hinted_at=timezone.now())
    use_key(account, CREDENTIALS["cirrus"]["api_key"])
    assert check_account(account).ok
    assert CampaignChunk.objects.filter(hinted_at=None).exists(), "the dispatcher comes by at once"
    run(campaign)
    assert outcomes_of(campaign) == {"accepted": 8}
    assert set(arrived(product_sandbox).values()) == {1}
    assert said not in page(browser, campaign)
    assert adds_up(campaign)


def test_no_window_is_taken_after_one_whose_credentials_were_refused(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "MOST_AT_ONCE", 3)
    campaign = make_campaign(*people(200, 8), stream="cirrus")
    use_key(campaign.stream.account, "wrong")
    confirm(campaign, tom)
    run(campaign)
    assert asked(product_sandbox) == 3
    assert outcomes_of(campaign) == {}


def test_a_paused_stream_is_told_on_the_page_of_its_campaign(make_campaign: Make, tom: User, browser: Client) -> None:
    campaign = make_campaign(*people(200, 3), stream="cirrus")
    confirm(campaign, tom)
    assert "is paused" not in page(browser, campaign)
    stream_rules.pause(campaign.stream, until=timezone.now() + timedelta(hours=1), reason="Wrong price", actor=tom)
    run(campaign)
    assert "(Wrong price). What you send waits until then." in page(browser, campaign)
    assert outcomes_of(campaign) == {}


def test_a_campaign_that_waits_for_an_hour_names_it(make_campaign: Make, tom: User, browser: Client) -> None:
    campaign = make_campaign(*people(200, 3), stream="cirrus")
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    then = timezone.now() + timedelta(hours=9)
    CampaignChunk.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=4))
    assert "written to" not in page(browser, campaign), "soon"
    CampaignChunk.objects.update(next_attempt_at=then)
    assert f"Nobody is written to before {clock_ahead(then)}." in page(browser, campaign)
    Campaign.objects.update(keeps_quiet_hours=True)
    said = page(browser, campaign)
    assert f"Those who are left have quiet hours. The next of them are written to {clock_ahead(then)}." in said
    StreamGate.objects.create(stream=campaign.stream, paused_until=then)
    provider = campaign.stream.account.provider_label
    assert f"{provider} asked us to wait until {clock_ahead(then)}." in page(browser, campaign)
