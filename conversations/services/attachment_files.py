"""Files on disk, below ATTACHMENTS_DIR, which no web server shows: made-up names, readable by us alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings


def store(content: bytes) -> str:
    """Write a file; its made-up name, relative to the directory. Appears whole or not at all."""
    name = secrets.token_hex(16)
    stored_as = f"{name[:2]}/{name}"
    path = path_of(stored_as)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return stored_as


def path_of(stored_as: str) -> Path:
    """Where a stored file lies. Raises ValueError for a name that `store` has not made."""
    folder, _, name = stored_as.partition("/")
    if len(name) != 32 or not all(letter in "0123456789abcdef" for letter in name) or folder != name[:2]:
        raise ValueError("no name of a stored file")
    return Path(settings.ATTACHMENTS_DIR) / folder / name


def read(stored_as: str) -> bytes:
    """The content of a stored file. Raises OSError when it is gone."""
    return path_of(stored_as).read_bytes()
