"""`manage.py sandbox`: every provider, the handset and the ledger on one port of this machine."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from messaging.sandbox import database
from messaging.sandbox.address import set_base_url
from messaging.sandbox.network import Network
from messaging.sandbox.seed import seed
from messaging.sandbox.server import SandboxServer


class Command(BaseCommand):
    """Needs neither PostgreSQL nor Valkey: its rows are in a SQLite file of its own."""

    help = "Play every provider over HTTP on this machine, with virtual phones at /handset/. Stop with Ctrl-C."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen and where to keep the rows."""
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT, help="port; 0 takes a free one")
        parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: 127.0.0.1)")
        parser.add_argument("--database", metavar="FILE", help="SQLite file to use instead of the configured one")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM."""
        if not settings.SANDBOX:
            raise CommandError("The sandbox is switched off here: SANDBOX is not set.")
        if options["database"]:
            database.use_file(options["database"])
        try:
            database.migrate()
        except ValueError as error:
            raise CommandError(str(error)) from error
        seed()
        try:
            server = SandboxServer(options["host"], options["port"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"The sandbox cannot listen on {options['host']}:{options['port']} ({error.strerror}). "
                "Choose another port with --port."
            ) from error
        host = options["host"]
        address = f"http://{f'[{host}]' if ':' in host else host}:{server.server_address[1]}"
        set_base_url(address)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        network = Network()
        network.start()
        self.stdout.write(f"Sandbox: {address}/  Handset: {address}/handset/")
        self.stdout.flush()
        try:
            server.serve_forever(poll_interval=0.1)
        finally:
            server.server_close()
            network.stop()
