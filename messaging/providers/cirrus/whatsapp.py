"""WhatsApp: templated messages V2 (1 to 20 recipients a request), uploads, and the check of a number."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from messaging.errors import ConfigurationError, Refused, Unconfirmed
from messaging.providers.base import Account, Operation
from messaging.providers.cirrus import wire
from messaging.providers.cirrus.fields import Fields, as_records, clean_text
from messaging.providers.cirrus.records import UserDetails
from messaging.providers.cirrus.words import ObjectStatus, refusal_code
from messaging.types import (
    Answer,
    Media,
    Outcome,
    RecipientResult,
    Request,
    SendResult,
    TemplateContent,
    UploadedMedia,
)

MOST_RECIPIENTS = 20
MEDIA_KINDS = frozenset({"image", "video", "document"})
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class ObjectData:
    """What makes a template also open a conversation. `sub_stream_id` 0 is none; without `manager_id` Cirrus
    shows the conversation as begun by the customer."""

    user: UserDetails
    create_child: bool | None = True
    sub_stream_id: int = 0
    status: int = ObjectStatus.OPEN
    manager_id: int | None = None
    content: Mapping[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """In their words, `Content` as an object, as in every published example."""
        data: dict[str, Any] = {} if self.create_child is None else {"createChildObject": self.create_child}
        data |= {"SubStreamId": self.sub_stream_id, "StatusId": int(self.status)}
        if self.manager_id is not None:
            data["ManagerId"] = self.manager_id
        return data | {"Content": dict(self.content), "User": self.user.as_data()}


@dataclass(frozen=True, slots=True)
class TemplateMessage:
    """One recipient's template. `phone` is E.164; `schedule` is aware and optional: without it, now."""

    ref: str
    phone: str
    template: TemplateContent
    schedule: datetime | None = None
    object_data: ObjectData | None = None

    def as_data(self) -> dict[str, Any]:
        """One item of the request's list."""
        data: dict[str, Any] = {
            "template_data": {
                "to": wire.phone_digits(self.phone),
                "template": {
                    "name": self.template.name,
                    "language": {"code": self.template.language},
                    "components": components(self.template),
                },
            }
        }
        if self.schedule is not None:
            data = {"schedule": wire.unix_seconds(self.schedule, "time to send"), **data}
        if self.object_data is not None:
            data["object_data"] = self.object_data.as_data()
        return data


def components(template: TemplateContent) -> list[dict[str, Any]]:
    """The parts of a template that hold values, in Meta's form.

    A footer, a quick reply, a call button and a fixed link hold none and are never sent; a link button with a
    variable and a button that copies a code get one `button` component each. The forms of places and codes are
    Meta's ("Template components"); Cirrus's documents show neither. Raises ConfigurationError for values that
    contradict each other.
    """
    if sum(map(bool, (template.header, template.header_media, template.header_place))) > 1:
        raise ConfigurationError("A template's header is either text or media, not both.")
    parts: list[dict[str, Any]] = []
    if template.header_media:
        parts.append({"type": "header", "parameters": [_media_parameter(template.header_media)]})
    elif template.header_place:
        place = {"type": "location", "location": asdict(template.header_place)}
        parts.append({"type": "header", "parameters": [place]})
    elif template.header:
        parts.append({"type": "header", "parameters": _texts("header", template.header, template.header_names)})
    if template.body:
        parts.append({"type": "body", "parameters": _texts("body", template.body, template.body_names)})
    for index, value in sorted(template.buttons.items()):
        parts.append({"type": "button", "index": index, **_button_value(value, is_code=index in template.codes)})
    return parts


def _texts(part: str, values: tuple[str, ...], names: tuple[str, ...]) -> list[dict[str, str]]:
    if names and len(names) != len(values):
        raise ConfigurationError(f"The template's {part} needs as many names as values.")
    return [_text_parameter(value, name) for value, name in zip(values, names or ("",) * len(values), strict=True)]


def _button_value(value: str, *, is_code: bool) -> dict[str, Any]:
    if is_code:
        return {"sub_type": "copy_code", "parameters": [{"type": "coupon_code", "coupon_code": value}]}
    return {"sub_type": "url", "parameters": [_text_parameter(value)]}


def _text_parameter(value: str, name: str = "") -> dict[str, str]:
    return {"type": "text", **({"parameter_name": name} if name else {}), "text": value}


def _media_parameter(media: Media) -> dict[str, Any]:
    if media.kind not in MEDIA_KINDS:
        raise ConfigurationError(f"A template's header can hold an image, a video or a document, not {media.kind!r}.")
    if bool(media.link) == bool(media.external_id):
        raise ConfigurationError("A file in a template's header needs a link or the id of an upload, one of the two.")
    if media.link and not media.link.startswith("https://"):
        raise ConfigurationError("The link of a file in a template's header must begin with https://.")
    source = {"link": media.link} if media.link else {"id": media.external_id}
    if media.kind == "document" and media.filename:
        source["filename"] = media.filename
    return {"type": media.kind, media.kind: source}


