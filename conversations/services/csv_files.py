"""CSV files as people have them: read row by row in bounded memory, and written so that no spreadsheet runs them.

Read: UTF-8 with and without a mark, UTF-16 with one, else Windows-1252; commas, semicolons or tabs; line breaks
inside of quotes. What is not a table is refused in the words of the file. Written: see `safe_cell`.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from django.http import StreamingHttpResponse
from django.utils import timezone

LONGEST_LINE = 100_000  # characters; also bounds a cell, with the limit of the csv module
LONGEST_ROW = 500_000  # characters, of as many lines as its quoted cells have
MOST_COLUMNS = 200
MOST_ROWS = 10_000
_CHUNK = 64 * 1024
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # ZIP, and so XLSX; the old format of Excel
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # and their full-width forms


class CsvProblem(ValueError):
    """A file that cannot be taken. `code` is for programs, `sentence` for people, `line` where it is known."""

    def __init__(self, code: str, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.line = code, sentence, line


class Row(NamedTuple):
    """A row with the line on which it begins, and its cells without space around them."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file whose first row named the columns. `encoding` and `separator` are words for people."""

    columns: list[str]
    encoding: str
    separator: str
    text: io.TextIOBase
    delimiter: str
    most_rows: int

    def whole_text(self) -> str:
        """The file as text, for a page that hands it on."""
        self.text.seek(0)
        return self.text.read()

    def rows(self) -> Iterator[Row]:
        """The rows below the names, in order; blank ones are left out. May be asked for again.

        Raises CsvProblem (`too_many_rows`, `unclosed_quote`, `line_too_long`, `not_text`).
        """
        self.text.seek(0)
        found = _records(self.text, self.delimiter)
        next(found)
        for count, row in enumerate(found, start=1):
            if count > self.most_rows:
                raise CsvProblem(
                    "too_many_rows",
                    f"The file has more than {self.most_rows:,} rows. Split it into smaller files.",
                    row.line,
                )
            yield row


def open_table(source: BinaryIO, *, most_rows: int = MOST_ROWS) -> Table:
    """Read the names of the columns of a seekable file.

    Raises CsvProblem: `empty`, `not_csv`, `not_text`, `no_names`, `unnamed_column`, `duplicate_columns`,
    `too_many_columns`, `no_rows`, and what Table.rows raises.
    """
    codec, words = _encoding(source)
    source.seek(0)
    # Kept open with the table: closing the wrapper would close the source.
    text = io.TextIOWrapper(source, encoding=codec, newline="")
    try:
        columns, delimiter = _beginning(text)
    except CsvProblem:
        text.detach()  # the file is the caller's
        raise
    return Table(columns, words, _DELIMITERS[delimiter], text, delimiter, most_rows)


def _beginning(text: io.TextIOBase) -> tuple[list[str], str]:
    """The names of the columns, and the separator."""
    delimiter = _delimiter(text)
    text.seek(0)
    records = _records(text, delimiter)
    header = next(records, None)
    if header is None:
        raise CsvProblem("empty", "The file is empty.")
    columns = list(header.cells)
    while columns and not columns[-1]:
        columns.pop()
    _check_columns(columns)
    if next(records, None) is None:
        names = ", ".join(columns)
        raise CsvProblem("no_rows", f"The file has no rows below the names of its columns ({names}).")
    return columns, delimiter


def _check_columns(columns: list[str]) -> None:
    if not any(character.isalnum() for name in columns for character in name):
        raise CsvProblem("no_names", "The first row has no names of columns. One of them must be called phone.", 1)
    if len(columns) > MOST_COLUMNS:
        raise CsvProblem("too_many_columns", f"The file has {len(columns)} columns. {MOST_COLUMNS} are the most.")
    seen: dict[str, str] = {}
    for name in columns:
        if not name:
            place = columns.index(name) + 1
            raise CsvProblem("unnamed_column", f"Column {place} has no name in the first row. Name it or remove it.", 1)
        if name.casefold() in seen:
            raise CsvProblem(
                "duplicate_columns", f"The file has two columns called {name}. Rename or remove one of them.", 1
            )
        seen[name.casefold()] = name


