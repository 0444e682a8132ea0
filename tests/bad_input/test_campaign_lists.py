"""Bad-input rows B41 to B47: lists of campaigns, through the service and through the page.

the same files as lists of contacts       tests/conversations/test_csv_files.py, test_contact_import.py
how large a body may be at all (413)      tests/bad_input/test_messages.py
"""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.asgi import TAKES_FILES
from conversations.models import Campaign, OptIn
from conversations.services import consent
from conversations.services.campaigns import audience, preflight
from conversations.services.csv_files import CsvProblem
from tests import factories
from tests.bad_input.conftest import SANDBOX, nothing_stored_nor_sent
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import read

pytestmark = pytest.mark.django_db
few = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))

MEGABYTE = 1024 * 1024
HUGE = 50 * MEGABYTE
LITTLE = 8 * MEGABYTE  # bytes of memory: what reading any file may take
ROSA, OLU = "+447700900201", "+447700900202"
BOUNDARY = "----WebKitFormBoundaryParley"


@pytest.fixture
def campaign(desk: Centre) -> Campaign:
    """A draft with a list of one person, which no refusal may change."""
    stream = factories.make_stream(
        factories.make_account("webex_interact", base_url=f"{SANDBOX}/webex_interact"), name="Campaigns"
    )
    factories.make_team(members=[desk.tom], streams=[stream])
    campaign = Campaign.objects.create(name="Routers", stream=stream, created_by=desk.tom, purpose="service")
    load(campaign, f"phone,name\n{ROSA},Rosa\n".encode())
    return campaign


def load(campaign: Campaign, data: bytes) -> None:
    """Choose a file."""
    audience.load_list(campaign, io.BytesIO(data), file_name="list.csv")


def rows(campaign: Campaign) -> list[tuple[str, str, dict[str, str]]]:
    """The list as it is stored: number, verdict, fields."""
    return list(campaign.recipients.order_by("row").values_list("phone", "verdict", "fields"))


def post(client: Client, campaign: Campaign, data: bytes, *, pasted: bool = False) -> Any:
    """Upload a file on the page, or paste its text there."""
    form = {"content": data.decode()} if pasted else {"file": SimpleUploadedFile("list.csv", data, "text/csv")}
    return client.post(f"/campaigns/{campaign.pk}/list/", form)


