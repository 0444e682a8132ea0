"""What every call to CCAI Platform has in common: Basic authentication, the address, and how a refusal reads.

A refusal is HTTP 400 with `{"message": "..."}`. Each documented text has our code; others keep their words.
The provider reserves the right to add keys to its answers, so unknown ones are ignored.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from messaging.errors import ConfigurationError, Refused
from messaging.providers.base import Account
from messaging.providers.outcomes import raise_for_status, text_at
from messaging.providers.values import iso_moment
from messaging.providers.values import phone as phone
from messaging.providers.values import record as record
from messaging.providers.values import records as records
from messaging.providers.values import text as text
from messaging.types import Answer, Request

LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # one label of a host name
DOMAIN = rf"({LABEL}\.)+{LABEL}"
TOKEN = r"[\x21-\x7e]{1,1000}"  # noqa: S105 the form of a token, not one
DEFAULT_DOMAIN = "uc1.ccaiplatform.com"

CHAT_ID = re.compile(r"[0-9]{1,19}")
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this would be the year 5138

REFUSALS = {
    "chat_type needs to be provided": "chat_type_missing",
    "valid chat type needs to be provided": "chat_type_refused",
    "SMS is not enabled": "sms_not_enabled",
    "Outbound SMS is not enabled": "outbound_not_enabled",
    "end_user_number is required": "recipient_number_missing",
    "end_user_number is invalid": "recipient_number_refused",
    "Non-US phone number not allowed": "non_us_number",
    "outbound_number is required": "sender_missing",
    "outbound_number is invalid": "sender_refused",
    "outbound_number is not found": "sender_not_found",
    "message is required": "message_missing",
    "Outbound SMS failed. Consumer is already in an active SMS session.": "session_active",
    "Chat is already ended": "conversation_ended",
    "Not Found": "not_found",
}


def make_request(account: Account, method: str, path: str, payload: Any = None) -> Request:
    """A request with `subdomain:token` as Basic authentication.

    The address is the account's, with `{subdomain}` and `{domain}` filled in where it still has them. Raises
    ConfigurationError for a subdomain or domain that is no host name and for a token that cannot be one.
    """
    subdomain = account.credentials.get("subdomain", "")
    domain = account.credentials.get("domain") or DEFAULT_DOMAIN
    token = account.credentials.get("token", "")
    if not re.fullmatch(LABEL, subdomain):
        raise ConfigurationError(
            f"The subdomain {subdomain[:70]!r} of the CCAI Platform account cannot be one: enter only the first part "
            "of the address that agents sign in at."
        )
    if not re.fullmatch(DOMAIN, domain):
        raise ConfigurationError(f"The domain {domain[:70]!r} cannot be one: enter it like {DEFAULT_DOMAIN}.")
    if not re.fullmatch(TOKEN, token):
        raise ConfigurationError(
            "The token of the CCAI Platform account is missing or holds a space or another character that no token "
            "has: make a new one in Settings > Developer Settings > API Credentials."
        )
    url = account.base_url.replace("{subdomain}", subdomain).replace("{domain}", domain) + path
    headers = {"Authorization": "Basic " + b64encode(f"{subdomain}:{token}".encode()).decode()}
    if payload is None:
        return Request(method, url, headers)
    return Request(method, url, {**headers, "Content-Type": "application/json"}, json.dumps(payload).encode())


def chat_path(chat_id: str) -> str:
    """The path of one chat; ConfigurationError for an id that is not a number."""
    if not CHAT_ID.fullmatch(chat_id):
        raise ConfigurationError(f"The chat id {chat_id[:40]!r} is not a number.")
    return f"/chats/{chat_id}"


def raise_for_refusal(answer: Answer) -> None:
    """Return for a 2xx answer; raise what any other status proves, with the provider's words and our code."""
    words = text(text_at(answer, "message"))
    try:
        raise_for_status(answer, words)
    except Refused as refusal:
        refusal.code = REFUSALS.get(words.strip(), Refused.code)
        raise


def kind_of(kind: str, content: str) -> tuple[str, str]:
    """Of a customer's message of their `kind`: ours, text or other, and the word for one that cannot be shown."""
    if kind in ("text", "markdown", ""):
        return ("text", "") if content else ("other", "empty message")
    return "other", kind


def number(value: Any) -> int | None:
    """A whole number given as a number or as its text; None for anything else."""
    digits = text(value)
    return int(digits) if re.fullmatch(r"-?[0-9]{1,18}", digits) else None


def read_moment(value: Any) -> datetime | None:
    """An aware UTC time from ISO 8601 text or from seconds or milliseconds since 1970, or None."""
    given = number(value)
    try:
        if given is not None:
            return datetime.fromtimestamp(given / 1000 if given >= _MILLISECONDS_FROM else given, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return iso_moment(value)
