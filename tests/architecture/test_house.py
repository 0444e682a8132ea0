"""The rules of the house that no linter knows (CONTRIBUTING.md says why)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands, load_command_class

from messaging.registry import provider_classes
from tests.architecture.sources import ROOT, files, imports_of, name_of, python_files, without_docstrings, words_of

LONGEST_FILE = 400
TEMPLATE_FOLDERS = ("templates", "conversations", "messaging")

# The providers' own words, which end where our words begin.
PROVIDER_WORDS = (
    *("streamId", "StreamProviderId", "StreamProviderType", "UserStreamProviderId", "UserStreamProviderType"),
    *("IsManager", "ManagerId", "UserIdentity", "StatusId", "SubStreamId", "IndicatorId", "childs", "sendsms"),
    *("sendinitialtext", "sendtemplatedmessage", "OnNewChild", "end_user_number", "outbound_number", "chat_type"),
    *("agentId", "agentEmail", "transaction_id", "correlation_id", "message_body", "schedule_at"),
)
PROVIDER_WORDS_ARE_AT_HOME_IN = (
    "messaging/providers/",
    "messaging/sandbox/",
    "conversations/api/dialects/",  # answers in their words
    "conversations/management/demo/",  # calls the providers' operations one by one, by their own names
    "conversations/management/benchmark/counting_provider.py",  # answers as a provider
    "conversations/management/benchmark/campaign_floor.py",  # asks one, with nothing between
    "conversations/management/benchmark/mirror_floor.py",  # the same
    "conversations/management/benchmark/hooks_calls.py",  # calls as a provider
    "conversations/management/benchmark/peers/",  # Kannel has a word of Cirrus's for itself
)

# What must not be written, and where it is all the same, with the reason.
FORBIDDEN = {
    "mark_safe": re.compile(r"\bmark_safe\b"),
    "csrf_exempt": re.compile(r"\bcsrf_exempt\b"),
    "verify=False": re.compile(r"\bverify\s*=\s*False\b|CERT_NONE|_create_unverified_context"),
    "shell=True": re.compile(r"\bshell\s*=\s*True\b|\bos\.system\(|\bos\.popen\("),
    "eval or exec": re.compile(r"(?<![\w.])(?:eval|exec)\("),
    "pickle": re.compile(r"\bpickle\b"),
    "raw SQL around the ORM": re.compile(r"\bobjects\.raw\(|\.extra\(|\bRawSQL\("),
    "templates from text": re.compile(r"\bfrom_string\(|(?<!\w)Template\("),
    "a certificate store of our own": re.compile(r"\bREQUESTS_CA_BUNDLE\b"),
}
FORBIDDEN_IN_TEMPLATES = {
    "|safe": re.compile(r"\|\s*safe(?:seq)?\b"),
    "autoescape off": re.compile(r"autoescape\s+off"),
    "inline style": re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE),
    "inline script": re.compile(r"<script\b(?![^>]*\bsrc\s*=)[^>]*>", re.IGNORECASE),
    "an event handler in an attribute": re.compile(
        r"\son[a-z]+\s*=\s*[\"']|\shx-on\b|javascript:|=\s*[\"']js:", re.IGNORECASE
    ),
    "a file from another host": re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)\s*=\s*[\"']https?:", re.I),
}
ALLOWED = {
    ("conversations/webhooks.py", "csrf_exempt"): "A provider has neither session nor cookie; its address is a secret.",
    ("conversations/api/door.py", "csrf_exempt"): "No session counts here, only a key in a header.",
    ("conversations/api/dialects/calls.py", "csrf_exempt"): "A key in a header as well, in each dialect's own.",
    (
        "conversations/management/benchmark/hooks_floor.py",
        "csrf_exempt",
    ): "A view of its own server on the loopback address, which keeps rows of a scratch table.",
    ("conversations/admin/site.py", "csrf_exempt"): "Passes on what Django's own admin views say of themselves.",
    ("conversations/models/attempt.py", "raw SQL around the ORM"): "Reads pg_stat_activity; takes no value of anybody.",
    (
        "conversations/services/campaigns/statements.py",
        "raw SQL around the ORM",
    ): "Locks a row and what belongs to it in one statement; its one value is an id.",
    ("conversations/queue.py", "pickle"): "Names the serializer that must not be used, in a docstring.",
}


@pytest.mark.django_db(databases=["default", "sandbox"])
def test_the_models_have_no_change_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("name", ["requirements.in", "requirements-dev.in"])
def test_every_requirement_is_pinned_and_says_why_it_is_there(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith(("#", "-"))]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w.\[\],-]+==[\w.]+(; [^#]+?)? +# \S.*", line)] == []


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_has_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text()
    packages = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert packages
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []


def test_no_file_is_longer_than_a_person_likes_to_read() -> None:
    lengths = {name_of(path): path.read_text().count("\n") for path in python_files()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [name_of(path) for path in python_files() if _has_code(path) and not _opens_with_a_docstring(path)]
    # One class each, whose docstring says it.
    assert [name for name in silent if not name.endswith("/apps.py")] == []


def test_providers_words_stay_with_the_providers() -> None:
    strays = [
        f"{name_of(path)}:{line} {found.group()}"
        for path in python_files()
        if not name_of(path).startswith(PROVIDER_WORDS_ARE_AT_HOME_IN)
        for line, word in words_of(without_docstrings(path))
        for found in _provider_word().finditer(word)
    ]
    strays += [
        f"{name_of(path)} {found.group()}"
        for path in (*files(".html", "templates"), *files(".js", "static"))
        for found in _provider_word().finditer(path.read_text())
    ]
    assert strays == []


def test_providers_do_not_know_each_other() -> None:
    slugs = set(provider_classes())
    strays = [
        f"{name_of(path)}:{line} {module}"
        for slug in slugs
        for path in python_files("messaging/providers")
        if slug in (path.stem, *path.parts)
        for line, module in imports_of(path)
        if any(f"{module}.".startswith(f"messaging.providers.{other}.") for other in slugs - {slug})
    ]
    assert strays == []


def test_only_the_transport_and_the_sandboxs_network_open_connections() -> None:
    clients = ("requests", "urllib3", "urllib.request", "http.client", "httpx", "aiohttp", "smtplib", "ftplib")
    allowed = ("messaging/transport.py", "messaging/sandbox/network.py")
    only_writes_a_body = "urllib3.filepost"
    strays = [
        f"{name_of(path)}:{line} {module}"
        for path in python_files()
        if name_of(path) not in allowed
        for line, module in imports_of(path)
        if f"{module}.".startswith(tuple(f"{client}." for client in clients))
        and not module.startswith(only_writes_a_body)
    ]
    assert strays == []


def test_the_library_knows_no_django_outside_the_sandbox() -> None:
    strays = [
        f"{name_of(path)}:{line} {module}"
        for path in python_files("messaging")
        # Checks are how Django asks; they touch no row.
        if not name_of(path).startswith("messaging/sandbox/") and name_of(path) != "messaging/checks.py"
        for line, module in imports_of(path)
        if module.split(".")[0] in ("django", "django_rq", "rq", "redis")
    ]
    assert strays == []


def test_dangerous_constructs_stand_only_where_a_reason_is_given() -> None:
    found = {
        (name_of(path), what)
        for path in python_files()
        for what, pattern in FORBIDDEN.items()
        if pattern.search(path.read_text())
    }
    assert found == set(ALLOWED)


def test_templates_hold_no_script_no_style_and_nothing_unescaped() -> None:
    templates = files(".html", *TEMPLATE_FOLDERS)
    assert len(templates) > 20
    found = [
        f"{name_of(path)}:{text.count(chr(10), 0, match.start()) + 1} {what}"
        for path in templates
        for text in [path.read_text()]
        for what, pattern in FORBIDDEN_IN_TEMPLATES.items()
        for match in pattern.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("inline script", "<script>alert(1)</script>"),
        ("inline script", '<script type="module">x()</script>'),
        ("inline style", '<p style="color: red">'),
        ("an event handler in an attribute", '<a onclick="go()">'),
        ("an event handler in an attribute", "<a hx-on:click='go()'>"),
        ("a file from another host", '<script src="https://cdn.example/x.js"></script>'),
        ("|safe", "{{ body|safe }}"),
        ("autoescape off", "{% autoescape off %}"),
    ],
)
def test_the_patterns_for_templates_find_what_they_are_for(pattern: str, text: str) -> None:
    assert FORBIDDEN_IN_TEMPLATES[pattern].search(text)


def test_every_command_of_ours_explains_itself() -> None:
    ours = {name: app for name, app in get_commands().items() if app in ("conversations", "messaging.sandbox")}
    assert ours
    silent = []
    for name, app in ours.items():
        command = load_command_class(app, name)
        parser = command.create_parser("manage.py", name)
        unexplained = [action.option_strings or action.dest for action in parser._actions if not action.help]
        if not command.help or unexplained:
            silent.append((name, unexplained))
    assert silent == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    paths = (*python_files(), *files(".html", *TEMPLATE_FOLDERS), *files(".js", "static"), *files(".md", "docs"))
    assert [name_of(path) for path in paths if marks.search(path.read_text())] == []


@cache
def _provider_word() -> re.Pattern[str]:
    return re.compile(r"(?<![A-Za-z_])(?:" + "|".join(PROVIDER_WORDS) + r")(?![A-Za-z_])")


def _has_code(path: Path) -> bool:
    return bool(path.read_text().strip())


def _opens_with_a_docstring(path: Path) -> bool:
    return path.read_text().lstrip().startswith(('"""', 'r"""', "#!"))
