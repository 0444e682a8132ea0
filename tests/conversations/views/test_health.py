"""What whoever watches the processes is told: whether one is ready, and the figures for Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as families

from conversations.models import DispatcherTick, Receipt, StreamGate, WebhookEvent
from conversations.views import health
from tests import factories
from tests.conversations.views.conftest import signed_in

pytestmark = pytest.mark.django_db
TOKEN = "aVeryLongTokenThatNobodyGuesses"
MOST_QUERIES = 13


@pytest.fixture
def bearer(settings: Any) -> Client:
    """Prometheus, which has the token and no session."""
    settings.METRICS_TOKEN = TOKEN
    return Client(headers={"authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def _no_broker(settings: Any) -> None:
    nobody_listens = {"URL": "redis://127.0.0.1:1/0"}
    settings.RQ_QUEUES = {name: config | nobody_listens for name, config in settings.RQ_QUEUES.items()}


@pytest.fixture
def _no_database(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PostgreSQL is where nobody listens: every new connection is refused."""
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", "1")
        connection.close()
        yield
    connection.close()


def tick(host: str = "web1", **fields: Any) -> DispatcherTick:
    fields.setdefault("ticked_at", timezone.now())
    return DispatcherTick.objects.create(host=host, process_id=1, leads=True, **fields)


class Samples:
    """The metrics of an answer."""

    def __init__(self, answer: Any) -> None:
        assert answer.status_code == 200
        self.families = list(families(answer.content.decode()))

    def value(self, name: str, **labels: str) -> float:
        """The value of the one sample that is called so and has these labels."""
        (found,) = (
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == f"parley_{name}" and sample.labels == labels
        )
        return found


def test_ready_says_what_is_there() -> None:
    tick(ticked_at=timezone.now() - timedelta(seconds=2))
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    found = answer.json()
    assert 2 <= found.pop("dispatcher_seconds") < 10
    assert found == {"ready": True, "database": True, "migrations": True, "broker": True, "dispatcher": True}
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.usefixtures("_no_broker")
def test_ready_without_valkey_and_dispatcher_and_says_so() -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": True,
        "migrations": True,
        "broker": False,
        "dispatcher": False,
        "dispatcher_seconds": None,
    }
    tick(ticked_at=timezone.now() - timedelta(minutes=5))
    assert Client().get("/readyz").json()["dispatcher"] is False


@pytest.mark.parametrize("applied_at_least", ["0001_initial", "0020_what_comes_in"])
def test_not_ready_before_the_tables_are_there(applied_at_least: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrations_seen", False)
    missing = MigrationRecorder.Migration.objects.filter(app="conversations", name__gte=applied_at_least)
    rows = list(missing)
    missing.delete()
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert (answer.json()["ready"], answer.json()["database"], answer.json()["migrations"]) == (False, True, False)
    MigrationRecorder.Migration.objects.bulk_create(rows)
    assert Client().get("/readyz").status_code == 200


def test_a_database_that_has_all_41_first_migrations_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrations_seen", False)
    MigrationRecorder.Migration.objects.get(name="0001_squashed_0041_customer_records").delete()
    assert Client().get("/readyz").status_code == 200


@pytest.mark.usefixtures("_no_database")
def test_not_ready_without_the_database() -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": False, "migrations": False, "broker": True}
    assert Client().get("/healthz").status_code == 200


def test_metrics_are_for_the_token_and_for_administrators(bearer: Client) -> None:
    assert bearer.get("/metrics").status_code == 200
    assert signed_in(factories.make_user("administrator")).get("/metrics").status_code == 200
    stranger = Client().get("/metrics")
    assert stranger.status_code == 401
    assert stranger.headers["WWW-Authenticate"].startswith("Bearer")
    for role in ("agent", "supervisor"):
        assert signed_in(factories.make_user(role)).get("/metrics").status_code == 403
    assert bearer.post("/metrics").status_code == 405


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xe9\xff"],
)
@pytest.mark.parametrize("configured", [TOKEN, ""])
def test_no_other_token_opens_the_metrics(authorization: str, configured: str, settings: Any) -> None:
    settings.METRICS_TOKEN = configured
    answer = Client().get("/metrics", headers={"authorization": authorization})
    assert answer.status_code == 401
    assert b"parley_" not in answer.content


