"""Handling from the pages: one conversation or the selected ones, with and without a script."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.forms.handling import snooze_presets
from conversations.models import Conversation, Handling, SavedFilter, Tag
from conversations.services import handling
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, Element, read
from tests.conversations.views.told import sentences


def events(response: Any) -> dict[str, Any]:
    """What a page is told by the answer to a part of it."""
    return json.loads(response["HX-Trigger"])  # type: ignore[no-any-return]


def names_in(page: Element) -> list[str]:
    return [row.one("bdi").text for row in page.all("a", class_="conversation-row")]


@pytest.fixture
def three(centre: Centre) -> list[Conversation]:
    """Three open conversations of nobody's."""
    return [centre.conversation(contact=factories.make_contact(first_name=name)) for name in ("Ada", "Ben", "Cleo")]


def chosen(rows: list[Conversation]) -> list[int]:
    return [row.pk for row in rows]


def test_a_conversation_is_given_to_a_person_a_team_and_nobody(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/assign/", {"to": f"user-{centre.tom.pk}"})
    amira.refresh_from_db()
    assert amira.assignee == centre.tom
    response = agent.post(f"/c/{amira.pk}/assign/", {"to": f"team-{centre.team.pk}"}, headers=HX)
    assert (response.status_code, response.content) == (204, b"")
    assert events(response) == {
        "parley:handled": {"conversations": [amira.pk], "effect": ""},
        "parley:toast": {"text": f"Assigned to {centre.team}", "undo": Handling.objects.latest("id").pk},
        "parley:refresh": {},
    }
    amira.refresh_from_db()
    assert (amira.assignee, amira.team) == (None, centre.team)
    assert sentences(agent.post(f"/c/{amira.pk}/assign/", {"to": ""}))[-1] == "Back among the unassigned"


def test_a_conversation_goes_only_to_who_sees_it(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    boss = factories.make_user("administrator", name="Ada Admin")
    factories.make_user(name="Lea Left", is_active=False)
    others = factories.make_team(name="Others")
    page = read(agent.get(f"/c/{amira.pk}/assign/"))
    offered = [button.text for button in page.all("button", name="to")]
    assert offered == ["AA Ada Admin", "PN Priya Nair (you)", "TR Tom Reyes", f"{centre.team} Team", "Nobody"]
    for whom in (f"user-{centre.sam.pk}", f"team-{others.pk}", "user-999999", "user-x", "boss-1", "x"):
        answer = agent.post(f"/c/{amira.pk}/assign/", {"to": whom}, headers=HX)
        assert answer.status_code == 422, whom
    agent.post(f"/c/{amira.pk}/assign/", {"to": f"user-{boss.pk}"})
    amira.refresh_from_db()
    assert amira.assignee == boss


def test_of_two_who_take_a_conversation_one_is_told_who_was_quicker(
    centre: Centre, agent: Client, supervisor: Client
) -> None:
    amira = centre.conversation()
    assert "Take" in read(agent.get(f"/c/{amira.pk}/")).one(id="thread-header").text
    supervisor.post(f"/c/{amira.pk}/claim/")
    response = agent.post(f"/c/{amira.pk}/claim/", headers=HX)
    assert response.status_code == 422
    assert events(response)["parley:toast"]["text"] == "Taken by Tom Reyes just now."
    assert sentences(agent.post(f"/c/{amira.pk}/claim/")) == ["Taken by Tom Reyes just now."]


def test_a_conversation_is_resolved_and_opened_again(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    agent.post(f"/c/{amira.pk}/resolve/")
    amira.refresh_from_db()
    assert amira.status == "resolved"
    assert read(agent.get(f"/c/{amira.pk}/")).one("button", data_key="e").attributes["aria-label"] == "Reopen"
    agent.post(f"/c/{amira.pk}/reopen/")
    amira.refresh_from_db()
    assert amira.status == "open"


def test_an_old_conversation_stays_closed_while_a_newer_one_is_open(centre: Centre, agent: Client) -> None:
    old = centre.conversation(status="resolved")
    Conversation.objects.create(stream=centre.texts, contact=old.contact)
    assert "already has an open conversation" in sentences(agent.post(f"/c/{old.pk}/reopen/"))[0]


def test_selected_conversations_are_resolved_and_all_of_that_undone(
    centre: Centre, agent: Client, three: list[Conversation]
) -> None:
    response = agent.post("/handle/resolve/?view=all", {"c": chosen(three)}, headers=HX)
    told = events(response)
    assert told["parley:toast"]["text"] == "3 resolved"
    assert told["parley:handled"] == {"conversations": chosen(three), "effect": "leaves"}
    assert names_in(read(agent.get("/?view=all"))) == []
    undone = agent.post("/handle/undo/", {"handling": told["parley:toast"]["undo"]}, headers=HX)
    assert events(undone)["parley:toast"] == {"text": "3 as before", "undo": None}
    assert events(undone)["parley:handled"]["effect"] == "restores"
    assert sorted(names_in(read(agent.get("/?view=all")))) == ["Ada", "Ben", "Cleo"]


def test_without_a_script_a_message_offers_undo(centre: Centre, agent: Client, three: list[Conversation]) -> None:
    response = agent.post("/handle/resolve/?view=all", {"c": chosen(three[:1])}, follow=True)
    toast = read(response).one(id="toasts")
    assert "1 resolved" in toast.text
    form = toast.one("form")
    assert form.attributes["action"].startswith("/handle/undo/")
    given = {field.attributes["name"]: field.attributes["value"] for field in form.all("input", type="hidden")}
    back = agent.post(form.attributes["action"], given)
    assert (back.status_code, sentences(back)) == (302, ["Undone"])


def test_the_last_action_is_undone_without_naming_it(centre: Centre, agent: Client, three: list[Conversation]) -> None:
    agent.post("/handle/resolve/", {"c": chosen(three[:1])})
    agent.post("/handle/mark/", {"c": chosen(three), "unread": "1"})
    assert events(agent.post("/handle/undo/", headers=HX))["parley:toast"]["text"] == "3 as before"
    assert events(agent.post("/handle/undo/", headers=HX))["parley:toast"]["text"] == "Undone"
    nothing = agent.post("/handle/undo/", headers=HX)
    assert nothing.status_code == 422
    assert "There is nothing to undo" in events(nothing)["parley:toast"]["text"]


def test_nobody_undoes_the_action_of_somebody_else(
    centre: Centre, agent: Client, supervisor: Client, three: list[Conversation]
) -> None:
    agent.post("/handle/resolve/", {"c": chosen(three)})
    assert supervisor.post("/handle/undo/", {"handling": Handling.objects.get().pk}, headers=HX).status_code == 422
    assert Conversation.objects.filter(status="resolved").count() == 3


def test_foreign_rows_among_the_selected_are_left_alone(centre: Centre, agent: Client) -> None:
    foreign, ours = factories.make_conversation(), centre.conversation()
    for verb, words in (("resolve", {}), ("assign", {"to": ""}), ("snooze", {"preset": "reply"}), ("mark", {})):
        agent.post(f"/handle/{verb}/", {"c": [foreign.pk, ours.pk], **words})
    foreign.refresh_from_db()
    assert (foreign.status, foreign.assignee) == ("open", None)
    assert not foreign.activities.exists()
    page = read(agent.get(f"/handle/assign/?c={foreign.pk}"))
    assert [field.attributes["value"] for field in page.all("input", name="c")] == []


@pytest.mark.parametrize("given", [["x"], ["-1"], ["99999999999999999999"], [""], []])
def test_ids_that_are_none_change_nothing(agent: Client, given: list[str]) -> None:
    response = agent.post("/handle/resolve/", {"c": given}, headers=HX)
    assert events(response)["parley:toast"]["text"] == "Nothing to change"


def test_snoozing_until_a_preset_a_reply_and_a_time(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    page = read(agent.get(f"/c/{amira.pk}/snooze/"))
    names = [button.attributes["value"] for button in page.all("button", name="preset")]
    assert names == [*[preset.name for preset in snooze_presets()], "reply"]
    agent.post(f"/c/{amira.pk}/snooze/", {"preset": "tomorrow"})
    amira.refresh_from_db()
    assert amira.status == "snoozed"
    assert timezone.localtime(amira.snoozed_until).hour == 9

    agent.post(f"/c/{amira.pk}/snooze/", {"preset": "reply"})
    amira.refresh_from_db()
    assert amira.snoozed_until is None
    page = read(agent.get(f"/c/{amira.pk}/?view=all&status=snoozed"))
    assert page.one(class_="row-chips").text == "Until they reply"
    assert "snoozed" in page.one(id="timeline").text

    at = timezone.localtime() + timedelta(days=3)
    agent.post(f"/c/{amira.pk}/snooze/", {"until": f"{at:%Y-%m-%dT%H:%M}"})
    amira.refresh_from_db()
    assert amira.snoozed_until == at.replace(second=0, microsecond=0)
    agent.post(f"/c/{amira.pk}/reopen/")
    amira.refresh_from_db()
    assert amira.status == "open"


def test_a_time_that_cannot_be_is_said_at_the_field(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    for given in ({}, {"until": "soon"}):
        response = agent.post(f"/c/{amira.pk}/snooze/", given, headers=HX)
        assert response.status_code == 422
        assert "date and a time" in read(response).one(class_="field-error").text
    past = agent.post(f"/c/{amira.pk}/snooze/", {"until": "2020-01-01T09:00"}, headers=HX)
    assert events(past)["parley:toast"]["text"] == "Choose a time that lies ahead."
    over = agent.post(f"/c/{amira.pk}/snooze/", {"preset": "yesterday"}, headers=HX)
    assert "That time has passed" in read(over).text
    amira.refresh_from_db()
    assert amira.status == "open"


@pytest.mark.parametrize(
    ("now", "names"),
    [
        ("2026-11-19 08:00", ["hour", "afternoon", "tomorrow", "monday"]),  # a Thursday
        ("2026-11-19 15:30", ["hour", "tomorrow", "monday"]),
        ("2026-11-22 08:00", ["hour", "afternoon", "tomorrow"]),  # on a Sunday, Monday is tomorrow
        ("2026-03-28 20:00", ["hour", "tomorrow", "monday"]),  # the night in which the clocks go forward
    ],
)
def test_presets_lie_ahead_on_the_sites_clock(now: str, names: list[str]) -> None:
    at = timezone.make_aware(datetime.fromisoformat(now))
    presets = snooze_presets(at)
    assert [preset.name for preset in presets] == names
    assert all(preset.until > at for preset in presets)
    assert all(timezone.localtime(one.until).hour in (9, 16) for one in presets if one.name != "hour")


def test_tags_are_put_on_one_and_on_many(centre: Centre, agent: Client, three: list[Conversation]) -> None:
    billing, vip = Tag.objects.create(name="billing"), Tag.objects.create(name="VIP")
    Tag.objects.create(name="old", is_active=False)
    first = three[0]
    agent.post(f"/c/{first.pk}/tags/", {"tag": [billing.pk, vip.pk]})
    assert set(first.tags.all()) == {billing, vip}
    page = read(agent.get(f"/c/{first.pk}/tags/"))
    ticked = [box for box in page.all("input", name="tag") if "checked" in box.attributes]
    assert [box.attributes["value"] for box in ticked] == [str(billing.pk), str(vip.pk)]
    assert "old" not in page.text

    page = read(agent.get(f"/handle/tags/?c={first.pk}&c={three[1].pk}"))
    assert not [box for box in page.all("input", name="tag") if "checked" in box.attributes]
    agent.post("/handle/tags/", {"c": chosen(three[:2]), "tag": [billing.pk]})
    assert set(first.tags.all()) == {billing, vip}  # what was on one only stays there
    assert set(three[1].tags.all()) == {billing}
    agent.post(f"/c/{first.pk}/tags/", {"was": [billing.pk, vip.pk], "tag": [vip.pk]})
    assert set(first.tags.all()) == {vip}
    row = read(agent.get(f"/?view=all&tag={vip.pk}")).one("a", class_="conversation-row")
    assert row.one(class_="chip-outline").text == "VIP"


def test_marking_unread_lasts_after_leaving(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    answer = agent.post(f"/c/{amira.pk}/mark/", {"unread": "1"}, headers=HX)
    assert events(answer)["parley:handled"]["effect"] == "unread"
    amira.refresh_from_db()
    assert amira.unread_count == 1


def test_the_choices_are_a_page_without_a_script(centre: Centre, agent: Client, three: list[Conversation]) -> None:
    rows = {"c": chosen(three)}
    for verb in ("assign", "snooze", "tags"):
        shown = agent.post(f"/handle/{verb}/?view=all&choose=1", rows)
        assert shown.status_code == 200
        page = read(shown)
        form = page.all("form", class_="choices")[0]
        assert [field.attributes["value"] for field in form.all("input", name="c")] == [str(row.pk) for row in three]
        assert form.attributes["action"] == f"/handle/{verb}/?view=all"
        part = read(agent.get(f"/handle/{verb}/", rows, headers=HX))
        assert not part.all("main")
    assert not Handling.objects.exists()


@pytest.mark.parametrize("action", ["assign", "claim", "resolve", "reopen", "snooze", "tags", "mark", "presence"])
def test_a_foreign_conversation_cannot_be_touched(centre: Centre, stranger: Client, action: str) -> None:
    amira = centre.conversation()
    assert stranger.post(f"/c/{amira.pk}/{action}/", {"preset": "reply", "to": ""}).status_code == 404
    amira.refresh_from_db()
    assert (amira.status, amira.assignee) == ("open", None)


@pytest.mark.parametrize("action", ["claim", "resolve", "reopen", "mark", "presence"])
def test_looking_changes_nothing(centre: Centre, agent: Client, action: str) -> None:
    assert agent.get(f"/c/{centre.conversation().pk}/{action}/").status_code == 405


def test_the_oldest_is_taken(centre: Centre, agent: Client) -> None:
    at = timezone.now()
    centre.conversation(waiting_since=at)
    first = centre.conversation(contact=factories.make_contact(), waiting_since=at - timedelta(hours=1))
    assert agent.post("/inbox/take-oldest/?view=unassigned")["Location"] == f"/c/{first.pk}/?view=unassigned"
    first.refresh_from_db()
    assert first.assignee == centre.priya
    agent.post("/inbox/take-oldest/")
    assert sentences(agent.post("/inbox/take-oldest/")) == ["Nobody is waiting. Every open conversation has somebody."]


def test_a_list_is_narrowed_and_says_by_what(centre: Centre, agent: Client) -> None:
    billing = Tag.objects.create(name="billing")
    tom_sms = centre.conversation(assignee=centre.tom, unread_count=1)
    handling.tag([tom_sms.pk], add=[billing], actor=centre.priya)
    handling.assign([centre.conversation(centre.care).pk], team=centre.team, actor=centre.tom)
    for words, count in (
        (f"assignee={centre.tom.pk}", 1),
        (f"team={centre.team.pk}", 1),
        (f"tag={billing.pk}", 1),
        ("channel=whatsapp", 1),
        ("unread=1", 1),
        (f"stream={centre.texts.pk}", 1),
        (f"channel=whatsapp&tag={billing.pk}", 0),
        ("channel=fax", 2),
    ):
        assert len(names_in(read(agent.get(f"/?view=all&{words}")))) == count, words
    page = read(agent.get(f"/?view=all&channel=sms&tag={billing.pk}&unread=1"))
    filters = {one.text: one.attributes["href"] for one in page.all("a", class_="applied-filter")}
    assert filters == {
        "billing": "/?view=all&channel=sms&unread=1",
        "SMS": f"/?view=all&tag={billing.pk}&unread=1",
        "Unread": f"/?view=all&tag={billing.pk}&channel=sms",
    }
    assert page.one("h1").text == "All open"


@pytest.mark.parametrize("words", ["tag=999", "team=999", "assignee=999", "tag=x", "team=99999999999999999999"])
def test_a_list_of_something_unknown_is_not_found(agent: Client, words: str) -> None:
    assert agent.get(f"/?view=all&{words}").status_code == 404


def test_a_foreign_team_is_not_found(centre: Centre, agent: Client) -> None:
    assert agent.get(f"/?team={factories.make_team().pk}").status_code == 404


def test_the_filter_form_offers_what_this_user_sees(centre: Centre, agent: Client) -> None:
    factories.make_stream(name="Foreign line")
    factories.make_team(name="Foreign team", members=[factories.make_user(name="Fay Foreign")])
    page = read(agent.get(f"/inbox/filter/?view=all&stream={centre.care.pk}"))
    assert "Foreign" not in page.text
    options = page.one("select", name="stream").all("option")
    assert [one.text for one in options if "selected" in one.attributes] == ["Fernhill Care"]
    assert [option.text for option in page.one("select", name="assignee").all("option")] == [
        "Anybody",
        "Priya Nair",
        "Tom Reyes",
    ]


def test_a_filter_is_kept_shared_and_deleted(centre: Centre, agent: Client, supervisor: Client) -> None:
    centre.conversation(unread_count=2)
    centre.conversation(centre.care)
    words = "view=all&channel=sms"
    agent.post(f"/inbox/filter/save/?{words}", {"name": "Texts", "is_shared": "on"})
    mine = SavedFilter.objects.get()
    assert (mine.words, mine.is_shared) == (words, False)  # only supervisors share
    supervisor.post("/inbox/filter/save/?view=all&unread=1", {"name": "Unread", "is_shared": "on"})

    page = read(agent.get(f"/?{words}"))
    links = {link.one("bdi").text: link for link in page.all("a", class_="view-link") if link.all("bdi")}
    assert {name: link.one(class_="view-count").text for name, link in links.items()} == {"Texts": "1", "Unread": "1"}
    assert links["Texts"].attributes["aria-current"] == "page"

    again = agent.post(f"/inbox/filter/save/?{words}", {"name": "Texts"})
    assert again.status_code == 422
    assert "You have a filter called Texts already." in read(again).text
    shared = SavedFilter.objects.get(name="Unread")
    assert agent.post(f"/filters/{shared.pk}/delete/", headers=HX).status_code == 422
    assert supervisor.post(f"/filters/{mine.pk}/delete/").status_code == 404
    agent.post(f"/filters/{mine.pk}/delete/")
    assert SavedFilter.objects.get() == shared


def test_a_kept_filter_of_something_that_is_gone_is_not_shown(centre: Centre, agent: Client) -> None:
    SavedFilter.objects.create(owner=centre.priya, name="Gone", words="tag=999")
    SavedFilter.objects.create(owner=centre.priya, name="Broken", words="%%%&=")
    page = read(agent.get("/"))
    assert "Gone" not in page.one(id="views").text
    assert "Broken" in page.one(id="views").text


def test_available_and_compact_are_one_click(centre: Centre, agent: Client) -> None:
    assert agent.post("/account/available/", {"available": "0", "next": "/?view=all"})["Location"] == "/?view=all"
    agent.post("/account/density/", {"density": "compact", "next": "https://elsewhere.example/"})
    centre.priya.refresh_from_db()
    assert (centre.priya.is_available, centre.priya.density) == (False, "compact")
    page = read(agent.get("/"))
    assert page.one("html").attributes["data-density"] == "compact"
    agent.post("/account/density/", {"density": "tiny"})
    centre.priya.refresh_from_db()
    assert centre.priya.density == "compact"
