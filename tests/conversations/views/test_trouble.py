"""What an agent reads of a message that did not arrive."""

from __future__ import annotations

import pytest

from conversations.models import User
from conversations.views.people import who_decide
from conversations.views.trouble import nothing_arrived, what_settles, who_decides, why_failed, why_unconfirmed
from messaging.providers.cirrus.words import META_CODES, refusal_code
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("number_not_reachable", "Invalid phone number", "can't be reached from FERNHILL."),
        ("session_active", "Consumer is already ...", "already in a text conversation at Webex Interact."),
        ("sender_not_found", "x", "The sending number +44770090 is not set up at Webex Interact. Tell a supervisor."),
        ("window_closed", "131047: More than 24 hours", "more than 24 hours ago. Send a template."),
        ("whatsapp_blocked", "131031", "WhatsApp has blocked the account of FERNHILL. Tell a supervisor."),
        ("refused", "No such number", "No such number."),
        ("refused", "{stream} {0.__class__}", "{stream} {0.__class__}."),
        ("gave_up", "HTTP 503", "Given up after 8 tries. HTTP 503."),
        ("", "", "No reason was given."),
    ],
)
def test_a_refusal_is_said_in_our_words_where_we_know_the_code(code: str, text: str, words: str) -> None:
    stream = factories.make_stream(factories.make_account("webex_interact"), name="FERNHILL", sender="+44770090")
    message = factories.make_message(
        factories.make_conversation(stream), status="failed", failure_code=code, failure_text=text, attempt_count=8
    )
    assert why_failed(message).endswith(words)


def test_each_of_metas_numbers_has_a_sentence_of_ours() -> None:
    stream = factories.make_stream(factories.make_account("cirrus"), channel="whatsapp")
    conversation = factories.make_conversation(stream)
    for number in META_CODES:
        said = f"({number}) Something of Meta's"
        message = factories.make_message(
            conversation, status="failed", failure_code=refusal_code(said), failure_text=said
        )
        assert said not in why_failed(message), number


def test_what_was_accepted_first_did_not_reach_the_customer() -> None:
    message = factories.make_message(status="failed")
    assert nothing_arrived(message) == "Nothing reached the customer."
    message.status = "undelivered"
    assert nothing_arrived(message) == "It did not reach the customer."


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("no_answer", "There was no answer within 30 s.", "did not answer within 30 s."),
        ("connection_broke", "x", "broke before the answer was complete."),
        ("worker_lost", "x", "Our sending process stopped before"),
        ("unconfirmed", "HTTP 502", "answered with a fault (HTTP 502)."),
    ],
)
def test_a_doubt_says_where_it_comes_from(code: str, text: str, words: str) -> None:
    message = factories.make_message(status="unconfirmed", failure_code=code, failure_text=text)
    assert words in why_unconfirmed(message)


def test_a_report_may_settle_it_where_there_are_reports() -> None:
    webex = factories.make_stream(factories.make_account("webex_interact"))
    message = factories.make_message(factories.make_conversation(webex), status="unconfirmed")
    assert "A delivery report may still settle it" in what_settles(message)


def test_supervisors_of_the_stream_are_named() -> None:
    stream = factories.make_stream()
    ada, tom, zoe = (factories.make_user("supervisor", name=name) for name in ("Ada", "Tom", "Zoe"))
    factories.make_user("supervisor", name="Elsewhere")
    assert who_decides(who_decide(stream)) == "Only a supervisor can decide whether it is sent again."
    team = factories.make_team(members=[factories.make_user(name="Agent"), tom], streams=[stream])
    assert who_decides(who_decide(stream)) == "Tom can decide whether it is sent again."
    team.members.add(ada)
    assert who_decides(who_decide(stream)) == "Ada or Tom can decide whether it is sent again."
    team.members.add(zoe)
    assert who_decides(who_decide(stream)) == "Ada or Tom or another supervisor can decide whether it is sent again."
    User.objects.filter(name__in=["Tom", "Zoe"]).update(is_active=False)
    assert who_decides(who_decide(stream)) == "Ada can decide whether it is sent again."
