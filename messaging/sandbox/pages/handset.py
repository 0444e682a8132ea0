"""The virtual handset: what a phone shows, answering as its owner, and what becomes of the next message."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect
from django.utils import timezone

from messaging.sandbox import network
from messaging.sandbox.database import writing
from messaging.sandbox.faults import BY_KEY, FAULTS, HANDSET_FAULTS, OK, set_fault
from messaging.sandbox.models import PhoneMessage, SandboxAccount, SandboxStream, VirtualPhone

from .attachments import attached_photo, sample_photo
from .exchanges import SHORT_NAMES, latest, of_provider
from .phones import add_phone, find_phone, phone_list
from .place import Place
from .rendering import markup, page, posts_only
from .threads import Screen, mark_seen, screens

LONGEST_TEXT = 4096  # of WhatsApp; texts of that length come in parts
EXCHANGES_SHOWN = 40
OTHER_FAULTS = tuple(fault for fault in FAULTS if not fault.on_handset)
FOR_SCRIPTS = "text/plain"  # what the page's script accepts as answer to a button: done, or one sentence


def start(request: HttpRequest) -> HttpResponse:
    """GET /: the handset."""
    return HttpResponseRedirect("/handset/")


def handset(request: HttpRequest, digits: str = "") -> HttpResponse:
    """GET /handset/ and /handset/{digits}/: the list of phones, one phone's screens, and its controls."""
    place, phone = _at(request, digits)
    return page(request, "handset.html", _context(place, phone))


def live(request: HttpRequest, digits: str) -> HttpResponse:
    """GET /handset/{digits}/live/: the parts of the page that change, or 304 while they are as the caller has them."""
    place, phone = _at(request, digits)
    context = _context(place, phone)
    etag = f'"{_fingerprint(context)}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    return HttpResponse(markup("parts/live.html", context), headers={"ETag": etag, "Cache-Control": "no-store"})


def _at(request: HttpRequest, digits: str) -> tuple[Place, VirtualPhone | None]:
    phone = find_phone(digits)
    if phone is None and digits:
        raise Http404
    place = Place.read(digits or (phone.number.lstrip("+") if phone else ""), request.GET)
    return place, phone


def _context(place: Place, phone: VirtualPhone | None) -> dict[str, Any]:
    """Everything that the handset page shows."""
    shown = screens(phone, place) if phone else []
    if phone:
        mark_seen(phone, shown)
    entries = of_provider(place.requests)
    accounts = list(SandboxAccount.objects.all())
    return {
        "section": "handset",
        "place": place,
        "phone": phone,
        "screens": shown,
        "pane": place.pane or _liveliest(shown),
        **_business(shown),
        "phones": phone_list(phone, place),
        "faults": HANDSET_FAULTS,
        "other_faults": OTHER_FAULTS,
        "fault": BY_KEY.get(phone.fault, OK) if phone else OK,
        "accounts": accounts,
        "account_faults": [(account, BY_KEY.get(account.fault, OK)) for account in accounts if account.fault != OK.key],
        "filters": SHORT_NAMES,
        "exchange_count": entries.count,
        "exchanges": lambda: latest(place.requests, EXCHANGES_SHOWN),
        "last_exchange": entries.values_list("pk", flat=True).first(),
        "clock": timezone.localtime().strftime("%H:%M"),
        "today": timezone.localdate(),
    }


def _liveliest(shown: Sequence[Screen]) -> str:
    """The screen with the latest message; the list of phones while there is none."""
    used = [screen for screen in shown if screen.last_at]
    return max(used, key=lambda screen: screen.last_at or timezone.now()).channel if used else "phones"


def _business(shown: Sequence[Screen]) -> dict[str, Any]:
    """Whom the buttons beside the screens answer, and until when that business may write freely."""
    if not shown:
        return {}
    whatsapp, sms = shown
    return {
        "photo_thread": whatsapp.open,
        "stop_thread": sms.open or whatsapp.open,
        "window_closes_at": whatsapp.window_closes_at,
    }


