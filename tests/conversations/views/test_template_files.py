"""The picker with a file for the header, a place on the map, and an answer that waits for the customer."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from conversations.models import Attachment, Conversation, Draft, Message
from conversations.services import attachments, outbound
from tests import factories
from tests.conversations.views.reading import read
from tests.messaging.test_files import JPEG
from tests.sandbox.playing import AMIRA, PlayedSandbox

pytestmark = pytest.mark.django_db

ROOF = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Your roof, {{1}}, as promised."}]
SHOP = [{"type": "HEADER", "format": "LOCATION"}, {"type": "BODY", "text": "We have moved."}]


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> factories.SandboxStreams:
    return factories.make_sandbox_streams(product_sandbox.url)


@pytest.fixture
def agent(client: Client, streams: factories.SandboxStreams) -> Client:
    streams.priya.undo_seconds = 0
    streams.priya.save()
    client.force_login(streams.priya)
    return client


@pytest.fixture
def amira(streams: factories.SandboxStreams) -> Conversation:
    contact = factories.make_contact(AMIRA, first_name="Amira")
    factories.opt_in(contact)
    return factories.make_conversation(
        streams["whatsapp"], contact, window_closes_at=timezone.now() - timedelta(hours=1)
    )


def given(template: Any, **fields: Any) -> dict[str, Any]:
    return {"template": template.pk, "client_key": str(uuid.uuid4()), **fields}


def test_a_file_is_sent_with_the_form_without_a_script(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation, product_sandbox: PlayedSandbox
) -> None:
    template = factories.make_template(streams["whatsapp"], name="roof", language="en", components=ROOF)
    file = SimpleUploadedFile("roof.jpg", JPEG)
    sent = agent.post(f"/c/{amira.pk}/template/", given(template, **{"body-1": "Amira", "media_file": file}))
    assert sent.status_code == 302
    message, kept = Message.objects.get(), Attachment.objects.get()
    assert message.media == [attachments.as_media(kept)]
    outbound.deliver([message.pk])
    (arrived,) = product_sandbox.messages(phone=AMIRA)
    assert arrived["header"]["id"] == kept.external_id
    page = agent.get(f"/c/{amira.pk}/").content.decode()
    assert f'src="/files/{kept.ref}/"' in page


def test_a_file_stays_while_another_value_is_mended(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation
) -> None:
    template = factories.make_template(streams["whatsapp"], components=ROOF)
    file = SimpleUploadedFile("roof.jpg", JPEG)
    refused = agent.post(f"/c/{amira.pk}/template/", given(template, **{"body-1": " ", "media_file": file}))
    assert refused.status_code == 422
    kept = Attachment.objects.get()
    page = read(refused)
    assert page.one("input", name="media_ref").attributes["value"] == str(kept.ref)
    assert "roof.jpg" in page.one(id="phone").text
    mended = given(template, **{"body-1": "Amira", "media_ref": kept.ref})
    assert agent.post(f"/c/{amira.pk}/template/", mended).status_code == 302


@pytest.mark.parametrize("content", [b"MZ\x90", b"%PDF-1.7"])
def test_a_file_that_cannot_be_is_said_at_its_field(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation, content: bytes
) -> None:
    template = factories.make_template(streams["whatsapp"], components=ROOF)
    fields = {"body-1": "Amira", "media_file": SimpleUploadedFile("roof.jpg", content)}
    refused = agent.post(f"/c/{amira.pk}/template/", given(template, **fields))
    assert refused.status_code == 422
    assert read(refused).one(id="id_media_file_error")
    assert not Message.objects.exists()


def test_a_file_of_another_stream_is_none(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation
) -> None:
    elsewhere = factories.make_stream(channel="whatsapp")
    foreign = Attachment.objects.create(stream=elsewhere, kind="image", external_id="77", status="kept")
    template = factories.make_template(streams["whatsapp"], components=ROOF)
    refused = agent.post(f"/c/{amira.pk}/template/", given(template, **{"body-1": "A", "media_ref": foreign.ref}))
    assert refused.status_code == 422


def test_a_place_is_filled_in_and_shown(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation, product_sandbox: PlayedSandbox
) -> None:
    template = factories.make_template(streams["whatsapp"], name="moved", components=SHOP)
    place = {"latitude": "51.5074", "longitude": "-0.1278", "name": "Fernhill shop", "address": "1 High Street"}
    fields = {f"header-{name}": value for name, value in place.items()}
    wrong = agent.post(f"/c/{amira.pk}/template/", given(template, **{**fields, "header-latitude": "north"}))
    assert read(wrong).one(id="id_header-latitude_error")
    assert agent.post(f"/c/{amira.pk}/template/", given(template, **fields)).status_code == 302
    message = Message.objects.get()
    outbound.deliver([message.pk])
    message.refresh_from_db()
    assert message.status == "accepted", message.failure_text
    sent = json.loads(message.results.get().attempt.request_body)
    header = sent["data"][0]["template_data"]["template"]["components"][0]
    assert header == {"type": "header", "parameters": [{"type": "location", "location": place}]}
    assert "Fernhill shop" in agent.get(f"/c/{amira.pk}/").content.decode()


def test_an_answer_is_held_with_the_template(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation
) -> None:
    Draft.objects.create(user=streams.priya, conversation=amira, kind="reply", body="Friday works.")
    template = factories.make_template(streams["whatsapp"])
    page = agent.get(f"/c/{amira.pk}/template/?template={template.pk}").content.decode()
    assert "Friday works.</textarea>" in page
    fields = {"body-1": "Amira", "body-2": "Friday", "held_body": "Friday works. Ask for Mo."}
    assert agent.post(f"/c/{amira.pk}/template/", given(template, **fields)).status_code == 302
    held, sent = Message.objects.order_by("id")
    assert (held.status, held.held_for, held.body) == ("held", "window", "Friday works. Ask for Mo.")
    assert (sent.status, sent.kind) == ("queued", "template")
    assert "Held until the customer writes" in agent.get(f"/c/{amira.pk}/").content.decode()


def test_an_answer_is_not_held_with_a_template_for_later_or_in_an_open_window(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation
) -> None:
    template = factories.make_template(streams["whatsapp"])
    later = f"{timezone.localtime() + timedelta(days=1):%Y-%m-%dT%H:%M}"
    fields = {"body-1": "Amira", "body-2": "Friday", "held_body": "Yes.", "later": "on", "scheduled_for": later}
    refused = agent.post(f"/c/{amira.pk}/template/", given(template, **fields))
    assert read(refused).one(id="id_held_body_error")
    amira.window_closes_at = timezone.now() + timedelta(hours=1)
    amira.save()
    page = agent.get(f"/c/{amira.pk}/template/?template={template.pk}").content.decode()
    assert "held_body" not in page


def test_the_closed_window_offers_to_hold(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation
) -> None:
    factories.make_template(streams["whatsapp"])
    assert "Hold and send a template" in agent.get(f"/c/{amira.pk}/").content.decode()


def test_a_customers_file_is_shown_when_it_has_come(
    streams: factories.SandboxStreams, agent: Client, amira: Conversation
) -> None:
    media = [{"kind": "image", "link": "https://elsewhere.example/x.jpg", "filename": "x.jpg"}]
    message = factories.make_message(amira, direction="in", kind="media", media=media, body="")
    attachments.expect(message)
    address = f"/c/{amira.pk}/"
    page = agent.get(address).content.decode()
    assert "It is being fetched from the provider." in page
    assert "elsewhere.example" not in page
    attachments.fetch_files([Attachment.objects.get().pk])
    assert "it was not fetched" in agent.get(address).content.decode()
