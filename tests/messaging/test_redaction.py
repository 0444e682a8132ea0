"""What people may read of a request: no secret, and of a phone number its end alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.redaction import COVER, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"Number": "447700900142"}', '{"Number": "•••0142"}'),
        ("+44 7700 900142 is not a number", "•••0142 is not a number"),
        ("+44 (0)7700 900142", "•••0142"),
        ("(415) 555-0100", "•••0100"),
        ("/sms/sendinitialtext/c2FuZGJveC1zbXM=/447700900142", "/sms/sendinitialtext/c2FuZGJveC1zbXM=/•••0142"),
        ('["447700900142","447700900143"]', '["•••0142","•••0143"]'),
        ("447700900142%20447700900143", "•••0142%•••0143"),
        ("٠٧٧٠٠٩٠٠١٤٢", "•••٠١٤٢"),
        ('{"code": 1002, "count": 12}', '{"code": 1002, "count": 12}'),
        ("2026-11-23T09:00:00+00:00", "2026-11-23T09:00:00+00:00"),
        ("ref 3f2b8c1e-1234-4567-8901-123456789012", "ref 3f2b8c1e-1234-4567-8901-123456789012"),
        ("", ""),
    ],
)
def test_numbers_keep_their_end_alone(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        '{"token": "hunter-two"}',
        '{"api_key":"hunter-two"}',
        '{"apiKey" : "hunter-two"}',
        '{"X-Auth-Key": "hunter-two"}',
        '{"password": "quote \\" hunter-two"}',
        '{"webhook_secret": "hunter-two',
        "https://x.example/a?access_key=hunter-two&b=1",
        "b=1&access_token=hunter-two",
        "Authorization: Bearer hunter-two",
        "Basic aHVudGVyLXR3bw== hunter-two-known",
    ],
)
def test_secrets_are_covered_by_their_names(text: str) -> None:
    shown = redact(text, secrets=["hunter-two-known"])
    assert "hunter-two" not in shown
    assert "aHVudGVyLXR3bw" not in shown
    assert COVER in shown


def test_known_secrets_are_covered_wherever_they_stand() -> None:
    assert redact("the key aky_1 is aky_12345", secrets=["aky_12345", "", "aky"]) == "the key aky_1 is •••"


def test_the_words_of_a_message_stay() -> None:
    text = '{"Message": "Your visit is on Friday, 08:00 to 12:00. Ring 3 times.", "author": "Priya"}'
    assert redact(text) == text


@given(st.text(), st.integers(min_value=10**6, max_value=10**15))
def test_no_number_survives_whatever_stands_beside_it(beside: str, number: int) -> None:
    assert str(number) not in redact(f"{beside}+{number}{beside}")


def test_a_long_text_is_read_at_once() -> None:
    assert redact('{"token' * 20_000 + "1 " * 20_000)
