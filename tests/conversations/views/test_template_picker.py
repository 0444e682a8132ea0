"""Filling in a WhatsApp template and sending it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from conversations.models import Contact, Conversation, Message, OptIn, User, WhatsAppTemplate
from conversations.services import consent
from conversations.views.wording import clock
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, Element, read

RICH = [
    {"type": "HEADER", "format": "DOCUMENT"},
    {"type": "BODY", "text": "Hello {{first_name}}, return it by {{day}}."},
    {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track", "url": "https://fernhill.example/r/{{1}}"}]},
]


@pytest.fixture(autouse=True)
def _sandbox(settings: object) -> None:
    """Numbers kept for films are accepted where the account is the sandbox's."""
    settings.SANDBOX_URL = "http://127.0.0.1:8100"  # type: ignore[attr-defined]


def form(template: WhatsAppTemplate, **fields: object) -> dict[str, object]:
    """A filled template."""
    names = {name.replace("_", "-", 1): value for name, value in fields.items() if name.startswith(("body", "buttons"))}
    others = {name: value for name, value in fields.items() if not name.startswith(("body", "buttons"))}
    return {"template": template.pk, "client_key": str(uuid.uuid4()), **names, **others}


def phone(page: Element) -> str:
    """What the phone shows."""
    return page.one(id="phone").text


def test_the_head_says_whether_and_since_when_the_customer_allowed_it(
    centre: Centre, agent: Client, amira: Conversation
) -> None:
    template = factories.make_template(centre.care)
    offer = factories.make_template(centre.care, name="offer", category="marketing")

    def chip(template: WhatsAppTemplate) -> str:
        page = read(agent.get(f"/c/{amira.pk}/template/?template={template.pk}"))
        return page.one(class_="picker-chips").text.removeprefix("Fernhill Care").strip()

    today = date_format(timezone.localdate(), "j M Y")
    assert chip(template) == f"Opted in {today}"
    for purpose in ("marketing", ""):
        consent.record(
            OptIn(
                contact=amira.contact,
                channel="whatsapp",
                event="opt_out",
                source="keyword",
                purpose=purpose,
                wording="STOP",
            )
        )
        assert chip(offer) == f"Opted out {today}"
        assert chip(template) == (f"Opted in {today}" if purpose else f"Opted out {today}")
    amira.contact = factories.make_contact("+447700900043")
    amira.save()
    assert chip(template) == "No opt-in for service messages"
    assert chip(offer) == "No opt-in for marketing messages"


def test_the_foot_says_what_the_template_does_to_the_window(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care)
    address = f"/c/{amira.pk}/template/?template={template.pk}"
    words = "Opens a new 24-hour window only if Amira replies"
    assert read(agent.get(address)).one(class_="picker-window").text == words
    closes = timezone.now() + timedelta(hours=30)
    Conversation.objects.update(window_closes_at=closes)
    words = f"Amira can be written to freely until {clock(closes)}"
    assert read(agent.get(address)).one(class_="picker-window").text == words


def test_what_was_mended_is_no_longer_counted(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care)
    page = read(agent.post(f"/c/{amira.pk}/template/", form(template, body_1="", body_2=" ")))
    assert page.one(id="to-fix").text == "2 values to fix before sending"
    tried = page.one("form", id="template-form").one("input", name="tried").attributes["value"]
    given = {"template": template.pk, "body-1": "Amira", "body-2": "", "client_key": str(uuid.uuid4())}
    assert not read(agent.post("/compose/preview/", given)).all(id="to-fix")  # nobody was told off yet
    left = read(agent.post("/compose/preview/", given | {"tried": tried})).one(id="to-fix")
    assert (left.text, left.attributes["data-wrong"]) == ("1 value to fix before sending", "body-2")
    left = read(agent.post("/compose/preview/", given | {"tried": tried, "body-2": "Friday"})).one(id="to-fix")
    assert (left.text, left.attributes["data-wrong"]) == ("", "")


