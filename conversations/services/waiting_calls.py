"""Calls that wait to be read, many at a time: a campaign brings one or two reports for each of its people.

A transaction for each is most of what they cost, so plain reports are applied in sets: those that a message which is
here, and on nobody's wire, went out, arrived or was read. All else is read call by call (inbound.py), as every call
may be: a set does what its reports would do one by one in the order of their ranks.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from conversations import queue
from conversations.models import Message, WebhookEvent
from conversations.models.message import LEGAL_MOVES, Direction
from conversations.models.message import MessageStatus as Status
from conversations.models.webhook import WebhookEventStatus
from conversations.services import inbound, lifecycle
from messaging.registry import provider_class
from messaging.types import DeliveryReport

logger = logging.getLogger(__name__)

GO_ON_SECONDS = 10.0  # so long a worker reads what waits; then other jobs have their turn
SET = 200  # calls
TIME_OF = {Status.SENT: "", Status.DELIVERED: "delivered_at", Status.READ: "read_at"}  # good news, by rank


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of nothing but reports of good news about messages that can be named."""

    event: WebhookEvent
    reports: Sequence[DeliveryReport]


def process_what_waits() -> None:
    """Read what waits, the oldest first, until nothing does; after GO_ON_SECONDS another job goes on.

    A job costs a new process with new connections.
    """
    ends = time.monotonic() + GO_ON_SECONDS
    while (left := _process_set()) is not None:
        for pk in left:
            inbound.process_webhooks([pk])
            if time.monotonic() > ends:
                break
        if time.monotonic() > ends:
            queue.hint_once("process_webhooks", queue=queue.DEFAULT)
            return


def _process_set() -> list[int] | None:
    """Apply the plain reports among the oldest calls that wait; the others' ids, or None when no call waits."""
    waiting = WebhookEvent.objects.filter(status=WebhookEventStatus.RECEIVED).order_by("id").select_related("account")
    with transaction.atomic():
        events = list(waiting.select_for_update(skip_locked=True, of=("self",))[:SET])
        calls: defaultdict[int, list[_Call]] = defaultdict(list)
        for event in events:
            if reports := _good_news(event):
                calls[event.account_id].append(_Call(event, reports))
        done: set[int] = set()
        for account_id, of_account in sorted(calls.items()):  # as another worker does: they wait for one another
            try:
                with transaction.atomic():
                    done |= _record(account_id, of_account)
            except (OperationalError, InterfaceError, JobTimeoutException):
                raise  # nothing is wrong with the calls: they are read again
            except Exception:
                logger.exception("Reports of account %s broke as a set; they are read one by one.", account_id)
    return [event.pk for event in events if event.pk not in done] if events else None


def _good_news(event: WebhookEvent) -> list[DeliveryReport]:
    """The reports of a call that holds nothing else; none of a call that is to be read by itself."""
    try:
        found = provider_class(event.account.provider).parse_hook(inbound.hook_of(event))
    except JobTimeoutException:
        raise
    except Exception:
        return []
    reports = [inbound.with_plausible_time(one) for one in found if isinstance(one, DeliveryReport)]
    plain = [one for one in reports if one.status.value in TIME_OF and (one.external_id or _uuid(one.ref))]
    return plain if len(plain) == len(found) else []


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _record(account_id: int, calls: Sequence[_Call]) -> set[int]:
    """Keep the reports of these calls and raise their messages; the calls that are read now."""
    messages = _Messages(account_id, [report for call in calls for report in call.reports])
    plain = [call for call in calls if all(messages.takes(report) for report in call.reports)]
    if not plain:
        return set()
    told: dict[str, tuple[WebhookEvent, DeliveryReport]] = {}
    for call in plain:
        for report in call.reports:
            told.setdefault(report.key[:200], (call.event, report))
    new = _keep(account_id, [(event, report, messages.of(report)) for event, report in told.values()])
    for status, column in TIME_OF.items():
        times: dict[Message, datetime] = {}
        for key, (_, report) in told.items():
            if key in new and report.status.value == status:
                times.setdefault(messages.of(report), report.occurred_at or timezone.now())
        _raise(times, status, column)
    _finish((call, messages.of(call.reports[-1])) for call in plain)
    return {call.event.pk for call in plain}


