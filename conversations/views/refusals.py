"""A page for people where Django alone would answer with nothing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin


class PageOfRefusalMiddleware(MiddlewareMixin):
    """An address that only takes a form, opened from the history or by a browser that opens its tabs again."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if isinstance(response, HttpResponseNotAllowed) and not response.content and shows_pages(request):
            response.content = render_to_string("405.html", request=request)
        return response


def shows_pages(request: HttpRequest) -> bool:
    """Does a browser ask for something that it shows as a page, and not a program or a script of a page?"""
    return "text/html" in request.headers.get("Accept", "")
