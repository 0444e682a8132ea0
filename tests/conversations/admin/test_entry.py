"""Who enters the administration, what a supervisor sees of it, and rows that nobody changes."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from conversations.models import (
    Activity,
    AttemptResult,
    ConsentState,
    Contact,
    Conversation,
    Indicator,
    Message,
    MessageEvent,
    OptIn,
    Receipt,
    SendAttempt,
    Stream,
    StreamGate,
    SubStream,
    User,
    WebhookEvent,
    WhatsAppTemplate,
)
from tests import factories
from tests.conversations.admin.browsing import page, signed_in
from tests.conversations.admin.rows import make_rows, rows_for_people

pytestmark = pytest.mark.django_db
MODELS = sorted(rows_for_people(), key=lambda model: model.__name__)
READ_ONLY: list[type[Model]] = [
    Activity,
    AttemptResult,
    ConsentState,
    Conversation,
    Indicator,
    Message,
    MessageEvent,
    OptIn,
    Receipt,
    SendAttempt,
    WebhookEvent,
]
WITH_STREAMS: list[type[Model]] = [*READ_ONLY, Contact, Stream, StreamGate, SubStream, WhatsAppTemplate]


@pytest.fixture
def supervised() -> dict[type[Model], Model]:
    """Rows on a stream of Tom's team."""
    return make_rows()


@pytest.fixture
def supervisor(supervised: dict[type[Model], Model]) -> User:
    """Tom, who supervises one stream."""
    tom = factories.make_user("supervisor", name="Tom Reyes")
    stream: Any = supervised[Stream]
    factories.make_team(members=[tom], streams=[stream])
    return tom


@pytest.fixture
def tom(supervisor: User) -> Client:
    """Tom's browser."""
    return signed_in(supervisor)


def test_a_stranger_is_sent_to_the_products_sign_in() -> None:
    address = page(Message, "changelist")
    for client, asked in ((Client(), address), (Client(), reverse("admin:login") + f"?next={address}")):
        answer = client.get(asked)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(reverse("sign-in"))
        assert f"next={address}" in answer.headers["Location"]


def test_the_way_on_after_sign_in_stays_here() -> None:
    answer = Client().get(reverse("admin:login"), {"next": "//evil.example/"})
    assert "evil" not in answer.headers["Location"]


def test_an_agent_is_told_why_not(db: None) -> None:
    agent = signed_in(factories.make_user("agent", name="Priya Nair"))
    answer = agent.get(reverse("admin:index"), follow=True)
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "The administration is for supervisors and administrators." in text
    assert "Priya Nair" in text
    for model in MODELS:
        assert agent.get(page(model, "changelist"), follow=True).status_code == 403
        assert agent.get(page(model, "add"), follow=True).status_code == 403


def test_somebody_who_was_switched_off_is_a_stranger(admin_browser: Client, administrator: User) -> None:
    User.objects.filter(pk=administrator.pk).update(is_active=False)
    assert admin_browser.get(reverse("admin:index")).status_code == 302


def test_the_first_page_shows_what_somebody_may_see(tom: Client) -> None:
    text = tom.get(reverse("admin:index")).content.decode()
    assert page(Message, "changelist") in text
    assert page(User, "changelist") not in text
    assert reverse("django_rq:home") not in text
    assert "Accounts and streams" in text


@pytest.mark.parametrize("model", WITH_STREAMS, ids=lambda model: model.__name__)
def test_a_supervisor_sees_the_rows_of_the_own_streams_alone(
    model: type[Model], tom: Client, supervised: dict[type[Model], Model]
) -> None:
    other = make_rows()
    listed = tom.get(page(model, "changelist"))
    assert listed.status_code == 200
    shown = {row.pk for row in listed.context["cl"].result_list}
    assert supervised[model].pk in shown
    assert other[model].pk not in shown
    assert tom.get(page(model, "change", supervised[model].pk)).status_code == 200
    for name in ("change", "history", "delete"):
        assert tom.get(page(model, name, other[model].pk)).status_code in (403, 404)
    assert tom.get(page(model, "change", other[model].pk)).status_code == 404
    action = tom.post(page(model, "do", other[model].pk, "cancel"))
    assert action.status_code == 404


def test_a_call_is_seen_by_those_who_see_every_stream_of_its_account(
    tom: Client, supervised: dict[type[Model], Model]
) -> None:
    address = page(WebhookEvent, "change", supervised[WebhookEvent].pk)
    assert tom.get(address).status_code == 200
    stream: Any = supervised[Stream]
    factories.make_stream(stream.account)
    assert tom.get(address).status_code == 404


