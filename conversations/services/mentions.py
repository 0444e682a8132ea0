"""Who a remark names: @Tom, @Tom Reyes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conversations.models import User


def mentioned(text: str, people: Iterable[User]) -> list[User]:
    """The people whose name stands after an @, in any case; a first name counts where only one has it."""
    by_name: dict[str, list[User]] = {}
    for person in people:
        full = " ".join(str(person).split()).casefold()
        for name in {full, full.partition(" ")[0]}:
            by_name.setdefault(name, []).append(person)
    only = {name: found[0] for name, found in by_name.items() if len(found) == 1}
    if not only:
        return []
    longest_first = "|".join(re.escape(name) for name in sorted(only, key=len, reverse=True))
    named = re.findall(rf"(?<![\w@.])@({longest_first})(?!\w)", " ".join(text.split()).casefold())
    return list(dict.fromkeys(only[name] for name in named))
