"""What a message of the timeline shows besides its words: its state, what was decided, and what this user may do."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from conversations.forms.decisions import ArrivedForm, MessageForm, SendAgainForm, SendAnywayForm
from conversations.forms.scheduling import WaitingForm
from conversations.models import AttemptResult, Conversation, Message, MessageEvent, User
from conversations.models.message import NOT_ARRIVED
from conversations.models.message import MessageStatus as Status
from conversations.permissions import may_send_on
from conversations.services.compose import again_key
from conversations.services.scheduling import WAITING
from conversations.views import trouble
from conversations.views.message_files import File, Files
from conversations.views.people import who_decide
from conversations.views.wording import DeliveryState, delivery_state, is_said_by_the_state, why_it_waits

Form = MessageForm | WaitingForm


@dataclass(frozen=True, slots=True)
class Refused:
    """A form under a message (its id) that a rule said no to: it comes back open, with the reason."""

    message: int
    form: Form


@dataclass(frozen=True, slots=True)
class Card:
    """One message as one user sees it.

    `decision` is the last that a person took about it, `forms` what can be filled in, by their names. `undone_below`
    says that the composer counts down and offers to take it back, so that nothing of it is needed here; `may_undo`
    offers it here.
    """

    message: Message
    state: DeliveryState
    decision: MessageEvent | None
    forms: Mapping[str, Form]
    may_cancel: bool = False
    may_undo: bool = False
    may_send_now: bool = False
    undone_below: bool = False
    sent_again: bool = False
    notice: str = ""
    deciders: str = ""
    files: Sequence[File] = ()
    reacts_to: str = ""
    version: int = 0

    @property
    def is_trouble(self) -> bool:
        """Did it not arrive, or perhaps not?"""
        return self.message.status in (*NOT_ARRIVED, Status.UNCONFIRMED)

    @property
    def waits(self) -> bool:
        """Has it not been given to us to send yet?"""
        return self.message.status in WAITING

    @property
    def is_about_to_go(self) -> bool:
        """Is it kept back for as long as its author can take it back?"""
        return _is_about_to_go(self.message)

    @property
    def counts_down(self) -> bool:
        """Will it leave when that time is over?"""
        return self.is_about_to_go and not why_it_waits(self.message.stream)

    @property
    def shows_waiting(self) -> bool:
        """Is there something to say or to do under a message that has not left?"""
        return (self.waits or self.may_cancel) and not self.undone_below

    @property
    def decision_is_said(self) -> bool:
        """Do the words of the state say all of the decision, so that no line of its own is needed?"""
        return self.decision is not None and is_said_by_the_state(self.message, self.decision)


def cards(
    messages: Sequence[Message], conversation: Conversation, user: User, *, refused: Refused | None = None
) -> list[Card]:
    """A card for each of these messages of one conversation; the number of queries does not grow with them."""
    maker = _Maker(messages, conversation, user, refused)
    return [maker.card(message) for message in messages]


class _Maker:
    """What is known of all the messages, asked once."""

    def __init__(
        self, messages: Sequence[Message], conversation: Conversation, user: User, refused: Refused | None
    ) -> None:
        self.user = user
        self.refused = refused
        self.may_send = may_send_on(user, conversation.stream)
        self.any_message = user.has_perm("conversations.cancel_any_message")
        self.may_decide = self.may_send and user.has_perm("conversations.release_unconfirmed")
        self.again = _sent_again(messages)
        self.decisions = _decisions(messages)
        self.tried = _tried(messages)
        self.files = Files(messages)
        self.reacted_to = _reacted_to(messages, conversation)
        own_to_undo = [one.pk for one in messages if one.author_id == user.pk and _is_about_to_go(one)]
        self.undone_below = max(own_to_undo, default=0)
        doubtful = any(message.status == Status.UNCONFIRMED for message in messages)
        self.deciders = trouble.who_decides(who_decide(conversation.stream)) if doubtful and not self.may_decide else ""

    def card(self, message: Message) -> Card:
        """What this user sees of one message."""
        own = message.author_id == self.user.pk
        may_cancel = message.can_be_cancelled and (self.any_message or own)
        decision = self.decisions.get(message.pk)
        state = delivery_state(message, decision)
        doubtful = message.status == Status.UNCONFIRMED
        again = message.pk in self.again
        notice = _notice(message, sent_again=again)
        may_undo = own and _is_about_to_go(message)
        undone_below = message.pk == self.undone_below
        files = self.files.of(message)
        return Card(
            message=message,
            state=state,
            files=files,
            reacts_to=self.reacted_to.get(message.rendered.get("reacts_to", ""), ""),
            decision=decision,
            forms=self._forms(message, may_change=may_cancel, again=again),
            may_cancel=may_cancel,
            may_undo=may_undo,
            undone_below=undone_below,
            may_send_now=may_cancel and message.status in WAITING and self.may_send,
            sent_again=again,
            notice=notice,
            deciders=self.deciders if doubtful else "",
            version=_version(state, message, notice, decision.pk if decision else 0, may_undo, undone_below, files),
        )

    def _forms(self, message: Message, *, may_change: bool, again: bool) -> dict[str, Form]:
        forms: dict[str, Form] = {}
        if message.status == Status.UNCONFIRMED and self.may_decide:
            forms = {"arrived": ArrivedForm(message=message), "anyway": SendAnywayForm(message=message)}
        elif message.can_be_sent_again and self.may_send and not again:
            forms = {"again": SendAgainForm(message=message)}
        elif may_change and self._can_be_edited(message):
            forms = {"edit": WaitingForm(message=message)}
        if self.refused and self.refused.message == message.pk and self.refused.form.name in forms:
            forms[self.refused.form.name] = self.refused.form
        return forms

    def _can_be_edited(self, message: Message) -> bool:
        """While somebody can still undo it, undoing is the way to change it."""
        if not self.may_send or message.status not in WAITING or message.held_for == "undo":
            return False
        return message.status == Status.SCHEDULED or message.pk not in self.tried


def _reacted_to(messages: Iterable[Message], conversation: Conversation) -> dict[str, str]:
    """The words of the messages that reactions among these are about, by the provider's id."""
    wanted = {one.rendered["reacts_to"] for one in messages if one.rendered.get("reacts_to")}
    if not wanted:
        return {}
    found = Message.objects.filter(conversation=conversation, external_id__in=wanted)
    return dict(found.values_list("external_id", "body"))


