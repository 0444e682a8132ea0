"""Turns the sandbox's templates into answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template import Context, Engine

_ROOM = Path(__file__).resolve().parent.parent
THEMES = ("light", "dark")
THEME_COOKIE = "sandbox_theme"

View = Callable[..., HttpResponse]


@cache
def _engine() -> Engine:
    return Engine(
        dirs=[str(_ROOM / "templates")],
        libraries={},
        builtins=["lucide.templatetags.lucide", "messaging.sandbox.templatetags.sandbox_pages"],
    )


def markup(template: str, context: Mapping[str, Any]) -> str:
    """One of the sandbox's templates, filled in."""
    return _engine().get_template(f"sandbox/{template}").render(Context(dict(context)))


def page(request: HttpRequest, template: str, context: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """A whole page in the theme that its reader chose (or, none chosen, the computer's)."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    known = {"theme": theme if theme in THEMES else "", "address": request.get_full_path()}
    response = HttpResponse(markup(template, known | dict(context)), status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def posts_only(view: View) -> View:
    """Answers 405 to anything but POST. Django's own decorator would log the path, and paths hold phone numbers."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **parts: Any) -> HttpResponse:
        return view(request, *args, **parts) if request.method == "POST" else HttpResponseNotAllowed(["POST"])

    return guarded
