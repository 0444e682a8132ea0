"""What people do to a conversation from its page, with and without a script."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import ConsentState, OptIn
from conversations.models.message import MessageStatus
from conversations.services import consent, conversations
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, read


def opt_in_form(**fields: str) -> dict[str, str]:
    """A filled consent form."""
    return {
        "event": "opt_in",
        "channel": "whatsapp",
        "purpose": "service",
        "wording": "Fernhill may write to me about my service.",
        "business_name": "Fernhill",
        "is_active": "on",
        "names_business": "on",
        "names_messages": "on",
        "source": "form",
        "evidence": "https://fernhill.example/forms/1",
        **fields,
    }


@pytest.mark.parametrize("headers", [{}, HX])
def test_an_opt_in_is_recorded_with_its_proof(centre: Centre, agent: Client, headers: dict[str, str]) -> None:
    amira = centre.conversation(centre.care)
    response = agent.post(f"/c/{amira.pk}/consent/", opt_in_form(), headers=headers)
    assert response.status_code == (200 if headers else 302)
    entry = OptIn.objects.get()
    assert (entry.channel, entry.purpose, entry.source) == ("whatsapp", "service", "form")
    assert entry.evidence == "https://fernhill.example/forms/1"
    assert entry.recorded_by == centre.priya
    panel = read(agent.get(f"/c/{amira.pk}/")).one(id="panel")
    assert "WhatsApp : service messages only" in panel.text
    assert f"{timezone.localtime():%-d %b %Y}, form, by Priya Nair" in panel.text


@pytest.mark.parametrize("headers", [{}, HX])
def test_an_opt_in_without_its_words_is_said_at_the_field(
    centre: Centre, agent: Client, headers: dict[str, str]
) -> None:
    amira = centre.conversation(centre.care)
    response = agent.post(f"/c/{amira.pk}/consent/", opt_in_form(wording=" "), headers=headers)
    assert response.status_code == 422
    details = read(response).one("details", id="record-permission")
    assert "open" in details.attributes
    assert details.one(id="id_wording_error").text == "Enter the words the customer agreed to."
    assert details.one("input", name="evidence").attributes["value"] == "https://fernhill.example/forms/1"
    assert not OptIn.objects.exists()


@pytest.mark.parametrize("missing", ["is_active", "names_business", "names_messages"])
def test_an_opt_in_for_whatsapp_passes_the_checklist(centre: Centre, agent: Client, missing: str) -> None:
    amira = centre.conversation(centre.care)
    address, form = f"/c/{amira.pk}/consent/", opt_in_form()
    del form[missing]
    assert "WhatsApp asks for this" in read(agent.post(address, form)).one(id=f"id_{missing}_error").text
    assert not OptIn.objects.exists()
    assert agent.post(address, form | {"channel": "sms"}).status_code == 302


def test_words_that_name_nobody_are_no_opt_in_for_whatsapp(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care)
    response = agent.post(f"/c/{amira.pk}/consent/", opt_in_form(wording="Write to me."))
    assert "do not name Fernhill" in read(response).one(id="id_wording_error").text
    assert not OptIn.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"channel": "pigeon"},
        {"event": "erased"},
        {"source": "keyword"},
        {"purpose": "x"},
        {"occurred_at": "2090-01-01T10:00"},
    ],
)
def test_a_decision_that_cannot_be_is_refused(centre: Centre, agent: Client, fields: dict[str, str]) -> None:
    amira = centre.conversation()
    assert agent.post(f"/c/{amira.pk}/consent/", opt_in_form(**fields)).status_code == 422
    assert not OptIn.objects.exists()


def test_an_agent_records_that_a_customer_wants_no_more(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/consent/", opt_in_form(event="opt_out", channel="sms", purpose="", wording=""))
    assert ConsentState.objects.get(channel="sms").service == "opted_out"
    assert "SMS : opted out" in read(agent.get(f"/c/{amira.pk}/")).one(id="panel").text


def test_an_opt_out_is_lifted_by_a_supervisor_with_a_proof_alone(
    centre: Centre, agent: Client, supervisor: Client
) -> None:
    amira = centre.conversation()
    consent.record(OptIn(contact=amira.contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    form = opt_in_form(channel="sms")
    address = f"/c/{amira.pk}/consent/"
    assert "Ask a supervisor" in agent.post(address, form).content.decode()
    response = supervisor.post(address, {**form, "evidence": ""})
    assert "Say where the new permission is proved" in read(response).one(id="id_evidence_error").text
    assert ConsentState.objects.get().service == "opted_out"
    supervisor.post(address, form)
    assert ConsentState.objects.get().service == "opted_in"


def test_an_indicator_is_set_and_taken_off(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    form = {"title": "Line fault open", "display_class": "warning", "link": "fernhill.example/f/1"}
    response = agent.post(f"/c/{amira.pk}/indicators/", form, headers=HX)
    chip = read(response).one(class_="indicator")
    assert "chip-warning" in chip.attributes["class"]
    assert chip.one("a").attributes["href"] == "https://fernhill.example/f/1"
    indicator = amira.indicators.get()
    assert (indicator.key, indicator.created_by) == ("line-fault-open", centre.priya)
    agent.post(f"/c/{amira.pk}/indicators/", {**form, "display_class": "danger"})
    assert amira.indicators.count() == 1
    agent.post(f"/indicators/{indicator.pk}/remove/")
    assert not read(agent.get(f"/c/{amira.pk}/")).all(class_="indicator")


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"title": ""}, "Enter a few words"),
        ({"title": "x", "link": "javascript:alert(1)"}, "Enter a"),
        ({"title": "x", "link": "ftp://x.example/"}, "Enter an address that begins with https://."),
    ],
)
def test_an_indicator_that_cannot_be_is_refused(
    centre: Centre, agent: Client, form: dict[str, str], sentence: str
) -> None:
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/indicators/", form)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not amira.indicators.exists()


def test_earlier_conversations_are_those_this_user_sees(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    known = centre.conversation(centre.care, contact=amira.contact, last_message_preview="Router swap")
    hidden = factories.make_conversation(contact=amira.contact, last_message_preview="Secret")
    panel = read(agent.get(f"/c/{amira.pk}/")).one(id="panel")
    links = [link.attributes["href"] for link in panel.all("a", class_="earlier")]
    assert links == [f"/c/{known.pk}/"]
    assert f"/c/{hidden.pk}/" not in links


@pytest.mark.parametrize("action", ["consent", "indicators"])
def test_a_foreign_conversation_cannot_be_touched(centre: Centre, stranger: Client, action: str) -> None:
    amira = centre.conversation()
    assert stranger.post(f"/c/{amira.pk}/{action}/", opt_in_form(title="x")).status_code == 404
    amira.refresh_from_db()
    assert (amira.status, amira.assignee) == ("open", None)
    assert not OptIn.objects.exists()


def test_foreign_messages_and_indicators_cannot_be_touched(centre: Centre, stranger: Client) -> None:
    amira = centre.conversation()
    message = factories.make_message(amira, status=MessageStatus.QUEUED)
    indicator = conversations.set_indicator(amira, key="k", title="Flag", actor=None)
    for address in (f"/m/{message.pk}/cancel/", f"/m/{message.pk}/send-again/", f"/indicators/{indicator.pk}/remove/"):
        assert stranger.post(address).status_code == 404
    message.refresh_from_db()
    assert message.status == MessageStatus.QUEUED
    assert amira.indicators.filter(removed_at=None).exists()


@pytest.mark.parametrize("action", ["consent", "indicators", "reply"])
def test_looking_changes_nothing(centre: Centre, agent: Client, action: str) -> None:
    assert agent.get(f"/c/{centre.conversation().pk}/{action}/").status_code == 405
