"""An agent at a browser: signed in, pressing Send."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import requests
from django.conf import settings
from django.test import Client

from conversations.models import Conversation, Stream, User
from tests.chaos.processes import eventually
from tests.chaos.run import Run
from tests.factories import make_team, make_user

CSRF = "c" * 32


class Agent:
    """Somebody who may write on a stream, with a session in the running web process."""

    def __init__(self, run: Run, stream: Stream) -> None:
        run.site.need("web")
        self._url = run.site.web_url
        self.user: User = make_user(undo_seconds=0)
        make_team(members=[self.user], streams=[stream])
        client = Client()
        client.force_login(self.user)
        self._cookies = {
            settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value,
            settings.CSRF_COOKIE_NAME: CSRF,
        }
        eventually(self._answers, "the web process answers")

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self._url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def reply(self, conversation: Conversation, words: str, *, key: str = "") -> requests.Response:
        """Press Send under a conversation, without JavaScript."""
        form: Mapping[str, str] = {
            "mode": "reply",
            "body": words,
            "client_key": key or str(uuid.uuid4()),
            "csrfmiddlewaretoken": CSRF,
        }
        return requests.post(
            f"{self._url}/c/{conversation.pk}/reply/",
            data=form,
            cookies=self._cookies,
            timeout=60,
            allow_redirects=False,
        )


def call_hook(run: Run, token: str, body: bytes) -> int:
    """Call a webhook as a provider does; the status it was answered with."""
    headers = {"Content-Type": "application/json"}
    return requests.post(f"{run.site.web_url}/hooks/{token}/", data=body, headers=headers, timeout=60).status_code
