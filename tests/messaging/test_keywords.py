"""Bad-input matrix, row B53: which messages are an opt-out, and which are a question to an agent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.keywords import LANGUAGES, REPLIES, Keyword, classify, filled_in
from messaging.segments import measure


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        "Stop.",
        " stop! ",
        "STOP ALL",
        "StopAll",
        "“STOP”",
        "S.T.O.P.",
        "STOP 🛑",
        "Ｓｔｏｐ",
        "st\u200bop",
        "unsubscribe",
        "Cancel",
        "END",
        "quit",
        "Revoke",
        "opt out",
        "OPT-OUT",
        "OptOut",
        "remove",
    ],
)
@pytest.mark.parametrize("languages", [("en",), ("fr",), (), ("de", "xx")])
def test_a_stop_word_alone_opts_out_in_every_language(text: str, languages: tuple[str, ...]) -> None:
    assert classify(text, languages=languages) is Keyword.STOP


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("arrêt", "fr"),
        ("ARRET", "fr"),
        ("désabonner", "fr"),
        ("baja", "es"),
        ("Darme de baja", "es"),
        ("Stopp!", "de"),
        ("abmelden", "de"),
        ("parar", "pt"),
        ("annulla", "it"),
        ("koniec", "pl"),
        ("rezygnuję", "pl"),
        ("הסר", "he"),
        ("توقف", "ar"),
        ("ايقاف", "ar"),
        ("إيقاف", "ar"),
    ],
)
def test_stop_words_of_other_languages(text: str, language: str) -> None:
    assert classify(text) is Keyword.STOP
    assert classify(text, languages=(language,)) is Keyword.STOP
    assert classify(text, languages=(f"{language}_XX",)) is Keyword.STOP
    assert classify(text, languages=("en",)) is not Keyword.STOP


@pytest.mark.parametrize(
    "text",
    [
        "pls stop",
        "Stop. Thank you",
        "please stop texting me",
        "stop stop stop",
        "STOP IT",
        "STOP\n--\nSent from my phone",
        "Stop! I never signed up for this",
        "How do I unsubscribe?",
        "I'd like to opt out",
        "Don't text me again",
        "Don’t text me again",
        "Take me off your list",
        "no more texts",
        "cancel please",
        "stop svp",
        "arrêt, merci",
        "bitte keine SMS mehr",
        "por favor no me escriban",
        "nie piszcie do mnie",
        "תפסיקו לשלוח לי הודעות",
        "من فضلك توقف",
    ],
)
def test_wording_that_comes_near_is_a_question_to_the_agent(text: str) -> None:
    assert classify(text) is Keyword.NEAR_STOP


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "👍",
        "stopping by later",
        "I'll be at the bus stop at 5",
        "don't stop",
        "the end",
        "Can I cancel my appointment?",
        "nonstop",
        "Help me please",
        "what info do you need",
        "Let's start at 9",
        "para",
    ],
)
def test_ordinary_messages_mean_nothing(text: str) -> None:
    assert classify(text, opted_out=True) is Keyword.NONE


@pytest.mark.parametrize("text", ["START", "start.", "UNSTOP", "alta", "anmelden"])
@pytest.mark.parametrize("opted_out", [True, False])
def test_start_words(text: str, opted_out: bool) -> None:
    assert classify(text, opted_out=opted_out) is Keyword.START


@pytest.mark.parametrize("text", ["YES", "yes!", "Oui", "sí", "Ja", "כן", "نعم"])
def test_yes_restarts_only_somebody_who_has_opted_out(text: str) -> None:
    assert classify(text, opted_out=True) is Keyword.START
    assert classify(text) is Keyword.NONE


@pytest.mark.parametrize("text", ["HELP", "help?", "Info", "aide", "ayuda", "Hilfe", "עזרה", "مساعدة"])
def test_help_words(text: str) -> None:
    assert classify(text) is Keyword.HELP


def test_the_promised_languages_are_there() -> None:
    assert {"en", "es", "fr", "de", "he", "ar", "pl", "it", "pt"} <= LANGUAGES


@settings(deadline=None)
@given(st.text(), st.booleans())
def test_any_text_has_an_answer_and_signs_around_it_change_nothing(text: str, opted_out: bool) -> None:
    answer = classify(text, opted_out=opted_out)
    if answer in (Keyword.STOP, Keyword.START, Keyword.HELP):
        assert classify(f" ¡{text}!! ", opted_out=opted_out) is answer


@settings(deadline=None)
@given(st.sampled_from(["stop", "unsubscribe", "opt out"]), st.text(alphabet="abcdefghi", min_size=1))
def test_a_word_glued_to_a_stop_word_is_not_a_stop_word(word: str, rest: str) -> None:
    assert classify(f"{rest}{word}") is not Keyword.STOP


def test_confirmations_fit_one_segment_and_say_how_to_change_one_s_mind() -> None:
    replies = REPLIES["en"]
    texts = [
        filled_in(reply, business="Fernhill Water", contact="help@fernhill.test")
        for reply in (replies.stop, replies.start, replies.help)
    ]
    assert texts == [
        "Fernhill Water: you are unsubscribed and will receive no more messages. Reply START to resubscribe.",
        "Fernhill Water: you are subscribed again. Reply HELP for help or STOP to unsubscribe.",
        "Fernhill Water: for help contact help@fernhill.test. Msg&data rates may apply. Reply STOP to cancel.",
    ]
    assert [(measure(text).encoding, measure(text).segments) for text in texts] == [("GSM-7", 1)] * 3
