"""The file of a template's header, whose id at the provider ends after 30 days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Attachment, Campaign, Message, User
from conversations.services import attachments
from tests import factories
from tests.conversations.campaigns.conftest import confirm, fiction, run
from tests.factories import SandboxStreams
from tests.messaging.test_files import JPEG

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(make_campaign: Callable[..., Campaign], streams: SandboxStreams, settings: Any, tmp_path: Any) -> Campaign:
    """A template with an image to two people who permitted it."""
    settings.ATTACHMENTS_DIR = tmp_path
    stream = streams["whatsapp"]
    image = attachments.keep_upload(stream=stream, kind="image", filename="roof.jpg", content=JPEG, uploaded_by=None)
    template = factories.make_template(
        stream, name="roof", components=[{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Your roof."}]
    )
    for number in (300, 301):
        factories.opt_in(factories.make_contact(fiction(number)))
    return make_campaign(
        *(f"{fiction(number)},Rosa" for number in (300, 301)),
        stream="whatsapp",
        kind="template",
        body="",
        template=template,
        purpose="service",
        media=[attachments.as_media(image)],
    )


def test_an_id_that_ends_is_renewed_before_anybody_is_written_to(campaign: Campaign, tom: User) -> None:
    confirm(campaign, tom)
    before = campaign.media[0]["external_id"]
    Attachment.objects.update(external_until=timezone.now() + timedelta(minutes=5))
    run(campaign)
    renewed = Attachment.objects.get().external_id
    assert renewed != before
    assert [one["external_id"] for one in campaign.media] == [renewed]
    sent = Message.objects.filter(recipient__campaign=campaign)
    assert {(one.status, one.media[0]["external_id"]) for one in sent} == {("accepted", renewed)}


def test_a_file_that_cannot_be_renewed_pauses_the_campaign(campaign: Campaign, tom: User) -> None:
    confirm(campaign, tom)
    Attachment.objects.update(external_until=timezone.now(), stored_as="")
    run(campaign)
    assert campaign.status == "paused"
    assert campaign.status_reason == "WhatsApp keeps a file for 30 days, and this one is older. Upload it again."
    assert not Message.objects.filter(recipient__campaign=campaign).exists()
    assert campaign.chunks.get().status == "ready"


def test_a_file_that_is_good_for_long_stays(campaign: Campaign, tom: User) -> None:
    confirm(campaign, tom)
    before = list(campaign.media)
    run(campaign)
    assert (campaign.media, campaign.accepted_count) == (before, 2)
