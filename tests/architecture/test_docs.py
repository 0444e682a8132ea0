"""The documents say what the code does: every name in them is there, and every name that should be in them is."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.core.management import get_commands

from conversations.models.message import LEGAL_MOVES, MessageStatus
from conversations.services.demo_data import DEMO_PASSWORD, USERS
from messaging.checks import check_provider
from messaging.providers.base import Account, Operation
from messaging.registry import provider_classes
from messaging.types import (
    Answer,
    Channel,
    DeliveryReport,
    HookRequest,
    InboundMessage,
    OutboundMessage,
    Outcome,
    Recipient,
    StreamConfig,
)
from tests.architecture.sources import ROOT, files, name_of, python_files, words_of

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *files(".md", "docs")]
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
MODELS = sorted(apps.get_app_config("conversations").get_models(), key=lambda model: model.__name__)


def page(name: str) -> str:
    return (ROOT / name).read_text()


def make_targets() -> dict[str, str]:
    """The targets that `make help` lists, with what they do."""
    return dict(re.findall(r"^([a-z]+):.*## (.+)$", page("Makefile"), flags=re.MULTILINE))


def variables() -> Iterator[tuple[str, str]]:
    """Every environment variable that the product reads, with the file that reads it."""
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="env")), args=[ast.Constant(value=str(name)), *_]):
                    yield name, name_of(path)
                case ast.Call(func=ast.Name(id="_required_in_production"), args=[ast.Constant(value=str(name))]):
                    yield name, name_of(path)
                case (
                    ast.Call(
                        func=ast.Attribute(value=ast.Attribute(attr="environ"), attr="get"),
                        args=[ast.Constant(value=str(name)), *_],
                    )
                    | ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name)))
                ):
                    yield name, name_of(path)
                case (
                    ast.Compare(left=ast.Constant(value=str(name)), comparators=[ast.Attribute(attr="environ"), *_])
                    | ast.Assign(targets=[ast.Name(id="PROFILE_VARIABLE")], value=ast.Constant(value=str(name)))
                ):
                    yield name, name_of(path)


def headings(text: str) -> set[str]:
    """The anchors of a page's headings, as Git hosts make them."""
    found = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_has_the_providers_terms_and_a_row_in_the_glossary(model: Any) -> None:
    docstring = " ".join((model.__doc__ or "").split())
    row = re.search(rf"^\| `{model.__name__}` \|(.+)\|$", page("docs/glossary.md"), flags=re.MULTILINE)
    assert row, f"{model.__name__} has no row in docs/glossary.md"
    named = [cell.strip() for cell in row[1].split("|")[1:] if cell.strip()]
    terms = re.search(r"Providers' terms?: (.+)", docstring)
    assert bool(terms) != ("No provider has a term" in docstring)
    assert bool(named) == bool(terms), f"glossary: {named}, docstring: {terms and terms[1]}"


def test_the_glossary_has_no_row_for_a_model_that_is_gone() -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \|", page("docs/glossary.md"), flags=re.MULTILINE)
    assert sorted(rows) == [model.__name__ for model in MODELS]


def test_the_glossary_explains_every_status() -> None:
    section = page("docs/glossary.md").split("## Statuses of a message")[1].split("## ")[0]
    assert re.findall(r"^\| ([a-z]+) \|", section, flags=re.MULTILINE)[1:] == list(MessageStatus.values)


def test_the_table_of_moves_is_the_one_in_the_code() -> None:
    section = page("docs/architecture.md").split("### Which status may follow which")[1].split("### ")[0]
    table = {
        before: {after for after in targets.replace(" ", "").split(",") if after}
        for before, targets in re.findall(r"^\| ([a-z]+) \|(.*)\|$", section, flags=re.MULTILINE)
        if before != "from"
    }
    assert table == {str(before): set(map(str, targets)) for before, targets in LEGAL_MOVES.items()}


def test_every_command_is_described() -> None:
    table = page("docs/operations.md").split("## Commands")[1].split("\n## ")[0]
    described = set(re.findall(r"^\| `(\w+)` ", table, flags=re.MULTILINE))
    ours = {name for name, app in get_commands().items() if app in ("conversations", "messaging.sandbox")}
    assert {name for name in described if "_" in name or name in ours} == ours


def test_every_environment_variable_is_described() -> None:
    table = page("docs/operations.md").split("## Environment")[1].split("\n## ")[0]
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", table, flags=re.MULTILINE))
    read = dict(variables())
    assert len(read) > 15
    assert {name: path for name, path in read.items() if name not in described} == {}
    assert described - set(read) == set()


def test_the_example_of_an_environment_names_what_is_read() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", page(".env.example"), flags=re.MULTILINE)
    assert named
    assert set(named) - {name for name, _ in variables()} == set()


def test_every_make_target_is_described_and_every_described_one_exists() -> None:
    described = set(re.findall(r"^\| `make (\w+)` \|", page("CONTRIBUTING.md"), flags=re.MULTILINE))
    assert described == set(make_targets())
    named = {name for path in PAGES for name in re.findall(r"`?\bmake ([a-z]+)\b`", path.read_text())}
    assert named - set(make_targets()) == set()


def test_the_two_commands_of_the_readme_are_there() -> None:
    block = re.search(r"```\n(make \w+)\n(make \w+)\n```", page("README.md"))
    assert block
    assert [command.split()[1] for command in block.groups()] == ["run", "test"]
    assert set(make_targets()) >= {"run", "test"}


