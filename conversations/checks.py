"""System checks of the product: settings that would stop delivery, or break its promises.

conversations.E001  the lease of a claim is too short for a request
conversations.E002  there is no interactive worker
conversations.E003  PostgreSQL may forget a commit (`manage.py check --database default`)
conversations.E004  the address of the site's own records leads to nobody
conversations.E005  the database has only some of the migrations that one has replaced
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


@register()
def check_delivery_settings(app_configs: object = None, **kwargs: Any) -> list[CheckMessage]:
    """Can anything be sent with these settings?"""
    found: list[CheckMessage] = []
    needed = settings.DELIVERY_TOTAL_SECONDS + settings.DELIVERY_MARGIN_SECONDS
    if needed >= settings.DELIVERY_LEASE_SECONDS:
        found.append(
            Error(
                f"A claim holds for {settings.DELIVERY_LEASE_SECONDS:g} s, and a request needs {needed:g} s of it.",
                hint="Make DELIVERY_LEASE_SECONDS more than DELIVERY_TOTAL_SECONDS and DELIVERY_MARGIN_SECONDS.",
                id="conversations.E001",
            )
        )
    if settings.INTERACTIVE_WORKERS < 1:
        found.append(
            Error(
                "There is no worker for agents' messages.",
                hint="Set INTERACTIVE_WORKERS to the number of workers of the queue `interactive` on all hosts.",
                id="conversations.E002",
            )
        )
    return found


@register()
def check_address_of_records(app_configs: object = None, **kwargs: Any) -> list[CheckMessage]:
    """Does CRM_URL lead to one customer?"""
    address = settings.CRM_URL
    if not address or (address.startswith(("https://", "http://")) and "{phone}" in address):
        return []
    return [
        Error(
            "CRM_URL is no address that leads to one customer.",
            hint="Write it like https://crm.example.org/find?phone={phone}, or leave it out.",
            id="conversations.E004",
        )
    ]


@register(Tags.database)
def check_commits_are_kept(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Does a commit survive a crash of PostgreSQL? Without that, a message could be sent and forgotten."""
    if "default" not in (databases or ()):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        (mode,) = cursor.fetchone()
    if mode != "off":
        return []
    return [
        Error(
            "PostgreSQL runs with synchronous_commit off: a crash may forget that a message was sent.",
            hint="Set synchronous_commit to on, for the database or the role of Parley.",
            id="conversations.E003",
        )
    ]


def _is_begun(migration: Migration, applied: Container[tuple[str, str]]) -> bool:
    are_there = [one in applied for one in migration.replaces]
    return any(are_there) and not all(are_there)


@register(Tags.database)
def check_migrations_lead_here(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Can this code bring the database up to date? `migrate` asks it first."""
    if "default" not in (databases or ()):
        return []
    # Where only some of what a migration replaces was applied, Django sets that migration aside, and says nothing.
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    ours = [migration for (app, _), migration in loader.disk_migrations.items() if app == "conversations"]
    applied = MigrationRecorder(connections["default"]).applied_migrations()
    if not any(_is_begun(migration, applied) for migration in ours):
        return []
    return [
        Error(
            "The database stopped among the first 41 migrations, which this version holds as one.",
            hint="Check out commit 53818a4, run `manage.py migrate` there, and come back to this version.",
            id="conversations.E005",
        )
    ]
