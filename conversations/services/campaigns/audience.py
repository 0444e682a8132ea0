"""The list of a campaign: a file becomes rows, each with the number, the values and a verdict.

Rows stream from the file through the checks into PostgreSQL (COPY), so that a list of any length takes the same
memory. What one row cannot know, that its number stood in the list before, one statement decides for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from psycopg.types.json import Jsonb

from conversations.models import Campaign, CampaignRecipient, Stream
from conversations.models.campaign import CampaignStatus, RowVerdict
from conversations.services.campaigns.columns import Columns, has_numbers, no_number_column, read_columns
from conversations.services.csv_files import CsvProblem, Table, open_table
from conversations.services.csv_report import in_parts
from conversations.services.gate import refusals_of
from messaging.merge import MAX_VALUE_LENGTH
from messaging.phone import PhoneError, lost_its_zero, parse_number
from messaging.phone_check import PlainNumbers

MOST_ROWS = 200_000
AT_ONCE = 5_000  # rows whose numbers the gate is asked about together
LONGEST_GIVEN = 200  # characters of a number that are kept
OPEN_TO_CHANGE = (CampaignStatus.DRAFT, CampaignStatus.CHECKING, CampaignStatus.READY)

Tell = Callable[[int], None]
"""Hears how many rows of a list are done."""


def tell_nobody(done: int) -> None:
    """Nobody wants to hear it."""


_UNREACHABLE = ("landline", "toll_free", "premium", "wrong_kind")
_OPTED_OUT, _NO_PERMISSION = ("opted_out",), ("no_opt_in",)


class ListRow(NamedTuple):
    """One row as it was given."""

    row: int
    given: str
    fields: dict[str, str]


class JudgedRow(NamedTuple):
    """One row with what the check says of it by itself. `phone` is E.164, or empty."""

    row: int
    given: str
    phone: str
    fields: dict[str, str]
    verdict: str
    reason: str


def load_list(
    campaign: Campaign,
    source: BinaryIO,
    *,
    file_name: str,
    restore_zeros: bool = False,
    may_ask: bool = False,
    tell: Tell = tell_nobody,
) -> None:
    """Make a CSV file the list of a campaign, in place of the one it has.

    `restore_zeros` reads national numbers whose leading zero a spreadsheet took. Where the titles do not say which
    column holds the numbers, `may_ask` takes rows that have some as they are, for `choose_number_column`. Raises
    CsvProblem in the words of the file, and ValidationError (`campaign_began`) when the campaign can no longer be
    changed; then nothing changes. `tell` hears now and then how many rows are done.
    """
    with _opened(source, may_ask=may_ask) as (table, columns):
        store(campaign, _rows_of(table, columns), columns, name=file_name, restore_zeros=restore_zeros, tell=tell)


def look_through(source: BinaryIO, *, may_ask: bool = False) -> int:
    """How many rows a CSV file has that can be taken, all of it read and nothing stored. Raises as load_list does."""
    with _opened(source, may_ask=may_ask) as (table, columns):
        return sum(1 for _ in _rows_of(table, columns))


@contextmanager
def _opened(source: BinaryIO, *, may_ask: bool) -> Iterator[tuple[Table, Columns]]:
    table = open_table(source, most_rows=MOST_ROWS)
    try:
        columns = read_columns(table.columns)
        if not columns.number and not (may_ask and has_numbers(table)):
            raise no_number_column(table.columns)
        yield table, columns
    finally:
        table.text.detach()  # the file is the caller's to close


def restore_zeros(campaign: Campaign, *, tell: Tell = tell_nobody) -> None:
    """Read the list again, with the zeros that a spreadsheet took from its numbers. Raises as load_list does."""
    rows, columns = _rows_again(campaign), _columns_of(campaign)
    store(campaign, rows, columns, name=campaign.file_name, restore_zeros=True, tell=tell)


def choose_number_column(campaign: Campaign, name: str, *, tell: Tell = tell_nobody) -> None:
    """Read the list again with the numbers from another of its columns; the one before becomes a field.

    Raises ValidationError: `unknown_column`, and as load_list does.
    """
    before = _columns_of(campaign)
    columns = before._replace(number=name)
    if columns.place < 0:
        raise ValidationError("The list has no such column. Choose one of those that it has.", code="unknown_column")
    rows = (_with_number_from(row, name, before.number) for row in _rows_again(campaign))
    store(campaign, rows, columns, name=campaign.file_name, tell=tell)


def _with_number_from(row: ListRow, name: str, before: str) -> ListRow:
    fields = row.fields | ({before: row.given} if before and row.given else {})
    return ListRow(row.row, fields.pop(name, "")[:LONGEST_GIVEN], fields)


def _columns_of(campaign: Campaign) -> Columns:
    return Columns([(name, title) for name, title in campaign.titles], campaign.number_column)


def _rows_again(campaign: Campaign) -> Iterator[ListRow]:
    rows = CampaignRecipient.objects.filter(campaign=campaign).order_by("row").values_list("row", "given", "fields")
    return (ListRow(*row) for row in rows.iterator(chunk_size=AT_ONCE))


def _rows_of(table: Table, columns: Columns) -> Iterator[ListRow]:
    width, place, names = len(table.columns), columns.place, columns.fields
    for row in table.rows():
        if len(row.cells) < width or any(row.cells[width:]):
            raise CsvProblem(
                "ragged",
                f"The row at line {row.line} has {len(row.cells)} cells, and there are {width} columns. "
                "Look for a separator or a quote too many.",
                row.line,
            )
        cells = [cell.removeprefix("'") for cell in row.cells[:width]]  # as our own export protects formulas
        given = cells.pop(place) if place >= 0 else ""
        fields = {name: text[:MAX_VALUE_LENGTH] for name, text in zip(names, cells, strict=True) if text}
        yield ListRow(row.line, given[:LONGEST_GIVEN], fields)


def store(
    campaign: Campaign,
    rows: Iterable[ListRow],
    columns: Columns,
    *,
    name: str,
    restore_zeros: bool = False,
    tell: Tell = tell_nobody,
) -> None:
    """Judge these rows and make them the list of a campaign, in place of the one it has; `name` says where it is from.

    Raises what reading the rows raises, and ValidationError (`campaign_began`); then nothing changes.
    """
    with transaction.atomic():
        of_campaigns = Campaign.objects.select_related("stream__account")
        locked = of_campaigns.select_for_update(no_key=True, of=("self",)).get(pk=campaign.pk)
        if locked.status not in OPEN_TO_CHANGE:
            raise ValidationError("This campaign has begun: its list stays as it is.", code="campaign_began")
        if columns.number:
            _copy_to_stage(_judged(locked, rows, restore_zeros=restore_zeros), tell)
        else:
            _copy_to_stage(in_parts(map(_unread, rows), AT_ONCE), tell)
        CampaignRecipient.objects.filter(campaign=campaign)._raw_delete(using="default")
        with connection.cursor() as cursor:
            cursor.execute(
                _TAKE_FROM_STAGE,
                {"campaign": campaign.pk, "duplicate": RowVerdict.DUPLICATE.value, "reason": _DUPLICATE},
            )
        locked.titles, locked.number_column, locked.columns = columns.titles, columns.number, columns.fields
        locked.field_columns = {one: column for one, column in locked.field_columns.items() if column in locked.columns}
        locked.file_name = name[:200]
        locked.status, locked.status_reason = CampaignStatus.DRAFT, ""
        count_rows(locked)
        locked.save(update_fields=[*_OF_THE_LIST, "status", "status_reason", "row_count", "verdict_counts"])
    campaign.refresh_from_db()


_OF_THE_LIST = ("titles", "number_column", "columns", "field_columns", "file_name")


def _unread(row: ListRow) -> JudgedRow:
    """A row of a list whose numbers stand in a column that nobody has named yet."""
    return JudgedRow(row.row, row.given, "", row.fields, RowVerdict.INVALID, NOT_READ)


def count_rows(campaign: Campaign) -> None:
    """Set the numbers of rows, in all and by verdict, from the rows; the caller saves them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT verdict, count(*) FROM conversations_campaignrecipient WHERE campaign_id = %s GROUP BY verdict",
            [campaign.pk],
        )
        campaign.verdict_counts = dict(cursor.fetchall())
    campaign.row_count = sum(campaign.verdict_counts.values())


