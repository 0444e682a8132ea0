"""Acceptance scenario 19: work goes on while Cirrus is away, and both sides tell the same story afterwards."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Complaints, Product, open_page, sign_in
from tests.browser.customers import british
from tests.browser.sandbox import Sandbox
from tests.browser.test_main_job import write_text

pytestmark = pytest.mark.browser

SOON = 90_000
ACCOUNT = "Fernhill Cirrus"


@pytest.fixture
def sandbox(product: Product) -> Iterator[Sandbox]:
    """The sandbox; whatever it was told, Cirrus answers again afterwards."""
    found = Sandbox(product)
    yield found
    found.tell("faults", account=ACCOUNT, fault="ok")


@pytest.fixture
def _mirrored(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[None]:
    """Ada switches the mirror of Service texts on, and off again afterwards."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    sign_in(page, product, "admin")
    choose(page, product, "yes")
    yield
    choose(page, product, "no")
    window.close()


def choose(page: Page, product: Product, word: str) -> None:
    """The setting of the stream, in the administration."""
    page.goto(f"{product.web}/admin/conversations/stream/")
    page.get_by_role("link", name="Service texts").click()
    page.get_by_label("Keep conversations in Cirrus too").fill(word)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile(r"/admin/conversations/stream/(\?.*)?$"))


def cirrus(product: Product, path: str) -> Any:
    """What Cirrus answers to its own call."""
    request = urllib.request.Request(
        f"{product.sandbox}/cirrus/{path}", headers={"Authorization": "Bearer sandbox-cirrus-key"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())["data"]


@pytest.mark.usefixtures("_mirrored")
def test_19_mirror_and_transcript(agent: Page, product: Product, sandbox: Sandbox) -> None:
    phone = british()
    write_text(agent, product, to=phone, stream="Service texts", text="Your line is being tested.")
    log = agent.get_by_role("log")
    expect(log.locator(".push-pushed").first).to_be_visible(timeout=SOON)
    sandbox.expect_on_phone(phone, "Your line is being tested.", 1)

    sandbox.tell("faults", account=ACCOUNT, fault="throttled")
    agent.locator("label[for=mode-remark]").click()
    agent.locator("#composer-remark").fill("Fault 7731 is with the network team.")
    agent.get_by_role("button", name=re.compile("Add remark")).click()
    expect(log.locator(".remark")).to_be_visible()
    agent.get_by_text("Add an indicator").click()
    agent.get_by_label("Words").fill("Line fault")
    agent.get_by_role("button", name="Add indicator").click()
    expect(agent.locator(".indicator")).to_be_visible()
    agent.get_by_role("button", name="Resolve").first.click()
    expect(log.locator(".push-queued")).to_have_count(3, timeout=SOON)

    sandbox.tell("faults", account=ACCOUNT, fault="ok")
    expect(log.locator(".push-queued")).to_have_count(0, timeout=SOON)
    expect(log.locator(".push-failed")).to_have_count(0)

    identity = f"identityStreamProviderId={phone[1:]}&identityStreamProviderType=5"
    (there,) = cirrus(product, f"streams/532/objects?{identity}&includeChilds=true&includeActivityLog=true")
    assert (there["statusId"], [one["message"] for one in there["childs"]]) == (2, ["Your line is being tested."])
    remarks = cirrus(product, f"objects/{there['objectId']}/activities?activityType=1")
    assert [json.loads(one["data"])["text"] for one in remarks] == ["Fault 7731 is with the network team."]
    (transcript,) = cirrus(product, f"streams/532/objects/{there['objectId']}/transcript")
    assert "Priya Nair" in transcript["transcript"]
    told = [one for one in sandbox.ask("ledger", kind="request")["entries"] if f"/{there['objectId']}/" in one["path"]]
    taken = [one["path"].split("/")[-1] for one in told if one["method"] == "POST" and one["status"] == 200]
    wanted = [one for one in taken if one in ("remarks", "indicators", "2")]
    assert wanted == ["remarks", "indicators", "2"], "in order, once"

    conversation = agent.url.partition("?")[0]
    agent.goto(f"{conversation}mirror/")
    expect(agent.get_by_text("Only here")).to_have_count(0)
    expect(agent.get_by_text("Only there")).to_have_count(0)
    agent.goto(f"{conversation}transcript/")
    expect(agent.get_by_text("Your line is being tested.")).to_be_visible()
    expect(agent.get_by_text("Fault 7731")).to_have_count(0)
    agent.goto(f"{conversation}transcript/?remarks=1")
    expect(agent.get_by_text("Fault 7731")).to_be_visible()
