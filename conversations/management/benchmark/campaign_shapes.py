"""The shapes in which providers take a campaign: how many people a request has, and what of them comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conversations.management.benchmark.company import make_stream
from conversations.models import Contact, OptIn, Stream, WhatsAppTemplate
from conversations.services import consent

BODY = "Hello ${firstname}, order ${order} arrives on ${day}. Reply STOP to opt out."
SENDER = "+447400900000"
BUSINESS = "Benchmark"
PERMITTED_AT_ONCE = 5_000
SENT = "Hello Customer, order 000000 arrives on Thursday. Reply STOP to opt out."  # by the floor

Row = tuple[str, str]  # a reference and a number


@dataclass(frozen=True, slots=True)
class Shape:
    """One of them. `people` is how many a request of the floor has, 0 for a whole chunk.

    `request` makes the floor's path and body, `read` takes the ids of its messages from the answer, if there are any.
    """

    name: str
    label: str
    sizes: str
    people: int
    stream: dict[str, str]
    request: Callable[[Sequence[Row]], tuple[str, Any]]
    read: Callable[[Any], list[str]]
    is_template: bool = False

    def open_stream(self) -> Stream:
        """A stream for it, that nothing slows down."""
        return make_stream(self.name, **self.stream)

    def words(self, stream: Stream) -> dict[str, Any]:
        """What a campaign on the stream says."""
        if not self.is_template:
            return {"body": BODY}
        template = WhatsAppTemplate.objects.get_or_create(
            stream=stream,
            name="order",
            language="en_GB",
            defaults={"status": "approved", "category": "utility", "components": _COMPONENTS},
        )[0]
        return {
            "kind": "template",
            "template": template,
            "purpose": "service",
            "template_values": {"body": ["${firstname}", "${order}", "${day}"]},
        }

    def permit(self, numbers: Sequence[str]) -> None:
        """These people may be written to, where that needs a permission."""
        for start in range(0, len(numbers) if self.is_template else 0, PERMITTED_AT_ONCE):
            contacts = Contact.objects.bulk_create(
                Contact(phone=number) for number in numbers[start : start + PERMITTED_AT_ONCE]
            )
            consent.record_set(
                [
                    OptIn(
                        contact=contact,
                        phone=contact.phone,
                        channel="whatsapp",
                        event="opt_in",
                        source="import",
                        wording=f"{BUSINESS} may write to me.",
                        business_name=BUSINESS,
                    )
                    for contact in contacts
                ]
            )


_COMPONENTS = [{"type": "BODY", "text": "Hello {{1}}, order {{2}} arrives on {{3}}. Reply STOP to opt out."}]


def _bulk(rows: Sequence[Row]) -> tuple[str, Any]:
    to = [{"phone": [phone], "correlation_id": ref} for ref, phone in rows]
    return "/v1/sms", {"from": "FLOOR", "message_body": SENT, "to": to}


def _templates(rows: Sequence[Row]) -> tuple[str, Any]:
    values = [{"type": "text", "text": word} for word in ("Customer", "000000", "Thursday")]
    template = {"name": "order", "language": {"code": "en_GB"}, "components": [{"type": "body", "parameters": values}]}
    data = [
        {"template_data": {"to": phone[1:], "template": template}, "object_data": {"Content": {"ref": ref}}}
        for ref, phone in rows
    ]
    return "/v2/whatsapp/sendtemplatedmessage/floor", {"data": data}


def _single_of_cirrus(rows: Sequence[Row]) -> tuple[str, Any]:
    ((_, phone),) = rows
    return "/sms/sendsms/floor", {"data": {"Number": phone[1:], "Message": SENT}}


def _single_of_ccai(rows: Sequence[Row]) -> tuple[str, Any]:
    ((_, phone),) = rows
    return "/sms", {"chat_type": "SMS", "end_user_number": phone, "outbound_number": SENDER, "message": SENT}


def _no_ids(answer: Any) -> list[str]:
    return []


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            name="webex",
            label="Webex Interact",
            sizes="10000,100000",
            people=0,
            stream={"provider": "webex_interact"},
            request=_bulk,
            read=lambda answer: [message["transaction_id"] for message in answer["messages"]],
        ),
        Shape(
            name="whatsapp",
            label="WhatsApp through Cirrus",
            sizes="10000,100000",
            people=20,
            stream={"provider": "cirrus", "channel": "whatsapp", "sender": SENDER},
            request=_templates,
            read=lambda answer: [item["id"] for item in answer["data"]],
            is_template=True,
        ),
        Shape(
            name="cirrus",
            label="SMS through Cirrus",
            sizes="1000,10000",
            people=1,
            stream={"provider": "cirrus", "sender": SENDER},
            request=_single_of_cirrus,
            read=_no_ids,
        ),
        Shape(
            name="ccai",
            label="CCAI Platform",
            sizes="1000,10000",
            people=1,
            stream={"provider": "ccai_platform", "sender": SENDER},
            request=_single_of_ccai,
            read=_no_ids,
        ),
    )
}
