"""What a report's address asks for, and the addresses of others: other days, other streams, rows behind a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from conversations.models import Stream, Team, User
from conversations.permissions import sees_reports
from conversations.services.reports.scope import LONGEST, Period, Scope
from conversations.services.reports.tables import Cell
from conversations.views.inbox_query import InboxQuery, Standing, View
from conversations.views.requests import number_in, signed_in


@dataclass(frozen=True, slots=True)
class Choice:
    """A line of a menu."""

    words: str
    address: str
    is_current: bool


def asks_for_reports(request: HttpRequest) -> User:
    """Whoever asks. Raises PermissionDenied for somebody who may not see reports."""
    user = signed_in(request)
    if not sees_reports(user):
        raise PermissionDenied
    return user


def read_scope(request: HttpRequest) -> Scope:
    """The scope of an address; what cannot be read is as usual. Raises Http404 for what this user cannot see."""
    user = asks_for_reports(request)
    streams = Stream.objects.visible_to(user).select_related("account").defer("account__credentials").order_by("name")
    stream, team, found = None, None, list(streams)
    if pk := number_in(request, "team"):
        team = Team.objects.visible_to(user).filter(pk=pk).first()
        if team is None:
            raise Http404("No such team.")
        of_team = set(team.streams.values_list("pk", flat=True))
        found = [one for one in found if one.pk in of_team]
    if pk := number_in(request, "stream"):
        stream = next((one for one in found if one.pk == pk), None)
        if stream is None:
            raise Http404("No such stream.")
        found = [stream]
    period, first, last = _days(request)
    working = request.GET.get("hours") != "all"
    return Scope(user, tuple(found), first, last, period, stream, team, working)


def _days(request: HttpRequest) -> tuple[Period, date, date]:
    given = request.GET.get("period", "")
    period = Period(given) if given in list(Period) else Period.WEEK
    if period is not Period.CHOSEN:
        return (period, *period.days(timezone.localdate()))
    first, last = _day(request.GET.get("from", "")), _day(request.GET.get("to", ""))
    if first is None and last is None:
        return (Period.WEEK, *Period.WEEK.days(timezone.localdate()))
    first, last = sorted((first or last, last or first))  # type: ignore[type-var]
    assert first is not None
    assert last is not None
    return period, max(first, last - timedelta(days=LONGEST - 1)), last


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2999 else None


def words_of(scope: Scope) -> dict[str, object]:
    """The words of the address of a scope; what is as usual is left out."""
    words: dict[str, object] = {}
    if scope.period is Period.CHOSEN:
        words |= {"period": "chosen", "from": scope.first.isoformat(), "to": scope.last.isoformat()}
    elif scope.period is not Period.WEEK:
        words["period"] = scope.period.value
    if scope.team is not None:
        words["team"] = scope.team.pk
    if scope.stream is not None:
        words["stream"] = scope.stream.pk
    if not scope.working:
        words["hours"] = "all"
    return words


def address_of(name: str, scope: Scope, **more: object) -> str:
    """The address of a page about a scope; words that are None are taken out."""
    words = {key: value for key, value in (words_of(scope) | more).items() if value is not None}
    return f"{reverse(name)}?{urlencode(words)}" if words else reverse(name)


def behind(cell: Cell, scope: Scope) -> str:
    """Where the rows behind a number are; empty when it has none."""
    words: Mapping[str, object] = cell.rows
    if "inbox" in words:
        return _open_conversations(words["inbox"], scope)
    if "the_campaign" in words:
        return reverse("campaign", args=[words["the_campaign"]])
    return address_of("report-rows", scope, **words) if "rows" in words else ""


def _open_conversations(person: object, scope: Scope) -> str:
    """The inbox with what somebody has open; of a team's streams it shows no part."""
    if scope.team is not None and scope.stream is None:
        return ""
    query = InboxQuery(view=View.ALL, standing=Standing.OPEN, stream=scope.stream)
    return f"{reverse('inbox')}?{query.as_query(assignee=person)}"


def periods(scope: Scope) -> list[Choice]:
    """The days that can be chosen by name."""
    named = [one for one in Period if one is not Period.CHOSEN]
    taken_out = {"from": None, "to": None}
    return [
        Choice(one.words, address_of("reports", scope, period=one.value, **taken_out), one is scope.period)
        for one in named
    ]


def streams(scope: Scope) -> list[Choice]:
    """The streams that can be chosen."""
    seen = Stream.objects.visible_to(scope.user)
    if scope.team is not None:
        seen = seen.filter(teams=scope.team)
    return [
        Choice("All streams", address_of("reports", scope, stream=None), scope.stream is None),
        *(Choice(one.name, address_of("reports", scope, stream=one.pk), one == scope.stream) for one in seen),
    ]


def teams(scope: Scope) -> list[Choice]:
    """The teams that can be chosen: each stands for the streams that it sees."""
    seen = Team.objects.visible_to(scope.user)
    return [
        Choice("All teams", address_of("reports", scope, team=None), scope.team is None),
        *(Choice(one.name, address_of("reports", scope, team=one.pk, stream=None), one == scope.team) for one in seen),
    ]
