"""Drafts: one text per person, conversation and kind, which no older page overwrites and no late save brings back."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from conversations.models import Conversation, Draft, User
from conversations.services.drafts import LONGEST, drafts_in, let_go, put_back, save_draft
from conversations.services.remarks import leave_remark
from conversations.services.replies import send_reply
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def priya() -> User:
    return factories.make_user(name="Priya Nair")


@pytest.fixture
def amira(priya: User) -> Conversation:
    conversation = factories.make_conversation()
    factories.make_team(members=[priya], streams=[conversation.stream])
    return conversation


def save(amira: Conversation, priya: User, body: str, version: int = 0, **more: str) -> Draft | None:
    given = {"kind": "reply", **more}
    return save_draft(user=priya, conversation=amira, body=body, version=version, **given)  # type: ignore[arg-type]


def refused(code: str, amira: Conversation, priya: User, body: str, version: int = 0, **more: str) -> None:
    """Save, expect the refusal, and see that nothing changed."""
    before = list(Draft.objects.values_list("body", "version"))
    with pytest.raises(ValidationError) as found:
        save(amira, priya, body, version, **more)
    assert found.value.code == code
    assert list(Draft.objects.values_list("body", "version")) == before


def test_each_save_makes_the_next_version(amira: Conversation, priya: User) -> None:
    assert save(amira, priya, "Hel").version == 1  # type: ignore[union-attr]
    assert save(amira, priya, "Hello", 1).version == 2  # type: ignore[union-attr]
    assert save(amira, priya, "Hello", 1).version == 2  # type: ignore[union-attr]
    assert drafts_in(amira, priya)["reply"].body == "Hello"


def test_a_text_that_was_emptied_is_no_draft(amira: Conversation, priya: User) -> None:
    assert save(amira, priya, "  \n") is None
    save(amira, priya, "Hello")
    assert save(amira, priya, " ", 1) is None
    assert not Draft.objects.exists()


def test_an_older_page_does_not_overwrite(amira: Conversation, priya: User) -> None:
    save(amira, priya, "From the laptop")
    refused("draft_changed", amira, priya, "From the phone")
    refused("draft_changed", amira, priya, "", 7)
    save(amira, priya, "From the phone", 1)


def test_a_page_whose_own_save_got_no_answer_goes_on(amira: Conversation, priya: User) -> None:
    save(amira, priya, "Hello Ami")
    assert save(amira, priya, "Hello Amira", 0).body == "Hello Amira"  # type: ignore[union-attr]


def test_a_draft_that_is_gone_is_not_made_again_by_a_page_that_knew_it(amira: Conversation, priya: User) -> None:
    save(amira, priya, "Hello")
    let_go(amira, priya, "reply")
    refused("draft_changed", amira, priya, "Hello again", 1)


def test_a_late_save_does_not_bring_back_what_was_sent(amira: Conversation, priya: User) -> None:
    key = str(uuid.uuid4())
    save(amira, priya, "Hello", client_key=key)
    send_reply(conversation=amira, author=priya, body="Hello", client_key=key, seen=None)
    assert not Draft.objects.exists()
    refused("already_sent", amira, priya, "Hello", client_key=key)
    refused("already_sent", amira, priya, "Hello", 1, client_key=key)


def test_a_late_save_does_not_bring_back_a_remark(amira: Conversation, priya: User) -> None:
    key = str(uuid.uuid4())
    save(amira, priya, "Call back", kind="remark")
    leave_remark(amira, text="Call back", actor=priya, colleagues=[], client_key=key)
    assert not Draft.objects.exists()
    refused("already_sent", amira, priya, "Call back", kind="remark", client_key=key)


def test_replies_remarks_and_people_do_not_meet(amira: Conversation, priya: User) -> None:
    tom = factories.make_user("supervisor", name="Tom Reyes")
    save(amira, priya, "Reply")
    save(amira, priya, "Remark", kind="remark")
    save(amira, tom, "Tom's")
    assert {kind: draft.body for kind, draft in drafts_in(amira, priya).items()} == {
        "reply": "Reply",
        "remark": "Remark",
    }
    let_go(amira, priya, "reply")
    assert set(drafts_in(amira, priya)) == {"remark"}
    assert drafts_in(amira, tom)["reply"].body == "Tom's"


def test_drafts_of_somebody_are_those_in_conversations_they_still_see(amira: Conversation, priya: User) -> None:
    save(amira, priya, "Hello")
    elsewhere = factories.make_conversation()
    Draft.objects.create(user=priya, conversation=elsewhere, kind="reply", body="Lost")
    assert [draft.body for draft in Draft.objects.of(priya)] == ["Hello"]


def test_what_is_put_back_stands_above_what_was_begun_meanwhile(amira: Conversation, priya: User) -> None:
    put_back(amira, priya, "reply", "First")
    put_back(amira, priya, "reply", "First")
    assert drafts_in(amira, priya)["reply"].body == "First"
    save(amira, priya, "Second", 1)
    assert put_back(amira, priya, "reply", "First").body == "First\n\nSecond"


def test_nothing_typed_is_cut_or_breaks_the_database(amira: Conversation, priya: User) -> None:
    refused("draft_too_long", amira, priya, "x" * (LONGEST + 1))
    assert save(amira, priya, "a\x00b").body == "ab"  # type: ignore[union-attr]


def test_postgresql_keeps_one_draft_and_no_empty_one(amira: Conversation, priya: User) -> None:
    save(amira, priya, "Hello")
    for body, kind in (("Twice", "reply"), ("", "remark"), ("Unknown", "poem")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Draft.objects.create(user=priya, conversation=amira, kind=kind, body=body)
