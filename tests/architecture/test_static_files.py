"""Style and scripts, as a development machine serves them."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.http.response import HttpResponseBase
from django.test import Client


@pytest.mark.parametrize("changed", ["p { margin: 0 } /* and more than before */", "p {}"], ids=["longer", "shorter"])
def test_a_stylesheet_that_changes_is_served_whole_without_a_restart(
    changed: str, tmp_path: Path, settings: Any
) -> None:
    settings.STATICFILES_DIRS = [tmp_path]
    stylesheet = tmp_path / "page.css"
    stylesheet.write_text("p { margin: 0 }")
    browser = Client()
    first = browser.get("/static/page.css")
    assert _body(first) == b"p { margin: 0 }"

    stylesheet.write_text(changed)
    again = browser.get("/static/page.css", headers={"If-None-Match": first["ETag"]})

    assert again.status_code == HTTPStatus.OK
    assert _body(again).decode() == changed
    assert again["Content-Length"] == str(len(changed)), "the browser drops a file of another length"


def _body(response: HttpResponseBase) -> bytes:
    return b"".join(response)  # a file, read in pieces
