"""For whoever watches the processes: is this one alive, can it work, and how is the engine doing?"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.queue import broker_answers
from conversations.services import operations
from conversations.services.clock import database_now
from conversations.views.metrics import exposition

_migrations_seen = False  # once they were applied they stay so for as long as this process runs


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL answers and holds the tables that this code expects, 503 otherwise.

    Valkey and the dispatcher are only told: without them pages work and messages leave a little later.
    """
    found: dict[str, Any] = {"database": False, "migrations": False}
    try:
        now = database_now()
        found["database"] = True
        found["migrations"] = _migrations_are_applied()
        led_at = operations.led_at() if found["migrations"] else None
        found["dispatcher"] = operations.is_fresh(led_at, now)
        found["dispatcher_seconds"] = None if led_at is None else round((now - led_at).total_seconds(), 1)
    except Error:
        found["database"] = False
    found["broker"] = broker_answers()
    ready = found["database"] and found["migrations"]
    return JsonResponse({"ready": ready, **found}, status=200 if ready else 503)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of services/operations.py in the text that Prometheus reads.

    For METRICS_TOKEN as a bearer token, and for administrators who are signed in; 401 to strangers, 403 to others.
    While PostgreSQL is away a bearer is told so: the answer holds `parley_database_up 0`.
    """
    if not _bears_the_token(request):
        if not request.user.is_authenticated:
            return _refused(401, "Send METRICS_TOKEN as a bearer token, or sign in as an administrator.\n")
        if not request.user.has_perm("conversations.manage_accounts"):
            return _refused(403, "The metrics are for those who manage accounts and streams.\n")
    text, content_type = exposition(request.headers.get("Accept", ""))
    return HttpResponse(text, content_type=content_type)


def _bears_the_token(request: HttpRequest) -> bool:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    expected = settings.METRICS_TOKEN
    return bool(expected) and scheme.lower() == "bearer" and compare_digest(token.strip().encode(), expected.encode())


def _refused(status: int, sentence: str) -> HttpResponse:
    headers = {"WWW-Authenticate": 'Bearer realm="metrics"'} if status == 401 else {}
    return HttpResponse(sentence, content_type="text/plain", status=status, headers=headers)


def _migrations_are_applied() -> bool:
    global _migrations_seen
    if not _migrations_seen:
        executor = MigrationExecutor(connection)
        _migrations_seen = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrations_seen
