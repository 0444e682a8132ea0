"""Changes to a conversation: opening, assigning, resolving, remarks, indicators. Each leaves an activity."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations import live
from conversations.models import Activity, Contact, Conversation, Indicator, Message, Stream, User
from conversations.models.activity import ActivityKind
from conversations.models.conversation import ConversationStatus as Status
from conversations.models.message import Direction, Kind
from messaging.phone import PhoneError, parse_number

PREVIEW_LENGTH = 160


def contact_for_number(text: str, *, stream: Stream) -> Contact:
    """The contact of a number as a person typed it, made if new. Raises ValidationError with what to do."""
    try:
        number = parse_number(text, region=stream.region, allow_fictional=stream.account.is_sandbox)
    except PhoneError as error:
        raise ValidationError(error.sentence, code=error.code) from error
    return Contact.objects.get_or_create(phone=number.e164)[0]


def open_conversation(*, stream: Stream, contact: Contact, actor: User | None = None) -> Conversation:
    """The current conversation of a contact on a stream; the newest resolved one is opened again, else a new one.

    Safe against two callers at once: the database allows one current conversation per stream and contact.
    """
    ours = Conversation.objects.filter(stream=stream, contact=contact)
    if current := ours.current().first():
        return current
    resolved = ours.filter(status=Status.RESOLVED).newest_first().first()
    try:
        with transaction.atomic():
            if resolved is not None:
                _change_status(resolved, Status.OPEN, actor=actor)
                return resolved
            conversation = Conversation.objects.create(stream=stream, contact=contact, assignee=actor)
            _note(conversation, ActivityKind.OPENED, actor=actor)
            return conversation
    except IntegrityError:
        return ours.current().get()


def note_outbound(conversation: Conversation, message: Message) -> None:
    """Show a message of ours in the list, and wait for the customer: called by services/compose.py.

    Whoever answers a conversation that nobody has, has it from then on.
    """
    if message.author is not None:
        with suppress(ValidationError):
            claim(conversation, actor=message.author)
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
    for name, value in changes.items():
        setattr(conversation, name, value)
    conversation.save(update_fields=list(changes))
    live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)


def preview(message: Message) -> str:
    """The first words of a message for the list."""
    text = " ".join(message.body.split())
    if not text and message.media:
        text = {"image": "Photo", "video": "Video", "audio": "Voice message"}.get(message.media[0]["kind"], "File")
    if not text and message.kind == Kind.OPENING:
        text = "Opening text"
    return text[:PREVIEW_LENGTH]


def note_cancelled(message: Message, *, actor: User | None) -> None:
    """Leave a line in the conversation of a message that was stopped."""
    _note(message.conversation, ActivityKind.MESSAGE_CANCELLED, actor=actor, data={"message": message.pk})


def assign(conversation: Conversation, *, to: User | None, actor: User) -> None:
    """Give a conversation to somebody, or to nobody. Raises ValidationError when they cannot see it."""
    if to is not None and not Conversation.objects.visible_to(to).filter(pk=conversation.pk).exists():
        raise ValidationError(f"{to} cannot see {conversation.stream}. Choose somebody who can.", code="cannot_see")
    if conversation.assignee == to:
        return
    with transaction.atomic():
        before = conversation.assignee
        conversation.assignee = to
        conversation.save(update_fields=["assignee"])
        data = {"from": before.pk if before else None, "to": to.pk if to else None}
        _note(conversation, ActivityKind.ASSIGNMENT, actor=actor, text=str(to) if to else "", data=data)


def claim(conversation: Conversation, *, actor: User) -> None:
    """Take a conversation that nobody has. Raises ValidationError naming the one who was quicker."""
    with transaction.atomic():
        taken = Conversation.objects.filter(pk=conversation.pk, assignee=None).update(assignee=actor)
        conversation.refresh_from_db(fields=["assignee"])
        if not taken:
            if conversation.assignee == actor:
                return
            raise ValidationError(f"Taken by {conversation.assignee} just now.", code="taken")
        data = {"from": None, "to": actor.pk}
        _note(conversation, ActivityKind.ASSIGNMENT, actor=actor, text=str(actor), data=data)


def resolve(conversation: Conversation, *, actor: User) -> None:
    """The work is done; a reply opens it again."""
    if conversation.is_current:
        with transaction.atomic():
            _change_status(conversation, Status.RESOLVED, actor=actor)


def reopen(conversation: Conversation, *, actor: User | None) -> None:
    """Work again on a resolved conversation. Raises ValidationError when a newer one is current."""
    if conversation.is_current:
        return
    try:
        with transaction.atomic():
            _change_status(conversation, Status.OPEN, actor=actor)
    except IntegrityError as error:
        raise ValidationError(
            f"{conversation.contact} already has an open conversation on {conversation.stream}. Go on there.",
            code="another_is_open",
        ) from error


def mark_read(conversation: Conversation) -> None:
    """Somebody has the conversation open."""
    if Conversation.objects.filter(pk=conversation.pk, unread_count__gt=0).update(unread_count=0):
        conversation.unread_count = 0
        live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)


def add_remark(conversation: Conversation, *, text: str, actor: User) -> Activity:
    """A remark for the team; the customer never sees it. Raises ValidationError when it is empty."""
    if not text.strip():
        raise ValidationError("Write a remark first.", code="empty_remark")
    return _note(conversation, ActivityKind.REMARK, actor=actor, text=text.strip())


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
    with transaction.atomic():
        indicator, created = Indicator.objects.update_or_create(
            conversation=conversation,
            key=key,
            removed_at=None,
            defaults={"title": title, "display_class": display_class, "link": link},
            create_defaults={
                "title": title,
                "display_class": display_class,
                "link": link,
                "created_by": actor,
            },
        )
        if created:
            _note(conversation, ActivityKind.INDICATOR_SET, actor=actor, text=title, data={"key": key})
    return indicator


def remove_indicator(indicator: Indicator, *, actor: User | None) -> None:
    """Take a flag off; it stays in the history."""
    with transaction.atomic():
        if Indicator.objects.filter(pk=indicator.pk, removed_at=None).update(removed_at=timezone.now()):
            _note(
                indicator.conversation,
                ActivityKind.INDICATOR_REMOVED,
                actor=actor,
                text=indicator.title,
                data={"key": indicator.key},
            )


def _change_status(conversation: Conversation, to: str, *, actor: User | None) -> None:
    before, conversation.status = conversation.status, to
    done = to in (Status.RESOLVED, Status.ARCHIVED)
    conversation.resolved_at = timezone.now() if done else None
    if done:
        conversation.waiting_since, conversation.unread_count = None, 0
    conversation.save(update_fields=["status", "resolved_at", "waiting_since", "unread_count"])
    _note(conversation, ActivityKind.STATUS_CHANGE, actor=actor, data={"from": before, "to": to})


def _note(
    conversation: Conversation,
    kind: str,
    *,
    actor: User | None,
    text: str = "",
    data: Mapping[str, Any] | None = None,
) -> Activity:
    activity = Activity.objects.create(
        conversation=conversation, kind=kind, actor=actor, text=text, data=dict(data or {})
    )
    live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)
    return activity
