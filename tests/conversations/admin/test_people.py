"""People: sign-in by e-mail, roles, and that nobody gives rights they do not have."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from conversations.models import AgentIdentity, CannedReply, Team, TeamMembership, User
from tests import factories
from tests.conversations.admin.browsing import errors_of, page, signed_in

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"
NO_ROWS = {
    f"{prefix}-{count}": "0" for prefix in ("memberships", "identities") for count in ("TOTAL_FORMS", "INITIAL_FORMS")
}


def role(name: str) -> str:
    """The id of a role, as a form sends it."""
    return str(Group.objects.get(name=name).pk)


def add(browser: Client, **fields: Any) -> HttpResponse:
    """Fill in the form for a new user."""
    form = {"email": "Rosa@Fernhill.example", "name": "Rosa Delgado", "role": role("agent")}
    form |= {"password1": PASSWORD, "password2": PASSWORD}
    return browser.post(page(User, "add"), form | fields)


def change(browser: Client, user: User, **fields: Any) -> HttpResponse:
    """Save the form of a user with some fields changed."""
    group = user.groups.first()
    form = {"email": user.email, "name": user.name, "role": str(group.pk) if group else "", "is_active": "on"}
    return browser.post(page(User, "change", user.pk), form | NO_ROWS | fields)


def signs_in(email: str, password: str) -> bool:
    return Client().post(reverse("sign-in"), {"username": email, "password": password}).status_code == 302


def test_a_user_is_added_and_can_sign_in(admin_browser: Client) -> None:
    answer = add(admin_browser)
    user = User.objects.get(email="rosa@fernhill.example")
    assert answer.headers["Location"] == page(User, "change", user.pk)
    assert [group.name for group in user.groups.all()] == ["agent"]
    assert signs_in("Rosa@fernhill.example", PASSWORD)
    assert user.is_staff is False


@pytest.mark.parametrize(
    ("field", "value", "at"),
    [
        ("email", "", "email"),
        ("email", "rosa", "email"),
        ("email", "PRIYA@fernhill.example", "email"),
        ("name", "", "name"),
        ("password2", "another horse battery staple", "password2"),
        ("password1", "short", "password2"),
        ("role", "9999", "role"),
    ],
)
def test_what_cannot_be_a_user_is_refused_at_its_field(field: str, value: str, at: str, admin_browser: Client) -> None:
    factories.make_user(email="priya@fernhill.example")
    fields = {field: value} | ({"password2": value} if value == "short" else {})
    assert list(errors_of(add(admin_browser, **fields))) == [at]
    assert not User.objects.filter(name="Rosa Delgado").exists()


def test_a_role_is_changed(admin_browser: Client) -> None:
    user = factories.make_user("agent")
    assert change(admin_browser, user, role=role("supervisor"), name="Now Supervisor").status_code == 302
    user = User.objects.get(pk=user.pk)
    assert user.is_staff
    assert user.name == "Now Supervisor"
    change(admin_browser, user, role="")
    assert User.objects.get(pk=user.pk).groups.count() == 0


def test_nobody_makes_a_superuser_who_is_none(admin_browser: Client) -> None:
    user = factories.make_user()
    assert "is_superuser" not in admin_browser.get(page(User, "change", user.pk)).content.decode()
    change(admin_browser, user, is_superuser="on", is_staff="on", user_permissions="1")
    user.refresh_from_db()
    assert not user.is_superuser
    assert user.user_permissions.count() == 0
    root = signed_in(factories.make_user(is_superuser=True))
    change(root, user, is_superuser="on")
    user.refresh_from_db()
    assert user.is_superuser


def test_nobody_changes_somebody_who_may_do_more(admin_browser: Client) -> None:
    root = factories.make_user(is_superuser=True)
    beyond = factories.make_user(is_active=False)
    beyond.user_permissions.add(Permission.objects.get(codename="change_group"))
    for user in (root, beyond):
        assert admin_browser.get(page(User, "change", user.pk)).status_code == 200  # to be read
        assert change(admin_browser, user, name="Mine now").status_code == 403
        password = reverse("admin:auth_user_password_change", args=[user.pk])
        new = {"password1": "a new horse battery staple", "password2": "a new horse battery staple"}
        assert admin_browser.post(password, new | {"usable_password": "true"}).status_code == 403
        user.refresh_from_db()
        assert user.check_password(PASSWORD)


def test_a_role_beyond_ones_own_is_not_offered(db: None) -> None:
    clerk = factories.make_user("supervisor")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["add_user", "change_user", "view_user"]))
    browser = signed_in(clerk)
    answer = browser.get(page(User, "add"))
    offered = {str(group) for group in answer.context["adminform"].form.fields["role"].queryset}
    assert offered == {"agent", "supervisor"}
    assert list(errors_of(add(browser, role=role("administrator")))) == ["role"]
    assert add(browser).status_code == 302


def test_nobody_shuts_themselves_out(admin_browser: Client, administrator: User) -> None:
    assert list(errors_of(change(admin_browser, administrator, is_active=""))) == ["is_active"]
    assert list(errors_of(change(admin_browser, administrator, role=role("agent")))) == ["role"]
    assert change(admin_browser, administrator, name="Ada Still").status_code == 302


def test_a_person_is_switched_off_and_never_deleted(admin_browser: Client) -> None:
    user = factories.make_user()
    assert admin_browser.post(page(User, "delete", user.pk), {"post": "yes"}).status_code == 403
    browser = signed_in(user)
    form = {"email": user.email, "name": user.name, "role": role("agent")} | NO_ROWS
    assert admin_browser.post(page(User, "change", user.pk), form).status_code == 302
    assert browser.get(reverse("inbox")).status_code == 302
    assert not signs_in(user.email, PASSWORD)


def test_a_password_is_set_on_its_own_page_and_no_hash_is_shown(admin_browser: Client) -> None:
    user = factories.make_user()
    text = admin_browser.get(page(User, "change", user.pk)).content.decode()
    address = reverse("admin:auth_user_password_change", args=[user.pk])
    assert address in text
    assert user.password not in text
    assert "md5" not in text.lower()
    assert "Priya" not in admin_browser.get(address).content.decode()
    new = "a much longer battery staple"
    form = {"password1": new, "password2": new, "usable_password": "true", "set-password": "1"}
    assert admin_browser.post(address, form).status_code == 302
    assert signs_in(user.email, new)


def test_teams_and_identities_are_kept_with_the_user(admin_browser: Client) -> None:
    user, account = factories.make_user(), factories.make_account()
    team = Team.objects.create(name="Service desk")
    rows = {
        "memberships-TOTAL_FORMS": "1",
        "memberships-0-team": team.pk,
        "memberships-0-user": user.pk,
        "identities-TOTAL_FORMS": "1",
        "identities-0-user": user.pk,
        "identities-0-account": account.pk,
    }
    refused = change(admin_browser, user, **rows)
    assert "Enter the agent&#x27;s id or e-mail address at the provider." in refused.content.decode()
    assert not team.members.exists()
    assert change(admin_browser, user, **rows, **{"identities-0-external_id": "42"}).status_code == 302
    assert list(team.members.all()) == [user]
    assert AgentIdentity.objects.get().external_id == "42"


def test_people_and_texts_are_found_by_the_name_of_a_team(admin_browser: Client) -> None:
    rosa, noor = factories.make_user(name="Rosa"), factories.make_user(name="Noor")
    north, south = (factories.make_team(name=name, members=[rosa]) for name in ("Field North", "Field South"))
    texts = [
        CannedReply.objects.create(shortcut=f"t{n}", title="Hello", body="Hello", team=one)
        for n, one in enumerate((north, None))
    ]

    def listed(model: type[Any], **query: str) -> list[Any]:
        return list(admin_browser.get(page(model, "changelist"), query).context["cl"].result_list)

    assert listed(User, of_team="field") == [rosa], "once, though in two teams"
    assert noor in listed(User, of_team="")
    assert [one.team for one in listed(TeamMembership, of_team="Field South")] == [south]
    assert listed(CannedReply, of_team="field north") == texts[:1]
    assert listed(CannedReply, team__isempty="1") == texts[1:]


def test_only_superusers_touch_roles(admin_browser: Client) -> None:
    agent = Group.objects.get(name="agent")
    assert admin_browser.get(page(Group, "change", agent.pk)).status_code == 403
    administrators = Group.objects.get(name="administrator")
    administrators.permissions.add(*Permission.objects.filter(content_type__app_label="auth"))
    assert admin_browser.get(page(Group, "changelist")).status_code == 200
    assert admin_browser.post(page(Group, "change", agent.pk), {"name": "agent"}).status_code == 403
    assert signed_in(factories.make_user(is_superuser=True)).get(page(Group, "change", agent.pk)).status_code == 200
