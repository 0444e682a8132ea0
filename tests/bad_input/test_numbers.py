"""Bad-input rows B1 to B17: numbers, as people type them at every door.

What the rules themselves say of a text is in tests/messaging/test_phone.py (B1 to B15, with any text at all by
hypothesis and the five milliseconds of B15). Here each row goes through the doors and must leave nothing behind.

B16 (one person typed in three ways)         also tests/conversations/commands/test_send_template.py
the administration's test message            tests/conversations/admin/test_streams.py
"""

from __future__ import annotations

import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.models import Contact, Message, Stream
from conversations.services import outbound
from conversations.services.compose import queue_message
from tests import factories
from tests.bad_input.conftest import nothing_stored_nor_sent
from tests.conversations.views.conftest import Centre, signed_in
from tests.conversations.views.reading import read
from tests.messaging.test_phone import PHONE_LIKE
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db

LETTERS = "A phone number has digits only and this one has letters."
CHARACTERS = "Use digits, spaces, brackets, dots and hyphens only"
SHORT = "short"
LONG = "no phone number has more than 15"

REFUSED = [
    ("B2", "+4474512XXXXX", LETTERS),
    ("B3", "1-800-FLOWERS", LETTERS),
    ("B4", "+447741632543/../x", LETTERS),
    ("B5", "+44774\r\n1632543", CHARACTERS),
    ("B6", "-447741632543", CHARACTERS),
    ("B7", "+447741632543 ext 5", "A text cannot reach an extension."),
    ("B7", "tel:+447741632543;ext=5", "A text cannot reach an extension."),
    ("B9", "447741632543@c.us", LETTERS),
    ("B10", "12345", SHORT),
    ("B10", "999", SHORT),
    ("B10", "+44999", SHORT),
    ("B10", "0x1234", LETTERS),
    ("B11", "4.47742E+11", "A spreadsheet has changed this number"),
    ("B11", "7.741632543E9", "A spreadsheet has changed this number"),
    ("B12", "+449098790000", "This is a premium-rate number."),
    ("B12", "+448001111111", "This is a freephone number"),
    ("B12", "+441212345678", "This is a landline"),
    ("B13", "+82 000-000-0000", "No phone after +82 has a number like this one."),
    ("B14", "07741632543, 07741632544", "There is more than one number here."),
    ("B14", "07741632543\n07741632544", "There is more than one number here."),
    ("B15", "1" * 24, LONG),
    ("B15", "1" * 190, LONG),
    ("B15", "", "phone number"),
    ("B15", "   ", "phone number"),
    ("B15", "+", "umber"),
]


def by_the_form(centre: Centre, agent: Client, typed: str) -> str:
    """Write a new message; the words of the page that comes back."""
    form = {"to": typed, "stream": centre.texts.pk, "body": "Hello", "client_key": str(uuid.uuid4())}
    response = agent.post("/new/", form)
    assert response.status_code == 422
    return read(response).text


def by_starting(centre: Centre, agent: Client, typed: str) -> str:
    """Open a conversation without a message; the words of the page that one is led back to."""
    response = agent.post("/new/start/", {"to": typed, "stream": centre.texts.pk}, follow=True)
    assert response.redirect_chain[0][0].startswith("/new/?to=")
    return read(response).text


def while_typing(centre: Centre, agent: Client, typed: str) -> str:
    """What is said beside the number before anything is sent."""
    response = agent.get("/new/recipient/", {"to": typed})
    assert response.status_code == 200
    return read(response).text


def by_command(centre: Centre, agent: Client, typed: str) -> str:
    """`send_message`, from a shell or a script."""
    with pytest.raises(CommandError) as refusal:
        call_command("send_message", f"--stream={centre.texts}", f"--to={typed}", "--body=Hello", stdout=StringIO())
    return str(refusal.value)