def test_the_readme_prints_what_make_run_prints() -> None:
    readme = page("README.md")
    for email, _, role, _ in USERS:
        assert re.search(rf"{re.escape(email)} +{role}$", readme, flags=re.MULTILINE), email
    assert f"Password   {DEMO_PASSWORD}" in readme


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        if not found.exists() or (anchor and anchor not in headings(found.read_text())):
            broken.append(target)
    assert broken == []


def test_paths_and_modules_that_documents_name_are_there() -> None:
    roots = ("config/", "conversations/", "messaging/", "tests/", "static/", "docs/", "services/", "models/")
    missing = []
    for path in PAGES:
        for name in re.findall(r"`([\w./-]+(?:\.py|\.md|\.html|\.in|\.txt|/))[`:]", path.read_text()):
            places = (ROOT / name, ROOT / "conversations" / name, ROOT / "messaging/sandbox/endpoints" / name)
            if name.startswith(roots) and "plover" not in name and not any(place.exists() for place in places):
                missing.append(f"{name_of(path)}: {name}")
    assert missing == []


def test_documents_that_the_code_names_are_there() -> None:
    known = {path.name for path in PAGES}
    missing = [
        f"{name_of(path)}:{line} {found}"
        for path in python_files("config", "conversations", "messaging", "tests")
        if path != Path(__file__)
        for line, word in words_of(ast.parse(path.read_text()))
        for found in re.findall(r"\b[\w/-]+\.md\b", word)
        if Path(found).name not in known
    ]
    assert missing == []


def test_decisions_are_numbered_listed_and_short() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    architecture = page("docs/architecture.md")
    for path in DECISIONS:
        lines = path.read_text().splitlines()
        assert lines[0].startswith(f"# {path.name[:4]}: "), path.name
        assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
        assert 20 <= len(lines) <= 42, path.name
        assert f"(decisions/{path.name})" in architecture


def test_the_documents_are_short_sentences_without_shouting() -> None:
    wrong = re.compile(r"[a-z]!(?:\s|$)|\b(?:please|simply|obviously|powerful|seamless|robust)\b", re.IGNORECASE)
    found = [f"{name_of(path)}: {match.group()}" for path in PAGES for match in wrong.finditer(_prose(path))]
    assert found == []


def _prose(path: Path) -> str:
    """A page without its code and what it quotes."""
    return re.sub(r'```.*?```|`[^`]*`|"[^"]*"', "", path.read_text(), flags=re.DOTALL)


# docs/adding-a-provider.md: the example is a provider that keeps the contract.


@pytest.fixture
def plover(tmp_path: Path) -> Iterator[ModuleType]:
    """The module that the page's blocks make together."""
    blocks = re.findall(r"^```python\n(.*?)^```", page("docs/adding-a-provider.md"), flags=re.DOTALL | re.MULTILINE)
    path = tmp_path / "plover.py"
    path.write_text("\n\n".join(blocks))
    spec = importlib.util.spec_from_file_location("plover", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["plover"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["plover"]


def test_the_example_provider_declares_what_the_checks_want(plover: ModuleType) -> None:
    assert check_provider("plover", plover.PROVIDER) == []
    assert "plover" not in provider_classes()


def test_the_example_provider_sends_and_reads(plover: ModuleType) -> None:
    account = Account("https://api.plover.example", {"api_key": "k-1"})
    message = OutboundMessage("text", (Recipient("ref-1", "+447700900142"),), body="Hello")
    stream = StreamConfig(Channel.SMS, sender="+447700900188")
    operation: Operation[Any] = plover.PROVIDER.plan(message, stream)
    request = operation.build_request(account)
    assert (request.method, request.url) == ("POST", "https://api.plover.example/v1/messages")
    assert request.headers["Authorization"] == "Bearer k-1"
    assert request.json == {"from": "+447700900188", "to": "+447700900142", "text": "Hello", "reference": "ref-1"}
    (result,) = operation.parse_response(Answer(200, body=b'{"id": "msg_81"}')).results
    assert (result.ref, result.outcome, result.external_id) == ("ref-1", Outcome.ACCEPTED, "msg_81")


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (200, b"{}", "Unconfirmed", "unreadable_answer"),
        (400, b'{"error": "unknown sender"}', "Refused", "sender_refused"),
        (400, b'{"error": "something new"}', "Refused", "refused"),
        (401, b"", "CredentialsRefused", "credentials_refused"),
        (503, b"", "Throttled", "throttled"),
    ],
)
def test_the_example_provider_knows_what_is_proven(
    plover: ModuleType, status: int, body: bytes, error: str, code: str
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 its type and code are compared
        plover.SendText("ref-1", "+447700900188", "+447700900142", "Hello").parse_response(Answer(status, body=body))
    assert (type(caught.value).__name__, getattr(caught.value, "code", "")) == (error, code)


def test_the_example_provider_reads_its_webhooks(plover: ModuleType) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    report = b'{"type": "delivered", "id": "msg_81", "reference": "ref-1", "number": "+447700900142"}'
    reply = b'{"type": "reply", "number": "+447700900142", "to": "+447700900188", "text": "Yes"}'
    (found,) = plover.PROVIDER.parse_hook(HookRequest("POST", {}, report, now))
    assert isinstance(found, DeliveryReport)
    assert (found.ref, found.external_id, found.status) == ("ref-1", "msg_81", "delivered")
    (found,) = plover.PROVIDER.parse_hook(HookRequest("POST", {}, reply, now))
    assert isinstance(found, InboundMessage)
    assert (found.phone, found.body, found.stream_keys) == ("+447700900142", "Yes", ("+447700900188",))
