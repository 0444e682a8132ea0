"""Cirrus SMS, its envelope, its keys and its streams."""

from __future__ import annotations

import re

import pytest

from .playing import AMIRA, SMS_STREAM, WHATSAPP_STREAM, PlayedSandbox

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")


def assert_envelope(answer, status, description, **data):
    """The documented envelope: nothing more, nothing less."""
    body = answer.json()
    assert STAMP.fullmatch(body.pop("response_time"))
    assert answer.status_code == status
    assert body == {"status": status, "description": description, **data}


def test_sends_sms(sandbox: PlayedSandbox):
    answer = sandbox.cirrus("POST", f"sms/sendsms/{SMS_STREAM}", {"Number": "447700900142", "Message": "Hello"})
    assert_envelope(answer, 200, "Operation successful", data="")
    [message] = sandbox.messages()
    assert message["phone"] == AMIRA
    assert message["text"] == "Hello"
    assert message["business_name"] == "Service texts"
    assert message["business_number"] == "+447700900155"


def test_takes_the_documents_own_example_number(sandbox: PlayedSandbox):
    answer = sandbox.cirrus("POST", f"sms/sendsms/{SMS_STREAM}", {"Number": "9725051234567", "Message": "message text"})
    assert_envelope(answer, 200, "Operation successful", data="")
    assert sandbox.messages()[0]["phone"] == "+9725051234567"


def test_sends_the_streams_initial_text(sandbox: PlayedSandbox):
    answer = sandbox.cirrus("POST", f"sms/sendinitialtext/{SMS_STREAM}/447700900142")
    assert_envelope(answer, 200, "Operation successful", data="")
    assert sandbox.messages()[0]["text"] == "Fernhill Care here. How can we help? Reply STOP to opt out."


@pytest.mark.parametrize("stream", ["c2FuZGJveC1zbXM%3D", "c2FuZGJveC1zbXM%3d", "c2FuZGJveC1zbXM="])
def test_reads_a_stream_id_quoted_once(sandbox: PlayedSandbox, stream: str):
    assert sandbox.cirrus("POST", f"sms/sendsms/{stream}", {"Number": "447700900142", "Message": "Hi"}).ok


@pytest.mark.parametrize(
    ("data", "description"),
    [
        ({"Message": "Hello"}, "Invalid parameters - missing mandatory field - Number"),
        ({"Number": "", "Message": "Hello"}, "Invalid parameters - missing mandatory field - Number"),
        ({"Number": "447700900142"}, "Invalid parameters - missing mandatory field - Message"),
        ({"Number": "447700900142", "Message": "  "}, "Invalid parameters - missing mandatory field - Message"),
        ({"Number": "+447700900142", "Message": "Hello"}, "Invalid parameters - Number"),
        ({"Number": "12345", "Message": "Hello"}, "Invalid parameters - Number"),
        ({"Number": "999999999999", "Message": "Hello"}, "Invalid parameters - Number"),
    ],
)
def test_refuses_bad_fields(sandbox: PlayedSandbox, data, description: str):
    assert_envelope(sandbox.cirrus("POST", f"sms/sendsms/{SMS_STREAM}", data), 400, description, data="")
    assert sandbox.messages() == []


@pytest.mark.parametrize("body", [b"", b"not json", b'{"Number": "447700900142", "Message": "Hello"}', b"[1]"])
def test_wants_the_body_wrapped(sandbox: PlayedSandbox, body: bytes):
    headers = {"Authorization": "Bearer sandbox-cirrus-key", "Content-Type": "application/json"}
    answer = sandbox.session.post(f"{sandbox.url}/cirrus/sms/sendsms/{SMS_STREAM}", data=body, headers=headers)
    assert_envelope(answer, 400, "Invalid parameters - missing mandatory field - data", data="")


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Bearer", "Basic sandbox-cirrus-key"])
def test_refuses_a_wrong_key(sandbox: PlayedSandbox, authorization: str):
    answer = sandbox.cirrus("GET", "core/systemstatus", headers={"Authorization": authorization})
    assert_envelope(answer, 401, "Unauthorized")


def test_a_revoked_key_is_refused(sandbox: PlayedSandbox):
    sandbox.control("accounts", provider="cirrus", is_active=False)
    assert_envelope(sandbox.cirrus("GET", "core/systemstatus"), 401, "Unauthorized")


@pytest.mark.parametrize("path", [f"sms/sendsms/{WHATSAPP_STREAM}", "sms/sendsms/unknown", "no/such/address"])
def test_answers_404_for_what_it_does_not_have(sandbox: PlayedSandbox, path: str):
    answer = sandbox.cirrus("POST", path, {"Number": "447700900142", "Message": "Hello"})
    assert_envelope(answer, 404, "Not found", data="")


def test_answers_501_for_another_method(sandbox: PlayedSandbox):
    assert_envelope(sandbox.cirrus("GET", f"sms/sendsms/{SMS_STREAM}"), 501, "Not implemented", data="")


def test_system_status(sandbox: PlayedSandbox):
    assert_envelope(sandbox.cirrus("GET", "core/systemstatus"), 200, "System is operational", data=None)


def test_status_can_be_text(sandbox: PlayedSandbox):
    sandbox.control("accounts", provider="cirrus", status_as_text=True)
    assert sandbox.cirrus("GET", "core/systemstatus").json()["status"] == "200"


def test_lists_managers(sandbox: PlayedSandbox):
    rows = sandbox.cirrus("GET", "managers").json()["data"]
    assert [(row["identityId"], row["email"]) for row in rows] == [
        (12345678, "priya@fernhill.example"),
        (36574658, "tom@fernhill.example"),
    ]
