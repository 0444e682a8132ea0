"""What programs may send: bodies that name nothing unknown, times with a zone, ids and texts that can be stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from conversations.api.json_text import can_be_stored

LARGEST_ID = 2**63 - 1
YEARS = range(2000, 3000)


def example(**values: Any) -> ConfigDict:
    """The `model_config` of a body, with an example for the reference."""
    return ConfigDict(json_schema_extra={"examples": [values]})


class Given(BaseModel):
    """A body. A field that it does not have is refused: nobody sets what is not theirs to set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_stored(cls, given: Any) -> Any:
        """PostgreSQL holds neither NUL nor half a pair of surrogates, which JSON may bring."""
        if not can_be_stored(given):
            raise PydanticCustomError(
                "unsendable_character", "This holds a character that cannot be stored. Leave it out."
            )
        return given


def _read_moment(given: Any) -> datetime:
    """A time as ISO 8601 with its zone, in UTC; whatever else is refused in a sentence."""
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) and "T" in given.upper() else None
    except ValueError:
        moment = None
    if moment is None:
        raise PydanticCustomError("wrong_value", "Write a time like 2026-11-23T09:00:00Z.")
    if moment.utcoffset() is None:
        raise PydanticCustomError("time_without_zone", "A time needs a time zone.")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    if moment.year not in YEARS:
        raise PydanticCustomError("out_of_range", "Write a time between the years 2000 and 2999.")
    return moment


Moment = Annotated[
    datetime,
    BeforeValidator(_read_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T09:00:00Z"]}),
]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
