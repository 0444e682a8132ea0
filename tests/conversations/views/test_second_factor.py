"""The second step of sign-in: set up by oneself or because one must, codes that work once, and ways back in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pyotp
import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from conversations.models import AuditEntry, SecondFactor, User
from conversations.models.audit import AuditAction
from conversations.services import second_factor
from tests import factories
from tests.conversations.admin.browsing import act, told
from tests.conversations.admin.browsing import signed_in as admin_browser_of
from tests.conversations.views.reading import read

pytestmark = pytest.mark.django_db
NEEDED = "Everybody who may enter the administration needs a code here."


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands, and is moved by the test."""
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def tom() -> User:
    return factories.make_user("supervisor", name="Tom Okafor")


def now_on(user: User) -> str:
    """What the app on their phone shows."""
    return pyotp.TOTP(SecondFactor.objects.get(user=user).secret).at(timezone.now())


def offered(client: Client, address: str) -> pyotp.TOTP:
    """The app that somebody sets up from a page."""
    return pyotp.TOTP(read(client.get(address)).one(id="second-factor-key").text.replace(" ", ""))


def with_factor(user: User, clock: time_machine.Traveller) -> list[str]:
    """Somebody whose sign-in asks for a code; returns the recovery codes. The clock then shows another code."""
    secret = second_factor.new_secret()
    codes = second_factor.confirm(user, secret, pyotp.TOTP(secret).at(timezone.now()))
    clock.shift(second_factor.STEP)
    return codes


def show_password(user: User, **form: str) -> tuple[Client, HttpResponse]:
    client = Client()
    return client, client.post("/sign-in/", {"username": user.email, "password": factories.PASSWORD, **form})


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_it_is_set_up_with_a_code_and_gives_recovery_codes_once(tom: User, clock: time_machine.Traveller) -> None:
    client = Client()
    client.force_login(tom)
    page = read(client.get("/account/second-factor/"))
    app = offered(client, "/account/second-factor/")
    assert page.one("img", class_="qr-code").attributes["src"].startswith("data:image/svg+xml")
    assert page.one(id="second-factor-key").text.replace(" ", "") == app.secret, "a reload offers the same"
    field = page.one("input", name="code").attributes
    assert (field["autocomplete"], field["inputmode"]) == ("one-time-code", "numeric")
    for typed in ("000000", "", "١٢٣٤٥٦", "12\x003456", "x" * 21):
        refused = client.post("/account/second-factor/", {"code": typed})
        assert refused.status_code == 422
    without_an_offer = Client()
    without_an_offer.force_login(tom)
    assert without_an_offer.post("/account/second-factor/", {"code": "000000"}).status_code == 422
    assert second_factor.factor_of(tom) is None

    code = app.at(timezone.now())
    answer = client.post("/account/second-factor/", {"code": f"{code[:3]} {code[3:]}"})
    codes = [item.text for item in read(answer).all("li")]
    assert len(codes) == len(set(codes)) == second_factor.RECOVERY_CODES
    row = SecondFactor.objects.get()
    assert not any(code.replace("-", "") in str(row.recovery_codes) for code in codes)
    again = client.get("/account/second-factor/").content.decode()
    assert "10 recovery codes left" in again
    assert app.secret not in again.replace(" ", "")
    assert not any(code in again for code in codes)


def test_the_password_alone_lets_nobody_in(tom: User, clock: time_machine.Traveller) -> None:
    with_factor(tom, clock)
    client, answer = show_password(tom, next="/contacts/")
    assert answer["Location"] == "/sign-in/code/"
    assert not is_in(client)
    field = read(client.get("/sign-in/code/")).one("input", name="code").attributes
    assert field["autocomplete"] == "one-time-code"
    assert "inputmode" not in field, "a recovery code has letters"
    wrong = client.post("/sign-in/code/", {"code": "000000"})
    assert wrong.status_code == 422
    assert not is_in(client)
    assert AuditEntry.objects.filter(action=AuditAction.SIGN_IN_FAILED, subject_id=tom.pk).count() == 1
    assert not AuditEntry.objects.filter(action=AuditAction.SIGNED_IN).exists()

    assert client.post("/sign-in/code/", {"code": now_on(tom)})["Location"] == "/contacts/"
    assert is_in(client)
    assert AuditEntry.objects.filter(action=AuditAction.SIGNED_IN, actor=tom).count() == 1


def test_a_code_works_once(tom: User, clock: time_machine.Traveller) -> None:
    with_factor(tom, clock)
    code = now_on(tom)
    first, _ = show_password(tom)
    second, _ = show_password(tom)
    assert first.post("/sign-in/code/", {"code": code}).status_code == 302
    assert second.post("/sign-in/code/", {"code": code}).status_code == 422
    assert not is_in(second)


