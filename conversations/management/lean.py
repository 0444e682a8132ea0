"""Commands that run for weeks and want little memory."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any

from django.core.management.base import BaseCommand, SystemCheckError


class LeanCommand(BaseCommand):
    """Makes the system checks in a process that ends: they load every page and form, which the command never uses."""

    def check(self, *args: Any, **options: Any) -> None:
        """Check, and leave with exit code 1 when anything is wrong, which has been said then."""
        checking = multiprocessing.get_context("fork").Process(target=self._check, args=args, kwargs=options)
        checking.start()
        checking.join()
        if checking.exitcode:
            sys.exit(1)

    def _check(self, *args: Any, **options: Any) -> None:
        try:
            super().check(*args, **options)
        except SystemCheckError as error:
            sys.exit(str(error))
