"""Reading conversations: the whole request, and answers in every shape they are known to come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from messaging.errors import ConfigurationError, Refused, Unconfirmed
from messaging.providers.cirrus import GetObject, GetTranscript, ListActivities, ListObjects, SystemStatus
from messaging.providers.cirrus.fields import read_content, read_moment
from messaging.providers.cirrus.words import ActivityType, ObjectStatus, StreamProviderType, refusal_code
from messaging.types import Answer

BASE = "https://api.commbox.io"
NINE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ONE = GetObject("532", "293854")


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (ONE, "streams/532/objects/293854?includeChilds=true"),
        (GetObject("a==", "9", include_children=False), "streams/a%3D%3D/objects/9"),
        (
            GetObject("5", "9", include_activity_log=True),
            "streams/5/objects/9?includeChilds=true&includeActivityLog=true",
        ),
        (ListActivities("56575395", ActivityType.REMARK), "objects/56575395/activities?activityType=1"),
        (GetTranscript("532", "293854"), "streams/532/objects/293854/transcript"),
        (SystemStatus(), "core/systemstatus"),
        (
            ListObjects("532", since=NINE, until=NINE.astimezone(timezone(timedelta(hours=9))) + timedelta(minutes=5)),
            "streams/532/objects?unixStartTime=1772355600&unixEndTime=1772355900&includeChilds=true&pageSize=100",
        ),
        (
            ListObjects(
                "532", identity_id="+12025550143", identity_type=StreamProviderType.WHATSAPP, page=2, page_size=50
            ),
            "streams/532/objects?identityStreamProviderId=12025550143&identityStreamProviderType=7"
            "&includeChilds=true&pageNumber=2&pageSize=50",
        ),
        (
            ListObjects(
                "532",
                user_identity_id="100000000419660",
                sub_stream_id="12",
                statuses=(ObjectStatus.OPEN, ObjectStatus.PENDING),
                sort="asc",
                order="updatedtime",
                page=0,
                include_children=False,
                include_activity_log=True,
            ),
            "streams/532/objects?userIdentityId=100000000419660&subStream=12&status=1%2C15&sort=asc&order=updatedtime"
            "&includeActivityLog=true&pageNumber=0&pageSize=100",
        ),
    ],
)
def test_requests(account, operation, path):
    request = operation.build_request(account)

    assert request.method == "GET"
    assert request.url == f"{BASE}/{path}"
    assert request.headers == {"Authorization": "Bearer k-123"}
    assert request.body == b""


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (ListObjects("532"), "within a window or of one customer"),
        (ListObjects("532", since=NINE), "both ends"),
        (ListObjects("532", since=NINE, until=datetime(2026, 3, 1)), "time zone"),  # noqa: DTZ001
        (ListObjects("532", identity_id="1"), "both its id and its type"),
        (ListObjects("532", user_identity_id="1", page_size=101), "1 to 100 conversations a call, not 101"),
        (ListObjects("532", user_identity_id="1", page_size=0), "1 to 100"),
        (ListObjects("../x", user_identity_id="1"), "stream id"),
        (GetObject("532", "1?x=1"), "conversation's id"),
        (GetTranscript("532", ""), "conversation's id"),
    ],
)
def test_what_cirrus_would_refuse_is_refused_before_sending(account, query, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        query.build_request(account)


def test_object_with_children_and_log(answered):
    found = ONE.parse_response(answered("answer_200_object.json"))

    assert (found.id, found.stream_id, found.sub_stream_id) == ("1407374883872618", "532", "")
    assert (found.provider_id, found.provider_type) == ("12025550143", 7)
    assert (found.user_identity, found.user_provider_id, found.user_provider_type) == (
        "100000000419660",
        "12025550143",
        7,
    )
    assert (found.first_name, found.last_name, found.message) == ("Ada", "Quinn", "When will it arrive?")
    assert found.content == {"language": "en", "direction": "ltr"}
    assert found.created_at == datetime(2023, 9, 5, 8, 44, 20, tzinfo=UTC)
    assert found.updated_at == datetime(2025, 4, 15, 7, 23, 18, 479000, tzinfo=UTC)
    assert found.closed_at is None
    assert (found.status_id, found.status, found.manager_id) == (8, "open", "36197")
    assert (found.type, found.is_manager) == (4, False)

    customer = found.customer
    assert (customer.id, customer.unique_id, customer.phone1, customer.phone2) == (
        "1798715",
        "01234567",
        "12025550143",
        "",
    )
    assert (customer.email, customer.gender, customer.locale, customer.identities) == (
        "ada@example.com",
        "F",
        "en-US",
        2,
    )
    assert (customer.remarks, customer.content) == ("Returning customer", {})

    ours, theirs = found.children
    assert (ours.id, ours.object_id, ours.message, ours.ref) == (
        "2099754",
        "1407374883872618",
        "Tomorrow before noon.",
        "m-7",
    )
    assert (ours.is_manager, ours.manager_id, ours.author_id) == (True, "36197", "36574658")
    assert ours.created_at == datetime(2023, 9, 5, 8, 46, 1, 123456, tzinfo=UTC)
    assert (ours.identity.provider_id, ours.identity.provider_type, ours.identity.first_name) == (
        "sam@example.com",
        4,
        "Sam",
    )
    assert (theirs.is_manager, theirs.manager_id, theirs.ref) == (False, "", "")
    assert theirs.identity.provider_id == "12025550143"

    (activity,) = found.activities
    assert (activity.word, activity.text) == ("status_change", "Taken by Sam")


def test_object_as_the_document_prints_it_with_other_key_case_and_everything_text(answered):
    found = ONE.parse_response(answered("answer_200_object_as_printed.json", status=200))

    assert (found.id, found.stream_id, found.sub_stream_id) == ("294159", "532", "7")
    assert (found.status_id, found.status) == (99, "")
    assert found.closed_at == datetime(2017, 3, 26, 6, 36, 15, tzinfo=UTC)
    assert (found.is_manager, found.content) == (True, {"subject": "Delivery"})
    (child,) = found.children
    assert (child.id, child.message, child.content, child.is_manager) == ("2099753", "Hello", {}, False)


@pytest.mark.parametrize("operation", [ONE, GetTranscript("532", "293854")])
def test_nothing_found(answered, operation):
    with pytest.raises(Refused) as refused:
        operation.parse_response(answered("answer_200_nothing_found.json"))
    assert refused.value.code == "conversation_not_found"


def test_a_list_of_objects(answered):
    query = ListObjects("532", user_identity_id="1")

    assert [found.id for found in query.parse_response(answered("answer_200_object.json"))] == ["1407374883872618"]
    assert query.parse_response(answered("answer_200_nothing_found.json")) == ()
    assert query.parse_response(answered("answer_200_done.json")) == ()
    assert query.parse_response(Answer(200, {}, b'{"status":200,"data":[7,"x",{"message":"no id"}]}')) == ()


def test_activities(answered):
    remark, unknown = ListActivities("383591", ActivityType.REMARK).parse_response(
        answered("answer_200_activities.json")
    )

    assert (remark.object_id, remark.type_id, remark.word, remark.text) == (
        "383591",
        1,
        "remark",
        "Call back after lunch",
    )
    assert remark.details == {"text": "Call back after lunch"}
    assert (remark.first_name, remark.last_name, remark.identity_id) == ("Sam", "Okoro", "36574658")
    assert remark.created_at == datetime(2023, 9, 5, 8, 44, 20, tzinfo=UTC)
    assert (unknown.word, unknown.text, unknown.details) == ("77", "plain words", {})


def test_transcript_in_both_spellings_and_both_shapes(answered):
    operation = GetTranscript("532", "293854")
    listed = operation.parse_response(answered("answer_200_transcript_list.json"))
    single = operation.parse_response(answered("answer_200_transcript_object.json"))

    assert listed.text.startswith("\n[2/29/2024 12:20:25 PM] \nBot : \nWelcome")
    assert (listed.object_id, listed.stream_id, listed.sub_stream_id) == ("293854", "532", "")
    assert (listed.customer.phone1, listed.customer.first_name) == ("12025550143", "Ada")
    assert (single.text, single.sub_stream_id) == ("\nAda Quinn: \nhi", "4")


def test_system_status(answered):
    assert SystemStatus().parse_response(answered("answer_200_system_status.json")) == "System is operational"


@pytest.mark.parametrize("data", ["7", '"text"', "true"])
def test_data_of_a_wrong_type_is_unreadable(data):
    with pytest.raises(Unconfirmed):
        ONE.parse_response(Answer(200, {}, f'{{"status":200,"data":{data}}}'.encode()))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-08-06T07:51:52.2581942Z", datetime(2024, 8, 6, 7, 51, 52, 258194, tzinfo=UTC)),
        ("2023-09-05T08:44:20", datetime(2023, 9, 5, 8, 44, 20, tzinfo=UTC)),
        ("2023-09-05 08:44:20", datetime(2023, 9, 5, 8, 44, 20, tzinfo=UTC)),
        ("2025-04-15T07:23:18:479", datetime(2025, 4, 15, 7, 23, 18, 479000, tzinfo=UTC)),
        ("26-03-2017 06:36:15", datetime(2017, 3, 26, 6, 36, 15, tzinfo=UTC)),
        ("2023-09-05T08:44:20+03:00", datetime(2023, 9, 5, 5, 44, 20, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("31-02-2017 06:36:15", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        ({}, None),
        (1700000000, None),
    ],
)
def test_times(written, moment):
    assert read_moment(written) == moment


@pytest.mark.parametrize(
    ("written", "content"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": [1, "x\x00y"]}, {"a": [1, "xy"]}),
        ('{"a": NaN}', {"a": None}),
        ('{"a": "\\ud800"}', {"a": "?"}),
        ("[1]", {}),
        ("not json", {}),
        ("[" * 100_000, {}),
        (None, {}),
        (7, {}),
    ],
)
def test_content(written, content):
    assert read_content(written) == content


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("131026: Message undeliverable", "not_on_whatsapp"),
        ("(#131047) Re-engagement message", "window_closed"),
        ("failed — 131056 (Business Account, Consumer Account) pair rate limit hit", "whatsapp_too_fast"),
        ("131999 and 131042", "whatsapp_payment"),
        ("(#132000) Number of parameters does not match the expected number of params", "template_parameters"),
        ("(#132001) Template name does not exist in the translation", "template_unknown"),
        ("132015: Template is paused", "template_paused"),
        ("130472: User's number is part of an experiment", "whatsapp_kept_back"),
        ("131999 nobody knows this one", "refused"),
        ("Not a valid WhatsApp user, phone 441310261310", "not_on_whatsapp"),
        ("Call 13102612 back", "refused"),
        ("133000 is not one of them", "refused"),
    ],
)
def test_metas_numbers_say_more_than_the_words_around_them(text: str, code: str) -> None:
    assert refusal_code(text) == code
