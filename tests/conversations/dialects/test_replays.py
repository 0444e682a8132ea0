"""The documents' examples, replayed here and sent for real: by the engine, over a socket, to another provider."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import Campaign, CampaignChunk, Conversation, Message, User
from conversations.services.campaigns import planning, sending
from tests import factories
from tests.conversations.dialects.conftest import MakeProgram, Program, delivered, requests_of
from tests.conversations.dialects.test_ccai_platform import CONSUMER, OUTBOUND, assigned, chat_of
from tests.conversations.dialects.test_ccai_platform import sample as ccai_sample
from tests.conversations.dialects.test_webex_interact import AMIRA, MARK, ROSA, one
from tests.conversations.dialects.test_webex_interact import sample as webex_sample
from tests.factories import SandboxStreams
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
