"""What somebody sets with one click in the frame: whether they take conversations now, and how much a list shows."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from conversations.models.team import Density
from conversations.views.requests import signed_in


@require_POST
def set_available(request: HttpRequest) -> HttpResponse:
    """Available takes conversations, away does not."""
    user = signed_in(request)
    user.is_available = request.POST.get("available") == "1"
    user.save(update_fields=["is_available"])
    return _back(request)


@require_POST
def set_density(request: HttpRequest) -> HttpResponse:
    """Comfortable or compact; kept with the user."""
    user, density = signed_in(request), request.POST.get("density", "")
    if density in Density.values:
        user.density = density
        user.save(update_fields=["density"])
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = reverse("inbox")
    return HttpResponseRedirect(back)
