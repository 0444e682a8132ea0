"""A provider that tells of everything: our own doings come back and change nothing, those of others come in at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from conversations.models import Activity, Contact, Conversation, ConversationMirror, Message, Tag, WebhookEvent
from conversations.services import conversations, handling
from conversations.services.compose import queue_message
from conversations.services.mirror import comparing, phone, syncing
from conversations.services.outbound import deliver
from tests import factories
from tests.conversations.mirror.conftest import Cirrus, Told, push, states
from tests.conversations.racing import in_thread, until_somebody_waits
from tests.sandbox.playing import AMIRA

pytestmark = pytest.mark.django_db(transaction=True)
PRIYA_THERE = 12345678


def counts() -> tuple[int, ...]:
    """Of everything that could be doubled."""
    return tuple(model.objects.count() for model in (Contact, Conversation, Message, Activity))


def test_what_we_did_comes_back_and_changes_nothing(
    conversation: Conversation, streams: Any, cirrus: Cirrus, told: Told
) -> None:
    message = queue_message(conversation=conversation, body="On the way.", author=streams.priya)
    phone.write_down(conversation, text="She will be at home.", actor=streams.priya)
    conversations.add_remark(conversation, text="Ring twice", actor=streams.priya)
    handling.tag([conversation.pk], add=[Tag.objects.create(name="Billing")], actor=streams.priya)
    conversations.resolve(conversation, actor=streams.priya)
    before = counts()
    push(conversation)
    deliver([message.pk])
    said = Counter(told.come_in())
    assert said == {"Our own words": 2, "Agent message": 1, "Activity": 2}
    assert counts() == before
    conversation.refresh_from_db()
    assert (conversation.status, conversation.unread_count) == ("resolved", 0)
    assert set(states(push(conversation))) == {"pushed"}
    assert told.come_in() == [], "and nothing is told a second time"


def test_the_echo_of_an_opening_may_come_before_its_answer(
    conversation: Conversation, cirrus: Cirrus, told: Told
) -> None:
    before = counts()
    cirrus.played.control("faults", account="Fernhill Cirrus", fault="reset_after", times=1)
    push(conversation)
    conversation.refresh_from_db()
    assert conversation.external_id == ""
    told.come_in()
    assert counts() == before
    assert states(push(conversation)) == ["pushed"]
    assert Conversation.objects.get().external_id


@pytest.fixture
def waiting(streams: Any, cirrus: Cirrus, told: Told) -> Message:
    """An answer that is held for a customer who has just written: nobody told us yet."""
    stream = streams["whatsapp"]
    stream.settings = {**stream.settings, "mirror": "yes"}
    stream.save(update_fields=["settings"])
    cirrus.played.control("phones", number=AMIRA, on_whatsapp=True)
    pk = next(
        one["id"]
        for account in cirrus.played.ask("accounts")["accounts"]
        for one in account["streams"]
        if one["stream_id"] == 533
    )
    cirrus.played.control("reply", phone=AMIRA, stream=pk, text="Hello")
    told.come_in()
    conversation = Conversation.objects.select_related("stream__account").get()
    held = factories.make_message(conversation, status="held", held_for="window", queued_at=timezone.now())
    Conversation.objects.filter(pk=conversation.pk).update(window_closes_at=timezone.now())
    cirrus.played.control("reply", phone=AMIRA, stream=pk, text="Is it still on?")
    return held


def test_what_waited_for_the_customer_leaves_when_a_reading_was_quicker_than_the_call(
    waiting: Message, told: Told
) -> None:
    conversation = waiting.conversation
    syncing.sync_conversation(conversation)
    waiting.refresh_from_db()
    assert (conversation.messages.filter(direction="in").count(), waiting.status) == (2, "held"), "a reading is silent"
    told.come_in()
    waiting.refresh_from_db()
    assert (conversation.messages.filter(direction="in").count(), waiting.status) == (2, "queued")


def test_what_waited_for_the_customer_leaves_when_a_reading_stores_it_while_the_call_is_read(
    waiting: Message, told: Told
) -> None:
    conversation = waiting.conversation
    syncing.sync_conversation(conversation)  # so that the row below is there
    conversation.messages.filter(body="Is it still on?").delete()
    ConversationMirror.objects.update(fingerprint="")
    with transaction.atomic():
        list(ConversationMirror.objects.select_for_update())  # a reading stores messages first, and this row last
        reading = in_thread(lambda: syncing.sync_conversation(conversation))
        until_somebody_waits()
        call = in_thread(told.come_in)
        until_somebody_waits(2)
    reading.join()
    call.join()
    waiting.refresh_from_db()
    assert (conversation.messages.filter(direction="in").count(), waiting.status) == (2, "queued")
    assert not WebhookEvent.objects.filter(status="failed").exists()


def test_what_others_did_there_is_here_without_asking(
    conversation: Conversation, streams: Any, cirrus: Cirrus, told: Told
) -> None:
    push(conversation)
    told.come_in()
    there = conversation.external_id
    post = cirrus.played.cirrus
    post("POST", f"objects/{there}/remarks", {"Text": "Moved house", "ManagerId": PRIYA_THERE})
    child = {"Type": 0, "UserStreamProviderId": AMIRA[1:], "UserStreamProviderType": 5, "Message": "From the console"}
    post("POST", f"streams/532/objects/{there}/child", child | {"IsManager": True, "UserIdentity": PRIYA_THERE})
    post("POST", f"streams/532/objects/{there}/child", child | {"Message": "From the customer"})
    tag = post("POST", "tags", {"Name": "VIP"}).json()["data"]["id"]
    post("POST", f"streams/532/objects/{there}/tags/{tag}")
    post("POST", f"objects/{there}/status/2")
    assert Counter(told.come_in()) == {"Activity": 2, "Agent message": 1, "Message from a customer": 1, "Tags": 1}
    conversation.refresh_from_db()
    rows = conversation.messages.order_by("id")
    assert Counter((row.direction, row.body) for row in rows) == {
        ("out", "From the console"): 1,
        ("in", "From the customer"): 1,
    }
    noted = conversation.activities.exclude(kind="opened")
    assert {(one.kind, one.text) for one in noted} >= {("remark", "Moved house"), ("provider", "VIP")}
    assert conversation.status == "resolved"
    assert set(noted.values_list("push_state", flat=True)) == {"local"}


def test_what_was_told_before_a_stream_was_mirrored_is_taken_once(streams: Any, cirrus: Cirrus, told: Told) -> None:
    stream = streams["cirrus"]
    stream.settings = {**stream.settings, "mirror": "no"}
    stream.save(update_fields=["settings"])
    accounts = cirrus.played.ask("accounts")["accounts"]
    line = next(one["id"] for account in accounts for one in account["streams"] if one["stream_id"] == 532)
    cirrus.played.control("reply", phone=AMIRA, stream=line, text="Hello")
    told.come_in()
    there = Conversation.objects.get().external_id
    for _ in range(2):
        cirrus.played.cirrus("POST", f"objects/{there}/remarks", {"Text": "Moved  house", "ManagerId": PRIYA_THERE})
    cirrus.played.cirrus("POST", f"objects/{there}/activitylog", {"Text": "Moved house", "Source": "CRM"})
    assert told.come_in() == ["Activity"] * 3
    stream.settings = {**stream.settings, "mirror": "yes"}
    stream.save(update_fields=["settings"])
    cirrus.played.cirrus("POST", f"objects/{there}/remarks", {"Text": "Has a dog", "ManagerId": PRIYA_THERE})
    conversation = Conversation.objects.select_related("stream__account").get()
    assert syncing.sync_conversation(conversation).activities == 1
    said = conversation.activities.filter(kind__in=("provider", "remark"))
    assert [(one.kind, one.text) for one in said] == [
        ("provider", "Moved  house"),
        ("provider", "Moved  house"),
        ("provider", "Moved house"),
        ("remark", "Has a dog"),
    ]
    assert [line for line in comparing.compare(conversation).lines if not (line.here and line.there)] == []
    # Ours of the same words, whose request never came there, is not taken for one of theirs.
    conversations.add_remark(conversation, text="Moved house", actor=streams.priya)
    cirrus.played.control("faults", account="Fernhill Cirrus", fault="reset_before", times=1)
    assert states(push(conversation))[-1] == "unconfirmed"
    assert states(push(conversation))[-1] == "pushed"
    assert len(cirrus.log(conversation, 1)) == 4
