"""Lists, page by page: each answer holds the address of what follows.

Pages follow the key of the last row, never an offset: a list that moves while it is read neither skips nor repeats.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.http import HttpRequest
from django.utils import timezone
from pydantic import BaseModel, Field

from conversations.api.errors import Refused
from conversations.api.fields import LARGEST_ID

Shown = TypeVar("Shown")
Row = TypeVar("Row")
Key = tuple[Any, ...]


class Page(BaseModel, Generic[Shown]):
    """Some of a list, and where the rest is."""

    items: list[Shown]
    next: str | None = Field(description="The address of what follows; null at the end.")


class Listing(BaseModel):
    """How much of a list is wanted, and from where."""

    limit: int = Field(50, ge=1, le=200, description="How many at once.")
    cursor: str = Field("", max_length=1000, description="From the address in `next`; empty for the beginning.")

    def seen(self, *kinds: type) -> Key | None:
        """The key of the last row that was seen, None at the beginning. Refused when the cursor is not one of ours."""
        if not self.cursor:
            return None
        try:
            values = json.loads(base64.urlsafe_b64decode(self.cursor.encode()))
            if not isinstance(values, list):
                raise ValueError("no list")
            return tuple(_read(kind, value) for kind, value in zip(kinds, values, strict=True))
        except (ValueError, TypeError, RecursionError) as error:
            raise Refused(
                422, "cursor", "This cursor belongs to no list like this. Begin without one.", "cursor"
            ) from error


def rows_by_id(rows: Any, asked: Listing, *, newest_first: bool = True) -> list[Any]:
    """What follows the last row that was seen, by id: as many rows as are wanted, and one more where there are more."""
    if last := asked.seen(int):
        rows = rows.filter(**{"pk__lt" if newest_first else "pk__gt": last[0]})
    return list(rows.order_by("-pk" if newest_first else "pk")[: asked.limit + 1])


def page(
    request: HttpRequest,
    rows: Sequence[Row],
    asked: Listing,
    *,
    show: Callable[[Row], Shown],
    key: Callable[[Row], Key] = lambda row: (row.pk,),  # type: ignore[attr-defined]
) -> dict[str, Any]:
    """A page of `rows`, of which one more than `asked.limit` was read where there are more.

    `key` says by what the list is ordered, where that is not the id.
    """
    shown = rows[: asked.limit]
    following = None
    if len(rows) > asked.limit:
        query = request.GET.copy()
        query["cursor"] = _written(key(shown[-1]))
        following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return {"items": [show(row) for row in shown], "next": following}


def _written(key: Key) -> str:
    values = [one.isoformat() if isinstance(one, datetime) else one for one in key]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def _read(kind: Any, value: Any) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if timezone.is_naive(moment):
            raise ValueError("naive")
        return moment
    if type(value) is not kind or (kind is int and abs(value) > LARGEST_ID):
        raise ValueError("another kind")
    if kind is str:
        value.encode()
        if "\x00" in value:
            raise ValueError("NUL")
    return value
