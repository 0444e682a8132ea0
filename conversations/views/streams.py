"""`/streams/`: what arrives on each stream, the address that its provider calls, and what could not be read."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.streams import ThreadingForm
from conversations.models import HookSecret, RefusedCall, Stream, User, WebhookEvent
from conversations.models.webhook import WebhookEventStatus
from conversations.permissions import may_change_address, may_see_calls, sees_calls
from conversations.services import hook_addresses, inbound, refused_calls, stream_rules
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.requests import UNPROCESSABLE, number_in, signed_in
from messaging.registry import provider_class

MOST_EVENTS = 25
MOST_PROBLEMS = 25
SHOWN_ONCE = "new_hook_address"  # in the session, until the page has shown it


class Line(NamedTuple):
    """A stream of the list, with how much of what came for it needs somebody."""

    stream: Stream
    last: WebhookEvent | None
    not_understood: int
    refused: int


class Address(NamedTuple):
    """One address that calls are taken at."""

    secret: HookSecret
    is_former: bool


@never_cache
@require_safe
def streams(request: HttpRequest) -> HttpResponse:
    """Every stream that this supervisor sees."""
    user = signed_in(request)
    if not sees_calls(user):
        raise PermissionDenied
    found = Stream.objects.visible_to(user).select_related("account")
    lines = [
        Line(
            stream,
            last=_events(stream, user).first(),
            not_understood=_events(stream, user).not_understood().count(),
            refused=_refused(stream, user).count(),
        )
        for stream in found.defer("account__credentials")
    ]
    return render(request, "streams/list.html", {"lines": lines})


@never_cache
@require_safe
def stream(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of one stream."""
    return _page(request, _stream(request, pk))


@require_POST
def set_rules(request: HttpRequest, pk: int) -> HttpResponse:
    """Change when a closed conversation opens again."""
    found = _stream(request, pk)
    form = ThreadingForm(request.POST, stream=found)
    if not form.is_valid():
        return _page(request, found, form=form, status=UNPROCESSABLE)
    stream_rules.change(
        found,
        reopen_days=form.cleaned_data["reopen_days"],
        polls_messages=form.cleaned_data.get("polls_messages", False),
        actor=signed_in(request),
    )
    messages.success(request, f"{found.name}: {found.threading_rule}")
    return _back(found)


@require_POST
@fresh_sign_in_required
def new_address(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the stream a new address, which the next page shows once."""
    found = _stream(request, pk)
    user = signed_in(request)
    if not may_change_address(user, found):
        raise PermissionDenied
    address = hook_addresses.new_address(found, actor=user)
    request.session[SHOWN_ONCE] = {"stream": found.pk, "address": address}
    return _back(found, "address")


@require_POST
def end_former_address(request: HttpRequest, pk: int) -> HttpResponse:
    """Take no more calls at the former address."""
    found = _stream(request, pk)
    user = signed_in(request)
    if not may_change_address(user, found):
        raise PermissionDenied
    try:
        hook_addresses.end_former(found, actor=user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, "The former address takes no more calls.")
    return _back(found, "address")


@require_POST
def replay_call(request: HttpRequest, pk: int) -> HttpResponse:
    """Read a call again, or let one in that was refused, after the cause was mended."""
    found = _stream(request, pk)
    user = signed_in(request)
    if refused := number_in(request, "refused"):
        call = get_object_or_404(_refused(found, user), pk=refused)
        try:
            event = refused_calls.let_in(call)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return _back(found, "refused")
    else:
        event = get_object_or_404(_events(found, user), pk=number_in(request, "event"))
    inbound.replay(event)
    event.refresh_from_db(fields=["status", "error", "summary"])
    if event.status == WebhookEventStatus.PROCESSED:
        messages.success(request, f"Read again: {event.summary or 'nothing new in it'}.")
    else:
        messages.error(request, event.error or "It was read again, and is still of no kind that Parley knows.")
    return _back(found, "calls")


def _stream(request: HttpRequest, pk: int) -> Stream:
    user = signed_in(request)
    found = get_object_or_404(Stream.objects.visible_to(user).select_related("account"), pk=pk)
    if not may_see_calls(user, found):
        raise Http404
    return found


def _page(request: HttpRequest, found: Stream, *, form: ThreadingForm | None = None, status: int = 200) -> HttpResponse:
    user = signed_in(request)
    provider = provider_class(found.account.provider)
    now = timezone.now()
    secrets = found.hook_secrets.valid(now).select_related("created_by")
    once = request.session.get(SHOWN_ONCE, {})
    new = request.session.pop(SHOWN_ONCE)["address"] if once.get("stream") == found.pk else ""
    events = _events(found, user)
    context: dict[str, Any] = {
        "stream": found,
        "new_address": new,
        "addresses": [Address(one, one.ends_at is not None) for one in secrets],
        "account_ending": found.account.webhook_token[-4:],
        "steps": provider.hook_steps,
        "is_signed": any(
            (found.account.credentials or {}).get(option.name)
            for option in provider.credential_options
            if option.secret and option.name.startswith("webhook")
        ),
        "may_change_address": may_change_address(user, found),
        "form": form or ThreadingForm(stream=found),
        "refused": list(_refused(found, user).defer("headers", "body")[:MOST_PROBLEMS]),
        "not_understood": list(events.not_understood()[:MOST_PROBLEMS]),
        "events": list(events[:MOST_EVENTS]),
        "sees_all": _sees_account(found, user),
    }
    return render(request, "streams/page.html", context, status=status)


def _events(found: Stream, user: User) -> Any:
    """What came for this stream; what names no stream too, for whoever sees every stream of the account."""
    rows = WebhookEvent.objects.defer("body", "headers")
    if _sees_account(found, user):
        return rows.of_stream(found)
    return rows.filter(stream=found)


def _refused(found: Stream, user: User) -> QuerySet[RefusedCall]:
    calls = RefusedCall.objects.filter(account=found.account_id).select_related("account", "stream")
    mine = Q(stream=found)
    return calls.filter(mine | Q(stream=None) if _sees_account(found, user) else mine)


def _sees_account(found: Stream, user: User) -> bool:
    hidden = Stream.objects.filter(account=found.account_id)
    return not hidden.exclude(pk__in=Stream.objects.visible_to(user).values("pk")).exists()


def _back(found: Stream, anchor: str = "") -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("stream", args=[found.pk]) + (f"#{anchor}" if anchor else ""))
