"""Reading the sandbox's pages as a browser without scripts does."""

from __future__ import annotations

from html.parser import HTMLParser

import requests

from .playing import AMIRA, WHATSAPP_STREAM, PlayedSandbox

PHOTO = b"\xff\xd8\xff\xe0" + b"a photo, as far as its first bytes say"


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    @property
    def text(self) -> str:
        """All words, with single spaces."""
        return " ".join(" ".join(self._words).split())

    @property
    def screens(self) -> str:
        """The words of the list of phones and of the phones' screens, without those of controls and requests."""
        return self.text.partition("What happens to the next message")[0]

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The attributes of each such element."""
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and all(attributes.get(key) == value for key, value in wanted.items())
        ]

    def ids(self, beginning: str) -> list[str]:
        """The ids that begin so, in the page's order."""
        found = (attributes.get("id", "") for _, attributes in self.elements)
        return [identity for identity in found if identity.startswith(beginning)]


def digits(number: str) -> str:
    return number.lstrip("+")


def get(sandbox: PlayedSandbox, path: str, **query: str) -> Page:
    answer = sandbox.session.get(f"{sandbox.url}{path}", params=query, timeout=10)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def phone_page(sandbox: PlayedSandbox, number: str = AMIRA, **query: str) -> Page:
    return get(sandbox, f"/handset/{digits(number)}/", **query)


def press(sandbox: PlayedSandbox, step: str, number: str = AMIRA, **form: object) -> requests.Response:
    """Send a form of the handset as a browser without scripts does, staying at the redirect."""
    files = form.pop("files", None)
    address = f"{sandbox.url}/handset/{digits(number)}/{step}/{form.pop('query', '')}"
    return sandbox.session.post(address, data=form, files=files, allow_redirects=False, timeout=10)


def send_template(sandbox: PlayedSandbox, number: str = AMIRA) -> None:
    values = [{"type": "text", "text": value} for value in ("Amira", "Thursday", "12:00", "16:00")]
    template = {
        "name": "engineer_visit",
        "language": {"code": "en_GB"},
        "components": [{"type": "body", "parameters": values}],
    }
    item = {"template_data": {"to": digits(number), "template": template}}
    answer = sandbox.cirrus("POST", f"v2/whatsapp/sendtemplatedmessage/{WHATSAPP_STREAM}", [item])
    assert answer.status_code == 200, answer.text
    sandbox.settle()


def text_by_webex(sandbox: PlayedSandbox, text: str, number: str = AMIRA) -> None:
    message = {"message_body": text, "from": "FERNHILL", "to": [{"phone": [number]}]}
    answer = sandbox.webex("POST", "v1/sms", message)
    assert answer.status_code == 200, answer.text
    sandbox.settle()


def stream_id(sandbox: PlayedSandbox, name: str) -> str:
    accounts = sandbox.ask("accounts")["accounts"]
    return next(str(stream["id"]) for account in accounts for stream in account["streams"] if stream["name"] == name)
