"""Cirrus WhatsApp: templated messages V2, uploads, and the check of a number."""

from __future__ import annotations

import base64
import time

import pytest

from .playing import AMIRA, MARK, SMS_STREAM, WHATSAPP_STREAM, PlayedSandbox
from .test_cirrus_sms import assert_envelope

SEND = f"v2/whatsapp/sendtemplatedmessage/{WHATSAPP_STREAM}"
NOT_A_USER = "invalid \u2014 Not a valid WhatsApp user"


def item(
    to: str = "447700900142", name: str = "engineer_visit", values=("Amira", "Thursday", "12:00", "16:00"), **rest
):
    components = [{"type": "body", "parameters": [{"type": "text", "text": value} for value in values]}]
    template = {"name": name, "language": {"code": "en_GB"}, "components": components}
    return {"template_data": {"to": to, "template": template}} | rest


def test_sends_a_template_as_the_phone_shows_it(sandbox: PlayedSandbox):
    answer = sandbox.cirrus("POST", SEND, [item()])
    [result] = answer.json()["data"]
    assert_envelope(answer, 200, "Operation successful", data=[result])
    assert result == {"recipient": "447700900142", "id": result["id"], "status": 200}
    raw = base64.urlsafe_b64decode(result["id"] + "=")
    assert len(result["id"]) == 27
    assert raw[:3] == b"\x80\x11\x06"
    assert raw[3:9].hex() == "447700900142"
    [message] = sandbox.messages()
    assert message["header"] == {"type": "text", "text": "Your engineer visit"}
    assert message["text"] == (
        "Hello Amira, your Fernhill engineer is booked for Thursday between 12:00 and 16:00. Reply here to change it."
    )
    assert message["footer"] == "Fernhill Broadband"
    assert [button["text"] for button in message["buttons"]] == ["Confirm visit", "Change time"]
    assert message["external_id"] == result["id"]


def test_the_documents_path_without_v2_takes_the_same_body(sandbox: PlayedSandbox):
    assert sandbox.cirrus("POST", SEND.removeprefix("v2/"), [item()]).status_code == 200


@pytest.mark.parametrize("inside", [False, True])
def test_object_data_opens_a_conversation(sandbox: PlayedSandbox, inside: bool):
    object_data = {
        "createChildObject": True,
        "SubStreamId": 0,
        "StatusId": 1,
        "ManagerId": 12345678,
        "Content": {"ref": "r-7"},
        "User": {"FirstName": "Amira", "Phone1": "447700900142", "Email": "a@b.example"},
    }
    row = item()
    (row["template_data"] if inside else row)["object_data"] = object_data
    [result] = sandbox.cirrus("POST", SEND, [row]).json()["data"]
    [kept] = sandbox.cirrus("GET", f"streams/533/objects/{result['object_id']}?includeChilds=true").json()["data"]
    assert kept["childs"][0]["content"] == '{"ref": "r-7"}'
    assert kept["assignedManagerId"] == 12345678
    [message] = sandbox.messages()
    assert (message["ref"], message["thread_id"]) == ("r-7", str(result["object_id"]))


def test_each_recipient_has_a_result(sandbox: PlayedSandbox):
    sandbox.control("faults", phone=MARK, fault="not_on_whatsapp")
    answer = sandbox.cirrus("POST", SEND, [item(), item(to="447700900267")])
    good, bad = answer.json()["data"]
    assert_envelope(answer, 206, "Missing template parameter", data=[good, bad])
    assert good["status"] == 200
    assert bad == {"recipient": "447700900267", "status": 400, "failed": NOT_A_USER}
    assert [message["phone"] for message in sandbox.messages()] == [AMIRA]


def test_a_wrong_object_of_one_item_concerns_that_item(sandbox: PlayedSandbox):
    answer = sandbox.cirrus("POST", SEND, [item(object_data={"StatusId": 99}), item(to="447700900267")])
    bad, good = answer.json()["data"]
    assert_envelope(answer, 206, "Missing template parameter", data=[bad, good])
    assert bad == {"recipient": "447700900142", "status": 400, "failed": "Invalid parameters - StatusId"}
    assert good["status"] == 200
    assert [message["phone"] for message in sandbox.messages()] == [MARK]


def test_the_documented_400(sandbox: PlayedSandbox):
    sandbox.control("phones", number=MARK, on_whatsapp=False)
    answer = sandbox.cirrus("POST", SEND, [item(to="447700900267", name="")])
    failure = {"recipient": "447700900267", "status": 400, "failed": NOT_A_USER}
    assert_envelope(answer, 400, "Missing parameter template_name", data=[failure])


def test_twenty_recipients_are_the_most(sandbox: PlayedSandbox):
    rows = [item(to=f"4477009001{number:02d}") for number in range(21)]
    assert_envelope(sandbox.cirrus("POST", SEND, rows), 400, "Invalid parameters - up to 20 recipients", data="")
    assert sandbox.messages() == []
    assert len(sandbox.cirrus("POST", SEND, rows[:20]).json()["data"]) == 20
    assert len(sandbox.messages()) == 20


