"""CCAI Platform: every documented answer and every documented refusal, word for word."""

from __future__ import annotations

import re

import pytest

from .playing import US_PHONE, PlayedSandbox

SMS = {
    "chat_type": "Messaging (SMS)",
    "end_user_number": "+1 415-555-0100",
    "outbound_number": "+1 628-555-0199",
    "message": "lorem ipsum",
    "ticket_id": "5006x00000XXxxxXXX",
}
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def participant(chat: dict, position: int, type_: str, user_id, end_user_id, since: str) -> dict:
    return {
        "id": chat["participants"][position]["id"],
        "type": type_,
        "status": "connected",
        "chat_id": chat["id"],
        "user_id": user_id,
        "end_user_id": end_user_id,
        "chat_duration": None,
        "connected_at": since,
        "ended_at": None,
        "fail_reason": "nothing",
    }


def documented(chat: dict, **changes) -> dict:
    """The document's chat object with this chat's ids and times."""
    end_user_id = chat["end_user"]["id"]
    return {
        "id": chat["id"],
        "lang": "en",
        "chat_type": "Messaging (SMS)",
        "status": "selecting",
        "created_at": chat["created_at"],
        "queued_at": None,
        "assigned_at": None,
        "ends_at": None,
        "wait_duration": 0,
        "chat_duration": 0,
        "rating": None,
        "has_feedback": False,
        "out_ticket_id": None,
        "out_ticket_url": None,
        "verified": False,
        "disconnected_by": "disconnected_by_unknown",
        "fail_reason": None,
        "selected_menu": None,
        "menu_path": None,
        "agent_info": None,
        "end_user": {"id": end_user_id, "identifier": None, "out_contact_id": None},
        "photos": [],
        "videos": [],
        "transfers": [],
        "participants": [participant(chat, 0, "end_user", None, end_user_id, chat["created_at"])],
        "offer_type": None,
        "offer_events": [],
        "answer_type": "manual",
        "outbound_number": "+16285550199",
    } | changes


@pytest.mark.parametrize("ticket", [{"ticket_id": "5006x00000XXxxxXXX"}, {}])
def test_opens_a_chat(sandbox: PlayedSandbox, ticket: dict):
    body = {name: value for name, value in SMS.items() if name != "ticket_id"} | ticket
    answer = sandbox.ccai("POST", "sms", body)
    chat = answer.json()
    assert answer.status_code == 200
    assert chat == documented(chat)
    assert list(chat) == list(documented(chat))
    assert STAMP.fullmatch(chat["created_at"])
    [message] = sandbox.messages()
    assert (message["phone"], message["text"]) == (US_PHONE, "lorem ipsum")
    assert (message["business_name"], message["business_number"]) == ("US support line", "+16285550199")
    assert message["thread_id"] == str(chat["id"])


@pytest.mark.parametrize("field", ["agentId", "agent_id"])
def test_assigns_to_an_agent_by_id(sandbox: PlayedSandbox, field: str):
    chat = sandbox.ccai("POST", "sms", SMS | {field: 1}).json()
    agent = {
        "id": 1,
        "agent_number": 1,
        "email": "priya@fernhill.example",
        "name": "Priya Nair",
        "first_name": "Priya",
        "last_name": "Nair",
        "avatar_url": None,
    }
    since = chat["assigned_at"]
    expected = documented(chat, status="assigned", assigned_at=since, agent_info=agent)
    expected["participants"].append(participant(chat, 1, "agent", 1, None, since))
    assert chat == expected


@pytest.mark.parametrize("field", ["agentEmail", "agent_email"])
def test_assigns_to_an_agent_by_email(sandbox: PlayedSandbox, field: str):
    chat = sandbox.ccai("POST", "sms", SMS | {field: "Priya@fernhill.example"}).json()
    assert (chat["status"], chat["agent_info"]) == ("assigned", None)
    assert [row["type"] for row in chat["participants"]] == ["end_user", "agent"]
    assert sandbox.ccai("GET", f"chats/{chat['id']}").json()["agent_info"]["email"] == "priya@fernhill.example"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chat_type": None}, "chat_type needs to be provided"),
        ({"chat_type": "In-app"}, "valid chat type needs to be provided"),
        ({"end_user_number": None}, "end_user_number is required"),
        ({"end_user_number": "12345"}, "end_user_number is invalid"),
        ({"end_user_number": "+447700900142"}, "end_user_number is invalid"),
        ({"outbound_number": None}, "outbound_number is required"),
        ({"outbound_number": "12345"}, "outbound_number is invalid"),
        ({"outbound_number": "+82 000-000-0000"}, "Non-US phone number not allowed"),
        ({"outbound_number": "+1 809-555-0100"}, "Non-US phone number not allowed"),
        ({"outbound_number": "+1 628-555-0198"}, "outbound_number is not found"),
        ({"message": ""}, "message is required"),
        ({"message": "  "}, "message is required"),
        ({"message": None}, "message is required"),
    ],
)
def test_every_documented_refusal(sandbox: PlayedSandbox, changes: dict, message: str):
    body = {name: value for name, value in (SMS | changes).items() if value is not None}
    answer = sandbox.ccai("POST", "sms", body)
    assert (answer.status_code, answer.json()) == (400, {"message": message})
    assert sandbox.messages() == []


@pytest.mark.parametrize(
    ("flag", "message"),
    [("sms_enabled", "SMS is not enabled"), ("outbound_enabled", "Outbound SMS is not enabled")],
)
def test_a_channel_that_is_switched_off(sandbox: PlayedSandbox, flag: str, message: str):
    sandbox.control("accounts", provider="ccai_platform", **{flag: False})
    answer = sandbox.ccai("POST", "sms", SMS)
    assert (answer.status_code, answer.json()) == (400, {"message": message})


