"""Numbers for people who may not see them: the one place where every answer to such a person is gone through.

Whoever lacks `see_numbers` reads `+44 •••• ••2543`, in pages, parts of pages, JSON, downloads and what customers
wrote. A number that the request itself names stays: whoever typed it knows it. Links that lead on with a number lead
on with the contact (`contact-12`) instead. Files that customers sent are as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from conversations.models import Contact, User
from messaging.phone import mask

MASKED_TYPES = ("text/html", "text/plain", "text/csv", "application/json")
NATIONAL = 9  # digits at the end of a number that tell it from others, however it is written
_IN_LINKS = re.compile(r"(?<=[?&;]to=)%2B(\d{7,15})")
_NUMBER = re.compile(r"(?:\+|%2B|&#x2B;|\\u002[bB])[1-9](?:[ \-.()\u00a0]{0,2}\d){6,14}")
_NATIONAL = re.compile(r"(?<![\d.:/\-+])0[1-9](?:[ \-]?\d){8,10}(?![\d.:/\-])")
_CELL = re.compile(r"(?<![\d.:/\-])[1-9]\d{0,2}(?: ?\d){8,13}(?![\d.:/\-])")


class MaskNumbersMiddleware:
    """Masks what leaves for people without `see_numbers`; costs others a question about their rights."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        response = self.get_response(request)
        # The database was away before anybody knew who asks (django.contrib.auth keeps whom it found): the answer names
        # nobody, and to ask again is to wait again.
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and not hasattr(request, "_cached_user"):
            return response
        kind = response.get("Content-Type", "").partition(";")[0]
        if kind in MASKED_TYPES and sees_masked(request):
            _mask(response, Masker(known=_typed(request), in_cells=kind == "text/csv"))
        return response


def sees_masked(request: HttpRequest) -> bool:
    """Is this somebody who may not see numbers?"""
    user: Any = getattr(request, "user", None)
    return isinstance(user, User) and user.is_authenticated and not user.has_perm("conversations.see_numbers")


def _typed(request: HttpRequest) -> str:
    """The digits of what the request brought, value by value."""
    values = [value for data in (request.GET, request.POST) for name in data for value in data.getlist(name)]
    if request.content_type == "application/json":
        values += request.body.decode(errors="replace").split('"')
    return " ".join("".join(letter for letter in value if letter.isdecimal()) for value in values)


def _mask(response: HttpResponseBase, masker: Masker) -> None:
    content: Any = response
    if getattr(response, "streaming", False):
        content.streaming_content = _masked_pieces(content.streaming_content, masker)
    else:
        content.content = masker.text(content.content.decode())
    if response.has_header("Content-Length"):
        del response["Content-Length"]
        if not getattr(response, "streaming", False):
            response["Content-Length"] = str(len(content.content))


def _masked_pieces(pieces: Iterable[bytes], masker: Masker) -> Iterator[bytes]:
    """Line by line: a piece may end within a number."""
    rest = ""
    for piece in pieces:
        whole, newline, rest = (rest + piece.decode()).rpartition("\n")
        if newline:
            yield masker.text(whole + newline).encode()
    if rest:
        yield masker.text(rest).encode()


class Masker:
    """Masks the numbers of texts. `known` are digits whose numbers stay; `in_cells` numbers may lack their plus."""

    def __init__(self, *, known: str = "", in_cells: bool = False) -> None:
        self.known = known
        self.in_cells = in_cells

    def text(self, text: str) -> str:
        """The text with every number masked, and with contacts in the place of numbers in links."""
        wanted = {f"+{found}" for found in _IN_LINKS.findall(text)}
        contacts = dict(Contact.objects.filter(phone__in=wanted).values_list("phone", "pk")) if wanted else {}
        text = _IN_LINKS.sub(
            lambda found: f"contact-{contacts[number]}" if (number := f"+{found[1]}") in contacts else found[0], text
        )
        text = _NATIONAL.sub(self._one, _NUMBER.sub(self._one, text))
        return _CELL.sub(self._one, text) if self.in_cells else text

    def _one(self, found: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", re.sub(r"%2B|&#x2B;|\\u002[bB]", "", found[0]))
        if digits[-NATIONAL:] in self.known:
            return found[0]
        return f"•••• {digits[-4:]}" if digits.startswith("0") else mask(f"+{digits}")
