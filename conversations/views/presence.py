"""Who else has a conversation open, as pages ask for it and say it of themselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.base import id_in
from conversations.models import Conversation, User
from conversations.services import presence as service
from conversations.views.requests import signed_in, visible_conversation

MOST_ASKED = 200


class Colleague(NamedTuple):
    """Somebody who has a conversation open."""

    user: User
    is_typing: bool

    @property
    def words(self) -> str:
        """Tom Reyes is typing."""
        return f"{self.user} is {'typing' if self.is_typing else 'viewing this'}"


def colleagues_at(pks: Collection[int], user: User) -> dict[int, list[Colleague]]:
    """The others who have these conversations open, by conversation; a query only where there is somebody."""
    found = service.who_is_at(pks, but=user)
    if not found:
        return {}
    people = User.objects.in_bulk({one.user_id for present in found.values() for one in present})
    return {
        pk: [Colleague(people[one.user_id], one.is_typing) for one in present if one.user_id in people]
        for pk, present in found.items()
    }


@require_POST
def at_conversation(request: HttpRequest, pk: int) -> HttpResponse:
    """A page says that its reader is `here`, `typing`, or `gone`; it gets who else is there."""
    conversation, user = visible_conversation(request, pk), signed_in(request)
    state = request.POST.get("state")
    if state == "gone":
        service.gone(conversation, user)
    else:
        service.here(conversation, user, typing=state == "typing")
    people = colleagues_at([pk], user).get(pk, [])
    return render(request, "presence/thread.html", {"people": people})


@never_cache
@require_safe
def in_list(request: HttpRequest) -> HttpResponse:
    """Who has the conversations `c` of a list open; those that nobody has are left out."""
    given = [pk for one in request.GET.getlist("c")[:MOST_ASKED] if (pk := id_in(one)) is not None]
    user = signed_in(request)
    visible = Conversation.objects.visible_to(user).filter(pk__in=given).values_list("pk", flat=True)
    return render(request, "presence/rows.html", {"found": colleagues_at(list(visible), user).items()})
