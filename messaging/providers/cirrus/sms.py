"""The two SMS calls. Neither answer names a message or a conversation: only the number links them to ours."""

from __future__ import annotations

from dataclasses import dataclass

from messaging.providers.base import Account, Operation
from messaging.providers.cirrus import wire
from messaging.types import Answer, Outcome, RecipientResult, Request, SendResult


@dataclass(frozen=True, slots=True)
class SendSms(Operation[SendResult]):
    """Send a text: POST /sms/sendsms/{encrypted stream id}. `phone` is E.164, `ref` our reference of the message."""

    stream_id: str
    phone: str
    message: str
    ref: str = ""

    def build_request(self, account: Account) -> Request:
        stream = wire.path_id(self.stream_id, "encrypted stream id")
        data = {"Number": wire.phone_digits(self.phone), "Message": self.message}
        return wire.post(account, f"sms/sendsms/{stream}", data)

    def parse_response(self, answer: Answer) -> SendResult:
        return _accepted(answer, self.ref)


@dataclass(frozen=True, slots=True)
class SendInitialSms(Operation[SendResult]):
    """Send the stream's own first text: POST /sms/sendinitialtext/{encrypted stream id}/{phone}, without a body."""

    stream_id: str
    phone: str
    ref: str = ""

    def build_request(self, account: Account) -> Request:
        stream = wire.path_id(self.stream_id, "encrypted stream id")
        return wire.post(account, f"sms/sendinitialtext/{stream}/{wire.phone_digits(self.phone)}")

    def parse_response(self, answer: Answer) -> SendResult:
        return _accepted(answer, self.ref)


def _accepted(answer: Answer, ref: str) -> SendResult:
    wire.open_envelope(answer)
    return SendResult((RecipientResult(ref, Outcome.ACCEPTED),))
