"""What people see of the mirror, and what they can do about it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from conversations.models import Activity, Conversation, ConversationMirror
from conversations.services import conversations, handling
from conversations.services.mirror import comparing, syncing
from tests.conversations.mirror.conftest import Cirrus, Told, push
from tests.conversations.mirror.test_syncing import made_there, sync
from tests.sandbox.playing import AMIRA

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def priya(client: Client, streams: Any) -> Client:
    client.force_login(streams.priya)
    return client


def page(client: Client, conversation: Conversation) -> str:
    """The page of a conversation."""
    return client.get(reverse("conversation", args=[conversation.pk])).content.decode()


def test_each_entry_says_where_it_stands_and_a_refused_one_can_be_pushed_again(
    priya: Client, conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    remark = conversations.add_remark(conversation, text="Call after four", actor=streams.priya)
    assert page(priya, conversation).count("Not yet pushed") == 2
    push(conversation)
    shown = page(priya, conversation)
    assert "Not yet pushed" not in shown
    assert shown.count("push-pushed") == 2

    Activity.objects.filter(pk=remark.pk).update(push_state="failed", push_text="Object <b>not</b> found")
    shown = page(priya, conversation)
    assert "Refused: <bdi>Object &lt;b&gt;not&lt;/b&gt; found</bdi>" in shown
    address = reverse("push-again", args=[remark.pk])
    assert address in shown
    assert priya.post(address).status_code == 302
    assert "Not yet pushed" in page(priya, conversation)
    said = priya.post(address, follow=True).content.decode()
    assert "no longer refused" in said


def test_a_conversation_that_is_not_mirrored_says_nothing(priya: Client, streams: Any) -> None:
    from tests import factories

    conversation = conversations.open_conversation(stream=streams["webex_interact"], contact=factories.make_contact())
    assert "push-state" not in page(priya, conversation)


def test_a_difference_is_settled_from_the_panel(
    priya: Client, conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    push(conversation)
    handling.snooze([conversation.pk], until=None, actor=streams.priya)
    assert cirrus.played.cirrus("POST", f"objects/{conversation.external_id}/status/2").ok
    syncing.sync_conversation(Conversation.objects.select_related("stream__account").get(pk=conversation.pk))
    shown = page(priya, conversation)
    assert "<b>Status differs.</b> Here: <bdi>Snoozed</bdi>. There: <bdi>Resolved</bdi>." in shown
    (drift,) = conversation.drifts.all()
    address = reverse("settle-drift", args=[drift.pk])
    assert "Choose one of the two sides" in priya.post(address, follow=True).content.decode()
    panel = priya.post(address, {"choice": "theirs"}, headers={"HX-Request": "true"}).content.decode()
    assert "differs" not in panel
    conversation.refresh_from_db()
    drift.refresh_from_db()
    assert (conversation.status, drift.settled_by, drift.settlement) == ("resolved", streams.priya, "theirs")


def test_both_sides_stand_beside_each_other(
    priya: Client, conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    address = reverse("compare-mirror", args=[conversation.pk])
    assert "does not hold this conversation yet" in priya.get(address).content.decode()
    push(conversation)
    conversations.add_remark(conversation, text="Told", actor=streams.priya)
    push(conversation)
    there = conversation.external_id
    cirrus.played.cirrus("POST", f"objects/{there}/remarks", {"Text": "Theirs alone"})
    child = {"Type": 0, "UserStreamProviderId": "447700900142", "UserStreamProviderType": 5, "Message": "<b>Hi</b>"}
    cirrus.played.cirrus("POST", f"streams/532/objects/{there}/child", child)
    shown = priya.get(address).content.decode()
    assert (shown.count("chip-good"), shown.count("Only there</span>")) == (1, 2)
    assert shown.count("&lt;b&gt;Hi&lt;/b&gt;") == 2, "in the lines and in their transcript"
    assert "<dd>2</dd>" in shown
    cirrus.played.control("faults", account="Fernhill Cirrus", fault="error_before", times=1)
    assert "could not be read" in priya.get(address).content.decode()


def test_a_line_of_theirs_that_is_here_is_no_difference(
    priya: Client, conversation: Conversation, told: Told, streams: Any
) -> None:
    """Neither one without a text, nor one that a call told of before the stream was mirrored."""
    push(conversation)
    stream, there = streams["cirrus"], conversation.external_id
    stream.settings["mirror"] = ""
    stream.save()
    assert told.cirrus.played.cirrus("POST", f"objects/{there}/activitylog", {"Text": "Line test passed"}).ok
    told.come_in()
    assert conversation.activities.filter(text="Line test passed").count() == 1
    stream.settings["mirror"] = "yes"
    stream.save()
    assert told.cirrus.played.cirrus("PATCH", f"objects/{there}/stream", {"streamId": 532}).ok
    syncing.sync_conversation(Conversation.objects.select_related("stream__account").get(pk=conversation.pk))
    assert conversation.activities.filter(text="Line test passed").count() == 1
    assert conversation.activities.filter(text="stream change").count() == 1
    shown = priya.get(reverse("compare-mirror", args=[conversation.pk])).content.decode()
    assert "<dd>None</dd>" in shown


def test_both_sides_are_whole_where_the_other_has_kept_several_conversations_one_after_the_other(
    priya: Client, conversation: Conversation, cirrus: Cirrus, streams: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(conversation)
    made = [made_there(cirrus, AMIRA, first_name="Amira") for _ in range(2)]
    assert cirrus.played.cirrus("POST", f"objects/{made[0]}/remarks", {"Text": "Moved house"}).ok
    taken = sync(streams)
    assert (taken.conversations, taken.messages, taken.activities) == (0, 6, 1), "all of it belongs to one of ours"
    address = reverse("compare-mirror", args=[conversation.pk])
    shown = priya.get(address).content.decode()
    assert "<dd>None</dd>" in shown
    assert "several conversations" not in shown
    monkeypatch.setattr(comparing, "MOST_OTHERS", 1)
    shown = " ".join(priya.get(address).content.decode().split())
    assert "1 of the oldest was not read" in shown
    assert "<dd>4</dd>" in shown
    ConversationMirror.objects.filter(external_id=made[1]).update(external_id="999")
    assert "<dd>7</dd>" in priya.get(address).content.decode(), "one that is gone there is no fault of the page"


def test_what_a_customer_said_on_the_phone_is_a_child_of_theirs_and_only_once(
    priya: Client, conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    push(conversation)
    address = reverse("said-on-the-phone", args=[conversation.pk])
    assert "Write down what" in priya.post(address, {"text": " "}, follow=True).content.decode()
    priya.post(address, {"text": "The line works again"})
    cirrus.played.control("faults", account="Fernhill Cirrus", fault="reset_after", times=1)
    push(conversation)
    push(conversation)
    (child,) = cirrus.object(conversation)["childs"]
    (message,) = conversation.messages.all()
    assert (child["message"], child["user"]["isManager"]) == ("The line works again", False)
    assert (message.external_id, message.direction) == (str(child["id"]), "in")
    assert cirrus.played.messages(phone="+447700900142") == [], "nothing is sent to the customer"
    assert (
        syncing.sync_conversation(
            Conversation.objects.select_related("stream__account").get(pk=conversation.pk)
        ).messages
        == 0
    )
