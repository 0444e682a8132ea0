"""Writing a message: every door (page, admin, command, API) comes through here.

A message is checked, stored and committed; then a job is woken. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations.models import Conversation, Message, OptIn, Stream, User, WhatsAppTemplate
from conversations.models.message import CANCELLABLE, Direction, Kind, MessageStatus, Purpose
from conversations.models.stream import Channel
from conversations.permissions import may_cancel, may_send_again
from conversations.services import attachments, conversations, dispatch, envelope, lifecycle, sessions
from conversations.services.gate import GateRefusal, Verdict, verdict_on
from messaging.registry import provider_class
from messaging.segments import is_blank, measure, unsendable_characters
from messaging.whatsapp import TemplateValueError, render_components, variables_of

MOST_PEOPLE = 200  # more are a campaign's business
FURTHEST_SCHEDULE = timedelta(days=365)


def queue_message(
    *,
    conversation: Conversation,
    body: str,
    author: User | None = None,
    client_key: str | None = None,
    scheduled_for: datetime | None = None,
    valid_until: datetime | None = None,
    purpose: str = Purpose.SERVICE,
    hold: timedelta | None = None,
    kind: str = Kind.TEXT,
    confirms: OptIn | None = None,
) -> Message:
    """Queue a text, after the gate; a second call with the same client_key returns the first message.

    `scheduled_for` waits on our clock, `valid_until` is passed on where the provider has such a thing, `hold`
    keeps the message back for that long so that it can be undone. `kind` may be `opening`: the first text that
    the provider holds for the stream, whose words we do not know. `confirms` is the opt-out (or opt-in) of which
    this is the one confirmation. Raises ValidationError with a code and a sentence; then nothing is stored.
    """
    if kind not in (Kind.TEXT, Kind.OPENING):
        raise ValidationError("Use a template for that.", code="wrong_kind")
    if first := first_with_key(client_key, conversation=conversation, body=body):
        return first
    if kind == Kind.TEXT:
        check_body(body, conversation)
    elif not conversation.stream.settings.get("opening_text"):
        raise ValidationError(
            f"{conversation.stream.name} has no opening text. Set one up at the provider and note it here.",
            code="no_opening_text",
        )
    message = Message(
        conversation=conversation,
        stream=conversation.stream,
        kind=kind,
        body=body,
        purpose=purpose,
        segments=count_segments(body, conversation),
        client_key=client_key,
        confirms=confirms,
    )
    return _queue(message, author=author, scheduled_for=scheduled_for, valid_until=valid_until, hold=hold)


def queue_template(
    *,
    conversation: Conversation,
    template: WhatsAppTemplate,
    values: Mapping[str, Any],
    author: User | None = None,
    media: Mapping[str, str] | None = None,
    client_key: str | None = None,
    scheduled_for: datetime | None = None,
    hold: timedelta | None = None,
    wake: bool = True,
) -> Message:
    """Queue a WhatsApp template with its values, after the gate.

    `values` has the shape of messaging.whatsapp.render_components; `media` is the header's file as
    {kind, link | external_id, filename}. The text as the customer will see it is kept with the message. `hold`
    keeps it back for that long so that it can be undone, `wake` False leaves waking a worker to the caller. Raises
    ValidationError with a code and a sentence; then nothing is stored.
    """
    try:
        rendered = render_components(template.components, values)
    except TemplateValueError as error:
        raise ValidationError(error.sentence, code=error.code) from error
    _check_header_media(template, media)
    media = attachments.usable_media(media, stream=template.stream, at=scheduled_for or timezone.now())
    if first := first_with_key(client_key, conversation=conversation, body=rendered.body):
        return first
    message = Message(
        conversation=conversation,
        stream=conversation.stream,
        kind=Kind.TEMPLATE,
        body=rendered.body,
        purpose=template.purpose,
        template=template,
        template_version=template.present_version(),
        template_values=dict(values),
        rendered=envelope.to_keep(rendered),
        media=[dict(media)] if media else [],
        client_key=client_key,
    )
    return _queue(message, author=author, scheduled_for=scheduled_for, valid_until=None, hold=hold, wake=wake)


def queue_template_batch(
    *,
    conversations_of_one_stream: Sequence[Conversation],
    template: WhatsAppTemplate,
    values: Mapping[str, Any],
    author: User | None = None,
    media: Mapping[str, str] | None = None,
) -> list[Message]:
    """Queue a template to several people, as many to a request as the provider takes; all or none is queued.

    21 people make a request of 20 and one of 1 where 20 are the most. Raises ValidationError when there are more
    than MOST_PEOPLE, or when one person may not be written to.
    """
    limit = template.stream.limits(Kind.TEMPLATE).recipients_per_request
    count = len(conversations_of_one_stream)
    if count > MOST_PEOPLE:
        raise ValidationError(
            f"{MOST_PEOPLE} people are the most at once, and you named {count}. Send to fewer.",
            code="too_many_recipients",
        )
    with transaction.atomic():
        messages = [
            queue_template(conversation=one, template=template, values=values, author=author, media=media, wake=False)
            for one in conversations_of_one_stream
        ]
        for start in range(0, count, limit):
            dispatch.hint_on_commit(messages[start : start + limit])
    return messages


def cancel_message(message: Message, *, actor: User | None, reason: str = "") -> None:
    """Stop a message that has not left us; a customer whose only answer it was waits again.

    Raises ValidationError when the message has left, or when the actor may not.
    """
    if actor is not None and not may_cancel(actor, message):
        raise ValidationError("Only its author or a supervisor can cancel this message.", code="not_allowed")
    with transaction.atomic():
        # Whoever locks both locks the conversation first.
        conversation = Conversation.objects.select_for_update(no_key=True).get(pk=message.conversation_id)
        moved = lifecycle.move(
            [message], MessageStatus.CANCELLED, come_from=CANCELLABLE, actor=actor, reason=reason or "Cancelled"
        )
        if not moved:
            raise ValidationError("It is too late: the message is already on its way or done.", code="too_late")
        message.refresh_from_db()
        conversations.note_cancelled(message, actor=actor)
        conversations.show_without_cancelled(conversation)


def send_again(
    message: Message, *, actor: User | None, client_key: str | None = None, body: str | None = None
) -> Message:
    """Send the words of a message that certainly did not arrive as a new message.

    `body` are other words, for a text that somebody has mended (None: the same). Raises ValidationError when the
    message may have arrived, when the actor may not, or when the gate says no.
    """
    if not message.can_be_sent_again:
        raise ValidationError(
            "Only a message that failed can be sent again. This one may have arrived.", code="may_have_arrived"
        )
    if actor is not None and not may_send_again(actor, message):
        raise ValidationError(
            "You can read this stream but not send from it. Ask a supervisor for access.", code="not_allowed"
        )
    sessions.let_pass(message.conversation)  # whoever sends again lets the provider decide
    if message.kind == Kind.TEMPLATE:
        assert message.template is not None
        return queue_template(
            conversation=message.conversation,
            template=message.template,
            values=message.template_values,
            media=message.media[0] if message.media else None,
            author=actor,
            client_key=client_key,
        )
    return queue_message(
        conversation=message.conversation,
        body=body if body is not None and message.kind == Kind.TEXT else message.body,
        author=actor,
        client_key=client_key,
        purpose=message.purpose,
        kind=message.kind,
    )


def again_key(message: Message) -> str:
    """The client_key of the message that sends this one's words again: one for each message that failed."""
    return f"again-{message.ref}"


