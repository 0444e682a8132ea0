"""What differs between the two sides: taken where only they have changed, a person settles the rest."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations.models import (
    Activity,
    AgentIdentity,
    Contact,
    Conversation,
    ConversationMirror,
    Drift,
    Stream,
    Tag,
    User,
)
from conversations.models.activity import ActivityKind, PushState
from conversations.models.conversation import CURRENT
from conversations.models.conversation import ConversationStatus as Status
from conversations.models.message import Direction
from conversations.models.mirror import DriftField, Settlement
from conversations.services import activities, handling, notifications
from conversations.services.mirror.agreement import OPEN, status_word, their_status
from conversations.services.mirror.entries import tags_of
from messaging.mirror import RemoteConversation

NOT_TOLD = (PushState.QUEUED, PushState.UNCONFIRMED, PushState.FAILED)


def user_of(stream: Stream, external_agent: str) -> User | None:
    """Who an agent of the other side is here, if that person works here and sees the stream."""
    if not external_agent:
        return None
    identity = AgentIdentity.objects.filter(account=stream.account_id, external_id=external_agent).first()
    if identity is None or not Stream.objects.visible_to(identity.user).filter(pk=stream.pk).exists():
        return None
    return identity.user


def compare(conversation: Conversation, there: RemoteConversation, mirror: ConversationMirror) -> tuple[int, int]:
    """Take what only they have changed; list what both have. Returns how many of each.

    `conversation` is locked; `mirror` holds what both sides last agreed on, and is brought up to date unsaved.
    """
    changes = drifts = 0
    for one in (_compare_status, _compare_assignee, _compare_name, _compare_tags):
        changed, differs = one(conversation, there, mirror)
        changes += changed
        drifts += differs
    return changes, drifts


def _compare_status(
    conversation: Conversation, there: RemoteConversation, mirror: ConversationMirror
) -> tuple[int, int]:
    ours, theirs, agreed = status_word(conversation.status), their_status(there), mirror.agreed_status
    if conversation.external_id != there.external_id:
        mirror.agreed_status = theirs  # an earlier one of theirs: what it says is over
        return 0, 0
    if theirs in (ours, "") or theirs.startswith("#"):
        mirror.agreed_status = theirs  # a status without a word of ours is shown, and changes nothing here
        _agree(mirror, DriftField.STATUS)
        return 0, 0
    told_of_none = conversation.activities.filter(kind=ActivityKind.STATUS_CHANGE, push_state__in=NOT_TOLD)
    if theirs == agreed:
        return 0, 0  # ours is newer
    if ours == agreed and not told_of_none.exists() and _set_status(conversation, theirs):
        mirror.agreed_status = theirs
        _agree(mirror, DriftField.STATUS)
        return 1, 0
    words = str(Status(theirs).label)
    data = {"status": theirs}
    return 0, _differ(mirror, conversation, DriftField.STATUS, conversation.get_status_display(), words, data)


def _set_status(conversation: Conversation, theirs: str) -> bool:
    """Make ours what theirs is; False when the customer has another current conversation here."""
    before = conversation.status
    now = timezone.now()
    if theirs == OPEN:
        waits = conversation.last_message_direction != Direction.OUT
        changes: dict[str, Any] = {"status": Status.OPEN if waits else Status.WAITING, "resolved_at": None}
    elif theirs == Status.SNOOZED:
        changes = {"status": Status.SNOOZED, "resolved_at": None}
    else:
        changes = {"status": theirs, "resolved_at": now, "waiting_since": None, "unread_count": 0}
    try:
        with transaction.atomic():
            Conversation.objects.filter(pk=conversation.pk).update(snoozed_until=None, **changes)
    except IntegrityError:
        return False
    conversation.refresh_from_db(fields=["snoozed_until", *changes])
    if conversation.status not in CURRENT:
        notifications.over([conversation.pk])
    data = {"from": before, "to": conversation.status, "there": True, "type": "status"}
    _note(conversation, ActivityKind.STATUS_CHANGE, data=data)
    return True


def _compare_assignee(
    conversation: Conversation, there: RemoteConversation, mirror: ConversationMirror
) -> tuple[int, int]:
    before, mirror.external_agent = mirror.external_agent, there.agent_id[:64]
    user = user_of(conversation.stream, there.agent_id)
    if user is not None and user == conversation.assignee:
        _agree(mirror, DriftField.ASSIGNEE)
        return 0, 0
    if user is None or there.agent_id == before:
        return 0, 0
    if not _assigned_here_since(conversation, mirror):
        _assign(conversation, user)
        return 1, 0
    if not before:
        return 0, 0  # whoever writes first has it there: ours is newer, and there is no call to tell it
    data = {"user": user.pk}
    return 0, _differ(mirror, conversation, DriftField.ASSIGNEE, str(conversation.assignee), str(user), data)


def _assigned_here_since(conversation: Conversation, mirror: ConversationMirror) -> bool:
    """Has somebody here given it away, or taken it, since it was last read?"""
    here = conversation.activities.filter(kind=ActivityKind.ASSIGNMENT).exclude(data__has_key="there")
    return here.filter(occurred_at__gt=mirror.read_at).exists() if mirror.read_at else here.exists()


def _assign(conversation: Conversation, user: User) -> None:
    before = conversation.assignee_id
    Conversation.objects.filter(pk=conversation.pk).update(assignee=user)
    conversation.assignee = user
    data = {"from": before, "to": user.pk, "there": True, "type": "assignee"}
    _note(conversation, ActivityKind.ASSIGNMENT, text=str(user), data=data)
    notifications.assigned([conversation], to=user, actor=None)


def _compare_name(conversation: Conversation, there: RemoteConversation, mirror: ConversationMirror) -> tuple[int, int]:
    contact = conversation.contact
    ours, theirs = contact.full_name, f"{there.first_name} {there.last_name}".strip()
    if not theirs or not ours or theirs == ours or len(theirs) > 200:
        _agree(mirror, DriftField.NAME)
        return 0, 0
    if Drift.objects.filter(mirror=mirror, field=DriftField.NAME, theirs=theirs, settled_at__isnull=False).exists():
        return 0, 0  # decided once
    data = {"first_name": there.first_name[:100], "last_name": there.last_name[:100]}
    return 0, _differ(mirror, conversation, DriftField.NAME, ours, theirs, data)


def _compare_tags(conversation: Conversation, there: RemoteConversation, mirror: ConversationMirror) -> tuple[int, int]:
    ours, theirs, agreed = tags_of(conversation), _names(there.content), _names(mirror.content)
    if conversation.external_id != there.external_id or theirs is None:
        return 0, 0
    if theirs == ours:
        _agree(mirror, DriftField.CONTENT)
        return 0, 0
    kinds = (ActivityKind.TAG_ADDED, ActivityKind.TAG_REMOVED)
    if theirs == agreed or conversation.activities.to_push().filter(kind__in=kinds).exists():
        return 0, 0  # ours is newer
    told = conversation.activities.filter(kind__in=kinds, push_state=PushState.PUSHED).order_by("-id").first()
    if agreed is None and told is None and not theirs:
        return 0, 0
    words = [", ".join(names)[:200] or "None" for names in (ours, theirs)]
    return 0, _differ(mirror, conversation, DriftField.CONTENT, words[0], words[1], {"tags": theirs})


def _names(content: Any) -> list[str] | None:
    """The tags in a content; None where it has none of ours."""
    found = content.get("tags") if isinstance(content, dict) else None
    return sorted(str(one) for one in found) if isinstance(found, list) else None


def _differ(
    mirror: ConversationMirror, conversation: Conversation, field: str, ours: str, theirs: str, data: dict[str, Any]
) -> int:
    """List a difference, or bring the one that is listed up to date; returns 1 when it is new."""
    values = {"ours": ours[:200], "theirs": theirs[:200], "data": data, "conversation": conversation}
    _, created = Drift.objects.update_or_create(mirror=mirror, field=field, settled_at=None, defaults=values)
    activities.tell(conversation)
    return int(created)


def _agree(mirror: ConversationMirror, field: str) -> None:
    """Both sides say the same again."""
    Drift.objects.filter(mirror=mirror, field=field, settled_at=None).update(
        settled_at=timezone.now(), settlement=Settlement.GONE
    )


def _note(conversation: Conversation, kind: str, *, data: dict[str, Any], text: str = "") -> None:
    """An activity that the other side need not be told of."""
    activities.write([Activity(conversation=conversation, kind=kind, text=text, data=data)], is_theirs=True)


def settle(drift: Drift, *, take_theirs: bool, actor: User) -> None:
    """Take theirs, or push ours (where the provider has no call for it, ours is kept).

    Raises ValidationError when it was settled meanwhile, or when theirs cannot be taken.
    """
    with transaction.atomic():
        rows = Conversation.objects.select_for_update(no_key=True, of=("self",)).select_related("stream", "contact")
        conversation = rows.get(pk=drift.conversation_id)
        settlement = Settlement.THEIRS if take_theirs else Settlement.OURS
        settled = {"settled_at": timezone.now(), "settled_by": actor, "settlement": settlement}
        if not Drift.objects.filter(pk=drift.pk, settled_at=None).update(**settled):
            raise ValidationError("This was settled meanwhile. Look at the conversation again.", code="settled")
        if take_theirs:
            _take_theirs(drift, conversation)
        else:
            _push_ours(drift, conversation, actor)
        activities.tell(conversation)


def _take_theirs(drift: Drift, conversation: Conversation) -> None:
    data = drift.data
    match drift.field:
        case DriftField.STATUS:
            _forget_untold_statuses(conversation)
            if not _set_status(conversation, data["status"]):
                raise handling.another_is_open(conversation)
            ConversationMirror.objects.filter(pk=drift.mirror_id).update(agreed_status=data["status"])
        case DriftField.ASSIGNEE:
            user = User.objects.filter(pk=data["user"], is_active=True).first()
            if user is None:
                raise ValidationError("That person no longer works here. Keep ours.", code="gone")
            _assign(conversation, user)
        case DriftField.NAME:
            names = {name: data[name] for name in ("first_name", "last_name")}
            Contact.objects.filter(pk=conversation.contact_id).update(**names)
        case DriftField.CONTENT:
            # A tag that supervisors have not made is not made by a provider.
            wanted = set(Tag.objects.filter(name__in=data["tags"]))
            present = set(Tag.objects.on(conversation))
            handling.tag([conversation.pk], add=wanted - present, remove=present - wanted, actor=None)


def _forget_untold_statuses(conversation: Conversation) -> None:
    """What they were not told of our statuses is not to be told any more."""
    untold = conversation.activities.filter(
        kind=ActivityKind.STATUS_CHANGE, push_state__in=NOT_TOLD, push_claim__isnull=True
    )
    untold.update(push_state=PushState.LOCAL, push_text="")


def _push_ours(drift: Drift, conversation: Conversation, actor: User) -> None:
    match drift.field:
        case DriftField.STATUS:
            data = {"from": drift.data["status"], "to": conversation.status, "ours": True}
            activities.note(conversation, ActivityKind.STATUS_CHANGE, actor=actor, data=data)
        case DriftField.CONTENT:
            names = ", ".join(tags_of(conversation)) or "no tags"
            activities.note(conversation, ActivityKind.TAG_ADDED, actor=actor, text=names, data={"ours": True})
        case _:
            return


def open_drifts(conversation: Conversation) -> list[Drift]:
    """What waits for a decision, the oldest first."""
    return list(Drift.objects.filter(conversation=conversation, settled_at=None).order_by("id"))
