"""Two dispatchers: one leads."""

from __future__ import annotations

import pytest

from tests.chaos.conftest import Chaos
from tests.chaos.processes import Process, eventually
from tests.chaos.run import Run

NAMES = ("dispatcher-1", "dispatcher-2")


def leader(run: Run) -> Process | None:
    """The dispatcher that holds the lock."""
    rows = run.site.sql(
        """SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
            WHERE locktype = 'advisory' AND objid = 7301001"""
    )
    assert len(rows) <= 1
    return next((run.site[name] for name in NAMES if rows == [(run.site[name].connection_name,)]), None)


@pytest.mark.chaos
def test_the_leader_is_killed(chaos: Chaos) -> None:
    with chaos("F38", "two dispatchers, the leading one killed") as run:
        run.site.need(*NAMES)
        try:
            first = eventually(lambda: leader(run), "one leads")
            assert first is not None
            second = next(run.site[name] for name in NAMES if run.site[name] is not first)
            first.kill()
            eventually(lambda: leader(run) is second, "the other leads")  # before the site starts the first again
            message = run.quiet_text(run.conversation())  # only a dispatcher finds it
            run.wait_for(message, "accepted")
        finally:
            run.site.spare(NAMES[1])
            run.site.mend()
