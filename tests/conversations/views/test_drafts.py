"""Drafts in pages: saved by a script or by a button, shown again, carried along, and never another one's."""

from __future__ import annotations

import uuid
from typing import Any

from django.test import Client

from conversations.models import Draft, Message
from tests import factories
from tests.conversations.views.conftest import Centre, signed_in
from tests.conversations.views.reading import HX, Element, read

JSON = {"Accept": "application/json"}


def form(body: str = "", remark: str = "", **fields: Any) -> dict[str, Any]:
    """What the composer posts."""
    versions = {"reply_version": 0, "remark_version": 0}
    return {"mode": "reply", "body": body, "remark": remark, "client_key": str(uuid.uuid4()), **versions, **fields}


def composer(client: Client, pk: int) -> Element:
    return read(client.get(f"/c/{pk}/")).one(id="composer")


def text_of(one: Element, name: str) -> str:
    return "".join(one.one(id=name).pieces)


def hidden(one: Element, name: str) -> str:
    return one.one("input", name=name).attributes["value"]


def test_both_texts_are_kept_and_shown_again(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    answer = agent.post(f"/c/{amira.pk}/draft/", form("Hello\r\nAmira", "Call Tom"), headers=JSON)
    assert answer.status_code == 200
    assert answer.json()["reply"]["version"] == 1
    assert answer.json()["remark"]["words"].startswith("Draft saved ")
    # A session that ended, another device: the text is on the server.
    shown = composer(signed_in(centre.priya), amira.pk)
    assert (text_of(shown, "composer-body"), text_of(shown, "composer-remark")) == ("Hello\nAmira", "Call Tom")
    assert (hidden(shown, "reply_version"), hidden(shown, "remark_version")) == ("1", "1")
    assert "Draft saved" in shown.one("draft-saver").text


def test_an_emptied_text_is_no_draft(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/draft/", form("Hello"), headers=JSON)
    answer = agent.post(f"/c/{amira.pk}/draft/", form("", reply_version=1), headers=JSON)
    assert answer.json() == {"reply": {"version": 0}, "remark": {"version": 0}}
    assert not Draft.objects.exists()


def test_a_remark_that_was_begun_is_shown_where_no_reply_was(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/draft/", form(remark="Call Tom"), headers=JSON)
    assert "checked" in composer(agent, amira.pk).one(id="mode-remark").attributes


def test_another_window_is_told_and_both_texts_stay(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/draft/", form("From the laptop"), headers=JSON)
    answer = agent.post(f"/c/{amira.pk}/draft/", form("From the phone"), headers=JSON)
    assert answer.status_code == 409
    assert answer.json()["reply"] == {"code": "draft_changed", "version": 1, "body": "From the laptop"}
    assert Draft.objects.get().body == "From the laptop"


def test_a_form_of_another_conversation_is_refused(centre: Centre, agent: Client) -> None:
    amira, mark = centre.conversation(), centre.conversation(contact=factories.make_contact(first_name="Mark"))
    wrong = form("For Mark", conversation=mark.pk)
    assert agent.post(f"/c/{amira.pk}/draft/", wrong, headers=JSON).status_code == 409
    response = agent.post(f"/c/{amira.pk}/reply/", wrong, headers=HX)
    assert response.status_code == 409
    assert "This text was written in another conversation" in read(response).text
    assert not Message.objects.exists()


def test_what_is_too_long_to_keep_says_so(centre: Centre, agent: Client) -> None:
    answer = agent.post(f"/c/{centre.conversation().pk}/draft/", form("x" * 20_001), headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["reply"]["sentence"].startswith("The text has 20001 characters; a draft holds 20000.")


def test_the_button_without_a_script(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/draft/?view=all", form("Hello"))
    assert response["Location"] == f"/c/{amira.pk}/?view=all#composer"
    assert text_of(composer(agent, amira.pk), "composer-body") == "Hello"


def test_drafts_are_their_writers_own(centre: Centre, agent: Client, supervisor: Client, stranger: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/draft/", form("Hello"), headers=JSON)
    assert text_of(composer(supervisor, amira.pk), "composer-body") == ""
    assert stranger.post(f"/c/{amira.pk}/draft/", form("Mine"), headers=JSON).status_code == 404
    assert Draft.objects.count() == 1


def test_sending_one_text_keeps_the_other(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    response = agent.post(f"/c/{amira.pk}/reply/", form("Hello", "Call Tom"), headers=HX)
    fresh = read(response).one(id="composer")
    assert (text_of(fresh, "composer-body"), text_of(fresh, "composer-remark")) == ("", "Call Tom")
    assert [draft.body for draft in Draft.objects.all()] == ["Call Tom"]


def test_what_a_rule_refused_is_kept(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    assert agent.post(f"/c/{amira.pk}/reply/", form("Dear ${first_name_of_pet}")).status_code == 422
    assert text_of(composer(agent, amira.pk), "composer-body") == "Dear ${first_name_of_pet}"


def test_sending_over_a_text_of_another_window_asks_first(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/draft/", form("From the laptop"), headers=JSON)
    response = agent.post(f"/c/{amira.pk}/reply/", form("From the phone"), headers=HX)
    assert response.status_code == 409
    back = read(response).one(id="composer")
    assert "From the laptop" in back.all(class_="composer-notice")[0].text
    assert text_of(back, "composer-body") == "From the phone"
    assert not Message.objects.exists()
    again = form("From the phone", reply_version=hidden(back, "reply_version"))
    assert agent.post(f"/c/{amira.pk}/reply/", again, headers=HX).status_code == 200
    assert Message.objects.get().body == "From the phone"
    assert not Draft.objects.exists()


def test_sending_what_was_sent_in_another_window_asks_first(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/draft/", form("Hello"), headers=JSON)
    agent.post(f"/c/{amira.pk}/reply/", form("Hello", reply_version=1), headers=HX)
    response = agent.post(f"/c/{amira.pk}/reply/", form("Hello", reply_version=1))
    assert response.status_code == 409
    assert "This text was sent or deleted in another window" in read(response).text
    assert Message.objects.count() == 1


def test_a_gate_keeps_the_text_in_sight(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care)
    factories.make_template(centre.care)
    factories.opt_in(amira.contact)
    Draft.objects.create(user=centre.priya, conversation=amira, kind="reply", body="I wrote too slowly")
    shown = composer(agent, amira.pk)
    assert "Your draft is kept." in shown.one(class_="window-bar").text
    assert "readonly" in shown.one(id="composer-body").attributes
    assert text_of(shown, "composer-body") == "I wrote too slowly"


def test_a_gate_in_place_of_the_text_says_that_it_is_kept(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care)
    assert composer(agent, amira.pk).one(class_="gate")
    Draft.objects.create(user=centre.priya, conversation=amira, kind="reply", body="I wrote too slowly")
    assert composer(agent, amira.pk).one(class_="window-bar").text == "Your draft is kept."


def test_the_text_goes_along_to_another_stream(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care)
    response = agent.post(f"/c/{amira.pk}/stream/", form("By text, then", to_stream=centre.texts.pk))
    assert response["Location"].startswith("/new/?to=%2B447700900")
    page = read(agent.get(response["Location"]))
    assert text_of(page, "new-body") == "By text, then"
    assert "checked" in page.one("input", name="stream", value=str(centre.texts.pk)).attributes
    sent = {
        "to": amira.contact.phone,
        "stream": centre.texts.pk,
        "body": "By text, then",
        "client_key": str(uuid.uuid4()),
        "from": hidden(page, "from"),
    }
    agent.post("/new/", sent)
    assert Message.objects.get().stream == centre.texts
    assert not Draft.objects.exists()


def test_the_text_goes_along_into_a_conversation_that_there_is(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care)
    by_text = centre.conversation(centre.texts, contact=amira.contact)
    wish = form("By text, then", to_stream=centre.texts.pk)
    response = agent.post(f"/c/{amira.pk}/stream/", wish, headers=HX)
    assert response["HX-Redirect"] == f"/c/{by_text.pk}/#composer"
    assert [(draft.conversation, draft.body) for draft in Draft.objects.all()] == [(by_text, "By text, then")]


def test_nobody_changes_to_a_stream_they_cannot_send_on(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    elsewhere = factories.make_stream(name="Billing")
    assert agent.post(f"/c/{amira.pk}/stream/", form("Hi", to_stream=elsewhere.pk)).status_code == 404
    assert "Billing" not in agent.get(f"/c/{amira.pk}/streams/").content.decode()


def test_the_menu_of_streams_gives_reasons(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    menu = read(agent.get(f"/c/{amira.pk}/streams/"))
    assert "Service texts This conversation" in menu.text
    assert "Fernhill Care No WhatsApp permission for service messages is on record" in menu.text
    assert not menu.all("button")
    factories.opt_in(amira.contact)
    assert read(agent.get(f"/c/{amira.pk}/streams/")).one("button").attributes["value"] == str(centre.care.pk)
