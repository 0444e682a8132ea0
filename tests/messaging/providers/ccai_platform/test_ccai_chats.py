"""Reading a chat and its messages, and the connection test over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from messaging.errors import ConfigurationError, Refused, Unconfirmed
from messaging.providers.base import Account
from messaging.providers.ccai_platform import CCAIPlatform, GetChat, GetChatMessages, OutboundSms
from messaging.types import Answer

Answered = Callable[..., Answer]
HEADERS = {"Authorization": "Basic Y3VzdG9tZXI6dDBrZW4="}
BASE = "https://customer.uc1.ccaiplatform.com/apps/api/v1"


@pytest.fixture
def provider(provider_server, account: Account) -> CCAIPlatform:
    base_url = provider_server.url + "/ccai_platform/apps/api/v1"
    return CCAIPlatform(Account(base_url, account.credentials), provider_server.transport)


def test_the_request_for_a_chat(account: Account) -> None:
    request = GetChat("114").build_request(account)
    assert (request.method, request.url, request.headers, request.body) == ("GET", f"{BASE}/chats/114", HEADERS, b"")


def test_the_request_for_its_messages(account: Account) -> None:
    request = GetChatMessages("114").build_request(account)
    assert (request.method, request.url) == ("GET", f"{BASE}/chats/114/messages")
    assert (request.headers, request.body) == (HEADERS, b"")


@pytest.mark.parametrize("bad", ["", "../../x", "1/2", "1?x", "1#x", "chat_id", "1" * 20, "1\n", "\u0661"])
def test_an_id_that_is_no_number_is_not_sent(account: Account, bad: str) -> None:
    for operation in (GetChat(bad), GetChatMessages(bad)):
        with pytest.raises(ConfigurationError, match="chat id"):
            operation.build_request(account)


def test_the_calls_over_the_wire(provider: CCAIPlatform, provider_server, answered: Answered) -> None:
    provider_server.will_answer(
        answered("answer_chat_selecting"), answered("answer_chat_selecting"), answered("answer_messages")
    )
    order: list[int] = []
    sms = OutboundSms("+14155550100", "+16285550199", "Hi")
    sent = provider.send_sms(sms, on_wire=lambda: order.append(len(provider_server.requests)))
    assert sent == provider.get_chat("114")
    assert [message.content for message in provider.get_messages("114")] == ["lorem ipsum", "Thank you"]
    assert order == [0]
    assert [(request.method, request.url.partition("/ccai_platform")[2]) for request in provider_server.requests] == [
        ("POST", "/apps/api/v1/sms"),
        ("GET", "/apps/api/v1/chats/114"),
        ("GET", "/apps/api/v1/chats/114/messages"),
    ]


class TestMessages:
    def test_as_a_list_or_inside_an_object(self, payload: Callable[[str], bytes]) -> None:
        listed = GetChatMessages("114").parse_response(Answer(200, {}, payload("answer_messages")))
        wrapped = Answer(200, {}, b'{"messages": %s}' % payload("answer_messages"))
        assert GetChatMessages("114").parse_response(wrapped) == listed
        assert [(message.sender_kind, message.sender_id, message.kind, message.content) for message in listed] == [
            ("agent", 1, "text", "lorem ipsum"),
            ("end_user", 87, "text", "Thank you"),
        ]
        assert listed[1].created_at == datetime(2021, 10, 4, 17, 25, tzinfo=UTC)
        assert listed[1].raw["id"] == 9002

    @pytest.mark.parametrize("body", [b"", b"{}", b"7", b'{"messages": {}}', b"<html>"])
    def test_an_answer_without_any(self, body: bytes) -> None:
        with pytest.raises(Unconfirmed):
            GetChatMessages("114").parse_response(Answer(200, {}, body))

    def test_of_no_chat(self) -> None:
        with pytest.raises(Refused) as caught:
            GetChatMessages("114").parse_response(Answer(404, {}, b'{"message": "Not Found"}'))
        assert (caught.value.code, caught.value.text) == ("not_found", "Not Found")


class TestTheConnectionTest:
    def test_asks_for_an_sms_that_cannot_be_sent(self, provider: CCAIPlatform, provider_server) -> None:
        provider_server.will_answer(Answer(400, {}, b'{"message": "end_user_number is required"}'))
        health = provider.check()
        assert (health.ok, health.sentence) == (True, "CCAI Platform accepts the subdomain and the token.")
        (request,) = provider_server.requests
        assert (request.method, request.url.partition("/apps")[2]) == ("POST", "/api/v1/sms")
        assert request.headers["authorization"] == HEADERS["Authorization"]
        assert request.json == {"chat_type": "Messaging (SMS)"}

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (Answer(400, {}, b'{"message": "SMS is not enabled"}'), "does not allow outgoing texts"),
            (Answer(400, {}, b'{"message": "Outbound SMS is not enabled"}'), "does not allow outgoing texts"),
            (Answer(401, {}, b'{"message": "Unauthorized"}'), "does not accept the subdomain and the token"),
            (Answer(403), "does not accept the subdomain and the token"),
            (Answer(404, {}, b'{"message": "Not Found"}'), "not as CCAI Platform does"),
            (Answer(404, {}, b"<html>no such page</html>"), "not as CCAI Platform does"),
            (Answer(400, {}, b'{"message": "What?"}'), "not as CCAI Platform does"),
            (Answer(200, {}, b'{"id": 1}'), "not as CCAI Platform does"),
            (Answer(302, {"Location": "https://example.com"}), "did not succeed. HTTP 302"),
            (Answer(503), "did not succeed. HTTP 503"),
        ],
    )
    def test_what_is_wrong_is_said(self, provider: CCAIPlatform, provider_server, answer: Answer, words: str) -> None:
        provider_server.will_answer(answer)
        health = provider.check()
        assert not health.ok
        assert words in health.sentence

    def test_credentials_that_cannot_be_any_are_not_tried(self, provider_server) -> None:
        provider = CCAIPlatform(Account(provider_server.url, {"subdomain": "a b"}), provider_server.transport)
        assert not provider.check().ok
        assert provider_server.requests == []
