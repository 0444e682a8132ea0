"""The icons as one sprite that browsers keep: drawn from the lucide wheel, so no drawing is stored here."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from zipfile import ZipFile

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

# fmt: off
NAMES = frozenset(
    (
        "activity", "arrow-left", "arrow-right", "arrow-up-down", "at-sign", "ban", "battery-full", "bell", "braces",
        "calendar-clock", "calendar-x", "chart-column", "check", "check-check", "check-line", "chevron-down",
        "chevron-left", "circle-alert", "circle-check", "circle-dashed", "circle-question-mark", "circle-stop", "clock",
        "clock-alert", "copy", "download", "ellipsis", "external-link", "eye", "file-down", "file-text", "flag",
        "funnel", "hourglass", "image", "inbox", "info", "key-round", "keyboard", "layers", "layout-template", "link",
        "list-checks", "loader", "lock", "log-out", "mail", "mail-open", "map-pin", "megaphone", "menu", "merge",
        "message-circle", "message-square", "message-square-quote", "message-square-text", "mic", "monitor", "moon",
        "panel-right", "pause", "pencil", "phone", "play", "plus", "printer", "reply", "rows-3", "search", "send",
        "settings", "share-2", "shield-check", "shield-question-mark", "signal", "smartphone", "smile", "sticky-note",
        "sun", "table", "tag", "timer", "triangle-alert", "undo-2", "upload", "user", "user-check", "user-plus",
        "user-x", "users", "video", "volume-2", "wifi", "wifi-off", "x"
    )
)
# fmt: on
YEAR = 365 * 24 * 60 * 60


@cache
def sprite() -> str:
    """An SVG with a symbol for each of NAMES; how they look is decided by the page that uses them."""
    symbols = []
    # Not by lucide's own tag, which reads the table of contents anew for each icon: half a second for all of ours.
    with (files("lucide") / "lucide.zip").open("rb") as file, ZipFile(file) as drawings:
        for name in sorted(NAMES):
            drawing = drawings.read(f"{name}.svg").decode()
            inner = drawing[drawing.index(">") + 1 : drawing.rindex("</svg>")]
            symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(inner.split(chr(10)))}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'


@cache
def version() -> str:
    """Changes when the sprite does, so that browsers may keep it for a year."""
    return hashlib.sha256(sprite().encode()).hexdigest()[:6]


@login_not_required
@require_safe
@cache_control(public=True, max_age=YEAR, immutable=True)
def icons(request: HttpRequest) -> HttpResponse:
    """Serve the sprite; pages name its version in the address."""
    return HttpResponse(sprite(), content_type="image/svg+xml")
