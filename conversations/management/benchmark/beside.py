"""Single messages while a long campaign leaves: what an agent feels of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from django.core.management.base import CommandError

from conversations.management.benchmark.campaign_shapes import SHAPES
from conversations.management.benchmark.company import make_stream
from conversations.management.benchmark.ground import Ground
from conversations.management.benchmark.report import Count, Measure
from conversations.management.benchmark.running_campaign import bulk_workers, prepare, wait_for_the_end
from conversations.models import Campaign, Conversation, Message
from conversations.models.campaign import ENDED, ChunkStatus
from conversations.services.campaigns import control

IDLE, BESIDE = "idle", "beside a campaign"
FIRST_NUMBER, NUMBERS_OF_A_ROUND = 7_900_000_000, 1_000_000  # +44


class BesideCampaign:
    """A campaign a round through Webex Interact's shape, on a stream of its own, with bulk workers of its own."""

    def __init__(self, ground: Ground, people: int) -> None:
        self._ground = ground
        self._people = people
        self._streams: list[int] = []
        self._accepted = 0
        self._values: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)

    def note(self, side: str, described: Sequence[tuple[str, float]]) -> None:
        """What was found on one side in one round, by measure."""
        for name, value in described:
            self._values[name].setdefault(side, []).append(value)

    def play(self, conversations: Sequence[Conversation], send: Callable[[Conversation], None]) -> int:
        """Send one message after the other for as long as the campaign runs; returns how many were in its time.

        `send` returns when its message has arrived.
        """
        stream = make_stream(f"beside{len(self._streams)}")
        first = FIRST_NUMBER + len(self._streams) * NUMBERS_OF_A_ROUND
        self._streams.append(stream.pk)
        campaign = prepare(stream, first, self._people, **SHAPES["webex"].words(stream))
        number = 0
        with bulk_workers(self._ground):
            control.confirm(campaign, actor=None, people=campaign.sendable_count)
            while not campaign.accepted_count and self._is_under_way(campaign):
                pass
            for conversation in conversations:
                send(conversation)
                if not self._is_under_way(campaign):
                    break
                number += 1
            if self._is_under_way(campaign):
                control.stop(campaign, actor=None)
            wait_for_the_end(self._ground, campaign)
            on_the_wire = campaign.chunks.filter(status=ChunkStatus.SENDING)
            self._ground.wait_until({"the campaign's last answers": lambda: not on_the_wire.exists()})
            campaign.refresh_from_db()
        if not number:
            raise CommandError("The campaign was over before a message had arrived. Let it have more people.")
        self._accepted += campaign.accepted_count
        return number

    def measures(self) -> list[Measure]:
        """Both sides, which stand in a table of their own."""
        return [Measure(name, "ms", sides, compared=(BESIDE, IDLE)) for name, sides in self._values.items()]

    def refs(self) -> list[str]:
        """What the campaigns have sent, by the provider's ledger."""
        return [str(ref) for ref in Message.objects.filter(stream__in=self._streams).values_list("ref", flat=True)]

    def count(self, arrived_once: set[str]) -> Count:
        """Each person of a campaign that was accepted, once."""
        once = len(arrived_once.intersection(self.refs()))
        return Count("people of campaigns that the provider got exactly once", self._accepted, once)

    def _is_under_way(self, campaign: Campaign) -> bool:
        self._ground.check()
        campaign.refresh_from_db()
        return campaign.status not in ENDED
