"""Parts and costs of a campaign's texts after every field is filled in."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from conversations.models import Campaign
from conversations.services.campaigns.lengths import cost_of, lengths_of
from tests.conversations.campaigns.conftest import fiction

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]


def test_every_text_is_counted_with_its_own_values(make_campaign: Make) -> None:
    campaign = make_campaign(
        f"{fiction(200)},Al", f"{fiction(201)},{'x' * 20}", f"{fiction(202)},Zoë’s", f"{fiction(203)},", "12,Max",
        body="${firstname}" + "a" * 150,
        fallbacks={},
    )  # fmt: skip
    found = lengths_of(campaign)
    assert (found.parts, found.refused) == ({1: 1, 2: 1, 3: 1}, {"missing_field": 1})
    assert (found.texts, found.unicode, found.counted, found.is_whole) == (6, 1, 4, True)
    assert cost_of(campaign, found.texts) is None
    campaign.stream.price = Decimal("0.041")
    assert cost_of(campaign, found.texts) == Decimal("0.246")


def test_a_long_list_is_counted_as_far_as_a_page_waits(make_campaign: Make) -> None:
    campaign = make_campaign(*(f"{fiction(number)},Al" for number in range(200, 205)))
    found = lengths_of(campaign, most=3)
    assert (found.counted, found.everybody, found.is_whole) == (3, 5, False)
