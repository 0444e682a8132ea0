"""The small centre of the pages' tests, and a witness that a refusal stored nothing and sent nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import django_rq
import pytest
from django.apps import apps
from django.db import connection
from django.test import TestCase

from conversations.queue import QUEUES
from conversations.services import accounts
from tests.conversations.conftest import product_sandbox, sandbox_process
from tests.conversations.views.conftest import Centre, agent, centre, stranger, supervisor

__all__ = ["agent", "centre", "product_sandbox", "sandbox_process", "stranger", "supervisor"]

KEPT = ("Draft", "RefusedCall")  # what was refused is kept: for whoever wrote it, and for whoever looks why
SANDBOX = "http://127.0.0.1:8100"


@pytest.fixture
def fictional_numbers(settings: object) -> Iterator[None]:
    """Numbers kept for films are accepted: the accounts are the sandbox's."""
    settings.SANDBOX_URL = SANDBOX  # type: ignore[attr-defined]
    accounts.transport.cache_clear()
    yield
    accounts.transport.cache_clear()


@pytest.fixture
def desk(fictional_numbers: None, centre: Centre) -> Centre:
    """The centre, able to write to numbers kept for films."""
    return centre


@contextmanager
def nothing_stored_nor_sent() -> Iterator[None]:
    """What is done inside adds no row to any table of the product but those in KEPT, and wakes no worker."""
    before = stored()
    with TestCase.captureOnCommitCallbacks(execute=True):  # what a real commit would do
        yield
    assert {name: count for name, count in stored().items() if count != before[name]} == {}
    assert {name: len(django_rq.get_queue(name)) for name in QUEUES} == dict.fromkeys(QUEUES, 0)


def stored() -> dict[str, int]:
    """How many rows each of the product's tables has."""
    models = apps.get_app_config("conversations").get_models()
    tables = [model._meta.db_table for model in models if model.__name__ not in KEPT]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables))
        return dict(cursor.fetchall())
