"""The composer under a conversation: what may be written now, and why not; the count of segments beside it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from conversations.forms.messages import ReplyForm
from conversations.models import Conversation, Stream, User, WhatsAppTemplate
from conversations.models.message import Kind, Purpose
from conversations.models.stream import Channel
from conversations.services.gate import Verdict, can_send
from conversations.views.wording import CLOSING_SOON
from messaging.segments import Segments, measure, plain_text

MOST_FORCING = 5


@dataclass(frozen=True, slots=True)
class Meter:
    """The length of a text. Where plain characters save segments: `plain`, and the `forcing` ones it is without."""

    body: str
    counted: Segments
    limit: int
    forcing: tuple[str, ...] = ()
    plain: str = ""
    plain_segments: int = 0

    @property
    def characters(self) -> int:
        """The length as the stream's limit counts it."""
        return len(self.body)

    @property
    def over(self) -> int:
        """How much longer than the stream takes."""
        return max(0, len(self.body) - self.limit)


@dataclass(frozen=True, slots=True)
class Composer:
    """What the composer shows. `mode` is write, template or gate; a page exchanges the composer when it changes."""

    conversation: Conversation
    form: ReplyForm
    verdict: Verdict
    mode: str
    closing_soon: bool = False
    offered: WhatsAppTemplate | None = None
    sms_stream: Stream | None = None
    title: str = ""

    @property
    def meter(self) -> Meter | None:
        """The count of what is written, where texts are cut into segments."""
        stream = self.conversation.stream
        return meter(stream, self.form["body"].value() or "") if stream.channel == Channel.SMS else None

    @property
    def state(self) -> str:
        """Changes when the composer must be exchanged."""
        return f"{self.mode}-{self.verdict.code}"


def composer_for(conversation: Conversation, user: User, form: ReplyForm | None = None) -> Composer:
    """The composer of a conversation for somebody."""
    form = form or ReplyForm()
    now = timezone.now()
    verdict = can_send(
        stream=conversation.stream,
        contact=conversation.contact,
        kind=Kind.TEXT,
        purpose=Purpose.SERVICE,
        at=now,
        author=user,
        conversation=conversation,
    )
    if verdict.ok:
        closes = conversation.window_closes_at
        soon = closes is not None and closes - now < CLOSING_SOON
        return Composer(conversation, form, verdict, "write", closing_soon=soon)
    if verdict.code not in ("window_closed", "no_object"):
        return _gate(conversation, form, verdict, user)
    offered = _offered_template(conversation)
    if offered is None:
        reason = f"{conversation.stream.name} has no approved template. Ask a supervisor to add one."
        return _gate(conversation, form, Verdict(ok=False, code="no_template", sentence=reason), user)
    of_template = _template_verdict(conversation, offered, user)
    if not of_template.ok:
        return _gate(conversation, form, of_template, user)
    return Composer(
        conversation, form, verdict, "template", offered=offered, sms_stream=_sms_stream(conversation, user)
    )


_TITLES = {
    "opted_out": "You can't write to this customer by {channel}",
    "no_opt_in": "No WhatsApp permission on record",
    "not_allowed": "You can read this stream, not send from it",
    "stream_off": "This stream is switched off",
    "no_template": "Only templates can be sent, and there is none",
    "own_number": "This is our own number",
}


def _gate(conversation: Conversation, form: ReplyForm, verdict: Verdict, user: User) -> Composer:
    title = _TITLES.get(verdict.code, "This number can't be used")
    return Composer(
        conversation,
        form,
        verdict,
        "gate",
        sms_stream=_sms_stream(conversation, user) if verdict.code != "own_number" else None,
        title=title.format(channel=conversation.stream.get_channel_display()),
    )


def _offered_template(conversation: Conversation) -> WhatsAppTemplate | None:
    """A template to begin with: in the customer's language where there is one, service before marketing."""
    language = conversation.contact.language[:2].lower()

    def rank(one: WhatsAppTemplate) -> tuple[bool, bool, str]:
        return one.category == "marketing", not one.language.startswith(language), one.name

    return min(conversation.stream.templates.sendable(), key=rank, default=None)


def _template_verdict(conversation: Conversation, template: WhatsAppTemplate, user: User) -> Verdict:
    return can_send(
        stream=conversation.stream,
        contact=conversation.contact,
        kind=Kind.TEMPLATE,
        purpose=Purpose.MARKETING if template.category == "marketing" else Purpose.SERVICE,
        at=timezone.now(),
        author=user,
        conversation=conversation,
        template=template,
    )


def _sms_stream(conversation: Conversation, user: User) -> Stream | None:
    """A stream that could text instead, for a conversation on WhatsApp."""
    if conversation.stream.channel != Channel.WHATSAPP:
        return None
    return Stream.objects.sendable_by(user).working().filter(channel=Channel.SMS).first()


def meter(stream: Stream, body: str) -> Meter:
    """Count a text as this stream's provider would."""
    part = stream.limits().unicode_part
    counted = measure(body, unicode_part=part)
    if counted.encoding == "GSM-7":
        return Meter(body, counted, stream.body_limit)
    plain = plain_text(body)
    plain_count = measure(plain, unicode_part=part)
    if plain_count.segments >= counted.segments:
        return Meter(body, counted, stream.body_limit)
    forcing = tuple(dict.fromkeys(character for _, character in counted.costly))[:MOST_FORCING]
    return Meter(body, counted, stream.body_limit, forcing, plain, plain_count.segments)
