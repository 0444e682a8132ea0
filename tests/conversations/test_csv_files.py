"""CSV files as people have them, row by row of the bad-input matrix."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest

from conversations.services.csv_files import LONGEST_LINE, CsvProblem, open_table, phone_cells, safe_cell, write_rows

PLAIN = "Name,Phone\nZoë,07700 900142\nŁukasz,07700 900143\n"


def read(data: bytes, **limits: int) -> tuple[list[str], list[list[str]]]:
    table = open_table(io.BytesIO(data), **limits)
    return table.columns, [row.cells for row in table.rows()]


def problem(data: bytes, **limits: int) -> CsvProblem:
    with pytest.raises(CsvProblem) as found:
        read(data, **limits)
    return found.value


@pytest.mark.parametrize(("codec", "words"), [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16")])
def test_encodings_are_recognised(codec: str, words: str) -> None:
    table = open_table(io.BytesIO(PLAIN.encode(codec)))
    assert (table.columns, table.encoding, table.separator) == (["Name", "Phone"], words, "commas")
    assert [row.cells[0] for row in table.rows()] == ["Zoë", "Łukasz"]
    assert [row.line for row in table.rows()] == [2, 3]  # a table can be read twice


def test_big_endian_and_windows_files_are_read_too() -> None:
    assert read(b"\xfe\xff" + PLAIN.encode("utf-16-be"))[0] == ["Name", "Phone"]
    table = open_table(io.BytesIO("Name,Phone\nZoë – £,1\n".encode("cp1252")))
    assert (table.encoding, next(table.rows()).cells) == ("Windows-1252", ["Zoë – £", "1"])


@pytest.mark.parametrize(("delimiter", "words"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_are_recognised(delimiter: str, words: str, end: str) -> None:
    table = open_table(io.BytesIO(f'a{delimiter}b{delimiter}"c,;"{end}1{delimiter}2{delimiter}3{end}'.encode()))
    assert (table.separator, table.columns) == (words, ["a", "b", "c,;"])
    assert [row.cells for row in table.rows()] == [["1", "2", "3"]]


def test_cells_may_hold_line_breaks_quotes_and_separators() -> None:
    columns, rows = read(b'phone,note\n1,"line one\nline ""two"", and more"\n\n , \n2,x\n')
    assert columns == ["phone", "note"]
    assert rows == [["1", 'line one\nline "two", and more'], ["2", "x"]]
    table = open_table(io.BytesIO(b'phone,note\n1,"a\nb"\n\n2,x\n'))
    assert [row.line for row in table.rows()] == [2, 5]


def test_names_without_anything_below_at_the_end_are_dropped() -> None:
    assert read(b"phone,name,,\n1,x,,\n") == (["phone", "name"], [["1", "x", "", ""]])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"  \r\n \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b",,\n,,\n", "no_names"),
        (b"PK\x03\x04workbook", "not_csv"),
        (b"\xd0\xcf\x11\xe0old", "not_csv"),
        (b"phone\n077\x0000\n", "not_text"),
        (b"\xff\xfe\x00\x00p\x00\x00\x00", "not_text"),
        (b"\xff\xfep\x00h\x00o", "not_text"),
        (b"phone\n\x81\n", "not_text"),
        ("phone\n1\x00\n".encode("utf-16"), "not_text"),
        (b"phone,name\n", "no_rows"),
        (b"phone,name\n\n,\n", "no_rows"),
        (b"phone,Phone\n1,2\n", "duplicate_columns"),
        (b"phone,,name\n1,2,3\n", "unnamed_column"),
        (b"phone\n" + b"1\n" * 11, "too_many_rows"),
        (b'phone,name\n1,"open\n2,x\n', "unclosed_quote"),
        (b'phone,name\n1,"a"b\n', "unclosed_quote"),
        (b"phone\n" + b"1" * (LONGEST_LINE + 1) + b"\n", "line_too_long"),
        (b'phone\n"' + b"1\n" * 100_000, "line_too_long"),
        (",".join(f"c{number}" for number in range(300)).encode() + b"\n1\n", "too_many_columns"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, code: str) -> None:
    found = problem(data, most_rows=10)
    assert found.code == code
    assert found.sentence.endswith(".")


def test_a_refusal_names_the_place() -> None:
    found = problem(b"phone\n1\n2\n3 \x8d\n")
    assert (found.line, "Line 4 has a byte (0x8d)" in found.sentence) == (4, True)
    assert problem(b'phone,name\n1,x\n2,"open\n3,y\n').line == 3
    assert problem(b"phone\n" + b"1\n" * 11, most_rows=10).line == 12


def test_a_huge_file_is_read_in_little_memory() -> None:
    data = io.BytesIO(b"phone,name\n" + b"07700900142,Somebody with a name\n" * 50_000)
    endless_cell = io.BytesIO(b'phone,name\n1,"' + b"x" * 10_000_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in open_table(data, most_rows=1_000_000).rows()) == 50_000
        with pytest.raises(CsvProblem):
            list(open_table(endless_cell).rows())
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|'/c calc'!A1",
        "+44 7700",
        "-2",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "  =1+1",
        "\u00a0=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
    ],
)
def test_formulas_are_written_as_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_other_cells_are_written_as_they_are() -> None:
    for text in ("Zoë", "a=b", "x+y", "1-2", "", "'", " x"):
        assert safe_cell(text) == text
    assert safe_cell(None) == ""
    assert safe_cell(7) == "7"
    assert phone_cells("+447700900142", "+44 7700 900142") == ("447700900142", "44 7700 900142")


def test_what_is_written_can_be_read() -> None:
    rows = [["phone", "note"], ["447700900142", 'two\nlines, "quoted"'], ["1", "=x"]]
    written = "".join(write_rows(rows))
    assert list(csv.reader(io.StringIO(written.removeprefix("\ufeff")))) == [*rows[:2], ["1", "'=x"]]
    assert read(written.encode()) == (rows[0], [rows[1], ["1", "'=x"]])
