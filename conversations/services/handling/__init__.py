"""What people do to conversations, one or many at once, how that is undone, and what time does to them."""

from conversations.services.handling.actions import (
    assign,
    claim,
    mark,
    reopen,
    resolve,
    snooze,
    tag,
    take_next,
    wake,
)
from conversations.services.handling.rows import MOST_AT_ONCE, Handled, another_is_open
from conversations.services.handling.undoing import undo

__all__ = [
    "MOST_AT_ONCE",
    "Handled",
    "another_is_open",
    "assign",
    "claim",
    "mark",
    "reopen",
    "resolve",
    "snooze",
    "tag",
    "take_next",
    "undo",
    "wake",
]
