"""Bad-input rows B63 to B67: addresses, ids and keys that reached the database past the forms.

refused in the administration, at their field     tests/conversations/admin/test_accounts.py, test_streams.py
refused by the transport, before a connection     tests/messaging/transport/
ids in paths, labels of hosts, keys               tests/messaging/providers/<provider>/

Here a script or an old backup has put them there: nothing is called, and a person reads why.
"""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import Message, ProviderAccount, SendAttempt, Stream
from conversations.services import accounts, outbound
from messaging.registry import provider_classes
from tests import factories
from tests.bad_input.test_webhook_events import inner_server

__all__ = ["inner_server"]

pytestmark = pytest.mark.django_db

ADDRESSES = [
    ("B63", "http://api.commbox.io"),
    ("B63", "file:///etc/passwd"),
    ("B63", "gopher://127.0.0.1:{port}/"),
    ("B63", "javascript:alert(1)"),
    ("B63", "//api.commbox.io"),
    ("B63", "127.0.0.1:{port}"),
    ("B64", "http://127.0.0.1:{port}"),
    ("B64", "http://localhost:{port}"),
    ("B64", "http://127.1:{port}"),
    ("B64", "http://2130706433:{port}"),
    ("B64", "http://[::ffff:127.0.0.1]:{port}"),
    ("B64", "http://127.0.0.1:{port}#@api.commbox.io"),
    ("B64", "https://api.commbox.io\\@127.0.0.1:{port}"),
    ("B64", "https://api.commbox.io@127.0.0.1:{port}"),
    ("B64", "https://user:pw@api.commbox.io"),
    ("B64", "https://api.commbox.io.evil.test"),
    ("B64", "https://api.commbox.io:22"),
    ("B64", "https://api.commbox.io."),
    ("B64", "https://api.c\u043emmbox.io"),
    ("B64", "http://169.254.169.254/latest"),
    ("B64", "https://api.commbox.io\r\nHost: evil.test"),
    ("B64", "https://"),
    ("B64", "https://[::1"),
    ("B64", "x" * 300),
]


def sent_by(stream: Stream) -> Message:
    """A queued message of the stream, after a worker had it."""
    message = factories.make_message(factories.make_conversation(stream, external_id="293854"), status="queued")
    outbound.deliver([message.pk])
    message.refresh_from_db()
    return message


@pytest.fixture(autouse=True)
def _no_extra_hosts(settings: Any) -> Any:
    """No address is allowed but the providers' own and the sandbox's, where none listens."""
    settings.SANDBOX_URL, settings.EXTRA_PROVIDER_HOSTS = "http://127.0.0.1:1", []
    accounts.transport.cache_clear()
    yield
    accounts.transport.cache_clear()


@pytest.mark.parametrize(("row", "address"), ADDRESSES)
def test_an_address_that_is_not_the_providers_is_never_called(
    inner_server: tuple[int, list[str]], row: str, address: str
) -> None:
    port, asked = inner_server
    account = factories.make_account("cirrus", base_url=address.replace("{port}", str(port)))
    health = accounts.check_account(account)
    assert (health.ok, asked) == (False, []), row
    assert health.sentence.endswith(".")
    account.refresh_from_db()
    assert account.health_text == health.sentence[:500]
    message = sent_by(factories.make_stream(account))
    assert message.status == "failed", row
    assert message.failure_text.endswith(".")
    assert asked == []
    assert not SendAttempt.objects.filter(on_wire_at__isnull=False).exists()


@pytest.mark.parametrize("stream_id", ["../../x", "a/b", "a?b=1", "a#b", "a b", "%2e%2e%2f", "a\r\nb", ""])
def test_b65_an_id_that_would_change_the_path_is_never_sent(stream_id: str) -> None:
    account = factories.make_account("cirrus", base_url="")
    conversation = factories.make_conversation(
        factories.make_stream(account, external_id=stream_id), factories.make_contact("+447741632543")
    )
    message = factories.make_message(conversation, status="queued")
    outbound.deliver([message.pk])
    message.refresh_from_db()
    assert (message.status, message.failure_code) == ("failed", "configuration")
    assert not SendAttempt.objects.filter(on_wire_at__isnull=False).exists()


@pytest.mark.parametrize("name", ["subdomain", "domain"])
@pytest.mark.parametrize("value", ["a.b/..", "x@y", "evil.test#", "a\r\nb", "\u0430bc", "-a", "evil.test/x?"])
def test_b66_a_name_that_would_lead_elsewhere_is_never_called(name: str, value: str) -> None:
    credentials = {"subdomain": "customer", "token": "t", name: value}
    account = factories.make_account("ccai_platform", base_url="", credentials=credentials)
    assert not accounts.check_account(account).ok
    conversation = factories.make_conversation(factories.make_stream(account), factories.make_contact("+14155552671"))
    message = factories.make_message(conversation, status="queued")
    outbound.deliver([message.pk])
    message.refresh_from_db()
    assert (message.status, message.failure_code) == ("failed", "configuration")


@pytest.mark.parametrize("slug", provider_classes())
@pytest.mark.parametrize("key", ["abc\r\nX-Evil: 1", "a b", "ключ", "a\x7f", ""])
def test_b67_a_key_that_no_header_can_hold_is_never_sent(slug: str, key: str) -> None:
    secret = next(one.name for one in provider_classes()[slug].credential_options if one.required and one.secret)
    credentials = factories.CREDENTIALS[slug] | {secret: key}
    account = factories.make_account(slug, base_url="", credentials=credentials)
    health = accounts.check_account(account)
    assert not health.ok
    assert not key or key not in health.sentence
    assert ProviderAccount.objects.get().health == "unreachable"
