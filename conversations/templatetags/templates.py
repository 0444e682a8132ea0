"""What the pages of templates need besides parley's tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def under(found: Mapping[str, Any], name: str) -> Any:
    """What a mapping holds under a name that is in a variable; nothing where it holds none."""
    return found.get(name, "") if found else ""
