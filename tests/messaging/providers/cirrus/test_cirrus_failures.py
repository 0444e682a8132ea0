"""Every operation against every failure: what each proves, and the provider's words kept."""

from __future__ import annotations

import pytest

from messaging.errors import CredentialsRefused, ProviderError, Refused, Throttled, Unconfirmed
from messaging.providers.cirrus import (
    AddActivity,
    AddRemark,
    CreateChild,
    CreateObject,
    DeleteIndicator,
    GetObject,
    GetTranscript,
    ListActivities,
    ListObjects,
    SendChild,
    SendInitialSms,
    SendSms,
    SendTemplates,
    SetContent,
    SetIndicator,
    SetStatus,
    SystemStatus,
    TemplateMessage,
    UploadMedia,
    ValidateContact,
)
from messaging.providers.cirrus.words import ActivityType, StreamProviderType
from messaging.types import Answer, TemplateContent

CHILD = CreateChild("5", "agent", "Hi", "12025550143", StreamProviderType.TELEPHONE, object_id="9", agent_id="7")
OPERATIONS = [
    SendSms("5", "+12025550143", "Hi"),
    SendInitialSms("5", "+12025550143"),
    SendTemplates("5", (TemplateMessage("m-1", "+12025550143", TemplateContent("hello", "en")),)),
    UploadMedia("5", "a.png", b"x", "image/png"),
    ValidateContact("5", "+12025550143"),
    CreateObject("5", "Hi", StreamProviderType.TELEPHONE),
    CHILD,
    SendChild(CHILD, "m-1"),
    SetStatus("9", "open"),
    SetContent("9", {}),
    AddActivity("9", "x", "y"),
    AddRemark("9", "x"),
    SetIndicator("9", "a", "b"),
    DeleteIndicator("9", "a"),
    GetObject("5", "9"),
    ListActivities("9", ActivityType.REMARK),
    GetTranscript("5", "9"),
    ListObjects("5", user_identity_id="1"),
    SystemStatus(),
]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: type(operation).__name__)


@every_operation
@pytest.mark.parametrize(
    ("name", "status", "kind", "text", "code"),
    [
        ("answer_400_object_not_found.json", None, Refused, "Object not found", "conversation_not_found"),
        ("answer_400_object_not_found.json", 200, Refused, "Object not found", "conversation_not_found"),
        (
            "answer_400_missing_field.json",
            None,
            Refused,
            "Invalid parameters - missing mandatory field - streamId",
            "missing_parameter",
        ),
        ("answer_400_errors.json", None, Refused, "The specified stream ID does not exist", "invalid_stream"),
        ("answer_400_errors.json", 200, Refused, "The specified stream ID does not exist", "invalid_stream"),
        ("answer_404.json", None, Refused, "Not found", "refused"),
        ("answer_401.json", None, CredentialsRefused, "Unauthorized", "credentials_refused"),
        ("answer_401.json", 200, CredentialsRefused, "Unauthorized", "credentials_refused"),
        ("answer_401.json", 403, CredentialsRefused, "Unauthorized", "credentials_refused"),
        ("answer_429.json", None, Throttled, "Too Many Requests", "throttled"),
        ("answer_429.json", 200, Throttled, "Too Many Requests", "throttled"),
        ("answer_500.json", None, Unconfirmed, "Operation failed", "unconfirmed"),
        ("answer_500.json", 200, Unconfirmed, "Operation failed", "unconfirmed"),
        ("answer_500.json", 501, Unconfirmed, "Operation failed", "unconfirmed"),
        ("answer_500.json", 503, Throttled, "Operation failed", "throttled"),
        ("answer_200_done.json", 500, Unconfirmed, "Operation successful", "unconfirmed"),
        ("answer_200_done.json", 301, Unconfirmed, "Operation successful", "unconfirmed"),
    ],
)
def test_documented_errors(answered, operation, name, status, kind, text, code):
    answer = answered(name, status=status)
    with pytest.raises(ProviderError) as raised:
        operation.parse_response(answer)

    assert type(raised.value) is kind
    assert (raised.value.text, raised.value.code) == (text, code)
    assert raised.value.answer is answer


@every_operation
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Unconfirmed),
        (302, Unconfirmed),
        (307, Unconfirmed),
        (400, Refused),
        (401, CredentialsRefused),
        (403, CredentialsRefused),
        (404, Refused),
        (408, Throttled),
        (429, Throttled),
        (500, Unconfirmed),
        (502, Unconfirmed),
        (503, Throttled),
        (504, Unconfirmed),
    ],
)
def test_the_http_status_decides_whatever_the_body_is(operation, status, kind):
    for body in (b"", b"<html>Bad Gateway</html>", b'{"status":200,"data":[]}', b"[[[", b"\xff"):
        with pytest.raises(ProviderError) as raised:
            operation.parse_response(Answer(status, {"location": "http://169.254.169.254/"}, body))
        assert type(raised.value) is kind
        assert raised.value.text == f"HTTP {status}"


@every_operation
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html>Welcome</html>",
        b'{"status": 200, "descri',
        b'{"status": NaN, "data": ""}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"200"',
        b"200",
        b"{}",
        b'{"data": {"id": 5}}',
        b'{"status": null, "data": {"id": 5}}',
        b'{"status": "fine", "data": {"id": 5}}',
        b'{"status": true, "data": {"id": 5}}',
        b'{"status": {"code": 200}, "data": {"id": 5}}',
        b'{"status": 0, "data": {"id": 5}}',
        b'{"status": 302, "data": {"id": 5}}',
        b'{"status": 1e400, "data": {"id": 5}}',
    ],
)
def test_a_success_that_cannot_be_read_is_unconfirmed(operation, body):
    with pytest.raises(Unconfirmed):
        operation.parse_response(Answer(200, {}, body))


@pytest.mark.parametrize(
    "operation", [CHILD, SendChild(CHILD, "m-1"), CreateObject("5", "Hi", StreamProviderType.MAIL)]
)
@pytest.mark.parametrize("data", ['""', "null", "[]", "{}", '{"id":0}', '{"id":-1}', '{"id":"x"}', '{"id":[1]}', "7"])
def test_a_created_thing_without_a_usable_id_is_unconfirmed(operation, data):
    with pytest.raises(Unconfirmed):
        operation.parse_response(Answer(200, {}, f'{{"status":200,"data":{data}}}'.encode()))


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("-5", None), ("1e9", None)])
def test_retry_after_is_honoured_when_sent(answered, header, seconds):
    for status in (429, 200):
        with pytest.raises(Throttled) as raised:
            OPERATIONS[0].parse_response(answered("answer_429.json", status=status, retry_after=header))
        assert raised.value.retry_after == seconds
