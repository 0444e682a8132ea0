"""What every benchmark is: options, and a run that ends in a report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.core.management.base import CommandParser

from conversations.management.benchmark.report import Findings

WARM_UP = 3  # requests of each page before any counts

Say = Callable[[str], None]


class Benchmark(ABC):
    """One benchmark. It runs on scratch servers that hold our tables and nothing else."""

    name: ClassVar[str]
    help: ClassVar[str]

    @abstractmethod
    def add_arguments(self, parser: CommandParser) -> None:
        """Its own options, beside `--rounds`, `--json` and `--markdown`, which all have."""

    @abstractmethod
    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        """Measure and count. `say` tells whoever waits how far it is. Raises CommandError when it cannot go on."""


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """The type of an option that takes a number between those two."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ArgumentTypeError(f"choose {least:,} to {most:,}, not {text}")
        return int(text)

    return read