def test_the_phone_shows_a_wrong_value_as_missing(centre: Centre, agent: Client, amira: Conversation) -> None:
    body = {"type": "BODY", "text": "We add {{1}} to it.", "example": {"body_text": [["£40.00"]]}}
    template = factories.make_template(centre.care, components=[body])
    page = read(agent.post(f"/c/{amira.pk}/template/", form(template, body_1="40,00")))
    assert page.one(id="id_body-1_error").text == "Use a point for pence: 40.00."
    assert page.one(class_="variable-missing").text == "{{1}}"
    assert page.one("input", name="body-1").attributes["value"] == "40,00"
    given = {"template": template.pk, "body-1": "40,00"}
    assert read(agent.post("/compose/preview/", given)).one(class_="variable-filled").text == "40,00"
    tried = read(agent.post("/compose/preview/", given | {"tried": "1"}))
    assert tried.one(class_="variable-missing").text == "{{1}}"


def test_a_date_can_be_chosen_in_the_shape_of_its_sample(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care)
    page = read(agent.get(f"/c/{amira.pk}/template/?template={template.pk}"))
    calendar = page.one("input", class_="picker-calendar")
    assert calendar.attributes["data-shape"] == "weekday day month"
    assert "name" not in calendar.attributes  # what is sent stands in the field itself


def test_the_phone_can_be_seen_light_and_dark(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care)
    page = read(agent.get(f"/c/{amira.pk}/template/?template={template.pk}"))
    looks = page.all("input", name="look")
    assert [(one.attributes["value"], one.attributes["form"]) for one in looks] == [("light", ""), ("dark", "")]
    assert [link.attributes["href"].partition("?")[0].rpartition("/")[2] for link in page.all("link")][-3:] == [
        "phone.css",
        "picker.css",
        "picker-fields.css",
    ]


def test_a_template_has_a_field_for_each_variable(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care)
    page = read(agent.get(f"/c/{amira.pk}/template/?template={template.pk}"))
    fields = page.one("form", id="template-form").all("div", class_="field")
    assert [field.one("label").text for field in fields][:2] == ["{{1}} First name text", "{{2}} date"]
    assert "For example Thursday 19 November." in fields[1].text
    assert "Hello Amira , your engineer is booked for {{2}}" in phone(page)
    assert "Fernhill Broadband" in phone(page)


def test_what_we_know_of_the_contact_is_filled_in(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care, components=RICH)
    page = read(agent.get(f"/c/{amira.pk}/template/?template={template.pk}"))
    assert page.one("input", name="body-first_name").attributes["value"] == "Amira"
    assert "Filled in from the contact." in page.text
    assert page.one("label", for_="id_buttons-0").text == "Link ending added to fernhill.example/r/"
    assert [legend.text for legend in page.all("legend")][:3] == ["Header", "Message", "Button: Track"]


def test_a_filled_template_is_queued(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care)
    filled = form(template, body_1="Amira", body_2="Friday")
    response = agent.post(f"/c/{amira.pk}/template/", filled)
    assert response["Location"] == f"/c/{amira.pk}/"
    message = Message.objects.get()
    assert message.body == "Hello Amira, your engineer is booked for Friday. Reply here to change it."
    assert message.template_values == {"body": ["Amira", "Friday"]}
    assert (message.kind, message.author, message.status) == ("template", centre.priya, "held")
    agent.post(f"/c/{amira.pk}/template/", filled)
    assert Message.objects.count() == 1


def test_named_values_a_file_and_a_link_travel_by_their_names(
    centre: Centre, agent: Client, amira: Conversation
) -> None:
    template = factories.make_template(centre.care, components=RICH)
    filled = form(
        template,
        body_first_name="Amira",
        body_day="Friday",
        buttons_0="118-7726",
        media_link="https://fernhill.example/label.pdf",
        media_filename="Label.pdf",
    )
    agent.post(f"/c/{amira.pk}/template/", filled)
    message = Message.objects.get()
    assert message.template_values == {
        "body": {"first_name": "Amira", "day": "Friday"},
        "buttons": {"0": "118-7726"},
    }
    assert message.media == [
        {"kind": "document", "link": "https://fernhill.example/label.pdf", "filename": "Label.pdf"}
    ]
    assert message.rendered["buttons"][0]["target"] == "https://fernhill.example/r/118-7726"


