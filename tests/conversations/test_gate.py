"""The one judge: consent in its scopes, countries, the customer's hours, how many, and what a yes rests on."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from conversations.models import ConsentState, Conversation, OptIn, SendingPolicy
from conversations.services import consent, outbound
from conversations.services.compose import queue_message, queue_template
from conversations.services.gate import Verdict, can_send, verdict_on
from tests import factories

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # a Wednesday
NIGHT = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fictional_numbers(settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8100"


def ask(conversation: Conversation, **fields: Any) -> Verdict:
    wanted: dict[str, Any] = {"kind": "text", "purpose": "service", "at": NOON} | fields
    return can_send(stream=conversation.stream, contact=conversation.contact, conversation=conversation, **wanted)


def decide(conversation: Conversation, event: str, **fields: Any) -> OptIn:
    given: dict[str, Any] = {"source": "form", "wording": "Fernhill may write.", "evidence": "Form 1"} | fields
    return consent.record(
        OptIn(contact=conversation.contact, channel=conversation.stream.channel, event=event, **given)
    )


def with_policy(conversation: Conversation, **fields: Any) -> Conversation:
    SendingPolicy.objects.create(stream=conversation.stream, **fields)
    return Conversation.objects.for_list().get(pk=conversation.pk)


# --- scopes ----------------------------------------------------------------------------------------------------


def test_an_opt_out_of_one_stream_or_business_leaves_the_others() -> None:
    contact = factories.make_contact()
    texts, care, other = (
        factories.make_conversation(factories.make_stream(business_name=name), contact)
        for name in ("Fernhill", "Fernhill", "Brookside")
    )
    decide(texts, "opt_out", scope="stream", stream=texts.stream)
    assert [ask(one).code for one in (texts, care, other)] == ["opted_out", "allowed", "allowed"]
    decide(care, "opt_out", scope="brand", business_name="Fernhill")
    assert [ask(one).code for one in (texts, care, other)] == ["opted_out", "opted_out", "allowed"]
    decide(other, "opt_out")
    assert [ask(one).code for one in (texts, care, other)] == ["opted_out"] * 3
    supervisor = factories.make_user("supervisor")
    decide(texts, "opt_in", scope="stream", stream=texts.stream, recorded_by=supervisor)
    assert [ask(one).code for one in (texts, care, other)] == ["allowed", "opted_out", "opted_out"]
    decide(texts, "opt_in", source="keyword", wording="START")
    assert [ask(one).code for one in (texts, care, other)] == ["allowed"] * 3


def test_the_database_knows_scopes_too() -> None:
    contact = factories.make_contact()
    texts = factories.make_conversation(contact=contact)
    care = factories.make_conversation(contact=contact)
    decide(texts, "opt_out", scope="stream", stream=texts.stream)
    claim = {"status": "sending", "claim": "0b3f2f6e-0000-4000-8000-000000000000", "lease_until": timezone.now()}
    for conversation, refused in ((texts, True), (care, False)):
        message = factories.make_message(conversation, status="queued")
        if refused:
            with pytest.raises(DatabaseError, match="opted out"), transaction.atomic():
                type(message).objects.filter(pk=message.pk).update(**claim)
        else:
            assert type(message).objects.filter(pk=message.pk).update(**claim) == 1


def test_the_ledger_only_grows() -> None:
    entry = decide(factories.make_conversation(), "opt_in")
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
        OptIn.objects.filter(pk=entry.pk).update(wording="Something else")
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
        OptIn.objects.filter(pk=entry.pk)._raw_delete("default")
    somebody = factories.make_contact()
    assert OptIn.objects.filter(pk=entry.pk).update(contact=somebody) == 1, "as a merge does"


def test_a_permission_older_than_the_opt_out_lifts_nothing() -> None:
    conversation = factories.make_conversation()
    decide(conversation, "opt_out", source="keyword", wording="STOP")
    with pytest.raises(ValidationError, match="Only a younger one counts"):
        decide(
            conversation,
            "opt_in",
            recorded_by=factories.make_user("supervisor"),
            occurred_at=timezone.now() - timedelta(days=1),
        )


def test_an_opt_out_of_marketing_is_lifted_as_carefully() -> None:
    conversation = factories.make_conversation()
    decide(conversation, "opt_out", purpose="marketing")
    with pytest.raises(ValidationError, match="Ask a supervisor"):
        decide(conversation, "opt_in", recorded_by=factories.make_user("agent"))
    decide(conversation, "opt_in", purpose="service", recorded_by=factories.make_user("agent"))
    state = ConsentState.objects.get()
    assert (state.service, state.marketing) == ("opted_in", "opted_out")


def test_whatsapp_wants_the_business_in_the_words() -> None:
    conversation = factories.make_conversation(factories.make_stream(None, "whatsapp"))
    for fields, code in (
        ({}, "business_missing"),
        ({"business_name": "Brookside"}, "business_not_named"),
    ):
        with pytest.raises(ValidationError) as found:
            decide(conversation, "opt_in", **fields)
        assert found.value.code == code
    decide(conversation, "opt_in", business_name="Fernhill Broadband")


# --- what a stream allows itself ----------------------------------------------------------------------------------


def test_numbers_of_other_countries_are_refused() -> None:
    conversation = with_policy(factories.make_conversation(), countries="IE, US")
    verdict = ask(conversation)
    assert verdict.code == "country_not_allowed"
    assert "belongs to GB" in verdict.sentence
    SendingPolicy.objects.update(countries="GB")
    assert ask(Conversation.objects.for_list().get()).ok


@pytest.mark.parametrize(
    ("rule", "purpose", "heard", "code"),
    [
        ("", "marketing", None, "allowed"),
        ("marketing", "marketing", None, "quiet_hours"),
        ("marketing", "marketing", timedelta(hours=1), "quiet_hours"),
        ("marketing", "service", None, "allowed"),
        ("unasked", "service", None, "quiet_hours"),
        ("unasked", "service", timedelta(hours=1), "allowed"),
        ("unasked", "service", timedelta(hours=25), "quiet_hours"),
    ],
)
def test_the_customers_night(rule: str, purpose: str, heard: timedelta | None, code: str) -> None:
    conversation = with_policy(
        factories.make_conversation(last_inbound_at=NIGHT - heard if heard else None), quiet_hours=rule
    )
    assert ask(conversation, purpose=purpose, at=NIGHT).code == code
    assert ask(conversation, purpose=purpose, at=NOON).ok


def test_the_night_says_when_the_morning_is() -> None:
    contact = factories.make_contact(time_zone="Europe/London")
    conversation = with_policy(
        factories.make_conversation(contact=contact), quiet_hours="unasked", opens_at=time(8), closes_at=time(21)
    )
    verdict = ask(conversation, at=NIGHT)
    assert verdict.until == datetime(2026, 11, 18, 8, 0, tzinfo=UTC)
    assert "It is 02:30 where" in verdict.sentence
    assert "Send it at 08:00 their time." in verdict.sentence
    evening = ask(conversation, at=NIGHT.replace(hour=22))
    assert evening.until == datetime(2026, 11, 19, 8, 0, tzinfo=UTC)
    assert "on Thursday 19 November" in evening.sentence


def test_a_number_of_several_zones_is_open_in_each() -> None:
    # Australian mobiles may be in Perth (UTC+8) or Sydney (UTC+11).
    conversation = with_policy(
        factories.make_conversation(contact=factories.make_contact("+61491570156")), quiet_hours="unasked"
    )
    assert ask(conversation, at=datetime(2026, 11, 17, 23, 0, tzinfo=UTC)).code == "quiet_hours"  # 10 and 7 there
    assert ask(conversation, at=datetime(2026, 11, 18, 3, 0, tzinfo=UTC)).ok  # 14 and 11
    conversation.contact.time_zone = "Australia/Sydney"
    assert ask(conversation, at=datetime(2026, 11, 17, 23, 0, tzinfo=UTC)).ok


def test_hours_that_never_meet_are_said_so() -> None:
    conversation = with_policy(
        factories.make_conversation(contact=factories.make_contact("+61491570156")),
        quiet_hours="unasked",
        opens_at=time(9),
        closes_at=time(10),
    )
    assert ask(conversation).code == "never_open"


def test_as_many_as_a_stream_allows() -> None:
    conversation = with_policy(factories.make_conversation(), most_per_person=2, most_per_agent=3)
    priya = factories.make_user()
    factories.make_team(members=[priya], streams=[conversation.stream])
    now = timezone.now()
    for _ in range(2):
        assert ask(conversation, at=now).ok
        stored = factories.make_message(conversation, author=priya)
    verdict = ask(conversation, at=now)
    assert verdict.code == "too_many_to_person"
    assert verdict.until is not None
    assert verdict_on(stored, at=now).ok, "those that are stored are among the counted"
    assert verdict_on(stored, at=now, anew=True).ok, "in place of one of the two there is room for another"
    elsewhere = factories.make_conversation(conversation.stream)
    assert ask(elsewhere, at=now, author=priya).ok
    factories.make_message(elsewhere, author=priya)
    assert ask(factories.make_conversation(conversation.stream), at=now, author=priya).code == "too_many_by_agent"
    assert ask(conversation, at=now + timedelta(minutes=11), author=priya).ok


# --- what is kept with the message ---------------------------------------------------------------------------------


def test_a_message_keeps_what_its_permission_rested_on() -> None:
    conversation = factories.make_conversation()
    entry = decide(conversation, "opt_in", source="form")
    priya = factories.make_user(name="Priya Nair")
    factories.make_team(members=[priya], streams=[conversation.stream])
    message = queue_message(conversation=conversation, body="Hello", author=priya)
    assert message.verdict["opt_in"] == entry.pk
    assert f"Priya Nair may write on {conversation.stream}." in message.verdict["basis"]
    assert any(f"Decision {entry.pk}: opted in by a form" in one for one in message.verdict["basis"])


def test_it_keeps_the_one_it_left_by() -> None:
    conversation = factories.make_conversation()
    message = queue_message(conversation=conversation, body="Hello")
    assert "Nothing is on record" in " ".join(message.verdict["basis"])
    entry = decide(conversation, "opt_in")
    assert outbound._claim([message.pk]) is not None
    message.refresh_from_db()
    assert message.verdict["opt_in"] == entry.pk


def test_what_is_on_its_way_at_night_waits_for_the_morning_and_holds_up_nobody() -> None:
    stream = factories.make_stream(None, "whatsapp", business_name="Fernhill")
    template = factories.make_template(stream, category="marketing")
    conversation = factories.make_conversation(stream, window_open=True, external_id="o-1")
    decide(conversation, "opt_in", business_name="Fernhill")
    offer = queue_template(conversation=conversation, template=template, values={"body": ["Amira", "Thursday"]})
    # The gate asks the clock of the database: the hours are such that none near to now is among them.
    opens, closes = (time(22), time(23)) if 7 <= timezone.localtime().hour <= 20 else (time(8), time(20))
    SendingPolicy.objects.create(stream=stream, quiet_hours="marketing", opens_at=opens, closes_at=closes)
    answer = queue_message(conversation=Conversation.objects.for_list().get(), body="Of course")
    assert not ask(Conversation.objects.for_list().get(), purpose="marketing", at=timezone.now()).ok
    assert outbound._claim([offer.pk]) is None
    offer.refresh_from_db()
    assert (offer.status, offer.failure_code) == ("queued", "quiet_hours")
    assert offer.next_attempt_at is not None
    assert offer.next_attempt_at > timezone.now()
    assert outbound._claim([answer.pk]) is not None
