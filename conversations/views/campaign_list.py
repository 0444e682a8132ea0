"""The first step of a campaign: whom it goes to, from a file or from conversations, and what is wrong with the list."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from conversations.forms.campaign_list import ListForm, NumberColumnForm, PeopleForm
from conversations.models import Campaign, CampaignRecipient, Conversation, SavedFilter, Tag, User
from conversations.models.campaign import RowVerdict
from conversations.services.campaigns import audience, reading
from conversations.services.campaigns.columns import likely_number_column
from conversations.services.csv_files import CsvProblem
from conversations.services.csv_report import listed
from conversations.views.campaign_rows import VerdictCount, verdict_counts
from conversations.views.campaign_sheet import OF_THE_FILE, SAMPLE, sheet_of
from conversations.views.campaigns import open_campaign, show_step, unless_it_began
from conversations.views.inbox_query import InboxQuery
from conversations.views.requests import signed_in

MOST_CHOICES = 300


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@unless_it_began
def people_step(request: HttpRequest, pk: int) -> HttpResponse:
    """A file, pasted rows or people from conversations become the list.

    `restore` reads it again with its zeros, `number` with the numbers of another column; `people` is a filter or a tag.
    """
    campaign, user = open_campaign(request, pk), signed_in(request)
    here = HttpResponseRedirect(reverse("campaign-list", args=[pk]))
    posts = request.method == "POST"
    if posts and "restore" in request.POST:
        reading.restore_zeros(campaign)
        return here
    number = _number_form(request, campaign)
    if number.is_bound and number.is_valid():
        reading.choose_number_column(campaign, number.cleaned_data["number"])
        return here
    people = _people_form(request.POST if posts and "people" in request.POST else None, user)
    if people.is_bound and people.is_valid() and _take(campaign, people, user):
        return here
    is_file = posts and not (number.is_bound or people.is_bound)
    form = ListForm(request.POST, request.FILES) if is_file else ListForm()
    if form.is_bound and form.is_valid():
        source, name = form.source
        try:
            reading.take_file(campaign, source, file_name=name, may_ask=True)
        except CsvProblem as problem:
            form.add_error(form.field_of_the_list, ValidationError(problem.sentence, code=problem.code))
        else:
            return here
    context = {"form": form, "number": number, "people": people, **_of_the_list(campaign)}
    return show_step(request, campaign, "list", context, is_refused=posts)


def _number_form(request: HttpRequest, campaign: Campaign) -> NumberColumnForm:
    data = request.POST if request.method == "POST" and "number" in request.POST else None
    likely = likely_number_column(campaign) if campaign.asks_for_number_column else ""
    return NumberColumnForm(data, campaign=campaign, likely=likely)


def _people_form(data: Any, user: User) -> PeopleForm:
    saved, tags = SavedFilter.objects.of(user)[:MOST_CHOICES], Tag.objects.all()[:MOST_CHOICES]
    return PeopleForm(data, saved=saved, tags=tags)


def _take(campaign: Campaign, form: PeopleForm, user: User) -> bool:
    """Make the chosen people the list; False when the form says why not."""
    chosen = form.chosen
    try:
        name = f"Filter {chosen}" if isinstance(chosen, SavedFilter) else f"Tag {chosen}"
        reading.take_people(campaign, _conversations_of(chosen, user), name=name)
    except Http404:
        form.add_error(
            "people", "This filter names a stream, team or tag that you do not see any more. Choose another one."
        )
        return False
    except CsvProblem as problem:
        form.add_error("people", ValidationError(problem.sentence, code=problem.code))
        return False
    return True


def _conversations_of(chosen: SavedFilter | Tag, user: User) -> QuerySet[Conversation]:
    """Those of a filter or of a tag that this user may see. Raises Http404 where a filter names what they may not."""
    if isinstance(chosen, SavedFilter):
        return InboxQuery.of_words(QueryDict(chosen.words), user).conversations(user)
    return Conversation.objects.visible_to(user).filter(tag_rows__tag=chosen)


def _of_the_list(campaign: Campaign) -> dict[str, Any]:
    """What there is to say of the list: first its columns, then one class of rows that are wrong."""
    rows = CampaignRecipient.objects.filter(campaign=campaign).order_by("row")
    if campaign.asks_for_number_column:
        titles = [title for _, title in campaign.titles]
        return {"asks": True, "titles": listed(titles), "sheet": sheet_of(campaign, rows[:SAMPLE])}
    counts = verdict_counts(campaign)
    lost = rows.filter(verdict=RowVerdict.INVALID, reason=audience.LOST_ZERO)
    has_invalid = bool(campaign.verdict_counts.get(RowVerdict.INVALID))
    worst = _worst(counts)
    return {
        "counts": counts,
        "lost_zeros": lost.count() if has_invalid else 0,
        "lost_zero": lost.first() if has_invalid else None,
        "worst": worst,
        "sheet": sheet_of(campaign, rows.filter(verdict=worst.verdict)[:SAMPLE]) if worst else None,
    }


def _worst(counts: list[VerdictCount]) -> VerdictCount | None:
    found = [one for one in counts if one.verdict in OF_THE_FILE]
    return min(found, key=lambda one: OF_THE_FILE.index(RowVerdict(one.verdict)), default=None)
