"""STOP, START and HELP: what a customer's whole message means for the permission to write to them.

Only a message that is a keyword and nothing else acts by itself. Wording that comes near ("pls stop") is put
to an agent as a question, because the law asks to honour any reasonable wording (FCC, in force since
11 April 2025) and a machine that guesses would silence people who wrote "stopping by later".

The English stop words are the FCC's seven and the carriers' usual ones; they count in every language.
"""

import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class Keyword(StrEnum):
    """What a message asks for. `NEAR_STOP` is a question to the agent, never an opt-out by itself."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    NEAR_STOP = "near_stop"
    NONE = "none"


class Words(NamedTuple):
    """The words of one language. The first four are whole messages; case, accents and signs do not matter.

    `yes` means START only from somebody who has opted out. `polite` words may surround a stop word without
    changing its meaning. `near` are phrases that ask to stop inside a longer message.
    """

    stop: str
    start: str
    yes: str
    help: str
    polite: str
    near: str


_WORDS = {
    "en": Words(
        stop="stop, stop all, unsubscribe, cancel, end, quit, revoke, opt out, remove",
        start="start, unstop, subscribe, opt in, resume",
        yes="yes",
        help="help, info",
        polite="please, pls, plz, thanks, thank, you, thx, ty, ok, okay, hi, hello, sorry, now, just, kindly, "
        "this, these, it, me, my, all, number, from, sending, texting, messaging, contacting, sms, text, texts, "
        "msg, msgs, message, messages, list, your",
        near="stop texting, stop messaging, stop sending, stop contacting, stop sms, stop these, stop the texts, "
        "stop the messages, unsubscribe, opt out, opt me out, remove me, take me off, no more texts, "
        "no more messages, dont text me, dont message me, dont contact me, do not text me, do not message me, "
        "do not contact me, dont send me, do not send me, leave me alone, stopall",
    ),
    "es": Words(
        stop="alto, baja, parar, detener, cancelar, salir, desuscribir, darme de baja",
        start="alta, comenzar, iniciar, reanudar",
        yes="sí",
        help="ayuda",
        polite="por, favor, gracias, hola, quiero, los, mensajes, ya",
        near="darme de baja, dar de baja, dejen de, deje de enviar, no más mensajes, no me escriban, "
        "no me envíen, no me manden, no quiero recibir",
    ),
    "fr": Words(
        stop="arrêt, arrêter, arrêtez, désabonner, désinscrire, désinscription, désabonnement",
        start="reprendre, commencer, réabonner",
        yes="oui",
        help="aide",
        polite="svp, stp, merci, bonjour, s, il, vous, te, plaît, les, sms, messages",
        near="me désabonner, me désinscrire, arrêtez de, arrêter de m, plus de messages, plus de sms, "
        "ne m écrivez plus, ne me contactez plus, ne plus recevoir",
    ),
    "de": Words(
        stop="stopp, halt, ende, abmelden, abbestellen, aufhören, beenden",
        start="anmelden, starten",
        yes="ja",
        help="hilfe",
        polite="bitte, danke, hallo, sofort, alle, sms, nachrichten, mich",
        near="keine sms mehr, keine nachrichten mehr, hören sie auf, hör auf, abmelden, abbestellen, "
        "schreiben sie mir nicht, nicht mehr schreiben, nicht mehr kontaktieren",
    ),
    "it": Words(
        stop="ferma, fermare, basta, annulla, cancella, cancellami, disiscrivi, disiscrivimi",
        start="inizia, riprendi",
        yes="sì",
        help="aiuto",
        polite="per, favore, grazie, ciao, i, messaggi, sms",
        near="basta messaggi, basta sms, non scrivetemi, non inviatemi, non voglio più, disiscrivetemi, cancellatemi",
    ),
    "pt": Words(
        stop="parar, pare, parem, sair, cancelar, remover, descadastrar",
        start="iniciar, começar",
        yes="sim",
        help="ajuda",
        polite="por, favor, obrigado, obrigada, olá, as, mensagens, de, enviar",
        near="parem de, pare de, não quero mais, não me enviem, não me mandem, chega de mensagens, descadastrar",
    ),
    "pl": Words(
        stop="koniec, rezygnuję, rezygnacja, wypisz, wypisz mnie, zatrzymaj",
        start="wznów",
        yes="tak",
        help="pomoc",
        polite="proszę, dziękuję, dzień, dobry, mnie, smsy, wiadomości",
        near="wypisz mnie, proszę nie pisać, nie piszcie, nie wysyłajcie, nie chcę więcej, przestańcie",
    ),
    "he": Words(
        stop="הסר, הסירו, עצור, די, ביטול, להסרה",
        start="התחל, הצטרף",
        yes="כן",
        help="עזרה",
        polite="בבקשה, תודה, שלום, אותי, נא",
        near="תפסיקו, הסירו אותי, אל תשלחו, תורידו אותי, לא רוצה לקבל",
    ),
    "ar": Words(
        stop="توقف, أوقف, إيقاف, إلغاء, إلغاء الاشتراك",
        start="ابدأ, اشتراك",
        yes="نعم",
        help="مساعدة",
        polite="من, فضلك, شكرا, مرحبا, الرسائل",
        near="لا ترسل, لا ترسلوا, أوقفوا, توقفوا, إلغاء الاشتراك, لا أريد",
    ),
}

LANGUAGES = frozenset(_WORDS)
"""Languages with keywords, by two-letter code."""


def classify(text: str, *, languages: Collection[str] = LANGUAGES, opted_out: bool = False) -> Keyword:
    """Return what the message `text` asks for.

    `languages` are two-letter codes, a region after `_` or `-` is ignored and unknown ones add nothing;
    English always counts. `opted_out` is the customer's present state: only then does a yes mean START.
    """
    words = _vocabulary(frozenset(re.split("[_-]", language.lower())[0] for language in languages))
    whole = _joined(text)
    if whole in words.stop:
        return Keyword.STOP
    if whole in words.start or (opted_out and whole in words.yes):
        return Keyword.START
    if whole in words.help:
        return Keyword.HELP
    return Keyword.NEAR_STOP if _comes_near(text, words) else Keyword.NONE


def stop_confirmation(brand: str) -> str:
    """Return the one message that may follow an opt-out; it carries no marketing."""
    return f"{brand}: you are unsubscribed and will receive no more messages. Reply START to resubscribe."


def start_confirmation(brand: str) -> str:
    """Return the message that confirms a new subscription and says how to leave it."""
    return f"{brand}: you are subscribed again. Reply HELP for help or STOP to unsubscribe."


def help_text(brand: str, contact: str) -> str:
    """Return the answer to HELP. `contact` is how to reach the brand: a number, address or page."""
    return f"{brand}: for help contact {contact}. Msg&data rates may apply. Reply STOP to cancel."


class _Vocabulary(NamedTuple):
    """The folded words of all languages asked for, so that "stop svp" is understood too."""

    stop: frozenset[str]
    start: frozenset[str]
    yes: frozenset[str]
    help: frozenset[str]
    polite: frozenset[str]
    near: frozenset[str]


@lru_cache
def _vocabulary(languages: frozenset[str]) -> _Vocabulary:
    chosen = [words for code, words in _WORDS.items() if code == "en" or code in languages]

    def listed(field: str) -> list[str]:
        return [word for words in chosen for word in getattr(words, field).split(",")]

    return _Vocabulary(
        stop=frozenset(map(_joined, listed("stop"))),
        start=frozenset(map(_joined, listed("start"))),
        yes=frozenset(map(_joined, listed("yes"))),
        help=frozenset(map(_joined, listed("help"))),
        polite=frozenset(map(_joined, listed("polite"))),
        near=frozenset(_spaced(phrase) for phrase in listed("near")),
    )


def _tokens(text: str) -> list[str]:
    """Return the words without case, accents and signs; "don't" stays one word."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(character for character in decomposed if unicodedata.category(character) not in ("Mn", "Cf"))
    return re.findall(r"[^\W_]+", re.sub(r"(?<=n)['’](?=t\b)", "", kept))


def _joined(text: str) -> str:
    return "".join(_tokens(text))


def _spaced(text: str) -> str:
    return f" {' '.join(_tokens(text))} "


def _comes_near(text: str, words: _Vocabulary) -> bool:
    message = _spaced(text)
    if any(phrase in message for phrase in words.near):
        return True
    return any(_is_stop_and_courtesy(part, words) for part in [text, *re.split(r"[.!?;,\n]", text)])


def _is_stop_and_courtesy(text: str, words: _Vocabulary) -> bool:
    rest = dict.fromkeys(token for token in _tokens(text) if token not in words.polite)
    return "".join(rest) in words.stop
