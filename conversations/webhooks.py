"""Where providers call us: `/hooks/<token>/` of an account or a stream. Stored raw and answered; a job reads it."""

from __future__ import annotations

import logging
from dataclasses import replace

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from conversations.services import hook_addresses, refused_calls
from conversations.services.inbound import TOO_LARGE, store_webhook
from messaging.errors import WebhookRefused
from messaging.types import HookRequest

logger = logging.getLogger(__name__)
security = logging.getLogger("parley.security")

LARGEST_BODY = 256 * 1024
FORBIDDEN = 403
TOO_LARGE_HEADER = "x-parley-too-large"  # config/asgi.py reads bodies, and says so in place of one that is too long


@csrf_exempt  # a provider has no session and no cookie; the address is the secret, a signature where there is one
@login_not_required
@require_http_methods(["POST", "HEAD"])
def receive(request: HttpRequest, token: str) -> HttpResponse:
    """200 once the call is stored; 403 not theirs, 404 unknown address, 413 too large, 503 call again later.

    400 is for a body that nobody can read; it is stored too.
    """
    try:
        return HttpResponse(status=_receive(request, token))
    except (OperationalError, InterfaceError):
        logger.warning("A call to a webhook could not be stored: the database is away.")
        return HttpResponse(status=503)


def _receive(request: HttpRequest, token: str) -> int:
    target = hook_addresses.target_of(token)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if target is None:
        return TOO_LARGE if TOO_LARGE_HEADER in headers else 404
    if request.method == "HEAD":
        return 200
    try:
        body = request.body
    except RequestDataTooBig:
        body = None
    except UnreadablePostError:
        return 400
    hook = HookRequest(
        method="POST",
        headers=headers,
        body=body or b"",
        received_at=timezone.now(),
        content_type=request.content_type or "",
    )
    if body is None or len(body) > LARGEST_BODY or TOO_LARGE_HEADER in headers:
        reason = f"The call is larger than {LARGEST_BODY // 1024} kB."
        refused_calls.keep(
            target.account, replace(hook, body=b""), stream=target.stream, status=TOO_LARGE, reason=reason
        )
        return TOO_LARGE
    try:
        store_webhook(target.account, hook, stream=target.stream)
    except WebhookRefused as error:
        security.warning("A call to the webhook of account %s was refused: %s", target.account.pk, error)
        if error.status == FORBIDDEN:  # what nobody can read is kept as a failed call
            refused_calls.keep(target.account, hook, stream=target.stream, status=error.status, reason=str(error))
        return error.status
    return 200
