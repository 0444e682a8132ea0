"""Addresses at which providers call, whose secrets rotate, and the calls that are turned away there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from conversations.models import HookSecret, Message, RefusedCall, Stream, WebhookEvent
from conversations.services import hook_addresses, inbound, refused_calls
from tests import factories

pytestmark = pytest.mark.django_db

OURS = "+447700900177"
AMIRA = "+447700900142"


@pytest.fixture
def stream() -> Stream:
    account = factories.make_account("webex_interact")
    return factories.make_stream(account, external_id="", sender="FERNHILL", inbound_number=OURS)


def body(text: str = "Hello", key: str = "evt_1", to: str = OURS) -> bytes:
    """A Webex Interact event: a customer wrote."""
    data = {"status": "inbound", "message": text, "phone_number": AMIRA, "inbound_number": to}
    return json.dumps({"type": "com.interact.messages.sms.status", "id": key, "data": data}).encode()


def call(address: str, sent: bytes, **headers: str) -> int:
    """Call an address as the provider does."""
    path = address[address.index("/hooks/") :]
    return Client().post(path, sent, content_type="application/json", headers=headers).status_code


def read_calls() -> None:
    """What the worker does."""
    inbound.process_webhooks(list(WebhookEvent.objects.filter(status="received").values_list("pk", flat=True)))


def test_a_stream_has_an_address_of_its_own_that_is_kept_as_a_digest(stream: Stream) -> None:
    address = hook_addresses.new_address(stream, actor=None)
    token = address.rstrip("/").rpartition("/")[2]
    secret = HookSecret.objects.get()
    assert len(token) == 43
    assert token not in json.dumps(list(HookSecret.objects.values()), default=str)
    assert secret.ending == token[-4:]
    assert call(address, body()) == 200
    read_calls()
    event = WebhookEvent.objects.get()
    assert (event.stream, event.summary, event.status) == (stream, "Message from a customer", "processed")
    secret.refresh_from_db()
    assert secret.last_called_at is not None


def test_two_addresses_are_valid_during_a_change_and_a_third_ends_the_oldest(stream: Stream) -> None:
    first = hook_addresses.new_address(stream, actor=None)
    second = hook_addresses.new_address(stream, actor=None)
    assert [call(one, body(key=one[-5:])) for one in (first, second)] == [200, 200]
    third = hook_addresses.new_address(stream, actor=None)
    assert [call(one, body(key=f"3{one[-5:]}")) for one in (first, second, third)] == [404, 200, 200]
    hook_addresses.end_former(stream, actor=None)
    assert [call(one, body(key=f"4{one[-5:]}")) for one in (second, third)] == [404, 200]
    with pytest.raises(ValidationError, match="ended already"):
        hook_addresses.end_former(stream, actor=None)


def test_the_former_address_ends_by_itself_after_a_week(stream: Stream) -> None:
    first = hook_addresses.new_address(stream, actor=None)
    hook_addresses.new_address(stream, actor=None)
    former = stream.hook_secrets.exclude(ends_at=None).get()
    assert former.ends_at is not None
    assert timedelta(days=6, hours=23) < former.ends_at - timezone.now() <= timedelta(days=7)
    HookSecret.objects.filter(pk=former.pk).update(ends_at=timezone.now())
    assert call(first, body()) == 404


def test_the_accounts_own_address_goes_on(stream: Stream) -> None:
    hook_addresses.new_address(stream, actor=None)
    assert call(stream.account.webhook_url, body()) == 200


def test_the_same_body_at_both_addresses_counts_once(stream: Stream) -> None:
    address = hook_addresses.new_address(stream, actor=None)
    assert [call(one, body()) for one in (address, stream.account.webhook_url)] == [200, 200]
    read_calls()
    assert Message.objects.count() == 1
    assert WebhookEvent.objects.get().times_received == 2


def test_a_call_that_names_no_stream_belongs_to_the_one_whose_address_it_came_to() -> None:
    account = factories.make_account("ccai_platform")
    factories.make_stream(account, external_id="", sender="+16285550198")
    ours = factories.make_stream(account, external_id="", sender="+16285550199")
    contact = factories.make_contact("+14155550100")
    contact.identities.create(account=account, kind="person", value="87")
    sent = {
        "event_type": "message_received",
        "timestamp": "2021-10-04T17:25:00Z",
        "chat_id": 114,
        "body": {"sender": {"id": 87, "type": "end_user"}, "message": {"type": "text", "content": "Thank you"}},
    }
    assert call(account.webhook_url, json.dumps(sent).encode()) == 200
    read_calls()
    event = WebhookEvent.objects.get()
    assert event.status == "failed"
    assert "No stream of" in event.error
    address = hook_addresses.new_address(ours, actor=None)
    assert call(address, json.dumps(sent | {"timestamp": "2021-10-04T17:25:01Z"}).encode()) == 200
    read_calls()
    message = Message.objects.get()
    assert (message.stream, message.conversation.contact, message.body) == (ours, contact, "Thank you")


# Calls that are turned away


def signature(secret: str, raw: bytes, moment: str) -> dict[str, str]:
    """CCAI Platform's headers, by one secret."""
    digest = hmac.new(secret.encode(), moment.encode() + raw, hashlib.sha256).digest()
    return {"X-Signature": f"primary={base64.b64encode(digest).decode()}", "X-Signature-Timestamp": moment}


