"""System checks: does every provider declare what the contract needs? Registered by importing this module.

messaging.E001  a provider module cannot be loaded or has no PROVIDER
messaging.E002  the slug is not the module's name
messaging.E003  no label or no channel
messaging.E004  the base address is not https at one of the provider's hosts
messaging.E005  the base address holds a name that is no credential
messaging.E006  two options of one kind have the same name
messaging.E007  an option's pattern is not a regular expression, or its default does not match it
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from messaging.errors import ConfigurationError
from messaging.providers.base import Provider
from messaging.registry import provider_classes
from messaging.transport import Transport
from messaging.types import Option

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@register()
def check_providers(app_configs: object = None, **kwargs: Any) -> list[CheckMessage]:
    """Check every provider that the registry finds."""
    try:
        found = provider_classes()
    except Exception as error:  # whatever a module does while it is imported, the check must be able to say so
        return [
            Error(
                f"A provider module cannot be loaded: {type(error).__name__}: {error}",
                hint="Each module in messaging/providers/ needs PROVIDER = <its Provider subclass>.",
                id="messaging.E001",
            )
        ]
    return [message for slug, provider in found.items() for message in check_provider(slug, provider)]


def check_provider(module_name: str, provider: Any) -> list[CheckMessage]:
    """What is wrong with one provider's declarations; `module_name` is the file or package it was found in."""
    if not (isinstance(provider, type) and issubclass(provider, Provider)):
        return [
            Error(
                f"PROVIDER of {module_name} is not a Provider subclass.",
                hint="Subclass messaging.providers.base.Provider.",
                obj=provider,
                id="messaging.E001",
            )
        ]
    return [*_names(module_name, provider), *_address(provider), *_options(provider)]


def _names(module_name: str, provider: type[Provider]) -> Iterator[CheckMessage]:
    slug = getattr(provider, "slug", "")
    if slug != module_name:
        yield Error(
            f"The slug {slug!r} differs from the name of its module.",
            hint=f"Set slug = {module_name!r}: accounts are stored under it.",
            obj=provider,
            id="messaging.E002",
        )
    if not getattr(provider, "label", "") or not getattr(provider, "channels", ()):
        yield Error(
            "The provider has no label or no channels.",
            hint="Set label, the name people read, and channels, at least one Channel.",
            obj=provider,
            id="messaging.E003",
        )


def _address(provider: type[Provider]) -> Iterator[CheckMessage]:
    examples = {option.name: option.default or "example" for option in getattr(provider, "credential_options", ())}
    address = getattr(provider, "default_base_url", "")
    unknown = [name for name in _PLACEHOLDER.findall(address) if name not in examples]
    if unknown:
        yield Error(
            f"The base address holds {', '.join(unknown)}, which no credential is called.",
            hint="Names in braces are filled in from credential_options.",
            obj=provider,
            id="messaging.E005",
        )
    filled = _PLACEHOLDER.sub(lambda match: examples.get(match[1], "example"), address)
    try:
        Transport().check_address(filled, getattr(provider, "hosts", ()))
    except ConfigurationError as error:
        yield Error(
            f"The base address {address!r} is refused by the provider's own hosts: {error}",
            hint="Use https, and name the host, or its .suffix, in hosts.",
            obj=provider,
            id="messaging.E004",
        )


def _options(provider: type[Provider]) -> Iterator[CheckMessage]:
    for kind in ("credential_options", "stream_options"):
        options: Sequence[Option] = getattr(provider, kind, ())
        names = [option.name for option in options]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Error(
                f"{kind} has {name!r} more than once.",
                hint="Give each option a name of its own.",
                obj=provider,
                id="messaging.E006",
            )
        for option in options:
            yield from _pattern(provider, option)


def _pattern(provider: type[Provider], option: Option) -> Iterator[CheckMessage]:
    try:
        matches = not option.pattern or not option.default or re.fullmatch(option.pattern, option.default)
        problem = "" if matches else "does not match its default"
    except re.error as error:
        problem = f"is not a regular expression ({error})"
    if problem:
        yield Error(
            f"The pattern of the option {option.name!r} {problem}.",
            hint="The whole value must match the pattern.",
            obj=provider,
            id="messaging.E007",
        )
