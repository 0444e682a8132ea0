"""Every address has a class, and nobody gets further than it says. A new address fails here until it has one."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.urls import get_resolver, reverse

from config.asgi import application
from conversations.models import (
    Campaign,
    Stream,
    User,
    WhatsAppTemplate,
)
from tests import factories
from tests.architecture.addresses import (
    ADMINISTRATOR,
    MODELS,
    NOBODY,
    OF_A_STREAM,
    PAGES,
    PUBLIC,
    REACHED_BY,
    SIGNED_IN,
    SUPERVISOR,
    Address,
    Rows,
    browser,
    filled_in,
    level_of,
    patterns,
    supervisor_of,
)
from tests.browser.test_every_page import NOT_WALKED, PART, names_walked
from tests.conversations.admin.rows import make_rows_of_pages

pytestmark = pytest.mark.django_db

REFUSED = (401, 403, 404, 405)
METHODS = ("get", "post")


def test_every_address_has_a_class() -> None:
    unclassified, names = [], set()
    for name, route in patterns(get_resolver().url_patterns):
        names.add(name)
        try:
            level_of(name)
        except KeyError:
            unclassified.append(f"{name} ({route})")
    assert unclassified == []
    assert set(PAGES) - names == set()
    assert {name.split("_")[1] for name in names if name.endswith("_changelist")} == set(MODELS)


@pytest.fixture
def rows() -> Rows:
    """A row of everything, on a WhatsApp stream of a team; Amira is the customer."""
    found = make_rows_of_pages()
    return {**found, Campaign: Campaign.objects.create(name="Visits to Amira", stream=found[Stream])}


@pytest.fixture
def addresses(rows: Rows) -> list[Address]:
    """Every address, filled in with the rows."""
    return [
        Address(name, f"/{filled_in(route, name, rows)}", level_of(name))
        for name, route in patterns(get_resolver().url_patterns)
    ]


@pytest.fixture
def given(rows: Rows) -> dict[str, Any]:
    """What a form or an address could name of somebody else's stream."""
    return {
        "stream": rows[Stream].pk,
        "template": rows[WhatsAppTemplate].pk,
        "to": "+447700900555",
        "body": "Hello",
        "mode": "reply",
        "title": "VIP",
        "view": "all",
        "app_label": "conversations",
        "model_name": "message",
        "field_name": "conversation",
    }


