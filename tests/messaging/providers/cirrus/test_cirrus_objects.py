"""Everything that writes to a conversation: the whole request, and its answer."""

from __future__ import annotations

import json

import pytest

from messaging.errors import ConfigurationError
from messaging.providers.cirrus import (
    AddActivity,
    AddRemark,
    CreateChild,
    CreateObject,
    DeleteIndicator,
    SendChild,
    SetContent,
    SetIndicator,
    SetStatus,
)
from messaging.providers.cirrus.records import UserDetails
from messaging.providers.cirrus.words import ObjectStatus, StreamProviderType
from messaging.types import Outcome, RecipientResult, SendResult

BASE = "https://api.commbox.io"
TELEPHONE, WHATSAPP = StreamProviderType.TELEPHONE, StreamProviderType.WHATSAPP
AGENT = CreateChild(
    "532", "agent", "An answer by the agent", "+12025550143", WHATSAPP, object_id="293854", agent_id="36574658"
)
CUSTOMER = CreateChild(
    "532", "customer", "A question by the customer", "Ada@example.com", StreamProviderType.MAIL, object_id="293854"
)
OBJECTS = {
    "request_create_object_sms.json": CreateObject(
        "532",
        "Your order has left our warehouse.",
        TELEPHONE,
        provider_id="+12025550143",
        customer="+12025550143",
        customer_type=TELEPHONE,
        manager_id=36197,
        user=UserDetails("12025550143", "ada@example.com", "Ada", "Quinn", "01234567", "Prefers texts"),
    ),
    "request_create_object_sms_to_several.json": CreateObject(
        "532",
        "We are closed today.",
        TELEPHONE,
        customer="12025550143",
        customer_type=TELEPHONE,
        manager_id=36197,
        content={"to": ["12025550144"]},
        send_to_client=True,
    ),
    "request_create_object_whatsapp.json": CreateObject(
        "532",
        "Hello Ada",
        WHATSAPP,
        provider_id="12025550143",
        customer="12025550143",
        customer_type=TELEPHONE,
        manager_id=36197,
        content={
            "to": ["12025550143"],
            "whatsapp_hsm_name": "hello",
            "whatsapp_localizable_params": ["Ada"],
            "whatsapp_language_code": "en",
        },
    ),
    "request_create_object_chat.json": CreateObject(
        "532",
        "Hello",
        StreamProviderType.COMMBOX,
        user_identity="100000000419660",
        sub_stream_id=3,
        create_child=True,
    ),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_create_object(account, answered, payload, name):
    request = OBJECTS[name].build_request(account)

    assert request.method == "POST"
    assert request.url == f"{BASE}/streams/532/objects"
    assert request.headers == {"Authorization": "Bearer k-123", "Content-Type": "application/json"}
    assert request.json == json.loads(payload(name))
    assert OBJECTS[name].parse_response(answered("answer_200_created.json")) == "1407374883872618"


@pytest.mark.parametrize(
    ("child", "name"), [(AGENT, "request_create_child_agent.json"), (CUSTOMER, "request_create_child_customer.json")]
)
def test_create_child_by_object_id(account, answered, payload, child, name):
    request = child.build_request(account)

    assert request.method == "POST"
    assert request.url == f"{BASE}/streams/532/objects/293854/child"
    assert request.headers == {"Authorization": "Bearer k-123", "Content-Type": "application/json"}
    assert request.json == json.loads(payload(name))
    assert child.parse_response(answered("answer_200_created.json")) == "1407374883872618"


@pytest.mark.parametrize(
    ("provider_id", "provider_type", "target"),
    [
        ("+12025550143", WHATSAPP, "12025550143/7"),
        ("Ada@example.com", StreamProviderType.MAIL, "Ada%40example.com/4"),
        ("a+b@example.com", StreamProviderType.MAIL, "a%2Bb%40example.com/4"),
    ],
)
def test_create_child_by_stream_provider_id_and_type(account, provider_id, provider_type, target):
    child = CreateChild(
        "abc==", "customer", "Hi", "12025550143", TELEPHONE, provider_id=provider_id, provider_type=provider_type
    )

    assert child.build_request(account).url == f"{BASE}/streams/abc%3D%3D/objects/{target}/child"


def test_our_reference_travels_in_the_content_as_a_json_string(account, answered):
    child = SendChild(
        CreateChild("532", "agent", "Hi", "1", TELEPHONE, "294159", agent_id="7", content={"ref": "m-1"}), "m-1"
    )

    assert json.loads(child.build_request(account).json["data"]["Content"]) == {"ref": "m-1"}
    assert child.parse_response(answered("answer_200_created.json")) == SendResult(
        (RecipientResult("m-1", Outcome.ACCEPTED, external_id="1407374883872618", conversation_id="294159"),)
    )


@pytest.mark.parametrize(
    ("child", "sentence"),
    [
        (CreateChild("532", "agent", "Hi", "1", TELEPHONE, object_id="9"), "agent's user id"),
        (CreateChild("532", "agent", "Hi", "1", TELEPHONE, object_id="9", agent_id="sam"), "agent's user id"),
        (CreateChild("532", "customer", "Hi", "1", TELEPHONE), "needs a Cirrus conversation"),
        (CreateChild("532", "customer", "Hi", "1", TELEPHONE, object_id="../9"), "conversation's id"),
        (CreateChild("", "customer", "Hi", "1", TELEPHONE, object_id="9"), "stream id"),
        (
            CreateChild("5", "customer", "Hi", "1", TELEPHONE, provider_id="..", provider_type=TELEPHONE),
            "customer's id",
        ),
        (
            CreateChild("5", "customer", "Hi", "1", TELEPHONE, provider_id="a/b", provider_type=TELEPHONE),
            "customer's id",
        ),
    ],
)
def test_a_child_without_agent_or_conversation_is_refused_before_sending(account, child, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        child.build_request(account)


CHANGES = [
    (SetStatus("293854", "resolved"), "POST", "objects/293854/status/2", None),
    (SetStatus("293854", "open"), "POST", "objects/293854/status/1", None),
    (SetStatus("293854", ObjectStatus.FORWARD), "POST", "objects/293854/status/3", None),
    (SetContent("293854", {"num_likes": 8, "is_hidden": False}), "POST", "objects/293854/content", "set_content"),
    (
        AddActivity("293854", "Looked up in the shop", "Parley", 1111),
        "POST",
        "objects/293854/activitylog",
        "add_activity",
    ),
    (AddRemark("293854", "Call back after lunch", 1111), "POST", "objects/293854/remarks", "add_remark"),
    (
        SetIndicator("293854", "home", "Works from home", "icon-home", "www.example.com"),
        "POST",
        "objects/293854/indicators",
        "set_indicator",
    ),
    (DeleteIndicator("293854", "home"), "DELETE", "objects/293854/indicators/home", None),
]


@pytest.mark.parametrize(("change", "method", "path", "body"), CHANGES)
def test_changes(account, answered, payload, change, method, path, body):
    request = change.build_request(account)

    assert (request.method, request.url) == (method, f"{BASE}/{path}")
    if body is None:
        assert request.headers == {"Authorization": "Bearer k-123"}
        assert request.body == b""
    else:
        assert request.headers == {"Authorization": "Bearer k-123", "Content-Type": "application/json"}
        assert request.json == json.loads(payload(f"request_{body}.json"))
    assert change.parse_response(answered("answer_200_done.json")) is None


def test_what_is_optional_is_left_out(account):
    assert AddRemark("1", "x").build_request(account).json == {"data": {"Text": "x"}}
    assert SetIndicator("1", "a", "b").build_request(account).json == {"data": {"IndicatorId": "a", "Title": "b"}}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (SetStatus("293854", "dormant"), "no status for 'dormant'"),
        (SetStatus("a/b", "open"), "conversation's id"),
        (SetIndicator("1", "my home", "x"), "indicator's id"),
        (DeleteIndicator("1", "../2"), "indicator's id"),
    ],
)
def test_changes_that_have_no_path_are_refused_before_sending(account, change, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        change.build_request(account)


def test_sizes_of_names_are_theirs():
    data = UserDetails("1", "", "x" * 101, "", "u" * 51).as_data()

    assert data == {"UniqueId": "u" * 50, "FirstName": "x" * 100, "Phone1": "1", "Email": ""}
