"""A Python environment of a peer's own, with what PyPI has of it: below a scratch directory, and gone with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from conversations.management.benchmark.peers.contract import PeerIsAbsent

DRIVER = "psycopg[binary]==3.3.9"
INSTALL = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1")
PATIENCE = 300.0  # seconds
LINES_SHOWN = 15


def make_environment(directory: Path, *requirements: str) -> str:
    """The interpreter of a new environment with these packages. Raises PeerIsAbsent where they cannot be had."""
    python = str(directory / "bin" / "python")
    try:
        for command in ([sys.executable, "-m", "venv", str(directory)], [python, *INSTALL, *requirements]):
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        why = f"that took longer than {PATIENCE:.0f} s"
    except subprocess.CalledProcessError as error:
        why = f"pip said: {((error.stderr or error.stdout).strip().splitlines() or ['nothing'])[-1]}"
    else:
        return python
    raise PeerIsAbsent(
        f"{', '.join(requirements)} could not be installed into a scratch directory ({why}). Let pip reach a package "
        "index: its own configuration and PIP_INDEX_URL say which."
    )


def program(python: str, name: str, *arguments: str) -> list[str]:
    """The command that runs one of the programs beside this module in that environment."""
    return [python, "-m", f"{__package__}.{name}", *arguments]


def run(command: list[str], *, given: str = "", patience: float = PATIENCE) -> Any:
    """Run such a command to its end, `given` its input: what it printed, which is JSON. Raises CommandError."""
    try:
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, input=given, capture_output=True, text=True, timeout=patience
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{command[2]} took longer than {patience:.0f} s.") from None
    if done.returncode:
        raise CommandError("\n".join([f"{command[2]} failed.", *done.stderr.splitlines()[-LINES_SHOWN:]]))
    return json.loads(done.stdout)


def database(name: str) -> dict[str, Any]:
    """Where a peer finds a database of its own on our server, as settings have it."""
    ours = connection.get_connection_params()
    return {"NAME": name, "USER": ours["user"], "HOST": ours["host"], "PORT": ours["port"]}
