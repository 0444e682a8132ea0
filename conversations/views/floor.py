"""`/floor/`: the supervisors' page of this moment, and moving the work of somebody who is not there."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.forms.handling import AssignForm
from conversations.models import Conversation, Stream, Team, User
from conversations.models.conversation import ConversationStatus
from conversations.permissions import watches_floor
from conversations.services import floor as service
from conversations.views import trouble
from conversations.views.handling import MOST_PEOPLE
from conversations.views.inbox_query import InboxQuery, View
from conversations.views.requests import UNPROCESSABLE, signed_in

# In the words of the floor, whose "Waiting" is the customers who wait.
_STATUS_WORDS = (
    (ConversationStatus.OPEN, "open"),
    (ConversationStatus.WAITING, "answered, the customer has not come back"),
    (ConversationStatus.SNOOZED, "snoozed"),
)


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """Why messages did not arrive, as the page says it."""

    number: int
    words: str
    stream: Stream


@never_cache
@require_safe
def floor(request: HttpRequest) -> HttpResponse:
    """Who works and at what load, who waits longest, what is due, what failed, what has not left."""
    user = signed_in(request)
    if not watches_floor(user):
        raise PermissionDenied
    found = service.look(user)
    context = {
        "floor": found,
        "failed_since": found.at - service.RECENT,
        "reasons": [
            ReasonLine(one.number, trouble.why_not_arrived(one.example), one.example.stream) for one in found.reasons
        ],
        "outbox": [(one.stream, service.depth_of(one), one.queued_since) for one in found.outbox],
        "address_of_all": InboxQuery(view=View.ALL).address,
        "address_of_unassigned": InboxQuery(view=View.UNASSIGNED).address,
        "address_of_failed": InboxQuery(view=View.FAILED).address,
    }
    return render(request, "floor/page.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def move_work(request: HttpRequest, pk: int) -> HttpResponse:
    """Give what somebody has to another person, to a team, or back to everybody."""
    user = signed_in(request)
    if not watches_floor(user):
        raise Http404
    theirs = Conversation.objects.visible_to(user).filter(assignee=OuterRef("pk"))
    person = get_object_or_404(User.objects.filter(Exists(theirs)), pk=pk)
    work = service.work_of(person, seen_by=user)
    streams = list(Stream.objects.filter(pk__in=work.order_by().values("stream")))
    people, teams = User.objects.who_see(streams).exclude(pk=person.pk), Team.objects.who_see(streams)
    form = AssignForm(request.POST if request.method == "POST" else None, people=people, teams=teams)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                return _moved(request, person, form)
            except ValidationError as error:
                form.add_error(None, error)
        status = UNPROCESSABLE
    by_status: dict[str, int] = dict(work.order_by().values_list("status").annotate(Count("pk")))
    context = {
        "person": person,
        "number": sum(by_status.values()),
        "by_status": " · ".join(f"{by_status[one]:,} {word}" for one, word in _STATUS_WORDS if one in by_status),
        "people": people[:MOST_PEOPLE],
        "teams": teams,
        "form": form,
    }
    return render(request, "floor/move.html", context, status=status)


def _moved(request: HttpRequest, person: User, form: AssignForm) -> HttpResponse:
    to = form.cleaned_data["to"]
    came_of, left = service.move_work(person, actor=signed_in(request), to=form.person, team=form.team)
    word = "conversation" if came_of.done == 1 else "conversations"
    sentence = f"{came_of.done} {word} of {person} {f'given to {to}' if to else 'back among the unassigned'}."
    if came_of.refused:
        sentence += f" {len(came_of.refused)} not: {came_of.refused[0][1]}"
    if left:
        sentence += f" {left} are left: move them next."
    undo = f"undo-{came_of.handling.pk}" if came_of.handling else ""
    messages.success(request, sentence, extra_tags=undo)
    return HttpResponseRedirect(reverse("floor"))
