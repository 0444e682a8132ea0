"""Django's request handler without the product: its own address book, its own short chain of checks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import Http404, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.log import log_response

logger = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SandboxRequest(WSGIRequest):
    """A request to the sandbox: resolved by its own URLs, with the body that the server has already read."""

    urlconf = "messaging.sandbox.urls"

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        self._body = environ["sandbox.body"]  # set so that Django's upload limit does not apply: the server has one

    def get_host(self) -> str:
        """The Host header; `SandboxHandler` has checked it before any view asks."""
        return self.META.get("HTTP_HOST", "")


class SandboxHandler(WSGIHandler):
    """Loads no middleware of the product, so that the sandbox runs while the product's services are down."""

    request_class = SandboxRequest

    def load_middleware(self, is_async: bool = False) -> None:
        """The whole chain: one check around the view."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = _guarded(self._get_response)  # type: ignore[attr-defined] # Django's own, unstubbed


def _guarded(view: Callable[[SandboxRequest], HttpResponse]) -> Callable[[SandboxRequest], HttpResponse]:
    def answer(request: SandboxRequest) -> HttpResponse:
        response = _refusal(request) or _answered(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # Django logs an answer once: this line, in place of its own with the path, in which phone numbers stand.
        log_response("The sandbox answered %s.", response.status_code, response=response, logger=logger, level="debug")
        return response

    def _answered(request: SandboxRequest) -> HttpResponse:
        try:
            return view(request)
        except Http404:
            return _plain("There is nothing at this address of the sandbox.", 404)
        except PermissionDenied:
            return _plain("This is not allowed.", 403)
        except (BadRequest, SuspiciousOperation, MultiPartParserError):
            return _plain("The request cannot be read.", 400)
        except Exception:
            logger.exception("The sandbox failed to answer a request.")
            return _plain("The sandbox itself failed; its log says why.", 500)

    return answer


def _refusal(request: SandboxRequest) -> HttpResponse | None:
    """A page elsewhere must be able neither to read the sandbox nor to press its buttons."""
    if not _is_local(request.get_host()):
        return _plain("The sandbox answers on this machine's own name only.", 400)
    if request.method in SAFE_METHODS:
        return None
    origin = request.headers.get("Origin", "")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none") or origin not in ("", f"http://{request.get_host()}"):
        return _plain("This request came from another site's page.", 403)
    return None


def _is_local(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]")
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