@dataclass(frozen=True, slots=True)
class SendTemplates(Operation[SendResult]):
    """POST /v2/whatsapp/sendtemplatedmessage/{encrypted stream id} for 1 to 20 different numbers.

    The result has one entry per message, in our order. HTTP 206 is a success with refusals in it; a refused
    request (400) that names its recipients keeps each one's own words.
    """

    stream_id: str
    messages: tuple[TemplateMessage, ...]

    def build_request(self, account: Account) -> Request:
        count = len(self.messages)
        if not 1 <= count <= MOST_RECIPIENTS:
            raise ConfigurationError(
                f"One WhatsApp request takes 1 to {MOST_RECIPIENTS} recipients and this one has {count}: split it."
            )
        if len({wire.phone_digits(message.phone) for message in self.messages}) != count:
            raise ConfigurationError("A phone number appears twice in one WhatsApp request: send to it once.")
        stream = wire.path_id(self.stream_id, "encrypted stream id")
        data = [message.as_data() for message in self.messages]
        return wire.post(account, f"v2/whatsapp/sendtemplatedmessage/{stream}", data)

    def parse_response(self, answer: Answer) -> SendResult:
        try:
            answered = wire.answered_records(answer)
        except Refused as refusal:
            answered = _records_of_refusal(answer)
            if not answered:
                raise
            unnamed = RecipientResult("", Outcome.REFUSED, code=refusal.code, text=refusal.text)
        else:
            unnamed = RecipientResult(
                "", Outcome.UNCONFIRMED, code="missing_in_answer", text="The answer does not mention this number."
            )
        by_number: dict[str, list[Fields]] = defaultdict(list)
        for item in answered:
            by_number[_comparable(item.text("recipient"))].append(item)
        return SendResult(
            tuple(_result(message, by_number[_comparable(message.phone)], unnamed) for message in self.messages)
        )


def _records_of_refusal(answer: Answer) -> list[Fields]:
    return [item for item in as_records(wire.readable_body(answer).raw("data")) if item.has("recipient")]


def _comparable(number: str) -> str:
    return re.sub(r"[^0-9]", "", number).removeprefix("00")


def _result(message: TemplateMessage, items: list[Fields], unnamed: RecipientResult) -> RecipientResult:
    if not items:
        return RecipientResult(message.ref, unnamed.outcome, code=unnamed.code, text=unnamed.text)
    item = items[0]
    status, failed = item.number("status"), item.text("failed")
    if len(items) > 1:
        return _unclear(message, "The answer mentions this number more than once.")
    if status is not None and 200 <= status < 300 and not failed:
        ids = {"external_id": item.text("id"), "conversation_id": item.text("object_id")}
        return RecipientResult(message.ref, Outcome.ACCEPTED, **ids)
    if status == 429:
        return RecipientResult(message.ref, Outcome.RETRY, code="throttled", text=failed)
    if failed if status is None else 400 <= status < 500:
        return RecipientResult(message.ref, Outcome.REFUSED, code=refusal_code(failed), text=failed)
    return _unclear(message, failed or "The answer about this number is unclear.")


def _unclear(message: TemplateMessage, text: str) -> RecipientResult:
    return RecipientResult(message.ref, Outcome.UNCONFIRMED, code="unclear_answer", text=text)


@dataclass(frozen=True, slots=True)
class UploadMedia(Operation[UploadedMedia]):
    """POST /whatsapp/uploadmedia/{encrypted stream id}: multipart, the part is called `pic` for any kind of file."""

    stream_id: str
    filename: str
    content: bytes
    content_type: str

    def build_request(self, account: Account) -> Request:
        stream = wire.path_id(self.stream_id, "encrypted stream id")
        if not _CONTENT_TYPE.fullmatch(self.content_type):
            raise ConfigurationError("The file's type is not known: give one like image/jpeg.")
        part = (self.filename.replace("\\", "/").rpartition("/")[2] or "file", self.content, self.content_type)
        body, content_type = encode_multipart_formdata({"pic": part})
        headers = {**wire.headers(account), "Content-Type": content_type}
        return Request("POST", f"{account.base_url}/whatsapp/uploadmedia/{stream}", headers, body)

    def parse_response(self, answer: Answer) -> UploadedMedia:
        for item in wire.answered_records(answer):
            if item.text("id"):
                return UploadedMedia(item.text("filename") or self.filename, item.text("id"))
        raise Unconfirmed("The answer names no id of the file.", code="unreadable_answer", answer=answer)


@dataclass(frozen=True, slots=True)
class ValidateContact(Operation[bool]):
    """GET /whatsapp/validatecontact/{encrypted stream id}/{phone}: is the number on WhatsApp?

    The document warns that checking many numbers without writing to them leads to a ban.
    """

    stream_id: str
    phone: str

    def build_request(self, account: Account) -> Request:
        stream = wire.path_id(self.stream_id, "encrypted stream id")
        return wire.get(account, f"whatsapp/validatecontact/{stream}/{wire.phone_digits(self.phone)}")

    def parse_response(self, answer: Answer) -> bool:
        for item in wire.answered_records(answer):
            valid = item.raw("valid")
            if isinstance(valid, bool) or clean_text(valid).lower() in ("true", "false"):
                return item.flag("valid")
        raise Unconfirmed(
            "The answer does not say whether the number is valid.", code="unreadable_answer", answer=answer
        )
