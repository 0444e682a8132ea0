"""What customers are called and write in `benchmark inbox`: few words often, many seldom, all the same by the seed."""

from __future__ import annotations

from itertools import accumulate, product
from random import Random

VOCABULARY = 20_000
PHRASES = 100_000  # a text is two of them
PHRASE_WORDS = (2, 9)

# The most common words first, as in any language; what follows them is made of syllables.
COMMON = (
    "the to you my is it and for a not i on your have we with can be of this order in are when please will at was do "
    "if delivery thank me thanks no but from hello address yes so that today tomorrow account week time phone call "
    "back has been parcel wrong still there how much number help need want just any update engineer booked visit "
    "morning afternoon password reset invoice paid payment refund card charge late missing broken return label box "
    "received sent weeks days between change cancel new old name email street door code left neighbour courier"
)
_FIRST = (
    "Amira Rosa Olu Zoë Łukasz Björn Chloé Mehmet Priya Tom Ines Noor Kofi Mei Dafydd Siobhán Jürgen Anaïs José Tove "
    "Ruth Ivan Leila Omar Greta Hugo Nadia Pavel Yara Emeka Hana Rafael Sunita Viktor Wanda Elif Malik Bianca Arjun"
)
_LAST_BEGINNINGS = "Had Bell Sow Ner Kov Mül Ørs Gar Pat Okon Lind Tan Wil Fer Nak Sil Bau Mor Ach Dub"
_LAST_MIDDLES = ("a", "e", "i", "o", "an", "er", "en", "in", "ov", "ar", "el", "or", "un", "ström", "ía")
_LAST_ENDS = ("d", "son", "ini", "de", "ski", "mann", "ez", "ton", "ley", "wa")


def vocabulary(seed: int) -> list[str]:
    """All words, the most common first."""
    syllables = ["".join(parts) for parts in product("bdfgklmnprstvz", "aeiou", ("", "n", "r", "s"))]
    made = ["".join(parts) for parts in product(syllables, repeat=2)]
    Random(seed).shuffle(made)  # noqa: S311 nothing here is a secret
    found = list(dict.fromkeys([*COMMON.split(), *made]))[:VOCABULARY]
    assert len(found) == VOCABULARY
    return found


def phrases(seed: int) -> list[str]:
    """Pieces of texts, in which the word at place r is r times rarer than the first."""
    dice, words = Random(seed + 1), vocabulary(seed)  # noqa: S311
    weights = list(accumulate(1 / place for place in range(1, VOCABULARY + 1)))
    return [
        " ".join(dice.choices(words, cum_weights=weights, k=dice.randint(*PHRASE_WORDS))).capitalize()
        for _ in range(PHRASES)
    ]


def first_names() -> list[str]:
    """First names, some with letters that English has not."""
    return _FIRST.split()


def last_names() -> list[str]:
    """Last names."""
    return ["".join(parts) for parts in product(_LAST_BEGINNINGS.split(), _LAST_MIDDLES, _LAST_ENDS)]
