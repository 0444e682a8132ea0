"""The figures of services/operations.py in the text formats of Prometheus and OpenMetrics.

Names and help texts are for operators: https://prometheus.io/docs/practices/naming/ says how they are made. A label
names a stream, a host or a queue, and never a customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import Error
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from conversations.models import DispatcherTick
from conversations.models.message import UNSETTLED
from conversations.services import operations
from conversations.services.operations import Breaker, Figures, QueueFigures, StreamFigures

Family = tuple[str, str, Callable[[Any], float]]  # a name, what it says, and its value for one stream, host or queue

_BREAKER = {Breaker.CLOSED: 0.0, Breaker.HALF_OPEN: 0.5, Breaker.OPEN: 1.0}
_COUNTED = f"Counted to {operations.COUNTED}."
_NUMBERED = {
    "messages": "Messages written and received",
    "attempts": "Requests to providers",
    "webhook_events": "Calls of providers",
    "receipts": "Delivery reports",
}


def exposition(accept: str) -> tuple[bytes, str]:
    """The metrics now and their content type, in the format that an Accept header asks for."""
    registry = CollectorRegistry()
    registry.register(EngineCollector())
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class EngineCollector(Collector):
    """Asks PostgreSQL and Valkey once each time it is read, and keeps nothing in between."""

    def describe(self) -> list[Metric]:
        """Nothing, so that being registered asks nobody."""
        return []

    def collect(self) -> Iterator[Metric]:
        up = "1 when PostgreSQL answers. Without it there is no other metric."
        try:
            figures, numbered = operations.gather(), operations.numbered()
        except Error:
            yield _gauge("parley_database_up", up, 0)
            return
        yield _gauge("parley_database_up", up, 1)
        yield _messages(figures.streams)
        yield from _gauges(_STREAM, ("stream_id", "stream"), [(_labels(one), one) for one in figures.streams])
        led_at = figures.led_at.timestamp() if figures.led_at else 0
        yield _gauge(
            "parley_dispatcher_round_timestamp_seconds",
            "When a dispatcher that leads last came round, as Unix time; 0 when none ever did.",
            led_at,
        )
        yield from _gauges(_HOST, ("host",), [((one.host,), one) for one in figures.rounds])
        yield _gauge("parley_broker_up", "1 when Valkey answers.", figures.queues is not None)
        yield from _gauges(_QUEUE, ("queue",), [((one.name,), one) for one in figures.queues or ()])
        for name, help_text, value in _CALLS:
            yield _gauge(name, help_text, value(figures))
        for name, words in _NUMBERED.items():
            counter = CounterMetricFamily(f"parley_{name}", f"{words}: the highest number given; a few are skipped.")
            counter.add_metric((), numbered[name])
            yield counter


def _messages(streams: Iterable[StreamFigures]) -> Metric:
    messages = GaugeMetricFamily(
        "parley_stream_messages",
        "Messages that are still with us, or that nobody confirmed.",
        labels=("stream_id", "stream", "status"),
    )
    for one in streams:
        for status in UNSETTLED:
            messages.add_metric((*_labels(one), str(status)), one.messages.get(status, 0))
    return messages


def _gauges(
    families: Iterable[Family], labels: tuple[str, ...], rows: Sequence[tuple[tuple[str, ...], Any]]
) -> Iterator[Metric]:
    """A gauge a family, with one value for each row; a row comes with its labels."""
    for name, help_text, value in families:
        gauge = GaugeMetricFamily(name, help_text, labels=labels)
        for values, row in rows:
            gauge.add_metric(values, float(value(row)))
        yield gauge


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _labels(one: StreamFigures) -> tuple[str, str]:
    return str(one.stream.pk), one.stream.name


def _seconds(since: datetime | None, until: datetime | None) -> float:
    """From one moment to the other; 0 where one of them is not, or has passed."""
    return 0.0 if since is None or until is None else max((until - since).total_seconds(), 0.0)


def _stream(name: str, help_text: str, value: Callable[[StreamFigures], float]) -> Family:
    return f"parley_stream_{name}", help_text, value


def _host(name: str, help_text: str, value: Callable[[DispatcherTick], float]) -> Family:
    return f"parley_host_{name}", help_text, value


def _queue(name: str, help_text: str, value: Callable[[QueueFigures], float]) -> Family:
    return f"parley_queue_{name}", help_text, value


def _calls(name: str, help_text: str, value: Callable[[Figures], float]) -> Family:
    return f"parley_{name}", help_text, value


_STREAM = (
    _stream("due", "Queued messages that may be sent now.", lambda one: one.due),
    _stream(
        "due_oldest_seconds",
        "How long the oldest of the messages that may be sent now has been due.",
        lambda one: _seconds(one.due_since, one.at),
    ),
    _stream(
        "queued_oldest_seconds",
        "How long ago the oldest queued message was queued.",
        lambda one: _seconds(one.queued_since, one.at),
    ),
    _stream("leases_over", "Messages whose worker has not come back in time.", lambda one: one.leases_over),
    _stream(
        "unconfirmed_oldest_seconds",
        "How long ago the oldest of the messages that nobody confirmed went on the wire.",
        lambda one: _seconds(one.unconfirmed_since, one.at),
    ),
    _stream(
        "unconfirmed_for_a_person",
        "Messages that nobody confirmed and that no look-up is planned for.",
        lambda one: one.needs_a_person,
    ),
    _stream("gate_rate", "Requests a second that may leave.", lambda one: one.gate.rate),
    _stream("gate_tokens", "Requests that may leave at once, now.", lambda one: one.tokens),
    _stream(
        "breaker_open",
        "1 while the breaker keeps messages back, 0.5 when the next request is a probe, else 0.",
        lambda one: _BREAKER[one.breaker],
    ),
    _stream(
        "provider_pause_seconds",
        "How long the provider still wants no request.",
        lambda one: _seconds(one.at, one.asked_to_wait_until),
    ),
    _stream("paused", "1 while a person has stopped the stream.", lambda one: one.paused_until is not None),
    _stream(
        "needs_credentials",
        "1 when the provider refused the credentials of its account.",
        lambda one: one.needs_credentials,
    ),
)
_HOST = (
    _host("leads", "1 when this host's dispatcher led in its last round.", lambda one: one.leads),
    _host(
        "round_timestamp_seconds",
        "When this host's dispatcher last came round, as Unix time.",
        lambda one: one.ticked_at.timestamp(),
    ),
    _host("spool_files", "Answers kept on this host's disk.", lambda one: one.spool_files),
    _host("spool_set_aside", "Kept answers that could not be stored.", lambda one: one.spool_set_aside),
    _host("spool_has_room", "0 when this host could keep no answer and sends nothing.", lambda one: one.spool_has_room),
)
_QUEUE = (
    _queue("jobs", "Jobs that wait for a worker.", lambda one: one.jobs),
    _queue("workers", "Workers that are known to listen.", lambda one: one.workers),
)
_CALLS = (
    _calls("webhook_events_waiting", "Calls of providers that were not read yet.", lambda all: all.calls.waiting),
    _calls(
        "webhook_events_waiting_oldest_seconds",
        "How long the oldest of them has waited.",
        lambda all: _seconds(all.calls.waiting_since, all.at),
    ),
    _calls("webhook_events_failed", f"Calls that could not be read. {_COUNTED}", lambda all: all.calls.failed),
    _calls("webhook_deliveries_waiting", "Events that others are still to be told.", lambda all: all.told.waiting),
    _calls(
        "webhook_deliveries_waiting_oldest_seconds",
        "How long ago the oldest of them happened.",
        lambda all: _seconds(all.told.waiting_since, all.at),
    ),
    _calls("webhooks_paused", "Webhooks to other systems that are paused.", lambda all: all.told.paused),
    _calls("receipts_never_matched", f"Reports about no message. {_COUNTED}", lambda all: all.calls.never_matched),
)
