"""A campaign in the making: its list, the points where a worker of it is held, and what became of everybody."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import django_rq

from conversations import queue
from conversations.models import Campaign, CampaignChunk, Message, Stream
from conversations.services.campaigns import audience, control, preflight
from tests.chaos.processes import eventually
from tests.chaos.provider import Hold
from tests.chaos.run import Run, words
from tests.chaos.site import BULK_WORKERS, TIMES

CHUNK = int(TIMES["CAMPAIGN_CHUNK"])  # people of a chunk, and of a request: the provider takes ten thousand


def phone_of(place: int) -> str:
    """The number of somebody on the list, by place from 0."""
    return f"+44741{place:07}"


class Bulk:
    """One campaign on a site that stands: confirmed by `begin`, judged by `finish`. Chunks are numbered from 1."""

    def __init__(self, run: Run, people: int, stream: Stream | None = None) -> None:
        self.run, self.site, self.people = run, run.site, people
        self.campaign = Campaign.objects.create(
            name="Routers", stream=stream or run.stream, purpose="service", keeps_quiet_hours=False, body=words()
        )
        rows = "".join(f"{phone_of(place)}\n" for place in range(people))
        audience.load_list(self.campaign, io.BytesIO(f"phone\n{rows}".encode()), file_name="list.csv")
        assert preflight.check(self.campaign) == []
        assert self.campaign.sendable_count == people

    def begin(self) -> None:
        """Let it go."""
        control.confirm(self.campaign, actor=None, people=self.people)

    # --- Holding a worker at a point of its work ---------------------------------------------------------------

    def holding_before_the_wire(self) -> AbstractContextManager[None]:
        """Whoever has claimed a chunk and is connected waits for the channel's lock."""
        return self.site.holding("SELECT pg_advisory_xact_lock(hashtextextended('sms', 7303))")

    def holding_on_the_wire(self, chunk: int, **options: Any) -> AbstractContextManager[Hold]:
        """The provider has the request of a chunk and does not answer yet."""
        return self.run.provider.holding(phone_of((chunk - 1) * CHUNK), **options)

    def holding_before_the_outcome(self, chunk: int) -> AbstractContextManager[None]:
        """Whoever has the answer to a chunk waits for its row; to be held once it is on the wire."""
        statement = "SELECT FROM conversations_campaignchunk WHERE campaign_id = %s AND number = %s FOR UPDATE"
        return self.site.holding(statement, self.campaign.pk, chunk)

    def play(self, chunk: int, *behaviours: Any) -> None:
        """Treat the next requests of a chunk so, one after the other."""
        self.run.provider.play(phone_of((chunk - 1) * CHUNK), *behaviours)

    # --- Waiting ------------------------------------------------------------------------------------------------

    def answered(self) -> int:
        """How many have an outcome now."""
        self.campaign.refresh_from_db()
        return self.campaign.answered_count

    def wait_for_answers(self, number: int) -> None:
        """Wait until that many have an outcome."""

        def has_come() -> bool:
            self.site.restart_the_dead()
            return self.answered() >= number

        eventually(has_come, f"{number} people have an outcome")

    def wait_for_end(self) -> None:
        """Wait until the campaign is over; what it still has to wait for is cut short by nobody."""

        def is_over() -> bool:
            self.site.restart_the_dead()
            self.campaign.refresh_from_db()
            return self.campaign.ended_at is not None

        eventually(is_over, "the campaign ends")

    def end_lease(self, chunk: int) -> None:
        """Let the time of the worker that holds a chunk be over, as if it had passed."""
        statement = "UPDATE conversations_campaignchunk SET lease_until = clock_timestamp() "
        self.site.sql(statement + "WHERE campaign_id = %s AND number = %s", self.campaign.pk, chunk)

    def finish(self) -> Counter[str]:
        """Wait for its end, then give everybody a reason to send again; how many messages have each status.

        The messages are those of the run from now on, which judges each.
        """
        self.wait_for_end()
        self.try_everything()
        self.run.messages = list(Message.objects.filter(recipient__campaign=self.campaign).select_related(
            "conversation__contact"
        ))  # fmt: skip
        refs = {message.conversation.contact.phone: str(message.ref) for message in self.run.messages}
        for entry in self.run.provider.ledger:
            entry.ref = entry.ref or refs[entry.phone]  # CCAI Platform is told none
        return Counter(str(message.status) for message in self.run.messages)

    def try_everything(self) -> None:
        """A job for each chunk, one that lays them, and rounds of the dispatcher."""
        bulk = django_rq.get_queue(queue.BULK)
        chunks = self.campaign.chunks.values_list("pk", flat=True)
        calls = [("plan_campaign", self.campaign.pk), *(("deliver_chunk", pk) for pk in chunks)]
        jobs = [
            bulk.enqueue_call(f"conversations.jobs.{name}", args=([pk],), result_ttl=0, failure_ttl=0).id
            for name, pk in calls
        ]
        with self.site.valkey() as client:
            eventually(lambda: not any(client.exists(f"rq:job:{job}") for job in jobs), "the jobs are done")
        self.run.wait_for_the_dispatcher()

    # --- Judging ------------------------------------------------------------------------------------------------

    def statuses_of(self, chunk: int) -> Counter[str]:
        """How many messages of a chunk have each status."""
        payload = CampaignChunk.objects.get(campaign=self.campaign, number=chunk).payload
        refs = [person["ref"] for person in payload]
        return Counter(Message.objects.filter(ref__in=refs).values_list("status", flat=True))

    def arrived(self) -> Counter[int]:
        """How many people got nothing, how many one message, how many more."""
        times = Counter(entry.phone for entry in self.run.handset)
        return Counter(times[phone_of(place).lstrip("+")] or times[phone_of(place)] for place in range(self.people))


@contextmanager
def campaign_of(run: Run, people: int = 10_000, stream: Stream | None = None) -> Iterator[Bulk]:
    """A campaign that is ready, with two workers for it; they are gone when the block ends."""
    run.site.need(*BULK_WORKERS)
    run.site.wait_for_worker("bulk")
    bulk = Bulk(run, people, stream)
    try:
        yield bulk
        assert sum(bulk.arrived().values()) == people
    finally:
        run.site.spare(*BULK_WORKERS)
        run.site.forget_workers("bulk")
