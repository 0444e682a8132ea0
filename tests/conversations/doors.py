"""Every way in that sends: who asks, what stands ready, and a try at each door; and what speaks against sending."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone

from conversations.models import (
    Conversation,
    Message,
    OptIn,
    SendingPolicy,
    Stream,
    User,
    WhatsAppTemplate,
)
from conversations.models.consent import ConsentDecision
from conversations.services import consent, dispatch, outbound
from tests import factories
from tests.conversations.admin.browsing import act, signed_in, told
from tests.conversations.api.conftest import program_of

AMIRA = "+447700900142"


@dataclass
class World:
    """A customer with an SMS and a WhatsApp conversation, and somebody who may do everything there."""

    tom: User
    browser: Client
    texts: Conversation
    care: Conversation
    template: WhatsAppTemplate

    def conversation(self, *, template: bool) -> Conversation:
        return self.care if template else self.texts

    @property
    def streams(self) -> list[Stream]:
        return [self.texts.stream, self.care.stream]


def make_world(settings: Any) -> World:
    """Amira with a text and a WhatsApp conversation, both of which Tom may write to."""
    settings.SANDBOX_URL = "http://127.0.0.1:8100"
    account = factories.make_account(health="working")
    streams = [
        factories.make_stream(account, channel, name=f"Fernhill {channel}", business_name="Fernhill")
        for channel in ("sms", "whatsapp")
    ]
    tom = factories.make_user("administrator", name="Tom Reyes", undo_seconds=0)
    factories.make_team(members=[tom], streams=streams)
    contact = factories.make_contact(AMIRA)
    factories.opt_in(contact)
    texts = factories.make_conversation(streams[0], contact)
    care = factories.make_conversation(streams[1], contact, external_id="o-1")
    template = factories.make_template(streams[1], category="marketing")
    return World(tom, signed_in(tom), texts, care, template)


def opted_out(world: World) -> None:
    for channel in ("sms", "whatsapp"):
        consent.record(
            OptIn(contact=world.texts.contact, channel=channel, event="opt_out", source="keyword", wording="STOP")
        )


def opted_out_of_one_stream(world: World) -> None:
    for stream in world.streams:
        consent.record(
            OptIn(
                contact=world.texts.contact,
                channel=stream.channel,
                event="opt_out",
                source="agent",
                scope="stream",
                stream=stream,
            )
        )


def stream_off(world: World) -> None:
    Stream.objects.update(is_active=False)


def our_own_number(world: World) -> None:
    """Another stream of ours has the number: it wrote to us, or an administrator entered it later."""
    factories.make_stream(factories.make_account("webex_interact"), sender="", inbound_number=AMIRA)


def other_country(world: World) -> None:
    for stream in world.streams:
        SendingPolicy.objects.create(stream=stream, countries="US")


def night(world: World) -> None:
    now = timezone.now()
    opens = (now + timedelta(hours=2)).time().replace(second=0, microsecond=0)
    closes = (now + timedelta(hours=3)).time().replace(second=0, microsecond=0)
    if opens > closes:  # around midnight
        opens, closes = time(4), time(5)
    for stream in world.streams:
        SendingPolicy.objects.create(stream=stream, quiet_hours="unasked", opens_at=opens, closes_at=closes)
    world.texts.contact.time_zone = "UTC"
    world.texts.contact.save()


def no_permission(world: World) -> None:
    """Nothing is on record for WhatsApp any more; a text needs nothing on record."""
    state = consent.ConsentState.objects.filter(channel="whatsapp")
    state.update(service=ConsentDecision.UNKNOWN, marketing=ConsentDecision.UNKNOWN)


def service_only(world: World) -> None:
    consent.ConsentState.objects.filter(channel="whatsapp").update(marketing=ConsentDecision.UNKNOWN)


def template_paused(world: World) -> None:
    WhatsAppTemplate.objects.update(status="paused")


# Code, what makes it so, and whether it is about templates alone.
REFUSALS: dict[str, tuple[str, Callable[[World], None], bool]] = {
    "opted out": ("opted_out", opted_out, False),
    "opted out of one stream": ("opted_out", opted_out_of_one_stream, False),
    "stream off": ("stream_off", stream_off, False),
    "one of our own numbers": ("own_number", our_own_number, False),
    "another country": ("country_not_allowed", other_country, False),
    "night": ("quiet_hours", night, False),
    "no opt-in": ("no_opt_in", no_permission, True),
    "service only": ("no_opt_in", service_only, True),
    "template paused": ("template_not_approved", template_paused, True),
}


# Each door is opened in two steps: what has to be there before, and the try itself. It returns what it was told.
Try = Callable[[], str]


def key() -> str:
    return str(uuid.uuid4())


def words(response: Any) -> str:
    return " ".join([response.content.decode(), *told(response)])


def reply(world: World) -> Try:
    address = f"/c/{world.texts.pk}/reply/"
    return lambda: words(world.browser.post(address, {"mode": "reply", "body": "Hello", "client_key": key()}))


def new_message(world: World) -> Try:
    form = {"to": AMIRA, "stream": world.texts.stream_id, "body": "Hello", "client_key": key()}
    return lambda: words(world.browser.post("/new/", form))


def template_in_conversation(world: World) -> Try:
    form = {"template": world.template.pk, "client_key": key(), "body-1": "Amira", "body-2": "Friday"}
    return lambda: words(world.browser.post(f"/c/{world.care.pk}/template/", form))


def template_with_an_answer_held(world: World) -> Try:
    form = {"template": world.template.pk, "client_key": key(), "body-1": "Amira", "body-2": "Friday"}
    form |= {"held_body": "Friday it is."}
    return lambda: words(world.browser.post(f"/c/{world.care.pk}/template/", form))


def template_to_somebody(world: World) -> Try:
    form = {"template": world.template.pk, "client_key": key(), "body-1": "Amira", "body-2": "Friday"}
    form |= {"to": AMIRA, "stream": world.care.stream_id}
    return lambda: words(world.browser.post("/new/template/", form, follow=True))


def send_again(world: World) -> Try:
    failed = factories.make_message(world.texts, status="failed")
    return lambda: words(world.browser.post(f"/m/{failed.pk}/send-again/", follow=True))


def send_again_anyway(world: World) -> Try:
    doubtful = factories.make_message(world.texts, status="unconfirmed")
    address = f"/m/{doubtful.pk}/send-again-anyway/"
    return lambda: words(world.browser.post(address, {"reason": "Nothing came"}, follow=True))


def waiting(world: World, *, template: bool = False) -> Message:
    fields: dict[str, Any] = {}
    if template:
        fields = {"kind": "template", "template": world.template, "purpose": "marketing"}
        fields["template_values"] = {"body": ["Amira", "Friday"]}
    return factories.make_message(
        world.conversation(template=template),
        status="scheduled",
        author=world.tom,
        scheduled_for=timezone.now() + timedelta(minutes=30),
        **fields,
    )


def send_now(world: World) -> Try:
    message = waiting(world)
    return lambda: words(world.browser.post(f"/m/{message.pk}/send-now/", follow=True))


def edit(world: World) -> Try:
    message = waiting(world)
    at = timezone.localtime(message.scheduled_for).strftime("%Y-%m-%dT%H:%M")
    form = {"later": "on", "body": "Other words", "scheduled_for": at, "valid_until": ""}
    return lambda: words(world.browser.post(f"/m/{message.pk}/edit/", form, follow=True))


def admin_test_message(world: World) -> Try:
    stream = world.texts.stream
    fields = {"number": AMIRA, "body": "Hello", "client_key": key()}
    return lambda: words(act(world.browser, "send_test_message", stream, **fields))


def admin_send_again(world: World) -> Try:
    failed = factories.make_message(world.texts, status="failed")
    return lambda: words(act(world.browser, "send_again", failed))


def admin_send_in_spite(world: World) -> Try:
    doubtful = factories.make_message(world.texts, status="unconfirmed")
    return lambda: words(act(world.browser, "send_in_spite", doubtful, reason="Nothing came"))


def api(world: World, method: str, path: str, body: dict[str, Any] | None = None) -> Try:
    """A program of Tom's, for everything."""
    program = program_of(world.tom)
    return lambda: str(program.write(method, path, body).json())  # type: ignore[attr-defined]


