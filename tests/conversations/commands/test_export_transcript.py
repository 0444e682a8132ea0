"""`export_transcript`: which conversation it writes, how and where, and what it refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conversations.models import Conversation
from conversations.services import conversations
from tests import factories
from tests.conversations.commands.conftest import call, refused

pytestmark = pytest.mark.django_db

PHONE = "+447700900142"


@pytest.fixture
def talk(db: None) -> Conversation:
    """Amira asked something, and Tom remarked on it."""
    contact = factories.make_contact(PHONE, first_name="Amira", last_name="Haddad")
    conversation = factories.make_conversation(factories.make_stream(name="Service texts"), contact)
    factories.make_message(conversation, direction="in", body="Where is my engineer?")
    conversations.add_remark(conversation, text="Be kind", actor=factories.make_user(name="Tom Reyes"))
    return conversation


def test_it_writes_text_with_and_without_remarks(talk: Conversation) -> None:
    plain = call("export_transcript", "--conversation", str(talk.pk)).out
    assert "Amira Haddad: Where is my engineer?" in plain
    assert "Be kind" not in plain
    assert "Be kind" in call("export_transcript", "--conversation", str(talk.pk), "--remarks").out


def test_it_finds_the_newest_conversation_of_a_number(talk: Conversation) -> None:
    Conversation.objects.filter(pk=talk.pk).update(status="archived", last_message_at="2020-01-01T00:00Z")
    newer = factories.make_conversation(talk.stream, talk.contact)
    found = json.loads(call("export_transcript", "--to", "07700 900142", "--stream", "Service texts", "--json").out)
    assert found["conversation"] == newer.pk


def test_it_writes_a_file(talk: Conversation, tmp_path: Path) -> None:
    path = tmp_path / "visit.json"
    called = call("export_transcript", "--conversation", str(talk.pk), "--json", "--output", str(path))
    assert called.out == ""
    assert json.loads(path.read_text())["lines"][0]["text"] == "Where is my engineer?"


def test_a_file_that_is_there_stays_when_nothing_is_found(talk: Conversation, tmp_path: Path) -> None:
    path = tmp_path / "visit.txt"
    path.write_text("Yesterday's")
    refused("export_transcript", "--conversation", "999999", "--output", str(path))
    assert path.read_text() == "Yesterday's"


def test_a_file_that_cannot_be_written_is_one_sentence(talk: Conversation, tmp_path: Path) -> None:
    path = tmp_path / "none" / "visit.txt"
    said = refused("export_transcript", "--conversation", str(talk.pk), "--output", str(path))
    assert said.startswith(f"{path} cannot be written: No such file or directory.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Say which conversation: --conversation NUMBER, or --to PHONE with --stream NAME."),
        (("--to", PHONE), "Say which conversation: --conversation NUMBER, or --to PHONE with --stream NAME."),
        (("--conversation", "999999"), "There is no conversation 999999."),
        (("--to", PHONE, "--stream", "Nowhere"), "There is no stream called Nowhere."),
        (("--to", "+447700900143", "--stream", "Service texts"), "There is no conversation with that number on "),
        (("--to", "12", "--stream", "Service texts"), ""),
    ],
)
def test_what_it_cannot_find_is_one_sentence(talk: Conversation, arguments: tuple[str, ...], sentence: str) -> None:
    assert refused("export_transcript", *arguments).startswith(sentence)
