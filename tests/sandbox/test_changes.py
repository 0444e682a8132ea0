"""What providers tell of besides customers' texts: activities, tags, agents' messages, participants, opened links."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from .playing import AMIRA, US_PHONE, PlayedSandbox, Receiver
from .test_ccai import SMS
from .test_cirrus_objects import AGENT_CHILD, open_object
from .test_webex import sms


@pytest.fixture
def told(sandbox: PlayedSandbox, receiver: Receiver) -> Receiver:
    """A product that is told of changes too."""
    for provider in ("cirrus", "ccai_platform"):
        sandbox.control("accounts", provider=provider, tells_changes=True, sends_receipts=False)
    return receiver


def events(receiver: Receiver) -> list[tuple[str, dict[str, Any]]]:
    """The events of Cirrus: names, and the object that each is about."""
    return [(hook.json["Event"]["Name"], hook.json["Event"]["Object"]) for hook in receiver.received]


def test_cirrus_tells_of_activities_and_tags(sandbox: PlayedSandbox, told: Receiver):
    object_id = open_object(sandbox)
    sandbox.settle()
    told.received.clear()
    sandbox.cirrus("POST", f"objects/{object_id}/remarks", {"Text": "Moved house", "ManagerId": 12345678})
    sandbox.cirrus("POST", f"objects/{object_id}/status/2")
    tag = sandbox.cirrus("POST", "tags", {"Name": "Fault"}).json()["data"]["id"]
    for method in ("POST", "DELETE"):
        assert sandbox.cirrus(method, f"streams/532/objects/{object_id}/tags/{tag}").status_code == 200
        sandbox.settle()
    assert sandbox.cirrus("GET", "tags").json()["data"] == [{"id": tag, "name": "Fault"}]
    assert sandbox.cirrus("POST", f"streams/532/objects/{object_id}/tags/{tag + 1}").status_code == 404
    found = events(told)
    assert [name for name, _ in found] == ["OnNewActivity", "OnNewActivity", "OnUpdateTag", "OnUpdateTag"]
    assert {(kept["Id"], kept["StreamId"]) for _, kept in found} == {(str(object_id), "532")}
    activities = [kept["Activities"]["Activity"] for _, kept in found[:2]]
    assert [(one["Type"], json.loads(one["Data"])) for one in activities] == [
        ("1", {"text": "Moved house"}),
        ("2", {"from": 1, "to": 2}),
    ]
    assert found[2][1]["Tags"] == {"Tag": [{"Id": str(tag), "Name": "Fault"}]}
    assert found[3][1]["Tags"] == {"Tag": []}


def test_cirrus_tells_of_what_callers_opened_and_wrote(sandbox: PlayedSandbox, told: Receiver):
    object_id = open_object(sandbox, ManagerId=0)
    sandbox.settle()  # it is told as it is when the webhook leaves
    sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", AGENT_CHILD)
    sandbox.settle()
    (opened, first), (written, second) = events(told)
    assert (opened, first["Message"], first["ManagerId"]) == ("OnNew", "some message", "0")
    child = second["Children"]["Child"]
    assert (written, child["Message"], child["ManagerId"]) == ("OnNewChild", AGENT_CHILD["Message"], "12345678")


def test_changes_in_xml(sandbox: PlayedSandbox, told: Receiver):
    sandbox.control("accounts", provider="cirrus", webhooks_as_xml=True)
    object_id = open_object(sandbox)
    sandbox.settle()
    told.received.clear()
    sandbox.cirrus("POST", f"objects/{object_id}/remarks", {"Text": "<b>"})
    for name in ("Fault", "VIP"):
        tag = sandbox.cirrus("POST", "tags", {"Name": name}).json()["data"]["id"]
        sandbox.cirrus("POST", f"streams/532/objects/{object_id}/tags/{tag}")
        sandbox.settle()
    remark, _, tags = (ElementTree.fromstring(hook.body) for hook in told.received)
    activity = remark.find("Object/Activities/Activity")
    assert (activity.get("Type"), json.loads(activity.findtext("Data"))) == ("1", {"text": "<b>"})
    assert [one.get("Name") for one in tags.findall("Object/Tags/Tag")] == ["Fault", "VIP"]


def test_nothing_of_that_unless_the_account_is_set_so(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.control("accounts", provider="cirrus", sends_receipts=False)
    object_id = open_object(sandbox)
    sandbox.cirrus("POST", f"objects/{object_id}/remarks", {"Text": "Quiet"})
    sandbox.settle()
    assert receiver.received == []


def test_ccai_tells_who_comes_writes_and_leaves(sandbox: PlayedSandbox, told: Receiver):
    chat = sandbox.ccai("POST", "sms", SMS | {"agentId": 1}).json()["id"]
    sandbox.ccai("POST", f"chats/{chat}/message", {"from_user_id": 1, "message": {"type": "text", "content": "On it"}})
    sandbox.ccai("PATCH", f"chats/{chat}", {"finished_by_user_id": 1, "chat": {"status": "finished"}})
    sandbox.settle()
    bodies = [hook.json for hook in told.received]
    assert [(one["event_type"], one["chat_id"]) for one in bodies] == [
        ("participant_joined", chat),
        ("message_received", chat),
        ("participant_left", chat),
        ("chat_ended", chat),
    ]
    joined, written, left, _ = (one["body"] for one in bodies)
    assert (joined["participant"]["id"], joined["participant"]["status"]) == (1, "connected")
    assert (written["sender"]["type"], written["message"]["content"]) == ("agent", "On it")
    assert left["participant"]["status"] == "finished"
    assert all("x-signature" in hook.headers for hook in told.received)
    assert sandbox.messages(phone=US_PHONE)[-1]["text"] == "On it"


def test_webex_tells_of_an_opened_link(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.webex("POST", "v1/sms", sms(message_body="See https://fernhill.example/visit now"))
    sandbox.text_by_cirrus("See https://fernhill.example/visit")
    sandbox.settle()
    receiver.received.clear()
    by_webex, by_cirrus = sandbox.messages(phone=AMIRA)
    sandbox.control("click", message=by_webex["id"])
    sandbox.settle()
    [hook] = receiver.received
    assert (hook.json["transaction_id"], hook.json["correlation_id"]) == (by_webex["external_id"], "c-1")
    assert hook.json["data"]["status"] == "clicked"
    assert hook.json["data"]["shortlink"] == "https://fernhill.example/visit"
    refused = sandbox.session.post(f"{sandbox.url}/control/click/", json={"message": by_cirrus["id"]})
    assert refused.json() == {"error": "There is no link in this message of whose opening the provider tells."}


def test_the_handset_opens_links(sandbox: PlayedSandbox, receiver: Receiver):
    sandbox.webex("POST", "v1/sms", sms(message_body="See https://fernhill.example/visit"))
    sandbox.settle()
    receiver.received.clear()
    [message] = sandbox.messages()
    page = f"{sandbox.url}/handset/{AMIRA[1:]}/"
    assert "Open the link" in sandbox.session.get(page).text
    assert sandbox.session.post(f"{page}open-link/", data={"message": message["id"]}).ok
    sandbox.settle()
    assert receiver.received[0].json["data"]["status"] == "clicked"
