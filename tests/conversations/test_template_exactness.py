"""What the preview shows, what is kept, what the phone gets: one text, for any template that WhatsApp's rules allow."""

from __future__ import annotations

import html
import itertools
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conversations.models import Message, WhatsAppTemplate
from conversations.services import compose, outbound
from conversations.services.template_files import Incoming
from conversations.services.template_sync import Change, sync_templates
from conversations.views.template_preview import Part, preview
from messaging.whatsapp import TemplateValueError, render_components, validate_template, variables_of
from tests import factories
from tests.sandbox.playing import AMIRA, PlayedSandbox

pytestmark = pytest.mark.django_db

_numbers = itertools.count(1)

# What people write, and what they had better not: braces, markup, other scripts, marks that turn the direction.
words = st.text(
    st.sampled_from("abcXYZ019 .,!?'\"&<>{}$%*_~`/\\äßéñ£€中文مرحبא🎉👩\u200d\u200f\u202e\u00a0\n"),
    min_size=1,
    max_size=24,
)
line = words.map(lambda text: text.replace("\n", " "))
values = line | st.sampled_from(["{{1}}", "{{2}}", "${name}", "<b>", " Rosa ", "a&amp;b", "%s", "\\1"])


@st.composite
def texts(draw: Any, *, variables: int, alphabet: Any = words) -> str:
    """A text with variables in it, each between words."""
    pieces = [draw(alphabet)]
    for number in range(1, draw(st.integers(0, variables)) + 1):
        pieces += [f"{{{{{number}}}}}", draw(alphabet)]
    return "".join(pieces)


buttons = st.lists(
    st.one_of(
        line.map(lambda text: {"type": "QUICK_REPLY", "text": text}),
        line.map(lambda text: {"type": "URL", "text": text, "url": "https://fernhill.example/{{1}}", "example": ["a"]}),
        line.map(lambda text: {"type": "PHONE_NUMBER", "text": text, "phone_number": "+447700900155"}),
        st.just({"type": "COPY_CODE", "example": "SAVE10"}),
    ),
    max_size=4,
)


@st.composite
def templates(draw: Any) -> list[dict[str, Any]]:
    """Components, most of which WhatsApp's rules allow."""
    parts: list[dict[str, Any]] = []
    if draw(st.booleans()):
        text = draw(texts(variables=1, alphabet=line))
        parts.append({"type": "HEADER", "format": "TEXT", "text": text, "example": {"header_text": ["a"]}})
    body = {"type": "BODY", "text": draw(texts(variables=3)), "example": {"body_text": [["a", "b", "c"]]}}
    parts.append(body)
    if draw(st.booleans()):
        parts.append({"type": "FOOTER", "text": draw(line)})
    if chosen := draw(buttons):
        parts.append({"type": "BUTTONS", "buttons": chosen})
    return parts


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> factories.SandboxStreams:
    return factories.make_sandbox_streams(product_sandbox.url)


def joined(parts: list[Part]) -> str:
    return "".join(part.text for part in parts)


def shown_on(sandbox: PlayedSandbox, message_id: int) -> dict[str, str]:
    """The paragraphs of one bubble of the handset's page, as a reader would copy them."""
    page = sandbox.session.get(f"{sandbox.url}/handset/{AMIRA.lstrip('+')}/", timeout=10).text
    bubble = page.split(f'id="message-{message_id}"')[1].split("</article>")[0]
    found = {
        name: html.unescape(text) for name, text in re.findall(r'<p class="bubble-(\w+)">(.*?)</p>', bubble, re.DOTALL)
    }
    found["buttons"] = "|".join(html.unescape(text) for text in re.findall(r"<bdi>(.*?)</bdi>", bubble, re.DOTALL))
    return found


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(components=templates(), data=st.data())
def test_the_preview_is_what_the_phone_shows(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox, components: list[dict[str, Any]], data: Any
) -> None:
    name = f"any_{next(_numbers)}"
    assume(not validate_template(name, "utility", "en_GB", components))
    stream = streams["whatsapp"]
    report = sync_templates(
        stream=stream,
        found=[Incoming(1, name, "en_GB", "utility", "approved", "", components)],
        actor=None,
        complete=False,
    )
    assert [one.change for one in report.lines] == [Change.NEW]
    template = WhatsAppTemplate.objects.get(name=name)
    product_sandbox.control(
        "templates", account="Fernhill Cirrus", name=name, language="en_GB", status="APPROVED", components=components
    )
    typed: dict[str, dict[str, str]] = {}
    for variable in variables_of(components):
        value = data.draw(st.sampled_from(["a1", "A-2"]) if variable.component == "buttons" else values)
        typed.setdefault(variable.component, {})[variable.name] = value
    try:
        rendered = render_components(components, typed)
    except TemplateValueError:
        assume(False)
    contact = factories.Contact.objects.filter(phone=AMIRA).first() or factories.make_contact(AMIRA)
    factories.opt_in(contact)
    conversation = factories.Conversation.objects.filter(contact=contact).first() or factories.make_conversation(
        stream, contact
    )
    message = compose.queue_template(conversation=conversation, template=template, values=typed)
    outbound.deliver([message.pk])
    product_sandbox.settle()

    message = Message.objects.get(pk=message.pk)
    assert message.status == "accepted", message.failure_text
    seen = preview(template, typed)
    arrived = product_sandbox.messages(phone=AMIRA)[-1]
    on_phone = shown_on(product_sandbox, arrived["id"])
    names = "|".join(button.text for button in seen.buttons)
    assert (rendered.header, rendered.body, rendered.footer) == (joined(seen.header), joined(seen.body), seen.footer)
    assert (message.rendered["header"], message.body, message.rendered["footer"]) == (
        rendered.header,
        rendered.body,
        rendered.footer,
    )
    assert (on_phone.get("heading", ""), on_phone["text"], on_phone.get("footer", "")) == (
        rendered.header,
        rendered.body,
        rendered.footer,
    )
    assert "|".join(button["text"] for button in message.rendered["buttons"]) == names == on_phone["buttons"]
