"""RapidSMS: a row a person in PostgreSQL, a job for 200 of them, one text for all in a request to Kannel's address."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.conf import settings

from conversations.management.benchmark.campaign_shapes import Shape
from conversations.management.benchmark.ground import Ground
from conversations.management.benchmark.peers.contract import CampaignPeer
from conversations.management.benchmark.peers.environment import DRIVER, database, make_environment, program, run

REQUIREMENTS = ("rapidsms==2.2.0", "celery[redis]==5.7.0")
PATIENCE = 660.0  # seconds; its program gives up before that


class RapidSms(CampaignPeer):
    """Its database router, and two processes of Celery that send straight to the counting provider."""

    name = "RapidSMS 2.2.0"
    leaves_out = (
        "sends one text to all, 200 people a request, and keeps a row with a status for each: no merge fields, no "
        "conversations, no consent, no record of a request, no words for a search. It knows everybody before its time "
        "begins, which ends when the last row says that it was sent; what makes those rows is none of its workers."
    )

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._python = ""

    def start(self) -> None:
        self._python = make_environment(self._ground.directory / "rapidsms", *REQUIREMENTS, DRIVER)
        run(self._site("fill"))
        ready = self._ground.directory / "rapidsms-ready"
        self.pids = [self._ground.start("rapidsms-worker", *self._site("work", str(ready)))]
        self._ground.wait_until({self.name: ready.exists})

    def takes(self, shape: Shape) -> bool:
        return shape.people == 0

    def send_list(self, phones: Sequence[str]) -> float:
        return float(run(self._site("send"), given=json.dumps(phones), patience=PATIENCE))

    def _site(self, task: str, *more: str) -> list[str]:
        places = {
            "database": database("rapidsms"),
            "broker": f"redis+socket://{settings.REDIS_URL.removeprefix('unix://').partition('?')[0]}?virtual_host=1",
            "provider": f"http://127.0.0.1:{settings.SANDBOX_PORT}/cgi-bin/sendsms",
        }
        return program(self._python, "rapid_sms_site", json.dumps(places), task, *more)
