"""Acceptance scenario 19: work goes on while Cirrus is away, and both sides tell the same story afterwards."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Product
from tests.browser.customers import british
from tests.browser.sandbox import Sandbox
from tests.browser.test_main_job import write_text

pytestmark = pytest.mark.browser

SOON = 90_000
ACCOUNT, TEXTS = "Fernhill Cirrus", "Service texts"


@pytest.fixture
def sandbox(product: Product) -> Iterator[Sandbox]:
    """The sandbox; whatever it was told, Cirrus answers again afterwards."""
    found = Sandbox(product)
    yield found
    found.tell("faults", account=ACCOUNT, fault="ok")


class Cirrus:
    """Cirrus by its own calls."""

    def __init__(self, product: Product) -> None:
        self.address = f"{product.sandbox}/cirrus"

    def call(self, path: str, data: Any = None) -> Any:
        """What it answers: to a question, or to a change with `data`."""
        request = urllib.request.Request(
            f"{self.address}/{path}",
            data=None if data is None else json.dumps({"data": data}).encode(),
            headers={"Authorization": "Bearer sandbox-cirrus-key", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())["data"]

    def conversation(self, phone: str) -> dict[str, Any]:
        """The one that it has with this phone, with everything."""
        identity = f"identityStreamProviderId={phone[1:]}&identityStreamProviderType=5"
        (found,) = self.call(f"streams/532/objects?{identity}&includeChilds=true&includeActivityLog=true")
        return dict(found)


@pytest.fixture
def cirrus(product: Product) -> Cirrus:
    return Cirrus(product)


@pytest.fixture
def phone(agent: Page, product: Product) -> str:
    """A customer whom Priya has just written to; both sides know the conversation, and Priya is at it."""
    number = british()
    write_text(agent, product, to=number, stream=TEXTS, text="Your line is being tested.")
    expect(agent.get_by_role("log").locator(".push-pushed").first).to_be_visible(timeout=SOON)
    return number


def remark(agent: Page, text: str) -> None:
    agent.locator("label[for=mode-remark]").click()
    agent.locator("#composer-remark").fill(text)
    agent.get_by_role("button", name=re.compile("Add remark")).click()
    expect(agent.get_by_role("log").locator(".remark").get_by_text(text)).to_be_visible()


def test_19_mirror_and_transcript(agent: Page, phone: str, sandbox: Sandbox, cirrus: Cirrus) -> None:
    log = agent.get_by_role("log")
    sandbox.expect_on_phone(phone, "Your line is being tested.", 1)

    sandbox.tell("faults", account=ACCOUNT, fault="throttled")
    remark(agent, "Fault 7731 is with the network team.")
    agent.get_by_text("Add an indicator").click()
    agent.get_by_role("textbox", name="Words", exact=True).fill("Line fault")
    agent.get_by_role("button", name="Add indicator").click()
    expect(agent.locator(".indicator")).to_be_visible()
    agent.get_by_role("button", name="Resolve").first.click()
    expect(log.locator(".push-queued")).to_have_count(3, timeout=SOON)
    expect(agent.get_by_text("3 not yet pushed.")).to_be_visible()

    sandbox.tell("faults", account=ACCOUNT, fault="ok")
    expect(log.locator(".push-queued")).to_have_count(0, timeout=SOON)
    expect(log.locator(".push-failed")).to_have_count(0)

    there = cirrus.conversation(phone)
    key = there["objectId"]
    assert (there["statusId"], [one["message"] for one in there["childs"]]) == (2, ["Your line is being tested."])
    remarks = cirrus.call(f"objects/{key}/activities?activityType=1")
    assert [json.loads(one["data"])["text"] for one in remarks] == ["Fault 7731 is with the network team."]
    (transcript,) = cirrus.call(f"streams/532/objects/{key}/transcript")
    assert "Priya Nair" in transcript["transcript"]
    entries = sandbox.ask("ledger", kind="request", provider="cirrus")["entries"]
    told = [one["path"].split("/")[-1] for one in entries if f"/{key}/" in one["path"] and one["status"] == 200]
    assert [one for one in told if one in ("remarks", "indicators", "2")] == ["remarks", "indicators", "2"]

    conversation = agent.url.partition("?")[0]
    agent.goto(f"{conversation}mirror/")
    expect(agent.get_by_role("heading", name=re.compile("Both sides of the conversation"))).to_be_visible()
    expect(agent.get_by_text("Only here")).to_have_count(0)
    expect(agent.get_by_text("Only there")).to_have_count(0)
    agent.goto(f"{conversation}transcript/")
    line = agent.locator(".transcript-line").filter(has_text="Your line is being tested.")
    expect(line).to_contain_text("Priya Nair")
    expect(line).to_contain_text("Delivered")
    expect(agent.get_by_text("Fault 7731")).to_have_count(0)
    agent.goto(f"{conversation}transcript/?remarks=1")
    expect(agent.get_by_text("Fault 7731")).to_be_visible()


def test_a_refused_entry_says_why_and_is_pushed_again(
    agent: Page, phone: str, sandbox: Sandbox, cirrus: Cirrus
) -> None:
    log = agent.get_by_role("log")
    sandbox.tell("faults", account=ACCOUNT, fault="error_before", settings={"status": 400})
    remark(agent, "Ring twice.")
    refused = log.locator(".push-failed")
    expect(refused).to_have_text(re.compile("Refused: Operation failed"), timeout=SOON)
    expect(agent.get_by_text("1 refused.")).to_be_visible()
    sandbox.tell("faults", account=ACCOUNT, fault="ok")
    log.get_by_role("button", name="Push again").click()
    expect(log.locator(".push-pushed")).to_have_count(2, timeout=SOON)
    expect(refused).to_have_count(0)
    assert len(cirrus.call(f"objects/{cirrus.conversation(phone)['objectId']}/activities?activityType=1")) == 1


def test_what_differs_is_settled_in_the_panel(agent: Page, phone: str, cirrus: Cirrus) -> None:
    key = cirrus.conversation(phone)["objectId"]
    cirrus.call(f"objects/{key}/content", {"tags": ["Billing"]})
    cirrus.call(f"objects/{key}/remarks", {"Text": "Moved house", "ManagerId": 36574658})
    theirs = agent.get_by_role("log").locator(".remark").filter(has_text="Moved house")
    expect(theirs).to_contain_text("Tom Okafor", timeout=SOON)
    expect(theirs).to_contain_text("From Cirrus")
    drift = agent.locator(".drift")
    expect(drift).to_contain_text("Tags differs. Here: None. There: Billing.", timeout=SOON)
    drift.get_by_role("button", name="Take theirs").click()
    expect(drift).to_have_count(0)
    expect(agent.get_by_role("log").get_by_text("Billing")).to_be_visible()
