"""The floor of a campaign that keeps what Parley keeps of it: the same rows, by COPY, and nothing else.

It stands between the floor and Parley. The step to it is what contacts, conversations, results and records of requests
cost with their keys, indexes and triggers; the step from it to Parley is claims, consent, look-ups and planning.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from conversations.management.benchmark.campaign_floor import SENT, Asked, Row
from conversations.models import AttemptResult, Contact, Conversation, Message, SendAttempt, Stream
from conversations.services.campaigns.copying import cell, copy, json_cell, next_ids


class OurRows:
    """Keeps the chunks of a floor as rows of the product, on one stream. All its people are new."""

    name = "floor with our rows"
    leaves_out = (
        "writes the rows that Parley writes of a campaign, in one process, and does nothing else: nothing is claimed, "
        "looked up, locked or checked, and no row is counted."
    )

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def keep(self, asked: Sequence[Asked]) -> None:
        """Write what became of these requests, in one transaction."""
        now = timezone.now()
        rows = [row for one in asked for row in one.rows]
        with transaction.atomic():
            attempts = _write(
                SendAttempt(
                    stream=self._stream,
                    is_bulk=True,
                    **dict.fromkeys(("started_at", "on_wire_at", "finished_at"), now),
                    operation="Floor",
                    http_status=200,
                    request_method="POST",
                ),
                ("claim", "request_body", "response_body"),
                ((str(uuid.uuid4()), cell(one.request.decode()), cell(one.answer.decode())) for one in asked),
            )
            contacts = _write(
                Contact(last_name="Customer", created_at=now, updated_at=now), ("phone",), ((row[1],) for row in rows)
            )
            conversations = _write(
                Conversation(
                    stream=self._stream,
                    status="dormant",
                    last_message_at=now,
                    last_message_preview=SENT,
                    last_message_direction="out",
                    created_at=now,
                ),
                ("contact_id",),
                ((str(contact),) for contact in contacts),
            )
            ids = [external_id for one in asked for external_id in one.ids]
            messages = self._write_messages(rows, ids, conversations, now)
            carried = [str(attempt) for attempt, one in zip(attempts, asked, strict=True) for _ in range(len(one.rows))]
            results = zip(messages, carried, ids, strict=True)
            _write(
                AttemptResult(outcome="accepted", on_wire=True),
                ("message_id", "attempt_id", "external_id"),
                ((str(message), attempt, external_id or "") for message, attempt, external_id in results),
            )

    def _write_messages(
        self, rows: Sequence[Row], ids: Sequence[str | None], conversations: Sequence[int], now: datetime
    ) -> list[int]:
        same = Message(
            stream=self._stream,
            direction="out",
            kind="text",
            purpose="service",
            body=SENT,
            status="accepted",
            attempt_count=1,
            **dict.fromkeys(("queued_at", "on_wire_at", "sent_at", "created_at"), now),
        )
        given = zip(rows, ids, conversations, strict=True)
        return _write(
            same,
            ("ref", "external_id", "conversation_id"),
            ((row[0], external_id or "", str(conversation)) for row, external_id, conversation in given),
        )


def _write(same: models.Model, names: Sequence[str], differing: Iterable[Sequence[str]]) -> list[int]:
    """Copy a row for each of `differing`, which has the cells of these attributes; all else is as in `same`."""
    cells = list(differing)
    fields = {field.attname: field for field in same._meta.concrete_fields if field.attname != "id"}
    columns = [str(fields.pop(name).column) for name in names]
    always = "\t".join(_cell(field, getattr(same, field.attname)) for field in fields.values())
    ids = next_ids(same._meta.db_table, len(cells))
    lines = ["\t".join((str(pk), *one, always)) for pk, one in zip(ids, cells, strict=True)]
    copy(same._meta.db_table, ["id", *columns, *(str(field.column) for field in fields.values())], lines)
    return ids


def _cell(field: models.Field[Any, Any], value: Any) -> str:
    if isinstance(field, models.JSONField):
        return json_cell(value)
    return cell(field.get_db_prep_save(value, connection))
