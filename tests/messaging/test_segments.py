"""Bad-input matrix, rows B18 to B20 and B22: how long a text is, and what cannot be sent."""

import pytest
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.segments import Segments, count_segments, is_blank, measure, plain_text, unsendable_characters

EMOJI = "😀"
ESCAPED = set("\f^{}\\[~]|€")


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts_of_67", "parts_of_63"),
    [
        ("a" * 160, "GSM-7", 160, 1, 1),
        ("a" * 161, "GSM-7", 161, 2, 2),
        ("a" * 306, "GSM-7", 306, 2, 2),
        ("a" * 307, "GSM-7", 307, 3, 3),
        ("a" * 459, "GSM-7", 459, 3, 3),
        ("a" * 460, "GSM-7", 460, 4, 4),
        ("€" * 80, "GSM-7", 160, 1, 1),
        ("€" * 81, "GSM-7", 162, 2, 2),
        ("я" * 70, "Unicode", 70, 1, 1),
        ("я" * 71, "Unicode", 71, 2, 2),
        ("я" * 134, "Unicode", 134, 2, 3),
        ("я" * 135, "Unicode", 135, 3, 3),
        (EMOJI * 35, "Unicode", 70, 1, 1),
        (EMOJI * 36, "Unicode", 72, 2, 2),
        ("я" * 66 + EMOJI + "я" * 10, "Unicode", 78, 2, 2),
        ("a" * 70 + EMOJI, "Unicode", 72, 2, 2),
        ("€[]{}~^\\|", "GSM-7", 18, 1, 1),
    ],
)
def test_known_lengths(text: str, encoding: str, units: int, parts_of_67: int, parts_of_63: int) -> None:
    usual, webex = measure(text), measure(text, unicode_part=63)
    assert (usual.encoding, usual.units, usual.segments) == (encoding, units, parts_of_67)
    assert (webex.encoding, webex.units, webex.segments) == (encoding, units, parts_of_63)


def test_an_emoji_that_does_not_fit_leaves_the_last_unit_of_its_segment_empty() -> None:
    # 66 units, one left empty, then 2 + 66 in the second segment: full. One unit less would have fitted before.
    text = "я" * 66 + EMOJI + "я" * 65
    assert measure(text) == Segments(
        encoding="Unicode",
        units=133,
        segments=2,
        per_segment=67,
        remaining=0,
        costly=tuple(enumerate(text)),
    )
    assert measure(text + "я").segments == 3


def test_an_escape_that_does_not_fit_leaves_the_last_septet_of_its_segment_empty() -> None:
    text = "a" * 152 + "€" + "a" * 151
    assert (measure(text).units, measure(text).segments, measure(text).remaining) == (305, 2, 0)
    assert measure(text + "a").segments == 3


@pytest.mark.parametrize(
    ("text", "per_segment", "remaining"),
    [("", 160, 160), ("a", 160, 159), ("a" * 160, 160, 0), ("a" * 161, 153, 145), ("a" * 306, 153, 0), ("я", 70, 69)],
)
def test_what_still_fits(text: str, per_segment: int, remaining: int) -> None:
    measured = measure(text)
    assert (measured.per_segment, measured.remaining) == (per_segment, remaining)
    assert measured.segments == (1 if 0 < len(text) <= per_segment else 2 if text else 0)


def test_costly_characters_are_those_that_force_unicode_or_else_cost_two() -> None:
    assert measure("5€ [off]").costly == ((1, "€"), (3, "["), (7, "]"))
    assert measure("5€ “off”").costly == ((3, "“"), (7, "”"))
    assert measure("plain").costly == ()


@pytest.mark.parametrize("character", "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n\r !?zZ09")
def test_the_basic_alphabet_costs_one(character: str) -> None:
    assert (measure(character).encoding, measure(character).units) == ("GSM-7", 1)


@pytest.mark.parametrize("character", "çáíóú`\t’“–…\x1b\x00êÀΑ" + EMOJI)
def test_characters_that_look_plain_but_force_unicode(character: str) -> None:
    assert measure(character).encoding == "Unicode"


def test_the_alphabet_has_127_characters_and_ten_escaped_ones() -> None:
    measured = [measure(chr(code)) for code in range(0xD800)] + [measure(chr(code)) for code in range(0xE000, 0x10000)]
    septets = [one.units for one in measured if one.encoding == "GSM-7"]
    assert (septets.count(1), septets.count(2), len(septets)) == (127, 10, 137)


def parts_cut_on_the_wire(text: str, unicode_part: int) -> int:
    """Cut the encoded form as a phone network does: back up when the cut falls inside a pair."""
    if measure(text).encoding == "GSM-7":
        wire = "".join("\x1b" + character if character in ESCAPED else character for character in text)
        single, part = 160, 153

        def opens_pair(unit: str) -> bool:
            return unit == "\x1b"
    else:
        encoded = text.encode("utf-16-be", "surrogatepass")
        wire = "".join(chr(int.from_bytes(encoded[at : at + 2])) for at in range(0, len(encoded), 2))
        single, part = 70, unicode_part

        def opens_pair(unit: str) -> bool:
            return "\ud800" <= unit <= "\udbff"

    if len(wire) <= single:
        return 1 if wire else 0
    parts = 0
    while wire:
        end = part - 1 if len(wire) > part and opens_pair(wire[part - 1]) else part
        parts, wire = parts + 1, wire[end:]
    return parts


