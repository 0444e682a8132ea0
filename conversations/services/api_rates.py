"""How many requests a minute each API key makes: counted in Valkey, minute by minute.

While Valkey is away nothing is counted and everybody passes: the limit protects the pages from a program that runs
wild. What customers get is limited by the gate, which does not need Valkey.
"""

from __future__ import annotations

import logging
import math
import time
from typing import NamedTuple

from redis.exceptions import RedisError

from conversations.broker import broker
from conversations.models import ApiKey

logger = logging.getLogger(__name__)
_MINUTE = 60


class Rate(NamedTuple):
    """What is left of a minute: `limit` and `remaining` in requests, `reset` in seconds from now."""

    limit: int
    remaining: int
    reset: int
    is_over: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What every answer says of it."""
        left = {"Limit": self.limit, "Remaining": self.remaining, "Reset": self.reset}
        return {f"RateLimit-{name}": str(number) for name, number in left.items()}


def count(key: ApiKey) -> Rate:
    """Count one request of the key."""
    now = time.time()
    minute = int(now // _MINUTE)
    name = f"parley:api-rate:{key.pk}:{minute}"
    try:
        with broker().pipeline() as pipe:
            pipe.incr(name)
            pipe.expire(name, 2 * _MINUTE)
            made = int(pipe.execute()[0])
    except RedisError:
        logger.warning("The broker does not answer: requests of API keys are not counted.")
        made = 0
    reset = max(1, math.ceil((minute + 1) * _MINUTE - now))
    return Rate(key.rate_per_minute, max(0, key.rate_per_minute - made), reset, is_over=made > key.rate_per_minute)
