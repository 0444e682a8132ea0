"""What a browser loads before an agent can work: scripts, styles, and the first rows of a list."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone

from conversations.models import Campaign, Tag
from conversations.views.listing import FIRST_PAGE
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import Element, read

MOST_SCRIPT, MOST_STYLE = 61_000, 25_000  # bytes, each file compressed as a server sends it
MOST_ROWS = 40_000  # bytes of the first page of a list, as they are: pages are not compressed
_IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""")


def static_file(address: str) -> Path:
    """The file behind an address of a page."""
    assert address.startswith("/static/"), address
    found = finders.find(address.removeprefix("/static/").partition("?")[0])
    assert found, address
    return Path(str(found))


def with_imports(script: Path, known: set[Path]) -> set[Path]:
    """A script and all modules that it imports."""
    if script not in known:
        known.add(script)
        for name in _IMPORT.findall(script.read_text()) if script.parent.name == "js" else ():
            with_imports((script.parent / name).resolve(), known)
    return known


def weight(files: set[Path]) -> int:
    """How many bytes a browser loads for these files."""
    return sum(len(gzip.compress(one.read_bytes(), 9)) for one in files)


def scripts_of(page: Element) -> set[Path]:
    """Every script that a page runs."""
    found: set[Path] = set()
    for script in page.all("script"):
        with_imports(static_file(script.attributes["src"]).resolve(), found)
    return found


def styles_of(page: Element) -> set[Path]:
    """Every style sheet of a page."""
    return {static_file(link.attributes["href"]) for link in page.all("link", rel="stylesheet")}


PAGES = ("inbox", "conversation", "transcript", "search", "contacts", "compose", "account")
OF_CAMPAIGNS = ("campaigns", "new", "list", "message", "timing", "check", "results", "rows")


@pytest.mark.parametrize("name", [*PAGES, *OF_CAMPAIGNS])
def test_scripts_and_styles_of_a_page_are_light(centre: Centre, supervisor: Client, name: str) -> None:
    amira = centre.conversation()
    addresses = {
        "inbox": "/",
        "conversation": f"/c/{amira.pk}/",
        "transcript": f"/c/{amira.pk}/transcript/",
        "search": "/search/",
        "contacts": "/contacts/",
        "compose": "/new/",
        "account": "/account/",
    }
    if name in OF_CAMPAIGNS:
        addresses = campaign_addresses(centre)
    page = read(supervisor.get(addresses[name]))
    scripts, styles = scripts_of(page), styles_of(page)
    if name == "conversation":
        assert {"app.js", "list.js", "live.js", "drafts.js", "htmx-2.min.js"} <= {one.name for one in scripts}
        assert {"tokens.css", "inbox.css", "composer.css"} <= {one.name for one in styles}
    has_campaigns = any(one.name.startswith("campaign") for one in styles)
    assert has_campaigns == (name in OF_CAMPAIGNS), "only the pages of campaigns load their styles"
    assert weight(scripts) <= MOST_SCRIPT
    assert weight(styles) <= MOST_STYLE


def campaign_addresses(centre: Centre) -> dict[str, str]:
    """The pages of a campaign that is written, and of one that was stopped."""
    draft = Campaign.objects.create(name="Routers", stream=centre.texts, columns=["firstname"], row_count=1)
    ended = Campaign.objects.create(
        name="Works", stream=centre.texts, status="stopped", started_at=timezone.now(), ended_at=timezone.now()
    )
    steps = {name: f"/campaigns/{draft.pk}/{name}/" for name in ("list", "message", "timing", "check")}
    return {
        **steps,
        "campaigns": "/campaigns/",
        "new": "/campaigns/new/",
        "rows": f"/campaigns/{draft.pk}/list/rows/",
        "results": f"/campaigns/{ended.pk}/",
    }


def test_every_module_of_ours_is_loaded_by_a_page(centre: Centre, agent: Client) -> None:
    loaded = scripts_of(read(Client().get("/sign-in/")))
    loaded |= scripts_of(read(agent.get(f"/c/{centre.conversation().pk}/")))
    ours = static_file("/static/js/app.js").parent
    assert {one.name for one in ours.glob("*.js")} - {one.name for one in loaded} == set()


def test_the_first_rows_of_a_list_are_light(centre: Centre, agent: Client) -> None:
    now, vip = timezone.now(), Tag.objects.create(name="Vulnerable")
    words = "The engineer was booked for Thursday between 12 and 4 and nobody has come. When will somebody be here?"
    for number in range(FIRST_PAGE + 1):
        contact = factories.make_contact(first_name="Bartholomew", last_name=f"Featherstone {number}")
        conversation = centre.conversation(
            centre.care if number % 2 else centre.texts,
            contact=contact,
            assignee=centre.tom if number % 3 else None,
            waiting_since=now - timedelta(minutes=number) if number % 4 else None,
            window_closes_at=now + timedelta(hours=5) if number % 2 else None,
            unread_count=number % 3,
            last_message_preview=words + words[:57],
            last_message_direction="in" if number % 4 else "out",
        )
        if not number % 5:
            conversation.tags.add(vip)
    content = agent.get("/?view=all").content
    rows = content[content.index(b'id="list-rows"') : content.index(b"</ul>", content.index(b'id="list-rows"'))]
    assert rows.count(b'class="conversation-row') == FIRST_PAGE
    assert len(rows) <= MOST_ROWS
