"""Rows B68 and B69: files that are not what they say, and names that lead elsewhere, through every door for files."""

from __future__ import annotations

import asyncio
import io
import struct
import uuid
import zipfile
import zlib
from collections.abc import MutableMapping
from email.message import EmailMessage
from typing import Any

import pytest
from django.conf import settings as site
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from config.asgi import TAKES_FILES, application
from conversations.models import Attachment
from conversations.services import attachment_files, attachments
from tests import factories
from tests.bad_input.conftest import nothing_stored_nor_sent
from tests.conversations.views.reading import read
from tests.messaging.test_files import JPEG, archive, png
from tests.sandbox.playing import AMIRA, PlayedSandbox

pytestmark = pytest.mark.django_db

SCRIPT = b"<script>alert(1)</script>"


def bomb() -> bytes:
    """A document of Office of a hundred kilobytes that says it unpacks to gigabytes."""
    small = io.BytesIO(archive("[Content_Types].xml", "word/document.xml"))
    with zipfile.ZipFile(small, "a", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/media/zeros.bin", bytes(100_000))
    whole = bytearray(small.getvalue())
    place = whole.rfind(b"PK\x01\x02")  # the last entry of the list
    whole[place + 24 : place + 28] = struct.pack("<I", 4_000_000_000)
    return bytes(whole)


BAD = {
    "EXE as .jpg": ("photo.jpg", b"MZ\x90\x00" + bytes(200)),
    "SVG with script": ("logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"),
    "SVG as .png": ("logo.png", b"<?xml version='1.0'?><svg>" + SCRIPT + b"</svg>"),
    "HTML": ("page.html", b"<!doctype html>" + SCRIPT),
    "HTML as .jpg": ("page.jpg", b"<html>" + SCRIPT),
    "GIF and HTML at once": ("both.gif", b"GIF89a/*" + SCRIPT + b"*/"),
    "zip bomb": ("letter.docx", bomb()),
    "gzip bomb": ("letter.pdf", b"\x1f\x8b" + zlib.compress(bytes(1_000_000))),
    "0 bytes": ("empty.jpg", b""),
    "60,000 x 60,000": ("huge.png", png(60_000, 60_000)),
    "macros": ("sheet.xlsm", archive("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin")),
}


@pytest.fixture
def streams() -> factories.SandboxStreams:
    return factories.make_sandbox_streams("http://127.0.0.1:8100")


@pytest.fixture
def priya(client: Client, streams: factories.SandboxStreams) -> Client:
    client.force_login(streams.priya)
    return client


def template(streams: factories.SandboxStreams, kind: str) -> Any:
    components = [{"type": "HEADER", "format": kind.upper()}, {"type": "BODY", "text": "Your roof."}]
    return factories.make_template(streams["whatsapp"], components=components)


@pytest.mark.parametrize("kind", ["image", "document"])
def test_b68_the_file_of_a_template(priya: Client, streams: factories.SandboxStreams, kind: str) -> None:
    wanted = template(streams, kind)
    contact = factories.make_contact(AMIRA)
    factories.opt_in(contact)
    conversation = factories.make_conversation(streams["whatsapp"], contact)
    form = {"template": wanted.pk, "client_key": str(uuid.uuid4())}
    with nothing_stored_nor_sent():
        for what, (name, content) in BAD.items():
            answer = priya.post("/files/", {"template": wanted.pk, "file": SimpleUploadedFile(name, content)})
            assert answer.status_code == 422, what
            assert answer.json()["error"].endswith("."), what
            file = SimpleUploadedFile(name, content)
            page = priya.post(f"/c/{conversation.pk}/template/", {**form, "media_file": file})
            assert page.status_code == 422, what
            assert read(page).one(id="id_media_file_error").text, what


def test_b68_the_proof_of_a_permission(priya: Client, streams: factories.SandboxStreams) -> None:
    contact = factories.make_conversation(streams["whatsapp"]).contact
    form = {"event": "opt_in", "channel": "sms", "source": "form", "wording": "Yes", "evidence": "Form 7"}
    with nothing_stored_nor_sent():
        for what, (name, content) in BAD.items():
            file = SimpleUploadedFile(name, content)
            page = priya.post(f"/contacts/{contact.pk}/permission/", {**form, "evidence_file": file})
            assert page.status_code == 422, what
            assert read(page).one(id="id_evidence_file_error").text, what


DOORS = ("/files/", "/c/7/template/", "/new/template/", "/campaigns/7/list/", "/contacts/import/")


@pytest.mark.parametrize("path", DOORS)
def test_b68_101_megabytes_are_refused_before_anything_reads_them(path: str) -> None:
    piece, asked, answered = bytes(1024**2), 0, []
    allowed = site.LARGEST_UPLOAD_MEGABYTES + 2 if TAKES_FILES.fullmatch(path) else 2

    async def receive() -> MutableMapping[str, Any]:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": piece, "more_body": asked < 101}

    async def send(message: MutableMapping[str, Any]) -> None:
        answered.append(message)

    asyncio.run(application({"type": "http", "path": path, "method": "POST", "headers": []}, receive, send))
    assert answered[0]["status"] == 413
    assert asked == allowed + 1, "no more was read than it takes to know"


NAMES = [
    "../../etc/x",
    "..\\..\\windows\\x.jpg",
    "a\x00.jpg",
    "CON",
    "x" * 300 + ".jpg",
    "\u202egpj.exe",
    "x.jpg;.exe",
    'a"; filename="evil.exe',
    "a\r\nSet-Cookie: evil=1.jpg",
    "<img src=x onerror=alert(1)>.jpg",
    "",
]


def test_b69_a_name_is_words_and_nothing_else(priya: Client, streams: factories.SandboxStreams) -> None:
    message = factories.make_message(factories.make_conversation(streams["whatsapp"]), direction="in")
    message.media = [{"kind": "image", "link": "https://files.example/1", "filename": name} for name in NAMES]
    attachments.expect(message)
    found = list(Attachment.objects.all())
    assert len(found) == len(NAMES)
    for kept in found:
        kept.content_type, kept.stored_as, kept.status = "image/jpeg", attachment_files.store(JPEG), "kept"
        kept.save()
        path = attachment_files.path_of(kept.stored_as)
        assert path.name.isalnum()
        assert path.is_relative_to(site.ATTACHMENTS_DIR)
        assert len(kept.filename) <= 200
        assert not set(kept.filename) & set("/\\\x00\r\n\u202e")
        assert kept.saved_as.endswith((".jpg", ".jpeg")), "what is a picture is kept as one, whatever its name says"
    assert "<img src=x" not in priya.get(f"/c/{message.conversation_id}/").content.decode()
    answers = [priya.get(reverse("file", args=[kept.ref])) for kept in found]
    for kept, answer in zip(found, answers, strict=True):
        header = EmailMessage()
        header["Content-Disposition"] = answer["Content-Disposition"]
        assert header.get_content_disposition() == "inline"
        assert header.get_filename() == kept.saved_as, "one name, whatever stands in it"
        assert "Set-Cookie" not in answer.headers
    for answer in answers:
        answer.close()


def test_b68_b69_a_picture_that_is_a_page_too_is_only_ever_a_picture(
    client: Client, product_sandbox: PlayedSandbox
) -> None:
    streams = factories.make_sandbox_streams(product_sandbox.url)
    client.force_login(streams.priya)
    both = JPEG + b"<html>" + SCRIPT + b"</html>" + archive("[Content_Types].xml", "word/x")
    given = SimpleUploadedFile("../x.jpg;.html", both, "text/html")
    answer = client.post("/files/", {"template": template(streams, "image").pk, "file": given})
    assert answer.status_code == 200
    kept = Attachment.objects.get()
    shown = client.get(reverse("file", args=[kept.ref]))
    shown.close()
    assert (shown["Content-Type"], shown["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert shown["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert kept.saved_as.endswith(".jpg")
    assert kept.stored_as.replace("/", "").isalnum()