def _judged(campaign: Campaign, rows: Iterable[ListRow], *, restore_zeros: bool) -> Iterator[list[JudgedRow]]:
    numbers = _Numbers(campaign.stream, restore_zeros=restore_zeros)
    for part in in_parts(rows, AT_ONCE):
        yield list(refused_by_the_gate(campaign, [numbers.judge(row) for row in part]))


def refused_by_the_gate(campaign: Campaign, rows: list[JudgedRow]) -> Iterator[JudgedRow]:
    """The same rows, those with the gate's reason that it does not let through."""
    phones = [row.phone for row in rows if row.verdict == RowVerdict.SEND]
    refusals = refusals_of(stream=campaign.stream, kind=campaign.kind, purpose=campaign.purpose, phones=phones)
    for row in rows:
        refusal = refusals.get(row.phone) if row.verdict == RowVerdict.SEND else None
        if refusal is None:
            yield row
        elif refusal.code in _OPTED_OUT:
            yield row._replace(verdict=RowVerdict.OPTED_OUT, reason=refusal.sentence[:300])
        elif refusal.code in _NO_PERMISSION:
            yield row._replace(verdict=RowVerdict.NO_PERMISSION, reason=refusal.sentence[:300])
        else:
            yield row._replace(verdict=RowVerdict.UNREACHABLE, reason=refusal.sentence[:300])


