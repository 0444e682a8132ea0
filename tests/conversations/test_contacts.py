"""Making, changing and merging contacts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import AttemptResult, ConsentState, Contact, Conversation, OptIn, SendAttempt, Stream, User
from conversations.services import consent
from conversations.services.contacts import (
    DETAILS,
    MergeRecord,
    change_contact,
    create_contact,
    merge_contacts,
    plan_merge,
    undo_merge,
)
from conversations.services.languages import language_choices, language_code, language_name
from tests import factories

pytestmark = pytest.mark.django_db
PHONE, OTHER_PHONE = "+447700900355", "+447700900356"


@pytest.fixture
def tom() -> User:
    """A supervisor."""
    return factories.make_user("supervisor", name="Tom Reyes")


@pytest.fixture
def texts(tom: User) -> Stream:
    """A stream that Tom sees."""
    stream = factories.make_stream(name="Service texts")
    factories.make_team(members=[tom], streams=[stream])
    return stream


@pytest.fixture
def rosa() -> Contact:
    """Rosa, known by a name and a language."""
    return factories.make_contact(PHONE, first_name="Rosa", last_name="Bellini", language="it")


@pytest.fixture
def double() -> Contact:
    """Rosa's other number."""
    return factories.make_contact(OTHER_PHONE, first_name="R.", email="rosa@post.example")


def code_of(error: pytest.ExceptionInfo[ValidationError]) -> str:
    return str(error.value.code)


def tried(conversation: Conversation) -> None:
    """Something was sent to the customer of this conversation."""
    message = factories.make_message(conversation)
    attempt = SendAttempt.objects.create(stream=conversation.stream, claim=message.ref, started_at=timezone.now())
    AttemptResult.objects.create(attempt=attempt, message=message, outcome="accepted")


def test_a_new_contact_is_seen_by_whoever_writes_until_it_belongs_to_a_stream(tom: User, texts: Stream) -> None:
    made = create_contact(phone=PHONE, details={"first_name": "Rosa"}, actor=tom)
    sam, nobody = factories.make_user(), factories.make_user()
    nobody.groups.clear()
    assert made.name == "Rosa"
    assert Contact.objects.visible_to(sam).get() == made
    assert not Contact.objects.visible_to(nobody).exists()
    factories.make_conversation(texts, made)
    assert not Contact.objects.visible_to(sam).exists()
    assert Contact.objects.visible_to(tom).get() == made


def test_a_number_belongs_to_one_contact_and_its_owner_is_named_to_those_who_see_them(
    tom: User, texts: Stream, rosa: Contact
) -> None:
    factories.make_conversation(texts, rosa)
    with pytest.raises(ValidationError, match="Rosa Bellini has this number already") as found:
        create_contact(phone=PHONE, details={}, actor=tom)
    assert code_of(found) == "number_known"
    with pytest.raises(ValidationError) as found:
        create_contact(phone=PHONE, details={}, actor=factories.make_user())
    assert code_of(found) == "number_elsewhere"
    assert "Rosa" not in " ".join(found.value.messages)


def test_a_number_is_changed_until_it_was_written_to(tom: User, texts: Stream, rosa: Contact) -> None:
    change_contact(rosa, phone=OTHER_PHONE, details={"first_name": "Rosa"}, actor=tom)
    rosa.refresh_from_db()
    assert (rosa.phone, rosa.last_name, rosa.language) == (OTHER_PHONE, "", "")
    tried(factories.make_conversation(texts, rosa))
    with pytest.raises(ValidationError, match="A contact keeps its number once something was sent to it") as found:
        change_contact(rosa, phone=PHONE, details={"first_name": "Rosanna"}, actor=tom)
    assert code_of(found) == "number_kept"
    assert Contact.objects.get().first_name == "Rosa"
    change_contact(Contact.objects.get(), phone=OTHER_PHONE, details={"first_name": "Rosanna"}, actor=tom)
    assert Contact.objects.get().first_name == "Rosanna"


def test_a_merge_moves_conversations_and_takes_the_chosen_details(
    tom: User, texts: Stream, rosa: Contact, double: Contact
) -> None:
    theirs = factories.make_conversation(texts, double, status="resolved")
    factories.opt_in(double, "sms")
    details = {"first_name": "Rosa", "last_name": "Bellini", "email": double.email, "language": "it", "time_zone": ""}
    details["record"] = "Account: FB-120877"
    merge_contacts(rosa, double, details=details, actor=tom)
    kept = Contact.objects.get()
    assert kept.pk == rosa.pk
    assert {name: getattr(kept, name) for name in DETAILS} == details
    theirs.refresh_from_db()
    assert (theirs.contact, theirs.status) == (rosa, "resolved")
    assert kept.opt_ins.get().phone == OTHER_PHONE
    assert not ConsentState.objects.filter(phone=PHONE).exists()  # permission was given for a number
    note = theirs.activities.get(kind="merged")
    assert (note.actor, note.text) == (tom, double.phone_display)


