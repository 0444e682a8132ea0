"""The options of the command palette."""

from __future__ import annotations

from urllib.parse import quote

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conversations.models import Stream
from conversations.services import conversations
from messaging.phone import mask
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import Element, read
from tests.conversations.views.test_search_page import words_of

MOST_QUERIES = 24


def options(client: Client, typed: str) -> Element:
    response = client.get(f"/search/palette/?q={quote(typed)}")
    assert response.status_code == 200
    return read(response)


def groups(found: Element) -> list[str]:
    return [one.attributes["aria-label"] for one in found.all(role="group") if "hidden" not in one.attributes]


def lines(found: Element, group: str) -> list[str]:
    (wanted,) = (one for one in found.all(role="group") if one.attributes["aria-label"] == group)
    return [words_of(one) for one in wanted.all(role="option")]


def test_it_opens_with_actions_and_places(centre: Centre, agent: Client) -> None:
    found = options(agent, "")
    assert groups(found) == ["Actions", "Go to"]
    assert "New message, key C" in lines(found, "Actions")
    assert "Administration" not in "".join(lines(found, "Go to"))
    assert all(one.attributes["aria-selected"] == "false" for one in found.all(role="option"))


def test_a_person_comes_with_what_can_be_done(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care)
    template = factories.make_template(centre.care, name="return_reminder")
    factories.make_template(centre.care, name="return_rejected", status="rejected")
    found = options(agent, "amira ret")
    assert groups(found)[:2] == ["People", "For Amira Haddad"]
    assert lines(found, "For Amira Haddad") == [
        "Send template return_reminder",
        f"Text {amira.contact.phone_display}, key C",
        "Add a remark, key N",
        "Open the contact",
    ]
    (send, text, remark, _) = found.one(role="group", data_for_person=str(amira.contact_id)).all(role="option")
    assert send.attributes["href"] == f"/c/{amira.pk}/template/?template={template.pk}"
    assert text.attributes["href"] == f"/new/?to=%2B{amira.contact.phone[1:]}"
    assert remark.attributes["href"] == f"/c/{amira.pk}/#write-remark"
    assert agent.get(send.attributes["href"]).status_code == 200


def test_each_person_has_own_actions_and_one_is_shown(centre: Centre, agent: Client) -> None:
    for last in ("Haddad", "Khan"):
        centre.conversation(contact=factories.make_contact(first_name="Amira", last_name=last))
    found = options(agent, "@amira")
    assert groups(found) == ["People", "For Amira Khan", "Everything"]
    assert [one.text.split(" +")[0] for one in found.all(class_="option-person")] == [
        "AK Amira Khan",
        "AH Amira Haddad",
    ]
    sending = [one.attributes["href"] for one in found.all("a") if "/new/template/" in one.attributes["href"]]
    assert len(sending) == 2
    assert all(f"stream={centre.care.pk}" in one for one in sending)


def test_who_may_not_write_is_not_offered_to(centre: Centre) -> None:
    reader = factories.make_user("agent")
    reader.groups.clear()
    centre.team.memberships.create(user=reader)
    amira = centre.conversation()
    client = Client()
    client.force_login(reader)
    found = options(client, "amira")
    assert lines(found, "For Amira Haddad") == ["Add a remark, key N", "Open the contact"]
    assert "New message" not in found.text
    assert mask(amira.contact.phone) in found.text, "a role that lacks everything sees no whole number"


def test_messages_are_options(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    message = factories.make_message(amira, direction="in", body="The return label is lost")
    found = options(agent, "lost")
    assert groups(found) == ["Messages", "Everything"]
    (one,) = [option for option in found.all("a") if option.attributes["href"].startswith("/m/")]
    assert one.attributes["href"] == f"/m/{message.pk}/"
    assert "Amira Haddad" in one.text


def test_signs_narrow_it(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    factories.make_message(amira, direction="in", body="Sign here")
    conversations.set_indicator(amira, key="s", title="Sign missing", actor=None)
    assert lines(options(agent, ">sign"), "Actions") == ["Sign out"]
    assert groups(options(agent, ">sign")) == ["Actions"]
    assert groups(options(agent, "#sign")) == ["Conversations", "Everything"]
    assert "Messages" in groups(options(agent, "sign"))
    assert "No action is called “zzz”." in words_of(options(agent, ">zzz"))


def test_places_and_streams_are_found_by_name(centre: Centre, agent: Client, supervisor: Client) -> None:
    assert lines(options(agent, "fernhill c"), "Go to") == ["Fernhill CareStream"]
    assert lines(options(supervisor, "admin"), "Go to") == ["Administration"]
    for link in options(agent, "").all("a"):
        assert agent.get(link.attributes["href"]).status_code == 200, link.attributes["href"]


def test_nothing_of_another_team_is_offered(centre: Centre, stranger: Client) -> None:
    amira = centre.conversation()
    factories.make_message(amira, direction="in", body="The label is lost")
    for typed in ("amira", "lost", amira.contact.phone[-6:], "fernhill", "service"):
        found = options(stranger, typed)
        assert groups(found) in (["Everything"], ["Go to", "Everything"])
        assert "Haddad" not in found.text
    assert Stream.objects.count() > 1


def test_the_number_of_queries_does_not_depend_on_what_is_found(centre: Centre, agent: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            options(agent, "amira label")
        return len(captured)

    factories.make_message(centre.conversation(), direction="in", body="A label")
    queries()
    few = queries()
    for _ in range(10):
        factories.make_message(centre.conversation(centre.care), direction="in", body="A label for Amira")
    assert queries() <= few <= MOST_QUERIES
