"""What docs/deployment/ offers to operators: units that start what the table says, a dashboard of metrics there are."""

from __future__ import annotations

import configparser
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.logs import JsonLine, MaskPersonalData
from config.reporting import before_send, start_reporting
from conversations.queue import QUEUES, worker_command

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENT = ROOT / "docs" / "deployment"
UNITS = sorted(DEPLOYMENT.glob("*.service"))
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
NUMBER = "+447700900142"


def test_there_is_a_unit_for_each_process_of_the_table() -> None:
    table = OPERATIONS.split("## What a site consists of")[1].split("\n\nAll of them")[0]
    wanted = {
        command.removeprefix("manage.py ") for command in re.findall(r"^\| [a-z ]+\| `([^`]+)`", table, re.MULTILINE)
    }
    started = set()
    for path in UNITS:
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(path.read_text())
        service = unit["Service"]
        command = service["ExecStart"].replace("%i", "8000")  # a web process is named by its port
        started.add(re.sub(r"^\S+/(python manage.py )?", "", command))
        assert (service["KillMode"], service["TimeoutStopSec"], service["Restart"]) == ("mixed", "90", "always")
        assert path.stem.rstrip("@") in OPERATIONS
    assert started == wanted
    assert {f"{' '.join(worker_command(queue))} --verbosity 0" for queue in QUEUES} <= wanted


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_pages_start_workers_as_we_do(page: str) -> None:
    text = (ROOT / page).read_text()
    for queue in QUEUES:
        assert f"manage.py {' '.join(worker_command(queue))}" in text, queue


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    board = json.loads((DEPLOYMENT / "grafana.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for expression in asked for name in re.findall(r"parley_[a-z_]+", expression)}
    # tests/conversations/views/test_health.py compares this page with what /metrics says
    assert named <= set(re.findall(r"\bparley_[a-z_]+", OPERATIONS))
    assert len(named) > 15


def test_a_log_of_json_is_an_object_a_line_and_masked() -> None:
    try:
        raise ValueError(f"no answer from {NUMBER}")
    except ValueError:
        record = logging.LogRecord("parley", logging.ERROR, __file__, 1, "To %s\nfailed", (NUMBER,), sys.exc_info())
    MaskPersonalData().filter(record)
    line = JsonLine().format(record)
    entry = json.loads(line)
    assert "\n" not in line
    assert (entry["level"], entry["logger"]) == ("ERROR", "parley")
    assert entry["message"].endswith("\nfailed")
    assert "ValueError" in entry["traceback"]
    assert NUMBER[1:] not in line


def test_what_is_reported_names_nobody() -> None:
    event: dict[str, Any] = {
        "message": f"No answer from {NUMBER}",
        "request": {"url": "https://parley.example/hooks/secret/", "cookies": {"sessionid": "abc"}},
        "user": {"email": "priya@fernhill.example"},
        "exception": {
            "values": [{"value": f"{NUMBER} is gone", "stacktrace": {"frames": [{"vars": {"body": "Hello"}}]}}]
        },
    }
    sent = before_send(event, {})
    assert set(sent) == {"message", "exception"}
    assert sent["exception"]["values"][0]["stacktrace"]["frames"] == [{}]
    assert NUMBER[1:] not in json.dumps(sent)


def test_reporting_without_its_package_is_said() -> None:
    if "sentry_sdk" in sys.modules:
        pytest.skip("sentry-sdk is installed here.")
    with pytest.raises(ImproperlyConfigured, match="Install it"):
        start_reporting("https://key@sentry.example/1")
