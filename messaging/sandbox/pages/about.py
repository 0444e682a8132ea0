"""What the sandbox plays as a provider's documents describe it, and what it makes up."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from messaging.sandbox.faults import FAULTS
from messaging.sandbox.plays import plays

from .rendering import THEME_COOKIE, THEMES, page, posts_only

DOCUMENTED = (
    "Every address, method, credential, check, status and error text of the providers’ own documents.",
    "Webex Interact’s events for submitted, delivered and failed messages, answers and opt-outs.",
    "Cirrus’s events OnNew and OnNewChild, in which a customer’s answer arrives.",
    "CCAI Platform’s signature of its events (X-Signature).",
    "WhatsApp’s 24 hours: they begin with the customer’s last message, and only templates arrive outside them.",
    "A number that opted out with Webex Interact is still answered “queued”, and nothing arrives.",
)
OF_THE_NETWORK = (
    "How long a message takes to arrive, and when it is read.",
    "A webhook that is not answered with success within 10 seconds is posted again, seven times at most.",
    "A phone that blocked the business, or is switched off, reports nothing.",
)
"""What belongs to no single provider; each provider's own extensions are with its endpoints."""


def about(request: HttpRequest) -> HttpResponse:
    """GET /about/."""
    context = {
        "section": "about",
        "documented": DOCUMENTED,
        "extensions": [(play.label, play.extensions) for play in plays().values() if play.extensions]
        + [("The network", OF_THE_NETWORK)],
        "documented_faults": [fault for fault in FAULTS if fault.documented],
        "made_up_faults": [fault for fault in FAULTS if not fault.documented],
    }
    return page(request, "about.html", context)


@posts_only
def choose_theme(request: HttpRequest) -> HttpResponse:
    """POST /theme/: `theme` is light or dark, or anything else for the computer's own; then back to `next`."""
    back, theme = request.POST.get("next", ""), request.POST.get("theme", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    response = HttpResponseRedirect(back if safe else "/handset/", status=303)
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=365 * 24 * 3600, samesite="Lax", httponly=True)
    else:
        response.delete_cookie(THEME_COOKIE)
    return response
