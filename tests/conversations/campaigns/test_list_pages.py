"""The page of a campaign's list: files, columns, people from conversations, and rows with what is wrong in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conversations.models import Campaign, Conversation, SavedFilter, Tag, User
from tests import factories
from tests.conversations.campaigns.conftest import fiction, people, rows_of, words
from tests.factories import SandboxStreams

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]


def test_a_file_that_cannot_be_taken_is_answered_at_the_field(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(*people(200, 2))
    address = f"/campaigns/{campaign.pk}/list/"
    response = browser.post(address, {"content": "name,mob\nRosa,1"})
    assert response.status_code == 422
    assert "Your file has columns called name and mob. It needs one called phone." in words(response)
    assert "Choose a file, or paste the rows." in words(browser.post(address, {}))
    campaign.refresh_from_db()
    assert campaign.row_count == 2


def test_zeros_that_a_spreadsheet_took_are_asked_about(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign("7700900142,Rosa", f"{fiction(200)},Ida")
    address = f"/campaigns/{campaign.pk}/list/"
    assert "1 number seems to have lost the first 0" in words(browser.get(address))
    browser.post(address, {"restore": "yes"})
    campaign.refresh_from_db()
    assert campaign.verdict_counts == {"send": 2}
    assert "first 0" not in words(browser.get(address))


def test_rows_by_verdict_are_paged_and_downloaded(
    browser: Client, make_campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.views.campaign_rows.PAGE", 2)
    campaign = make_campaign(*people(200, 3), "=1+1,Max", "12,Eve", "13,Bo")
    page = browser.get(f"/campaigns/{campaign.pk}/list/rows/?verdict=invalid")
    assert "=1+1" in words(page)
    assert "13" not in words(page).split("Verdict")[1]
    more = re.search(r'href="([^"]+after=\d+)"', page.content.decode())
    assert more is not None
    assert "13" in words(browser.get(more[1].replace("&amp;", "&"))).split("Verdict")[1]
    left_out = rows_of(browser.get(f"/campaigns/{campaign.pk}/list/rows/file/?verdict=left_out"))
    assert [one["given"] for one in left_out] == ["'=1+1", "12", "13"]
    assert all(one["reason"] for one in left_out)


def test_a_file_larger_than_memory_holds_is_read_from_the_disk(
    browser: Client, make_campaign: Make, settings: Any
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 100
    campaign = make_campaign(*people(200, 1))
    rows = "\n".join(["phone;name", *(f"{fiction(one)};Rosa" for one in range(200, 230))])
    upload = SimpleUploadedFile("more.csv", rows.encode(), content_type="text/csv")
    assert browser.post(f"/campaigns/{campaign.pk}/list/", {"file": upload}).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.row_count, campaign.columns) == (30, ["name"])


def test_a_file_that_does_not_name_its_numbers_asks_for_their_column(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(*people(200, 1))
    address = f"/campaigns/{campaign.pk}/list/"
    rows = f"Customer,Handset,Town\nRosa,{fiction(201)},Epsom\nOlu,12,Ewell"
    assert browser.post(address, {"content": rows}).status_code == 302
    page = browser.get(address)
    assert "Which column has the numbers?" in words(page)
    assert "columns called Customer, Handset and Town" in words(page)
    assert '<option value="handset" selected>Handset</option>' in page.content.decode()
    assert "Continue to the message" not in words(page)
    browser.post(f"/campaigns/{campaign.pk}/check/")
    assert "Say which column of the list has the numbers." in words(browser.get(f"/campaigns/{campaign.pk}/check/"))
    assert browser.post(address, {"number": "pager"}).status_code == 422
    assert browser.post(address, {"number": "handset"}).status_code == 302
    page = browser.get(address)
    assert "The numbers are read from Handset" in words(page)
    wrong = re.search(r'<td class="sheet-wrong">.*?</td>', page.content.decode(), re.DOTALL)
    assert wrong is not None
    assert "12" in wrong[0]
    assert "field-error" in wrong[0]


def test_a_first_row_that_is_a_person_is_not_taken_for_names(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(*people(200, 1))
    response = browser.post(f"/campaigns/{campaign.pk}/list/", {"content": f"{fiction(201)},Rosa\n{fiction(202)},Olu"})
    assert response.status_code == 422
    assert f"The first row has no names of columns, but the number {fiction(201)}." in words(response)


def test_one_class_of_what_is_wrong_is_shown_in_the_cells(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(
        f"{fiction(200)},Rosa,17", *(f"{number},Max,18" for number in range(10, 18)), "02079460000,Ida,19",
        f"{fiction(201)},Eve,",
        header="Mobile,First name,Order",
        body="${firstname}, order ${order}",
    )  # fmt: skip
    address = f"/campaigns/{campaign.pk}/list/"
    page = browser.get(address)
    assert "Not a usable number: 8 rows" in words(page)
    assert "See all 8" in words(page)
    assert page.content.decode().count('class="sheet-wrong"') == 5
    assert "Country or kind of number not reached:" not in words(page)
    browser.post(f"/campaigns/{campaign.pk}/check/")
    missing = browser.get(f"{address}rows/?verdict=missing_field").content.decode()
    wrong = re.search(r'<td class="sheet-wrong">.*?</td>', missing, re.DOTALL)
    assert wrong is not None
    assert ">Order: <" in wrong[0]
    assert "There is no value for order" in wrong[0]


def test_people_of_a_tag_or_a_saved_filter_are_those_that_one_sees(
    browser: Client, make_campaign: Make, streams: SandboxStreams, tom: User
) -> None:
    vip, stream = Tag.objects.create(name="Fibre"), streams["webex_interact"]
    rosa, olu = (factories.make_contact(fiction(one), first_name=name) for one, name in ((301, "Rosa"), (302, "Olu")))
    Conversation.objects.create(stream=stream, contact=rosa, status="open", unread_count=1).tags.add(vip)
    Conversation.objects.create(stream=stream, contact=olu, status="resolved").tags.add(vip)
    hidden = factories.make_stream(name="Billing")
    Conversation.objects.create(stream=hidden, contact=factories.make_contact(fiction(303))).tags.add(vip)
    saved = SavedFilter.objects.create(owner=tom, name="Unread fibre", words=f"view=all&unread=1&tag={vip.pk}")
    stale = SavedFilter.objects.create(owner=tom, name="Billing", words=f"view=all&stream={hidden.pk}")
    other = SavedFilter.objects.create(owner=factories.make_user(name="Priya Nair"), name="Mine", words="view=all")
    campaign = make_campaign(*people(200, 1))
    address = f"/campaigns/{campaign.pk}/list/"
    page = words(browser.get(address))
    assert "Unread fibre" in page
    assert "Fibre" in page
    assert browser.post(address, {"people": f"tag-{vip.pk}"}).status_code == 302
    phones = campaign.recipients.order_by("row").values_list("phone", flat=True)
    assert list(phones) == [rosa.phone, olu.phone]
    assert "2 rows from Tag Fibre" in words(browser.get(address))
    assert browser.post(address, {"people": f"filter-{saved.pk}"}).status_code == 302
    assert list(phones.all()) == [rosa.phone]

    for refused, sentence in (
        (f"filter-{stale.pk}", "names a stream, team or tag that you do not see any more"),
        (f"filter-{other.pk}", "That filter or tag is not there any more."),
        ("", "Choose a filter or a tag."),
    ):
        answer = browser.post(address, {"people": refused})
        assert answer.status_code == 422
        assert sentence in words(answer)
    Conversation.objects.update(unread_count=0)
    assert "has nobody in it now" in words(browser.post(address, {"people": f"filter-{saved.pk}"}))
    assert list(phones.all()) == [rosa.phone]
