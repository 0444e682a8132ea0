"""Reports faults to Sentry where a site asks for it; nothing is imported or sent where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.logs import mask

_LEFT_OUT = frozenset({"request", "user", "breadcrumbs", "extra", "server_name"})  # addresses, cookies, bodies, people


def start_reporting(dsn: str) -> None:
    """Report faults to this address. Raises ImproperlyConfigured without the package `sentry-sdk`."""
    try:
        sentry: Any = import_module("sentry_sdk")
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(
            "SENTRY_DSN is set and the package sentry-sdk is not installed. Install it, or leave SENTRY_DSN empty."
        ) from error
    sentry.init(
        dsn=dsn,
        before_send=before_send,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
    )


def before_send(event: Mapping[str, Any], hint: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent of a fault: where it happened, and words that are masked as in logs."""
    kept = {name: value for name, value in event.items() if name not in _LEFT_OUT}
    return {name: _masked(value) for name, value in kept.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {name: _masked(inner) for name, inner in value.items() if name != "vars"}
    return [_masked(inner) for inner in value] if isinstance(value, list | tuple) else value
