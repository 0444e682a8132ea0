"""The sandbox's pages, through real HTTP: what all of them have in common, the ledger, and who may press buttons."""

from __future__ import annotations

import re

import pytest
import requests

from .playing import AMIRA, PlayedSandbox, Receiver
from .reading import digits, get, phone_page, press, send_template, stream_id, text_by_webex

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(2)>"'&<svg onload=alert(3)>{{7*7}}{% now %}"""
SENTENCE = "These phones are on this computer only. No network, no charges."


# ---- every page ----


def test_the_root_leads_to_the_handset(sandbox: PlayedSandbox) -> None:
    answer = sandbox.session.get(f"{sandbox.url}/", allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/handset/")


def all_pages(sandbox: PlayedSandbox) -> list[str]:
    sandbox.text_by_cirrus("Hello")
    send_template(sandbox)
    press(sandbox, "reply", text="An answer", stream=stream_id(sandbox, "Fernhill Care"))
    press(sandbox, "reply", sample="1", stream=stream_id(sandbox, "Fernhill Care"))
    sandbox.settle()
    entry = sandbox.ledger()[0]["id"]
    return ["/handset/", f"/handset/{digits(AMIRA)}/", "/ledger/", f"/ledger/{entry}/", "/about/"]


def test_no_page_holds_a_script_or_a_style_inline(sandbox: PlayedSandbox) -> None:
    for path in [*all_pages(sandbox), f"/handset/{digits(AMIRA)}/live/"]:
        page = get(sandbox, path)
        assert not page.all("style")
        assert all(script.get("src", "").startswith("/static/sandbox/") for script in page.all("script"))
        for tag, attributes in page.elements:
            named = [name for name in attributes if name == "style" or name.startswith("on")]
            assert not named, (path, tag, named)
            assert not attributes.get("href", "").lower().startswith("javascript:"), path


def test_every_page_says_that_it_is_the_sandbox(sandbox: PlayedSandbox) -> None:
    for path in all_pages(sandbox):
        answer = sandbox.session.get(f"{sandbox.url}{path}", timeout=10)
        assert SENTENCE in answer.text, path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_style_and_script_of_a_page_is_there(sandbox: PlayedSandbox) -> None:
    for path in all_pages(sandbox):
        page = get(sandbox, path)
        named = [link["href"] for link in page.all("link")] + [script["src"] for script in page.all("script")]
        assert len(named) >= 4
        for address in [*named, "/static/sandbox/live.js", "/static/sandbox/weave.js"]:
            answer = sandbox.session.get(f"{sandbox.url}{address}", timeout=10)
            assert answer.status_code == 200, address
            assert "html" not in answer.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/handset/447700900999/", "/handset/447700900999/live/", "/ledger/999999999999/"])
def test_what_is_not_there_is_not_found(sandbox: PlayedSandbox, path: str) -> None:
    assert sandbox.session.get(f"{sandbox.url}{path}", timeout=10).status_code == 404


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_theme_is_kept(sandbox: PlayedSandbox, theme: str) -> None:
    with requests.Session() as reader:
        chosen = {"theme": theme, "next": "/about/"}
        answer = reader.post(f"{sandbox.url}/theme/", data=chosen, allow_redirects=False, timeout=10)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/about/")
        assert f'data-theme="{theme}"' in reader.get(f"{sandbox.url}/ledger/", timeout=10).text
        reader.post(f"{sandbox.url}/theme/", data={"theme": ""}, timeout=10)
        assert "data-theme=" not in reader.get(f"{sandbox.url}/ledger/", timeout=10).text


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "evil", ""])
def test_choosing_a_theme_leads_nowhere_else(sandbox: PlayedSandbox, elsewhere: str) -> None:
    with requests.Session() as reader:
        chosen = {"theme": "dark", "next": elsewhere}
        answer = reader.post(f"{sandbox.url}/theme/", data=chosen, allow_redirects=False, timeout=10)
    assert answer.headers["Location"] == "/handset/"


