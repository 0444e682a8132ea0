"""The development keys: random, made once, kept in files that their owner alone can read."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from config.local_services.errors import LocalServicesError
from config.local_services.locks import exclusively
from config.local_services.places import make_private_directory

MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "ERASURE_KEY": lambda: secrets.token_urlsafe(48),
    "FIELD_ENCRYPTION_KEYS": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
}


def read_or_make_key(directory: Path, name: str) -> str:
    """Return the key `name` of `directory`, one line of text, made on the first call.

    Raises KeyError for a name without a maker and LocalServicesError if the directory cannot be written.
    """
    make = MAKERS[name]
    path = directory / name
    try:
        if path.exists():
            return path.read_text().strip()
        make_private_directory(directory)
        with exclusively(directory / "lock"):
            if not path.exists():
                fresh = directory / f"{name}.new"
                fresh.touch(mode=0o600)
                fresh.write_text(make() + "\n")
                fresh.replace(path)
        return path.read_text().strip()
    except OSError as error:
        raise LocalServicesError(
            f"The development key {path} cannot be read or made ({error.strerror}). "
            f"Make the directory readable and writable for this user, or set {name}."
        ) from error
