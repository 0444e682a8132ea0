"""A campaign's name and end as a draft, and the pace of one that ran."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from conversations.models import Campaign, CampaignRecipient, Message, User
from conversations.services.campaigns import control
from conversations.views.campaign_pace import BOTTOM, TOP, _scale, pace_of
from tests import factories
from tests.conversations.campaigns.conftest import confirm, people, run, words
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]


def test_a_draft_is_renamed_and_deleted_with_its_list(browser: Client, make_campaign: Make) -> None:
    campaign, other = make_campaign(*people(200, 3)), make_campaign(*people(210, 2))
    assert browser.post(f"/campaigns/{campaign.pk}/rename/", {"name": "Area works"}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.name == "Area works"
    for name, sentence in (("", "Give the campaign a name."), ("x" * 121, "The name has 121 characters.")):
        answer = browser.post(f"/campaigns/{campaign.pk}/rename/", {"name": name}, follow=True)
        assert sentence in words(answer)
    campaign.refresh_from_db()
    assert campaign.name == "Area works"
    answer = browser.post(f"/campaigns/{campaign.pk}/delete/", follow=True)
    assert "Area works was deleted. Nobody was written to." in words(answer)
    assert list(Campaign.objects.all()) == [other]
    assert CampaignRecipient.objects.count() == 2
    assert browser.get(f"/campaigns/{campaign.pk}/delete/").status_code == 405


def test_what_has_begun_keeps_its_name_and_stays(browser: Client, make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(*people(200, 1))
    confirm(campaign, tom)
    for move in ("rename", "delete"):
        assert browser.post(f"/campaigns/{campaign.pk}/{move}/", {"name": "Other"}).status_code == 404
        with pytest.raises(Exception, match="has begun"):
            control.rename(campaign, "Other", actor=tom) if move == "rename" else control.delete_draft(
                campaign, actor=tom
            )
    agent = factories.make_user(name="Priya Nair")
    factories.make_team(name="Agents", members=[agent], streams=[campaign.stream])
    draft = make_campaign(*people(210, 1))
    with pytest.raises(Exception, match="Ask a supervisor"):
        control.delete_draft(draft, actor=agent)
    assert Campaign.objects.count() == 2


def test_the_table_follows_while_something_is_under_way(
    browser: Client, make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    campaign = make_campaign(*people(200, 2))
    confirm(campaign, tom)
    address = f"/campaigns/{campaign.pk}/?show=accepted&q=Ines"
    page = browser.get(address).content.decode()
    assert f'hx-get="{escape(address)}"' in page, "the same people again"
    run(campaign)
    Message.objects.update(status="delivered")
    Campaign.objects.update(ended_at=timezone.now() - timedelta(hours=1))
    assert 'id="people-rows">' in browser.get(address).content.decode()


def test_the_pace_as_lines_and_as_a_table(
    browser: Client, make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    campaign = make_campaign(*people(200, 4))
    assert pace_of(campaign) is None
    assert browser.get(f"/campaigns/{campaign.pk}/pace/").status_code == 204
    confirm(campaign, tom)
    run(campaign)
    begins = timezone.now() - timedelta(minutes=40)
    Campaign.objects.update(started_at=begins, ended_at=begins + timedelta(minutes=20))
    for place, message in enumerate(Message.objects.order_by("pk")):
        sent = begins + timedelta(minutes=5 * place + 1)
        Message.objects.filter(pk=message.pk).update(
            sent_at=sent, delivered_at=sent + timedelta(minutes=6) if place < 3 else None
        )
    campaign.refresh_from_db()
    found = pace_of(campaign)
    assert found is not None
    assert found.ends - found.begins == timedelta(minutes=20)
    assert [(row.sent, row.delivered) for row in found.rows[::10]] == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)]
    assert found.sent.startswith(f"52.0,{BOTTOM:.1f} ")
    assert found.sent.endswith(f"580.0,{TOP:.1f}")
    assert [tick.words for tick in found.up] == ["0", "1", "2", "3", "4"]
    assert found.table[-1] == found.rows[-1]
    page = browser.get(f"/campaigns/{campaign.pk}/")
    chart = re.search(r'<svg class="pace-chart".*?</svg>', page.content.decode(), re.DOTALL)
    assert chart is not None
    assert "4 sent, 3 delivered" in chart[0]
    assert "style=" not in page.content.decode()
    table = words(browser.get(f"/campaigns/{campaign.pk}/pace/?pace=table"))
    assert "Show as lines" in table
    assert table.endswith("sent 4 delivered 3")


def test_late_receipts_do_not_stretch_the_pace(
    browser: Client, make_campaign: Make, tom: User, product_sandbox: PlayedSandbox
) -> None:
    campaign = make_campaign(*people(200, 1))
    confirm(campaign, tom)
    run(campaign)
    assert campaign.ended_at is not None
    assert campaign.started_at is not None
    Message.objects.update(delivered_at=campaign.ended_at + timedelta(days=1))
    found = pace_of(campaign)
    assert found is not None
    assert found.ends <= campaign.ended_at + timedelta(minutes=11)
    assert found.rows[-1].delivered == 1


@pytest.mark.parametrize(
    ("most", "marks"),
    [(0, [0, 1]), (5, [0, 2, 4, 6]), (294, [0, 100, 200, 300]), (3_861, [0, 1_000, 2_000, 3_000, 4_000])],
)
def test_marks_are_round_numbers(most: int, marks: list[int]) -> None:
    assert _scale(most) == marks
