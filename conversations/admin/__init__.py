"""The administration: one module a subject. Django finds it by its name; importing it registers every page."""

from conversations.admin import (
    accounts,
    attempts,
    consent,
    conversations,
    dispatchers,
    messages,
    people,
    queues,
    streams,
    templates,
    webhooks,
)

__all__ = [
    "accounts",
    "attempts",
    "consent",
    "conversations",
    "dispatchers",
    "messages",
    "people",
    "queues",
    "streams",
    "templates",
    "webhooks",
]
