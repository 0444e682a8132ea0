"""Hosts whose disk has no room or whose clock is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import django_rq
import pytest
from django.utils import timezone

from conversations import queue
from conversations.models import DispatcherTick, Message, SendAttempt
from tests.chaos.conftest import Chaos
from tests.chaos.processes import eventually
from tests.chaos.site import WORKERS

pytestmark = pytest.mark.chaos

# Python imports a module of this name at its start: the process lives in another hour from its first moment.
SHIFT = """
import datetime
import time_machine
time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours={hours}), tick=True).start()
"""


def another_clock(directory: Path, hours: int) -> dict[str, str]:
    """The environment of a process whose clock is ahead by so many hours."""
    place = directory / f"clock{hours:+}"
    place.mkdir()
    (place / "sitecustomize.py").write_text(SHIFT.format(hours=hours))
    return {"PYTHONPATH": str(place)}


def test_no_room_for_answers(chaos: Chaos) -> None:
    with chaos("F22", "no room on the disk for an answer: nothing is sent until there is") as run:
        full = {"SPOOL_FREE_MEGABYTES": "1000000000"}
        with run.site.changed(dict.fromkeys((*WORKERS, "dispatcher-1"), full)):
            messages = run.texts(5)
            run.try_everything()
            assert {run.status_of(message) for message in messages} == {"queued"}
            assert not SendAttempt.objects.exists()
            assert not DispatcherTick.objects.get().spool_has_room
        for message in messages:
            run.wait_for(message, "accepted")


def test_clocks_that_differ(chaos: Chaos, tmp_path: Path) -> None:
    with chaos("F37", "two workers and the dispatcher, each in another hour") as run:
        ahead, behind = another_clock(tmp_path, +1), another_clock(tmp_path, -1)
        with run.site.changed({WORKERS[0]: ahead, WORKERS[1]: behind, "dispatcher-1": ahead}):
            run.wait_for_the_dispatcher()
            soon = timezone.now() + timedelta(minutes=30)
            scheduled = run.text(scheduled_for=soon)
            for _ in range(6):
                run.text(valid_until=soon)
            conversation = run.conversation()
            with run.holding_on_the_wire(conversation):
                watched = run.text(conversation)
                run.wait_for(watched, "sending")
                run.wait_for_the_dispatcher()
            run.settle()
            assert run.status_of(scheduled) == "scheduled"
            assert set(Message.objects.exclude(pk=scheduled.pk).values_list("status", flat=True)) == {"accepted"}
            assert watched.events.count() == 3, "nobody took its lease for over"

            run.freeze_workers()
            lost = run.quiet_text(run.conversation(), seconds=0)
            eventually(lambda: Message.objects.filter(pk=lost.pk, hinted_at__gt=lost.queued_at), "it is hinted")
            django_rq.get_queue(queue.INTERACTIVE).empty()
            run.site.start_again(*WORKERS)
            run.wait_for(lost, "accepted")
            Message.objects.filter(pk=scheduled.pk).update(scheduled_for=timezone.now())
            run.wait_for(scheduled, "accepted")
