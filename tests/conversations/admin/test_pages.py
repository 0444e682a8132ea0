"""Every page opens, shows what was stored as text, and costs the same for few rows as for many."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conversations.admin.mixins import CappedPaginator
from conversations.admin.site import SUBJECTS
from conversations.models import Contact, Message, ProviderAccount
from tests import factories
from tests.conversations.admin.browsing import page
from tests.conversations.admin.rows import make_rows, rows_for_people

pytestmark = pytest.mark.django_db
MODELS = sorted(rows_for_people(), key=lambda model: model.__name__)
MOST_QUERIES = 25


def read(client: Client, address: str) -> str:
    """The text of a page that opens."""
    response = client.get(address)
    assert response.status_code == 200, f"{address}: {response.status_code}"
    return response.content.decode()


def queries_of(client: Client, address: str) -> int:
    """How many queries a page takes."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        read(client, address)
    return len(captured)


def test_lists_and_pages_open_and_do_not_grow_with_their_rows(admin_browser: Client) -> None:
    for _ in range(5):
        rows = make_rows()
    pages = {
        f"{model.__name__} {name}": address
        for model, row in rows.items()
        for name, address in (("list", page(model, "changelist")), ("page", page(model, "change", row.pk)))
    }
    for address in pages.values():
        read(admin_browser, address)  # fills the caches of the process
    with_few = {name: queries_of(admin_browser, address) for name, address in pages.items()}
    for _ in range(20):
        make_rows()
    with_many = {name: queries_of(admin_browser, address) for name, address in pages.items()}
    assert with_many == with_few
    assert {name: count for name, count in with_many.items() if count > MOST_QUERIES} == {}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_list_opens_when_the_key_of_stored_secrets_is_lost(
    model: type[Model], admin_browser: Client, settings: Any
) -> None:
    make_rows()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    read(admin_browser, page(model, "changelist"))


def test_every_model_has_a_page_and_a_place_on_the_first_page(admin_browser: Client) -> None:
    assert {model for model in MODELS if not admin.site.is_registered(model)} == set()
    placed = [name for _label, _title, names in SUBJECTS for name in names]
    assert sorted(placed) == sorted([model.__name__ for model in MODELS] + [Group.__name__])
    text = read(admin_browser, reverse("admin:index"))
    for _label, title, _names in SUBJECTS:
        assert str(title) in text
    for model in MODELS:
        assert f'href="{page(model, "changelist")}"' in text


def test_a_page_with_many_rows_under_it_costs_the_same(admin_browser: Client) -> None:
    rows = make_rows()
    message: Any = rows[Message]
    team: Any = next(row for model, row in rows.items() if model.__name__ == "Team")
    addresses = [page(Message, "change", message.pk), page(type(team), "change", team.pk)]
    for address in addresses:
        read(admin_browser, address)
    before = [queries_of(admin_browser, address) for address in addresses]
    for _ in range(8):
        message.events.create(to_status="delivered", actor=factories.make_user())
        message.receipts.create(account=message.stream.account, key=str(factories.make_user().pk), status="read")
        team.memberships.create(user=factories.make_user())
        team.team_streams.create(stream=factories.make_stream())
    assert [queries_of(admin_browser, address) for address in addresses] == before


def test_every_add_page_opens_or_is_refused(admin_browser: Client) -> None:
    make_rows()
    open_to = set()
    for model in MODELS:
        status = admin_browser.get(page(model, "add")).status_code
        assert status in (200, 403), model
        if status == 200:
            open_to.add(model.__name__)
    assert open_to == {
        "AgentIdentity",
        "ApiKey",
        "CannedReply",
        "KeywordSet",
        "OptIn",
        "ProviderAccount",
        "SendingPolicy",
        "Stream",
        "StreamGate",
        "SubStream",
        "Tag",
        "Team",
        "TeamMembership",
        "TeamStream",
        "User",
        "WebhookSubscription",
        "WhatsAppTemplate",
        "WorkingHours",
    }


HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{7*7}}'


