"""Objects in Cirrus's dialect, without a provider: created, written into, read, and noted upon."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from conversations.models import Activity, Contact, Conversation, Message, Stream, SubStream, User
from conversations.services import consent
from conversations.services.stream_tokens import token_of
from tests import factories
from tests.conversations.dialects.conftest import MakeProgram, Program
from tests.conversations.dialects.test_cirrus import AMIRA, CHILD, DIGITS, enveloped

pytestmark = pytest.mark.django_db


def test_an_object_by_an_agent(program: Program, line: Stream, agent: User) -> None:
    """The vendor's example of an SMS object, with a number that may be written to."""
    data = {
        "Type": 4,
        "StatusId": 1,
        "StreamProviderType": 5,
        "StreamProviderId": DIGITS,
        "UserStreamProviderId": DIGITS,
        "UserStreamProviderType": 5,
        "ManagerId": 36197,
        "Message": "some message",
        "User": {
            "UniqueId": "01234567",
            "LastName": "Doe",
            "FirstName": "John",
            "Phone1": "180095845823",
            "Email": "john.doe@gmail.com",
            "Remarks": "some remark for user",
        },
    }
    answer = program.cirrus("POST", f"streams/{line.pk}/objects", {"data": data})
    conversation = Conversation.objects.get()
    assert enveloped(answer) == {"id": conversation.pk}
    assert (conversation.assignee, conversation.contact.full_name) == (agent, "John Doe")
    assert Message.objects.get().body == "some message"
    assert [one.text for one in Activity.objects.filter(kind="remark")] == ["some remark for user"]


def test_an_object_as_a_form_and_with_a_status(program: Program, line: Stream) -> None:
    part = SubStream.objects.create(stream=line, name="Billing", external_id="9")
    data = {"Message": "Hi", "sendToClient": True, "UserStreamProviderId": DIGITS, "StatusId": "2", "Content": "{}"}
    answer = program.client.generic(
        "POST",
        f"/dialects/cirrus/streams/{token_of(line)}/objects",
        "data=" + json.dumps(data | {"SubStreamId": part.pk}).replace(" ", "+"),
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": f"Bearer {program.text}"},
    )
    assert enveloped(answer)["id"] == Conversation.objects.get().pk
    assert (Conversation.objects.get().status, Conversation.objects.get().sub_stream) == ("resolved", part)
    assert Message.objects.get().status == "queued"


def test_an_object_that_the_customer_began_sends_nothing(program: Program, line: Stream) -> None:
    data = {"Message": "Where is my engineer? STOP", "UserStreamProviderId": DIGITS}
    enveloped(program.cirrus("POST", f"streams/{line.pk}/objects", {"data": data}))
    message = Message.objects.get()
    assert (message.direction, message.status) == ("in", "received")
    assert not consent.present(AMIRA, "sms", stream=line, purpose="service").is_out


def test_an_object_with_several_people(program: Program, make_program: MakeProgram, line: Stream, tom: User) -> None:
    data = {"Message": "Hi", "sendToClient": True, "Content": {"to": [DIGITS, "447700900267", DIGITS]}}
    path = f"streams/{line.pk}/objects"
    assert make_program(tom, ("send",)).cirrus("POST", path, {"data": data}).status_code == 403
    enveloped(program.cirrus("POST", path, {"data": data}))
    assert Message.objects.count() == 2
    many = {**data, "Content": {"to": [f"4477009{number:05}" for number in range(21)]}}
    assert program.cirrus("POST", path, {"data": many}).status_code == 400
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Message": ""}, "Message"),
        ({"UserStreamProviderId": ""}, "UserStreamProviderId"),
        ({"StatusId": 12}, "StatusId"),
        ({"StatusId": 5}, "StatusId"),
        ({"StatusId": "open"}, "StatusId"),
        ({"ManagerId": 7}, "ManagerId"),
        ({"ManagerId": 2**63}, "ManagerId"),
        ({"ManagerId": -1}, "ManagerId"),
        ({"SubStreamId": 9}, "SubStreamId"),
        ({"StreamProviderType": 99}, "StreamProviderType"),
        ({"Content": "{"}, "Content"),
        ({"Content": {"to": "x"}}, "Content.to"),
        ({"User": "x"}, "User"),
        ({"User": {"Email": "x"}}, "User.Email"),
        ({"Content": {"whatsapp_hsm_name": "x"}}, "Content.whatsapp_hsm_name"),
    ],
)
def test_objects_that_are_refused_leave_nothing(program: Program, line: Stream, changes: dict, named: str) -> None:
    data = {"Message": "Hi", "sendToClient": True, "UserStreamProviderId": DIGITS} | changes
    answer = program.cirrus("POST", f"streams/{line.pk}/objects", {"data": data})
    assert answer.status_code == 400, answer.content
    assert named in answer.json()["description"]
    assert not any(model.objects.exists() for model in (Message, Conversation, Contact))


