"""Signed chat webhooks, session events, and the two ways in which a call proves itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from messaging.errors import WebhookRefused
from messaging.providers.ccai_platform import CCAIPlatform
from messaging.types import (
    Channel,
    ConversationEvent,
    DeliveryReport,
    DeliveryStatus,
    HookRequest,
    InboundMessage,
    Unrecognised,
)

Payload = Callable[[str], bytes]
NOW = datetime(2021, 10, 4, 17, 25, tzinfo=UTC)
SECONDS = str(int(NOW.timestamp()))
BODY = b'{"event_type": "chat_ended", "chat_id": 114}'
AGENT = {"sender": "agent", "sender_id": 1}


def call(body: bytes, headers: Mapping[str, str] | None = None) -> HookRequest:
    return HookRequest("POST", headers or {}, body, NOW, "application/json")


def read(body: bytes) -> list[object]:
    return list(CCAIPlatform.parse_hook(call(body)))


def key_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def sign(secret: str, timestamp: str = SECONDS, body: bytes = BODY) -> str:
    return b64encode(hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()).decode()


def signed(signature: str, timestamp: str = SECONDS) -> HookRequest:
    return call(BODY, {"x-signature": signature, "x-signature-timestamp": timestamp})


class TestReading:
    def test_a_customers_message_has_only_the_chat_to_go_by(self, payload: Payload) -> None:
        body = payload("hook_message_from_customer")
        assert read(body) == [
            InboundMessage(
                key=key_of(body),
                phone="",
                body="Thank you",
                channel=Channel.SMS,
                conversation_id="114",
                occurred_at=NOW,
                person_id="87",
            )
        ]

    def test_what_cannot_be_shown_is_a_message_that_says_so(self) -> None:
        body = {
            "event_type": "message_received",
            "chat_id": 1,
            "body": {"sender": {"type": "end_user", "id": 5}, "message": {"type": "photo", "media_id": 3}},
        }
        (found,) = read(json.dumps(body).encode())
        assert isinstance(found, InboundMessage)
        assert (found.kind, found.kind_word, found.body, found.person_id) == ("other", "photo", "", "5")

    def test_a_customers_message_with_the_numbers_of_the_extension(self, payload: Payload) -> None:
        (found,) = read(payload("hook_message_from_customer_with_numbers"))
        assert isinstance(found, InboundMessage)
        assert (found.phone, found.stream_keys, found.conversation_id) == ("+14155550100", ("+16285550199",), "114")

    def test_an_agents_message_is_an_event_of_the_conversation(self, payload: Payload) -> None:
        body = payload("hook_message_from_agent")
        assert read(body) == [
            ConversationEvent(key_of(body), "agent_message", "114", text="*Hello*", occurred_at=NOW, data=AGENT)
        ]

    @pytest.mark.parametrize(
        ("case", "kind", "status", "data"),
        [
            ("participant_joined", "participant_joined", "", AGENT),
            ("participant_left", "participant_left", "", AGENT),
            ("chat_ended", "ended", "finished", {}),
            ("chat_dismissed", "dismissed", "dismissed", {}),
        ],
    )
    def test_changes_of_a_chat(
        self, payload: Payload, case: str, kind: str, status: str, data: Mapping[str, object]
    ) -> None:
        body = payload(f"hook_{case}")
        expected = ConversationEvent(key_of(body), kind, "114", external_status=status, occurred_at=NOW, data=data)
        assert read(body) == [expected]

    @pytest.mark.parametrize(
        ("case", "status", "code", "text"),
        [
            ("sent", DeliveryStatus.SENT, "", ""),
            ("delivered", DeliveryStatus.DELIVERED, "", ""),
            ("failed", DeliveryStatus.FAILED, "not_delivered", "Unreachable handset"),
        ],
    )
    def test_delivery_reports_of_the_extension(
        self, payload: Payload, case: str, status: DeliveryStatus, code: str, text: str
    ) -> None:
        body = payload(f"hook_message_status_{case}")
        assert read(body) == [
            DeliveryReport(
                status, key_of(body), phone="+14155550100", conversation_id="114", occurred_at=NOW, code=code, text=text
            )
        ]

    def test_session_events(self, payload: Payload) -> None:
        assert read(payload("hook_session_events")) == [
            ConversationEvent(
                key="0b8a7f5e-52a0-4a51-9a3e-0d2f3d0f5e01",
                kind="session",
                conversation_id="138",
                external_status="waiting",
                occurred_at=datetime(2021, 10, 4, 17, 20, 51, tzinfo=UTC),
                data={"initiator": "end_user_5", "queue": "Test/calls", "dispositions": []},
            ),
            ConversationEvent(
                key="0b8a7f5e-52a0-4a51-9a3e-0d2f3d0f5e02",
                kind="session",
                conversation_id="138",
                external_status="dispositionSubmitted",
                occurred_at=datetime(2021, 10, 4, 17, 20, 52, tzinfo=UTC),
                data={"initiator": "agent_1", "queue": "Test/calls", "dispositions": ["resolved"]},
            ),
        ]

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({}, ""),
            ({"event_type": "chat_painted", "chat_id": 114}, "chat_painted"),
            ({"event_type": "chat_ended"}, "chat_ended"),
            ({"event_type": "chat_ended", "chat_id": "../x"}, "chat_ended"),
            ({"event_type": "message_received", "body": {"sender": {"type": "end_user"}}}, "message_received"),
            ({"event_type": "message_status", "chat_id": 1, "body": {"status": "delivered"}}, "message_status"),
            (
                {"event_type": "message_status", "body": {"status": "x", "end_user_number": "+14155550100"}},
                "message_status",
            ),
            ({"events": [{}], "count": 1}, ""),
            ({"events": [7]}, ""),
            ({"events": [{"state": "waiting"}]}, "waiting"),
        ],
    )
    def test_what_is_not_known_is_kept(self, body: object, kind: str) -> None:
        (found,) = read(json.dumps(body).encode())
        assert isinstance(found, Unrecognised)
        assert found.kind == kind
        assert 0 < len(found.key) <= 64

    def test_no_session_events_are_none(self) -> None:
        assert read(b'{"count": 0, "events": []}') == []

    def test_session_events_without_ids_have_steady_keys_of_their_own(self) -> None:
        body = b'{"events": [{"state": "a", "chat_id": 1}, {"state": "a", "chat_id": 1}]}'
        first, second = read(body)
        assert first.key != second.key
        assert [first, second] == read(body)

    @pytest.mark.parametrize(
        ("timestamp", "moment"),
        [
            (1633368300, NOW),
            ("1633368300000", NOW),
            ("2021-10-04T17:25:00Z", NOW),
            ("2021-10-04T18:25:00+01:00", NOW),
            ("2021-10-04T17:25:00", NOW),
            (10**17, None),
            (10**30, None),
            ("soon", None),
            (True, None),
            ([], None),
        ],
    )
    def test_times_in_every_form(self, timestamp: object, moment: datetime | None) -> None:
        body = json.dumps({"event_type": "chat_ended", "chat_id": 1, "timestamp": timestamp}).encode()
        (found,) = read(body)
        assert isinstance(found, ConversationEvent)
        assert found.occurred_at == moment

    @pytest.mark.parametrize("body", [b"", b"a=b", b"\xff", b"[]", b"7", b'{"a": NaN}', b'{"a":' * 100_000])
    def test_what_is_no_object_is_refused(self, body: bytes) -> None:
        with pytest.raises(WebhookRefused) as caught:
            read(body)
        assert caught.value.status == 400


class TestTheProof:
    BOTH = {"webhook_secret_primary": "one", "webhook_secret_secondary": "two"}

    def test_without_secrets_nothing_is_asked_for(self) -> None:
        CCAIPlatform.verify_hook(call(BODY), {"subdomain": "customer", "token": "t", "webhook_secret_primary": ""})

    def test_both_signatures(self) -> None:
        CCAIPlatform.verify_hook(signed(f"primary={sign('one')} secondary={sign('two')}"), self.BOTH)

    @pytest.mark.parametrize(
        "signature",
        [
            f"primary={sign('new')} secondary={sign('two')}",  # their primary changed first
            f"primary={sign('one')} secondary={sign('new')}",
            f"primary={sign('two')} secondary={sign('new')}",  # their secondary moved up
            f"primary={sign('one')}",
            f"secondary={sign('two')}",
        ],
    )
    def test_either_secret_may_rotate(self, signature: str) -> None:
        CCAIPlatform.verify_hook(signed(signature), self.BOTH)

    def test_one_configured_secret_is_enough(self) -> None:
        for name in self.BOTH:
            CCAIPlatform.verify_hook(signed(f"primary={sign('one')} secondary={sign('two')}"), {name: self.BOTH[name]})

    @pytest.mark.parametrize(
        "signature",
        [
            "",
            sign("one"),
            "primary= secondary=",
            f"primary={sign('three')} secondary={sign('four')}",
            f"primary={sign('one', body=BODY + b' ')}",
            f"primary={sign('one', timestamp='1')}",
            f"primary={sign('one')[:-2]}",
            "primary=\u00e9\u043f",
        ],
    )
    def test_wrong_or_absent(self, signature: str) -> None:
        for hook in (signed(signature), call(BODY), call(BODY, {"x-signature-timestamp": SECONDS})):
            with pytest.raises(WebhookRefused) as caught:
                CCAIPlatform.verify_hook(hook, self.BOTH)
            assert caught.value.status == 403
            assert sign("one") not in str(caught.value)

    @pytest.mark.parametrize("offset", [-300, 0, 300])
    @pytest.mark.parametrize("unit", [1, 1000])
    def test_a_time_within_five_minutes(self, offset: int, unit: int) -> None:
        timestamp = str((int(SECONDS) + offset) * unit)
        CCAIPlatform.verify_hook(signed(f"primary={sign('one', timestamp)}", timestamp), self.BOTH)

    @pytest.mark.parametrize(
        "timestamp", [str(int(SECONDS) - 301), str(int(SECONDS) + 301), "", "soon", "9" * 40, "-1"]
    )
    def test_a_time_too_far_away_or_unreadable(self, timestamp: str) -> None:
        with pytest.raises(WebhookRefused) as caught:
            CCAIPlatform.verify_hook(signed(f"primary={sign('one', timestamp)}", timestamp), self.BOTH)
        assert caught.value.status == 403

    @pytest.mark.parametrize("also", [{}, BOTH])
    def test_session_events_come_with_a_password(self, also: Mapping[str, str]) -> None:
        credentials = {"webhook_user": "export", "webhook_password": "pass"} | also
        right = b64encode(b"export:pass").decode()
        CCAIPlatform.verify_hook(call(BODY, {"authorization": f"Basic {right}"}), credentials)
        for wrong in ("", f"Basic {b64encode(b'export:other').decode()}", right, "Basic \u00e9\u043f"):
            with pytest.raises(WebhookRefused):
                CCAIPlatform.verify_hook(call(BODY, {"authorization": wrong}), credentials)
