"""Webhook calls in both renderings, and the sandbox's receipts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from messaging.providers.cirrus import Cirrus
from messaging.types import (
    Channel,
    ConversationEvent,
    DeliveryReport,
    DeliveryStatus,
    InboundMessage,
    Media,
    Unrecognised,
)


def child_event(**child) -> bytes:
    """A customer's child in the JSON form, with changes."""
    fields = {"Id": "5", "Message": "Hi", "ManagerId": "0", "User": {"Phone1": "12025550143"}} | child
    return json.dumps(
        {
            "Event": {
                "Subscription": "Object",
                "Name": "OnNewChild",
                "Object": {"Id": "9", "StreamId": "71", "Children": {"Child": fields}},
            }
        }
    ).encode()


@pytest.mark.parametrize("name", ["hook_on_new_child.xml", "hook_on_new_child.json"])
def test_a_customer_wrote(hook, name):
    assert Cirrus.parse_hook(hook(name)) == [
        InboundMessage(
            "child:2099753",
            "+12025550143",
            "Where is my order?",
            channel=Channel.SMS,
            external_id="2099753",
            conversation_id="901730",
            stream_keys=("71",),
            occurred_at=datetime(2017, 3, 26, 6, 36, 15, tzinfo=UTC),
            first_name="Ada",
            last_name="Quinn",
            email="ada@example.com",
            person_id="1798715",
        )
    ]


def test_in_a_soap_envelope(hook, payload):
    event = payload("hook_on_new_child.xml").partition(b"?>")[2]
    envelope = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>'

    assert Cirrus.parse_hook(hook(envelope % event)) == Cirrus.parse_hook(hook("hook_on_new_child.xml"))


def test_two_children_by_a_manager_and_by_the_customer(hook):
    assert Cirrus.parse_hook(hook("hook_on_new_child_two_writers.json")) == [
        ConversationEvent(
            "child:2099760",
            "agent_message",
            "901731",
            stream_keys=("72",),
            text="Tomorrow before noon.",
            occurred_at=datetime(2025, 4, 15, 7, 23, 18, 479000, tzinfo=UTC),
            data={"external_id": "2099760", "ref": "m-7", "agent_id": "36197"},
        ),
        InboundMessage(
            "child:2099761",
            "+12025550144",
            "",
            channel=Channel.WHATSAPP,
            external_id="2099761",
            conversation_id="901731",
            stream_keys=("72",),
            media=(Media("image", link="https://files.example.com/a/receipt.png", filename="receipt.png"),),
            whatsapp_id="12025550144",
        ),
    ]


def test_on_new_with_a_name(hook):
    assert Cirrus.parse_hook(hook("hook_on_new.xml")) == [
        InboundMessage(
            "object:901732",
            "+12025550143",
            "Hello",
            channel=Channel.SMS,
            conversation_id="901732",
            stream_keys=("71",),
            occurred_at=datetime(2025, 4, 15, 7, 23, 18, tzinfo=UTC),
            person_id="9",
        )
    ]


def test_on_new_as_the_help_pages_show_it(hook):
    (event,) = Cirrus.parse_hook(hook("hook_on_new_payload.json"))

    assert isinstance(event, InboundMessage)
    assert event.key.startswith("body:")
    assert (event.phone, event.body, event.channel) == ("+12025550143", "FirstMessage", Channel.WHATSAPP)
    assert (event.first_name, event.conversation_id, event.stream_keys) == ("Ada", "", ())


@pytest.mark.parametrize(
    ("child", "found"),
    [
        ({"Type": "0", "Message": "Hello"}, ("text", "", "Hello", "")),
        ({"Type": "7", "Message": "51.5, -0.1"}, ("other", "location", "51.5, -0.1", "")),
        ({"Type": "14", "Message": ""}, ("other", "contacts", "", "")),
        ({"Type": "99", "Message": "What is this"}, ("other", "type 99", "What is this", "")),
        ({"Type": "0", "Message": ""}, ("other", "empty message", "", "")),
        (
            {"Type": "0", "Message": "", "Content": '{"reaction": {"emoji": "👍", "message_id": "wamid.7"}}'},
            ("reaction", "", "👍", "wamid.7"),
        ),
    ],
)
def test_what_kind_of_message_it_is(hook, child, found):
    user = {"Id": "5", "Identity": {"StreamProviderId": "447700900142", "StreamProviderType": "7"}}
    record = {"Id": "901730", "StreamId": "72", "Children": {"Child": {"Id": "1", "User": user, **child}}}
    event = {"Event": {"Subscription": "Object", "Name": "OnNewChild", "Object": record}}
    (one,) = Cirrus.parse_hook(hook(json.dumps(event).encode()))
    assert (one.kind, one.kind_word, one.body, one.reacts_to) == found
    assert (one.phone, one.person_id, one.whatsapp_id) == ("+447700900142", "5", "447700900142")


def test_the_same_child_has_the_same_key_in_every_event(hook, payload):
    new = payload("hook_on_new_child.json").replace(b"OnNewChild", b"OnNew")

    assert [event.key for event in Cirrus.parse_hook(hook(new))] == ["child:2099753"]


@pytest.mark.parametrize("name", ["hook_on_new_activity.xml", "hook_on_new_activity.json"])
def test_an_activity(hook, name):
    assert Cirrus.parse_hook(hook(name)) == [
        ConversationEvent(
            "activity:77",
            "activity",
            "901730",
            stream_keys=("71",),
            external_status="2",
            text="Resolved by Sam",
            occurred_at=datetime(2017, 3, 26, 6, 40, tzinfo=UTC),
            data={"type": "status_change", "details": {"text": "Resolved by Sam", "statusId": 2}},
        )
    ]


