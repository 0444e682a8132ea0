"""What people read when a page cannot be shown, and where they come back to after the session has ended."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client, RequestFactory

from config.asgi import LARGEST_BODY, application
from conversations.api.errors import server_error
from conversations.models import User
from tests import factories
from tests.conversations.views.conftest import Centre, signed_in
from tests.conversations.views.reading import HX, read

pytestmark = pytest.mark.django_db
SHOWS_PAGES = {"accept": "text/html,application/xhtml+xml"}


def test_an_address_that_only_takes_a_form_is_no_empty_page(agent: Client) -> None:
    page = agent.get("/handle/undo/", headers=SHOWS_PAGES)
    assert page.status_code == 405
    assert read(page).one("h1").text == "This address only takes a form"
    assert not agent.get("/handle/undo/").content, "a program reads the status"


def test_what_is_too_long_to_be_read_is_told(centre: Centre, supervisor: Client) -> None:
    page = supervisor.post("/contacts/import/", {"content": "07700900711\n" * 200_000, "region": "GB"})
    assert page.status_code == 400
    assert read(page).one("h1").text == "This could not be read"


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/new/", b"text/html; charset=utf-8", b"This is too large"),
        ("/api/v1/messages", b"application/json", b"too_large"),
        ("/dialects/webex_interact/v1/sms", b"text/plain; charset=utf-8", b"The request is too large."),
    ],
)
def test_a_body_above_the_limit_is_refused_in_the_shape_of_whoever_sent_it(
    path: str, kind: bytes, words: bytes
) -> None:
    answered: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": bytes(LARGEST_BODY + 1), "more_body": True}

    async def send(message: MutableMapping[str, Any]) -> None:
        answered.append(message)

    asyncio.run(application({"type": "http", "path": path, "method": "POST", "headers": []}, receive, send))
    assert answered[0]["status"] == 413
    assert dict(answered[0]["headers"])[b"content-type"] == kind
    assert words in answered[1]["body"]


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/contacts/import/", "the command import_contacts."),
        ("/permissions/import/", "the command import_opt_ins."),
        ("/templates/import/", ""),
    ],
)
def test_the_page_of_an_import_says_itself_that_a_file_is_too_large(
    centre: Centre, supervisor: Client, path: str, instead: str
) -> None:
    file = SimpleUploadedFile("list.csv", b"phone\n" + b"07700900711\n" * 500_000)
    page = supervisor.post(path, {"file": file, "region": "GB", "stream": centre.care.pk})
    assert page.status_code == 422
    said = read(page).one(id="id_file_error").text
    assert "The file is larger than 1" in said
    assert instead in said


@pytest.mark.parametrize("path", ["/", "/contacts/", "/admin/", "/api/v1/streams"])
def test_a_database_that_does_not_answer_is_no_fault_of_the_page(centre: Centre, path: str) -> None:
    browser = signed_in(centre.priya)
    browser.raise_request_exception = False
    asked = []

    def gone(*what: Any) -> Any:
        asked.append(what)
        raise OperationalError("connection lost")

    with connection.execute_wrapper(gone):
        answer = browser.get(path, headers={"authorization": "Bearer some-key"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert len(asked) == 1, "whoever waited for it in vain does not wait again"
    if path.startswith("/api/"):
        assert answer.json()["code"] == "database_away"
    else:
        assert read(answer).one("h1").text == "The database does not answer"


def test_a_page_that_broke_names_the_time_to_tell_an_administrator(rf: RequestFactory) -> None:
    with time_machine.travel("2026-06-01T13:05:09Z"):
        assert "1 June 2026, 14:05:09" in read(server_error(rf.get("/c/1/"))).text


def test_a_page_that_is_not_there_has_the_theme_that_was_chosen(centre: Centre) -> None:
    User.objects.filter(pk=centre.priya.pk).update(theme="dark")
    page = signed_in(centre.priya).get("/nothing-here/")
    assert read(page).one("html").attributes["data-theme"] == "dark"


def test_a_form_that_came_after_the_session_says_that_it_was_not_done_and_leads_back(centre: Centre) -> None:
    browser = Client(headers=SHOWS_PAGES | {"referer": "http://testserver/account/?x=1"})
    answer = browser.post("/account/theme/", {"theme": "dark"})
    assert answer["Location"] == "/sign-in/?next=/account/%3Fx%3D1"
    page = read(browser.get(answer["Location"]))
    assert "so this was not done" in page.one(class_="sign-in-notice").text
    given = {"username": centre.priya.email, "password": factories.PASSWORD, "next": "/account/?x=1"}
    assert browser.post("/sign-in/", given)["Location"] == "/account/?x=1"
    assert not read(browser.get("/account/")).all(class_="toast"), "said once"


@pytest.mark.parametrize("referer", ["https://evil.example/x", "http://testserver//evil.example", ""])
def test_a_form_from_elsewhere_leads_to_the_inbox(db: None, referer: str) -> None:
    answer = Client().post("/account/theme/", headers={"referer": referer})
    assert answer["Location"] == "/sign-in/?next=/"


def test_what_a_script_sends_leaves_no_words_behind(centre: Centre) -> None:
    browser = Client()
    browser.post("/handle/undo/", headers=HX)
    assert not read(browser.get("/sign-in/")).all(class_="sign-in-notice")


def test_the_first_sign_in_of_a_new_site_says_how_to_make_an_account(db: None) -> None:
    assert "createsuperuser" in read(Client().get("/sign-in/")).text
    factories.make_user()
    assert "createsuperuser" not in read(Client().get("/sign-in/")).text
