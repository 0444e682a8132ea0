"""The door of the API: whose key it is, whether it asks too often, and what may come in at all.

A request acts as the key's user, narrowed to the key's streams: whatever asks `visible_to(request.user)` finds no more
than that, and the pages' masking of numbers works as it does for pages. There is no session and no cookie, so no
other site can make a browser do anything here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from ninja.parser import Parser

from conversations.api.errors import UNKNOWN_KEY, not_found, refusal
from conversations.api.json_text import read_strictly
from conversations.models import ApiKey, User
from conversations.services import api_rates
from conversations.services.api_keys import acting_user, find_api_key
from conversations.services.api_rates import Rate

BEARER = re.compile(r"Bearer +(\S+)", re.IGNORECASE)
WHO_ARE_YOU = {"WWW-Authenticate": 'Bearer realm="Parley"'}

View = Callable[..., HttpResponseBase]


def user_of(request: HttpRequest) -> User:
    """Whom the key acts for, narrowed to the key's streams."""
    assert isinstance(request.user, User)
    return request.user


def key_of(request: HttpRequest) -> ApiKey:
    """The key that the request came with."""
    key: ApiKey = request.api_key  # type: ignore[attr-defined]
    return key


def through_the_door(view: View) -> View:
    """A view that only whoever has a working key reaches, and not too often."""

    @csrf_exempt
    @login_not_required
    @wraps(view)
    def enter(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = _key_in(request.headers.get("Authorization", ""))
        if key is None:
            sentence = "Send Authorization: Bearer and a key. Keys are made in the administration."
            if "Authorization" in request.headers:
                sentence = UNKNOWN_KEY
            return _finished(refusal(401, "key_refused", sentence, headers=WHO_ARE_YOU))
        rate = api_rates.count(key)
        if rate.is_over:
            sentence = f"{rate.limit} requests a minute are the most. Go on in {rate.reset} s."
            wait = {"Retry-After": str(rate.reset)}
            return _finished(refusal(429, "too_many_requests", sentence, headers=wait), rate)
        request.user, request.api_key = acting_user(key), key  # type: ignore[attr-defined]
        return _finished(_answer(request, view, args, kwargs), rate)

    return enter


def _key_in(header: str) -> ApiKey | None:
    found = BEARER.fullmatch(header.strip())
    return find_api_key(found[1]) if found else None


def _answer(request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> HttpResponseBase:
    if "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path:
        return refusal(400, "unreadable_address", "An address may not hold the character NUL.")
    try:
        request.body  # noqa: B018 - read here, so that what cannot be read is answered in one place
    except RequestDataTooBig:
        return refusal(413, "too_large", "The body is too large. Send less at once.")
    except UnreadablePostError:
        return refusal(400, "unreadable_body", "The body broke off. Send it again.")
    response = view(request, *args, **kwargs)
    if response.status_code == 405:
        allowed = response.headers.get("Allow", "")
        sentence = f"{request.method} does nothing at this address. It takes {allowed}."
        return refusal(405, "method_not_allowed", sentence, headers={"Allow": allowed})
    return response


def _finished(response: HttpResponseBase, rate: Rate | None = None) -> HttpResponseBase:
    """With what every answer says: whose it is, that it is not for shared caches, and what is left of the minute."""
    response.headers.setdefault("Cache-Control", "private, no-cache")
    patch_vary_headers(response, ("Authorization",))
    if rate is not None:
        for name, value in rate.headers.items():
            response[name] = value
    return response


class StrictParser(Parser):
    """JSON as the standard has it: no NaN, nothing that is nested beyond reason, UTF-8 only."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body; ValueError for what is no JSON, which is answered 400."""
        return read_strictly(request.body)


def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Every other address below the API's."""
    return not_found()
