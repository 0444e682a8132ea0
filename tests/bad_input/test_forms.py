"""Bad-input rows B55 to B62: what is sent to pages, whichever page it is.

B55 in the composer, B57, B62 without a token     tests/conversations/views/test_composer.py
B56 what belongs to other teams, at every address tests/architecture/test_urls.py
B58, B59 in the administration                    tests/conversations/admin/test_pages.py
B59 where a sign-in leads                         tests/conversations/views/test_account.py
B60, B61 on the wire                              test_wire.py
the API's                                         tests/conversations/api/
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django import forms
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import get_resolver

from conversations.forms.base import StyledForm
from conversations.models import Contact, Conversation, Message
from tests import factories
from tests.architecture.addresses import PAGES, PUBLIC, Rows, browser, patterns, supervisor_of
from tests.architecture.test_urls import addresses, rows
from tests.bad_input.conftest import nothing_stored_nor_sent
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import read

__all__ = ["addresses", "rows"]

pytestmark = pytest.mark.django_db

QUERY = ("q", "page", "order", "sort", "view", "status", "stream", "cursor", "before", "since", "rows", "seen", "open")
QUERY += ("template", "to", "next", "then", "c", "theme", "mode", "go")


def names() -> Iterator[str]:
    """Every name under which a page of ours may be told something."""
    yield from QUERY
    known: list[type[forms.Form]] = [StyledForm, forms.Form]
    for form in known:
        known += form.__subclasses__()
        if form.__module__.startswith("conversations."):
            yield from form.base_fields


HOSTILE = {
    "negative": "-1",
    "not a number": "9e99",
    "two to the 63": str(2**63),
    "NUL": "\x00",
    "5,000 digits": "9" * 5000,
    "2,000 signs": "%_\\'(" * 400,
    "nobody sees it": "\u202e\u200b\ufffe",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_b57_b58_b59_no_page_breaks_whatever_it_is_told(kind: str, rows: Rows, addresses: list[Any]) -> None:
    client = browser(supervisor_of(rows))
    told = dict.fromkeys(names(), HOSTILE[kind])
    query, body = urlencode(told), encode_multipart(BOUNDARY, told)
    broken = {}
    for one in addresses:
        if one.name in PAGES and one.name != "sign-out" and not one.name.startswith("admin:"):
            got = client.get(one.path, QUERY_STRING=query).status_code
            posted = client.generic("POST", one.path, body, content_type=MULTIPART_CONTENT).status_code
            if max(got, posted) >= 500:
                broken[one.name] = (got, posted)
    assert broken == {}


# The API asks for a key before it looks at an id: tests/conversations/api try its addresses with one.
ROUTES = [
    route
    for name, route in patterns(get_resolver().url_patterns)
    if "<int:pk>" in route and not name.startswith("api:")
]
NO_ID = ["0", "-1", "9e99", str(2**63), "1;drop", "1%00", "%00", "1.0", "0x1", "x" * 5000, "9" * 5000, "%E0%A4", "٣"]


@pytest.mark.parametrize("pk", NO_ID)
def test_b58_an_id_that_is_none_is_not_found(desk: Centre, pk: str) -> None:
    desk.conversation()
    client = browser(desk.priya)
    with nothing_stored_nor_sent():
        found = {
            f"{method} {route}": status
            for route in ROUTES
            for method in ("get", "post")
            if (status := getattr(client, method)(f"/{route.replace('<int:pk>', pk)}").status_code) not in (404, 405)
        }
    assert found == {}


@pytest.mark.parametrize("key", ["", "x", "1", "\x00", "9" * 5000, "../x", "9f0c2b1e-6a3d-4c58-8f27-d1e5b7a0c94"])
def test_b55_a_form_without_a_good_key_is_refused(desk: Centre, agent: Client, key: str) -> None:
    form = {"to": "07741632543", "stream": desk.texts.pk, "body": "Hello", "client_key": key}
    conversation = desk.conversation()
    for address in ("/new/", f"/c/{conversation.pk}/reply/"):
        with nothing_stored_nor_sent():
            assert agent.post(address, form | {"mode": "reply"}).status_code == 422


def test_b55_a_key_is_good_for_one_text_to_one_customer(desk: Centre, agent: Client) -> None:
    form = {"to": "07741632543", "stream": desk.texts.pk, "body": "Hello", "client_key": str(uuid.uuid4())}
    for _ in range(3):
        assert agent.post("/new/", form).status_code == 302
    assert Message.objects.count() == 1
    for changed in ({"body": "Hello!"}, {"to": "07741632544"}):
        with nothing_stored_nor_sent():
            response = agent.post("/new/", form | changed)
        assert response.status_code == 422
        assert "already sent with another text" in read(response).text


def test_b57_what_a_form_does_not_ask_for_is_not_taken(desk: Centre, agent: Client) -> None:
    form = {"to": "07741632543", "stream": desk.texts.pk, "body": "Hello", "client_key": str(uuid.uuid4())}
    foreign = factories.make_conversation()
    form |= {"status": "delivered", "author": desk.tom.pk, "direction": "in", "external_id": "x", "segments": 0}
    form |= {"conversation": foreign.pk, "contact": foreign.contact_id, "purpose": "marketing", "kind": "opening"}
    form |= {"valid_until": "2020-01-01", "queued_at": "", "id": 1, "pk": 1, "is_staff": "on", "assignee": desk.tom.pk}
    assert agent.post("/new/", form).status_code == 302
    message = Message.objects.get()
    assert (message.author, message.direction, message.kind) == (desk.priya, "out", "text")
    assert message.status in ("queued", "held")
    assert (message.external_id, message.purpose, message.valid_until) == ("", "service", None)
    assert message.conversation.assignee == desk.priya
    assert message.conversation != foreign
    desk.priya.refresh_from_db()
    assert not desk.priya.is_staff


ELSEWHERE = ["//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example"]
ELSEWHERE += [
    "https://evil.example@testserver/",
    "javascript:alert(1)",
    "\thttps://evil.example",
    "http:///evil.example",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_b59_nobody_is_led_to_another_site(desk: Centre, agent: Client, address: str) -> None:
    form = {"username": desk.priya.email, "password": factories.PASSWORD, "next": address}
    assert Client().post("/sign-in/", form)["Location"] == "/"
    assert agent.post("/account/theme/", {"theme": "", "next": address})["Location"] == "/"


@pytest.mark.parametrize("text", ["\x00", "%_" * 5000, "\\" * 10_000, "(((((" * 100, "a " * 5000, "\u202e" * 100])
@pytest.mark.parametrize("address", ["/", "/inbox/older/", "/search/", "/search/palette/"])
def test_b59_a_search_for_anything_is_answered_in_time(desk: Centre, agent: Client, address: str, text: str) -> None:
    desk.conversation()

    def seconds() -> float:
        started = time.monotonic()
        assert agent.get(address, {"q": text}).status_code in (200, 400)
        return time.monotonic() - started

    assert min(seconds() for _ in range(3)) < 2


STRANGE = ["page=-1", "page=9e99", "order=password", "sort=-password", "view=x&status=y", "a[]=1&a=2", "=&&=;"]


@pytest.mark.parametrize("query", STRANGE)
def test_b59_words_that_are_none_of_ours_give_the_first_page(desk: Centre, agent: Client, query: str) -> None:
    desk.conversation(assignee=desk.priya)
    page = read(agent.get(f"/?{query}"))
    assert len(page.all("a", class_="conversation-row")) == 1


BROKEN_BODIES = [
    ("application/json", b'{"body": "Hello"}'),
    ("application/json", b"{"),
    ("text/plain", b"body=Hello"),
    ("multipart/form-data", b"body=Hello"),
    ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
    ("multipart/form-data; boundary=" + "x" * 5000, b""),
    ("application/x-www-form-urlencoded", b"body=%ff%fe&client_key=\xff"),
    ("application/x-www-form-urlencoded; charset=utf-7", b"body=Hello"),
    ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % number for number in range(2000))),
    ("application/x-www-form-urlencoded", b"body=" + b"x" * 3_000_000),
    ("\x00", b"body=Hello"),
]


@pytest.mark.parametrize(("content_type", "body"), BROKEN_BODIES)
def test_b60_a_body_that_is_no_form_stores_nothing(desk: Centre, content_type: str, body: bytes) -> None:
    conversation = desk.conversation()
    client = browser(desk.priya)
    for address in (f"/c/{conversation.pk}/reply/", "/new/", f"/c/{conversation.pk}/consent/"):
        with nothing_stored_nor_sent():
            status = client.post(address, body, content_type=content_type).status_code
        assert status in (400, 413, 415, 422), address


HOSTS = ["evil.example", "testserver.evil.example", "testserver@evil.example", "[::1", "a b", "testserver:x"]


@pytest.mark.parametrize("host", HOSTS)
def test_b61_another_host_is_refused(desk: Centre, host: str) -> None:
    client = browser(desk.priya)
    assert client.get("/", headers={"host": host}).status_code == 400


def test_b61_headers_that_claim_another_address_or_method_are_ignored(desk: Centre) -> None:
    spoofed = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-For": "127.0.0.1",
        "X-Original-URL": "/admin/",
        "X-Rewrite-URL": "/admin/",
        "Forwarded": "host=evil.example",
    }
    response = Client().get("/", headers=spoofed)
    assert response["Location"] == "/sign-in/?next=/"
    conversation = desk.conversation()
    client = browser(desk.priya)
    assert "evil.example" not in client.get(f"/c/{conversation.pk}/", headers=spoofed).content.decode()
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        address = f"/c/{conversation.pk}/resolve/"
        assert client.get(f"{address}?_method=POST", headers={header: "POST"}).status_code == 405
    conversation.refresh_from_db()
    assert conversation.status == "open"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "https://testserver"},
        {"X-CSRFToken": "x" * 32},
        {"X-CSRFToken": "x" * 64},
        {},
    ],
)
def test_b62_a_form_from_another_site_is_refused(desk: Centre, headers: dict[str, str]) -> None:
    conversation = desk.conversation()
    client = Client(enforce_csrf_checks=True)
    client.force_login(desk.priya)
    page = client.get(f"/c/{conversation.pk}/").content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found is not None
    form = {"mode": "reply", "body": "Hello", "client_key": str(uuid.uuid4())}
    token = {"csrfmiddlewaretoken": found[1]} if "Origin" in headers else {}
    for address in (f"/c/{conversation.pk}/reply/", "/new/", f"/c/{conversation.pk}/resolve/", "/sign-out/"):
        with nothing_stored_nor_sent():
            assert client.post(address, form | token, headers=headers).status_code == 403, address
    good = {"csrfmiddlewaretoken": found[1]}
    own = client.post(f"/c/{conversation.pk}/reply/", form | good, headers={"Origin": "http://testserver"})
    assert own.status_code == 302


def test_b59_a_name_that_is_a_pattern_finds_nobody_by_it(desk: Centre, agent: Client) -> None:
    desk.conversation()
    for pattern in ("%", "_", "%%%", "A%a", "\\", "A_ira"):
        page = read(agent.get(f"/?view=all&q={quote(pattern)}"))
        assert not page.all("a", class_="conversation-row"), pattern
    assert (Contact.objects.count(), Conversation.objects.count()) == (1, 1)
    assert PAGES["webhook"] == PUBLIC
