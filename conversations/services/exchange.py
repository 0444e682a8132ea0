"""One request to a provider and what it came to: the only place where a provider's fault is caught."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conversations.models import SendAttempt
from messaging.errors import (
    ConfigurationError,
    CredentialsRefused,
    NotSent,
    ProviderError,
    Refused,
    Throttled,
    Unconfirmed,
    UnsupportedFeature,
)
from messaging.providers.base import Operation, Provider
from messaging.types import Answer, Outcome, RecipientResult, Request, SendResult

logger = logging.getLogger(__name__)

LARGEST_KEPT_BODY = 20_000  # characters of a request or answer kept with the attempt
KEPT_OF_ATTEMPT = ("operation", "http_status", "request_method", "request_url", "request_body", "response_body")


class Fenced(Exception):
    """Somebody else has taken over or the message may no longer be sent: nothing was written to the wire."""


@dataclass(slots=True)
class Exchange:
    """What one request came to. `retry_after` is what the provider asked for, in seconds."""

    result: SendResult
    retry_after: float | None = None
    request: Request | None = None
    answer: Answer | None = None
    operation: str = ""

    def describe(self, attempt: SendAttempt) -> None:
        """Keep what went over the wire with the attempt, without its headers: they hold the credentials."""
        attempt.operation = self.operation
        if self.request is not None:
            attempt.request_method = self.request.method
            attempt.request_url = self.request.url[:500]
            attempt.request_body = _kept(self.request.body)
        if self.answer is not None:
            attempt.http_status = self.answer.status
            attempt.response_body = _kept(self.answer.body)


def exchange(
    provider: Provider,
    plan: Callable[[], Operation[SendResult]],
    *,
    refs: Sequence[str],
    put_on_wire: Callable[[], None],
) -> Exchange:
    """Plan, connect, put on the wire, send, read. `refs` are our references of the messages it carries.

    `put_on_wire` runs between connect and the first byte. Raises Fenced, and nothing else, when that does: then
    nothing was written.
    """
    on_wire = False

    def mark() -> None:
        nonlocal on_wire
        put_on_wire()
        on_wire = True

    done = Exchange(SendResult(()))

    def same_for_all(outcome: Outcome, code: str, text: str) -> SendResult:
        return SendResult(tuple(RecipientResult(ref, outcome, code=code, text=text) for ref in refs))

    try:
        operation = plan()
        done.operation = type(operation).__name__
        done.request = operation.build_request(provider.account)
        done.answer = provider.transport.send(done.request, hosts=provider.hosts, on_wire=mark)
        done.result = operation.parse_response(done.answer)
    except Fenced:
        raise
    except (ConfigurationError, UnsupportedFeature) as error:
        done.result = same_for_all(Outcome.REFUSED, "configuration", str(error))
    except (NotSent, Throttled) as error:
        done.retry_after = error.retry_after if isinstance(error, Throttled) else None
        done.result = same_for_all(Outcome.RETRY, error.code, error.text)
    except CredentialsRefused as error:
        done.result = same_for_all(Outcome.BLOCKED, error.code, error.text)
    except Refused as error:
        done.result = same_for_all(Outcome.REFUSED, error.code, error.text)
    except (Unconfirmed, ProviderError) as error:
        done.answer = done.answer or error.answer
        done.result = same_for_all(Outcome.UNCONFIRMED, error.code, error.text)
    except Exception:
        # A fault of ours, or the job's time-out, at an unknown moment: the wire mark decides.
        logger.exception("A request broke")
        outcome = Outcome.UNCONFIRMED if on_wire else Outcome.RETRY
        done.result = same_for_all(outcome, "internal_fault", "Something broke here, not at the provider.")
    return done


def kept_of(attempt: SendAttempt) -> dict[str, Any]:
    """What describe() has put on an attempt, as plain values: they may lie on a disk meanwhile."""
    return {name: getattr(attempt, name) for name in KEPT_OF_ATTEMPT}


def put_back(attempt: SendAttempt, kept: Mapping[str, Any]) -> None:
    """Set on an attempt what kept_of() took from it."""
    for name in KEPT_OF_ATTEMPT:
        setattr(attempt, name, kept[name])


def _kept(body: bytes) -> str:
    return body.decode(errors="backslashreplace").replace("\x00", "\\x00")[:LARGEST_KEPT_BODY]
