"""Routing, limits, what the provider declares, and the connection test over a real socket."""

from __future__ import annotations

import json
import re
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from messaging.errors import ConfigurationError
from messaging.providers.base import Account
from messaging.providers.cirrus import PROVIDER, Cirrus, SendChild, SendInitialSms, SendSms, SendTemplates
from messaging.providers.cirrus.words import ActivityType, ObjectStatus, activity_word, conversation_word, provider_type
from messaging.transport import Transport
from messaging.types import Channel, OutboundMessage, Recipient, TemplateContent

ADA = Recipient("m-1", "+12025550143", "Ada", "Quinn", "ada@example.com")
TEXT = OutboundMessage("text", (ADA,), body="Hi")
HELLO = TemplateContent("hello", "en", body=("Ada",))


def test_sms_without_a_conversation_or_an_agent_goes_by_send_sms(sms_stream):
    expected = SendSms(sms_stream.external_id, "+12025550143", "Hi", "m-1")

    assert Cirrus.plan(TEXT, sms_stream) == expected
    assert Cirrus.plan(replace(TEXT, conversation_id="9"), sms_stream) == expected
    assert Cirrus.plan(replace(TEXT, agent_id="7"), sms_stream) == expected


def test_sms_in_a_known_conversation_by_a_known_agent_goes_by_create_child(account, sms_stream):
    operation = Cirrus.plan(replace(TEXT, conversation_id="293854", agent_id="36574658"), sms_stream)
    request = operation.build_request(account)
    body = request.json["data"]

    assert isinstance(operation, SendChild)
    assert request.url == "https://api.commbox.io/streams/hNyRN_fLUy7rrOrN9jLpipA%3D%3D/objects/293854/child"
    assert json.loads(body.pop("Content")) == {"ref": "m-1"}
    assert body == {
        "IsManager": True,
        "UserIdentity": 36574658,
        "Type": 4,
        "UserStreamProviderId": "12025550143",
        "UserStreamProviderType": 5,
        "Message": "Hi",
    }


def test_the_opening_text_goes_by_send_initial_sms(sms_stream):
    assert Cirrus.plan(replace(TEXT, kind="opening"), sms_stream) == SendInitialSms(
        sms_stream.external_id, "+12025550143", "m-1"
    )


def test_whatsapp_text_is_a_child_in_the_numeric_stream(account, whatsapp_stream):
    request = Cirrus.plan(replace(TEXT, conversation_id="9", agent_id="7"), whatsapp_stream).build_request(account)

    assert request.url == "https://api.commbox.io/streams/532/objects/9/child"
    assert request.json["data"]["UserStreamProviderType"] == 7
    assert request.json["data"]["UserIdentity"] == 7


def test_whatsapp_text_without_an_agent_of_its_own_uses_the_streams(account, whatsapp_stream):
    stream = replace(whatsapp_stream, settings={"agent_id": "11"})
    request = Cirrus.plan(replace(TEXT, conversation_id="9"), stream).build_request(account)

    assert request.json["data"]["UserIdentity"] == 11


def test_a_template_opens_a_conversation_and_may_be_scheduled(account, whatsapp_stream):
    stream = replace(whatsapp_stream, settings={"stream_id": "532", "manager_id": "78121"})
    message = OutboundMessage(
        "template",
        (
            replace(ADA, template=HELLO, sub_stream_id="12"),
            Recipient("m-2", "+12025550144", template=HELLO, sub_stream_id="12"),
        ),
        send_at=datetime(2025, 2, 12, 12, 56, 50, tzinfo=UTC),
    )
    operation = Cirrus.plan(message, stream)
    request = operation.build_request(account)
    first, second = request.json["data"]

    assert isinstance(operation, SendTemplates)
    assert request.url.endswith("/v2/whatsapp/sendtemplatedmessage/hNyRN_fLUy7rrOrN9jLpipA%3D%3D")
    assert first["schedule"] == second["schedule"] == 1739365010
    assert first["object_data"] == {
        "createChildObject": True,
        "SubStreamId": 12,
        "StatusId": 1,
        "ManagerId": 78121,
        "Content": {"ref": "m-1"},
        "User": {"LastName": "Quinn", "FirstName": "Ada", "Phone1": "12025550143", "Email": "ada@example.com"},
    }
    assert second["object_data"]["User"] == {"Phone1": "12025550144", "Email": ""}
    assert second["object_data"]["Content"] == {"ref": "m-2"}


def test_a_template_without_settings_names_no_manager_and_no_sub_stream(account, whatsapp_stream):
    message = OutboundMessage("template", (replace(ADA, template=HELLO),))
    (item,) = Cirrus.plan(message, whatsapp_stream).build_request(account).json["data"]

    assert "schedule" not in item
    assert item["object_data"]["SubStreamId"] == 0
    assert "ManagerId" not in item["object_data"]