def test_hostile_text_is_shown_as_text_everywhere(admin_browser: Client) -> None:
    without = set()
    for model, row in make_rows(text=HOSTILE).items():
        for name in ("change", "history", "delete"):
            address = page(model, name, row.pk)
            text = admin_browser.get(address).content.decode()
            assert "<script>alert" not in text, address
            assert "<img src=x" not in text, address
        text = read(admin_browser, page(model, "changelist")) + read(admin_browser, page(model, "change", row.pk))
        assert "<script>alert" not in text, model
        assert "<img src=x" not in text, model
        assert not any("49" in after for after in re.findall(r"onerror=alert\(1\)&gt;(.{0,7})", text)), model
        if "&lt;script&gt;" not in text:
            without.add(model.__name__)
    assert without == {"ConsentState"}  # nobody writes words there


def test_no_page_holds_anything_the_policy_refuses(admin_browser: Client) -> None:
    rows = make_rows()
    for model, row in rows.items():
        for address in (page(model, "changelist"), page(model, "change", row.pk), page(model, "history", row.pk)):
            text = read(admin_browser, address)
            assert " style=" not in text, address
            assert "<style" not in text, address
            assert " onclick=" not in text, address
            assert all("src=" in tag.partition(">")[0] for tag in text.split("<script")[1:]), address


@pytest.mark.parametrize("pk", ["-1", "0", "9e99", str(2**63), "1;drop", "%00", "x" * 5000, "1/../2"])
def test_an_id_that_is_none_is_not_found(pk: str, admin_browser: Client) -> None:
    for model in (Message, Contact, ProviderAccount):
        address = page(model, "change", 1).replace("/1/", f"/{pk}/")
        assert admin_browser.get(address).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "p=-1",
        "p=9e99",
        "q=%00",
        "q=" + "%25_" * 2000,
        "o=password",
        "o=99.-1",
        "status__exact=%00",
        "stream=abc",
        "stream=%00",
        "author=1;drop",
        "author=%00",
        "created_at__gte=abc",
        "id__exact=" + "9" * 30,
        "conversation__id__exact=x",
    ],
)
def test_a_query_that_is_none_is_no_fault_of_ours(query: str, admin_browser: Client) -> None:
    factories.make_message()
    status = admin_browser.get(f"{page(Message, 'changelist')}?{query}", follow=True).status_code
    assert status in (200, 400)


def test_a_chosen_row_that_is_none_is_refused(admin_browser: Client) -> None:
    for chosen in ("abc", "\x00", "1;drop"):
        answer = admin_browser.post(
            page(Message, "changelist"), {"action": "cancel", "_selected_action": chosen, "index": "0"}
        )
        assert answer.status_code == 400


def test_secrets_cannot_be_guessed_by_filters(admin_browser: Client) -> None:
    account = factories.make_account()
    for guess in (f"webhook_token__startswith={account.webhook_token[:3]}", "credentials__startswith=gA"):
        assert admin_browser.get(f"{page(ProviderAccount, 'changelist')}?{guess}").status_code == 400
    assert admin_browser.get("/admin/conversations/user/?password__startswith=a").status_code == 400


@pytest.mark.parametrize("typed", ["+447700900123", "07700 900123", "(07700) 900-123", "7700900123"])
def test_a_number_is_found_however_it_is_typed(typed: str, admin_browser: Client) -> None:
    factories.make_contact("+447700900123", first_name="Amira")
    factories.make_contact("+447700900999", first_name="Bilal")
    text = admin_browser.get(page(Contact, "changelist"), {"q": typed}).content.decode()
    assert "Amira" in text
    assert "Bilal" not in text


def test_a_long_list_is_counted_only_so_far(monkeypatch: pytest.MonkeyPatch, admin_browser: Client) -> None:
    monkeypatch.setattr(CappedPaginator, "LIMIT", 3)
    conversation = factories.make_conversation()
    for _ in range(5):
        factories.make_message(conversation)
    text = read(admin_browser, page(Message, "changelist"))
    assert "3 or more: search or filter to narrow them down" in text


def test_autocomplete_and_choices_are_bounded(admin_browser: Client) -> None:
    for _ in range(3):
        make_rows()
    found = admin_browser.get(
        reverse("admin:autocomplete"),
        {"app_label": "conversations", "model_name": "teammembership", "field_name": "user", "term": "agent"},
    )
    assert len(found.json()["results"]) == 3
