"""Cirrus: what a caller may do to a conversation besides writing into it.

Documented: paths, bodies, `"data": ""`, and for the change of stream the codes INVALID_STREAM,
INVALID_STREAM_TRANSFER (WhatsApp) and "Invalid parameters - missing mandatory field - streamId". Assumed: that
Set Object Content replaces the content, and 404 for an indicator or a tag that is not there.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from messaging.sandbox.calls import Answer, Call, Refused
from messaging.sandbox.ids import id_in
from messaging.sandbox.models import CirrusActivity, CirrusIndicator, CirrusObject, CirrusTag, SandboxChannel
from messaging.sandbox.network import tell_of_change

from .face import fields, missing, not_found, refused, required, stream_by_any, success, whole_number, wrong
from .hooks import ACTIVITY_EVENT, TAG_EVENT
from .objects import object_by_id
from .words import CLOSED, CUSTOM, REMARK, STATUS_CHANGE, STATUSES, STREAM_CHANGE


def set_status(call: Call, object_id: str, status_id: str) -> Answer:
    """POST /objects/{OBJECT_ID}/status/{STATUS_ID}."""
    kept = object_by_id(call, object_id)
    status = id_in(status_id)
    if status not in STATUSES:
        raise wrong(call, "STATUS_ID")
    now = timezone.now()
    before, kept.status_id = kept.status_id, status
    kept.updated_at, kept.closed_at = now, now if kept.status_id in CLOSED else None
    kept.save(update_fields=["status_id", "updated_at", "closed_at"])
    _note(kept, STATUS_CHANGE, {"from": before, "to": kept.status_id})
    return success(call)


def set_content(call: Call, object_id: str) -> Answer:
    """POST /objects/{OBJECT_ID}/content: any JSON object."""
    kept = object_by_id(call, object_id)
    kept.content = fields(call)
    kept.updated_at = timezone.now()
    kept.save(update_fields=["content", "updated_at"])
    return success(call)


def add_activity_log(call: Call, object_id: str) -> Answer:
    """POST /objects/{OBJECT_ID}/activitylog with {"Text", "Source", "ManagerId"}."""
    kept = object_by_id(call, object_id)
    values = fields(call)
    data = {"text": str(required(call, values, "Text")), "source": str(values.get("Source", ""))}
    _note(kept, CUSTOM, data, whole_number(call, values, "ManagerId"))
    return success(call)


def add_remark(call: Call, object_id: str) -> Answer:
    """POST /objects/{OBJECT_ID}/remarks with {"Text", "ManagerId"}."""
    kept = object_by_id(call, object_id)
    values = fields(call)
    data = {"text": str(required(call, values, "Text"))}
    _note(kept, REMARK, data, whole_number(call, values, "ManagerId"))
    return success(call)


def set_indicator(call: Call, object_id: str) -> Answer:
    """POST /objects/{OBJECT_ID}/indicators; the same IndicatorId again replaces the first."""
    kept = object_by_id(call, object_id)
    values = fields(call)
    name, title = str(required(call, values, "IndicatorId")), str(required(call, values, "Title"))
    if not values.get("DisplayClass") and not values.get("Icon"):
        raise missing(call, "DisplayClass")
    CirrusIndicator.objects.update_or_create(
        object=kept,
        indicator_id=name,
        defaults={
            "title": title,
            "display_class": str(values.get("DisplayClass", "")),
            "icon": str(values.get("Icon", "")),
            "link": str(values.get("Link", "")),
        },
    )
    return success(call)


def delete_indicator(call: Call, object_id: str, indicator_id: str) -> Answer:
    """DELETE /objects/{OBJECT_ID}/indicators/{INDICATOR_ID}: the id is the name, though documented as a number."""
    kept = object_by_id(call, object_id)
    deleted, _ = kept.indicators.filter(indicator_id=indicator_id).delete()
    if not deleted:
        raise not_found(call)
    return success(call)


def create_tag(call: Call) -> Answer:
    """POST /tags with {"Name", ...}; the id that it answers with is assumed."""
    name = str(required(call, fields(call), "Name"))
    tag = CirrusTag.objects.create(account=call.account, tag_id=CirrusTag.objects.count() + 40, name=name)
    return success(call, {"id": tag.tag_id})


def list_tags(call: Call) -> Answer:
    """GET /tags; the keys are assumed."""
    return success(call, [{"id": tag.tag_id, "name": tag.name} for tag in call.account.tags.all()])


def add_tag(call: Call, stream_id: str, object_id: str, tag_id: int) -> Answer:
    """POST /streams/{STREAM_ID}/objects/{OBJECT_ID}/tags/{TAG_ID}."""
    return _change_tag(call, stream_id, object_id, tag_id, adds=True)


def remove_tag(call: Call, stream_id: str, object_id: str, tag_id: int) -> Answer:
    """DELETE of the same."""
    return _change_tag(call, stream_id, object_id, tag_id, adds=False)


def _change_tag(call: Call, stream_id: str, object_id: str, tag_id: int, *, adds: bool) -> Answer:
    kept = object_by_id(call, object_id, stream_by_any(call, stream_id))
    tag = call.account.tags.filter(tag_id=tag_id).first()
    if tag is None:
        raise not_found(call)
    if adds:
        kept.tags.add(tag)
    else:
        kept.tags.remove(tag)
    kept.updated_at = timezone.now()
    kept.save(update_fields=["updated_at"])
    tell_of_change(call.account, TAG_EVENT, about=str(kept.object_id), phone=kept.phone)
    return success(call)


def change_stream(call: Call, object_id: str) -> Answer:
    """PATCH /objects/{OBJECT_ID}/stream with {"streamId", "subStreamId"}."""
    kept = object_by_id(call, object_id)
    values = fields(call)
    stream_id = whole_number(call, {"streamId": required(call, values, "streamId")}, "streamId")
    stream = call.account.streams.filter(stream_id=stream_id, is_active=True).first()
    if stream is None:
        raise _transfer_refused(call, "INVALID_STREAM", "The specified stream ID does not exist")
    if SandboxChannel.WHATSAPP in (kept.stream.channel, stream.channel):
        raise _transfer_refused(call, "INVALID_STREAM_TRANSFER", "The stream transfer is not allowed")
    before, kept.stream = kept.stream, stream
    kept.sub_stream_id = whole_number(call, values, "subStreamId")
    kept.updated_at = timezone.now()
    kept.save(update_fields=["stream", "sub_stream_id", "updated_at"])
    _note(kept, STREAM_CHANGE, {"from": before.stream_id, "to": stream.stream_id})
    return success(call)


def _transfer_refused(call: Call, code: str, message: str) -> Refused:
    return refused(call, "Operation failed", data={"errors": [{"code": code, "message": message}]})


def _note(kept: CirrusObject, type_: int, data: dict[str, Any], manager_id: int = 0) -> None:
    activity = CirrusActivity.objects.create(object=kept, type=type_, data=data, manager_id=manager_id)
    tell_of_change(kept.account, ACTIVITY_EVENT, about=str(activity.pk), phone=kept.phone)
