"""The message of a campaign: columns for its fields, saved texts, the preview, lengths, costs and checks."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from conversations.models import Campaign, CannedReply, OptIn
from conversations.services import consent
from conversations.views.campaign_lengths import money_words
from tests import factories
from tests.conversations.campaigns.conftest import fiction, people, words
from tests.factories import SandboxStreams

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]


def test_a_column_is_chosen_for_each_field(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(
        f"{fiction(200)},Rosa,Epsom", f"{fiction(201)},Olu,", header="phone,Rufname,Town", body="", fallbacks={}
    )
    address = f"/campaigns/{campaign.pk}/message/"
    body = "Hello ${firstname} in ${area}"
    refused = browser.post(address, {"body": body, "onward": "yes"})
    assert refused["Location"] == address
    page = browser.get(address).content.decode()
    assert '<option value="rufname">Rufname</option>' in page
    typed = {"body": body, "column-firstname": "rufname", "column-area": "town", "field-area": "your street"}
    assert browser.post(address, typed | {"onward": "yes"})["Location"] == f"/campaigns/{campaign.pk}/timing/"
    campaign.refresh_from_db()
    assert campaign.field_columns == {"firstname": "rufname", "area": "town"}
    assert (campaign.fallbacks, campaign.values) == ({"area": "your street"}, {})
    assert "Hello Rosa in Epsom" in words(browser.get(address))
    assert "Hello Olu in your street" in words(browser.get(f"{address}?person=fallback"))
    assert '<option value="town" selected>Town</option>' in browser.get(address).content.decode()

    assert browser.post(address, typed | {"column-area": "pager"}).status_code == 422
    browser.post(address, typed | {"column-area": "", "field-area": "Surrey"})
    campaign.refresh_from_db()
    assert (campaign.field_columns, campaign.values) == ({"firstname": "rufname"}, {"area": "Surrey"})
    assert "Hello Olu in Surrey" in words(browser.get(f"{address}?person=3"))


def test_a_field_fed_by_its_own_column_can_be_taken_off_it(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa", fallbacks={})
    address = f"/campaigns/{campaign.pk}/message/"
    browser.post(address, {"body": "Hello ${firstname}", "column-firstname": "", "field-firstname": "customer"})
    campaign.refresh_from_db()
    assert (campaign.field_columns, campaign.values) == ({"firstname": ""}, {"firstname": "customer"})
    assert "Hello customer" in words(browser.get(address))
    browser.post(address, {"body": "Hello ${firstname}", "column-firstname": "firstname"})
    campaign.refresh_from_db()
    assert (campaign.field_columns, campaign.values) == ({}, {})


def test_a_saved_text_is_a_beginning_that_is_stored_only_when_somebody_saves(
    browser: Client, make_campaign: Make, streams: SandboxStreams
) -> None:
    campaign = make_campaign(*people(200, 1))
    stream = campaign.stream
    stream.business_name = "Fernhill Broadband"
    stream.save()
    body = "Hello ${first_name}, ${agent_first_name} of ${business_name} here about ${order}. $5 off."
    reply = CannedReply.objects.create(shortcut="order", title="About an order", body=body)
    hidden = CannedReply.objects.create(
        shortcut="billing", title="Billing", body="Hidden", team=factories.make_team(name="Billing")
    )
    address = f"/campaigns/{campaign.pk}/message/"
    page = words(browser.get(address))
    assert "About an order" in page
    assert "Billing" not in page
    started = browser.get(f"{address}?start={reply.pk}").content.decode()
    assert "Hello ${firstname}, Tom of Fernhill Broadband here about ${order}. $5 off." in started
    assert "About an order stands in the message now." in started
    assert "Column for order" in started
    assert "Hidden" not in browser.get(f"{address}?start={hidden.pk}").content.decode()
    assert Campaign.objects.get().body.startswith("Hello ${firstname}, your router")


def test_anybody_is_found_for_the_preview_while_the_text_is_written(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Al", f"{fiction(201)},Bartholomew", f"{fiction(202)},")
    address = f"/campaigns/{campaign.pk}/message/"
    assert "person 2 of 3" in words(browser.get(f"{address}?find=barth"))
    assert "Hello there," in words(browser.get(f"{address}?find=07700900202"))
    missed = words(browser.get(f"{address}?find=Nobody"))
    assert "person 1 of 3" in missed
    assert "Nobody on the list fits “Nobody”." in missed
    typed = {"body": "Dear ${firstname}", "field-firstname": "you", "person": "2"}
    page = browser.post(f"{address}preview/?person=3", typed)
    assert 'Dear <var class="variable variable-filled">Bartholomew</var>' in page.content.decode()
    assert 'name="person" form="campaign-form" value="3"' in page.content.decode()
    assert "Dear you" in words(browser.post(f"{address}preview/", typed | {"find": fiction(202)}))
    values = {"body": "Dear ${name}", "field-name": "<b>all</b>"}
    page = browser.post(f"{address}preview/", values)
    assert "&lt;b&gt;all&lt;/b&gt;</var>" in page.content.decode()


def test_lengths_and_costs_are_those_of_the_filled_texts(
    browser: Client, make_campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign(
        f"{fiction(200)},Al", f"{fiction(201)},{'x' * 30}", f"{fiction(202)},", body="${firstname}" + "a" * 140,
        fallbacks={}, purpose="marketing",
    )  # fmt: skip
    campaign.stream.price = Decimal("0.041")
    campaign.stream.save()
    address = f"/campaigns/{campaign.pk}/message/"
    page = words(browser.get(address))
    assert "Length and cost Plain characters (GSM-7) 3 texts , about £0.12" in page
    assert "1 person gets 1 text 1 person gets 2 texts" in page
    assert "1 person is left out: a value is missing" in page
    assert "It does not say how to opt out" in page
    live = words(browser.post(f"{address}preview/", {"body": "${firstname} Reply STOP", "field-firstname": "Zoë’s"}))
    assert "1 in Unicode 3 texts , about £0.12" in live
    monkeypatch.setattr("conversations.views.campaign_message.LIVE", 2)
    assert "Length" not in words(browser.post(f"{address}preview/", {"body": "${firstname} Reply STOP"}))
    monkeypatch.setattr("conversations.services.campaigns.lengths.lengths_of.__kwdefaults__", {"most": 2})
    assert "Of the first 2 of 3 people." in words(browser.get(address))
    browser.post(f"/campaigns/{campaign.pk}/check/")
    assert "2 people will get 3 texts from" in words(browser.get(f"/campaigns/{campaign.pk}/check/"))
    assert "now. About £0.12." in words(browser.get(f"/campaigns/{campaign.pk}/check/"))


def test_what_is_fine_and_what_is_worth_a_look(browser: Client, make_campaign: Make) -> None:
    out = factories.make_contact(fiction(201))
    consent.record(OptIn(contact=out, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    campaign = make_campaign(f"{fiction(200)},Al", f"{fiction(201)},Ida", body="Hello ${name}, it’s time. Reply STOP")
    stream = campaign.stream
    stream.sender, stream.inbound_number = "FERNHILL", ""
    stream.save()
    page = words(browser.get(f"/campaigns/{campaign.pk}/message/"))
    for sentence in (
        "Nothing fills name",
        "1 person is left out: opted out",
        "FERNHILL is a name: nobody can reply to it",
    ):
        assert sentence in page
    campaign.body = "It’s time, ${firstname}"
    campaign.save()
    page = words(browser.get(f"/campaigns/{campaign.pk}/message/"))
    assert "Every field has a column or a value" in page
    assert "1 person is sent Unicode, which takes more texts: ’" in page


def test_amounts_have_their_sign_or_their_letters() -> None:
    assert money_words(Decimal("1182.614"), "GBP") == "£1,182.61"
    assert money_words(Decimal("0.5"), "EUR") == "€0.50"
    assert money_words(Decimal(3), "CHF") == "3.00 CHF"


def test_the_preview_of_a_template_takes_the_fallback_that_is_being_typed(
    browser: Client, streams: SandboxStreams, make_campaign: Make
) -> None:
    template = factories.make_template(streams["whatsapp"], language="en_GB", components=factories.VISIT)
    factories.opt_in(factories.make_contact(fiction(300)))
    campaign = make_campaign(
        f"{fiction(300)},", stream="whatsapp", kind="template", body="", purpose="service", fallbacks={}
    )
    address = f"/campaigns/{campaign.pk}/message/"
    browser.post(address, {"template": template.pk, "choose": "yes"})
    page = browser.get(address)
    names = [name for name in page.context["form"].fields if name.startswith("body-")]
    typed = {"template": template.pk, **dict(zip(names, ["${firstname}", "Thursday", "9", "13"], strict=True))}
    browser.post(address, typed)
    assert "There is no value for firstname." in words(browser.post(f"{address}preview/", typed))
    shown = words(browser.post(f"{address}preview/", typed | {"field-firstname": "customer"}))
    assert "Hello customer, your Fernhill engineer is booked for Thursday" in shown
    browser.post(address, typed | {"field-firstname": "customer"})
    campaign.refresh_from_db()
    assert (campaign.fallbacks, campaign.values) == ({"firstname": "customer"}, {})
