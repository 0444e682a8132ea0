"""The rows that a window leaves: what is there is used, what another was quicker to write is found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from conversations.models import (
    AttemptResult,
    Campaign,
    CampaignChunk,
    Contact,
    Conversation,
    Message,
    SendAttempt,
    User,
)
from conversations.models.conversation import ConversationStatus
from conversations.models.message import MessageStatus
from conversations.services.campaigns import planning, sending, statements, writing
from conversations.services.campaigns.writing import Person, write_messages
from conversations.services.clock import database_now
from conversations.services.exchange import KEPT_OF_ATTEMPT
from conversations.services.statements import store_attempts
from tests import factories
from tests.conversations.campaigns.conftest import confirm, fiction, run

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]


@pytest.fixture
def chunk(make_campaign: Make, tom: User) -> CampaignChunk:
    """Three people, laid and not sent."""
    campaign = make_campaign(*(f"{fiction(number)},Ro\\sa\t{number}" for number in range(200, 203)))
    confirm(campaign, tom)
    planning.plan(campaign.pk)
    return CampaignChunk.objects.select_related("campaign__stream__account", "campaign__template").get()


def write(chunk: CampaignChunk, *ids: str) -> None:
    """Write everybody's message as accepted, with these ids of the provider."""
    people = [
        Person(place, MessageStatus.ACCEPTED, external_id=one, outcome="accepted") for place, one in enumerate(ids)
    ]
    with transaction.atomic():
        write_messages(chunk.campaign, chunk, people, at=database_now())


def test_words_arrive_as_they_are(chunk: CampaignChunk) -> None:
    write(chunk, "a", "b", "c")
    message = Message.objects.get(conversation__contact__phone=fiction(200))
    assert message.body == "Hello Ro\\sa\t200, your router is on its way."
    assert message.conversation.contact.first_name == "Ro\\sa\t200"
    assert message.conversation.last_message_preview == "Hello Ro\\sa 200, your router is on its way."
    assert str(message.ref) == chunk.payload[0]["ref"]
    assert (message.external_id, message.verdict["campaign"], message.rendered) == ("a", chunk.campaign_id, {})


def test_attempts_keep_what_went_over_the_wire_as_it_was(chunk: CampaignChunk) -> None:
    body = '{"text": "Ro\\\\sa\'s {router}, \\u00e9 NULL \\\\x00 \N{GRINNING FACE}"}\n\t%s'
    now = database_now()
    begun = statements.begin_attempts(chunk, chunk.campaign, 3, at=now)
    assert sorted(SendAttempt.objects.under_way().values_list("pk", flat=True)) == [one.pk for one in begun]
    answered, silent, left = begun
    answered.operation, answered.request_method, answered.request_url = "SendSms", "POST", "https://example.org/v1?a=b"
    answered.request_body = answered.response_body = body
    answered.http_status, answered.request_id, answered.finished_at = 200, 'one "id"', now
    silent.finished_at = now
    store_attempts([answered, silent])
    names = [*KEPT_OF_ATTEMPT, "request_id", "started_at", "finished_at", "claim", "is_bulk", "chunk_id", "stream_id"]
    for attempt in (answered, silent, left):
        stored = SendAttempt.objects.get(pk=attempt.pk)
        assert [getattr(stored, name) for name in names] == [getattr(attempt, name) for name in names]


def test_what_is_there_already_is_written_once(chunk: CampaignChunk, caplog: pytest.LogCaptureFixture) -> None:
    write(chunk, "a", "b", "c")
    write(chunk, "d", "e", "f")
    assert sorted(Message.objects.values_list("external_id", flat=True)) == ["a", "b", "c"]
    assert (Contact.objects.count(), Conversation.objects.count()) == (3, 3)
    assert not caplog.records


def test_an_id_that_the_provider_gave_twice_stays_with_the_first(
    chunk: CampaignChunk, caplog: pytest.LogCaptureFixture
) -> None:
    factories.make_message(
        factories.make_conversation(chunk.campaign.stream, factories.make_contact(fiction(300))), external_id="a"
    )
    write(chunk, "a", "b", "b")
    written = Message.objects.filter(recipient__campaign=chunk.campaign).order_by("id")
    assert list(written.values_list("external_id", flat=True)) == ["", "b", ""]
    assert "The provider gave 2 ids" in caplog.text


