"""`rqworker`: takes jobs from one queue."""

from __future__ import annotations

from django_rq.management.commands import rqworker

from conversations.management.lean import LeanCommand


class Command(LeanCommand, rqworker.Command):
    """django-rq's, with less memory."""

    help = "Take jobs from a queue until stopped: interactive, bulk or default. Run at least one for each."