@pytest.fixture
def signed() -> Any:
    """A stream of an account whose administrator has copied the wrong secret."""
    account = factories.make_account(
        "ccai_platform", credentials={"subdomain": "x", "token": "y", "webhook_secret_primary": "wrong"}
    )
    return factories.make_stream(account, external_id="", sender="+16285550199")


CHAT = json.dumps(
    {
        "event_type": "message_received",
        "chat_id": 114,
        "body": {
            "sender": {"type": "end_user"},
            "message": {"type": "text", "content": "Thank you"},
            "end_user_number": "+14155550100",
            "outbound_number": "+16285550199",
        },
    }
).encode()


def test_a_refused_call_is_listed_once_with_its_reason_and_let_in_when_the_secret_is_mended(signed: Stream) -> None:
    headers = signature("right", CHAT, str(int(timezone.now().timestamp())))
    address = hook_addresses.new_address(signed, actor=None)
    assert [call(address, CHAT, **headers) for _ in range(3)] == [403, 403, 403]
    refused = RefusedCall.objects.get()
    assert (refused.stream, refused.status, refused.times_received) == (signed, 403, 3)
    assert "signature" in refused.reason
    assert not WebhookEvent.objects.exists()
    with pytest.raises(ValidationError, match="still refused"):
        refused_calls.let_in(refused)
    signed.account.credentials = {**signed.account.credentials, "webhook_secret_primary": "right"}
    signed.account.save()
    # A week later: the signature is held against the moment at which the call came.
    RefusedCall.objects.update(last_received_at=timezone.now() + timedelta(days=7))
    refused_calls.let_in(RefusedCall.objects.get())
    read_calls()
    assert Message.objects.get().body == "Thank you"
    assert not RefusedCall.objects.exists()


def test_a_replayed_call_stays_out_whenever_it_is_looked_at(signed: Stream) -> None:
    signed.account.credentials = {**signed.account.credentials, "webhook_secret_primary": "right"}
    signed.account.save()
    old = signature("right", CHAT, str(int(timezone.now().timestamp()) - 360))
    assert call(signed.account.webhook_url, CHAT, **old) == 403
    with pytest.raises(ValidationError, match="too long ago"):
        refused_calls.let_in(RefusedCall.objects.get())


def test_what_it_was_to_prove_itself_by_is_encrypted(signed: Stream) -> None:
    from django.db import connection

    call(signed.account.webhook_url, CHAT, Authorization="Basic c2VjcmV0")
    with connection.cursor() as cursor:
        cursor.execute("SELECT headers FROM conversations_refusedcall")
        (stored,) = cursor.fetchone()
    assert "c2VjcmV0" not in stored
    assert RefusedCall.objects.get().headers["authorization"] == "Basic c2VjcmV0"


def test_what_is_too_large_is_listed_without_its_body(stream: Stream) -> None:
    assert call(stream.account.webhook_url, body("x" * 300_000)) == 413
    refused = RefusedCall.objects.get()
    assert (refused.status, bytes(refused.body)) == (413, b"")
    assert "larger than 256 kB" in refused.reason
    with pytest.raises(ValidationError, match="too large to be kept"):
        refused_calls.let_in(refused)


def test_made_up_calls_do_not_fill_the_disk(signed: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_calls, "MOST_KEPT", 5)
    for number in range(8):
        assert call(signed.account.webhook_url, b'{"n": %d}' % number) == 403
    assert [one.text for one in RefusedCall.objects.order_by("pk")] == [f'{{"n": {number}}}' for number in range(3, 8)]


# What comes out of order


def test_what_is_told_before_its_conversation_is_known_waits_for_it() -> None:
    account = factories.make_account("ccai_platform")
    factories.make_stream(account, external_id="", sender="+16285550199")
    ended = json.dumps({"event_type": "chat_ended", "chat_id": 114, "body": {}}).encode()
    assert call(account.webhook_url, ended) == 200
    read_calls()
    event = WebhookEvent.objects.get()
    assert (event.status, event.about) == ("parked", "114")
    assert call(account.webhook_url, CHAT) == 200
    read_calls()
    event.refresh_from_db()
    assert event.status == "received"  # the next sweep reads it
    read_calls()
    event.refresh_from_db()
    assert event.status == "processed"
    conversation = Message.objects.get().conversation
    assert conversation.external_status == "finished"
    assert not conversation.session.is_open
