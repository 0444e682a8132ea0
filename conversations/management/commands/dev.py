"""`dev`: everything on this machine, under one supervisor (`make run`)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Tags
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config import local_services
from config.supervisor import ProcessSpec, Supervisor, free_port
from conversations import queue

CHECKED = "--skip-checks"  # by us, with the same settings
STOP_GRACE = 60.0  # seconds: a worker that is told to stop finishes the request it has on the wire


class Command(BaseCommand):
    """Starts the web server, the workers, the dispatcher and the sandbox, and restarts what dies."""

    help = "Run everything on this machine until Ctrl-C: web, workers, dispatcher, sandbox."
    requires_system_checks = []  # they have their moments below

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=urlsplit(settings.BASE_URL).port or 8000, help="web port")
        parser.add_argument("--no-demo-data", action="store_true", help="begin with an empty inbox")

    def handle(self, *args: Any, **options: Any) -> None:
        self._migrate()
        web, sandbox = free_port(options["port"]), free_port(settings.SANDBOX_PORT)
        self.base_url = f"http://127.0.0.1:{web}"
        self.environment = {"BASE_URL": self.base_url, "SANDBOX_PORT": str(sandbox)}
        self.sandbox_url = f"http://127.0.0.1:{sandbox}" if settings.SANDBOX else ""
        self.demo_data = bool(self.sandbox_url) and not options["no_demo_data"]
        supervisor = Supervisor(
            self._processes(web, sandbox),
            on_start=lambda: self.check(databases=["default"]),  # while the web process loads
            on_ready=self._announce,
            on_stop=lambda: local_services.run_file().unlink(missing_ok=True),
            watch=_keep_local_services,
        )
        sys.exit(supervisor.run())

    def _migrate(self) -> None:
        """Bring the database up to date, after the checks where that changes what is there.

        Else only what concerns the database is checked before, and the rest while the web process loads.
        """
        self.check(tags=[Tags.database], databases=["default"])  # a database too old is said
        executor = MigrationExecutor(connection)
        is_changed = executor.loader.applied_migrations and executor.migration_plan(executor.loader.graph.leaf_nodes())
        call_command("migrate", verbosity=0, interactive=False, skip_checks=not is_changed)

    def _processes(self, web: int, sandbox: int) -> list[ProcessSpec]:
        """The web process and, once it serves pages, all others: side by side with them it would load much later."""
        self._serves_pages = _listens(web)
        processes = [
            ProcessSpec(
                "web",
                (
                    *(sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1"),
                    *("--port", str(web), "--no-access-log", "--log-level", "warning", "--ws", "none"),
                    *("--timeout-graceful-shutdown", "3"),
                ),
                {**self.environment, "DATABASE_POOL": "on"},
                is_ready=self._serves_pages,
            ),
            *(
                self._worker(f"interactive-{number}", queue.INTERACTIVE)
                for number in range(1, settings.INTERACTIVE_WORKERS + 1)
            ),
            self._worker("bulk", queue.BULK),
            self._worker("default", queue.DEFAULT),
            self._managed("dispatcher", "dispatcher", CHECKED),
        ]
        if self.sandbox_url:
            spec = self._managed("sandbox", "sandbox", "--port", str(sandbox), is_ready=_listens(sandbox))
            processes.insert(0, spec)
        return processes

    def _worker(self, name: str, of_queue: str) -> ProcessSpec:
        return self._managed(name, *queue.worker_command(of_queue), "--verbosity", "0", CHECKED)

    def _managed(self, name: str, *arguments: str, is_ready: Callable[[], bool] = lambda: True) -> ProcessSpec:
        command = (sys.executable, "manage.py", *arguments)
        return ProcessSpec(
            name,
            command,
            self.environment,
            stop_grace=STOP_GRACE,
            may_begin=self._serves_pages,
            is_ready=is_ready,
        )

    def _announce(self) -> None:
        if self.demo_data:
            # In a process of its own: the ports just chosen are in its settings.
            command = (sys.executable, "manage.py", "demo_data", CHECKED)
            environment = {**os.environ, **self.environment}
            subprocess.run(command, env=environment, check=True, cwd=settings.BASE_DIR)
        run_file = local_services.run_file()
        run_file.write_text(json.dumps({"web": self.base_url, "sandbox": self.sandbox_url}))
        lines = ["", f"  Parley     {self.base_url}/"]
        if self.sandbox_url:
            lines.append(f"  Handset    {self.sandbox_url}/handset/   (virtual phones: answer here as the customer)")
        if self.demo_data:
            from conversations.services import demo_data  # with most of the services, which nothing here needs before

            for number, (email, _, role, _) in enumerate(demo_data.USERS):
                lines.append(f"  {'' if number else 'Sign in':<10} {email:<24} {role}")
            lines.append(f"  Password   {demo_data.DEMO_PASSWORD}")
        lines += ["  Stop       Ctrl-C", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _keep_local_services() -> None:
    postgres = local_services.database_url() == settings.DATABASE_URL
    valkey = local_services.redis_url() == settings.REDIS_URL
    if postgres or valkey:
        local_services.ensure_running(postgres=postgres, valkey=valkey)


def _listens(port: int) -> Callable[[], bool]:
    def answer() -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.05)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return answer