@pytest.mark.parametrize(
    ("channel", "changes", "sentence"),
    [
        (Channel.WHATSAPP, {}, "no conversation with this customer yet"),
        (Channel.WHATSAPP, {"conversation_id": "9"}, "agent identity"),
        (Channel.WHATSAPP, {"kind": "opening"}, "SMS streams only"),
        (Channel.WHATSAPP, {"kind": "template"}, "no template"),
        (Channel.SMS, {"kind": "template"}, "WhatsApp streams only"),
        (Channel.SMS, {"recipients": (ADA, ADA)}, "one recipient a request"),
        (Channel.SMS, {"recipients": ()}, "one recipient a request"),
        (Channel.SMS, {"send_at": datetime(2026, 1, 1, tzinfo=UTC)}, "schedules only WhatsApp templates"),
        (Channel.WHATSAPP, {"kind": "template", "recipients": (ADA,) * 21}, "no template"),
    ],
)
def test_what_has_no_route_is_refused_before_sending(whatsapp_stream, channel, changes, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        Cirrus.plan(replace(TEXT, **changes), replace(whatsapp_stream, channel=channel))


def test_twenty_one_templates_are_refused_before_sending(account, whatsapp_stream):
    people = tuple(Recipient(f"m-{n}", f"+120255501{n:02}", template=HELLO) for n in range(21))

    with pytest.raises(ConfigurationError, match="this one has 21"):
        Cirrus.plan(OutboundMessage("template", people), whatsapp_stream).build_request(account)


def test_limits():
    assert Cirrus.limits(Channel.SMS).recipients_per_request == 1
    assert Cirrus.limits(Channel.SMS).body_characters is None
    assert Cirrus.limits(Channel.WHATSAPP).body_characters == 4096
    assert Cirrus.limits(Channel.WHATSAPP).media_kinds == frozenset()
    assert Cirrus.limits(Channel.WHATSAPP, "template").recipients_per_request == 20
    assert Cirrus.limits(Channel.WHATSAPP, "template").media_kinds == {"image", "video", "document"}
    assert not any(
        Cirrus.limits(channel, kind).receipts for channel in Cirrus.channels for kind in ("text", "template")
    )


def test_what_it_declares():
    assert PROVIDER is Cirrus
    assert Cirrus.conversation_first == {Channel.WHATSAPP}
    assert [(option.name, option.required, option.secret) for option in Cirrus.credential_options] == [
        ("api_key", True, True),
        ("webhook_secret", False, True),
    ]
    pattern = Cirrus.credential_options[0].pattern
    assert re.fullmatch(pattern, "x" * 1500)
    assert not re.fullmatch(pattern, "two words")
    assert not re.fullmatch(pattern, "k\r\n")


def test_words_of_their_numbers():
    assert [conversation_word(n) for n in (1, 8, 15, 10, 2, 14)] == [
        "open",
        "open",
        "waiting",
        "snoozed",
        "resolved",
        "archived",
    ]
    assert [conversation_word(n) for n in (3, 12, 99, None)] == [""] * 4
    assert 12 not in set(ObjectStatus)
    assert [activity_word(n) for n in (1, 18, 22, 24, None)] == ["remark", "inactivity_logout", "log_error", "24", ""]
    assert len(ActivityType) == 23
    assert [provider_type(word) for word in ("5", "Telephone", "WhatsAppCloud", "GoogleMyBusiness", "99", "", "?")] == [
        5,
        5,
        16,
        13,
        None,
        None,
        None,
    ]


@pytest.fixture
def served():
    """A real server on this machine that gives one answer and keeps the requests it got."""
    servers = []

    def start(status: int, body: bytes):
        seen: list[tuple[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append((self.path, self.headers["Authorization"]))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1], seen

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def provider_at(port: int, key: str = "k-123") -> Cirrus:
    account = Account(f"http://127.0.0.1:{port}", {"api_key": key})
    return Cirrus(account, Transport(extra_hosts={f"127.0.0.1:{port}"}))


def test_check_asks_for_the_system_status(served, payload):
    port, seen = served(200, payload("answer_200_system_status.json"))
    health = provider_at(port).check()

    assert (health.ok, health.sentence) == (True, "Cirrus answers: System is operational")
    assert seen == [("/core/systemstatus", "Bearer k-123")]


def test_check_says_that_the_key_is_refused(served, payload):
    port, _ = served(401, payload("answer_401.json"))
    health = provider_at(port).check()

    assert not health.ok
    assert "does not accept the API key" in health.sentence


def test_check_never_raises(served):
    port, _ = served(200, b"<html>")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()[1]

    assert "could not be read" in provider_at(port).check().sentence
    assert "refused" in provider_at(nobody).check().sentence
    assert "API key" in provider_at(port, key="").check().sentence
    assert not provider_at(nobody).check().ok
