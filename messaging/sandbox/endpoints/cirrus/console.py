"""Cirrus: the calls that tell about the account itself, and the files that customers attached."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from messaging.sandbox.calls import Answer, Call
from messaging.sandbox.models import CirrusMedia

from .face import envelope, stream_by_any, success


def system_status(call: Call) -> Answer:
    """GET /core/systemstatus: documented with data null; a good test of the connection."""
    return envelope(call.account, 200, "System is operational", None)


def managers(call: Call) -> Answer:
    """GET /managers: the agents' `id` and `identityId` (for ManagerId and UserIdentity); other keys are assumed."""
    rows = [
        {
            "id": agent.agent_id,
            "identityId": agent.agent_id,
            "firstName": agent.first_name,
            "lastName": agent.last_name,
            "email": agent.email,
        }
        for agent in call.account.agents.all()
    ]
    return success(call, rows)


def stream_availability(call: Call, stream_id: str, detailed: str) -> Answer:
    """GET /streams/{STREAM_ID}/streamavailability/{true|false}: `state` 1 is available."""
    stream_by_any(call, stream_id)
    return success(call, {"state": 1})


def attached_file(request: HttpRequest, media_id: str) -> HttpResponse:
    """GET /media/{id}: a customer's photo (sandbox extension; its address is in the webhook)."""
    kept = CirrusMedia.objects.filter(media_id=media_id).first()
    if kept is None:
        raise Http404
    return HttpResponse(bytes(kept.data), content_type=kept.content_type or "application/octet-stream")
