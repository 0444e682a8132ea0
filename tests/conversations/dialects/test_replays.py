"""The documents' examples, replayed here and sent for real: by the engine, over a socket, to another provider."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from conversations.models import Campaign, CampaignChunk, Conversation, Message, User
from conversations.services.campaigns import planning, sending
from conversations.services.outbound import deliver
from conversations.services.stream_tokens import token_of
from tests import factories
from tests.conversations.dialects.conftest import MakeProgram, Program, delivered, requests_of
from tests.conversations.dialects.test_ccai_platform import CONSUMER, OUTBOUND, assigned, chat_of
from tests.conversations.dialects.test_ccai_platform import sample as ccai_sample
from tests.conversations.dialects.test_cirrus import enveloped, item
from tests.conversations.dialects.test_webex_interact import AMIRA, MARK, ROSA, one
from tests.conversations.dialects.test_webex_interact import sample as webex_sample
from tests.factories import SandboxStreams
from tests.messaging.test_files import png
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tom(streams: SandboxStreams) -> User:
    """A supervisor who may send on every stream of the sandbox."""
    user = factories.make_user("supervisor", name="Tom Reyes", email="tom@fernhill.example")
    factories.make_team(name="Supervisors", members=[user], streams=list(streams.values()))
    return user


@pytest.fixture
def program(tom: User, make_program: MakeProgram) -> Program:
    """Tom's, for everything."""
    return make_program(tom)


