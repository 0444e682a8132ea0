"""Asking the other side what it holds: windows of a stream, and single conversations. Nothing is ever sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models import Max

from conversations.models import Conversation, ConversationMirror, Stream
from conversations.models.conversation import CURRENT
from conversations.services.accounts import provider_for
from conversations.services.clock import database_now
from conversations.services.mirror.taking import Taken, take
from messaging.errors import ConfigurationError, ProviderError, Refused, UnsupportedFeature
from messaging.mirror import RemoteConversation

logger = logging.getLogger(__name__)

PAGE = 100  # the most that one answer holds
OVERLAP = timedelta(minutes=5)  # read again each time: what was busy, and clocks that differ
FIRST_SYNC = timedelta(days=1)
SINGLES = 20  # conversations that are read one by one in a periodic sync

FAULTS = (ConfigurationError, ProviderError, UnsupportedFeature)  # of a question to the other side

Progress = Callable[[Taken], None]


def sync_stream(
    stream: Stream,
    *,
    since: datetime,
    until: datetime | None = None,
    dry_run: bool = False,
    progress: Progress = lambda taken: None,
) -> Taken:
    """Bring in what changed there since a moment. `progress` hears the sums after each answer.

    Raises ValidationError with a sentence when the provider cannot be asked, or stops answering.
    """
    if not stream.is_mirrored:
        raise ValidationError(f"{stream.name} does not keep its conversations at a provider.", code="not_mirrored")
    total = Taken()
    try:
        for read_at, page in _pages(stream, since, until or database_now() + OVERLAP):
            known = _fingerprints(stream, page)
            for there in page:
                if known.get(there.external_id) == there.fingerprint:
                    total.add(Taken(read=1, unchanged=1))
                else:
                    total.add(take(stream, there, read_at=read_at, dry_run=dry_run))
            progress(total)
    except FAULTS as error:
        raise as_validation_error(stream, error) from error
    return total


def _pages(stream: Stream, since: datetime, until: datetime) -> Iterator[tuple[datetime, Sequence[RemoteConversation]]]:
    """Each answer and when it was asked for.

    A full one is followed by the window from its last change on, and not by its second page: what changes meanwhile
    leaves the window, and would push others back over the edge between two pages, unread. Only where a whole answer
    changed in one second are pages turned.
    """
    provider, page = provider_for(stream.account), 1
    while True:
        read_at = database_now()
        found = provider.read_conversations(stream.config, since=since, until=until, page=page)
        yield read_at, found
        if len(found) < PAGE:
            return
        changed = [one.changed_at for one in found if one.changed_at]
        last = max(changed).replace(microsecond=0) if changed else None
        if last is not None and last > since.replace(microsecond=0):
            since, page = last, 1
        else:
            page += 1


def _fingerprints(stream: Stream, page: Sequence[RemoteConversation]) -> dict[str, str]:
    known = ConversationMirror.objects.filter(stream=stream, external_id__in=[one.external_id for one in page])
    return dict(known.values_list("external_id", "fingerprint"))


def sync_conversation(conversation: Conversation, *, dry_run: bool = False) -> Taken:
    """Read one conversation. Raises ValidationError with a sentence when that is not possible."""
    check_is_there(conversation)
    stream, read_at = conversation.stream, database_now()
    try:
        there = provider_for(stream.account).read_conversation(stream.config, conversation.external_id)
    except FAULTS as error:
        raise as_validation_error(stream, error) from error
    return take(stream, there, read_at=read_at, dry_run=dry_run)


def check_is_there(conversation: Conversation) -> None:
    """Raise ValidationError (`not_there`) unless the other side holds the conversation."""
    stream = conversation.stream
    if not stream.is_mirrored or not conversation.external_id:
        raise ValidationError(f"{stream.account.provider_label} does not hold this conversation yet.", code="not_there")


def sync_periodically(stream: Stream) -> Taken:
    """What changed since the last time, and some of the open conversations that were not read for longest."""
    mirrors = ConversationMirror.objects.filter(stream=stream)
    newest = mirrors.aggregate(last=Max("changed_at"))["last"]
    now = database_now()
    total = sync_stream(stream, since=min(newest or now - FIRST_SYNC, now) - OVERLAP)
    stale = mirrors.filter(conversation__status__in=CURRENT, read_at__lt=now - OVERLAP).order_by("read_at")
    for mirror in stale.select_related("conversation__stream__account")[:SINGLES]:
        conversation = mirror.conversation
        if conversation is not None and conversation.external_id == mirror.external_id:
            total.add(sync_conversation(conversation))
            ConversationMirror.objects.filter(pk=mirror.pk).update(read_at=now)
    return total


def as_validation_error(stream: Stream, error: Exception) -> ValidationError:
    """One of FAULTS as a sentence for people."""
    label = stream.account.provider_label
    if isinstance(error, Refused):
        return ValidationError(f"{label} refused to tell of {stream.name}: {error.text}", code=error.code)
    said = error.text if isinstance(error, ProviderError) else str(error)
    sentence = f"{label} could not be read for {stream.name}. {said.strip() or 'It did not answer.'}"
    return ValidationError(sentence, code="not_read")
