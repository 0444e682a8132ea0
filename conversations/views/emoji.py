"""The pictures that the composer offers; everything else comes from the system's own keyboard."""

from __future__ import annotations

import re
import unicodedata

_OFFERED = "🙂😀😄😊😉😍🤗🤔😅😂😢😞😮😴🥳👍👎👋🙏👏💪✅❌⚠️❗❓ℹ️💡🔧📦🚚📅⏰📞📱💬📧💳🧾🏠🔌📶❤️⭐🎉☀️🌧️☕"
_PICTURE = re.compile(".\N{VARIATION SELECTOR-16}?")  # the selector asks for the coloured form

EMOJI = tuple((picture, unicodedata.name(picture[0]).capitalize()) for picture in _PICTURE.findall(_OFFERED))
"""Each picture with what a screen reader calls it: Unicode's own name."""
