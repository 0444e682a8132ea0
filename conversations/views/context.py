"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from conversations.views.notifications import Bell


def site(request: HttpRequest) -> dict[str, Any]:
    """The handset's address where there is a sandbox, how pages look for whoever looks, and what their bell says."""
    user = getattr(request, "user", None)
    theirs: dict[str, Any] = {"theme": "", "density": ""}
    if user is not None and user.is_authenticated:
        theirs = {"theme": user.theme, "density": user.density, "bell": Bell(user)}
    return {"sandbox_url": settings.SANDBOX_URL, **theirs}
