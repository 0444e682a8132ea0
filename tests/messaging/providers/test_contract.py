"""What every provider promises, tested on each that the registry finds: a new one is picked up by itself.

Recorded payloads in `<slug>/payloads/` are the starting points from which calls and answers are made up.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging.checks import check_provider
from messaging.errors import (
    ConfigurationError,
    CredentialsRefused,
    ProviderError,
    Refused,
    Throttled,
    Unconfirmed,
    UnsupportedFeature,
    WebhookRefused,
)
from messaging.providers.base import Account, Provider
from messaging.registry import make_provider, provider_class, provider_classes
from messaging.transport import Transport
from messaging.types import (
    AccountHealth,
    Answer,
    Channel,
    ConsentEvent,
    ConversationEvent,
    DeliveryReport,
    InboundMessage,
    Limits,
    LinkOpened,
    OutboundMessage,
    Outcome,
    SendResult,
    Unrecognised,
)
from tests.hook_proofs import PROOFS
from tests.messaging.providers.made_up import (
    NOW,
    account_of,
    batches,
    bodies,
    credentials_of,
    hook,
    message_to,
    payloads,
    storable,
    stream_of,
)

PROVIDERS = list(provider_classes().values())
ROUTES = [(provider, channel) for provider in PROVIDERS for channel in provider.channels]
HOOK_EVENTS = (DeliveryReport, InboundMessage, LinkOpened, ConsentEvent, ConversationEvent, Unrecognised)

each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.slug)
each_route = pytest.mark.parametrize(
    ("provider", "channel"), ROUTES, ids=[f"{provider.slug}-{channel}" for provider, channel in ROUTES]
)


class TestDeclarations:
    @each_provider
    def test_system_checks_find_nothing(self, provider: type[Provider]) -> None:
        assert check_provider(provider.slug, provider) == []

    @each_provider
    def test_it_is_found_by_its_slug(self, provider: type[Provider]) -> None:
        assert provider_class(provider.slug) is provider
        made = make_provider(provider.slug, account_of(provider), Transport())
        assert isinstance(made, provider)

    def test_an_unknown_slug_names_the_known_ones(self) -> None:
        with pytest.raises(KeyError, match=", ".join(provider_classes())):
            provider_class("carrier_pigeon")

    @each_provider
    def test_people_can_read_its_options(self, provider: type[Provider]) -> None:
        assert re.fullmatch(r"[A-Z][A-Za-z ]+", provider.label)
        assert provider.channels
        for option in (*provider.credential_options, *provider.stream_options):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", option.name), option
            assert option.label, option
            assert not (option.secret and option.default), option
        for option in provider.credential_options:
            assert option.secret == any(word in option.name for word in ("key", "token", "secret", "password")), option

    @each_provider
    def test_its_own_address_is_allowed_and_another_is_not(self, provider: type[Provider]) -> None:
        transport = Transport()
        transport.check_address(account_of(provider).base_url, provider.hosts)
        with pytest.raises(ConfigurationError):
            transport.check_address("https://example.com/", provider.hosts)

    @each_route
    def test_its_limits_are_sensible(self, provider: type[Provider], channel: Channel) -> None:
        for kind in ("text", "template"):
            limits = provider.limits(channel, kind)
            assert isinstance(limits, Limits)
            assert limits.recipients_per_request >= 1
            assert limits.unicode_part in (63, 67)
            assert limits.media_kinds <= {"image", "video", "document", "audio"}


class TestPlan:
    @each_route
    def test_some_kind_of_message_can_be_sent(self, provider: type[Provider], channel: Channel) -> None:
        assert list(batches(provider, channel))

    @each_route
    def test_it_is_pure(self, provider: type[Provider], channel: Channel) -> None:
        stream, account = stream_of(provider, channel), account_of(provider)
        for message in batches(provider, channel):
            first, second = provider.plan(message, stream), provider.plan(message, stream)
            assert first == second
            assert first.build_request(account) == second.build_request(account)
            assert first.build_request(account).url.startswith(account.base_url + "/")

    @each_provider
    def test_a_channel_it_has_not_is_said_to_be_unsupported(self, provider: type[Provider]) -> None:
        for channel in set(Channel) - set(provider.channels):
            with pytest.raises(UnsupportedFeature):
                provider.plan(message_to("ref-1"), stream_of(provider, channel))

    @each_route
    @pytest.mark.parametrize("value", ["", "two words", "line\r\nX-Evil: 1", "\u043a\u043b\u044e\u0447", "nul\x00"])
    def test_a_key_that_cannot_be_sent_is_not_tried(
        self, provider: type[Provider], channel: Channel, value: str
    ) -> None:
        account, stream = account_of(provider), stream_of(provider, channel)
        for option in provider.credential_options:
            if option.required:
                faulty = Account(account.base_url, {**account.credentials, option.name: value})
                for message in batches(provider, channel):
                    with pytest.raises(ConfigurationError) as caught:
                        provider.plan(message, stream).build_request(faulty)
                    assert not option.secret or not value or value not in str(caught.value)


class TestFailures:
    """Which HTTP status proves what is the same for everybody (the outcome table)."""

    @staticmethod
    def answer_of(provider: type[Provider], channel: Channel, message: OutboundMessage, answer: Answer) -> SendResult:
        return provider.plan(message, stream_of(provider, channel)).parse_response(answer)

    @each_route
    @pytest.mark.parametrize(
        ("statuses", "proof"),
        [
            ((408, 425, 429, 503), Throttled),
            ((401, 403), CredentialsRefused),
            ((400, 404, 405, 409, 410, 413, 415, 422), Refused),
            ((500, 501, 502, 504, 520), Unconfirmed),
            ((300, 301, 302, 303, 304, 307, 308), Unconfirmed),
        ],
    )
    @pytest.mark.parametrize("body", [b"", b"{}", b"<html>Oops</html>", b'{"message": "m", "errors": [], "status": 1}'])
    def test_by_status(
        self,
        provider: type[Provider],
        channel: Channel,
        statuses: tuple[int, ...],
        proof: type[ProviderError],
        body: bytes,
    ) -> None:
        for message in batches(provider, channel):
            for status in statuses:
                with pytest.raises(ProviderError) as caught:
                    self.answer_of(provider, channel, message, Answer(status, {}, body))
                assert type(caught.value) is proof, status
                assert caught.value.code
                assert caught.value.answer is not None

    @each_route
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [("7", 7.0), ("999999", 3600.0), ("-5", None), ("nan", None), ("1e9", None), ("inf", None), ("soon", None)],
    )
    def test_how_long_to_wait(
        self, provider: type[Provider], channel: Channel, header: str, seconds: float | None
    ) -> None:
        message = next(batches(provider, channel))
        for status in (429, 503):
            with pytest.raises(Throttled) as caught:
                self.answer_of(provider, channel, message, Answer(status, {"retry-after": header}))
            assert caught.value.retry_after == seconds

    @each_route
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{}",
            b"[]",
            b"null",
            b"7",
            b'"ok"',
            b"<html>Welcome</html>",
            b"\xff\xfe\x00",
            b'{"id": NaN}',
            b'{"status": 2',
            b'{"status":' * 100_000,
            b'{"status": "maybe", "data": 7, "messages": 7, "id": []}',
        ],
    )
    def test_a_success_that_cannot_be_read_proves_nothing(
        self, provider: type[Provider], channel: Channel, body: bytes
    ) -> None:
        for message in batches(provider, channel):
            with pytest.raises(Unconfirmed):
                self.answer_of(provider, channel, message, Answer(200, {}, body))

    @each_route
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_any_success_is_one_result_per_recipient_or_a_known_failure(
        self, provider: type[Provider], channel: Channel, data: st.DataObject
    ) -> None:
        answer = Answer(data.draw(st.sampled_from([200, 206])), {}, data.draw(bodies(provider, "answer")))
        for message in batches(provider, channel):
            came_to: SendResult | str
            try:
                came_to = self.answer_of(provider, channel, message, answer)
            except ProviderError as error:
                came_to = error.text
            assert storable(came_to)
            if isinstance(came_to, SendResult):
                assert [found.ref for found in came_to.results] == [person.ref for person in message.recipients]
                assert all(isinstance(found.outcome, Outcome) for found in came_to.results)


class TestCheck:
    @each_provider
    @pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 429, 500, 503])
    def test_it_answers_with_a_sentence_whatever_comes_back(
        self, provider: type[Provider], provider_server: Any, status: int
    ) -> None:
        provider_server.will_answer(Answer(status, {}, b"<html>Welcome to the hotel</html>"))
        account = replace(account_of(provider), base_url=provider_server.url)
        health = provider(account, provider_server.transport).check()
        assert isinstance(health, AccountHealth)
        assert not health.ok
        assert re.match(r"[A-Z].* ", health.sentence), health.sentence
        assert len(provider_server.requests) == 1

    @each_provider
    def test_nobody_there_is_a_sentence_too(self, provider: type[Provider], provider_server: Any) -> None:
        provider_server.close()
        account = replace(account_of(provider), base_url=provider_server.url)
        assert not provider(account, provider_server.transport).check().ok

    @each_provider
    def test_missing_credentials_are_a_sentence_too(self, provider: type[Provider], provider_server: Any) -> None:
        assert not provider(Account(provider_server.url), provider_server.transport).check().ok
        assert provider_server.requests == []


class TestParseHook:
    @each_provider
    def test_every_recorded_call_is_recognised(self, provider: type[Provider]) -> None:
        recorded = payloads(provider, "hook_")
        assert recorded
        for body in recorded:
            assert provider.parse_hook(hook(body))

    @each_provider
    @pytest.mark.parametrize(
        "body", [b"", b"\xff\xfe", b"a=b&c=d", b"7", b'"x"', b'{"a": NaN}', b"[" * 100_000, b"<a>" * 50_000, b'{"a":']
    )
    def test_what_cannot_be_read_is_refused_as_such(self, provider: type[Provider], body: bytes) -> None:
        with pytest.raises(WebhookRefused) as caught:
            provider.parse_hook(hook(body))
        assert caught.value.status == 400

    @each_provider
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_nothing_but_webhook_refused_is_ever_raised(self, provider: type[Provider], data: st.DataObject) -> None:
        body = data.draw(bodies(provider, "hook_"))
        try:
            events = provider.parse_hook(hook(body))
        except WebhookRefused:
            return
        assert events == provider.parse_hook(hook(body))  # the same call has the same keys
        for event in events:
            assert isinstance(event, HOOK_EVENTS)
            assert 0 < len(event.key) <= 200
            assert storable(event)
            if isinstance(event, InboundMessage | DeliveryReport | ConsentEvent):
                assert re.fullmatch(r"(\+[0-9]{1,15})?", event.phone)
            if isinstance(event, InboundMessage):
                assert event.phone or event.conversation_id or event.person_id or event.whatsapp_id
            if isinstance(event, DeliveryReport):
                assert len(event.ref) <= 64
                assert len(event.external_id) <= 200
            moment = getattr(event, "occurred_at", None)
            assert moment is None or moment.tzinfo is not None


class TestVerifyHook:
    """Where a webhook secret is configured, a call must prove that it knows one that is valid now."""

    BODY = b'{"id": "evt_1"}'

    @staticmethod
    def secrets_of(provider: type[Provider]) -> list[str]:
        return [option.name for option in provider.credential_options if option.secret and "webhook" in option.name]

    @each_provider
    def test_without_a_secret_every_call_passes(self, provider: type[Provider]) -> None:
        provider.verify_hook(hook(self.BODY), credentials_of(provider))
        provider.verify_hook(hook(self.BODY), dict.fromkeys(self.secrets_of(provider), ""))

    @each_provider
    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            "wrong",
            "primary= secondary=",
            "primary=d3Jvbmc= secondary=d3Jvbmc=",
            "sha256=" + "0" * 64,
            "Basic d3Jvbmc6d3Jvbmc=",
            "Bearer wrong",
            "\u00e9\u00ff",
            "," * 50,
        ],
    )
    def test_absent_and_wrong(self, provider: type[Provider], value: str | None) -> None:
        names = ("x-signature", "x-hub-signature", "x-webhook-secret", "authorization")
        headers = {} if value is None else dict.fromkeys(names, value) | {"x-signature-timestamp": str(NOW.timestamp())}
        for name in self.secrets_of(provider):
            with pytest.raises(WebhookRefused) as caught:
                provider.verify_hook(hook(self.BODY, headers), {name: "right-0123456789"})
            assert caught.value.status == 403
            assert "right-0123456789" not in str(caught.value)

    @each_provider
    def test_a_secret_has_a_proof(self, provider: type[Provider]) -> None:
        # Without one in tests/hook_proofs.py nobody tries whether the right secret is taken.
        assert (provider.slug in PROOFS) is bool(self.secrets_of(provider))

    @pytest.mark.parametrize("slug", PROOFS)
    @pytest.mark.parametrize(("secret", "known"), [("new", True), ("old", True), ("older", False), ("new,old", False)])
    def test_right_and_while_the_secret_changes(self, slug: str, secret: str, known: bool) -> None:
        headers, credentials = PROOFS[slug]
        signed = hook(self.BODY, headers(self.BODY, secret, NOW))
        if known:
            provider_class(slug).verify_hook(signed, credentials)
        else:
            with pytest.raises(WebhookRefused):
                provider_class(slug).verify_hook(signed, credentials)
