"""The panel beside a conversation: the contact, permission to message, indicators, earlier conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.utils import timezone

from conversations.forms.consent import ConsentForm
from conversations.forms.indicators import IndicatorForm
from conversations.models import ConsentState, Contact, Conversation, ProviderSession, User
from conversations.models.consent import ConsentDecision, ConsentScope, ConsentSource
from conversations.models.stream import Channel
from conversations.services.number_checks import last_answer
from conversations.services.sessions import has_sessions
from conversations.views.mirror_part import mirror_part
from messaging.phone import time_zones

MOST_EARLIER = 5


class ConsentLine(NamedTuple):
    """What holds for one channel, and how we know."""

    channel: str
    icon: str
    tone: str
    words: str
    since: datetime | None = None
    source: str = ""
    recorded_by: str = ""
    entry: int = 0
    lacks_proof: bool = False


class LocalTime(NamedTuple):
    """What time it is for the customer; `guessed` from the number."""

    now: datetime
    place: str
    guessed: bool


def panel_context(
    conversation: Conversation,
    user: User,
    *,
    consent_form: ConsentForm | None = None,
    indicator_form: IndicatorForm | None = None,
) -> dict[str, Any]:
    """What the panel shows; a form that was refused comes back open."""
    contact = conversation.contact
    earlier = list(
        Conversation.objects.visible_to(user)
        .filter(contact=contact)
        .exclude(pk=conversation.pk)
        .select_related("stream")
        .only("last_message_preview", "last_message_at", "stream__name", "stream__channel")
        .newest_first()[: MOST_EARLIER + 1]
    )
    return {
        "conversation": conversation,
        "session": _session(conversation),
        "local_time": local_time(contact),
        "crm_link": crm_link(contact, user),
        "consent_lines": consent_lines(contact),
        "consent_form": consent_form
        or ConsentForm(
            contact=contact, user=user, stream=conversation.stream, initial={"channel": conversation.stream.channel}
        ),
        "mirror": mirror_part(conversation),
        "indicators": conversation.indicators.filter(removed_at=None),
        "indicator_form": indicator_form or IndicatorForm(),
        "earlier": earlier[:MOST_EARLIER],
        "earlier_count": f"{MOST_EARLIER}+" if len(earlier) > MOST_EARLIER else len(earlier),
        "on_whatsapp": last_answer(contact.phone) if conversation.stream.channel == Channel.WHATSAPP else None,
    }


def crm_link(contact: Contact, user: User) -> str:
    """The address of this customer in the site's own records (CRM_URL); "" without one, or for a masked number."""
    if not settings.CRM_URL or contact.erased_at or not user.has_perm("conversations.see_numbers"):
        return ""
    return settings.CRM_URL.replace("{phone}", quote(contact.phone, safe=""))


def _session(conversation: Conversation) -> ProviderSession | None:
    """What the provider says of the session, where it has such."""
    if not has_sessions(conversation):
        return None
    return ProviderSession.objects.filter(conversation=conversation).first()


def consent_lines(contact: Contact) -> list[ConsentLine]:
    """The present state of each channel, then what holds for one business or one stream only."""
    states = list(
        ConsentState.objects.filter(phone=contact.phone)
        .select_related("last_event__recorded_by", "stream")
        .order_by("channel", "pk")
    )
    wide = {state.channel: state for state in states if state.scope == ConsentScope.EVERYWHERE}
    lines = [_consent_line(str(channel.label), wide.get(channel.value)) for channel in Channel]
    narrow = [one for one in states if one.scope != ConsentScope.EVERYWHERE and (one.service or one.marketing)]
    return lines + [_consent_line(str(state.stream or state.brand), state) for state in narrow]


def _consent_line(channel: str, state: ConsentState | None) -> ConsentLine:
    if state is None:
        return ConsentLine(channel, "shield-question-mark", "", "never asked")
    icon, tone, words = _consent_words(state.service, state.marketing)
    event = state.last_event
    return ConsentLine(
        channel,
        icon,
        tone,
        words,
        since=state.changed_at,
        source=_SOURCES.get(event.source, event.get_source_display()),
        recorded_by=str(event.recorded_by) if event.recorded_by else "",
        entry=event.pk,
        lacks_proof=event.gives_permission and not event.has_proof,
    )


_SOURCES: dict[str, str] = {
    ConsentSource.KEYWORD: "keyword sent",
    ConsentSource.AGENT: "told to an agent",
    ConsentSource.FORM: "form",
    ConsentSource.IMPORT: "import",
    ConsentSource.PROVIDER: "from the provider",
    ConsentSource.API: "API",
}


def _consent_words(service: str, marketing: str) -> tuple[str, str, str]:
    yes, no = ConsentDecision.OPTED_IN, ConsentDecision.OPTED_OUT
    if service == marketing == ConsentDecision.LIFTED:
        return "shield-question-mark", "", "opt-out taken back, nothing agreed to"
    if service == no:
        return "ban", "danger", "opted out"
    if service == yes and marketing == yes:
        return "shield-check", "success", "opted in"
    if service == yes:
        return "shield-check", "success", "service messages only"
    if marketing == yes:
        return "shield-check", "success", "marketing only"
    if marketing == no:
        return "ban", "", "no marketing"
    return "shield-question-mark", "", "never asked"


def local_time(contact: Contact) -> LocalTime | None:
    """What time it is where the contact is: by their own word, else by a number that belongs to one zone."""
    known = contact.time_zone
    zones = (known,) if known else time_zones(contact.phone)
    moments = []
    for name in zones:
        try:
            moments.append((timezone.now().astimezone(ZoneInfo(name)), name))
        except (ZoneInfoNotFoundError, ValueError):
            continue
    if not moments or len({moment.utcoffset() for moment, _ in moments}) > 1:
        return None
    moment, name = moments[0]
    return LocalTime(moment, name.rpartition("/")[2].replace("_", " "), guessed=not known)
