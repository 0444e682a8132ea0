"""Decisions from a CSV file: read and judged as a whole first, then written to the ledger in sets.

A permission never lifts an opt-out: such rows are left out and listed. What is on record already, with the same
words and the same proof, is not written again, so the same file may be read twice. Each set is one transaction: a
set that is stored stays stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from conversations.models import ConsentState, Contact, OptIn, User
from conversations.models.audit import AuditAction
from conversations.models.consent import OPENING, ConsentDecision, ConsentEventKind, ConsentSource
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services import audit, consent
from conversations.services.csv_files import Table
from conversations.services.csv_report import (
    KINDS,
    MOST_SHOWN,
    PHONE_COLUMN,
    BadRow,
    LeftOut,
    SheetReport,
    in_parts,
    is_repeated,
    judged,
    name_columns,
    named_cells,
    note_bad,
    read_number,
)
from messaging.phone import format_for_people

SET_SIZE = 500  # locks of one transaction: PostgreSQL has room for some thousands

COLUMNS = {
    "phone": PHONE_COLUMN,
    "channel": ("channel",),
    "event": ("event", "decision", "status", "opt-in", "opt in", "consent", "permission"),
    "purpose": ("purpose", "messages", "kind of messages"),
    "wording": ("wording", "words", "text", "consent text", "opt-in text"),
    "business_name": ("business", "business name", "brand", "company"),
    "evidence": ("proof", "evidence", "link", "source", "where"),
    "occurred_at": ("occurred at", "date", "when", "time", "opted in at", "timestamp"),
}

_KINDS = {
    **KINDS,
    "channel": ("1 channel is not known", "{} channels are not known"),
    "event": ("1 decision is not known", "{} decisions are not known"),
    "purpose": ("1 purpose is not known", "{} purposes are not known"),
    "occurred_at": ("1 time cannot be read", "{} times cannot be read"),
    "wording": ("1 row does not say what was agreed to", "{} rows do not say what was agreed to"),
    "business_name": ("1 row does not name the business", "{} rows do not name the business"),
}

_EVENTS = {
    **dict.fromkeys(("opt_in", "opt in", "opted in", "in", "yes", "subscribed", "agreed"), ConsentEventKind.OPT_IN),
    **dict.fromkeys(("double_opt_in", "double opt in", "confirmed"), ConsentEventKind.DOUBLE_OPT_IN),
    **dict.fromkeys(("opt_out", "opt out", "opted out", "out", "no", "unsubscribed", "stop"), ConsentEventKind.OPT_OUT),
}
_PURPOSES = {
    **{str(purpose): str(purpose) for purpose in Purpose},
    **dict.fromkeys(("every", "all", "both", "service and marketing"), ""),
}


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the person decided: how numbers are read, and what holds where a row says nothing."""

    evidence: str
    channel: str = Channel.SMS
    event: str = ConsentEventKind.OPT_IN
    purpose: str = ""
    wording: str = ""
    business_name: str = ""
    region: str = "GB"
    repair: bool = True
    allow_fictional: bool = False


@dataclass(slots=True)
class OptInReport(SheetReport):
    """What a file of decisions holds, and what would become of its rows."""

    permissions: int = 0
    opt_outs: int = 0
    on_record: int = 0
    new_contacts: int = 0
    opted_out: list[LeftOut] = field(default_factory=list)
    opted_out_count: int = 0
    elsewhere: int = 0

    @property
    def to_record(self) -> int:
        """How many lines the ledger gets."""
        return self.permissions + self.opt_outs


class Line(NamedTuple):
    """One row, read: what the ledger is to hold of it, without its contact."""

    line: int
    entry: OptIn


def check_opt_ins(table: Table, given: Decisions, user: User | None) -> OptInReport:
    """Read the whole file and say what it holds; nothing is stored. `user` None (a command) sees every contact."""
    report = OptInReport.of(table)
    with judged(report, _KINDS):
        name_columns(report, COLUMNS)
        for lines in in_parts(_read(table, report, given, user), SET_SIZE):
            _judge(lines, report, user)
    return report


def store_opt_ins(table: Table, given: Decisions, user: User | None) -> OptInReport:
    """Check the file again and write it to the ledger. Raises ValidationError when it cannot be taken."""
    report = check_opt_ins(table, given, user)
    if not report.can_be_stored:
        raise ValidationError(report.problem, code=report.code)
    stored = OptInReport.of(table)
    stored.used, stored.unused = report.used, report.unused
    for lines in in_parts(_read(table, stored, given, user), SET_SIZE):
        kept = _judge(lines, stored, user)
        _name_contacts(kept)
        for channel in Channel.values:
            of_channel = [line.entry for line in kept if line.entry.channel == channel]
            # Two decisions about one number (one a purpose) go into sets of their own, in the order of the file.
            while of_channel:
                now, later = _one_a_number(of_channel)
                consent.record_set(now)
                of_channel = later
    audit.record(AuditAction.CONSENT_CHANGED, actor=user, summary=f"{stored.to_record} decisions from a file.")
    return stored


def _one_a_number(entries: list[OptIn]) -> tuple[list[OptIn], list[OptIn]]:
    now: dict[str, OptIn] = {}
    later = [entry for entry in entries if now.setdefault(entry.phone, entry) is not entry]
    return list(now.values()), later


