"""Files over HTTP: for those who may see them, never run, never guessed; uploads with their reasons."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from conversations.models import Attachment
from conversations.services import attachment_files
from tests import factories
from tests.messaging.test_files import JPEG
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> factories.SandboxStreams:
    return factories.make_sandbox_streams(product_sandbox.url)


@pytest.fixture
def agent(client: Client, streams: factories.SandboxStreams) -> Client:
    client.force_login(streams.priya)
    return client


def of_message(streams: factories.SandboxStreams, content: bytes, content_type: str, name: str) -> Attachment:
    message = factories.make_message(factories.make_conversation(streams["whatsapp"]), direction="in")
    return Attachment.objects.create(
        stream=streams["whatsapp"],
        message=message,
        kind="image",
        content_type=content_type,
        filename=name,
        size=len(content),
        stored_as=attachment_files.store(content),
        status="kept",
    )


@pytest.mark.parametrize(
    ("content_type", "name", "inline"),
    [
        ("image/jpeg", "roof.jpg", True),
        ("application/pdf", "bill.pdf", False),
        ("text/plain", "x.html", False),
        ("", "x.svg", False),
    ],
)
def test_only_pictures_and_sound_are_shown_in_pages(
    streams: factories.SandboxStreams, agent: Client, content_type: str, name: str, inline: bool
) -> None:
    found = agent.get(reverse("file", args=[of_message(streams, JPEG, content_type, name).ref]))
    assert b"".join(found.streaming_content) == JPEG  # type: ignore[attr-defined]
    assert found["Content-Disposition"].startswith("inline" if inline else "attachment")
    assert found["Content-Type"] == (content_type if inline else "application/octet-stream")
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "private" in found["Cache-Control"]
    found.close()


def test_a_file_is_not_found_by_others_or_when_it_is_gone(streams: factories.SandboxStreams, agent: Client) -> None:
    kept = of_message(streams, JPEG, "image/jpeg", "roof.jpg")
    address = reverse("file", args=[kept.ref])
    stranger = Client()
    assert stranger.get(address).status_code == 302
    other = factories.make_user()
    factories.make_team(members=[other], streams=[factories.make_stream()])
    stranger.force_login(other)
    assert stranger.get(address).status_code == 404
    attachment_files.path_of(kept.stored_as).unlink()
    assert agent.get(address).status_code == 404
    Attachment.objects.update(status="refused")
    assert agent.get(address).status_code == 404


def test_an_upload_for_a_template(streams: factories.SandboxStreams, agent: Client) -> None:
    template = factories.make_template(
        streams["whatsapp"], components=[{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Your roof."}]
    )
    file = SimpleUploadedFile("roof.jpg", JPEG, "text/html")
    answer = agent.post("/files/", {"template": template.pk, "file": file})
    kept = Attachment.objects.get()
    assert answer.json() == {"ref": str(kept.ref), "name": "roof.jpg", "size": f"{len(JPEG)}\xa0bytes", "kind": "image"}
    shown = agent.get(reverse("file", args=[kept.ref]))
    assert shown["Content-Type"] == "image/jpeg"
    shown.close()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"MZ", "WhatsApp carries no files like this one"), (b"", "Choose"), (b"%PDF-1.7", "Use image/jpeg, image/png")],
)
def test_an_upload_that_cannot_be_says_why(
    streams: factories.SandboxStreams, agent: Client, content: bytes, sentence: str
) -> None:
    template = factories.make_template(
        streams["whatsapp"], components=[{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Your roof."}]
    )
    given: dict[str, Any] = {"template": template.pk}
    if content:
        given["file"] = SimpleUploadedFile("roof.jpg", content)
    answer = agent.post("/files/", given)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
