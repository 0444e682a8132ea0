"""The shapes in which providers take a campaign: how many people a request has, and what a campaign says there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conversations.management.benchmark.company import make_stream
from conversations.models import Contact, OptIn, Stream, WhatsAppTemplate
from conversations.services import consent

BODY = "Hello ${firstname}, order ${order} arrives on ${day}. Reply STOP to opt out."
SENDER = "+447400900000"
BUSINESS = "Benchmark"
PERMITTED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Shape:
    """One of them. `people` is how many a request has at most, 0 for a whole chunk."""

    name: str
    label: str
    sizes: str
    people: int
    stream: dict[str, str]
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


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            name="webex",
            label="Webex Interact",
            sizes="10000,100000",
            people=0,
            stream={"provider": "webex_interact"},
        ),
        Shape(
            name="whatsapp",
            label="WhatsApp through Cirrus",
            sizes="10000,100000",
            people=20,
            stream={"provider": "cirrus", "channel": "whatsapp", "sender": SENDER},
            is_template=True,
        ),
        Shape(
            name="cirrus",
            label="SMS through Cirrus",
            sizes="1000,10000",
            people=1,
            stream={"provider": "cirrus", "sender": SENDER},
        ),
        Shape(
            name="ccai",
            label="CCAI Platform",
            sizes="1000,10000",
            people=1,
            stream={"provider": "ccai_platform", "sender": SENDER},
        ),
    )
}
