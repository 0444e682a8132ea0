"""The bell and its panel, what open pages ask for, and how somebody sets what they are told of."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Campaign, Conversation, Notification, TeamMembership, User
from conversations.models.notification import DEFAULT_WAYS, NotificationKind, Way, ways_of
from conversations.services.campaigns import control
from tests import factories
from tests.conversations.views.conftest import Centre, signed_in
from tests.conversations.views.reading import HX, Element, read


def tell(user: User, conversation: Conversation, kind: str = "assigned", **fields: Any) -> Notification:
    return Notification.objects.create(
        user=user, conversation=conversation, kind=kind, created_at=timezone.now(), **fields
    )


def told_of(centre: Centre, number: int) -> list[Notification]:
    """Priya was given so many conversations."""
    return [
        tell(centre.priya, centre.conversation(contact=factories.make_contact(first_name=f"N{place}")))
        for place in range(number)
    ]


def bell(client: Client, address: str = "/account/") -> Element:
    return read(client.get(address)).one("header", class_="top-bar").one("a", class_="bell")


def lines(client: Client, address: str = "/notifications/") -> list[str]:
    return [one.text for one in read(client.get(address)).all("span", class_="notice-name")]


def test_the_bell_counts_what_is_unread_on_every_page(centre: Centre, agent: Client) -> None:
    assert bell(agent).attributes["aria-label"] == "Notifications"
    assert "hidden" in bell(agent).one(class_="bell-count").attributes
    newest = told_of(centre, 3)[-1]
    for address in ("/", "/contacts/", "/account/"):
        assert bell(agent, address).attributes["aria-label"] == "Notifications, 3 unread"
        assert bell(agent, address).attributes["data-newest"] == str(newest.pk)


def test_each_says_what_happened_and_leads_there(centre: Centre, agent: Client) -> None:
    at = timezone.localtime().replace(hour=14, minute=52)
    amira = centre.conversation(centre.care)
    message = factories.make_message(amira, direction="in", body="Is it\nfixed?")
    for kind, fields in (
        ("assigned", {"actor": centre.tom}),
        ("mention", {"actor": centre.tom}),
        ("reply", {"message": message, "number": 2}),
        ("overdue", {"deadline": at}),
        ("failed", {"message": message}),
        ("woke", {}),
    ):
        tell(centre.priya, amira, kind, **fields)
    page = read(agent.get("/notifications/"))
    assert [one.text.removeprefix("Unread: ") for one in page.all(class_="notice-words")] == [
        "Back from being snoozed",
        "Your message did not arrive",
        "Reply overdue since 14:52",
        "2 new messages",
        "Tom Reyes named you in a remark",
        "Tom Reyes assigned this to you",
    ]
    assert {one.attributes["href"] for one in page.all("a", class_="notice-link")} == {f"/c/{amira.pk}/"}
    assert page.all(class_="notice-preview")[1].text == "Is it fixed?"


def test_looking_at_a_conversation_reads_what_was_told_of_it(centre: Centre, agent: Client) -> None:
    first, second = told_of(centre, 2)
    agent.get(f"/inbox/updates/?open={first.conversation_id}")
    assert bell(agent).attributes["aria-label"] == "Notifications, 2 unread"
    agent.get(f"/inbox/updates/?open={first.conversation_id}&seen=1")
    assert bell(agent).attributes["aria-label"] == "Notifications, 1 unread"
    signed_in(centre.tom).get(f"/c/{second.conversation_id}/")
    assert bell(agent).attributes["aria-label"] == "Notifications, 1 unread", "Tom has read nothing for Priya"
    agent.get(f"/c/{second.conversation_id}/")
    assert bell(agent).attributes["aria-label"] == "Notifications"


def test_one_is_read_and_then_all(centre: Centre, agent: Client) -> None:
    first, *_ = told_of(centre, 3)
    assert agent.post(f"/notifications/{first.pk}/read/")["Location"] == "/notifications/"
    assert bell(agent).attributes["aria-label"] == "Notifications, 2 unread"
    panel = read(agent.post("/notifications/read/", headers=HX))
    assert panel.all("html") == []
    assert panel.all(class_="notice-unread") == []
    assert len(panel.all(class_="notice")) == 3
    assert bell(agent).attributes["aria-label"] == "Notifications"


def test_nobody_reads_or_lists_those_of_others(centre: Centre, agent: Client, supervisor: Client) -> None:
    (mine,) = told_of(centre, 1)
    assert supervisor.post(f"/notifications/{mine.pk}/read/").status_code == 404
    supervisor.post("/notifications/read/")
    assert lines(supervisor) == []
    mine.refresh_from_db()
    assert mine.read_at is None


def test_what_somebody_may_not_see_any_more_is_gone_everywhere(centre: Centre, agent: Client) -> None:
    (told,) = told_of(centre, 1)
    TeamMembership.objects.filter(user=centre.priya).delete()
    assert lines(agent) == []
    assert bell(agent).attributes["aria-label"] == "Notifications"
    assert agent.get("/notifications/news/").json()["items"] == []
    assert agent.post(f"/notifications/{told.pk}/read/").status_code == 404


def test_they_come_page_by_page_without_gap_or_repetition(
    centre: Centre, agent: Client, django_assert_num_queries: Any
) -> None:
    told_of(centre, 70)
    found, address = [], "/notifications/"
    while address:
        page = read(agent.get(address))
        found += [one.text for one in page.all("span", class_="notice-name")]
        older = page.all("li", class_="load-older")
        address = older[0].one("a").attributes["href"] if older else ""
        if not found[30:]:
            told_of(centre, 1)  # one that comes meanwhile moves nothing
    assert found == [f"N{place}" for place in reversed(range(70))]
    # Session, user, their permissions, the page, the bell.
    with django_assert_num_queries(5):
        agent.get("/notifications/")
    with django_assert_num_queries(4):
        agent.get("/notifications/?before=0&before=100000000", headers=HX)


def news(client: Client, after: int = 0) -> list[int]:
    return [one["id"] for one in client.get(f"/notifications/news/?after={after}").json()["items"]]


def test_an_open_page_gets_what_it_has_not_told(centre: Centre, agent: Client, django_assert_num_queries: Any) -> None:
    first, second, third = told_of(centre, 3)
    Notification.objects.filter(pk=second.pk).update(read_at=timezone.now())
    assert news(agent) == [first.pk, third.pk]
    assert news(agent, after=first.pk) == [third.pk]
    with django_assert_num_queries(5):
        answer = agent.get(f"/notifications/news/?after={first.pk}").json()
    assert (answer["unread"], answer["volume"]) == (2, 60)
    assert answer["items"] == [
        {
            "id": third.pk,
            "conversation": third.conversation_id,
            "address": f"/c/{third.conversation_id}/",
            "words": "N2: assigned to you",
            "ways": ["desktop", "page", "sound"],
        }
    ]


def test_whoever_is_away_is_told_when_they_are_back(centre: Centre, agent: Client) -> None:
    told_of(centre, 2)
    agent.post("/account/available/", {"available": "0"})
    assert news(agent) == []
    assert agent.get("/notifications/news/").json()["unread"] == 2
    agent.post("/account/available/", {"available": "1"})
    assert len(news(agent)) == 2
    agent.post("/account/available/", {"available": "0"})
    User.objects.filter(pk=centre.priya.pk).update(quiet_when_away=False)
    assert len(news(agent)) == 2


def test_how_somebody_is_told_is_kept(centre: Centre, agent: Client) -> None:
    page = read(agent.get("/account/"))
    boxes = {one.attributes["name"]: one for one in page.one("table", class_="ways").all("input")}
    assert set(boxes) == {f"{kind}-{way}" for kind in NotificationKind.values for way in Way}
    checked = {name for name, box in boxes.items() if "checked" in box.attributes}
    assert checked == {f"{kind}-{way}" for kind, ways in DEFAULT_WAYS.items() for way in ways}

    form = {"reply-desktop": "1", "mention-page": "1", "sound_volume": "0"}
    assert agent.post("/account/notifications/", form)["Location"] == "/account/#notifications"
    priya = User.objects.get(pk=centre.priya.pk)
    assert (priya.sound_volume, priya.quiet_when_away) == (0, False)
    assert {kind: ways_of(priya, kind) for kind in ("reply", "mention", "assigned")} == {
        "reply": {"desktop"},
        "mention": {"page"},
        "assigned": frozenset(),
    }
    # On the page there is only what is wanted there; the rest is told by the device.
    amira = centre.conversation()
    tell(centre.priya, amira, "reply")
    tell(centre.priya, amira, "mention")
    assert bell(agent).attributes["aria-label"] == "Notifications, 1 unread"
    assert [one["ways"] for one in agent.get("/notifications/news/").json()["items"]] == [["desktop"], ["page"]]


@pytest.mark.parametrize("volume", ["", "101", "-1", "loud"])
def test_a_volume_that_does_not_exist_changes_nothing(centre: Centre, agent: Client, volume: str) -> None:
    answer = agent.post("/account/notifications/", {"sound_volume": volume, "reply-page": "1"}, follow=True)
    assert "Choose a volume between 0 and 100." in read(answer).one(id="toasts").text
    centre.priya.refresh_from_db()
    assert (centre.priya.notify, centre.priya.sound_volume) == ({}, 60)


def test_single_keys_are_turned_off_and_on(centre: Centre, agent: Client) -> None:
    assert "data-single-keys" not in read(agent.get("/")).one("body").attributes
    agent.post("/account/keys/", {"single_keys": "0"})
    assert read(agent.get("/")).one("body").attributes["data-single-keys"] == "off"
    assert agent.post("/account/keys/", {"single_keys": "1"}, headers=HX).status_code == 204
    assert "data-single-keys" not in read(agent.get("/")).one("body").attributes


@pytest.mark.parametrize("path", ["/", "/contacts/", "/search/?q=x", "/account/"])
def test_the_panel_of_the_bell_is_styled_wherever_it_opens(centre: Centre, agent: Client, path: str) -> None:
    page = agent.get(path).content.decode()
    assert "data-choices=" in page
    assert "css/choices" in page


def test_a_person_who_left_is_a_colleague(centre: Centre, agent: Client) -> None:
    tell(centre.priya, centre.conversation(), "mention")
    assert "A colleague named you in a remark" in read(agent.get("/notifications/")).text


def test_a_campaign_says_how_it_stands(centre: Centre, supervisor: Client) -> None:
    campaign = Campaign.objects.create(
        name="Routers", stream=centre.texts, status="running", created_by=centre.tom, is_planned=True
    )
    control.pause_by_itself(campaign.pk, reason="10 of the last 50 failed. Look at the reasons before you resume.")
    line = read(supervisor.get("/notifications/")).one(class_="notice")
    assert line.one("a").attributes["href"] == f"/campaigns/{campaign.pk}/"
    assert "Routers" in line.text
    assert "The campaign was paused by itself: 10 of the last 50 failed." in line.text
    assert bell(supervisor).attributes["aria-label"] == "Notifications, 1 unread"
    supervisor.get(f"/campaigns/{campaign.pk}/")
    assert bell(supervisor).attributes["aria-label"] == "Notifications"
    campaign.refresh_from_db()
    control.resume(campaign, actor=centre.tom)
    Campaign.objects.filter(pk=campaign.pk).update(accepted_count=9500, unconfirmed_count=500)
    assert control.finish_if_over(campaign.pk)
    [item] = supervisor.get("/notifications/news/").json()["items"]
    assert item["words"] == "Routers: the campaign has ended: 9,500 sent, 500 not confirmed"
    assert (item["address"], item["conversation"]) == (f"/campaigns/{campaign.pk}/", None)
