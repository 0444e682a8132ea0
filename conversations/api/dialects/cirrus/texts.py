"""Cirrus's two calls that send a text to a number and name no object: the initial text, and any other."""

from __future__ import annotations

from django.http import JsonResponse

from conversations.api.dialects.calls import Call, door
from conversations.api.dialects.sending import send_text
from conversations.models.api_key import ApiScope
from conversations.models.message import Kind
from conversations.models.stream import Channel

from .face import FACE, fields, required, success, text_in
from .finding import contact_of, stream_by_token

_KEEPS_OPENINGS = "cirrus"


def send_initial_text(call: Call, token: str, phone: str) -> JsonResponse:
    """POST /sms/sendinitialtext/{ENCRYPTED_STREAM_ID}/{PHONE_NUMBER}: the stream's own opening text.

    Where the provider keeps that text it is told to send it; elsewhere the words that are noted here leave as a text.
    """
    call.needs(ApiScope.SEND)
    stream = stream_by_token(call, token, Channel.SMS)
    words = str(stream.settings.get("opening_text") or "")
    keeps_words = stream.account.provider == _KEEPS_OPENINGS or not words
    contact = contact_of(phone, stream, "PHONE_NUMBER")
    if keeps_words:
        send_text(contact=contact, stream=stream, user=call.user, body="", kind=Kind.OPENING)
    else:
        send_text(contact=contact, stream=stream, user=call.user, body=words)
    return success()


def send_sms(call: Call, token: str) -> JsonResponse:
    """POST /sms/sendsms/{ENCRYPTED_STREAM_ID} with {"Number", "Message"}."""
    call.needs(ApiScope.SEND)
    stream = stream_by_token(call, token, Channel.SMS)
    values = fields(call)
    required(values, "Number")
    required(values, "Message")
    contact = contact_of(text_in(values, "Number"), stream, "Number")
    send_text(contact=contact, stream=stream, user=call.user, body=text_in(values, "Message"))
    return success()


initial_text_door = door(FACE, POST=send_initial_text)
sms_door = door(FACE, POST=send_sms)
