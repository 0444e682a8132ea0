"""Which values a template needs, and the text the customer sees once they are filled in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from messaging.merge import value_text
from messaging.segments import is_blank
from messaging.types import Place
from messaging.whatsapp.rules import BODY_LENGTH, CODE_LENGTH, FILE_KINDS, HEADER_LENGTH, MEDIA_HEADERS, URL_LENGTH

Component = Mapping[str, object]
Values = Mapping[str, object]

COPY_CODE = "Copy code"
"""What phones write on a button that copies a code and has no text of its own."""

PLACE_PARTS = ("latitude", "longitude", "name", "address")
UNSENT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""Control characters but tab and line feed, and what no database or network can carry."""

VARIABLE = re.compile(r"\{\{([1-9][0-9]{0,2}|[a-z][a-z0-9_]*)\}\}")


class Variable(NamedTuple):
    """One value to fill in.

    `component` is `header`, `body` or `buttons`; `name` the variable's number or name, the button's index, `media`
    for a header that is a file, or one of `PLACE_PARTS` for a place. `kind` is `text`, `url`, `code`, `image`,
    `video`, `document`, `gif` or `place`.
    """

    component: str
    name: str
    kind: str


class RenderedButton(NamedTuple):
    """A button as the customer sees it; `target` is its address, number or code, empty for a quick reply."""

    kind: str
    text: str
    target: str


@dataclass(frozen=True, slots=True)
class RenderedTemplate:
    """The exact text the customer sees. `header` is empty when there is none or when it is a file or a place."""

    header: str
    body: str
    footer: str
    buttons: tuple[RenderedButton, ...]
    place: Place | None = None


class TemplateValueError(ValueError):
    """A value is missing or WhatsApp would refuse it. `field` is like `body.2`, `sentence` is for people."""

    def __init__(self, field: str, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.code = code
        self.sentence = sentence


def variables_of(components: Sequence[Component]) -> tuple[Variable, ...]:
    """Return every value that must be given to send the template, in the order people read it."""
    found: list[Variable] = []
    header, body = component_of(components, "HEADER"), component_of(components, "BODY")
    if header and word_in(header, "format") == "LOCATION":
        found += [Variable("header", part, "place") for part in PLACE_PARTS]
    elif header and word_in(header, "format") in MEDIA_HEADERS:
        found.append(Variable("header", "media", word_in(header, "format").lower()))
    elif header:
        found += [Variable("header", name, "text") for name in names_in(text_in(header))]
    found += [Variable("body", name, "text") for name in names_in(text_in(body))]
    for index, button in enumerate(buttons_of(components)):
        if kind := _value_of_button(button):
            found.append(Variable("buttons", str(index), kind))
    return tuple(found)


def file_kind_of(components: Sequence[Component]) -> str:
    """Return which of FILE_KINDS the header takes, empty when it takes no file."""
    return next((variable.kind for variable in variables_of(components) if variable.kind in FILE_KINDS), "")


def render_components(components: Sequence[Component], values: Values) -> RenderedTemplate:
    """Return what the customer will see, in one pass: braces inside a value stay as they are.

    A file header is passed beside the values, so `values["header"]` matters for texts, and for places, which have
    the values of `PLACE_PARTS`. Raises `TemplateValueError` for a value that is missing, left over, blank, too
    long, or that WhatsApp refuses (line breaks, tabs, more than four spaces in a row).
    """
    header = component_of(components, "HEADER")
    form = word_in(header, "format")
    is_text = form not in MEDIA_HEADERS
    return RenderedTemplate(
        header=_filled("header", text_in(header), values.get("header"), HEADER_LENGTH) if is_text else "",
        place=_place(values.get("header")) if form == "LOCATION" else None,
        body=_filled("body", text_in(component_of(components, "BODY")), values.get("body"), BODY_LENGTH),
        footer=text_in(component_of(components, "FOOTER")),
        buttons=_filled_buttons(buttons_of(components), values.get("buttons")),
    )


def _place(given: object) -> Place:
    found = Place(**_by_name("header", PLACE_PARTS, given))
    for name, value, most in (("latitude", found.latitude, 90), ("longitude", found.longitude, 180)):
        if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,12})?", value) or abs(float(value)) > most:
            raise TemplateValueError(
                f"header.{name}",
                "bad_degrees",
                f"Write the {name} in degrees from -{most} to {most}, with a point, like 51.5074.",
            )
    return found


def _filled(component: str, text: str, given: object, limit: int) -> str:
    by_name = _by_name(component, names_in(text), given)
    result = VARIABLE.sub(lambda match: by_name[match[1]], text)
    if len(result) > limit:
        raise TemplateValueError(
            component,
            "too_long",
            f"With its values the {component} has {len(result):,} characters and WhatsApp takes {limit:,}. "
            "Shorten a value.",
        )
    return result


def _filled_buttons(buttons: Sequence[Component], given: object) -> tuple[RenderedButton, ...]:
    wanted = tuple(str(index) for index, button in enumerate(buttons) if _value_of_button(button))
    values = _by_name("buttons", wanted, given)
    return tuple(
        _filled_button(f"buttons.{index}", button, values.get(str(index), "")) for index, button in enumerate(buttons)
    )


