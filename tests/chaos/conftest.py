"""The site that is broken on purpose, started once for the folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import Any

import pytest

from tests.chaos.run import Row, Run
from tests.chaos.site import Site
from tests.chaos.summary import ROW

Chaos = Callable[[str, str], AbstractContextManager[Run]]


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """Servers and processes of their own, ended with the folder's last test."""
    site = Site(tmp_path_factory.mktemp("chaos"))
    try:
        with django_db_blocker.unblock():
            site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture
def chaos(site: Site, django_db_blocker: Any, request: pytest.FixtureRequest) -> Chaos:
    """`with chaos("F1", "what breaks") as run`: fresh rows; at the end every invariant and a line of the table.

    Without a number it is no fault of the matrix and has no line.
    """

    def keep(row: Row) -> None:
        request.node.user_properties.append((ROW, asdict(row)))  # goes with the test's report, from a lane too

    @contextmanager
    def begin(number: str, fault: str) -> Iterator[Run]:
        with django_db_blocker.unblock(), site.connected():
            run = Run(site)
            try:
                yield run
                run.settle()
                run.try_everything()
                row = run.row(number, fault, held=True)
                assert run.broken() == []
                assert (row.doubled, row.lost) == (0, 0)
                if number:
                    keep(row)
            except BaseException as error:
                error.add_note(site.last_words())
                keep(Row(number or "F0", fault, len(run.messages), held=False))
                site.start_afresh()
                raise

    return begin
