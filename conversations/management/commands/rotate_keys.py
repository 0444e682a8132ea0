"""`rotate_keys`: encrypts stored secrets with the first of FIELD_ENCRYPTION_KEYS."""

from __future__ import annotations

from typing import Any

from conversations.management.console import ConsoleCommand
from conversations.services import key_rotation


class Command(ConsoleCommand):
    """Run it after a new key was put in front, and before the old one is dropped."""

    help = (
        "Encrypt credentials, second factors and the proofs of refused calls with the first of FIELD_ENCRYPTION_KEYS. "
        "Harmless when it runs again. Exit code 0: every value is encrypted with that key."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for column, count in key_rotation.rotate().items():
            self.stdout.write(f"{column}: {count}")
        self.stdout.write("Done. Once every process knows the first key, the others can be dropped.")
