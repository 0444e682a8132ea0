"""How long the texts of a campaign are once every field is filled in, and what they come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from conversations.models import Campaign, CampaignRecipient
from conversations.models.campaign import RowVerdict
from conversations.services.campaigns.texts import TextRefused, Texts
from messaging.segments import measure

AT_ONCE = 5_000  # people whose texts are made while a page waits
# Whose text the campaign decides; everybody else is left out for what the number is.
OF_THE_TEXT = (RowVerdict.SEND, RowVerdict.MISSING_FIELD, RowVerdict.TOO_LONG)


@dataclass(slots=True)
class Lengths:
    """People by the parts of their text, and by why they get none; `counted` of the `everybody` there are.

    `unicode` are those whose text is in Unicode.
    """

    everybody: int = 0
    counted: int = 0
    unicode: int = 0
    parts: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def texts(self) -> int:
        """How many texts are billed."""
        return sum(parts * people for parts, people in self.parts.items())

    @property
    def is_whole(self) -> bool:
        """Was everybody counted?"""
        return self.counted == self.everybody


def lengths_of(campaign: Campaign, *, most: int = AT_ONCE) -> Lengths:
    """Make the texts of the first people and count their parts. Raises merge.MergeError as Texts does."""
    texts = Texts(campaign)
    rows = CampaignRecipient.objects.filter(campaign=campaign, verdict__in=OF_THE_TEXT)
    found = Lengths(everybody=sum(campaign.verdict_counts.get(verdict, 0) for verdict in OF_THE_TEXT))
    for fields in rows.order_by("row").values_list("fields", flat=True)[:most]:
        found.counted += 1
        try:
            text = texts.for_row(fields)
        except TextRefused as refused:
            found.refused[refused.verdict] += 1
            continue
        found.parts[text.segments] += 1
        found.unicode += measure(text.body).encoding == "Unicode"
    return found


def cost_of(campaign: Campaign, texts: int) -> Decimal | None:
    """About what so many texts come to, in the currency of the stream; None where nobody has set a price."""
    return None if campaign.stream.price is None else campaign.stream.price * texts
