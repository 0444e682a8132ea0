"""The last guard before a log line leaves: numbers and secrets are masked whatever code wrote the line."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

_LONG_NUMBER = re.compile(r"\+?\d(?:[ \-().]?\d){6,14}(?!\d)")
_SECRET = re.compile(r"(?i)\b(bearer|basic|x-auth-key[:=]?)\s+\S+|/hooks/[^/\s]+")
# PostgreSQL quotes the whole row that it refuses, a message's words among it.
_ROW = re.compile(r"Failing row contains \(.*?(?=\n\nThe above exception|\n\nDuring handling|\Z)", re.DOTALL)
_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}")


def mask(text: str) -> str:
    """The text with runs of seven or more digits, authorisation values, webhook addresses and rows covered."""
    text = _ROW.sub("Failing row contains •••", text)
    text = _SECRET.sub(lambda found: found.group(0)[:6] + "•••", text)
    return _LONG_NUMBER.sub(_cover, text)


def _cover(found: re.Match[str]) -> str:
    number = found.group(0)
    if _TIME.match(number):
        return number
    return number[:3] + "•••" + number[-2:]


class JsonLine(logging.Formatter):
    """One line of JSON for each entry: at, level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. What it says was masked by the filter before."""
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info or record.exc_text:
            entry["traceback"] = record.exc_text or mask(self.formatException(record.exc_info or (None, None, None)))
        return json.dumps(entry, ensure_ascii=False)


class NotOfDialects(logging.Filter):
    """Drops what Django says of a refusal by its address where addresses hold customers' numbers; faults stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        path = getattr(getattr(record, "request", None), "path", "")
        return record.exc_info is not None or not path.startswith("/dialects/")


class MaskPersonalData(logging.Filter):
    """Masks the finished message of a record and drops its arguments; tracebacks are masked too."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = mask(logging.Formatter().formatException(record.exc_info))
        return True
