"""Bulk SMS: the request against the document's example, and every documented answer and error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from messaging.errors import ConfigurationError, Refused, Unconfirmed, UnsupportedFeature
from messaging.providers.base import Account
from messaging.providers.webex_interact import BulkSms, Group, WebexInteract
from messaging.types import (
    Answer,
    Channel,
    OutboundMessage,
    Outcome,
    Recipient,
    StreamConfig,
    TemplateContent,
)

Answered = Callable[..., Answer]

STREAM = StreamConfig(Channel.SMS, sender="FERNHILL")
AMY = Recipient("ref-amy", "+447810000001")
BEN = Recipient("ref-ben", "+447810000002")
CAT = Recipient("ref-cat", "+447810000003")
SEND_AT = datetime(2025, 1, 18, 2, 20, 20, tzinfo=UTC)


def bulk(**changes: object) -> BulkSms:
    return replace(BulkSms(sender="FERNHILL", to=(Group(("+447810000001",)),), body="Hello"), **changes)


def results(recipients: tuple[Recipient, ...], *, answer: object) -> dict[str, tuple[Outcome, str, str, str]]:
    """What each reference came to: outcome, the provider's id, our code, the words."""
    operation = WebexInteract.plan(OutboundMessage("text", recipients, body="Hello"), STREAM)
    sent = operation.parse_response(Answer(200, {}, json.dumps(answer).encode()))
    return {found.ref: (found.outcome, found.external_id, found.code, found.text) for found in sent.results}


def queued(phone: str, number: int) -> dict[str, object]:
    return {"transaction_id": f"tid_{number}", "to": phone, "status": "queued", "code": 1001}


