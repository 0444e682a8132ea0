"""Importing and exporting contacts in the browser."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conversations.models import Contact, OptIn
from conversations.services import consent
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import Element, read
from tests.conversations.views.test_search_page import words_of

FILE = "Mobile,Name,Account\n07700 900142,Amira Haddad,FB-1\n7700900143,Zoë,FB-2\n07700900142,Twice,FB-3\n"


def upload(text: str | bytes, **more: str) -> dict[str, Any]:
    data = text.encode() if isinstance(text, str) else text
    return {"file": SimpleUploadedFile("people.csv", data, "text/csv"), "region": "GB", **more}


def fields_of(page: Element) -> dict[str, str]:
    """What the form of the check page would send, as it stands."""
    form = next(one for one in page.all("form") if one.attributes.get("action") == "/contacts/import/")
    found = {"content": "".join(form.one("textarea").pieces).removeprefix("\n"), "store": "yes"}
    for control in form.all("input"):
        if control.attributes["type"] == "hidden" or "checked" in control.attributes:
            found[control.attributes["name"]] = control.attributes["value"]
    return found


def test_a_file_is_checked_then_stored(centre: Centre, supervisor: Client) -> None:
    factories.make_contact("+447700900142", first_name="A.")
    page = read(supervisor.post("/contacts/import/", upload(FILE)))
    assert page.one("h1").text == "3 rows read"
    tallies = {one.one("dt").text: one.one("dd").text for one in page.one("dl", class_="tallies").all("div")}
    assert tallies == {"New": "1", "Known already": "1", "Of these would change": "1", "Twice in the file": "1"}
    words = words_of(page)
    for part in (
        "UTF-8, parted by commas",
        "Columns used: Mobile, Name.",
        "Not used: Account.",
        "7700900143 is read as",
    ):
        assert part in words
    assert Contact.objects.count() == 1
    given = fields_of(page)
    assert (given["known"], given["repair"]) == ("update", "yes")
    answer = supervisor.post("/contacts/import/", given)
    assert answer.headers["Location"] == "/contacts/"
    assert "Contacts imported: 1 new, 1 changed." in read(supervisor.get("/contacts/")).text
    assert sorted(Contact.objects.values_list("phone", "first_name", "last_name")) == [
        ("+447700900142", "Amira", "Haddad"),
        ("+447700900143", "Zoë", ""),
    ]


def test_what_is_chosen_on_the_check_page_counts(centre: Centre, supervisor: Client) -> None:
    factories.make_contact("+447700900142", first_name="A.")
    page = read(supervisor.post("/contacts/import/", upload(FILE.encode("utf-16"))))
    supervisor.post("/contacts/import/", fields_of(page) | {"known": "skip", "repair": "no"})
    assert Contact.objects.get().first_name == "A."


def test_rows_can_be_pasted_from_a_spreadsheet(centre: Centre, supervisor: Client) -> None:
    given = {"content": "phone\tname\r\n07700900142\tAmira\r\n", "region": "GB", "store": "yes"}
    assert supervisor.post("/contacts/import/", given).status_code == 302
    assert Contact.objects.get().name == "Amira"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("Name,Mob\nAmira,1\n", "Your file has columns called Name and Mob. It needs one called phone."),
        (b"PK\x03\x04", "This is a workbook or an archive with another name."),
        ("phone,Phone\n1,2\n", "The file has two columns called Phone."),
        ("phone\n", "The file has no rows below the names of its columns (phone)."),
        ("", "The file is empty."),
        ("phone\n" + "07700900142\n" * 10_001, "The file has more than 10,000 rows."),
        ("phone\n" + "1" * 1_600_000, "The file is larger than 1.5 MB."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_cannot_be_taken_says_why(
    data: str | bytes, sentence: str, centre: Centre, supervisor: Client
) -> None:
    answer = supervisor.post("/contacts/import/", upload(data, store="yes"))
    assert answer.status_code == 422
    assert sentence in read(answer).text
    assert not Contact.objects.exists()


def test_nothing_given_is_asked_for(centre: Centre, supervisor: Client) -> None:
    answer = supervisor.post("/contacts/import/", {"region": "GB"})
    assert answer.status_code == 422
    assert "Choose a file, or paste the rows." in read(answer).text


def test_bad_rows_are_shown_in_the_words_of_the_file(centre: Centre, supervisor: Client) -> None:
    answer = supervisor.post(
        "/contacts/import/", upload("Mobile,Name\n12,<b>Amira</b>\n07700900142,Mark\n4.4E+11,Rosa\n")
    )
    assert answer.status_code == 422
    page = read(answer)
    assert "2 numbers cannot be used. Correct the file and try again." in page.text
    rows = page.one("table", class_="import-rows").one("tbody").all("tr")
    assert [row.one("th").text for row in rows] == ["2", "4"]
    bad = rows[0].one("td", class_="bad-cell")
    assert bad.one("bdi").text == "12"
    assert "too short" in bad.one(class_="field-error").text
    assert "<b>Amira</b>" in words_of(rows[0])


def test_the_list_is_exported_as_it_is_filtered(centre: Centre, supervisor: Client) -> None:
    given = {"email": "a@post.example", "record": "Account: 1"}
    amira = factories.make_contact("+447700900142", first_name="Amira", last_name='"=1+1"', **given)
    formula = factories.make_contact("+447700900143", first_name="=HYPERLINK(1)", last_name="＋1", language="ar")
    consent.record(OptIn(contact=amira, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    factories.make_conversation(contact=factories.make_contact(first_name="Hidden"))
    response = supervisor.get("/contacts/export/")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in response["Content-Disposition"]
    text = response.getvalue().decode("utf-8-sig")
    header, *rows = list(csv.reader(io.StringIO(text)))
    assert header[:3] == ["phone", "phone_text", "first name"]
    assert rows == [
        [
            *("447700900142", "44 7700 900142", "Amira", '"=1+1"', "a@post.example", "", "", "Account: 1"),
            *("Opted out", "Never asked"),
        ],
        [
            *("447700900143", "44 7700 900143", "'=HYPERLINK(1)", "'＋1", "", "ar", "", ""),
            *("Never asked", "Never asked"),
        ],
    ]
    filtered = supervisor.get("/contacts/export/?language=ar").getvalue().decode("utf-8-sig")
    assert len(filtered.splitlines()) == 2
    Contact.objects.filter(pk=formula.pk).delete()
    supervisor.post("/contacts/import/", upload(text, store="yes"))
    back = Contact.objects.get(phone="+447700900143")
    assert (back.first_name, back.last_name, back.language) == ("=HYPERLINK(1)", "＋1", "ar")