def _read(table: Table, report: OptInReport, given: Decisions, user: User | None) -> Iterator[Line]:
    """The rows that can be taken; what is wrong with others goes into the report."""
    seen: set[str] = set()
    for row in table.rows():
        report.rows += 1
        try:
            cells = named_cells(row, report)
            number = read_number(cells["phone"], report, given)
            if number is None:
                continue
            entry = _entry(cells, number.e164, given, user)
        except BadRow as bad:
            note_bad(report, row, bad, _KINDS)
            continue
        if not is_repeated(row, number, seen, report, key=f"{entry.channel} {entry.purpose}"):
            yield Line(row.line, entry)


def _entry(cells: dict[str, str], phone: str, given: Decisions, user: User | None) -> OptIn:
    entry = OptIn(
        phone=phone,
        channel=_word(cells, "channel", {str(one): str(one) for one in Channel}, given.channel),
        event=_word(cells, "event", _EVENTS, given.event),
        purpose=_word(cells, "purpose", _PURPOSES, given.purpose),
        source=ConsentSource.IMPORT,
        wording=cells.get("wording") or given.wording,
        business_name=(cells.get("business_name") or given.business_name)[:100],
        evidence=cells.get("evidence") or given.evidence,
        recorded_by=user,
        occurred_at=_moment(cells.get("occurred_at", "")),
    )
    try:
        consent.check_entry(entry)
    except ValidationError as error:
        kind = "wording" if error.code in ("wording_missing", "business_not_named") else "business_name"
        raise BadRow(kind, kind, " ".join(error.messages)) from error
    return entry


def _word(cells: Mapping[str, str], name: str, known: Mapping[str, str], otherwise: str) -> str:
    typed = cells.get(name, "")
    if not typed:
        return otherwise
    found = known.get(" ".join(typed.casefold().replace("-", " ").split())) or known.get(typed.casefold())
    if found is None and " ".join(typed.casefold().split()) not in known:
        words = list(dict.fromkeys(str(one) or "every" for one in known.values()))
        raise BadRow(name, name, f"Write {' or '.join(words)}, or leave the cell empty.")
    return str(found or "")


def _moment(text: str) -> datetime:
    now = timezone.now()
    if not text:
        return now
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise BadRow("occurred_at", "occurred_at", "Write it like 2026-11-22 or 2026-11-22T14:30, or leave it empty.")
    aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    if aware > now + timedelta(minutes=5) or aware.year < 1990:
        raise BadRow("occurred_at", "occurred_at", "This lies ahead or too far back. Enter when they decided.")
    return min(aware, now)


def _judge(lines: list[Line], report: OptInReport, user: User | None) -> list[Line]:
    """Count what would become of the rows; returns those that the ledger gets."""
    phones = [line.entry.phone for line in lines]
    known = Contact.objects.filter(phone__in=phones)
    all_known = set(known.values_list("phone", flat=True))
    visible = all_known if user is None else set(known.visible_to(user).values_list("phone", flat=True))
    states = {
        (state.phone, state.channel): state
        for state in ConsentState.objects.everywhere()
        .filter(phone__in=phones)
        .select_related("service_from", "marketing_from")
    }
    out = _numbers_opted_out(phones)
    kept = []
    new: set[str] = set()
    for line in lines:
        entry = line.entry
        if entry.phone in all_known and entry.phone not in visible:
            report.elsewhere += 1
        elif entry.gives_permission and (entry.phone, entry.channel) in out:
            report.opted_out_count += 1
            if len(report.opted_out) < MOST_SHOWN:
                report.opted_out.append(LeftOut(line.line, format_for_people(entry.phone)))
        elif _is_on_record(entry, states.get((entry.phone, entry.channel))):
            report.on_record += 1
        else:
            kept.append(line)
            if entry.phone not in all_known:
                new.add(entry.phone)
            if entry.gives_permission:
                report.permissions += 1
            else:
                report.opt_outs += 1
    report.new_contacts += len(new)
    return kept


def _numbers_opted_out(phones: list[str]) -> set[tuple[str, str]]:
    """Numbers and channels with an opt-out of any purpose or scope."""
    out = ConsentDecision.OPTED_OUT
    states = list(ConsentState.objects.filter(phone__in=phones))
    erased = consent.erased_among(sorted(set(phones) - {state.phone for state in states}))
    return {(state.phone, state.channel) for state in states if out in (state.service, state.marketing)} | {
        (phone, channel) for phone in erased for channel in Channel.values
    }


def _is_on_record(entry: OptIn, state: ConsentState | None) -> bool:
    """Does the ledger say this already, with the same words and proof?"""
    if state is None:
        return False
    wanted = ConsentDecision.OPTED_IN if entry.event in OPENING else ConsentDecision.OPTED_OUT
    for purpose in consent.purposes_of(entry):
        there = state.decided_by(purpose)
        if state.decision(purpose) != wanted or there is None:
            return False
        if (there.event, there.wording, there.evidence) != (entry.event, entry.wording, entry.evidence):
            return False
    return True


def _name_contacts(lines: list[Line]) -> None:
    """Give every entry its contact, made where the number is new."""
    phones = {line.entry.phone for line in lines}
    Contact.objects.bulk_create([Contact(phone=phone) for phone in sorted(phones)], ignore_conflicts=True)
    contacts = {contact.phone: contact for contact in Contact.objects.filter(phone__in=phones)}
    for line in lines:
        line.entry.contact = contacts[line.entry.phone]


def summed_up(report: OptInReport) -> str:
    """What came of a file, in one sentence."""
    words = [f"{report.permissions:,} permissions", f"{report.opt_outs:,} opt-outs"]
    if report.on_record:
        words.append(f"{report.on_record:,} on record already")
    if report.opted_out_count:
        words.append(f"{report.opted_out_count:,} left out because they opted out")
    return ", ".join(words) + "."
