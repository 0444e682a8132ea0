"""Provider accounts: the form for each provider, secrets that stay inside, addresses and keys that are refused."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from conversations.models import AuditEntry, ProviderAccount, User
from conversations.models.account import AccountHealth
from messaging.registry import provider_classes
from tests import factories
from tests.conversations.admin.browsing import act, errors_of, told
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db
LIST = "/admin/conversations/provideraccount/"
SECRETS = {"api_key": "key-abc-123", "token": "tok-abc-123", "access_key": "aky_0123456789abcdef0123456789ab"}


@pytest.fixture(autouse=True)
def _own_addresses(product_sandbox: PlayedSandbox) -> None:
    """The sandbox of these tests is where an account may point to."""


def add(browser: Client, provider: str, **fields: Any) -> HttpResponse:
    """Fill in the form of a provider and save it."""
    required = {option.name for option in provider_classes()[provider].credential_options if option.required}
    form = {f"option_{name}": SECRETS.get(name, "fernhill") for name in required}
    form |= {"name": f"New {provider}", "base_url": "", "is_active": "on"}
    return browser.post(f"{LIST}add/?provider={provider}", form | fields)


def change(browser: Client, account: ProviderAccount, **fields: Any) -> HttpResponse:
    """Save the form of an account with some fields changed."""
    form = {"name": account.name, "base_url": account.base_url, "is_active": "on"}
    form |= {
        f"option_{option.name}": (account.credentials or {}).get(option.name, option.default)
        for option in provider_classes()[account.provider].credential_options
        if not option.secret
    }
    return browser.post(f"{LIST}{account.pk}/change/", form | fields)


def test_the_provider_is_chosen_first(admin_browser: Client) -> None:
    text = admin_browser.get(f"{LIST}add/").content.decode()
    for slug, provider in provider_classes().items():
        assert f'href="?provider={slug}"' in text
        assert provider.label in text
    assert admin_browser.get(f"{LIST}add/?provider=telegraph").content.decode().count("?provider=") == len(
        provider_classes()
    )


@pytest.mark.parametrize("provider", provider_classes())
def test_the_form_is_made_of_what_the_provider_declares(provider: str, admin_browser: Client) -> None:
    text = admin_browser.get(f"{LIST}add/?provider={provider}").content.decode()
    for option in provider_classes()[provider].credential_options:
        field = re.search(rf'<input[^>]*name="option_{option.name}"[^>]*>', text)
        assert field is not None, option.name
        assert ('type="password"' in field[0]) is option.secret
        assert option.label in text
    assert add(admin_browser, provider).status_code == 302
    account = ProviderAccount.objects.get(provider=provider)
    for option in provider_classes()[provider].credential_options:
        if option.required:
            assert account.credentials[option.name] == SECRETS.get(option.name, "fernhill")


def test_a_stored_secret_never_comes_out(admin_browser: Client, administrator: User) -> None:
    account = factories.make_account(
        "webex_interact", credentials={"access_key": SECRETS["access_key"], "webhook_secret": "hook-secret-xyz"}
    )
    answers = [
        admin_browser.get(LIST),
        admin_browser.get(f"{LIST}{account.pk}/change/"),
        change(admin_browser, account, base_url="ftp://nowhere", option_access_key="another-key-shown-nowhere"),
        change(admin_browser, account, option_access_key="another-key-shown-nowhere"),
        admin_browser.get(f"{LIST}{account.pk}/history/"),
        admin_browser.get(reverse("admin:index")),
    ]
    for answer in answers:
        text = answer.content.decode()
        for secret in (SECRETS["access_key"], "hook-secret-xyz", "another-key-shown-nowhere"):
            assert secret not in text


def test_an_empty_secret_keeps_the_stored_one_and_a_new_one_replaces_it(admin_browser: Client) -> None:
    account = factories.make_account("cirrus", health="working", health_text="")
    assert change(admin_browser, account, name="Renamed").status_code == 302
    account.refresh_from_db()
    assert (account.name, account.credentials, account.health) == (
        "Renamed",
        factories.CREDENTIALS["cirrus"],
        AccountHealth.WORKING,
    )
    assert change(admin_browser, account, option_api_key="brand-new-key").status_code == 302
    account.refresh_from_db()
    assert account.credentials == {"api_key": "brand-new-key"}
    assert (account.health, account.checked_at) == (AccountHealth.UNCHECKED, None)


def test_a_secret_that_is_not_needed_can_be_removed(admin_browser: Client) -> None:
    account = factories.make_account("cirrus", credentials={"api_key": "k", "webhook_secret": "old"})
    text = admin_browser.get(f"{LIST}{account.pk}/change/").content.decode()
    assert "Remove the saved webhook secret" in text
    assert "option_api_key_remove" not in text
    assert change(admin_browser, account, option_webhook_secret_remove="on").status_code == 302
    account.refresh_from_db()
    assert account.credentials == {"api_key": "k"}


@pytest.mark.parametrize(
    "address",
    [
        "http://api.commbox.io",
        "file:///etc/passwd",
        "gopher://api.commbox.io",
        "javascript:alert(1)",
        "//api.commbox.io",
        "https://api.commbox.io.evil.test",
        "https://user:pw@api.commbox.io",
        "http://127.0.0.1#@api.commbox.io",
        "https://api.commbox.io\\@127.0.0.1",
        "https://api.commbox.io:22",
        "https://api.commbox.io.",
        "https://api.cоmmbox.io",
        "https://api.commbox.io/?next=1",
        "https://api.commbox.io/a b",
        " https://api.commbox.io",
        "https://api.commbox.io\r\nX-Evil: 1",
        "http://169.254.169.254/",
        "https://[::1",
    ],
)
def test_an_address_that_is_not_the_providers_is_refused_at_its_field(address: str, admin_browser: Client) -> None:
    errors = errors_of(add(admin_browser, "cirrus", base_url=address))
    assert list(errors) == ["base_url"]
    account = factories.make_account("cirrus")
    errors = errors_of(change(admin_browser, account, base_url=address, option_api_key="new-key"))
    assert list(errors) == ["base_url"]
    stored = ProviderAccount.objects.get()
    assert (stored.base_url, stored.credentials) == (account.base_url, account.credentials)


def test_an_address_made_of_credentials_is_refused_at_the_credential(admin_browser: Client) -> None:
    errors = errors_of(add(admin_browser, "ccai_platform", option_domain="evil.example"))
    assert list(errors) == ["option_domain"]
    for subdomain in ("a.b/..", "x@y", ""):
        assert list(errors_of(add(admin_browser, "ccai_platform", option_subdomain=subdomain))) == ["option_subdomain"]
    assert not ProviderAccount.objects.exists()


@pytest.mark.parametrize("key", ["abc\r\nX-Evil: 1", "abc\n", " abc", "abc ", "a b", "ключ", "a\tb", "\x00", ""])
@pytest.mark.parametrize("provider", provider_classes())
def test_a_key_that_no_header_can_hold_is_refused_at_its_field(provider: str, key: str, admin_browser: Client) -> None:
    secret = next(one for one in provider_classes()[provider].credential_options if one.required and one.secret)
    errors = errors_of(add(admin_browser, provider, **{f"option_{secret.name}": key}))
    assert list(errors) == [f"option_{secret.name}"]
    assert not ProviderAccount.objects.exists()


def test_a_name_is_taken_once(admin_browser: Client) -> None:
    factories.make_account(name="Fernhill")
    assert list(errors_of(add(admin_browser, "cirrus", name="Fernhill"))) == ["name"]


def test_a_connection_is_tested_and_a_person_reads_the_sentence(
    admin_browser: Client, product_sandbox: PlayedSandbox
) -> None:
    good = factories.make_account("cirrus", base_url=f"{product_sandbox.url}/cirrus")
    bad = factories.make_account(
        "cirrus", base_url=f"{product_sandbox.url}/cirrus", credentials={"api_key": "not-the-key"}
    )
    answer = act(admin_browser, "test_connection", good, bad)
    sentences = told(answer)
    assert [one.partition(":")[0] for one in sentences] == [good.name, bad.name]
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.health == AccountHealth.WORKING
    assert bad.health != AccountHealth.WORKING
    assert bad.health_text
    assert bad.health_text in sentences[1]
    again = admin_browser.post(reverse("admin:conversations_provideraccount_do", args=[good.pk, "test_connection"]))
    assert again.headers["Location"] == f"{LIST}{good.pk}/change/"
    assert escape(bad.health_text) in admin_browser.get(f"{LIST}{bad.pk}/change/").content.decode()


def test_a_new_webhook_address_is_made_after_a_warning(admin_browser: Client) -> None:
    account = factories.make_account()
    before = account.webhook_token
    address = reverse("admin:conversations_provideraccount_do", args=[account.pk, "new_webhook_address"])
    assert admin_browser.get(address).status_code == 405
    asked = admin_browser.post(address)
    assert "stops working at once" in asked.content.decode()
    account.refresh_from_db()
    assert account.webhook_token == before
    admin_browser.post(address, {"apply": "1"})
    account.refresh_from_db()
    assert len(account.webhook_token) == 43
    assert account.webhook_token != before
    assert account.webhook_url in admin_browser.get(f"{LIST}{account.pk}/change/").content.decode()
    entry = AuditEntry.objects.get(action="account_changed")
    assert (entry.subject_id, entry.summary, entry.address) == (account.pk, "New webhook address.", "127.0.0.1")
    assert "New webhook address." in admin_browser.get(f"{LIST}{account.pk}/history/").content.decode()


def test_who_may_look_but_not_manage_sees_neither_address_nor_form(admin_browser: Client) -> None:
    account = factories.make_account(credentials={"api_key": "k"})
    Group.objects.get(name="administrator").permissions.remove(Permission.objects.get(codename="manage_accounts"))
    text = admin_browser.get(f"{LIST}{account.pk}/change/").content.decode()
    assert account.webhook_token not in text
    assert "option_api_key" not in text
    assert "Test connection" not in text
    assert change(admin_browser, account, name="Mine").status_code == 403
    assert admin_browser.get(f"{LIST}add/").status_code == 403
    do = reverse("admin:conversations_provideraccount_do", args=[account.pk, "new_webhook_address"])
    assert admin_browser.post(do, {"apply": "1"}).status_code == 403
    token = account.webhook_token
    account.refresh_from_db()
    assert account.webhook_token == token
