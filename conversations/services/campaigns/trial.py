"""A test of a campaign: one person's text to the number of whoever writes it, as an ordinary message."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from conversations.models import Campaign, CampaignRecipient, Message, User
from conversations.models.message import Kind
from conversations.services.campaigns import control
from conversations.services.campaigns.texts import TextRefused, Texts
from conversations.services.compose import queue_message, queue_template
from conversations.services.conversations import contact_for_number, open_conversation


def send_trial(campaign: Campaign, *, of: CampaignRecipient, to: str, actor: User) -> Message:
    """Send the text of one row to a number that somebody typed; the campaign's numbers know nothing of it.

    Raises ValidationError: `not_allowed`, the refusal of the text or of the number, or what the gate says.
    """
    control.check_right(campaign, actor)
    try:
        text = Texts(campaign).for_row(of.fields)
    except TextRefused as refused:
        raise ValidationError(refused.sentence, code=str(refused.verdict)) from refused
    with transaction.atomic():
        contact = contact_for_number(to, stream=campaign.stream)
        conversation = open_conversation(stream=campaign.stream, contact=contact, actor=actor)
        if campaign.kind == Kind.TEXT:
            return queue_message(conversation=conversation, body=text.body, author=actor, purpose=campaign.purpose)
        assert campaign.template is not None
        return queue_template(
            conversation=conversation,
            template=campaign.template,
            values=text.template_values,
            author=actor,
            media=campaign.media[0] if campaign.media else None,
        )