class TestTheRequest:
    def test_of_the_documents_example(self, account: Account, payload: Callable[[str], bytes]) -> None:
        operation = BulkSms(
            sender="WxInteract",
            to=(
                Group(("+4474512XXXXX", "+919999999999"), "corr_id_1", {"count": "first", "date": "15th Jan, 2025"}),
                Group(
                    ("+4474532XXXXX",),
                    "corr_id_2",
                    {"firstname": "Mark", "count": "second", "date": "20th Jan, 2025"},
                ),
            ),
            body="Hello ${firstname},/nyour ${count} service is due by ${date}. Contact us on ${phone} to schedule an "
            "appointment.",
            global_merge_fields={"firstname": "user", "phone": "+447709873XXX"},
            send_at=SEND_AT,
            valid_until=datetime(2025, 1, 18, 22, 22, 22, tzinfo=UTC),
        )
        request = operation.build_request(account)
        assert (request.method, request.url) == ("POST", "https://api.webexinteract.com/v1/sms")
        assert request.headers == {
            "X-AUTH-KEY": "aky_2rLDt24N3TpQklpvfI6qN9rwHa0",
            "Content-Type": "application/json",
        }
        assert request.json == json.loads(payload("request_two_groups"))

    def test_with_a_stored_template_has_no_text(self, account: Account) -> None:
        request = bulk(body="", template_id="stp_2alB8n4k3BuCjOumRddxXiaA97M").build_request(account)
        assert request.json == {
            "template_id": "stp_2alB8n4k3BuCjOumRddxXiaA97M",
            "from": "FERNHILL",
            "to": [{"phone": ["+447810000001"]}],
        }

    def test_writes_times_in_utc_under_the_name_the_stream_wants(self, account: Account) -> None:
        in_cairo = datetime(2025, 1, 18, 4, 20, 20, 999, tzinfo=timezone(timedelta(hours=2)))
        for key in ("send_at", "schedule_at"):
            stream = replace(STREAM, settings={"schedule_key": key})
            message = OutboundMessage("text", (AMY,), body="Hello", send_at=in_cairo)
            assert WebexInteract.plan(message, stream).build_request(account).json[key] == "2025-01-18T02:20:20Z"

    def test_of_a_plan_has_an_entry_for_each_number_with_our_reference(self, account: Account) -> None:
        ben = replace(BEN, fields={"firstname": "Ben"})
        request = WebexInteract.plan(OutboundMessage("text", (AMY, ben), body="Hi \u20ac"), STREAM).build_request(
            account
        )
        assert request.json == {
            "message_body": "Hi \u20ac",
            "from": "FERNHILL",
            "to": [
                {"phone": ["+447810000001"], "correlation_id": "ref-amy"},
                {"phone": ["+447810000002"], "correlation_id": "ref-ben", "merge_fields": {"firstname": "Ben"}},
            ],
        }

    def test_of_a_planned_template_names_the_one_template_of_all(self, account: Account) -> None:
        both = tuple(replace(person, template=TemplateContent("stp_1", "en")) for person in (AMY, BEN))
        request = WebexInteract.plan(OutboundMessage("template", both), STREAM).build_request(account)
        assert request.json["template_id"] == "stp_1"
        mixed = (both[0], replace(BEN, template=TemplateContent("stp_2", "en")))
        for people in (mixed, (AMY,)):
            with pytest.raises(ConfigurationError, match="the same stored template"):
                WebexInteract.plan(OutboundMessage("template", people), STREAM)

    def test_ten_thousand_numbers_fit_and_one_more_does_not(self, account: Account) -> None:
        full = Group(tuple(f"+4478100{number:05}" for number in range(9_999)))
        one, two = Group(("+447810000001",)), Group(("+447810000001", "+447810000002"))
        request = bulk(to=(full, one)).build_request(account)
        assert sum(len(entry["phone"]) for entry in request.json["to"]) == 10_000
        with pytest.raises(ConfigurationError, match="at most 10,000 numbers in one request, this one has 10,001"):
            bulk(to=(full, two)).build_request(account)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"body": ""}, "neither message_body nor template_id was provided"),
            ({"template_id": "stp_1"}, "both were provided, only one is allowed"),
            ({"to": ()}, "no phone numbers provided"),
            ({"to": (Group(("+447810000001",)), Group(()))}, "no phone numbers provided"),
            ({"sender": ""}, "The stream has no sender"),
            ({"schedule_key": "when"}, "send_at or schedule_at"),
            ({"send_at": SEND_AT.replace(tzinfo=None)}, "time to send has no time zone"),
            ({"valid_until": SEND_AT.replace(tzinfo=None)}, "has no time zone"),
            (
                {"send_at": SEND_AT, "valid_until": SEND_AT},
                "date must be in the future when compared to send_at",
            ),
            (
                {"send_at": SEND_AT, "valid_until": SEND_AT + timedelta(days=3, seconds=1)},
                "cannot be more than 3 days in the future",
            ),
        ],
    )
    def test_that_would_be_refused_is_not_built(self, account: Account, changes: dict[str, object], words: str) -> None:
        with pytest.raises(ConfigurationError, match=words):
            bulk(**changes).build_request(account)

    @pytest.mark.parametrize("key", ["", "two words", "line\r\nX-Evil: 1", "\u043a\u043b\u044e\u0447", "a\x00"])
    def test_needs_a_key_that_can_be_one(self, key: str) -> None:
        with pytest.raises(ConfigurationError, match="access key") as caught:
            bulk().build_request(Account("https://api.webexinteract.com", {"access_key": key}))
        assert key == "" or key not in str(caught.value)

    def test_is_for_texts_and_templates_by_sms_only(self) -> None:
        for kind, channel in (("opening", Channel.SMS), ("text", Channel.WHATSAPP)):
            with pytest.raises(UnsupportedFeature):
                WebexInteract.plan(OutboundMessage(kind, (AMY,), body="Hi"), StreamConfig(channel, sender="X"))


