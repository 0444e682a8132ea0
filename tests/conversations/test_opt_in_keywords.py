"""STOP, START, HELP and what comes near them: the ledger, the one answer, the question to an agent."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from conversations.models import Activity, ConsentState, Conversation, KeywordSet, Message, OptIn, SendingPolicy
from conversations.services import consent, inbound
from conversations.services.opt_in_keywords import answer_question, open_questions
from conversations.services.opt_in_refusals import note_refusal
from messaging.types import InboundMessage
from tests import factories

pytestmark = pytest.mark.django_db

AMIRA = "+447700900142"


@pytest.fixture
def stream(settings: Any) -> Any:
    """A stream whose provider answers no keywords."""
    settings.SANDBOX_URL = "http://127.0.0.1:8100"
    return factories.make_stream(business_name="Fernhill")


def says(stream: Any, text: str, **fields: Any) -> Conversation:
    """Amira writes."""
    keys = tuple(key for key in (stream.external_id, stream.inbound_number, stream.sender) if key)
    message = inbound.receive(
        InboundMessage(key=str(timezone.now()), phone=AMIRA, body=text, stream_keys=keys, **fields), stream.account
    )
    assert message is not None
    return message.conversation


def answers(conversation: Conversation) -> list[str]:
    return list(conversation.messages.outbound().order_by("id").values_list("body", flat=True))


def test_stop_is_confirmed_once_and_start_restores(stream: Any) -> None:
    conversation = says(stream, "Stop!")
    assert consent.is_opted_out(AMIRA, "sms", stream=stream)
    assert answers(conversation) == [
        "Fernhill: you are unsubscribed and will receive no more messages. Reply START to resubscribe."
    ]
    says(stream, "stop")
    assert len(answers(conversation)) == 1
    says(stream, "START")
    assert not consent.is_opted_out(AMIRA, "sms", stream=stream)
    assert answers(conversation)[1].startswith("Fernhill: you are subscribed again.")
    assert len(answers(conversation)) == 2
    assert OptIn.objects.count() == 3


def test_the_confirmation_leaves_although_the_customer_opted_out_and_nothing_else_does(stream: Any) -> None:
    conversation = says(stream, "stop")
    confirmation = conversation.messages.outbound().get()
    assert confirmation.confirms == OptIn.objects.get()
    assert "The one confirmation" in " ".join(confirmation.verdict["basis"])
    other = factories.make_message(conversation, status="queued")
    claim = {"status": "sending", "claim": "0b3f2f6e-0000-4000-8000-000000000000", "lease_until": timezone.now()}
    Message.objects.filter(pk=confirmation.pk).update(**claim)
    with pytest.raises(DatabaseError, match="opted out"), transaction.atomic():
        Message.objects.filter(pk=other.pk).update(**claim)
    with pytest.raises(DatabaseError), transaction.atomic():  # one confirmation a decision
        Message.objects.filter(pk=other.pk).update(confirms=confirmation.confirms)


def test_a_confirmation_of_an_older_opt_out_stays_here(stream: Any) -> None:
    confirmation = says(stream, "stop").messages.outbound().get()
    says(stream, "START")
    says(stream, "stop")
    claim = {"status": "sending", "claim": "0b3f2f6e-0000-4000-8000-000000000000", "lease_until": timezone.now()}
    with pytest.raises(DatabaseError, match="opted out"), transaction.atomic():
        Message.objects.filter(pk=confirmation.pk).update(**claim)


def test_the_customer_still_waits_for_a_person(stream: Any) -> None:
    SendingPolicy.objects.create(stream=stream, help_contact="0800 123")
    conversation = says(stream, "HELP")
    conversation.refresh_from_db()
    assert answers(conversation) == [
        "Fernhill: for help contact 0800 123. Msg&data rates may apply. Reply STOP to cancel."
    ]
    assert (conversation.unread_count, conversation.status) == (1, "open")
    assert conversation.waiting_since is not None
    says(stream, "info")
    assert len(answers(conversation)) == 1, "two machines would answer each other for ever"


def test_help_is_left_to_people_where_nobody_said_whom_to_turn_to(stream: Any) -> None:
    assert answers(says(stream, "HELP")) == []


def test_answers_are_in_the_language_of_the_word_or_of_the_contact(stream: Any) -> None:
    conversation = says(stream, "Arrêt")
    assert answers(conversation)[0].startswith("Fernhill : vous êtes désabonné")
    conversation.contact.language = "de"
    conversation.contact.save()
    says(stream, "start")
    assert answers(conversation)[1].startswith("Fernhill: Sie sind wieder angemeldet")


@pytest.mark.parametrize(("policy", "count"), [("", 0), ("ours", 1), ("nobody", 0)])
def test_nothing_is_confirmed_where_the_provider_does_it(settings: Any, policy: str, count: int) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8100"
    stream = factories.make_stream(factories.make_account("webex_interact"), business_name="Fernhill")
    SendingPolicy.objects.create(stream=stream, keyword_replies=policy)
    assert len(answers(says(stream, "stop"))) == count


def test_supervisors_keep_the_words(stream: Any) -> None:
    KeywordSet.objects.filter(language="en").update(stop="cease", near="no thank you")
    assert open_questions(says(stream, "Well, no thank you, bye"))
    says(stream, "Cease.")
    assert consent.is_opted_out(AMIRA, "sms")
    says(stream, "unstop")
    says(stream, "STOP")  # what the law names always counts
    assert consent.is_opted_out(AMIRA, "sms")


@pytest.mark.parametrize("text", ["pls stop", "Stop. Thank you", "please stop texting me"])
def test_what_comes_near_is_put_to_an_agent(stream: Any, text: str) -> None:
    conversation = says(stream, text)
    assert not ConsentState.objects.exists()
    (question,) = open_questions(conversation)
    assert question.text == text
    priya = factories.make_user(name="Priya Nair")
    answer_question(question, is_opt_out=True, actor=priya)
    assert open_questions(conversation) == []
    entry = OptIn.objects.get()
    assert (entry.event, entry.source, entry.wording, entry.recorded_by) == ("opt_out", "agent", text, priya)
    assert entry.has_proof
    assert len(answers(conversation)) == 1
    with pytest.raises(ValidationError, match="Priya Nair has answered this already"):
        answer_question(question, is_opt_out=False, actor=factories.make_user())


def test_what_was_no_opt_out_leaves_only_a_line(stream: Any) -> None:
    conversation = says(stream, "pls stop")
    (question,) = open_questions(conversation)
    answer_question(question, is_opt_out=False, actor=factories.make_user())
    assert not OptIn.objects.exists()
    assert Activity.objects.filter(kind="opt_out_answer").get().data["is_opt_out"] is False


def test_a_start_that_was_written_before_the_stop_and_comes_late_opens_nothing(stream: Any) -> None:
    now = timezone.now()
    says(stream, "stop", occurred_at=now)
    says(stream, "START", occurred_at=now - timezone.timedelta(minutes=1))
    assert consent.is_opted_out(AMIRA, "sms")
    assert OptIn.objects.count() == 2


def test_start_on_whatsapp_gives_no_permission_that_was_not_there(settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8100"
    stream = factories.make_stream(None, "whatsapp", business_name="Fernhill")
    says(stream, "stop")
    says(stream, "START")
    assert consent.present(AMIRA, "whatsapp", stream=stream).decision == "lifted"
    factories.opt_in(Conversation.objects.get().contact)
    says(stream, "stop")
    says(stream, "START")
    assert consent.present(AMIRA, "whatsapp", stream=stream).decision == "opted_in"


@pytest.mark.parametrize(
    ("code", "text", "service", "marketing"),
    [
        ("refused", "Recipient has opted out of messages", "opted_out", "opted_out"),
        ("131050", "User has stopped receiving marketing messages", "", "opted_out"),
    ],
)
def test_a_refusal_that_means_an_opt_out_is_one(
    stream: Any, code: str, text: str, service: str, marketing: str
) -> None:
    message = factories.make_message(factories.make_conversation(stream))
    assert note_refusal(message, code="refused", text="Invalid parameter") is None
    entry = note_refusal(message, code=code, text=text)
    assert entry is not None
    assert (entry.source, entry.wording) == ("provider", text)
    state = ConsentState.objects.get()
    assert (state.service, state.marketing) == (service, marketing)
    assert note_refusal(message, code=code, text=text) is None
