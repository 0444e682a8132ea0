"""`send_template`: one request for up to 20 people, values from flags or JSON, and refusals that queue nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management.base import CommandError

from conversations.models import Contact, Message, SendAttempt
from conversations.models.message import MessageStatus
from tests import factories
from tests.conversations.commands.conftest import Shell, call, refused
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db

AMIRA = "+447700900142"
VISIT = ("--value", "body.1=Amira", "--value", "body.2=Thursday", "--value", "body.3=12:00", "--value", "body.4=16:00")


@pytest.fixture
def stream(streams: factories.SandboxStreams) -> Any:
    """The WhatsApp stream with two templates, and Amira's permission."""
    factories.make_template(streams["whatsapp"], language="en_GB", components=factories.VISIT)
    factories.make_template(
        streams["whatsapp"],
        name="bill_ready",
        language="en_GB",
        components=[
            {"type": "HEADER", "format": "DOCUMENT"},
            {"type": "BODY", "text": "Hello {{1}}, your bill of {{2}} is ready."},
            {
                "type": "BUTTONS",
                "buttons": [{"type": "URL", "text": "Open my bill", "url": "https://fernhill.example/bills/{{1}}"}],
            },
        ],
    )
    factories.opt_in(factories.make_contact(AMIRA))
    return streams["whatsapp"]


def send(stream: Any, *arguments: str, template: str = "engineer_visit", to: str = AMIRA) -> tuple[str, ...]:
    return ("send_template", "--stream", stream.name, "--template", template, "--to", to, *arguments)


def test_a_template_goes_out_with_its_values(stream: Any, product_sandbox: PlayedSandbox) -> None:
    said = json.loads(call(*send(stream, *VISIT, "--language", "en_GB", "--wait", "--json")).out)
    assert [(one["status"], one["kind"], one["to"]) for one in said] == [("accepted", "template", AMIRA)]
    (arrived,) = product_sandbox.messages(phone=AMIRA)
    assert arrived["text"] == (
        "Hello Amira, your Fernhill engineer is booked for Thursday between 12:00 and 16:00. Reply here to change it."
    )
    assert Message.objects.get().body == arrived["text"]


def test_values_in_any_order_find_their_places(stream: Any, product_sandbox: PlayedSandbox) -> None:
    shuffled = (
        "--value",
        "body.2=Friday",
        "--value",
        "body.4=10:00",
        "--value",
        "body.1=Rosa",
        "--value",
        "body.3=8:00",
    )
    call(*send(stream, *shuffled, "--wait"))
    (arrived,) = product_sandbox.messages(phone=AMIRA)
    assert arrived["text"].startswith("Hello Rosa, your Fernhill engineer is booked for Friday between 8:00 and 10:00.")
    (request,) = [entry for entry in product_sandbox.ledger(kind="request") if entry["method"] == "POST"]
    # Positions have no names on the wire: WhatsApp refuses a name that its template does not have.
    assert "parameter_name" not in json.dumps(request)


def test_values_may_come_as_json_with_a_linked_document(stream: Any, product_sandbox: PlayedSandbox) -> None:
    values = json.dumps({"body": ["Amira", "£38.00"], "buttons": {"0": "2026-11"}})
    media = ("--media-link", "https://fernhill.example/bill.pdf", "--filename", "Bill.pdf")
    call(*send(stream, "--values", values, *media, "--wait", template="bill_ready"))
    (arrived,) = product_sandbox.messages(phone=AMIRA)
    assert arrived["header"] == {
        "type": "document",
        "link": "https://fernhill.example/bill.pdf",
        "filename": "Bill.pdf",
    }
    assert arrived["buttons"][0]["url"] == "https://fernhill.example/bills/2026-11"


def test_twenty_people_share_one_request(stream: Any, product_sandbox: PlayedSandbox) -> None:
    numbers = [f"+4477009005{number:02}" for number in range(20)]
    more: list[str] = []
    for number in numbers:
        factories.opt_in(factories.make_contact(number))
        more += ["--to", number]
    said = call(*send(stream, *more[2:], *VISIT, "--wait", to=numbers[0]))
    assert said.out.count(": accepted.") == 20
    assert SendAttempt.objects.count() == 1
    assert {message["phone"] for message in product_sandbox.messages()} == set(numbers)


def test_the_same_person_in_three_forms_is_one(stream: Any, product_sandbox: PlayedSandbox) -> None:
    said = call(*send(stream, "--to", "07700 900142", "--to", "00447700900142", *VISIT, "--wait"))
    assert "Left out 2 of the numbers: given more than once." in said.err
    assert len(product_sandbox.messages(phone=AMIRA)) == 1