def test_hostile_text_is_shown_as_text_everywhere(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    sandbox.text_by_cirrus(HOSTILE)
    sandbox.control("phones", number=AMIRA, name=HOSTILE[:80])
    sandbox.control("streams", account="Fernhill Cirrus", name=HOSTILE[:80], stream_id=777, number="+447700900199")
    sandbox.settle()
    hostile_stream = stream_id(sandbox, HOSTILE[:80])
    press(sandbox, "reply", text=HOSTILE, stream=hostile_stream)
    sandbox.settle()
    entry = sandbox.ledger()[0]["id"]
    pages = [
        phone_page(sandbox),
        phone_page(sandbox, sms=hostile_stream),
        phone_page(sandbox, find=HOSTILE, requests=HOSTILE, pane=HOSTILE, sms=HOSTILE, messages=HOSTILE),
        get(sandbox, "/ledger/", provider=HOSTILE, kind=HOSTILE, phone=HOSTILE, before=HOSTILE),
        get(sandbox, f"/ledger/{entry}/"),
        get(sandbox, f"/handset/{digits(AMIRA)}/live/", requests=HOSTILE),
    ]
    for page in pages:
        assert not [script for script in page.all("script") if "src" not in script]
        assert not [image for image in page.all("img") if image.get("src") == "x"]
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        assert "49" not in re.findall(r"onload=alert\(3\)>(\d+)", page.html)
    assert HOSTILE in pages[0].screens


# ---- the ledger ----


def test_a_request_and_its_webhook_are_in_the_ledger(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    sandbox.text_by_cirrus("Hello")
    sandbox.settle()
    page = phone_page(sandbox)
    assert "Cirrus /sms/sendsms/" in page.text
    assert "Cirrus delivered report" in page.text
    assert "Authorization: Bearer ****" in page.text
    assert "sandbox-cirrus-key" not in page.html
    assert receiver.url.split("/hooks/")[0] in page.text
    assert "tokentoken" not in page.html


def test_the_ledger_is_filtered_by_provider(sandbox: PlayedSandbox) -> None:
    sandbox.text_by_cirrus("Hello")
    text_by_webex(sandbox, "Hello")
    count = len(phone_page(sandbox).ids("exchange-"))
    cirrus = phone_page(sandbox, requests="cirrus")
    webex = phone_page(sandbox, requests="webex_interact")
    assert len(cirrus.ids("exchange-")) + len(webex.ids("exchange-")) == count
    assert "/v1/sms" not in cirrus.text
    assert "/sms/sendsms/" not in webex.text
    assert "/sms/sendsms/" not in get(sandbox, "/ledger/", provider="webex_interact").text
    assert len(get(sandbox, "/ledger/", phone="900142", kind="request").ids("exchange-")) == 2
    assert get(sandbox, "/ledger/", phone="900355").ids("exchange-") == []


def test_the_ledger_has_pages(sandbox: PlayedSandbox) -> None:
    for _ in range(60):
        sandbox.cirrus("GET", "core/systemstatus")
    first = get(sandbox, "/ledger/", provider="cirrus")
    assert len(first.ids("exchange-")) == 50
    assert not first.all("a", rel="prev")
    second = get(sandbox, "/ledger/" + first.all("a", rel="next")[0]["href"])
    assert len(second.ids("exchange-")) == 10
    assert not second.all("a", rel="next")
    back = get(sandbox, "/ledger/" + second.all("a", rel="prev")[0]["href"])
    assert back.ids("exchange-") == first.ids("exchange-")


def test_one_exchange_is_shown_whole(sandbox: PlayedSandbox) -> None:
    long_text = "word " * 900
    sandbox.text_by_cirrus(long_text + "end")
    sandbox.settle()
    entry = sandbox.ledger(kind="request")[0]["id"]
    assert "Read it whole" in phone_page(sandbox).text
    page = get(sandbox, f"/ledger/{entry}/")
    assert long_text.strip() + " end" in page.text
    assert "The product to Cirrus" in page.text
    assert "Yes, by Cirrus’s documents" in page.text
    assert page.all("a", href=f"/handset/{digits(AMIRA)}/")


def test_what_no_document_describes_is_marked(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    press(sandbox, "outcome", fault="garbage")
    sandbox.text_by_cirrus("Hello")
    press(sandbox, "outcome", fault="ok")
    text_by_webex(sandbox, "Hello")
    pages = {
        (entry["provider"], entry["kind"]): get(sandbox, f"/ledger/{entry['id']}/").text for entry in sandbox.ledger()
    }
    assert "Switched on Garbage" in pages["cirrus", "request"]
    assert "No document describes this fault" in pages["cirrus", "request"]
    assert "Cirrus documents no delivery or read reports" in pages["cirrus", "hook"]
    assert "Yes, by Webex’s documents" in pages["webex_interact", "request"]
    assert "Yes, by Webex’s documents" in pages["webex_interact", "hook"]


def test_a_broken_answer_is_shown_as_none(sandbox: PlayedSandbox) -> None:
    press(sandbox, "outcome", fault="reset_after")
    with pytest.raises(requests.ConnectionError):
        sandbox.text_by_cirrus("Hello")
    sandbox.settle()
    assert "no answer" in phone_page(sandbox).text
    assert "Hello" in phone_page(sandbox).screens


def test_the_page_on_what_is_real_names_every_fault_and_extension(sandbox: PlayedSandbox) -> None:
    text = get(sandbox, "/about/").text
    for words in ("OnChildStatus", "message_status", "message_received", "Half an answer", "Too many requests (429)"):
        assert words in text


# ---- who may press ----

BUTTONS = [
    (f"/handset/{digits(AMIRA)}/reply/", {"text": "Hello"}),
    (f"/handset/{digits(AMIRA)}/outcome/", {"fault": "slow"}),
    (f"/handset/{digits(AMIRA)}/account/", {"account": "1", "fault": "slow"}),
    (f"/handset/{digits(AMIRA)}/skip/", {}),
    (f"/handset/{digits(AMIRA)}/block/", {"blocked": "1"}),
    ("/handset/add/", {"number": "+447700900321"}),
    ("/theme/", {"theme": "dark"}),
]


@pytest.mark.parametrize(("path", "form"), BUTTONS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_cannot_press_a_button(
    sandbox: PlayedSandbox, path: str, form: dict[str, str], headers: dict[str, str]
) -> None:
    before = sandbox.ask("phones")
    answer = sandbox.session.post(f"{sandbox.url}{path}", data=form, headers=headers, timeout=10)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert (sandbox.ask("phones"), sandbox.messages()) == (before, [])


def test_the_sandboxs_own_pages_can(sandbox: PlayedSandbox) -> None:
    own = {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"}
    address = f"{sandbox.url}/handset/{digits(AMIRA)}/outcome/"
    assert sandbox.session.post(address, data={"fault": "slow"}, headers=own, timeout=10).status_code == 200
    assert [phone["fault"] for phone in sandbox.ask("phones")["phones"] if phone["number"] == AMIRA] == ["slow"]


@pytest.mark.parametrize("path", [path for path, _ in BUTTONS])
def test_a_button_cannot_be_pressed_by_a_link(sandbox: PlayedSandbox, path: str) -> None:
    answer = sandbox.session.get(f"{sandbox.url}{path}", timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_no_phone_number_is_logged(sandbox: PlayedSandbox) -> None:
    sandbox.session.get(f"{sandbox.url}/handset/447700900998/", timeout=10)
    sandbox.session.get(f"{sandbox.url}/handset/447700900998/reply/", timeout=10)
    press(sandbox, "reply", "+447700900998", text="Hello")
    assert "7700900998" not in sandbox.errors.read_text()
