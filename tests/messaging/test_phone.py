"""Bad-input matrix, rows B1 to B15: what people type as a phone number."""

import re
import time

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.phone import (
    PhoneError,
    PhoneNumber,
    country_code,
    digits,
    format_for_people,
    is_fictional,
    lost_its_zero,
    mask,
    parse_number,
    region_of,
    time_zones,
)

ANY_KIND = frozenset({"mobile", "fixed_or_mobile", "landline", "toll_free", "premium"})


@pytest.mark.parametrize(
    "text",
    [
        "+447741632543",
        "07741632543",
        "00447741632543",
        "+44 (0)7741 632543",
        "(07741) 632-543",
        "07741.632.543",
        "07741–632543",
        "447741632543",
        "7741632543",
    ],
)
def test_the_same_person_in_many_notations_is_one_number(text: str) -> None:
    assert parse_number(text, region="GB") == PhoneNumber(
        e164="+447741632543",
        region="GB",
        kind="mobile",
        national="07741 632543",
        international="+44 7741 632543",
    )


@pytest.mark.parametrize(
    "text",
    [
        "٠٧٧٤١٦٣٢٥٤٣",
        "０７７４１６３２５４３",
        "＋４４７７４１６３２５４３",
        "\u202a+447741632543\u202c",
        "\u200b+447741632543\ufeff",
        "\u00a0+44\u00a07741\u00a0632543 ",
        "+447741632543\r\n",
    ],
)
def test_other_digits_and_invisible_edges_are_normalised(text: str) -> None:
    assert parse_number(text, region="GB").e164 == "+447741632543"


def test_north_american_numbers_do_not_say_whether_they_are_mobile() -> None:
    number = parse_number("+1 415-555-2671")
    assert (number.e164, number.region, number.kind) == ("+14155552671", "US", "fixed_or_mobile")


def test_what_is_shown_can_be_typed_in_again() -> None:
    number = parse_number("+14155552671")
    assert parse_number(number.national, region="US") == parse_number(number.international) == number


def test_without_a_country_double_zero_is_the_international_prefix() -> None:
    assert parse_number("0044 7741 632543").e164 == "+447741632543"
    assert parse_number("0044 7741 632543", region="").e164 == "+447741632543"


def test_numbers_of_no_country_have_region_001() -> None:
    assert parse_number("+870 773 111 632").region == "001"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # B2, B3, B4, B9, B10: the library alone would dial most of these
        ("+4474512XXXXX", "letters"),
        ("1-800-FLOWERS", "letters"),
        ("+447741632543/../x", "letters"),
        ("447741632543@c.us", "letters"),
        ("0x1234", "letters"),
        ("tel:+447741632543", "letters"),
        # B4, B5, B6
        ("+447741632543/../", "unsupported_characters"),
        ("\x00+447741632543", "unsupported_characters"),
        ("\r\n+447741632543", "unsupported_characters"),
        ("+44774\n1632543", "unsupported_characters"),
        ("-447741632543", "unsupported_characters"),
        ("44+7741632543", "unsupported_characters"),
        ("+447741632543\u202e1", "unsupported_characters"),
        ("+44774163254¹", "unsupported_characters"),
        ("+4477416\ud80032543", "unsupported_characters"),
        # B7
        ("+447741632543 ext 5", "extension"),
        ("+447741632543 ext. 12", "extension"),
        ("+447741632543x5", "extension"),
        ("+447741632543 extension 5", "extension"),
        ("+447741632543#5", "extension"),
        ("tel:+447741632543;ext=5", "extension"),
        # B10, B15
        ("12345", "too_short"),
        ("999", "too_short"),
        ("+44999", "too_short"),
        ("+44 7741 63", "too_short"),
        ("+44 7741 63254", "too_short"),
        ("+44 7741 632543 1", "too_long"),
        ("1" * 24, "too_long"),
        ("+" + "4" * 300, "too_long"),
        ("+4477416325434477416325434", "too_long"),
        ("", "empty"),
        ("   ", "empty"),
        ("\u200b\u200b", "empty"),
        ("+", "not_a_number"),
        ("()-", "not_a_number"),
        # B11
        ("4.47742E+11", "spreadsheet_number"),
        ("4,47742E+11", "spreadsheet_number"),
        ("7.741632543E9", "spreadsheet_number"),
        ("447741632543.0", "spreadsheet_number"),
        # B12
        ("+449098790000", "premium"),
        ("+448001111111", "toll_free"),
        ("+441212345678", "landline"),
        ("+447012345678", "wrong_kind"),
        # B13
        ("+82 000-000-0000", "unassigned"),
        ("+1 555 123 4567", "unassigned"),
        # B14
        ("07741632543, 07741632544", "one_number"),
        ("07741632543 07741632544", "one_number"),
        ("07741632543\n07741632544", "one_number"),
        ("+447741632543+447741632544", "one_number"),
        ("07741632543 or 07741632544", "one_number"),
        ("07741632543/07741632544", "one_number"),
        ("+999 1234 5678", "unknown_country"),
    ],
)
def test_refused_with_its_own_code_and_a_sentence_that_says_what_to_do(text: str, code: str) -> None:
    with pytest.raises(PhoneError) as caught:
        parse_number(text, region="GB")
    assert caught.value.code == code
    assert caught.value.sentence.endswith(".")
    assert str(caught.value) == caught.value.sentence


