"""Reading a page for what a text could have made of it: its tags, the names of its attributes, its words."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

from django.http import HttpResponse

ADDRESSES = ("href", "src", "action", "formaction", "hx-get", "hx-post", "poster", "data", "xlink:href")
WHITE = str.maketrans("\n\r\t\u2028\u2029", "     ")


class Sink(HTMLParser):
    """A page as a browser's tokenizer sees it, whatever it holds.

    `bones` counts the elements with the names of their attributes, and the comments; `addresses` what would be
    fetched, sent to or gone to; `words` all text.
    """

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(convert_charrefs=True)
        self.bones: Counter[tuple[str, ...]] = Counter()
        self.addresses: list[str] = []
        self.words = ""
        self.feed(response.content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.bones[tag, *sorted(name for name, _ in attrs)] += 1
        self.addresses += [value for name, value in attrs if value and name in ADDRESSES]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_comment(self, data: str) -> None:
        self.bones["comment",] += 1

    def handle_data(self, data: str) -> None:
        self.words += data

    def shows(self, text: str) -> bool:
        """Do the words of the page hold the text, as it was written?"""
        return text.translate(WHITE) in self.words.translate(WHITE)

    @property
    def commands(self) -> list[str]:
        """Addresses that would do something by themselves."""
        return [one for one in self.addresses if one.strip().lower().startswith(("javascript:", "data:", "vbscript:"))]
