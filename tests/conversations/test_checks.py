"""`manage.py check` refuses settings with which delivery could not keep its promises."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder


def test_the_settings_of_this_machine_are_fine() -> None:
    call_command("check")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DELIVERY_LEASE_SECONDS", 34, "A claim holds for 34 s, and a request needs 35 s of it."),
        ("DELIVERY_MARGIN_SECONDS", 60, "a request needs 90 s of it."),
        ("CRM_URL", "https://crm.example.org/", "CRM_URL is no address that leads to one customer."),
        ("CRM_URL", "javascript:{phone}", "CRM_URL is no address that leads to one customer."),
        ("INTERACTIVE_WORKERS", 0, "There is no worker for agents' messages."),
    ],
)
def test_settings_that_stop_delivery_are_refused(name: str, value: int, words: str, settings: Any) -> None:
    setattr(settings, name, value)
    with pytest.raises(SystemCheckError) as refused:
        call_command("check")
    assert words in str(refused.value)


@pytest.mark.django_db
def test_a_database_that_may_forget_a_commit_is_refused() -> None:
    call_command("check", databases=["default"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
    with pytest.raises(SystemCheckError, match="may forget that a message was sent"):
        call_command("check", databases=["default"])


@pytest.mark.django_db
def test_a_database_that_stopped_among_the_first_migrations_is_told_where_to_go_on() -> None:
    MigrationRecorder.Migration.objects.filter(app="conversations", name__gte="0020_what_comes_in").delete()
    with pytest.raises(SystemCheckError, match="Check out commit 53818a4"):
        call_command("migrate", verbosity=0, interactive=False, skip_checks=False)
