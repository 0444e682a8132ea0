"""The pages of campaigns: who sees them, the four steps, how one goes, the files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conversations import jobs
from conversations.models import Campaign, Message, OptIn, User
from conversations.services import consent, lifecycle
from conversations.services.campaigns import control, reading
from conversations.views import campaign_message
from tests import factories
from tests.conversations.campaigns.conftest import confirm, fiction, people, rows_of, run, words
from tests.factories import SandboxStreams
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]


def test_from_nothing_to_everybody_in_four_steps(
    browser: Client, streams: SandboxStreams, tom: User, product_sandbox: PlayedSandbox
) -> None:
    stream = streams["webex_interact"]
    page = browser.get("/campaigns/new/").content.decode()
    places = [page.index(mark) for mark in ('label="SMS"', f'value="{stream.pk}"', 'label="WhatsApp"')]
    assert places == sorted(places)
    response = browser.post("/campaigns/new/", {"name": "Routers", "stream": stream.pk, "purpose": "service"})
    campaign = Campaign.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/campaigns/{campaign.pk}/list/")
    assert (campaign.created_by, campaign.kind, campaign.status) == (tom, "text", "draft")

    out = factories.make_contact(fiction(201))
    consent.record(OptIn(contact=out, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    rows = ["phone,First name", f"{fiction(200)},Rosa", f"{fiction(201)},Ida", f"{fiction(200)},Rosa", "12,Max"]
    rows.append(f"{fiction(202)},")
    upload = SimpleUploadedFile("routers.csv", "\n".join(rows).encode(), content_type="text/csv")
    browser.post(f"/campaigns/{campaign.pk}/list/", {"file": upload})
    page = words(browser.get(f"/campaigns/{campaign.pk}/list/"))
    assert "5 rows from routers.csv" in page
    assert "2 Will be sent" in page
    assert "1 Opted out" in page
    assert "1 Number stands in the list before" in page

    message = f"/campaigns/{campaign.pk}/message/"
    response = browser.post(message, {"body": "Hello ${firstname}, we come on ${day}.", "onward": "yes"})
    assert response["Location"] == message, "nothing fills the field"
    page = words(browser.get(message))
    assert "no column for day" in page
    typed = {"body": "Hello ${firstname}, we come on ${day}.", "field-day": "Monday", "onward": "yes"}
    assert browser.post(message, typed)["Location"] == f"/campaigns/{campaign.pk}/timing/"
    assert "Hello Rosa, we come on Monday." in words(browser.get(message))
    assert browser.post(f"/campaigns/{campaign.pk}/timing/", {"when": "now", "onward": "yes"}).status_code == 302

    campaign.refresh_from_db()
    assert campaign.status == "ready"
    assert campaign.verdict_counts == {"send": 1, "opted_out": 1, "duplicate": 1, "invalid": 1, "missing_field": 1}
    check = f"/campaigns/{campaign.pk}/check/"
    page = words(browser.get(check))
    assert f"1 person will get 1 text from {stream.sender or stream.name} now." in page
    assert "1 A value is missing" in page
    assert browser.post(check, {"confirm": "yes", "people": "2"}).status_code == 422
    response = browser.post(check, {"confirm": "yes", "people": "1"})
    assert response["Location"] == f"/campaigns/{campaign.pk}/"
    run(campaign)
    assert [one["phone"] for one in product_sandbox.messages()] == [fiction(200)]
    page = words(browser.get(f"/campaigns/{campaign.pk}/"))
    assert "1 of 1 processed" in page
    results = rows_of(browser.get(f"/campaigns/{campaign.pk}/results/"))
    assert [one["result"] for one in results][1:] == [
        "Opted out",
        "Number stands in the list before",
        "Not a usable number",
        "A value is missing",
    ]
    assert results[0]["result"] in ("Accepted", "Delivered")
    assert browser.get(check).status_code == 404


def test_whom_the_preview_shows(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Al", f"{fiction(201)},Bartholomew", f"{fiction(202)},")
    address = f"/campaigns/{campaign.pk}/message/"
    assert "Hello Al," in words(browser.get(address))
    assert "Hello Bartholomew," in words(browser.get(f"{address}?person=longest"))
    assert "Hello there," in words(browser.get(f"{address}?person=4"))
    assert "Hello " in words(browser.get(f"{address}?person=random"))
    shown = browser.post(f"{address}preview/", {"body": "Dear ${firstname}", "person": "3", "field-firstname": "you"})
    assert "Dear Bartholomew" in words(shown)
    assert "Dear" not in Campaign.objects.get().body
    assert browser.post(f"{address}preview/", {"body": "Dear ${", "person": "3"}).status_code == 200


def test_a_malformed_field_is_refused_where_it_is_typed(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(*people(200, 1))
    response = browser.post(f"/campaigns/{campaign.pk}/message/", {"body": "Hello ${first name}"})
    assert response.status_code == 422
    assert Campaign.objects.get().body.startswith("Hello ${firstname}")


def test_a_template_takes_values_with_fields(browser: Client, streams: SandboxStreams, make_campaign: Make) -> None:
    template = factories.make_template(streams["whatsapp"], language="en_GB", components=factories.VISIT)
    factories.opt_in(factories.make_contact(fiction(300)))
    campaign = make_campaign(
        *people(300, 1), stream="whatsapp", kind="template", body="", purpose="service", fallbacks={}
    )
    address = f"/campaigns/{campaign.pk}/message/"
    browser.post(address, {"template": template.pk, "choose": "yes"})
    names = re.findall(r'name="(body-[^"]+)"', browser.get(address).content.decode())
    typed = dict(zip(names, ["${firstname}", "Thursday", "9", "13"], strict=True))
    response = browser.post(address, {"template": template.pk, **typed, "onward": "yes"})
    assert response["Location"] == f"/campaigns/{campaign.pk}/timing/"
    assert "Hello Rosa300, your Fernhill engineer is booked for Thursday" in words(browser.get(address))
    browser.post(f"/campaigns/{campaign.pk}/timing/", {"when": "now", "onward": "yes"})
    page = words(browser.get(f"/campaigns/{campaign.pk}/check/"))
    assert "1 person will get a WhatsApp template" in page


def test_times_are_refused_at_their_fields(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(*people(200, 1))
    address = f"/campaigns/{campaign.pk}/timing/"
    past = browser.post(address, {"when": "later", "scheduled_for": "2020-01-01T09:00"})
    assert "Choose a time that lies ahead" in words(past)
    assert "Choose a date and a time." in words(browser.post(address, {"when": "later"}))
    assert browser.post(address, {"when": "now", "pace": "0"}).status_code == 422
    saved = browser.post(address, {"when": "now", "pace": "90", "failure_limit": ""})
    assert saved["Location"] == address
    campaign.refresh_from_db()
    assert (campaign.pace, campaign.failure_limit, campaign.scheduled_for) == (90, None, None)


def test_a_long_list_is_checked_by_a_worker(
    browser: Client, make_campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 1)
    campaign = make_campaign(*people(200, 3))
    check = f"/campaigns/{campaign.pk}/check/"
    browser.post(check)
    campaign.refresh_from_db()
    assert campaign.status == "checking"
    assert "3 rows are being checked" in words(browser.get(check))
    assert browser.get(f"{check}progress/").content.strip() == b"0 of 3 rows"
    refused = browser.post(f"/campaigns/{campaign.pk}/timing/", {"when": "now"}, follow=True)
    assert "being read or checked just now" in words(refused)
    jobs.read_campaign([campaign.pk])
    assert browser.get(f"{check}progress/")["HX-Refresh"] == "true"
    assert "3 people will get 3 texts" in words(browser.get(check))


def test_many_people_are_typed_and_very_many_need_a_second_person(
    browser: Client, make_campaign: Make, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.forms.campaigns.TYPED_ABOVE", 2)
    campaign = make_campaign(*people(200, 3))
    check = f"/campaigns/{campaign.pk}/check/"
    browser.post(check)
    refused = browser.post(check, {"confirm": "yes", "people": "3", "typed": "30"})
    assert refused.status_code == 422
    assert "This is another number than above" in words(refused)
    settings.CAMPAIGN_SECOND_PERSON_ABOVE = 2
    assert "a second supervisor has to confirm it" in words(browser.get(check))
    assert browser.post(check, {"confirm": "yes", "people": "3", "typed": "3"}).status_code == 422
    settings.CAMPAIGN_SECOND_PERSON_ABOVE = 100
    assert browser.post(check, {"confirm": "yes", "people": "3", "typed": "3"}).status_code == 302


def test_pause_resume_stop_and_the_failures_again(
    browser: Client, make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    product_sandbox.control("faults", phone=fiction(201), fault="not_valid")
    campaign = make_campaign(*people(200, 3))
    confirm(campaign, tom)
    page, move = f"/campaigns/{campaign.pk}/", f"/campaigns/{campaign.pk}/move/"
    browser.post(move, {"move": "pause", "reason": "Wrong day"})
    assert "Wrong day" in words(browser.get(page))
    run(campaign)
    assert Message.objects.count() == 0
    assert browser.get(f"{page}progress/?status=running")["HX-Refresh"] == "true"
    browser.post(move, {"move": "resume"})
    run(campaign)
    text = words(browser.get(page))
    assert "3 of 3 processed" in text
    assert "Failures 1" in text
    assert "Correct the numbers and send to them anew." in text
    assert len(rows_of(browser.get(f"{page}results/?show=failed"))) == 1
    failed = words(browser.get(f"{page}?show=failed")).split("Detail")[1]
    assert "Rosa201" in failed
    assert "Rosa200" not in failed
    again = browser.post(move, {"move": "retry"})
    copy = Campaign.objects.latest("pk")
    assert again["Location"] == f"/campaigns/{copy.pk}/message/"
    assert copy.retry_of == campaign
    assert f'href="/campaigns/{copy.pk}/"' in browser.get(page).content.decode()

    other = make_campaign(*people(210, 2))
    confirm(other, tom)
    browser.post(f"/campaigns/{other.pk}/move/", {"move": "stop"})
    text = words(browser.get(f"/campaigns/{other.pk}/"))
    assert "Never sent 2" in text
    refused = browser.post(f"/campaigns/{other.pk}/move/", {"move": "resume"}, follow=True)
    assert "The campaign is stopped now. Nothing was changed." in words(refused)


def test_what_is_not_ones_own_is_not_there(browser: Client, make_campaign: Make, streams: SandboxStreams) -> None:
    campaign = make_campaign(*people(200, 1))
    agent, elsewhere = factories.make_user(name="Priya Nair"), factories.make_user("supervisor", name="Sam Osei")
    factories.make_team(name="Agents", members=[agent], streams=list(streams.values()))
    for user, of_the_list in ((agent, 403), (elsewhere, 200)):
        client = Client()
        client.force_login(user)
        assert client.get("/campaigns/").status_code == of_the_list
        for part in ("", "list/", "list/rows/", "message/", "timing/", "check/", "progress/", "results/"):
            assert client.get(f"/campaigns/{campaign.pk}/{part}").status_code == 404, part
        assert client.post(f"/campaigns/{campaign.pk}/move/", {"move": "stop"}).status_code == 404
        assert ("/campaigns/" in client.get("/contacts/").content.decode()) == (of_the_list == 200)
        if of_the_list == 200:
            assert "Routers" not in words(client.get("/campaigns/"))
    assert "Routers" in words(browser.get("/campaigns/"))


@pytest.mark.parametrize("address", ["/campaigns/", "/campaigns/{}/", "/campaigns/{}/list/rows/"])
def test_queries_do_not_grow_with_the_people(
    browser: Client, make_campaign: Make, tom: User, address: str, product_sandbox: PlayedSandbox
) -> None:
    few, many = make_campaign(*people(200, 2)), make_campaign(*people(210, 30))
    for campaign in (few, many):
        confirm(campaign, tom)
        run(campaign)
    counts = []
    for campaign in (few, many):
        browser.get(address.format(campaign.pk))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(address.format(campaign.pk))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20


def test_a_scheduled_campaign_can_be_taken_back(browser: Client, make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(*people(200, 1))
    when = {"when": "later", "scheduled_for": "2027-05-03T09:00", "onward": "yes"}
    browser.post(f"/campaigns/{campaign.pk}/timing/", when)
    assert "on Monday 3 May 2027, 09:00" in words(browser.get(f"/campaigns/{campaign.pk}/check/"))
    control.confirm(Campaign.objects.get(), actor=tom, people=1)
    assert "begins Monday 3 May 2027" in words(browser.get(f"/campaigns/{campaign.pk}/"))
    browser.post(f"/campaigns/{campaign.pk}/move/", {"move": "unschedule"})
    campaign.refresh_from_db()
    assert campaign.status == "draft"


def test_a_test_goes_to_a_number_of_ones_own_and_counts_nowhere(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Al", f"{fiction(201)},Bartholomew")
    check = f"/campaigns/{campaign.pk}/check/"
    browser.post(check)
    assert "Send a test to me" in words(browser.get(check))
    refused = browser.post(check, {"trial": "yes", "to": "12"})
    assert (refused.status_code, Message.objects.count()) == (422, 0)
    assert browser.post(check, {"trial": "yes", "to": fiction(250)}).status_code == 302
    message = Message.objects.get()
    assert (message.body, message.recipient) == ("Hello Bartholomew, your router is on its way.", None)
    assert message.conversation.contact.phone == fiction(250)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.answered_count) == ("ready", 0)


def test_a_message_in_a_conversation_says_that_a_campaign_sent_it(
    browser: Client, make_campaign: Make, tom: User
) -> None:
    campaign = make_campaign(*people(200, 1))
    confirm(campaign, tom)
    run(campaign)
    address = f"/c/{Message.objects.get().conversation_id}/"
    link = f'<a href="/campaigns/{campaign.pk}/">Campaign</a>'
    assert link in browser.get(address).content.decode()
    agent = factories.make_user(name="Priya Nair")
    factories.make_team(name="Agents", members=[agent], streams=[campaign.stream])
    client = Client()
    client.force_login(agent)
    page = client.get(address)
    assert link not in page.content.decode()
    assert "Campaign ·" in words(page)


def test_a_fallback_does_not_outlive_the_column_that_it_was_for(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(*people(200, 1), values={"firstname": "everybody"}, fallbacks={})
    browser.post(f"/campaigns/{campaign.pk}/message/", {"body": "Hello ${firstname}", "field-firstname": ""})
    campaign.refresh_from_db()
    assert (campaign.values, campaign.fallbacks) == ({}, {})


def test_a_step_of_a_campaign_that_a_colleague_let_go_says_so(
    browser: Client, make_campaign: Make, tom: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign(*people(200, 1))
    found = campaign_message.open_campaign

    def seen_before(request: Any, pk: int) -> Campaign:
        shown = found(request, pk)
        confirm(Campaign.objects.get(pk=pk), tom)
        return shown

    monkeypatch.setattr(campaign_message, "open_campaign", seen_before)
    answer = browser.post(f"/campaigns/{campaign.pk}/message/", {"body": "Another text"}, follow=True)
    assert "This campaign has begun: it stays as it is." in words(answer)
    assert Campaign.objects.get().body.startswith("Hello")


def test_what_was_cancelled_is_not_offered_again(
    browser: Client, make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    product_sandbox.control("faults", phone=fiction(201), fault="not_valid", times=1)
    campaign = make_campaign(*people(200, 3), failure_limit=None)
    confirm(campaign, tom)
    run(campaign)
    cancelled, failed = (Message.objects.get(recipient__phone=fiction(number)) for number in (200, 201))
    lifecycle.move([cancelled], "cancelled", come_from=("accepted",), reason="Recalled at the provider")
    page = words(browser.get(f"/campaigns/{campaign.pk}/"))
    assert "Failed 2" in page or "2 Failed" in page
    assert "New campaign from this failure" in page
    answer = browser.post(f"/campaigns/{campaign.pk}/move/", {"move": "retry"})
    again = Campaign.objects.get(retry_of=campaign)
    assert answer["Location"] == f"/campaigns/{again.pk}/message/"
    assert list(again.recipients.values_list("phone", flat=True)) == [failed.recipient.phone]
    Message.objects.filter(pk=failed.pk).delete()
    assert "New campaign from" not in words(browser.get(f"/campaigns/{campaign.pk}/"))
