"""The file in the header of a campaign's template: its id at the provider ends, and is renewed in time."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Campaign
from conversations.services import attachments
from conversations.services.campaigns import control


def keep_usable(campaign_id: int) -> bool:
    """Give the file to the provider again where its id ends soon, and keep the new one with the campaign.

    False when that cannot be done: then the campaign is paused, and says why. Calls the provider, so in no
    transaction.
    """
    campaign = Campaign.objects.select_related("stream__account").get(pk=campaign_id)
    try:
        usable = [
            attachments.usable_media(one, stream=campaign.stream, at=timezone.now()) or one for one in campaign.media
        ]
    except ValidationError as problem:
        control.pause_by_itself(campaign.pk, reason=" ".join(problem.messages))
        return False
    if usable != campaign.media:
        Campaign.objects.filter(pk=campaign.pk, media=campaign.media).update(media=usable)
    return True
