"""Merge fields: `Hello ${firstname}` becomes `Hello Rosa`, and nothing is ever evaluated.

One regular expression in one pass: a value that contains `${phone}` is sent as it stands, and names are from an
allow-list of letters, so no template and no value can reach into Python. The syntax is that of the Webex
Interact send call, filled in here so that every text can be checked and counted before anything is sent.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal

MAX_VALUE_LENGTH = 1_000
"""Characters one value may have; longer ones are a pasted document, not a field."""

Values = Mapping[str, object]

_FIELD = re.compile(r"\$\{(?:(?P<name>[a-z][a-z0-9_]{0,39})\})?")
_READABLE = (str, int, float, Decimal, date, time)


class MergeError(ValueError):
    """A text cannot be merged. `code` for programs, `sentence` for people, `field` the field concerned.

    Codes: `malformed_field` (the template is at fault), `missing_value`, `value_too_long`, `unreadable_value`.
    """

    def __init__(self, code: str, sentence: str, field: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.field = field


def fields_of(template: str) -> tuple[str, ...]:
    """Return the names of the fields in `template`, each once, in order of appearance.

    Raises `MergeError` (`malformed_field`) for a `${` that does not begin a well-formed field.
    """
    return MergeText(template).fields


def render(
    template: str,
    values: Values,
    global_values: Values | None = None,
    fallbacks: Mapping[str, str] | None = None,
) -> str:
    """Return `template` with every field replaced.

    The recipient's own value wins over the global one; a blank value counts as none. `fallbacks` are used when
    both are missing, and only a fallback may be empty (that is how a field is made optional). Dollar signs
    that do not begin `${` are ordinary text.

    Raises `MergeError`; no partly merged text is ever returned.
    """

    return MergeText(template).fill(
        lambda name: value_of(name, values, {} if global_values is None else global_values, fallbacks or {})
    )


class MergeText:
    """A text with fields, taken apart once, to be filled in for many. Raises `MergeError` (`malformed_field`).

    `fields` are the names of its fields, each once, in order of appearance.
    """

    def __init__(self, template: str) -> None:
        self._words: list[str] = []
        self._names: list[str] = []
        end = 0
        for match in _FIELD.finditer(template):
            self._words.append(template[end : match.start()])
            self._names.append(_name(match, template))
            end = match.end()
        self._rest = template[end:]
        self.fields = tuple(dict.fromkeys(self._names))

    def fill(self, value_of_field: Callable[[str], str]) -> str:
        """The text with the value that is given for each name; nothing in a value is looked at again."""
        pieces: list[str] = []
        for words, name in zip(self._words, self._names, strict=True):
            pieces += (words, value_of_field(name))
        pieces.append(self._rest)
        return "".join(pieces)

    def pieces(self, value_of_field: Callable[[str], str]) -> list[tuple[str, bool]]:
        """The same text in pieces, each with whether it is a value; for a page that tells them apart."""
        found: list[tuple[str, bool]] = []
        for words, name in zip(self._words, self._names, strict=True):
            found += ((words, False), (value_of_field(name), True))
        return [(text, is_value) for text, is_value in (*found, (self._rest, False)) if text]


def value_of(name: str, values: Values, global_values: Values, fallbacks: Mapping[str, str]) -> str:
    """The text that stands for one field, by the rules of `render`. Raises `MergeError`."""
    for source in (values, global_values):
        text = _text(name, source.get(name))
        if text.strip():
            return text
    if name in fallbacks:
        return _text(name, fallbacks[name])
    raise MergeError("missing_value", f"There is no value for {name}. Add one, or a fallback for those without.", name)


def _name(match: re.Match[str], template: str) -> str:
    name = match["name"]
    if name is not None:
        return name
    fragment = template[match.start() : match.start() + 45].partition("}")
    shown = fragment[0] + fragment[1]
    raise MergeError(
        "malformed_field",
        f"{shown} is not a merge field. Write ${{firstname}}: a lower-case letter first, then up to 39 lower-case "
        "letters, digits or underscores, and a closing brace.",
        shown,
    )


def value_text(value: object) -> str | None:
    """Return a value as the text that is sent; None for what is not a text, a number or a date.

    An object with its own idea of a text must never be asked for it, and Python refuses to print integers of
    thousands of digits.
    """
    if type(value) is str:
        return value
    if not isinstance(value, _READABLE):
        return None
    try:
        return str(value)
    except ValueError:
        return None


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    text = value_text(value)
    if text is None:
        raise MergeError("unreadable_value", f"The value of {name} is not a text, a number or a date.", name)
    if len(text) > MAX_VALUE_LENGTH:
        raise MergeError(
            "value_too_long", f"The value of {name} is too long. The limit is {MAX_VALUE_LENGTH:,} characters.", name
        )
    return text