def _fingerprint(context: Mapping[str, Any]) -> str:
    """Changes when the page does. Rows of the ledger never change, so the last one stands for all of them."""
    phone: VirtualPhone | None = context["phone"]
    seen = (
        context["place"],
        phone and (phone.name, phone.fault, phone.fault_times, phone.is_blocked),
        context["screens"],
        [(row.phone.name, row.phone.number, row.unseen) for row in context["phones"].rows],
        context["phones"].left_out,
        [(account.name, fault.key) for account, fault in context["account_faults"]],
        context["last_exchange"],
        context["clock"],
        context["today"],
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]


Action = Callable[[HttpRequest, VirtualPhone], None]


def action(change: Action) -> Callable[..., HttpResponse]:
    """A view for a button of the handset: POST only, back to where it was pressed, or there with one sentence.

    `change` raises ValueError with a sentence for people when it cannot be done.
    """

    @posts_only
    @wraps(change)
    def view(request: HttpRequest, digits: str) -> HttpResponse:
        place, phone = _at(request, digits)
        if phone is None:
            raise Http404
        by_script = FOR_SCRIPTS in request.headers.get("Accept", "")
        try:
            change(request, phone)
        except ValueError as error:
            if by_script:
                return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
            told = {"problem": str(error), "typed": request.POST}
            return page(request, "handset.html", _context(place, phone) | told, status=422)
        return HttpResponse(status=204) if by_script else HttpResponseRedirect(place.url(), status=303)

    return view


@action
def reply(request: HttpRequest, phone: VirtualPhone) -> None:
    """POST .../reply/: send `text` and perhaps a photo to the business of `stream`, in answer to `message`."""
    text = request.POST.get("text", "").replace("\r\n", "\n")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"Shorten the message: it has {len(text):,} characters, and a phone sends {LONGEST_TEXT:,}.")
    answered = _chosen(PhoneMessage.objects.filter(phone=phone).select_related("stream__account"), request, "message")
    stream = _chosen(SandboxStream.objects.select_related("account"), request, "stream")
    stream = answered.stream if answered else stream
    media = attached_photo(request.FILES.get("photo"))
    if "sample" in request.POST:
        media = sample_photo()
    network.reply_as_customer(phone, text, stream=stream, message=answered, media=media)


@action
def open_link(request: HttpRequest, phone: VirtualPhone) -> None:
    """POST .../open-link/: tap on the link in `message`."""
    message = _chosen(PhoneMessage.objects.filter(phone=phone), request, "message")
    if message is None:
        raise ValueError("Choose a message.")
    network.open_link(message)


def _chosen(rows: Any, request: HttpRequest, name: str) -> Any:
    """The row whose id a form names; None when it names none."""
    key = request.POST.get(name, "")
    if not key:
        return None
    row = rows.filter(pk=key).first() if key.isascii() and key.isdecimal() and len(key) < 15 else None
    if row is None:
        raise ValueError(f"This {name} is not there any more. Reload the page.")
    return row


@action
def outcome(request: HttpRequest, phone: VirtualPhone) -> None:
    """POST .../outcome/: what happens to this phone's messages from now on."""
    with writing():
        set_fault(phone, request.POST.get("fault", ""))


@action
def account_outcome(request: HttpRequest, phone: VirtualPhone) -> None:
    """POST .../account/: what happens to everything of an account from now on, before its phones' own outcomes."""
    account = _chosen(SandboxAccount.objects.all(), request, "account")
    if account is None:
        raise ValueError("Choose an account.")
    with writing():
        set_fault(account, request.POST.get("fault", ""))


@action
def skip_24_hours(request: HttpRequest, phone: VirtualPhone) -> None:
    """POST .../skip/: the business may no longer write freely on WhatsApp."""
    with writing():
        network.skip_24_hours(phone)


@action
def block(request: HttpRequest, phone: VirtualPhone) -> None:
    """POST .../block/: `blocked` is 1 or 0."""
    with writing():
        network.set_blocked(phone, request.POST.get("blocked") == "1")


@posts_only
def add(request: HttpRequest) -> HttpResponse:
    """POST /handset/add/: a new virtual phone, or a name for one that is there."""
    try:
        with writing():
            phone = add_phone(request.POST.get("number", ""), request.POST.get("name", ""))
    except ValueError as error:
        place, first = _at(request, "")
        told = {"add_problem": str(error), "typed": request.POST, "pane": "phones"}
        return page(request, "handset.html", _context(place, first) | told, status=422)
    return HttpResponseRedirect(Place(phone.number.lstrip("+")).url(), status=303)