@pytest.mark.parametrize("name", ["hook_on_update_tag.xml", "hook_on_update_tag.json"])
def test_tags(hook, name):
    (event,) = Cirrus.parse_hook(hook(name))

    assert isinstance(event, ConversationEvent)
    assert (event.kind, event.conversation_id, event.text) == ("tags", "901730", "vip, 41")
    assert event.data == {"tags": ["vip", "41"]}


def test_receipts_of_the_sandbox_name_the_message_in_three_ways(hook):
    *reports, unknown = Cirrus.parse_hook(hook("hook_on_child_status.json"))

    assert reports == [
        DeliveryReport(
            DeliveryStatus.DELIVERED,
            "status:901730:2099760:delivered",
            external_id="2099760",
            ref="m-7",
            phone="+12025550143",
        ),
        DeliveryReport(
            DeliveryStatus.FAILED,
            "status:901730:2099761:failed",
            external_id="wamid.HBgL",
            phone="+12025550144",
            code="not_on_whatsapp",
            text="invalid — Not a valid WhatsApp user",
        ),
        DeliveryReport(DeliveryStatus.SENT, "status:901730:2099762:sent", phone="+12025550145"),
    ]
    assert unknown == Unrecognised(unknown.key, "Object.OnChildStatus teleported")


def test_receipts_as_xml(hook):
    body = (
        b'<Event Subscription="Object" Name="OnChildStatus"><Object Id="9" StreamId="71"><Children>'
        b'<Child Id="5" Ref="m-1" Status="read"/></Children></Object></Event>'
    )

    assert Cirrus.parse_hook(hook(body)) == [
        DeliveryReport(DeliveryStatus.READ, "status:9:5:read", external_id="5", ref="m-1")
    ]


@pytest.mark.parametrize(
    ("user", "phone"),
    [
        (
            {"Phone1": "97243434343", "Identity": {"StreamProviderId": "43434343", "StreamProviderType": "5"}},
            "+97243434343",
        ),
        (
            {"Phone1": "97243434343", "Identity": {"StreamProviderId": "12025550143", "StreamProviderType": "7"}},
            "+12025550143",
        ),
        ({"Phone1": "", "Identity": {"StreamProviderId": "12025550143"}}, "+12025550143"),
        (
            {"Phone1": "0012025550143", "Identity": {"StreamProviderId": "9", "StreamProviderType": "Mail"}},
            "+12025550143",
        ),
        ({"phone1": 12025550143}, "+12025550143"),
        ({"@Phone1": "+12025550143"}, "+12025550143"),
        ({"Phone2": "12025550143"}, "+12025550143"),
    ],
)
def test_the_number_that_wrote(hook, user, phone):
    (event,) = Cirrus.parse_hook(hook(child_event(User=user)))

    assert isinstance(event, InboundMessage)
    assert event.phone == phone


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"Phone1": "call me"},
        {"Phone1": "١٢٣٤٥٦٧٨٩"},
        {"Email": "a@b.example", "Identity": {"StreamProviderId": "1234567890", "StreamProviderType": "Mail"}},
    ],
)
def test_without_a_number_it_is_kept_but_no_message(hook, user):
    assert Cirrus.parse_hook(hook(child_event(User=user))) == [
        Unrecognised("child:5", "Object.OnNewChild without a phone number")
    ]


@pytest.mark.parametrize(
    ("child", "written_by_customer"),
    [
        ({"ManagerId": "0"}, True),
        ({"ManagerId": 0}, True),
        ({"ManagerId": None}, True),
        ({"ManagerId": "36197"}, False),
        ({"ManagerId": 36197}, False),
        ({"ManagerId": None, "User": {"Phone1": "12025550143", "IsManager": "true"}}, False),
        ({"ManagerId": "", "IsManager": True}, False),
    ],
)
def test_who_wrote(hook, child, written_by_customer):
    (event,) = Cirrus.parse_hook(hook(child_event(**child)))

    assert isinstance(event, InboundMessage) is written_by_customer


@pytest.mark.parametrize(
    ("child", "media"),
    [
        (
            {
                "Content": {
                    "attachments": [{"url": "https://x.example/a.pdf", "name": "a.pdf"}, {"url": "ftp://x.example/b"}]
                }
            },
            (Media("document", link="https://x.example/a.pdf", filename="a.pdf"),),
        ),
        (
            {"Content": '{"files":{"link":"https://x.example/v.MP4?x=1"}}'},
            (Media("video", link="https://x.example/v.MP4?x=1"),),
        ),
        (
            {"Content": {"media": [{"fileUrl": "https://x.example/1", "mimeType": "audio/ogg"}]}},
            (Media("audio", link="https://x.example/1"),),
        ),
        ({"Type": "8", "Content": {"link": "https://x.example/1"}}, (Media("audio", link="https://x.example/1"),)),
        (
            {"Type": "2", "Content": {"url": "http://127.0.0.1:8001/m/1", "content_type": "video/mp4"}},
            (Media("video", link="http://127.0.0.1:8001/m/1"),),
        ),
        ({"Type": "4", "Content": {"url": "https://shop.example/page"}}, ()),
        ({"Type": "2", "Content": {"url": "javascript:alert(1)"}}, ()),
        ({"Content": {"files": [{"url": "https://[x"}]}}, (Media("document", link="https://[x"),)),
    ],
)
def test_media_links(hook, child, media):
    (event,) = Cirrus.parse_hook(hook(child_event(**child)))

    assert isinstance(event, InboundMessage)
    assert event.media == media


def test_text_that_a_database_cannot_hold_is_made_storable(hook):
    (event,) = Cirrus.parse_hook(hook(child_event(Message="a\x00b\ud800c")))

    assert isinstance(event, InboundMessage)
    assert event.body == "ab?c"
