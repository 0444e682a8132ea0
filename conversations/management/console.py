"""What the commands share: faults as plain sentences, look-ups by name, and waiting for a message."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import django_rq
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError
from django.template.defaultfilters import pluralize
from django.utils import timezone
from psycopg.errors import UndefinedColumn, UndefinedTable
from redis.exceptions import RedisError
from rq import Worker

from conversations.models import Contact, Message, Stream, User, WhatsAppTemplate
from conversations.models.message import TAKEN, MessageStatus
from conversations.models.stream import Channel
from conversations.queue import INTERACTIVE
from conversations.services import outbound
from messaging.phone import PhoneError, parse_number
from messaging.segments import holds_unsendable

OF_ANY_CHARACTERS = ("file", "body")  # a file may be called anything; of a text the gate names the character
STILL_HERE = (MessageStatus.QUEUED, MessageStatus.SENDING)
WORKER_PATIENCE = 5.0  # seconds: a killed worker stays registered for minutes
LOOK_EVERY = 0.1
TRY_EVERY = 1.0


def counted(number: int, thing: str) -> str:
    """A number of things, as people say it: 1 row, 2,000 rows."""
    return f"{number:,} {thing}{pluralize(number)}"


class ConsoleCommand(BaseCommand):
    """A command whose every fault is one sentence on standard error and exit code 1; 0 means that it did its job."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            _check_characters(options)
            return super().execute(*args, **options)
        except (CommandError, ValidationError, ImproperlyConfigured, OperationalError, ProgrammingError) as error:
            fault = _fault(error)
            if options.get("traceback") or not getattr(self, "_called_from_command_line", False):
                raise fault from error
        self.stderr.write(str(fault))
        sys.exit(fault.returncode)


def _check_characters(options: dict[str, Any]) -> None:
    """Refuse what a shell hands on of a wrong encoding: nothing can be looked up by it, or stored."""
    for name, given in options.items():
        if name not in OF_ANY_CHARACTERS and holds_unsendable(given):
            words = name.replace("_", " ").capitalize()
            raise CommandError(f"{words} holds a character that is none. Type it again, in UTF-8.")


def _fault(error: Exception) -> CommandError:
    if isinstance(error, CommandError):
        return error
    if isinstance(error, ValidationError):
        return CommandError(" ".join(error.messages))
    if isinstance(error.__cause__, UndefinedTable | UndefinedColumn):
        said = str(error).partition("\n")[0]
        return CommandError(f"The database has not the tables of this version ({said}). Run: manage.py migrate")
    if isinstance(error, OperationalError):
        return CommandError("The database does not answer. Start it, or correct DATABASE_URL.")
    if isinstance(error, ImproperlyConfigured):
        return CommandError(str(error))
    raise error


def stream_named(name: str) -> Stream:
    """The stream of that name; CommandError names the known ones."""
    stream = Stream.objects.select_related("account").filter(name=name).first()
    if stream is not None:
        return stream
    known = ", ".join(Stream.objects.values_list("name", flat=True))
    if not known:
        raise CommandError("There is no stream yet. Add an account and a stream in the administration.")
    raise CommandError(f"There is no stream called {name}. Choose one of: {known}.")


def whatsapp_stream_named(name: str) -> Stream:
    """`stream_named`; CommandError for one that sends no WhatsApp."""
    stream = stream_named(name)
    if stream.channel != Channel.WHATSAPP:
        raise CommandError(f"{stream.name} sends {stream.get_channel_display()}. Choose a WhatsApp stream.")
    return stream


def template_named(stream: Stream, name: str, language: str | None) -> WhatsAppTemplate:
    """The stream's template of that name, in that language; CommandError names what there is."""
    translations = list(WhatsAppTemplate.objects.select_related("stream__account").filter(stream=stream, name=name))
    if not translations:
        known = ", ".join(stream.templates.order_by("name").values_list("name", flat=True).distinct())
        offer = f"Choose one of: {known}." if known else "It has none."
        raise CommandError(f"{stream.name} has no template called {name}. {offer}")
    chosen = [template for template in translations if language in (None, "", template.language)]
    if len(chosen) != 1:
        languages = ", ".join(template.language for template in translations)
        missing = f"not in {language}" if language else "in several languages: choose one with --language"
        raise CommandError(f"The template {name} exists {missing}. There is: {languages}.")
    return chosen[0]


