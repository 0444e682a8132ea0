"""Telling other systems what happens here (docs/webhooks.md).

    subscriptions   who is told: making, changing, pausing, the secrets
    bodies          what is said: the body of a request, from the rows as their owner may see them
    signing         how a request proves that it is ours
    posting         one request and what it came to
    delivering      saying it: the claim, the requests, what became of them
    upkeep          what no job woke, and what is kept no longer

What is to be told is written by PostgreSQL (models/outgoing_triggers.py).
"""
