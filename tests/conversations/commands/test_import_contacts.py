"""`import_contacts`: the page's import, from a shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conversations.models import Contact
from tests import factories
from tests.conversations.commands.conftest import call, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A file with a known contact, a new one, a repeated one and one whose zero is lost."""
    factories.make_stream()
    factories.make_conversation(contact=factories.make_contact("+447700900142", first_name="A."))
    path = tmp_path / "people.csv"
    path.write_text("phone,name\n07700900142,Amira\n07700900143,Mark\n07700900143,Twice\n7700900144,Zero\n")
    return path


def names() -> dict[str, str]:
    return dict(Contact.objects.values_list("phone", "first_name"))


def test_a_dry_run_tells_what_would_happen(people: Path) -> None:
    said = call("import_contacts", str(people), "--dry-run")
    assert said.out == (
        "4 rows: 1 to add, 1 of 1 known to change, 1 repeated, 1 without zero or plus left out (--repair).\n"
    )
    assert names() == {"+447700900142": "A."}


def test_a_file_is_stored(people: Path) -> None:
    assert call("import_contacts", str(people), "--repair").out.startswith("4 rows: 2 added, 1 of 1 known changed")
    assert names() == {"+447700900142": "Amira", "+447700900143": "Mark", "+447700900144": "Zero"}


def test_known_contacts_can_be_left(people: Path) -> None:
    assert "1 known left as they are" in call("import_contacts", str(people), "--existing", "skip").out
    assert names() == {"+447700900142": "A.", "+447700900143": "Mark"}


def test_the_report_as_json(people: Path) -> None:
    said = json.loads(call("import_contacts", str(people), "--json").out)
    assert (said["stored"], said["new"], said["changed"], said["repeated"], said["lost_zeros"]) == (True, 1, 1, 1, 1)
    assert json.loads(call("import_contacts", str(people), "--json", "--dry-run").out)["stored"] is False


def test_a_file_with_problems_is_refused(tmp_path: Path) -> None:
    factories.make_stream()
    path = tmp_path / "people.csv"
    path.write_text("phone,name\n12,Amira\n07700900143,Mark\n")
    said = refused("import_contacts", str(path))
    assert said.startswith("1 number cannot be used.")
    assert "line 2: phone: This is too short" in said
    path.write_text("Mob\n1\n")
    assert "It needs one called phone." in refused("import_contacts", str(path), "--dry-run")
    path.write_bytes(b"PK\x03\x04")
    assert "workbook" in refused("import_contacts", str(path))
    assert "cannot be read" in refused("import_contacts", str(tmp_path / "nothing.csv"))


def test_a_file_of_new_people_says_nothing_of_known_ones(tmp_path: Path) -> None:
    factories.make_stream()
    path = tmp_path / "people.csv"
    path.write_text("phone,name\n07700900143,Mark\n")
    assert call("import_contacts", str(path)).out == "1 row: 1 added.\n"
