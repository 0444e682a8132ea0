"""`import_templates`: files of both kinds, a report for people and one for scripts, and nothing on a dry run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from conversations.models import WhatsAppTemplate
from tests import factories
from tests.conversations.commands.conftest import call

pytestmark = pytest.mark.django_db

ROWS = (
    "name,language,category,status,body\nvisit,en_GB,utility,approved,We come.\nbill,de,utility,rejected,Ihre Rechnung."
)


@pytest.fixture
def stream() -> Any:
    return factories.make_stream(channel="whatsapp", name="Fernhill Care")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "templates.csv"
    path.write_text(ROWS)
    return path


def test_a_file_is_taken_with_a_report(stream: Any, file: Path) -> None:
    factories.make_template(stream, name="old")
    said = call("import_templates", str(file), "--stream", "Fernhill Care").out.splitlines()
    assert said == [
        "gone     old (en): The file does not hold it.",
        "new      visit (en_GB) (no. 2): Approved.",
        "new      bill (de) (no. 3): Rejected.",
        "2 new, 0 changed, 0 same, 1 gone, 0 wrong.",
    ]
    assert set(WhatsAppTemplate.objects.values_list("name", "status")) == {
        ("visit", "approved"),
        ("bill", "rejected"),
        ("old", "gone"),
    }


def test_a_dry_run_for_scripts(stream: Any, file: Path) -> None:
    said = json.loads(call("import_templates", str(file), "--stream", stream.name, "--dry-run", "--json").out)
    assert (said["stored"], said["new"], said["templates"][0]["name"]) == (False, 2, "visit")
    assert not WhatsAppTemplate.objects.exists()


def test_what_is_wrong_is_left_out_and_said(stream: Any, file: Path) -> None:
    file.write_text(ROWS + "\nbroken,en,utility,approved,Hello {{a b}} there.")
    with pytest.raises(CommandError, match="1 of 3 templates were left out"):
        call("import_templates", str(file), "--stream", stream.name)
    assert WhatsAppTemplate.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "stream_name", "sentence"),
    [
        ("missing.csv", "Fernhill Care", "cannot be read"),
        ("templates.csv", "Texts", "Choose a WhatsApp stream"),
        ("templates.csv", "Nowhere", "Nowhere"),
    ],
)
def test_what_cannot_be(stream: Any, file: Path, name: str, stream_name: str, sentence: str) -> None:
    factories.make_stream(name="Texts")
    with pytest.raises(CommandError, match=sentence):
        call("import_templates", str(file.parent / name), "--stream", stream_name)