def workbook() -> bytes:
    """What a spreadsheet saves when nobody chooses CSV."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


class Bad(NamedTuple):
    """A file that cannot be taken: what the refusal is called, and words that its sentence has."""

    data: bytes
    code: str
    words: str


FILES = {
    # B41
    "no character of Windows-1252": Bad(b"phone,name\n1,a\n2,\x81\n", "not_text", "Line 3 has a byte (0x81)"),
    "half a character of UTF-16": Bad("phone,name\n1,a\n".encode("utf-16") + b"x", "not_text", "Save the file as"),
    "UTF-16 without its mark": Bad("phone,name\n1,a\n".encode("utf-16-le"), "not_text", "Save it as CSV UTF-8"),
    "UTF-32": Bad("phone,name\n1,a\n".encode("utf-32"), "not_text", "UTF-32"),
    # B42
    "a cell too few": Bad(b"phone,name\n07741632543,a\n07741632544\n", "ragged", "row at line 3 has 1 cells"),
    "a cell too many": Bad(b"phone;name\n07741632543;a;b\n", "ragged", "row at line 2 has 3 cells"),
    "ragged after quoted line breaks": Bad(b'phone,name\n1,"a\nb"\n2\n', "ragged", "row at line 4 has 1 cells"),
    "two columns of a name": Bad(b"phone,Name,name\n1,a,b\n", "duplicate_columns", "two columns called name"),
    "a column without a name": Bad(b"phone,,name\n1,a,b\n", "unnamed_column", "Column 2 has no name"),
    "no names": Bad(b"07741632543,Rosa\n07741632544,Olu\n", "no_names", "the number 07741632543"),
    "no name is a word": Bad(b"---,***\n07741632543,Rosa\n", "no_names", "no names of columns"),
    "names alone": Bad(b"phone,name\n\n\n", "no_rows", "no rows below"),
    # B43
    "a row too many": Bad(b"phone\n" + b"07741632543\n" * 11, "too_many_rows", "more than 10 rows"),
    "too many columns": Bad(b"phone" + b"".join(b",c%d" % n for n in range(300)), "too_many_columns", "301 columns"),
    "a cell that does not end": Bad(b"phone,name\n1," + b"x" * 200_000, "line_too_long", "Line 2 has more than"),
    "a quote that does not end": Bad(b'phone,name\n1,"a\n2,b\n', "unclosed_quote", "row at line 2"),
    "the same in the first row": Bad(b'phone,"name\n1,a\n2,b\n', "unclosed_quote", "row at line 1"),
    "a quote inside of a cell": Bad(b'phone,name\n1,"a"b\n', "unclosed_quote", "row at line 2"),
    # B44
    "a zero": Bad(b"phone,name\n1,a\x00b\n", "not_text", "bytes of zero"),
    "a zero far behind": Bad(b"phone,name\n" + b"1,a\n" * 20_000 + b"1,\x00\n", "not_text", "characters of zero"),
    "a workbook": Bad(workbook(), "not_csv", "save it as CSV UTF-8"),
    "an old workbook": Bad(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "not_csv", "save it as CSV UTF-8"),
    "nothing": Bad(b"", "empty", "empty"),
    "nothing but space": Bad(b" \r\n\t\n", "empty", "empty"),
    "nothing but a mark": Bad(b"\xef\xbb\xbf", "empty", "empty"),
}
# The page keeps rows whose column of numbers nobody has named yet, and asks; whoever has no page is refused.
WITHOUT_A_PAGE = {
    "no column called phone": Bad(b"name,mob\nRosa,07741632543\n", "no_phone_column", "It needs one called phone"),
    "two for the number": Bad(b"phone,mobile\n07741632543,07741632544\n", "two_columns_of_a_kind", "phone, mobile"),
}


@pytest.fixture
def ten_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list may have ten rows, so that one too many is a small file."""
    monkeypatch.setattr(audience, "MOST_ROWS", 10)


@pytest.mark.usefixtures("ten_rows")
@pytest.mark.parametrize("name", [*FILES, *WITHOUT_A_PAGE])
def test_the_service_refuses_it_and_changes_nothing(campaign: Campaign, name: str) -> None:
    bad, before = {**FILES, **WITHOUT_A_PAGE}[name], rows(campaign)
    with nothing_stored_nor_sent(), pytest.raises(CsvProblem) as refusal:
        load(campaign, bad.data)
    assert (refusal.value.code, bad.words in refusal.value.sentence) == (bad.code, True), refusal.value.sentence
    assert refusal.value.sentence.endswith(".")
    campaign.refresh_from_db()
    assert (rows(campaign), campaign.row_count, campaign.file_name) == (before, 1, "list.csv")


@pytest.mark.usefixtures("ten_rows")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("pasted", [False, True], ids=["uploaded", "pasted"])
def test_the_page_says_what_is_wrong_with_it(
    campaign: Campaign, supervisor: Client, name: str, pasted: bool
) -> None:  # fmt: skip
    bad, before = FILES[name], rows(campaign)
    if pasted and (b"\x00" in bad.data or not bad.data.isascii() or not bad.data.strip()):
        pytest.skip("no browser sends that as text")
    with nothing_stored_nor_sent():
        response = post(supervisor, campaign, bad.data, pasted=pasted)
    assert response.status_code == 422
    assert bad.words in read(response).text
    assert rows(campaign) == before


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_people_have_is_read(campaign: Campaign, supervisor: Client, codec: str, separator: str) -> None:
    data = f'Phone{separator}Name\r\n{ROSA}{separator}"Zoë{separator}\r\nAnn"\r\n{OLU}{separator}Ugo\r\n'.encode(codec)
    assert post(supervisor, campaign, data).status_code == 302
    line_break = f"Zoë{separator}\r\nAnn"
    assert rows(campaign) == [(ROSA, "send", {"name": line_break}), (OLU, "send", {"name": "Ugo"})]