def test_looks_at_fields_in_the_documents_order(sandbox: PlayedSandbox):
    sandbox.control("accounts", provider="ccai_platform", sms_enabled=False, outbound_enabled=False)
    seen, body = [], {}
    for step in (
        {"chat_type": "In-app"},
        {"chat_type": "SMS"},
        "sms_enabled",
        "outbound_enabled",
        {"end_user_number": "12345"},
        {"end_user_number": SMS["end_user_number"]},
        {"outbound_number": "12345"},
        {"outbound_number": "+82 000-000-0000"},
        {"outbound_number": "+1 628-555-0198"},
        {"outbound_number": SMS["outbound_number"]},
        {"message": "hi"},
    ):
        seen.append(sandbox.ccai("POST", "sms", body).json()["message"])
        if isinstance(step, str):
            sandbox.control("accounts", provider="ccai_platform", **{step: True})
        else:
            body |= step
    assert seen == [
        "chat_type needs to be provided",
        "valid chat type needs to be provided",
        "SMS is not enabled",
        "Outbound SMS is not enabled",
        "end_user_number is required",
        "end_user_number is invalid",
        "outbound_number is required",
        "outbound_number is invalid",
        "Non-US phone number not allowed",
        "outbound_number is not found",
        "message is required",
    ]
    assert sandbox.ccai("POST", "sms", body).status_code == 200


IN_SESSION = {"message": "Outbound SMS failed. Consumer is already in an active SMS session."}


def test_one_session_at_a_time(sandbox: PlayedSandbox):
    first = sandbox.ccai("POST", "sms", SMS).json()
    for again in (SMS, SMS | {"agentId": 1}):
        answer = sandbox.ccai("POST", "sms", again)
        assert (answer.status_code, answer.json()) == (400, IN_SESSION)
    ended = sandbox.ccai(
        "PATCH", f"chats/{first['id']}", {"finished_by_user_id": 87, "chat": {"status": "finished"}}
    ).json()
    assert (ended["status"], ended["ends_at"] is not None) == ("finished", True)
    assert sandbox.ccai("POST", "sms", SMS).json()["id"] == first["id"] + 1


def test_the_chats_own_agent_may_write_again(sandbox: PlayedSandbox):
    first = sandbox.ccai("POST", "sms", SMS | {"agentId": 1}).json()
    second = sandbox.ccai("POST", "sms", SMS | {"agentId": 1, "message": "again"})
    assert (second.status_code, second.json()["id"]) == (200, first["id"])
    third = sandbox.ccai("POST", "sms", SMS | {"agentEmail": "priya@fernhill.example"})
    assert third.json()["id"] == first["id"]
    other = sandbox.ccai("POST", "sms", SMS | {"agentId": 2})
    assert (other.status_code, other.json()) == (400, IN_SESSION)
    assert len(sandbox.messages()) == 3


def test_unknown_agents_and_chats(sandbox: PlayedSandbox):
    for answer in (
        sandbox.ccai("POST", "sms", SMS | {"agentId": 99}),
        sandbox.ccai("GET", "chats/123456"),
        sandbox.ccai("GET", "no/such/address"),
    ):
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


@pytest.mark.parametrize("auth", [("fernhill", "wrong"), ("other", "sandbox-ccai-token"), ("", "")])
def test_refuses_wrong_credentials(sandbox: PlayedSandbox, auth):
    answer = sandbox.ccai("POST", "sms", SMS, auth=auth)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_reads_a_chat_and_its_messages_back(sandbox: PlayedSandbox):
    chat = sandbox.ccai("POST", "sms", SMS | {"agentId": 1}).json()
    assert sandbox.ccai("GET", f"chats/{chat['id']}").json() == chat | {"out_ticket_id": "5006x00000XXxxxXXX"}
    sandbox.settle()
    sandbox.control("reply", phone=US_PHONE, text="Thanks")
    rows = sandbox.ccai("GET", f"chats/{chat['id']}/messages").json()
    assert [(row["sender"]["type"], row["message"]["content"]) for row in rows] == [
        ("agent", "lorem ipsum"),
        ("end_user", "Thanks"),
    ]
    assert [row["id"] for row in sandbox.ccai("GET", "chats").json()] == [chat["id"]]


def test_writes_into_a_chat_until_it_ends(sandbox: PlayedSandbox):
    chat = sandbox.ccai("POST", "sms", SMS).json()
    text = {"from_user_id": 1, "message": {"type": "text", "content": "more"}}
    answer = sandbox.ccai("POST", f"chats/{chat['id']}/message", text)
    assert (answer.status_code, answer.json()) == (202, {"message": "accepted"})
    assert sandbox.messages()[-1]["text"] == "more"
    sandbox.ccai("PATCH", f"chats/{chat['id']}", {"chat": {"status": "finished"}})
    answer = sandbox.ccai("POST", f"chats/{chat['id']}/message", text)
    assert (answer.status_code, answer.json()) == (400, {"message": "Chat is already ended"})


def test_api_chats(sandbox: PlayedSandbox):
    answer = sandbox.ccai("POST", "end_users", {})
    assert answer.json() == {"message": "param is missing or the value is empty: identifier"}
    end_user = sandbox.ccai("POST", "end_users", {"identifier": "crm-1"}).json()
    chat = sandbox.ccai("POST", "chats", {"chat": {"end_user_id": end_user["id"], "lang": "en"}}).json()
    assert (chat["chat_type"], chat["end_user"]["identifier"]) == ("Messaging (API)", "crm-1")
    answer = sandbox.ccai("POST", "chats", {})
    assert answer.json() == {"message": "param is missing or the value is empty: chat"}
