"""Reading a page as a browser would: its elements, their attributes and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.http import HttpResponse

VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta"})
HX = {"HX-Request": "true"}


@dataclass
class Element:
    """An element with everything inside it."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside, with single spaces."""
        return " ".join(" ".join(self.pieces).split())

    def walk(self) -> list[Element]:
        """This element and all below."""
        return [self, *(one for child in self.children for one in child.walk())]

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """The elements of that tag whose attributes hold these words; `class_` and `data_` stand for themselves."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            one
            for one in self.walk()
            if (not tag or one.tag == tag)
            and all(value in one.attributes.get(name, "").split() for name, value in wanted.items())
        ]

    def one(self, tag: str = "", **attributes: str) -> Element:
        """The only such element."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("page", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.pieces.append(data)


def read(response: HttpResponse) -> Element:
    """The page; fails where an element is closed that was not opened, so broken markup shows."""
    reader = _Reader()
    reader.feed(response.content.decode())
    assert reader.open == [reader.root], f"<{reader.open[-1].tag}> is never closed"
    return reader.root