@pytest.mark.parametrize("by_number", [False, True])
def test_a_child_by_an_agent(
    program: Program, line: Stream, agent: User, conversation: Conversation, by_number: bool
) -> None:
    data = CHILD | {"IsManager": True, "UserIdentity": 36197, "Message": "A new message on behalf of the agent"}
    there = f"{DIGITS}/5" if by_number else str(conversation.pk)
    answer = program.cirrus("POST", f"streams/{line.pk}/objects/{there}/child", {"data": data})
    message = Message.objects.get()
    assert enveloped(answer) == {"id": message.pk}
    assert (message.direction, message.status, message.conversation.assignee) == ("out", "queued", agent)


def test_a_child_by_the_customer(program: Program, line: Stream, conversation: Conversation) -> None:
    data = {"Type": 4, "UserStreamProviderId": "MrDoe@gmail.com", "UserStreamProviderType": 4, "Message": "Hi"}
    answer = program.cirrus("POST", f"streams/{line.pk}/objects/{conversation.pk}/child", {"data": data})
    assert enveloped(answer) == {"id": Message.objects.get().pk}
    assert Message.objects.get().direction == "in"


def test_a_child_goes_to_nobody_else(program: Program, line: Stream, agent: User, conversation: Conversation) -> None:
    data = CHILD | {"IsManager": True, "UserIdentity": 36197, "Message": "x", "UserStreamProviderId": "447700900267"}
    answer = program.cirrus("POST", f"streams/{line.pk}/objects/{conversation.pk}/child", {"data": data})
    assert answer.status_code == 400
    assert "another number" in answer.json()["description"]


def test_an_object_is_read_whole(program: Program, line: Stream, conversation: Conversation, tom: User) -> None:
    factories.make_message(conversation, direction="in", body="Where is my engineer?")
    ours = factories.make_message(conversation, body="On the way.", author=tom)
    program.cirrus("POST", f"objects/{conversation.pk}/remarks", {"data": {"Text": "test!"}})
    path = f"streams/{line.pk}/objects/{conversation.pk}"
    (row,) = enveloped(program.cirrus("GET", path))
    assert {"childs", "activityLog"} & row.keys() == set()
    (row,) = enveloped(program.cirrus("GET", f"{path}?includeChilds=true&includeActivityLog=true"))
    assert [child["message"] for child in row["childs"]] == ["On the way.", "Where is my engineer?"]
    assert row["childs"][0]["user"]["managerId"] == tom.pk
    assert [json.loads(one["data"])["text"] for one in row["activityLog"]] == ["test!"]
    assert row["childs"][0] == {
        "id": ours.pk,
        "object_id": conversation.pk,
        "type": 0,
        "content": row["childs"][0]["content"],
        "message": "On the way.",
        "createdTime": f"{ours.created_at:%Y-%m-%dT%H:%M:%S}",
        "streamProviderType": 5,
        "user": {
            "id": tom.pk,
            "managerId": tom.pk,
            "isManager": True,
            "identity": {
                "id": tom.pk,
                "streamProviderId": tom.email,
                "streamProviderType": 4,
                "firstName": "Tom",
                "lastName": "Reyes",
                "thumbnailUrl": "",
            },
        },
    }
    conversation.refresh_from_db()
    plain = {key: value for key, value in row.items() if key not in ("childs", "activityLog", "user")}
    assert plain == {
        "objectId": conversation.pk,
        "streamid": line.pk,
        "substreamid": 0,
        "streamProviderId": DIGITS,
        "streamProviderType": 5,
        "user_identity": conversation.contact_id,
        "firstName": "Amira",
        "lastName": "Haddad",
        "userStreamProviderId": DIGITS,
        "userStreamProviderType": 5,
        "content": "{}",
        "message": "On the way.",
        "createdTime": f"{conversation.created_at:%Y-%m-%dT%H:%M:%S}",
        "updatedTime": f"{conversation.last_message_at:%Y-%m-%dT%H:%M:%S}",
        "closeTime": None,
        "statusId": 1,
        "assignedManagerId": 0,
        "type": 4,
        "isManager": True,
    }
    assert row["user"]["phone1"] == DIGITS
    assert list(row["user"]) == [
        *("id", "uniqueId", "phone1", "phone2", "email", "firstName", "lastName", "gender", "numberIdentities"),
        *("locale", "birthday", "remarks", "content"),
    ]


