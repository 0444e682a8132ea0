"""Changes to a conversation: opening, assigning, resolving, remarks, indicators. Each leaves an activity."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations import live
from conversations.models import Activity, Contact, Conversation, Indicator, Message, Stream, User
from conversations.models.activity import ActivityKind
from conversations.models.conversation import ConversationStatus as Status
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.models.team import Reach
from conversations.services import handling
from conversations.services.activities import note, note_silent_move
from conversations.services.gate import own_number_sentence
from messaging.phone import PhoneError, PhoneNumber, parse_number

PREVIEW_LENGTH = 160
STANDING = ("status", "resolved_at", "waiting_since", "unread_count", "snoozed_until")


def contact_for_number(text: str, *, stream: Stream) -> Contact:
    """The contact of a number as a person typed it, made if new. Raises ValidationError with what to do."""
    try:
        number = parse_number(text, region=stream.region, allow_fictional=stream.account.is_sandbox)
    except PhoneError as error:
        raise ValidationError(error.sentence, code=error.code) from error
    refuse_own_number(number)
    return Contact.objects.get_or_create(phone=number.e164)[0]


def refuse_own_number(number: PhoneNumber) -> None:
    """Raise ValidationError (code `own_number`) for a number of ours: two streams would answer each other."""
    if Stream.objects.filter(is_active=True).of_number(number.e164).exists():
        raise ValidationError(own_number_sentence(number.international), code="own_number")


def open_conversation(
    *, stream: Stream, contact: Contact, actor: User | None = None, named: Conversation | None = None
) -> Conversation:
    """The current conversation of a contact on a stream; else the one to open again, else a new one.

    Opened again is the one that the provider named (its thread is theirs, however old), or the newest one that was
    closed less than the stream's `reopen_days` ago. Safe against two callers at once: the database allows one current
    conversation per stream and contact. Raises ValidationError (`not_yours`) when an actor may not see the current one;
    a closed one that they may not see stays closed.
    """
    ours = Conversation.objects.filter(stream=stream, contact=contact)
    if current := ours.current().first():
        _refuse_what_is_not_seen(current, actor)
        return current
    closed = ours if actor is None or not actor.is_limited else ours.visible_to(actor)
    closed = closed.filter(status=Status.RESOLVED).newest_first()
    by_name = closed.filter(pk=named.pk).first() if named else None
    latest = by_name or closed.first()
    again = by_name or (latest if latest is not None and _closed_lately(latest) else None)
    try:
        with transaction.atomic():
            if again is not None:
                Conversation.objects.filter(pk=again.pk).update(status=Status.OPEN, resolved_at=None)
                data: dict[str, Any] = {"from": Status.RESOLVED, "to": Status.OPEN}
                if by_name is None:
                    data["within_days"] = stream.reopen_days
                note(again, ActivityKind.STATUS_CHANGE, actor=actor, data=data)
                again.refresh_from_db(fields=STANDING)
                return again
            conversation = Conversation.objects.create(stream=stream, contact=contact, assignee=_who_has_it(actor))
            data = {"after_days": stream.reopen_days, "earlier": latest.pk} if latest is not None else {}
            note(conversation, ActivityKind.OPENED, actor=actor, data=data)
            return conversation
    except IntegrityError:
        current = ours.current().get()
        _refuse_what_is_not_seen(current, actor)
        return current


def _who_has_it(actor: User | None) -> User | None:
    """Whoever opens a conversation has it. A program leaves it to people, unless its user sees their own alone."""
    if actor is None or not actor.is_program:
        return actor
    return actor if actor.is_limited and actor.reach == Reach.OWN else None


def _refuse_what_is_not_seen(conversation: Conversation, actor: User | None) -> None:
    if actor is None or not actor.is_limited:
        return
    if not Conversation.objects.visible_to(actor).filter(pk=conversation.pk).exists():
        raise ValidationError(
            f"There is an open conversation with this customer on {conversation.stream} that you do not see. Ask a "
            "supervisor to give it to you.",
            code="not_yours",
        )


def _closed_lately(conversation: Conversation) -> bool:
    """Was it closed so lately that the stream's rule opens it again?"""
    closed_at = conversation.resolved_at or conversation.last_message_at
    return closed_at > timezone.now() - timedelta(days=conversation.stream.reopen_days)


def note_outbound(conversation: Conversation, message: Message) -> None:
    """Show a message of ours in the list, and wait for the customer: called by services/compose.py.

    Whoever answers a conversation that nobody has, has it from then on; a program that acts for them does not.
    """
    if message.author is not None and not message.author.is_program:
        with suppress(ValidationError):
            handling.claim(conversation, actor=message.author)
    changes: dict[str, Any] = {
        "last_message_at": message.created_at,
        "last_message_preview": preview(message),
        "last_message_direction": Direction.OUT,
        "waiting_since": None,
        "unread_count": 0,
    }
    if conversation.status in (Status.OPEN, Status.SNOOZED, Status.DORMANT):
        changes["status"] = Status.WAITING
    elif not conversation.is_current:
        changes |= {"status": Status.WAITING, "resolved_at": None}
    before = conversation.status
    for name, value in changes.items():
        setattr(conversation, name, value)
    conversation.save(update_fields=list(changes))
    note_silent_move(conversation, before)
    live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)


