"""What a site runs, on ports of its own, with the sandbox beside it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from conversations.management.console import worker_is_registered
from conversations.management.processes import Processes
from conversations.queue import QUEUES
from messaging.errors import ProviderError
from messaging.transport import Transport
from messaging.types import Request


class Site(Processes):
    """The processes of a site, ready when entered."""

    def __init__(self, directory: Path, *, web_url: str, sandbox_url: str) -> None:
        super().__init__(directory)
        self._web_url, self._sandbox_url = web_url, sandbox_url

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._start_all()
            self.wait_until(
                {
                    "sandbox": partial(_answers, self._sandbox_url),
                    "web": partial(_answers, self._web_url),
                    **{queue: partial(worker_is_registered, queue) for queue in QUEUES},
                }
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_all(self) -> None:
        self.start_command("sandbox", "sandbox", "--port", _port(self._sandbox_url))
        self.start_web("web", int(_port(self._web_url)))
        for queue in QUEUES:
            self.start_worker(queue, queue)
        self.start_command("dispatcher", "dispatcher")


def _port(url: str) -> str:
    return str(urlsplit(url).port)


def _answers(url: str) -> bool:
    transport = Transport(extra_hosts={urlsplit(url).netloc}, connect_seconds=0.5)
    try:
        transport.send(Request("GET", f"{url}/healthz"), hosts=())
    except ProviderError:
        return False
    return True
