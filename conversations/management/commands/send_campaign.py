"""`send_campaign`: a text or a template to everybody on a list, by the same way as from the pages."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.db.models import Min
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations.management.console import (
    ConsoleCommand,
    moment,
    stream_named,
    template_named,
    user_with,
    worker_is_registered,
)
from conversations.models import Campaign, CampaignChunk
from conversations.models.campaign import ENDED, CampaignStatus, ChunkStatus, RowVerdict
from conversations.models.message import Kind, Purpose
from conversations.queue import BULK
from conversations.services.campaigns import audience, control, planning, preflight, sending
from conversations.services.clock import database_now
from conversations.services.csv_files import CsvProblem

LOOK_EVERY = 0.5
LONG_WAIT = timedelta(minutes=1)
BAR = 30  # characters


class Command(ConsoleCommand):
    """Makes a campaign of a file, checks it, asks, lets it go and follows it to its end."""

    help = (
        "Send a text or a WhatsApp template to everybody on a list (CSV with a column called phone). Every row is "
        "checked first; nothing is sent before you confirm. Exit code 0: done, or with --dry-run fit to be sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The list.")
        parser.add_argument("--stream", required=True, help="The name of the stream to send from.")
        parser.add_argument("--body", default="", help="The text; ${firstname} is the column First name.")
        parser.add_argument("--template", help="The name of a WhatsApp template, in place of --body.")
        parser.add_argument("--language", help="Its language, where it has several.")
        parser.add_argument(
            "--value", action="append", default=[], metavar="TEXT", help="A value of the template's body, in order."
        )
        parser.add_argument(
            "--fallback",
            action="append",
            default=[],
            metavar="FIELD=TEXT",
            help="What stands where a value is missing.",
        )
        parser.add_argument("--name", help="What the campaign is called; without it, the file's name.")
        parser.add_argument(
            "--purpose", choices=[str(one) for one in Purpose], default=str(Purpose.MARKETING), help="What it is about."
        )
        parser.add_argument("--at", metavar="TIME", help="Begin at this time, ISO 8601 with a time zone.")
        parser.add_argument("--valid-until", metavar="TIME", help="Do not deliver after this time.")
        parser.add_argument("--pace", type=int, metavar="NUMBER", help="At most so many messages a minute.")
        parser.add_argument("--any-hour", action="store_true", help="Do not keep to quiet hours.")
        parser.add_argument("--restore-zeros", action="store_true", help="Read numbers that lost their leading 0.")
        parser.add_argument("--author", metavar="EMAIL", help="The user who sends; without it, the system.")
        parser.add_argument("--dry-run", action="store_true", help="Check everything and send nothing.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument("--no-wait", action="store_true", help="Return once it is confirmed.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["body"] or options["template"]):
            raise CommandError("Say what is sent: --body or --template.")
        with transaction.atomic():
            campaign = self._checked(options)
            transaction.set_rollback(options["dry_run"])
        if options["dry_run"]:
            self._print(campaign, options, f"Nothing was sent. {described(campaign)}")
            return
        self._ask(campaign, options)
        control.confirm(campaign, actor=user_with(options["author"]), people=campaign.sendable_count)
        if not options["no_wait"] and campaign.status != CampaignStatus.SCHEDULED:
            self._follow(campaign)
        self._print(campaign, options, described(campaign))
        if campaign.status == CampaignStatus.PAUSED:
            raise CommandError(f"The campaign was paused: {campaign.status_reason}")
        if campaign.status == CampaignStatus.STOPPED:
            raise CommandError("The campaign was stopped before its end.")

    def _checked(self, options: dict[str, Any]) -> Campaign:
        """The campaign with its list, ready to be confirmed. CommandError says everything that is wrong."""
        campaign = Campaign.objects.create(
            name=(options["name"] or options["file"].name)[:120],
            created_by=user_with(options["author"]),
            purpose=options["purpose"],
            fallbacks=_fallbacks(options["fallback"]),
            scheduled_for=moment(options["at"], "--at"),
            valid_until=moment(options["valid_until"], "--valid-until"),
            pace=options["pace"],
            keeps_quiet_hours=not options["any_hour"],
            **_words(options),
        )
        try:
            with options["file"].open("rb") as file:
                audience.load_list(
                    campaign, file, file_name=options["file"].name, restore_zeros=options["restore_zeros"]
                )
        except OSError as error:
            raise CommandError(f"The file {options['file']} cannot be read: {error.strerror}.") from error
        except CsvProblem as problem:
            raise CommandError(problem.sentence) from problem
        if problems := preflight.check(campaign):
            said = " ".join(message for problem in problems for message in problem.messages)
            raise CommandError(f"{said} {described(campaign)} Nothing was stored.")
        return campaign

    def _ask(self, campaign: Campaign, options: dict[str, Any]) -> None:
        if options["yes"]:
            return
        self.stderr.write(described(campaign))
        try:
            typed = input("Type the number of people to send it: ") if sys.stdin.isatty() else ""
        except (EOFError, KeyboardInterrupt):  # Ctrl-D and Ctrl-C say no
            typed = ""
        if typed.strip().replace(",", "") != str(campaign.sendable_count):
            control.delete_draft(campaign, actor=None)
            raise CommandError("Nothing was sent. Add --yes where nobody can be asked.")

    def _follow(self, campaign: Campaign) -> None:
        """Show how it goes until it has ended or is paused; does the work here where no worker does."""
        sends_here = not worker_is_registered(BULK)
        if sends_here:
            self.stderr.write("No worker is running, so the campaign is sent from here.")
        shows, has_said = sys.stderr.isatty(), False
        while campaign.status not in (*ENDED, CampaignStatus.PAUSED):
            if sends_here:
                planning.plan(campaign.pk)
                due = CampaignChunk.objects.due(database_now()).filter(campaign=campaign)
                for pk in due.order_by("number").values_list("pk", flat=True):
                    sending.deliver_chunk(pk)
            campaign.refresh_from_db()
            if not has_said and (leaves_at := _waits_until(campaign)):
                has_said = True
                self.stderr.write(
                    f"The next of them leave at {timezone.localtime(leaves_at):%H:%M}, also if this command ends now. "
                    "--any-hour keeps to no quiet hours."
                )
            if shows:
                self.stderr.write(f"\r{progress(campaign)}", ending="")
            if campaign.status not in (*ENDED, CampaignStatus.PAUSED):
                time.sleep(LOOK_EVERY)
        if shows:
            self.stderr.write("")

    def _print(self, campaign: Campaign, options: dict[str, Any], sentence: str) -> None:
        told = as_json(campaign) | ({"id": None} if options["dry_run"] else {})  # it is not there any more
        self.stdout.write(json.dumps(told) if options["json"] else sentence)


def _waits_until(campaign: Campaign) -> datetime | None:
    """When the next of them may leave, where that is a while ahead: in the morning of its people."""
    now = database_now()
    left = CampaignChunk.objects.filter(campaign=campaign, status__in=(ChunkStatus.READY, ChunkStatus.SENDING))
    leaves_at: datetime | None = left.aggregate(first=Min(Coalesce("next_attempt_at", now)))["first"]
    return leaves_at if leaves_at and leaves_at > now + LONG_WAIT else None


def _words(options: dict[str, Any]) -> dict[str, Any]:
    stream = stream_named(options["stream"])
    if not options["template"]:
        return {"stream": stream, "kind": Kind.TEXT, "body": options["body"]}
    template = template_named(stream, options["template"], options["language"])
    values = {"body": options["value"]} if options["value"] else {}
    return {"stream": stream, "kind": Kind.TEMPLATE, "template": template, "template_values": values}


def _fallbacks(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := next((name for name, sign, _ in pairs if not sign or not name), None):
        raise CommandError(f"--fallback {wrong} has no text. Write it like firstname=there.")
    return {name: text for name, _, text in pairs}


def described(campaign: Campaign) -> str:
    """How it stands, as sentences for people."""
    left_out = ", ".join(
        f"{count:,} {RowVerdict(verdict).label.lower()}"
        for verdict, count in sorted(campaign.verdict_counts.items())
        if verdict != RowVerdict.SEND
    )
    about = f"{campaign.name}: {campaign.row_count:,} rows, {campaign.sendable_count:,} people"
    about += f"; left out: {left_out}." if left_out else "."
    if campaign.status in (CampaignStatus.DRAFT, CampaignStatus.CHECKING, CampaignStatus.READY):
        return about
    return (
        f"{about} {campaign.get_status_display()}: {campaign.accepted_count:,} accepted, "
        f"{campaign.failed_count:,} failed, {campaign.unconfirmed_count:,} not confirmed, "
        f"{campaign.waiting_count:,} waiting."
    )


def progress(campaign: Campaign) -> str:
    """A bar and the numbers, in one line."""
    done = campaign.answered_count / max(campaign.sendable_count, 1)
    bar = "#" * round(done * BAR)
    return (
        f"[{bar:<{BAR}}] {campaign.answered_count:,} of {campaign.sendable_count:,}, {campaign.failed_count:,} failed"
    )


def as_json(campaign: Campaign) -> dict[str, Any]:
    """A campaign for scripts."""
    return {
        "id": campaign.pk,
        "name": campaign.name,
        "stream": campaign.stream.name,
        "status": campaign.status,
        "status_reason": campaign.status_reason,
        "rows": campaign.row_count,
        "verdicts": campaign.verdict_counts,
        "people": campaign.sendable_count,
        "accepted": campaign.accepted_count,
        "failed": campaign.failed_count,
        "unconfirmed": campaign.unconfirmed_count,
        "waiting": campaign.waiting_count,
    }
