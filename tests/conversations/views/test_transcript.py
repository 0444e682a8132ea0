"""A conversation in one piece: as a page, as text, as JSON; with remarks and without."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, Message
from conversations.services import conversations, transcript
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import read

NASTY = "<script>alert(1)</script>"


@pytest.fixture
def talk(centre: Centre) -> Conversation:
    """Amira asked, Priya answered, one text did not arrive, Tom remarked."""
    amira = centre.conversation(centre.care, assignee=centre.priya)
    now = timezone.now()
    asked = factories.make_message(amira, direction="in", body="Where is my engineer?\nI wait since nine.")
    photo = factories.make_message(amira, direction="in", body="", media=[{"kind": "image", "filename": "door.jpg"}])
    read_one = factories.make_message(amira, status="read", author=centre.priya, body="On the way.", read_at=now)
    failed = factories.make_message(
        amira, status="failed", author=centre.priya, body="Sorry.", failure_text="The number is blocked."
    )
    for minutes, message in enumerate((asked, photo, read_one, failed)):
        at = now - timedelta(days=1 if message == asked else 0, minutes=10 - minutes)
        Message.objects.filter(pk=message.pk).update(created_at=at)
    conversations.add_remark(amira, text=f"Be kind {NASTY}", actor=centre.tom)
    return amira


def test_the_page_shows_every_word_and_only_the_remarks_that_were_asked_for(talk: Conversation, agent: Client) -> None:
    page = read(agent.get(f"/c/{talk.pk}/transcript/"))
    text = page.one("article").text
    for words in ("Conversation with Amira Haddad", "Where is my engineer?", "door.jpg", "On the way.", "Read"):
        assert words in text, words
    assert "The number is blocked." in text
    assert "Be kind" not in text
    assert len(page.all(class_="transcript-day")) == 2

    with_remarks = agent.get(f"/c/{talk.pk}/transcript/?remarks=1")
    assert "Remark, team only" in read(with_remarks).text
    assert NASTY not in with_remarks.content.decode()


def test_the_text_reads_like_a_talk(talk: Conversation, agent: Client) -> None:
    response = agent.get(f"/c/{talk.pk}/transcript/?format=text&remarks=1")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="conversation-{talk.pk}.txt"'
    lines = response.content.decode().splitlines()
    assert lines[0] == "Transcript of a conversation"
    assert f"Customer: Amira Haddad, {talk.contact.phone_display}" in lines
    assert "Stream: Fernhill Care (WhatsApp)" in lines
    said = [line[7:] for line in lines if line[2:3] == ":" or line.startswith("       ")]
    assert said[:3] == ["Amira Haddad: Where is my engineer?", "I wait since nine.", "Amira Haddad:"]
    assert "[door.jpg]" in said
    assert "Priya Nair: On the way." in said
    assert any(line.startswith("Read ") for line in said)
    assert said[-1] == f"Tom Reyes (remark, team only): Be kind {NASTY}"


def test_the_json_has_times_in_utc(talk: Conversation, agent: Client) -> None:
    whole: dict[str, Any] = json.loads(agent.get(f"/c/{talk.pk}/transcript/?format=json").content)
    assert whole["contact"] == {"name": "Amira Haddad", "phone": talk.contact.phone}
    assert (whole["with_remarks"], whole["is_whole"]) == (False, True)
    assert [line["text"] for line in whole["lines"]] == [
        "Where is my engineer?\nI wait since nine.",
        "",
        "On the way.",
        "Sorry.",
    ]
    answer = whole["lines"][2]
    assert (answer["who"], answer["direction"], answer["status"]) == ("Priya Nair", "out", "read")
    assert answer["read_at"].endswith("Z")
    assert whole["lines"][3]["reason"] == "The number is blocked."
    assert whole["lines"][1]["files"] == ["door.jpg"]


def test_the_number_of_queries_does_not_grow(talk: Conversation, agent: Client, django_assert_num_queries: Any) -> None:
    for number in range(30):
        factories.make_message(talk, body=str(number), author=talk.assignee)
    # Session, user, their permissions, the conversation, messages, their files, activities.
    with django_assert_num_queries(7):
        agent.get(f"/c/{talk.pk}/transcript/?remarks=1")


def test_what_is_too_long_says_so(talk: Conversation, agent: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "MOST_MESSAGES", 2)
    text = agent.get(f"/c/{talk.pk}/transcript/?format=text").content.decode()
    assert "Messages before these were left out." in text
    assert "Where is my engineer?" not in text
    assert "Sorry." in text


def test_a_foreign_conversation_has_no_transcript(talk: Conversation, stranger: Client) -> None:
    for words in ("", "?format=text", "?format=json&remarks=1"):
        assert stranger.get(f"/c/{talk.pk}/transcript/{words}").status_code == 404
