"""The table at the end of a session that broke something: what became of every message."""

from __future__ import annotations

import pytest

from tests.chaos.run import Row, table

NOTES = (
    "F22 asks for more room than the disk has; a disk that is really full needs a mount. F37 runs processes in other "
    "hours; a clock that jumps while they run needs one too.",
    "Sent once: on the handset once and shown so. Failed: ended with a reason, not on the handset.",
)
ROW = "row of the table"


def show(terminal: pytest.TerminalReporter) -> None:
    """Print it, of all lanes; nothing when nothing was broken."""
    reports = [one for outcome in ("passed", "failed") for one in terminal.stats.get(outcome, ())]
    rows = [Row(**row) for report in reports for name, row in report.user_properties if name == ROW]
    if rows:
        terminal.section("what became of every message")
        for line in table(rows, NOTES):
            terminal.write_line(line)
