"""Lists of templates as people get them: Meta's JSON, or CSV with a row for each language.

JSON: a list of objects, or one object with the list under `data` (Meta's listing): name, language, category,
status, components, and maybe id and rejected_reason. CSV: the same words as columns, `components` in JSON; instead of
components the columns header, body, footer, samples (parted by |) and buttons (JSON) will do.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conversations.services.csv_files import CsvProblem, open_table
from messaging.segments import holds_unsendable
from messaging.whatsapp import LANGUAGES, PLAIN_STATUSES
from messaging.whatsapp.templates import names_in

MOST_TEMPLATES = 6000  # Meta's own limit of one account, all languages counted
LARGEST_FILE = 20 * 1024 * 1024
COLUMNS = frozenset({"name", "language"})
_NONE = ("", "none")


class FileProblem(ValueError):
    """A file that cannot be read as a list of templates; `sentence` is for people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Incoming:
    """One template of a file. `place` is its line, or its number in the list; `status` is our word, empty if unsaid.

    `problem` says why it could not be read; the rest is then what could.
    """

    place: int
    name: str = ""
    language: str = ""
    category: str = ""
    status: str = ""
    reason: str = ""
    components: Any = None
    external_id: str = ""
    problem: str = ""


def read_templates(content: bytes) -> list[Incoming]:
    """Read a whole file. Raises FileProblem when it is no such list at all."""
    if len(content) > LARGEST_FILE:
        raise FileProblem(f"The file has more than {LARGEST_FILE // 1024**2} MB. This is not a list of templates.")
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    found = list(_from_json(content) if start in (b"{", b"[") else _from_csv(content))
    if not found:
        raise FileProblem("The file holds no template.")
    if len(found) > MOST_TEMPLATES:
        raise FileProblem(f"The file holds more than {MOST_TEMPLATES:,} templates. Split it.")
    return found


def _from_json(content: bytes) -> Iterator[Incoming]:
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise FileProblem("The file is not in UTF-8. Save it as UTF-8 and try again.") from error
    except (ValueError, RecursionError) as error:
        where = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise FileProblem(f"The file is not JSON: it cannot be read{where}.") from error
    listed = data.get("data", [data]) if isinstance(data, dict) else data
    if not isinstance(listed, list):
        raise FileProblem("The file holds no list of templates. Export them again from WhatsApp.")
    for place, item in enumerate(listed, start=1):
        yield _read(place, item) if isinstance(item, dict) else Incoming(place, problem="This is not a template.")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _from_csv(content: bytes) -> Iterator[Incoming]:
    try:
        table = open_table(io.BytesIO(content), most_rows=MOST_TEMPLATES)
        columns = [name.strip().casefold() for name in table.columns]
        if missing := COLUMNS - set(columns):
            raise FileProblem(
                f"The file has no column called {' or '.join(sorted(missing))}. Name it in the first row."
            )
        for row in table.rows():
            yield _read_cells(row.line, dict(zip(columns, row.cells, strict=False)), len(row.cells) > len(columns))
    except CsvProblem as problem:
        raise FileProblem(problem.sentence) from problem


def _read_cells(line: int, cells: dict[str, str], is_ragged: bool) -> Incoming:
    if is_ragged:
        return Incoming(line, cells.get("name", ""), problem="This row has more cells than there are columns.")
    item: dict[str, Any] = dict(cells)
    try:
        item["components"] = json.loads(cells["components"]) if cells.get("components") else _built(cells)
    except (ValueError, RecursionError):
        return Incoming(line, cells["name"], cells["language"], problem="Its components or buttons are not JSON.")
    return _read(line, item)


def _built(cells: Mapping[str, str]) -> list[dict[str, Any]]:
    """Components of a row that has its parts in columns; samples go to the header first, then to the body."""
    samples = [sample.strip() for sample in cells.get("samples", "").split("|") if sample.strip()]
    parts: list[dict[str, Any]] = []
    header, body = cells.get("header", ""), cells.get("body", "")
    if header.upper() in ("IMAGE", "VIDEO", "DOCUMENT", "LOCATION"):
        parts.append({"type": "HEADER", "format": header.upper()})
    elif header:
        count = len(names_in(header))
        part: dict[str, Any] = {"type": "HEADER", "format": "TEXT", "text": header}
        parts.append(part | ({"example": {"header_text": samples[:count]}} if count else {}))
        samples = samples[count:]
    if body:
        part = {"type": "BODY", "text": body}
        parts.append(part | ({"example": {"body_text": [samples]}} if names_in(body) else {}))
    if cells.get("footer"):
        parts.append({"type": "FOOTER", "text": cells["footer"]})
    if cells.get("buttons"):
        parts.append({"type": "BUTTONS", "buttons": json.loads(cells["buttons"])})
    return parts


def _read(place: int, item: Mapping[str, Any]) -> Incoming:
    language = item.get("language")
    code = str(language.get("code", "")) if isinstance(language, Mapping) else _text(item, "language")
    said = _text(item, "status").lower().replace(" ", "_")
    status = PLAIN_STATUSES.get(said, "")
    reason = _text(item, "rejected_reason") or _text(item, "reason")
    if reason.lower() in _NONE:
        reason = f"WhatsApp says {said.replace('_', ' ')}" if said != status and status else ""
    found = Incoming(
        place,
        _text(item, "name"),
        _exact_code(code),
        _text(item, "category").lower(),
        status,
        reason.replace("_", " ")[:300],
        item.get("components"),
        _text(item, "id")[:64],
        problem=f"{said} is no status of WhatsApp." if said and not status else "",
    )
    if holds_unsendable([found.name, code, found.components]):
        return Incoming(place, problem="It holds a character that cannot be kept. Export it again from WhatsApp.")
    return found


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _exact_code(code: str) -> str:
    """`en-gb` and `en_gb` as WhatsApp writes it; an odd one stays as it came."""
    plain = code.strip().replace("-", "_").lower()
    return next((one for one in LANGUAGES if one.lower() == plain), code.strip())
