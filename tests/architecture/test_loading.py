"""What the web process is made of is there before it listens, and is nothing that anybody collects."""

from __future__ import annotations

import subprocess
import sys

from config.local_services.places import PROJECT

STARTING = """
import asyncio, gc, sys
from config.asgi import application

async def main():
    said = asyncio.Queue()
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    async def receive(): return next(asked)
    await application({"type": "lifespan"}, receive, said.put)
    print((await said.get())["type"], "config.urls" in sys.modules, gc.isenabled(), gc.get_freeze_count() > 100_000)

asyncio.run(main())
"""


def test_a_web_process_has_loaded_its_pages_when_it_says_that_it_is_there() -> None:
    done = subprocess.run([sys.executable, "-c", STARTING], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("lifespan.startup.complete True True True\n", "")
