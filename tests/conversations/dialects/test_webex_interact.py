"""Webex Interact's dialect without a provider: what is answered, what is kept, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Campaign, CampaignRecipient, CannedReply, Contact, Conversation, Message, OptIn
from conversations.services import consent
from tests import factories
from tests.conversations.dialects.conftest import MakeProgram, Program

pytestmark = pytest.mark.django_db

AMIRA, MARK, ROSA = "+447700900142", "+447700900267", "+447700900311"
BAD_NUMBER = "Invalid phone number or unsupported region."


def at(**ahead: float) -> str:
    return (timezone.now() + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def sample(**changes: Any) -> dict[str, Any]:
    """The document's sample request, with numbers in the place of its masked ones and times that lie ahead."""
    return {
        "message_body": "Hello ${firstname},/nyour ${count} service is due by ${date}. Contact us on ${phone} to "
        "schedule an appointment.",
        "send_at": at(hours=2),
        "valid_until": at(hours=22),
        "from": "WxInteract",
        "to": [
            {
                "correlation_id": "corr_id_1",
                "phone": [AMIRA, ROSA],
                "merge_fields": {"count": "first", "date": "15th Jan, 2025"},
            },
            {
                "correlation_id": "corr_id_2",
                "phone": [MARK],
                "merge_fields": {"firstname": "Mark", "count": "second", "date": "20th Jan, 2025"},
            },
        ],
        "global_merge_fields": {"firstname": "user", "phone": "+447709873123"},
    } | changes


def one(**changes: Any) -> dict[str, Any]:
    return {"message_body": "Your visit is on Friday.", "from": "WxInteract", "to": [{"phone": [AMIRA]}]} | changes