def api_text(world: World) -> Try:
    return api(world, "POST", "/messages", {"stream": world.texts.stream_id, "to": AMIRA, "body": "Hello"})


def api_template(world: World) -> Try:
    values = {"name": world.template.name, "body": {"1": "Amira", "2": "Friday"}}
    return api(world, "POST", f"/conversations/{world.care.pk}/messages", {"template": values})


def api_edit(world: World) -> Try:
    return api(world, "PATCH", f"/messages/{waiting(world).pk}", {"body": "Other words"})


def api_send_now(world: World) -> Try:
    return api(world, "POST", f"/messages/{waiting(world).pk}/send-now")


def api_send_again(world: World) -> Try:
    failed = factories.make_message(world.texts, status="failed")
    return api(world, "POST", f"/messages/{failed.pk}/send-again")


def api_send_anyway(world: World) -> Try:
    doubtful = factories.make_message(world.texts, status="unconfirmed")
    return api(world, "POST", f"/messages/{doubtful.pk}/send-anyway", {"reason": "Nothing came"})


def command(*arguments: str) -> str:
    try:
        call_command(*arguments)
    except CommandError as error:
        return str(error)
    return ""


def command_text(world: World) -> Try:
    stream = world.texts.stream.name
    return lambda: command("send_message", "--stream", stream, "--to", AMIRA, "--body", "Hello")


