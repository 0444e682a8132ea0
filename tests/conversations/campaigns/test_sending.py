"""A campaign from its list to the handsets: everybody once, with an outcome each, whatever goes wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import (
    CampaignChunk,
    Contact,
    Conversation,
    Message,
    OptIn,
    SendAttempt,
    User,
)
from conversations.services import consent, outbound, receipts
from conversations.services.campaigns import planning, sending, upkeep, window
from messaging.types import DeliveryReport, DeliveryStatus
from tests import factories
from tests.conversations.campaigns.conftest import confirm, fiction, run, run_to_the_end
from tests.conversations.campaigns.counting import Make, adds_up, arrived, outcomes_of, people
from tests.factories import SandboxStreams
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

CIRRUS, WEBEX = "cirrus", "webex_interact"


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
    run_to_the_end(campaign)
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


def test_a_place_is_in_the_header_of_each_persons_template(
    make_campaign: Make, tom: User, product_sandbox: PlayedSandbox, streams: SandboxStreams
) -> None:
    shop = [{"type": "HEADER", "format": "LOCATION"}, {"type": "BODY", "text": "We have moved, {{1}}."}]
    place = {"latitude": "51.5", "longitude": "-0.12", "name": "Fernhill", "address": "1 High Street"}
    factories.opt_in(factories.make_contact(fiction(300)))
    campaign = make_campaign(
        *people(300, 1),
        stream="whatsapp",
        kind="template",
        body="",
        template=factories.make_template(streams["whatsapp"], language="en_GB", components=shop),
        purpose="service",
        template_values={"header": place, "body": ["${firstname}"]},
    )
    confirm(campaign, tom)
    run(campaign)
    assert Message.objects.get().rendered["place"]["name"] == "Fernhill"
    assert "51.5" in SendAttempt.objects.get().request_body


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
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
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
    original, calls = window._put_on_wire, []

    def meanwhile(*args: Any) -> None:
        if not calls:
            consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
        calls.append(args)
        original(*args)

    monkeypatch.setattr(window, "_put_on_wire", meanwhile)
    run(campaign)
    assert len(calls) == 2
    assert arrived(product_sandbox) == {fiction(200): 1, fiction(202): 1}
    assert outcomes_of(campaign) == {"accepted": 2, "failed": 1}


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
