"""Where people are signed in, ending that, and proving again who one is."""

from __future__ import annotations

import time
from typing import Any

import pyotp
import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse

from conversations.models import AuditEntry, ProviderAccount, SignedInSession, User
from conversations.services import second_factor
from conversations.services.signed_in import PROVED, device_words
from tests import factories

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def priya() -> User:
    return factories.make_user()


def client_of(user: User, *, agent: str = FIREFOX, minutes_ago: float = 0) -> Client:
    """A browser that signed in that long ago."""
    client = Client(headers={"user-agent": agent})
    given = {"username": user.email, "password": factories.PASSWORD}
    assert client.post(reverse("sign-in"), given).status_code == 302
    if minutes_ago:
        session = client.session
        session[PROVED] -= minutes_ago * 60
        session.save()
    return client


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19 Safari/604.1", "Safari on iPhone"),
        ("<script>alert(1)</script>", "A browser"),
        ("", "A browser"),
    ],
)
def test_devices_are_named_in_words_of_ours(agent: str, words: str) -> None:
    assert device_words(agent) == words


def test_a_person_sees_and_ends_their_own_sessions(priya: User) -> None:
    here, there, third = (client_of(priya) for _ in range(3))
    elsewhere = client_of(factories.make_user())
    page = here.get(reverse("account")).content.decode()
    assert page.count("Firefox on Linux") == 5  # three, two of them with a button that says so again
    assert "This browser" in page
    row = SignedInSession.objects.get(session_key=there.session.session_key)
    here.post(reverse("end-browser-session", args=[row.pk]))
    assert there.get(reverse("inbox")).status_code == 302
    assert third.get(reverse("inbox")).status_code == 200
    own = SignedInSession.objects.get(session_key=here.session.session_key)
    here.post(reverse("end-browser-session", args=[own.pk]))
    assert here.get(reverse("inbox")).status_code == 200
    theirs = SignedInSession.objects.get(session_key=elsewhere.session.session_key)
    assert here.post(reverse("end-browser-session", args=[theirs.pk])).status_code == 404
    here.post(reverse("end-other-sessions"))
    assert [one.get(reverse("inbox")).status_code for one in (here, third, elsewhere)] == [200, 302, 200]
    assert AuditEntry.objects.filter(action="sessions_ended", actor=priya).count() == 2