def test_one_who_is_not_on_whatsapp_fails_beside_the_others(stream: Any, product_sandbox: PlayedSandbox) -> None:
    factories.opt_in(factories.make_contact("+447700900690"))
    product_sandbox.control("phones", number="+447700900690", on_whatsapp=False)
    with pytest.raises(CommandError, match=r": failed\. invalid — Not a valid WhatsApp user"):
        call(*send(stream, "--to", "+447700900690", *VISIT, "--wait"))
    states = dict(Message.objects.values_list("conversation__contact__phone", "status"))
    assert states == {AMIRA: MessageStatus.ACCEPTED, "+447700900690": MessageStatus.FAILED}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (VISIT[:6], "There is no value for {{4}} of the body."),
        ((*VISIT, "--value", "body.5=x"), "5"),
        ((*VISIT[:6], "--value", "body.4=one\ntwo"), "line break"),
        ((*VISIT[:6], "--value", "body.4="), "There is no value for {{4}} of the body."),
        (("--value", "body1=Amira"), "--value body1=Amira does not say where it goes."),
        (("--value", "footer.1=x"), "--value footer.1=x does not say where it goes."),
        (("--values", "{"), "--values is not JSON"),
        (("--values", "[]"), "--values must be an object of header, body and buttons"),
        (("--values", "{}", *VISIT), "not with both"),
        ((*VISIT, "--language", "ar"), "The template engineer_visit exists not in ar. There is: en_GB."),
        ((*VISIT, "--media-id", "7"), "The template engineer_visit has no place for a file."),
        ((*VISIT, "--media-id", "7", "--media-link", "https://x.example/a"), "not by both"),
        ((*VISIT, "--author", "nobody@fernhill.example"), "Nobody signs in as nobody@fernhill.example."),
        ((*VISIT, "--to", "12345"), "number"),
        ((*VISIT, "--to", "+447700900267"), "Record the opt-in first."),
    ],
)
def test_what_cannot_be_sent_queues_nobody(stream: Any, arguments: tuple[str, ...], sentence: str) -> None:
    assert sentence in refused(*send(stream, *arguments))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "begins with a document"),
        (("--media-link", "http://fernhill.example/bill.pdf"), "must begin with https://"),
    ],
)
def test_a_template_with_a_document_needs_it(stream: Any, arguments: tuple[str, ...], sentence: str) -> None:
    values = ("--values", json.dumps({"body": ["Amira", "£38.00"], "buttons": {"0": "1"}}))
    assert sentence in refused(*send(stream, *values, *arguments, template="bill_ready"))


def test_twenty_one_people_are_a_request_of_twenty_and_one_of_one(stream: Any, product_sandbox: PlayedSandbox) -> None:
    more: list[str] = []
    for number in range(20):
        factories.opt_in(factories.make_contact(f"+4477009005{number:02}"))
        more += ["--to", f"+4477009005{number:02}"]
    call(*send(stream, *more, *VISIT, "--wait"))
    requests = [
        json.loads(entry["body"])["data"]
        for entry in product_sandbox.ledger(kind="request")
        if "sendtemplatedmessage" in entry["path"]
    ]
    assert sorted(len(items) for items in requests) == [1, 20]
    assert len({item["template_data"]["to"] for items in requests for item in items}) == 21
    assert set(Message.objects.values_list("status", flat=True)) == {"accepted"}


def test_two_hundred_people_are_the_most_at_once(stream: Any) -> None:
    more: list[str] = []
    for number in range(200):
        more += ["--to", f"+447700900{number + 500:03}"]
    assert refused(*send(stream, *more, *VISIT)).startswith("200 people are the most at once, and you named 201.")
    assert Contact.objects.count() == 1


def test_an_unknown_template_is_told_with_the_known_ones(stream: Any) -> None:
    said = refused(*send(stream, template="engineer_visits"))
    assert said == f"{stream} has no template called engineer_visits. Choose one of: bill_ready, engineer_visit."


def test_a_template_in_several_languages_needs_the_language(stream: Any) -> None:
    factories.make_template(stream, language="ar", components=factories.VISIT)
    assert "in several languages: choose one with --language. There is: ar, en_GB." in refused(*send(stream, *VISIT))


def test_a_paused_template_cannot_be_sent(stream: Any) -> None:
    stream.templates.update(status="paused")
    assert "is paused. Choose an approved one." in refused(*send(stream, *VISIT))


@pytest.mark.django_db(transaction=True)
def test_a_shell_gets_an_exit_code(stream: Any, shell: Shell) -> None:
    done = shell(*send(stream, *VISIT, "--wait"))
    assert (done.returncode, done.stdout.count(": accepted.")) == (0, 1)
