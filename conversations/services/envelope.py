"""From our rows to what a provider sends, and what rows keep of a template for that: pure reading, no change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from conversations.models import AgentIdentity, Message, WhatsAppTemplate
from conversations.models.composed import Given, Question
from conversations.models.message import Kind
from messaging.types import Media, OutboundMessage, Place, Recipient, TemplateContent
from messaging.whatsapp import RenderedTemplate

_MEDIA_FIELDS = ("kind", "link", "external_id", "filename")


def outbound_message(messages: Sequence[Message]) -> OutboundMessage:
    """One request's worth: messages of one stream, one kind and, for texts, one body."""
    first = messages[0]
    single = len(messages) == 1
    agent_id, agent_email = _identity(first)
    conversation = first.conversation
    return OutboundMessage(
        kind=first.kind,
        recipients=tuple(_recipient(message) for message in messages),
        body=first.body if first.kind != Kind.TEMPLATE else "",
        conversation_id=conversation.external_id if single else "",
        agent_id=agent_id,
        agent_email=agent_email,
        valid_until=first.valid_until,
    )


def _identity(message: Message) -> tuple[str, str]:
    """The id and the e-mail address of the author on the provider's side, empty where there is none."""
    if message.author_id is None:
        return "", ""
    known = _IDENTITY.ask(user=message.author_id, account=message.stream.account_id)
    return known[0] if known else ("", "")


_IDENTITY = Question(
    lambda: AgentIdentity.objects.filter(user=Given("user"), account=Given("account")).values_list(
        "external_id", "email"
    )
)


def _recipient(message: Message) -> Recipient:
    conversation = message.conversation
    contact = conversation.contact
    return Recipient(
        ref=str(message.ref),
        phone=contact.phone,
        first_name=contact.first_name,
        last_name=contact.last_name,
        email=contact.email,
        template=_template(message) if message.kind == Kind.TEMPLATE else None,
        sub_stream_id=conversation.sub_stream.external_id if conversation.sub_stream else "",
    )


def _template(message: Message) -> TemplateContent:
    assert message.template is not None
    return template_content(message.template, message.template_values, message.media, message.rendered)


def template_content(
    template: WhatsAppTemplate,
    values: Mapping[str, Any],
    files: Sequence[Mapping[str, str]],
    rendered: Mapping[str, Any],
) -> TemplateContent:
    """A template with one person's values, and the header's file if there is one, as a provider takes it."""
    header, body = values.get("header", ()), values.get("body", ())
    media = files[0] if files else None
    place = rendered.get("place")
    buttons = rendered.get("buttons", [])
    return TemplateContent(
        name=template.name,
        language=template.language,
        header=() if place else _in_order(header),
        header_names=() if place or _is_positional(header) else tuple(header),
        header_media=Media(**{name: media.get(name, "") for name in _MEDIA_FIELDS}) if media else None,
        header_place=Place(**place) if place else None,
        body=_in_order(body),
        body_names=() if _is_positional(body) else tuple(body),
        buttons={int(index): str(value) for index, value in values.get("buttons", {}).items()},
        codes=frozenset(index for index, button in enumerate(buttons) if button["kind"] == "copy_code"),
    )


def to_keep(rendered: RenderedTemplate) -> dict[str, Any]:
    """What a row keeps of a rendered template besides its body: `template_content` reads it."""
    return {
        "header": rendered.header,
        "footer": rendered.footer,
        "buttons": [button._asdict() for button in rendered.buttons],
        **({"place": asdict(rendered.place)} if rendered.place else {}),
    }


def _is_positional(values: Mapping[str, Any] | Sequence[Any]) -> bool:
    return not isinstance(values, Mapping) or all(name.isdecimal() for name in values)


def _in_order(values: Mapping[str, Any] | Sequence[Any]) -> tuple[str, ...]:
    if not isinstance(values, Mapping):
        return tuple(str(value) for value in values)
    names = sorted(values, key=int) if _is_positional(values) else list(values)
    return tuple(str(values[name]) for name in names)
