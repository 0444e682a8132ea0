"""Customers' answers, typed on a virtual phone, in each provider's form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from xml.etree import ElementTree

from .playing import AMIRA, MARK, US_PHONE, PlayedSandbox, Receiver
from .test_ccai import SMS
from .test_cirrus_objects import open_object
from .test_webex import sms


def arrived(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    """Let a message arrive and forget its reports."""
    sandbox.settle()
    receiver.received.clear()


def test_cirrus_opens_an_object_for_a_customer_who_has_none(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.text_by_cirrus()
    arrived(sandbox, receiver)
    reply = sandbox.control("reply", phone=AMIRA, text="Hello back")
    sandbox.settle()
    [hook] = receiver.received
    event = hook.json["Event"]
    child = event["Object"]["Children"]["Child"]
    assert (event["Subscription"], event["Name"], event["Brand"]) == ("Object", "OnNew", "sandbox")
    assert (event["Object"]["StreamId"], event["Object"]["SubStreamId"]) == ("532", "0")
    assert re.fullmatch(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d", child.pop("CreateDate"))
    identity = child["User"]["Identity"]["Id"]
    assert child == {
        "Id": reply["child_id"],
        "Type": "0",
        "StreamProviderId": "447700900142",
        "StreamProviderType": "Telephone",
        "Message": "Hello back",
        "ManagerId": "0",
        "Content": "{}",
        "Snippet": "Hello back",
        "User": {
            "Id": identity,
            "FirstName": "Amira",
            "LastName": "Haddad",
            "Phone1": "447700900142",
            "Email": "",
            "Content": "{}",
            "Identity": {"Id": identity, "StreamProviderId": "447700900142", "StreamProviderType": "5"},
        },
    }
    [row] = sandbox.cirrus("GET", f"streams/532/objects/{event['Object']['Id']}?includeChilds=true").json()["data"]
    assert [kept["message"] for kept in row["childs"]] == ["Hello back"]


def test_cirrus_adds_to_the_open_object_until_it_is_resolved(sandbox: PlayedSandbox, receiver: Receiver):
    object_id = open_object(sandbox)
    arrived(sandbox, receiver)
    sandbox.control("reply", phone=AMIRA, text="One")
    sandbox.cirrus("POST", f"objects/{object_id}/status/2")
    sandbox.control("reply", phone=AMIRA, text="Two")
    sandbox.settle()
    events = [hook.json["Event"] for hook in receiver.received]
    assert [event["Name"] for event in events] == ["OnNewChild", "OnNew"]
    assert events[0]["Object"]["Id"] == str(object_id)
    assert events[1]["Object"]["Id"] != str(object_id)


def test_cirrus_as_xml(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("accounts", provider="cirrus", webhooks_as_xml=True)
    open_object(sandbox)
    arrived(sandbox, receiver)
    sandbox.control("reply", phone=AMIRA, text="<b>&")
    sandbox.settle()
    event = ElementTree.fromstring(receiver.received[0].body)
    assert event.attrib == {"Subscription": "Object", "Name": "OnNewChild", "Brand": "sandbox"}
    child = event.find("Object/Children/Child")
    assert child.findtext("Message") == "<b>&"
    assert child.findtext("ManagerId") == "0"
    assert child.get("StreamProviderType") == "Telephone"
    assert child.find("User").get("Phone1") == "447700900142"
    assert child.find("User/Identity").get("StreamProviderType") == "5"


def test_whatsapp_photo_can_be_fetched(sandbox: PlayedSandbox, receiver: Receiver):
    stream = next(
        stream
        for account in sandbox.ask("accounts")["accounts"]
        for stream in account["streams"]
        if stream["stream_id"] == 533
    )
    photo = base64.b64encode(b"\xff\xd8jpeg").decode()
    sandbox.control("reply", phone=AMIRA, text="See", stream=stream["id"], photo=photo)
    sandbox.settle()
    child = receiver.received[0].json["Event"]["Object"]["Children"]["Child"]
    assert (child["Type"], child["StreamProviderType"]) == ("2", "WhatsApp")
    url = re.search(r'"url": "([^"]+)"', child["Content"])[1]
    file = sandbox.session.get(url)
    assert (file.content, file.headers["Content-Type"]) == (b"\xff\xd8jpeg", "image/jpeg")
    sandbox.text_by_cirrus(phone=MARK)
    sandbox.settle()
    answer = sandbox.session.post(f"{sandbox.url}/control/reply/", json={"phone": MARK, "text": "", "photo": photo})
    assert answer.json() == {"error": "Only WhatsApp carries a photo here."}


def test_ccai_message_received(sandbox: PlayedSandbox, receiver: Receiver):
    chat = sandbox.ccai("POST", "sms", SMS).json()
    arrived(sandbox, receiver)
    sandbox.control("reply", phone=US_PHONE, text="Thanks")
    sandbox.settle()
    [hook] = receiver.received
    assert "x-signature" in hook.headers
    assert hook.json == {
        "event_type": "message_received",
        "timestamp": hook.json["timestamp"],
        "chat_id": chat["id"],
        "body": {
            "sender": {
                "id": chat["end_user"]["id"],
                "type": "end_user",
                "status": "connected",
                "connected_at": chat["created_at"],
            },
            "message": {"type": "text", "content": "Thanks"},
            "end_user_number": US_PHONE,
            "outbound_number": "+16285550199",
        },
    }


def test_a_reply_after_the_chat_ended_opens_another(sandbox: PlayedSandbox, receiver: Receiver):
    chat = sandbox.ccai("POST", "sms", SMS).json()
    arrived(sandbox, receiver)
    sandbox.ccai("PATCH", f"chats/{chat['id']}", {"chat": {"status": "finished"}})
    sandbox.control("reply", phone=US_PHONE, text="Still there?")
    sandbox.settle()
    ended, reply = receiver.received
    assert (ended.json["event_type"], ended.json["chat_id"]) == ("chat_ended", chat["id"])
    assert reply.json["chat_id"] == chat["id"] + 1
    assert sandbox.ccai("GET", f"chats/{chat['id'] + 1}").json()["status"] == "queued"


def test_webex_inbound(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.webex("POST", "v1/sms", sms())
    arrived(sandbox, receiver)
    sandbox.control("reply", phone=AMIRA, text="Yes")
    sandbox.settle()
    [hook] = receiver.received
    event = hook.json
    assert "transaction_id" not in event
    assert event["type"] == "com.interact.messages.sms.status"
    assert event["correlation_id"].startswith("cid_")
    assert event["data"] == {
        "status": "inbound",
        "channel": "sms",
        "message": "Yes",
        "phone_number": AMIRA,
        "inbound_number": "+447700900177",
        "inbound_number_id": "num_2rLDt0d3ulmMWi9wNtFdveMv5fR",
        "rules": [],
    }


def test_webex_stop_is_told_twice(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.webex("POST", "v1/sms", sms())
    arrived(sandbox, receiver)
    sandbox.control("reply", phone=AMIRA, text="STOP")
    sandbox.settle()
    inbound, opt_out = (hook.json for hook in receiver.received)
    assert inbound["data"]["status"] == "inbound"
    assert opt_out["type"] == "com.interact.messages.sms.opt.out"
    assert opt_out["data"] == {
        "status": "opt_out",
        "channel": "sms",
        "message": "STOP",
        "type": "keyword",
        "phone_number": AMIRA,
        "inbound_number": "+447700900177",
        "inbound_number_id": "num_2rLDt0d3ulmMWi9wNtFdveMv5fR",
        "account_level_opt_out": False,
        "opt_out_time": opt_out["time"],
    }
    receiver.received.clear()
    sandbox.webex("POST", "v1/sms", sms())
    sandbox.settle()
    assert receiver.received == []


def test_hooks_prove_themselves_for_accounts_with_a_secret(sandbox: PlayedSandbox, receiver: Receiver):
    for provider in ("webex_interact", "cirrus"):
        sandbox.control("accounts", provider=provider, webhook_secrets={"primary": "a quiet secret"})
    sandbox.webex("POST", "v1/sms", sms())
    sandbox.settle()
    sandbox.text_by_cirrus()
    sandbox.settle()
    for provider in ("webex_interact", "cirrus"):
        sandbox.control("accounts", provider=provider, webhook_secrets={})
    by_webex, by_cirrus = receiver.received[0], receiver.received[-1]
    digest = hmac.new(b"a quiet secret", by_webex.body, hashlib.sha256).hexdigest()
    assert by_webex.headers["x-hub-signature"] == f"sha256={digest}"
    assert by_cirrus.headers["x-webhook-secret"] == "a quiet secret"
    assert "a quiet secret" not in json.dumps(sandbox.ledger())


def test_a_reply_answers_the_newest_message_or_the_one_that_is_named(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.text_by_cirrus()
    sandbox.settle()
    sandbox.webex("POST", "v1/sms", sms())
    arrived(sandbox, receiver)
    first = sandbox.messages()[0]
    assert sandbox.control("reply", phone=AMIRA, text="to Webex")["provider"] == "webex_interact"
    assert sandbox.control("reply", phone=AMIRA, text="to Cirrus", message=first["id"])["provider"] == "cirrus"


def test_what_cannot_be_answered(sandbox: PlayedSandbox):
    for values, error in (
        ({"phone": MARK, "text": "Hi"}, f"Nothing has arrived on {MARK} yet, so there is nobody to answer."),
        ({"phone": MARK, "text": " "}, "Write something first: an empty message cannot be sent."),
        ({"phone": "x", "text": "Hi"}, "Give phone as a number with its country code, as +447700900142."),
    ):
        answer = sandbox.session.post(f"{sandbox.url}/control/reply/", json=values)
        assert (answer.status_code, answer.json()) == (400, {"error": error})
