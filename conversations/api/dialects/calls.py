"""What every door of a dialect has in common: whose key it is, what the body says, and how a refusal is worded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from conversations.api.json_text import can_be_stored, read_strictly
from conversations.models import ApiKey, User
from conversations.services import api_rates, idempotency
from conversations.services.api_keys import acting_user, find_api_key
from conversations.services.idempotency import Answer

JSON = "application/json; charset=utf-8"
UNREADABLE = "The request is not readable as JSON in UTF-8. Look at its body and at its Content-Type."
_REPLAY = "Idempotent-Replay"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Refused(Exception):
    """The answer is no; `response` says so in the dialect's words, `sentence` why, where that stands in it alone."""

    def __init__(self, response: JsonResponse, sentence: str = "") -> None:
        super().__init__(response.status_code)
        self.sentence = sentence
        self.response = response


class Face(ABC):
    """How one dialect is told whose key a request carries, and how it words its refusals."""

    @abstractmethod
    def key_of(self, request: HttpRequest) -> str:
        """The text of the key that a request carries; empty when it carries none."""

    @abstractmethod
    def refusal(self, status: int, sentence: str = "", code: str = "") -> JsonResponse:
        """A refusal: in our sentence where there is one, else in the words that the provider has for the status."""

    def refuse(self, status: int, sentence: str = "", code: str = "") -> NoReturn:
        """Raise that refusal."""
        raise Refused(self.refusal(status, sentence, code))


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a program, with the key it carries and the user whom the key acts for.

    `waits` when it may ask a provider, as looking a number up at WhatsApp does.
    """

    request: HttpRequest
    face: Face
    key: ApiKey
    user: User
    waits: bool

    def needs(self, scope: str) -> None:
        """Refuse with 403 when the key was not made for that."""
        if scope not in self.key.scopes:
            self.face.refuse(403, f"This key may not be used for that: it lacks the scope {scope}.", "scope_missing")

    def data(self) -> Any:
        """The JSON value of the body. Refuses with 415 what is not said to be JSON, and with 400 what is none."""
        if self.request.content_type != "application/json":
            self.face.refuse(415, "Send the body as application/json.", "content_type")
        return read_json(self.face, self.body())

    def body(self) -> bytes:
        """The body as it came. Refuses with 413 one that is too long."""
        try:
            return self.request.body
        except RequestDataTooBig:
            self.face.refuse(413, "The request is too large.", "too_large")
        except UnreadablePostError:
            self.face.refuse(400, UNREADABLE, "unreadable")


def read_json(face: Face, text: str | bytes) -> Any:
    """The value of a JSON text. Refuses with 400 what is none, and what no text of ours can hold."""
    try:
        value = read_strictly(text)
    except ValueError:
        face.refuse(400, UNREADABLE, "unreadable")
    if not can_be_stored(value):
        face.refuse(400, "The request holds a character that cannot be kept. Leave it out.", "unreadable")
    return value


def row_id(text: str) -> int:
    """The id that a part of an address spells; 0, which nothing has, for everything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


Operation = Callable[..., JsonResponse]


def door(face: Face, *, waits: bool = False, **operations: Operation) -> Callable[..., HttpResponse]:
    """A view for one address: an operation by method, each called with a Call and what the address holds.

    `waits` says that they ask a provider: a write then has no transaction around it.
    """

    @csrf_exempt  # a program has no session and no cookie: the key in a header is what proves it
    @login_not_required
    @never_cache
    def view(request: HttpRequest, **captured: str) -> HttpResponse:
        try:
            return _answered(request, face, operations, captured, waits=waits)
        except Refused as refused:
            return refused.response
        except (OperationalError, InterfaceError):
            return face.refusal(503)

    return view


def nothing_here(face: Face) -> Callable[..., HttpResponse]:
    """A view for every other address of a dialect: there is nothing, in the dialect's words."""

    def nothing(call: Call, rest: str) -> JsonResponse:
        face.refuse(404)

    return door(face, waits=False, **dict.fromkeys(METHODS, nothing))


def _answered(
    request: HttpRequest, face: Face, operations: dict[str, Operation], captured: dict[str, str], *, waits: bool
) -> HttpResponse:
    key = find_api_key(face.key_of(request))
    if key is None:
        face.refuse(401)
    rate = api_rates.count(key)
    if rate.is_over:
        response: HttpResponse = face.refusal(429)
        response["Retry-After"] = str(rate.reset)
    else:
        response = _let_in(request, face, operations, captured, key, waits=waits)
    for name, value in rate.headers.items():
        response[name] = value
    return response


def _let_in(
    request: HttpRequest,
    face: Face,
    operations: dict[str, Operation],
    captured: dict[str, str],
    key: ApiKey,
    *,
    waits: bool,
) -> HttpResponse:
    if any("\x00" in value for value in captured.values()):
        face.refuse(404)
    operation = operations.get(request.method or "")
    if operation is None:
        response = face.refusal(405)
        response["Allow"] = ", ".join(operations)
        return response
    user = acting_user(key)
    request.user = user  # the middleware masks numbers for whoever may not see them
    call = Call(request, face, key, user, waits or request.method == "GET")
    repeat_key = request.headers.get("Idempotency-Key", "").strip()
    try:
        if not repeat_key or request.method == "GET":
            return _done(operation, call, captured)
        return _once(repeat_key, operation, call, captured)
    except Refused as refused:
        return refused.response


def _done(operation: Operation, call: Call, captured: dict[str, str]) -> JsonResponse:
    """The answer of an operation. A write that refuses leaves nothing behind.

    What waits for a provider has no transaction around it: it takes a while, and a question to WhatsApp counts even
    when there is no answer.
    """
    try:
        with nullcontext() if call.waits else transaction.atomic():
            return operation(call, **captured)
    except Refused as refused:
        return refused.response
    except ValidationError as error:
        return call.face.refusal(400, " ".join(error.messages), error.code or "")


def _once(repeat_key: str, operation: Operation, call: Call, captured: dict[str, str]) -> HttpResponse:
    """The same, done once for a key of the caller's: repeated, the first answer is given again."""
    if len(repeat_key) > idempotency.LONGEST_KEY:
        call.face.refuse(400, f"An Idempotency-Key has {idempotency.LONGEST_KEY} characters at most.", "key_too_long")
    request = call.request
    fingerprint = idempotency.fingerprint_of(
        request.method or "", request.get_full_path(), request.headers.get("Content-Type", ""), call.body()
    )

    def act() -> Answer:
        response = _done(operation, call, captured)
        return Answer(response.status_code, response.content.decode())

    try:
        answer = idempotency.once(call.key, repeat_key, fingerprint, act, waits=call.waits)
    except ValidationError as error:
        return call.face.refusal(_REPEAT_STATUS.get(error.code or "", 409), " ".join(error.messages), error.code or "")
    response = HttpResponse(answer.body, status=answer.status, content_type=JSON)
    if answer.is_replay:
        response[_REPLAY] = "true"
    return response


_REPEAT_STATUS = {"key_reused": 422, "under_way": 409}
