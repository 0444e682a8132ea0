"""Cirrus: SMS and WhatsApp as the product sends them, and the calls about WhatsApp that it makes on request."""

from __future__ import annotations

from base64 import b64decode
from datetime import timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from conversations.management.demo.stage import Row, RowFailed, Seen, Stage, row, wait_for
from conversations.models import Message, ProviderAccount, SendAttempt, Stream, SubStream, WhatsAppTemplate
from conversations.models.account import AccountHealth
from conversations.models.message import MessageStatus
from conversations.services import compose
from conversations.services.demo_data.company import AGENT_EMAIL, CARE, STREAMS, SUB_STREAM, TEXTS
from messaging.providers.cirrus import Cirrus, TemplateMessage
from messaging.types import TemplateContent

ROWS: list[Row] = []
cirrus = partial(row, ROWS, "cirrus")

ANNA, BEN, CLARA, DAVID, ELLA = (f"+4477009006{number:02}" for number in range(5))
NOT_THERE = "+447700900690"
TWENTY = [f"+4477009007{number:02}" for number in range(20)]
# One transparent point: the smallest image that is one.
PICTURE = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
REFUSED = "invalid \N{EM DASH} Not a valid WhatsApp user"


def template(name: str) -> WhatsAppTemplate:
    """One of the company's English templates."""
    return WhatsAppTemplate.objects.select_related("stream__account").get(
        stream__name=CARE, name=name, language="en_GB"
    )


def send_template(stage: Stage, name: str, phone: str, values: dict[str, Any], **options: Any) -> Message:
    """Queue a template to a customer who opted in."""
    conversation = stage.conversation(CARE, phone, opted_in=True)
    return compose.queue_template(conversation=conversation, template=template(name), values=values, **options)


@cirrus("SMS: the opening text that is kept there", expects="delivered")
def opening_text(stage: Stage) -> Seen:
    message = stage.write(TEXTS, ANNA, "", kind="opening")
    return stage.seen(message, text=STREAMS[TEXTS][1]["settings"]["opening_text"])


@cirrus("SMS: a text to a new customer", expects="delivered")
def sms(stage: Stage) -> Seen:
    message = stage.write(TEXTS, BEN, "Fernhill: your November bill of £38.00 was paid.")
    stage.kept["sms"] = str(message.pk)
    return stage.seen(message)


@cirrus("SMS: the customer answers", expects="in the same conversation")
def sms_reply(stage: Stage) -> Seen:
    return stage.reply(Message.objects.get(pk=stage.kept["sms"]), "Will my alarm still work?")


@cirrus("SMS: an agent answers, as a child in her name", expects="delivered")
def sms_by_agent(stage: Stage) -> Seen:
    return stage.seen(stage.write(TEXTS, BEN, "Yes, it has a battery of its own.", author=AGENT_EMAIL))


@cirrus("WhatsApp: is the number on WhatsApp? Yes", expects="yes")
def number_on_whatsapp(stage: Stage) -> Seen:
    return _validated(stage, CLARA)


@cirrus("WhatsApp: is the number on WhatsApp? No", expects="no")
def number_not_on_whatsapp(stage: Stage) -> Seen:
    stage.sandbox.post("phones", {"number": NOT_THERE, "on_whatsapp": False})
    return _validated(stage, NOT_THERE)


def _validated(stage: Stage, phone: str) -> Seen:
    stream = stage.stream(CARE)
    provider = stage.provider(stream.account)
    return stage.asked(provider, "yes" if provider.validate_contact(stream.config, phone) else "no")


@cirrus("WhatsApp: template with header text and footer", expects="read")
def template_with_header(stage: Stage) -> Seen:
    message = send_template(stage, "planned_work", CLARA, {"header": ["26 November"], "body": ["Clara", "45"]})
    return stage.seen(message, until="read")


@cirrus("WhatsApp: template with quick replies and object data", expects="read, conversation known there")
def template_with_object(stage: Stage) -> Seen:
    message = send_template(stage, "engineer_visit", DAVID, {"body": ["David", "Thursday", "12:00", "16:00"]})
    stage.kept["visit"] = str(message.pk)
    seen = stage.seen(message, until="read")
    known = Message.objects.get(pk=message.pk).conversation.external_id
    return Seen(seen.call, f"{seen.got}, conversation {'known' if known else 'not known'} there")


@cirrus("WhatsApp: the customer taps a quick reply", expects="in the same conversation")
def quick_reply(stage: Stage) -> Seen:
    return stage.reply(Message.objects.get(pk=stage.kept["visit"]), "Confirm visit")


@cirrus("WhatsApp: free text inside the 24 hours", expects="read")
def free_text(stage: Stage) -> Seen:
    return stage.seen(stage.write(CARE, DAVID, "Thank you, David. See you then.", author=AGENT_EMAIL), until="read")


@cirrus("WhatsApp: upload an image", expects="an id")
def upload(stage: Stage) -> Seen:
    stream = stage.stream(CARE)
    provider = stage.provider(stream.account)
    uploaded = provider.upload_media(stream.config, filename="fibre.png", content=PICTURE, content_type="image/png")
    stage.kept["media"] = uploaded.external_id
    return stage.asked(provider, "an id" if uploaded.external_id else "no id")


