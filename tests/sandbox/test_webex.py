"""Webex Interact: every documented answer and every documented field error, word for word."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from .playing import AMIRA, MARK, PlayedSandbox

TEMPLATE = "stp_2alB8n4k3BuCjOumRddxXiaA97M"
KSUID = re.compile(r"(aps|tid|cid|evt)_[0-9A-Za-z]{27}")


def at(later: timedelta) -> str:
    """A time from now on, as the documents write times."""
    return (datetime.now(UTC) + later).strftime("%Y-%m-%dT%H:%M:%SZ")


def sms(**changes) -> dict:
    body = {"message_body": "Hello", "from": "FERNHILL", "to": [{"correlation_id": "c-1", "phone": [AMIRA]}]}
    return {name: value for name, value in (body | changes).items() if value is not None}


def test_queues_each_number(sandbox: PlayedSandbox):
    to = [{"correlation_id": "c-1", "phone": [AMIRA, MARK]}, {"phone": ["+447700900355"]}]
    answer = sandbox.webex("POST", "v1/sms", sms(to=to))
    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == ["request_id", "messages", "errors"]
    assert body["errors"] == []
    assert [row["to"] for row in body["messages"]] == [AMIRA, MARK, "+447700900355"]
    for row in body["messages"]:
        assert row == {"transaction_id": row["transaction_id"], "to": row["to"], "status": "queued", "code": 1001}
        assert KSUID.fullmatch(row["transaction_id"])
    assert KSUID.fullmatch(body["request_id"])
    messages = sandbox.messages()
    assert [message["ref"] for message in messages[:2]] == ["c-1", "c-1"]
    assert messages[2]["ref"].startswith("cid_")
    assert messages[0]["business_name"] == "FERNHILL"


def test_ids_carry_the_time(sandbox: PlayedSandbox):
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for letter in sandbox.webex("POST", "v1/sms", sms()).json()["request_id"].removeprefix("aps_"):
        number = number * 62 + alphabet.index(letter)
    seconds = (number >> 128) + 1_400_000_000
    assert abs(seconds - datetime.now(UTC).timestamp()) < 60


def test_a_bad_number_stands_beside_the_accepted_ones(sandbox: PlayedSandbox):
    to = [{"phone": [AMIRA, "+4477416325434477416325434", "07700900142"]}]
    body = sandbox.webex("POST", "v1/sms", sms(to=to)).json()
    assert [row["to"] for row in body["messages"]] == [AMIRA]
    assert body["errors"] == [
        {"to": number, "status": "error", "code": 1002, "message": "Invalid phone number or unsupported region."}
        for number in ("+4477416325434477416325434", "07700900142")
    ]


NEITHER = ("message_body, template_id", "neither message_body nor template_id was provided")
NO_NUMBERS = "invalid recipients object format, no phone numbers provided."


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"message_body": None}, *NEITHER),
        ({"message_body": ""}, *NEITHER),
        ({"template_id": TEMPLATE}, "message_body, template_id", "both were provided, only one is allowed."),
        ({"to": [{"phone": []}]}, "to[0].phone", NO_NUMBERS),
        ({"to": [{"phone": [AMIRA]}, {"correlation_id": "x"}]}, "to[1].phone", NO_NUMBERS),
        ({"to": [{"phone": AMIRA}]}, "to[0].phone", NO_NUMBERS),
        ({"to": []}, "to", NO_NUMBERS),
        ({"send_at": timedelta(minutes=-1)}, "send_at", "date must be in the future"),
        ({"send_at": timedelta(days=7, minutes=1)}, "send_at", "date cannot be more than 7 days in the future"),
        ({"schedule_at": timedelta(days=8)}, "schedule_at", "date cannot be more than 7 days in the future"),
        ({"send_at": "tomorrow"}, "send_at", "date must be in ISO 8601 format"),
        ({"valid_until": timedelta(days=3, minutes=1)}, "valid_until", "date cannot be more than 3 days in the future"),
        (
            {"send_at": timedelta(hours=2), "valid_until": timedelta(hours=1)},
            "valid_until",
            "date must be in the future when compared to send_at ",
        ),
        (
            {"send_at": timedelta(days=2), "valid_until": timedelta(days=5, minutes=1)},
            "valid_until",
            "date cannot be more than 3 days in the future",
        ),
        ({"valid_until": timedelta(minutes=-1)}, "valid_until", "date must be in the future"),
        ({"from": "NOBODY"}, "from", "sender is not registered for this account"),
        ({"from": None}, "from", "from is required"),
        ({"message_body": None, "template_id": "stp_none"}, "template_id", "template not found"),
        ({"message_body": "Hi ${firstname}"}, "to[0].merge_fields", "no value for merge field firstname"),
    ],
)
def test_every_field_error(sandbox: PlayedSandbox, changes: dict, field: str, message: str):
    changes = {name: at(value) if isinstance(value, timedelta) else value for name, value in changes.items()}
    for address in ("v1/sms", "v1/sms/test"):
        answer = sandbox.webex("POST", address, sms(**changes))
        assert answer.status_code == 400
        assert answer.json() == {"errors": [{"field": field, "message": message, "code": 10006}]}
    assert sandbox.messages() == []


def test_ten_thousand_numbers_are_the_most(sandbox: PlayedSandbox):
    phones = [f"+4477009{number:05d}" for number in range(10_001)]
    answer = sandbox.webex("POST", "v1/sms", sms(to=[{"phone": phones}]))
    assert answer.json()["errors"][0]["field"] == "to"
    answer = sandbox.webex("POST", "v1/sms/test", sms(to=[{"phone": phones[:10_000]}]))
    assert len(answer.json()["messages"]) == 10_000


def test_merge_fields_of_a_recipient_come_before_the_global_ones(sandbox: PlayedSandbox):
    body = sms(
        message_body="Hello ${firstname}, your ${count} service. ${phone}",
        to=[
            {"phone": [AMIRA], "merge_fields": {"count": "first"}},
            {"phone": [MARK], "merge_fields": {"count": "second", "firstname": "Mark ${count}"}},
        ],
        global_merge_fields={"firstname": "user", "phone": "+447709873000"},
    )
    assert sandbox.webex("POST", "v1/sms", body).status_code == 200
    assert [message["text"] for message in sandbox.messages()] == [
        "Hello user, your first service. +447709873000",
        "Hello Mark ${count}, your second service. +447709873000",
    ]


def test_a_template_by_its_id(sandbox: PlayedSandbox):
    values = {"firstname": "Amira", "count": "first", "date": "15th Jan", "phone": "+447709873000"}
    body = sms(message_body=None, template_id=TEMPLATE, global_merge_fields=values)
    assert sandbox.webex("POST", "v1/sms", body).ok
    assert sandbox.messages()[0]["text"].startswith("Hello Amira,\nyour first service is due by 15th Jan.")


def test_the_twin_for_tests_sends_nothing(sandbox: PlayedSandbox):
    assert sandbox.webex("POST", "v1/sms/test", sms()).json()["messages"][0]["code"] == 1001
    assert sandbox.messages() == []


@pytest.mark.parametrize("field", ["send_at", "schedule_at"])
def test_a_scheduled_request_can_be_cancelled_until_its_time(sandbox: PlayedSandbox, field: str):
    request_id = sandbox.webex("POST", "v1/sms", sms(**{field: at(timedelta(days=1))})).json()["request_id"]
    [row] = sandbox.webex("POST", "campaigns/v1/scheduled", {"filter": {"id": request_id}}).json()["items"]
    assert (row["status"], row["recipients"]) == ("SCHEDULED", 1)
    assert sandbox.webex("DELETE", f"campaigns/v1/cancel/{request_id}").status_code == 204
    assert sandbox.control("schedule/advance") == {"sent": 0}
    assert sandbox.messages()[0]["status"] == "cancelled"
    assert sandbox.webex("DELETE", f"campaigns/v1/cancel/{request_id}").status_code == 400
    assert sandbox.webex("DELETE", "campaigns/v1/cancel/aps_none").status_code == 404
    since, until = at(timedelta(days=-1)), at(timedelta(days=2))
    filters = {"status": ["DELETED"], "created_at_start": since, "created_at_end": until}
    deleted = sandbox.webex("POST", "campaigns/v1/scheduled", {"filter": filters}).json()
    assert deleted["paging"] == {"current_page": 1, "total_items": 1, "total_pages": 1}


def test_account_and_senders(sandbox: PlayedSandbox):
    account = sandbox.webex("GET", "identity/v1/account").json()
    assert list(account) == [
        "account_uid",
        "account_status",
        "home_region",
        "time_zone",
        "default_currency",
        "account_balance",
        "created",
    ]
    senders = sandbox.webex("GET", "assets/v1/senders?page_number=1&page_size=25").json()
    assert senders == {
        "paging": {"current_page": 1, "total_items": 1, "total_pages": 1},
        "items": [{"id": "ssd_2rLDt24N3TpQklpvfI6qN9rwHa0", "name": "FERNHILL", "status": "ACTIVE"}],
    }
    assert sandbox.webex("DELETE", "assets/v1/senders/ssd_none").status_code == 404
    assert sandbox.webex("DELETE", f"assets/v1/senders/{senders['items'][0]['id']}").status_code == 204
    assert sandbox.webex("POST", "v1/sms", sms()).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"X-AUTH-KEY": "aky_wrong"}, {"Authorization": "Bearer aky_sandbox"}])
def test_refuses_a_wrong_key(sandbox: PlayedSandbox, headers: dict):
    answer = sandbox.webex("POST", "v1/sms", sms(), headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"errors": [{"message": "invalid access token", "code": 10001}]}


def test_a_number_that_opted_out_is_queued_and_dropped(sandbox: PlayedSandbox):
    sandbox.webex("POST", "v1/sms", sms())
    sandbox.settle()
    sandbox.control("reply", phone=AMIRA, text=" stop ")
    [row] = sandbox.webex("GET", "contacts/v1/optouts?number=%2B447700900142").json()["items"]
    assert (row["phone_number"], row["inbound_number"]) == (AMIRA, "+447700900177")
    body = sandbox.webex("POST", "v1/sms", sms()).json()
    assert body["messages"][0]["code"] == 1001
    assert sandbox.messages(direction="to_phone")[-1]["status"] == "suppressed"
    assert sandbox.webex("POST", "v1/sms", sms(skip_optout_check=True)).ok
    assert sandbox.messages(direction="to_phone")[-1]["status"] != "suppressed"
    sandbox.control("reply", phone=AMIRA, text="START")
    assert sandbox.webex("GET", "contacts/v1/optouts").json()["items"] == []


def test_a_message_whose_validity_ends_first_is_not_delivered(sandbox: PlayedSandbox):
    sandbox.control("accounts", provider="webex_interact", delivered_after=1.5)
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    assert sandbox.webex("POST", "v1/sms", sms(valid_until=soon)).ok
    sandbox.settle()
    [message] = sandbox.messages()
    assert (message["status"], message["delivered_at"]) == ("failed", None)
