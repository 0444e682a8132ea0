"""Columns of a list: which holds the number, which feeds which field, and people from conversations."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from conversations.models import Campaign, Conversation, OptIn, Tag, User
from conversations.services import consent
from conversations.services.campaigns import audience, columns, preflight, reading
from conversations.services.campaigns.texts import Texts
from conversations.services.csv_files import CsvProblem
from tests import factories
from tests.conversations.campaigns.conftest import fiction
from tests.factories import SandboxStreams

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]


def load(campaign: Campaign, *rows: str) -> None:
    """A file whose titles may not say where the numbers are."""
    audience.load_list(campaign, io.BytesIO("\n".join(rows).encode()), file_name="people.csv", may_ask=True)


def verdicts(campaign: Campaign) -> list[str]:
    """Of the rows in their order."""
    return list(campaign.recipients.order_by("row").values_list("verdict", flat=True))


def test_a_list_waits_for_the_column_with_its_numbers(make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa", body="Hello ${name}", fallbacks={})
    load(campaign, "Name,Mob", f"Rosa,{fiction(201)}", f"Olu,{fiction(202)}", "Max,12")
    assert campaign.asks_for_number_column
    assert (campaign.columns, campaign.titles) == (["name", "mob"], [["name", "Name"], ["mob", "Mob"]])
    assert verdicts(campaign) == ["invalid"] * 3
    assert {one.reason for one in campaign.recipients.all()} == {audience.NOT_READ}
    assert columns.likely_number_column(campaign) == "mob"
    assert "no_number_column" in [one.code for one in preflight.check(campaign)]

    audience.choose_number_column(campaign, "mob")
    assert (campaign.number_column, campaign.number_title, campaign.columns) == ("mob", "Mob", ["name"])
    assert verdicts(campaign) == ["send", "send", "invalid"]
    assert campaign.recipients.get(row=3).fields == {"name": "Olu"}
    assert preflight.check(campaign) == []


def test_two_columns_of_numbers_are_a_choice_that_can_be_changed(make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    load(campaign, "phone,mobile", f"{fiction(201)},{fiction(202)}", f"{fiction(203)},")
    assert campaign.asks_for_number_column
    audience.choose_number_column(campaign, "mobile")
    assert [one.phone for one in campaign.recipients.order_by("row")] == [fiction(202), ""]
    audience.choose_number_column(campaign, "phone")
    rows = list(campaign.recipients.order_by("row"))
    assert [one.phone for one in rows] == [fiction(201), fiction(203)]
    assert [one.fields for one in rows] == [{"mobile": fiction(202)}, {}]
    with pytest.raises(ValidationError, match="no such column"):
        audience.choose_number_column(campaign, "pager")


def test_where_nobody_can_be_asked_the_titles_have_to_say_it(make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    with pytest.raises(CsvProblem, match=r"columns called Name and Mob\. It needs one called phone"):
        audience.load_list(campaign, io.BytesIO(b"Name,Mob\nRosa,1\n"), file_name="people.csv")


def test_a_column_feeds_a_field_of_another_name(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(
        f"{fiction(200)},Rosa,Epsom",
        f"{fiction(201)},Olu,",
        f"{fiction(202)},Ida,Ewell",
        header="phone,Rufname,Town",
        body="Hello ${firstname} in ${area}",
        fallbacks={"area": "your street"},
    )
    assert Texts(campaign).missing_columns() == ["firstname"]
    campaign.field_columns = {"firstname": "rufname", "area": "town"}
    campaign.save()
    assert preflight.check(campaign) == []
    texts = [Texts(campaign).for_row(one.fields).body for one in campaign.recipients.order_by("row")]
    assert texts == ["Hello Rosa in Epsom", "Hello Olu in your street", "Hello Ida in Ewell"]

    load(campaign, "phone,Town", f"{fiction(210)},Cheam")
    assert campaign.field_columns == {"area": "town"}, "a column that the new list has not feeds nothing"


def test_the_persons_own_value_wins_over_everybodys_and_that_over_the_fallback(make_campaign: Make) -> None:
    campaign = make_campaign(
        f"{fiction(200)},Monday",
        f"{fiction(201)},",
        header="phone,day",
        body="${day} ${place}",
        values={"day": "Tuesday", "place": "Epsom"},
        fallbacks={"day": "some day", "place": "here"},
    )
    texts = [Texts(campaign).for_row(one.fields).body for one in campaign.recipients.order_by("row")]
    assert texts == ["Monday Epsom", "Tuesday Epsom"]
    campaign.values = {}
    assert Texts(campaign).for_row({}).body == "some day here"
    campaign.values, campaign.field_columns = {"day": "Tuesday", "place": "Epsom"}, {"day": ""}
    assert Texts(campaign).for_row({"day": "Monday"}).body == "Tuesday Epsom", "no column feeds it any more"


def test_the_people_of_a_tag_become_rows_with_the_same_verdicts(
    make_campaign: Make, streams: SandboxStreams, tom: User
) -> None:
    vip = Tag.objects.create(name="Fibre")
    stream = streams["webex_interact"]
    for number, first in ((301, "Rosa"), (302, "Olu"), (303, "")):
        contact = factories.make_contact(fiction(number), first_name=first)
        for one in (stream, streams["cirrus"]):
            Conversation.objects.create(stream=one, contact=contact).tags.add(vip)
    elsewhere = factories.make_stream(name="Billing")
    Conversation.objects.create(stream=elsewhere, contact=factories.make_contact(fiction(304))).tags.add(vip)
    consent.record(
        OptIn(
            contact=Conversation.objects.filter(contact__phone=fiction(302)).first().contact,  # type: ignore[union-attr]
            channel="sms",
            event="opt_out",
            source="keyword",
            wording="STOP",
        )
    )
    campaign = make_campaign(f"{fiction(200)},Rosa")
    tagged = Conversation.objects.visible_to(tom).filter(tag_rows__tag=vip)
    reading.take_people(campaign, tagged, name="Tag Fibre")
    assert [one.phone for one in campaign.recipients.order_by("row")] == [fiction(301), fiction(302), fiction(303)]
    assert verdicts(campaign) == ["send", "opted_out", "send"]
    assert (campaign.file_name, campaign.columns) == ("Tag Fibre", ["firstname", "lastname", "email"])
    assert preflight.check(campaign) == []
    assert campaign.sendable_count == 2

    with pytest.raises(CsvProblem, match="has nobody in it now"):
        reading.take_people(campaign, tagged.none(), name="Tag Copper")
    campaign.refresh_from_db()
    assert campaign.row_count == 3


def test_more_people_than_a_campaign_may_have_are_refused(
    make_campaign: Make, streams: SandboxStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(301, 304):
        factories.make_conversation(streams["webex_interact"], factories.make_contact(fiction(number)))
    monkeypatch.setattr(audience, "MOST_ROWS", 2)
    campaign = make_campaign(f"{fiction(200)},Rosa")
    with pytest.raises(CsvProblem) as problem:
        reading.take_people(campaign, Conversation.objects.all(), name="Tag Fibre")
    assert problem.value.code == "too_many_rows"


def test_a_field_may_be_called_as_the_list_calls_its_column(make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa", body="Hello ${first_name} of ${firstname}", fallbacks={})
    load(campaign, "phone,First_Name", f"{fiction(201)},Olu")
    assert (campaign.columns, campaign.column_of("first_name")) == (["firstname"], "firstname")
    assert preflight.check(campaign) == []
    texts = Texts(campaign)
    assert texts.missing_columns() == []
    assert texts.for_row(campaign.recipients.get().fields).body == "Hello Olu of Olu"
