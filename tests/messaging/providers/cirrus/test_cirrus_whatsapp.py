"""Templates V2, uploads and the check of a number."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import HTTP

import pytest

from messaging.errors import ConfigurationError, Refused, Unconfirmed
from messaging.providers.cirrus import ObjectData, SendTemplates, TemplateMessage, UploadMedia, ValidateContact
from messaging.providers.cirrus.records import UserDetails
from messaging.providers.cirrus.whatsapp import components
from messaging.types import Answer, Media, Outcome, RecipientResult, TemplateContent, UploadedMedia

STREAM = "hNyRN_fLUy7rrOrN9jLpipA=="
QUOTED = "hNyRN_fLUy7rrOrN9jLpipA%3D%3D"
HELLO = TemplateContent("hello", "en_GB")
ADA = TemplateMessage("m-1", "+12025550143", HELLO)
BEN = TemplateMessage("m-2", "+12025550144", HELLO)
BOTH = SendTemplates(STREAM, (ADA, BEN))


def numbered(count: int) -> tuple[TemplateMessage, ...]:
    return tuple(TemplateMessage(f"m-{n}", f"+120255501{n:02}", HELLO) for n in range(count))


def test_two_recipients_with_everything_and_with_nothing(account, payload):
    full = TemplateMessage(
        "m-1",
        "+12025550143",
        TemplateContent(
            "Delivery & Return",
            "en",
            header_media=Media("image", link="https://files.example.com/box.png"),
            body=("Ada", "tomorrow"),
            buttons={0: "orders/17"},
        ),
        schedule=datetime(2025, 2, 12, 12, 56, 50, tzinfo=UTC),
        object_data=ObjectData(
            UserDetails("12025550143", "ada@example.com", "Ada", "Quinn", "01234567", "Returning customer"),
            sub_stream_id=12,
            manager_id=78121,
            content={"ref": "m-1"},
        ),
    )
    request = SendTemplates(STREAM, (full, BEN)).build_request(account)

    assert request.method == "POST"
    assert request.url == f"https://api.commbox.io/v2/whatsapp/sendtemplatedmessage/{QUOTED}"
    assert request.headers == {"Authorization": "Bearer k-123", "Content-Type": "application/json"}
    assert request.json == json.loads(payload("request_templates.json"))


@pytest.mark.parametrize(
    ("media", "parameter"),
    [
        (Media("image", external_id="2572506168"), {"type": "image", "image": {"id": "2572506168"}}),
        (Media("video", external_id="2572506168"), {"type": "video", "video": {"id": "2572506168"}}),
        (
            Media("video", link="https://x.example/v.mp4"),
            {"type": "video", "video": {"link": "https://x.example/v.mp4"}},
        ),
        (
            Media("document", link="https://x.example/a.pdf", filename="Invoice.pdf"),
            {"type": "document", "document": {"link": "https://x.example/a.pdf", "filename": "Invoice.pdf"}},
        ),
        (
            Media("document", external_id="77", filename="Invoice.pdf"),
            {"type": "document", "document": {"id": "77", "filename": "Invoice.pdf"}},
        ),
    ],
)
def test_media_in_the_header_by_link_or_by_id(media, parameter):
    assert components(replace(HELLO, header_media=media)) == [{"type": "header", "parameters": [parameter]}]


def test_text_in_the_header_and_names_in_the_body():
    template = replace(HELLO, header=("Ada",), body=("17", "noon"), body_names=("order", "time"))

    assert components(template) == [
        {"type": "header", "parameters": [{"type": "text", "text": "Ada"}]},
        {
            "type": "body",
            "parameters": [
                {"type": "text", "parameter_name": "order", "text": "17"},
                {"type": "text", "parameter_name": "time", "text": "noon"},
            ],
        },
    ]


def test_buttons_keep_their_index_and_a_code_template_carries_it_twice():
    assert components(replace(HELLO, body=("4711",), buttons={2: "b", 0: "4711"}))[1:] == [
        {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "4711"}]},
        {"type": "button", "sub_type": "url", "index": 2, "parameters": [{"type": "text", "text": "b"}]},
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"header": ("a",), "header_media": Media("image", external_id="1")}, "not both"),
        ({"body": ("a", "b"), "body_names": ("one",)}, "as many names"),
        ({"header_media": Media("audio", external_id="1")}, "an image, a video or a document"),
        ({"header_media": Media("image")}, "a link or the id"),
        ({"header_media": Media("image", link="https://x.example/a.png", external_id="1")}, "a link or the id"),
        ({"header_media": Media("image", link="http://x.example/a.png")}, "https://"),
    ],
)
def test_values_that_contradict_each_other_are_refused_before_sending(account, changes, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        SendTemplates(STREAM, (replace(ADA, template=replace(HELLO, **changes)),)).build_request(account)


def test_twenty_recipients_fit_and_not_one_more(account):
    assert len(SendTemplates(STREAM, numbered(20)).build_request(account).json["data"]) == 20
    for count in (0, 21):
        with pytest.raises(ConfigurationError, match=f"1 to 20 recipients and this one has {count}"):
            SendTemplates(STREAM, numbered(count)).build_request(account)


def test_one_number_twice_is_refused_because_the_answer_could_not_be_told_apart(account):
    with pytest.raises(ConfigurationError, match="twice"):
        SendTemplates(STREAM, (ADA, replace(BEN, phone=ADA.phone))).build_request(account)


def test_a_time_without_a_zone_is_refused(account):
    with pytest.raises(ConfigurationError, match="time zone"):
        SendTemplates(STREAM, (replace(ADA, schedule=datetime(2026, 1, 1)),)).build_request(account)  # noqa: DTZ001


def test_answers_match_in_any_order_and_any_writing_of_the_number(answered):
    assert BOTH.parse_response(answered("answer_200_templates.json")).results == (
        RecipientResult("m-1", Outcome.ACCEPTED, external_id="wamid.HBgL", conversation_id="38383744"),
        RecipientResult("m-2", Outcome.ACCEPTED, external_id="gBEGlyVGZjUpAgmyuqAHfxbHmnQ"),
    )


def test_206_accepts_one_and_refuses_the_other_in_their_words(answered):
    assert BOTH.parse_response(answered("answer_206_templates.json")).results == (
        RecipientResult("m-1", Outcome.ACCEPTED, external_id="gBEGlyVGZjUpAgmyuqAHfxbHmnQ", conversation_id="38383744"),
        RecipientResult("m-2", Outcome.REFUSED, code="not_on_whatsapp", text="invalid — Not a valid WhatsApp user"),
    )


def test_a_recipient_that_the_answer_forgets_is_unconfirmed(answered):
    cyd = replace(BEN, ref="m-3", phone="+12025550145")
    results = SendTemplates(STREAM, (cyd, ADA)).parse_response(answered("answer_206_templates.json")).results

    assert [(result.ref, result.outcome) for result in results] == [
        ("m-3", Outcome.UNCONFIRMED),
        ("m-1", Outcome.ACCEPTED),
    ]
    assert results[0].code == "missing_in_answer"


@pytest.mark.parametrize("status", [400, 200])
def test_400_refuses_all_and_keeps_each_recipients_own_words(answered, status):
    """The envelope says 400; over HTTP it may come as 400 or as 200."""
    assert BOTH.parse_response(answered("answer_400_templates.json", status=status)).results == (
        RecipientResult("m-1", Outcome.REFUSED, code="not_on_whatsapp", text="invalid — Not a valid WhatsApp user"),
        RecipientResult("m-2", Outcome.REFUSED, code="missing_parameter", text="Missing parameter template_name"),
    )


def test_400_without_recipients_is_raised(answered):
    with pytest.raises(Refused, match="Object not found"):
        BOTH.parse_response(answered("answer_400_object_not_found.json"))


@pytest.mark.parametrize(
    ("items", "outcome"),
    [
        ([{"recipient": "12025550143", "status": 200, "id": "a", "failed": "but no"}], Outcome.UNCONFIRMED),
        ([{"recipient": "12025550143", "id": "a"}], Outcome.UNCONFIRMED),
        ([{"recipient": "12025550143", "status": "sure", "id": "a"}], Outcome.UNCONFIRMED),
        ([{"recipient": "12025550143", "status": 500, "failed": "oh"}], Outcome.UNCONFIRMED),
        ([{"recipient": "12025550143", "status": True}], Outcome.UNCONFIRMED),
        ([{"recipient": "12025550143", "status": 429, "failed": "slower"}], Outcome.RETRY),
        ([{"recipient": "12025550143", "failed": "no"}], Outcome.REFUSED),
        ([{"recipient": "12025550143", "status": 400}], Outcome.REFUSED),
        ([{"recipient": "0012025550143", "status": 200, "id": "a"}], Outcome.ACCEPTED),
        ([{"Recipient": "12025550143", "Status": 200, "ID": "a"}], Outcome.ACCEPTED),
        (
            [{"recipient": "12025550143", "status": 200, "id": "a"}, {"recipient": 12025550143, "status": 400}],
            Outcome.UNCONFIRMED,
        ),
        (["12025550143", None, 7, {"recipient": {}}], Outcome.UNCONFIRMED),
        ([], Outcome.UNCONFIRMED),
    ],
)
def test_what_one_item_proves(items, outcome):
    body = json.dumps({"status": 206, "description": "", "data": items}).encode()

    assert [r.outcome for r in SendTemplates(STREAM, (ADA,)).parse_response(Answer(206, {}, body)).results] == [outcome]


def test_upload_is_multipart_with_a_part_called_pic(account):
    request = UploadMedia(STREAM, 'C:\\clips\\a "b".mp4', b"\x00\x01film", "video/mp4").build_request(account)
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body, policy=HTTP).get_payload()

    assert request.method == "POST"
    assert request.url == f"https://api.commbox.io/whatsapp/uploadmedia/{QUOTED}"
    assert set(request.headers) == {"Authorization", "Content-Type"}
    assert len(parts) == 1
    assert parts[0].get_param("name", header="content-disposition") == "pic"
    assert parts[0].get_filename() == "a %22b%22.mp4"
    assert parts[0].get_content_type() == "video/mp4"
    assert parts[0].get_payload(decode=True) == b"\x00\x01film"


@pytest.mark.parametrize("content_type", ["", "jpeg", "image/jpeg\r\nX-Evil: 1", "image/jpeg; charset=x"])
def test_upload_with_a_type_that_is_none_is_refused(account, content_type):
    with pytest.raises(ConfigurationError, match="type"):
        UploadMedia(STREAM, "a.jpg", b"x", content_type).build_request(account)


def test_an_uploaded_file_has_an_id(answered):
    upload = UploadMedia(STREAM, "a.mp4", b"x", "video/mp4")

    assert upload.parse_response(answered("answer_200_uploaded.json")) == UploadedMedia(
        "video_sample.mp4", "257250616863050"
    )
    with pytest.raises(Unconfirmed):
        upload.parse_response(answered("answer_200_done.json"))


def test_validate_contact(account, answered):
    operation = ValidateContact(STREAM, "+12025550143")
    request = operation.build_request(account)

    assert request.method == "GET"
    assert request.url == f"https://api.commbox.io/whatsapp/validatecontact/{QUOTED}/12025550143"
    assert request.headers == {"Authorization": "Bearer k-123"}
    assert request.body == b""
    assert operation.parse_response(answered("answer_200_valid.json")) is True
    assert operation.parse_response(answered("answer_200_not_valid.json")) is False
    assert operation.parse_response(Answer(200, {}, b'{"status":"200","data":{"Valid":"true"}}')) is True
    with pytest.raises(Unconfirmed):
        operation.parse_response(Answer(200, {}, b'{"status":200,"data":{"valid":"perhaps"}}'))
