"""Webhook calls that are no message: kept as they came, refused as unreadable or unsafe, or without the secret."""

from __future__ import annotations

import pytest

from messaging.errors import WebhookRefused
from messaging.providers.cirrus import Cirrus
from messaging.types import InboundMessage, Unrecognised


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("hook_tag_on_add.json", "Tag.OnAdd"),
        (b'{"Event": {"Subscription": "User", "Name": "OnUpdate", "User": {"Id": "1"}}}', "User.OnUpdate"),
        (b'{"Event": {"Subscription": "Object", "Name": "OnDance", "Object": {"Id": "1"}}}', "Object.OnDance"),
        (b'{"Event": {"Subscription": "Object", "Name": "OnNewChild"}}', "Object.OnNewChild"),
        (
            b'{"Event": {"Subscription": "Object", "Name": "OnNewChild", "Object": {"Id": "1", "Message": "?"}}}',
            "Object.OnNewChild",
        ),
        (b'{"Event": ["x"], "payload": 7}', ""),
        (b"{}", ""),
        (b"<Event/>", ""),
        (b"<html><body>hello</body></html>", ""),
    ],
)
def test_other_calls_are_kept_as_unrecognised_with_a_key_of_their_body(hook, body, kind):
    (event,) = Cirrus.parse_hook(hook(body))

    assert isinstance(event, Unrecognised)
    assert event.kind == kind
    assert event.key.startswith("body:")
    assert [event] == Cirrus.parse_hook(hook(body))


LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"[]",
        b'"text"',
        b"null",
        b'{"Event": {"Subscri',
        b'{"Event": NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe{}",
        b'{"Event": "\xe9"}',
        b"a=1&b=2",
        b"<Event",
        b"<Event></Other>",
        b"<a>" * 50_000 + b"</a>" * 50_000,
        b"<!DOCTYPE Event><Event/>",
        b'<!DOCTYPE Event [<!ENTITY l0 "ha">' + LAUGHS + b"]><Event>&l9;</Event>",
        b'<!DOCTYPE Event [<!ENTITY x SYSTEM "file:///etc/passwd">]><Event>&x;</Event>',
        b'<!DOCTYPE Event SYSTEM "http://127.0.0.1:9/evil.dtd"><Event/>',
        b'<?xml version="1.0" encoding="utf-16"?><!DOCTYPE Event><Event/>',
        "<!DOCTYPE Event><Event/>".encode("utf-16"),
        b"<Event>&undefined;</Event>",
    ],
)
def test_what_cannot_be_read_or_is_unsafe_is_refused_with_400(hook, body):
    with pytest.raises(WebhookRefused) as refused:
        Cirrus.parse_hook(hook(body))
    assert refused.value.status == 400


def test_a_message_about_document_types_is_just_text(hook):
    body = (
        b'<Event Subscription="Object" Name="OnNewChild"><Object Id="9"><Children><Child Id="5">'
        b"<Message><![CDATA[<!DOCTYPE html> <!ENTITY> &amp;]]></Message><User Phone1='12025550143'/>"
        b"</Child></Children></Object></Event>"
    )
    (event,) = Cirrus.parse_hook(hook(body))

    assert isinstance(event, InboundMessage)
    assert event.body == "<!DOCTYPE html> <!ENTITY> &amp;"


@pytest.mark.parametrize(
    ("configured", "given", "accepted"),
    [
        ("", None, True),
        (" , ", None, True),
        ("", "anything", True),
        ("one", "one", True),
        ("one, two", "two", True),
        ("one,two", "one", True),
        ("one", None, False),
        ("one", "", False),
        ("one", "on", False),
        ("one,two", "one,two", False),
        ("one", "One", False),
        ("schlüssel", "schlüssel", True),
        ("one", "ö", False),
    ],
)
def test_the_shared_secret(hook, configured, given, accepted):
    call = hook(b"{}", **({} if given is None else {"x_webhook_secret": given}))
    if accepted:
        Cirrus.verify_hook(call, {"webhook_secret": configured})
        return
    with pytest.raises(WebhookRefused) as refused:
        Cirrus.verify_hook(call, {"webhook_secret": configured})
    assert refused.value.status == 403
    assert configured not in str(refused.value)


def test_without_a_configured_secret_the_address_is_the_secret(hook):
    Cirrus.verify_hook(hook(b"{}"), {"api_key": "k"})
