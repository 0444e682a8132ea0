"""What a program reads when something is refused: always `{code, message, field}`, with the sentences of the pages."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as MalformedRequest
from pydantic import BaseModel, ConfigDict, Field

CONFLICTS = frozenset(
    (
        *("already_settled", "too_late", "changed_meanwhile", "may_have_arrived", "taken", "another_is_open"),
        *("under_way", "no_longer"),
    )
)
FORBIDDEN = frozenset(("not_allowed", "scope_missing"))
BODY, QUERY = "given", "asked"  # what operations call the parameters that hold a whole body or a whole query

UNKNOWN_KEY = "This key is not known, has ended or was revoked. Send Authorization: Bearer and a key that works."


def no_scope(scope: str) -> str:
    """The sentence for a key that is for other things."""
    return f"This key may not be used for that: it has no scope {scope}. Ask an administrator for one that has."


EXAMPLES: Mapping[int, tuple[str, dict[str, Any]]] = {
    400: (
        "The request cannot be read",
        {"code": "not_json", "message": "The body is not JSON. Send an object in UTF-8.", "field": None},
    ),
    401: (
        "No key, or one that does not work",
        {
            "code": "key_refused",
            "message": UNKNOWN_KEY,
            "field": None,
        },
    ),
    403: (
        "The key, or whom it acts for, may not do this",
        {
            "code": "scope_missing",
            "message": no_scope("send"),
            "field": None,
        },
    ),
    404: (
        "Not there, or not for this key to see",
        {"code": "not_found", "message": "There is nothing at this address that this key may see.", "field": None},
    ),
    409: (
        "Something else was quicker",
        {
            "code": "under_way",
            "message": "A request with this Idempotency-Key is being worked on. Wait a moment and send it again.",
            "field": None,
        },
    ),
    413: (
        "Too large",
        {"code": "too_large", "message": "The body is larger than 256 kB. Send less at once.", "field": None},
    ),
    415: (
        "Not JSON",
        {"code": "not_json", "message": "Send the body as application/json.", "field": None},
    ),
    422: (
        "A rule says no; nothing was stored or sent",
        {"code": "empty_body", "message": "Write a message first.", "field": "body"},
    ),
    429: (
        "More requests than the key may make in a minute",
        {"code": "too_many_requests", "message": "300 requests a minute are the most. Go on in 20 s.", "field": None},
    ),
}
"""What each status means, and an answer with it, for the reference."""

FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("empty_body", "unsendable_character", "replaced_words", "body_too_long"), "body"),
    **dict.fromkeys(("scheduled_in_the_past", "scheduled_too_far", "time_missing", "no_time"), "scheduled_for"),
    **dict.fromkeys(("valid_until_too_early", "valid_until_too_late"), "valid_until"),
    **dict.fromkeys(
        ("media_missing", "media_link", "media_not_possible", "media_not_wanted", "media_expired"), "media"
    ),
    "empty_remark": "text",
    **dict.fromkeys(("wording_missing", "business_not_named"), "wording"),
    "business_missing": "business_name",
    "proof_missing": "evidence",
    "older_than_opt_out": "occurred_at",
    "number_changed": "people",
    "reason_missing": "reason",
    "snooze_in_the_past": "until",
    "number_known": "phone",
    "number_elsewhere": "phone",
    "number_kept": "phone",
}
"""The fields that codes of services speak of; an operation may say otherwise."""


class Refusal(BaseModel):
    """Why nothing was done: a code for programs, a sentence for people, and the field it is about."""

    model_config = ConfigDict(title="Refusal")

    code: str = Field(description="Stays the same when the sentence changes.")
    message: str = Field(description="What happened and what to do, for people.")
    field: str | None = Field(description="The field of the request that it is about; null when it is about all of it.")


class Refused(Exception):
    """Raised where an operation cannot go on; answered with `status` and a Refusal."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.field = status, code, message, field