class _Numbers:
    """Reads the numbers of one list."""

    def __init__(self, stream: Stream, *, restore_zeros: bool) -> None:
        self.region = stream.region
        self.allow_fictional = stream.account.is_sandbox
        self.restore_zeros = restore_zeros
        self.plain = PlainNumbers(stream.region)
        ours = Stream.objects.filter(is_active=True).values_list("sender", "inbound_number")
        self.ours = {number for numbers in ours for number in numbers} - {""}

    def judge(self, row: ListRow) -> JudgedRow:
        phone = self.plain.e164(row.given)
        verdict, reason = RowVerdict.SEND, ""
        if phone is None:
            phone, verdict, reason = self._by_the_library(row.given)
        if phone in self.ours:
            verdict, reason = RowVerdict.UNREACHABLE, "This is one of our own numbers."
        return JudgedRow(row.row, row.given, phone, row.fields, verdict, reason)

    def _by_the_library(self, given: str) -> tuple[str, RowVerdict, str]:
        if not self.restore_zeros and lost_its_zero(given.strip(), self.region):
            return "", RowVerdict.INVALID, LOST_ZERO
        try:
            number = parse_number(given, region=self.region, allow_fictional=self.allow_fictional)
        except PhoneError as error:
            verdict = RowVerdict.UNREACHABLE if error.code in _UNREACHABLE else RowVerdict.INVALID
            return "", verdict, error.sentence[:300]
        return number.e164, RowVerdict.SEND, ""


NOT_READ = "Choose the column with the numbers first."
LOST_ZERO = "A spreadsheet seems to have taken the first 0 of this number."
_DUPLICATE = "The same number stands in an earlier row."


def _copy_to_stage(parts: Iterable[list[JudgedRow]], tell: Tell) -> None:
    done = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS campaign_stage")
        cursor.execute(
            'CREATE TEMPORARY TABLE campaign_stage ("row" integer, given text, phone text, fields jsonb, '
            "verdict text, reason text) ON COMMIT DROP"
        )
        for part in parts:  # judging asks the database, which answers nothing inside of a COPY
            with cursor.copy("COPY campaign_stage FROM STDIN") as copy:
                for row in part:
                    copy.write_row((row.row, row.given, row.phone, Jsonb(row.fields), row.verdict, row.reason))
            done += len(part)
            tell(done)


_TAKE_FROM_STAGE = """
    INSERT INTO conversations_campaignrecipient (campaign_id, "row", given, phone, fields, verdict, reason)
    SELECT %(campaign)s, "row", given, phone, fields,
           CASE WHEN is_again THEN %(duplicate)s ELSE verdict END,
           CASE WHEN is_again THEN %(reason)s ELSE reason END
      FROM (SELECT *, phone <> '' AND row_number() OVER (PARTITION BY phone ORDER BY "row") > 1 AS is_again
              FROM campaign_stage) AS staged
     ORDER BY "row"
"""
