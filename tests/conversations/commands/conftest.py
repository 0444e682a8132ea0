"""Commands, called in this process and as a shell calls them, against the sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from config import local_services
from conversations.models import Contact, Conversation, Message, OptIn
from tests import factories
from tests.sandbox.playing import PlayedSandbox

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Called:
    """What a command wrote."""

    out: str
    err: str


def call(name: str, *arguments: str) -> Called:
    """Call a command with the arguments of a shell."""
    out, err = StringIO(), StringIO()
    call_command(name, *arguments, stdout=out, stderr=err)
    return Called(out.getvalue(), err.getvalue())


def refused(name: str, *arguments: str) -> str:
    """Call a command that must be refused, and see that it has stored nothing; returns the sentence."""
    before = _stored()
    with pytest.raises(CommandError) as found:
        call(name, *arguments)
    assert _stored() == before
    return str(found.value)


def _stored() -> list[int]:
    return [model.objects.count() for model in (Contact, Conversation, Message, OptIn)]


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> factories.SandboxStreams:
    """The sandbox's standing accounts and streams, as rows of ours."""
    return factories.make_sandbox_streams(product_sandbox.url)


@pytest.fixture
def shell(product_sandbox: PlayedSandbox) -> Shell:
    """Runs manage.py in a process of its own, on the test database; the test must commit what it should see."""
    database = str(connection.settings_dict["NAME"])
    environment = {
        **os.environ,
        local_services.PROFILE_VARIABLE: local_services.profile(),
        "DATABASE_URL": re.sub(r"/\w+\?", f"/{database}?", django_settings.DATABASE_URL),
        "SANDBOX_PORT": str(product_sandbox.port),
        "LOG_LEVEL": "WARNING",
    }

    def run(*arguments: str, **changed: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=django_settings.BASE_DIR,
            env={**environment, **changed},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run