def _is_about_to_go(message: Message) -> bool:
    if message.status != Status.HELD or message.held_for != "undo" or message.next_attempt_at is None:
        return False
    return message.next_attempt_at > timezone.now()


def _notice(message: Message, *, sent_again: bool) -> str:
    if message.status in NOT_ARRIVED:
        end = "It was sent again as a new message." if sent_again else trouble.nothing_arrived(message)
        return f"{trouble.why_failed(message)} {end}"
    if message.status == Status.UNCONFIRMED:
        return f"{trouble.why_unconfirmed(message)} {trouble.what_settles(message)}"
    return ""


def _sent_again(messages: Iterable[Message]) -> set[int]:
    """Those of the messages that failed and were sent again."""
    by_key = {again_key(message): message.pk for message in messages if message.can_be_sent_again}
    if not by_key:
        return set()
    found = Message.objects.filter(client_key__in=by_key).values_list("client_key", flat=True)
    return {by_key[key] for key in found if key}


def _decisions(messages: Iterable[Message]) -> dict[int, MessageEvent]:
    """The last thing that a person did to each of them; of a cancelled one also what we did by ourselves."""
    ours = [message.pk for message in messages if message.is_outbound]
    if not ours:
        return {}
    found = MessageEvent.objects.filter(message__in=ours).filter(
        Q(actor__isnull=False) | Q(to_status=Status.CANCELLED), ~Q(from_status="")
    )
    return {event.message_id: event for event in found.select_related("actor").order_by("id")}


def _tried(messages: Iterable[Message]) -> set[int]:
    """Those that wait though they were tried before: their words can no longer change."""
    held = [message.pk for message in messages if message.status == Status.HELD]
    return set(AttemptResult.objects.filter(message__in=held).values_list("message", flat=True)) if held else set()


def _version(state: DeliveryState, message: Message, *facts: object) -> int:
    shown = (state, message.body, message.scheduled_for, message.valid_until, message.attempt_count)
    return zlib.crc32(repr((shown, facts)).encode())
