"""Keys of the JSON API in the administration: shown once, replaced, revoked, and for nobody who may do more."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from conversations.models import ApiKey, AuditEntry, User
from conversations.services.api_keys import create_api_key, find_api_key
from tests import factories
from tests.conversations.admin.browsing import act, errors_of, page, told

TEXT = re.compile(r"pk_[a-z2-7]{8}_[\w-]{43}")


@pytest.fixture
def priya(db: None) -> User:
    user = factories.make_user(name="Priya Nair")
    factories.make_team(members=[user], streams=[factories.make_stream(name="Care")])
    return user


@pytest.fixture
def key(priya: User) -> ApiKey:
    return create_api_key(name="Orders", user=priya, scopes=["read"])[0]


def form(user: User, **fields: object) -> dict[str, object]:
    return {"name": "Orders", "user": user.pk, "scopes": ["read", "send"], "rate_per_minute": 60, **fields}


def test_a_new_key_is_shown_once(admin_browser: Client, administrator: User, priya: User) -> None:
    answer = admin_browser.post(
        page(ApiKey, "add"), form(priya, streams=[stream.pk for stream in priya_streams(priya)])
    )
    (text,) = set(TEXT.findall(answer.content.decode()))
    assert "no-store" in answer["Cache-Control"]
    key = find_api_key(text)
    assert key is not None
    assert (key.user, key.created_by, key.scopes) == (priya, administrator, ["read", "send"])
    assert [stream.name for stream in key.streams.all()] == ["Care"]
    for address in (page(ApiKey, "change", key.pk), page(ApiKey, "changelist"), page(ApiKey, "history", key.pk)):
        assert text not in admin_browser.get(address).content.decode()
    assert AuditEntry.objects.filter(action="api_key_changed", actor=administrator).exists()


def test_keys_are_filtered_by_the_person_they_act_for(admin_browser: Client, key: ApiKey, priya: User) -> None:
    for typed, found in ((priya.name.lower(), [key]), (priya.email, [key]), ("nobody", []), ("", [key])):
        shown = admin_browser.get(page(ApiKey, "changelist"), {"user": typed})
        assert list(shown.context["cl"].result_list) == found


def priya_streams(user: User) -> list:
    return [row.stream for team in user.teams.all() for row in team.team_streams.all()]


def test_what_a_key_may_do_is_changed(admin_browser: Client, key: ApiKey, priya: User) -> None:
    admin_browser.post(page(ApiKey, "change", key.pk), form(priya, name="Orders 2", scopes=["send"]))
    key.refresh_from_db()
    assert (key.name, key.scopes, key.rate_per_minute) == ("Orders 2", ["send"], 60)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes"),
        ({"name": ""}, "name"),
        ({"rate_per_minute": 0}, "rate_per_minute"),
        ({"expires_at_0": "2026-01-01", "expires_at_1": "09:00"}, "expires_at"),
    ],
)
def test_what_makes_no_key(fields: dict, at: str, admin_browser: Client, priya: User) -> None:
    assert list(errors_of(admin_browser.post(page(ApiKey, "add"), form(priya, **fields)))) == [at]
    assert not ApiKey.objects.exists()


def test_no_key_for_somebody_who_is_switched_off(admin_browser: Client) -> None:
    gone = factories.make_user(name="Sam Osei", is_active=False)
    answer = admin_browser.post(page(ApiKey, "add"), form(gone))
    assert errors_of(answer) == {"user": ["Sam Osei is switched off, so the key would not work."]}
    assert not ApiKey.objects.exists()


def test_no_key_for_a_stream_that_its_user_does_not_see(admin_browser: Client, priya: User) -> None:
    answer = admin_browser.post(page(ApiKey, "add"), form(priya, streams=[factories.make_stream(name="Sales").pk]))
    assert errors_of(answer) == {"streams": ["Priya Nair does not see Sales. Leave it out."]}


def test_nobody_makes_or_changes_a_key_of_somebody_who_may_do_more(admin_browser: Client) -> None:
    root = User.objects.create_superuser("root@fernhill.example", name="Root")
    answer = admin_browser.post(page(ApiKey, "add"), form(root))
    assert errors_of(answer) == {"user": ["This person may do more than you. Choose somebody else."]}
    key, text = create_api_key(name="Root's", user=root, scopes=["read"])
    assert 'name="_save"' not in admin_browser.get(page(ApiKey, "change", key.pk)).content.decode()
    act(admin_browser, "replace", key, apply="1")
    act(admin_browser, "revoke", key, apply="1")
    assert find_api_key(text) == key


def test_a_key_is_replaced_after_a_question(admin_browser: Client, key: ApiKey) -> None:
    asked = act(admin_browser, "replace", key)
    assert "within a week" in asked.content.decode()
    assert not TEXT.search(asked.content.decode())
    answer = act(admin_browser, "replace", key, apply="1")
    (text,) = set(TEXT.findall(answer.content.decode()))
    assert find_api_key(text) == key


def test_a_key_is_revoked_after_a_question(admin_browser: Client, key: ApiKey) -> None:
    act(admin_browser, "revoke", key)
    key.refresh_from_db()
    assert key.revoked_at is None
    assert told(act(admin_browser, "revoke", key, apply="1")) == [f"{key} was revoked."]
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "Revoked" in admin_browser.get(page(ApiKey, "changelist")).content.decode()
    assert told(act(admin_browser, "replace", key, apply="1")) == ["This key was revoked. Make a new one."]
