"""Bad-input rows B23 to B26: what customers, colleagues and providers wrote, on every page that shows it.

links                                           tests/conversations/views/test_conversation.py
the administration, with histories              tests/conversations/admin/test_pages.py
the handset and the ledger                      tests/sandbox/test_pages.py, test_handset.py
files                                           tests/conversations/test_csv_files.py, views/test_contacts_files.py
the API                                         tests/conversations/api/test_schemathesis.py
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from django.test import Client

from conversations.models import Message, Stream, WebhookEvent
from conversations.services import inbound
from tests import factories
from tests.bad_input.sinks import Sink
from tests.conversations.admin.browsing import page
from tests.conversations.admin.rows import make_rows
from tests.conversations.views.conftest import Centre, signed_in
from tests.conversations.views.reading import Element, read

pytestmark = pytest.mark.django_db

Rows = dict[type[Model], Any]

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    '" style="x" hx-get="/x" hx-trigger="load',
    "</title></textarea></script><b>x</b>",
    "<!-- x --><a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "data:text/html,<b>x</b>",
    "&lt;b&gt; &#60;b&#62; %3Cb%3E",
    "{{7*7}}{% debug %}{% include '/etc/passwd' %}",
    "{0.__class__}%(x)s${alert(1)}`${7*7}`",
    "x\u2028</script>\u2029]]>",
]


def where_it_stands(rows: Rows) -> list[str]:
    """Every page of the product with the rows on it."""
    conversation = next(row for model, row in rows.items() if model.__name__ == "Conversation")
    message = next(row for model, row in rows.items() if model.__name__ == "Message")
    template = next(row for model, row in rows.items() if model.__name__ == "WhatsAppTemplate")
    return [
        f"/c/{conversation.pk}/",
        f"/c/{conversation.pk}/?view=all",
        f"/c/{conversation.pk}/template/",
        f"/c/{conversation.pk}/template/?template={template.pk}",
        f"/m/{message.pk}/attempts/",
        f"/inbox/updates/?view=all&open={conversation.pk}",
        f"/inbox/older/?view=all&open={conversation.pk}",
        "/?view=all",
        "/?view=failed",
        f"/?stream={conversation.stream_id}",
        f"/new/?to={conversation.contact.phone.replace('+', '%2B')}",
        "/account/",
    ]


def rows_with(text: str) -> Rows:
    """A row of everything, with the text wherever somebody else wrote it, and a second conversation beside."""
    rows = make_rows(text=text)
    conversation = next(row for model, row in rows.items() if model.__name__ == "Conversation")
    file = {"kind": "image", "link": text, "filename": text}
    factories.make_message(conversation, direction="in", body=text, media=[file])
    factories.make_conversation(contact=conversation.contact, last_message_preview=text)
    return rows


def pages_with(text: str, browser: Client, addresses: Callable[[Rows], list[str]]) -> list[tuple[str, Sink]]:
    """The pages of rows with that text; the rows are gone afterwards."""
    with transaction.atomic():
        sinks = [(address, Sink(browser.get(address))) for address in addresses(rows_with(text))]
        transaction.set_rollback(True)
    return sinks


@pytest.fixture
def browser(db: None) -> Client:
    """The browser of somebody who sees everything."""
    return signed_in(factories.make_user("administrator", name="Ada Admin"))


_harmless: dict[Any, list[tuple[str, Sink]]] = {}


def made_of_it(payload: str, browser: Client, addresses: Callable[[Rows], list[str]]) -> list[str]:
    """The pages that show the payload, having seen that each consists of what it consists of with harmless words."""
    if addresses not in _harmless:
        _harmless[addresses] = pages_with("x" * 30, browser, addresses)
    hostile = pages_with(payload, browser, addresses)
    for (address, sink), (_, plain) in zip(hostile, _harmless[addresses], strict=True):
        assert sink.bones == plain.bones, address
        assert sink.commands == plain.commands, address
    return [re.sub(r"\d+", "", address) for address, sink in hostile if sink.shows(payload)]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_b24_b25_no_page_makes_anything_of_a_text(browser: Client, payload: str) -> None:
    shown = made_of_it(payload, browser, where_it_stands)
    assert set(shown) >= {"/c//", "/c//template/", "/m//attempts/", "/inbox/updates/?view=all&open=", "/?view=all"}


def of_the_administration(rows: Rows) -> list[str]:
    """Both pages of each model."""
    return [
        address for model, row in rows.items() for address in (page(model, "changelist"), page(model, "change", row.pk))
    ]


def test_b24_b25_no_page_of_the_administration_either(browser: Client) -> None:
    payload = "</title></textarea></script><svg onload=x()>' onfocus=x() y='\"><b>{{7*7}}{0}%(x)s"
    assert len(made_of_it(payload, browser, of_the_administration)) > 30


def bubble(agent: Client, message: Message) -> Element:
    """A message as its conversation shows it."""
    page = read(agent.get(f"/c/{message.conversation_id}/"))
    return page.one("article", id=f"message-{message.pk}")


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("See https://example.com/\u202egpj.exe", True),
        ("\u2067\u202d pay 001 \u2069", True),
        ("שלום, מתי מגיע הטכנאי?", False),
        ("See https://example.com/photo.jpg", False),
    ],
)
def test_b23_what_turns_the_direction_is_said_and_stays_inside(
    desk: Centre, agent: Client, text: str, turns: bool
) -> None:
    message = factories.make_message(desk.conversation(), direction="in", body=text)
    shown = bubble(agent, message)
    assert ("Hidden direction marks" in shown.text) is turns
    words = shown.one("p", class_="bubble-text")
    assert words.attributes["dir"] == "auto"
    assert "".join(words.pieces).strip() == text
    assert all("\u202e" not in link.attributes["href"] + link.text for link in words.all("a"))


def test_b23_a_name_cannot_turn_what_stands_beside_it(desk: Centre, agent: Client) -> None:
    contact = factories.make_contact(first_name="\u202eAmira", last_name="\u2067x")
    page = read(agent.get(f"/c/{desk.conversation(contact=contact).pk}/?view=all"))
    holding = [one for one in page.one("body").walk() if "\u202eAmira" in "".join(one.pieces)]
    innermost = [one for one in holding if not any(child in holding for child in one.children)]
    assert innermost
    assert {one.tag for one in innermost} <= {"bdi", "label", "span"}
    assert sum(one.tag == "bdi" for one in innermost) >= 3


LONG_TEXTS = [
    "line\n" * 10_000,
    "\n" * 10_000,
    "Z" + "\u0351\u0334\u0300\u0489" * 20_000,
    "word " * 20_000,
    "x" * 100_000,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 5_000,
]


@pytest.mark.parametrize("text", LONG_TEXTS)
def test_b26_only_the_beginning_of_a_very_long_text_is_shown(desk: Centre, agent: Client, text: str) -> None:
    message = factories.make_message(desk.conversation(), direction="in", body=text + "end")
    words = "".join(bubble(agent, message).one("p", class_="bubble-text").pieces)
    assert len(words) <= 1601  # an ellipsis may follow
    assert words.count("\n") <= 50
    message.refresh_from_db()
    assert message.body == text + "end"
    assert "end" in read(agent.get(f"/m/{message.pk}/text/")).text
    assert len(agent.get("/inbox/older/?view=all").content) < 10_000


def test_b24_b26_what_a_customer_calls_themselves_and_their_files_is_text(agent: Client, desk: Centre) -> None:
    payload = '"><img src=x onerror=alert(1)>'
    Stream.objects.filter(pk=desk.care.pk).update(settings={"stream_id": "533"})
    child = {
        "Id": "1",
        "Message": payload,
        "Content": {"attachments": [{"url": "https://files.example/1", "filename": payload}]},
        "User": {"Phone1": "447741632543", "FirstName": payload, "LastName": payload, "Email": payload},
    }
    call = {"Subscription": "Object", "Name": "OnNewChild", "Object": {"Id": "7", "StreamId": "533", "Children": child}}
    address = f"/hooks/{desk.care.account.webhook_token}/"
    assert agent.post(address, {"Event": call}, content_type="application/json").status_code == 200
    inbound.process_webhooks(list(WebhookEvent.objects.values_list("pk", flat=True)))
    message = Message.objects.get()
    assert (message.body, message.media[0]["filename"]) == (payload, payload)
    sink = Sink(agent.get(f"/c/{message.conversation_id}/?view=all"))
    assert sink.words.count(payload) >= 5
    assert not [bone for bone in sink.bones if bone[0] == "img" or "onerror" in bone]
