"""Commands that run on servers of their own, started fresh and deleted at their end.

Settings are read once, so such a command starts itself again with another environment: a scratch profile that
nothing of a site, whatever its environment, may be taken for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sys
from collections.abc import Iterator, Mapping

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management.base import CommandError

from config import local_services
from config.local_services.places import PROJECT, Places


def start_over(name: str, *, base_url: str, from_command_line: bool, environment: Mapping[str, str]) -> None:
    """Return in a process that has servers of its own for the command `name`; become one otherwise.

    `environment` is added to the one of a site without any configuration. Raises CommandError where the caller
    is not a command line: a process that calls the command must not be replaced.
    """
    if _has_servers_of_its_own(name):
        return
    if not from_command_line:
        raise CommandError(f"This command starts anew with other settings. Run it from a shell: manage.py {name}")
    profile = f"{name}-{local_services.profile()}"
    local_services.release()
    sys.stdout.flush()
    os.execve(  # noqa: S606 there is no shell between
        sys.executable,
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *sys.argv[1:]],
        {
            **os.environ,
            local_services.PROFILE_VARIABLE: profile,
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "BASE_URL": base_url,
            "ALLOWED_HOSTS": "127.0.0.1",
            "SANDBOX": "on",
            "DEBUG": "off",
            "LOG_LEVEL": "WARNING",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ERASURE_KEY": secrets.token_urlsafe(48),
            "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "SPOOL_DIR": str(Places(PROJECT, profile).room / "spool"),  # the site's answers are not ours to replay
            **environment,
        },
    )


@contextlib.contextmanager
def only_one(name: str) -> Iterator[None]:
    """Hold the lock of this profile's command; CommandError for a second one."""
    with local_services.run_file().with_name(f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"Another {name} is running here. Wait until it has ended.") from None
        yield


def _has_servers_of_its_own(name: str) -> bool:
    return (
        local_services.profile().startswith(f"{name}-")
        and local_services.database_url() == settings.DATABASE_URL
        and local_services.redis_url() == settings.REDIS_URL
    )