def test_a_recovery_code_works_once_and_however_it_is_typed(tom: User, clock: time_machine.Traveller) -> None:
    code = with_factor(tom, clock)[3]
    first, _ = show_password(tom)
    assert first.post("/sign-in/code/", {"code": code.upper().replace("-", " ")}).status_code == 302
    second, _ = show_password(tom)
    assert second.post("/sign-in/code/", {"code": code}).status_code == 422
    assert not is_in(second)
    assert len(SecondFactor.objects.get().recovery_codes) == second_factor.RECOVERY_CODES - 1


def test_guessing_waits_longer_and_longer_and_then_the_right_code_works(
    tom: User, clock: time_machine.Traveller
) -> None:
    with_factor(tom, clock)
    client, _ = show_password(tom)
    for _ in range(second_factor.FREE_FAILURES):
        assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 422
    shut = client.post("/sign-in/code/", {"code": now_on(tom)})
    assert shut.status_code == 422
    assert "Too many wrong codes. Wait 5 seconds, then try again." in shut.content.decode()
    clock.shift(6)
    client.post("/sign-in/code/", {"code": "000000"})
    clock.shift(6)
    assert client.post("/sign-in/code/", {"code": now_on(tom)}).status_code == 422, "ten seconds now"
    clock.shift(5)
    assert client.post("/sign-in/code/", {"code": now_on(tom)}).status_code == 302
    row = SecondFactor.objects.get()
    assert (row.failures, row.shut_until) == (0, None)


def test_the_step_is_over_after_ten_minutes_and_for_somebody_who_left(tom: User, clock: time_machine.Traveller) -> None:
    with_factor(tom, clock)
    late, _ = show_password(tom, next="/contacts/")
    gone, _ = show_password(tom)
    clock.shift(timedelta(minutes=10, seconds=1))
    assert late.post("/sign-in/code/", {"code": now_on(tom)})["Location"] == "/sign-in/?next=/contacts/"
    assert "within ten minutes" in read(late.get("/sign-in/")).one(class_="sign-in-notice").text
    clock.shift(timedelta(minutes=-10))
    User.objects.update(is_active=False)
    assert gone.post("/sign-in/code/", {"code": now_on(tom)})["Location"] == "/sign-in/"
    assert not is_in(gone)


def test_where_it_is_required_it_is_set_up_before_anything_else(
    tom: User, clock: time_machine.Traveller, settings: object
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True  # type: ignore[attr-defined]
    agent_browser, answer = show_password(factories.make_user("agent"))
    assert answer["Location"] == "/"
    assert is_in(agent_browser), "agents enter no administration"

    client, answer = show_password(tom, next="/contacts/")
    assert answer["Location"] == "/sign-in/code/"
    assert "Set up your code" in client.get("/sign-in/code/").content.decode()
    assert not is_in(client)
    app = offered(client, "/sign-in/code/")
    done = client.post("/sign-in/code/", {"code": app.at(timezone.now())})
    assert len(read(done).all("li")) == second_factor.RECOVERY_CODES
    assert read(done).one("a", class_="button-primary").attributes["href"] == "/contacts/"
    assert is_in(client)
    refused = client.post("/account/second-factor/remove/", {"password": factories.PASSWORD})
    assert refused.status_code == 422
    assert NEEDED in refused.content.decode()
    assert second_factor.factor_of(tom) is not None


def test_it_is_changed_and_taken_away_with_the_password_only(tom: User, clock: time_machine.Traveller) -> None:
    before = with_factor(tom, clock)
    client = Client()
    client.force_login(tom)
    for address in ("codes", "remove"):
        refused = client.post(f"/account/second-factor/{address}/", {"password": "wrong"})
        assert refused.status_code == 422
        assert "That is not your password." in refused.content.decode()
    assert len(SecondFactor.objects.get().recovery_codes) == second_factor.RECOVERY_CODES
    after = client.post("/account/second-factor/codes/", {"password": factories.PASSWORD})
    codes = [item.text for item in read(after).all("li")]
    assert not set(codes) & set(before)
    browser, _ = show_password(tom)
    assert browser.post("/sign-in/code/", {"code": before[0]}).status_code == 422
    assert browser.post("/sign-in/code/", {"code": codes[0]}).status_code == 302
    assert client.post("/account/second-factor/remove/", {"password": factories.PASSWORD}).status_code == 302
    assert not SecondFactor.objects.exists()
    assert show_password(tom)[1]["Location"] == "/"


def test_an_administrator_takes_a_lost_one_away(tom: User, clock: time_machine.Traveller) -> None:
    with_factor(tom, clock)
    ada = factories.make_user("administrator", name="Ada")
    root = factories.make_user(is_superuser=True, name="Root")
    with_factor(root, clock)
    browser = admin_browser_of(ada)
    assert told(act(browser, "remove_second_factor", tom)) == ["Tom Okafor signs in without a code next time."]
    assert told(act(browser, "remove_second_factor", root))[-1] == "Root may do more than you. Nothing was removed."
    assert list(SecondFactor.objects.values_list("user", flat=True)) == [root.pk]
    [entry] = AuditEntry.objects.filter(action=AuditAction.SECOND_FACTOR, actor=ada)
    assert (entry.subject_id, entry.summary) == (tom.pk, "Removed.")
