"""Bad-input rows B18 to B28: what is written, by agents at every door and by customers.

B18, B21, B22 at the composer and the service   tests/conversations/views/test_composer.py, test_compose.py
B19, B20 lengths at the edges                   tests/messaging/test_segments.py, tests/sandbox/test_reports.py
B23 to B26 as they are shown                    test_shown_text.py
B27 window closed, at the gate and at the claim tests/conversations/test_compose.py, test_delivery.py
B28 a change after the first attempt            tests/conversations/test_triggers.py, test_scheduling.py
Templates, placeholders                         tests/messaging/test_merge.py, test_whatsapp.py
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config import local_services
from config.asgi import LARGEST_BODY, application
from conversations.models import Message
from conversations.services import outbound
from conversations.services.compose import queue_message
from messaging.sandbox.endpoints.webex_interact.parts import count_parts
from messaging.segments import measure
from tests import factories
from tests.bad_input.conftest import nothing_stored_nor_sent
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import read
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db

BLANK = ("", "   ", "\n\n\t", "\u200b\u200d\ufeff", "\u2060 \u180e", "\u115f\u3164", "\u2800", "\u00a0\u3000", "\ufe0f")
REFUSED = [
    *[("B18", body, "Write") for body in BLANK],
    ("B21", "x" * 100_000, "Shorten it by 98400."),
    ("B22", "a\x00b", "cannot be s"),  # sent, or stored
    ("B22", "a\ufffeb", "Character 2 of the message cannot be sent."),
    ("B22", "ab\uffff", "Character 3 of the message cannot be sent."),
]


def by_reply(centre: Centre, agent: Client, body: str) -> tuple[bool, str]:
    """The composer of a conversation: was it taken, and the words that came back."""
    conversation = centre.texts.conversations.get()
    form = {"mode": "reply", "body": body, "client_key": str(uuid.uuid4())}
    response = agent.post(f"/c/{conversation.pk}/reply/", form)
    return response.status_code == 302, "" if response.status_code == 302 else read(response).text


def by_new_message(centre: Centre, agent: Client, body: str) -> tuple[bool, str]:
    """The form of a new message."""
    form = {"to": "07741 632543", "stream": centre.texts.pk, "body": body, "client_key": str(uuid.uuid4())}
    response = agent.post("/new/", form)
    return response.status_code == 302, "" if response.status_code == 302 else read(response).text


def by_command(centre: Centre, agent: Client, body: str) -> tuple[bool, str]:
    """`send_message`."""
    arguments = (f"--stream={centre.texts}", "--to=07741632543", f"--body={body}")
    try:
        call_command("send_message", *arguments, stdout=StringIO())
    except CommandError as refusal:
        return False, str(refusal)
    return True, ""


DOORS = (by_reply, by_new_message, by_command)


@pytest.mark.parametrize(("row", "body", "sentence"), REFUSED)
def test_what_cannot_be_sent_is_refused_at_every_door(
    desk: Centre, agent: Client, row: str, body: str, sentence: str
) -> None:
    desk.conversation()
    for door in DOORS:
        with nothing_stored_nor_sent():
            taken, said = door(desk, agent, body)
        assert not taken, (row, door)
        assert sentence in said, (row, door)


@pytest.mark.parametrize("field", ["${word}", "${First Name}", "${}"])
def test_b25_what_the_provider_would_fill_in_is_refused_there_and_nowhere_else(
    desk: Centre, agent: Client, field: str
) -> None:
    body = f"Your code is {field}, $5 off."
    elsewhere = queue_message(conversation=desk.conversation(), body=body)
    assert elsewhere.body == body
    fernhill = factories.make_stream(factories.make_account("webex_interact"), external_id="", sender="FERNHILL")
    desk.team.streams.add(fernhill)
    conversation = desk.conversation(fernhill)
    said = "Webex Interact would put something else in place of"
    with nothing_stored_nor_sent(), pytest.raises(ValidationError, match=said):
        queue_message(conversation=conversation, body=body)
    form = {"to": "07741 632543", "stream": fernhill.pk, "body": body, "client_key": str(uuid.uuid4())}
    for address in ("/new/", f"/c/{conversation.pk}/reply/"):
        with nothing_stored_nor_sent():
            response = agent.post(address, form | {"mode": "reply"})
        assert response.status_code == 422
        assert field in read(response).text
    assert queue_message(conversation=conversation, body="$5 off {today} at $").body == "$5 off {today} at $"


@pytest.mark.parametrize("body", ["x" * 1600, "\U0001f600" * 1600, "€[]{}~^|\\" * 100, "x", "\u200b.", "\u202etxt"])
def test_b19_what_the_stream_takes_is_sent_with_its_exact_count(desk: Centre, agent: Client, body: str) -> None:
    desk.conversation()
    for door in DOORS:
        taken, said = door(desk, agent, body)
        assert taken, said
    assert set(Message.objects.values_list("body", "segments")) == {(body, measure(body).segments)}


LETTERS = st.one_of(st.sampled_from("aé€[я\U0001f600\n"), st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)
@given(st.text(alphabet=LETTERS, min_size=1))
@example("a" * 161)
@example("a" * 70 + "\U0001f600")
@example("я" * 62 + "\U0001f600" * 40)
def test_b20_the_meter_counts_as_the_sandbox_bills(text: str) -> None:
    assert measure(text, unicode_part=63).segments == count_parts(text)


@pytest.mark.parametrize("path", ["/c/1/reply/", "/new/", "/sign-in/", "/compose/measure/"])
@pytest.mark.parametrize("piece", [10_000_000, 64 * 1024])
def test_b21_ten_megabytes_are_refused_before_anything_reads_them(path: str, piece: int) -> None:
    sent: list[Any] = []
    left = 10_000_000
    read_bytes = 0

    async def receive() -> dict[str, Any]:
        nonlocal left, read_bytes
        body = b"a" * min(piece, left)
        left -= len(body)
        read_bytes += len(body)
        return {"type": "http.request", "body": body, "more_body": left > 0}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    asyncio.run(application(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 413
    assert read_bytes <= LARGEST_BODY + piece


def test_b22_bytes_that_are_no_text_are_refused_in_the_shell() -> None:
    """What a shell hands on of a wrong encoding are halves of surrogate pairs."""
    arguments = [b"--stream=\xff", b"--to=\xff", b"--body=\xff", b"--key=\xff", b"--author=\xff"]
    environment = {**os.environ, local_services.PROFILE_VARIABLE: local_services.profile()}
    called = subprocess.run(
        [sys.executable, "manage.py", "send_message", *arguments], env=environment, capture_output=True, timeout=60
    )
    assert called.returncode == 1
    assert called.stdout == b""
    assert called.stderr.count(b"\n") == 1
    assert b"Traceback" not in called.stderr


@pytest.mark.parametrize("option", ["--stream", "--to", "--body", "--key", "--author"])
def test_b22_half_a_surrogate_pair_in_an_option_is_named(desk: Centre, option: str) -> None:
    given = {"--stream": str(desk.texts), "--to": "07741632543", "--body": "Hello"} | {option: "a\udcff"}
    with nothing_stored_nor_sent(), pytest.raises(CommandError) as refusal:
        call_command("send_message", *[f"{name}={value}" for name, value in given.items()], stdout=StringIO())
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "typed",
    [
        ("check_accounts", "--account=a\udcff"),
        ("create_api_key", "--name=a\udcff", "--user=tom@fernhill.example", "--scope=read"),
        ("erase_person", "\udcff"),
        ("export_opt_ins", "--number=\udcff"),
        ("send_template", "--stream=a", "--template=a", "--to=07741632543", "--value=body.1=\udcff"),
        ("sync_conversations", "--stream=a\udcff"),
        ("validate_contact", "--stream=a\udcff", "--number=07741632543"),
    ],
    ids=lambda typed: typed[0],
)
def test_b22_every_command_refuses_half_a_surrogate_pair(desk: Centre, typed: tuple[str, ...]) -> None:
    with nothing_stored_nor_sent(), pytest.raises(CommandError, match="holds a character that is none"):
        call_command(*typed, stdout=StringIO())


ON_THE_WIRE = [
    ("B23", "See https://example.com/\u202egpj.exe \u2066now\u2069"),
    ("B24", "<script>alert(1)</script> <img src=x onerror=alert(1)> \"'&amp;</textarea>"),
    ("B25", '{{7*7}} {% include "/etc/passwd" %} {0.__class__} %(x)s $5 5$ {} %s \\{{x}}'),
    ("B26", "Z" + "\u0351\u0334\u0300" * 60 + "\n" * 100 + "end"),
]


@pytest.mark.parametrize(("row", "body"), ON_THE_WIRE)
def test_the_customer_gets_the_text_as_it_was_written(product_sandbox: PlayedSandbox, row: str, body: str) -> None:
    streams = factories.make_sandbox_streams(product_sandbox.url)
    phones = {"cirrus": "+447700900142", "webex_interact": "+447700900143", "ccai_platform": "+14155550100"}
    for slug, phone in phones.items():
        message = queue_message(
            conversation=factories.make_conversation(streams[slug], factories.make_contact(phone)), body=body
        )
        outbound.deliver([message.pk])
        message.refresh_from_db()
        assert (message.body, message.status) == (body, "accepted"), (row, slug)
        (on_the_phone,) = [one["text"] for one in product_sandbox.messages(phone=phone)]
        assert body in on_the_phone, (row, slug)  # a footer of the provider may follow
