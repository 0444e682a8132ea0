"""Writing to somebody first: the number or the name, the stream, the text, and nothing stored when it is refused."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Contact, Conversation, Message, OptIn
from conversations.services import consent
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, read

NUMBER = "+447700900042"


@pytest.fixture(autouse=True)
def _sandbox(settings: object) -> None:
    """Numbers kept for films are accepted where the account is the sandbox's."""
    settings.SANDBOX_URL = "http://127.0.0.1:8100"  # type: ignore[attr-defined]


def form(centre: Centre, **fields: object) -> dict[str, object]:
    """A filled form."""
    return {
        "to": "07700 900042",
        "stream": centre.texts.pk,
        "body": "Hello",
        "client_key": str(uuid.uuid4()),
        **fields,
    }


def nothing_stored() -> bool:
    """Neither contact, conversation nor message."""
    return not (Contact.objects.exists() or Conversation.objects.exists() or Message.objects.exists())


@pytest.mark.parametrize("typed", ["07700 900042", "+44 7700 900042", "+44 (0)7700-900042"])
def test_a_text_to_a_new_number_opens_its_conversation(centre: Centre, agent: Client, typed: str) -> None:
    response = agent.post("/new/", form(centre, to=typed))
    message = Message.objects.get()
    assert response["Location"] == f"/c/{message.conversation_id}/"
    assert message.conversation.contact.phone == NUMBER
    assert message.conversation.assignee == centre.priya
    assert (message.body, message.author, message.status) == ("Hello", centre.priya, "held")


def test_htmx_is_led_to_the_conversation(centre: Centre, agent: Client) -> None:
    response = agent.post("/new/", form(centre), headers=HX)
    assert response.status_code == 204
    assert response["HX-Redirect"] == f"/c/{Conversation.objects.get().pk}/"


def test_pressed_twice_it_is_one_message_in_one_conversation(centre: Centre, agent: Client) -> None:
    filled = form(centre)
    agent.post("/new/", filled)
    agent.post("/new/", filled)
    assert (Message.objects.count(), Conversation.objects.count()) == (1, 1)


def test_a_known_person_is_found_by_name(centre: Centre, agent: Client) -> None:
    amira = factories.make_contact(NUMBER, first_name="Amira", last_name="Haddad")
    centre.conversation(centre.care, contact=amira)
    agent.post("/new/", form(centre, to="amira had"))
    assert Message.objects.get().conversation.contact == amira


def test_a_name_of_several_people_has_to_be_chosen(centre: Centre, agent: Client) -> None:
    for last_name in ("Haddad", "Khan"):
        centre.conversation(contact=factories.make_contact(first_name="Amira", last_name=last_name))
    page = read(agent.post("/new/", form(centre, to="Amira")))
    assert page.one(id="id_to_error").text == "Several people match Amira. Choose one of them."
    matches = page.one(class_="recipient-matches").all("a")
    assert sorted(link.all("bdi")[0].text for link in matches) == ["Amira Haddad", "Amira Khan"]
    assert not Message.objects.exists()


def test_strangers_names_are_not_given_away(centre: Centre, agent: Client) -> None:
    hidden = factories.make_contact(NUMBER, first_name="Zacharias")
    factories.make_conversation(contact=hidden)
    assert "Nobody called Zach" in read(agent.post("/new/", form(centre, to="Zach"))).text
    fragment = read(agent.get("/new/recipient/?to=%2B447700900042")).text
    assert "Zacharias" not in fragment
    assert "New contact" in fragment


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"to": ""}, "to", "Enter a phone number"),
        ({"to": "12"}, "to", "This is too short for a phone number."),
        ({"to": "+44 20 7946 0958 11 22 33 44"}, "to", "no phone number has more than 15"),
        ({"to": "+44 20 7123 1234"}, "to", "landline"),
        ({"to": "+447700900042, +447700900043"}, "to", "more than one number"),
        ({"to": "0900 123 456\x00"}, "to", ""),
        ({"body": ""}, "new-body", "Write a message first."),
        ({"body": "x" * 1601}, "new-body", "Shorten it by 1."),
        ({"later": "on", "scheduled_for": "2020-01-01T10:00"}, "scheduled_for", "Choose a time that lies ahead."),
        ({"stream": ""}, "stream", "Choose the stream to write from."),
        ({"stream": "999999"}, "stream", "You cannot send on that stream."),
    ],
)
@pytest.mark.parametrize("headers", [{}, HX])
def test_what_cannot_be_sent_is_said_at_its_field(
    centre: Centre, agent: Client, fields: dict[str, str], field: str, sentence: str, headers: dict[str, str]
) -> None:
    filled = form(centre, **fields)
    response = agent.post("/new/", filled, headers=headers)
    assert response.status_code == 422
    page = read(response)
    error = page.one(id=f"{field}-error" if field == "new-body" else f"id_{field}_error")
    assert sentence in error.text
    if "body" not in fields:
        assert page.one("textarea").text == "Hello"
    assert nothing_stored()