def test_metrics_tell_the_figures(bearer: Client) -> None:
    stream = factories.make_stream(factories.make_account(health="needs_credentials"), name='Texts "A"\\B')
    label = {"stream_id": str(stream.pk), "stream": stream.name}
    StreamGate.objects.create(stream=stream, rate=5, burst=7, open_until=timezone.now() + timedelta(seconds=40))
    conversation = factories.make_conversation(stream)
    factories.make_message(conversation, status="queued", queued_at=timezone.now() - timedelta(minutes=2))
    factories.make_message(conversation, status="unconfirmed", on_wire_at=timezone.now() - timedelta(minutes=20))
    message = factories.make_message()
    WebhookEvent.objects.create(
        account=stream.account, key="a", body=b"", received_at=timezone.now() - timedelta(seconds=50)
    )
    Receipt.objects.create(account=stream.account, key="a", status="read")
    Receipt.objects.update(received_at=timezone.now() - timedelta(hours=1))
    host = tick(spool_files=3)
    found = Samples(bearer.get("/metrics"))
    assert found.value("database_up") == found.value("broker_up") == 1
    assert found.value("stream_messages", status="queued", **label) == 1
    assert found.value("stream_messages", status="unconfirmed", **label) == 1
    assert found.value("stream_messages", status="sending", **label) == 0
    assert found.value("stream_due", **label) == 0
    assert 120 <= found.value("stream_queued_oldest_seconds", **label) < 180
    assert 1200 <= found.value("stream_unconfirmed_oldest_seconds", **label) < 1260
    assert found.value("stream_unconfirmed_for_a_person", **label) == 1
    assert found.value("stream_needs_credentials", **label) == 1
    assert found.value("stream_breaker_open", **label) == 1
    assert (found.value("stream_gate_rate", **label), found.value("stream_gate_tokens", **label)) == (5, 7)
    assert found.value("host_spool_files", host="web1") == 3
    assert found.value("host_spool_has_room", host="web1") == found.value("host_leads", host="web1") == 1
    assert found.value("dispatcher_round_timestamp_seconds") == pytest.approx(host.ticked_at.timestamp())
    assert found.value("queue_jobs", queue="interactive") == found.value("queue_workers", queue="bulk") == 0
    assert found.value("webhook_events_waiting") == found.value("receipts_never_matched") == 1
    assert 50 <= found.value("webhook_events_waiting_oldest_seconds") < 100
    assert found.value("messages_total") == message.pk


def test_metrics_name_no_customer(bearer: Client) -> None:
    contact = factories.make_contact("+447700900321", first_name="Amira")
    conversation = factories.make_conversation(contact=contact)
    factories.make_message(conversation, status="unconfirmed", body="See you on Thursday")
    text = bearer.get("/metrics").content.decode()
    for secret in (
        "7700900",
        "Amira",
        "Thursday",
        conversation.stream.sender,
        conversation.stream.account.webhook_token,
    ):
        assert secret not in text


def test_every_metric_says_what_it_is(bearer: Client) -> None:
    tick()
    factories.make_stream()
    found = list(families(bearer.get("/metrics").content.decode()))
    assert len(found) > 25
    for family in found:
        assert family.name.startswith("parley_")
        assert family.documentation.endswith("."), family.name
        assert family.type in ("gauge", "counter"), family.name
        assert family.samples, family.name


def test_operators_are_told_of_every_metric_and_of_no_other(bearer: Client) -> None:
    tick()
    factories.make_stream()
    found = Samples(bearer.get("/metrics"))
    given = {sample.name for family in found.families for sample in family.samples}
    described = set(re.findall(r"\bparley_[a-z_]+", (settings.BASE_DIR / "docs/operations.md").read_text()))
    assert described == given


def test_metrics_speak_openmetrics_to_whoever_asks(bearer: Client) -> None:
    answer = bearer.get("/metrics", headers={"accept": "application/openmetrics-text;version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert {family.name for family in open_families(answer.content.decode())} >= {
        "parley_stream_due",
        "parley_messages",
    }
    assert bearer.get("/metrics").headers["Content-Type"].startswith("text/plain")


@pytest.mark.usefixtures("_no_broker")
def test_metrics_without_valkey(bearer: Client) -> None:
    found = Samples(bearer.get("/metrics"))
    assert (found.value("broker_up"), found.value("database_up")) == (0, 1)
    assert not any(family.samples for family in found.families if family.name.startswith("parley_queue"))


@pytest.mark.usefixtures("_no_database")
def test_metrics_without_the_database(bearer: Client) -> None:
    found = Samples(bearer.get("/metrics"))
    assert found.value("database_up") == 0
    assert len(found.families) == 1


def test_metrics_cost_the_same_for_few_rows_as_for_many(bearer: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            bearer.get("/metrics")
        return len(captured)

    factories.make_message(status="queued")
    few = queries()
    for _ in range(6):
        factories.make_message(status="unconfirmed")
    assert queries() == few <= MOST_QUERIES