@cirrus("WhatsApp: template with the uploaded image", expects="read")
def template_with_upload(stage: Stage) -> Seen:
    media = {"kind": "image", "external_id": stage.kept["media"]}
    message = send_template(stage, "fibre_upgrade_offer", CLARA, {"body": ["Clara", "Ewell"]}, media=media)
    return stage.seen(message, until="read")


@cirrus("WhatsApp: template with a linked document and buttons", expects="read, button to 2026-11")
def template_with_document(stage: Stage) -> Seen:
    media = {"kind": "document", "link": "https://fernhill.example/bills/2026-11.pdf", "filename": "Bill.pdf"}
    values = {"body": ["Ella", "£38.00"], "buttons": {"0": "2026-11"}}
    seen = stage.seen(send_template(stage, "bill_ready", ELLA, values, media=media), until="read")
    buttons = stage.letters(ELLA)[-1]["buttons"]
    return Seen(seen.call, f"{seen.got}, button to {buttons[0]['url'].rpartition('/')[2]}")


@cirrus("WhatsApp: template into a sub-stream", expects="read, in sub-stream 7")
def template_into_sub_stream(stage: Stage) -> Seen:
    conversation = stage.conversation(CARE, TWENTY[0], opted_in=True)
    conversation.sub_stream = SubStream.objects.get(name=SUB_STREAM[0])
    conversation.save()
    message = compose.queue_template(
        conversation=conversation,
        template=template("planned_work"),
        values={"header": ["Monday"], "body": ["Ada", "5"]},
    )
    seen = stage.seen(message, until="read")
    conversation.refresh_from_db()
    stream = stage.stream(CARE)
    kept = _cirrus(stage, stream).get_object(stream.config, conversation.external_id)
    return Seen(seen.call, f"{seen.got}, in sub-stream {kept.sub_stream_id}")


@cirrus("WhatsApp: template to 20 people in one request", expects="20 read, 1 request")
def template_to_twenty(stage: Stage) -> Seen:
    messages = compose.queue_template_batch(
        conversations_of_one_stream=[stage.conversation(CARE, phone, opted_in=True) for phone in TWENTY],
        template=template("engineer_visit"),
        values={"body": ["there", "Friday", "08:00", "12:00"]},
    )
    found = stage.followed(messages, "read")
    read = sum(message.status == MessageStatus.READ for message in found)
    requests = SendAttempt.objects.filter(messages__in=found).distinct().count()
    return Seen(stage.call_of(found[0]), f"{read} read, {requests} request{'s' * (requests != 1)}")


@cirrus("WhatsApp: template to two, one of them not on WhatsApp (206)", expects=f"read; failed: {REFUSED}")
def template_partly_refused(stage: Stage) -> Seen:
    messages = compose.queue_template_batch(
        conversations_of_one_stream=[stage.conversation(CARE, phone, opted_in=True) for phone in (CLARA, NOT_THERE)],
        template=template("planned_work"),
        values={"header": ["Tuesday"], "body": ["you", "30"]},
    )
    found = sorted(stage.followed(messages, "read"), key=lambda message: message.pk)
    states = [f"{one.status}: {one.failure_text}" if one.failure_text else str(one.status) for one in found]
    return Seen(stage.call_of(found[0]), "; ".join(states))


@cirrus("WhatsApp: template published later by Cirrus's own clock", expects="accepted, scheduled, then read")
def template_published_later(stage: Stage) -> Seen:
    stream = stage.stream(CARE)
    provider = _cirrus(stage, stream)
    content = TemplateContent("planned_work", "en_GB", header=("Sunday",), body=("Ben", "10"))
    later = TemplateMessage("later", BEN, content, schedule=timezone.now() + timedelta(hours=2))
    result = provider.send_templates(stream.config, [later]).results[0]
    seen = stage.asked(provider, result.outcome)
    before = stage.letters(BEN)[-1]["status"]
    stage.sandbox.post("schedule/advance")
    wait_for(lambda: stage.letters(BEN)[-1]["status"] == "read")
    return Seen(seen.call, f"{seen.got}, {before}, then {stage.letters(BEN)[-1]['status']}")


@cirrus("A key that is not accepted (401)", expects="queued: Unauthorized; the account needs repair")
def wrong_key(stage: Stage) -> Seen:
    stream = _stream_with_wrong_key(stage.stream(TEXTS))
    message = stage.write(stream.name, ANNA, "This must not arrive.")

    def refused() -> bool:
        return ProviderAccount.objects.filter(pk=stream.account_id, health=AccountHealth.NEEDS_CREDENTIALS).exists()

    if not wait_for(refused):
        raise RowFailed("the account is not marked")
    now = Message.objects.select_related("stream__account").get(pk=message.pk)
    return Seen(stage.call_of(now), f"{now.status}: {now.failure_text}; the account needs repair")


def _stream_with_wrong_key(like: Stream) -> Stream:
    account = ProviderAccount.objects.create(
        name="Cirrus with a wrong key",
        provider="cirrus",
        base_url=like.account.base_url,
        credentials={"api_key": "revoked-last-month"},
    )
    return Stream.objects.create(
        account=account, name="Wrong key", channel=like.channel, external_id=like.external_id, sender=like.sender
    )


def _cirrus(stage: Stage, stream: Stream) -> Cirrus:
    provider = stage.provider(stream.account)
    assert isinstance(provider, Cirrus)
    return provider