def furthest_schedule(stream: Stream) -> timedelta:
    """How far ahead a message of this stream may be scheduled."""
    days = stream.limits().schedule_days
    return timedelta(days=days) if days else FURTHEST_SCHEDULE


def check_times(
    *, scheduled_for: datetime | None, valid_until: datetime | None, conversation: Conversation, now: datetime
) -> None:
    """Raise ValidationError unless the times lie ahead, in order, and within the provider's limits."""
    limits = conversation.stream.limits()
    label = conversation.stream.account.provider_label
    for moment in (scheduled_for, valid_until):
        if moment is not None and timezone.is_naive(moment):
            raise ValidationError("A time needs a time zone.", code="time_without_zone")
    if scheduled_for is not None:
        if scheduled_for <= now:
            raise ValidationError("Choose a time that lies ahead.", code="scheduled_in_the_past")
        furthest = furthest_schedule(conversation.stream)
        if scheduled_for > now + furthest:
            who = label if limits.schedule_days else "Parley"
            raise ValidationError(
                f"Choose a time before {_for_people(now + furthest)} ({who} allows {furthest.days} days).",
                code="scheduled_too_far",
            )
    if valid_until is not None:
        start = scheduled_for or now
        if valid_until <= start:
            raise ValidationError("A message must stay valid until after it is sent.", code="valid_until_too_early")
        longest = timedelta(days=limits.validity_days) if limits.validity_days else FURTHEST_SCHEDULE
        if valid_until > start + longest:
            who = label if limits.validity_days else "Parley"
            raise ValidationError(
                f"Choose an end before {_for_people(start + longest)} "
                f"({who} allows {longest.days} days after sending).",
                code="valid_until_too_late",
            )