@pytest.mark.parametrize("headers", [{}, HX])
def test_a_template_that_was_taken_back_is_filled_in_again(
    centre: Centre, agent: Client, supervisor: Client, amira: Conversation, headers: dict[str, str]
) -> None:
    template = factories.make_template(centre.care, components=RICH)
    filled = {"body_first_name": "Amira", "body_day": "Friday", "buttons_0": "118-7726"}
    file = {"media_link": "https://fernhill.example/label.pdf", "media_filename": "Label.pdf"}
    agent.post(f"/c/{amira.pk}/template/", form(template, **filled, **file))
    message = Message.objects.get()
    page = read(agent.get(f"/c/{amira.pk}/"))
    assert page.one("undo-bar").one("button").attributes["formaction"] == f"/m/{message.pk}/undo/"

    response = agent.post(f"/m/{message.pk}/undo/", headers=headers)
    message.refresh_from_db()
    assert message.status == "cancelled"
    address = response["HX-Redirect"] if headers else response["Location"]
    again = read(agent.get(address)).one("form", id="template-form")
    typed = {one.attributes["name"]: one.attributes.get("value", "") for one in again.all("input")}
    expected = {"body-first_name": "Amira", "body-day": "Friday", "buttons-0": "118-7726", **file, "media_id": ""}
    assert typed | expected == typed
    assert typed["client_key"] != message.client_key
    # Another customer's form takes nothing from it.
    elsewhere = centre.conversation(centre.care, contact=factories.make_contact(first_name="Olu"))
    other = agent.get(f"/c/{elsewhere.pk}/template/?template={template.pk}&again={message.pk}")
    assert "118-7726" not in read(other).one("form", id="template-form").text
    assert not [one for one in read(other).all("input") if one.attributes.get("value") == "118-7726"]


def test_numbered_values_come_back_in_their_places(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care)
    agent.post(f"/c/{amira.pk}/template/", form(template, body_1="Amira", body_2="Friday"))
    page = read(agent.get(f"/c/{amira.pk}/template/?template={template.pk}&again={Message.objects.get().pk}"))
    assert [page.one("input", name=f"body-{number}").attributes["value"] for number in (1, 2)] == ["Amira", "Friday"]


def test_whoever_wants_no_time_to_undo_sends_at_once(centre: Centre, agent: Client, amira: Conversation) -> None:
    User.objects.filter(pk=centre.priya.pk).update(undo_seconds=0)
    template = factories.make_template(centre.care)
    agent.post(f"/c/{amira.pk}/template/", form(template, body_1="Amira", body_2="Friday"))
    assert Message.objects.get().status == "queued"


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"body_1": ""}, "body-1", "Fill in {{1}}, the first name."),
        ({"body_1": "two\nlines"}, "body-1", "line break"),
        ({"body_1": "five     spaces"}, "body-1", "more than four spaces"),
        ({"later": "on", "scheduled_for": "2020-01-01T10:00"}, "scheduled_for", "lies ahead"),
    ],
)
def test_a_value_that_cannot_be_is_said_at_its_field(
    centre: Centre, agent: Client, amira: Conversation, fields: dict[str, str], field: str, sentence: str
) -> None:
    template = factories.make_template(centre.care)
    response = agent.post(
        f"/c/{amira.pk}/template/", form(template, **{"body_1": "Amira", "body_2": "Friday", **fields})
    )
    assert response.status_code == 422
    page = read(response)
    assert sentence in page.one(id=f"id_{field}_error").text
    assert page.one("input", name="body-2").attributes["value"] == "Friday"
    assert "to fix before sending" in page.text
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "given",
    [{}, {"media_link": "https://x.example/a.pdf", "media_id": "77"}, {"media_link": "http://x.example/a.pdf"}],
)
def test_the_file_of_a_header_is_one_of_two(
    centre: Centre, agent: Client, amira: Conversation, given: dict[str, str]
) -> None:
    template = factories.make_template(centre.care, components=RICH)
    values = {"body_first_name": "Amira", "body_day": "Friday", "buttons_0": "1"}
    response = agent.post(f"/c/{amira.pk}/template/", form(template, **values, **given))
    assert response.status_code == 422
    wrong = "media_link" if str(given.get("media_link", "")).startswith("http:") else "media_file"
    assert read(response).one(id=f"id_{wrong}_error")
    assert not Message.objects.exists()