class TestTheAnswer:
    def test_with_everything_queued(self, answered: Answered) -> None:
        answer = bulk().parse_response(answered("answer_all_queued"))
        assert answer.request_id == "aps_2rLDt24N3TpQklpvfI6qN9rwHa0"
        assert [(item.phone, item.transaction_id, item.is_queued) for item in answer.messages] == [
            ("+4477416XXXXX", "tid_2rLDt3fdNu76JJPgsXWqn3OKxhU", True),
            ("+44756810XXXX", "tid_2rLDt0d3ulmMWi9wNtFdveMv5fR", True),
            ("+44756811XXXX", "tid_2rLDt61fNndzGYqg4N6LZEQQalO", True),
        ]
        assert answer.errors == ()

    def test_comes_over_the_wire(self, account: Account, provider_server, answered: Answered) -> None:
        provider_server.will_answer(answered("answer_all_queued"))
        provider = WebexInteract(replace(account, base_url=provider_server.url), provider_server.transport)
        order: list[int] = []
        answer = provider.send_sms(bulk(), on_wire=lambda: order.append(len(provider_server.requests)))
        assert answer == bulk().parse_response(answered("answer_all_queued"))
        assert order == [0]
        assert provider_server.requests[0].url == provider_server.url + "/v1/sms"

    def test_with_an_accepted_and_a_refused_number(self, answered: Answered) -> None:
        # The document masks digits with X; what is left of the accepted number is 447568104.
        good, bad = Recipient("ref-good", "+447568104"), Recipient("ref-bad", "+4477416325434477416325434")
        operation = WebexInteract.plan(OutboundMessage("text", (bad, good), body="Hello"), STREAM)
        sent = operation.parse_response(answered("answer_one_number_refused"))
        assert sent.request_id == "aps_2rLKYdhLyWHcWWfmVEQrskgn0vi"
        refused, accepted = sent.results
        assert (refused.ref, refused.outcome, refused.code) == ("ref-bad", Outcome.REFUSED, "number_not_reachable")
        assert refused.text == "Invalid phone number or unsupported region."
        assert (accepted.ref, accepted.outcome) == ("ref-good", Outcome.ACCEPTED)
        assert accepted.external_id == "tid_2rLKYZUnrY4OavlcuhKaGjPSbRs"

    def test_on_ten_thousand_numbers_written_as_in_the_document_fits_into_an_answer(
        self, account: Account, provider_server
    ) -> None:
        people = tuple(Recipient(f"ref-{number}", f"+4478100{number:05}") for number in range(10_000))
        items = [queued(person.phone, 10**26 + number) for number, person in enumerate(people)]
        whole = json.dumps({"request_id": "aps_1", "messages": items, "errors": []}, indent=4).encode()
        provider_server.will_answer(Answer(200, {}, whole))
        provider = WebexInteract(replace(account, base_url=provider_server.url), provider_server.transport)
        sent = provider.call(WebexInteract.plan(OutboundMessage("text", people, body="Hello"), STREAM))
        assert {found.outcome for found in sent.results} == {Outcome.ACCEPTED}

    def test_in_another_order_with_numbers_written_otherwise_and_one_missing(self) -> None:
        answer = {"request_id": "aps_1", "messages": [queued("44 7810 000003", 3), queued("00", 0)], "errors": None}
        answer["messages"] += [queued("+44-7810-000001", 1)]
        assert results((AMY, BEN, CAT), answer=answer) == {
            "ref-amy": (Outcome.ACCEPTED, "tid_1", "", ""),
            "ref-ben": (Outcome.UNCONFIRMED, "", "not_in_answer", "The answer does not name this number."),
            "ref-cat": (Outcome.ACCEPTED, "tid_3", "", ""),
        }

    def test_for_a_number_that_was_asked_for_twice(self) -> None:
        twin = replace(AMY, ref="ref-twin")
        found = results((AMY, twin), answer={"messages": [queued(AMY.phone, 1)]})
        assert [outcome for outcome, *_ in found.values()] == [Outcome.ACCEPTED, Outcome.UNCONFIRMED]

    @pytest.mark.parametrize(
        "item",
        [
            {"to": AMY.phone},
            {"to": AMY.phone, "status": "parked", "code": 1001},
            {"to": AMY.phone, "status": "queued", "code": 1009},
            {"to": AMY.phone, "status": "queued", "code": True},
            {"to": AMY.phone, "status": ["queued"], "code": 1001},
        ],
    )
    def test_with_a_status_that_no_document_knows_proves_nothing(self, item: dict[str, object]) -> None:
        outcome, _, code, text = results((AMY,), answer={"messages": [item]})["ref-amy"]
        assert (outcome, code) == (Outcome.UNCONFIRMED, "unknown_status")
        assert text

    def test_with_an_unknown_code_among_the_errors_is_a_refusal_in_their_words(self) -> None:
        errors = [{"to": AMY.phone, "status": "error", "code": 1044, "message": "Sender is asleep."}, {"to": BEN.phone}]
        assert results((AMY, BEN), answer={"messages": [], "errors": errors}) == {
            "ref-amy": (Outcome.REFUSED, "", "refused", "Sender is asleep."),
            "ref-ben": (Outcome.REFUSED, "", "refused", "Code 0"),
        }

    def test_keeps_no_text_that_a_database_cannot_hold(self) -> None:
        errors = [{"to": AMY.phone, "status": "error", "code": 1002, "message": "a\x00b\ud800c"}]
        assert results((AMY,), answer={"errors": errors})["ref-amy"][3] == "ab?c"

    @pytest.mark.parametrize(
        "body",
        [b"", b"null", b"[]", b"{}", b'{"messages": []}', b'{"messages": {"a": 1}}', b"<html>", b'{"messages": NaN}'],
    )
    def test_that_cannot_be_read_leaves_everybody_unconfirmed(self, body: bytes) -> None:
        with pytest.raises(Unconfirmed) as caught:
            bulk().parse_response(Answer(200, {}, body))
        assert caught.value.code == "unreadable_answer"


