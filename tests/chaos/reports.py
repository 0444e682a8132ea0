"""What the provider tells us: reports and customers' messages, in the shape of Webex Interact's events."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

from conversations.models import Message, Stream

_ids = itertools.count(1)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """One event of a kind with an id of its own."""
    data = fields.pop("data")
    return {
        "specversion": "1.0",
        "id": f"evt_{next(_ids)}",
        "time": datetime.now(UTC).isoformat(),
        "type": f"com.interact.messages.sms.{kind}",
        "data": data,
        **fields,
    }


def report(message: Message, status: str, **fields: Any) -> dict[str, Any]:
    """A delivery report on a message, by our reference and by the provider's id where we know it."""
    phone = message.conversation.contact.phone.lstrip("+")
    fields = {"transaction_id": message.external_id, "correlation_id": str(message.ref), **fields}
    return event("status", data={"status": status, "phone_number": phone}, **fields)


def written(stream: Stream, phone: str, words: str, **fields: Any) -> dict[str, Any]:
    """A customer's message to the stream."""
    data = {
        "status": "inbound",
        "phone_number": phone.lstrip("+"),
        "message": words,
        "inbound_number": stream.inbound_number,
    }
    return event("status", data=data, **fields)


def body(*events: dict[str, Any]) -> bytes:
    """The body of one call."""
    return json.dumps(events if len(events) > 1 else events[0]).encode()
