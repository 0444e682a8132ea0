"""What the other side holds comes in over real HTTP: once, complete, and never over what is newer here."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import jobs
from conversations.models import Activity, ConsentState, Conversation, ConversationMirror, Drift, Message, OptIn, Tag
from conversations.services import consent, conversations, handling, inbound
from conversations.services.compose import queue_message
from conversations.services.mirror import drifts, pushing, syncing
from conversations.services.mirror.taking import Taken
from conversations.services.outbound import deliver
from messaging.types import HookRequest
from tests import factories
from tests.conversations.mirror.conftest import Cirrus, push, states
from tests.conversations.racing import in_thread, until_somebody_waits
from tests.sandbox.playing import AMIRA, MARK

pytestmark = pytest.mark.django_db(transaction=True)
PRIYA_THERE, TOM_THERE = 12345678, 36574658


def made_there(cirrus: Cirrus, phone: str = MARK, *, first_name: str = "Mark", children: int = 3, **values: Any) -> str:
    """A conversation that began there, with children by customer and agent in turn; its id."""
    digits = phone.lstrip("+")
    user = {"Phone1": digits, "FirstName": first_name, "LastName": "Ellis", "Email": "mark@customers.example"}
    data = {"Message": "Hello", "UserStreamProviderId": digits, "StreamProviderId": digits, "User": user, **values}
    made = cirrus.played.cirrus("POST", "streams/532/objects", data).json()["data"]["id"]
    for number in range(children):
        child = {"Type": 0, "UserStreamProviderId": digits, "UserStreamProviderType": 5, "Message": f"Text {number}"}
        if number % 2:
            child |= {"IsManager": True, "UserIdentity": PRIYA_THERE}
        assert cirrus.played.cirrus("POST", f"streams/532/objects/{made}/child", child).ok
    return str(made)


def sync(streams: Any, **options: Any) -> Taken:
    return syncing.sync_stream(streams["cirrus"], since=timezone.now() - timedelta(hours=1), **options)


def test_a_conversation_that_began_there_is_here_with_everything_and_only_once(streams: Any, cirrus: Cirrus) -> None:
    made = made_there(cirrus)
    cirrus.played.cirrus("POST", f"objects/{made}/remarks", {"Text": "Moved house", "ManagerId": PRIYA_THERE})
    cirrus.played.cirrus("POST", f"objects/{made}/activitylog", {"Text": "CRM opened", "Source": "CRM"})
    sent = len(cirrus.played.messages(phone=MARK))
    taken = sync(streams)
    assert (taken.conversations, taken.messages, taken.activities) == (1, 3, 2)
    conversation = Conversation.objects.get(external_id=made)
    assert (conversation.contact.phone, conversation.contact.full_name) == (MARK, "Mark Ellis")
    assert conversation.contact.email == "mark@customers.example"
    assert (conversation.status, conversation.assignee) == ("open", streams.priya)
    rows = list(conversation.messages.order_by("created_at", "id"))
    assert [(row.direction, row.body) for row in rows] == [("in", "Text 0"), ("out", "Text 1"), ("in", "Text 2")]
    assert [row.status for row in rows] == ["received", "accepted", "received"]
    assert rows[1].author == streams.priya
    noted = conversation.activities.order_by("id")
    assert [(one.kind, one.text, one.actor) for one in noted] == [
        ("remark", "Moved house", streams.priya),
        ("provider", "CRM opened", None),
    ]
    again = sync(streams)
    assert (again.read, again.unchanged) == (1, 1)
    assert len(cirrus.played.messages(phone=MARK)) == sent, "a sync sends nothing"
    assert push(conversation) == list(conversation.activities.order_by("id"))
    assert len(cirrus.requests("/remarks")) == 1, "and tells nothing back"


def test_who_wrote_remarks_is_looked_up_once_for_each_agent(streams: Any, cirrus: Cirrus) -> None:
    made = made_there(cirrus, children=0)
    for number in range(5):
        cirrus.played.cirrus("POST", f"objects/{made}/remarks", {"Text": f"R {number}", "ManagerId": PRIYA_THERE})
    with CaptureQueriesContext(connection) as captured:
        assert sync(streams).activities == 5
    assert set(Activity.objects.filter(kind="remark").values_list("actor", flat=True)) == {streams.priya.pk}
    asked = [one for one in captured if 'FROM "conversations_agentidentity"' in one["sql"]]
    assert len(asked) == 1


def test_a_dry_run_counts_and_stores_nothing(streams: Any, cirrus: Cirrus) -> None:
    made_there(cirrus)
    taken = sync(streams, dry_run=True)
    assert (taken.conversations, taken.messages) == (1, 3)
    assert not Conversation.objects.exists()
    assert not ConversationMirror.objects.exists()


def test_what_we_told_does_not_come_back(conversation: Conversation, streams: Any, cirrus: Cirrus) -> None:
    message = queue_message(conversation=conversation, body="On the way.", author=streams.priya)
    push(conversation)
    deliver([message.pk])
    for text in ("Twice", "Twice"):
        conversations.add_remark(conversation, text=text, actor=streams.priya)
    conversations.assign(conversation, to=None, actor=streams.priya)
    handling.tag([conversation.pk], add=[Tag.objects.create(name="Billing")], actor=streams.priya)
    push(conversation)
    before = (Message.objects.count(), Activity.objects.count())
    taken = sync(streams)
    assert (taken.messages, taken.activities, taken.drifts) == (0, 0, 0)
    assert (Message.objects.count(), Activity.objects.count()) == before
    cirrus.played.cirrus("POST", f"objects/{conversation.external_id}/remarks", {"Text": "Twice"})
    assert sync(streams).activities == 1
    assert sync(streams).unchanged == 1


def test_a_message_in_doubt_that_is_there_is_confirmed(
    conversation: Conversation, streams: Any, cirrus: Cirrus
) -> None:
    push(conversation)
    message = queue_message(conversation=conversation, body="On the way.", author=streams.priya)
    cirrus.played.control("faults", phone=AMIRA, fault="reset_after", times=1)
    deliver([message.pk])
    message.refresh_from_db()
    assert message.status == "unconfirmed"
    assert sync(streams).confirmed == 1
    message.refresh_from_db()
    assert message.status == "accepted"
    assert message.external_id
    assert Message.objects.count() == 1


def test_an_opening_whose_answer_was_lost_is_ours_all_the_same(
    conversation: Conversation, streams: Any, cirrus: Cirrus
) -> None:
    cirrus.played.control("faults", account="Fernhill Cirrus", fault="reset_after", times=1)
    pushing.push([conversation.pk])
    assert sync(streams).conversations == 0
    assert states(push(conversation)) == ["pushed"]
    assert Conversation.objects.count() == 1
    assert len(cirrus.requests("/objects")) == 1


def set_there(cirrus: Cirrus, conversation: Conversation, status: int) -> None:
    assert cirrus.played.cirrus("POST", f"objects/{conversation.external_id}/status/{status}").ok


class TestStatus:
    """Taken where only they have changed it; where both have, a person decides."""

    def test_theirs_is_taken(self, conversation: Conversation, streams: Any, cirrus: Cirrus) -> None:
        push(conversation)
        set_there(cirrus, conversation, 2)
        assert sync(streams).changes == 1
        conversation.refresh_from_db()
        assert conversation.status == "resolved"
        assert states(push(conversation)) == ["pushed", "local"]
        assert len(cirrus.requests("/status/")) == 1

    def test_ours_is_newer(self, conversation: Conversation, streams: Any, cirrus: Cirrus) -> None:
        push(conversation)
        conversations.resolve(conversation, actor=streams.priya)
        taken = sync(streams)
        assert (taken.changes, taken.drifts) == (0, 0)
        conversation.refresh_from_db()
        assert conversation.status == "resolved"

    @pytest.mark.parametrize("take_theirs", [True, False])
    def test_both_have_changed(
        self, take_theirs: bool, conversation: Conversation, streams: Any, cirrus: Cirrus
    ) -> None:
        push(conversation)
        handling.snooze([conversation.pk], until=None, actor=streams.priya)
        set_there(cirrus, conversation, 2)
        assert sync(streams).drifts == 1
        drift = Drift.objects.get()
        assert (drift.ours, drift.theirs) == ("Snoozed", "Resolved")
        drifts.settle(drift, take_theirs=take_theirs, actor=streams.priya)
        push(conversation)
        assert conversation.status == ("resolved" if take_theirs else "snoozed")
        assert cirrus.object(conversation)["statusId"] == (2 if take_theirs else 10)
        taken = sync(streams)
        assert (taken.changes, taken.drifts) == (0, 0)

    def test_one_without_a_word_of_ours_is_kept_and_shown(
        self, conversation: Conversation, streams: Any, cirrus: Cirrus
    ) -> None:
        push(conversation)
        set_there(cirrus, conversation, 4)
        assert sync(streams).drifts == 0
        conversation.refresh_from_db()
        assert (conversation.status, conversation.external_status) == ("open", "4")


def test_another_name_is_a_question_and_asked_once(conversation: Conversation, streams: Any, cirrus: Cirrus) -> None:
    push(conversation)
    contact = conversation.contact
    contact.first_name = "Amirah"
    contact.save(update_fields=["first_name"])
    assert sync(streams).drifts == 1
    drifts.settle(Drift.objects.get(), take_theirs=False, actor=streams.priya)
    set_there(cirrus, conversation, 8)
    assert sync(streams).drifts == 0


def test_a_customer_who_wrote_there_alone_waits_here(conversation: Conversation, streams: Any, cirrus: Cirrus) -> None:
    push(conversation)
    conversations.resolve(conversation, actor=streams.priya)
    push(conversation)
    digits = AMIRA.lstrip("+")
    tomorrow = timezone.now() + timedelta(days=1)
    waiting = factories.make_message(conversation, status="scheduled", scheduled_for=tomorrow, cancel_on_reply=True)
    child = {"Type": 0, "UserStreamProviderId": digits, "UserStreamProviderType": 5, "Message": "STOP"}
    cirrus.played.cirrus("POST", f"streams/532/objects/{conversation.external_id}/child", child)
    assert sync(streams).messages == 1
    conversation.refresh_from_db()
    assert (conversation.status, conversation.unread_count) == ("open", 1)
    assert conversation.waiting_since is not None
    assert ConsentState.objects.get(phone=AMIRA).service == "opted_out"
    waiting.refresh_from_db()
    assert waiting.status == "cancelled", "it was to leave only without an answer"
    assert not conversation.messages.filter(direction="out").exclude(pk=waiting.pk).exists(), "a sync answers nothing"


def test_a_stop_that_is_read_late_waits_for_a_later_decision_and_lets_it_stand(
    streams: Any, cirrus: Cirrus, conversation: Conversation
) -> None:
    push(conversation)
    child = {
        "Type": 0,
        "UserStreamProviderId": AMIRA.lstrip("+"),
        "UserStreamProviderType": 5,
        "Message": "STOP",
    }
    cirrus.played.cirrus("POST", f"streams/532/objects/{conversation.external_id}/child", child)
    start = {"channel": "sms", "event": "opt_in", "source": "keyword", "wording": "START"}
    held, let_go = threading.Event(), threading.Event()

    def decide() -> None:
        with transaction.atomic():
            consent.record(OptIn(contact=conversation.contact, occurred_at=timezone.now(), **start))
            held.set()
            assert let_go.wait(30)

    deciding = in_thread(decide)
    assert held.wait(30)
    reading = in_thread(lambda: sync(streams))
    until_somebody_waits()
    let_go.set()
    for thread in (deciding, reading):
        thread.join(30)
    assert Message.objects.filter(conversation=conversation, body="STOP").exists()
    assert ConsentState.objects.get(phone=AMIRA).service == "opted_in"


def test_more_than_one_answer_holds(streams: Any, cirrus: Cirrus) -> None:
    ids = {made_there(cirrus, f"+4477009{number:05}", children=0) for number in range(103)}
    taken = sync(streams)
    assert taken.conversations == 103
    assert set(Conversation.objects.values_list("external_id", flat=True)) == ids
    taken = sync(streams)
    assert taken.unchanged == taken.read


def test_what_cannot_be_understood_is_listed(streams: Any, cirrus: Cirrus) -> None:
    made_there(cirrus, "not-a-number", children=1, User={"Email": "somebody@customers.example"})
    assert sync(streams).problems == 1
    assert ConversationMirror.objects.get().problem == "It names no phone number that can be read."


def test_the_command(streams: Any, cirrus: Cirrus, capsys: pytest.CaptureFixture[str]) -> None:
    made_there(cirrus)
    stream = streams["cirrus"]
    call_command("sync_conversations", stream=stream.name, dry_run=True)
    said = capsys.readouterr()
    assert said.out == f"{stream.name}: 1 read, 1 new conversations, 3 new messages. Nothing was stored.\n"
    assert "1 read, 0 unchanged" in said.err
    call_command("sync_conversations", json=True)
    assert '"messages": 3' in capsys.readouterr().out
    with pytest.raises(CommandError, match="does not keep its conversations"):
        call_command("sync_conversations", stream=streams["webex_interact"].name)


def test_the_periodic_reading_reads_stale_conversations_one_by_one(
    conversation: Conversation, streams: Any, cirrus: Cirrus
) -> None:
    push(conversation)
    sync(streams)
    old = timezone.now() - timedelta(hours=1)
    ConversationMirror.objects.update(read_at=old, fingerprint="")
    syncing.sync_periodically(streams["cirrus"])
    assert ConversationMirror.objects.get().read_at > old


def test_what_a_webhook_tells_of_agents_is_read_whole_and_once(
    conversation: Conversation, streams: Any, cirrus: Cirrus
) -> None:
    push(conversation)
    there = conversation.external_id
    child = {"Type": 0, "UserStreamProviderId": AMIRA[1:], "UserStreamProviderType": 5, "Message": "From the console"}
    child |= {"IsManager": True, "UserIdentity": PRIYA_THERE}
    made = cirrus.played.cirrus("POST", f"streams/532/objects/{there}/child", child).json()["data"]["id"]
    told = {"Id": there, "StreamId": "532", "Children": {"Child": {"Id": str(made), "ManagerId": str(PRIYA_THERE)}}}
    body = {"Event": {"Subscription": "Object", "Name": "OnNewChild", "Object": told}}
    hook = HookRequest("POST", {}, json.dumps(body).encode(), timezone.now(), "application/json")
    event = inbound.store_webhook(conversation.stream.account, hook)
    inbound.process_webhooks([event.pk])
    (job,) = [one for one in django_rq.get_queue("bulk").jobs if one.func_name.endswith("read_mirrored")]
    jobs.read_mirrored(job.args[0])
    jobs.read_mirrored(job.args[0])
    sync(streams)
    (message,) = conversation.messages.all()
    assert (message.body, message.direction, message.author) == ("From the console", "out", streams.priya)
    assert not conversation.activities.filter(kind="provider").exists()
