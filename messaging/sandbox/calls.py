"""What every provider endpoint has in common: who calls, which fault strikes, the answer, and the ledger."""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from . import faults, ledger
from .database import writing
from .faults import NO_FAULT, ActiveFault, Stage
from .models import SandboxAccount, VirtualPhone
from .server import Delivery, Manner

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answers: a JSON value, or `raw` bytes in its place."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = JSON

    def content(self) -> bytes:
        """The body as it goes over the wire; a 204 has none."""
        if self.raw is not None:
            return self.raw
        if self.status == 204:
            return b""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


class Refused(Exception):
    """The provider says no; `answer` holds its words."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Face(ABC):
    """How one provider recognises its callers and words its refusals."""

    slug: ClassVar[str]

    @abstractmethod
    def accounts(self, request: HttpRequest) -> Iterable[SandboxAccount]:
        """The accounts whose credentials the request carries (none or one)."""

    @abstractmethod
    def refusal(self, status: int, account: SandboxAccount | None) -> Answer:
        """The body for 401, 404, 405, 429 or any 5xx."""


class Call:
    """One call of a provider by a known account, while it is being answered."""

    def __init__(self, request: HttpRequest, face: Face, account: SandboxAccount) -> None:
        self.request = request
        self.face = face
        self.account = account
        self.phones: list[str] = []
        self.fault: ActiveFault = NO_FAULT  # the first one that was met

    def check_account(self) -> None:
        """Refuse above the account's rate, and for an account fault that strikes before anything is read."""
        limit = self.account.requests_per_second
        if limit is not None and not _rates.allow(self.account.pk, limit):
            raise Refused(self.face.refusal(429, self.account))
        self._strike(faults.take(self.account, (Stage.REFUSE, Stage.ANSWER)))

    def arriving_at(self, numbers: Sequence[str]) -> dict[str, ActiveFault]:
        """Say which phones (E.164) this request is for; call after validation and before accepting.

        Returns what the network will do with each one's message. Raises Refused when a fault of one of the phones
        strikes before accepting.
        """
        self.phones = list(numbers)
        self._strike(faults.take(self.account, (Stage.NETWORK,)))
        if self.fault is not NO_FAULT:  # the account's: it comes before those of the phones
            return dict.fromkeys(numbers, self.fault)
        outcomes = dict.fromkeys(numbers, NO_FAULT)
        for phone in VirtualPhone.objects.filter(number__in=set(numbers)).exclude(fault=faults.OK.key):
            outcomes[phone.number] = faults.take(phone)
        for fault in outcomes.values():
            self._strike(fault)
        return outcomes

    def _strike(self, fault: ActiveFault) -> None:
        if self.fault is NO_FAULT:
            self.fault = fault
        if fault.stage == Stage.REFUSE:
            raise Refused(_refusal(fault, self.face, self.account))

    def data(self) -> Any:
        """The JSON body; None when there is no readable one."""
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError):
            return None


class _Rates:
    """Counts each account's requests of the last second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: dict[int, deque[float]] = defaultdict(deque)

    def allow(self, account_id: int, limit: int) -> bool:
        """May one more request pass?"""
        now = time.monotonic()
        with self._lock:
            recent = self._recent[account_id]
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= limit:
                return False
            recent.append(now)
            return True


_rates = _Rates()

Operation = Callable[..., Answer]


def operation(face: Face, **methods: Operation) -> Callable[..., HttpResponse]:
    """A Django view over one address of a provider: one function per HTTP method.

    The function gets the `Call` and the parts of the path and returns an `Answer` or raises `Refused`. It runs
    alone among all requests, in one transaction that a refusal does not undo, so it validates before it writes.
    """

    def view(request: HttpRequest, **parts: Any) -> HttpResponse:
        began = time.monotonic()
        with writing():
            return _answered(request, face, methods, parts, began)

    return view


def _answered(
    request: HttpRequest, face: Face, methods: Mapping[str, Operation], parts: Mapping[str, Any], began: float
) -> HttpResponse:
    call: Call | None = None
    try:
        account = next(iter(face.accounts(request)), None)
        if account is None:
            raise Refused(face.refusal(401, None))
        call = Call(request, face, account)
        call.check_account()
        method = methods.get(request.method or "")
        if method is None:
            raise Refused(face.refusal(405, account))
        answer = method(call, **parts)
    except Refused as refused:
        answer = refused.answer
    return _deliver(request, face, call, answer, began)


def _deliver(request: HttpRequest, face: Face, call: Call | None, answer: Answer, began: float) -> HttpResponse:
    """Let the fault have its way with the answer, and write both into the ledger."""
    account = call.account if call else None
    fault = call.fault if call else NO_FAULT
    answer, delivery = _spoiled(answer, fault, face, account)
    response = HttpResponse(
        answer.content(), status=answer.status, content_type=answer.content_type, headers=dict(answer.headers)
    )
    response.delivery = delivery  # type: ignore[attr-defined] # for server.py
    silent = delivery.manner in (Manner.RESET, Manner.CLOSE)
    ledger.record_request(
        request,
        provider=face.slug,
        account=account,
        body=request.body,
        status=None if silent else answer.status,
        answer_headers={} if silent else dict(response.items()),
        answer_body=b"" if silent else response.content,
        duration_ms=(time.monotonic() - began + delivery.after_seconds) * 1000,
        phones=call.phones if call else (),
        fault="" if fault is NO_FAULT else fault.key,
        outcome=_in_words(delivery),
    )
    return response


def unknown_address(face: Face) -> Callable[..., HttpResponse]:
    """A view for every address that the provider's documents do not have: its 404, also in the ledger."""

    def nothing(call: Call) -> Answer:
        raise Refused(face.refusal(404, call.account))

    return operation(face, **dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), nothing))


