"""What a provider tells in `benchmark hooks`: reports and messages of customers, in Webex Interact's words.

Of forty reports two are about people of a campaign that has not left yet, and four come twice at once. A message is
told to be submitted and to be delivered, every second one in the wrong order.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from conversations.management.benchmark.bulk import fill
from conversations.management.benchmark.company import make_stream
from conversations.management.benchmark.running_campaign import prepare
from conversations.models import Campaign, CampaignChunk, Contact, Conversation, Message, ProviderAccount, Stream
from conversations.services.campaigns import control, planning

FORTY = 40  # calls: the least whose parts are whole numbers
SEED = 20_261_123
STATUSES = ("submitted", "delivered")
TEXT = "Your engineer comes on Thursday. Reply STOP to opt out."
WORDS = "Thank you, Thursday is fine. The bell does not work, so please knock."


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that a report is about."""

    ref: str
    external_id: str
    phone: str


class Told:
    """One round: a stream with what was sent on it, a campaign that waits to leave, and the calls about them."""

    def __init__(self, turn: int, calls: int) -> None:
        self._forties = calls // FORTY
        self._dice = random.Random(SEED + turn)  # noqa: S311 - nothing is secret
        self._first_number = 7_500_000_000 + turn * 10_000_000  # +44
        self.stream = _make_stream(turn)
        self.sent = self._send()
        self.campaign = self._prepare_campaign()
        planned = CampaignChunk.objects.filter(campaign=self.campaign).values_list("payload", flat=True)
        self.early = [Sent(one["ref"], "", one["phone"]) for payload in planned for one in payload]

    @property
    def account(self) -> ProviderAccount:
        """Whose address is called."""
        return self.stream.account

    @property
    def calls(self) -> int:
        """How many there are of either kind."""
        return FORTY * self._forties

    @property
    def doubles(self) -> int:
        """How many of them say what another one says."""
        return self.calls // 10

    def reports(self) -> list[bytes]:
        """The calls about what was sent: each message's first report in any order, then each one's second."""
        told: tuple[list[bytes], list[bytes]] = ([], [])
        for place, one in enumerate([*self.sent, *self.early]):
            for half, status in zip(told, STATUSES if place % 2 else STATUSES[::-1], strict=True):
                half.append(_report(one, status))
        for half in told:
            self._dice.shuffle(half)
        return self._with_doubles([*told[0], *told[1]])

    def written(self) -> list[bytes]:
        """The calls about what customers wrote, four each: of nine people five are new."""
        known = [one.phone for one in self.sent[: 4 * self._forties]]
        new = [self._number(1_000_000 + place) for place in range(5 * self._forties)]
        bodies = [_written(self.stream, phone) for phone in [*known, *new] for _ in range(4)]
        self._dice.shuffle(bodies)
        return self._with_doubles(bodies)

    def _with_doubles(self, bodies: Sequence[bytes]) -> list[bytes]:
        """Some of them twice, one after the other: two connections say the same at once."""
        twice = set(self._dice.sample(range(len(bodies)), self.doubles))
        return [body for place, body in enumerate(bodies) for _ in range(2 if place in twice else 1)]

    def _number(self, place: int) -> str:
        return f"+44{self._first_number + place}"

    def _send(self) -> list[Sent]:
        """Messages that the provider has accepted, each to somebody else."""
        people = f"generate_series(0, {17 * self._forties - 1}) AS place"
        fill(Contact, {"phone": f"'+44' || ({self._first_number} + place)"}, people)
        first, last = self._number(0), self._number(17 * self._forties - 1)
        those = f"conversations_contact WHERE phone BETWEEN '{first}' AND '{last}'"
        fill(
            Conversation,
            {
                "stream_id": str(self.stream.pk),
                "contact_id": "id",
                "status": "'dormant'",
                "last_message_at": "now()",
                "last_message_direction": "'out'",
            },
            those,
        )
        fill(
            Message,
            {
                "ref": "gen_random_uuid()",
                "conversation_id": "id",
                "stream_id": "stream_id",
                "direction": "'out'",
                "body": f"'{TEXT}'",
                "status": "'accepted'",
                "segments": "1",
                "external_id": "'tid_sent_' || id",
                "sent_at": "now()",
            },
            f"conversations_conversation WHERE stream_id = {self.stream.pk}",
        )
        rows = Message.objects.filter(stream=self.stream).order_by("id")
        return [
            Sent(str(ref), external_id, phone)
            for ref, external_id, phone in rows.values_list("ref", "external_id", "conversation__contact__phone")
        ]

    def _prepare_campaign(self) -> Campaign:
        """Its references are known, its messages are not written: no worker is there."""
        campaign = prepare(self.stream, self._first_number + 2_000_000, self._forties, body=TEXT)
        control.confirm(campaign, actor=None, people=campaign.sendable_count)
        planning.plan(campaign.pk)
        return campaign


def _make_stream(turn: int) -> Stream:
    stream = make_stream(f"hooks{turn}")
    stream.inbound_number = f"+4474009{turn:05}"
    stream.save(update_fields=["inbound_number"])
    return stream


def _event(data: dict[str, Any], names: Iterable[tuple[str, str]] = ()) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"evt_{uuid4()}",
        "time": datetime.now(UTC).isoformat(),
        "type": "com.interact.messages.sms.status",
        "data": data,
        **dict(names),
    }
    return json.dumps(event).encode()


def _report(one: Sent, status: str) -> bytes:
    names = [("correlation_id", one.ref), *([("transaction_id", one.external_id)] if one.external_id else [])]
    return _event({"status": status, "phone_number": one.phone.lstrip("+")}, names)


def _written(stream: Stream, phone: str) -> bytes:
    return _event(
        {
            "status": "inbound",
            "phone_number": phone.lstrip("+"),
            "message": WORDS,
            "inbound_number": stream.inbound_number,
        }
    )
