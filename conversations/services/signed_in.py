"""Sessions of people: noting where they are signed in, ending that, and how long ago they proved who they are."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from axes.helpers import get_client_ip_address
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from conversations.models import SignedInSession, User
from conversations.models.audit import AuditAction
from conversations.services import audit

SEEN, PROVED = "seen_at", "proved_at"  # in the session: Unix times
NOTED_EVERY = timedelta(minutes=5)
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    *(("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


def watch() -> None:
    """Connect to Django's signal of sign-in; called once, when the application is ready."""
    user_logged_in.connect(_begin, dispatch_uid="signed_in_session")


def _begin(sender: type, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    if request is not None and hasattr(request, "session"):
        note_proof(request)
        note(request, user)


def note_proof(request: HttpRequest) -> None:
    """They have shown the password or a code just now."""
    request.session[PROVED] = time.time()


def is_fresh(request: HttpRequest) -> bool:
    """Did they prove who they are in the last FRESH_SIGN_IN_MINUTES?"""
    age = time.time() - float(request.session.get(PROVED, 0))
    return 0 <= age < settings.FRESH_SIGN_IN_MINUTES * 60


def way_to_prove(request: HttpRequest) -> str:
    """Where they prove it again, and from there come back; empty when they have shown it a short time ago."""
    return "" if is_fresh(request) else f"{reverse('prove')}?{urlencode({'next': way_back(request)})}"


def way_back(request: HttpRequest) -> str:
    """The page to come back to; what was sent is not sent again, so the page that a form was sent from."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    came_from = urlsplit(request.META.get("HTTP_REFERER", ""))
    page = came_from._replace(scheme="", netloc="", fragment="").geturl()
    return page if came_from.netloc == request.get_host() and not page.startswith("//") else "/"


def is_idle(request: HttpRequest, user: User) -> bool:
    """Has somebody who may enter the administration done nothing for SESSION_IDLE_MINUTES, and five more at most?"""
    allowed = timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    seen = request.session.get(SEEN)
    if not allowed or seen is None or time.time() - float(seen) < (allowed + NOTED_EVERY).total_seconds():
        return False
    return user.is_staff


def note(request: HttpRequest, user: User) -> None:
    """Write down that this session is in use; at most every five minutes, so that requests cost no query for it."""
    if time.time() - float(request.session.get(SEEN, 0)) < NOTED_EVERY.total_seconds():
        return
    request.session[SEEN] = time.time()
    if request.session.session_key is None:
        request.session.save()
    SignedInSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": user,
            "device": device_words(request.META.get("HTTP_USER_AGENT", "")),
            "address": get_client_ip_address(request),
            "seen_at": timezone.now(),
        },
    )


def device_words(agent: str) -> str:
    """The browser and the system that a user agent names, for people; what it says is only a claim."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser


def of(user: User) -> QuerySet[SignedInSession]:
    """Where somebody is signed in now, the last used first."""
    live = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
    return SignedInSession.objects.filter(Exists(live), user=user).order_by("-seen_at", "-pk")


def end(found: QuerySet[SignedInSession], *, of_user: User, actor: User, request: HttpRequest | None = None) -> int:
    """Sign somebody out of these sessions, at once; returns how many there were."""
    with transaction.atomic():
        keys = list(found.filter(user=of_user).values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        SignedInSession.objects.filter(session_key__in=keys).delete()
        if keys:
            audit.record(
                AuditAction.SESSIONS_ENDED,
                actor=actor,
                subject=of_user,
                summary=f"{len(keys)} session{'s' if len(keys) > 1 else ''}.",
                request=request,
            )
    return len(keys)


def forget_ended(at: datetime) -> None:
    """Let rows go whose session has ended, and Django's own that are over."""
    Session.objects.filter(expire_date__lt=at).delete()
    live = Session.objects.filter(session_key=OuterRef("session_key"))
    SignedInSession.objects.filter(~Exists(live)).delete()
