"""`dispatcher`: finds what no job woke."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from conversations import queue
from conversations.management.lean import LeanCommand
from conversations.services import dispatch, operations, spool
from conversations.services.clock import database_now
from conversations.services.inline import InlineSender
from conversations.services.mirror import upkeep

logger = logging.getLogger(__name__)


class Command(LeanCommand):
    """Runs the sweeps of services/dispatch.py until stopped; of several dispatchers one works, the others wait."""

    help = "Release what is scheduled, recover lost work and wake workers, until stopped. Run one or more."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        leads, known_epoch, noted_at = False, "", -settings.DISPATCHER_TICK_SECONDS
        nap = settings.DISPATCHER_TICK_SECONDS
        sender = InlineSender()
        while not stop.wait(nap):
            nap = settings.DISPATCHER_TICK_SECONDS
            try:
                # The lock lives with the connection: a lost connection is a lost lead.
                if connection.connection is None:
                    leads = False
                spool.replay()  # each host its own, leader or not
                leads = leads or dispatch.take_the_lead()
                if leads:
                    if (epoch := queue.epoch()) and epoch != known_epoch:
                        dispatch.forget_hints()
                        known_epoch = epoch
                    # Without the broker no job can be woken: send here, slowly rather than not at all.
                    sender.send(dispatch.sweep())
                    if not queue.broker_answers():
                        sender.push(upkeep.due_conversations(database_now())[: dispatch.INLINE])
                    nap = dispatch.seconds_until_due(settings.DISPATCHER_TICK_SECONDS)
                if time.monotonic() - noted_at >= settings.DISPATCHER_TICK_SECONDS:
                    operations.note_tick(leads=leads)
                    noted_at = time.monotonic()
            except DatabaseError as error:
                logger.warning("The dispatcher waits for the database: %s", type(error).__name__)
                connection.close()
                leads = False
        sender.close()