def _refusal(fault: ActiveFault, face: Face, account: SandboxAccount) -> Answer:
    if fault.key == "throttled":
        retry_after = fault.settings.get("retry_after")
        answer = face.refusal(429, account)
        return answer if retry_after is None else replace(answer, headers={"Retry-After": str(retry_after)})
    if fault.key == "redirect":
        location = str(fault.settings.get("location", "/healthz"))
        return Answer(fault.status(302), headers={"Location": location}, raw=b"")
    return face.refusal(401 if fault.key == "unauthorized" else fault.status(500), account)


def _spoiled(answer: Answer, fault: ActiveFault, face: Face, account: SandboxAccount | None) -> tuple[Answer, Delivery]:
    """The answer as the fault leaves it, and how it is to be delivered."""
    match fault.key:
        case "slow":
            return answer, Delivery(after_seconds=fault.seconds(30))
        case "reset_before" | "reset_after":
            return answer, Delivery(Manner.RESET)
        case "closed_after":
            return answer, Delivery(Manner.CLOSE)
        case "half_answer":
            return answer, Delivery(Manner.HALF)
        case "one_byte_per_second":
            return answer, Delivery(Manner.DRIP)
        case "error_after":
            return face.refusal(fault.status(500), account), Delivery()
        case "garbage":
            return replace(answer, raw=bytes(range(128, 256)) + b"\x00{]"), Delivery()
        case "html_answer":
            return replace(
                answer, raw=b"<!doctype html><title>Maintenance</title>", content_type="text/html"
            ), Delivery()
        case "empty_answer":
            return replace(answer, raw=b""), Delivery()
        case "wrong_types":
            return replace(answer, body={"status": ["ok"], "data": 7, "messages": "two", "id": {}}), Delivery()
        case "missing_recipient" | "other_order" | "other_format":
            return replace(answer, body=_rearranged(answer.body, fault.key)), Delivery()
        case _:
            return answer, Delivery()


def _rearranged(body: Any, how: str) -> Any:
    """The same answer with its list of recipients tampered with."""
    if not isinstance(body, dict):
        return body
    lists = {key: value for key, value in body.items() if isinstance(value, list) and value and key != "errors"}
    changed = {}
    for key, rows in lists.items():
        if how == "missing_recipient":
            changed[key] = rows[:-1]
        elif how == "other_order":
            changed[key] = rows[::-1]
        else:
            changed[key] = [_renumbered(row) for row in rows]
    return {**body, **changed}


def _renumbered(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    return {
        key: _toggle_plus(value) if key in ("to", "recipient") and isinstance(value, str) else value
        for key, value in row.items()
    }


def _toggle_plus(number: str) -> str:
    return number[1:] if number.startswith("+") else f"+{number}"


def _in_words(delivery: Delivery) -> str:
    if delivery.after_seconds:
        return f"answered after {delivery.after_seconds:g} s"
    return "" if delivery.manner == Manner.WHOLE else delivery.manner.value
