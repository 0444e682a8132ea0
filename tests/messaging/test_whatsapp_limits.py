"""Each limit of WhatsApp's templates with its neighbour: what just fits, and what is one too many."""

from __future__ import annotations

from typing import Any

import pytest

from messaging.whatsapp import LANGUAGES, MEDIA_LIMITS, check_media, rules, validate_template
from messaging.whatsapp.rules import MAX_BUTTONS, MAX_OF_BUTTON

BODY = {"type": "BODY", "text": "We come tomorrow."}
REPLY = {"type": "QUICK_REPLY", "text": "Yes"}
LINK = {"type": "URL", "text": "Track", "url": "https://fernhill.test/"}
CALL = {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+447741632543"}
CODE = {"type": "COPY_CODE", "example": "SAVE10"}
URL_START = "https://fernhill.test/"


def codes(components: Any, *, name: str = "visit", language: str = "en_GB") -> set[str]:
    return {problem.code for problem in validate_template(name, "utility", language, components)}


def with_buttons(*buttons: dict[str, Any]) -> list[dict[str, Any]]:
    return [BODY, {"type": "BUTTONS", "buttons": list(buttons)}]


def of_length(place: str, length: int) -> dict[str, Any]:
    """What validates a template whose text at a place is that long."""
    text = "x" * length
    header = {"type": "HEADER", "format": "TEXT", "text": text}
    return {
        "name": {"components": [BODY], "name": text},
        "header": {"components": [header, BODY]},
        "body": {"components": [{"type": "BODY", "text": text}]},
        "footer": {"components": [BODY, {"type": "FOOTER", "text": text}]},
        "button": {"components": with_buttons({**REPLY, "text": text})},
        "url": {"components": with_buttons({**LINK, "url": URL_START + "x" * (length - len(URL_START))})},
        "code": {"components": with_buttons({**CODE, "example": text})},
    }[place]


@pytest.mark.parametrize(
    ("place", "most"),
    [
        ("name", rules.NAME_LENGTH),
        ("header", rules.HEADER_LENGTH),
        ("body", rules.BODY_LENGTH),
        ("footer", rules.FOOTER_LENGTH),
        ("button", rules.BUTTON_TEXT_LENGTH),
        ("url", rules.URL_LENGTH),
        ("code", rules.CODE_LENGTH),
    ],
)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(place: str, most: int) -> None:
    assert codes(**of_length(place, most)) == set()
    assert codes(**of_length(place, most + 1)) == ({"no_sample"} if place == "code" else {"too_long"})


def test_the_limits_are_metas() -> None:
    assert (rules.NAME_LENGTH, rules.HEADER_LENGTH, rules.BODY_LENGTH, rules.FOOTER_LENGTH) == (512, 60, 1024, 60)
    assert (rules.BUTTON_TEXT_LENGTH, rules.URL_LENGTH, rules.PHONE_LENGTH, rules.CODE_LENGTH) == (25, 2000, 20, 15)
    assert (MAX_BUTTONS, MAX_OF_BUTTON["URL"], MAX_OF_BUTTON["PHONE_NUMBER"], MAX_OF_BUTTON["COPY_CODE"]) == (
        10,
        2,
        1,
        1,
    )


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_each_language_code_is_taken_exactly_as_it_is(language: str) -> None:
    assert codes([BODY], language=language) == set()
    other = language.swapcase()
    assert codes([BODY], language=other) == {"unknown_language"}


@pytest.mark.parametrize(
    "kinds",
    [
        (REPLY,),
        (REPLY,) * 10,
        (REPLY, REPLY, LINK, CALL),
        (LINK, CALL, REPLY, REPLY),
        (LINK, LINK),
        (LINK, LINK, CALL, CODE),
        (CALL,),
        (CODE, LINK),
        (LINK, LINK, CALL, CODE, *(REPLY,) * 6),
    ],
)
def test_buttons_that_go_together(kinds: tuple[dict[str, Any], ...]) -> None:
    assert codes(with_buttons(*kinds)) == set()


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ((REPLY,) * 11, "too_many"),
        ((LINK,) * 3, "too_many"),
        ((CALL,) * 2, "too_many"),
        ((CODE,) * 2, "too_many"),
        ((REPLY, LINK, REPLY), "scattered_replies"),
        ((LINK, REPLY, CALL, REPLY), "scattered_replies"),
        ((LINK, LINK, CALL, CODE, *(REPLY,) * 7), "too_many"),
    ],
)
def test_buttons_that_do_not(kinds: tuple[dict[str, Any], ...], code: str) -> None:
    assert codes(with_buttons(*kinds)) == {code}


@pytest.mark.parametrize("kind", sorted(MEDIA_LIMITS))
def test_a_file_may_be_as_large_as_its_limit_and_no_larger(kind: str) -> None:
    types, most = MEDIA_LIMITS[kind]
    for content_type in types:
        assert check_media(kind, content_type, most) is None
        problem = check_media(kind, content_type, most + 1)
        assert problem is not None
        assert problem.code == "too_large"


@pytest.mark.parametrize("spaces", [4, 5])
def test_four_spaces_in_a_row_and_not_five(spaces: int) -> None:
    found = codes([{"type": "BODY", "text": f"We come{' ' * spaces}tomorrow."}])
    assert found == (set() if spaces == 4 else {"too_many_spaces"})


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1f", "\x85", "\u2028", "\ud800", "\uffff"])
def test_what_no_phone_could_show_is_refused_everywhere(character: str) -> None:
    assert codes([{"type": "BODY", "text": f"We{character}come."}]) == {"unsendable"}
    assert codes([BODY, {"type": "FOOTER", "text": f"Fern{character}hill"}]) == {"unsendable"}
    assert codes(with_buttons({**REPLY, "text": f"Y{character}es"})) == {"unsendable"}


def test_only_the_body_has_lines() -> None:
    assert codes([{"type": "BODY", "text": "We come.\nTomorrow."}]) == set()
    for components in (
        [{"type": "HEADER", "format": "TEXT", "text": "a\nb"}, BODY],
        [BODY, {"type": "FOOTER", "text": "a\nb"}],
        with_buttons({**REPLY, "text": "a\nb"}),
    ):
        assert codes(components) == {"unsendable"}