def test_a_transcript(program: Program, line: Stream, conversation: Conversation) -> None:
    factories.make_message(conversation, direction="in", body="hi ...")
    (row,) = enveloped(program.cirrus("GET", f"streams/{token_of(line)}/objects/{conversation.pk}/transcript"))
    assert re.fullmatch(r"\n\[\d+/\d+/\d{4} \d+:\d\d:\d\d [AP]M\] \nAmira Haddad: \nhi \.\.\.", row["trasncript"])
    assert row["transcript"] == row["trasncript"]
    assert list(row) == ["objectId", "streamid", "substreamid", "trasncript", "transcript", "user"]


@pytest.mark.parametrize(
    ("status", "ours"), [(2, "resolved"), (4, "resolved"), (14, "resolved"), (10, "snoozed"), (1, "open"), (8, "open")]
)
def test_statuses(program: Program, conversation: Conversation, status: int, ours: str) -> None:
    for number in (status, status, 1, status):
        assert enveloped(program.cirrus("POST", f"objects/{conversation.pk}/status/{number}")) == ""
    conversation.refresh_from_db()
    assert conversation.status == ours


@pytest.mark.parametrize("status", ["0", "12", "99", "5", "7", "x", "-1", "9" * 400])
def test_statuses_that_we_do_not_have(program: Program, conversation: Conversation, status: str) -> None:
    answer = program.cirrus("POST", f"objects/{conversation.pk}/status/{status}")
    assert answer.status_code == 400
    assert "STATUS_ID" in answer.json()["description"]


def test_notes(program: Program, line: Stream, agent: User, conversation: Conversation) -> None:
    there = f"objects/{conversation.pk}"
    content = {"num_likes": 8, "is_hidden": False}
    log = {"Text": "test!", "Source": "testing", "ManagerId": 36197}
    for path, data in (("content", content), ("activitylog", log), ("remarks", {"Text": "test!", "ManagerId": 36197})):
        assert enveloped(program.cirrus("POST", f"{there}/{path}", {"data": data})) == ""
    (row,) = enveloped(program.cirrus("GET", f"streams/{line.pk}/{there}"))
    assert json.loads(row["content"]) == content
    (remark,) = enveloped(program.cirrus("GET", f"{there}/activities?activityType=1"))
    assert json.loads(remark["data"]) == {"text": "test!"}
    assert (remark["objectId"], remark["type"], remark["user"]["first_name"]) == (str(conversation.pk), 1, "Tom")
    logged = enveloped(program.cirrus("GET", f"{there}/activities?activityType=12"))
    assert [json.loads(one["data"])["text"] for one in logged] == ["test!", "Content set"]


def test_indicators(program: Program, conversation: Conversation) -> None:
    there = f"objects/{conversation.pk}/indicators"
    data = {
        "IndicatorId": "home",
        "Title": "Working from home",
        "DisplayClass": "icon-home",
        "Link": "www.commbox.io",
    }
    for title in ("Working from home", "Back"):
        assert enveloped(program.cirrus("POST", there, {"data": data | {"Title": title}})) == ""
    indicator = conversation.indicators.get()
    assert (indicator.title, indicator.link) == ("Back", "https://www.commbox.io")
    assert enveloped(program.cirrus("DELETE", f"{there}/home")) == ""
    assert enveloped(program.cirrus("DELETE", f"{there}/home"), 404, "Not found") == ""


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("indicators", {"Title": "x", "DisplayClass": "x"}),
        ("indicators", {"IndicatorId": "x", "DisplayClass": "x"}),
        ("indicators", {"IndicatorId": "x", "Title": "x"}),
        ("indicators", {"IndicatorId": "x", "Title": "x", "DisplayClass": "x", "Link": "javascript:alert(1)"}),
        ("indicators", {"IndicatorId": "x" * 65, "Title": "x", "DisplayClass": "x"}),
        ("indicators", {"IndicatorId": "x", "Title": "x" * 101, "DisplayClass": "x"}),
        ("indicators", {"IndicatorId": "x", "Title": "x", "DisplayClass": '"><script>'}),
        ("remarks", {"Text": " "}),
        ("remarks", {"Text": "x" * 10_001}),
        ("remarks", {"Text": "x", "ManagerId": 99_999}),
        ("activitylog", {}),
        ("content", {"a": "x" * 10_001}),
        ("content", []),
    ],
)
def test_notes_that_are_refused(program: Program, conversation: Conversation, path: str, data: Any) -> None:
    answer = program.cirrus("POST", f"objects/{conversation.pk}/{path}", {"data": data})
    assert answer.status_code == 400, answer.content
    assert not Activity.objects.exists()
