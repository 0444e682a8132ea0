"""Where the sandbox itself can be reached: files that customers attach are linked from webhooks."""

from __future__ import annotations

_base_url = ""


def set_base_url(url: str) -> None:
    """Remember the address that the server listens on."""
    global _base_url
    _base_url = url.rstrip("/")


def url_to(path: str) -> str:
    """The absolute address of a path of the sandbox."""
    return _base_url + path