def _encoding(source: BinaryIO) -> tuple[str, str]:
    source.seek(0)
    start = source.read(_CHUNK)
    if not start.strip():
        raise CsvProblem("empty", "The file is empty.")
    if start.startswith(_ARCHIVES):
        raise CsvProblem(
            "not_csv", "This is a workbook or an archive with another name. Open it and save it as CSV UTF-8."
        )
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise CsvProblem("not_text", "The file is in UTF-32. Save it as CSV UTF-8.")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        _check_decodes(source, "utf-16", "UTF-16")
        return "utf-16", "UTF-16"
    if b"\x00" in start:
        raise CsvProblem("not_text", "The file is not plain text: it has bytes of zero. Save it as CSV UTF-8.")
    try:
        _check_decodes(source, "utf-8-sig", "UTF-8")
    except CsvProblem:
        _check_decodes(source, "cp1252", "Windows-1252")
        return "cp1252", "Windows-1252"
    return "utf-8-sig", "UTF-8"


def _check_decodes(source: BinaryIO, codec: str, words: str) -> None:
    source.seek(0)
    decoder = codecs.getincrementaldecoder(codec)()
    lines = 1
    chunk = b""
    try:
        while chunk := source.read(_CHUNK):
            decoded = decoder.decode(chunk)
            if "\x00" in decoded:
                raise CsvProblem(
                    "not_text", "The file is not plain text: it has characters of zero. Save it as CSV UTF-8.", lines
                )
            lines += decoded.count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line = lines + chunk[: error.start].count(b"\n")
        raise CsvProblem(
            "not_text",
            f"Line {line} has a byte ({error.object[error.start]:#04x}) that is no character in {words}. "
            "Save the file as CSV UTF-8.",
            line,
        ) from error


def _delimiter(text: io.TextIOBase) -> str:
    """The separator that parts the first row into most columns; a comma where none does.

    A quotation mark that is not closed hides the separator: then it is the one that the first line has most of.
    """

    def columns(delimiter: str) -> int:
        text.seek(0)
        try:
            first = next(_records(text, delimiter), None)
        except CsvProblem:
            return -1
        return len(first.cells) if first else 0

    found = {delimiter: columns(delimiter) for delimiter in _DELIMITERS}
    best = max(found, key=lambda delimiter: found[delimiter])
    if found[best] > 1:
        return best
    text.seek(0)
    line = text.readline(LONGEST_LINE)
    hidden = max((one for one in found if found[one] < 0), key=line.count, default=best)
    return hidden if hidden in line else best


class _Lines:
    """The lines of a file, none of them too long, nor too many of them in one row."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._number = 0
        self.begins = 1  # the line on which the present row begins
        self.room = LONGEST_ROW  # characters that the row may still have

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(LONGEST_LINE + 1):
            self._number += 1
            self.room -= len(line)
            if len(line) > LONGEST_LINE:
                raise CsvProblem(
                    "line_too_long",
                    f"Line {self._number} has more than {LONGEST_LINE:,} characters. This is not a list of people.",
                    self._number,
                )
            if self.room < 0:
                raise CsvProblem(
                    "line_too_long",
                    f"The row at line {self.begins} has more than {LONGEST_ROW:,} characters, or a quotation mark too "
                    "many.",
                    self.begins,
                )
            yield line


def _records(text: io.TextIOBase, delimiter: str) -> Iterator[Row]:
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begins = lines.begins = reader.line_num + 1
        lines.room = LONGEST_ROW
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise _unreadable(begins, error) from error
        if any(cells):
            yield Row(begins, cells)


def _unreadable(line: int, error: csv.Error) -> CsvProblem:
    if "field limit" in str(error):
        return CsvProblem(
            "line_too_long", f"The row at line {line} has a cell that is too long, or a quotation mark too many.", line
        )
    return CsvProblem(
        "unclosed_quote", f"A quotation mark in the row at line {line} is not closed, or stands inside of a cell.", line
    )


def safe_cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe in front.

    Numbers of phones begin with a plus sign: write them with `phone_cells`.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" \u00a0\u3000").startswith(_FORMULA) else text


def phone_cells(e164: str, display: str) -> tuple[str, str]:
    """A number in two columns: digits only for programs, and with spaces, which spreadsheets keep as text."""
    return e164.removeprefix("+"), display.removeprefix("+")


def write_rows(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The rows as CSV, a piece at a time, with a mark that tells spreadsheets that it is UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def download(rows: Iterable[Iterable[object]], name: str) -> StreamingHttpResponse:
    """An answer that is written while the rows are read; the day stands behind the name of the file."""
    response = StreamingHttpResponse(write_rows(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response