def test_a_national_number_needs_a_country() -> None:
    with pytest.raises(PhoneError) as caught:
        parse_number("447741632543")
    assert caught.value.code == "no_country"


def test_a_length_problem_names_the_length_that_is_expected() -> None:
    with pytest.raises(PhoneError, match=r"After \+44 there should be 10 digits and here there are 9\."):
        parse_number("+44 7741 63254")


def test_a_stream_may_allow_more_kinds_but_never_premium() -> None:
    assert parse_number("+441212345678", kinds=ANY_KIND).kind == "landline"
    assert parse_number("+448001111111", kinds=ANY_KIND).kind == "toll_free"
    with pytest.raises(PhoneError) as caught:
        parse_number("+449098765432", kinds=ANY_KIND)
    assert caught.value.code == "premium"


FICTIONAL = [
    ("+447700900123", "GB", "mobile"),
    ("+442079460000", "GB", "landline"),
    ("+441632960999", "GB", "landline"),
    ("+14155550100", "US", "fixed_or_mobile"),
    ("+14165550199", "CA", "fixed_or_mobile"),
    ("+61491570156", "AU", "mobile"),
    ("+61255501234", "AU", "landline"),
    ("+493023125042", "DE", "landline"),
    ("+33639981234", "FR", "mobile"),
    ("+33199001234", "FR", "landline"),
    ("+46701740605", "SE", "mobile"),
]


@pytest.mark.parametrize(("e164", "region", "kind"), FICTIONAL)
def test_numbers_kept_for_fiction_are_for_the_sandbox_only(e164: str, region: str, kind: str) -> None:
    with pytest.raises(PhoneError) as caught:
        parse_number(e164)
    assert caught.value.code == "fictional_number"
    number = parse_number(e164, allow_fictional=True)
    assert (number.e164, number.region, number.kind) == (e164, region, kind)
    assert is_fictional(e164)
    assert region_of(e164) == region


@pytest.mark.parametrize(
    "e164",
    ["+447700899999", "+447700901000", "+442079461000", "+14155550099", "+14155550200", "+46701740604", "+61491570155"],
)
def test_the_neighbours_of_the_fictional_ranges_are_not_fictional(e164: str) -> None:
    assert not is_fictional(e164)


def test_the_sandbox_still_refuses_what_is_no_number() -> None:
    with pytest.raises(PhoneError) as caught:
        parse_number("+44 7700 90012", allow_fictional=True)
    assert caught.value.code == "too_short"


