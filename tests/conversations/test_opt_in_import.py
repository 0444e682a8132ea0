"""Decisions from a file: what is recorded, what is left out, what is refused, and that twice is once."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.models import Activity, ConsentState, Contact, OptIn
from conversations.services import consent
from conversations.services.csv_files import open_table, write_rows
from conversations.services.opt_in_import import Decisions, OptInReport, check_opt_ins, store_opt_ins
from conversations.services.opt_in_ledger import COLUMNS, exported
from tests import factories

pytestmark = pytest.mark.django_db

FORM = Decisions(evidence="Web form, November", wording="Fernhill may write to me.", allow_fictional=True)


def table(text: str) -> Any:
    return open_table(io.BytesIO(text.encode()))


def stored(text: str, given: Decisions = FORM) -> OptInReport:
    return store_opt_ins(table(text), given, None)


def number(last: int) -> str:
    return f"+447700900{last:03}"


def test_rows_become_lines_of_the_ledger_with_states_and_contacts() -> None:
    known = factories.make_conversation(contact=factories.make_contact(number(1)))
    report = stored(
        "phone,decision,purpose,date,proof\n"
        f"{number(1)},opt in,service,2026-03-04,https://fernhill.example/1\n"
        f"{number(2)},opted out,,,\n"
        f"{number(3)},confirmed,marketing,2026-03-04T10:30,\n"
    )
    assert (report.permissions, report.opt_outs, report.new_contacts) == (2, 1, 2)
    first, second, third = OptIn.objects.order_by("phone")
    assert (first.event, first.purpose, first.source, first.evidence) == (
        *("opt_in", "service", "import"),
        "https://fernhill.example/1",
    )
    assert f"{first.occurred_at:%Y-%m-%d}" == "2026-03-04"
    assert (second.event, second.evidence) == ("opt_out", "Web form, November")
    assert (third.event, third.purpose) == ("double_opt_in", "marketing")
    states = {one.phone: (one.service, one.marketing) for one in ConsentState.objects.all()}
    assert states == {
        number(1): ("opted_in", ""),
        number(2): ("opted_out", "opted_out"),
        number(3): ("", "opted_in"),
    }
    assert Activity.objects.get(kind="opt_in").conversation == known


def test_an_import_never_lifts_an_opt_out() -> None:
    contact = factories.make_contact(number(1))
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", purpose="marketing", source="agent"))
    report = stored(f"phone\n{number(1)}\n{number(2)}\n")
    assert (report.permissions, report.opted_out_count) == (1, 1)
    assert report.opted_out[0].line == 2
    assert ConsentState.objects.get(phone=number(1)).service == ""
    assert OptIn.objects.count() == 2


def test_an_opt_out_that_comes_meanwhile_stands() -> None:
    contact = factories.make_contact(number(1))
    late = OptIn(
        contact=contact, phone=contact.phone, channel="sms", event="opt_in", source="import", wording="Yes, Fernhill."
    )
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    consent.record_set([late])
    assert consent.is_opted_out(contact.phone, "sms")
    assert OptIn.objects.count() == 1


def test_the_same_file_twice_is_one() -> None:
    text = f"phone\n{number(1)}\n{number(1)}\n{number(2)}\n"
    assert stored(text).repeated_count == 1
    again = stored(text)
    assert (again.permissions, again.on_record) == (0, 2)
    assert OptIn.objects.count() == 2


def test_purposes_of_one_number_are_two_decisions() -> None:
    stored(f"phone,decision,purpose\n{number(1)},in,service\n{number(1)},out,marketing\n")
    state = ConsentState.objects.get()
    assert (state.service, state.marketing) == ("opted_in", "opted_out")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name\nAmira\n", "no_phone_column"),
        ("phone\n12\n", "phone"),
        (f"phone,channel\n{number(1)},pigeon\n", "channel"),
        (f"phone,decision\n{number(1)},perhaps\n", "event"),
        (f"phone,purpose\n{number(1)},fun\n", "purpose"),
        (f"phone,date\n{number(1)},yesterday\n", "occurred_at"),
        (f"phone,date\n{number(1)},2090-01-01\n", "occurred_at"),
        (f"phone,channel\n{number(1)},whatsapp\n", "business_name"),
        (f"phone,channel,business\n{number(1)},whatsapp,Brookside\n", "wording"),
        (f"phone,wording\n{number(1)},a,b\n", "ragged"),
    ],
)
def test_a_file_with_a_problem_stores_nothing(text: str, code: str) -> None:
    report = check_opt_ins(table(text), FORM, None)
    assert report.code == code
    assert report.problem
    with pytest.raises(ValidationError):
        stored(text)
    assert not OptIn.objects.exists()
    assert not Contact.objects.exists()


def test_rows_are_written_in_sets() -> None:
    def cost(first: int, count: int) -> int:
        text = "phone\n" + "".join(f"{number(first + one)}\n" for one in range(count))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert stored(text).permissions == count
        return len(queries)

    assert cost(0, 10) == cost(100, 400)


def test_whoever_imports_sees_only_their_contacts() -> None:
    agent = factories.make_user("supervisor")
    factories.make_team(members=[agent], streams=[factories.make_stream()])
    factories.make_conversation(contact=factories.make_contact(number(1)))
    report = store_opt_ins(table(f"phone\n{number(1)}\n{number(2)}\n"), FORM, agent)
    assert (report.permissions, report.elsewhere) == (1, 1)
    assert OptIn.objects.get().recorded_by == agent


def test_the_export_is_the_ledger_and_no_spreadsheet_runs_it() -> None:
    contact = factories.make_contact(number(1), first_name="=cmd|' /C calc'!A0")
    consent.record(
        OptIn(contact=contact, channel="sms", event="opt_in", source="form", wording="+Fernhill", evidence="@SUM(1)")
    )
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    rows = list(csv.reader(io.StringIO("".join(write_rows(exported({}, None))).removeprefix("\ufeff"))))
    assert rows[0] == list(COLUMNS)
    first = dict(zip(rows[0], rows[1], strict=True))
    assert (first["phone"], first["phone_text"]) == ("447700900001", "44 7700 900001")
    assert (first["name"], first["wording"], first["proof"]) == ("'=cmd|' /C calc'!A0", "'+Fernhill", "'@SUM(1)")
    assert [row[-1] for row in rows[1:]] == ["no", "yes"]


def test_the_commands(tmp_path: Path, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8100"
    factories.make_stream()
    source = tmp_path / "list.csv"
    source.write_text(f"phone\n{number(1)}\n")
    arguments = ("import_opt_ins", str(source), "--proof", "Web form", "--wording", "Fernhill may write.")
    call_command(*arguments, "--dry-run")
    assert "1 permissions" in capsys.readouterr().out
    assert not OptIn.objects.exists()
    call_command(*arguments, "--json")
    assert json.loads(capsys.readouterr().out)["permissions"] == 1
    target = tmp_path / "ledger.csv"
    call_command("export_opt_ins", str(target), "--in-force")
    assert "447700900001" in target.read_text()
    source.write_text("phone\nnobody\n")
    with pytest.raises(CommandError, match="line 2: phone"):
        call_command(*arguments)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_opt_ins", str(tmp_path / "none.csv"), "--proof", "x")
