"""Calls and answers that any provider can work with, made from what it declares and from its recorded payloads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from messaging.errors import (
    ConfigurationError,
    UnsupportedFeature,
)
from messaging.providers.base import Account, Provider
from messaging.types import (
    Channel,
    HookRequest,
    OutboundMessage,
    Recipient,
    StreamConfig,
    TemplateContent,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def credentials_of(provider: type[Provider]) -> dict[str, str]:
    """A value for every credential but those of webhooks."""
    return {
        option.name: option.default or "example"
        for option in provider.credential_options
        if "webhook" not in option.name
    }


def account_of(provider: type[Provider]) -> Account:
    credentials = credentials_of(provider)
    address = provider.default_base_url
    for name, value in credentials.items():
        address = address.replace("{" + name + "}", value)
    return Account(address, credentials)


def stream_of(provider: type[Provider], channel: Channel) -> StreamConfig:
    values = {option.name: option.default or "532" for option in provider.stream_options}
    return StreamConfig(channel, external_id="hNyRN_fLUy7rrOrN9jLpipA==", sender="+16285550199", settings=values)


def message_to(*refs: str, kind: str = "text") -> OutboundMessage:
    template = TemplateContent("hello", "en", body=("Ada",))
    people = tuple(
        Recipient(ref, f"+1202555{place:04}", "Ada", "Quinn", "ada@example.com", template=template)
        for place, ref in enumerate(refs, start=143)
    )
    return OutboundMessage(kind, people, body="Hello", conversation_id="293854", agent_id="36574658")


def batches(provider: type[Provider], channel: Channel) -> Iterator[OutboundMessage]:
    """A message of each kind the channel has, to as many people as fit, three at most."""
    for kind in ("text", "template", "opening"):
        count = min(3, provider.limits(channel, kind).recipients_per_request)
        message = message_to(*[f"ref-{number}" for number in range(count)], kind=kind)
        try:
            provider.plan(message, stream_of(provider, channel))
        except (UnsupportedFeature, ConfigurationError):
            continue  # this kind has no route here
        yield message


def hook(body: bytes, headers: Mapping[str, str] | None = None) -> HookRequest:
    return HookRequest("POST", headers or {}, body, NOW, "application/json")


def payloads(provider: type[Provider], beginning: str = "") -> list[bytes]:
    folder = Path(__file__).parent / provider.slug / "payloads"
    return [path.read_bytes() for path in sorted(folder.glob(f"{beginning}*"))]


# Made-up bodies: anything at all, any JSON, and recorded payloads with one value replaced or some bytes lost.

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.sampled_from(["\x00", "\ud800", "9" * 40, "x" * 300, 1e999, -(10**30), "true", "+1 (202) 555-0143 x", "stop"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to everything inside a JSON value."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


@st.composite
def bodies(draw: st.DrawFn, provider: type[Provider], beginning: str) -> bytes:
    kind = draw(st.sampled_from(["bytes", "json", "replaced", "replaced", "replaced", "cut"]))
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    if kind == "json":
        return json.dumps(draw(values)).encode()
    recorded = draw(st.sampled_from(payloads(provider, beginning)))
    if kind == "cut" or not recorded.lstrip().startswith((b"{", b"[")):
        start, end = sorted(draw(st.tuples(st.integers(0, len(recorded)), st.integers(0, len(recorded)))))
        return recorded[:start] + draw(st.binary(max_size=3)) + recorded[end:]
    value = deepcopy(json.loads(recorded))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        value = replaced(value, path, draw(values))
    return json.dumps(value).encode()


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = new
    return value


def storable(value: Any) -> bool:
    """Can UTF-8 and PostgreSQL hold every text in it?"""
    if isinstance(value, str):
        return "\x00" not in value and value.encode("utf-8", "replace").decode() == value
    if isinstance(value, Mapping):
        return all(storable(key) and storable(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(storable(inner) for inner in value)
    return storable(astuple(value)) if hasattr(value, "__dataclass_fields__") else True
