"""Addresses below /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, include, path

from conversations.api import reference
from conversations.api.door import nothing_here, through_the_door
from conversations.api.site import api


def _operations() -> list[URLPattern]:
    """Every operation behind the door; ninja's own root, which would lead to its pages, is left out."""
    return [
        URLPattern(one.pattern, through_the_door(one.callback), one.default_args, one.name)
        for one in api.urls[0]
        if isinstance(one, URLPattern) and one.name != "api-root"
    ]


urlpatterns = [
    path("", reference.page, name="api-reference"),
    path("openapi.json", reference.openapi, name="api-document"),
    path("", include((_operations(), "api"))),
    path("<path:rest>", through_the_door(nothing_here), name="api-nothing-here"),
]
