"""Files: fetched from the provider's own hosts alone, checked, kept, given to the provider with an id that ends."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Attachment, Contact, Message
from conversations.models.attachment import AttachmentStatus
from conversations.services import attachment_files, attachments, compose, erased_records
from conversations.services.erasure import erase
from conversations.services.inbound import receive
from messaging.types import InboundMessage, Media
from tests import factories
from tests.messaging.test_files import JPEG, png
from tests.sandbox.playing import AMIRA, PlayedSandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> factories.SandboxStreams:
    return factories.make_sandbox_streams(product_sandbox.url)


def keep(streams: factories.SandboxStreams, content: bytes = JPEG, kind: str = "image", **given: Any) -> Attachment:
    given = {"filename": "roof.jpg", "uploaded_by": streams.priya, **given}
    return attachments.keep_upload(stream=streams["whatsapp"], kind=kind, content=content, **given)


def test_an_upload_is_kept_under_a_made_up_name_and_has_an_id(streams: factories.SandboxStreams, settings: Any) -> None:
    kept = keep(streams, filename="../../etc/Rosa's roof\u202e.jpg")
    assert kept.filename == "Rosa's roof.jpg"
    assert attachment_files.read(kept.stored_as) == JPEG
    assert "roof" not in kept.stored_as
    path = attachment_files.path_of(kept.stored_as)
    assert path.is_relative_to(settings.ATTACHMENTS_DIR)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (kept.content_type, kept.size) == ("image/jpeg", len(JPEG))
    assert kept.external_id
    assert kept.external_until is not None
    assert timedelta(days=29) < kept.external_until - timezone.now() <= timedelta(days=30)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"content": b"MZ\x90\x00"}, "unknown_type"),
        ({"content": b"%PDF-1.7", "kind": "image"}, "wrong_type"),
        ({"content": b""}, "wrong_type"),
        ({"content": b"OggS", "kind": "audio"}, "media_not_carried"),
        ({"content": png(60_000, 60_000)}, "too_many_pixels"),
        ({"content": JPEG + bytes(5 * 1024 * 1024)}, "too_large"),
    ],
)
def test_what_cannot_be_sent_is_not_kept(streams: factories.SandboxStreams, given: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        keep(streams, **given)
    assert refused.value.code == code
    assert not Attachment.objects.exists()


def test_who_may_not_send_uploads_nothing(streams: factories.SandboxStreams) -> None:
    with pytest.raises(ValidationError) as refused:
        keep(streams, uploaded_by=factories.make_user())
    assert refused.value.code == "not_allowed"


@pytest.mark.parametrize("stored_as", ["", "../../etc/passwd", "ab/../cd", "zz/" + "z" * 32, "ab/" + "c" * 32])
def test_only_names_of_our_own_making_lead_to_a_file(stored_as: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        attachment_files.path_of(stored_as)


def sent_with(streams: factories.SandboxStreams, media: dict[str, str], **given: Any) -> Message:
    template = factories.make_template(
        streams["whatsapp"],
        name="roof",
        components=[{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Your roof."}],
    )
    conversation = factories.make_conversation(streams["whatsapp"])
    factories.opt_in(conversation.contact)
    return compose.queue_template(conversation=conversation, template=template, values={}, media=media, **given)


def test_an_id_that_has_ended_is_renewed_from_what_we_keep(streams: factories.SandboxStreams) -> None:
    kept = keep(streams)
    Attachment.objects.update(external_until=timezone.now() + timedelta(minutes=5))
    message = sent_with(streams, attachments.as_media(kept))
    renewed = Attachment.objects.get()
    assert renewed.external_id != kept.external_id
    assert message.media[0]["external_id"] == renewed.external_id


def test_an_id_that_has_ended_and_cannot_be_renewed_is_refused(streams: factories.SandboxStreams) -> None:
    kept = keep(streams)
    Attachment.objects.update(external_until=timezone.now(), stored_as="")
    with pytest.raises(ValidationError) as refused:
        sent_with(streams, {"kind": "image", "external_id": kept.external_id})
    assert refused.value.code == "media_expired"
    assert not Message.objects.exists()


def test_no_id_lasts_as_long_as_a_schedule_may(streams: factories.SandboxStreams) -> None:
    media = attachments.as_media(keep(streams))
    with pytest.raises(ValidationError) as refused:
        sent_with(streams, media, scheduled_for=timezone.now() + timedelta(days=31))
    assert refused.value.code == "media_expired"


def arrived(streams: factories.SandboxStreams, link: str, filename: str = "photo.jpg") -> Attachment:
    media = Media("image", link=link, filename=filename)
    one = InboundMessage(f"key-{link}", AMIRA, "", stream_keys=(streams["whatsapp"].external_id,), media=(media,))
    message = receive(one, streams["whatsapp"].account)
    assert message is not None
    return message.attachments.get()


def test_a_customers_photo_is_fetched_and_kept(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    answer = product_sandbox.cirrus(
        "POST", f"whatsapp/uploadmedia/{streams['whatsapp'].external_id}", files={"pic": ("photo.jpg", JPEG)}
    )
    media_id = answer.json()["data"][0]["id"]
    waiting = arrived(streams, f"{product_sandbox.url}/cirrus/media/{media_id}")
    assert waiting.status == AttachmentStatus.WAITING
    attachments.fetch_files([waiting.pk])
    kept = Attachment.objects.get(pk=waiting.pk)
    assert (kept.status, kept.kind, kept.content_type) == ("kept", "image", "image/jpeg")
    assert attachment_files.read(kept.stored_as) == JPEG


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/photo.jpg",
        "https://api.commbox.io.evil.example/photo.jpg",
        "https://user:pw@api.commbox.io/photo.jpg",
        "http://api.commbox.io/photo.jpg",
        "https://api.commbox.io:22/photo.jpg",
        "http://127.0.0.1:9/photo.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706433/photo.jpg",
        "http://0x7f000001/photo.jpg",
        "http://127.1/photo.jpg",
        "http://①②⑦.0.0.1/photo.jpg",
        "http://[::ffff:127.0.0.1]/photo.jpg",
        "http://[2002:7f00:1::]/photo.jpg",
        "file:///etc/passwd",
    ],
)
def test_nothing_is_fetched_from_anywhere_else(streams: factories.SandboxStreams, link: str) -> None:
    waiting = arrived(streams, link)
    attachments.fetch_files([waiting.pk])
    refused = Attachment.objects.get(pk=waiting.pk)
    assert (refused.status, refused.tries, refused.stored_as) == ("refused", 1, "")
    assert "not fetched" in refused.problem


def test_what_the_provider_does_not_have_is_said(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    waiting = arrived(streams, f"{product_sandbox.url}/cirrus/media/9999999")
    attachments.fetch_files([waiting.pk])
    assert Attachment.objects.get(pk=waiting.pk).status == "lost"


def test_a_provider_that_is_away_is_asked_again_and_not_for_ever(
    streams: factories.SandboxStreams, settings: Any
) -> None:
    settings.EXTRA_PROVIDER_HOSTS = ["127.0.0.1:9"]
    attachments.accounts.transport.cache_clear()
    waiting = arrived(streams, "http://127.0.0.1:9/photo.jpg")
    attachments.fetch_files([waiting.pk])
    again = Attachment.objects.get(pk=waiting.pk)
    assert (again.status, again.tries) == ("waiting", 1)
    assert again.next_try_at is not None
    assert again.next_try_at > timezone.now()
    Attachment.objects.update(tries=attachments.MOST_TRIES - 1)
    attachments.fetch_files([waiting.pk])
    assert Attachment.objects.get(pk=waiting.pk).status == "lost"


def test_a_file_of_another_kind_than_it_says_is_refused(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    answer = product_sandbox.cirrus(
        "POST", f"whatsapp/uploadmedia/{streams['whatsapp'].external_id}", files={"pic": ("photo.jpg", b"<html>")}
    )
    waiting = arrived(streams, f"{product_sandbox.url}/cirrus/media/{answer.json()['data'][0]['id']}")
    attachments.fetch_files([waiting.pk])
    refused = Attachment.objects.get(pk=waiting.pk)
    assert (refused.status, refused.stored_as) == ("refused", "")


def files_in(directory: str) -> set[Path]:
    return {path for path in Path(directory).rglob("*") if path.is_file()}


@pytest.mark.parametrize("content", [JPEG, b"<html>"], ids=["a photo", "of another kind"])
def test_what_comes_after_the_person_was_erased_is_not_kept(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox, content: bytes, settings: Any
) -> None:
    answer = product_sandbox.cirrus(
        "POST", f"whatsapp/uploadmedia/{streams['whatsapp'].external_id}", files={"pic": ("photo.jpg", content)}
    )
    asked_for = arrived(streams, f"{product_sandbox.url}/cirrus/media/{answer.json()['data'][0]['id']}")
    erase(Contact.objects.get(), reason="Asked for it by letter.", actor=None)
    before = files_in(settings.ATTACHMENTS_DIR)
    attachments._fetch(asked_for)
    erased = Attachment.objects.get()
    assert (erased.status, erased.filename, erased.link, erased.stored_as) == ("lost", "", "", "")
    assert erased.problem == "Erased with the data of the customer."
    assert files_in(settings.ATTACHMENTS_DIR) == before


def test_a_file_that_was_erased_while_it_was_given_again_has_no_id(streams: factories.SandboxStreams) -> None:
    kept = keep(streams)
    erased_records.erase_files(Attachment.objects.all(), why="Erased with the data of the customer.")
    attachments._renew(kept)
    assert Attachment.objects.get().external_id == ""
