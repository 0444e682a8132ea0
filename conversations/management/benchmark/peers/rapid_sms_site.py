"""A site with RapidSMS and nothing else: `PLACES fill`, `PLACES work READY` or `PLACES send`, with numbers as input.

PLACES is JSON: its database as settings have it, the broker of its queue, the address of the provider. `work` is its
worker and makes the file READY once it waits; `send` prints the seconds until all numbers were noted as sent.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import django
import psycopg
from django.conf import settings

BACKEND = "benchmark"
PROCESSES = 2  # as many as we have workers
BODY = "Hello, your order arrives on Thursday. Reply STOP to opt out."
PATIENCE = 600.0  # seconds
LOOK_EVERY = 0.02
QUEUED, PROCESSING, SENT = "Q", "P", "S"


def configure(places: dict[str, Any]) -> Any:
    """A site whose messages lie in its database until a worker of Celery hands them to the provider."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # ours
    settings.configure(
        SECRET_KEY="not a secret: nobody can reach this site",  # noqa: S106
        DATABASES={"default": {**places["database"], "ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rapidsms",
            "rapidsms.backends.kannel",
            "rapidsms.router.db",
        ],
        RAPIDSMS_ROUTER="rapidsms.router.db.DatabaseRouter",
        INSTALLED_BACKENDS={
            BACKEND: {"ENGINE": "rapidsms.backends.kannel.KannelBackend", "sendsms_url": places["provider"]}
        },
    )
    django.setup()
    from celery import Celery

    queue = Celery("benchmark", broker=places["broker"], set_as_current=True)
    queue.conf.update(task_ignore_result=True, worker_hijack_root_logger=False)
    queue.autodiscover_tasks(["rapidsms.router.db"], force=True)
    return queue


def fill(database: dict[str, Any]) -> None:
    """Make its database."""
    where = {"host": database["HOST"], "port": database["PORT"], "user": database["USER"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **where) as keeper:
        keeper.execute(f'CREATE DATABASE "{database["NAME"]}"')
    from django.core.management import call_command
    from rapidsms.models import Backend

    call_command("migrate", verbosity=0, interactive=False)
    Backend.objects.create(name=BACKEND)
    sys.stdout.write("null")


def work(queue: Any, ready: Path) -> None:
    """Be its worker, until the process is ended."""
    from celery.signals import worker_ready

    worker_ready.connect(lambda **_: ready.touch(), weak=False)
    queue.worker_main(["worker", "--pool=prefork", f"--concurrency={PROCESSES}", "--loglevel=ERROR"])


def send(phones: list[str]) -> None:
    """Make these people known, then send to all of them."""
    from rapidsms.models import Backend, Connection
    from rapidsms.router import send as hand_over
    from rapidsms.router.db.models import Transmission

    backend = Backend.objects.get(name=BACKEND)
    people = Connection.objects.bulk_create(Connection(backend=backend, identity=phone) for phone in phones)
    began = time.monotonic()
    message = hand_over(BODY, people).database_message
    theirs = Transmission.objects.filter(message=message)
    while theirs.filter(status__in=[QUEUED, PROCESSING]).exists():
        if time.monotonic() - began > PATIENCE:
            raise SystemExit(f"Not sent within {PATIENCE:.0f} s.")
        time.sleep(LOOK_EVERY)
    seconds = time.monotonic() - began
    if theirs.filter(status=SENT).count() != len(phones):
        raise SystemExit("It could not send all of them.")
    sys.stdout.write(json.dumps(seconds))


def main(places: str, task: str, ready: str = "") -> None:
    """Do what the command line says."""
    where = json.loads(places)
    queue = configure(where)
    if task == "fill":
        fill(where["database"])
    elif task == "work":
        work(queue, Path(ready))
    else:
        send(json.load(sys.stdin))


if __name__ == "__main__":
    main(*sys.argv[1:])
