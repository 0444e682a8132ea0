"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The handset's address where there is a sandbox, and the theme of whoever looks."""
    user = getattr(request, "user", None)
    theme = user.theme if user is not None and user.is_authenticated else ""
    return {"sandbox_url": settings.SANDBOX_URL, "theme": theme}
