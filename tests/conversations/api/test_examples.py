"""docs/api.md tells the truth: its blocks are run against a live server, in their order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conversations.models import Campaign, Contact, Message
from conversations.services.api_keys import create_api_key
from tests import factories

PAGE = Path(__file__).parents[3] / "docs/api.md"
LONGEST = 60  # seconds for all blocks of a language


def blocks(language: str) -> str:
    """The blocks of a language as one text: later ones use what earlier ones have found."""
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(found) > 1
    return "\n".join(found)


@pytest.fixture
def environment(transactional_db: None, live_server: Any) -> dict[str, str]:
    """What the page says that programs have, on a site where Amira has just written."""
    stream = factories.make_stream(name="Fernhill Care")
    agent = factories.make_user("supervisor", name="Orders")
    factories.make_team(members=[agent], streams=[stream])
    waiting = factories.make_conversation(stream, factories.make_contact("+447700900144", first_name="Amira"))
    factories.make_message(waiting, direction="in", body="Old")
    factories.make_message(waiting, direction="in", body="Is it today?")
    text = create_api_key(name="Orders", user=agent, scopes=["read", "send", "bulk", "consent"])[1]
    return {"PATH": os.environ["PATH"], "PARLEY": live_server.url, "KEY": text, "STREAM": str(stream.pk)}


def run(command: list[str], environment: dict[str, str]) -> str:
    """What a script prints; it has to end well."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="There is no curl on this machine. Install the package curl.")
def test_the_examples_do_what_the_page_says(environment: dict[str, str]) -> None:
    printed = run(["bash", "-euc", blocks("bash")], environment)
    assert "Is it today?" in printed
    assert Message.objects.get(conversation__contact__phone="+447700900142").status == "queued"
    printed = run([sys.executable, "-c", blocks("python")], environment)
    assert "queued" in printed
    assert "+447700900144 Is it today?" in printed
    assert Message.objects.filter(conversation__contact__phone="+447700900143").exists()
    answered = Contact.objects.get(phone="+447700900144").conversations.get()
    assert (answered.status, answered.messages.filter(direction="out").count()) == ("resolved", 1)
    assert "422 opted_out" in printed
    assert "ready {" in printed
    campaign = Campaign.objects.get(name="Visits on Thursday")
    assert (campaign.status, campaign.sendable_count) == ("running", 1)
    assert "+447700900143 opted_out" in printed
    assert Campaign.objects.get(name="Visits on Monday").status == "ready"
