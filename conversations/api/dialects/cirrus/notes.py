"""What Cirrus's callers do to an object besides writing in it: its status, content, log, remarks and indicators."""

from __future__ import annotations

import json
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.http import JsonResponse

from conversations.api.dialects.calls import Call, door
from conversations.models import Conversation, Indicator, User
from conversations.models.activity import ActivityKind
from conversations.models.api_key import ApiScope
from conversations.models.conversation import ConversationStatus as Status
from conversations.services import activities, conversations, handling

from .face import FACE, fields, missing, number_in, required, success, text_in, wrong
from .finding import colleague, conversation_by_id
from .words import ARCHIVE, FOLLOW_UP, IN_PROCESS, IRRELEVANT, OPEN, PENDING, RESOLVED, SENT, STATUSES

LONGEST_CONTENT = 10_000  # characters of JSON
LONGEST_TEXT = 10_000
CONTENT = "content"  # under this name, in an activity's data
_WORD = re.compile(r"[A-Za-z0-9_ -]{0,64}")
_IS_WORK = (OPEN, IN_PROCESS, PENDING)
_IS_DONE = (RESOLVED, IRRELEVANT, SENT, ARCHIVE)


def set_status(call: Call, object_id: str, status_id: str) -> JsonResponse:
    """POST /objects/{OBJECT_ID}/status/{STATUS_ID}."""
    call.needs(ApiScope.SEND)
    conversation = conversation_by_id(call, object_id)
    number = int(status_id) if status_id.isascii() and status_id.isdigit() and len(status_id) < 3 else 0
    if number not in STATUSES:
        raise wrong("STATUS_ID")
    move_to(conversation, number, actor=call.user, field="STATUS_ID")
    return success()


def move_to(conversation: Conversation, status: int, *, actor: User, field: str) -> None:
    """Put a conversation where a status of theirs says: to the work, aside, or among what is done.

    Statuses that our conversations do not have are refused, rather than taken for another one.
    """
    if status in _IS_WORK:
        if not conversation.is_current:
            conversations.reopen(conversation, actor=actor)
        elif conversation.status == Status.SNOOZED:
            handling.wake([conversation.pk], actor=actor)
    elif status in _IS_DONE:
        conversations.resolve(conversation, actor=actor)
    elif status == FOLLOW_UP:
        handling.snooze([conversation.pk], until=None, actor=actor)
    else:
        raise wrong(field, "A conversation has no such status here. Use 1, 2, 10 or 14.")


def set_content(call: Call, object_id: str) -> JsonResponse:
    """POST /objects/{OBJECT_ID}/content: any JSON object, which Get Object answers from then on."""
    call.needs(ApiScope.SEND)
    conversation = conversation_by_id(call, object_id)
    content = fields(call)
    if len(json.dumps(content)) > LONGEST_CONTENT:
        raise wrong("data", f"{LONGEST_CONTENT:,} characters of JSON are the most.")
    if content != content_of(conversation):
        activities.note(
            conversation, ActivityKind.PROVIDER, actor=call.user, text="Content set", data={CONTENT: content}
        )
    return success()


def content_of(conversation: Conversation) -> dict[str, Any]:
    """What was last set as the content of a conversation; empty when nothing was."""
    noted = conversation.activities.filter(kind=ActivityKind.PROVIDER, data__has_key=CONTENT).order_by("-id").first()
    return dict(noted.data[CONTENT]) if noted and isinstance(noted.data[CONTENT], dict) else {}


def add_activity_log(call: Call, object_id: str) -> JsonResponse:
    """POST /objects/{OBJECT_ID}/activitylog with {"Text", "Source", "ManagerId"}."""
    call.needs(ApiScope.SEND)
    conversation = conversation_by_id(call, object_id)
    values = fields(call)
    text, source = _text(values), text_in(values, "Source")[:100]
    by = colleague(number_in(values, "ManagerId"), conversation.stream, "ManagerId")
    data = {"source": source, **({"manager": by.pk} if by else {})}
    activities.note(conversation, ActivityKind.PROVIDER, actor=call.user, text=text, data=data)
    return success()


def add_remark(call: Call, object_id: str) -> JsonResponse:
    """POST /objects/{OBJECT_ID}/remarks with {"Text", "ManagerId"}. The remark is the key's, whoever is named."""
    call.needs(ApiScope.SEND)
    conversation = conversation_by_id(call, object_id)
    values = fields(call)
    text = _text(values)
    colleague(number_in(values, "ManagerId"), conversation.stream, "ManagerId")
    conversations.add_remark(conversation, text=text, actor=call.user)
    return success()


def _text(values: dict[str, Any]) -> str:
    text = str(required(values, "Text")).strip()
    if len(text) > LONGEST_TEXT:
        raise wrong("Text", f"{LONGEST_TEXT:,} characters are the most.")
    return text


def set_indicator(call: Call, object_id: str) -> JsonResponse:
    """POST /objects/{OBJECT_ID}/indicators; the same IndicatorId again changes the first."""
    call.needs(ApiScope.SEND)
    conversation = conversation_by_id(call, object_id)
    values = fields(call)
    name, title = str(required(values, "IndicatorId")).strip(), str(required(values, "Title")).strip()
    if not values.get("DisplayClass") and not values.get("Icon"):
        raise missing("DisplayClass")
    if len(name) > 64:
        raise wrong("IndicatorId", "64 characters are the most.")
    if len(title) > 100:
        raise wrong("Title", "100 characters are the most.")
    display_class = text_in(values, "DisplayClass") or text_in(values, "Icon")
    if not _WORD.fullmatch(display_class):
        raise wrong("DisplayClass")
    conversations.set_indicator(
        conversation,
        key=name,
        title=title,
        display_class=display_class,
        link=_link(text_in(values, "Link").strip()),
        actor=call.user,
    )
    return success()


def _link(text: str) -> str:
    """An address that a browser may follow; the document's own example has none of the leading `https://`."""
    if not text:
        return ""
    address = text if "://" in text else f"https://{text}"
    try:
        URLValidator(schemes=["http", "https"])(address)
    except ValidationError:
        raise wrong("Link", "Give an address that begins with https://.") from None
    if len(address) > 500:
        raise wrong("Link", "500 characters are the most.")
    return address


def delete_indicator(call: Call, object_id: str, indicator_id: str) -> JsonResponse:
    """DELETE /objects/{OBJECT_ID}/indicators/{INDICATOR_ID}: the id is the name under which it was set."""
    call.needs(ApiScope.SEND)
    conversation = conversation_by_id(call, object_id)
    found = Indicator.objects.filter(conversation=conversation, key=indicator_id, removed_at=None)
    indicator = found.select_related("conversation__stream__account").first()
    if indicator is None:
        FACE.refuse(404)
    conversations.remove_indicator(indicator, actor=call.user)
    return success()


status_door = door(FACE, POST=set_status)
content_door = door(FACE, POST=set_content)
activity_log_door = door(FACE, POST=add_activity_log)
remarks_door = door(FACE, POST=add_remark)
indicators_door = door(FACE, POST=set_indicator)
indicator_door = door(FACE, DELETE=delete_indicator)
