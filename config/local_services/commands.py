"""The embedded servers around one run of `manage.py`."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn

WITHOUT_SERVERS = {
    "benchmark",
    "check",
    "collectstatic",
    "compilemessages",
    "demo",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "sandbox",
    "startapp",
    "version",
}


@contextlib.contextmanager
def serving(argv: Sequence[str]) -> Iterator[None]:
    """Run the block, a management command, with the embedded servers that it needs.

    Nothing is started where settings have addresses of other servers, for commands without a database, and for
    help texts. Exits with a sentence on standard error if the servers cannot be had.
    """
    from config import local_services

    postgres, valkey = _wanted(argv)
    if postgres or valkey:
        end_on_signals()
        try:
            local_services.ensure_running(postgres=postgres, valkey=valkey)
        except local_services.LocalServicesError as error:
            sys.exit(str(error))
    try:
        yield
    finally:
        local_services.release()


def _wanted(argv: Sequence[str]) -> tuple[bool, bool]:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    from config import local_services

    if len(argv) < 2 or argv[1] in WITHOUT_SERVERS or {"-h", "--help", "--version"} & set(argv[1:]):
        return False, False
    try:
        return (
            local_services.database_url() == settings.DATABASE_URL,
            local_services.redis_url() == settings.REDIS_URL,
        )
    except ImproperlyConfigured:
        return False, False  # the command reports it in its own way


def end_on_signals() -> None:
    """Leave by SystemExit on SIGTERM and on a closed terminal, so that what was started is ended.

    A signal that somebody handles or, as `nohup` does, has us ignore is left alone.
    """

    def leave(signum: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + signum)

    for signum in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) == signal.SIG_DFL:
            signal.signal(signum, leave)
