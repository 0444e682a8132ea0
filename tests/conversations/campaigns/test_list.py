"""The list of a campaign: what is read, what is refused as a whole, and what each row is said to be."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Campaign, Message, OptIn, User
from conversations.services import consent
from conversations.services.campaigns import audience, control, planning, preflight
from conversations.services.csv_files import CsvProblem
from tests import factories
from tests.conversations.campaigns.conftest import confirm, csv, fiction

pytestmark = pytest.mark.django_db

Make = Callable[..., Campaign]


def verdicts(campaign: Campaign) -> list[str]:
    """The verdicts of the rows, in their order."""
    return list(campaign.recipients.order_by("row").values_list("verdict", flat=True))


def load(campaign: Campaign, data: bytes, **options: Any) -> None:
    """Choose a file."""
    audience.load_list(campaign, io.BytesIO(data), file_name="list.csv", **options)


def test_every_row_has_a_verdict(make_campaign: Make) -> None:
    out = factories.make_contact(fiction(201))
    consent.record(OptIn(contact=out, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    campaign = make_campaign(
        f"{fiction(200)},Rosa",
        f"{fiction(201)},Olu",
        f"{fiction(200)},Rosa again",
        "07741 632543,Zoë",
        "not a number,Tom",
        "+442072193000,Office",
        "+447700900177,Ourselves",
        ",Nobody",
    )
    assert verdicts(campaign) == [
        *("send", "opted_out", "duplicate", "send", "invalid", "unreachable", "unreachable", "invalid")
    ]
    assert campaign.row_count == 8
    assert campaign.verdict_counts == {"send": 2, "opted_out": 1, "duplicate": 1, "invalid": 2, "unreachable": 2}
    rows = {row.row: row for row in campaign.recipients.all()}
    assert rows[5].phone == "+447741632543"
    assert rows[2].fields == {"firstname": "Rosa"}
    assert rows[4].reason == "The same number stands in an earlier row."
    assert all(row.reason for row in rows.values() if row.verdict != "send")


def test_columns_become_fields(make_campaign: Make) -> None:
    header = "Mobile,Given name,Surname,Order no.,Größe,日本"
    campaign = make_campaign(f"{fiction(200)},Rosa,Bell,17,L,x", header=header)
    assert campaign.columns == ["firstname", "lastname", "order_no", "grosse", "column_6"]
    assert campaign.recipients.get().fields["order_no"] == "17"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"name,mob\nRosa,07741632543\n", "no_phone_column", "It needs one called phone"),
        (b"phone,mobile\n07741632543,07741632544\n", "two_columns_of_a_kind", "2 columns with phone numbers"),
        (b"phone,phone\n1,2\n", "duplicate_columns", "two columns called phone"),
        (b"phone,name\n07741632543\n", "ragged", "line 2 has 1 cells"),
        (b"phone\n", "no_rows", "no rows"),
        (b"", "empty", "empty"),
        (b"PK\x03\x04rest", "not_csv", "save it as CSV"),
        (b'phone,name\n07741632543,"Rosa\n', "unclosed_quote", "line 2"),
        (b"phone,name\n07741632543," + b"x" * 200_000 + b"\n", "line_too_long", "characters"),
        (b"phone,name\n07741632543,\x00\n", "not_text", "zero"),
    ],
)
def test_a_file_that_cannot_be_taken_changes_nothing(make_campaign: Make, data: bytes, code: str, words: str) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    with pytest.raises(CsvProblem) as problem:
        load(campaign, data)
    assert problem.value.code == code
    assert words in problem.value.sentence
    campaign.refresh_from_db()
    assert (verdicts(campaign), campaign.row_count) == (["send"], 1)


def test_a_list_that_is_too_long_is_refused_as_a_whole(make_campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    monkeypatch.setattr(audience, "MOST_ROWS", 2)
    with pytest.raises(CsvProblem) as problem:
        load(campaign, b"phone\n07741632541\n07741632542\n07741632543\n")
    assert problem.value.code == "too_many_rows"
    assert verdicts(campaign) == ["send"]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_files_as_people_have_them(make_campaign: Make, codec: str, separator: str) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    load(campaign, f'phone{separator}first name\n07741632543{separator}"Zoë\nAnn"\n'.encode(codec))
    assert campaign.recipients.get().fields == {"firstname": "Zoë\nAnn"}


def test_zeros_that_a_spreadsheet_took_are_a_question(make_campaign: Make) -> None:
    campaign = make_campaign("7741632543,Rosa", "7.741632543E+09,Olu", f"{fiction(200)},Zoë")
    assert verdicts(campaign) == ["invalid", "invalid", "send"]
    assert campaign.recipients.get(row=2).reason == audience.LOST_ZERO
    audience.restore_zeros(campaign)
    assert verdicts(campaign) == ["send", "invalid", "send"]
    assert campaign.recipients.get(row=2).phone == "+447741632543"
    assert "digits are lost" in campaign.recipients.get(row=3).reason


def test_the_check_knows_every_text(make_campaign: Make) -> None:
    campaign = make_campaign(
        f"{fiction(200)},Rosa,17", f"{fiction(201)},,18", f"{fiction(202)},Olu,", f"{fiction(203)},{'x' * 400},19",
        header="phone,first name,order",
        body="Hello ${firstname}, order ${order}.",
        fallbacks={},
    )  # fmt: skip
    campaign.stream.body_limit = 200
    campaign.stream.save()
    assert preflight.check(campaign) == []
    assert verdicts(campaign) == ["send", "missing_field", "missing_field", "too_long"]
    assert campaign.recipients.get(row=3).reason.startswith("There is no value for firstname.")
    assert (campaign.status, campaign.sendable_count, campaign.left_out_count) == ("ready", 1, 3)
    Campaign.objects.filter(pk=campaign.pk).update(fallbacks={"firstname": "there", "order": "?"})
    campaign.refresh_from_db()
    assert preflight.check(campaign) == []
    assert verdicts(campaign) == ["send", "send", "send", "too_long"]


def test_segments_are_counted_after_the_names(make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa", f"{fiction(201)},Łukasz", body="${firstname}: " + "x" * 140)
    assert preflight.check(campaign) == []
    assert campaign.segment_counts == {"1": 1, "3": 1}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": ""}, "empty_body"),
        ({"body": "Hello ${first name}"}, "malformed_field"),
        ({"body": "Hello ${town}"}, "missing_column"),
        ({"scheduled_for": timezone.now() - timedelta(minutes=1)}, "scheduled_in_the_past"),
        ({"scheduled_for": timezone.now() + timedelta(days=400)}, "scheduled_too_far"),
        ({"valid_until": timezone.now() - timedelta(minutes=1)}, "valid_until_too_early"),
        ({"valid_until": timezone.now() + timedelta(days=4)}, "valid_until_too_late"),
        ({"kind": "template"}, "template_missing"),
    ],
)
def test_what_is_wrong_with_the_whole_is_said(make_campaign: Make, changes: dict[str, Any], code: str) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    Campaign.objects.filter(pk=campaign.pk).update(**changes)
    campaign.refresh_from_db()
    assert code in [problem.code for problem in preflight.check(campaign)]
    assert campaign.status == "draft"


def test_nobody_is_left(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign("nothing,Rosa")
    assert [problem.code for problem in preflight.check(campaign)] == ["nobody_left"]
    with pytest.raises(ValidationError) as refusal:
        control.confirm(campaign, actor=tom, people=0)
    assert refusal.value.code == "not_ready"


def test_values_that_a_provider_would_fill_in_are_left_out(make_campaign: Make) -> None:
    campaign = make_campaign(f"{fiction(200)},${{lastname}}", f"{fiction(201)},Rosa")
    assert preflight.check(campaign) == []
    assert verdicts(campaign) == ["missing_field", "send"]


def test_only_whoever_may_send_in_bulk_lets_it_go(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    preflight.check(campaign)
    agent = User.objects.get(email="priya@fernhill.example")
    for actor, people, code in ((agent, 1, "not_allowed"), (tom, 2, "number_changed")):
        with pytest.raises(ValidationError) as refusal:
            control.confirm(campaign, actor=actor, people=people)
        assert refusal.value.code == code
    campaign.refresh_from_db()
    assert campaign.status == "ready"
    assert not Message.objects.exists()


def test_a_large_one_needs_a_second_person(make_campaign: Make, tom: User, settings: Any) -> None:
    settings.CAMPAIGN_SECOND_PERSON_ABOVE = 1
    campaign = make_campaign(f"{fiction(200)},Rosa", f"{fiction(201)},Olu")
    with pytest.raises(ValidationError) as refusal:
        confirm(campaign, tom)
    assert refusal.value.code == "second_person"
    other = factories.make_user("supervisor")
    factories.make_team(members=[other], streams=[campaign.stream])
    control.confirm(campaign, actor=other, people=2)
    assert campaign.status == "running"


def test_what_has_begun_is_not_changed(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    with pytest.raises(ValidationError) as refusal:
        audience.load_list(campaign, csv(f"{fiction(300)},Olu"), file_name="other.csv")
    assert refusal.value.code == "campaign_began"
    with pytest.raises(ValidationError) as refusal:
        preflight.check(campaign)
    assert refusal.value.code == "campaign_began"
    assert campaign.recipients.get().phone == fiction(200)


def test_who_sees_campaigns(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    elsewhere = factories.make_user("supervisor")
    agent = User.objects.get(email="priya@fernhill.example")
    assert list(Campaign.objects.visible_to(tom)) == [campaign]
    assert not Campaign.objects.visible_to(elsewhere)
    assert not Campaign.objects.visible_to(agent)
