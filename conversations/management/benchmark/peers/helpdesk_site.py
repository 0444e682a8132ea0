"""A site with django-helpdesk and nothing else: `DATABASE fill TICKETS` or `DATABASE ask TICKETS TIMES`.

DATABASE is JSON as settings have it. `fill` makes the database, `ask` prints what each request took.
"""

# ruff: noqa: S608 - every name and number in these statements is ours

from __future__ import annotations

import json
import os
import sys
import time
from random import Random
from typing import Any

import django
import psycopg
from django.conf import settings

from conversations.management.benchmark.bulk import execute, fill, without_indexes
from conversations.management.benchmark.inbox_words import COMMON, phrases

SEED = 20_261_123
PHRASES = 20_000
QUEUES = 5  # as many as the centre has streams
FOLLOW_UPS = 3  # a ticket
QUOTED = 20  # one ticket of so many has a reference
REFERENCE = f"CASE mod(n, {QUOTED}) WHEN 0 THEN ' FH' || lpad(n::text, 10, '0') ELSE '' END"  # SQL
FREQUENT = 20  # words of which one is asked for
WARM_UP = 3  # requests of each kind before any counts
LONGEST = 30.0  # seconds that one kind of request may take altogether
STOPPED_AFTER = 120  # seconds: a statement that takes longer is stopped
OPEN = [1, 2]  # open and reopened, which the list shows by itself

urlpatterns: list[Any] = []


def configure(database: dict[str, Any]) -> None:
    """A site as django-helpdesk's own documents describe it."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # ours
    settings.configure(
        SECRET_KEY="not a secret: nobody can reach this site",  # noqa: S106
        DATABASES={
            "default": {
                **database,
                "ENGINE": "django.db.backends.postgresql",
                "OPTIONS": {"options": f"-c statement_timeout={STOPPED_AFTER}s"},
                "CONN_MAX_AGE": None,
            }
        },
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF=__name__,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        STATIC_URL="/static/",
        USE_TZ=True,
        SITE_ID=1,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.sites",
            "django.contrib.messages",
            "django.contrib.humanize",
            "django.contrib.admin",
            "rest_framework",
            "helpdesk",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        HELPDESK_TEAMS_MODE_ENABLED=False,
    )
    django.setup()
    from django.urls import include, path

    urlpatterns.append(path("helpdesk/", include("helpdesk.urls")))


def fill_site(database: dict[str, Any], tickets: int) -> None:
    """Tickets with a description of two phrases, every fifth open, and their follow-ups."""
    where = {"host": database["HOST"], "port": database["PORT"], "user": database["USER"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **where) as keeper:
        keeper.execute(f'CREATE DATABASE "{database["NAME"]}"')
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from helpdesk.models import FollowUp, Queue, Ticket

    call_command("migrate", verbosity=0, interactive=False)
    get_user_model().objects.create_superuser("benchmark", "benchmark@benchmark.example")
    for number in range(QUEUES):
        Queue.objects.create(title=f"Queue {number}", slug=f"queue-{number}")
    execute("CREATE TABLE phrase (id integer PRIMARY KEY, text text NOT NULL)")
    with connection.cursor() as cursor, cursor.copy("COPY phrase FROM STDIN") as copy:
        for number, text in enumerate(phrases(SEED)[:PHRASES]):
            copy.write_row((number, text))
    execute("SET statement_timeout = 0")
    with without_indexes(Ticket, triggers=True):
        fill(
            Ticket,
            {
                "title": "left(one.text, 100)",
                "queue_id": f"(SELECT min(id) FROM helpdesk_queue) + mod(n, {QUEUES})",
                "created": "now() - make_interval(secs => mod(n * 7919, 60000000))",
                "modified": "now()",
                "status": "CASE WHEN mod(n, 10) < 2 THEN 1 WHEN mod(n, 10) < 8 THEN 3 ELSE 4 END",
                "submitter_email": "'customer' || n || '@benchmark.example'",
                "description": f"one.text || '. ' || two.text || {REFERENCE}",
            },
            f"generate_series(1::bigint, {tickets}) AS n JOIN phrase AS one ON one.id = mod(n * 31, {PHRASES}) "
            f"JOIN phrase AS two ON two.id = mod(n * 17 + 5, {PHRASES})",
        )
    with without_indexes(FollowUp, triggers=True):
        fill(
            FollowUp,
            {
                "ticket_id": "ticket.id",
                "date": "ticket.created + make_interval(mins => 30 * part)",
                "title": "'Comment'",
                "comment": "text",
            },
            f"helpdesk_ticket AS ticket CROSS JOIN generate_series(1, {FOLLOW_UPS}) AS part "
            f"JOIN phrase ON phrase.id = mod(ticket.id * part, {PHRASES})",
        )
    execute("VACUUM (ANALYZE)")
    sys.stdout.write(json.dumps(tickets))


def ask(tickets: int, times: int) -> None:
    """Print by kind of page how long each request took, in ms; none where a statement had to be stopped."""
    from django.contrib.auth import get_user_model
    from django.db import OperationalError
    from django.test import Client
    from django.urls import reverse
    from helpdesk.query import query_to_base64

    dice = Random(SEED)  # noqa: S311 nothing here is a secret
    browser = Client()
    browser.force_login(get_user_model().objects.get(is_superuser=True))

    def address(filtering: dict[str, Any], search: str = "", start: int = 0) -> str:
        query = {"filtering": filtering, "sorting": "created", "search_string": search, "sortreverse": False}
        endpoint = reverse("helpdesk:datatables_ticket_list", args=[query_to_base64(query)])
        return f"{endpoint}?draw=1&start={start}&length=25"

    def a_word() -> str:
        return dice.choice(COMMON.split()[:FREQUENT])

    def a_reference() -> str:
        return f"FH{QUOTED * dice.randint(1, tickets // QUOTED):010}"

    pages = {
        "list": lambda: address({"status__in": OPEN}),
        "further page": lambda: address({"status__in": OPEN}, start=tickets // 10),
        "common word": lambda: address({}, a_word()),
        "reference": lambda: address({}, a_reference()),
    }
    took: dict[str, list[float]] = {}
    for name, page in pages.items():
        took[name] = []
        began = time.perf_counter()
        try:
            for _ in range(WARM_UP + times):
                asked = time.perf_counter()
                answer = browser.get(page())
                took[name].append((time.perf_counter() - asked) * 1000)
                if answer.status_code != 200 or not answer.json()["data"]:
                    raise SystemExit(f"{name} was answered with {answer.status_code} and no rows.")
                if time.perf_counter() - began > LONGEST:
                    break
            took[name] = took[name][WARM_UP:] or took[name][-1:]
        except OperationalError:
            took[name] = []
    sys.stdout.write(json.dumps(took))


def main(database: str, task: str, tickets: str, times: str = "1") -> None:
    """Do what the command line says."""
    where = json.loads(database)
    configure(where)
    if task == "fill":
        fill_site(where, int(tickets))
    else:
        ask(int(tickets), int(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
