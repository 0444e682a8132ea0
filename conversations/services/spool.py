"""An answer in hand while the database is away: kept on this host's disk until it can be stored.

A file per attempt, written and flushed before the worker forgets the answer; the dispatcher of this host replays
what lies there. Replaying is harmless: the outcome counts only for the claim it belongs to.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils.dateparse import parse_datetime

from conversations.models import Message, SendAttempt
from conversations.services import outcomes
from conversations.services.campaigns import recording
from conversations.services.campaigns.recording import AtHand, RequestOutcome, Window
from conversations.services.exchange import kept_of
from messaging.types import Outcome, RecipientResult, SendResult

logger = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError)
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 3.0, 3.0)  # seconds between tries: 12 in all


def record_surely(
    attempt: SendAttempt,
    messages: Sequence[Message],
    result: SendResult,
    *,
    wait: timedelta,
    retry_after: float | None,
) -> None:
    """Store an outcome as outcomes.record does; while the database is away try again, then keep it on disk."""
    _surely(
        lambda: outcomes.record(attempt, messages, result, wait=wait, retry_after=retry_after),
        lambda: keep(attempt, messages, result, wait=wait),
    )


def record_window_surely(window: Window, at_hand: AtHand) -> None:
    """Store a window of a campaign's chunk as recording.record does; while the database is away as above."""
    _surely(lambda: recording.record(window, at_hand), lambda: _write(f"{uuid4()}.json", {"window": asdict(window)}))


def _surely(record: Callable[[], None], keep: Callable[[], Path]) -> None:
    for pause in (*PAUSES, None):
        try:
            record()
            return
        except DATABASE_AWAY:
            connection.close()
            if pause is not None:
                time.sleep(pause)
    keep()


def keep(attempt: SendAttempt, messages: Sequence[Message], result: SendResult, *, wait: timedelta) -> Path:
    """Write an outcome to disk and flush it; returns the file."""
    content = {
        "claim": str(attempt.claim),
        "messages": [message.pk for message in messages],
        "on_wire_at": attempt.on_wire_at.isoformat() if attempt.on_wire_at else None,
        "attempt": kept_of(attempt),
        "results": [asdict(one) for one in result.results],
        "request_id": result.request_id,
        "wait": wait.total_seconds(),
    }
    path = _write(f"{attempt.claim}.json", content)
    logger.error("The database is away: the answer to attempt %s is kept on disk.", attempt.pk)
    return path


def _write(name: str, content: dict[str, Any]) -> Path:
    directory = _directory()
    path = directory / name
    unfinished = path.with_suffix(".part")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return path


def has_room() -> bool:
    """Could an answer be kept here now? Without room nothing may be sent: its answer could be lost."""
    return shutil.disk_usage(_directory()).free >= settings.SPOOL_FREE_MEGABYTES * 1024 * 1024


def count() -> tuple[int, int]:
    """How many answers wait on this host's disk, and how many were set aside."""
    names = [path.suffix for path in Path(settings.SPOOL_DIR).glob("*.*")]
    return names.count(".json"), names.count(".unreadable")


def replay() -> int:
    """Store what lies on this host's disk; returns how many answers that were.

    A file that cannot be stored because the database is away again stays. One that cannot be read, or that the
    database will not take, is set aside: it must not hold up the others, nor the dispatcher.
    """
    stored = 0
    for path in sorted(Path(settings.SPOOL_DIR).glob("*.json")):
        try:
            stored += _store(json.loads(path.read_text()))
        except FileNotFoundError:
            continue  # another process of this host was quicker
        except DATABASE_AWAY:
            raise
        except Exception:
            logger.exception("The kept answer %s cannot be stored; it is set aside.", path.name)
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(".unreadable"))
        path.unlink(missing_ok=True)
    return stored


def _store(content: dict[str, Any]) -> bool:
    if "window" in content:
        recording.record(_window(content["window"]))
        return True
    attempt = SendAttempt.objects.filter(claim=content["claim"]).select_related("stream__account").first()
    if attempt is None:
        return False
    attempt.on_wire_at = _moment(content["on_wire_at"])
    messages = list(
        Message.objects.filter(pk__in=content["messages"]).select_related("stream__account", "conversation__contact")
    )
    results = tuple(_result(one) for one in content["results"])
    outcomes.record_late(
        attempt,
        content["attempt"],
        SendResult(results, content["request_id"]),
        messages=messages,
        wait=timedelta(seconds=content["wait"]),
    )
    return True


def _window(kept: dict[str, Any]) -> Window:
    requests = [
        RequestOutcome(**{**one, "results": [_result(result) for result in one["results"]]}) for one in kept["requests"]
    ]
    refused = {int(place): (code, text) for place, (code, text) in kept["refused"].items()}
    return Window(**{**kept, "requests": requests, "refused": refused})


def _result(kept: dict[str, Any]) -> RecipientResult:
    return RecipientResult(**{**kept, "outcome": Outcome(kept["outcome"])})


def _moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None


def _directory() -> Path:
    directory = Path(settings.SPOOL_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory
