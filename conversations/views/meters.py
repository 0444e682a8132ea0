"""The count of segments beside what is being written: how long, which characters make it so, what would save."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from conversations.models import Stream
from conversations.views.campaign_lengths import money_words
from messaging.segments import Segments, measure, plain_text

MOST_SHOWN = 5
_HUNDREDTHS = {"GBP": "p", "USD": "¢", "EUR": "c"}


@dataclass(frozen=True, slots=True)
class Meter:
    """The length of a text.

    `forcing` are the different characters without which it would take fewer segments, and `forcing_count` says how
    often they occur. `plain` is the text in plain characters, where these save some; `saved_segments` what it takes
    then, or without the forcing characters where they have no plain form. `cost` says about what it comes to, and is
    empty where nobody has set a price.
    """

    body: str
    counted: Segments
    limit: int
    forcing: tuple[str, ...] = ()
    forcing_count: int = 0
    plain: str = ""
    saved_segments: int = 0
    cost: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The first of the forcing characters."""
        return self.forcing[:MOST_SHOWN]

    @property
    def characters(self) -> int:
        """The length as the stream's limit counts it."""
        return len(self.body)

    @property
    def over(self) -> int:
        """How much longer than the stream takes."""
        return max(0, len(self.body) - self.limit)


def meter(stream: Stream, body: str) -> Meter:
    """Count a text as this stream's provider would."""
    part = stream.limits().unicode_part
    counted = measure(body, unicode_part=part)
    cost = cost_words(stream, counted.segments) if body else ""
    plainly = Meter(body, counted, stream.body_limit, cost=cost)
    if counted.encoding == "GSM-7":
        return plainly
    forcing = tuple(dict.fromkeys(character for _, character in counted.costly))
    plain = plain_text(body)
    in_plain = measure(plain, unicode_part=part).segments
    count = len(counted.costly)
    if in_plain < counted.segments:
        return replace(plainly, forcing=forcing, forcing_count=count, plain=plain, saved_segments=in_plain)
    without = measure(plain.translate(dict.fromkeys(map(ord, forcing))), unicode_part=part).segments
    # Many such characters are a language, not a slip.
    if without < counted.segments and len(forcing) <= MOST_SHOWN and count * 4 <= len(body):
        return replace(plainly, forcing=forcing, forcing_count=count, saved_segments=without)
    return plainly


def cost_words(stream: Stream, segments: int) -> str:
    """About what so many segments come to: `about 12.3p`, `about £1.23`; empty where nobody has set a price."""
    if stream.price is None:
        return ""
    cost = stream.price * segments
    if cost < 1 and (hundredth := _HUNDREDTHS.get(stream.currency)):
        return f"about {(cost * 100).quantize(Decimal('0.1')).normalize():f}{hundredth}"
    return f"about {money_words(cost, stream.currency)}"