def test_choices_and_filters_name_own_streams_alone(tom: Client, supervised: dict[type[Model], Model]) -> None:
    other: Any = make_rows()[Stream]
    own: Any = supervised[Stream]
    for address in (page(WhatsAppTemplate, "add"), page(Message, "changelist")):
        text = tom.get(address).content.decode()
        assert own.name in text
        assert other.name not in text
    found = tom.get(page(Message, "changelist"), {"stream": other.name})
    assert not found.context["cl"].result_list
    refused = tom.post(
        page(WhatsAppTemplate, "add"),
        {
            "stream": other.pk,
            "name": "visit",
            "language": "en",
            "category": "utility",
            "components": "[]",
            "status": "draft",
        },
    )
    assert "stream" in refused.context["adminform"].form.errors
    assert not WhatsAppTemplate.objects.filter(name="visit").exists()


def test_a_supervisor_reaches_neither_people_nor_secrets(tom: Client, supervised: dict[type[Model], Model]) -> None:
    for model in MODELS:
        if model.__name__ in ("ProviderAccount", "User", "TeamMembership", "TeamStream", "AgentIdentity"):
            assert tom.get(page(model, "changelist")).status_code == 403
            assert tom.get(page(model, "change", supervised[model].pk)).status_code == 403
    for address in (page(Stream, "add"), reverse("admin:auth_group_changelist")):
        assert tom.get(address).status_code == 403


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
def test_what_services_write_is_not_written_here(
    model: type[Model], admin_browser: Client, administrator: User
) -> None:
    row = make_rows()[model]
    before = type(row)._default_manager.filter(pk=row.pk).values().get()
    for browser in (admin_browser, signed_in(factories.make_user(is_superuser=True))):
        everything = {field.name: "1" for field in model._meta.fields} | {"status": "read", "body": "changed"}
        assert browser.post(page(model, "change", row.pk), everything).status_code == 403
        assert browser.get(page(model, "delete", row.pk)).status_code == 403
        assert browser.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        if model is not OptIn:
            assert browser.post(page(model, "add"), everything).status_code == 403
        browser.post(
            page(model, "changelist"), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
        )
    assert type(row)._default_manager.filter(pk=row.pk).values().get() == before


def test_a_status_cannot_be_slipped_into_a_form(admin_browser: Client) -> None:
    rows = make_rows()
    contact: Any = rows[Contact]
    answer = admin_browser.post(
        page(Contact, "change", contact.pk), {"first_name": "Rosa", "phone": "+447700900999", "id": "77"}
    )
    assert answer.status_code == 302
    changed = Contact.objects.get(pk=contact.pk)
    assert (changed.first_name, changed.phone) == ("Rosa", contact.phone)


def test_rights_are_those_of_the_role_and_change_with_it(admin_browser: Client) -> None:
    row = make_rows()[Contact]
    assert admin_browser.get(page(Contact, "change", row.pk)).status_code == 200
    Group.objects.get(name="administrator").permissions.remove(Permission.objects.get(codename="change_contact"))
    assert admin_browser.post(page(Contact, "change", row.pk), {"first_name": "No"}).status_code == 403


def test_the_page_follows_the_theme_of_whoever_looks(admin_browser: Client, administrator: User) -> None:
    assert "data-theme" not in admin_browser.get(reverse("admin:index")).content.decode()
    User.objects.filter(pk=administrator.pk).update(theme="dark")
    assert 'data-theme="dark"' in admin_browser.get(reverse("admin:index")).content.decode()


def test_a_password_is_changed_here_too(admin_browser: Client, administrator: User) -> None:
    answer = admin_browser.post(
        reverse("admin:password_change"),
        {
            "old_password": factories.PASSWORD,
            "new_password1": "a much longer battery staple",
            "new_password2": "a much longer battery staple",
        },
        follow=True,
    )
    assert answer.status_code == 200
    administrator.refresh_from_db()
    assert administrator.check_password("a much longer battery staple")


def test_signing_out_ends_at_the_sign_in_page(admin_browser: Client) -> None:
    answer = admin_browser.post(reverse("admin:logout"))
    assert answer.headers["Location"] == reverse("sign-in")
    assert admin_browser.get(reverse("admin:index")).status_code == 302
