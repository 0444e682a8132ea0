"""Imports point one way (docs/architecture.md): the contracts of pyproject.toml hold, and they name everything."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from messaging.registry import provider_classes
from tests.architecture.sources import ROOT, files, imports_of, name_of, python_files

# Modules that belong to no layer, with the reason.
OUTSIDE_THE_LAYERS = {
    "conversations.apps": "Django's hook for start-up: it ties layers together",
    "conversations.urls": "addresses: it names views and webhooks",
    "conversations.migrations": "made by Django, read by Django",
    "conversations.templatetags": "a part of the pages, which lie in templates",
    "messaging.sandbox": "a site of its own, with contracts of its own",
}
ENTRY_POINTS = ("admin", "views", "api", "webhooks", "jobs", "management")


def contracts() -> list[dict[str, Any]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def layered_modules() -> set[str]:
    """Every module that stands in a contract of layers."""
    return {
        module.strip()
        for contract in contracts()
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for module in re.split(r"[:|]", layer)
    }


def test_every_contract_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(contracts())} kept, 0 broken" in done.stdout


@pytest.mark.parametrize("package", ["conversations", "messaging"])
def test_every_module_has_its_layer(package: str) -> None:
    rooms = {
        f"{package}.{path.stem if path.suffix else path.name}"
        for path in (ROOT / package).iterdir()
        if not path.name.startswith(("_", ".")) and (path.suffix == ".py" or files(".py", name_of(path)))
    }
    assert rooms - layered_modules() - set(OUTSIDE_THE_LAYERS) == set()


def test_no_contract_names_a_module_that_is_gone() -> None:
    named = layered_modules() | set(OUTSIDE_THE_LAYERS)
    places = [ROOT.joinpath(*module.split(".")) for module in named]
    assert [name_of(place) for place in places if not place.is_dir() and not place.with_suffix(".py").exists()] == []


def test_every_provider_is_in_the_contract_of_independence() -> None:
    (independent,) = (contract for contract in contracts() if contract["type"] == "independence")
    assert set(independent["modules"]) == {f"messaging.providers.{slug}" for slug in provider_classes()}


def test_entry_points_do_not_import_each_other() -> None:
    strays = [
        f"{name_of(path)}:{line} {module}"
        for path in python_files("conversations")
        for line, module in imports_of(path)
        if (own := path.relative_to(ROOT / "conversations").parts[0].removesuffix(".py")) in ENTRY_POINTS
        and (other := [*module.split("."), "", ""])[0] == "conversations"
        and other[1] in ENTRY_POINTS
        and other[1] != own
    ]
    assert strays == []
