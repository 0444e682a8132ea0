"""Long lists are read and checked by a worker, while the page says how far it is; short ones at once.

A row costs about 75 microseconds to be read and 100 to be checked, measured over 200,000: a quarter of a minute, in
which a thread of the web process would answer nobody else. Up to AT_ONCE rows that is half a second. The file itself
is looked through at once, whatever its length, so that whoever chose it hears at once what is wrong with it.

What a worker is to do stands in the campaign until it is done. While it does it, it holds the campaign's row: whoever
comes by and finds the row free knows that nobody is at it.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from redis.exceptions import RedisError

from conversations import queue
from conversations.broker import broker
from conversations.models import Campaign
from conversations.models.campaign import CampaignStatus
from conversations.services import attachment_files
from conversations.services.campaigns import audience, preflight, sources
from conversations.services.clock import database_now
from conversations.services.csv_files import CsvProblem

logger = logging.getLogger(__name__)

AT_ONCE = 5_000  # rows; a longer list is for a worker
_FREE = (CampaignStatus.DRAFT, CampaignStatus.READY)
_KEPT_SECONDS = 600  # how long a number of rows is remembered that nobody replaces


def take_file(campaign: Campaign, source: BinaryIO, *, file_name: str, may_ask: bool = False) -> None:
    """Make a CSV file the list of a campaign as audience.load_list does, and raise what it raises."""
    rows = audience.look_through(source, may_ask=may_ask)
    source.seek(0)
    if rows <= AT_ONCE:
        audience.load_list(campaign, source, file_name=file_name, may_ask=may_ask)
        return
    _leave_with_file(campaign, source.read(), {"name": file_name[:200], "may_ask": may_ask, "rows": rows})


def take_people(campaign: Campaign, conversations: QuerySet[Any], *, name: str) -> None:
    """Make the people of some conversations, as they are now, the list of a campaign.

    `conversations` are those that whoever asks may see; `name` says for people where they are from. Raises what
    sources.contacts_of and sources.load_people raise.
    """
    contacts = sources.contacts_of(conversations, name=name)
    if len(contacts) <= AT_ONCE:
        sources.load_people(campaign, contacts, name=name)
    else:
        task = {"people": True, "name": name[:200], "rows": len(contacts)}
        _leave_with_file(campaign, json.dumps(contacts).encode(), task)


def restore_zeros(campaign: Campaign) -> None:
    """Read the list again as audience.restore_zeros does, and raise what it raises."""
    if campaign.row_count <= AT_ONCE:
        audience.restore_zeros(campaign)
    else:
        _leave(campaign, {"restore": True, "rows": campaign.row_count})


def choose_number_column(campaign: Campaign, name: str) -> None:
    """Read the list again as audience.choose_number_column does, and raise what it raises."""
    if campaign.row_count <= AT_ONCE or name not in dict(campaign.titles):
        audience.choose_number_column(campaign, name)
    else:
        _leave(campaign, {"number": name, "rows": campaign.row_count})


def check(campaign: Campaign) -> None:
    """Check a campaign as preflight.check does, and raise what it raises."""
    if campaign.row_count <= AT_ONCE:
        preflight.check(campaign)
    else:
        _leave(campaign, {"rows": campaign.row_count})


def _leave_with_file(campaign: Campaign, content: bytes, task: dict[str, Any]) -> None:
    kept = attachment_files.store(content)
    try:
        _leave(campaign, {"file": kept, **task})
    except ValidationError:
        attachment_files.path_of(kept).unlink(missing_ok=True)
        raise


def _leave(campaign: Campaign, task: dict[str, Any]) -> None:
    waits = Campaign.objects.filter(pk=campaign.pk, status__in=_FREE).update(
        status=CampaignStatus.CHECKING, status_reason="", task=task, hinted_at=database_now()
    )
    if not waits:
        raise ValidationError(
            "This campaign has begun, or is being read or checked. Nothing was changed.", code="campaign_began"
        )
    campaign.refresh_from_db()
    transaction.on_commit(lambda: wake_for(campaign.pk), robust=True)


def wake_for(campaign_id: int) -> bool:
    """Wake a worker for a campaign that waits for one."""
    return queue.hint("read_campaign", [campaign_id], queue=queue.DEFAULT)


def work(campaign_id: int) -> None:
    """Do what a campaign waits for; nothing when another worker is at it, or it waits no more.

    What cannot be done is said on the campaign, which is a draft then: it never waits for ever.
    """
    try:
        with transaction.atomic():
            waiting = Campaign.objects.select_for_update(no_key=True, skip_locked=True)
            campaign = waiting.filter(pk=campaign_id, status=CampaignStatus.CHECKING).first()
            if campaign is None:
                return
            task = campaign.task
            _do(campaign, task)
            Campaign.objects.filter(pk=campaign_id).update(task={})
            transaction.on_commit(lambda: _forget(campaign_id, task), robust=True)
    except (OperationalError, InterfaceError):
        raise  # the database is away; the dispatcher wakes another worker
    except (CsvProblem, ValidationError) as error:
        _give_up(campaign_id, " ".join(error.messages) if isinstance(error, ValidationError) else error.sentence)
    except Exception:
        logger.exception("The list of campaign %s could not be read or checked.", campaign_id)
        _give_up(campaign_id, "The list could not be read to its end. Choose the file again.")


def _do(campaign: Campaign, task: dict[str, Any]) -> None:
    tell = partial(note, campaign.pk, of=task.get("rows", campaign.row_count))
    if "people" in task:
        contacts = json.loads(attachment_files.read(task["file"]))
        sources.load_people(campaign, contacts, name=task["name"], tell=tell)
    elif "file" in task:
        with attachment_files.path_of(task["file"]).open("rb") as file:
            audience.load_list(campaign, file, file_name=task["name"], may_ask=task["may_ask"], tell=tell)
    elif "restore" in task:
        audience.restore_zeros(campaign, tell=tell)
    elif "number" in task:
        audience.choose_number_column(campaign, task["number"], tell=tell)
    else:
        preflight.check(campaign, tell=tell)


def _give_up(campaign_id: int, sentence: str) -> None:
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
        if campaign.status != CampaignStatus.CHECKING:
            return
        task, campaign.task = campaign.task, {}
        campaign.status, campaign.status_reason = CampaignStatus.DRAFT, sentence[:300]
        campaign.save(update_fields=["task", "status", "status_reason"])
        transaction.on_commit(lambda: _forget(campaign_id, task), robust=True)


def _forget(campaign_id: int, task: dict[str, Any]) -> None:
    if "file" in task:
        attachment_files.path_of(task["file"]).unlink(missing_ok=True)
    with suppress(RedisError):
        broker().delete(_key(campaign_id))


def note(campaign_id: int, done: int, *, of: int) -> None:
    """Remember how many rows are done; losing it loses a number on a page."""
    with suppress(RedisError):
        broker().set(_key(campaign_id), f"{done}/{of}", ex=_KEPT_SECONDS)


def progress_of(campaign: Campaign) -> tuple[int, int]:
    """How many rows a worker has done, and of how many."""
    everything = int(campaign.task.get("rows", campaign.row_count))
    with suppress(RedisError):
        kept = broker().get(_key(campaign.pk))
        if isinstance(kept, bytes):
            done, _, of = kept.decode().partition("/")
            return int(done), int(of)
    return 0, everything


def _key(campaign_id: int) -> str:
    return f"parley:campaign:{campaign_id}:rows"