def by_template_command(centre: Centre, agent: Client, typed: str) -> str:
    """`send_template`, to this number and to one that is good: nobody gets it."""
    arguments = (f"--stream={centre.care}", "--to=07741632540", f"--to={typed}", "--template=engineer_visit")
    with pytest.raises(CommandError) as refusal:
        call_command("send_template", *arguments, "--value=body.1=A", "--value=body.2=B", stdout=StringIO())
    return str(refusal.value)


@pytest.mark.parametrize(("row", "typed", "sentence"), REFUSED)
def test_refused_at_every_door(desk: Centre, agent: Client, row: str, typed: str, sentence: str) -> None:
    factories.make_template(desk.care)
    for door in (by_the_form, by_command, by_template_command):
        with nothing_stored_nor_sent():
            said = door(desk, agent, typed)
        assert sentence in said, (row, door)


@pytest.mark.parametrize(
    ("row", "typed", "sentence"), [one for one in REFUSED if one[1].strip() and one[1].isprintable()]
)
def test_said_before_anything_is_written(desk: Centre, agent: Client, row: str, typed: str, sentence: str) -> None:
    for door in (by_starting, while_typing):
        with nothing_stored_nor_sent():
            said = door(desk, agent, typed)
        assert sentence in said, (row, door)


@pytest.mark.parametrize("typed", ["9" * 300, "+" + "4" * 10_000, "07741 632543" * 1000])
def test_b15_far_too_much_is_refused_at_every_door(desk: Centre, agent: Client, typed: str) -> None:
    for door in (by_the_form, by_command):
        with nothing_stored_nor_sent():
            door(desk, agent, typed)
    with nothing_stored_nor_sent():
        assert agent.get("/new/recipient/", {"to": typed}).status_code == 200


def test_b5_nul_in_the_form_is_said_at_the_number(desk: Centre, agent: Client) -> None:
    with nothing_stored_nor_sent():
        assert "This holds a character that cannot be stored." in by_the_form(desk, agent, "\x00+447741632543")


@pytest.mark.parametrize("typed", ["\r\n+447741632543", "\x0b+447741632543"])
def test_b5_control_characters_around_a_number_are_refused_in_scripts(desk: Centre, agent: Client, typed: str) -> None:
    with nothing_stored_nor_sent():
        assert CHARACTERS in by_command(desk, agent, typed)


def test_b5_nul_in_scripts_is_said_of_what_holds_it(desk: Centre, agent: Client) -> None:
    with nothing_stored_nor_sent():
        assert "To holds a character that is none." in by_command(desk, agent, "\x00+447741632543")


@pytest.mark.parametrize(
    ("row", "typed"),
    [
        ("B1", "+447741632543"),
        ("B1", "07741632543"),
        ("B1", "0044 7741 632543"),
        ("B1", "+44 (0)7741 632543"),
        ("B8", "٠٧٧٤١٦٣٢٥٤٣"),
        ("B8", "＋４４７７４１６３２５４３"),
        ("B8", "\u202a+447741632543\u202c"),
        ("B8", "\u200b07741632543"),
    ],
)
def test_accepted_stored_as_e164_and_shown_back_for_people(desk: Centre, agent: Client, row: str, typed: str) -> None:
    assert "+44 7741 632543" in while_typing(desk, agent, typed)
    response = agent.post(
        "/new/", {"to": typed, "stream": desk.texts.pk, "body": "Hello", "client_key": str(uuid.uuid4())}, follow=True
    )
    assert Message.objects.get().conversation.contact.phone == "+447741632543", row
    assert "+44 7741 632543" in read(response).text


def test_b1_a_north_american_number_needs_no_mobile_range(desk: Centre, agent: Client) -> None:
    call_command("send_message", f"--stream={desk.texts}", "--to=+1 415-555-0100", "--body=Hello", stdout=StringIO())
    assert Contact.objects.get().phone == "+14155550100"


