"""Signing in and out, the theme, the password."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from tests import factories
from tests.conversations.views.conftest import Centre, signed_in
from tests.conversations.views.reading import HX, read


def test_everything_leads_to_the_sign_in(centre: Centre) -> None:
    amira = centre.conversation()
    response = Client().get(f"/c/{amira.pk}/?view=all")
    assert response["Location"] == f"/sign-in/?next=/c/{amira.pk}/%3Fview%3Dall"


def test_signing_in_leads_back_in_any_case_of_the_address(centre: Centre) -> None:
    client = Client()
    form = {"username": centre.priya.email.upper(), "password": factories.PASSWORD, "next": "/new/"}
    assert client.post("/sign-in/", form)["Location"] == "/new/"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("next_page", ["//evil.example", "https://evil.example/", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(centre: Centre, next_page: str) -> None:
    form = {"username": centre.priya.email, "password": factories.PASSWORD, "next": next_page}
    assert Client().post("/sign-in/", form)["Location"] == "/"


def test_unknown_wrong_and_inactive_get_the_same_answer(centre: Centre) -> None:
    gone = factories.make_user(is_active=False)
    for email, password in (
        ("nobody@fernhill.example", factories.PASSWORD),
        (centre.priya.email, "wrong"),
        (gone.email, factories.PASSWORD),
    ):
        response = Client().post("/sign-in/", {"username": email, "password": password})
        assert response.status_code == 422
        page = read(response)
        assert page.one(class_="error-summary").text == "That email and password do not match."
        assert page.one("input", name="username").attributes["value"] == email


def try_to_sign_in(email: str, password: str, address: str = "192.0.2.1") -> HttpResponse:
    return Client(REMOTE_ADDR=address).post("/sign-in/", {"username": email, "password": password})


def test_guessing_is_slowed_down_and_nobody_is_locked_out_for_good(centre: Centre) -> None:
    email = centre.priya.email
    began = timezone.now()
    for waits, minutes in enumerate((1, 2, 4, 8, 15, 15)):
        with time_machine.travel(began + timedelta(minutes=2 * sum((0, 1, 2, 4, 8, 15)[: waits + 1])), tick=False):
            if waits < 5:
                assert [try_to_sign_in(email.upper(), "wrong").status_code for _ in range(4)] == [422] * 4
                shut = try_to_sign_in(email, "wrong")
                assert shut.status_code == 429
                words = f"Wait {minutes} minute{'s' if minutes > 1 else ''}, then try again."
                assert words in read(shut).one(class_="error-summary").text
                assert try_to_sign_in(email, factories.PASSWORD).status_code == 429, "the right one waits too"
    with time_machine.travel(began + timedelta(hours=3)):
        assert try_to_sign_in(email, factories.PASSWORD).status_code == 302


def test_a_colleague_at_the_same_address_and_the_same_person_elsewhere_are_not_shut_out(centre: Centre) -> None:
    for _ in range(5):
        try_to_sign_in(centre.priya.email, "wrong")
    assert try_to_sign_in(centre.tom.email, factories.PASSWORD).status_code == 302
    assert try_to_sign_in(centre.priya.email, factories.PASSWORD, address="192.0.2.2").status_code == 302
    assert try_to_sign_in(centre.priya.email, factories.PASSWORD).status_code == 429


def test_an_unknown_address_is_slowed_down_alike(db: None) -> None:
    answers = [try_to_sign_in("nobody@fernhill.example", "wrong").status_code for _ in range(6)]
    assert answers == [422, 422, 422, 422, 429, 429]


def test_the_sign_in_helps_password_managers(db: None) -> None:
    page = read(Client().get("/sign-in/"))
    assert page.one("input", name="username").attributes["autocomplete"] == "username"
    assert page.one("input", name="password").attributes["autocomplete"] == "current-password"


def test_a_part_of_a_page_that_finds_the_session_ended_tells_the_page(db: None) -> None:
    response = Client().get("/sign-in/?next=/c/1/", headers=HX)
    assert (response.status_code, response["HX-Trigger"]) == (204, "parley:signed-out")


def test_signing_out_ends_the_session(centre: Centre, agent: Client) -> None:
    assert agent.get("/sign-out/").status_code == 405
    assert agent.post("/sign-out/")["Location"] == "/sign-in/"
    assert agent.get("/").status_code == 302


def test_the_theme_is_kept_with_the_user(centre: Centre, agent: Client) -> None:
    assert "data-theme" not in read(agent.get("/")).one("html").attributes
    response = agent.post("/account/theme/", {"theme": "dark", "next": "/account/?x=1"})
    assert response["Location"] == "/account/?x=1"
    assert read(agent.get("/")).one("html").attributes["data-theme"] == "dark"
    assert read(signed_in(centre.priya).get("/")).one("html").attributes["data-theme"] == "dark"
    agent.post("/account/theme/", {"theme": "pink"})
    centre.priya.refresh_from_db()
    assert centre.priya.theme == "dark"
    assert agent.post("/account/theme/", {"theme": "", "next": "//evil.example"})["Location"] == "/"


def test_a_password_is_changed_with_the_old_one(centre: Centre, agent: Client) -> None:
    new = "a new and longer passphrase"
    wrong = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    assert agent.post("/account/password/", wrong).status_code == 422
    agent.post("/account/password/", {**wrong, "old_password": factories.PASSWORD})
    centre.priya.refresh_from_db()
    assert centre.priya.check_password(new)
    assert agent.get("/").status_code == 200


@pytest.mark.parametrize(("role", "shown"), [("agent", False), ("supervisor", True), ("administrator", True)])
def test_the_administration_is_offered_to_those_who_may_enter(centre: Centre, role: str, shown: bool) -> None:
    page = read(signed_in(factories.make_user(role)).get("/account/"))
    assert bool(page.all("a", href="/admin/")) is shown


def test_the_handset_is_offered_where_there_is_a_sandbox(agent: Client, settings: object) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8100"  # type: ignore[attr-defined]
    assert read(agent.get("/")).all("a", href="http://127.0.0.1:8100/handset/")
    settings.SANDBOX_URL = ""  # type: ignore[attr-defined]
    assert not [link for link in read(agent.get("/")).all("a") if "handset" in link.attributes.get("href", "")]


def test_on_a_phone_the_account_leads_to_what_the_rail_has_no_room_for(agent: Client, supervisor: Client) -> None:
    def led_to(client: Client) -> set[str]:
        return {one.attributes["href"] for one in read(client.get("/account/")).one("nav", class_="card-menu").all("a")}

    assert {"/floor/", "/reports/"} <= led_to(supervisor)
    assert not {"/floor/", "/reports/"} & led_to(agent)