def snapshot() -> dict[str, list[Any]]:
    """Everything that the product has stored, except when people signed in."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in apps.get_app_config("conversations").get_models()
        if model is not User
    }


def elsewhere(role: str) -> User:
    """Somebody with a team and a stream, both not those of the rows."""
    user = factories.make_user(role, name="Sam Osei")
    factories.make_team(members=[user], streams=[factories.make_stream()])
    return user


def answers(client: Client, found: list[Address], given: dict[str, Any]) -> Iterator[tuple[Address, str, Any]]:
    """The answer to a GET and to a POST of each address."""
    for address in found:
        for method in METHODS:
            yield address, f"{method} {address.path}", getattr(client, method)(address.path, given)


def is_sent_away(response: Any) -> bool:
    """Is whoever asked sent to the sign-in, or where the administration says that it is not for them?"""
    gates = (reverse(settings.LOGIN_URL), reverse("admin:login"), reverse("admin:index"))
    return response.status_code == 302 and response["Location"].partition("?")[0] in gates


def test_strangers_see_the_public_pages_and_no_others(addresses: list[Address], given: dict[str, Any]) -> None:
    client, before = browser(), snapshot()
    closed = [one for one in addresses if one.level != PUBLIC]
    let_in = {
        request: response.status_code
        for _, request, response in answers(client, closed, given)
        if not (response.status_code in REFUSED or is_sent_away(response))
    }
    assert let_in == {}
    public = [one for one in addresses if one.level == PUBLIC]
    shut_out = {one.name: status for one in public if (status := client.get(one.path).status_code) not in (200, 405)}
    assert shut_out == {}
    assert snapshot() == before


def test_live_events_are_for_people_who_are_signed_in() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(application({"type": "http", "path": "/events", "headers": []}, receive, send))
    assert sent[0]["status"] == 401
    assert b"".join(message.get("body", b"") for message in sent[1:]) == b""


def test_an_agent_of_another_team_gets_nowhere(addresses: list[Address], given: dict[str, Any]) -> None:
    client, before = browser(elsewhere("agent")), snapshot()
    closed = [one for one in addresses if one.level not in (PUBLIC, SIGNED_IN)]
    let_in = {
        request: response.status_code
        for address, request, response in answers(client, closed, given)
        if not (response.status_code in REFUSED or (address.level != OF_A_STREAM and is_sent_away(response)))
    }
    assert let_in == {}
    assert snapshot() == before


def test_pages_for_everybody_show_and_change_nothing_of_other_teams(
    addresses: list[Address], given: dict[str, Any]
) -> None:
    client, before = browser(elsewhere("agent")), snapshot()
    beside = ("sign-out", "api-reference")  # the examples of the reference are about an Amira too
    own_pages = [one for one in addresses if one.level == SIGNED_IN and one.name not in beside]
    wrong = {
        request: response.status_code
        for _, request, response in answers(client, own_pages, given)
        if response.status_code >= 500 or re.search(rb"Amira|Khan\b", response.content)
    }
    assert wrong == {}
    assert snapshot() == before


def test_a_supervisor_of_another_team_finds_no_row(addresses: list[Address], given: dict[str, Any]) -> None:
    client, before = browser(elsewhere("supervisor")), snapshot()
    # Tags, keywords and working hours lie on no stream: every supervisor keeps them.
    of_rows = re.compile(
        r"admin:(?:conversations|auth)_(?!(?:tag|keywordset|workinghours)_)[a-z]+_(?:change|history|delete|do)"
    )
    shared = "(?:tag|keywordset|workinghours)"
    of_rows = re.compile(rf"admin:(?:conversations|auth)_(?!{shared}_)[a-z]+_(?:change|history|delete|do)")
    closed = [one for one in addresses if one.level == OF_A_STREAM or of_rows.fullmatch(one.name)]
    let_in = {
        request: response.status_code
        for _, request, response in answers(client, closed, given)
        if response.status_code not in REFUSED
    }
    assert let_in == {}
    lists = [one.path for one in addresses if one.name.endswith("_changelist")]
    assert [path for path in lists if b"Amira" in client.get(path).content] == []
    assert snapshot() == before


def test_a_supervisor_does_not_get_the_administrators_pages(
    addresses: list[Address], given: dict[str, Any], rows: Rows
) -> None:
    client, before = browser(supervisor_of(rows)), snapshot()
    closed = [one for one in addresses if one.level in (ADMINISTRATOR, NOBODY)]
    assert any(one.name == "django_rq:home" for one in closed)
    let_in = {
        request: response.status_code
        for _, request, response in answers(client, closed, given)
        if response.status_code not in REFUSED
    }
    assert let_in == {}
    assert snapshot() == before


@pytest.mark.parametrize("role", ["supervisor", "administrator"])
def test_nobody_is_led_to_an_error(role: str, addresses: list[Address], given: dict[str, Any], rows: Rows) -> None:
    client = browser(supervisor_of(rows) if role == "supervisor" else factories.make_user(role))
    broken = {
        address.path: status
        for address in addresses
        if (status := client.get(address.path, given if address.name == "admin:autocomplete" else None).status_code)
        >= 500
    }
    assert broken == {}


def test_every_page_of_the_workspace_is_walked_by_a_browser_or_excused(addresses: list[Address], rows: Rows) -> None:
    """A page that nobody looks at for contrast, width and errors fails here; so does an excuse that is not true."""
    client = browser(supervisor_of(rows))
    of_the_workspace = [one for one in addresses if ":" not in one.name and not one.name.startswith("dialect-")]
    answers_get = {one.name: one.path for one in of_the_workspace if client.get(one.path).status_code != 405}
    walked = names_walked()
    assert set(answers_get) - walked - set(NOT_WALKED) == set()
    assert walked & set(NOT_WALKED) == set()
    assert (walked | set(NOT_WALKED)) - {one.name for one in of_the_workspace} == set()
    shown = {name: client.get(answers_get[name]) for name, reason in NOT_WALKED.items() if reason == PART}
    assert [name for name, one in shown.items() if one.status_code == 200 and b"<html" in one.content] == []


def test_rows_are_written_in_the_administration_by_those_who_may(rows: Rows) -> None:
    supervisor, ada = supervisor_of(rows), factories.make_user("administrator", name="Ada Winter")
    people = {SUPERVISOR: browser(supervisor), ADMINISTRATOR: browser(ada)}
    of_name = {kind._meta.model_name: one for kind, one in rows.items()}
    for model, role in itertools.product(MODELS, people):
        client, (read, add, change, delete) = people[role], MODELS[model]
        row = of_name[model]
        below = f"admin:{row._meta.app_label}_{model}"
        shown = client.get(reverse(f"{below}_change", args=[row.pk]))
        seen = {
            "list": client.get(reverse(f"{below}_changelist")).status_code == 200,
            "page": shown.status_code == 200,
            "add": client.get(reverse(f"{below}_add")).status_code == 200,
            "change": b'name="_save"' in shown.content,
            "delete": client.get(reverse(f"{below}_delete", args=[row.pk])).status_code == 200,
        }
        levels = {"list": read, "page": read, "add": add, "change": change, "delete": delete}
        assert seen == {page: level in REACHED_BY[role] for page, level in levels.items()}, (model, role)
