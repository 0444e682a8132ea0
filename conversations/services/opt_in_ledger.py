"""The ledger of permissions as people look for it, and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date

from conversations.models import Contact, OptIn, Stream, User
from conversations.models.consent import OptInQuerySet
from conversations.services.csv_files import phone_cells
from conversations.services.search import Search

AT_ONCE = 2000  # entries that an export reads at a time
COLUMNS = (
    *("number", "phone", "phone_text", "name", "channel", "event", "purpose", "scope", "stream", "source", "wording"),
    *("business", "proof", "proof file", "recorded by", "occurred at", "recorded at", "in force"),
)


def filtered_entries(wanted: Mapping[str, str], user: User | None) -> OptInQuerySet:
    """The entries that a list shows, without an order. `user` None (a command) sees all.

    `wanted` may hold q, channel, event, purpose, source, proof (`missing` or `file`), force (`now`), since and until
    (days of the site's zone). What is no choice counts as none.
    """
    found: Any = OptIn.objects.all() if user is None else OptIn.objects.visible_to(user)
    for name in ("channel", "event", "source"):
        if wanted.get(name):
            found = found.filter(**{name: wanted[name]})
    if purpose := wanted.get("purpose"):
        found = found.filter(Q(purpose="") | Q(purpose=purpose))
    if q := wanted.get("q"):
        named: Any = Contact.objects.filter(phone__endswith=q.lstrip("+"))
        matching = named if user is None else Search(q, user).matching_contacts()
        found = found.filter(contact__in=Contact.objects.none() if matching is None else matching.values("pk"))
    if wanted.get("proof") == "missing":
        found = found.without_proof().in_force()
    elif wanted.get("proof") == "file":
        found = found.exclude(evidence_file=None)
    if wanted.get("force") == "now":
        found = found.in_force()
    if since := _day(wanted.get("since", "")):
        found = found.filter(occurred_at__gte=since)
    if until := _day(wanted.get("until", "")):
        found = found.filter(occurred_at__lt=until + timedelta(days=1))
    return found


def hide_words(entries: Sequence[OptIn], user: User) -> set[int]:
    """Take out what was said on streams that this user does not see; that it was decided is for everybody.

    Returns the ids of the entries that it took something from.
    """
    visible = set(Stream.objects.visible_to(user).values_list("pk", flat=True))
    hidden = [entry for entry in entries if entry.stream_id is not None and entry.stream_id not in visible]
    for entry in hidden:
        entry.wording = entry.evidence = ""
        entry.evidence_file = None
    return {entry.pk for entry in hidden}


def _day(text: str) -> datetime | None:
    try:
        day = parse_date(text) if text else None
    except ValueError:
        return None
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def exported(wanted: Mapping[str, str], user: User | None) -> Iterator[list[object]]:
    """The entries of a list as rows of a file, oldest first, with the names of the columns on top.

    Cells are written by csv_files.write_rows, which keeps spreadsheets from running them.
    """
    yield list(COLUMNS)
    after = 0
    while part := _part(wanted, user, after):
        after = part[-1].pk
        in_force = set(OptIn.objects.in_force().filter(pk__in=[one.pk for one in part]).values_list("pk", flat=True))
        for entry in part:
            yield _cells(entry, in_force=entry.pk in in_force)


def _part(wanted: Mapping[str, str], user: User | None, after: int) -> list[OptIn]:
    found = filtered_entries(wanted, user).filter(pk__gt=after).order_by("pk")
    related = found.select_related("contact", "stream", "recorded_by", "evidence_file")
    return list(related.defer("evidence_file__content")[:AT_ONCE])


def _cells(entry: OptIn, *, in_force: bool) -> list[object]:
    return [
        entry.pk,
        *phone_cells(entry.phone, entry.contact.phone_display if entry.contact.phone == entry.phone else entry.phone),
        entry.contact.full_name,
        *(entry.channel, entry.event, entry.purpose or "every", entry.scope, entry.stream or "", entry.source),
        *(entry.wording, entry.business_name, entry.evidence),
        entry.evidence_file.name if entry.evidence_file else "",
        entry.recorded_by or "",
        *(entry.occurred_at.isoformat(), entry.recorded_at.isoformat()),
        "yes" if in_force else "no",
    ]
