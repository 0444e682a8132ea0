"""A file that a program uploads is given to the provider while no transaction is open."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from conversations.models import Attachment, IdempotentRequest, Stream, User
from conversations.services import accounts
from conversations.services.stream_tokens import token_of
from tests import factories
from tests.conversations.api.conftest import Program, program_of, refused
from tests.messaging.test_files import JPEG

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Provider:
    """One that takes a file, and looks meanwhile who holds a transaction of this database open."""

    status: int = 200
    uploads: int = 0
    held: list[tuple[str, str]] = field(default_factory=list)

    def take(self) -> bytes:
        """What it answers to a file."""
        self.uploads += 1
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            )
            self.held += cursor.fetchall()
        connection.close()
        answer = {"status": self.status, "description": "", "data": [{"filename": "roof.jpg", "id": "77"}]}
        return json.dumps(answer).encode()


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """That provider, at an address which accounts may name."""
    one = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = one.take()
            self.send_response(one.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    settings.EXTRA_PROVIDER_HOSTS = [f"127.0.0.1:{server.server_port}"]
    accounts.transport.cache_clear()
    yield one
    accounts.transport.cache_clear()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def whatsapp(provider: Provider, settings: Any) -> Stream:
    account = factories.make_account("cirrus", base_url=f"http://{settings.EXTRA_PROVIDER_HOSTS[0]}")
    return factories.make_stream(account, channel="whatsapp")


@pytest.fixture
def writer(whatsapp: Stream) -> User:
    user = factories.make_user()
    factories.make_team(members=[user], streams=[whatsapp])
    return user


def upload(program: Program, stream: Stream, key: str = "") -> Any:
    return program.write("POST", f"/media?stream={stream.pk}&kind=image&filename=roof.jpg", JPEG, key=key)


def test_the_api_holds_no_transaction_while_the_provider_takes_a_file(
    writer: User, whatsapp: Stream, provider: Provider
) -> None:
    program = program_of(writer)
    first, again = upload(program, whatsapp, "roof"), upload(program, whatsapp, "roof")
    assert (first.status_code, again.status_code) == (201, 201), first.content
    assert again.json() == first.json()
    assert again["Idempotent-Replay"] == "true"
    assert (provider.uploads, provider.held) == (1, [])
    assert Attachment.objects.get().external_id == "77"


def test_a_file_that_the_provider_refuses_leaves_nothing_and_its_key_free(
    writer: User, whatsapp: Stream, provider: Provider
) -> None:
    program = program_of(writer)
    provider.status = 400
    assert upload(program, whatsapp, "roof").status_code == 422
    assert not Attachment.objects.exists()
    assert not IdempotentRequest.objects.exists()
    provider.status = 200
    assert upload(program, whatsapp, "roof").status_code == 201
    assert provider.held == []


def test_of_two_uploads_under_a_key_at_once_one_is_served(writer: User, whatsapp: Stream, provider: Provider) -> None:
    program, seconds = program_of(writer), []
    take = provider.take

    def take_while_it_is_sent_again() -> bytes:
        seconds.append(upload(program, whatsapp, "roof"))
        return take()

    provider.take = take_while_it_is_sent_again  # type: ignore[method-assign] # the second comes while this one waits
    assert upload(program, whatsapp, "roof").status_code == 201
    refused(seconds[0], 409, "under_way")
    assert provider.uploads == Attachment.objects.count() == 1


@pytest.mark.parametrize("key", ["", "roof"])
def test_the_dialect_of_cirrus_holds_none_either(writer: User, whatsapp: Stream, provider: Provider, key: str) -> None:
    program = program_of(writer)
    answer = program.client.post(
        f"/dialects/cirrus/whatsapp/uploadmedia/{token_of(whatsapp)}",
        {"pic": SimpleUploadedFile("roof.jpg", JPEG, "image/jpeg")},
        headers={"Authorization": f"Bearer {program.text}"} | ({"Idempotency-Key": key} if key else {}),
    )
    assert answer.json()["data"][0]["id"] == str(Attachment.objects.get().ref)
    assert (provider.uploads, provider.held) == (1, [])
