"""The composer under a conversation: the drafts in it, what may be sent now, and what stands there when nothing may."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from conversations.forms.reply import ReplyForm
from conversations.forms.templates import TemplateForm
from conversations.models import Conversation, Draft, Message, Stream, User, WhatsAppTemplate
from conversations.models.draft import DraftKind
from conversations.models.message import Kind, Purpose
from conversations.models.stream import Channel
from conversations.services.drafts import drafts_in
from conversations.services.gate import Verdict, can_send, verdict_on
from conversations.services.holding import WAITS
from conversations.services.replies import undoable
from conversations.views.emoji import EMOJI
from conversations.views.gates import Gate, gate_for, other_ways
from conversations.views.meters import Meter, meter
from conversations.views.presets import Preset, presets_for
from conversations.views.template_preview import Part, preview
from conversations.views.template_suggestion import suggested_template
from conversations.views.timeline import Timeline
from conversations.views.wording import CLOSING_SOON, clock_ahead, trouble_of, why_it_waits


@dataclass(frozen=True, slots=True)
class Offer:
    """A template to begin with, filled in as far as the contact tells."""

    template: WhatsAppTemplate
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text was not sent though nothing is wrong with it: somebody wrote meanwhile, or it has another version."""

    newer: Message | None = None
    newer_count: int = 0
    other_draft: Draft | None = None
    draft_is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Composer:
    """What the composer shows. `mode` is write, template or gate; a page exchanges the composer when it changes.

    `seen` is the newest message on the page it stands on, `drafts` what lies on the server, `undo` the message that
    can still be taken back, `undo_words` what becomes of it otherwise ({}: the seconds left), `trouble` why what is
    sent waits, `others` the streams that reach the customer when this one does not, `refusal` why the last try was
    sent back.
    """

    conversation: Conversation
    form: ReplyForm
    verdict: Verdict
    mode: str
    author: User
    seen: int
    drafts: dict[str, Draft]
    undo: Message | None = None
    undo_words: str = ""
    trouble: str = ""
    closing_soon: bool = False
    offer: Offer | None = None
    gate: Gate | None = None
    others: tuple[Stream, ...] = ()
    refusal: Refusal = field(default_factory=Refusal)

    @property
    def meter(self) -> Meter | None:
        """The count of what is written, where texts are cut into segments."""
        stream = self.conversation.stream
        return meter(stream, self.form["body"].value() or "") if stream.channel == Channel.SMS else None

    @property
    def emoji(self) -> tuple[tuple[str, str], ...]:
        """Pictures to put into the text, each with its name."""
        return EMOJI

    @property
    def values(self) -> list[tuple[str, str]]:
        """What we know of the customer, by name, to put into the text: who they are, and their record."""
        contact = self.conversation.contact
        known = [("First name", contact.first_name), ("Last name", contact.last_name)]
        known += [(fact.name or "Record", fact.value) for fact in contact.facts]
        return [(name, value) for name, value in known if value]

    @property
    def why_no_files(self) -> str:
        """What to say to somebody who drops or pastes a file: no provider takes one with an answer (decision 0027)."""
        if self.conversation.stream.channel == Channel.WHATSAPP:
            return "Files travel with WhatsApp templates only. Choose a template to send one."
        return "A text message cannot carry a file. Write where the customer finds it."

    @property
    def presets(self) -> list[Preset]:
        """Times to schedule for."""
        return presets_for(self.conversation.contact, self.conversation.stream, self.conversation)

    @property
    def state(self) -> str:
        """Changes when the composer must be exchanged."""
        who = f"-{zlib.crc32(self.gate.reason.encode()):08x}" if self.gate and self.gate.session else ""
        return f"{self.mode}-{self.verdict.code}{'-waits' if self.trouble else ''}{who}"

    @property
    def reply_version(self) -> int:
        """The version of the reply's draft; 0 without one."""
        return self._version(DraftKind.REPLY)

    @property
    def remark_version(self) -> int:
        """The version of the remark's draft; 0 without one."""
        return self._version(DraftKind.REMARK)

    def _version(self, kind: str) -> int:
        draft = self.drafts.get(kind)
        return draft.version if draft else 0

    @property
    def saved_at(self) -> datetime | None:
        """When a draft was last saved; None when there is none."""
        return max((draft.updated_at for draft in self.drafts.values()), default=None)

    @property
    def undo_seconds_left(self) -> int:
        """For how long the last message can still be taken back."""
        if self.undo is None or self.undo.next_attempt_at is None:
            return 0
        return max(0, round((self.undo.next_attempt_at - timezone.now()).total_seconds()))

    @property
    def undo_words_now(self) -> str:
        """What becomes of that message, with the seconds it has now."""
        return self.undo_words.replace("{}", str(self.undo_seconds_left))


