"""The administration: one module a subject. Django finds it by its name; importing it registers every page."""

from conversations.admin import (
    accounts,
    attachments,
    attempts,
    canned,
    consent,
    conversations,
    dispatchers,
    keywords,
    messages,
    people,
    policies,
    queues,
    streams,
    tags,
    templates,
    webhooks,
)

__all__ = [
    "accounts",
    "attachments",
    "attempts",
    "canned",
    "consent",
    "conversations",
    "dispatchers",
    "keywords",
    "messages",
    "people",
    "policies",
    "queues",
    "streams",
    "tags",
    "templates",
    "webhooks",
]
