"""What Meta would refuse in a template, said before Meta says it, at the field concerned.

A new template is checked against every rule. One that Meta has already approved is checked only as far as we
must understand it to fill it in: its name may have spaces, its length is Meta's business.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from messaging.segments import is_blank
from messaging.whatsapp import rules
from messaging.whatsapp.rules import Problem
from messaging.whatsapp.templates import (
    UNSENT,
    VARIABLE,
    Component,
    names_in,
    sample_of_button,
    samples_in,
    text_in,
    word_in,
)

_COMPONENTS = ("HEADER", "BODY", "FOOTER", "BUTTONS")

_SHAPE = frozenset(
    {"required", "malformed", "unknown", "repeated", "broken_variable", "mixed_variables", "no_variables"}
)
"""Codes that stop us from filling the template in, whoever approved it."""


def validate_template(
    name: str, category: str, language: str, components: object, *, new: bool = True
) -> list[Problem]:
    """Return everything that is wrong with a template, in the order of its form; empty when all is well.

    `components` is what the form or import holds, of any shape. `new` is False for a template that the
    provider already has: then only what we could not fill in is reported.
    """
    problems = [
        *_check_name(name),
        *_check_category(category),
        *_check_language(language),
        *_check_components(components, category),
    ]
    return problems if new else [problem for problem in problems if problem.code in _SHAPE]


def _check_name(name: str) -> Iterator[Problem]:
    if is_blank(name):
        yield Problem("name", "required", "Give the template a name.")
    elif len(name) > rules.NAME_LENGTH:
        yield Problem("name", "too_long", f"A template name has at most {rules.NAME_LENGTH} characters.")
    elif not re.fullmatch(r"[a-z0-9_]+", name):
        yield Problem("name", "bad_name", "Use lower-case letters, digits and underscores only, like visit_reminder.")


def _check_category(category: str) -> Iterator[Problem]:
    if category.lower() not in rules.CATEGORIES:
        yield Problem("category", "unknown", "Choose marketing, utility or authentication.")


def _check_language(language: str) -> Iterator[Problem]:
    if not language:
        yield Problem("language", "required", "Choose the language of the template.")
    elif language not in rules.LANGUAGES:
        wanted = language.replace("-", "_").lower()
        meant = next((code for code in rules.LANGUAGES if code.lower() == wanted), "en or en_GB")
        yield Problem(
            "language", "unknown_language", f"WhatsApp has no language {language}. Use its exact code, such as {meant}."
        )


def _check_components(components: object, category: str) -> Iterator[Problem]:
    if not isinstance(components, list) or not all(isinstance(part, Mapping) for part in components):
        yield Problem("components", "malformed", "The components must be a list of objects, each with its type.")
        return
    kinds = [word_in(part, "type") for part in components]
    for kind in dict.fromkeys(kinds):
        if kind not in _COMPONENTS:
            yield Problem("components", "unknown", f"There is no component {kind or 'without a type'}. Remove it.")
        elif kinds.count(kind) > 1:
            yield Problem("components", "repeated", f"There is more than one {kind.lower()}. Keep one.")
    if "BODY" not in kinds:
        yield Problem("body.text", "required", "Write the body of the template.")
    for kind, part in zip(kinds, components, strict=True):
        if kind == "HEADER":
            yield from _check_header(part, category)
        elif kind == "BODY":
            yield from _check_body(part)
        elif kind == "FOOTER":
            yield from _check_text("footer.text", text_in(part), rules.FOOTER_LENGTH)
            yield from _check_no_variables("footer.text", text_in(part))
        elif kind == "BUTTONS":
            yield from _check_buttons(part.get("buttons"))
    used = [name for part in components if word_in(part, "type") != "BUTTONS" for name in names_in(text_in(part))]
    if len({name.isdigit() for name in used}) > 1:
        yield Problem("components", "mixed_variables", "Use numbers like {{1}} or names like {{first_name}}, not both.")


def _check_header(part: Component, category: str) -> Iterator[Problem]:
    form = word_in(part, "format")
    if form == "TEXT":
        text = text_in(part)
        yield from _check_text("header.text", text, rules.HEADER_LENGTH)
        yield from _check_variables("header.text", text)
        if len(names_in(text)) > 1:
            yield Problem("header.text", "too_many_variables", "A header has at most one variable. Remove the others.")
        yield from _check_samples("header.text", part, "header_text")
    elif form not in rules.MEDIA_HEADERS:
        yield Problem("header.format", "unknown", "Choose text, image, video, document or location for the header.")
    elif form == "GIF" and category.lower() != "marketing":
        yield Problem("header.format", "marketing_only", "Only marketing templates may have a GIF. Choose an image.")


def _check_body(part: Component) -> Iterator[Problem]:
    text = text_in(part)
    yield from _check_text("body.text", text, rules.BODY_LENGTH)
    yield from _check_variables("body.text", text)
    yield from _check_samples("body.text", part, "body_text")
    if re.match(r"\s*\{\{", text) or re.search(r"\}\}\s*$", text):
        yield Problem(
            "body.text", "edge_variable", "The body may not start or end with a variable. Write a word around it."
        )
    if "\t" in text or " " * 5 in text:
        yield Problem("body.text", "too_many_spaces", "Use no tabs and at most four spaces in a row.")


def _check_text(field: str, text: str, limit: int) -> Iterator[Problem]:
    if is_blank(text):
        yield Problem(field, "required", f"Write the {field.partition('.')[0]} text, or remove this part.")
    elif len(text) > limit:
        yield Problem(field, "too_long", f"This has {len(text):,} characters and WhatsApp takes {limit:,}. Shorten it.")
    lines = text if field == "body.text" else text.replace("\n", "\x00")
    if found := UNSENT.search(lines.replace("\n", "")):
        what = "a line break" if found[0] == "\x00" and "\n" in text else "a character that cannot be sent"
        yield Problem(field, "unsendable", f"This holds {what}. Delete it and type it again.")


def _check_no_variables(field: str, text: str) -> Iterator[Problem]:
    if "{{" in text or "}}" in text:
        yield Problem(field, "no_variables", "This text is the same for everybody. Remove the variables.")


def _check_variables(field: str, text: str) -> Iterator[Problem]:
    rest = VARIABLE.sub("", text)
    if "{{" in rest or "}}" in rest:
        yield Problem(
            field, "broken_variable", "Write variables as {{1}} or {{first_name}}, without spaces or other signs."
        )
    names = names_in(text)
    if all(name.isdigit() for name in names) and list(names) != [str(i + 1) for i in range(len(names))]:
        yield Problem(field, "gap", "Number the variables from {{1}} without gaps.")


def _check_samples(field: str, part: Component, key: str) -> Iterator[Problem]:
    names = names_in(text_in(part))
    example = part.get("example")
    samples = samples_in(example, key) if isinstance(example, Mapping) else {}
    missing = [name for position, name in enumerate(names) if is_blank(samples.get(name, samples.get(position, "")))]
    if missing:
        yield Problem(field, "no_sample", f"Give a sample value for {', '.join(missing)}: WhatsApp's reviewers ask.")


def _check_buttons(buttons: object) -> Iterator[Problem]:
    if not isinstance(buttons, list) or not all(isinstance(button, Mapping) for button in buttons):
        yield Problem("buttons", "malformed", "The buttons must be a list of objects, each with its type.")
        return
    if not buttons:
        yield Problem("buttons", "required", "Add a button, or remove this part.")
    if len(buttons) > rules.MAX_BUTTONS:
        yield Problem("buttons", "too_many", f"A template has at most {rules.MAX_BUTTONS} buttons. Remove some.")
    kinds = [word_in(button, "type") for button in buttons]
    for kind, most in rules.MAX_OF_BUTTON.items():
        if kinds.count(kind) > most:
            yield Problem("buttons", "too_many", f"WhatsApp takes at most {most} of the kind {_spoken(kind)}.")
    if _runs_of_quick_replies(kinds) > 1:
        yield Problem("buttons", "scattered_replies", "Put all quick replies next to each other, first or last.")
    for index, (kind, button) in enumerate(zip(kinds, buttons, strict=True)):
        yield from _check_button(f"buttons.{index}", kind, button)


def _check_button(field: str, kind: str, button: Component) -> Iterator[Problem]:
    if kind not in rules.MAX_OF_BUTTON:
        yield Problem(field, "unknown", "Choose quick reply, web address, phone number or copy code.")
        return
    if kind == "COPY_CODE":
        sample = sample_of_button(button)
        if is_blank(sample) or len(sample) > rules.CODE_LENGTH:
            yield Problem(
                field, "no_sample", f"Give a sample code of at most {rules.CODE_LENGTH} characters for the button."
            )
        return
    yield from _check_text(f"{field}.text", text_in(button), rules.BUTTON_TEXT_LENGTH)
    yield from _check_no_variables(f"{field}.text", text_in(button))
    if kind == "URL":
        yield from _check_url(f"{field}.url", button)
    elif kind == "PHONE_NUMBER":
        number = text_in(button, "phone_number")
        if not re.fullmatch(r"\+?[0-9]{5,20}", number) or len(number) > rules.PHONE_LENGTH:
            yield Problem(
                f"{field}.phone_number", "bad_phone", "Give the number with country code, like +447700900123."
            )


def _check_url(field: str, button: Component) -> Iterator[Problem]:
    url = text_in(button, "url")
    if not re.match(r"https?://[^\s/{}]+", url, re.IGNORECASE) or re.search(r"\s", url):
        yield Problem(field, "bad_url", "Give a full web address, starting with https://.")
    if len(url) > rules.URL_LENGTH:
        yield Problem(field, "too_long", f"A web address has at most {rules.URL_LENGTH:,} characters.")
    yield from _check_variables(field, url)
    found = VARIABLE.findall(url)
    if found and (len(found) > 1 or not url.endswith("}}")):
        yield Problem(field, "edge_variable", "A web address may have one variable, at its very end.")
    if found and is_blank(sample_of_button(button)):
        yield Problem(field, "no_sample", "Give a sample for the end of the address: WhatsApp's reviewers ask.")


def _runs_of_quick_replies(kinds: Iterable[str]) -> int:
    return sum(is_reply for is_reply, _ in groupby(kinds, lambda kind: kind == "QUICK_REPLY"))


def _spoken(kind: str) -> str:
    return kind.lower().replace("_", " ")
