"""Bad-input rows B48 and B49: who may call a webhook, and how often the same is told.

signatures, secrets that change, every provider    tests/messaging/providers/test_contract.py
the proofs of one provider                         tests/messaging/providers/<provider>/test_*_hooks.py
the same event fifty times at once                 tests/conversations/test_inbound.py
bodies, events                                     test_webhook_bodies.py, test_webhook_events.py
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import django_rq
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from conversations.models import Message, OptIn, ProviderAccount, Receipt, WebhookEvent
from conversations.queue import DEFAULT
from conversations.services import consent, dispatch, inbound
from tests import factories
from tests.bad_input.calls import AMIRA, OURS, call, read_calls, said
from tests.bad_input.conftest import nothing_stored_nor_sent
from tests.hook_proofs import PROOFS

pytestmark = pytest.mark.django_db

SECRET = "right-0123456789"
BODY = json.dumps(said("Hello")).encode()


def proof(slug: str, secret: str, *, at: datetime | None = None, body: bytes = BODY) -> dict[str, str]:
    """The headers by which a provider proves that it knows a secret."""
    return PROOFS[slug].headers(body, secret, at or timezone.now())


def guarded(slug: str, secret: str = SECRET) -> ProviderAccount:
    """An account whose calls have to prove themselves."""
    return factories.make_account(slug, credentials=factories.credentials_of(slug) | {PROOFS[slug].field: secret})


Spoil = Callable[[dict[str, str]], dict[str, str]]
SPOILED: dict[str, Spoil] = {
    "none": lambda headers: {},
    "empty": lambda headers: dict.fromkeys(headers, ""),
    "truncated": lambda headers: {name: value[:-1] for name, value in headers.items()},
    "longer": lambda headers: {name: value + "0" for name, value in headers.items()},
    "not ascii": lambda headers: dict.fromkeys(headers, "\u00e9\u00ff"),
}


@pytest.mark.parametrize("slug", PROOFS)
@pytest.mark.parametrize("spoiled", SPOILED)
def test_b48_a_call_that_proves_nothing_is_refused_and_not_stored(
    slug: str, spoiled: str, caplog: pytest.LogCaptureFixture
) -> None:
    account = guarded(slug)
    headers = proof(slug, SECRET)
    assert call(account, BODY, headers=headers).status_code == 200
    expected = "".join(headers.values())
    with nothing_stored_nor_sent(), caplog.at_level(logging.WARNING, "parley.security"):
        answer = call(account, BODY, headers=SPOILED[spoiled](headers))
    assert (answer.status_code, answer.content) == (403, b"")
    (line,) = [record for record in caplog.records if record.name == "parley.security"]
    for secret in (SECRET, expected, account.webhook_token, "Hello"):
        assert secret not in line.getMessage()


@pytest.mark.parametrize("slug", PROOFS)
def test_b48_the_proof_of_another_account_or_of_another_body_is_none(slug: str) -> None:
    account, other = guarded(slug), guarded(slug, "other-0123456789")
    now = timezone.now()
    right, of_another_body = (proof(slug, SECRET, at=now, body=body) for body in (BODY, BODY + b" "))
    wrong = [proof(slug, "other-0123456789")] + ([of_another_body] if of_another_body != right else [])
    for headers in wrong:
        with nothing_stored_nor_sent():
            assert call(account, BODY, headers=headers).status_code == 403
    with nothing_stored_nor_sent():
        assert call(other, BODY, headers=proof(slug, SECRET)).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.swapcase(),
        lambda token: token[::-1],
        lambda token: "%00",
        lambda token: token + "%00",
        lambda token: token + "%0a",
        lambda token: "%ff%fe",
        lambda token: "A" * 5000,
        lambda token: "..%2f" + token,
        lambda token: "' OR 1=1 --",
        lambda token: "%25",
    ],
)
@pytest.mark.parametrize("method", ["post", "head"])
def test_b48_an_address_that_is_none_is_404(change: Callable[[str], str], method: str) -> None:
    account = factories.make_account("webex_interact")
    with nothing_stored_nor_sent():
        answer = Client().generic(method.upper(), f"/hooks/{change(account.webhook_token)}/", BODY)
    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_b48_other_methods_are_refused(method: str) -> None:
    account = factories.make_account("webex_interact")
    with nothing_stored_nor_sent():
        answer = Client().generic(method, f"/hooks/{account.webhook_token}/", BODY, "application/json")
    assert (answer.status_code, answer["Allow"]) == (405, "POST, HEAD")


def test_b48_head_shows_that_the_address_is_right_and_nothing_else() -> None:
    account = guarded("ccai_platform")
    with nothing_stored_nor_sent():
        answer = Client().head(f"/hooks/{account.webhook_token}/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(("minutes", "status"), [(-6, 403), (6, 403), (-4, 200), (4, 200), (60 * 24 * 365, 403)])
def test_b49_a_time_six_minutes_off_is_refused(minutes: int, status: int) -> None:
    account = guarded("ccai_platform")
    headers = proof("ccai_platform", SECRET, at=timezone.now() + timedelta(minutes=minutes))
    assert call(account, BODY, headers=headers).status_code == status
    assert WebhookEvent.objects.exists() is (status == 200)


def test_b49_the_same_call_again_counts_up_and_does_nothing() -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, inbound_number=OURS)
    for _ in range(3):
        assert call(account, BODY).status_code == 200
        read_calls()
    assert WebhookEvent.objects.get().times_received == 3
    assert Message.objects.count() == 1


EVENTS: dict[str, dict[str, Any]] = {
    "message": said("STOP", key="evt_9"),
    "opt-out": {
        **said("STOP", key="evt_9"),
        "type": "com.interact.messages.sms.opt.out",
        "data": {"phone_number": AMIRA, "message": "STOP", "inbound_number": OURS},
    },
    "report": {**said("", key="evt_9"), "data": {"status": "failed", "phone_number": AMIRA, "code": "1"}},
}


@pytest.mark.parametrize("kind", EVENTS)
def test_b49_an_event_told_again_in_other_words_has_no_effect(kind: str) -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, inbound_number=OURS)
    event = EVENTS[kind]
    for changed in ({}, {"time": "2026-01-01T00:00:00Z"}, {"more": 1}):
        assert call(account, event | changed).status_code == 200
        read_calls()
    assert call(account, [event, event]).status_code == 200
    read_calls()
    assert WebhookEvent.objects.filter(status="processed").count() == 4
    counts = {"message": (1, 1, 0), "opt-out": (0, 1, 0), "report": (0, 0, 1)}
    assert (Message.objects.count(), OptIn.objects.count(), Receipt.objects.count()) == counts[kind]


def test_b49_the_same_message_with_other_words_changes_nothing_and_is_listed() -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, inbound_number=OURS)
    call(account, said("Hello", key="evt_9"))
    read_calls()
    assert call(account, [said("Good-bye", key="evt_9"), said("And more", key="evt_10")]).status_code == 200
    read_calls()
    assert list(Message.objects.order_by("id").values_list("body", flat=True)) == ["Hello", "And more"]
    listed = WebhookEvent.objects.not_understood().get()
    assert (listed.status, listed.error) == (
        "failed",
        "The same message came before with other words. The first ones stand.",
    )


def test_b49_what_the_customer_decided_since_is_not_undone_by_an_old_event() -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, inbound_number=OURS)
    for event in (EVENTS["opt-out"], said("START", key="evt_10")):
        call(account, event)
        read_calls()
    assert not consent.is_opted_out(AMIRA, "sms")
    call(account, EVENTS["opt-out"] | {"again": True})
    read_calls()
    for event in WebhookEvent.objects.order_by("pk"):
        inbound.replay(event)  # as an operator may
    assert not consent.is_opted_out(AMIRA, "sms")
    assert OptIn.objects.count() == 2


CHANGES: dict[str, dict[str, Any]] = {
    "ccai_platform": {"events": [{"event_id": "e1", "chat_id": 114, "state": "waiting"}]},
    "cirrus": {"Event": {"Subscription": "Object", "Name": "OnUpdateTag", "Object": {"Id": "114", "Tags": []}}},
    "webex_interact": {"id": "evt_1", "type": "com.interact.other", "data": {}},
}


@pytest.mark.parametrize("slug", CHANGES)
def test_b49_a_change_of_a_conversation_told_again_is_noted_once(slug: str) -> None:
    account = factories.make_account(slug)
    conversation = factories.make_conversation(factories.make_stream(account), external_id="114")
    call(account, CHANGES[slug])
    read_calls()
    noted = conversation.activities.count()
    inbound.replay(WebhookEvent.objects.get())
    if slug == "ccai_platform":
        call(account, CHANGES[slug] | {"count": 1})
        read_calls()
    assert conversation.activities.count() == noted == (0 if slug == "webex_interact" else 1)


def _takes_long(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """Let PostgreSQL take two seconds for each message."""
    if sql.startswith('INSERT INTO "conversations_message" '):
        execute("SELECT pg_sleep(2)", None, False, context)
    return execute(sql, params, many, context)


@pytest.mark.django_db(transaction=True)
def test_a_call_whose_time_is_over_is_read_again() -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, inbound_number=OURS)
    assert call(account, [said("Hello", key="evt_1"), said("Hello", key="evt_2")]).status_code == 200
    event = WebhookEvent.objects.get()
    # The alarm comes while a statement runs. Wherever else it came, it could hit a finalizer, which swallows it.
    with (
        connection.execute_wrapper(_takes_long),
        pytest.raises(JobTimeoutException),
        UnixSignalDeathPenalty(1, JobTimeoutException),
    ):
        inbound.process_webhooks([event.pk])
    event.refresh_from_db()
    assert (event.status, event.error) == ("received", "")
    assert not Message.objects.exists()
    django_rq.get_queue(DEFAULT).empty()
    dispatch.sweep(timezone.now() + timedelta(seconds=2))
    assert django_rq.get_queue(DEFAULT).job_ids == ["process_webhooks-"]
