"""A provider that calls: `python -m conversations.management.benchmark.hooks_client PORT PATH`, a body a line of input.

The calls go over some kept connections, each as soon as its last one was answered. Tells as JSON when it began and
when it ended (seconds of the machine's monotonic clock) and how often it was answered what.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from conversations.management.benchmark.kept import KeptConnection

CONNECTIONS = 4
HEADERS = {"Content-Type": "application/json"}


def _call(port: int, path: str, bodies: Sequence[bytes]) -> Counter[int]:
    connection = KeptConnection(port)
    answered = Counter(connection.status_of("POST", path, body, headers=HEADERS) for body in bodies)
    connection.close()
    return answered


def main() -> None:
    """Make all calls."""
    port, path = int(sys.argv[1]), sys.argv[2]
    bodies = sys.stdin.buffer.read().splitlines()
    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        parts = [bodies[place::CONNECTIONS] for place in range(CONNECTIONS)]
        answered = sum(threads.map(lambda part: _call(port, path, part), parts), Counter())
    print(json.dumps({"began": began, "ended": time.monotonic(), "answered": answered}))  # noqa: T201


if __name__ == "__main__":
    main()