def refusal(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 400, answer.content
    return answer.json()


def nothing_is_kept() -> bool:
    kept = (Message, Campaign, CampaignRecipient, Contact, Conversation)
    return not any(model.objects.exists() for model in kept)


def test_the_sample_request_becomes_a_campaign(program: Program, tom: Any) -> None:
    answer = program.webex(sample())
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert [message["to"] for message in body["messages"]] == [AMIRA, ROSA, MARK]
    assert all(message["status"] == "queued" and message["code"] == 1001 for message in body["messages"])
    assert all(len(message["transaction_id"]) == 31 for message in body["messages"])
    assert body.keys() == {"request_id", "messages", "errors"}
    assert body["request_id"].startswith("aps_")
    assert len(body["request_id"]) == 31
    assert body["errors"] == []
    campaign = Campaign.objects.get()
    assert (campaign.status, campaign.confirmed_by, campaign.sendable_count) == ("scheduled", tom, 3)
    rows = CampaignRecipient.objects.order_by("row").values_list("fields", flat=True)
    assert [row["correlation_id"] for row in rows] == ["corr_id_1", "corr_id_1", "corr_id_2"]
    assert [row["transaction_id"] for row in rows] == [message["transaction_id"] for message in body["messages"]]


def test_each_person_gets_their_own_words(program: Program) -> None:
    from conversations.services.campaigns.texts import Texts

    program.webex(sample())
    texts = Texts(Campaign.objects.get())
    said = [texts.for_row(row.fields).body for row in CampaignRecipient.objects.order_by("row")]
    assert said[0] == (
        "Hello user,/nyour first service is due by 15th Jan, 2025. Contact us on +447709873123 to schedule an "
        "appointment."
    )
    assert said[2].startswith("Hello Mark,/nyour second service")


def test_one_number_is_a_message_in_its_conversation(program: Program, tom: Any) -> None:
    answer = program.webex(one()).json()
    message = Message.objects.get()
    assert (message.body, message.status, message.author) == ("Your visit is on Friday.", "queued", tom)
    assert message.conversation.assignee is None  # a program answers nobody
    assert answer["messages"] == [
        {"transaction_id": answer["messages"][0]["transaction_id"], "to": AMIRA, "status": "queued", "code": 1001}
    ]
    assert not Campaign.objects.exists()


def test_a_bad_number_among_good_ones_is_an_error_of_its_own(program: Program) -> None:
    body = program.webex(one(to=[{"phone": [AMIRA, "+4477416325434477416325434"]}])).json()
    assert [message["to"] for message in body["messages"]] == [AMIRA]
    assert body["errors"] == [
        {"to": "+4477416325434477416325434", "status": "error", "code": 1002, "message": BAD_NUMBER}
    ]


@pytest.mark.parametrize("phone", ["+4474512XXXXX", "", "12345", "+447741632543/../x", "٠٠", "x" * 5_000])
def test_only_bad_numbers_leave_nothing_behind(program: Program, phone: str) -> None:
    for phones in ([phone], [phone, "+4474532XXXXX"]):
        answer = program.webex(one(to=[{"phone": phones}]))
        assert answer.status_code == 200
        assert [error["message"] for error in answer.json()["errors"]] == [BAD_NUMBER] * len(phones)
        assert answer.json()["messages"] == []
    assert nothing_is_kept()


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"message_body": None}, "message_body, template_id", "neither message_body nor template_id was provided"),
        ({"template_id": "stp_1"}, "message_body, template_id", "both were provided, only one is allowed."),
        (
            {"to": [{"correlation_id": "c"}]},
            "to[0].phone",
            "invalid recipients object format, no phone numbers provided.",
        ),
        ({"send_at": "2025-01-18T02:20:20Z"}, "send_at", "date must be in the future"),
        ({"send_at": at(days=8)}, "send_at", "date cannot be more than 7 days in the future"),
        ({"valid_until": at(days=4)}, "valid_until", "date cannot be more than 3 days in the future"),
        (
            {"send_at": at(days=2), "valid_until": at(days=1)},
            "valid_until",
            "date must be in the future when compared to send_at ",
        ),
    ],
)
def test_the_documented_refusals(program: Program, changes: dict, field: str, message: str) -> None:
    said = refusal(program.webex(one(**changes)))
    assert said == {"errors": [{"field": field, "message": message, "code": 10006}]}
    assert nothing_is_kept()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"from": None}, "from"),
        ({"from": "Somebody"}, "from"),
        ({"template_id": "none", "message_body": ""}, "template_id"),
        ({"to": []}, "to"),
        ({"to": "x"}, "to"),
        ({"to": [{"phone": [7]}]}, "to[0].phone"),
        ({"message_body": "Hello ${firstname}"}, "to[0].merge_fields"),
        ({"message_body": "Hello ${first name}"}, "message_body"),
        ({"message_body": "  "}, "message_body"),
        ({"message_body": ["x"]}, "message_body"),
        ({"global_merge_fields": "x"}, "global_merge_fields"),
        ({"to": [{"phone": [AMIRA], "merge_fields": {"a": {}}}]}, "to[0].merge_fields"),
        ({"send_at": "tomorrow"}, "send_at"),
        ({"send_at": "2025-02-30T00:00:00Z"}, "send_at"),
        ({"send_at": 7}, "send_at"),
        ({"send_at": "9999-12-31T23:59:59+14:00"}, "send_at"),
        ({"schedule_at": "2025-01-18T02:20:20Z"}, "schedule_at"),
        ({"valid_until": "2025-01-18T02:20:20Z"}, "valid_until"),
    ],
)
def test_other_refusals_name_their_field(program: Program, changes: dict, field: str) -> None:
    for phones in ([AMIRA], [AMIRA, MARK]):
        body = one(**changes)
        if body["to"] == [{"phone": [AMIRA]}]:
            body["to"] = [{"phone": phones}]
        (error,) = refusal(program.webex(body))["errors"]
        assert (error["field"], error["code"]) == (field, 10006)
    assert nothing_is_kept()


def test_ten_thousand_numbers_at_once(program: Program) -> None:
    phones = [f"+4474{number:08}" for number in range(12_345_678, 12_345_678 + 10_001)]
    assert refusal(program.webex(one(to=[{"phone": phones}])))["errors"][0]["field"] == "to"
    begun = timezone.now()
    answer = program.webex(one(to=[{"phone": phones[:10_000]}]))
    assert len(answer.json()["messages"]) == 10_000, answer.json()["errors"][:1]
    assert timezone.now() - begun < timedelta(seconds=20)
    assert Campaign.objects.get().sendable_count == 10_000


