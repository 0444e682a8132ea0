"""The languages a contact may have: WhatsApp's codes, which templates use too, with their names in English."""

from __future__ import annotations

from functools import cache

from django.conf.locale import LANG_INFO
from django.utils.translation import get_language_info

from messaging.whatsapp import LANGUAGES

# What Django has no name for.
_NAMES = {
    "fil": "Filipino",
    "gu": "Gujarati",
    "ha": "Hausa",
    "lo": "Lao",
    "pa": "Punjabi",
    "rw": "Kinyarwanda",
    "zu": "Zulu",
    "zh_CN": "Chinese (simplified)",
    "zh_HK": "Chinese (Hong Kong)",
    "zh_TW": "Chinese (traditional)",
}


@cache
def language_name(code: str) -> str:
    """Arabic for ar, British English for en_GB, English (US) for en_US; an unknown code stays as it is."""
    if code in _NAMES:
        return _NAMES[code]
    plain = code.replace("_", "-").lower()
    language, _, country = plain.partition("-")
    try:
        name = _NAMES.get(language) or str(get_language_info(plain)["name"])
    except KeyError:
        return code
    return name if not country or plain in LANG_INFO else f"{name} ({country.upper()})"


@cache
def language_choices() -> tuple[tuple[str, str], ...]:
    """Every code with its name, by name."""
    return tuple(sorted(((code, language_name(code)) for code in LANGUAGES), key=lambda choice: choice[1]))


def language_code(text: str) -> str | None:
    """The code of a language as people write it: `en-gb`, `EN_GB`, `English (GB)`, `arabic`."""
    wanted = text.strip().replace("-", "_").casefold()
    for code, name in language_choices():
        if wanted in (code.casefold(), name.casefold().replace("-", "_")):
            return code
    return None