def command_template(world: World) -> Try:
    values = ("--value", "body.1=Amira", "--value", "body.2=Friday")
    named = ("--stream", world.care.stream.name, "--template", world.template.name, "--to", AMIRA)
    return lambda: command("send_template", *named, *values)


def scheduled(world: World, *, template: bool = False) -> Try:
    message = waiting(world, template=template)
    Message.objects.filter(pk=message.pk).update(scheduled_for=timezone.now())

    def try_it() -> str:
        dispatch.sweep()
        outbound.deliver([message.pk])
        message.refresh_from_db()
        return message.failure_text

    return try_it


def scheduled_template(world: World) -> Try:
    return scheduled(world, template=True)


def late_job(world: World) -> Try:
    message = factories.make_message(world.texts, status="queued", author=world.tom)

    def try_it() -> str:
        outbound.deliver([message.pk])
        message.refresh_from_db()
        return message.failure_text

    return try_it


@dataclass(frozen=True)
class Door:
    """Where it stands in the source, how it is tried, and whether templates go through it."""

    place: str
    prepare: Callable[[World], Try]
    template: bool = False
    offers_streams: bool = False  # a stream that is off is not even among the choices


DOORS = {
    "reply": Door("conversations/views/writing.py:_reply", reply),
    "new message": Door("conversations/views/new_message.py:_answered", new_message, offers_streams=True),
    "template, to this customer": Door("conversations/views/template_picker.py:_send", template_in_conversation, True),
    "template, an answer held": Door(
        "conversations/views/template_picker.py:_send", template_with_an_answer_held, True
    ),
    "template, to somebody": Door(
        "conversations/views/template_picker.py:_send", template_to_somebody, True, offers_streams=True
    ),
    "send again": Door("conversations/views/message.py:send_again", send_again),
    "send again anyway": Door("conversations/views/message.py:send_anyway", send_again_anyway),
    "send now": Door("conversations/views/message.py:send_now", send_now),
    "edit a scheduled one": Door("conversations/views/message.py:edit", edit),
    "admin: test message": Door("conversations/admin/stream_forms.py:send", admin_test_message),
    "admin: send again": Door("conversations/admin/messages.py:sent", admin_send_again),
    "admin: send in spite": Door("conversations/admin/messages.py:send_in_spite", admin_send_in_spite),
    "API: text": Door("conversations/api/messages.py:_send", api_text, offers_streams=True),
    "API: template": Door("conversations/api/messages.py:_send", api_template, True),
    "API: edit": Door("conversations/api/messages.py:edit_message", api_edit),
    "API: send now": Door("conversations/api/messages.py:send_now", api_send_now),
    "API: send again": Door("conversations/api/messages.py:send_again", api_send_again),
    "API: send anyway": Door("conversations/api/messages.py:send_anyway", api_send_anyway),
    "command: text": Door("conversations/management/commands/send_message.py:_queue", command_text),
    "command: template": Door("conversations/management/commands/send_template.py:_queue", command_template, True),
    "command: --wait without a worker": Door("conversations/management/console.py:wait_until_settled", late_job),
    "scheduled text": Door("conversations/jobs.py:deliver", scheduled),
    "scheduled template": Door("conversations/jobs.py:deliver", scheduled_template, True),
    "late job": Door("conversations/jobs.py:deliver", late_job),
}


BY_TIME = (scheduled, scheduled_template)  # tests/conversations/test_delivery.py sees these leave
