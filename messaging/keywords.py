"""STOP, START and HELP: what a customer's whole message means for the permission to write to them.

Only a message that is a keyword and nothing else acts by itself. Wording that comes near ("pls stop") is put
to an agent as a question, because the law asks to honour any reasonable wording (FCC, in force since
11 April 2025) and a machine that guesses would silence people who wrote "stopping by later".

The English stop words are the FCC's seven and the carriers' usual ones; they count in every language.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
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


WORDS: dict[str, Words] = {
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

LANGUAGES = frozenset(WORDS)
"""Languages with keywords, by two-letter code."""

ALWAYS_STOP = ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")
"""The words that nobody may take out of the list (FCC, 47 CFR 64.1200(a)(10), in force since 11 April 2025)."""


class Replies(NamedTuple):
    """What a customer is answered in one language. `{business}` and `{contact}` are put in."""

    stop: str
    start: str
    help: str


REPLIES: dict[str, Replies] = {
    "en": Replies(
        "{business}: you are unsubscribed and will receive no more messages. Reply START to resubscribe.",
        "{business}: you are subscribed again. Reply HELP for help or STOP to unsubscribe.",
        "{business}: for help contact {contact}. Msg&data rates may apply. Reply STOP to cancel.",
    ),
    "es": Replies(
        "{business}: se ha dado de baja y no recibirá más mensajes. Responda START para volver.",
        "{business}: vuelve a recibir mensajes. Responda AYUDA para ayuda o STOP para darse de baja.",
        "{business}: para ayuda contacte con {contact}. Responda STOP para darse de baja.",
    ),
    "fr": Replies(
        "{business} : vous êtes désabonné et ne recevrez plus de messages. Répondez START pour vous réabonner.",
        "{business} : vous êtes réabonné. Répondez AIDE pour de l'aide ou STOP pour vous désabonner.",
        "{business} : pour de l'aide, contactez {contact}. Répondez STOP pour vous désabonner.",
    ),
    "de": Replies(
        "{business}: Sie sind abgemeldet und erhalten keine Nachrichten mehr. Mit START melden Sie sich wieder an.",
        "{business}: Sie sind wieder angemeldet. HILFE für Hilfe, STOPP zum Abmelden.",
        "{business}: Hilfe erhalten Sie unter {contact}. Mit STOPP melden Sie sich ab.",
    ),
    "it": Replies(
        "{business}: iscrizione annullata, non riceverà altri messaggi. Risponda START per riattivarla.",
        "{business}: iscrizione riattivata. Risponda AIUTO per assistenza o STOP per annullare.",
        "{business}: per assistenza contatti {contact}. Risponda STOP per annullare.",
    ),
    "pt": Replies(
        "{business}: a sua subscrição foi cancelada e não receberá mais mensagens. Responda START para voltar.",
        "{business}: voltou a receber mensagens. Responda AJUDA para ajuda ou STOP para cancelar.",
        "{business}: para ajuda contacte {contact}. Responda STOP para cancelar.",
    ),
    "pl": Replies(
        "{business}: wypisano z listy, nie będziemy już pisać. Odpowiedz START, aby wrócić.",
        "{business}: ponownie zapisano na listę. Odpowiedz POMOC, aby uzyskać pomoc, lub STOP, aby się wypisać.",
        "{business}: pomoc pod {contact}. Odpowiedz STOP, aby się wypisać.",
    ),
    "he": Replies(
        "{business}: הוסרת מהרשימה ולא יישלחו אליך עוד הודעות. לחזרה השיבו START.",
        "{business}: חזרת לרשימה. השיבו עזרה לעזרה או STOP להסרה.",
        "{business}: לעזרה פנו אל {contact}. להסרה השיבו STOP.",
    ),
    "ar": Replies(
        "{business}: تم إلغاء اشتراكك ولن تصلك رسائل أخرى. للعودة أرسل START.",
        "{business}: عاد اشتراكك. أرسل مساعدة للمساعدة أو STOP للإلغاء.",
        "{business}: للمساعدة تواصل مع {contact}. للإلغاء أرسل STOP.",
    ),
}


def classify(
    text: str,
    *,
    languages: Collection[str] | None = None,
    opted_out: bool = False,
    words: Mapping[str, Words] = WORDS,
) -> Keyword:
    """Return what the message `text` asks for.

    `words` are the words by two-letter language; `languages` limits them to some of these (a region after `_` or
    `-` is ignored and unknown ones add nothing) and English. `opted_out` is the customer's present state: only then
    does a yes mean START. `ALWAYS_STOP` counts whatever the words are.
    """
    vocabulary = _vocabulary(tuple(words[code] for code in _chosen(words, languages)))
    whole = _joined(text)
    if whole in vocabulary.stop:
        return Keyword.STOP
    if whole in vocabulary.start or (opted_out and whole in vocabulary.yes):
        return Keyword.START
    if whole in vocabulary.help:
        return Keyword.HELP
    return Keyword.NEAR_STOP if _comes_near(text, vocabulary) else Keyword.NONE


def languages_of(text: str, *, words: Mapping[str, Words] = WORDS) -> list[str]:
    """The languages in which the whole of `text` is a keyword, in the order of `words`."""
    whole = _joined(text)

    def is_word_of(one: Words) -> bool:
        found = _vocabulary((one,))
        return whole in found.stop | found.start | found.yes | found.help

    return [code for code, one in words.items() if is_word_of(one)] if whole else []


def folded(phrases: str) -> list[str]:
    """Phrases parted by commas as messages are compared with them; what folds to nothing is left out."""
    return [found for phrase in phrases.split(",") if (found := _joined(phrase))]


def filled_in(reply: str, *, business: str, contact: str = "") -> str:
    """A reply with the names put in, in one pass: a name that holds a brace stays as it is."""
    values = {"{business}": business, "{contact}": contact}
    return re.sub(r"\{(?:business|contact)\}", lambda found: values[found[0]], reply)


_STOPPED_MARKETING = "131050"  # WhatsApp: the customer has stopped the marketing messages of this business
_REFUSED_FOR_OPT_OUT = re.compile(
    r"\b(?:opted[ -]?out|opt[ -]?out list|unsubscribed|do[ -]not[ -](?:contact|disturb)|suppressed|stopped receiving)\b"
)


def refusal_means_opt_out(code: str, text: str) -> str | None:
    """Return what a provider's refusal says of the customer's wish: `marketing`, `every`, or None for nothing.

    No provider documents a list of such refusals; these are the words they use in practice, and WhatsApp's code.
    """
    if _STOPPED_MARKETING in (code, *re.findall(r"\d{6}", text)):
        return "marketing"
    words = f"{code.replace('_', ' ')} {text}".casefold()
    return "every" if _REFUSED_FOR_OPT_OUT.search(words) else None


def _chosen(words: Mapping[str, Words], languages: Collection[str] | None) -> list[str]:
    if languages is None:
        return list(words)
    wanted = {"en", *(re.split("[_-]", language.lower())[0] for language in languages)}
    return [code for code in words if code in wanted]


class _Vocabulary(NamedTuple):
    """The folded words of all languages asked for, so that "stop svp" is understood too."""

    stop: frozenset[str]
    start: frozenset[str]
    yes: frozenset[str]
    help: frozenset[str]
    polite: frozenset[str]
    near: frozenset[str]


@lru_cache
def _vocabulary(chosen: tuple[Words, ...]) -> _Vocabulary:
    def listed(field: str) -> frozenset[str]:
        return frozenset(word for words in chosen for word in folded(getattr(words, field)))

    near = (phrase for words in chosen for phrase in words.near.split(","))
    return _Vocabulary(
        stop=listed("stop") | {_joined(word) for word in ALWAYS_STOP},
        start=listed("start"),
        yes=listed("yes"),
        help=listed("help"),
        polite=listed("polite"),
        near=frozenset(_spaced(phrase) for phrase in near if _joined(phrase)),
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
