"""Both SMS calls: the whole request, and what an answer comes to."""

from __future__ import annotations

import json

import pytest

from messaging.errors import ConfigurationError
from messaging.providers.base import Account
from messaging.providers.cirrus import SendInitialSms, SendSms
from messaging.types import Outcome, RecipientResult, SendResult

STREAM = "hNyRN_fLUy7rrOrN9jLpipA=="
QUOTED = "hNyRN_fLUy7rrOrN9jLpipA%3D%3D"


def test_send_sms_is_the_documented_request(account, payload):
    request = SendSms(STREAM, "+12025550143", "Your order has left our warehouse.", "m-1").build_request(account)

    assert request.method == "POST"
    assert request.url == f"https://api.commbox.io/sms/sendsms/{QUOTED}"
    assert request.headers == {"Authorization": "Bearer k-123", "Content-Type": "application/json"}
    assert request.json == json.loads(payload("request_send_sms.json"))


def test_send_initial_sms_says_everything_in_its_path(account):
    request = SendInitialSms(STREAM, "+12025550143", "m-1").build_request(account)

    assert request.method == "POST"
    assert request.url == f"https://api.commbox.io/sms/sendinitialtext/{QUOTED}/12025550143"
    assert request.headers == {"Authorization": "Bearer k-123"}
    assert request.body == b""


@pytest.mark.parametrize("name", ["answer_200_done.json", "answer_200_done_status_as_text.json"])
@pytest.mark.parametrize(
    "operation", [SendSms(STREAM, "+12025550143", "Hi", "m-1"), SendInitialSms(STREAM, "+12025550143", "m-1")]
)
def test_success_names_no_message(answered, operation, name):
    assert operation.parse_response(answered(name)) == SendResult((RecipientResult("m-1", Outcome.ACCEPTED),))


def test_every_alphabet_arrives_whole(account):
    text = 'Grüße "שלום" 😀\n'

    assert SendSms(STREAM, "+12025550143", text).build_request(account).json["data"]["Message"] == text


def test_a_pasted_id_is_decoded_once_and_quoted_once(account):
    pasted = SendSms("hNyRN_fLUy7rrOrN9jLpipA%3d%3d", "+12025550143", "Hi").build_request(account)

    assert pasted.url.endswith(f"/sendsms/{QUOTED}")


@pytest.mark.parametrize(
    "stream", ["", "../../x", "a/b", "a?b=1", "a#b", "%2e%2e%2fx", "a%252fb", "a b", "ü", "x" * 201]
)
def test_an_id_that_could_change_the_path_is_refused_before_sending(account, stream):
    with pytest.raises(ConfigurationError, match="encrypted stream id"):
        SendSms(stream, "+12025550143", "Hi").build_request(account)


@pytest.mark.parametrize("phone", ["", "12", "+1202555O143", "+1 202 555", "+12025550143/../x", "+1234567890123456"])
def test_a_number_that_is_not_e164_is_refused_before_sending(account, phone):
    with pytest.raises(ConfigurationError, match="phone number"):
        SendInitialSms(STREAM, phone).build_request(account)


@pytest.mark.parametrize("key", ["", "a b", "k\r\nX-Evil: 1", "schlüssel", "k\x00"])
def test_a_key_that_cannot_be_a_header_is_refused_and_not_repeated(key):
    with pytest.raises(ConfigurationError, match="API key") as refused:
        SendSms(STREAM, "+12025550143", "Hi").build_request(Account("https://api.commbox.io", {"api_key": key}))
    assert not key or key not in str(refused.value)
