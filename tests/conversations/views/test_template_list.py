"""The list of WhatsApp templates that one is chosen from."""

from __future__ import annotations

from django.test import Client

from conversations.models import Contact, Conversation
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import read


def test_the_list_holds_the_streams_templates_usable_ones_first(
    centre: Centre, agent: Client, amira: Conversation
) -> None:
    factories.make_template(centre.care, name="a_paused", status="paused", status_reason="Low quality")
    factories.make_template(centre.care, name="visit")
    factories.make_template(factories.make_stream(channel="whatsapp"), name="of_another_stream")
    page = read(agent.get(f"/c/{amira.pk}/template/"))
    choices = page.all(class_="picker-choice")
    assert [choice.one("b").text for choice in choices] == ["visit", "a_paused"]
    assert [choice.tag for choice in choices] == ["a", "div"]
    assert "Can't be sent: Low quality" in choices[1].text


def test_templates_are_found_by_name_and_wording(centre: Centre, agent: Client, amira: Conversation) -> None:
    factories.make_template(centre.care, name="visit")
    factories.make_template(centre.care, name="bill", components=[{"type": "BODY", "text": "You owe us money."}])
    for text, name in (("BILL", "bill"), ("owe money", "bill"), ("engineer", "visit")):
        page = read(agent.get(f"/c/{amira.pk}/template/", {"q": text}))
        assert [choice.one("b").text for choice in page.all(class_="picker-choice")] == [name]
    assert "No template matches" in read(agent.get(f"/c/{amira.pk}/template/?q=nothing")).text


def test_templates_are_narrowed_by_language_and_category(centre: Centre, agent: Client, amira: Conversation) -> None:
    for name, language, category in (
        ("visit", "en_GB", "utility"),
        ("visit", "ar", "utility"),
        ("offer", "ar", "marketing"),
    ):
        factories.make_template(centre.care, name=name, language=language, category=category)

    def names(**words: str) -> list[str]:
        page = read(agent.get(f"/c/{amira.pk}/template/", words))
        return [choice.one("b").text for choice in page.all(class_="picker-choice")]

    assert names() == ["visit", "offer", "visit"]  # ours before those of a language that is nobody's
    assert names(language="ar") == ["offer", "visit"]
    assert names(language="ar", category="utility") == ["visit"]
    assert names(q="offer", category="utility") == []
    page = read(agent.get(f"/c/{amira.pk}/template/", {"language": "ar", "category": "marketing", "q": "engineer"}))
    # What was looked for stays while one is chosen.
    address = page.one("a", class_="picker-choice").attributes["href"]
    assert address.endswith("&q=engineer&language=ar&category=marketing")
    nothing = read(agent.get(f"/c/{amira.pk}/template/", {"language": "xx"}))
    assert "There is no such template in this language and category." in nothing.text


def test_the_customers_language_comes_first(centre: Centre, agent: Client, amira: Conversation) -> None:
    for name, language in (("a_visit", "en_GB"), ("z_visit", "ar_EG")):
        factories.make_template(centre.care, name=name, language=language)
    Contact.objects.update(language="ar")
    page = read(agent.get(f"/c/{amira.pk}/template/"))
    assert [choice.one("b").text for choice in page.all(class_="picker-choice")] == ["z_visit", "a_visit"]


def test_what_likely_is_wanted_comes_first(centre: Centre, agent: Client, amira: Conversation) -> None:
    paused = factories.make_template(centre.care, name="return_reminder", status="paused")
    for name in ("a_visit", "return_reminder_v2", "return_reminders"):
        factories.make_template(centre.care, name=name)
    factories.make_message(amira, kind="template", template=paused, status="failed")
    page = read(agent.get(f"/c/{amira.pk}/template/"))
    names = [choice.one("b").text for choice in page.all(class_="picker-choice")]
    assert names == ["return_reminder_v2", "a_visit", "return_reminders", "return_reminder"]
    assert page.one(id="picker-count").text == "4 templates"