@pytest.mark.parametrize(
    ("e164", "shown", "masked"),
    [
        ("+447741632543", "+44 7741 632543", "+44 •••• ••2543"),
        ("+447700900142", "+44 7700 900142", "+44 •••• ••0142"),
        ("+14155552671", "+1 415-555-2671", "+1 •••-•••-2671"),
        ("+6834002", "+683 4002", "+683 ••02"),
        ("FERNHILL", "FERNHILL", "••••"),
        ("", "", "••••"),
        ("+1234567890123456789", "+1234567890123456789", "••••"),
    ],
)
def test_display_and_mask(e164: str, shown: str, masked: str) -> None:
    assert format_for_people(e164) == shown
    assert mask(e164) == masked


def test_time_zones_are_all_the_number_may_be_in_and_none_when_unknown() -> None:
    zones = time_zones("+447741632543")
    assert (zones[0], len(zones)) == ("Europe/London", 4), "the first stands for all"
    assert time_zones("+14155552671") == ("America/Los_Angeles",)
    assert time_zones("+870773111632") == ()
    assert time_zones("FERNHILL") == ()


def test_region_is_none_when_it_cannot_be_told() -> None:
    assert region_of("+14155552671") == "US"
    assert region_of("+870773111632") == "001"
    assert region_of("+15551234567") is None
    assert region_of("FERNHILL") is None


def test_digits_are_the_number_without_its_plus() -> None:
    assert digits("+447741632543") == "447741632543"


def example_mobiles() -> list[tuple[str, phonenumbers.PhoneNumber]]:
    mobile = phonenumbers.PhoneNumberType.MOBILE
    examples = {
        region: phonenumbers.example_number_for_type(region, mobile) for region in phonenumbers.SUPPORTED_REGIONS
    }
    return [(region, example) for region, example in sorted(examples.items()) if example is not None]


@pytest.mark.parametrize(("region", "example"), example_mobiles())
def test_the_example_mobile_of_every_country_is_accepted_in_both_notations(
    region: str, example: phonenumbers.PhoneNumber
) -> None:
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    assert parse_number(e164, allow_fictional=True).e164 == e164
    if sum(character.isdigit() for character in national) >= 6:  # shorter ones look like short codes: refused
        assert parse_number(national, region=region, allow_fictional=True).e164 == e164


PHONE_LIKE = st.text(alphabet="0123456789+()-. extEXT;=#,/\t\r\n\x00\u200b\u202a٣７", max_size=60)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=400), PHONE_LIKE), st.sampled_from([None, "", "GB", "US", "DE", "IT", "ZZ"]))
def test_any_text_is_a_usable_number_or_a_phone_error(text: str, region: str | None) -> None:
    try:
        number = parse_number(text, region=region, allow_fictional=True)
    except PhoneError:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{4,14}", number.e164)
    assert parse_number(number.e164, allow_fictional=True) == number


@pytest.mark.parametrize(
    "text",
    [
        "1" * 300,
        "1 " * 150,
        "(" * 200,
        " " * 100_000 + "1",
        "x" * 1_000_000,
        "+44" * 66,
        "1,1" * 60,
        "1ext" * 49,
        "1#" * 99,
    ],
)
def test_hostile_text_is_refused_within_five_milliseconds(text: str) -> None:
    def seconds() -> float:
        started = time.perf_counter()
        with pytest.raises(PhoneError):
            parse_number(text, region="GB")
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.005


def test_the_code_of_a_country() -> None:
    assert (country_code("GB"), country_code("us"), country_code("ZZ")) == (44, 1, 0)


def test_a_number_that_lost_its_zero() -> None:
    assert lost_its_zero("7741632543", "GB")
    for text, region in (
        ("07741632543", "GB"),
        ("447741632543", "GB"),
        ("+7741632543", "GB"),
        ("774163254", "GB"),
        ("", "GB"),
        ("2125552000", "US"),  # nobody dials a zero first there
        ("7741632543", "ZZ"),
    ):
        assert not lost_its_zero(text, region), text