def preview(message: Message) -> str:
    """The first words of a message for the list."""
    text = " ".join(message.body.split())
    if not text and message.media:
        text = {"image": "Photo", "video": "Video", "audio": "Voice message"}.get(message.media[0]["kind"], "File")
    if message.kind == Kind.REACTION:
        text = f"Reacted {text}" if text else "Took a reaction back"
    if message.kind == Kind.OTHER:
        text = text or f"Cannot be shown: {message.rendered.get('kind_word', 'unknown')}"
    if not text and message.kind == Kind.OPENING:
        text = "Opening text"
    return text[:PREVIEW_LENGTH]


def note_cancelled(message: Message, *, actor: User | None) -> None:
    """Leave a line in the conversation of a message that was stopped, with the reason when nobody stopped it."""
    event = None if actor else message.events.filter(to_status=MessageStatus.CANCELLED).last()
    note(
        message.conversation,
        ActivityKind.MESSAGE_CANCELLED,
        actor=actor,
        text=event.reason if event else "",
        data={"message": message.pk},
    )


def show_without_cancelled(conversation: Conversation) -> None:
    """Show a conversation, which is locked, as it was before a message that will never leave.

    A customer who has no other answer waits again, since their first message without one.
    """
    remaining = conversation.messages.exclude(status=MessageStatus.CANCELLED)
    last = remaining.order_by("-id").first()
    conversation.last_message_at = last.created_at if last else conversation.created_at
    conversation.last_message_preview = preview(last) if last else ""
    conversation.last_message_direction = last.direction if last else ""
    if conversation.is_current and (last is None or last.direction == Direction.IN):
        ours = remaining.filter(direction=Direction.OUT).order_by("-id").values("pk")[:1]
        unanswered = remaining.filter(direction=Direction.IN).exclude(pk__lt=Coalesce(Subquery(ours), 0))
        conversation.waiting_since = unanswered.order_by("id").values_list("created_at", flat=True).first()
        if conversation.status == Status.WAITING:
            conversation.status = Status.OPEN
    conversation.save(
        update_fields=["last_message_at", "last_message_preview", "last_message_direction", "waiting_since", "status"]
    )


def assign(conversation: Conversation, *, to: User | None, actor: User) -> None:
    """Give a conversation to somebody, or to nobody. Raises ValidationError when they cannot see it."""
    came_of = handling.assign([conversation.pk], to=to, actor=actor)
    if came_of.refused:
        raise ValidationError(came_of.refused[0][1], code="cannot_see")
    conversation.refresh_from_db(fields=["assignee", "team"])


def resolve(conversation: Conversation, *, actor: User | None) -> None:
    """The work is done; a reply opens it again."""
    handling.resolve([conversation.pk], actor=actor)
    conversation.refresh_from_db(fields=STANDING)


def reopen(conversation: Conversation, *, actor: User | None) -> None:
    """Work again on a resolved conversation. Raises ValidationError when a newer one is current."""
    came_of = handling.reopen([conversation.pk], actor=actor)
    if came_of.refused:
        raise ValidationError(came_of.refused[0][1], code="another_is_open")
    conversation.refresh_from_db(fields=STANDING)


def mark_read(conversation: Conversation) -> None:
    """Somebody has the conversation open."""
    if Conversation.objects.filter(pk=conversation.pk, unread_count__gt=0).update(unread_count=0):
        conversation.unread_count = 0
        live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)


def add_remark(conversation: Conversation, *, text: str, actor: User) -> Activity:
    """A remark for the team; the customer never sees it. Raises ValidationError when it is empty."""
    if not text.strip():
        raise ValidationError("Write a remark first.", code="empty_remark")
    return note(conversation, ActivityKind.REMARK, actor=actor, text=text.strip())


def set_indicator(
    conversation: Conversation,
    *,
    key: str,
    title: str,
    display_class: str = "",
    link: str = "",
    actor: User | None,
) -> Indicator:
    """Put a flag on a conversation, or change the one of that key."""
    looks = {"title": title, "display_class": display_class, "link": link}
    with transaction.atomic():
        before = Indicator.objects.filter(conversation=conversation, key=key, removed_at=None).values(*looks).first()
        indicator, _ = Indicator.objects.update_or_create(
            conversation=conversation,
            key=key,
            removed_at=None,
            defaults=looks,
            create_defaults={**looks, "created_by": actor},
        )
        if before != looks:
            note(conversation, ActivityKind.INDICATOR_SET, actor=actor, text=title, data={"key": key, **looks})
    return indicator


def remove_indicator(indicator: Indicator, *, actor: User | None) -> None:
    """Take a flag off; it stays in the history."""
    with transaction.atomic():
        if Indicator.objects.filter(pk=indicator.pk, removed_at=None).update(removed_at=timezone.now()):
            note(
                indicator.conversation,
                ActivityKind.INDICATOR_REMOVED,
                actor=actor,
                text=indicator.title,
                data={"key": indicator.key},
            )
