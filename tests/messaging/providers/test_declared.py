"""The system checks that a provider's declarations pass, and what they say of mistakes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.core.checks import Error

from messaging import providers
from messaging.checks import check_provider, check_providers
from messaging.providers.base import Account, Provider
from messaging.providers.webex_interact import WebexInteract
from messaging.registry import provider_classes
from messaging.transport import Transport
from messaging.types import (
    Option,
)


class TestSystemChecks:
    """What the checks say of declarations that break the contract."""

    @staticmethod
    def ids(module_name: str, provider: object) -> list[str]:
        found = check_provider(module_name, provider)
        assert all(isinstance(message, Error) and message.hint for message in found)
        return [str(message.id) for message in found]

    def test_the_projects_own_providers_pass(self) -> None:
        assert check_providers() == []

    @pytest.mark.parametrize("content", ["import no_such_module", "PROVIDERS = []", "1 / 0"])
    def test_a_module_that_cannot_be_loaded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
    ) -> None:
        (tmp_path / "fourth.py").write_text(content)
        monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
        provider_classes.cache_clear()
        try:
            (found,) = check_providers()
        finally:
            monkeypatch.undo()
            sys.modules.pop(f"{providers.__name__}.fourth", None)
            provider_classes.cache_clear()
        assert found.id == "messaging.E001"
        assert check_providers() == []

    @pytest.mark.parametrize("given", [None, object, "webex_interact", WebexInteract(Account(""), Transport())])
    def test_no_provider_at_all(self, given: object) -> None:
        assert self.ids("webex_interact", given) == ["messaging.E001"]

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, []),
            ({"slug": "webex"}, ["messaging.E002"]),
            ({"label": ""}, ["messaging.E003"]),
            ({"channels": ()}, ["messaging.E003"]),
            ({"default_base_url": "http://api.webexinteract.com"}, ["messaging.E004"]),
            ({"default_base_url": "https://api.webexinteract.test"}, ["messaging.E004"]),
            ({"hosts": ()}, ["messaging.E004"]),
            ({"hosts": (".example.com",), "default_base_url": "https://{region}.example.com"}, ["messaging.E005"]),
            ({"stream_options": (Option("a", "A"), Option("a", "B"))}, ["messaging.E006"]),
            ({"stream_options": (Option("a", "A", pattern="(", default="x"),)}, ["messaging.E007"]),
            ({"stream_options": (Option("a", "A", pattern="[0-9]+", default="x"),)}, ["messaging.E007"]),
            ({"stream_options": (Option("a", "A", pattern="[0-9]+"),)}, []),
        ],
    )
    def test_each_kind_of_mistake(self, changes: dict[str, object], expected: list[str]) -> None:
        assert self.ids("webex_interact", type("Faulty", (WebexInteract,), changes)) == expected

    def test_a_provider_that_declares_nothing(self) -> None:
        assert set(self.ids("fourth", Provider)) == {"messaging.E002", "messaging.E003", "messaging.E004"}
