"""Cirrus objects: conversations, their messages, and what is noted on them."""

from __future__ import annotations

import json
import time

import pytest

from .playing import AMIRA, WHATSAPP_STREAM, PlayedSandbox
from .test_cirrus_sms import assert_envelope

USER = {
    "UniqueId": "01234567",
    "LastName": "Haddad",
    "FirstName": "Amira",
    "Phone1": "447700900142",
    "Email": "a@b.example",
}
OPENING = {
    "Type": 4,
    "StatusId": 1,
    "StreamProviderType": 5,
    "StreamProviderId": "447700900142",
    "UserStreamProviderId": "447700900142",
    "UserStreamProviderType": 5,
    "ManagerId": 12345678,
    "Message": "some message",
    "User": USER,
}
AGENT_CHILD = {
    "IsManager": True,
    "UserIdentity": 12345678,
    "Type": 4,
    "UserStreamProviderId": "447700900142",
    "UserStreamProviderType": 5,
    "Message": "A new message on behalf of the agent",
}


def open_object(sandbox: PlayedSandbox, stream: str = "532", **changes) -> int:
    answer = sandbox.cirrus("POST", f"streams/{stream}/objects", OPENING | changes)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["id"]


def test_creates_an_object_and_sends_its_message(sandbox: PlayedSandbox):
    answer = sandbox.cirrus("POST", "streams/532/objects", OPENING)
    object_id = answer.json()["data"]["id"]
    assert_envelope(answer, 200, "Operation successful", data={"id": object_id})
    assert object_id > 2**50
    [message] = sandbox.messages()
    assert (message["phone"], message["text"], message["thread_id"]) == (AMIRA, "some message", str(object_id))


def test_an_object_without_manager_is_the_customers_and_sends_nothing(sandbox: PlayedSandbox):
    object_id = open_object(sandbox, ManagerId=0)
    assert sandbox.messages() == []
    [row] = sandbox.cirrus("GET", f"streams/532/objects/{object_id}").json()["data"]
    assert row["isManager"] is False


def test_send_to_client_sends_without_saving(sandbox: PlayedSandbox):
    answer = sandbox.cirrus(
        "POST",
        "streams/532/objects",
        OPENING | {"sendToClient": True, "Content": {"to": ["447700900142", "447700900267"]}},
    )
    assert answer.json()["data"] == {"id": 0}
    assert [message["phone"] for message in sandbox.messages()] == ["+447700900142", "+447700900267"]


def test_takes_a_form_and_a_content_string(sandbox: PlayedSandbox):
    data = json.dumps(OPENING | {"Content": json.dumps({"ref": "r-1"}), "createChildObject": True})
    answer = sandbox.session.post(
        f"{sandbox.url}/cirrus/streams/532/objects",
        data={"data": data},
        headers={"Authorization": "Bearer sandbox-cirrus-key"},
    )
    object_id = answer.json()["data"]["id"]
    [row] = sandbox.cirrus("GET", f"streams/532/objects/{object_id}?includeChilds=true").json()["data"]
    assert json.loads(row["content"]) == {"ref": "r-1"}
    assert json.loads(row["childs"][0]["content"]) == {"ref": "r-1"}
    assert sandbox.messages()[0]["ref"] == "r-1"


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({"Message": ""}, "Invalid parameters - missing mandatory field - Message"),
        ({"StatusId": 12}, "Invalid parameters - StatusId"),
        ({"StreamProviderType": 99}, "Invalid parameters - StreamProviderType"),
        ({"Content": "not json"}, "Invalid parameters - Content"),
        ({"ManagerId": "x"}, "Invalid parameters - ManagerId"),
        ({"UserStreamProviderId": "12"}, "Invalid parameters - UserStreamProviderId"),
    ],
)
def test_refuses_a_bad_object(sandbox: PlayedSandbox, changes, description: str):
    answer = sandbox.cirrus("POST", "streams/532/objects", OPENING | changes)
    assert_envelope(answer, 400, description, data="")
    assert sandbox.messages() == []


