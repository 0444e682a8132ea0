"""WhatsApp's window closes while somebody writes: what the page says, what is refused, and what becomes of a text."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Product, set_time_to_undo
from tests.browser.customers import british
from tests.browser.sandbox import Sandbox
from tests.browser.test_scenarios import REPLY, SOON, bubble, expect_notes, mark, open_from_list, sandbox, send
from tests.browser.test_whatsapp import permit

__all__ = ["mark", "sandbox"]  # fixtures

pytestmark = pytest.mark.browser

CARE = "Fernhill Care"


def told_of(phone: str, text: str, *, stream: int, ago: timedelta) -> dict[str, Any]:
    """Cirrus's event of a customer's message on WhatsApp that it tells of as late as that."""
    written = datetime.now(UTC) - ago
    digits, whatsapp = phone.lstrip("+"), "7"
    identity = {"Id": "1", "StreamProviderId": digits, "StreamProviderType": whatsapp}
    child = {
        "Id": str(uuid.uuid4().int % 10**9),
        "Type": "0",
        "Message": text,
        "ManagerId": "0",
        "CreateDate": written.strftime("%Y-%m-%dT%H:%M:%S"),
        "StreamProviderType": whatsapp,
        "User": {"Id": "1", "Phone1": digits, "Identity": identity},
    }
    told = {"Id": str(uuid.uuid4().int % 10**9), "StreamId": str(stream), "Children": {"Child": child}}
    return {"Event": {"Subscription": "Object", "Name": "OnNew", "Brand": "sandbox", "Object": told}}


def test_the_window_closes_while_somebody_writes(
    agent: Page, product: Product, sandbox: Sandbox, mark: str, complaints: Complaints
) -> None:
    """Scenario 10, to which test_whatsapp.py adds the template that goes out meanwhile."""
    set_time_to_undo(agent, product, 10)
    phone, asked, answer = british(), f"Are you there? {mark}", f"Mo is on his way. {mark}"
    permit(agent, product, phone)
    (care,) = (
        one for account in sandbox.ask("accounts")["accounts"] for one in account["streams"] if one["name"] == CARE
    )
    nearly_a_day = timedelta(hours=24) - timedelta(seconds=35)
    sandbox.call_product("cirrus", told_of(phone, asked, stream=care["stream_id"], ago=nearly_a_day))
    open_from_list(agent, product, asked)
    row = agent.locator(".conversation-row").filter(has_text=asked)
    left = agent.locator("#composer .window-bar window-clock")
    expect(left).to_have_text(re.compile(r"^\d+ s left$"))
    expect(row.locator("window-clock").filter(has_text="Closes in")).to_have_text(re.compile(r"^Closes in \d+ s$"))
    expect(left).to_have_text(re.compile(r"^[1-8] s left$"), timeout=40_000)
    send(agent, answer)
    # What is sent now leaves after the window: nobody is told that it is about to.
    expect(agent.locator("undo-bar")).to_contain_text("Will be held until the customer writes")

    expect(agent.locator("#composer")).to_contain_text("Only templates can be sent.", timeout=SOON)
    expect(agent.locator(REPLY)).to_be_hidden()
    direct = agent.evaluate(
        """async (text) => {
            const form = new FormData(document.querySelector("#composer"));
            form.set("mode", "reply");
            form.set("body", text);
            return (await fetch(document.querySelector("#composer").action, {method: "POST", body: form})).status;
        }""",
        f"Around the page {mark}",
    )
    assert direct == 422
    expect_notes(complaints, "422")
    held = bubble(agent, answer)
    expect(held.get_by_text("Held until the customer writes")).to_be_visible(timeout=SOON)
    expect(agent.get_by_role("link", name="Hold and send a template")).to_be_visible()
    assert sandbox.on_phone(phone, answer) == 0
    agent.goto(f"{product.web}/?view=all&status=waiting")
    row = agent.locator(".conversation-row").filter(has_text=answer)
    expect(row).to_contain_text("Window closed")
    row.click()

    sandbox.write(CARE, f"Here I am. {mark}", phone)
    sandbox.expect_on_phone(phone, answer, 1)
    expect(agent.locator("#composer .window-bar")).to_contain_text("Write freely until")
    expect(held.get_by_text(re.compile("Accepted by|Sent|Delivered|Read"))).to_be_visible()
    sandbox.rest()
    assert sandbox.on_phone(phone, answer) == 1
    assert sandbox.on_phone(phone, f"Around the page {mark}") == 0