def contact_with(number: str) -> Contact:
    """The contact with a number in E.164; CommandError when there is none."""
    try:
        phone = parse_number(number, region="GB", allow_fictional=True).e164
    except PhoneError as error:
        raise CommandError(error.sentence) from error
    found = Contact.objects.filter(phone=phone).first()
    if found is None:
        raise CommandError("No contact has that number. Write it as +447700900142.")
    return found


def user_with(email: str | None) -> User | None:
    """The user who signs in with that address; None where none is given. CommandError for a stranger."""
    if not email:
        return None
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise CommandError(f"Nobody signs in as {email}. Use the e-mail address of a user.")
    return user


def moment(text: str | None, option: str) -> datetime | None:
    """An ISO 8601 time, or None where none is given; CommandError for what is none or has no time zone."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or timezone.is_naive(found):
        raise CommandError(
            f"{option} {text} is not a time with a time zone. Write it like 2026-11-23T09:00+00:00 or "
            "2026-11-23T09:00Z."
        )
    return found


def worker_is_registered(queue: str = INTERACTIVE) -> bool:
    """Does a worker of this queue say that it is there? One that was killed says so for minutes."""
    try:
        return bool(Worker.all(queue=django_rq.get_queue(queue)))
    except RedisError:
        return False


def wait_until_settled(messages: Sequence[Message], *, seconds: float, notice: Callable[[str], None]) -> list[Message]:
    """The messages once each has left us or cannot, or as they are after `seconds`.

    Sends from this process where no worker does it; `notice` is told so.
    """
    ids = [message.pk for message in messages]
    sends_here = not worker_is_registered()
    if sends_here:
        notice("No worker is running, so the message is sent from here.")
    started = next_try = time.monotonic()
    while True:
        if sends_here and time.monotonic() >= next_try:
            outbound.deliver(ids)
            next_try = time.monotonic() + TRY_EVERY
        found = list(
            Message.objects.filter(pk__in=ids).select_related("stream__account", "conversation__contact").order_by("pk")
        )
        waited = time.monotonic() - started
        if waited >= seconds or not any(message.status in STILL_HERE for message in found):
            return found
        if not sends_here and waited >= WORKER_PATIENCE and not any(message.attempt_count for message in found):
            notice(f"No worker took the message within {WORKER_PATIENCE:.0f} s, so it is sent from here.")
            sends_here = True
        time.sleep(LOOK_EVERY)


def as_json(message: Message) -> dict[str, Any]:
    """A message for scripts; ids as numbers, times as ISO 8601, empty text where there is nothing."""
    return {
        "id": message.pk,
        "ref": str(message.ref),
        "conversation": message.conversation_id,
        "stream": message.stream.name,
        "to": message.conversation.contact.phone,
        "kind": message.kind,
        "status": message.status,
        "segments": message.segments,
        "external_id": message.external_id,
        "failure_code": message.failure_code,
        "failure_text": message.failure_text,
        "scheduled_for": message.scheduled_for.isoformat() if message.scheduled_for else None,
    }


def described(message: Message) -> str:
    """A message and its state as one sentence for people."""
    about = f"Message {message.pk} to {message.conversation.contact.phone_display} on {message.stream.name}"
    if message.status == MessageStatus.SCHEDULED and message.scheduled_for:
        return f"{about}: scheduled for {timezone.localtime(message.scheduled_for):%A %-d %B %Y %H:%M %Z}."
    if message.status == MessageStatus.UNCONFIRMED:
        return f"{about}: not confirmed, it may have arrived. {message.failure_text}"
    reason = f" {message.failure_text}" if message.failure_text and message.status not in TAKEN else ""
    return f"{about}: {message.get_status_display().lower()}.{reason}"
