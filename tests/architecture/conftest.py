"""Projects of their own, with embedded servers that end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.local_services import LocalServices
from tests.architecture.servers import removed_afterwards


@pytest.fixture
def services(tmp_path: Path) -> Iterator[LocalServices]:
    """The servers of an empty project with a long path."""
    root = tmp_path / ("deep" * 30)
    root.mkdir()
    with removed_afterwards(LocalServices(root)) as services:
        yield services


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[LocalServices]:
    with removed_afterwards(LocalServices(tmp_path, "trial")) as services:
        yield services
