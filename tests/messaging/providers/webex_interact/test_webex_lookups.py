"""Account, senders, scheduled requests, and the connection test over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from messaging.errors import ConfigurationError, CredentialsRefused, Refused, Unconfirmed
from messaging.providers.base import Account
from messaging.providers.webex_interact import WebexInteract
from messaging.providers.webex_interact.lookups import (
    CancelScheduled,
    GetAccount,
    InteractAccount,
    ListScheduled,
    ListSenders,
    Page,
    ScheduledRequest,
    Sender,
)
from messaging.types import Answer, Channel, Limits

Answered = Callable[..., Answer]
KEY = {"X-AUTH-KEY": "aky_2rLDt24N3TpQklpvfI6qN9rwHa0"}
JANUARY = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


@pytest.fixture
def provider(provider_server, account: Account) -> WebexInteract:
    return WebexInteract(Account(provider_server.url, account.credentials), provider_server.transport)


class TestAccount:
    def test_the_request(self, account: Account) -> None:
        request = GetAccount().build_request(account)
        assert (request.method, request.url) == ("GET", "https://api.webexinteract.com/identity/v1/account")
        assert (request.headers, request.body) == (KEY, b"")

    def test_the_answer(self, answered: Answered) -> None:
        assert GetAccount().parse_response(answered("account")) == InteractAccount(
            uid="acc_2Qpy74qWGaBcDeFBEXa72L",
            status="VERIFIED",
            home_region="UK",
            time_zone="en_GB",
            currency="GBP",
            balance="1000",
            created_at=datetime(2024, 7, 19, 15, 28, 58, tzinfo=UTC),
        )

    def test_a_balance_with_pence_and_an_account_without_dates(self) -> None:
        found = GetAccount().parse_response(Answer(200, {}, b'{"account_uid": "acc_1", "account_balance": 12.5}'))
        assert (found.balance, found.created_at) == ("12.5", None)

    @pytest.mark.parametrize("body", [b"{}", b"[]", b"", b'{"account_uid": null}'])
    def test_an_answer_that_is_none(self, body: bytes) -> None:
        with pytest.raises(Unconfirmed):
            GetAccount().parse_response(Answer(200, {}, body))


class TestSenders:
    def test_the_request(self, account: Account) -> None:
        request = ListSenders(2, 50).build_request(account)
        assert request.method == "GET"
        assert request.url == "https://api.webexinteract.com/assets/v1/senders?page_number=2&page_size=50"
        assert (request.headers, request.body) == (KEY, b"")

    @pytest.mark.parametrize(("number", "size"), [(0, 25), (1, 0), (1, 101)])
    def test_a_page_that_cannot_be(self, account: Account, number: int, size: int) -> None:
        with pytest.raises(ConfigurationError):
            ListSenders(number, size).build_request(account)

    def test_the_answer(self, answered: Answered) -> None:
        found = ListSenders().parse_response(answered("senders_page_1_of_2"))
        assert found.page == Page(current_page=1, total_items=3, total_pages=2)
        assert found.items == (
            Sender("ssd_35T5b3cQmfqTu6jcedrdVcSmNHr", "FERNHILL", "ACTIVE"),
            Sender("num_35T5b3cQmfqTu6jcedrdVcSmNHs", "+447810000009", "ACTIVE"),
        )

    def test_all_pages_are_read(self, provider: WebexInteract, provider_server, answered: Answered) -> None:
        provider_server.will_answer(answered("senders_page_1_of_2"), answered("senders_page_2_of_2"))
        assert [sender.name for sender in provider.senders()] == ["FERNHILL", "+447810000009", "WxInteract"]
        assert [request.url.partition("?")[2] for request in provider_server.requests] == [
            "page_number=1&page_size=100",
            "page_number=2&page_size=100",
        ]

    @pytest.mark.parametrize("body", [b'{"items": [], "paging": {"total_pages": 9}}', b'{"items": [{}], "paging": []}'])
    def test_reading_ends_where_pages_end(self, provider: WebexInteract, provider_server, body: bytes) -> None:
        provider_server.will_answer(Answer(200, {}, body))
        assert len(list(provider.senders())) <= 1
        assert len(provider_server.requests) == 1


class TestScheduled:
    def test_the_request_by_id(self, account: Account) -> None:
        request = ListScheduled(id="aps_33NFW8JbaqWOoTZln2t4wQUIqGr").build_request(account)
        assert (request.method, request.url) == ("POST", "https://api.webexinteract.com/campaigns/v1/scheduled")
        assert request.headers == KEY | {"Content-Type": "application/json"}
        assert request.json == {
            "filter": {"id": "aps_33NFW8JbaqWOoTZln2t4wQUIqGr"},
            "page": {"page_number": 1, "page_size": 25},
        }

    def test_the_request_by_times_and_kinds(self, account: Account) -> None:
        search = ListScheduled(created=JANUARY, scheduled=JANUARY, statuses=("SCHEDULED",), request_types=("API",))
        assert search.build_request(account).json["filter"] == {
            "created_at_start": "2026-01-01T00:00:00Z",
            "created_at_end": "2026-02-01T00:00:00Z",
            "scheduled_at_start": "2026-01-01T00:00:00Z",
            "scheduled_at_end": "2026-02-01T00:00:00Z",
            "status": ["SCHEDULED"],
            "request_types": ["API"],
        }

    def test_an_id_or_a_range_is_needed(self, account: Account) -> None:
        with pytest.raises(ConfigurationError, match="id of a request or a range of dates"):
            ListScheduled(statuses=("SCHEDULED",)).build_request(account)

    def test_the_answer(self, provider: WebexInteract, provider_server, answered: Answered) -> None:
        provider_server.will_answer(answered("scheduled"))
        found = provider.list_scheduled(ListScheduled(scheduled=JANUARY))
        assert found.page == Page(1, 1, 1)
        assert found.items == (
            ScheduledRequest(
                id="aps_33NFW8JbaqWOoTZln2t4wQUIqGr",
                name="January Sale",
                kind="API",
                status="SCHEDULED",
                sender="FERNHILL",
                body="Hello",
                scheduled_at=datetime(2025, 12, 5, 12, 38, 16, tzinfo=UTC),
            ),
        )

    def test_cancelling(self, provider: WebexInteract, provider_server) -> None:
        provider_server.will_answer(Answer(204))
        provider.cancel_scheduled("aps_33NFW8JbaqWOoTZln2t4wQUIqGr")
        request = provider_server.requests[0]
        path = request.url.removeprefix(provider_server.url)
        assert (request.method, path) == ("DELETE", "/campaigns/v1/cancel/aps_33NFW8JbaqWOoTZln2t4wQUIqGr")
        assert (request.headers["x-auth-key"], request.body) == (KEY["X-AUTH-KEY"], b"")

    @pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (400, "not_cancellable")])
    def test_cancelling_what_cannot_be(self, status: int, code: str) -> None:
        with pytest.raises(Refused, match="not waiting") as caught:
            CancelScheduled("aps_1").parse_response(Answer(status, {}, b'{"errors": [{"message": "not waiting"}]}'))
        assert caught.value.code == code

    @pytest.mark.parametrize("bad", ["", "../../x", "a/b", "a?b=1", "a#b", "a%2fb", "a b", "x" * 101, "a\n"])
    def test_an_id_that_could_change_the_path_is_not_sent(self, account: Account, bad: str) -> None:
        with pytest.raises(ConfigurationError, match="request id"):
            CancelScheduled(bad).build_request(account)
        if bad:
            with pytest.raises(ConfigurationError, match="request id"):
                ListScheduled(id=bad).build_request(account)


class TestTheConnectionTest:
    def test_a_good_account(self, provider: WebexInteract, provider_server, answered: Answered) -> None:
        provider_server.will_answer(answered("account"))
        health = provider.check()
        assert health.ok
        assert health.sentence == "Webex Interact accepts the key of account acc_2Qpy74qWGaBcDeFBEXa72L."
        assert health.details == {
            "account": "acc_2Qpy74qWGaBcDeFBEXa72L",
            "status": "VERIFIED",
            "balance": "1000 GBP",
        }

    def test_a_trial_account_cannot_send(self, provider: WebexInteract, provider_server, payload) -> None:
        provider_server.will_answer(Answer(200, {}, payload("account").replace(b"VERIFIED", b"Trial")))
        health = provider.check()
        assert not health.ok
        assert "has not approved this account for sending" in health.sentence

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (Answer(401, {}, b'{"errors": [{"message": "invalid access token"}]}'), "does not accept the access key"),
            (Answer(404, {}, b"<html>"), "HTTP 404"),
            (Answer(500), "HTTP 500"),
            (Answer(200, {}, b"<html>"), "could not be read"),
        ],
    )
    def test_what_is_wrong_is_said(self, provider: WebexInteract, provider_server, answer: Answer, words: str) -> None:
        provider_server.will_answer(answer)
        health = provider.check()
        assert not health.ok
        assert words in health.sentence

    def test_a_refused_key_is_told_from_a_refused_message(self) -> None:
        with pytest.raises(CredentialsRefused, match="invalid access token"):
            GetAccount().parse_response(Answer(401, {}, b'{"errors": [{"message": "invalid access token"}]}'))


def test_limits() -> None:
    assert WebexInteract.limits(Channel.SMS) == Limits(
        recipients_per_request=10_000, schedule_days=7, validity_days=3, unicode_part=63, merges_fields=True
    )
