"""Where a reader of the handset is: which phone, which threads, which filter. It all stands in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

PANES = ("phones", "whatsapp", "sms", "network", "requests")  # one at a time on a narrow screen
FEWEST_MESSAGES = 60
MOST_MESSAGES = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """The phone's digits ("" for the first phone) and the query of a handset address.

    `whatsapp` and `sms` are the ids of the streams whose threads are open ("" for the one with the latest message),
    `messages` how many of a thread are shown.
    """

    digits: str = ""
    whatsapp: str = ""
    sms: str = ""
    requests: str = ""
    pane: str = ""
    find: str = ""
    messages: int = FEWEST_MESSAGES

    @classmethod
    def read(cls, digits: str, query: QueryDict) -> Place:
        """The place that an address names; what cannot be read is left out."""
        wanted = query.get("messages", "")
        return cls(
            digits=digits,
            whatsapp=_id(query.get("whatsapp", "")),
            sms=_id(query.get("sms", "")),
            requests=query.get("requests", "")[:20],
            pane=query.get("pane", "") if query.get("pane") in PANES else "",
            find=query.get("find", "").strip()[:40],
            messages=min(int(wanted), MOST_MESSAGES) if _id(wanted) else FEWEST_MESSAGES,
        )

    def thread(self, channel: str) -> int | None:
        """The stream whose thread is open on `channel`, when the address names one."""
        wanted = self.sms if channel == "sms" else self.whatsapp
        return int(wanted) if wanted else None

    def url(self, step: str = "", **changes: str | int) -> str:
        """The address of this place, or of one that differs by `changes`; `step` is what follows the phone."""
        there = replace(self, **changes)  # type: ignore[arg-type]
        values = {
            "whatsapp": there.whatsapp,
            "sms": there.sms,
            "requests": there.requests,
            "pane": there.pane,
            "find": there.find,
            "messages": "" if there.messages == FEWEST_MESSAGES else str(there.messages),
        }
        query = urlencode({name: value for name, value in values.items() if value})
        phone = f"{there.digits}/" if there.digits else ""
        return f"/handset/{phone}{step}" + (f"?{query}" if query else "")


def _id(text: str) -> str:
    return text if text.isascii() and text.isdecimal() and len(text) < 10 else ""
