"""The quick check says yes only where the whole one does, and to nothing else than the same number."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from messaging.phone import PhoneError, parse_number
from messaging.phone_check import PlainNumbers

REGIONS = ("GB", "US", "FR", "DE", "IT", "MX", "JP", "BR", "AU", None)
KINDS = (
    *(PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.TOLL_FREE),
    *(PhoneNumberType.VOIP, PhoneNumberType.PAGER, PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.UAN),
)


def whole_check(text: str, region: str | None) -> str | None:
    """The number that the library reads, or None."""
    try:
        return parse_number(text, region=region).e164
    except PhoneError:
        return None


def numbers_of_the_world(seed: int) -> list[str]:
    """Real forms of every country and kind, and the same with digits changed, added and lost."""
    dice = random.Random(seed)
    found = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in KINDS:
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            for form in (phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.NATIONAL):
                text = phonenumbers.format_number(example, form)
                found.append(text)
                for _ in range(3):
                    place = dice.randrange(1, len(text))
                    changed = text[:place] + dice.choice("0123456789") + text[place + 1 :]
                    found += [changed, text[:place] + text[place + 1 :], text + dice.choice("0123456789")]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_yes_is_the_yes_of_the_whole_check(seed: int) -> None:
    dice = random.Random(seed)
    yes = 0
    for text in numbers_of_the_world(seed):
        region = dice.choice(REGIONS)
        quick = PlainNumbers(region).e164(text)
        if quick is not None:
            yes += 1
            assert quick == whole_check(text, region), (text, region)
    assert yes > 800


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+447741632543", None),
        ("+44 7741 632543", "US"),
        ("07741632543", "GB"),
        ("07741 632543 ", "GB"),
        ("+12025551142", None),
        ("+33612345678", None),
        ("0612345678", "FR"),
    ],
)
def test_plain_mobiles_are_recognised(text: str, region: str | None) -> None:
    assert PlainNumbers(region).e164(text) == whole_check(text, region) is not None


@pytest.mark.parametrize("text", ["+447700900142", "+12025550142", "+61491570006"])
def test_numbers_of_films_are_left_to_the_whole_check(text: str) -> None:
    assert PlainNumbers("GB").e164(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "+44",
        "00447741632543",
        "7741632543",
        "+44(0)7741632543",
        "+4477416325431",
        "+442079460000",
        "+077612345678",
    ],
)
def test_everything_else_is_left_to_the_whole_check(text: str) -> None:
    assert PlainNumbers("GB").e164(text) is None