class _Messages:
    """The messages of an account that reports are about, locked in the order of their ids."""

    def __init__(self, account_id: int, reports: Iterable[DeliveryReport]) -> None:
        refs = {ref for report in reports if (ref := _uuid(report.ref))}
        ids = {report.external_id for report in reports if not _uuid(report.ref)}
        ours = Message.objects.filter(stream__account=account_id, direction=Direction.OUT).order_by()
        found = [*ours.filter(ref__in=refs).values_list("pk"), *ours.filter(external_id__in=ids).values_list("pk")]
        fields = ("ref", "status", "external_id", "resolve_after", "stream_id")
        rows = Message.objects.select_for_update(no_key=True).only(*fields).order_by("pk")
        locked = list(rows.filter(pk__in=[pk for (pk,) in found]))
        self._by_ref = {message.ref: message for message in locked}
        self._by_id = {message.external_id: message for message in locked if message.external_id}

    def of(self, report: DeliveryReport) -> Message:
        """The message that a report which it takes is about."""
        message = self._find(report)
        assert message is not None
        return message

    def takes(self, report: DeliveryReport) -> bool:
        """Is the message here, is its answer stored, and does nothing follow but its status?"""
        message = self._find(report)
        if message is None or message.status == Status.SENDING or message.resolve_after:
            return False
        return bool(message.external_id) or not report.external_id

    def _find(self, report: DeliveryReport) -> Message | None:
        if ref := _uuid(report.ref):
            return self._by_ref.get(ref)
        return self._by_id.get(report.external_id)


_KEEP = """
    INSERT INTO conversations_receipt
           (account_id, message_id, webhook_event_id, key, status, external_id, ref, phone, code, text,
            occurred_at, received_at)
    SELECT %s, message_id, webhook_event_id, key, status, external_id, ref, phone, code, text, occurred_at, %s
      FROM jsonb_to_recordset(%s::jsonb) AS told (
           message_id bigint, webhook_event_id bigint, key text, status text, external_id text, ref text, phone text,
           code text, text text, occurred_at timestamptz)
    ON CONFLICT (account_id, key) DO NOTHING
    RETURNING key
"""


def _keep(account_id: int, told: Iterable[tuple[WebhookEvent, DeliveryReport, Message]]) -> set[str]:
    """Keep these reports; the keys of those that were not here."""
    rows = [
        {
            "message_id": message.pk,
            "webhook_event_id": event.pk,
            "key": report.key[:200],
            "status": report.status.value,
            "external_id": report.external_id,
            "ref": report.ref,
            "phone": report.phone,
            "code": report.code[:60],
            "text": report.text,
            "occurred_at": report.occurred_at.isoformat() if report.occurred_at else None,
        }
        for event, report, message in told
    ]
    return {key for (key,) in _execute(_KEEP, [account_id, timezone.now(), json.dumps(rows)])}


def _raise(times: Mapping[Message, datetime], status: Status, column: str) -> None:
    come_from = [one for one in LEGAL_MOVES if lifecycle.raises(one, status)]
    lifecycle.move(
        list(times),
        status,
        come_from=come_from,
        reason="Receipt",
        moments=(column, {message.pk: at for message, at in times.items()}) if column else None,
        lease_until=None,
        failure_code="",
        failure_text="",
    )


_FINISH = """
    UPDATE conversations_webhookevent AS event
       SET status = 'processed', error = '', processed_at = %s, summary = told.summary, stream_id = told.stream_id
      FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS told (id, summary, stream_id)
     WHERE event.id = told.id
    RETURNING event.id
"""


def _finish(calls: Iterable[tuple[_Call, Message]]) -> None:
    rows = [(call.event.pk, inbound.summary_of(call.reports), message.stream_id) for call, message in calls]
    _execute(_FINISH, [timezone.now(), *map(list, zip(*rows, strict=True))])


def _execute(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
