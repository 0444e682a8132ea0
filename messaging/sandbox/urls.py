"""The sandbox's whole address book: the providers by their slugs, the pages, the control API, static files."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path

from . import control
from .calls import unknown_address
from .plays import plays


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the sandbox answers at all."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def static_file(request: HttpRequest, name: str) -> HttpResponse:
    """A file of the sandbox, of django_htmx or of the project, found as `runserver` finds it."""
    found = finders.find(name)
    if not isinstance(found, str) or not Path(found).is_file():
        raise Http404
    kind, _ = mimetypes.guess_type(found)
    response = HttpResponse(Path(found).read_bytes(), content_type=kind or "application/octet-stream")
    response["Cache-Control"] = "no-cache"
    return response


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("control/", include(control.urlpatterns)),
    path("", include("messaging.sandbox.pages_urls")),
    path("static/<path:name>", static_file),
]
for _play in plays().values():
    urlpatterns += [
        path(f"{_play.slug}/", include(list(_play.urlpatterns))),
        re_path(rf"^{_play.slug}/.*$", unknown_address(_play.face)),
    ]
