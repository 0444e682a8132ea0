"""Finds providers by module name: a file in `messaging/providers/` with a Provider subclass is all it takes."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from messaging import providers
from messaging.providers.base import Account, Provider
from messaging.transport import Transport

_SHARED = {"base", "outcomes", "values"}


@cache
def provider_classes() -> dict[str, type[Provider]]:
    """Every provider by its slug, which is its module's name; sorted by label."""
    found: dict[str, type[Provider]] = {}
    for module_info in pkgutil.iter_modules(providers.__path__):
        if module_info.name in _SHARED or module_info.name.startswith("_"):
            continue
        module = import_module(f"{providers.__name__}.{module_info.name}")
        found[module_info.name] = module.PROVIDER
    return dict(sorted(found.items(), key=lambda item: item[1].label))


def provider_class(slug: str) -> type[Provider]:
    """The provider of that slug; KeyError names the known ones."""
    try:
        return provider_classes()[slug]
    except KeyError:
        raise KeyError(f"No provider called {slug!r}: there are {', '.join(provider_classes())}.") from None


def make_provider(slug: str, account: Account, transport: Transport) -> Provider:
    """A provider ready to call."""
    return provider_class(slug)(account, transport)
