"""Finds the provider systems that the sandbox can play: every module of `endpoints/` that has a `PLAY`.

A provider is added by one such module (or package); nothing here changes.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

from django.urls import URLPattern

from .calls import Face
from .models import PhoneMessage, TimerEvent


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook ready to be posted: its body byte for byte, its headers, and what it says in a few words."""

    body: bytes
    headers: Mapping[str, str]
    summary: str


@dataclass(frozen=True, slots=True)
class Play:
    """How one provider is played.

    `receive` keeps a customer's reply (saving it, with the ids the provider gives it) and names the events that
    the provider tells the product of; `build_hook` writes one event in the provider's wire form; `tells_clicks` says
    whether it tells of opened links; `extensions` are sentences on what no document describes, for the pages.
    """

    slug: str
    label: str
    face: Face
    urlpatterns: Sequence[URLPattern]
    receive: Callable[[PhoneMessage, Mapping[str, Any] | None], list[str]]
    build_hook: Callable[[TimerEvent], Hook]
    new_event_id: Callable[[datetime], str]
    tells_clicks: bool = False
    extensions: Sequence[str] = ()


@cache
def plays() -> dict[str, Play]:
    """Every provider that can be played, by slug."""
    package = import_module("messaging.sandbox.endpoints")
    modules = (import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__))
    found = [module.PLAY for module in modules if hasattr(module, "PLAY")]
    return {play.slug: play for play in found}


def play(slug: str) -> Play:
    """The provider with this slug. Raises ValueError for one that the sandbox does not play."""
    try:
        return plays()[slug]
    except KeyError:
        raise ValueError(f"The sandbox plays no provider named {slug}. Take one of: {', '.join(plays())}.") from None