def composer_for(
    conversation: Conversation,
    user: User,
    form: ReplyForm | None = None,
    *,
    refusal: Refusal | None = None,
    mode: str = "",
    timeline: Timeline | None = None,
) -> Composer:
    """The composer of a conversation for somebody; without a form it holds their drafts, in `mode` if one is given.

    `timeline` is what stands above it on the same page: what came after that was read has not been seen.
    """
    drafts = drafts_in(conversation, user)
    if form is None:
        form = ReplyForm(initial=_from_drafts(drafts) | ({"mode": mode} if mode else {}))
    refusal = refusal or Refusal()
    seen = form.last_seen if refusal.newer is None else None
    if seen is None and timeline is not None and timeline.is_newest:
        seen = timeline.last_message or None
    if seen is None:
        seen = conversation.messages.order_by("-id").values_list("pk", flat=True).first() or 0
    undo = undoable(conversation, user)
    common: dict[str, Any] = {
        "conversation": conversation,
        "form": form,
        "author": user,
        "seen": seen,
        "drafts": drafts,
        "undo": undo,
        "undo_words": _undo_words(undo, conversation, user) if undo else "",
        "refusal": refusal,
    }
    verdict = _text_verdict(conversation, user)
    if verdict.ok or verdict.until is not None:
        closes = conversation.window_closes_at
        soon = closes is not None and closes - timezone.now() < CLOSING_SOON
        trouble = trouble_of(conversation.stream) or verdict.sentence
        if verdict.until is not None and not form.is_bound:
            # The customer's night: what is written now is for the morning, unless its author says otherwise.
            form.initial["later"], form.initial["scheduled_for"] = True, verdict.until
        return Composer(mode="write", verdict=verdict, closing_soon=soon, trouble=trouble, **common)
    template = suggested_template(conversation) if verdict.code in WAITS else None
    if verdict.code in WAITS:
        verdict = _template_verdict(conversation, template, user, otherwise=verdict)
    if template is None or verdict.code not in WAITS:
        gate = gate_for(conversation, verdict, user)
        return Composer(mode="gate", verdict=verdict, gate=gate, others=gate.others, **common)
    values = TemplateForm(template=template, contact=conversation.contact).typed_values()
    offer = Offer(template, preview(template, values).body)
    others = other_ways(conversation, user)
    return Composer(mode="template", verdict=verdict, offer=offer, others=others, **common)


def _text_verdict(conversation: Conversation, user: User) -> Verdict:
    return can_send(
        stream=conversation.stream,
        contact=conversation.contact,
        kind=Kind.TEXT,
        purpose=Purpose.SERVICE,
        at=timezone.now(),
        author=user,
        conversation=conversation,
    )


def _undo_words(message: Message, conversation: Conversation, user: User) -> str:
    """What becomes of a message that can still be taken back: the gate may have closed since it was sent."""
    message.conversation, message.stream = conversation, conversation.stream
    verdict = verdict_on(message, at=message.next_attempt_at or timezone.now(), author=user)
    if verdict.until is not None:
        return f"Will wait until {clock_ahead(verdict.until)}"
    if verdict.code == "window_closed":
        return "Will be held until the customer writes"
    if not verdict.ok:
        return "Will not be sent"
    reason = why_it_waits(conversation.stream)
    return f"Will wait, {reason}" if reason else "Sends in {} s"


def _from_drafts(drafts: dict[str, Draft]) -> dict[str, object]:
    """What the form holds at first. A remark that was begun is shown only where no reply was."""
    reply, remark = drafts.get(DraftKind.REPLY), drafts.get(DraftKind.REMARK)
    return {
        "body": reply.body if reply else "",
        "remark": remark.body if remark else "",
        "mode": DraftKind.REMARK if remark and not reply else DraftKind.REPLY,
    }


def _template_verdict(
    conversation: Conversation, template: WhatsAppTemplate | None, user: User, *, otherwise: Verdict
) -> Verdict:
    """The verdict on the suggested template where it is a no; else the one on free text, which it answers."""
    if template is None:
        reason = f"{conversation.stream.name} has no approved template. Ask a supervisor to add one."
        return Verdict(ok=False, code="no_template", sentence=reason)
    verdict = can_send(
        stream=conversation.stream,
        contact=conversation.contact,
        kind=Kind.TEMPLATE,
        purpose=template.purpose,
        at=timezone.now(),
        author=user,
        conversation=conversation,
        template=template,
    )
    return otherwise if verdict.ok else verdict