def _filled_button(field: str, button: Component, value: str) -> RenderedButton:
    kind, text, target = word_in(button, "type"), text_in(button), ""
    if kind == "URL":
        target = VARIABLE.sub(lambda _: value, text_in(button, "url"))
        if re.search(r"\s", value) or len(target) > URL_LENGTH:
            raise TemplateValueError(
                field,
                "bad_url",
                f"The address of button {text} may have no spaces and at most {URL_LENGTH:,} characters.",
            )
    elif kind == "PHONE_NUMBER":
        target = text_in(button, "phone_number")
    elif kind == "COPY_CODE":
        text, target = text or COPY_CODE, value
        if len(value) > CODE_LENGTH:
            raise TemplateValueError(field, "too_long", f"The code may have at most {CODE_LENGTH} characters.")
    return RenderedButton(kind.lower(), text, target)


def _value_of_button(button: Component) -> str:
    """Return the kind of value a button needs: `code`, `url`, or nothing."""
    if word_in(button, "type") == "COPY_CODE":
        return "code"
    return "url" if names_in(text_in(button, "url")) else ""


def _by_name(component: str, names: tuple[str, ...], given: object) -> dict[str, str]:
    if isinstance(given, Mapping):
        values = {str(name): value for name, value in given.items()}
    elif isinstance(given, Sequence) and not isinstance(given, str):
        if len(given) > len(names):
            raise TemplateValueError(
                component,
                "too_many_values",
                f"This template has {len(names)} variables in its {component} and {len(given)} values were given.",
            )
        values = dict(zip(names, given, strict=False))
    else:
        values = {}
    for name in values:
        if name not in names:
            raise TemplateValueError(
                f"{component}.{name}",
                "unknown_value",
                f"This template has no variable {name} in its {component}. Remove the value.",
            )
    return {name: _checked(component, name, values.get(name)) for name in names}


def _checked(component: str, name: str, value: object) -> str:
    field = f"{component}.{name}"
    place = f"button {int(name) + 1}" if component == "buttons" else f"{{{{{name}}}}} of the {component}"
    if value is None or (isinstance(value, str) and is_blank(value)):
        raise TemplateValueError(field, "missing_value", f"There is no value for {place}. Fill it in.")
    text = value_text(value)
    if text is None:
        raise TemplateValueError(field, "unreadable_value", f"The value for {place} is not a text, a number or a date.")
    if re.search(r"[\r\n\t\x0b\x0c\u0085\u2028\u2029]", text):
        raise TemplateValueError(
            field, "line_break", f"The value for {place} has a line break or tab. WhatsApp takes one line only."
        )
    if UNSENT.search(text):
        raise TemplateValueError(
            field, "unsendable", f"The value for {place} holds a character that cannot be sent. Type it again."
        )
    if " " * 5 in text:
        raise TemplateValueError(
            field, "too_many_spaces", f"The value for {place} has more than four spaces in a row. Remove some."
        )
    return text


def samples_of(components: Sequence[Component]) -> dict[str, dict[str, str]]:
    """Return the samples that came with a template, by component and variable: what its reviewers saw."""
    found: dict[str, dict[str, str]] = {"header": {}, "body": {}, "buttons": {}}
    for part in ("header", "body"):
        component = component_of(components, part.upper())
        example = component.get("example")
        names = names_in(text_in(component))
        given = samples_in(example, f"{part}_text") if isinstance(example, Mapping) else {}
        for position, name in enumerate(names):
            if sample := given.get(name, given.get(position, "")):
                found[part][name] = sample
    for index, button in enumerate(buttons_of(components)):
        if sample := sample_of_button(button):
            found["buttons"][str(index)] = sample
    return found


def samples_in(example: Component, key: str) -> dict[object, str]:
    """Return the samples by name and by position: Meta keeps named ones as objects, numbered ones as a list."""
    found: dict[object, str] = {}
    for item in _listed(example.get(f"{key}_named_params")):
        if isinstance(item, Mapping):
            found[text_in(item, "param_name")] = text_in(item, "example")
    listed = _listed(example.get(key))
    if listed and isinstance(listed[0], list):
        listed = listed[0]
    return found | {position: item for position, item in enumerate(listed) if isinstance(item, str)}


def sample_of_button(button: Component) -> str:
    """Return the sample of a button's address or code, empty when it has none."""
    example = button.get("example")
    first = example[0] if isinstance(example, list) and example else example
    return first if isinstance(first, str) else ""


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def names_in(text: str) -> tuple[str, ...]:
    """Return the variables of a text: numbers in order of value, names in order of appearance."""
    names = dict.fromkeys(VARIABLE.findall(text))
    return tuple(sorted(names, key=int)) if all(name.isdigit() for name in names) else tuple(names)


def component_of(components: Sequence[Component], kind: str) -> Component:
    """Return the component of that kind (`BODY`), empty when there is none."""
    return next((component for component in components if word_in(component, "type") == kind), {})


def buttons_of(components: Sequence[Component]) -> Sequence[Component]:
    """Return the buttons in their order."""
    buttons = component_of(components, "BUTTONS").get("buttons")
    return [button for button in buttons if isinstance(button, Mapping)] if isinstance(buttons, list) else []


def word_in(part: Component, key: str) -> str:
    """Return one of Meta's words (`BODY`, `URL`) in capitals, empty when it is missing."""
    return text_in(part, key).upper()


def text_in(part: Component, key: str = "text") -> str:
    """Return a text of a component or button, empty when it is missing or not a text."""
    value = part.get(key)
    return value if isinstance(value, str) else ""