def test_creates_a_child_on_behalf_of_the_agent(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    answer = sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", AGENT_CHILD | {"Content": {"ref": "m-9"}})
    child_id = answer.json()["data"]["id"]
    assert_envelope(answer, 200, "Operation successful", data={"id": child_id})
    last = sandbox.messages()[-1]
    assert (last["text"], last["ref"], last["child_id"]) == (AGENT_CHILD["Message"], "m-9", str(child_id))
    assert last["thread_id"] == str(object_id)


def test_creates_a_child_by_provider_id_and_type(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    assert sandbox.cirrus("POST", "streams/532/objects/447700900142/5/child", AGENT_CHILD).ok
    assert sandbox.messages()[-1]["thread_id"] == str(object_id)


def test_a_child_on_behalf_of_the_customer_reaches_no_phone(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    child = {"Type": 4, "UserStreamProviderId": "447700900142", "UserStreamProviderType": 5, "Message": "From the shop"}
    assert sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", child).ok
    assert len(sandbox.messages()) == 1
    [row] = sandbox.cirrus("GET", f"streams/532/objects/{object_id}?includeChilds=true").json()["data"]
    assert row["isManager"] is False
    assert row["childs"][0]["user"]["isManager"] is False


@pytest.mark.parametrize("field", ["Type", "UserIdentity", "UserStreamProviderId", "UserStreamProviderType", "Message"])
def test_a_childs_required_fields(sandbox: PlayedSandbox, field: str):
    object_id = open_object(sandbox)
    child = {name: value for name, value in AGENT_CHILD.items() if name != field}
    answer = sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", child)
    assert_envelope(answer, 400, f"Invalid parameters - missing mandatory field - {field}", data="")


def test_refuses_an_unknown_agent(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    answer = sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", AGENT_CHILD | {"UserIdentity": 1})
    assert_envelope(answer, 400, "Invalid parameters - UserIdentity", data="")


def test_reads_an_object_back(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", AGENT_CHILD)
    sandbox.cirrus("POST", f"objects/{object_id}/remarks", {"Text": "test!", "ManagerId": 12345678})
    for stream in ("532", "c2FuZGJveC1zbXM%3D"):
        [row] = sandbox.cirrus("GET", f"streams/{stream}/objects/{object_id}").json()["data"]
        assert "childs" not in row
        assert "activityLog" not in row
    [row] = sandbox.cirrus("GET", f"streams/532/objects/{object_id}?includeChilds=true&includeActivityLog=true").json()[
        "data"
    ]
    assert row["objectId"] == object_id
    assert (row["streamid"], row["substreamid"], row["statusId"]) == (532, 0, 1)
    assert (row["firstName"], row["lastName"]) == ("Amira", "Haddad")
    assert row["message"] == AGENT_CHILD["Message"]
    assert row["assignedManagerId"] == 12345678
    assert row["user"]["phone1"] == "447700900142"
    [child] = row["childs"]
    assert child["message"] == AGENT_CHILD["Message"]
    assert child["user"]["managerId"] == 12345678
    assert child["user"]["identity"]["firstName"] == "Priya"
    assert json.loads(row["activityLog"][0]["data"]) == {"text": "test!"}


def test_newest_child_comes_first(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    for text in ("one", "two"):
        sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", AGENT_CHILD | {"Message": text})
    [row] = sandbox.cirrus("GET", f"streams/532/objects/{object_id}?includeChilds=true").json()["data"]
    assert [child["message"] for child in row["childs"]] == ["two", "one"]


def test_objects_are_kept_apart_by_stream_and_account(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    assert_envelope(sandbox.cirrus("GET", f"streams/533/objects/{object_id}"), 404, "Not found", data="")
    sandbox.control("accounts", provider="cirrus", name="Other", credentials={"api_key": "other-key"})
    answer = sandbox.cirrus("POST", f"objects/{object_id}/status/2", headers={"Authorization": "Bearer other-key"})
    assert_envelope(answer, 400, "Object not found", data="")


def test_lists_objects_only_with_a_limiter(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    assert_envelope(sandbox.cirrus("GET", "streams/532/objects"), 400, "Operation failed", data="")
    now = int(time.time())
    for limiter in (
        f"unixStartTime={now - 60}&unixEndTime={now + 60}",
        "identityStreamProviderId=447700900142&identityStreamProviderType=5",
        f"unixStartTime={now - 60}&unixEndTime={now + 60}&order=updatedtime&sort=asc&status=1&includeChilds=true",
    ):
        rows = sandbox.cirrus("GET", f"streams/532/objects?{limiter}").json()["data"]
        assert [row["objectId"] for row in rows] == [object_id]
    assert sandbox.cirrus("GET", f"streams/532/objects?unixStartTime=1&unixEndTime={now - 60}").json()["data"] == []
    resolved = limiter.replace("status=1", "status=2")
    assert sandbox.cirrus("GET", f"streams/532/objects?{resolved}").json()["data"] == []


def test_activities_by_type(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    assert_envelope(
        sandbox.cirrus("POST", f"objects/{object_id}/remarks", {"Text": "called", "ManagerId": 12345678}),
        200,
        "Operation successful",
        data="",
    )
    log = {"Text": "test!", "Source": "testing", "ManagerId": 36574658}
    assert sandbox.cirrus("POST", f"objects/{object_id}/activitylog", log).ok
    [remark] = sandbox.cirrus("GET", f"objects/{object_id}/activities?activityType=1").json()["data"]
    created = remark.pop("createdTime")
    assert len(created) == 19
    assert remark == {
        "objectId": str(object_id),
        "user": {
            "id": 12345678,
            "first_name": "Priya",
            "last_name": "Nair",
            "identity": {"identityId": 12345678, "thumbnailUrl": ""},
        },
        "type": 1,
        "data": '{"text": "called"}',
    }
    [logged] = sandbox.cirrus("GET", f"objects/{object_id}/activities?activityType=12").json()["data"]
    assert json.loads(logged["data"]) == {"text": "test!", "source": "testing"}
    assert_envelope(
        sandbox.cirrus("GET", f"objects/{object_id}/activities"),
        400,
        "Invalid parameters - missing mandatory field - activityType",
        data="",
    )


def test_transcript(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", AGENT_CHILD)
    customer = {"Type": 4, "UserStreamProviderId": "447700900142", "UserStreamProviderType": 5, "Message": "hi"}
    sandbox.cirrus("POST", f"streams/532/objects/{object_id}/child", customer)
    [row] = sandbox.cirrus("GET", f"streams/532/objects/{object_id}/transcript").json()["data"]
    assert row["trasncript"] == row["transcript"]
    assert f"Priya Nair: \n{AGENT_CHILD['Message']}" in row["trasncript"]
    assert row["trasncript"].endswith("Amira Haddad: \nhi")


def test_status_content_and_indicators(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    assert_envelope(sandbox.cirrus("POST", f"objects/{object_id}/status/2"), 200, "Operation successful", data="")
    assert sandbox.cirrus("POST", f"objects/{object_id}/content", {"num_likes": 8, "is_hidden": False}).ok
    indicator = {"IndicatorId": "home", "Title": "Working from home", "DisplayClass": "icon-home"}
    assert sandbox.cirrus("POST", f"objects/{object_id}/indicators", indicator).ok
    [row] = sandbox.cirrus("GET", f"streams/532/objects/{object_id}").json()["data"]
    assert row["statusId"] == 2
    assert row["closeTime"]
    assert json.loads(row["content"]) == {"num_likes": 8, "is_hidden": False}
    delete = ("DELETE", f"objects/{object_id}/indicators/home")
    assert_envelope(sandbox.cirrus(*delete), 200, "Operation successful", data="")
    assert_envelope(sandbox.cirrus(*delete), 404, "Not found", data="")
    bad_status = sandbox.cirrus("POST", f"objects/{object_id}/status/12")
    assert_envelope(bad_status, 400, "Invalid parameters - STATUS_ID", data="")


def test_change_of_stream(sandbox: PlayedSandbox):
    object_id = open_object(sandbox)
    address = f"objects/{object_id}/stream"
    assert_envelope(
        sandbox.cirrus("PATCH", address, {"subStreamId": 0}),
        400,
        "Invalid parameters - missing mandatory field - streamId",
        data="",
    )
    unknown = {"errors": [{"code": "INVALID_STREAM", "message": "The specified stream ID does not exist"}]}
    assert_envelope(sandbox.cirrus("PATCH", address, {"streamId": 99}), 400, "Operation failed", data=unknown)
    answer = sandbox.cirrus("PATCH", address, {"streamId": 533})
    assert answer.json()["data"]["errors"][0]["code"] == "INVALID_STREAM_TRANSFER"
    missing = sandbox.cirrus("PATCH", "objects/1/stream", {"streamId": 533})
    assert_envelope(missing, 400, "Object not found", data="")


def test_free_text_to_whatsapp_needs_the_customers_window(sandbox: PlayedSandbox):
    object_id = open_object(sandbox, stream="533", StreamProviderType=7, ManagerId=0)
    child = AGENT_CHILD | {"UserStreamProviderType": 7}
    sandbox.cirrus("POST", f"streams/533/objects/{object_id}/child", child)
    sandbox.settle()
    [blocked] = sandbox.messages()
    assert blocked["status"] == "failed"
    assert blocked["failure_reason"].startswith("131047")
    stream = next(row for row in _streams(sandbox) if row["encrypted_id"] == WHATSAPP_STREAM)
    sandbox.control("reply", phone=AMIRA, text="Hello?", stream=stream["id"])
    sandbox.cirrus("POST", f"streams/533/objects/{object_id}/child", child)
    sandbox.settle()
    assert sandbox.messages()[-1]["status"] == "read"
    sandbox.control("skip-24-hours", phone=AMIRA)
    sandbox.cirrus("POST", f"streams/533/objects/{object_id}/child", child)
    sandbox.settle()
    assert sandbox.messages()[-1]["status"] == "failed"


def _streams(sandbox: PlayedSandbox):
    return [stream for account in sandbox.ask("accounts")["accounts"] for stream in account["streams"]]