def _queue(
    message: Message,
    *,
    author: User | None,
    scheduled_for: datetime | None,
    valid_until: datetime | None,
    hold: timedelta | None,
    wake: bool = True,
) -> Message:
    now = timezone.now()
    conversation = message.conversation
    check_times(scheduled_for=scheduled_for, valid_until=valid_until, conversation=conversation, now=now)
    verdict = verdict_on(message, at=scheduled_for or now, author=author)
    if not verdict.ok:
        raise GateRefusal(verdict)
    _fill_in(message, author, verdict, scheduled_for, valid_until, hold, now)
    try:
        with transaction.atomic():
            message.save()
            lifecycle.record_new(message, actor=author)
            conversations.note_outbound(conversation, message)
            if wake and message.status == MessageStatus.QUEUED:
                dispatch.hint_on_commit([message])
    except IntegrityError:
        first = first_with_key(message.client_key, conversation=conversation, body=message.body)
        if first is None:
            raise
        return first
    return message


def _fill_in(
    message: Message,
    author: User | None,
    verdict: Verdict,
    scheduled_for: datetime | None,
    valid_until: datetime | None,
    hold: timedelta | None,
    now: datetime,
) -> None:
    message.direction = Direction.OUT
    message.author = author
    message.verdict = verdict.as_json(at=now)
    message.scheduled_for = scheduled_for
    message.valid_until = valid_until
    if scheduled_for is not None:
        message.status = MessageStatus.SCHEDULED
    elif hold:
        message.status, message.held_for, message.next_attempt_at = MessageStatus.HELD, "undo", now + hold
    else:
        message.status, message.queued_at = MessageStatus.QUEUED, now


def first_with_key(client_key: str | None, *, conversation: Conversation, body: str) -> Message | None:
    """The message that was written under this key; ValidationError (`key_reused`) when it had other words."""
    if not client_key:
        return None
    first = Message.objects.filter(client_key=client_key).first()
    if first is not None and (first.conversation_id != conversation.pk or first.body != body):
        raise ValidationError(
            "This form was already sent with another text. Reload the page and write again.", code="key_reused"
        )
    return first


def check_body(body: str, conversation: Conversation) -> None:
    """Raise ValidationError unless the words can be sent on the conversation's stream."""
    if is_blank(body):
        raise ValidationError("Write a message first.", code="empty_body")
    if found := unsendable_characters(body):
        position = found[0][0] + 1
        raise ValidationError(
            f"Character {position} of the message cannot be sent. Delete it and type it again.",
            code="unsendable_character",
        )
    stream = conversation.stream
    provider = provider_class(stream.account.provider)
    if replaced := provider.replaced_words(body):
        raise ValidationError(
            f"{provider.label} would put something else in place of {replaced[0]}. Write it without the dollar sign.",
            code="replaced_words",
        )
    documented = stream.limits().body_characters
    limit = min(stream.body_limit, documented) if documented else stream.body_limit
    if len(body) > limit:
        raise ValidationError(
            f"The message has {len(body)} characters; {stream.name} takes {limit}. Shorten it by {len(body) - limit}.",
            code="body_too_long",
        )


def _check_header_media(template: WhatsAppTemplate, media: Mapping[str, str] | None) -> None:
    wanted = next((one.kind for one in variables_of(template.components) if one.name == "media"), "")
    if wanted in ("image", "video", "document"):
        if not media or not (media.get("link") or media.get("external_id")):
            raise ValidationError(
                f"The template {template.name} begins with {'an' if wanted == 'image' else 'a'} {wanted}: "
                "give its https address or the id of an uploaded file.",
                code="media_missing",
            )
        if media.get("link") and not media["link"].startswith("https://"):
            raise ValidationError("The address of the file must begin with https://.", code="media_link")
    elif wanted == "gif":
        label = template.stream.account.provider_label
        raise ValidationError(f"{label} sends no GIF. Choose a template with a video.", code="media_not_possible")
    elif media:
        raise ValidationError(f"The template {template.name} has no place for a file.", code="media_not_wanted")


def count_segments(body: str, conversation: Conversation) -> int:
    """How many texts a body takes on the conversation's stream; 0 where they are not counted."""
    if conversation.stream.channel != Channel.SMS or not body:
        return 0
    return measure(body, unicode_part=conversation.stream.limits().unicode_part).segments


def _for_people(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%A %-d %B %H:%M}"
