"""`check_accounts`, `validate_contact` and `upload_media`: calls that are not messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from conversations.models import ProviderAccount
from conversations.models.account import AccountHealth
from conversations.services import accounts
from messaging.types import AccountHealth as Health
from tests import factories
from tests.conversations.commands.conftest import Shell, call, refused
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db

AMIRA = "+447700900142"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


@pytest.fixture
def whatsapp(streams: factories.SandboxStreams) -> Any:
    """The WhatsApp stream."""
    return streams["whatsapp"]


def test_working_accounts_are_told_and_kept(streams: factories.SandboxStreams) -> None:
    said = call("check_accounts")
    assert said.out.count("works  ") == 3
    assert set(ProviderAccount.objects.values_list("health", flat=True)) == {AccountHealth.WORKING}


def test_accounts_as_json(streams: factories.SandboxStreams) -> None:
    name = streams["webex_interact"].account.name
    (said,) = json.loads(call("check_accounts", "--account", name, "--json").out)
    assert (said["account"], said["provider"], said["ok"]) == (name, "webex_interact", True)


def test_each_account_is_tested_with_the_key_that_it_has_then(
    streams: factories.SandboxStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    ProviderAccount.objects.update(
        credentials={"api_key": "wrong", "subdomain": "fernhill", "token": "", "access_key": ""}
    )
    original = accounts.check_account

    def mend_all_and_test(account: ProviderAccount) -> Health:
        for one in ProviderAccount.objects.all():
            one.credentials = factories.CREDENTIALS[one.provider]
            one.save()
        return original(account)

    monkeypatch.setattr(accounts, "check_account", mend_all_and_test)
    with pytest.raises(CommandError, match="1 of 3 accounts need repair"):
        call("check_accounts")  # the first had begun


@pytest.mark.parametrize(
    ("provider", "credentials"),
    [
        ("cirrus", {"api_key": "revoked"}),
        ("ccai_platform", {"subdomain": "fernhill", "token": "revoked"}),
        ("webex_interact", {"access_key": "aky_revoked"}),
    ],
)
def test_a_wrong_key_is_a_failure_that_names_the_account(
    streams: factories.SandboxStreams, provider: str, credentials: dict[str, str]
) -> None:
    account = streams[provider].account
    account.credentials = credentials
    account.save()
    with pytest.raises(CommandError) as found:
        call("check_accounts")
    assert str(found.value) == f"1 of 3 accounts need repair: {account.name}."


def test_a_missing_credential_is_told_before_the_call(streams: factories.SandboxStreams) -> None:
    account = streams["webex_interact"].account
    account.credentials = {}
    account.save()
    with pytest.raises(CommandError):
        call("check_accounts", "--account", account.name)
    account.refresh_from_db()
    assert "access key" in account.health_text


def test_accounts_that_are_switched_off_are_left_out(streams: factories.SandboxStreams) -> None:
    ProviderAccount.objects.update(is_active=False)
    assert refused("check_accounts") == "There is no active account to test. Add one in the administration."
    assert "works  " in call("check_accounts", "--account", streams["cirrus"].account.name).out


def test_an_unknown_account_is_told_with_the_known_ones(streams: factories.SandboxStreams) -> None:
    assert refused("check_accounts", "--account", "x").startswith("There is no account called x. Choose one of: ")


@pytest.fixture
def _amira_agreed(whatsapp: Any) -> None:
    factories.opt_in(factories.make_contact(AMIRA))


@pytest.mark.usefixtures("_amira_agreed")
def test_a_number_is_on_whatsapp_or_not(whatsapp: Any, product_sandbox: PlayedSandbox) -> None:
    def ask() -> str:
        return call("validate_contact", "--stream", whatsapp.name, "--number", "07700 900142").out

    assert ask() == "+44 7700 900142 is on WhatsApp.\n"
    product_sandbox.control("phones", number=AMIRA, on_whatsapp=False)
    assert ask() == "+44 7700 900142 is not on WhatsApp.\n"
    said = call("validate_contact", "--stream", whatsapp.name, "--number", AMIRA, "--json").out
    assert json.loads(said) == {"number": AMIRA, "on_whatsapp": False}


def test_a_number_without_permission_is_not_asked_about(whatsapp: Any, product_sandbox: PlayedSandbox) -> None:
    said = refused("validate_contact", "--stream", whatsapp.name, "--number", AMIRA)
    assert "No WhatsApp permission is on record" in said
    assert "WhatsApp bans businesses" in said
    assert product_sandbox.ledger(kind="request") == []


def test_a_number_that_cannot_be_one_is_not_asked_about(whatsapp: Any, product_sandbox: PlayedSandbox) -> None:
    refused("validate_contact", "--stream", whatsapp.name, "--number", "+4474512XXXXX")
    assert product_sandbox.ledger(kind="request") == []


def test_only_whatsapp_streams_can_be_asked(streams: factories.SandboxStreams, tmp_path: Path) -> None:
    sentence = f"{streams['cirrus']} sends SMS. Choose a WhatsApp stream."
    assert refused("validate_contact", "--stream", streams["cirrus"].name, "--number", AMIRA) == sentence
    assert refused("upload_media", "--stream", streams["cirrus"].name, str(tmp_path)) == sentence


@pytest.mark.usefixtures("_amira_agreed")
def test_a_providers_refusal_is_kept_verbatim(whatsapp: Any) -> None:
    whatsapp.account.credentials = {"api_key": "revoked"}
    whatsapp.account.save()
    said = refused("validate_contact", "--stream", whatsapp.name, "--number", AMIRA)
    assert said == "The provider refused the credentials: Unauthorized"


def test_an_upload_prints_the_id_for_templates(whatsapp: Any, tmp_path: Path) -> None:
    picture = tmp_path / "fibre.png"
    picture.write_bytes(PNG)
    said = call("upload_media", "--stream", whatsapp.name, str(picture)).out.strip()
    assert said.isdecimal()
    found = json.loads(call("upload_media", "--stream", whatsapp.name, str(picture), "--json").out)
    assert (found["filename"], found["id"] != said) == ("fibre.png", True)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.png", b"", "This file is empty. Choose another one."),
        ("fibre.bmp", b"BM", "WhatsApp takes no image/bmp as image."),
        ("fibre.exe", b"MZ", "as document"),
        ("fibre", b"what", "WhatsApp takes no unknown type as document."),
        ("song.mp3", b"ID3", "Cirrus takes no audio for templates. It takes: document, image, video."),
        ("huge.png", b"\0" * (5 * 1024 * 1024 + 1), "This file is too large. WhatsApp takes at most 5 MB as image."),
    ],
)
def test_a_file_that_whatsapp_does_not_take_is_not_sent(
    whatsapp: Any, product_sandbox: PlayedSandbox, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert sentence in refused("upload_media", "--stream", whatsapp.name, str(tmp_path / name))
    assert product_sandbox.ledger(kind="request") == []


def test_a_file_that_is_not_there_is_told(whatsapp: Any, tmp_path: Path) -> None:
    said = refused("upload_media", "--stream", whatsapp.name, str(tmp_path / "gone.png"))
    assert said == f"{tmp_path / 'gone.png'} cannot be read: No such file or directory."
    assert refused("upload_media", "--stream", whatsapp.name, str(tmp_path)) == f"{tmp_path} is not a file."


@pytest.mark.django_db(transaction=True)
def test_a_shell_gets_exit_codes(streams: factories.SandboxStreams, shell: Shell) -> None:
    assert shell("check_accounts").returncode == 0
    streams["cirrus"].account.credentials = {}
    streams["cirrus"].account.save()
    failed = shell("check_accounts")
    assert (failed.returncode, failed.stderr) == (
        1,
        f"1 of 3 accounts need repair: {streams['cirrus'].account.name}.\n",
    )
