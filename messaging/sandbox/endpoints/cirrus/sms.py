"""Cirrus SMS: the two calls that name no conversation and return no id.

Documented: paths, bodies and `"data": ""`. Assumed: a number that cannot be one is a 400, and neither call makes an
object (nothing in the answer could name it).
"""

from __future__ import annotations

from messaging.sandbox.arrivals import accept
from messaging.sandbox.calls import Answer, Call
from messaging.sandbox.models import SandboxChannel, SandboxStream
from messaging.sandbox.numbers import from_digits

from .face import fields, refused, required, stream_by_encrypted, success, wrong


def send_initial_text(call: Call, encrypted_id: str, phone_number: str) -> Answer:
    """POST /sms/sendinitialtext/{ENCRYPTED_STREAM_ID}/{PHONE_NUMBER}: sends the text configured on the stream."""
    stream = stream_by_encrypted(call, encrypted_id, SandboxChannel.SMS)
    if not stream.initial_text:
        raise refused(call, "Operation failed")
    return _send(call, stream, phone_number, stream.initial_text, "PHONE_NUMBER")


def send_sms(call: Call, encrypted_id: str) -> Answer:
    """POST /sms/sendsms/{ENCRYPTED_STREAM_ID} with {"data": {"Number", "Message"}}."""
    stream = stream_by_encrypted(call, encrypted_id, SandboxChannel.SMS)
    values = fields(call)
    number = str(required(call, values, "Number"))
    return _send(call, stream, number, str(required(call, values, "Message")), "Number")


def _send(call: Call, stream: SandboxStream, digits: str, text: str, field: str) -> Answer:
    number = from_digits(digits)
    if number is None:
        raise wrong(call, field)
    faults = call.arriving_at([number])
    if faults[number].key == "not_valid":
        raise wrong(call, field)
    accept(call, stream, [(number, {"text": text})], faults)
    return success(call)