def test_zeros_that_are_pasted_are_refused(campaign: Campaign, supervisor: Client) -> None:
    before = rows(campaign)
    with nothing_stored_nor_sent():
        response = post(supervisor, campaign, b"phone,name\n1,a\x00b\n", pasted=True)
    assert response.status_code == 422
    assert rows(campaign) == before


# --- B43: in little memory ----------------------------------------------------------------------------------------

HUGE_FILES: dict[str, tuple[bytes, bytes, bytes]] = {
    "a cell of 50 MB": (b"phone,name\n1,", b"x" * MEGABYTE, b"\n2,b\n"),
    "a quoted cell of 50 MB": (b'phone,name\n1,"', b"x" * MEGABYTE, b'"\n2,b\n'),
    "a quote that does not end, in one line": (b'phone,name\n1,"', b"x" * MEGABYTE, b""),
    "a quote that does not end, in many lines": (b'phone,name\n1,"', b"2,b\n" * (MEGABYTE // 4), b""),
    "the same in the first row": (b'phone,"name\n', b"2,b\n" * (MEGABYTE // 4), b""),
    "a row of many quoted line breaks": (b'phone,name\n"', b'ab\n","' * (MEGABYTE // 6), b'"\n'),
}


@pytest.fixture(params=list(HUGE_FILES))
def huge(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of 50 MB on the disk, written a piece at a time."""
    begin, middle, end = HUGE_FILES[request.param]
    path = tmp_path / "list.csv"
    with path.open("wb") as file:
        file.write(begin)
        for _ in range(HUGE // len(middle) + 1):
            file.write(middle)
        file.write(end)
    assert path.stat().st_size > HUGE
    return path


@contextmanager
def in_little_memory() -> Iterator[None]:
    """What is done inside never holds more than LITTLE beside what there was."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield
        assert tracemalloc.get_traced_memory()[1] - before < LITTLE
    finally:
        tracemalloc.stop()


def test_a_huge_cell_is_refused_in_little_memory(campaign: Campaign, huge: Path) -> None:
    before = rows(campaign)
    with nothing_stored_nor_sent(), huge.open("rb") as file, in_little_memory(), pytest.raises(CsvProblem) as refusal:
        audience.load_list(campaign, file, file_name="list.csv", may_ask=True)
    assert refusal.value.code in ("line_too_long", "unclosed_quote")
    assert refusal.value.line in (1, 2)
    assert rows(campaign) == before


def test_the_page_reads_it_in_little_memory(
    campaign: Campaign, supervisor: Client, huge: Path, tmp_path: Path, settings: Any
) -> None:
    """The request comes as from a socket: its body is on the disk, and whoever reads it reads it once."""
    settings.LARGEST_UPLOAD_MEGABYTES = 60
    before, body = rows(campaign), tmp_path / "body"
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="list.csv"\r\n\r\n'
    with body.open("wb") as target, huge.open("rb") as source:
        target.write(head.encode())
        while piece := source.read(MEGABYTE):
            target.write(piece)
        target.write(f"\r\n--{BOUNDARY}--\r\n".encode())
    del piece
    supervisor.get(f"/campaigns/{campaign.pk}/list/")  # templates are loaded once
    with nothing_stored_nor_sent(), body.open("rb") as file, in_little_memory():
        response = supervisor.generic(
            "POST",
            f"/campaigns/{campaign.pk}/list/",
            CONTENT_TYPE=f"multipart/form-data; boundary={BOUNDARY}",
            CONTENT_LENGTH=str(body.stat().st_size),
            **{"wsgi.input": file},
        )
    assert response.status_code == 422
    assert re.search(r"(at line|Line) [12]\b", read(response).text)
    assert rows(campaign) == before


def test_a_file_that_is_too_large_is_not_read(campaign: Campaign, supervisor: Client, settings: Any) -> None:
    settings.LARGEST_UPLOAD_MEGABYTES = 1
    with nothing_stored_nor_sent():
        response = post(supervisor, campaign, b"phone\n" + b"07741632543\n" * 100_000)
    assert response.status_code == 422
    assert "The file has 1.1 MB. Split it into smaller ones." in read(response).text
    assert TAKES_FILES.fullmatch(f"/campaigns/{campaign.pk}/list/"), "and beyond that no body is read: 413"
    assert not TAKES_FILES.fullmatch(f"/campaigns/{campaign.pk}/message/")


@few
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"phone,name\n{text}".encode()))
@example(data=b"phone\n\x1a")
@example(data=b'phone,name\n"","\r"\r\n')
@example(data=b"phone\r07741632543\r")
@example(data="phone,name\n+447700900201,\ufffe\U0010ffff".encode())
@example(data=b'\xff\xfe"\x00')
def test_no_file_breaks_it(campaign: Campaign, data: bytes) -> None:
    with suppress(CsvProblem):
        load(campaign, data)
    campaign.refresh_from_db()
    assert campaign.row_count == campaign.recipients.count() == sum(campaign.verdict_counts.values())


# --- B45 and B46: cells that a spreadsheet would run --------------------------------------------------------------

FORMULAS = [
    *("=cmd|' /C calc'!A0", "=1+1", "+1+1", "-2", "@SUM(A1)", "\t=1+1", "\r=1+1", " =1+1", "\u3000=1+1"),
    *("\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM"),
]


def downloaded(client: Client, address: str) -> list[dict[str, str]]:
    """A file of ours as a spreadsheet reads it."""
    text = b"".join(client.get(address).streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("file", ["list/rows/file/", "results/"])
@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_is_text_and_stays_text(campaign: Campaign, supervisor: Client, cell: str, file: str) -> None:
    content = io.StringIO()
    csv.writer(content).writerows([("phone", "name"), (ROSA, cell), (cell, "Olu")])
    assert post(supervisor, campaign, content.getvalue().encode()).status_code == 302
    stored = campaign.recipients.get(row=2)
    assert stored.fields["name"] == cell.strip(), "read as it is"
    assert stored.verdict == "send"
    for row in downloaded(supervisor, f"/campaigns/{campaign.pk}/{file}"):
        for name, text in row.items():
            assert not text.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")), name
    back = downloaded(supervisor, f"/campaigns/{campaign.pk}/list/rows/file/")
    content = io.StringIO()
    csv.writer(content).writerows([("phone", "name"), *((row["phone"], row["name"]) for row in back[:1])])
    load(campaign, content.getvalue().encode())
    assert campaign.recipients.get().fields["name"] == cell.strip(), "our own file is read as what it was"


@pytest.mark.parametrize("file", ["list/rows/file/", "results/"])
def test_numbers_are_no_formulas(campaign: Campaign, supervisor: Client, file: str) -> None:
    [row] = downloaded(supervisor, f"/campaigns/{campaign.pk}/{file}")
    assert (row["given"], row["phone"]) == (f"'{ROSA}", ROSA.lstrip("+"))
    assert row["phone_text"].replace(" ", "") == ROSA.lstrip("+")


# --- B47: who has opted out ---------------------------------------------------------------------------------------

CLAIMS = ["opt in\n{},yes", "consent\n{},2026-01-01", "verdict\n{},send", "override\n{},true"]


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("purpose", ["service", "marketing"])
def test_no_list_overrides_an_opt_out(campaign: Campaign, supervisor: Client, claim: str, purpose: str) -> None:
    for phone in (ROSA, OLU):
        contact = factories.make_contact(phone)
        factories.opt_in(contact)
        consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    Campaign.objects.filter(pk=campaign.pk).update(purpose=purpose, body="Your router comes.", keeps_quiet_hours=False)
    assert post(supervisor, campaign, f"phone,{claim.format(ROSA)}\n07700 900202,yes\n".encode()).status_code == 302
    assert [(phone, verdict) for phone, verdict, _ in rows(campaign)] == [(ROSA, "opted_out"), (OLU, "opted_out")]
    page = read(supervisor.get(f"/campaigns/{campaign.pk}/list/rows/?verdict=opted_out")).text
    assert "201" in page
    assert "202" in page
    campaign.refresh_from_db()
    assert [problem.code for problem in preflight.check(campaign)] == ["nobody_left"]
    assert all(row["reason"] for row in downloaded(supervisor, f"/campaigns/{campaign.pk}/list/rows/file/"))
    confirmed = supervisor.post(f"/campaigns/{campaign.pk}/check/", {"confirm": "yes", "people": "0"})
    assert confirmed.status_code == 422
