"""Workers and the dispatcher run for weeks: they check their settings like every command, and hold no page for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from config.local_services.places import PROJECT

LOADED = """
import sys, django
django.setup()
from conversations.management.commands import {name}
import conversations.jobs
{name}.Command().check()
WANTED_BY_PAGES = ("config.urls", "conversations.admin", "ninja", "phonenumbers.tzdata")
print([module for module in WANTED_BY_PAGES if module in sys.modules])
"""

FORKING = """
import sys, django
django.setup()
from rq import Queue
from conversations.broker import broker
from conversations.queue import Worker
Worker([Queue("of-a-test", connection=broker())], connection=broker()).work(burst=True, logging_level="WARNING")
print([module for module in ("conversations.jobs", "messaging.providers.cirrus.provider") if module not in sys.modules])
"""


def test_what_every_job_needs_is_loaded_before_a_worker_forks() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    said = subprocess.run([sys.executable, "-c", FORKING], cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "[]\n"), said.stderr


@pytest.mark.parametrize("name", ["rqworker", "dispatcher"])
def test_no_page_form_or_interface_is_loaded(name: str) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    code = LOADED.format(name=name)
    said = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize("command", [("rqworker", "bulk"), ("dispatcher",)])
def test_settings_with_which_nothing_can_be_sent_are_refused(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=PROJECT,
        env={**os.environ, "DELIVERY_LEASE_SECONDS": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "SystemCheckError" in done.stderr
    assert "A claim holds for 1 s, and a request needs 35 s of it." in done.stderr
