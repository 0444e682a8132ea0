"""Where providers call us: `/hooks/<account token>/`. Stored raw and answered at once; read by a job."""

from __future__ import annotations

import logging
import re

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from conversations.models import ProviderAccount
from conversations.services.inbound import store_webhook
from messaging.errors import WebhookRefused
from messaging.types import HookRequest

logger = logging.getLogger(__name__)
security = logging.getLogger("parley.security")

LARGEST_BODY = 256 * 1024
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


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
    account = ProviderAccount.objects.filter(webhook_token=token).first() if TOKEN.fullmatch(token) else None
    if account is None:
        return 404
    if request.method == "HEAD":
        return 200
    try:
        body = request.body
    except RequestDataTooBig:
        return 413
    except UnreadablePostError:
        return 400
    if len(body) > LARGEST_BODY:
        return 413
    hook = HookRequest(
        method="POST",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        received_at=timezone.now(),
        content_type=request.content_type or "",
    )
    try:
        store_webhook(account, hook)
    except WebhookRefused as error:
        security.warning("A call to the webhook of account %s was refused: %s", account.pk, error)
        return error.status
    return 200
