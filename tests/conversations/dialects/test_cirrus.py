"""Cirrus's dialect without a provider: what is answered, what is kept, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client, override_settings

from conversations.models import Activity, Campaign, Contact, Conversation, Message, OptIn, Stream, User
from conversations.services import consent
from conversations.services.stream_tokens import stream_id_of, token_of
from tests import factories
from tests.conversations.dialects.conftest import MakeProgram, Program

pytestmark = pytest.mark.django_db

AMIRA, DIGITS = "+447700900142", "447700900142"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
CHILD = {"Type": 4, "UserStreamProviderId": DIGITS, "UserStreamProviderType": 7}


def enveloped(answer: Any, status: int = 200, description: str = "Operation successful") -> Any:
    """The data of an answer whose envelope is as it has to be."""
    body = answer.json()
    assert (answer.status_code, body["status"], body["description"]) == (status, status, description)
    assert STAMP.fullmatch(body["response_time"])
    assert list(body) == ["status", "description", "response_time", *(["data"] if status != 401 else [])]
    return body.get("data")


@pytest.fixture
def token(line: Stream) -> str:
    return token_of(line)


@pytest.fixture
def wa(tom: User) -> Stream:
    """A WhatsApp stream of Tom's with an approved template; Amira agreed."""
    stream = factories.make_stream(channel="whatsapp")
    factories.make_team(members=[tom], streams=[stream])
    factories.make_template(stream)
    return stream


def item(to: str = DIGITS, **more: Any) -> dict[str, Any]:
    texts = [{"type": "text", "text": text} for text in ("Amira", "Friday")]
    template = {
        "name": "engineer_visit",
        "language": {"code": "en"},
        "components": [{"type": "body", "parameters": texts}],
    }
    return {"template_data": {"to": to, "template": template}} | more


def test_tokens_are_signed(line: Stream) -> None:
    token = token_of(line)
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", token)
    assert stream_id_of(token) == line.pk
    for wrong in (token[:-2] + "AA", "A" * 32, "", token + "A", "é" * 32, "=" * 32, str(line.pk)):
        assert stream_id_of(wrong) == 0
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[]):
        assert stream_id_of(token) == 0


@pytest.mark.parametrize("wraps", [True, False])
def test_a_text(program: Program, token: str, tom: User, wraps: bool) -> None:
    body: dict[str, Any] = {"Number": DIGITS, "Message": "message text"}
    answer = program.cirrus("POST", f"sms/sendsms/{token}", {"data": body} if wraps else body)
    assert enveloped(answer) == ""
    message = Message.objects.get()
    assert (message.body, message.author, message.conversation.contact.phone) == ("message text", tom, AMIRA)
    assert message.conversation.assignee is None


