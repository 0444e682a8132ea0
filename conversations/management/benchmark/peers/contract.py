"""What every peer is: a system of others that runs on this machine for the length of a benchmark."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar

from django.core.management.base import CommandParser

from conversations.management.benchmark.campaign_shapes import Shape
from conversations.management.benchmark.contract import Say
from conversations.management.benchmark.report import OURS, Measure


class PeerIsAbsent(Exception):
    """It cannot run here; the text says what is missing and what to do."""


class Peer(ABC):
    """One of them."""

    name: str  # with the version, once it has started
    leaves_out: ClassVar[str]  # what ours does for the same figure and it does not: a sentence beside each figure

    @abstractmethod
    def start(self) -> None:
        """Make it ready. Raises PeerIsAbsent, before anything of it runs."""


class CampaignPeer(Peer):
    """A peer that sends one text, or one each, to a list of people. `pids` are its processes while it runs."""

    pids: Sequence[int] = ()

    @abstractmethod
    def takes(self, shape: Shape) -> bool:
        """Is this how it sends?"""

    @abstractmethod
    def send_list(self, phones: Sequence[str]) -> float:
        """Send to these people, who are new to it; the seconds until it had no more to do with any of them."""


class Compared(Protocol):
    """What stands beside ours in a table of its own."""

    @property
    def name(self) -> str: ...
    @property
    def leaves_out(self) -> str: ...


AnyPeer = TypeVar("AnyPeer", bound=Peer)
Values = Mapping[tuple[str, str], Mapping[str, Sequence[float]]]  # by measure and unit: a value a round for each side


def add_peers_option(parser: CommandParser, *names: str) -> None:
    """The option that asks for peers."""
    parser.add_argument(
        "--peers",
        action="store_true",
        help=f"Also measure {' and '.join(names)}, where it can run here. Nothing of it is kept.",
    )


def start_peers(peers: Sequence[AnyPeer], say: Say) -> tuple[list[AnyPeer], list[str]]:
    """The peers that run now, and for each other one a sentence that says why it does not."""
    running, remarks = [], []
    for peer in peers:
        say(f"Starting {peer.name}")
        try:
            peer.start()
        except PeerIsAbsent as absence:
            remarks.append(f"{peer.name} was not measured: {absence}")
            say(remarks[-1])
        else:
            running.append(peer)
    return running, remarks


def measures_of(values: Values, peers: Sequence[Compared]) -> list[Measure]:
    """The rows of a run: ours beside its floors, then ours beside each peer, with what that one leaves out."""
    names = {peer.name for peer in peers}
    rows = []
    for (name, unit), sides in values.items():
        own = {side: found for side, found in sides.items() if side not in names}
        rows.append(Measure(name, unit, own))
    for peer in peers:
        for (name, unit), sides in values.items():
            if peer.name in sides:
                rows.append(beside(peer, name, unit, sides[OURS], sides[peer.name]))
    return rows


def beside(peer: Compared, name: str, unit: str, ours: Sequence[float], theirs: Sequence[float]) -> Measure:
    """A row with our value and the peer's, which says what that one leaves out."""
    sides = {OURS: ours, peer.name: theirs}
    return Measure(name, unit, sides, (OURS, peer.name), note=f"{peer.name} {peer.leaves_out}")