class TestRefusals:
    CASES = (
        ("no_text_and_no_template", "text_missing", "neither message_body nor template_id was provided"),
        ("text_and_template", "text_and_template", "both were provided, only one is allowed."),
        (
            "no_phone_numbers",
            "recipients_missing",
            "invalid recipients object format, no phone numbers provided.",
        ),
        ("schedule_in_past", "schedule_in_past", "date must be in the future"),
        ("schedule_too_far", "schedule_too_far", "date cannot be more than 7 days in the future"),
        ("validity_too_long", "validity_too_long", "date cannot be more than 3 days in the future"),
        (
            "validity_before_schedule",
            "validity_before_schedule",
            "date must be in the future when compared to send_at ",
        ),
    )

    @pytest.mark.parametrize("status", [400, 200])
    @pytest.mark.parametrize(("case", "code", "words"), CASES)
    def test_every_documented_one(self, answered: Answered, status: int, case: str, code: str, words: str) -> None:
        answer = answered(f"error_{case}", status)
        with pytest.raises(Refused) as caught:
            WebexInteract.plan(OutboundMessage("text", (AMY,), body="Hello"), STREAM).parse_response(answer)
        assert (caught.value.code, caught.value.text, caught.value.answer) == (code, words, answer)

    @pytest.mark.parametrize(
        ("errors", "code", "words"),
        [
            ([{"field": "schedule_at", "message": "date must be in the future"}], "schedule_in_past", None),
            ([{"field": "to[17].phone", "message": "no phone numbers provided"}], "recipients_missing", None),
            ([{"field": "from", "message": "not yours"}], "sender_refused", None),
            ([{"field": "merge_fields", "message": "x"}], "merge_fields_refused", None),
            ([{"field": "to[2].merge_fields", "message": "x"}], "merge_fields_refused", None),
            ([{"field": "template_id", "message": "x"}], "template_refused", None),
            ([{"field": "valid_until", "message": "date must be in the future"}], "validity_in_past", None),
            ([{"field": "colour", "message": "x"}], "field_refused", None),
            ([{"field": "colour", "message": "x"}, {"field": "from", "message": "y"}], "sender_refused", "x; y"),
            ([{"message": "no field here"}], "refused", None),
            ([{"field": ["from"], "message": {"a": 1}}], "field_refused", "HTTP 400"),
            ("nonsense", "refused", "HTTP 400"),
            (["nonsense"], "refused", "HTTP 400"),
        ],
    )
    def test_others_keep_their_words(self, errors: object, code: str, words: str | None) -> None:
        with pytest.raises(Refused) as caught:
            bulk().parse_response(Answer(400, {}, json.dumps({"errors": errors}).encode()))
        expected = words or errors[0]["message"]
        assert (caught.value.code, caught.value.text) == (code, expected)
