"""What the network tells the product: delivery reports, in each provider's form and in order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from .playing import AMIRA, MARK, US_PHONE, PlayedSandbox, Receiver
from .test_ccai import SMS
from .test_cirrus_objects import AGENT_CHILD, open_object
from .test_cirrus_whatsapp import SEND, item
from .test_webex import sms


def statuses(receiver: Receiver) -> list[str]:
    """The words of the reports, whatever the provider."""
    words = []
    for hook in receiver.received:
        body = hook.json
        if "Event" in body:
            words.append(body["Event"]["Object"]["Children"]["Child"]["Status"])
        else:
            words.append(body.get("data", body.get("body"))["status"])
    return words


def test_cirrus_reports_name_what_the_answer_named(sandbox: PlayedSandbox, receiver: Receiver):
    object_id = open_object(sandbox, ManagerId=0)
    answer = sandbox.cirrus(
        "POST", f"streams/532/objects/{object_id}/child", AGENT_CHILD | {"Content": '{"ref": "m-1"}'}
    )
    sandbox.settle()
    assert statuses(receiver) == ["sent", "delivered"]
    event = receiver.received[0].json
    created = event["Event"]["Object"]["Children"]["Child"].pop("CreateDate")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", created)
    assert event == {
        "Event": {
            "Subscription": "Object",
            "Name": "OnChildStatus",
            "Brand": "sandbox",
            "Object": {
                "Id": str(object_id),
                "StreamId": "532",
                "Children": {
                    "Child": {
                        "Id": str(answer.json()["data"]["id"]),
                        "Ref": "m-1",
                        "Phone1": "447700900142",
                        "Status": "sent",
                        "Reason": "",
                        "MessageId": "",
                    }
                },
            },
        }
    }


def test_cirrus_reports_of_a_bare_sms_have_only_the_number(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.text_by_cirrus()
    sandbox.settle()
    child = receiver.received[0].json["Event"]["Object"]["Children"]["Child"]
    assert (child["Id"], child["Ref"], child["MessageId"], child["Phone1"]) == ("", "", "", "447700900142")


def test_whatsapp_messages_are_read(sandbox: PlayedSandbox, receiver: Receiver):
    [result] = sandbox.cirrus("POST", SEND, [item()]).json()["data"]
    sandbox.settle()
    assert statuses(receiver) == ["sent", "delivered", "read"]
    child = receiver.received[-1].json["Event"]["Object"]["Children"]["Child"]
    assert child["MessageId"] == result["id"]
    [message] = sandbox.messages()
    assert message["status"] == "read"
    assert message["created_at"] < message["delivered_at"] < message["read_at"]


def test_cirrus_reports_as_xml(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("accounts", provider="cirrus", webhooks_as_xml=True)
    sandbox.text_by_cirrus()
    sandbox.settle()
    hook = receiver.received[0]
    assert hook.headers["content-type"] == "application/xml; charset=utf-8"
    assert b'<Event Subscription="Object" Name="OnChildStatus" Brand="sandbox">' in hook.body
    assert b'Status="sent"' in hook.body


def test_webex_reports_are_cloud_events(sandbox: PlayedSandbox, receiver: Receiver):
    answer = sandbox.webex("POST", "v1/sms", sms()).json()
    sandbox.settle()
    assert statuses(receiver) == ["submitted", "delivered"]
    submitted, delivered = (hook.json for hook in receiver.received)
    assert re.fullmatch(r"evt_[0-9A-Za-z]{27}", submitted["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", submitted["time"])
    assert submitted == {
        "specversion": "1.0",
        "type": "com.interact.messages.sms.status",
        "source": "https://api.webexinteract.com/v1/sms",
        "id": submitted["id"],
        "time": submitted["time"],
        "datacontenttype": "application/json",
        "data": {
            "status": "submitted",
            "channel": "sms",
            "code": "1003",
            "phone_number": AMIRA,
            "from": "FERNHILL",
            "message_body": "Hello",
            "message_parts": "1",
        },
        "correlation_id": "c-1",
        "transaction_id": answer["messages"][0]["transaction_id"],
    }
    assert "code" not in delivered["data"]
    assert delivered["id"] != submitted["id"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("€" * 81, 2), ("я" * 70, 1), ("я" * 127, 3), ("\U0001f600" * 36, 2)],
)
def test_webex_counts_parts_as_its_documents_do(sandbox: PlayedSandbox, receiver: Receiver, text: str, parts: int):
    sandbox.webex("POST", "v1/sms", sms(message_body=text))
    sandbox.settle()
    assert receiver.received[0].json["data"]["message_parts"] == str(parts)


def test_ccai_reports_are_signed(sandbox: PlayedSandbox, receiver: Receiver):
    chat = sandbox.ccai("POST", "sms", SMS).json()
    sandbox.settle()
    assert statuses(receiver) == ["sent", "delivered"]
    hook = receiver.received[0]
    moment = hook.headers["x-signature-timestamp"]
    assert abs(int(moment) - time.time()) < 60
    expected = []
    for name in ("primary", "secondary"):
        digest = hmac.new(f"sandbox-ccai-{name}".encode(), moment.encode() + hook.body, hashlib.sha256).digest()
        expected.append(f"{name}={base64.b64encode(digest).decode()}")
    assert hook.headers["x-signature"] == " ".join(expected)
    assert hook.json == {
        "event_type": "message_status",
        "timestamp": hook.json["timestamp"],
        "chat_id": chat["id"],
        "body": {"status": "sent", "end_user_number": US_PHONE, "outbound_number": "+16285550199", "reason": ""},
    }


def test_extension_receipts_can_be_switched_off(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("accounts", provider="cirrus", sends_receipts=False)
    sandbox.text_by_cirrus()
    sandbox.settle()
    assert receiver.received == []
    assert sandbox.messages()[0]["status"] == "delivered"


def test_a_campaign_of_which_nothing_is_reported_arrives_as_a_whole(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("accounts", provider="webex_interact", sends_receipts=False)
    numbers = [f"+4477009{place:05}" for place in range(900)]
    valid_until = datetime.now(UTC) + timedelta(days=1)
    answer = sandbox.webex("POST", "v1/sms", sms(to=[{"phone": numbers}], valid_until=valid_until.isoformat()))
    assert len(answer.json()["messages"]) == 900
    sandbox.text_by_cirrus()
    sandbox.settle()
    assert Counter(message["status"] for message in sandbox.messages()) == {"delivered": 901}
    assert statuses(receiver) == ["sent", "delivered"]


@pytest.mark.parametrize(
    ("fault", "words", "shown"),
    [
        ("ok", ["sent", "delivered", "read"], "read"),
        ("delivered_only", ["sent", "delivered"], "delivered"),
        ("switched_off", ["sent"], "sent"),
        ("no_report", [], "read"),
        ("dropped", ["sent", "failed"], "failed"),
        ("duplicate_reports", ["sent", "sent", "delivered", "delivered", "read", "read"], "read"),
        ("out_of_order", ["read", "delivered", "sent", "delivered"], "read"),
    ],
)
def test_what_becomes_of_the_next_message(
    sandbox: PlayedSandbox, receiver: Receiver, fault: str, words: list[str], shown: str
):
    sandbox.control("faults", phone=AMIRA, fault=fault)
    sandbox.cirrus("POST", SEND, [item()])
    sandbox.settle()
    assert statuses(receiver) == words
    assert sandbox.messages()[0]["status"] == shown
    assert sandbox.ledger(kind="request")[0]["fault"] == ("" if fault == "ok" else fault)


def test_a_failure_names_its_reason(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("faults", phone=AMIRA, fault="dropped")
    sandbox.text_by_cirrus()
    sandbox.settle()
    failed = receiver.received[-1].json["Event"]["Object"]["Children"]["Child"]
    assert (failed["Status"], failed["Reason"]) == ("failed", "Rejected by the network")


def test_duplicates_are_the_same_word_for_word(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("faults", phone=AMIRA, fault="duplicate_reports")
    sandbox.webex("POST", "v1/sms", sms())
    sandbox.settle()
    first, second, third, fourth = (hook.body for hook in receiver.received)
    assert first == second
    assert third == fourth
    assert second != third


def test_an_outcome_holds_until_changed_or_for_so_many_messages(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("faults", phone=AMIRA, fault="switched_off", times=1)
    for _ in range(2):
        sandbox.text_by_cirrus()
    sandbox.settle()
    assert [message["status"] for message in sandbox.messages()] == ["sent", "delivered"]
    sandbox.control("faults", phone=AMIRA, fault="switched_off")
    for _ in range(2):
        sandbox.text_by_cirrus()
    sandbox.text_by_cirrus(phone=MARK)
    sandbox.settle()
    assert [message["status"] for message in sandbox.messages()[2:]] == ["sent", "sent", "delivered"]


def test_a_blocked_phone_gets_nothing(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("phones", number=AMIRA, is_blocked=True)
    sandbox.text_by_cirrus()
    sandbox.settle()
    assert sandbox.messages()[0]["delivered_at"] is None
    assert statuses(receiver) == ["sent"]


def test_hooks_are_tried_again_while_the_product_is_away_and_keep_their_order(
    sandbox: PlayedSandbox, receiver: Receiver
):
    receiver.statuses = [503, 503]
    sandbox.text_by_cirrus()
    sandbox.text_by_cirrus(phone=MARK)
    deadline = time.monotonic() + 10
    while len(receiver.received) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    sandbox.settle()
    for phone in ("447700900142", "447700900267"):
        mine = [
            (word, hook)
            for word, hook in zip(statuses(receiver), receiver.received, strict=True)
            if hook.json["Event"]["Object"]["Children"]["Child"]["Phone1"] == phone
        ]
        assert [word for word, _ in mine][-2:] == ["sent", "delivered"]
        assert "delivered" not in [word for word, _ in mine][:-1]
    tries = [(entry["status"], entry["summary"]) for entry in sandbox.ledger(kind="hook")]
    assert tries.count((503, "OnChildStatus: sent report")) == 2


def test_hooks_go_to_this_machine_only(sandbox: PlayedSandbox):
    answer = sandbox.session.post(
        f"{sandbox.url}/control/accounts/", json={"provider": "cirrus", "webhook_url": "http://example.com/"}
    )
    assert answer.status_code == 400
    assert answer.json() == {"error": "The sandbox posts to this machine only, not to http://example.com/."}


def test_scheduled_messages_report_when_their_time_comes(sandbox: PlayedSandbox, receiver: Receiver):
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    sandbox.webex("POST", "v1/sms", sms(send_at=moment))
    sandbox.settle()
    assert receiver.received == []
    sandbox.control("schedule/advance")
    deadline = time.monotonic() + 5
    while len(receiver.received) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert statuses(receiver) == ["submitted", "delivered"]
    assert receiver.received[0].json["data"]["scheduled_at"] == moment


def test_a_ledger_entry_for_every_hook(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.ccai("POST", "sms", SMS)
    sandbox.settle()
    first, second = sandbox.ledger(kind="hook")
    assert json.loads(first["body"]) == receiver.received[0].json
    assert (first["status"], first["provider"]) == (200, "ccai_platform")
    assert first["phones"] == f" {US_PHONE} "
    assert first["path"].endswith("/hooks/****oken/")
    assert "tokentoken" not in json.dumps([first, second])
    signature = receiver.received[0].headers["x-signature"].partition("primary=")[2][:20]
    assert signature not in json.dumps(first)


def test_streams_are_told_apart(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.cirrus("POST", SEND, [item()])
    sandbox.text_by_cirrus(phone=MARK)
    sandbox.settle()
    streams = {
        hook.json["Event"]["Object"]["Children"]["Child"]["Phone1"]: hook.json["Event"]["Object"]["StreamId"]
        for hook in receiver.received
    }
    assert streams == {"447700900142": "533", "447700900267": "532"}
