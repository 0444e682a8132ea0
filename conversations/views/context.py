"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The handset's address where there is a sandbox, and how pages look for whoever looks."""
    user = getattr(request, "user", None)
    looks = {"theme": "", "density": ""}
    if user is not None and user.is_authenticated:
        looks = {"theme": user.theme, "density": user.density}
    return {"sandbox_url": settings.SANDBOX_URL, **looks}
