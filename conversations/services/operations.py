"""How the delivery engine is doing, for whoever watches the site."""

from __future__ import annotations

import os
import socket

from django.utils import timezone

from conversations.models import DispatcherTick
from conversations.services import spool


def note_tick(*, leads: bool) -> None:
    """Write down that this host's dispatcher has come round, and how its spool looks."""
    waiting, set_aside = spool.count()
    DispatcherTick.objects.update_or_create(
        host=socket.gethostname()[:200],
        defaults={
            "process_id": os.getpid(),
            "leads": leads,
            "ticked_at": timezone.now(),
            "spool_files": waiting,
            "spool_set_aside": set_aside,
            "spool_has_room": spool.has_room(),
        },
    )
