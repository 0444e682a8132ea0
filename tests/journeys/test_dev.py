"""`manage.py dev`: what is said when a site cannot run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from config.local_services import LocalServices
from config.local_services.places import PROJECT
from config.supervisor import free_port

PATIENCE = 170  # seconds


@pytest.fixture
def profile() -> Iterator[str]:
    """Scratch servers of its own, gone afterwards."""
    name = f"dev-{os.getpid()}"
    yield name
    services = LocalServices(PROJECT, name)
    services.stop()
    shutil.rmtree(services.places.room, ignore_errors=True)


def test_settings_with_which_nothing_can_be_sent_are_refused_before_a_worker_starts(profile: str) -> None:
    servers = ("DATABASE_URL", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in servers}
    environment |= {"PARLEY_LOCAL_PROFILE": profile, "CRM_URL": "nowhere", "SANDBOX_PORT": str(free_port(22_100))}
    done = subprocess.run(
        [sys.executable, "manage.py", "dev", "--port", str(free_port(22_000)), "--no-demo-data"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert "CRM_URL is no address that leads to one customer." in done.stderr
    assert done.stdout == "", "no process has said anything, and no address was announced"