def test_without_permission_the_reason_stands_in_place_of_the_button(centre: Centre, agent: Client) -> None:
    template = factories.make_template(centre.care)
    conversation = centre.conversation(centre.care)
    page = read(agent.get(f"/c/{conversation.pk}/template/?template={template.pk}"))
    assert "No WhatsApp permission" in page.one(class_="error-summary").text
    assert not page.all("button", class_="composer-send")
    response = agent.post(f"/c/{conversation.pk}/template/", form(template, body_1="Amira", body_2="Friday"))
    assert response.status_code == 422
    assert not Message.objects.exists()


def test_a_paused_template_is_not_sent(centre: Centre, agent: Client, amira: Conversation) -> None:
    template = factories.make_template(centre.care, status="paused")
    response = agent.post(f"/c/{amira.pk}/template/", form(template, body_1="Amira", body_2="Friday"))
    assert "is paused. Choose an approved one." in response.content.decode()
    assert not Message.objects.exists()


@pytest.mark.parametrize("template", ["999999", "x", "9" * 40])
def test_an_unknown_template_is_not_found_or_not_chosen(agent: Client, amira: Conversation, template: str) -> None:
    assert agent.get(f"/c/{amira.pk}/template/?template={template}").status_code in (200, 404)
    assert agent.post(f"/c/{amira.pk}/template/", {"template": template}).status_code == 404


def test_a_template_of_another_stream_is_not_found(centre: Centre, agent: Client, amira: Conversation) -> None:
    foreign = factories.make_template(factories.make_stream(channel="whatsapp"))
    assert agent.get(f"/c/{amira.pk}/template/?template={foreign.pk}").status_code == 404
    assert agent.post("/compose/preview/", {"template": foreign.pk}).status_code == 404


def test_sms_has_no_templates(centre: Centre, agent: Client) -> None:
    assert agent.get(f"/c/{centre.conversation().pk}/template/").status_code == 404


def test_the_preview_fills_in_what_is_typed(centre: Centre, agent: Client) -> None:
    template = factories.make_template(centre.care)
    page = read(agent.post("/compose/preview/", {"template": template.pk, "body-1": "<b>Amira</b>", "body-2": " "}))
    assert page.one(class_="variable-filled").text == "<b>Amira</b>"
    assert page.one(class_="variable-missing").text == "{{2}}"


def test_a_template_can_be_the_first_message(centre: Centre, agent: Client) -> None:
    factories.opt_in(factories.make_contact("+447700900042"))
    template = factories.make_template(centre.care)
    address = f"/new/template/?to=07700900042&stream={centre.care.pk}"
    page = read(agent.get(f"{address}&template={template.pk}"))
    assert not Conversation.objects.exists()
    assert page.one("form", id="template-form").one("input", name="to").attributes["value"] == "07700900042"
    filled = form(template, body_1="Amira", body_2="Friday", to="07700900042", stream=centre.care.pk)
    response = agent.post("/new/template/", filled)
    message = Message.objects.get()
    assert response["Location"] == f"/c/{message.conversation_id}/"
    assert message.conversation.contact.phone == "+447700900042"


def test_a_refused_first_template_stores_nothing(centre: Centre, agent: Client) -> None:
    template = factories.make_template(centre.care)
    filled = form(template, body_1="Amira", body_2="Friday", to="07700900042", stream=centre.care.pk)
    response = agent.post("/new/template/", filled)
    assert response.status_code == 422
    assert "No WhatsApp permission" in response.content.decode()
    assert [model.objects.count() for model in (Contact, Conversation, Message)] == [0, 0, 0]


def test_a_first_template_needs_a_number_and_a_stream(centre: Centre, agent: Client, stranger: Client) -> None:
    assert agent.get(f"/new/template/?to=12&stream={centre.care.pk}").status_code == 302
    assert agent.get("/new/template/?to=07700900042").status_code == 404
    assert stranger.get(f"/new/template/?to=07700900042&stream={centre.care.pk}").status_code == 404