def test_a_refusal_is_not_logged_with_its_address(
    program: Program, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert program.cirrus("POST", f"sms/sendinitialtext/{token}/12", {}).status_code >= 400
    assert program.cirrus("GET", f"sms/{DIGITS}").status_code == 404
    assert [one.getMessage() for one in caplog.records if one.name == "django.request"] == []
    program.client.get("/api/v1/nothing")
    assert [one.getMessage() for one in caplog.records if one.name == "django.request"] != []


def test_the_initial_text(program: Program, token: str, line: Stream) -> None:
    path = f"sms/sendinitialtext/{token}/{DIGITS}"
    assert "no opening text" in program.cirrus("POST", path).json()["description"]
    line.settings = {"opening_text": "Fernhill here."}
    line.save()
    assert enveloped(program.cirrus("POST", path)) == ""
    assert Message.objects.get().kind == "opening"


@pytest.mark.parametrize(
    ("body", "description"),
    [
        ({"Number": DIGITS}, "Invalid parameters - missing mandatory field - Message"),
        ({"Message": "x"}, "Invalid parameters - missing mandatory field - Number"),
        ({"Number": {"a": 1}, "Message": "x"}, "Invalid parameters - Number"),
        ([], "Invalid parameters - missing mandatory field - data"),
        ("x", "Invalid parameters - missing mandatory field - data"),
    ],
)
def test_fields_that_are_missing(program: Program, token: str, body: Any, description: str) -> None:
    answer = program.cirrus("POST", f"sms/sendsms/{token}", json.dumps(body))
    assert enveloped(answer, 400, description) == ""


@pytest.mark.parametrize("number", ["12345", "44770090014X", "+++", "1" * 300, "447700900142 ext 5", "../x", "\u0000"])
def test_numbers_that_are_none(program: Program, token: str, number: str) -> None:
    answer = program.cirrus("POST", f"sms/sendsms/{token}", {"Number": number, "Message": "x"})
    assert answer.status_code == 400
    assert not Contact.objects.exists()


def test_what_the_document_has_no_words_for(program: Program, token: str) -> None:
    consent.record(OptIn(contact=factories.make_contact(AMIRA), channel="sms", event="opt_out", source="agent"))
    answer = program.cirrus("POST", f"sms/sendsms/{token}", {"Number": DIGITS, "Message": "x"})
    assert answer.status_code == 400
    assert "opted out" in answer.json()["description"]
    assert not Message.objects.exists()


def test_templates_to_some_who_may_be_written_to(program: Program, wa: Stream) -> None:
    factories.opt_in(factories.make_contact(AMIRA))
    path = f"v2/whatsapp/sendtemplatedmessage/{token_of(wa)}"
    rows = [item(object_data={"User": {"FirstName": "Amira"}}), item("447700900267"), item("12345")]
    data = enveloped(program.cirrus("POST", path, {"data": rows}), 206, "Missing template parameter")
    message = Message.objects.get()
    assert data[0] == {
        "recipient": DIGITS,
        "id": message.ref.hex,
        "status": 200,
        "object_id": message.conversation_id,
    }
    assert data[1]["failed"].startswith("No WhatsApp permission")
    assert data[2] == {"recipient": "12345", "status": 400, "failed": "invalid \u2014 Not a valid WhatsApp user"}
    assert message.body.startswith("Hello Amira, your engineer is booked for Friday")


@pytest.mark.parametrize(
    ("wrong", "failed"),
    [
        ({"ManagerId": 999_999}, "Invalid parameters - ManagerId. Nobody who sees this stream has this id."),
        ({"SubStreamId": 999_999}, "Invalid parameters - SubStreamId"),
        ({"StatusId": "x"}, "Invalid parameters - StatusId"),
        ({"Content": "x"}, "Invalid parameters - Content"),
    ],
)
def test_a_wrong_id_of_one_item_holds_up_nobody_else(program: Program, wa: Stream, wrong: dict, failed: str) -> None:
    for phone in (AMIRA, "+447700900267"):
        factories.opt_in(factories.make_contact(phone))
    path = f"v2/whatsapp/sendtemplatedmessage/{token_of(wa)}"
    rows = [item(object_data=wrong), item("447700900267")]
    data = enveloped(program.cirrus("POST", path, {"data": rows}), 206, "Missing template parameter")
    assert data[0] == {"recipient": DIGITS, "status": 400, "failed": failed}
    assert data[1]["status"] == 200
    assert Message.objects.get().conversation.contact.phone == "+447700900267"


@pytest.mark.parametrize(
    ("template", "failed"),
    [
        ({"name": ""}, "Missing parameter template_name"),
        ({"language": {}}, "Missing parameter language"),
        ({"name": "unknown"}, "has no template unknown"),
        ({"language": {"code": "fr"}}, "in fr"),
        ({"components": "x"}, "Missing parameter components"),
        ({"components": [{"type": "body", "parameters": [{"type": "text", "text": "one"}]}]}, "no value"),
        ({"components": [{"type": "carousel"}]}, "carousel"),
        ({"components": [{"type": "header", "parameters": [{"type": "image", "image": {"id": "7"}}]}]}, "uploaded"),
    ],
)
def test_templates_that_cannot_be_sent(program: Program, wa: Stream, template: dict, failed: str) -> None:
    factories.opt_in(factories.make_contact(AMIRA))
    row = item()
    row["template_data"]["template"] |= template
    answer = program.cirrus("POST", f"whatsapp/sendtemplatedmessage/{token_of(wa)}", {"data": [row]})
    assert answer.status_code == 400
    assert failed in answer.json()["data"][0]["failed"]
    assert not Message.objects.exists()


def test_a_template_for_later_and_too_many(program: Program, wa: Stream, make_program: MakeProgram, tom: User) -> None:
    factories.opt_in(factories.make_contact(AMIRA))
    path = f"whatsapp/sendtemplatedmessage/{token_of(wa)}"
    enveloped(program.cirrus("POST", path, {"data": [item(schedule=4_000_000)]}))  # long gone: now
    assert program.cirrus("POST", path, {"data": [item(schedule="x")]}).status_code == 400
    assert program.cirrus("POST", path, {"data": [item()] * 21}).status_code == 400
    assert program.cirrus("POST", path, {"data": []}).status_code == 400
    assert make_program(tom, ("send",)).cirrus("POST", path, {"data": [item(), item()]}).status_code == 403
    assert [message.status for message in Message.objects.all()] == ["queued"]


def test_the_check_of_a_number_has_our_limits(program: Program, wa: Stream) -> None:
    answer = program.cirrus("GET", f"whatsapp/validatecontact/{token_of(wa)}/{DIGITS}")
    assert answer.status_code == 400
    assert "No WhatsApp permission" in answer.json()["description"]


@pytest.mark.parametrize("kind", ["foreign", "unknown"])
def test_what_the_key_does_not_see_is_not_there(
    program: Program, tom: User, line: Stream, conversation: Conversation, kind: str
) -> None:
    """Every address with ids of somebody else, and with ids that nothing has, is answered alike."""
    theirs = factories.make_conversation(factories.make_stream())
    whatsapp = factories.make_stream(channel="whatsapp")
    foreign = kind == "foreign"
    pk, stream = (theirs.pk, theirs.stream_id) if foreign else (10**12, 10**12)
    token = token_of(theirs.stream) if foreign else "A" * 32
    wa_token = token_of(whatsapp) if foreign else "A" * 32
    child = CHILD | {"IsManager": True, "UserIdentity": tom.pk, "Message": "x"}
    for method, path, body, status in (
        ("POST", f"sms/sendsms/{token}", {"Number": DIGITS, "Message": "x"}, 404),
        ("POST", f"sms/sendinitialtext/{token}/{DIGITS}", None, 404),
        ("POST", f"whatsapp/sendtemplatedmessage/{wa_token}", [item()], 404),
        ("POST", f"whatsapp/uploadmedia/{wa_token}", None, 404),
        ("GET", f"whatsapp/validatecontact/{wa_token}/{DIGITS}", None, 404),
        ("POST", f"streams/{stream}/objects", {"Message": "x", "UserStreamProviderId": DIGITS}, 404),
        ("GET", f"streams/{stream}/objects/{pk}", None, 404),
        ("GET", f"streams/{line.pk}/objects/{pk}", None, 400),
        ("POST", f"streams/{line.pk}/objects/{pk}/child", child, 400),
        ("POST", f"streams/{line.pk}/objects/447700900999/5/child", child, 400),
        ("GET", f"streams/{line.pk}/objects/{pk}/transcript", None, 400),
        ("GET", f"objects/{pk}/activities?activityType=1", None, 400),
        ("POST", f"objects/{pk}/status/2", None, 400),
        ("POST", f"objects/{pk}/content", {"a": 1}, 400),
        ("POST", f"objects/{pk}/activitylog", {"Text": "x"}, 400),
        ("POST", f"objects/{pk}/remarks", {"Text": "x"}, 400),
        ("POST", f"objects/{pk}/indicators", {"IndicatorId": "x", "Title": "x", "DisplayClass": "x"}, 400),
        ("DELETE", f"objects/{pk}/indicators/x", None, 400),
    ):
        description = "Not found" if status == 404 else "Object not found"
        assert enveloped(program.cirrus(method, path, body), status, description) == "", path
    assert not Message.objects.exists()
    assert not Activity.objects.exists()


@pytest.mark.parametrize("pk", ["-1", "0", "9e99", str(2**63), "1;drop", "%00", "x" * 5_000, "١"])
def test_ids_that_are_none(program: Program, line: Stream, pk: str) -> None:
    for path in (
        f"objects/{pk}/activities?activityType=1",
        f"streams/{line.pk}/objects/{pk}",
        f"streams/{pk}/objects/1",
    ):
        assert program.cirrus("GET", path).status_code in (400, 404)
    assert program.cirrus("POST", f"sms/sendsms/{pk}", {"Number": DIGITS, "Message": "x"}).status_code == 404


@pytest.mark.parametrize("wanted", ["", "?activityType=", "?activityType=0", "?activityType=24", "?activityType=%00"])
def test_activities_need_a_type(program: Program, conversation: Conversation, wanted: str) -> None:
    assert program.cirrus("GET", f"objects/{conversation.pk}/activities{wanted}").status_code == 400


def test_scopes(make_program: MakeProgram, tom: User, token: str, conversation: Conversation) -> None:
    reader, writer = make_program(tom, ("read",)), make_program(tom, ("send",))
    assert reader.cirrus("POST", f"sms/sendsms/{token}", {"Number": DIGITS, "Message": "x"}).status_code == 403
    there = f"streams/{token}/objects/{conversation.pk}"
    assert reader.cirrus("GET", there).status_code == 200
    assert writer.cirrus("GET", there).status_code == 403
    assert reader.cirrus("POST", f"objects/{conversation.pk}/status/2").status_code == 403


def test_numbers_are_masked_for_whoever_may_not_see_them(
    make_program: MakeProgram, line: Stream, conversation: Conversation
) -> None:
    user = factories.make_user()
    user.groups.get().permissions.remove(user.groups.get().permissions.get(codename="see_numbers"))
    factories.make_team(members=[user], streams=[line])
    answer = make_program(user).cirrus("GET", f"streams/{line.pk}/objects/{conversation.pk}")
    assert DIGITS not in answer.content.decode()
    assert enveloped(answer)[0]["user"]["phone1"].endswith("0142")


def test_keys_methods_and_addresses(program: Program, token: str) -> None:
    assert enveloped(Client().post(f"/dialects/cirrus/sms/sendsms/{token}"), 401, "Unauthorized") is None
    assert enveloped(program.cirrus("GET", f"sms/sendsms/{token}"), 501, "Not implemented") == ""
    assert enveloped(program.cirrus("GET", "core/nothing"), 404, "Not found") == ""


def test_a_repeat_with_its_key_is_done_once(program: Program, token: str) -> None:
    body = {"Number": DIGITS, "Message": "x"}
    for _ in range(3):
        enveloped(program.cirrus("POST", f"sms/sendsms/{token}", body, **{"Idempotency-Key": "a"}))
    assert Message.objects.count() == 1
    assert not Campaign.objects.exists()


def test_the_administration_shows_the_ids(line: Stream) -> None:
    client = Client()
    client.force_login(factories.make_user("administrator"))
    assert token_of(line) in client.get(f"/admin/conversations/stream/{line.pk}/change/").content.decode()