def test_webex_interact_to_many_leaves_through_cirrus(
    program: Program, streams: SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    streams["cirrus"].sender = "WxInteract"
    streams["cirrus"].save()
    answer = program.webex(webex_sample(send_at=None, valid_until=None)).json()
    tids = [message.pop("transaction_id") for message in answer["messages"]]
    assert len(set(tids)) == 3
    assert answer == {
        "request_id": answer["request_id"],
        "messages": [{"to": phone, "status": "queued", "code": 1001} for phone in (AMIRA, ROSA, MARK)],
        "errors": [],
    }
    campaign = Campaign.objects.get()
    Campaign.objects.update(keeps_quiet_hours=False)  # this test may run at night
    planning.plan(campaign.pk)
    for pk in CampaignChunk.objects.values_list("pk", flat=True):
        sending.deliver_chunk(pk)
    assert set(Message.objects.values_list("status", flat=True)) == {"accepted"}
    assert len(requests_of(product_sandbox, "cirrus")) == 3
    (text,) = [one["text"] for one in product_sandbox.messages(phone=MARK)]
    assert text.startswith("Hello Mark,/nyour second service is due by 20th Jan, 2025. Contact us on +447709873123")


def test_webex_interact_with_an_error_leaves_through_cirrus(
    program: Program, streams: SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    body = one(**{"from": "+447700900155", "to": [{"phone": [MARK]}, {"phone": ["+4477416325434477416325434"]}]})
    answer = program.webex(body).json()
    assert answer == {
        "request_id": answer["request_id"],
        "messages": [
            {
                "transaction_id": answer["messages"][0]["transaction_id"],
                "to": MARK,
                "status": "queued",
                "code": 1001,
            }
        ],
        "errors": [
            {
                "to": "+4477416325434477416325434",
                "status": "error",
                "code": 1002,
                "message": "Invalid phone number or unsupported region.",
            }
        ],
    }


def test_webex_interact_to_one_leaves_through_ccai_platform(program: Program, product_sandbox: PlayedSandbox) -> None:
    program.webex(one(**{"from": OUTBOUND, "to": [{"phone": [CONSUMER]}]}))
    assert delivered(Message.objects.get()).status == "accepted"
    assert len(requests_of(product_sandbox, "ccai_platform")) == 1


@pytest.mark.parametrize(
    "named", [{"ticket_id": "5006x00000XXxxxXXX"}, {"agentId": 1}, {"agentEmail": "john.doe@foo.com"}, {}]
)
def test_ccai_platform_leaves_through_webex_interact(
    program: Program, streams: SandboxStreams, product_sandbox: PlayedSandbox, named: dict[str, Any]
) -> None:
    stream = streams["webex_interact"]
    stream.inbound_number, stream.region = OUTBOUND, "US"
    stream.save()
    streams["ccai_platform"].sender = "+16285550111"
    streams["ccai_platform"].save()
    john = User.objects.filter(pk=1).first() or factories.make_user(pk=1)
    john.email, john.name = "john.doe@foo.com", "John Doe"
    john.save()
    factories.make_team(members=[john], streams=[stream])
    answer = program.ccai(ccai_sample(ticket_id=None, **named) if "ticket_id" not in named else ccai_sample())
    assert answer.status_code == 200, answer.content
    conversation = Conversation.objects.get()
    is_given = "agentId" in named or "agentEmail" in named
    wanted = assigned(conversation, john, shows_agent="agentId" in named) if is_given else chat_of(conversation)
    assert answer.json() == wanted
    assert delivered(Message.objects.get()).status == "accepted"
    assert len(requests_of(product_sandbox, "webex_interact")) == 1
    assert [one["text"] for one in product_sandbox.messages(phone=CONSUMER)] == ["lorem ipsum"]


@pytest.mark.parametrize(
    ("provider", "digits"), [("webex_interact", "447700900142"), ("ccai_platform", CONSUMER.removeprefix("+"))]
)
def test_cirrus_texts_leave_through_another_provider(
    program: Program, streams: SandboxStreams, product_sandbox: PlayedSandbox, provider: str, digits: str
) -> None:
    stream = streams[provider]
    stream.settings = {"opening_text": "Fernhill Care here. How can we help?"}
    stream.save()
    token = token_of(stream)
    initial = program.cirrus("POST", f"sms/sendinitialtext/{token}/{digits}")
    assert enveloped(initial) == ""
    assert delivered(Message.objects.get()).status == "accepted"
    (said,) = product_sandbox.messages(phone=f"+{digits}")
    assert said["text"] == "Fernhill Care here. How can we help?"
    if provider == "webex_interact":  # the other one takes a second text only from the agent who has the session
        text = program.cirrus("POST", f"sms/sendsms/{token}", {"Number": digits, "Message": "message text"})
        assert enveloped(text) == ""
        assert delivered(Message.objects.latest("id")).status == "accepted"
        assert len(requests_of(product_sandbox, provider)) == 2


def test_cirrus_objects_leave_through_webex_interact(
    program: Program, streams: SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    stream, priya = streams["webex_interact"], streams.priya
    person = {"UserStreamProviderId": "447700900142", "UserStreamProviderType": 5}
    data = person | {
        "Type": 4,
        "StatusId": 1,
        "StreamProviderType": 5,
        "StreamProviderId": "447700900142",
        "ManagerId": priya.pk,
        "Message": "some message",
        "User": {"LastName": "Doe", "FirstName": "John", "Email": "john.doe@gmail.com"},
    }
    created = enveloped(program.cirrus("POST", f"streams/{stream.pk}/objects", {"data": data}))
    conversation = Conversation.objects.get()
    assert created == {"id": conversation.pk}
    assert delivered(Message.objects.get()).status == "accepted"
    agent = {"IsManager": True, "UserIdentity": priya.pk, "Type": 4} | person
    child = agent | {"Message": "A new message on behalf of the agent"}
    path = f"streams/{stream.pk}/objects/{conversation.pk}"
    made = enveloped(program.cirrus("POST", f"{path}/child", {"data": child}))
    message = Message.objects.latest("id")
    assert made == {"id": message.pk}
    assert delivered(message).status == "accepted"
    texts = sorted(one["text"] for one in product_sandbox.messages(phone=AMIRA))
    assert texts == ["A new message on behalf of the agent", "some message"]
    (row,) = enveloped(program.cirrus("GET", f"{path}?includeChilds=true"))
    assert (row["firstName"], row["assignedManagerId"], len(row["childs"])) == ("John", priya.pk, 2)


def test_cirrus_templates_leave_with_an_uploaded_file(
    program: Program, streams: SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    """WhatsApp is at Cirrus alone, so this goes from its dialect to its sandbox, in the words of either side."""
    stream = streams["whatsapp"]
    token = token_of(stream)
    body = {"type": "BODY", "text": "Hello {{1}}, your engineer comes {{2}}.", "example": {"body_text": [["A", "B"]]}}
    factories.make_template(stream, name="engineer_photo", components=[{"type": "HEADER", "format": "IMAGE"}, body])
    for phone in (AMIRA, MARK):
        factories.opt_in(factories.make_contact(phone))
    uploaded = program.client.post(
        f"/dialects/cirrus/whatsapp/uploadmedia/{token}",
        {"pic": SimpleUploadedFile("photo.png", png(), "image/png")},
        headers={"Authorization": f"Bearer {program.text}"},
    )
    (file,) = enveloped(uploaded)
    assert file["filename"] == "photo.png"
    header = {"type": "header", "parameters": [{"type": "image", "image": {"id": file["id"]}}]}
    rows = [item("447700900142", object_data={"Content": {}}), item("447700900267")]
    for row in rows:
        row["template_data"]["template"]["name"] = "engineer_photo"
        row["template_data"]["template"]["components"].insert(0, header)
    data = enveloped(program.cirrus("POST", f"v2/whatsapp/sendtemplatedmessage/{token}", {"data": rows}))
    first, second = Message.objects.order_by("id")
    assert data == [
        {"recipient": "447700900142", "id": first.ref.hex, "status": 200, "object_id": first.conversation_id},
        {"recipient": "447700900267", "id": second.ref.hex, "status": 200},
    ]
    deliver([first.pk, second.pk])
    assert set(Message.objects.values_list("status", flat=True)) == {"accepted"}
    valid = program.cirrus("GET", f"whatsapp/validatecontact/{token}/447700900142")
    assert enveloped(valid) == {"valid": True}


def test_of_two_texts_at_once_one_begins_the_session(program: Program, streams: SandboxStreams) -> None:
    """CCAI Platform's documents have no other guard against a repeat, so this one has to hold."""
    together = Barrier(4)

    def post(_: int) -> int:
        together.wait(10)
        try:
            return Program(program.key, program.text).ccai(ccai_sample()).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(post, range(4))) == [200, 400, 400, 400]
    assert Message.objects.count() == 1
