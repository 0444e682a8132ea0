"""The count of segments beside what is being written: how long, which characters make it so, what would save."""

from __future__ import annotations

from dataclasses import dataclass

from conversations.models import Stream
from messaging.segments import Segments, measure, plain_text

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Meter:
    """The length of a text.

    `forcing` are the different characters without which it would take fewer segments, and `forcing_count` says how
    often they occur. `plain` is the text in plain characters, where these save some; `saved_segments` what it takes
    then, or without the forcing characters where they have no plain form.
    """

    body: str
    counted: Segments
    limit: int
    forcing: tuple[str, ...] = ()
    forcing_count: int = 0
    plain: str = ""
    saved_segments: int = 0

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
    if counted.encoding == "GSM-7":
        return Meter(body, counted, stream.body_limit)
    forcing = tuple(dict.fromkeys(character for _, character in counted.costly))
    plain = plain_text(body)
    in_plain = measure(plain, unicode_part=part).segments
    count = len(counted.costly)
    if in_plain < counted.segments:
        return Meter(body, counted, stream.body_limit, forcing, count, plain, in_plain)
    without = measure(plain.translate(dict.fromkeys(map(ord, forcing))), unicode_part=part).segments
    # Many such characters are a language, not a slip.
    if without < counted.segments and len(forcing) <= MOST_SHOWN and count * 4 <= len(body):
        return Meter(body, counted, stream.body_limit, forcing, count, saved_segments=without)
    return Meter(body, counted, stream.body_limit)
