"""Everything that can be made to go wrong, for one phone or for a whole account.

An account's fault comes before its phones' faults. Faults of the wire (`Stage.REFUSE`, `Stage.ANSWER`) change how
the request is answered; faults of the network (`Stage.NETWORK`) change what becomes of the accepted message.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .models import SandboxAccount, VirtualPhone
from .models.accounts import FaultSetting


class Stage(StrEnum):
    """Where a fault strikes."""

    NONE = "none"
    REFUSE = "refuse"  # nothing is accepted
    ANSWER = "answer"  # accepted; the answer goes wrong
    NETWORK = "network"  # accepted and answered well; the message or its reports go wrong


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the list. `documented` says that a provider's document describes this behaviour itself."""

    key: str
    label: str
    description: str
    stage: Stage
    documented: bool = False
    on_handset: bool = False  # offered on the handset page, per phone


FAULTS: tuple[Fault, ...] = (
    Fault("ok", "Delivered, then read", "Nothing goes wrong.", Stage.NONE, True, True),
    Fault("delivered_only", "Delivered only", "It arrives and is never read.", Stage.NETWORK, True, True),
    Fault(
        "switched_off",
        "Phone switched off",
        "The provider passes it on; no report comes after that.",
        Stage.NETWORK,
        on_handset=True,
    ),
    Fault(
        "not_valid",
        "Number not valid",
        "The number is refused in the provider's own words.",
        Stage.NETWORK,
        True,
        True,
    ),
    Fault(
        "slow",
        "Provider slow, 30 s",
        "Accepted at once, answered after `seconds` (30).",
        Stage.ANSWER,
        on_handset=True,
    ),
    Fault(
        "error_before",
        "Provider error 500",
        "Refused with `status` (500) before anything is accepted.",
        Stage.REFUSE,
        True,
        True,
    ),
    Fault(
        "not_on_whatsapp",
        "Not on WhatsApp",
        "Templates are refused; free text fails.",
        Stage.NETWORK,
        True,
        True,
    ),
    Fault(
        "no_report",
        "Receipt never comes",
        "It arrives, and the product is not told.",
        Stage.NETWORK,
        on_handset=True,
    ),
    Fault("dropped", "Accepted, then failed", "A failure report follows.", Stage.NETWORK, True),
    Fault("duplicate_reports", "Reports come twice", "Each report is sent twice, word for word.", Stage.NETWORK),
    Fault(
        "out_of_order",
        "Reports in the wrong order",
        "Read, delivered, sent, and delivered once more.",
        Stage.NETWORK,
    ),
    Fault(
        "throttled",
        "Too many requests (429)",
        "Refused with 429, and Retry-After where `retry_after` is set.",
        Stage.REFUSE,
        True,
    ),
    Fault("unauthorized", "Key refused (401)", "Refused as if the key were wrong.", Stage.REFUSE, True),
    Fault("redirect", "Redirect", "Answered with `status` (302) to `location`.", Stage.REFUSE),
    Fault("reset_before", "Connection reset before accepting", "Read, forgotten, then reset.", Stage.REFUSE),
    Fault("error_after", "Error 500 after accepting", "Accepted, then `status` (500).", Stage.ANSWER),
    Fault("reset_after", "Connection reset after accepting", "Accepted, then reset.", Stage.ANSWER),
    Fault("closed_after", "Connection closed after accepting", "Accepted, then closed in silence.", Stage.ANSWER),
    Fault("half_answer", "Half an answer", "Accepted; the answer breaks off in the middle.", Stage.ANSWER),
    Fault("one_byte_per_second", "One byte per second", "Accepted; the answer trickles.", Stage.ANSWER),
    Fault("garbage", "Garbage", "Accepted; the answer is 200 and noise.", Stage.ANSWER),
    Fault("html_answer", "A web page", "Accepted; the answer is 200 and HTML.", Stage.ANSWER),
    Fault("empty_answer", "Empty answer", "Accepted; the answer is 200 and nothing.", Stage.ANSWER),
    Fault("wrong_types", "Wrong types", "Accepted; the answer is JSON of another shape.", Stage.ANSWER),
    Fault(
        "missing_recipient",
        "A recipient is missing",
        "All accepted; the answer leaves the last one out.",
        Stage.ANSWER,
    ),
    Fault("other_order", "Another order", "All accepted; the answer lists them backwards.", Stage.ANSWER),
    Fault("other_format", "Numbers in another format", "All accepted; the answer writes numbers anew.", Stage.ANSWER),
)
BY_KEY: dict[str, Fault] = {fault.key: fault for fault in FAULTS}
HANDSET_FAULTS: tuple[Fault, ...] = tuple(fault for fault in FAULTS if fault.on_handset)
OK = BY_KEY["ok"]


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault with the numbers that were set for it."""

    fault: Fault
    settings: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The key in `BY_KEY`."""
        return self.fault.key

    @property
    def stage(self) -> Stage:
        """Where it strikes."""
        return self.fault.stage

    def seconds(self, default: float) -> float:
        """The waiting time that was set, or `default`."""
        return float(self.settings.get("seconds", default))

    def status(self, default: int) -> int:
        """The HTTP status that was set, or `default`."""
        return int(self.settings.get("status", default))


NO_FAULT = ActiveFault(OK, {})


def set_fault(
    holder: FaultSetting, key: str, *, settings: Mapping[str, Any] | None = None, times: int | None = None
) -> None:
    """Switch a fault on for a phone or an account, for the next `times` uses or (None) until it is changed.

    Raises ValueError for a key that is not in the list.
    """
    if key not in BY_KEY:
        raise ValueError(f"There is no fault named {key}. Take one of: {', '.join(BY_KEY)}.")
    holder.fault, holder.fault_settings, holder.fault_times = key, dict(settings or {}), times
    holder.save(update_fields=["fault", "fault_settings", "fault_times"])


def take(holder: FaultSetting, stages: Collection[Stage] = tuple(Stage)) -> ActiveFault:
    """The holder's fault if it strikes at one of `stages`, using up one of its times.

    Call while holding `database.writing()`.
    """
    fault = BY_KEY.get(holder.fault, OK)
    if fault is OK or fault.stage not in stages:
        return NO_FAULT
    active = ActiveFault(fault, holder.fault_settings)
    if holder.fault_times is not None:
        left = max(0, holder.fault_times - 1)
        if left:
            holder.fault_times = left
        else:
            holder.fault, holder.fault_settings, holder.fault_times = OK.key, {}, None
        holder.save(update_fields=["fault", "fault_settings", "fault_times"])
    return active


def outcome_for(account: SandboxAccount, phone: VirtualPhone) -> ActiveFault:
    """What the network does with one message: the account's outcome if one is set, else the phone's."""
    of_account = take(account, (Stage.NETWORK,))
    return take(phone, (Stage.NETWORK,)) if of_account is NO_FAULT else of_account