def test_of_two_open_conversations_on_a_stream_the_one_that_spoke_last_stays_open(
    tom: User, texts: Stream, rosa: Contact, double: Contact
) -> None:
    old = factories.make_conversation(texts, rosa, last_message_at=timezone.now() - timedelta(days=2))
    new = factories.make_conversation(texts, double)
    elsewhere = factories.make_conversation(factories.make_stream(), double)
    plan = plan_merge(rosa, double)
    assert plan.to_resolve == [old]
    assert set(plan.conversations) == {new, elsewhere}
    merge_contacts(rosa, double, details={}, actor=tom)
    standing = dict(Conversation.objects.values_list("pk", "status"))
    assert standing == {old.pk: "resolved", new.pk: "open", elsewhere.pk: "open"}
    assert set(Conversation.objects.values_list("contact", flat=True)) == {rosa.pk}


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("queued", "is waiting to be sent"),
        ("held", "is waiting to be sent"),
        ("scheduled", "is waiting to be sent"),
        ("unconfirmed", "is not confirmed. Decide on it first."),
    ],
)
def test_nothing_on_its_way_is_sent_to_another_number(
    status: str, sentence: str, tom: User, texts: Stream, rosa: Contact, double: Contact
) -> None:
    theirs = factories.make_conversation(texts, double)
    more = {"scheduled_for": timezone.now() + timedelta(hours=1)} if status == "scheduled" else {}
    factories.make_message(theirs, status=status, **more)
    with pytest.raises(ValidationError, match=sentence) as found:
        merge_contacts(rosa, double, details={}, actor=tom)
    assert code_of(found) == "on_the_way"
    assert Contact.objects.count() == 2
    theirs.refresh_from_db()
    assert theirs.contact == double
    merge_contacts(double, rosa, details={}, actor=tom)  # the other way nothing would change its number


@pytest.mark.parametrize("whose", ["kept", "given up", "both"])
def test_an_opt_out_of_either_holds(whose: str, tom: User, rosa: Contact, double: Contact) -> None:
    for contact in {"kept": [rosa], "given up": [double], "both": [rosa, double]}[whose]:
        consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    assert len(plan_merge(rosa, double).opt_outs) == (1 if whose == "given up" else 0)
    merge_contacts(rosa, double, details={}, actor=tom)
    state = ConsentState.objects.get(phone=PHONE, channel="sms")
    assert (state.service, state.marketing) == ("opted_out", "opted_out")
    assert not ConsentState.objects.filter(phone=PHONE, channel="whatsapp").exists()
    if whose != "kept":
        assert ConsentState.objects.get(phone=OTHER_PHONE).service == "opted_out"  # should the number come back


def test_an_opt_out_of_one_purpose_stays_one_of_one_purpose(tom: User, rosa: Contact, double: Contact) -> None:
    consent.record(OptIn(contact=rosa, channel="sms", event="opt_in", source="form", wording="Yes"))
    consent.record(
        OptIn(contact=double, channel="sms", event="opt_out", purpose="marketing", source="agent", wording="No ads")
    )
    merge_contacts(rosa, double, details={}, actor=tom)
    state = ConsentState.objects.get(phone=PHONE, channel="sms")
    assert (state.service, state.marketing) == ("opted_in", "opted_out")


def test_a_merge_is_undone(tom: User, texts: Stream, rosa: Contact, double: Contact) -> None:
    old = factories.make_conversation(texts, rosa, last_message_at=timezone.now() - timedelta(days=2))
    new = factories.make_conversation(texts, double)
    factories.opt_in(double, "sms")
    consent.record(OptIn(contact=double, channel="whatsapp", event="opt_out", source="keyword", wording="STOP"))
    before = [{name: getattr(one, name) for name in ("phone", *DETAILS)} for one in (rosa, double)]
    record = merge_contacts(rosa, double, details={"first_name": "R"}, actor=tom)
    back = undo_merge(MergeRecord(**record.as_json()), actor=tom)
    rosa.refresh_from_db()
    assert [{name: getattr(one, name) for name in ("phone", *DETAILS)} for one in (rosa, back)] == before
    for conversation in (old, new):
        conversation.refresh_from_db()
    assert [(one.contact, one.status) for one in (old, new)] == [(rosa, "open"), (back, "open")]
    assert back.opt_ins.count() == 2
    assert ConsentState.objects.get(phone=PHONE, channel="whatsapp").service == "opted_out"  # opt-outs stay


def test_what_has_changed_since_is_not_undone(tom: User, texts: Stream, rosa: Contact, double: Contact) -> None:
    theirs = factories.make_conversation(texts, double)
    record = merge_contacts(rosa, double, details={}, actor=tom)
    message = factories.make_message(theirs, status="queued")
    with pytest.raises(ValidationError, match="waits to be sent"):
        undo_merge(record, actor=tom)
    message.delete()
    factories.make_contact(OTHER_PHONE)
    with pytest.raises(ValidationError, match="has a new contact"):
        undo_merge(record, actor=tom)
    assert theirs.activities.filter(kind="merged").count() == 1


def test_one_contact_is_not_merged_with_itself_nor_with_one_that_is_gone(
    tom: User, rosa: Contact, double: Contact
) -> None:
    with pytest.raises(ValidationError) as found:
        merge_contacts(rosa, rosa, details={}, actor=tom)
    assert code_of(found) == "same_contact"
    Contact.objects.filter(pk=double.pk).delete()
    with pytest.raises(ValidationError) as found:
        merge_contacts(rosa, double, details={}, actor=tom)
    assert code_of(found) == "gone"


def test_a_merge_knows_every_row_that_belongs_to_a_contact() -> None:
    moved = {"Conversation", "OptIn", "ContactIdentity"}
    kept_by_triggers = {"ContactSearch"}
    assert {relation.related_model.__name__ for relation in Contact._meta.related_objects} == moved | kept_by_triggers


def test_languages_have_names_and_are_read_as_people_write_them() -> None:
    for text, code in (
        ("en-gb", "en_GB"),
        ("EN_GB", "en_GB"),
        ("Arabic", "ar"),
        ("british english", "en_GB"),
        ("", None),
    ):
        assert language_code(text) == code, text
    assert language_code("Klingon") is None
    assert language_name("en_US") == "English (US)"
    assert language_name("xx") == "xx"
    names = [name for _, name in language_choices()]
    assert len(names) == len(set(names))
    assert all(name[0].isupper() for name in names)
