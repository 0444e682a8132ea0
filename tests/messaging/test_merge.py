"""Bad-input matrix, rows B25 and B29 to B34: merge fields are replaced once and nothing is evaluated."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.merge import MAX_VALUE_LENGTH, MergeError, MergeText, fields_of, render


def test_the_document_s_example() -> None:
    template = "Hello ${firstname}, your ${count} service is due by ${date}. Contact us on ${phone}."
    common = {"firstname": "user", "phone": "+447709873123"}
    assert (
        render(template, {"count": "first", "date": "15th Jan, 2025"}, common)
        == "Hello user, your first service is due by 15th Jan, 2025. Contact us on +447709873123."
    )
    assert render("Hello ${firstname}", {"firstname": "Mark"}, common) == "Hello Mark"


def test_fields_are_listed_once_in_order() -> None:
    assert fields_of("${b} ${a} ${b} $a {a} $$") == ("b", "a")
    assert fields_of("") == ()


def test_a_page_can_tell_values_from_words() -> None:
    template = MergeText("Hi ${name}${name}, ${day}")
    values = {"name": "Rosa", "day": "${name}"}
    pieces = template.pieces(values.__getitem__)
    assert pieces == [("Hi ", False), ("Rosa", True), ("Rosa", True), (", ", False), ("${name}", True)]
    assert "".join(text for text, _ in pieces) == template.fill(values.__getitem__)


def test_a_missing_value_stops_the_message_and_names_the_field() -> None:
    with pytest.raises(MergeError) as caught:
        render("Hello ${firstname} from ${city}", {"city": "Leeds"})
    assert (caught.value.code, caught.value.field) == ("missing_value", "firstname")
    assert caught.value.sentence == "There is no value for firstname. Add one, or a fallback for those without."


@pytest.mark.parametrize("blank", ["", "   ", None])
def test_a_blank_value_counts_as_none(blank: str | None) -> None:
    assert render("Hi ${name}", {"name": blank}, {"name": "all"}) == "Hi all"
    assert render("Hi ${name}", {"name": blank}, {"name": blank}, {"name": "friend"}) == "Hi friend"
    with pytest.raises(MergeError):
        render("Hi ${name}", {"name": blank})


def test_an_empty_fallback_makes_a_field_optional() -> None:
    assert render("Hi${title} Lee", {}, fallbacks={"title": ""}) == "Hi Lee"


def test_the_recipient_s_value_wins_over_the_common_one_and_both_over_the_fallback() -> None:
    assert render("${a}${b}${c}", {"a": 1}, {"a": 2, "b": 2}, {"a": "3", "b": "3", "c": "3"}) == "123"


def test_a_value_that_looks_like_a_field_is_not_expanded_again() -> None:
    assert render("${a} ${phone}", {"a": "${phone}", "phone": "x"}) == "${phone} x"
    assert render("${a}", {"a": r"\1 \g<name> ${"}) == r"\1 \g<name> ${"


@pytest.mark.parametrize(
    "template",
    [
        "${",
        "${a",
        "${A.b}",
        "${__class__}",
        "${a b}",
        "${}",
        "${ a}",
        "${1a}",
        "${ä}",
        "${Name}",
        "${a${b}",
        "${" + "a" * 41 + "}",
    ],
)
def test_malformed_fields_are_refused_by_everything_that_reads_a_template(template: str) -> None:
    for read in (fields_of, lambda text: render(text, {"a": "1", "b": "2"})):
        with pytest.raises(MergeError) as caught:
            read(f"Hello {template}")
        assert caught.value.code == "malformed_field"
        assert caught.value.field
        assert len(caught.value.sentence) < 250


@pytest.mark.parametrize(
    "literal",
    [
        "$5",
        "5$ off",
        "$$",
        "$",
        "$a",
        "{a}",
        "{{7*7}}",
        '{% include "/etc/passwd" %}',
        "{0.__class__}",
        "%(x)s %s",
        "{x:>999999999}",
        "{u.__init__.__globals__[os].environ[HOME]}",
    ],
)
def test_other_template_languages_are_ordinary_text(literal: str) -> None:
    assert render(literal, {"x": "1", "u": "2", "a": "3"}) == literal
    assert render("${a}", {"a": literal}) == literal


def test_numbers_and_dates_become_text() -> None:
    values = {"count": 3, "price": Decimal("2.50"), "day": date(2025, 1, 20)}
    assert render("${count} ${price} ${day}", values) == "3 2.50 2025-01-20"


@pytest.mark.parametrize("value", [["a"], {"a": 1}, object(), b"x", pytest.param(10**5000, id="huge")])
def test_values_without_a_plain_text_are_refused(value: object) -> None:
    with pytest.raises(MergeError) as caught:
        render("${a}", {"a": value})
    assert (caught.value.code, caught.value.field) == ("unreadable_value", "a")


def test_a_value_has_a_largest_length() -> None:
    assert len(render("${a}", {"a": "x" * MAX_VALUE_LENGTH})) == MAX_VALUE_LENGTH
    with pytest.raises(MergeError) as caught:
        render("${a}", {"a": "x" * (MAX_VALUE_LENGTH + 1)})
    assert caught.value.code == "value_too_long"


@settings(deadline=None)
@given(st.lists(st.sampled_from(["${a}", "${b}", " text ", "$", "{", "}"]), max_size=20), st.text(), st.text())
def test_rendering_replaces_each_field_once_and_nothing_else(parts: list[str], a: str, b: str) -> None:
    template = " ".join(parts)
    replaced = [{"${a}": a, "${b}": b}.get(part, part) for part in parts]
    assert render(template, {}, fallbacks={"a": a, "b": b}) == " ".join(replaced)


@settings(deadline=None)
@given(st.text(alphabet="${}aA_1. "))
def test_any_template_is_either_rendered_or_refused_and_both_readers_agree(template: str) -> None:
    try:
        names = fields_of(template)
    except MergeError:
        with pytest.raises(MergeError):
            render(template, {})
    else:
        assert render(template, dict.fromkeys(names, "x")) == re.sub(r"\$\{\w+\}", "x", template)
