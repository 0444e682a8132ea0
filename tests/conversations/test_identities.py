"""One contact for a number, a WhatsApp id and a provider's own id; closed conversations; kinds of messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Contact, ContactIdentity, Conversation, Stream
from conversations.services import identities
from conversations.services.arrivals import receive
from conversations.services.contacts import merge_contacts, undo_merge
from conversations.services.conversations import open_conversation
from conversations.services.identities import NumberNotReadable
from messaging.types import InboundMessage
from tests import factories
from tests.conversations.views.conftest import signed_in

pytestmark = pytest.mark.django_db

AMIRA, OTHER = "+447700900142", "+447700900143"


@pytest.fixture
def stream() -> Stream:
    return factories.make_stream(channel="whatsapp", external_id="enc", settings={"stream_id": "533"})


def said(key: str, phone: str = AMIRA, **fields: Any) -> InboundMessage:
    """A customer wrote."""
    return InboundMessage(key=key, phone=phone, body=fields.pop("body", "Hello"), stream_keys=("533",), **fields)


def test_a_number_and_an_id_are_one_contact(stream: Stream) -> None:
    receive(said("1", person_id="77", whatsapp_id="GB.12"), stream.account)
    receive(said("2", phone="", person_id="77"), stream.account)
    receive(said("3", phone="", whatsapp_id="GB.12"), stream.account)
    contact = Contact.objects.get()
    assert Conversation.objects.get().messages.count() == 3
    assert {(one.kind, one.value) for one in contact.identities.all()} == {("person", "77"), ("whatsapp", "GB.12")}


def test_a_whatsapp_id_that_is_a_number_needs_no_other(stream: Stream) -> None:
    receive(said("1", phone="", whatsapp_id=AMIRA[1:]), stream.account)
    assert Contact.objects.get().phone == AMIRA
    assert not ContactIdentity.objects.exists()


def test_an_id_that_nobody_has_is_not_dropped_but_listed(stream: Stream) -> None:
    with pytest.raises(NumberNotReadable, match="no id that a contact is known by"):
        receive(said("1", phone="", person_id="78"), stream.account)
    assert not Contact.objects.exists()


def test_an_id_of_another_account_means_nobody_here(stream: Stream) -> None:
    contact = factories.make_contact(AMIRA)
    contact.identities.create(account=factories.make_account(), kind="person", value="77")
    with pytest.raises(NumberNotReadable):
        receive(said("1", phone="", person_id="77"), stream.account)


def test_two_numbers_with_one_id_stay_two_contacts_until_somebody_merges_them(stream: Stream) -> None:
    receive(said("1", person_id="77"), stream.account)
    receive(said("2", phone=OTHER, person_id="77"), stream.account)
    first, second = Contact.objects.order_by("pk")
    assert [one.contact for one in identities.same_person(first)] == [second]
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[stream])
    page = signed_in(tom).get(f"/contacts/{first.pk}/").content.decode()
    assert "May be the same person" in page
    assert f"/contacts/{first.pk}/merge/?with={second.pk}" in page
    stranger = factories.make_user("administrator")
    record = merge_contacts(first, second, details={}, actor=stranger)
    assert identities.same_person(first) == []
    assert first.identities.count() == 1
    back = undo_merge(record, actor=stranger)
    assert [one.contact for one in identities.same_person(first)] == [back]


def test_an_id_moves_with_a_merge_and_back(stream: Stream) -> None:
    kept = factories.make_contact(AMIRA)
    receive(said("1", phone=OTHER, person_id="77"), stream.account)
    given_up = Contact.objects.get(phone=OTHER)
    actor = factories.make_user("administrator")
    record = merge_contacts(kept, given_up, details={}, actor=actor)
    assert ContactIdentity.objects.get().contact == kept
    undo_merge(record, actor=actor)
    assert ContactIdentity.objects.get().contact.phone == OTHER


# Closed conversations


@pytest.mark.parametrize(
    ("days", "closed_days_ago", "opens_again"),
    [(7, 6.9, True), (7, 7.1, False), (0, 0, False), (1, 0.9, True), (3650, 3000, True)],
)
def test_a_closed_conversation_opens_again_within_so_many_days(
    stream: Stream, days: int, closed_days_ago: float, opens_again: bool
) -> None:
    stream.reopen_days = days
    stream.save()
    closed_at = timezone.now() - timedelta(days=closed_days_ago)
    closed = factories.make_conversation(
        stream, factories.make_contact(AMIRA), status="resolved", resolved_at=closed_at, last_message_at=closed_at
    )
    receive(said("1"), stream.account)
    closed.refresh_from_db()
    assert (closed.status == "open") == opens_again
    assert Conversation.objects.count() == (1 if opens_again else 2)
    newest = Conversation.objects.order_by("-pk").first()
    assert newest is not None
    activity = newest.activities.get()
    assert activity.data.get("within_days" if opens_again else "after_days") == days


def test_the_rule_is_told_in_the_conversation_in_words(stream: Stream) -> None:
    user = factories.make_user()
    factories.make_team(members=[user], streams=[stream])
    contact = factories.make_contact(AMIRA)
    long_ago = timezone.now() - timedelta(days=8)
    factories.make_conversation(stream, contact, status="resolved", resolved_at=long_ago)
    receive(said("1"), stream.account)
    new = Conversation.objects.get(status="open")
    page = signed_in(user).get(f"/c/{new.pk}/").content.decode()
    assert "Opened this conversation: the one before was closed more than 7 days ago" in page
    Conversation.objects.filter(pk=new.pk).update(status="resolved", resolved_at=timezone.now())
    receive(said("2"), stream.account)
    page = signed_in(user).get(f"/c/{new.pk}/").content.decode()
    assert "Opened this conversation again: it was closed less than 7 days ago" in page


def test_the_conversation_that_the_provider_names_opens_again_however_old(stream: Stream) -> None:
    long_ago = timezone.now() - timedelta(days=400)
    contact = factories.make_contact(AMIRA)
    named = factories.make_conversation(
        stream, contact, status="resolved", resolved_at=long_ago, last_message_at=long_ago, external_id="901730"
    )
    factories.make_conversation(stream, contact, status="resolved", resolved_at=timezone.now(), external_id="901731")
    receive(said("1", conversation_id="901730"), stream.account)
    named.refresh_from_db()
    assert named.status == "open"


def test_opening_by_hand_follows_the_same_rule(stream: Stream) -> None:
    contact = factories.make_contact(AMIRA)
    closed = factories.make_conversation(
        stream, contact, status="resolved", resolved_at=timezone.now() - timedelta(days=30)
    )
    assert open_conversation(stream=stream, contact=contact).pk != closed.pk


# Kinds of messages


@pytest.fixture
def page(stream: Stream) -> Any:
    """What an agent sees of the conversation."""
    user = factories.make_user()
    factories.make_team(members=[user], streams=[stream])
    return lambda: signed_in(user).get(f"/c/{Conversation.objects.get().pk}/").content.decode()


def test_a_reaction_names_what_it_is_about(stream: Stream, page: Any) -> None:
    receive(said("1", body="Is it on Friday?", external_id="wamid.1"), stream.account)
    receive(said("2", body="👍", kind="reaction", reacts_to="wamid.1"), stream.account)
    receive(said("3", body="", kind="reaction", reacts_to="wamid.unknown"), stream.account)
    shown = " ".join(page().split())
    assert "Reacted <bdi>👍</bdi> to <q" in shown
    assert "Is it on Friday?</q>" in shown
    assert "Took a reaction back" in shown


def test_a_reaction_is_no_opt_out(stream: Stream) -> None:
    receive(said("1", body="STOP", kind="reaction"), stream.account)
    assert not Contact.objects.get().opt_ins.exists()


def test_an_unknown_kind_says_so_and_keeps_its_words(stream: Stream, page: Any) -> None:
    receive(said("1", body="51.5, -0.1", kind="other", kind_word='<b>"type 99"</b>'), stream.account)
    shown = page()
    assert "Something that cannot be shown here" in shown
    assert "&lt;b&gt;&quot;type 99&quot;&lt;/b&gt;" in shown
    assert "51.5, -0.1" in shown


@pytest.mark.parametrize(
    "body",
    [
        "x" * 10_000,
        "שלום, מתי מגיע הטכנאי? " * 500,
        "👩‍👩‍👧‍👦🇬🇧 " * 900,
        "a\u0301" * 5_000,
        "\n" * 10_000,
        "مرحبا \u202e evil",
    ],
    ids=["long", "right to left", "emoji", "accents", "lines", "turned"],
)
def test_any_text_is_kept_whole_and_shown_in_part(stream: Stream, page: Any, body: str) -> None:
    message = receive(said("1", body=body), stream.account)
    assert message is not None
    message.refresh_from_db()
    assert message.body == body
    assert len(page()) < 150_000
