"""What an address or a field names: streams and conversations by our ids, colleagues, customers by their digits.

What the key does not see is not found, as if it were not there.
"""

from __future__ import annotations

from urllib.parse import unquote

from django.core.exceptions import ValidationError

from conversations.api.dialects.calls import Call, row_id
from conversations.models import Contact, Conversation, Stream, SubStream, User
from conversations.services.conversations import contact_for_number
from conversations.services.stream_tokens import stream_id_of
from messaging.phone import mask

from .face import FACE, refused, wrong

OBJECT_NOT_FOUND = "Object not found"


def stream_by_token(call: Call, token: str, channel: str) -> Stream:
    """The stream of a signed token, on a channel; refuses with 404. A token that was pasted quoted is taken too."""
    visible = Stream.objects.visible_to(call.user).select_related("account")
    found = visible.filter(pk=stream_id_of(unquote(token)), channel=channel).first()
    if found is None:
        FACE.refuse(404)
    return found


def stream_by_any(call: Call, stream_id: str) -> Stream:
    """The stream of an id or of a signed token; refuses with 404."""
    visible = Stream.objects.visible_to(call.user).select_related("account")
    found = visible.filter(pk=row_id(stream_id) or stream_id_of(unquote(stream_id))).first()
    if found is None:
        FACE.refuse(404)
    return found


def conversation_by_id(call: Call, object_id: str, stream: Stream | None = None) -> Conversation:
    """A conversation that the key sees, on `stream` where one is given; refuses with the documented 400."""
    visible = Conversation.objects.visible_to(call.user).select_related("contact", "stream__account", "assignee")
    found = visible.filter(pk=row_id(object_id), **({"stream": stream} if stream else {})).first()
    if found is None:
        raise refused(OBJECT_NOT_FOUND)
    return found


def contact_of(digits: str, stream: Stream, field: str) -> Contact:
    """The contact with a number as Cirrus writes it: country code and number, without a plus. Made if new."""
    try:
        return contact_for_number(e164_of(digits), stream=stream)
    except ValidationError as error:
        raise wrong(field, error.messages[0]) from error


def e164_of(digits: str) -> str:
    """The number with its plus, whatever stood before the country code."""
    text = digits.strip()
    return text if text.startswith("+") else f"+{text.removeprefix('00')}"


def digits_of(contact: Contact, user: User) -> str:
    """A customer's number as Cirrus writes it; masked for whoever may not see numbers."""
    if user.has_perm("conversations.see_numbers"):
        return contact.phone.removeprefix("+")
    return mask(contact.phone)


def colleague(pk: int, stream: Stream, field: str) -> User | None:
    """Whoever has this id and sees the stream; None for 0. Refuses with 400."""
    if not pk:
        return None
    found = User.objects.who_see([stream]).filter(pk=pk).first()
    if found is None:
        raise wrong(field, "Nobody who sees this stream has this id.")
    return found


def sub_stream(pk: int, stream: Stream) -> SubStream | None:
    """The part of a stream with this id; None for 0. Refuses with 400."""
    if not pk:
        return None
    found = SubStream.objects.filter(stream=stream, pk=pk).first()
    if found is None:
        raise wrong("SubStreamId")
    return found
