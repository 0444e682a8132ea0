"""What numbered variables are for, read from the template itself, and amounts that customers would misread."""

from __future__ import annotations

from typing import Any

import pytest

from messaging.whatsapp.hints import Meaning, date_shape, kind_words, meaning_of, wrong_value


def template(text: str, *samples: str) -> list[dict[str, Any]]:
    return [{"type": "BODY", "text": text, "example": {"body_text": [list(samples)]}}]


@pytest.mark.parametrize("text", ["Hello {{1}}, we come.", "Hi {{1}}! Yes.", "Dear {{1}} there", "مرحباً {{1}}، الموعد"])
def test_whoever_is_greeted_is_a_first_name(text: str) -> None:
    assert meaning_of(template(text, "Rosa"), "body", "1") is Meaning.FIRST_NAME


@pytest.mark.parametrize(
    ("sample", "meaning"),
    [
        ("£38.00", Meaning.AMOUNT),
        ("40 €", Meaning.AMOUNT),
        ("08:00", Meaning.TIME),
        ("9:30 pm", Meaning.TIME),
        ("Thursday 19 November", Meaning.DATE),
        ("2026-11-26", Meaning.DATE),
        ("30", Meaning.NUMBER),
        ("118-7726", Meaning.TEXT),
        ("Ewell", Meaning.TEXT),
        ("", Meaning.TEXT),
    ],
)
def test_others_are_what_their_sample_is(sample: str, meaning: Meaning) -> None:
    assert meaning_of(template("We ask for {{1}} now.", sample), "body", "1") is meaning


@pytest.mark.parametrize("value", ["40", "40.00", "£1,200.50", "£40.00 a month", "nothing", "£38.00 by 3 May"])
def test_amounts_that_are_read_rightly(value: str) -> None:
    assert wrong_value(Meaning.AMOUNT, value, language="en_GB") == ""


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("40,00", "Use a point for pence: 40.00."),
        ("£40,00", "Use a point for pence: £40.00."),
        ("1.200,50", "Write the amount with a point and two digits, like 40.00."),
    ],
)
def test_amounts_that_would_be_misread(value: str, sentence: str) -> None:
    assert wrong_value(Meaning.AMOUNT, value, language="en") == sentence
    assert wrong_value(Meaning.AMOUNT, value, language="de") == ""
    assert wrong_value(Meaning.TEXT, value, language="en") == ""


@pytest.mark.parametrize(
    ("meaning", "sample", "words"),
    [
        (Meaning.AMOUNT, "£40.00", "amount in £"),
        (Meaning.AMOUNT, "40,00 €", "amount in €"),
        (Meaning.DATE, "26 November", "date"),
        (Meaning.FIRST_NAME, "Rosa", "text"),
        (Meaning.TEXT, "", "text"),
    ],
)
def test_the_kind_of_a_value_in_a_word(meaning: Meaning, sample: str, words: str) -> None:
    assert kind_words(meaning, sample) == words


@pytest.mark.parametrize(
    ("sample", "shape"),
    [
        ("Thursday 19 November", "weekday day month"),
        ("26 November", "day month"),
        ("26 Nov 2026", "day month-short year"),
        ("4 May 2026", "day month year"),
        ("November 26, 2026", "day month year"),
        ("2026-11-26", "iso"),
        ("next Friday", ""),
        ("November", ""),
        ("November 2026", ""),
    ],
)
def test_which_parts_a_sample_date_has(sample: str, shape: str) -> None:
    assert date_shape(sample) == shape
