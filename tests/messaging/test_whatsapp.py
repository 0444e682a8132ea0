"""WhatsApp's rules (Meta, November 2025) and bad-input rows B36 to B38 and B68 as far as they are pure."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.whatsapp import (
    LANGUAGES,
    PLAIN_STATUSES,
    RenderedButton,
    RenderedTemplate,
    TemplateValueError,
    Variable,
    check_media,
    file_kind_of,
    render_components,
    validate_template,
    variables_of,
    window_closes_at,
)

HEADER = {"type": "HEADER", "format": "TEXT", "text": "Visit {{1}}", "example": {"header_text": ["tomorrow"]}}
BODY = {
    "type": "BODY",
    "text": "Hello {{1}}, we come at {{2}} sharp.",
    "example": {"body_text": [["Rosa", "9"]]},
}
NAMED_BODY = {
    "type": "BODY",
    "text": "Hello {{first_name}}, we come at {{hour}} sharp.",
    "example": {
        "body_text_named_params": [
            {"param_name": "first_name", "example": "Rosa"},
            {"param_name": "hour", "example": "9"},
        ]
    },
}
FOOTER = {"type": "FOOTER", "text": "Fernhill Water"}
REPLY = {"type": "QUICK_REPLY", "text": "I'll be in"}
LINK = {"type": "URL", "text": "Track", "url": "https://fernhill.test/{{1}}", "example": ["https://fernhill.test/a1"]}
PLAIN_LINK = {"type": "URL", "text": "Site", "url": "https://fernhill.test/"}
CALL = {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+447741632543"}
CODE = {"type": "COPY_CODE", "example": "SAVE10"}


def buttons(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(items)}


def body(text: str, *samples: str) -> dict[str, Any]:
    return {"type": "BODY", "text": text, "example": {"body_text": [list(samples)]}}


def problems(
    components: Any, name: str = "a", category: str = "utility", language: str = "en_GB", new: bool = True
) -> list[tuple[str, str]]:
    found = validate_template(name, category, language, components, new=new)
    assert all(problem.sentence.endswith((".", "ask.")) for problem in found)
    return [(problem.field, problem.code) for problem in found]


FULL = [HEADER, BODY, FOOTER, buttons(REPLY, REPLY, LINK, CALL)]


@pytest.mark.parametrize(
    "components",
    [
        [BODY],
        FULL,
        [NAMED_BODY],
        [{"type": "HEADER", "format": "IMAGE"}, BODY],
        [{"type": "HEADER", "format": "LOCATION"}, BODY],
        [{"type": "body", "text": "Lower case is fine."}],
        [BODY, buttons(LINK, CALL, REPLY, REPLY)],
        [BODY, buttons(CODE, PLAIN_LINK)],
        [BODY, buttons(*[REPLY] * 10)],
        [body("x" * 1024)],
        [body("Hello {{1}} and again {{1}}.", "Rosa")],
    ],
)
def test_good_templates_have_no_problems(components: list[dict[str, Any]]) -> None:
    assert problems(components) == []
    assert problems(components, new=False) == []


@pytest.mark.parametrize(
    ("details", "problem"),
    [
        ({"name": ""}, ("name", "required")),
        ({"name": "Text Template"}, ("name", "bad_name")),
        ({"name": "visit-reminder"}, ("name", "bad_name")),
        ({"name": "x" * 513}, ("name", "too_long")),
        ({"category": "news"}, ("category", "unknown")),
        ({"language": ""}, ("language", "required")),
        ({"language": "en_us"}, ("language", "unknown_language")),
        ({"language": "en_UK"}, ("language", "unknown_language")),
    ],
)
def test_names_categories_and_languages(details: dict[str, str], problem: tuple[str, str]) -> None:
    assert problems([BODY], **details) == [problem]


def test_a_wrong_language_is_told_the_right_one() -> None:
    sentence = validate_template("a", "utility", "en-us", [BODY])[0].sentence
    assert sentence == "WhatsApp has no language en-us. Use its exact code, such as en_US."


def test_the_words_are_in_lower_case_whatever_the_provider_writes() -> None:
    assert problems([BODY], category="UTILITY") == []
    assert all(status == status.lower() for status in PLAIN_STATUSES)
    assert len(LANGUAGES) == 86


@pytest.mark.parametrize(
    ("components", "problem"),
    [
        ("text", ("components", "malformed")),
        (None, ("components", "malformed")),
        (["text"], ("components", "malformed")),
        ([], ("body.text", "required")),
        ([HEADER], ("body.text", "required")),
        ([BODY, BODY], ("components", "repeated")),
        ([BODY, {"type": "CAROUSEL"}], ("components", "unknown")),
        ([{"text": "Hi"}, BODY], ("components", "unknown")),
        # header
        ([{"type": "HEADER", "format": "TEXT", "text": ""}, BODY], ("header.text", "required")),
        ([{"type": "HEADER", "format": "TEXT", "text": 7}, BODY], ("header.text", "required")),
        ([{"type": "HEADER", "format": "TEXT", "text": "x" * 61}, BODY], ("header.text", "too_long")),
        ([{"type": "HEADER", "format": "MUSIC"}, BODY], ("header.format", "unknown")),
        ([{"type": "HEADER", "format": "GIF"}, BODY], ("header.format", "marketing_only")),
        ([{**HEADER, "example": {}}, BODY], ("header.text", "no_sample")),
        # body
        ([body(" \u200b ")], ("body.text", "required")),
        ([body("x" * 1025)], ("body.text", "too_long")),
        ([body("{{1}}, hello there.", "Rosa")], ("body.text", "edge_variable")),
        ([body("Hello {{1}} ", "Rosa")], ("body.text", "edge_variable")),
        ([body("Hello {{2}} there.", "Rosa")], ("body.text", "gap")),
        ([body("Hello {{1}} and {{3}} there.", "a", "b")], ("body.text", "gap")),
        ([body("Hello {{ 1 }} there.")], ("body.text", "broken_variable")),
        ([body("Hello {{7*7}} there.")], ("body.text", "broken_variable")),
        ([body("Hello {{First}} there.")], ("body.text", "broken_variable")),
        ([body("Hello {{1} there.")], ("body.text", "broken_variable")),
        ([body("Hello {{1}} or {{name}} there.", "a", "b")], ("components", "mixed_variables")),
        ([HEADER, NAMED_BODY], ("components", "mixed_variables")),
        ([body("Hello {{1}} and {{2}} there.", "Rosa")], ("body.text", "no_sample")),
        ([body("Hello {{1}} there.", " ")], ("body.text", "no_sample")),
        ([{"type": "BODY", "text": "Hello {{1}} there.", "example": "Rosa"}], ("body.text", "no_sample")),
        ([{**NAMED_BODY, "example": {"body_text_named_params": []}}], ("body.text", "no_sample")),
        ([body("Hello\tthere.")], ("body.text", "too_many_spaces")),
        ([body("Hello     there.")], ("body.text", "too_many_spaces")),
        # footer
        ([BODY, {"type": "FOOTER", "text": ""}], ("footer.text", "required")),
        ([BODY, {"type": "FOOTER", "text": "x" * 61}], ("footer.text", "too_long")),
        ([BODY, {"type": "FOOTER", "text": "By {{1}}"}], ("footer.text", "no_variables")),
        # buttons
        ([BODY, {"type": "BUTTONS"}], ("buttons", "malformed")),
        ([BODY, buttons()], ("buttons", "required")),
        ([BODY, buttons(*[REPLY] * 9, CALL, PLAIN_LINK)], ("buttons", "too_many")),
        ([BODY, buttons(PLAIN_LINK, PLAIN_LINK, PLAIN_LINK)], ("buttons", "too_many")),
        ([BODY, buttons(CALL, CALL)], ("buttons", "too_many")),
        ([BODY, buttons(CODE, CODE)], ("buttons", "too_many")),
        ([BODY, buttons(REPLY, PLAIN_LINK, REPLY)], ("buttons", "scattered_replies")),
        ([BODY, buttons({"type": "DANCE", "text": "x"})], ("buttons.0", "unknown")),
        ([BODY, buttons({**REPLY, "text": ""})], ("buttons.0.text", "required")),
        ([BODY, buttons(CALL, {**REPLY, "text": "x" * 26})], ("buttons.1.text", "too_long")),
        ([BODY, buttons({**REPLY, "text": "Yes {{1}}"})], ("buttons.0.text", "no_variables")),
        ([BODY, buttons({**PLAIN_LINK, "url": "fernhill.test"})], ("buttons.0.url", "bad_url")),
        ([BODY, buttons({**PLAIN_LINK, "url": "javascript:alert(1)"})], ("buttons.0.url", "bad_url")),
        ([BODY, buttons({**PLAIN_LINK, "url": "https://a.test/" + "x" * 2000})], ("buttons.0.url", "too_long")),
        ([BODY, buttons({**LINK, "url": "https://a.test/{{1}}/x"})], ("buttons.0.url", "edge_variable")),
        ([BODY, buttons({**LINK, "url": "https://a.test/{{1}}{{2}}"})], ("buttons.0.url", "edge_variable")),
        ([BODY, buttons({**LINK, "example": []})], ("buttons.0.url", "no_sample")),
        ([BODY, buttons({**CALL, "phone_number": "call me"})], ("buttons.0.phone_number", "bad_phone")),
        ([BODY, buttons({**CALL, "phone_number": "4" * 21})], ("buttons.0.phone_number", "bad_phone")),
        ([BODY, buttons({"type": "COPY_CODE"})], ("buttons.0", "no_sample")),
        ([BODY, buttons({**CODE, "example": "x" * 16})], ("buttons.0", "no_sample")),
    ],
)
def test_each_rule_of_meta_is_reported_at_its_field(components: Any, problem: tuple[str, str]) -> None:
    assert problems(components) == [problem]


def test_two_variables_in_a_header_are_one_too_many() -> None:
    header = {**HEADER, "text": "{{1}} and {{2}}", "example": {"header_text": ["a", "b"]}}
    assert problems([header, BODY]) == [("header.text", "too_many_variables")]


def test_all_problems_come_in_the_order_of_the_form() -> None:
    found = problems([{**HEADER, "text": "x" * 61}, body("Hi {{1}}")], name="A", category="x", language="x")
    assert [field for field, _ in found] == ["name", "category", "language", "header.text", "body.text", "body.text"]


def test_a_template_that_meta_has_approved_is_not_judged_again() -> None:
    approved = [body("{{1}}     {{2}}" + "x" * 2000), buttons(REPLY, PLAIN_LINK, REPLY)]
    assert problems(approved, name="3 buttons", language="en_us", new=False) == []


def test_an_approved_template_that_cannot_be_filled_in_is_still_refused() -> None:
    assert problems([body("Hi {{a b}} there")], new=False) == [("body.text", "broken_variable")]
    assert problems([BODY, {"type": "CAROUSEL"}], new=False) == [("components", "unknown")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["BODY", "BUTTONS", "{{1}}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "example", "buttons", "url", "format"]), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(json_values, st.booleans())
def test_any_json_is_judged_without_an_exception(components: Any, new: bool) -> None:
    found = validate_template("a", "utility", "en", components, new=new)
    assert found or isinstance(components, list)


def test_the_variables_of_a_template_in_reading_order() -> None:
    components = [{"type": "HEADER", "format": "DOCUMENT"}, BODY, FOOTER, buttons(REPLY, LINK, CODE)]
    assert variables_of(components) == (
        Variable("header", "media", "document"),
        Variable("body", "1", "text"),
        Variable("body", "2", "text"),
        Variable("buttons", "1", "url"),
        Variable("buttons", "2", "code"),
    )
    assert variables_of([HEADER, body("{{2}} {{10}} {{1}}")]) == (
        Variable("header", "1", "text"),
        Variable("body", "1", "text"),
        Variable("body", "2", "text"),
        Variable("body", "10", "text"),
    )
    assert [variable.name for variable in variables_of([NAMED_BODY])] == ["first_name", "hour"]
    assert variables_of([]) == ()


@pytest.mark.parametrize(
    "values",
    [
        {"header": ["today"], "body": ["Rosa", 9], "buttons": {"2": "a1b2"}},
        {"header": {"1": "today"}, "body": {"2": "9", "1": "Rosa"}, "buttons": {2: "a1b2"}},
        {"header": ("today",), "body": {1: "Rosa", 2: "9"}, "buttons": ["a1b2"]},
    ],
)
def test_the_customer_sees_the_text_with_its_values(values: dict[str, Any]) -> None:
    assert render_components(FULL, values) == RenderedTemplate(
        header="Visit today",
        body="Hello Rosa, we come at 9 sharp.",
        footer="Fernhill Water",
        buttons=(
            RenderedButton("quick_reply", "I'll be in", ""),
            RenderedButton("quick_reply", "I'll be in", ""),
            RenderedButton("url", "Track", "https://fernhill.test/a1b2"),
            RenderedButton("phone_number", "Call us", "+447741632543"),
        ),
    )


def test_named_values_and_repeated_variables() -> None:
    assert render_components([NAMED_BODY], {"body": {"first_name": "Rosa", "hour": "9"}}).body.startswith("Hello Rosa,")
    assert render_components([NAMED_BODY], {"body": ["Rosa", "9"]}).body.startswith("Hello Rosa,")
    assert render_components([body("{{1}} and {{1}}.")], {"body": ["a"]}).body == "a and a."


def test_a_template_without_variables_needs_no_values() -> None:
    image = {"type": "HEADER", "format": "IMAGE", "text": "ignored"}
    rendered = render_components([image, body("Hello.")], {"header": ["the file travels beside the values"]})
    assert rendered == RenderedTemplate(header="", body="Hello.", footer="", buttons=())


def test_a_code_is_copied_from_its_button() -> None:
    rendered = render_components([body("Your code"), buttons(CODE)], {"buttons": {"0": "SAVE10"}})
    assert rendered.buttons == (RenderedButton("copy_code", "Copy code", "SAVE10"),)


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"body": ["Rosa"]}, "body.2", "missing_value"),
        ({"body": {"1": "Rosa"}}, "body.2", "missing_value"),
        ({"body": None}, "body.1", "missing_value"),
        ({"body": {}}, "body.1", "missing_value"),
        ({"body": "Rosa"}, "body.1", "missing_value"),
        ({"body": ["Rosa", "\u200b "]}, "body.2", "missing_value"),
        ({"body": ["Rosa", None]}, "body.2", "missing_value"),
        ({"body": ["Rosa", "9", "10"]}, "body", "too_many_values"),
        ({"body": {"1": "Rosa", "2": "9", "hour": "9"}}, "body.hour", "unknown_value"),
        ({"header": ["today"]}, "header", "too_many_values"),
        ({"buttons": {"0": "x", "1": "y"}}, "buttons.0", "unknown_value"),
        ({"buttons": {}}, "buttons.1", "missing_value"),
        ({"body": ["Rosa", ["9"]]}, "body.2", "unreadable_value"),
        ({"body": ["Rosa", pytest]}, "body.2", "unreadable_value"),
        ({"body": ["Rosa\nLee", "9"]}, "body.1", "line_break"),
        ({"body": ["Rosa\tLee", "9"]}, "body.1", "line_break"),
        ({"body": ["Rosa\u2028Lee", "9"]}, "body.1", "line_break"),
        ({"body": ["Rosa     Lee", "9"]}, "body.1", "too_many_spaces"),
        ({"body": ["x" * 1024, "9"]}, "body", "too_long"),
        ({"buttons": {"1": "a b", "2": "y"}}, "buttons.1", "bad_url"),
        ({"buttons": {"1": "x" * 2000, "2": "y"}}, "buttons.1", "bad_url"),
        ({"buttons": {"1": "x", "2": "y" * 16}}, "buttons.2", "too_long"),
    ],
)
def test_values_that_whatsapp_would_refuse_are_refused_here(values: dict[str, Any], field: str, code: str) -> None:
    components = [BODY, buttons(REPLY, LINK, CODE)]
    good = {"body": ["Rosa", "9"], "buttons": {"1": "x", "2": "y"}}
    assert render_components(components, good).body == "Hello Rosa, we come at 9 sharp."
    with pytest.raises(TemplateValueError) as caught:
        render_components(components, good | values)
    assert (caught.value.field, caught.value.code) == (field, code)
    assert caught.value.sentence.endswith(".")


def test_a_header_may_not_grow_past_its_limit() -> None:
    with pytest.raises(TemplateValueError) as caught:
        render_components([HEADER, body("Hi.")], {"header": ["x" * 55]})
    assert (caught.value.field, caught.value.code) == ("header", "too_long")


def test_a_missing_value_is_named_in_the_reader_s_words() -> None:
    with pytest.raises(TemplateValueError, match=re.escape("There is no value for {{2}} of the body. Fill it in.")):
        render_components([BODY], {"body": ["Rosa"]})
    with pytest.raises(TemplateValueError, match=r"There is no value for button 1\. Fill it in\."):
        render_components([body("Hi."), buttons(LINK)], {})


VALUES = st.text(alphabet=r"ab{}12\g<> ", min_size=1, max_size=20).filter(
    lambda text: text.strip() and "     " not in text
)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_a_value_is_never_expanded_again(first: str, second: str) -> None:
    rendered = render_components([body("a {{1}} b {{2}} c")], {"body": [first, second]})
    assert rendered.body == "a " + first + " b " + second + " c"


def test_three_words_of_metas_mean_that_a_template_may_be_sent() -> None:
    sendable = {word for word, plain in PLAIN_STATUSES.items() if plain == "approved"}
    assert sendable == {"approved", "reinstated", "unarchived"}


@pytest.mark.parametrize(
    ("form", "kind"), [("IMAGE", "image"), ("DOCUMENT", "document"), ("TEXT", ""), ("LOCATION", ""), ("GIF", "")]
)
def test_the_kind_of_file_that_a_header_takes(form: str, kind: str) -> None:
    assert file_kind_of([{"type": "HEADER", "format": form, "text": "Visit"}, body("We come.")]) == kind
    assert file_kind_of([body("We come.")]) == ""


MB = 1024 * 1024


@pytest.mark.parametrize(
    ("kind", "content_type", "size"),
    [
        ("image", "image/jpeg", 5 * MB),
        ("image", "IMAGE/PNG", 1),
        ("video", "video/mp4", 16 * MB),
        ("audio", "audio/ogg; codecs=opus", 16 * MB),
        ("document", "application/pdf", 100 * MB),
        ("document", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 1),
        ("sticker", "image/webp", 500 * 1024),
    ],
)
def test_media_that_whatsapp_takes(kind: str, content_type: str, size: int) -> None:
    assert check_media(kind, content_type, size) is None


@pytest.mark.parametrize(
    ("kind", "content_type", "size", "code"),
    [
        ("image", "image/jpeg", 5 * MB + 1, "too_large"),
        ("video", "video/mp4", 16 * MB + 1, "too_large"),
        ("document", "application/pdf", 101 * MB, "too_large"),
        ("sticker", "image/webp", 500 * 1024 + 1, "too_large"),
        ("image", "image/jpeg", 0, "empty_file"),
        ("image", "image/svg+xml", 10, "wrong_type"),
        ("image", "image/gif", 10, "wrong_type"),
        ("document", "text/html", 10, "wrong_type"),
        ("document", "application/zip", 10, "wrong_type"),
        ("hologram", "image/png", 10, "unknown_kind"),
    ],
)
def test_media_that_whatsapp_refuses(kind: str, content_type: str, size: int, code: str) -> None:
    problem = check_media(kind, content_type, size)
    assert problem is not None
    assert problem.code == code
    assert problem.sentence.endswith(".")


def test_the_window_closes_a_day_after_the_customer_s_last_message() -> None:
    last = datetime(2026, 3, 28, 12, 30, tzinfo=UTC)
    assert window_closes_at(last) == datetime(2026, 3, 29, 12, 30, tzinfo=UTC)
