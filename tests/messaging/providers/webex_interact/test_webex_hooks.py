"""CloudEvents: every documented kind, lists of them, and the optional signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from messaging.errors import WebhookRefused
from messaging.providers.webex_interact import WebexInteract
from messaging.types import (
    Channel,
    ConsentEvent,
    DeliveryReport,
    DeliveryStatus,
    HookRequest,
    InboundMessage,
    LinkOpened,
    Unrecognised,
)

Payload = Callable[[str], bytes]
NOW = datetime(2025, 6, 25, 12, 12, tzinfo=UTC)


def call(body: bytes, **headers: str) -> HookRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HookRequest("POST", named, body, NOW, "application/json")


def sign(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class TestReading:
    @pytest.mark.parametrize(
        ("case", "key", "status", "code"),
        [
            ("submitted", "evt_2z01l2qZ8MRVmFZSUQHHfIjVvjs", DeliveryStatus.SENT, ""),
            ("delivered", "evt_2z01l2qZ8MRVmFZSUQHHfIjVvjd", DeliveryStatus.DELIVERED, ""),
            ("failed", "evt_2z01l2qZ8MRVmFZSUQHHfIjVvjf", DeliveryStatus.FAILED, "not_delivered"),
        ],
    )
    def test_delivery_reports(self, payload: Payload, case: str, key: str, status: DeliveryStatus, code: str) -> None:
        assert WebexInteract.parse_hook(call(payload(f"hook_{case}"))) == [
            DeliveryReport(
                status=status,
                key=key,
                external_id="tid_35T5b3cQmfqTu6jcedrdVcSmNHr",
                ref="anexternallyassignedreference",
                phone="+447810000001",
                occurred_at=datetime(2025, 6, 25, 12, 8, 43, tzinfo=UTC),
                code=code,
            )
        ]

    def test_a_failure_keeps_the_code_that_came_with_it(self, payload: Payload) -> None:
        event = json.loads(payload("hook_failed"))
        event["data"]["code"] = "1005"
        (report,) = WebexInteract.parse_hook(call(json.dumps(event).encode()))
        assert (report.code, report.text) == ("not_delivered", "Code 1005")

    def test_a_customers_message(self, payload: Payload) -> None:
        assert WebexInteract.parse_hook(call(payload("hook_inbound"))) == [
            InboundMessage(
                key="evt_2z01l2qZ8MRVmFZSUQHHfIjVvji",
                phone="+447810000001",
                body="Yes, Tuesday is fine \U0001f44d",
                channel=Channel.SMS,
                stream_keys=("+447810000009", "num_35T5b3cQmfqTu6jcedrdVcSmNHs"),
                occurred_at=datetime(2025, 6, 25, 12, 10, 1, tzinfo=UTC),
            )
        ]

    @pytest.mark.parametrize("everywhere", [False, True])
    def test_an_opt_out_of_one_number_or_of_the_account(self, payload: Payload, everywhere: bool) -> None:
        event = json.loads(payload("hook_opt_out"))
        event["data"]["account_level_opt_out"] = everywhere
        assert WebexInteract.parse_hook(call(json.dumps(event).encode())) == [
            ConsentEvent(
                key="evt_2z01l2qZ8MRVmFZSUQHHfIjVvjo",
                phone="+447810000001",
                event="opt_out",
                stream_keys=("+447810000009", "num_35T5b3cQmfqTu6jcedrdVcSmNHs"),
                text="STOP",
                everywhere=everywhere,
                occurred_at=datetime(2025, 6, 25, 12, 11, 4, tzinfo=UTC),
            )
        ]

    def test_a_click_names_the_message_that_the_link_stood_in(self, payload: Payload) -> None:
        expected = LinkOpened(
            "evt_2z01l2qZ8MRVmFZSUQHHfIjVvjc",
            external_id="tid_35T5b3cQmfqTu6jcedrdVcSmNHr",
            ref="anexternallyassignedreference",
            phone="+447810000001",
            occurred_at=datetime(2025, 6, 25, 12, 8, 43, tzinfo=UTC),
        )
        assert WebexInteract.parse_hook(call(payload("hook_clicked"))) == [expected]

    def test_a_list_is_read_in_order_and_strangers_in_it_are_kept(self, payload: Payload) -> None:
        known = [json.loads(payload(f"hook_{case}")) for case in ("delivered", "inbound", "opt_out")]
        events = [
            known[0],
            7,
            known[1],
            {"id": "evt_x", "type": "com.interact.other", "data": {}},
            known[2],
            {"id": "y"},
        ]
        found = WebexInteract.parse_hook(call(json.dumps(events).encode()))
        kinds = [type(event) for event in found]
        assert kinds == [DeliveryReport, Unrecognised, InboundMessage, Unrecognised, ConsentEvent, Unrecognised]
        assert len({event.key for event in found}) == len(found)
        assert found[3] == Unrecognised("evt_x", "com.interact.other")

    @pytest.mark.parametrize("phone", [None, "", "VODAFONE", "+44x", 7, {"a": 1}])
    def test_a_message_from_nobody_is_kept_unrecognised(self, payload: Payload, phone: object) -> None:
        for case in ("hook_inbound", "hook_opt_out"):
            event = json.loads(payload(case))
            event["data"]["phone_number"] = phone
            (found,) = WebexInteract.parse_hook(call(json.dumps(event).encode()))
            assert isinstance(found, Unrecognised)

    @pytest.mark.parametrize("event_id", [None, "", "x" * 65, ["a"]])
    def test_an_event_without_a_usable_id_still_has_a_steady_key(self, payload: Payload, event_id: object) -> None:
        event = json.loads(payload("hook_inbound")) | {"id": event_id}
        body = json.dumps([event, event | {"time": "2025-06-25T12:10:02Z"}]).encode()
        first, second = WebexInteract.parse_hook(call(body))
        assert [first, second] == WebexInteract.parse_hook(call(body))
        assert len(first.key) == 64
        assert first.key != second.key

    def test_times_that_cannot_be_read_are_left_out(self, payload: Payload) -> None:
        for time in ("yesterday", 7, None, "0001-01-01T00:00:00+23:59"):
            event = json.loads(payload("hook_delivered")) | {"time": time}
            (report,) = WebexInteract.parse_hook(call(json.dumps(event).encode()))
            assert report.occurred_at is None

    @pytest.mark.parametrize(
        "body", [b"", b"a=b&c=d", b"\xff\xfe", b"7", b'"x"', b"null", b'{"id": NaN}', b"[" * 100_000, b'{"id": 1']
    )
    def test_what_is_no_event_is_refused(self, body: bytes) -> None:
        with pytest.raises(WebhookRefused) as caught:
            WebexInteract.parse_hook(call(body))
        assert caught.value.status == 400

    def test_of_two_keys_of_one_name_the_last_counts(self) -> None:
        body = b'{"id": "a", "id": "b", "data": {}}'
        assert WebexInteract.parse_hook(call(body)) == [Unrecognised("b")]


class TestTheSignature:
    BODY = b'{"id": "evt_1"}'

    def test_without_a_secret_nothing_is_asked_for(self) -> None:
        WebexInteract.verify_hook(call(self.BODY), {"access_key": "k"})

    @pytest.mark.parametrize("dress", [str, str.upper, "sha256={}".format])
    def test_right(self, dress: Callable[[str], str]) -> None:
        signature = dress(sign(self.BODY, "s3cret"))
        WebexInteract.verify_hook(call(self.BODY, x_hub_signature=signature), {"webhook_secret": "s3cret"})

    @pytest.mark.parametrize("secret", ["old", "new"])
    def test_both_secrets_are_good_while_they_change(self, secret: str) -> None:
        hook = call(self.BODY, x_hub_signature=sign(self.BODY, secret))
        WebexInteract.verify_hook(hook, {"webhook_secret": "new, old"})

    @pytest.mark.parametrize(
        "signature",
        [
            "",
            "sha256=",
            sign(BODY, "other"),
            sign(BODY + b" ", "s3cret"),
            sign(BODY, "s3cret")[:-1],
            "s3cret",
            "\u00e9\u043f",
        ],
    )
    def test_wrong_or_absent(self, signature: str) -> None:
        for hook in (call(self.BODY, x_hub_signature=signature), call(self.BODY)):
            with pytest.raises(WebhookRefused) as caught:
                WebexInteract.verify_hook(hook, {"webhook_secret": "s3cret"})
            assert caught.value.status == 403
            assert "s3cret" not in str(caught.value)
            assert sign(self.BODY, "s3cret") not in str(caught.value)