def test_an_opt_out_is_said_at_the_person(centre: Centre, agent: Client) -> None:
    amira = factories.make_contact(NUMBER, first_name="Amira")
    consent.record(OptIn(contact=amira, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    page = read(agent.post("/new/", form(centre)))
    assert "opted out of SMS" in page.one(id="id_to_error").text
    assert not Conversation.objects.exists()


def test_a_stream_of_others_cannot_be_used(centre: Centre, stranger: Client) -> None:
    assert stranger.post("/new/", form(centre)).status_code == 422
    assert nothing_stored()


def test_a_text_for_later_is_scheduled(centre: Centre, agent: Client) -> None:
    at = timezone.localtime() + timedelta(days=1)
    agent.post("/new/", form(centre, later="on", scheduled_for=f"{at:%Y-%m-%dT%H:%M}"))
    assert Message.objects.get().status == "scheduled"


def test_the_form_is_filled_in_by_its_address(centre: Centre, agent: Client) -> None:
    page = read(agent.get(f"/new/?to=%2B44+7700+900042&stream={centre.care.pk}"))
    assert page.one("input", id="id_to").attributes["value"] == "+44 7700 900042"


def test_the_best_stream_comes_first_with_reasons(centre: Centre, agent: Client) -> None:
    amira = factories.make_contact(NUMBER, first_name="Amira")
    centre.conversation(contact=amira, assignee=centre.tom)
    page = read(agent.get("/new/recipient/?to=07700900042"))
    choices = [choice.text for choice in page.all("label", class_="stream-choice")]
    assert "Service texts" in choices[0]
    assert "They talk to us here" in choices[0]
    assert "No WhatsApp permission for service messages is on record for Amira" in choices[1]
    assert "disabled" in page.one("input", value=str(centre.care.pk), type="radio").attributes
    assert "Amira already has a conversation on Service texts, with Tom Reyes. Go there" in page.text


def test_the_number_is_read_while_it_is_typed(centre: Centre, agent: Client) -> None:
    assert "+44 7700 900042 mobile" in read(agent.get("/new/recipient/?to=07700900042")).text
    assert "too short" in read(agent.get("/new/recipient/?to=0770090004")).text
    assert read(agent.get("/new/recipient/?to=")).all("label", class_="stream-choice")
    assert agent.get("/new/recipient/?to=%00%00" + "9" * 5000).status_code == 200


def test_whatsapp_leads_to_the_templates(centre: Centre, agent: Client) -> None:
    response = agent.post("/new/", form(centre, stream=centre.care.pk))
    assert response["Location"] == f"/new/template/?to=07700+900042&stream={centre.care.pk}"
    assert nothing_stored()


def test_without_permission_the_conversation_is_opened_to_record_it(centre: Centre, agent: Client) -> None:
    page = read(agent.get("/new/?to=07700900042"))
    button = page.one("button", formaction="/new/start/")
    response = agent.post("/new/start/", {"to": "07700900042", "stream": button.attributes["value"]})
    conversation = Conversation.objects.get()
    assert response["Location"] == f"/c/{conversation.pk}/#record-permission"
    assert (conversation.stream, conversation.assignee) == (centre.care, centre.priya)


@pytest.mark.parametrize(("to", "stream"), [("12", ""), ("07700900042", "999"), ("", "")])
def test_a_conversation_is_not_opened_for_nobody(centre: Centre, agent: Client, to: str, stream: str) -> None:
    response = agent.post("/new/start/", {"to": to, "stream": stream or centre.care.pk})
    assert response["Location"].startswith("/new/?to=")
    assert nothing_stored()


def test_whoever_may_send_nowhere_is_told_so(centre: Centre, stranger: Client) -> None:
    assert "You can't send on any stream." in read(stranger.get("/new/")).text
