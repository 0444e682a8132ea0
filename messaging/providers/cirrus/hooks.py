"""Webhook calls: what customers and agents wrote, what happened to conversations, and the sandbox's receipts.

Documented object events: OnNew, OnNewChild, OnNewActivity, OnUpdateTag. The JSON of OnNewChild is documented
nowhere; it is read as the XML turned into JSON.

Sandbox extension, which no document describes (the vendor publishes no delivery report of any kind):
`OnChildStatus`, whose `Child` holds `Id`, `Status` (sent, delivered, read, failed), `Reason`, and names the
message by `Ref` (a child that carried our reference), by `MessageId` (a template's id) or by `Phone1` alone
(an SMS whose answer named nothing).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from messaging.providers.cirrus.fields import Fields, as_records, customer_phone, e164
from messaging.providers.cirrus.hook_reader import read_tree
from messaging.providers.cirrus.records import Activity, Child
from messaging.providers.cirrus.words import CHANNELS, ObjectType, StreamProviderType, provider_type, refusal_code
from messaging.types import (
    ConversationEvent,
    DeliveryReport,
    DeliveryStatus,
    HookEvent,
    HookRequest,
    InboundMessage,
    Media,
    Unrecognised,
)

LONGEST_ID = 64  # theirs have ten digits or so
LONGEST_MESSAGE_ID = 100  # those of WhatsApp are longer
_REPORTED = {status.value: status for status in DeliveryStatus}
_MEDIA_TYPES: dict[int | None, str] = {
    ObjectType.PHOTO: "image",
    ObjectType.VIDEO: "video",
    ObjectType.AUDIO: "audio",
    ObjectType.VOICE: "audio",
}
_WHATSAPP = (StreamProviderType.WHATSAPP, StreamProviderType.WHATSAPP_CLOUD)
# Kinds whose whole content is their words; of all others something would be missing.
_WITH_WORDS = (
    *(None, ObjectType.TEXT, ObjectType.LINK, ObjectType.CONVERSATION, ObjectType.MAIL, ObjectType.SYSTEM_MESSAGE),
    *(ObjectType.OPTION, ObjectType.TEMPLATE_MESSAGE, ObjectType.CAMPAIGN_MESSAGE),
)
_SUFFIX_KINDS = {
    **dict.fromkeys((".jpg", ".jpeg", ".png"), "image"),
    **dict.fromkeys((".mp4", ".3gp"), "video"),
    **dict.fromkeys((".aac", ".amr", ".mp3", ".m4a", ".ogg"), "audio"),
}


def parse(hook: HookRequest) -> list[HookEvent]:
    """Everything the call says. Raises WebhookRefused (400) when it cannot be read."""
    root = Fields(read_tree(hook.body))
    payload = root.inner("payload")
    event = root.inner("event") or payload.inner("event")
    body_key = "body:" + hashlib.sha256(hook.body).hexdigest()
    if payload and not event:
        # The one form without a name: the help pages show it for a new conversation.
        return _read_object("OnNew", payload, body_key)
    subscription, name = event.text("subscription"), event.text("name")
    if subscription == "Object":
        found = [item for record in event.inner_all("object") for item in _read_object(name, record, body_key)]
        if found:
            return found
    return [Unrecognised(body_key, f"{subscription}.{name}".strip("."))]


def _read_object(name: str, record: Fields, body_key: str) -> list[HookEvent]:
    if name in ("OnNew", "OnNewChild"):
        # A new conversation may carry its first message itself, without a child.
        children = _listed(record, "children", "child") or [record] * (name == "OnNew")
        return [_written(record, child, name, key) for key, child in _keyed(children, body_key)]
    if name == "OnNewActivity":
        entries = _listed(record, "activities", "activity") or [record]
        return [_activity(record, entry, key) for key, entry in _keyed(entries, body_key)]
    if name == "OnChildStatus":
        children = _listed(record, "children", "child")
        return [_report(record, child, key) for key, child in _keyed(children, body_key)]
    if name == "OnUpdateTag":
        return [_tags(record, body_key)]
    return []


def _keyed(items: list[Fields], body_key: str) -> Iterator[tuple[str, Fields]]:
    """Each item with the key to use where it has no id of its own."""
    return ((f"{body_key}:{position}", item) for position, item in enumerate(items))


def _listed(record: Fields, group: str, item: str) -> list[Fields]:
    return record.inner(group).inner_all(item) or record.inner_all(group) or record.inner_all(item)


def _conversation_id(record: Fields) -> str:
    return _id(record.text("id", "objectid"))


def _id(text: str, longest: int = LONGEST_ID) -> str:
    """An id; nothing for what is too long to be one."""
    return text if len(text) <= longest else ""


def _stream_keys(record: Fields) -> tuple[str, ...]:
    key = record.text("streamid")
    return (key,) if key else ()


def _written(record: Fields, child: Fields, name: str, body_key: str) -> HookEvent:
    """A message by the customer, or, from a manager, something that happened to the conversation.

    A child has the same key in every event, so that OnNew and OnNewChild of one message count once.
    """
    message = Child.read(child)
    own_id = _id(message.id)
    kind_of_id, external_id = ("object", "") if child is record else ("child", own_id)
    key = f"{kind_of_id}:{own_id}" if own_id else body_key
    if message.is_manager:
        return ConversationEvent(
            key,
            "agent_message",
            _conversation_id(record),
            stream_keys=_stream_keys(record),
            text=message.message,
            occurred_at=message.created_at,
            data={"external_id": external_id, "ref": message.ref, "agent_id": message.manager_id},
        )
    user = child.inner("user") or record.inner("user")
    identity = user.inner("identity")
    phone = _phone(user, identity)
    person_id = _id(user.text("id"))
    channel_type = _channel_type(child) or _channel_type(identity) or _channel_type(record)
    whatsapp_id = _id(identity.text("streamproviderid")) if _channel_type(identity) in _WHATSAPP else ""
    if not phone and not person_id and not whatsapp_id:
        return Unrecognised(key, f"Object.{name} without a phone number")
    media = tuple(media_of(message))
    kind, kind_word, emoji, reacts_to = _kind_of(message, media)
    return InboundMessage(
        key,
        phone,
        emoji or message.message,
        channel=CHANNELS.get(channel_type) if channel_type else None,
        external_id=external_id,
        conversation_id=_conversation_id(record),
        stream_keys=_stream_keys(record),
        occurred_at=message.created_at,
        first_name=user.text("firstname") or identity.text("firstname"),
        last_name=user.text("lastname") or identity.text("lastname"),
        email=user.text("email"),
        media=media,
        kind=kind,
        kind_word=kind_word,
        reacts_to=reacts_to,
        person_id=person_id,
        whatsapp_id=whatsapp_id,
        ref=_id(message.ref),
    )


def _kind_of(message: Child, media: Sequence[Media]) -> tuple[str, str, str, str]:
    """The kind, the provider's word for one that is not text, and of a reaction the emoji and what it is about.

    How a reaction looks is documented nowhere: it is read as WhatsApp sends one, `reaction` with `emoji` and
    `message_id`, in `Content`.
    """
    reaction = Fields(message.content).inner("reaction")
    if reaction:
        return "reaction", "", reaction.text("emoji"), _id(reaction.text("message_id"), LONGEST_MESSAGE_ID)
    if media or (message.type in _WITH_WORDS and message.message):
        return "text", "", "", ""
    if message.type in _WITH_WORDS:
        return "other", "empty message", "", ""
    return "other", _kind_word(message.type), "", ""


def _kind_word(number: int | None) -> str:
    try:
        return ObjectType(number).name.replace("_", " ").lower() if number is not None else "unknown"
    except ValueError:
        return f"type {number}"


def _channel_type(record: Fields) -> StreamProviderType | None:
    return provider_type(record.text("streamprovidertype"))


def _phone(user: Fields, identity: Fields) -> str:
    written_from = identity.text("streamproviderid") if _channel_type(identity) in (None, *CHANNELS) else ""
    return customer_phone(identity=written_from, phone1=user.text("phone1"), phone2=user.text("phone2"))


def media_of(message: Child) -> Iterator[Media]:
    """Links to files in `Content`. Their names there are documented nowhere: a list of files, or one link.

    Whether a link may be followed is for whoever follows it.
    """
    content = Fields(message.content)
    files: list[Fields] = [item for name in ("attachments", "files", "media") for item in as_records(content.raw(name))]
    if message.type in _MEDIA_TYPES:
        files.append(content)
    for file in files:
        link = file.text("url", "link", "fileurl", "mediaurl")
        if link.startswith(("https://", "http://")):
            yield Media(_media_kind(message, file, link), link=link, filename=file.text("filename", "name"))


def _media_kind(message: Child, file: Fields, link: str) -> str:
    main_type = file.text("mimetype", "contenttype", "content_type", "type").partition("/")[0].lower()
    if main_type in ("image", "video", "audio"):
        return main_type
    if message.type in _MEDIA_TYPES:
        return _MEDIA_TYPES[message.type]
    return _SUFFIX_KINDS.get(PurePosixPath(link.partition("?")[0]).suffix.lower(), "document")


def _activity(record: Fields, entry: Fields, body_key: str) -> ConversationEvent:
    activity = Activity.read(entry)
    return ConversationEvent(
        f"activity:{activity.id}" if _id(activity.id) and entry is not record else body_key,
        "activity",
        _conversation_id(record) or _id(activity.object_id),
        stream_keys=_stream_keys(record),
        external_status=Fields(activity.details).text("statusid", "status"),
        text=activity.text,
        occurred_at=activity.created_at,
        data={"type": activity.word, "details": dict(activity.details)},
    )


def _tags(record: Fields, body_key: str) -> ConversationEvent:
    names = [tag.text("name", "tagname") or tag.text("id", "tagid") for tag in _listed(record, "tags", "tag")]
    return ConversationEvent(
        body_key,
        "tags",
        _conversation_id(record),
        stream_keys=_stream_keys(record),
        text=", ".join(name for name in names if name),
        data={"tags": names},
    )


def _report(record: Fields, child: Fields, body_key: str) -> HookEvent:
    word = child.text("status").lower()
    status = _REPORTED.get(word)
    child_id, ref = _id(child.text("id")), _id(child.text("ref"))
    message_id = _id(child.text("messageid"), LONGEST_MESSAGE_ID)
    if status is None:
        return Unrecognised(body_key, f"Object.OnChildStatus {word}".strip())
    named = child_id or message_id or ref
    reason = child.text("reason")
    return DeliveryReport(
        status,
        f"status:{_conversation_id(record)}:{named}:{word}" if named else body_key,
        external_id=message_id or (child_id if ref else ""),
        ref=ref,
        phone=e164(child.text("phone1")),
        occurred_at=child.moment("createdate", "createdtime"),
        code=refusal_code(reason, unknown=""),
        text=reason,
    )
