"""The rows behind a number of a report: as many as it says."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import Campaign, Tag, User, WhatsAppTemplate
from conversations.models.consent import ConsentSource
from conversations.models.stream import Channel
from conversations.services.reports.rows import PAGE, Figure, Kind, figure, newest, rows_behind
from conversations.services.reports.scope import Scope
from conversations.services.reports.words import duration
from conversations.services.reports.working_time import working_seconds
from conversations.services.search import SearchTookTooLong, time_limit
from conversations.views.report_scope import address_of, read_scope
from conversations.views.requests import number_in
from conversations.views.wording import delivery_state

MOST_PAGES = 200
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@never_cache
@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """A page of the rows behind a number (`?rows=`), newest first, with how many there are."""
    scope, name = read_scope(request), request.GET.get("rows", "")
    one = figure(name)
    if one is None:
        raise Http404("No such number.")
    narrowed, words = _narrowed(request, scope)
    page = min(max(1, number_in(request, "page")), MOST_PAGES)
    context: dict[str, Any] = {"scope": scope, "figure": one, "narrowed": words, "back": address_of("reports", scope)}
    found = rows_behind(name, scope, narrowed)
    try:
        with time_limit():
            listed = list(newest(_with_names(found, one), one.kind, scope, first=(page - 1) * PAGE, number=PAGE + 1))
    except SearchTookTooLong:
        context["problem"] = "There are too many rows to list them in time. Choose fewer days or one stream."
        return render(request, "reports/rows.html", context)
    try:
        with time_limit():
            context["count"] = found.order_by().count()
            context["reasons"] = _reasons(found) if name == "failed" else []
    except SearchTookTooLong:
        context["count"] = None
    shown = listed[:PAGE]
    more = len(listed) > PAGE and page < MOST_PAGES
    words_of_address = {key: request.GET[key] for key in (*_NARROWS, "rows") if key in request.GET}
    context |= {
        "rows": [_row(row, one, scope) for row in shown],
        "kind": one.kind.value,
        "first": (page - 1) * PAGE + 1,
        "last": (page - 1) * PAGE + len(shown),
        "next": address_of("report-rows", scope, **words_of_address, page=page + 1) if more else "",
    }
    return render(request, "reports/rows.html", context)


_NARROWS = ("agent", "template", "campaign", "tag", "hour", "weekday", "channel", "source")


def _narrowed(request: HttpRequest, scope: Scope) -> tuple[dict[str, Any], list[str]]:
    """What narrows the rows, and the words for it. Raises Http404 for what there is not."""
    found: dict[str, Any] = {}
    words: list[str] = []
    seen: dict[str, QuerySet[Any]] = {
        "agent": User.objects.all(),
        "template": WhatsAppTemplate.objects.filter(stream__in=scope.stream_ids),
        "campaign": Campaign.objects.visible_to(scope.user),
        "tag": Tag.objects.all(),
    }
    for key, people in seen.items():
        if key in request.GET:
            row = people.filter(pk=number_in(request, key)).first()
            if row is None:
                raise Http404(f"No such {key}.")
            found[key] = row.pk
            words.append(str(row))
    for key, most in (("weekday", 6), ("hour", 23)):
        if key in request.GET:
            found[key] = min(number_in(request, key), most)
    if "weekday" in found:
        words.append(_WEEKDAYS[found["weekday"]])
    if "hour" in found:
        words.append(f"{found['hour']:02}:00 to {found['hour'] + 1:02}:00")
    for key, choices in (("channel", dict(Channel.choices)), ("source", dict(ConsentSource.choices))):
        if request.GET.get(key) in choices:
            found[key] = request.GET[key]
            words.append(str(choices[found[key]]))
    return found, words


def _with_names(found: QuerySet[Any], one: Figure) -> QuerySet[Any]:
    related = {
        Kind.MESSAGES: ("conversation__contact", "stream__account", "author"),
        Kind.CONVERSATIONS: ("conversation__contact", "stream", "replied_by"),
        Kind.REPLIES: ("conversation__contact", "stream", "replied_by"),
        Kind.DECISIONS: ("contact", "stream", "recorded_by"),
    }
    return found.select_related(*related[one.kind])


def _reasons(found: QuerySet[Any]) -> list[tuple[str, int]]:
    """How often each reason is among messages that failed, most first."""
    rows = found.order_by().values_list("failure_code").annotate(number=Count("pk"))
    named = [((code or "without a reason").replace("_", " "), number) for code, number in rows]
    return sorted(named, key=lambda one: (-one[1], one[0]))


def _row(row: Any, one: Figure, scope: Scope) -> dict[str, Any]:
    if one.kind is Kind.MESSAGES:
        return {"row": row, "state": delivery_state(row) if row.is_outbound else None}
    if one.kind is Kind.DECISIONS:
        return {"row": row}
    if one.kind is Kind.REPLIES:
        reply = row.reply_working if scope.working else working_seconds(row.asked_at, row.replied_at, None)
        return {"row": row, "reply": duration(reply)}
    if scope.working:
        reply, resolution = row.reply_working, row.resolution_working
    else:
        reply = working_seconds(row.asked_at, row.replied_at, None) if row.asked_at and row.replied_at else None
        resolution = working_seconds(row.started_at, row.resolved_at, None) if row.resolved_at else None
    return {"row": row, "reply": duration(reply), "resolution": duration(resolution)}
