"""Outbound SMS: the requests against the document's examples, and every documented answer and error."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from messaging.errors import ConfigurationError, Refused, Unconfirmed, UnsupportedFeature
from messaging.providers.base import Account
from messaging.providers.ccai_platform import CCAIPlatform, OutboundSms
from messaging.providers.ccai_platform.chats import AgentInfo, Chat, EndUser, Participant
from messaging.types import (
    Answer,
    Channel,
    Limits,
    OutboundMessage,
    Outcome,
    Recipient,
    RecipientResult,
    SendResult,
    StreamConfig,
)

Answered = Callable[..., Answer]

EXAMPLE = OutboundSms("+1 415-555-0100", "+1 628-555-0199", "lorem ipsum")
STREAM = StreamConfig(Channel.SMS, sender="+16285550199")
TEXT = OutboundMessage("text", (Recipient("ref-1", "+14155550100"),), body="lorem ipsum")
CREATED = datetime(2021, 10, 4, 17, 20, 51, tzinfo=UTC)


class TestTheRequest:
    @pytest.mark.parametrize(
        ("case", "given"),
        [
            ("with_ticket_id", {"ticket_id": "5006x00000XXxxxXXX"}),
            ("with_agent_id", {"agent_id": "1"}),
            ("with_agent_email", {"agent_email": "john.doe@foo.com"}),
            ("without_any", {}),
        ],
    )
    def test_of_each_documented_example(
        self, account: Account, payload: Callable[[str], bytes], case: str, given: Mapping[str, str]
    ) -> None:
        request = replace(EXAMPLE, **given).build_request(account)
        assert (request.method, request.url) == ("POST", "https://customer.uc1.ccaiplatform.com/apps/api/v1/sms")
        assert request.headers == {
            "Content-Type": "application/json",
            "Authorization": "Basic Y3VzdG9tZXI6dDBrZW4=",
        }
        assert b64decode(request.headers["Authorization"].removeprefix("Basic ")) == b"customer:t0ken"
        assert request.json == json.loads(payload(f"request_{case}"))

    def test_of_a_plan(self, account: Account) -> None:
        message = replace(TEXT, ticket_id="5006x00000XXxxxXXX", agent_id="7", agent_email="a@example.com")
        assert CCAIPlatform.plan(message, STREAM).build_request(account).json == {
            "chat_type": "Messaging (SMS)",
            "end_user_number": "+14155550100",
            "outbound_number": "+16285550199",
            "message": "lorem ipsum",
            "ticket_id": "5006x00000XXxxxXXX",
            "agentId": 7,
        }

    def test_with_the_chat_type_that_the_stream_wants(self, account: Account) -> None:
        stream = replace(STREAM, settings={"chat_type": "SMS"})
        assert CCAIPlatform.plan(TEXT, stream).build_request(account).json["chat_type"] == "SMS"

    @pytest.mark.parametrize(
        ("base_url", "credentials", "url"),
        [
            ("https://{subdomain}.{domain}/apps/api/v1", {}, "https://customer.uc1.ccaiplatform.com/apps/api/v1/sms"),
            (
                "https://{subdomain}.{domain}/apps/api/v1",
                {"domain": "stg.ccaiplatform.com"},
                "https://customer.stg.ccaiplatform.com/apps/api/v1/sms",
            ),
            ("https://customer.ujet.co/apps/api/v1", {}, "https://customer.ujet.co/apps/api/v1/sms"),
            ("http://127.0.0.1:9/ccai_platform/apps/api/v1", {}, "http://127.0.0.1:9/ccai_platform/apps/api/v1/sms"),
        ],
    )
    def test_goes_to_the_accounts_address(self, base_url: str, credentials: Mapping[str, str], url: str) -> None:
        account = Account(base_url, {"subdomain": "customer", "token": "t"} | credentials)
        assert EXAMPLE.build_request(account).url == url

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("subdomain", ""),
            ("subdomain", "a.b/.."),
            ("subdomain", "x@y"),
            ("subdomain", "evil.test#"),
            ("subdomain", "-a"),
            ("subdomain", "a" * 64),
            ("subdomain", "a\n"),
            ("subdomain", "caf\u00e9"),
            ("domain", "localhost"),
            ("domain", "evil.test/x"),
            ("domain", "a..b"),
            ("domain", "uc1.ccaiplatform.com\n"),
            ("token", ""),
            ("token", "two words"),
            ("token", "line\r\nX-Evil: 1"),
            ("token", "\u043a\u043b\u044e\u0447"),
        ],
    )
    def test_is_not_built_with_a_credential_that_cannot_be_one(self, account: Account, name: str, value: str) -> None:
        faulty = Account(account.base_url, {**account.credentials, name: value})
        with pytest.raises(ConfigurationError, match=name) as caught:
            EXAMPLE.build_request(faulty)
        assert name != "token" or not value or value not in str(caught.value)

    @pytest.mark.parametrize("agent_id", ["john", "1 or 1=1", "-1", "1.0", "9" * 19, "\u0661"])
    def test_is_not_built_with_an_agent_id_that_is_no_number(self, account: Account, agent_id: str) -> None:
        with pytest.raises(ConfigurationError, match="agent's id"):
            replace(EXAMPLE, agent_id=agent_id).build_request(account)

    def test_is_not_built_without_a_sender(self, account: Account) -> None:
        with pytest.raises(ConfigurationError, match="no outbound number"):
            replace(EXAMPLE, outbound_number="").build_request(account)

    @pytest.mark.parametrize("count", [0, 2])
    def test_is_for_one_recipient(self, count: int) -> None:
        with pytest.raises(ConfigurationError, match=f"one recipient in a request, not {count}"):
            CCAIPlatform.plan(replace(TEXT, recipients=TEXT.recipients * count), STREAM)

    def test_is_for_texts_by_sms_sent_at_once(self) -> None:
        for message, stream in (
            (replace(TEXT, kind="template"), STREAM),
            (replace(TEXT, send_at=CREATED), STREAM),
            (TEXT, replace(STREAM, channel=Channel.WHATSAPP)),
        ):
            with pytest.raises(UnsupportedFeature):
                CCAIPlatform.plan(message, stream)


class TestTheAnswer:
    def test_is_read_whole(self, answered: Answered, payload: Callable[[str], bytes]) -> None:
        customer = Participant(
            id=205,
            kind="end_user",
            status="connected",
            chat_id=114,
            user_id=None,
            end_user_id=87,
            chat_duration=None,
            connected_at=CREATED,
            ended_at=None,
            fail_reason="nothing",
        )
        joined = datetime(2021, 10, 4, 17, 20, 53, tzinfo=UTC)
        agent = replace(customer, id=206, kind="agent", user_id=1, end_user_id=None, connected_at=joined)
        assert EXAMPLE.parse_response(answered("answer_chat_assigned_by_agent_id")) == Chat(
            id=114,
            lang="en",
            chat_type="Messaging (SMS)",
            status="assigned",
            created_at=CREATED,
            queued_at=None,
            assigned_at=joined,
            ends_at=None,
            wait_duration=0,
            chat_duration=0,
            rating=None,
            has_feedback=False,
            out_ticket_id="",
            out_ticket_url="",
            verified=False,
            disconnected_by="disconnected_by_unknown",
            fail_reason="",
            selected_menu={},
            menu_path={},
            agent=AgentInfo(
                id=1,
                agent_number=9,
                email="john.doe@foo.com",
                name="John Doe",
                first_name="John",
                last_name="Doe",
                avatar_url="https://foobar.com/johndoe",
            ),
            end_user=EndUser(id=87, identifier="", out_contact_id=""),
            photos=(),
            videos=(),
            transfers=(),
            participants=(customer, agent),
            offer_type="",
            offer_events=(),
            answer_type="manual",
            outbound_number="+16285550199",
            raw=json.loads(payload("answer_chat_assigned_by_agent_id")),
        )

    @pytest.mark.parametrize(
        ("case", "status", "people"), [("selecting", "selecting", 1), ("assigned_by_agent_email", "assigned", 2)]
    )
    def test_without_an_agent(self, answered: Answered, case: str, status: str, people: int) -> None:
        chat = EXAMPLE.parse_response(answered(f"answer_chat_{case}"))
        assert (chat.id, chat.status, len(chat.participants), chat.agent) == (114, status, people, None)
        assert chat.is_open

    def test_with_new_keys_and_odd_values_is_still_a_chat(self) -> None:
        body = {
            "id": "114",
            "status": "finished",
            "created_at": 5e99,
            "agent_info": [],
            "participants": [1, {}],
            "x": 1,
        }
        chat = EXAMPLE.parse_response(Answer(200, {}, json.dumps(body).encode()))
        assert (chat.id, chat.is_open, chat.created_at, chat.agent) == (114, False, None, None)
        assert len(chat.participants) == 1
        assert chat.raw == body

    def test_makes_the_result_of_a_message(self, answered: Answered) -> None:
        sent = CCAIPlatform.plan(TEXT, STREAM).parse_response(answered("answer_chat_selecting"))
        assert sent == SendResult((RecipientResult("ref-1", Outcome.ACCEPTED, conversation_id="114"),))

    @pytest.mark.parametrize(
        "body", [b"", b"{}", b"[]", b"null", b'{"id": null}', b'{"id": true}', b"<html>", b'{"id": 1']
    )
    def test_that_names_no_chat_proves_nothing(self, body: bytes) -> None:
        with pytest.raises(Unconfirmed) as caught:
            CCAIPlatform.plan(TEXT, STREAM).parse_response(Answer(200, {}, body))
        assert caught.value.code == "unreadable_answer"


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ("chat_type needs to be provided", "chat_type_missing"),
            ("valid chat type needs to be provided", "chat_type_refused"),
            ("SMS is not enabled", "sms_not_enabled"),
            ("Outbound SMS is not enabled", "outbound_not_enabled"),
            ("end_user_number is required", "recipient_number_missing"),
            ("end_user_number is invalid", "recipient_number_refused"),
            ("Non-US phone number not allowed", "non_us_number"),
            ("outbound_number is required", "sender_missing"),
            ("outbound_number is invalid", "sender_refused"),
            ("outbound_number is not found", "sender_not_found"),
            ("message is required", "message_missing"),
            ("Outbound SMS failed. Consumer is already in an active SMS session.", "session_active"),
        ],
    )
    def test_every_documented_one(self, words: str, code: str) -> None:
        answer = Answer(400, {}, json.dumps({"message": words}).encode())
        with pytest.raises(Refused) as caught:
            CCAIPlatform.plan(TEXT, STREAM).parse_response(answer)
        assert (caught.value.code, caught.value.text, caught.value.answer) == (code, words, answer)

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"message": "Something new"}, "Something new"),
            ({"message": {"a": 1}}, "HTTP 400"),
            ({"error": "x"}, "HTTP 400"),
            ([], "HTTP 400"),
            ({"message": "a\x00b\ud800"}, "ab?"),
        ],
    )
    def test_others_keep_their_words(self, body: object, words: str) -> None:
        with pytest.raises(Refused) as caught:
            EXAMPLE.parse_response(Answer(400, {}, json.dumps(body).encode()))
        assert (caught.value.code, caught.value.text) == ("refused", words)


def test_limits() -> None:
    assert CCAIPlatform.limits(Channel.SMS) == Limits(recipients_per_request=1, receipts=False)