def test_known_customers_keep_their_conversations(chunk: CampaignChunk) -> None:
    stream = chunk.campaign.stream
    busy = factories.make_conversation(stream, factories.make_contact(fiction(200), first_name="Amira"))
    asleep = factories.make_conversation(
        stream, factories.make_contact(fiction(201)), status=ConversationStatus.DORMANT, last_message_preview="Before"
    )
    done = factories.make_conversation(stream, factories.make_contact(fiction(202)), status=ConversationStatus.RESOLVED)
    write(chunk, "a", "b", "c")
    busy.refresh_from_db()
    asleep.refresh_from_db()
    assert (busy.messages.count(), busy.contact.first_name) == (1, "Amira")
    assert (asleep.messages.count(), asleep.last_message_preview) == (1, "Hello Ro\\sa 201, your router is on its way.")
    assert done.messages.count() == 0
    assert Conversation.objects.filter(contact=done.contact, status="dormant").count() == 1


@pytest.mark.parametrize("quicker", ["contact", "conversation"])
def test_who_is_quicker_is_found_by_a_second_look(
    chunk: CampaignChunk, monkeypatch: pytest.MonkeyPatch, quicker: str
) -> None:
    original, made = writing.copy, []

    def meanwhile(table: str, *arguments: Any) -> None:
        if table == f"conversations_{quicker}" and not made:
            made.append(table)

            def work() -> None:
                contact = Contact.objects.get_or_create(phone=fiction(201))[0]
                if quicker == "conversation":
                    factories.make_conversation(chunk.campaign.stream, contact)
                connection.close()

            other = threading.Thread(target=work)
            other.start()
            other.join()
        original(table, *arguments)

    if quicker == "conversation":
        factories.make_contact(fiction(201))
    monkeypatch.setattr(writing, "copy", meanwhile)
    write(chunk, "a", "b", "c")
    assert made
    assert Message.objects.filter(recipient__campaign=chunk.campaign).count() == 3
    assert (Contact.objects.count(), Conversation.objects.count()) == (3, 3)


def test_a_dormant_conversation_has_what_triggers_would_have_kept(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(f"{fiction(200)},Rosa")
    confirm(campaign, tom)
    run(campaign)
    conversation = Conversation.objects.get()
    kept = conversation.urgency
    Conversation.objects.filter(pk=conversation.pk).update(urgency=0)  # its trigger keeps it anew
    conversation.refresh_from_db()
    assert conversation.urgency == kept
    made = factories.make_conversation(
        campaign.stream, factories.make_contact(fiction(201)), status="dormant", urgency=7, failed_at=database_now()
    )
    made.refresh_from_db()
    assert made.urgency > 10**13
    assert made.failed_at is None


def test_every_message_has_the_result_of_its_attempt(make_campaign: Make, tom: User) -> None:
    campaign = make_campaign(*(f"{fiction(number)},Rosa" for number in range(200, 203)))
    confirm(campaign, tom)
    run(campaign)
    results = AttemptResult.objects.filter(message__recipient__campaign=campaign)
    assert results.filter(on_wire=True, outcome="accepted").count() == 3
    assert {one.external_id for one in results} == set(Message.objects.values_list("external_id", flat=True))
    assert sending._claim(campaign.chunks.get().pk) is None


@pytest.mark.parametrize(
    ("first", "last", "email"),
    [
        ("Rosa", "Diaz", ""),
        ("", "", ""),
        ("Rosa Rosa", "O'Neil-Smith", "Rosa.Diaz@Fernhill.example"),
        ("Zoë", "Müller ", "zoe@fernhill.example"),
        ("A" * 100, "b", ""),
        ("  %_ ", "1st; 2nd", "x@y"),
        ("İstanbul", "ΣΊΣΥΦΟΣ", ""),
    ],
)
def test_plain_letters_are_found_by_the_same_words(first: str, last: str, email: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT parley_contact_words(%(first)s, %(last)s, %(email)s, '+447700900200') = array_to_tsvector(
                   array_remove(
                       parley_words(%(first)s || ' ' || %(last)s || ' ' || split_part(%(email)s, '@', 1))
                           || ARRAY[nullif(lower(%(email)s COLLATE pg_c_utf8), ''), '+447700900200', '-002009007744'],
                       NULL
                   )
               )""",
            {"first": first, "last": last, "email": email},
        )
        assert cursor.fetchone() == (True,)