def refusal(
    status: int, code: str, message: str, field: str | None = None, *, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """The answer to a request that is refused."""
    return JsonResponse({"code": code, "message": message, "field": field}, status=status, headers=headers)


def not_found() -> HttpResponse:
    """The answer where there is nothing, or nothing that the key's user may see: nobody can tell which."""
    return refusal(404, EXAMPLES[404][1]["code"], EXAMPLES[404][1]["message"])


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of what broke: JSON for programs, the page for people. Nothing of a broken write is stored.

    A database that does not answer is no fault of the page: 503, and come back.
    """
    if isinstance(sys.exception(), (OperationalError, InterfaceError)):
        return _database_away(request)
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    sentence = "Something broke here, not on your side, and nothing was done. Send the same again with the same key."
    return refusal(500, "broken", sentence)


def _database_away(request: HttpRequest) -> HttpResponse:
    if not request.path.startswith("/api/"):
        answer: HttpResponse = defaults.server_error(request, template_name="503.html")
        answer.status_code = 503
    else:
        sentence = "The database does not answer. Wait a moment and send the same again with the same key."
        answer = refusal(503, "database_away", sentence)
    answer["Retry-After"] = "10"
    return answer


def refused_by_a_rule(error: ValidationError, fields: Mapping[str, str] | None = None) -> HttpResponse:
    """What a service or a form said: 409 for what others were quicker to change, 403 for a right that is missing."""
    field, first = None, error
    if hasattr(error, "error_dict"):
        name, found = next(iter(error.error_dict.items()))
        field, first = (None if name == NON_FIELD_ERRORS else name), found[0]
    elif error.error_list:
        first = error.error_list[0] if len(error.error_list) == 1 else error
    code = getattr(first, "code", None) or "refused"
    status = 409 if code in CONFLICTS else 403 if code in FORBIDDEN else 422
    return refusal(status, code, " ".join(first.messages), field or (fields or {}).get(code) or FIELDS.get(code))


def malformed(errors: Sequence[Mapping[str, Any]]) -> HttpResponse:
    """What is wrong with the first field that cannot be read."""
    first = errors[0]
    _source, *path = first["loc"]
    names = [str(name) for name in path if name not in (BODY, QUERY)]
    field = ".".join(names) or None
    if field is None and first["type"] in ("missing", "none_required"):
        return refusal(422, "missing", "Send a body: a JSON object with the fields of this operation.")
    code, sentence = _SENTENCES.get(first["type"], ("", ""))
    if not code:  # one of ours, which says it all
        code, sentence = first["type"], first["msg"]
    limits = {name: value for name, value in first.get("ctx", {}).items() if isinstance(value, int | float | str)}
    try:
        sentence = sentence % ({"field": field or "The body"} | limits)
    except (KeyError, TypeError, ValueError):
        sentence = f"{field or 'The body'} cannot be read. See the reference."
    return refusal(422, code, sentence, field)


_SENTENCES: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "Give %(field)s."),
    "extra_forbidden": ("unknown_field", "There is no field %(field)s here. Leave it out."),
    "string_type": ("wrong_type", "%(field)s has to be text."),
    "string_too_long": ("too_long", "%(field)s may have %(max_length)s characters at most."),
    "string_too_short": ("too_short", "%(field)s needs %(min_length)s characters at least."),
    "string_pattern_mismatch": ("wrong_value", "%(field)s is not written as it has to be. See the reference."),
    "int_type": ("wrong_type", "%(field)s has to be a whole number."),
    "int_parsing": ("wrong_type", "%(field)s has to be a whole number."),
    "int_parsing_size": ("out_of_range", "%(field)s is too large."),
    "int_from_float": ("wrong_type", "%(field)s has to be a whole number."),
    "bool_type": ("wrong_type", "%(field)s has to be true or false."),
    "bool_parsing": ("wrong_type", "%(field)s has to be true or false."),
    "list_type": ("wrong_type", "%(field)s has to be a list."),
    "dict_type": ("wrong_type", "%(field)s has to be an object."),
    "model_type": ("wrong_type", "%(field)s has to be an object."),
    "model_attributes_type": ("wrong_type", "%(field)s has to be an object."),
    "too_long": ("too_long", "%(field)s may have %(max_length)s entries at most."),
    "too_short": ("too_short", "%(field)s needs %(min_length)s entries at least."),
    "greater_than": ("out_of_range", "%(field)s has to be more than %(gt)s."),
    "greater_than_equal": ("out_of_range", "%(field)s has to be %(ge)s or more."),
    "less_than": ("out_of_range", "%(field)s has to be less than %(lt)s."),
    "less_than_equal": ("out_of_range", "%(field)s has to be %(le)s or less."),
    "literal_error": ("not_a_choice", "%(field)s has to be one of %(expected)s."),
    "enum": ("not_a_choice", "%(field)s has to be one of %(expected)s."),
}


def answer_exceptions(api: NinjaAPI) -> None:
    """Give every exception that an operation may raise its answer; what is left is a fault of ours."""

    @api.exception_handler(Refused)
    def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
        return refusal(error.status, error.code, error.message, error.field)

    @api.exception_handler(ValidationError)
    def _rule(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return refused_by_a_rule(error)

    @api.exception_handler(MalformedRequest)
    def _malformed(request: HttpRequest, error: MalformedRequest) -> HttpResponse:
        return malformed(error.errors)

    @api.exception_handler(Http404)
    def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return not_found()

    @api.exception_handler(PermissionDenied)
    def _denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        sentence = "Whom this key acts for may not do this. Ask an administrator for the right, or for another key."
        return refusal(403, "not_allowed", sentence)

    @api.exception_handler(HttpError)
    def _unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
        return refusal(error.status_code, EXAMPLES[400][1]["code"], EXAMPLES[400][1]["message"])
