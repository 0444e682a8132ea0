"""What programs read of our rows. Statuses are words, numbers of phones are E.164, times are UTC."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from conversations import models


class Stream(BaseModel):
    """A channel of an account: what customers write to and hear from."""

    id: int
    name: str
    channel: str = Field(description="sms or whatsapp")
    sender: str = Field(description="The number or name that messages come from.")
    region: str = Field(description="The country that numbers without a country code belong to.")
    is_working: bool = Field(description="False: nothing can be sent here now.")
    may_send: bool = Field(description="May whom the key acts for write here?")
    body_limit: int = Field(description="The longest text, in characters.")

    @classmethod
    def of(cls, row: models.Stream, *, may_send: bool) -> Stream:
        """One row, with its account."""
        return cls(
            id=row.pk,
            name=row.name,
            channel=row.channel,
            sender=row.sender,
            region=row.region,
            is_working=row.is_active and row.account.is_active and not row.is_paused,
            may_send=may_send,
            body_limit=row.body_limit,
        )


def example(**values: Any) -> dict[str, Any]:
    """The `model_config` of a model with an example for the reference."""
    return {"json_schema_extra": {"examples": [values]}}
