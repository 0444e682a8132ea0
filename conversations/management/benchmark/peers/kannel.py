"""Kannel, the SMS gateway: a request a message in, a request a message out, and a file of its own for each between."""

from __future__ import annotations

import itertools
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.core.management.base import CommandError

from config.supervisor import free_port
from conversations.management.benchmark.campaign_shapes import SENDER, Shape
from conversations.management.benchmark.ground import Ground
from conversations.management.benchmark.kept import KeptConnection, listens
from conversations.management.benchmark.peers.contract import CampaignPeer, PeerIsAbsent

PROGRAMS = ("bearerbox", "smsbox")
ELSEWHERE = "/usr/sbin:/usr/local/sbin"  # where packages put servers, which not every PATH names
FEEDERS = 8  # connections that hand over a list
ACCEPTED = b"0: Accepted for delivery"
ONLY_ERRORS = ("-v", "3")
USER = "benchmark"

# The provider speaks as Kannel itself does: GET /cgi-bin/sendsms, answered with a number and words.
CONFIGURATION = """
group = core
admin-interface = 127.0.0.1
admin-port = {admin_port}
admin-password = {password}
smsbox-interface = 127.0.0.1
smsbox-port = {box_port}
box-allow-ip = 127.0.0.1
box-deny-ip = *.*.*.*
store-type = spool
store-location = {store}

group = smsc
smsc = http
smsc-id = benchmark
system-type = generic
connect-allow-ip = 127.0.0.1
send-url = "http://127.0.0.1:{provider_port}/cgi-bin/sendsms?from=%P&to=%p&text=%b"
status-success-regex = "^0:"
status-tempfail-regex = "^3:"
status-permfail-regex = "^[^03]"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-interface = 127.0.0.1
sendsms-port = {port}

group = sendsms-user
username = {user}
password = {password}
"""


class Kannel(CampaignPeer):
    """bearerbox and smsbox, whose SMSC is the counting provider."""

    name = "Kannel"
    leaves_out = (
        "keeps a file a message until the provider has answered: no rows, no conversations, no outcome to look up, no "
        "consent, nothing that knows what was sent already. Its time is from the first request to it until the "
        "provider has the last one; its workers are its two programs."
    )

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.pids: list[int] = []
        self._password = secrets.token_hex(8)
        self._numbers = itertools.count(7_300_000_000)  # of single messages: +44 7300000000 and on
        self._port = self._admin_port = self._box_port = 0
        self._kept: KeptConnection | None = None

    def start(self) -> None:
        programs = [shutil.which(one) or shutil.which(one, path=ELSEWHERE) for one in PROGRAMS]
        if None in programs:
            raise PeerIsAbsent(f"{' and '.join(PROGRAMS)} are not on this machine. apt-get install kannel")
        directory = self._ground.directory / "kannel"
        (directory / "store").mkdir(parents=True)
        configuration = str(self.configure(directory))
        bearerbox, smsbox = (str(program) for program in programs)
        self.pids = [self._ground.start("bearerbox", bearerbox, *ONLY_ERRORS, configuration)]
        self._ground.wait_until({"bearerbox": self._bearerbox_waits})  # smsbox gives up where nobody does
        self.pids.append(self._ground.start("smsbox", smsbox, *ONLY_ERRORS, configuration))
        self._ground.wait_until({"smsbox": lambda: "smsbox:" in self._page()})
        if found := re.match(r"Kannel bearerbox version `([\d.]+)'", self._page()):
            self.name = f"Kannel {found[1]}"

    def configure(self, directory: Path) -> Path:
        """Choose ports and write the file that both programs read."""
        self._admin_port = free_port(settings.SANDBOX_PORT + 1)
        self._box_port = free_port(self._admin_port + 1)
        self._port = free_port(self._box_port + 1)
        file = directory / "kannel.conf"
        words = CONFIGURATION.format(
            admin_port=self._admin_port,
            box_port=self._box_port,
            port=self._port,
            provider_port=settings.SANDBOX_PORT,
            store=directory / "store",
            user=USER,
            password=self._password,
        )
        file.write_text(words)
        file.chmod(0o600)
        return file

    def takes(self, shape: Shape) -> bool:
        return shape.people == 1

    def send_list(self, phones: Sequence[str]) -> float:
        began = time.monotonic()
        with ThreadPoolExecutor(FEEDERS) as pool:
            list(pool.map(self._feed, [phones[place::FEEDERS] for place in range(min(FEEDERS, len(phones)))]))
        arrivals = self._ground.wait_for_arrivals(phones)
        if len(arrivals) < len(phones):
            raise CommandError(
                f"Of {len(phones):,} messages {self.name} sent {len(arrivals):,}.\n{self._ground.logs()}"
            )
        return max(one.first for one in arrivals.values()) - began

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Keep a connection for single messages."""
        with closing(KeptConnection(self._port)) as self._kept:
            yield

    def send_one(self) -> tuple[str, float]:
        """Hand over one message while connected: its number, as the provider will see it, and when that began."""
        assert self._kept is not None
        phone = f"+44{next(self._numbers)}"
        began = time.monotonic()
        self._hand_over(self._kept, phone)
        return phone, began

    def _feed(self, phones: Sequence[str]) -> None:
        with closing(KeptConnection(self._port)) as connection:
            for phone in phones:
                self._hand_over(connection, phone)

    def _hand_over(self, connection: KeptConnection, phone: str) -> None:
        text = f"Hello Customer, order {phone[-6:]} arrives on Thursday. Reply STOP to opt out."
        words = {"username": USER, "password": self._password, "from": SENDER, "to": phone, "text": text}
        answer = connection.ask("GET", f"/cgi-bin/sendsms?{urlencode(words)}")
        if not answer.startswith(ACCEPTED):
            raise CommandError(f"{self.name} answered {answer.decode(errors='replace')}\n{self._ground.logs()}")

    def _bearerbox_waits(self) -> bool:
        return listens(self._admin_port) and "(online" in self._page() and listens(self._box_port)

    def _page(self) -> str:
        """What Kannel shows its operator: its version, and what is connected."""
        with closing(KeptConnection(self._admin_port)) as connection:
            return connection.ask("GET", f"/status.txt?password={self._password}").decode()