MIXED = st.text(alphabet=st.sampled_from("aé€[я" + EMOJI), max_size=400)
SEPTETS = st.text(alphabet=st.sampled_from("ab€"), max_size=500)


@settings(deadline=None)
@given(st.one_of(MIXED, SEPTETS, st.text(alphabet=st.characters(exclude_categories=["Cs"]))), st.sampled_from([63, 67]))
def test_no_segment_splits_a_pair(text: str, unicode_part: int) -> None:
    assert measure(text, unicode_part=unicode_part).segments == parts_cut_on_the_wire(text, unicode_part)


ESCAPE = "\x1b"  # in a table of its own: smsutil counts it as a letter, which no phone shows
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters=ESCAPE)


@settings(deadline=None, max_examples=300)
@given(st.one_of(MIXED, SEPTETS, st.text(alphabet=LETTERS, max_size=500)).filter(bool), st.sampled_from([63, 67]))
def test_another_implementation_counts_the_same(text: str, unicode_part: int) -> None:
    ours = measure(text, unicode_part=unicode_part)
    if ours.encoding == "GSM-7":
        theirs = smsutil.split(text)
        units = theirs.total_bytes
    else:
        theirs = smsutil.split(text, multi_part_bytes=2 * unicode_part)
        units = theirs.total_bytes // 2
    names = {"gsm0338": "GSM-7", "utf_16_be": "Unicode"}
    assert (ours.encoding, ours.units, ours.segments) == (names[theirs.encoding], units, len(theirs.parts))


def test_another_implementation_has_the_same_alphabet() -> None:
    every = [chr(code) for code in range(0x10000) if not 0xD800 <= code <= 0xDFFF and chr(code) != ESCAPE]
    assert [one for one in every if (measure(one).encoding == "GSM-7") != smsutil.is_valid_gsm(one)] == []


@settings(deadline=None)
@given(MIXED)
def test_filling_what_remains_never_starts_a_segment_and_one_more_does(text: str) -> None:
    measured = measure(text)
    filler = "a" if measured.encoding == "GSM-7" else "я"
    if measured.segments:
        full = text + filler * measured.remaining
        assert measure(full).segments == measured.segments
        assert measure(full + filler).segments == measured.segments + 1


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("It’s “fine” – really…", 'It\'s "fine" - really...'),
        ("10\u00a0000\u202fkm\u2009«net»", '10 000 km "net"'),
        ("• one\n• two", "- one\n- two"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("e\u0301te\u0301", "été"),
        ("tab\there", "tab here"),
        ("already plain 5€", "already plain 5€"),
        ("Ça va, garçon? \u05e9\u05dc\u05d5\u05dd " + EMOJI, "Ça va, garçon? \u05e9\u05dc\u05d5\u05dd " + EMOJI),
        ("👩\u200d🚒", "👩\u200d🚒"),
    ],
)
def test_plain_text_replaces_typography_and_leaves_meaning(typed: str, plain: str) -> None:
    assert plain_text(typed) == plain


def test_one_curly_quote_costs_two_segments_and_plain_text_saves_them() -> None:
    text = "Don’t " + "a" * 150
    assert (measure(text).encoding, measure(text).segments) == ("Unicode", 3)
    assert (measure(plain_text(text)).encoding, measure(plain_text(text)).segments) == ("GSM-7", 1)


@settings(deadline=None)
@given(st.text())
def test_plain_text_is_done_after_one_pass(text: str) -> None:
    assert plain_text(plain_text(text)) == plain_text(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\x00b", ((1, "\x00"),)),
        ("\ud800", ((0, "\ud800"),)),
        ("ab\udfff", ((2, "\udfff"),)),
        ("\ufffe\uffff", ((0, "\ufffe"), (1, "\uffff"))),
        ("fine \u202e\ufffd " + EMOJI, ()),
        ("", ()),
    ],
)
def test_what_nothing_can_store_or_send(text: str, found: tuple[tuple[int, str], ...]) -> None:
    assert unsendable_characters(text) == found


@settings(deadline=None)
@given(st.text(alphabet=st.characters()))
def test_everything_else_can_be_stored(text: str) -> None:
    unsendable = {character for _, character in unsendable_characters(text)}
    "".join(character for character in text if character not in unsendable).encode()


@pytest.mark.parametrize(
    "text", ["", " ", "\t\r\n", "\u200b\u200c\u2060\ufeff", "\u00a0\u3000", "\u2800\u3164", "\ufe0f"]
)
def test_blank_is_what_nobody_can_see(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", [".", " a ", EMOJI, "\u200bя"])
def test_anything_visible_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@given(st.text(st.sampled_from("aZ 0@£€[]\n\r\t'я😀“"), max_size=700), st.sampled_from([63, 67]))
def test_the_number_alone_is_the_same(text: str, unicode_part: int) -> None:
    assert count_segments(text, unicode_part=unicode_part) == measure(text, unicode_part=unicode_part).segments


@pytest.mark.parametrize("length", [0, 1, 160, 161, 306, 307, 459, 460])
def test_the_number_of_plain_texts(length: int) -> None:
    assert count_segments("a" * length) == measure("a" * length).segments