def test_b12_a_number_kept_for_films_reaches_nobody_on_a_real_account(centre: Centre, agent: Client) -> None:
    desk = factories.make_stream(factories.make_account(base_url=""), name="Real")
    factories.make_team(members=[centre.priya], streams=[desk])
    with nothing_stored_nor_sent():
        form = {"to": "07700 900123", "stream": desk.pk, "body": "Hello", "client_key": str(uuid.uuid4())}
        assert "kept for films" in read(agent.post("/new/", form)).text


def test_b13_a_sender_that_is_not_american_comes_back_with_the_providers_words(product_sandbox: PlayedSandbox) -> None:
    stream = factories.make_sandbox_streams(product_sandbox.url)["ccai_platform"]
    Stream.objects.filter(pk=stream.pk).update(sender="+82 000-000-0000")
    stream.refresh_from_db()
    conversation = factories.make_conversation(stream, factories.make_contact("+14155550100"))
    message = queue_message(conversation=conversation, body="Hello")
    outbound.deliver([message.pk])
    message.refresh_from_db()
    assert (message.status, message.failure_text) == ("failed", "Non-US phone number not allowed")
    assert product_sandbox.messages() == []


@pytest.mark.parametrize("sender", ["+82 000-000-0000", "+1 809-555-1234", "+44 7700 900150", "FERNHILL", "12", ""])
def test_b13_a_ccai_stream_is_set_up_with_an_american_sender_only(centre: Centre, sender: str) -> None:
    browser = signed_in(factories.make_user("administrator"))
    account = factories.make_account("ccai_platform")
    form = {"name": "US line", "channel": "sms", "region": "US", "body_limit": "1600", "reply_within": "240"}
    form |= {"checks_per_day": "20", "is_active": "on", "option_chat_type": "Messaging (SMS)"}
    address = f"/admin/conversations/stream/add/?account={account.pk}"
    with nothing_stored_nor_sent():
        assert "numbers of the United States only" in read(browser.post(address, form | {"sender": sender})).text
    assert browser.post(address, form | {"sender": "+1 (628) 555-0199"}).status_code == 302
    assert Stream.objects.get(account=account).sender == "+16285550199"


def test_b16_one_person_typed_in_three_ways_is_one_contact(desk: Centre, agent: Client) -> None:
    for typed in ("07741 632543", "+44 (0)7741-632543", "00447741632543"):
        form = {"to": typed, "stream": desk.texts.pk, "body": "Hello", "client_key": str(uuid.uuid4())}
        assert agent.post("/new/", form).status_code == 302
    assert Contact.objects.count() == 1
    assert len(set(Message.objects.values_list("conversation", flat=True))) == 1


@pytest.mark.parametrize("own", ["sender", "inbound_number"])
@pytest.mark.parametrize("whose", ["the same stream's", "another's"])
def test_b17_nobody_writes_to_a_number_of_ours(desk: Centre, agent: Client, own: str, whose: str) -> None:
    if whose == "another's":
        factories.make_stream(name="Elsewhere", **{own: "+447741632543"})
    else:
        Stream.objects.filter(pk=desk.texts.pk).update(**{own: "+447741632543"})
    for door in (by_the_form, by_starting, while_typing, by_command):
        with nothing_stored_nor_sent():
            said = door(desk, agent, "07741 632543")
        assert "is one of our own numbers" in said, door
        assert "Elsewhere" not in said  # its name is for those who see it


def test_b17_a_number_that_was_ours_may_be_a_customers(desk: Centre, agent: Client) -> None:
    factories.make_stream(name="Given up", sender="+447741632543", is_active=False)
    assert "+44 7741 632543" in while_typing(desk, agent, "07741 632543")


def test_any_text_in_to_is_sent_to_a_number_or_refused(desk: Centre, agent: Client) -> None:
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(PHONE_LIKE, st.text(max_size=250)))
    def write(typed: str) -> None:
        before = Message.objects.count()
        form = {"to": typed, "stream": desk.texts.pk, "body": "Hello", "client_key": str(uuid.uuid4())}
        status = agent.post("/new/", form).status_code
        assert status in (302, 422)
        assert Message.objects.count() == before + (status == 302)

    write()
