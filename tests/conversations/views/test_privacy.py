"""The pages and commands that export and erase one person."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from conversations.models import Attachment, AuditEntry, Contact, Conversation, OptIn, User
from conversations.services import attachment_files, consent
from tests import factories

pytestmark = pytest.mark.django_db
ERASE = {"reason": "Asked for it by letter", "confirmation": "Erase"}


@pytest.fixture
def talk() -> Conversation:
    """Amira's conversation with a file."""
    amira = factories.make_contact("+447700900142", first_name="Amira", last_name="Khan")
    found = factories.make_conversation(factories.make_stream(), amira)
    message = factories.make_message(found, direction="in", body="Here is my meter")
    Attachment.objects.create(
        stream=found.stream,
        message=message,
        kind="image",
        filename="../../meter.jpg",
        status="kept",
        stored_as=attachment_files.store(b"a picture"),
    )
    consent.record(OptIn(contact=amira, channel="sms", event="opt_in", source="form", wording="Yes to Fernhill"))
    return found


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_administrator_erases_with_a_reason_and_the_word(talk: Conversation) -> None:
    client, address = client_of(factories.make_user("administrator")), reverse("erase-contact", args=[talk.contact_id])
    assert "Erase for good" in client.get(address).content.decode()
    for missing in ERASE:
        refused = client.post(address, {**ERASE, missing: "no" if missing == "confirmation" else ""})
        assert refused.status_code == 422
    assert client.post(address, {**ERASE, "reason": "Amira asked"}).status_code == 422
    assert Contact.objects.get(pk=talk.contact_id).erased_at is None
    assert client.post(address, ERASE).status_code == 302
    assert Contact.objects.get(pk=talk.contact_id).erased_at is not None
    page = client.get(reverse("contact", args=[talk.contact_id])).content.decode()
    assert "Erased person" in page
    assert "Amira" not in page
    assert reverse("edit-contact", args=[talk.contact_id]) not in page
    assert client.post(address, ERASE).status_code == 422


@pytest.mark.parametrize("role", ["agent", "supervisor"])
@pytest.mark.parametrize("name", ["erase-contact", "export-person"])
def test_nobody_else_may(talk: Conversation, role: str, name: str) -> None:
    user = factories.make_user(role)
    factories.make_team(members=[user], streams=[talk.stream])
    client = client_of(user)
    assert client.post(reverse(name, args=[talk.contact_id]), ERASE).status_code == 403
    page = client.get(reverse("contact", args=[talk.contact_id])).content.decode()
    assert reverse(name, args=[talk.contact_id]) not in page


def unpacked(content: bytes) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {name: archive.read(name) for name in archive.namelist()}


def test_an_export_holds_everything_and_is_noted(talk: Conversation) -> None:
    admin = factories.make_user("administrator")
    response: Any = client_of(admin).post(reverse("export-person", args=[talk.contact_id]))
    assert response.streaming
    assert response["Content-Disposition"] == f'attachment; filename="contact-{talk.contact_id}.zip"'
    found = unpacked(b"".join(response.streaming_content))
    file = Attachment.objects.get()
    assert found[f"files/{file.pk}-meter.jpg"] == b"a picture"
    person = json.loads(found["person.json"])
    assert (person["phone"], person["first_name"]) == ("+447700900142", "Amira")
    assert person["permission"][0]["wording"] == "Yes to Fernhill"
    said = json.loads(found[f"conversations/{talk.pk}.json"])
    assert "Here is my meter" in [line["text"] for line in said["lines"]]
    entry = AuditEntry.objects.get(action="exported")
    assert (entry.actor, entry.subject) == (admin, f"Contact {talk.contact_id}")


def test_the_commands_do_the_same(talk: Conversation, tmp_path: Path) -> None:
    target = tmp_path / "amira.zip"
    call_command("export_person", "+447700900142", str(target))
    assert "person.json" in unpacked(target.read_bytes())
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_person", "+447700900142", str(target))
    said = io.StringIO()
    call_command("erase_person", "07700 900142", stdout=said)
    assert "would be erased" in said.getvalue()
    with pytest.raises(CommandError, match="Write down why"):
        call_command("erase_person", "+447700900142", "--yes")
    call_command("erase_person", "+447700900142", "--reason", "By letter", "--yes", stdout=said)
    assert "1 file," in said.getvalue()
    with pytest.raises(CommandError, match="No contact has that number"):
        call_command("erase_person", "+447700900142", "--reason", "By letter", "--yes")


def test_a_download_that_breaks_leaves_no_half_file(talk: Conversation, tmp_path: Path) -> None:
    Attachment.objects.update(stored_as="../elsewhere")
    with pytest.raises(ValueError, match="no name of a stored file"):
        call_command("export_person", "+447700900142", str(tmp_path / "amira.zip"))
    assert list(tmp_path.iterdir()) == []
