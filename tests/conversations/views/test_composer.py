"""Writing in a conversation: what is queued, what comes back with its text kept, and what cannot be written at all."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, Message, OptIn, Stream, TeamStream
from conversations.models.message import MessageStatus
from conversations.services import consent
from conversations.views.composer import composer_for
from conversations.views.timeline import read_timeline
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, Element, read


def form(body: str = "Hello Amira", **fields: str) -> dict[str, str]:
    """A filled composer."""
    return {"mode": "reply", "body": body, "client_key": str(uuid.uuid4()), **fields}


def composer_of(client: Client, conversation: Conversation) -> Element:
    """The composer as the page shows it."""
    return read(client.get(f"/c/{conversation.pk}/")).one(id="composer")


def test_a_reply_is_queued_in_the_agents_name(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/reply/", form("Line one\r\nLine two  "))
    assert response["Location"] == f"/c/{amira.pk}/#composer"
    message = Message.objects.get()
    assert (message.body, message.author, message.status) == ("Line one\nLine two  ", centre.priya, "held")


def test_htmx_gets_a_fresh_composer_and_the_word_to_refresh(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    first = form()
    response = agent.post(f"/c/{amira.pk}/reply/", first, headers=HX)
    fresh = read(response).one(id="composer")
    assert fresh.one(id="composer-body").text == ""
    assert fresh.one("input", name="client_key").attributes["value"] != first["client_key"]
    assert "parley:refresh" in response["HX-Trigger"]
    assert "parley:written" in response["HX-Trigger"]


def test_a_form_sent_twice_is_one_message(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    filled = form()
    assert agent.post(f"/c/{amira.pk}/reply/", filled).status_code == 302
    assert agent.post(f"/c/{amira.pk}/reply/", filled).status_code == 302
    assert Message.objects.count() == 1


def test_the_list_beside_stays_the_same_after_sending(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/reply/?view=all&status=waiting", form())
    assert response["Location"] == f"/c/{amira.pk}/?view=all&status=waiting#composer"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "Write something first."),
        (" \u200b\n", "Write something first."),
        ("x" * 1601, "The message has 1601 characters; Service texts takes 1600. Shorten it by 1."),
        ("half a pair \ufffe", "Character 13 of the message cannot be sent."),
    ],
)
@pytest.mark.parametrize("headers", [{}, HX])
def test_what_cannot_be_sent_comes_back_with_the_reason(
    centre: Centre, agent: Client, body: str, sentence: str, headers: dict[str, str]
) -> None:
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/reply/", form(body), headers=headers)
    assert response.status_code == 422
    composer = read(response).one(id="composer")
    assert "".join(composer.one(id="composer-body").pieces).strip() == body.strip()
    assert composer.one(id="composer-body").attributes["aria-invalid"] == "true"
    assert sentence in composer.one(id="composer-error").text
    assert not Message.objects.exists()


def test_a_key_that_was_used_for_other_words_is_refused(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    filled = form("First")
    agent.post(f"/c/{amira.pk}/reply/", filled)
    response = agent.post(f"/c/{amira.pk}/reply/", {**filled, "body": "Second"})
    assert response.status_code == 422
    assert "already sent with another text" in response.content.decode()
    assert Message.objects.count() == 1


def test_a_form_without_a_key_is_refused(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/reply/", {"mode": "reply", "body": "Hello"})
    assert response.status_code == 422
    assert not Message.objects.exists()


def test_a_remark_stays_with_the_team(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/reply/", form(remark="Call back", mode="remark"))
    assert not Message.objects.exists()
    assert amira.activities.get().text == "Call back"
    response = agent.post(f"/c/{amira.pk}/reply/", form(remark="And again", mode="remark"), headers=HX)
    assert "checked" in read(response).one(id="mode-remark").attributes


def test_fields_of_others_are_not_taken(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/reply/", form(status="delivered", author=str(centre.tom.pk), stream="999"))
    message = Message.objects.get()
    assert (message.status, message.author, message.stream) == ("held", centre.priya, centre.texts)


def test_a_message_for_later_waits(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    at = (timezone.localtime() + timedelta(days=2)).replace(second=0, microsecond=0)
    agent.post(f"/c/{amira.pk}/reply/", form(later="on", scheduled_for=f"{at:%Y-%m-%dT%H:%M}"))
    message = Message.objects.get()
    assert (message.status, message.scheduled_for) == (MessageStatus.SCHEDULED, at)
    assert "Sends" in read(agent.get(f"/c/{amira.pk}/")).one("article").text


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("2020-01-01T10:00", "Choose a time that lies ahead."),
        ("", "Choose a date and a time."),
        ("tomorrow", "Enter a date and a time"),
        ("2036-03-30T01:30", "01:30 does not exist on 30 March 2036: the clocks go forward."),
        ("9999-12-31T23:59", "Choose a time before"),
    ],
)
def test_a_time_that_cannot_be_is_said_at_the_field(centre: Centre, agent: Client, when: str, sentence: str) -> None:
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/reply/", form(later="on", scheduled_for=when), headers=HX)
    assert response.status_code == 422
    composer = read(response).one(id="composer")
    assert sentence in composer.one(id="id_scheduled_for_error").text
    assert composer.one(id="composer-body").text == "Hello Amira"
    assert "checked" in composer.one("input", name="later").attributes
    assert not Message.objects.exists()


def test_a_time_beyond_the_providers_limit_names_the_limit(centre: Centre, agent: Client) -> None:
    webex = factories.make_stream(factories.make_account("webex_interact"), "sms")
    factories.make_team(members=[centre.priya], streams=[webex])
    amira = centre.conversation(webex)
    far = datetime.now() + timedelta(days=8)
    response = agent.post(f"/c/{amira.pk}/reply/", form(later="on", scheduled_for=f"{far:%Y-%m-%dT%H:%M}"))
    assert "Webex Interact allows 7 days" in response.content.decode()


def test_a_time_that_was_typed_and_given_up_does_not_count(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/reply/", form(scheduled_for="2020-01-01T10:00"))
    assert Message.objects.get().status == MessageStatus.HELD


def gated(composer: Element) -> str:
    """The words in place of the send button, having seen that nothing can be sent."""
    assert not [one for one in composer.all("button", class_="composer-send") if "Send" in one.text]
    return composer.one(class_="gate").text


def test_an_opt_out_takes_the_send_button_away(centre: Centre, agent: Client, supervisor: Client) -> None:
    amira = centre.conversation()
    at = datetime(2026, 11, 19, 13, 31, tzinfo=UTC)
    consent.record(
        OptIn(
            contact=amira.contact,
            channel="sms",
            event="opt_out",
            source="keyword",
            wording="STOP",
            stream=centre.texts,
            occurred_at=at,
        )
    )
    composer = composer_of(agent, amira)
    words = gated(composer)
    assert "You can't text this number" in words
    assert f"{amira.contact.phone_display} replied STOP to Service texts on 19 November 2026, 13:31." in words
    assert "A supervisor can record a new permission" in words
    assert not composer.all("a", data_opens_details="record-permission")
    assert composer_of(supervisor, amira).one("a", data_opens_details="record-permission")
    response = agent.post(f"/c/{amira.pk}/reply/", form("Sneaky"), headers=HX)
    assert response.status_code == 422
    assert "opted out" in read(response).text
    assert not Message.objects.exists()


def test_whoever_may_only_read_may_still_remark(centre: Centre, agent: Client) -> None:
    TeamStream.objects.update(can_send=False)
    amira = centre.conversation()
    assert "You can read Service texts but not send from it" in gated(composer_of(agent, amira))
    agent.post(f"/c/{amira.pk}/reply/", form(remark="For the team", mode="remark"))
    assert amira.activities.get().text == "For the team"
    assert agent.post(f"/c/{amira.pk}/reply/", form()).status_code == 422


def test_a_stream_that_is_off_says_so(centre: Centre, agent: Client) -> None:
    Stream.objects.update(is_active=False)
    assert "Service texts is switched off" in gated(composer_of(agent, centre.conversation()))


@pytest.mark.parametrize(
    ("price", "currency", "body", "words"),
    [
        ("0.041", "GBP", "a" * 161, "about 8.2p"),
        ("0.04", "GBP", "Hello", "about 4p"),
        ("0.6", "GBP", "a" * 161, "about £1.20"),
        ("0.05", "SEK", "Hello", "about 0.05 SEK"),
        (None, "GBP", "Hello", ""),
    ],
)
def test_a_text_says_about_what_it_costs(
    centre: Centre, agent: Client, price: str | None, currency: str, body: str, words: str
) -> None:
    Stream.objects.filter(pk=centre.texts.pk).update(price=price, currency=currency)
    page = read(agent.post("/compose/measure/", {"stream": centre.texts.pk, "body": body}))
    assert [cost.text for cost in page.one(class_="meter").all(class_="at-end")] == ([words] if words else [])


def test_what_is_known_of_the_customer_can_be_put_into_the_text(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    contact = amira.contact
    contact.first_name, contact.last_name, contact.record = "Amira", "", "Account: FB-118204\nLine fault open\nPlan:"
    contact.save()
    values = composer_of(agent, amira).one(class_="values-menu")
    assert [one.attributes["data-inserts"] for one in values.all("button")] == ["Amira", "FB-118204", "Line fault open"]
    contact.first_name = contact.record = ""
    contact.save()
    assert composer_of(agent, amira).all(class_="values-menu") == []


def test_an_open_window_says_until_when(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care, window_open=True, external_id="obj-1")
    bar = composer_of(agent, amira).one(class_="window-bar")
    assert bar.text.startswith("Write freely until")
    assert bar.one("window-clock").attributes["until"] == amira.window_closes_at.isoformat(timespec="seconds")


def test_a_closed_window_leaves_templates_and_sms(centre: Centre, agent: Client) -> None:
    template = factories.make_template(centre.care)
    last = timezone.now() - timedelta(days=2, hours=1)
    amira = centre.conversation(centre.care, last_inbound_at=last, window_closes_at=last + timedelta(hours=24))
    factories.opt_in(amira.contact)
    composer = composer_of(agent, amira)
    assert "Only templates can be sent. Amira last wrote 2 days ago." in composer.text
    card = composer.one(class_="template-card")
    assert template.name in card.text
    links = {link.text: link.attributes["href"] for link in composer.all("a")}
    assert links["All templates"] == f"/c/{amira.pk}/template/"
    assert links["Review and send"] == f"/c/{amira.pk}/template/?template={template.pk}"
    button = composer.one("button", name="to_stream")
    assert (button.text, button.attributes["value"]) == ("Text by SMS instead", str(centre.texts.pk))
    assert button.attributes["formaction"] == f"/c/{amira.pk}/stream/"


def test_whatsapp_without_permission_leads_to_recording_it(centre: Centre, agent: Client) -> None:
    factories.make_template(centre.care)
    amira = centre.conversation(centre.care)
    assert "No WhatsApp permission for service messages is on record" in gated(composer_of(agent, amira))


def test_a_stream_without_templates_says_so(centre: Centre, agent: Client) -> None:
    factories.make_template(centre.care, status="paused")
    amira = centre.conversation(centre.care)
    factories.opt_in(amira.contact)
    assert "Fernhill Care has no approved template" in gated(composer_of(agent, amira))


def test_the_composers_state_changes_with_what_may_be_written(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    before = composer_of(agent, amira).attributes["data-state"]
    assert composer_of(agent, amira).attributes["data-state"] == before
    consent.record(OptIn(contact=amira.contact, channel="sms", event="opt_out", source="agent"))
    assert composer_of(agent, amira).attributes["data-state"] != before


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "Up to 160 characters in one segment"),
        ("a" * 160, "1 segment · GSM-7 160 characters, 0 left in segment 1"),
        ("a" * 161, "2 segments · GSM-7 161 characters, 145 left in segment 2"),
        ("€" * 80, "1 segment · GSM-7 80 characters, 0 left"),
        ("é ☂", "1 segment · Unicode 3 characters, 67 left"),
    ],
)
def test_the_meter_counts_as_networks_do(centre: Centre, agent: Client, body: str, words: str) -> None:
    response = agent.post("/compose/measure/", {"stream": centre.texts.pk, "body": body})
    assert words in read(response).one(class_="meter").text


def test_the_meter_offers_plain_characters_where_they_save(centre: Centre, agent: Client) -> None:
    body = "Hi Mark – you don’t need to do anything. " * 2
    page = read(agent.post("/compose/measure/", {"stream": centre.texts.pk, "body": body}))
    assert "4 characters ( – ’ ) force Unicode, so this takes 2 texts. In plain characters it takes 1." in page.text
    assert page.one("button").attributes["data-plain"] == body.replace("–", "-").replace("’", "'")
    for body in ("☂" * 200, "مرحباً " * 20, "It’s short"):
        page = read(agent.post("/compose/measure/", {"stream": centre.texts.pk, "body": body}))
        assert "Unicode" in page.text
        assert not page.all(class_="meter-advice")


def test_the_meter_says_what_is_too_much(centre: Centre, agent: Client) -> None:
    page = read(agent.post("/compose/measure/", {"stream": centre.texts.pk, "body": "a" * 1605}))
    assert "5 more than the 1600 this stream takes" in page.text


@pytest.mark.parametrize("stream", ["", "x", "999999", "9" * 40])
def test_the_meter_knows_visible_streams_only(agent: Client, stream: str) -> None:
    assert agent.post("/compose/measure/", {"stream": stream, "body": "a"}).status_code == 404


def test_a_foreign_conversation_takes_no_reply(centre: Centre, stranger: Client) -> None:
    amira = centre.conversation()
    assert stranger.post(f"/c/{amira.pk}/reply/", form()).status_code == 404
    assert not Message.objects.exists()


def test_a_form_from_elsewhere_is_refused(centre: Centre, agent: Client, settings: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(centre.priya)
    response = client.post(f"/c/{centre.conversation().pk}/reply/", form())
    assert response.status_code == 403
    assert "This form is out of date" in response.content.decode()


def test_what_comes_in_while_a_page_is_read_has_not_been_seen(centre: Centre) -> None:
    amira = centre.conversation(assignee=centre.priya)
    first = factories.make_message(amira, direction="in", body="Hello")
    timeline = read_timeline(amira, centre.priya)
    second = factories.make_message(amira, direction="in", body="Never mind")
    assert composer_for(amira, centre.priya, timeline=timeline).seen == first.pk
    assert composer_for(amira, centre.priya).seen == second.pk
