"""What a customer's STOP, START or HELP does: a line in the ledger, one answer, or a question to an agent."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Activity, Conversation, Message, OptIn, Stream, User
from conversations.models.activity import ActivityKind
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.message import Direction
from conversations.models.policy import KeywordReplies
from conversations.services import activities, consent
from conversations.services.compose import queue_message
from conversations.services.opt_in_words import Vocabulary
from conversations.services.policy import policy_of
from messaging.keywords import Keyword
from messaging.registry import provider_class
from messaging.types import Channel

CONFIRMED_WITHIN = timedelta(minutes=5)  # FCC, declaratory ruling of 2012: later it would be one message too many
_STANDING = ("status", "waiting_since", "unread_count")
SAME_ANSWER_AFTER = timedelta(minutes=10)  # two machines that answer each other end here


def read_keyword(conversation: Conversation, message: Message, *, at: datetime) -> Keyword:
    """Act on what a customer's whole message asks for; `at` is when they wrote it.

    STOP and START go into the ledger and are confirmed once. HELP is answered where the stream says how. What only
    comes near an opt-out becomes a question to an agent. In a transaction.
    """
    stream, contact = conversation.stream, conversation.contact
    words = Vocabulary()
    was_out = consent.is_opted_out(contact.phone, stream.channel, stream=stream)
    keyword = words.read(message.body, opted_out=was_out)
    match keyword:
        case Keyword.STOP | Keyword.START:
            stops = keyword is Keyword.STOP
            # Two at once, on two streams, are answered once: the second sees what the first decided.
            consent.number_lock(contact.phone)
            was_out = consent.is_opted_out(contact.phone, stream.channel, stream=stream)
            entry = consent.record(
                OptIn(
                    contact=contact,
                    channel=stream.channel,
                    event=ConsentEventKind.OPT_OUT if stops else ConsentEventKind.OPT_IN,
                    source=ConsentSource.KEYWORD,
                    stream=stream,
                    wording=message.body,
                    business_name=stream.business_name,
                    occurred_at=at,
                )
            )
            if stops is not was_out:  # said again, it needs no second answer
                _answer(conversation, message, keyword, words, confirms=entry)
        case Keyword.HELP:
            _answer(conversation, message, keyword, words)
        case Keyword.NEAR_STOP if not was_out:
            ask_whether_opted_out(conversation, message)
    return keyword


def who_answers(stream: Stream) -> KeywordReplies:
    """Whether we answer keywords on a stream: as its policy says, else unless the provider does it."""
    rules = policy_of(stream)
    if rules is not None and rules.keyword_replies:
        return KeywordReplies(rules.keyword_replies)
    theirs = Channel(stream.channel) in provider_class(stream.account.provider).answers_keywords
    return KeywordReplies.NOBODY if theirs else KeywordReplies.OURS


def _answer(
    conversation: Conversation,
    message: Message,
    keyword: Keyword,
    words: Vocabulary,
    *,
    confirms: OptIn | None = None,
) -> None:
    stream = conversation.stream
    if who_answers(stream) is KeywordReplies.NOBODY:
        return
    rules = policy_of(stream)
    help_contact = rules.help_contact if rules else ""
    if keyword is Keyword.HELP and not help_contact:
        return
    business = stream.business_name or stream.name
    body = words.reply(keyword, message.body, conversation.contact, business=business, help_contact=help_contact)
    if not body or (confirms is None and _said_lately(conversation, body)):
        return
    standing = {name: getattr(conversation, name) for name in _STANDING}
    with suppress(ValidationError):  # the stream is off, or the window is closed: then there is no answer
        queue_message(
            conversation=conversation,
            body=body,
            client_key=f"answer-{message.ref}",
            valid_until=timezone.now() + CONFIRMED_WITHIN,
            confirms=confirms,
        )
    # No person has read or answered anything yet.
    Conversation.objects.filter(pk=conversation.pk).update(**standing)


def _said_lately(conversation: Conversation, body: str) -> bool:
    since = timezone.now() - SAME_ANSWER_AFTER
    ours = conversation.messages.filter(direction=Direction.OUT, author=None, body=body, created_at__gt=since)
    return ours.exists()


def ask_whether_opted_out(conversation: Conversation, message: Message) -> Activity:
    """Put a question to the agents: does this message mean that the customer wants no more?"""
    return activities.note(
        conversation,
        ActivityKind.OPT_OUT_QUESTION,
        actor=None,
        text=message.body[:500],
        data={"message": message.pk, "channel": conversation.stream.channel},
    )


def open_questions(conversation: Conversation) -> list[Activity]:
    """The questions of a conversation that nobody has answered, oldest first."""
    return list(conversation.activities.open_questions().order_by("id"))


def answer_question(question: Activity, *, is_opt_out: bool, actor: User) -> None:
    """Say what the customer meant. An opt-out goes into the ledger with their words.

    Raises ValidationError (code `answered`) when a colleague was quicker.
    """
    conversation = question.conversation
    # Of two who answer at once the second is told.
    Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    answers = conversation.activities.filter(kind=ActivityKind.OPT_OUT_ANSWER, data__question=question.pk)
    if first := answers.select_related("actor").first():
        raise ValidationError(f"{first.actor or 'Somebody'} has answered this already.", code="answered")
    activities.note(
        conversation,
        ActivityKind.OPT_OUT_ANSWER,
        actor=actor,
        data={"question": question.pk, "is_opt_out": is_opt_out},
    )
    if not is_opt_out:
        return
    stream = conversation.stream
    message = Message.objects.filter(pk=question.data.get("message"), conversation=conversation).first()
    entry = consent.record(
        OptIn(
            contact=conversation.contact,
            channel=stream.channel,
            event=ConsentEventKind.OPT_OUT,
            source=ConsentSource.AGENT,
            stream=stream,
            wording=message.body if message else question.text,
            business_name=stream.business_name,
            evidence=f"Message {message.pk} of the customer" if message else "",
            recorded_by=actor,
        )
    )
    if message is not None:
        _answer(conversation, message, Keyword.STOP, Vocabulary(), confirms=entry)
