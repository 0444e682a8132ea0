"""Long lists, read and checked by a worker: while the page waits, and when the worker is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_rq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from conversations import jobs, queue
from conversations.models import Campaign, Tag
from conversations.services import dispatch
from conversations.services.campaigns import audience, preflight, reading, upkeep
from tests import factories
from tests.conversations.campaigns.conftest import fiction, people, words
from tests.factories import SandboxStreams

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Campaign]


@pytest.fixture(autouse=True)
def kept_files(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of three rows is a long one; its file lies here meanwhile."""
    monkeypatch.setattr(reading, "AT_ONCE", 2)
    settings.ATTACHMENTS_DIR = tmp_path
    return tmp_path


def upload(browser: Client, campaign: Campaign, *rows: str) -> Any:
    """Choose a file on the page and follow where it leads."""
    file = SimpleUploadedFile("long.csv", "\n".join(["phone,first name", *rows]).encode(), "text/csv")
    return browser.post(f"/campaigns/{campaign.pk}/list/", {"file": file}, follow=True)


def files(directory: Path) -> list[Path]:
    """What lies there."""
    return [path for path in directory.rglob("*") if path.is_file()]


def jobs_waiting() -> list[str]:
    """The jobs for a worker, taken away."""
    waiting = django_rq.get_queue(queue.DEFAULT)
    ids = list(waiting.job_ids)
    waiting.empty()
    return ids


def test_a_long_file_is_read_by_a_worker(browser: Client, make_campaign: Make, kept_files: Path) -> None:
    campaign = make_campaign(fiction(200) + ",Rosa")
    page = upload(browser, campaign, *people(300, 3))
    assert "3 rows are being read" in words(page)
    assert "0 of 3 rows" in words(page)
    assert len(files(kept_files)) == 1
    assert jobs_waiting() == [f"read_campaign-{campaign.pk}"]
    campaign.refresh_from_db()
    assert (campaign.status, campaign.row_count) == ("checking", 1), "the list that it has, until the other is read"
    jobs.read_campaign([campaign.pk])
    campaign.refresh_from_db()
    assert (campaign.status, campaign.row_count, campaign.file_name, campaign.task) == ("draft", 3, "long.csv", {})
    assert files(kept_files) == []
    assert "3 rows" in words(browser.get(f"/campaigns/{campaign.pk}/list/"))
    assert browser.get(f"/campaigns/{campaign.pk}/check/progress/")["HX-Refresh"] == "true"


def test_many_people_from_conversations_are_read_by_a_worker(
    browser: Client, make_campaign: Make, streams: SandboxStreams, kept_files: Path
) -> None:
    tag = Tag.objects.create(name="Fibre")
    for number in range(300, 304):
        factories.make_conversation(streams["webex_interact"], factories.make_contact(fiction(number))).tags.add(tag)
    campaign = make_campaign(fiction(200) + ",Rosa")
    page = browser.post(f"/campaigns/{campaign.pk}/list/", {"people": f"tag-{tag.pk}"}, follow=True)
    assert "4 rows are being read" in words(page)
    assert jobs_waiting() == [f"read_campaign-{campaign.pk}"]
    jobs.read_campaign([campaign.pk])
    campaign.refresh_from_db()
    assert (campaign.status, campaign.row_count, campaign.file_name, campaign.task) == ("draft", 4, "Tag Fibre", {})
    listed = list(campaign.recipients.order_by("row").values_list("row", "phone", "verdict"))
    assert listed == [(row, fiction(number), "send") for row, number in enumerate(range(300, 304), start=1)]
    assert files(kept_files) == []


def test_what_is_wrong_with_a_long_file_is_said_at_once(
    browser: Client, make_campaign: Make, kept_files: Path
) -> None:  # fmt: skip
    campaign = make_campaign(fiction(200) + ",Rosa")
    page = upload(browser, campaign, *people(300, 3), fiction(303))
    assert page.status_code == 422
    assert "The row at line 5 has 1 cells" in words(page)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.row_count, files(kept_files), jobs_waiting()) == ("draft", 1, [], [])


def test_zeros_and_another_column_are_read_by_a_worker_too(browser: Client, make_campaign: Make) -> None:
    campaign = make_campaign(*(f"774163254{n},0774163255{n}" for n in range(3)), header="phone,mob")
    address = f"/campaigns/{campaign.pk}/list/"
    assert "3 rows are being read" in words(browser.post(address, {"restore": "yes"}, follow=True))
    jobs.read_campaign([campaign.pk])
    assert list(campaign.recipients.values_list("phone", flat=True)) == [f"+44774163254{n}" for n in range(3)]
    assert "3 rows are being read" in words(browser.post(address, {"number": "mob"}, follow=True))
    jobs.read_campaign([campaign.pk])
    assert list(campaign.recipients.values_list("phone", flat=True)) == [f"+44774163255{n}" for n in range(3)]


def test_how_far_a_worker_is(make_campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (audience, preflight):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    campaign = make_campaign(*people(200, 5))
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(reading, "note", lambda pk, done, *, of: told.append((done, of)))
    for begin in (reading.check, reading.restore_zeros):
        begin(campaign)
        reading.work(campaign.pk)
        campaign.refresh_from_db()
    assert told == [(2, 5), (4, 5), (5, 5)] * 2


def test_a_check_whose_worker_was_lost_begins_again(make_campaign: Make) -> None:
    campaign = make_campaign(*people(200, 3))
    reading.check(campaign)
    assert jobs_waiting() == [f"read_campaign-{campaign.pk}"]
    later = timezone.now() + timedelta(minutes=2)
    is_at_it, is_lost = threading.Event(), threading.Event()

    def worker() -> None:
        with transaction.atomic():
            Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
            is_at_it.set()
            is_lost.wait(30)
            transaction.set_rollback(True)
        connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    assert is_at_it.wait(30)
    upkeep.sweep(later)
    reading.work(campaign.pk)  # another worker, woken twice
    campaign.refresh_from_db()
    assert (campaign.status, jobs_waiting()) == ("checking", []), "somebody is at it"
    is_lost.set()
    thread.join()
    upkeep.sweep(timezone.now())
    assert jobs_waiting() == [], "it was hinted a moment ago"
    upkeep.sweep(later)
    upkeep.sweep(later)
    assert jobs_waiting() == [f"read_campaign-{campaign.pk}"]
    dispatch.forget_hints()  # Valkey has lost its data
    upkeep.sweep(timezone.now())
    assert jobs_waiting() == [f"read_campaign-{campaign.pk}"]
    jobs.read_campaign([campaign.pk])
    campaign.refresh_from_db()
    assert campaign.status == "ready"


def test_a_list_that_cannot_be_read_does_not_wait_for_ever(
    browser: Client, make_campaign: Make, kept_files: Path
) -> None:  # fmt: skip
    campaign = make_campaign(fiction(200) + ",Rosa")
    upload(browser, campaign, *people(300, 3))
    for path in files(kept_files):
        path.unlink()
    jobs.read_campaign([campaign.pk])
    campaign.refresh_from_db()
    assert (campaign.status, campaign.row_count, campaign.task) == ("draft", 1, {})
    page = words(browser.get(f"/campaigns/{campaign.pk}/list/"))
    assert "The list could not be read to its end. Choose the file again." in page
    upload(browser, campaign, *people(300, 2))
    assert "could not be read" not in words(browser.get(f"/campaigns/{campaign.pk}/list/"))