def test_a_new_password_ends_the_other_sessions(priya: User) -> None:
    here, there = client_of(priya), client_of(priya)
    new = "another correct horse battery"
    form = {"old_password": factories.PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post(reverse("password"), form).status_code == 302
    assert there.get(reverse("inbox")).status_code == 302
    assert here.get(reverse("inbox")).status_code == 200


def test_an_administrator_signs_a_person_out_everywhere(priya: User) -> None:
    browser = client_of(priya)
    admin = factories.make_user("administrator")
    address = reverse("admin:conversations_user_do", args=[priya.pk, "end_sessions"])
    assert client_of(admin).post(address).status_code == 302
    assert browser.get(reverse("inbox")).status_code == 302
    assert AuditEntry.objects.get(action="sessions_ended").actor == admin


def guarded(contact: int, stream: int, account: int, user: int) -> dict[str, tuple[str, str]]:
    """Every page that asks for a fresh proof: method and address."""
    below = "admin:conversations_"
    return {
        "export-contacts": ("get", reverse("export-contacts")),
        "export-opt-ins": ("get", reverse("export-opt-ins")),
        "erase": ("get", reverse("erase-contact", args=[contact])),
        "everything": ("post", reverse("export-person", args=[contact])),
        "new address": ("post", reverse("new-address", args=[stream])),
        "an account": ("get", reverse(f"{below}provideraccount_change", args=[account])),
        "a new account": ("get", reverse(f"{below}provideraccount_add")),
        "a new webhook": ("post", reverse(f"{below}provideraccount_do", args=[account, "new_webhook_address"])),
        "actions on accounts": ("post", reverse(f"{below}provideraccount_changelist")),
        "a user": ("get", reverse(f"{below}user_change", args=[user])),
        "a password": ("get", reverse("admin:auth_user_password_change", args=[user])),
        "the audit": ("get", reverse(f"{below}auditentry_export")),
    }


@pytest.fixture
def addresses(priya: User) -> dict[str, tuple[str, str]]:
    account = factories.make_account()
    stream = factories.make_stream(account)
    return guarded(factories.make_contact().pk, stream.pk, account.pk, priya.pk)


def test_old_sign_ins_are_asked_before_secrets_and_downloads(addresses: dict[str, tuple[str, str]]) -> None:
    admin = factories.make_user("administrator")
    stale, fresh = client_of(admin, minutes_ago=16), client_of(admin)
    for name, (method, address) in addresses.items():
        response: Any = getattr(stale, method)(address)
        assert response.status_code == 302, name
        assert response["Location"].startswith(reverse("prove")), name
        allowed: Any = getattr(fresh, method)(address)
        if allowed.streaming:
            assert b"".join(allowed.streaming_content), name
        assert not allowed.get("Location", "").startswith(reverse("prove")), name
    assert stale.get(reverse("inbox")).status_code == 200
    assert ProviderAccount.objects.count() == 1


def test_the_password_opens_it_and_leads_back() -> None:
    admin = factories.make_user("administrator")
    stale = client_of(admin, minutes_ago=16)
    wanted = f"{reverse('export-contacts')}?q=amira"
    asked: Any = stale.get(wanted)
    assert "Password" in stale.get(asked["Location"]).content.decode()
    wrong = stale.post(reverse("prove"), {"password": "not this one", "next": wanted})
    assert (wrong.status_code, "That is not your password" in wrong.content.decode()) == (422, True)
    right: Any = stale.post(reverse("prove"), {"password": factories.PASSWORD, "next": wanted})
    assert right["Location"] == wanted
    assert stale.get(wanted).status_code == 200


def test_a_code_opens_it_where_there_is_a_second_factor(priya: User) -> None:
    stale = client_of(priya, minutes_ago=16)
    secret = second_factor.new_secret()
    codes = second_factor.confirm(priya, secret, pyotp.TOTP(secret).now())
    assert stale.post(reverse("prove"), {"password": factories.PASSWORD}).status_code == 422
    assert stale.post(reverse("prove"), {"code": codes[0], "next": "/account/"}).status_code == 302


def test_guessing_is_counted_as_at_sign_in(priya: User) -> None:
    stale = client_of(priya, minutes_ago=16)
    statuses = [stale.post(reverse("prove"), {"password": f"guess {place}"}).status_code for place in range(6)]
    assert statuses[-1] == 429
    assert stale.post(reverse("prove"), {"password": factories.PASSWORD}).status_code == 429


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_way_back_stays_here(priya: User, wanted: str) -> None:
    response: Any = client_of(priya).post(reverse("prove"), {"password": factories.PASSWORD, "next": wanted})
    assert response["Location"] == reverse("inbox")


@pytest.mark.parametrize(("role", "status"), [("supervisor", 302), ("agent", 200)])
def test_whoever_may_enter_the_administration_and_does_nothing_is_signed_out(
    role: str, status: int, settings: Any
) -> None:
    settings.SESSION_IDLE_MINUTES = 30
    client = client_of(factories.make_user(role))

    def use(address: str, *, minutes_ago: float) -> int:
        session = client.session
        session["seen_at"] = time.time() - minutes_ago * 60
        session.save()
        return client.get(address).status_code

    assert use(reverse("contacts"), minutes_ago=20) == 200
    assert use(reverse("news"), minutes_ago=20) == 200
    assert client.session["seen_at"] < time.time() - 600, "what a page asks by itself is no work"
    assert use(reverse("contacts"), minutes_ago=36) == status
    if status == 302:
        assert SESSION_KEY not in client.session
    settings.SESSION_IDLE_MINUTES = 0
    client = client_of(factories.make_user(role))
    assert use(reverse("contacts"), minutes_ago=400) == 200