def test_an_opt_out_is_said_in_our_sentence(program: Program, line: Any) -> None:
    contact = factories.make_contact(AMIRA)
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="agent"))
    (error,) = program.webex(one()).json()["errors"]
    assert (error["to"], error["code"]) == (AMIRA, 1002)
    assert "opted out" in error["message"]
    answer = program.webex(one(to=[{"phone": [AMIRA, MARK]}])).json()
    assert answer["errors"] == [{"to": AMIRA, "status": "error", "code": 1002, "message": "Opted out of SMS."}]
    assert [message["to"] for message in answer["messages"]] == [MARK]


def test_the_same_number_twice_is_not_swallowed(program: Program) -> None:
    answer = program.webex(one(to=[{"phone": [AMIRA, "07700 900142"]}])).json()
    assert len(answer["messages"]) == 1
    assert answer["errors"][0]["message"] == "The same number stands in an earlier row."


def test_fields_of_any_name_and_blank_ones(program: Program) -> None:
    group = {"phone": [AMIRA], "merge_fields": {"FirstName": "Rosa", "correlation_id": "7", "city": ""}}
    program.webex(one(message_body="${FirstName}|${city}|${correlation_id}|$5", to=[group]))
    assert Message.objects.get().body == "Rosa||7|$5"
    program.webex(one(message_body="${FirstName}|${city}|${correlation_id}", to=[group, group | {"phone": [MARK]}]))
    campaign = Campaign.objects.get()
    from conversations.services.campaigns.texts import Texts

    assert Texts(campaign).for_row(CampaignRecipient.objects.last().fields).body == "Rosa||7"


def test_a_text_that_is_too_long_is_refused(program: Program) -> None:
    assert refusal(program.webex(one(message_body="x" * 2_000)))["errors"][0]["field"] == "message_body"
    answer = program.webex(one(message_body="x" * 2_000, to=[{"phone": [AMIRA, MARK]}])).json()
    assert [error["code"] for error in answer["errors"]] == [1002, 1002]  # with fields, it depends on the person
    assert nothing_is_kept()


def test_a_value_is_never_filled_in_again(program: Program) -> None:
    program.webex(one(message_body="${a}", to=[{"phone": [AMIRA], "merge_fields": {"a": "${b}{{7*7}}", "b": "x"}}]))
    assert Message.objects.get().body == "${b}{{7*7}}"


def test_a_template_is_a_canned_reply(program: Program, tom: Any) -> None:
    CannedReply.objects.create(shortcut="visit", title="Visit", body="Hello ${first_name}, it is ${agent_name}.")
    body = one(to=[{"phone": [AMIRA], "merge_fields": {"firstname": "Rosa"}}], template_id="visit")
    del body["message_body"]
    program.webex(body)
    assert Message.objects.get().body == "Hello Rosa, it is Tom Reyes."


def test_a_repeat_with_its_key_is_done_once(program: Program) -> None:
    first = program.webex(one(), **{"Idempotency-Key": "a"})
    again = program.webex(one(), **{"Idempotency-Key": "a"})
    assert again.json() == first.json()
    assert again["Idempotent-Replay"] == "true"
    assert Message.objects.count() == 1
    other = program.webex(one(message_body="Something else."), **{"Idempotency-Key": "a"})
    assert other.status_code == 422
    assert program.webex(one()).status_code == 200  # without one, each request is a request of its own
    assert Message.objects.count() == 2


def test_a_refused_request_leaves_its_key_free(program: Program) -> None:
    assert program.webex(one(message_body=""), **{"Idempotency-Key": "a"}).status_code == 400
    assert program.webex(one(), **{"Idempotency-Key": "a"}).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "phones", "status"),
    [(("read",), [AMIRA], 403), (("send",), [AMIRA], 200), (("send",), [AMIRA, MARK], 403), (("bulk",), [AMIRA], 403)],
)
def test_scopes(make_program: MakeProgram, tom: Any, scopes: tuple, phones: list, status: int) -> None:
    answer = make_program(tom, scopes).webex(one(to=[{"phone": phones}]))
    assert answer.status_code == status
    assert Message.objects.count() + Campaign.objects.count() == (status == 200)


