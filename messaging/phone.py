"""Phone numbers: what people type becomes E.164 text, or one clear sentence that says why not.

The `phonenumbers` library alone is too forgiving for a system that spends money on each number: it dials
letters (`+4474512XXXXX` becomes a real mobile), reads past a path (`+447741632543/../x`), a leading minus or a
NUL, and drops extensions. So text passes a strict filter first and the library only ever sees digits, spaces,
brackets, dots and hyphens.

A number also has to be usable: valid in its country's plan, of a kind that can receive messages, and not from
a range that regulators keep for films (those are accepted only where no real network is behind).
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, PhoneNumberType

TEXTABLE_KINDS = frozenset({"mobile", "fixed_or_mobile"})
"""Kinds that receive texts. North American numbers never say whether they are mobile: `fixed_or_mobile`."""

KIND_WORDS = {
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.VOICEMAIL: "voicemail",
}


class FictionalRange(NamedTuple):
    """Numbers a regulator keeps unassigned for films, books and demonstrations."""

    region: str
    kind: str
    digits: re.Pattern[str]


FICTIONAL_RANGES = (
    # Ofcom, "Telephone numbers for use in TV and radio drama"
    FictionalRange("GB", "mobile", re.compile(r"447700900\d{3}")),
    FictionalRange(
        "GB",
        "landline",
        re.compile(r"44(?:(?:11[3-8]|1[2-6]1)4960|1914980|1632960|2079460|2896496|2920180|3069990)\d{3}"),
    ),
    # ATIS 555 line number guidelines: 555-0100 to 555-0199 in every North American area code
    FictionalRange("US", "fixed_or_mobile", re.compile(r"1\d{3}55501\d{2}")),
    # ACMA, "Phone numbers for use in TV shows, films and creative works"
    FictionalRange(
        "AU",
        "mobile",
        re.compile(
            r"6149157(?:0006|0156|0157|0158|0159|0110|0313|0737|1266|1491|1804|2549|2665|2983|3770|3087|4118|4632"
            r"|5254|5789|6398|6801|7426|7644|8957|8148|8888|9212|9760|9455)"
        ),
    ),
    FictionalRange("AU", "landline", re.compile(r"61[2378](?:5550|7010)\d{4}")),
    # Bundesnetzagentur, notice 148/2021, "Drama Numbers"
    FictionalRange("DE", "landline", re.compile(r"49(?:3023125|6990009|4066969|2214710|8999998)\d{3}")),
    # Arcep, decision 2018-0881, numbers for audiovisual works
    FictionalRange("FR", "mobile", re.compile(r"3363998\d{4}")),
    FictionalRange("FR", "landline", re.compile(r"33(?:19900|26191|35301|46571|53649)\d{4}")),
    # PTS, numbers for books and films
    FictionalRange("SE", "mobile", re.compile(r"46701740(?:60[5-9]|6[1-9]\d)")),
    FictionalRange("SE", "landline", re.compile(r"46(?:3139006|4062804|8465004|9803192)\d{2}")),
)


class PhoneError(ValueError):
    """A text that is not a usable phone number.

    `code` is a stable word for programs (`letters`, `too_short`, `fictional_number`, ...), `sentence` says to
    a person what is wrong and what to do.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A usable number.

    `e164` is what is stored and compared. `region` is the two-letter country ("001" for satellite and other
    numbers that belong to none). `kind` is one of the words in `KIND_WORDS`. `national` and `international`
    are for people: `07741 632543` and `+44 7741 632543`.
    """

    e164: str
    region: str
    kind: str
    national: str
    international: str


MAX_TEXT_LENGTH = 200  # long enough to recognise several pasted numbers, short enough to be cheap
MAX_DIGITS = 19  # 15 of E.164, three of an international prefix and one trunk zero

_DIALLABLE = re.compile(r"\+?\(?[0-9][0-9 ().\-]{5,30}")
_SPREADSHEET = re.compile(r"[+-]?\d+(?:[.,]\d+)?e[+-]?\d{1,3}|\+?\d{7,15}\.0", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:;?\s*ext(?:n|ension)?|[\d\s);,]x|#)[\s.:=]*\d{1,7}\s*$", re.IGNORECASE)
_LISTED_NUMBERS = re.compile(r"[,;/|&\t\r\n\u060c\u061b\u3001]|\b(?:or|and)\b|(?<=\d)\s*(?=\+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_EDGES = (
    " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)

_SENTENCES = {
    "empty": "Enter a phone number, for example +44 7700 900123.",
    "letters": "A phone number has digits only and this one has letters. Type every digit.",
    "extension": "A text cannot reach an extension. Remove it and check that the main number is a mobile.",
    "spreadsheet_number": (
        "A spreadsheet has changed this number and its digits are lost. "
        "Format the column as text, enter the number again and save the file."
    ),
    "one_number": "There is more than one number here. Enter one number.",
    "unsupported_characters": (
        "Use digits, spaces, brackets, dots and hyphens only, with + at the very start if at all."
    ),
    "not_a_number": "There is no phone number here. Enter one, for example +44 7700 900123.",
    "no_country": "This number has no country code. Start it with + and the country code, for example +44.",
    "unknown_country": "No country has this code. Check the digits after the +.",
    "premium": "This is a premium-rate number. Texts are never sent to those. Use the customer's mobile.",
    "toll_free": "This is a freephone number and cannot receive texts. Use the customer's mobile.",
    "landline": "This is a landline and cannot receive texts. Use the customer's mobile.",
    "fictional_number": (
        "This number is kept for films and examples and reaches nobody. Use a real number, or a sandbox account."
    ),
    "wrong_kind": "This kind of number cannot receive texts. Use the customer's mobile.",
}


def parse_number(
    text: str,
    *,
    region: str | None = None,
    allow_fictional: bool = False,
    kinds: Collection[str] = TEXTABLE_KINDS,
) -> PhoneNumber:
    """Return the one usable phone number that `text` holds.

    `region` (two letters, the stream's country) is used for numbers written without a country code. `kinds`
    are the kinds the caller can use; premium-rate numbers are refused whatever it says. `allow_fictional` is
    for accounts with no real network behind: numbers kept for films are then accepted, landlines included.

    Raises `PhoneError`, and nothing else, in time bounded by `MAX_TEXT_LENGTH`.
    """
    diallable = _filtered(text)
    if not region and diallable.startswith("00"):
        diallable = "+" + diallable[2:]  # without a country to say otherwise, 00 is the ITU's own prefix
    parsed = _parsed(diallable, region)
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    fictional = _fictional_range(e164)
    if fictional is None:
        _require_valid(parsed)
    kind = KIND_WORDS.get(phonenumbers.number_type(parsed)) or (fictional.kind if fictional else "other")
    if kind == "premium":
        raise _error("premium")
    if fictional and not allow_fictional:
        raise _error("fictional_number")
    if not fictional and kind not in kinds:
        raise _error(kind if kind in ("toll_free", "landline") else "wrong_kind")
    return PhoneNumber(
        e164=e164,
        region=phonenumbers.region_code_for_number(parsed) or (fictional.region if fictional else "001"),
        kind=kind,
        national=phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL),
        international=phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL),
    )


def is_fictional(e164: str) -> bool:
    """Tell whether a regulator keeps this number for fiction, so that it can never reach a person."""
    return _fictional_range(e164) is not None


@lru_cache(maxsize=4096)
def format_for_people(e164: str) -> str:
    """Return `+44 7741 632543` for `+447741632543`; text that is not a number comes back unchanged."""
    parsed = _stored(e164)
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL) if parsed else e164


def mask(e164: str) -> str:
    """Return the number with all but its country code and last digits hidden: `+44 •••• ••2543`.

    Shows four digits, or two when the number is so short that four would give it away. Text that is not a
    number is hidden altogether.
    """
    parsed = _stored(e164)
    if parsed is None:
        return "••••"
    country, _, rest = format_for_people(e164).partition(" ")
    length = sum(character.isdigit() for character in rest)
    hidden = length - (4 if length >= 8 else 2)
    return country + " " + re.sub(r"\d", "•", rest, count=hidden)


def time_zones(e164: str) -> tuple[str, ...]:
    """Return the zones the number may be in, by IANA name; empty when the plan does not tell.

    A UK mobile gives four, London first because it stands better for them than Guernsey, a US number the zone of its
    area code. People move and keep their number: treat the answer as the best guess, behind what the customer said.
    """
    parsed = _stored(e164)
    if parsed is None:
        return ()
    from phonenumbers import timezone  # two megabytes of areas, for those who ask

    known = [zone for zone in timezone.time_zones_for_number(parsed) if zone != timezone.UNKNOWN_TIMEZONE]
    return tuple(sorted(known, key=lambda zone: zone != "Europe/London"))


@lru_cache(maxsize=4096)
def region_of(e164: str) -> str | None:
    """Return the two-letter country of a number, "001" for numbers of no country, None when unknown."""
    fictional = _fictional_range(e164)
    parsed = _stored(e164)
    if parsed is None:
        return None
    return phonenumbers.region_code_for_number(parsed) or (fictional.region if fictional else None)


def country_code(region: str) -> int:
    """Return what numbers of a two-letter country begin with, 44 for GB; 0 for a country that is not known."""
    return phonenumbers.country_code_for_region(region.upper())


def lost_its_zero(text: str, region: str) -> bool:
    """Tell whether `text` is a national number of the country without the 0 that people dial first.

    Spreadsheets take the zero away: 7741632543 was 07741 632543.
    """
    metadata = PhoneMetadata.metadata_for_region(region.upper())
    if metadata is None or metadata.national_prefix != "0" or not text.isascii() or not text.isdigit():
        return False
    return (
        text[0] != "0"
        and not text.startswith(str(country_code(region)))
        and len(text) in _mobile_lengths(country_code(region))
    )


def digits(e164: str) -> str:
    """Return the number without its plus, as the providers' paths and WhatsApp bodies want it."""
    return e164.removeprefix("+")


def _filtered(text: str) -> str:
    """Return the text ready for the library, or raise what stands in the way of trusting it."""
    text = text.strip(_EDGES).rstrip("\r\n" + _EDGES)
    if not text:
        raise _error("empty")
    if len(text) > MAX_TEXT_LENGTH:
        raise PhoneError("too_long", "This is far too long for a phone number. Enter one number.")
    if any(unicodedata.category(character) == "No" for character in text):
        raise _error("unsupported_characters")  # a footnote mark (¹) would otherwise become a digit
    text = unicodedata.normalize("NFKC", text).translate(_DASHES).strip(_EDGES)
    text = "".join(_western_digit(character) for character in text)
    if _SPREADSHEET.fullmatch(text):
        raise _error("spreadsheet_number")
    extension = _EXTENSION.search(text)
    if extension and _count_digits(text[: extension.start()]) >= 6:
        raise _error("extension")
    if _holds_several(text):
        raise _error("one_number")
    if _CONTROL.search(text):
        raise _error("unsupported_characters")
    if any(character.isalpha() for character in text):
        raise _error("letters")
    count = _count_digits(text)
    if count == 0:
        raise _error("not_a_number")
    if count > MAX_DIGITS:
        raise PhoneError("too_long", f"This has {count} digits and no phone number has more than 15.")
    if count < 6 and re.fullmatch(r"[+0-9 ().\-]+", text):
        raise PhoneError(
            "too_short",
            "This is too short for a phone number. Enter all digits; short codes and emergency numbers "
            "cannot be texted.",
        )
    if not _DIALLABLE.fullmatch(text):
        raise _error("unsupported_characters")
    return text


def _holds_several(text: str) -> bool:
    listed = [part for part in _LISTED_NUMBERS.split(text) if _count_digits(part) >= 7]
    spaced = [part for part in text.split() if _count_digits(part) >= 9]
    return len(listed) > 1 or len(spaced) > 1


def _count_digits(text: str) -> int:
    return sum(character in "0123456789" for character in text)


def _western_digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _parsed(diallable: str, region: str | None) -> phonenumbers.PhoneNumber:
    try:
        return phonenumbers.parse(diallable, region.upper() if region else None)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise _error("unknown_country" if diallable.startswith("+") else "no_country") from None
        if error.error_type == NumberParseException.TOO_LONG:
            raise PhoneError("too_long", "This number is too long. Check it for extra digits.") from None
        if error.error_type == NumberParseException.NOT_A_NUMBER:
            raise _error("not_a_number") from None
        raise PhoneError("too_short", "This number is too short. Check it for missing digits.") from None


def _require_valid(parsed: phonenumbers.PhoneNumber) -> None:
    code = parsed.country_code
    assert code is not None  # every number the library returns has one
    found = len(phonenumbers.national_significant_number(parsed))
    if phonenumbers.is_valid_number(parsed) and len(str(code)) + found <= 15:
        return
    lengths = _mobile_lengths(code)
    shortest, longest = min(lengths), max(lengths)
    needed = str(shortest) if shortest == longest else f"{shortest} to {longest}"
    hint = f"After +{code} there should be {needed} digits and here there are {found}."
    if found < shortest:
        raise PhoneError("too_short", f"This number is too short. {hint}")
    if found > longest:
        raise PhoneError("too_long", f"This number is too long. {hint}")
    raise PhoneError("unassigned", f"No phone after +{code} has a number like this one. Check the digits.")


def _mobile_lengths(country_code: int) -> list[int]:
    region = phonenumbers.region_code_for_country_code(country_code)
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(country_code, region)
    assert metadata is not None  # the library has just parsed a number of this country
    for description in (metadata.mobile, metadata.general_desc):
        lengths = [length for length in description.possible_length if length > 0] if description else []
        if lengths:
            return lengths
    return [15]


def _fictional_range(e164: str) -> FictionalRange | None:
    number = digits(e164)
    return next((listed for listed in FICTIONAL_RANGES if listed.digits.fullmatch(number)), None)


def _stored(e164: str) -> phonenumbers.PhoneNumber | None:
    """Read back a number that was stored as E.164; None for anything else, such as a sender name."""
    if not re.fullmatch(r"\+[0-9]{5,15}", e164):
        return None
    try:
        return phonenumbers.parse(e164)
    except NumberParseException:
        return None


def _error(code: str) -> PhoneError:
    return PhoneError(code, _SENTENCES[code])
