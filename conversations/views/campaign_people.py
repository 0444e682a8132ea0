"""The people of a confirmed campaign: what became of each, on the page and as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import Campaign, CampaignRecipient, Message
from conversations.models.campaign import ENDED, RowVerdict
from conversations.models.message import MessageStatus as Status
from conversations.services.csv_files import phone_cells
from conversations.views import trouble
from conversations.views.campaign_numbers import DELIVERED, NOT_SENT, UNDER_WAY, Numbers
from conversations.views.campaign_rows import LEFT_OUT, in_parts, search
from conversations.views.campaigns import visible_campaign
from conversations.views.downloads import csv_answer
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.requests import number_in
from conversations.views.wording import DeliveryState, delivery_state
from messaging.phone import format_for_people

PAGE = 50
STATUSES = {"delivered": DELIVERED, "accepted": UNDER_WAY, "failed": NOT_SENT, "unconfirmed": (Status.UNCONFIRMED,)}
LEFT_OUT_STATE = "Left out"


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice above the table."""

    word: str
    count: int
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of the table."""

    row: int
    name: str
    phone: str
    state: DeliveryState
    detail: str
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of the table; `after` leads on (0: this is the end)."""

    rows: list[PersonRow]
    filters: list[Filter]
    show: str
    text: str
    after: int
    query: str


def people_page(request: HttpRequest, campaign: Campaign, numbers: Numbers) -> PeoplePage:
    """The people that the address asks for: `show`, `code` and `status` of a failure, `q` a number or a name."""
    show, text = request.GET.get("show", ""), request.GET.get("q", "").replace("\x00", "").strip()[:100]
    chosen = {
        "show": show,
        "code": request.GET.get("code", "").replace("\x00", "")[:60],
        "status": request.GET.get("status", "")[:12],
        "q": text,
    }
    found = search(campaign, _chosen(campaign, chosen), text)
    if after := number_in(request, "after"):
        found = found.filter(row__gt=min(after, 2**31 - 1))
    people = list(found.order_by("row")[: PAGE + 1])
    return PeoplePage(
        rows=[_row(campaign, one, message) for one, message in with_messages(campaign, people[:PAGE])],
        filters=_filters(campaign, numbers, show),
        show=show,
        text=text,
        after=people[PAGE - 1].row if len(people) > PAGE else 0,
        query=urlencode({name: value for name, value in chosen.items() if value}),
    )


def _filters(campaign: Campaign, numbers: Numbers, show: str) -> list[Filter]:
    page = reverse("campaign", args=[campaign.pk])
    kinds = [("", "All", campaign.sendable_count), *((one.key, one.word, one.count) for one in numbers.tallies)]
    kinds.append((LEFT_OUT, LEFT_OUT_STATE, campaign.left_out_count))
    return [
        Filter(word, count, f"{page}?{urlencode({'show': key})}#people" if key else f"{page}#people", key == show)
        for key, word, count in kinds
        if count or key in ("", show)
    ]


def _chosen(campaign: Campaign, chosen: dict[str, str]) -> Any:
    found = CampaignRecipient.objects.filter(campaign=campaign)
    if chosen["show"] == LEFT_OUT:
        return found.exclude(verdict=RowVerdict.SEND)
    found = found.filter(verdict=RowVerdict.SEND)
    written = Message.objects.filter(recipient=OuterRef("pk"))
    if chosen["show"] == "rest":
        return found.filter(~Exists(written))
    if chosen["show"] not in STATUSES:
        return found
    written = written.filter(status__in=STATUSES[chosen["show"]])
    if chosen["code"]:
        written = written.filter(failure_code="" if chosen["code"] == "-" else chosen["code"])
    if chosen["status"]:
        written = written.filter(status=chosen["status"])
    return found.filter(Exists(written))


def with_messages(
    campaign: Campaign, people: list[CampaignRecipient]
) -> Iterator[tuple[CampaignRecipient, Message | None]]:
    """Each of these people with their message; one query."""
    written = {one.recipient_id: one for one in Message.objects.filter(recipient__in=people)}
    for person in people:
        message = written.get(person.pk)
        if message is not None:
            message.stream = campaign.stream
        yield person, message


def _row(campaign: Campaign, person: CampaignRecipient, message: Message | None) -> PersonRow:
    state, detail = _outcome(campaign, person, message)
    name = " ".join(person.fields.get(one, "") for one in ("firstname", "lastname")).strip()
    return PersonRow(
        row=person.row,
        name=name or person.fields.get("name", ""),
        phone=format_for_people(person.phone) if person.phone else person.given,
        state=state,
        detail=detail,
        message=message,
    )


def _outcome(campaign: Campaign, person: CampaignRecipient, message: Message | None) -> tuple[DeliveryState, str]:
    """What became of a row, in a word and a sentence."""
    if person.verdict != RowVerdict.SEND:
        return DeliveryState("ban", LEFT_OUT_STATE), person.reason or person.get_verdict_display()
    if message is None:
        if campaign.status in ENDED:
            return DeliveryState("calendar-x", "Never sent", "cancelled"), "Stopped before it left."
        return DeliveryState("clock", "Waiting"), ""
    if message.status == Status.UNCONFIRMED:
        return delivery_state(message), trouble.why_unconfirmed(message)
    if message.status in NOT_SENT:
        return delivery_state(message), trouble.why_failed(message)
    return delivery_state(message), ""


@never_cache
@require_safe
@fresh_sign_in_required
def results_file(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """What became of every row of the list, as CSV; `?show=failed` or `left_out` of those alone."""
    campaign = visible_campaign(request, pk)
    show = request.GET.get("show", "")
    found = CampaignRecipient.objects.filter(campaign=campaign)
    if show in (*STATUSES, LEFT_OUT):
        found = _chosen(campaign, {"show": show, "code": "", "status": ""})
    name = f"{slugify(campaign.name) or 'campaign'}-{show if show in (*STATUSES, LEFT_OUT) else 'results'}"
    return csv_answer(request, _cells(campaign, found), name)


def _cells(campaign: Campaign, found: Any) -> Iterator[list[object]]:
    yield [
        *("line", "given", "phone", "phone_text", *campaign.columns),
        *("result", "reason", "code", "texts", "sent", "delivered", "provider_id", "reference"),
    ]
    for part in in_parts(found):
        for person, message in with_messages(campaign, part):
            state, detail = _outcome(campaign, person, message)
            yield [
                *(person.row, person.given),
                *(phone_cells(person.phone, format_for_people(person.phone)) if person.phone else ("", "")),
                *(person.fields.get(name, "") for name in campaign.columns),
                *_of_the_message(person, message, state.words, detail),
            ]


def _of_the_message(person: CampaignRecipient, message: Message | None, words: str, detail: str) -> tuple[object, ...]:
    if message is None:
        result = person.get_verdict_display() if person.verdict != RowVerdict.SEND else words
        return (result, detail, "", "", "", "", "", "")
    times = (message.sent_at, message.delivered_at)
    return (
        *(message.get_status_display(), detail, message.failure_code, message.segments or ""),
        *(timezone.localtime(one).isoformat(timespec="seconds") if one else "" for one in times),
        *(message.external_id, message.ref),
    )
