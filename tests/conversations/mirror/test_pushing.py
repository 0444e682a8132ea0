"""The outbox of the mirror over real HTTP: in order, once, whatever happens to the other side meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Activity, AgentIdentity, Conversation, Message, Stream, Tag
from conversations.services import conversations, dispatch, handling
from conversations.services.compose import queue_message, queue_template
from conversations.services.inline import InlineSender
from conversations.services.mirror import comparing, phone, pushing, upkeep
from conversations.services.outbound import deliver
from tests import factories
from tests.conversations.mirror.conftest import Cirrus, push, states
from tests.sandbox.playing import AMIRA, MARK

pytestmark = pytest.mark.django_db(transaction=True)


def test_opening_makes_the_object_and_sends_nothing(conversation: Conversation, cirrus: Cirrus) -> None:
    assert states(push(conversation)) == ["pushed"]
    there = cirrus.object(conversation)
    assert (there["user"]["firstName"], there["user"]["phone1"]) == ("Amira", AMIRA.removeprefix("+"))
    assert (there["statusId"], there["userStreamProviderId"]) == (1, AMIRA.removeprefix("+"))
    assert there["message"] == "Opened in Parley by Priya Nair"
    assert cirrus.played.messages(phone=AMIRA) == []


def test_every_kind_of_entry_reads_back_as_it_was_told(
    conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    priya = streams.priya
    conversations.add_remark(conversation, text="Prefers mornings.\nRing twice.", actor=priya)
    flag = conversations.set_indicator(
        conversation, key="fault", title="Line fault", link="https://a.example/1", actor=priya
    )
    conversations.set_indicator(conversation, key="störung", title="Störung", actor=priya)
    handling.tag([conversation.pk], add=[Tag.objects.create(name="Billing")], actor=priya)
    conversations.assign(conversation, to=None, actor=priya)
    conversations.remove_indicator(flag, actor=priya)
    conversations.resolve(conversation, actor=priya)
    assert set(states(push(conversation))) == {"pushed"}
    there = cirrus.object(conversation)
    assert there["statusId"] == 2
    assert '"tags": ["Billing"]' in there["content"]
    assert '"ref"' in there["content"], "what was there before stays"
    assert cirrus.log(conversation, 1) == ["Prefers mornings.\nRing twice."]
    assert cirrus.log(conversation, 12) == ["Assigned by Priya Nair"]
    assert [one.rpartition("/")[2] for one in cirrus.requests("/indicators")] == ["indicators", "indicators", "fault"]
    first = there["activityLog"][-1]
    assert (first["user"]["first_name"], first["user"]["last_name"]) == ("Priya", "Nair")


def test_an_agents_message_waits_for_the_opening_and_is_a_child(
    conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    message = queue_message(conversation=conversation, body="On the way.", author=streams.priya)
    deliver([message.pk])
    message.refresh_from_db()
    assert message.status == "queued"
    push(conversation)
    deliver([message.pk])
    message.refresh_from_db()
    (child,) = cirrus.object(conversation)["childs"]
    assert (message.status, message.external_id) == ("accepted", str(child["id"]))
    assert (child["message"], child["user"]["isManager"]) == ("On the way.", True)


def test_it_does_not_wait_for_ever(conversation: Conversation, cirrus: Cirrus, streams: Any) -> None:
    message = queue_message(conversation=conversation, body="On the way.", author=streams.priya)
    Message.objects.filter(pk=message.pk).update(queued_at=timezone.now() - timedelta(seconds=11))
    deliver([message.pk])
    message.refresh_from_db()
    assert message.status == "accepted"
    assert cirrus.requests("/sms/sendsms/")


ACTIONS = ("remark", "indicator", "no indicator", "resolve", "reopen", "snooze", "assign", "tag", "message", "phone")


def act(conversation: Conversation, priya: Any, dice: random.Random, number: int) -> None:
    """Something that an agent does."""
    match dice.choice(ACTIONS):
        case "message" if conversation.is_current:
            queue_message(conversation=conversation, body=f"Text {number} 🙂", author=priya)
        case "phone":
            phone.write_down(conversation, text=f"Call {number}\nمرحبا", actor=priya)
        case "indicator":
            key = f"key-{dice.randint(1, 3)}"
            conversations.set_indicator(conversation, key=key, title=f"Flag {number}", actor=priya)
        case "no indicator" if flag := conversation.indicators.filter(removed_at=None).first():
            conversations.remove_indicator(flag, actor=priya)
        case "resolve" if conversation.is_current:
            conversations.resolve(conversation, actor=priya)
        case "reopen" if not conversation.is_current:
            conversations.reopen(conversation, actor=priya)
        case "snooze" if conversation.is_current and conversation.status != "snoozed":
            handling.snooze([conversation.pk], until=None, actor=priya)
        case "assign":
            conversations.assign(conversation, to=dice.choice([None, priya]), actor=priya)
            conversations.add_remark(conversation, text=f"Given away, {number}", actor=priya)
        case "tag":
            tag, _ = Tag.objects.get_or_create(name=f"Tag {dice.randint(1, 4)}")
            has_it = conversation.tags.filter(pk=tag.pk).exists()
            handling.tag([conversation.pk], add=[] if has_it else [tag], remove=[tag] if has_it else [], actor=priya)
        case _:
            conversations.add_remark(conversation, text=f"Remark {number % 7}", actor=priya)
    conversation.refresh_from_db()


def test_fifty_mixed_actions_while_it_is_away_are_told_in_order_and_once(
    conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    dice = random.Random(7)
    cirrus.go_away()
    try:
        for number in range(50):
            act(conversation, streams.priya, dice, number)
            if number % 10 == 0:
                rows = push(conversation)
                assert set(states(rows)) == {"queued"}
                assert upkeep.due_conversations(timezone.now() + timedelta(minutes=2)) == [conversation.pk]
    finally:
        cirrus.come_back()
    dispatch.sweep(timezone.now() + timedelta(minutes=2))
    (hinted,) = [job for job in django_rq.get_queue("bulk").jobs if job.func_name.endswith("push_mirror")]
    assert hinted.args[0] == [conversation.pk]
    push(conversation)
    rows = push(conversation)  # a job tells fifty, then others have a turn
    assert len(rows) > 50
    assert set(states(rows)) == {"pushed"}
    assert [row.pushed_at for row in rows] == sorted(row.pushed_at for row in rows if row.pushed_at)

    there = cirrus.object(conversation)
    assert cirrus.log(conversation, 1) == [row.text for row in rows if row.kind == "remark"]
    logged = ("assignment",)
    assert len(cirrus.log(conversation, 12)) == sum(row.kind in logged for row in rows)
    names = {"open": 1, "waiting": 15, "snoozed": 10, "resolved": 2}
    wanted = [names[row.data["to"]] for row in rows if row.kind == "status_change"]
    made = [int(one.rpartition("/")[2]) for one in cirrus.requests("/status/")]
    assert made == wanted
    assert there["statusId"] == (wanted or [1])[-1]
    tags = sorted(conversation.tags.values_list("name", flat=True))
    assert not tags or all(f'"{tag}"' in there["content"] for tag in tags)
    messages = list(conversation.messages.filter(direction="out").order_by("id"))
    for message in messages:
        deliver([message.pk])
    both = comparing.compare(conversation)
    assert messages
    assert [line for line in both.lines if not (line.here and line.there)] == []
    assert (both.same_status, both.differences) == (True, 0)
    there = cirrus.object(conversation)
    told = [(one["message"], one["user"]["isManager"]) for one in there["childs"]]
    calls = [row.data["message"] for row in rows if row.kind == "phone_message"]
    written = list(Message.objects.filter(pk__in=calls).order_by("id"))
    assert Counter(told) == Counter([(one.body, False) for one in written] + [(one.body, True) for one in messages])
    assert (there["user"]["firstName"], there["user"]["phone1"]) == ("Amira", AMIRA[1:])
    flags = [row for row in rows if row.kind.startswith("indicator")]
    calls = cirrus.requests("/indicators")
    assert [one.startswith("DELETE") for one in calls] == [row.kind == "indicator_removed" for row in flags]


@pytest.mark.parametrize("fault", ["reset_after", "reset_before"])
def test_an_answer_that_is_lost_is_looked_up_before_it_is_told_again(
    fault: str, conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    account = cirrus.played.ask("accounts")["accounts"]
    pk = next(one["id"] for one in account if one["provider"] == "cirrus")

    def break_next() -> None:
        cirrus.played.control("faults", account=pk, fault=fault, times=1)

    break_next()
    assert states(push(conversation))[0] in ("unconfirmed", "pushed")
    push(conversation)
    for text in ("Same words", "Same words"):
        conversations.add_remark(conversation, text=text, actor=streams.priya)
        break_next()
        push(conversation)
        push(conversation)
    conversations.resolve(conversation, actor=streams.priya)
    break_next()
    push(conversation)
    rows = push(conversation)
    assert set(states(rows)) == {"pushed"}
    assert cirrus.log(conversation, 1) == ["Same words", "Same words"]
    listed = cirrus.played.cirrus(
        "GET", f"streams/532/objects?identityStreamProviderId={AMIRA[1:]}&identityStreamProviderType=5"
    ).json()["data"]
    assert len(listed) == 1, "one object"


def test_what_is_refused_says_why_holds_up_nobody_and_can_be_pushed_again(
    conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    push(conversation)
    external_id = conversation.external_id
    Conversation.objects.filter(pk=conversation.pk).update(external_id="999")
    conversation.refresh_from_db()
    refused = conversations.add_remark(conversation, text="Lost", actor=streams.priya)
    rows = push(conversation)
    assert states(rows) == ["pushed", "failed"]
    assert rows[1].push_text == "Object not found"
    Conversation.objects.filter(pk=conversation.pk).update(external_id=external_id)
    conversation.refresh_from_db()
    later = conversations.add_remark(conversation, text="Later", actor=streams.priya)
    assert states(push(conversation)) == ["pushed", "failed", "pushed"]
    pushing.push_again(refused)
    assert states(push(conversation)) == ["pushed", "pushed", "pushed"]
    assert cirrus.log(conversation, 1) == ["Later", "Lost"]
    with pytest.raises(ValidationError, match="no longer refused"):
        pushing.push_again(later)


def test_a_worker_that_is_lost_on_the_wire_doubles_nothing(
    conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    push(conversation)
    remark = conversations.add_remark(conversation, text="Once", actor=streams.priya)
    now = timezone.now()
    lost = {"push_claim": remark.push_ref, "push_lease_until": now + timedelta(minutes=1), "push_on_wire_at": now}
    Activity.objects.filter(pk=remark.pk).update(**lost)
    assert states(push(conversation)) == ["pushed", "queued"], "the claim holds"
    cirrus.played.cirrus("POST", f"objects/{conversation.external_id}/remarks", {"Text": "Once"})
    Activity.objects.filter(pk=remark.pk).update(push_lease_until=now - timedelta(seconds=1))
    assert states(push(conversation)) == ["pushed", "pushed"]
    assert cirrus.log(conversation, 1) == ["Once"]


def test_credentials_that_are_refused_stop_the_outbox(conversation: Conversation, streams: Any) -> None:
    account = conversation.stream.account
    account.credentials = {"api_key": "wrong"}
    account.save(update_fields=["credentials"])
    assert states(push(conversation)) == ["queued"]
    account.refresh_from_db()
    assert account.health == "needs_credentials"
    assert upkeep.due_conversations(timezone.now() + timedelta(hours=1)) == []


def test_whatsapp_waits_for_the_template_that_begins_the_conversation(streams: Any, cirrus: Cirrus) -> None:
    stream: Stream = streams["whatsapp"]
    stream.settings = {**stream.settings, "mirror": "yes"}
    stream.save(update_fields=["settings"])
    conversation = conversations.open_conversation(
        stream=stream, contact=factories.make_contact(AMIRA), actor=streams.priya
    )
    conversations.add_remark(conversation, text="Ask about the router", actor=streams.priya)
    rows = push(conversation)
    assert (rows[0].push_state, rows[0].push_text) == ("queued", pushing.WAITS_FOR_TEMPLATE)
    template = factories.make_template(stream, name="engineer_visit", language="en_GB", components=factories.VISIT)
    factories.opt_in(conversation.contact)
    sent = queue_template(
        conversation=conversation, template=template, values={"body": ["Amira", "Friday", "08:00", "12:00"]}
    )
    deliver([sent.pk])
    sent.refresh_from_db()
    assert sent.status == "accepted", sent.failure_text
    rows = push(conversation)
    assert set(states(rows)) == {"pushed"}
    assert conversation.external_id
    assert cirrus.played.cirrus("GET", f"objects/{conversation.external_id}/activities?activityType=1").json()["data"]


def test_without_the_broker_the_dispatcher_tells_it_itself(
    conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    message = queue_message(conversation=conversation, body="On the way.", author=streams.priya)
    conversations.add_remark(conversation, text="Ring twice", actor=streams.priya)
    other = conversations.open_conversation(stream=streams["cirrus"], contact=factories.make_contact(MARK))
    due = upkeep.due_conversations(timezone.now())
    assert due == [conversation.pk, other.pk]
    sender = InlineSender()
    sender.push(due)
    sender.close()
    for one in (conversation, other):
        one.refresh_from_db()
        assert set(states(list(one.activities.order_by("id")))) == {"pushed"}
    sender = InlineSender()
    sender.send([message.pk])
    sender.push([])
    sender.close()
    (child,) = cirrus.object(conversation)["childs"]
    assert child["message"] == "On the way."


def test_a_stream_that_is_not_mirrored_keeps_everything_here(streams: Any) -> None:
    conversation = conversations.open_conversation(stream=streams["webex_interact"], contact=factories.make_contact())
    assert states(push(conversation)) == ["local"]
    assert AgentIdentity.objects.exists()
