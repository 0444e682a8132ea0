"""Canned replies and mentions: found, filled in, and what has no value is said."""

from __future__ import annotations

import uuid

import pytest

from conversations.models import CannedReply, Contact, Stream, User
from conversations.services.canned import MOST, Filled, fill, find
from conversations.services.remarks import leave_remark, mentioned
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def stream() -> Stream:
    return factories.make_stream(name="Service texts", business_name="Fernhill Broadband")


@pytest.fixture
def priya(stream: Stream) -> User:
    user = factories.make_user(name="Priya Nair")
    factories.make_team(members=[user], streams=[stream], name="Care")
    return user


@pytest.fixture
def amira() -> Contact:
    return factories.make_contact(first_name="Amira", last_name="Haddad", language="ar")


def canned(shortcut: str, body: str = "Hello", **fields: object) -> CannedReply:
    return CannedReply.objects.create(shortcut=shortcut, title=shortcut.title(), body=body, **fields)


def found(text: str, priya: User, amira: Contact, stream: Stream) -> list[Filled]:
    return find(text, user=priya, contact=amira, stream=stream)


def test_values_come_from_the_customer_the_agent_and_the_line(priya: User, amira: Contact, stream: Stream) -> None:
    canned("hi", "Hello ${first_name} ${last_name}, ${agent_first_name} of ${business_name} here, on ${phone}.")
    (filled,) = found("hi", priya, amira, stream)
    assert filled.text == f"Hello Amira Haddad, Priya of Fernhill Broadband here, on {amira.phone_display}."
    assert filled.missing == ()
    assert [part.text for part in filled.parts if part.kind == "value"][:3] == ["Amira", "Haddad", "Priya"]
    assert "".join(part.text for part in filled.parts) == filled.text


def test_what_has_no_value_stays_and_is_named(priya: User, stream: Stream) -> None:
    canned("cheque", "Dear ${first_name}, we post it to ${postal_address}.")
    (filled,) = found("cheque", priya, factories.make_contact(), stream)
    assert filled.text == "Dear ${first_name}, we post it to ${postal_address}."
    assert filled.missing_words == "first name, postal address"
    assert [part.text for part in filled.parts if part.kind == "missing"] == ["first name", "postal address"]


@pytest.mark.parametrize("body", ["Costs ${ 5", "${First_Name}", "No fields at all", "$first_name {first_name}"])
def test_what_is_no_field_is_text(priya: User, amira: Contact, stream: Stream, body: str) -> None:
    assert fill(canned("text", body), {"first_name": "Amira"}).text == body


def test_a_value_that_looks_like_a_field_is_not_filled_in(priya: User, stream: Stream) -> None:
    canned("hi", "Hello ${first_name}")
    (filled,) = found("hi", priya, factories.make_contact(first_name="${phone}"), stream)
    assert filled.text == "Hello ${phone}"


def test_every_word_is_looked_for_in_name_and_text(priya: User, amira: Contact, stream: Stream) -> None:
    canned("refund-timing", "Banks take 5 days.")
    canned("late", "The engineer is late.")
    assert [one.reply.shortcut for one in found("REFUND banks", priya, amira, stream)] == ["refund-timing"]
    assert [one.reply.shortcut for one in found("engin", priya, amira, stream)] == ["late"]
    assert found("nothing-like-it", priya, amira, stream) == []
    assert len(found("", priya, amira, stream)) == 2


def test_the_customers_language_comes_first_and_others_last(priya: User, amira: Contact, stream: Stream) -> None:
    canned("thanks", language="he")
    canned("thanks")
    canned("thanks", language="ar")
    assert [one.reply.language for one in found("", priya, amira, stream)] == ["ar", "", "he"]


def test_replies_of_other_teams_are_not_offered(priya: User, amira: Contact, stream: Stream) -> None:
    ours, theirs = priya.teams.get(), factories.make_team(name="Billing")
    canned("for-all")
    canned("ours", team=ours)
    canned("theirs", team=theirs)
    assert [one.reply.shortcut for one in found("", priya, amira, stream)] == ["for-all", "ours"]
    ada = factories.make_user("administrator")
    assert len(find("", user=ada, contact=amira, stream=stream)) == 3


def test_no_more_than_a_list_holds(priya: User, amira: Contact, stream: Stream) -> None:
    for number in range(MOST + 5):
        canned(f"reply-{number}")
    assert len(found("", priya, amira, stream)) == MOST


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@Tom can you look?", ["Tom Reyes"]),
        ("@tom reyes, and @PRIYA Nair.", ["Tom Reyes", "Priya Nair"]),
        ("(@Tom)", ["Tom Reyes"]),
        ("@Tom @Tom", ["Tom Reyes"]),
        ("@Sam", []),
        ("@Sam Osei and @Sam Winter", ["Sam Osei", "Sam Winter"]),
        ("tom@tom.example @Tomas x@Tom", []),
        ("@שרה כהן", ["שרה כהן"]),
        ("nobody", []),
    ],
)
def test_who_a_remark_names(text: str, names: list[str]) -> None:
    people = [
        factories.make_user(name=name) for name in ("Tom Reyes", "Priya Nair", "Sam Osei", "Sam Winter", "שרה כהן")
    ]
    assert [person.name for person in mentioned(text, people)] == names


def test_a_remark_is_left_once_and_keeps_whom_it_names(priya: User, stream: Stream) -> None:
    tom, conversation = factories.make_user(name="Tom Reyes"), factories.make_conversation(stream)
    key = str(uuid.uuid4())
    first = leave_remark(conversation, text="@Tom look", actor=priya, colleagues=[tom, priya], client_key=key)
    again = leave_remark(conversation, text="@Tom look", actor=priya, colleagues=[tom, priya], client_key=key)
    assert first == again
    assert list(conversation.activities.mentioning(tom)) == [first]  # type: ignore[attr-defined]
    assert not conversation.activities.mentioning(priya).exists()  # type: ignore[attr-defined]