def test_an_agent_cannot_send_to_many_whatever_the_key_says(make_program: MakeProgram, line: Any) -> None:
    agent = factories.make_user()
    factories.make_team(members=[agent], streams=[line])
    program = make_program(agent)
    assert program.webex(one(to=[{"phone": [AMIRA, MARK]}])).status_code == 403
    assert nothing_is_kept()
    assert program.webex(one()).status_code == 200


def test_streams_of_others_are_not_there(program: Program, make_program: MakeProgram, tom: Any, line: Any) -> None:
    factories.make_stream(sender="THEIRS")
    unknown = refusal(program.webex(one(**{"from": "NOBODY"})))
    assert refusal(program.webex(one(**{"from": "THEIRS"}))) == unknown
    other = factories.make_stream(sender="OTHER")
    factories.make_team(members=[tom], streams=[other])
    narrowed = make_program(tom, streams=(other,))
    assert refusal(narrowed.webex(one())) == unknown
    assert narrowed.webex(one(**{"from": "OTHER"})).status_code == 200


def test_a_stream_that_is_off(program: Program, line: Any) -> None:
    line.is_active = False
    line.save()
    for phones in ([AMIRA], [AMIRA, MARK]):
        (error,) = refusal(program.webex(one(to=[{"phone": phones}])))["errors"]
        assert error["field"] == "from"
        assert "switched off" in error["message"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff{}", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"from": NaN}', "application/json", 400),
        (b'{"from": "\\ud800"}', "application/json", 400),
        (b'{"from": "\\u0000"}', "application/json", 400),
        (b'{"from": ' + b"9" * 5_000 + b"}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"from=x", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b" " * (2 * 1024 * 1024 + 1), "application/json", 413),
    ],
)
def test_bodies_that_nobody_can_read(program: Program, body: bytes, kind: str, status: int) -> None:
    answer = program.client.post(
        "/dialects/webex_interact/v1/sms", body, content_type=kind, headers={"X-AUTH-KEY": program.text}
    )
    assert answer.status_code == status, answer.content
    assert answer.json()["errors"][0]["message"]


def test_keys_that_do_not_work(program: Program, tom: Any) -> None:
    unknown = {"errors": [{"message": "invalid access token", "code": 10001}]}
    for text in ("", "x", program.text[:-1], program.text + "x", "pk_aaaaaaaa_" + "a" * 43, "\u00e9" * 40):
        answer = program.client.post("/dialects/webex_interact/v1/sms", headers={"X-AUTH-KEY": text})
        assert (answer.status_code, answer.json()) == (401, unknown)
    tom.is_active = False
    tom.save()
    assert program.webex(one()).status_code == 401


def test_other_methods_and_addresses(program: Program) -> None:
    headers = {"X-AUTH-KEY": program.text}
    answer = program.client.get("/dialects/webex_interact/v1/sms", headers=headers)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    for path in ("v1/nothing", "v1/sms/", "%00", "x" * 3_000):
        assert program.client.post(f"/dialects/webex_interact/{path}", headers=headers).status_code == 404


def test_too_many_requests(program: Program) -> None:
    program.key.rate_per_minute = 1
    program.key.save()
    answers = [program.webex(one()) for _ in range(3)]  # a minute may end between two of them
    assert 429 in [answer.status_code for answer in answers]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json() == {"errors": [{"message": "too many requests"}]}
    assert int(refused["Retry-After"]) <= 60


def test_nobody_sets_what_is_ours(program: Program) -> None:
    program.webex(one() | {"status": "delivered", "author": 1, "stream": 2, "id": 7})
    message = Message.objects.get()
    assert (message.status, message.stream.sender) == ("queued", "WxInteract")
    assert json.dumps(program.webex(one()).json())
