"""Sessions at providers that have them: who holds one, whether it is open, and why a message of ours was turned away.

A provider with sessions takes a text to a customer who is in one only from the agent who holds it
(docs/decisions/0023). What it told us lies in `ProviderSession`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations import live
from conversations.models import AgentIdentity, Conversation, Message, ProviderSession, User
from conversations.models.activity import ActivityKind
from conversations.services.accounts import provider_for
from conversations.services.activities import note
from messaging.errors import ConfigurationError, ProviderError, Refused
from messaging.registry import provider_class
from messaging.types import ConversationEvent, Session

POLL_EVERY = timedelta(minutes=1)
ENDING_KINDS = ("ended", "dismissed")
IN_SESSION = "session_active"  # what a provider's refusal is called when the customer is in somebody's session


def has_sessions(conversation: Conversation) -> bool:
    """Does the provider of this conversation have sessions?"""
    return provider_class(conversation.stream.account.provider).plan_session("0") is not None


def begin(message: Message, external_id: str) -> None:
    """A message was taken in this session: it is open, and nobody else's."""
    if not has_sessions(message.conversation):
        return
    ProviderSession.objects.update_or_create(
        conversation=message.conversation,
        defaults={"external_id": external_id[:64], "is_open": True, "refused_at": None, "next_poll_at": timezone.now()},
    )


def follow(conversation: Conversation, told: ConversationEvent) -> None:
    """Take over what a webhook told of a session; who is in it now is asked for by the next poll."""
    if not has_sessions(conversation):
        return
    changes: dict[str, Any] = {"external_id": told.conversation_id[:64], "next_poll_at": timezone.now()}
    if told.external_status:
        changes["status"] = told.external_status[:40]
    if told.kind in ENDING_KINDS:
        changes |= {"is_open": False, "refused_at": None, "next_poll_at": None}
    ProviderSession.objects.update_or_create(conversation=conversation, defaults=changes)


def note_refused(message: Message) -> None:
    """A message was turned away because the customer is in a session of somebody else: it is asked about now."""
    now = timezone.now()
    ProviderSession.objects.update_or_create(
        conversation=message.conversation,
        defaults={"refused_at": now, "next_poll_at": now},
        create_defaults={"refused_at": now, "next_poll_at": now, "external_id": message.conversation.external_id},
    )
    live.publish(stream_id=message.stream_id, kind="conversation", conversation_id=message.conversation_id)


def holds(session: ProviderSession, author: User | None) -> bool:
    """Is this user the agent who has the session?"""
    if author is None or not (session.holder_id or session.holder_email):
        return False
    identity = AgentIdentity.objects.filter(user=author, account=session.conversation.stream.account_id).first()
    if identity is None:
        return False
    if session.holder_id:
        return identity.external_id == session.holder_id
    return bool(identity.email) and identity.email.lower() == session.holder_email.lower()


def look(conversation: Conversation) -> ProviderSession:
    """Ask the provider about the session now. Raises ValidationError with what to do when it cannot be said."""
    operation = provider_class(conversation.stream.account.provider).plan_session(conversation.external_id)
    if operation is None or not conversation.external_id:
        raise ValidationError(
            f"{conversation.stream.account.provider_label} has not told us which session the customer is in. Wait "
            "until it has ended, or look for it there.",
            code="no_session",
        )
    provider = provider_for(conversation.stream.account)
    try:
        found = provider.call(operation)
    except Refused as error:
        if error.code != "not_found":
            raise _unknown(conversation, error) from error
        found = Session(conversation.external_id, status="gone", is_open=False)
    except (ConfigurationError, ProviderError) as error:
        raise _unknown(conversation, error) from error
    return keep(conversation, found)


def keep(conversation: Conversation, found: Session) -> ProviderSession:
    """Store what the provider says of a session; one that is over stands in nobody's way.

    Where the conversation has gone on in another session since the provider was asked, it says nothing of that one.
    """
    now = timezone.now()
    changes: dict[str, Any] = {
        "external_id": found.external_id,
        "status": found.status[:40],
        "is_open": found.is_open,
        "holder_id": found.holder_id[:64],
        "holder_email": found.holder_email[:254],
        "holder_name": found.holder_name[:200],
        "participants": [_plain(asdict(one)) for one in found.participants],
        "looked_at": now,
        "next_poll_at": now + POLL_EVERY if found.is_open else None,
    }
    if not found.is_open:
        changes["refused_at"] = None
    with transaction.atomic():
        current = Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
        known = ProviderSession.objects.filter(conversation=conversation).first()
        if known is not None and found.external_id not in (known.external_id, current.external_id):
            return known
        session, _ = ProviderSession.objects.update_or_create(conversation=conversation, defaults=changes)
        Conversation.objects.filter(pk=conversation.pk).update(external_status=found.status[:40])
    live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)
    return session


def end(conversation: Conversation, *, actor: User) -> ProviderSession:
    """End the session at the provider in the name of this user. Raises ValidationError with what to do instead."""
    account = conversation.stream.account
    identity = AgentIdentity.objects.filter(user=actor, account=account).first()
    provider = provider_for(account)
    operation = provider.plan_end_of_session(
        conversation.external_id, agent_id=identity.external_id if identity else ""
    )
    if operation is None or not conversation.external_id:
        raise ValidationError(f"{account.provider_label} has no session here that could be ended.", code="no_session")
    try:
        found = provider.call(operation)
    except Refused as error:
        if error.code not in ("conversation_ended", "not_found"):
            raise _unknown(conversation, error) from error
        found = Session(conversation.external_id, status="finished", is_open=False)
    except (ConfigurationError, ProviderError) as error:
        raise _unknown(conversation, error) from error
    session = keep(conversation, found)
    note(
        conversation,
        ActivityKind.PROVIDER,
        actor=actor,
        text="ended the session at the provider",
        data={"kind": "session_end"},
    )
    return session


def let_pass(conversation: Conversation) -> None:
    """Somebody wants to try again although a message was turned away before."""
    ProviderSession.objects.filter(conversation=conversation).update(refused_at=None)


def _unknown(conversation: Conversation, error: Exception) -> ValidationError:
    if isinstance(error, ConfigurationError):
        return ValidationError(str(error), code="not_set_up")
    return ValidationError(
        f"{conversation.stream.account.provider_label} did not do it: {error} Try it again in a minute.",
        code="no_answer",
    )


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Times as text, for a JSON field."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in record.items()}