@pytest.mark.parametrize(
    ("row", "failed"),
    [
        (item(name=""), "Missing parameter template_name"),
        (item(to=""), "Missing parameter to"),
        (item(to="123"), NOT_A_USER),
        (item(values=("Amira",)), "Number of parameters does not match the expected number of params"),
        (item(values=("Amira", " ", "1", "2")), "Number of parameters does not match the expected number of params"),
        (item(schedule="soon"), "Missing parameter schedule"),
        ({}, "Missing parameter template_data"),
        (item(name="bill_ready", values=("a", "b")), "Template parameter format does not match the template's header"),
    ],
)
def test_what_is_wrong_with_an_item(sandbox: PlayedSandbox, row, failed: str):
    answer = sandbox.cirrus("POST", SEND, [row])
    assert answer.status_code == 400
    assert answer.json()["data"][0]["failed"] == failed
    assert sandbox.messages() == []


def test_templates_that_cannot_be_sent(sandbox: PlayedSandbox):
    row = item()
    row["template_data"]["template"]["language"]["code"] = "fr"
    failed = sandbox.cirrus("POST", SEND, [row]).json()["data"][0]["failed"]
    assert failed == "Template name does not exist in the translation"
    sandbox.control("templates", account="Fernhill Cirrus", name="engineer_visit", language="en_GB", status="PAUSED")
    assert sandbox.cirrus("POST", SEND, [item()]).json()["data"][0]["failed"] == "Template is paused"


def test_a_template_the_sandbox_does_not_know_is_shown_by_its_values(sandbox: PlayedSandbox):
    assert sandbox.cirrus("POST", SEND, [item(name="Text Header & Body", values=("Hello", "my friend"))]).ok
    assert sandbox.messages()[0]["text"] == "Text Header & Body\nHello\nmy friend"


def test_header_media_and_a_button_with_an_ending(sandbox: PlayedSandbox):
    uploaded = sandbox.session.post(
        f"{sandbox.url}/cirrus/whatsapp/uploadmedia/{WHATSAPP_STREAM}",
        files={"pic": ("bill.pdf", b"%PDF-1.4", "application/pdf")},
        headers={"Authorization": "Bearer sandbox-cirrus-key"},
    )
    [file] = uploaded.json()["data"]
    assert_envelope(uploaded, 200, "Operation successful", data=[{"filename": "bill.pdf", "id": file["id"]}])
    row = item(name="bill_ready", values=("Amira", "£38.00"))
    row["template_data"]["template"]["components"] += [
        {"type": "header", "parameters": [{"type": "document", "document": {"id": file["id"]}}]},
        {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "88"}]},
    ]
    assert sandbox.cirrus("POST", SEND, [row]).status_code == 200
    [message] = sandbox.messages()
    assert message["header"] == {"type": "document", "filename": "bill.pdf", "id": file["id"]}
    assert message["buttons"][0]["url"] == "https://fernhill.example/bills/88"
    row["template_data"]["template"]["components"][1]["parameters"][0]["document"] = {"id": "1"}
    assert sandbox.cirrus("POST", SEND, [row]).json()["data"][0]["failed"] == "Media upload error"


def test_upload_needs_the_part_named_pic(sandbox: PlayedSandbox):
    answer = sandbox.session.post(
        f"{sandbox.url}/cirrus/whatsapp/uploadmedia/{WHATSAPP_STREAM}",
        files={"file": ("bill.pdf", b"%PDF-1.4")},
        headers={"Authorization": "Bearer sandbox-cirrus-key"},
    )
    assert_envelope(answer, 400, "Invalid parameters - missing mandatory field - pic", data="")


def test_a_scheduled_message_waits_for_its_time(sandbox: PlayedSandbox):
    [result] = sandbox.cirrus("POST", SEND, [item(schedule=int(time.time()) + 3600)]).json()["data"]
    assert result["status"] == 200
    assert sandbox.messages()[0]["status"] == "scheduled"
    assert sandbox.control("schedule/advance") == {"sent": 1}
    _wait_for(sandbox, "read")


def _wait_for(sandbox: PlayedSandbox, status: str) -> None:
    deadline = time.monotonic() + 5
    while sandbox.messages()[0]["status"] != status:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_validates_contacts(sandbox: PlayedSandbox):
    address = f"whatsapp/validatecontact/{WHATSAPP_STREAM}/447700900142"
    assert_envelope(sandbox.cirrus("GET", address), 200, "Operation successful", data={"valid": True})
    sandbox.control("faults", phone=AMIRA, fault="not_on_whatsapp")
    assert_envelope(sandbox.cirrus("GET", address), 200, "Operation successful", data={"valid": False})
    short = sandbox.cirrus("GET", f"whatsapp/validatecontact/{WHATSAPP_STREAM}/12")
    assert_envelope(short, 400, "Invalid parameters - PHONE_NUMBER", data="")


def test_an_sms_stream_sends_no_templates(sandbox: PlayedSandbox):
    answer = sandbox.cirrus("POST", f"v2/whatsapp/sendtemplatedmessage/{SMS_STREAM}", [item()])
    assert_envelope(answer, 404, "Not found", data="")
