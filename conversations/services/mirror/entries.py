"""From an activity to what the mirror is told: pure reading, no change."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from conversations.models import Activity, AgentIdentity, Conversation, Message
from conversations.models.activity import ActivityKind as Kind
from conversations.models.activity import PushState
from messaging.mirror import EntryKind, MirrorEntry, RemoteConversation, RemoteEntry

_KINDS: dict[str, EntryKind] = {
    Kind.OPENED: EntryKind.OPENING,
    Kind.REMARK: EntryKind.REMARK,
    Kind.STATUS_CHANGE: EntryKind.STATUS,
    Kind.TAG_ADDED: EntryKind.CONTENT,
    Kind.TAG_REMOVED: EntryKind.CONTENT,
    Kind.INDICATOR_SET: EntryKind.INDICATOR_SET,
    Kind.INDICATOR_REMOVED: EntryKind.INDICATOR_REMOVED,
    Kind.PHONE_MESSAGE: EntryKind.CUSTOMER_MESSAGE,
}
COUNTED = (EntryKind.REMARK, EntryKind.LOG)  # found again by their number alone
TOLD_OTHERWISE = ("status_change", "assign_change")  # the conversation itself says it

Words = tuple[bool, str]  # what a line without an id is known by: is it a remark, and its words with one space between


def kind_of(activity: Activity) -> EntryKind:
    """What sort of entry it is; what has no call of its own is a line of the log."""
    return _KINDS.get(activity.kind, EntryKind.LOG)


def entry_of(activity: Activity, conversation: Conversation) -> MirrorEntry:
    """What to tell. `conversation` has its stream and contact; tags are those it has now."""
    kind = kind_of(activity)
    return MirrorEntry(
        kind=kind,
        ref=_ref(activity, kind),
        conversation_id=conversation.external_id,
        text=text_of(activity),
        agent_id=_agent_id(activity, conversation),
        values=_values(activity, conversation, kind),
        already_there=_already_there(activity, kind),
        **_person(conversation),
    )


def opening_for(activity: Activity, conversation: Conversation) -> MirrorEntry:
    """The opening that has to come before this activity, where the conversation is not there yet."""
    text = text_of(activity) if activity.kind == Kind.OPENED else "Opened in Parley"
    return MirrorEntry(kind=EntryKind.OPENING, ref=str(activity.push_ref), text=text, **_person(conversation))


def _person(conversation: Conversation) -> dict[str, Any]:
    contact = conversation.contact
    return {
        "phone": contact.phone,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "sub_stream_id": conversation.sub_stream.external_id if conversation.sub_stream else "",
    }


def text_of(activity: Activity) -> str:
    """The words of an entry, as the other side keeps them."""
    by = f" by {activity.actor}" if activity.actor else ""
    match kind_of(activity):
        case EntryKind.OPENING:
            return f"Opened in Parley{by}"
        case EntryKind.REMARK:
            return activity.text
        case EntryKind.CUSTOMER_MESSAGE:
            message = _message(activity)
            return message.body if message else ""
        case EntryKind.LOG:
            # "by" with a colon before the text: "Assigned by Tom Okafor: Priya Nair"
            said = _spaced(activity.text)
            return f"{activity.get_kind_display()}{by}{': ' if said else ''}{said}"
        case _:
            return ""


def _ref(activity: Activity, kind: EntryKind) -> str:
    message = _message(activity) if kind is EntryKind.CUSTOMER_MESSAGE else None
    return str(message.ref if message else activity.push_ref)


def _message(activity: Activity) -> Message | None:
    return Message.objects.filter(pk=activity.data.get("message"), conversation=activity.conversation_id).first()


def _agent_id(activity: Activity, conversation: Conversation) -> str:
    if activity.actor_id is None:
        return ""
    identities = AgentIdentity.objects.filter(user=activity.actor_id, account=conversation.stream.account_id)
    return identities.values_list("external_id", flat=True).first() or ""


def _values(activity: Activity, conversation: Conversation, kind: EntryKind) -> dict[str, Any]:
    match kind:
        case EntryKind.STATUS:
            return {"status": str(activity.data.get("to", ""))}
        case EntryKind.CONTENT:
            return {"content": {"tags": tags_of(conversation)}}
        case EntryKind.INDICATOR_SET | EntryKind.INDICATOR_REMOVED:
            return {"title": activity.text, **activity.data}
        case _:
            return {}


def tags_of(conversation: Conversation) -> list[str]:
    """The names of its tags, in the alphabet's order."""
    return sorted(conversation.tags.values_list("name", flat=True))


def _already_there(activity: Activity, kind: EntryKind) -> int:
    """How many the other side has with the same words: pushed by us, taken from there, or told by it."""
    if kind not in COUNTED:
        return 0
    conversation = activity.conversation
    from_there = Q(data__there=True) | Q(data__kind="activity")
    there = conversation.activities.filter(Q(push_state=PushState.PUSHED) | from_there)
    same_object = there.filter(external_id=conversation.external_id).exclude(pk=activity.pk)
    words = (kind is EntryKind.REMARK, _spaced(text_of(activity)))
    return sum(words_there(one) == words for one in same_object.select_related("actor"))


def is_from_there(activity: Activity) -> bool:
    """Is it a line of the other side's log: read there, or told in a call?"""
    return bool(activity.data.get("there")) or activity.data.get("kind") == "activity"


def words_there(activity: Activity) -> Words | None:
    """What it is known by in the other side's log; None for what has no line there."""
    if is_from_there(activity):
        # A remark that was told in a call, before the stream was mirrored, is a line of the provider's here.
        return activity.kind == Kind.REMARK or activity.data.get("type") == "remark", _spaced(activity.text)
    kind = kind_of(activity)
    return (kind is EntryKind.REMARK, _spaced(text_of(activity))) if kind in COUNTED else None


def lines_of(there: RemoteConversation) -> list[tuple[Words, RemoteEntry]]:
    """The lines of their log that an activity may stand for, each with what it is known by."""
    told = [line for line in there.log if line.kind not in TOLD_OTHERWISE and (line.text or line.kind)]
    return [((line.kind == "remark", _spaced(words_of(line))), line) for line in told]


def words_of(line: RemoteEntry) -> str:
    """What a line of theirs says; one without a text says what it is."""
    return line.text or line.kind.replace("_", " ")


def _spaced(text: str) -> str:
    return " ".join(text.split())
