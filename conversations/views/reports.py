"""The reports: a page of numbers, the same as a file, and one row a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import User
from conversations.services.reports import export
from conversations.services.reports.building import build
from conversations.services.reports.scope import Scope
from conversations.services.reports.tables import Cell, Report, Table, Tile
from conversations.views import report_charts, report_scope
from conversations.views.downloads import csv_answer
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.report_scope import address_of, behind, read_scope

_KEPT_WORDS = ("team", "stream", "hours")  # when other days are chosen
MOST_SPARKS = 62  # days that a small line can show


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell with the address of the rows behind it."""

    cell: Cell
    address: str


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row; `person` and `spark` are of people only."""

    cells: Sequence[ShownCell]
    person: User | None = None
    spark: str = ""


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table with its addresses."""

    table: Table
    rows: Sequence[ShownRow]
    file: str


@dataclass(frozen=True, slots=True)
class ShownTile:
    """A tile with its address."""

    tile: Tile
    address: str


@never_cache
@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """The report of a scope."""
    scope = read_scope(request)
    report = build(scope)
    context = {
        "scope": scope,
        "report": report,
        "tiles": [ShownTile(one, behind(one.value, scope)) for one in report.tiles],
        "tables": _shown(report),
        "steps": [(one, behind(one.number, scope), f"{300 * one.part:.1f}") for one in report.steps],
        "bars": report_charts.bars(report.days),
        "lines": report_charts.lines(report.hours, report.target),
        "heat": report_charts.heat(report.busy, report.busy_from),
        **_menus(scope),
    }
    return render(request, "reports/page.html", context)


def _menus(scope: Scope) -> dict[str, Any]:
    return {
        "periods": report_scope.periods(scope),
        "streams": report_scope.streams(scope),
        "teams": report_scope.teams(scope),
        "other_hours": address_of("reports", scope, hours="all" if scope.working else None),
        "words": [(key, value) for key, value in report_scope.words_of(scope).items() if key in _KEPT_WORDS],
        "file": address_of("report-file", scope),
        "conversations_file": address_of("report-conversations", scope),
        "failures": address_of("report-rows", scope, rows="failed"),
    }


def _shown(report: Report) -> dict[str, ShownTable]:
    people = User.objects.in_bulk([row[0].rows["person"] for row in report.tables["agents"].rows])
    found = {}
    for key, table in report.tables.items():
        rows = [_shown_row(row, report, people) for row in table.rows]
        found[key.replace("-", "_")] = ShownTable(table, rows, address_of("report-file", report.scope, table=key))
    return found


def _shown_row(row: Sequence[Cell], report: Report, people: dict[Any, User]) -> ShownRow:
    cells = [ShownCell(cell, behind(cell, report.scope)) for cell in row]
    pk: Any = row[0].rows.get("person")
    if pk is None:
        return ShownRow(cells)
    days = report.by_day.get(pk, ())
    return ShownRow(cells, people.get(pk), report_charts.spark(days) if len(days) <= MOST_SPARKS else "")


@never_cache
@require_safe
@fresh_sign_in_required
def report_file(request: HttpRequest) -> StreamingHttpResponse:
    """The tables of the page as CSV, or one of them (`?table=`)."""
    report, key = build(read_scope(request)), request.GET.get("table", "")
    if key and key not in report.tables:
        raise Http404("No such table.")
    return csv_answer(request, report.csv_rows(key), f"report-{key}" if key else "report")


@never_cache
@require_safe
@fresh_sign_in_required
def conversations_file(request: HttpRequest) -> StreamingHttpResponse:
    """One row a conversation that began in the scope, as CSV."""
    return csv_answer(request, export.rows(read_scope(request)), "conversations")
