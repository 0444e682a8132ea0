"""What PostgreSQL writes down to be told, in the transaction of what happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from conversations.models import Campaign, Contact, Conversation, Message, OptIn, WebhookDelivery
from conversations.models.outgoing_triggers import TOLD_STATUSES
from conversations.services import consent
from conversations.services.outgoing import subscriptions, upkeep
from tests import factories
from tests.conversations.outgoing_webhooks.conftest import subscribe

pytestmark = pytest.mark.django_db
ADDRESS = "https://billing.example/told"


def written() -> list[tuple[str, str, Any]]:
    rows = WebhookDelivery.objects.order_by("pk")
    return [(one.kind, one.ordered_by, one.data.get("status")) for one in rows]


def test_what_happens_to_a_conversation_is_written_down_in_its_order() -> None:
    priya = factories.make_user()
    subscribe(ADDRESS)
    talk = factories.make_conversation()
    line = f"conversation-{talk.pk}"
    factories.make_message(talk, direction="in", body="Hello?")
    talk.assignee = priya
    talk.save()
    reply = factories.make_message(talk, status="queued")
    Message.objects.filter(pk=reply.pk).update(status="failed")
    talk.status = "resolved"
    talk.save()
    talk.save()
    Conversation.objects.filter(pk=talk.pk).update(status="open")
    assert written() == [
        ("conversation.opened", line, "open"),
        ("message.received", line, "received"),
        ("conversation.assigned", line, "open"),
        ("message.status", line, "failed"),
        ("conversation.resolved", line, "resolved"),
        ("conversation.opened", line, "open"),
    ]


def test_our_own_engine_s_statuses_are_nobody_s_business() -> None:
    subscribe(ADDRESS, "message.status")
    factories.make_message(status="queued")
    factories.make_message(status="draft")
    assert written() == []
    for status in ("accepted", "delivered"):
        assert f"'{status}'" in TOLD_STATUSES
    message = factories.make_message(status="accepted")
    Message.objects.filter(pk=message.pk).update(status="delivered")
    assert [status for _, _, status in written()] == ["accepted", "delivered"]


def test_what_a_campaign_makes_is_one_statement_and_opens_nothing() -> None:
    subscribe(ADDRESS)
    stream = factories.make_stream()
    contacts = [factories.make_contact(f"+44770090080{number}") for number in range(3)]
    made = Conversation.objects.bulk_create(
        Conversation(stream=stream, contact=one, status="dormant") for one in contacts
    )
    Message.objects.bulk_create(
        Message(conversation=one, stream=stream, direction="out", status="accepted", sent_at=timezone.now())
        for one in made
    )
    assert written() == [("message.status", f"conversation-{one.pk}", "accepted") for one in made]
    campaign = Campaign.objects.create(name="Visits", stream=stream, status="running")
    Campaign.objects.filter(pk=campaign.pk).update(status="done", ended_at=timezone.now())
    Campaign.objects.filter(pk=campaign.pk).update(ended_at=timezone.now())
    assert written()[3:] == [("campaign.finished", f"campaign-{campaign.pk}", "done")]


def decide(contact: Contact, event: str, **given: Any) -> None:
    consent.record(OptIn(contact=contact, channel="sms", event=event, source="form", wording="Yes", **given))


def test_opt_ins_and_opt_outs() -> None:
    stream, other = factories.make_stream(), factories.make_stream()
    subscribe(ADDRESS, "contact.opted_in", "contact.opted_out", streams=[stream])
    contact = factories.make_contact()
    decide(contact, "opt_in")
    decide(contact, "opt_out", scope="stream", stream=other)
    decide(contact, "opt_out", scope="stream", stream=stream)
    kinds = [(kind, line) for kind, line, _ in written()]
    assert kinds == [(f"contact.{word}", f"contact-{contact.pk}") for word in ("opted_in", "opted_out")]


def test_one_event_has_one_id_for_everybody_who_wants_to_know() -> None:
    stream, other = factories.make_stream(), factories.make_stream()
    subscribe(ADDRESS, "message.received")
    subscribe(ADDRESS, "message.received", name="CRM", streams=[stream])
    subscribe(ADDRESS, "message.status", name="Statuses")
    factories.make_message(factories.make_conversation(stream), direction="in")
    first, second = WebhookDelivery.objects.order_by("pk")
    assert first.event_id == second.event_id
    factories.make_message(factories.make_conversation(other), direction="in")
    assert WebhookDelivery.objects.count() == 3


def test_what_did_not_happen_is_not_told() -> None:
    subscribe(ADDRESS)
    talk = factories.make_conversation()
    WebhookDelivery.objects.all().delete()

    with transaction.atomic():
        factories.make_message(talk, direction="in")
        assert len(written()) == 1
        transaction.set_rollback(True)
    assert written() == []


def test_while_nobody_wants_to_know_nothing_is_written() -> None:
    paused = subscribe(ADDRESS, "contact.opted_in")
    factories.make_message(factories.make_conversation(), direction="in")
    assert written() == []
    subscriptions.pause(paused, actor=None)
    decide(factories.make_contact(), "opt_in")
    assert len(written()) == 1  # it waits until somebody resumes it


def test_what_is_old_goes(settings: Any) -> None:
    subscribe(ADDRESS, "message.received")
    factories.make_message(factories.make_conversation(), direction="in")
    assert upkeep.forget_old(timezone.now()) == 0
    WebhookDelivery.objects.update(occurred_at=timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS, hours=1))
    assert upkeep.forget_old(timezone.now()) == 1
    assert written() == []
