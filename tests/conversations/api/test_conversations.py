"""Conversations, notes, flags, tags and contacts by the API: what the pages do, with the same rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Activity, Contact, Conversation, Indicator, Message, Stream, Tag, User
from tests import factories
from tests.conversations.api.conftest import Program, program_of, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def amira() -> Contact:
    return factories.make_contact("+447700900555", first_name="Amira", last_name="Khan")


@pytest.fixture
def conversation(stream: Stream, amira: Contact) -> Conversation:
    return factories.make_conversation(stream, amira)


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()["items"]]


def test_a_conversation_is_opened_once(program: Program, stream: Stream, priya: User) -> None:
    first = program.post("/conversations", {"stream": stream.pk, "to": "07700 900555"})
    second = program.post("/conversations", {"stream": stream.pk, "to": "+447700900555"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    told = program.get(f"/conversations/{first.json()['id']}").json()
    assert told["contact"] == {"id": Contact.objects.get().pk, "name": "", "phone": "+447700900555"}
    assert told["assignee"] is None
    assert refused(program.post("/conversations", {"stream": stream.pk, "to": "x"}), 422, "letters").field == "to"


def test_lists_have_filters_and_orders(
    program: Program, conversation: Conversation, stream: Stream, priya: User
) -> None:
    now = timezone.now()
    Conversation.objects.update(last_message_at=now - timedelta(hours=3))
    resolved = factories.make_conversation(stream, status="resolved", last_message_at=now - timedelta(hours=2))
    taken = factories.make_conversation(stream, assignee=priya, unread_count=2, last_message_at=now)
    tag = Tag.objects.create(name="Billing")
    taken.tags.add(tag)
    factories.make_conversation()  # of another stream
    assert ids(program.get("/conversations")) == [taken.pk, conversation.pk]
    assert ids(program.get("/conversations", order="oldest", status="any")) == [conversation.pk, resolved.pk, taken.pk]
    assert set(ids(program.get("/conversations", order="urgent"))) == {taken.pk, conversation.pk}
    assert ids(program.get("/conversations", status="resolved")) == [resolved.pk]
    assert ids(program.get("/conversations", assignee="nobody")) == [conversation.pk]
    assert ids(program.get("/conversations", assignee="PRIYA@fernhill.example")) == [taken.pk]
    assert ids(program.get("/conversations", unread="true")) == [taken.pk]
    assert ids(program.get("/conversations", unread="false")) == [conversation.pk]
    assert ids(program.get("/conversations", tag="billing")) == [taken.pk]
    assert ids(program.get("/conversations", q="amira")) == [conversation.pk]
    assert ids(program.get("/conversations", q="07700 900555")) == [conversation.pk]
    assert ids(program.get("/conversations", contact=conversation.contact_id, stream=stream.pk)) == [conversation.pk]
    assert ids(program.get("/conversations", stream=999)) == []
    assert program.get("/conversations", order="password").status_code == 422


@pytest.mark.parametrize("order", ["newest", "oldest", "urgent"])
def test_pages_neither_skip_nor_repeat(order: str, program: Program, stream: Stream) -> None:
    moment = timezone.now()
    rows = [factories.make_conversation(stream, last_message_at=moment) for _ in range(5)]
    seen: list[int] = []
    answer = program.get("/conversations", order=order, limit=2).json()
    while True:
        seen += [one["id"] for one in answer["items"]]
        if answer["next"] is None:
            break
        answer = program.client.get(answer["next"], headers={"Authorization": f"Bearer {program.text}"}).json()
    assert sorted(seen) == sorted(row.pk for row in rows)


def test_somebody_who_sees_their_own_conversations_alone_reads_no_others(
    program: Program, conversation: Conversation, stream: Stream, priya: User
) -> None:
    User.objects.filter(pk=priya.pk).update(reach="own")
    own = factories.make_conversation(stream, assignee=priya)
    assert ids(program.get("/conversations")) == [own.pk]
    refused(program.get(f"/conversations/{conversation.pk}"), 404, "not_found")
    refused(program.post(f"/conversations/{conversation.pk}/messages", {"body": "Hello"}), 404, "not_found")
    answer = program.post("/messages", {"stream": stream.pk, "to": conversation.contact.phone, "body": "Hello"})
    assert answer.status_code in (403, 404, 422)
    assert not Message.objects.exists()
    opened = program.post("/conversations", {"stream": stream.pk, "to": "07700 900777"})
    assert opened.json()["assignee"]["email"] == priya.email
    assert program.get(f"/conversations/{opened.json()['id']}").status_code == 200


def test_a_search_of_signs_is_no_danger(program: Program, conversation: Conversation) -> None:
    for text in ("%_" * 50, "' OR 1=1 --", "\\", "🙂"):
        assert program.get("/conversations", q=text).status_code == 200
    assert program.get("/conversations", q="x" * 10_000).status_code == 422
    assert (
        program.client.get(
            "/api/v1/conversations?q=%00", headers={"Authorization": f"Bearer {program.text}"}
        ).status_code
        == 400
    )


def test_what_people_do_is_done(program: Program, conversation: Conversation, stream: Stream, priya: User) -> None:
    place = f"/conversations/{conversation.pk}"
    assert program.post(f"{place}/claim").json()["assignee"]["email"] == priya.email
    assert program.post(f"{place}/assign", {}).json()["assignee"] is None
    assert program.post(f"{place}/assign", {"person": "Priya@fernhill.example"}).json()["assignee"]["id"] == priya.pk
    assert program.post(f"{place}/assign", {"team": "Care"}).json()["team"]["name"] == "Care"
    until = (timezone.now() + timedelta(days=1)).isoformat()
    assert program.post(f"{place}/snooze", {"until": until}).json()["status"] == "snoozed"
    assert program.post(f"{place}/wake").json()["status"] == "open"
    assert program.post(f"{place}/mark", {"unread": True}).json()["unread_count"] == 1
    assert program.post(f"{place}/resolve").json()["status"] == "resolved"
    assert program.post(f"{place}/reopen").json()["status"] == "open"
    kinds = set(Activity.objects.values_list("kind", flat=True))
    assert kinds == {"assignment", "status_change"}
    assert set(Activity.objects.values_list("actor", flat=True)) == {priya.pk}


def test_what_cannot_be_done_is_refused(program: Program, conversation: Conversation, stream: Stream) -> None:
    place = f"/conversations/{conversation.pk}"
    past = (timezone.now() - timedelta(days=1)).isoformat()
    assert refused(program.post(f"{place}/snooze", {"until": past}), 422, "snooze_in_the_past").field == "until"
    refused(program.post(f"{place}/assign", {"person": "x@example.com"}), 422, "person_unknown")
    refused(program.post(f"{place}/assign", {"team": "Elsewhere"}), 422, "team_unknown")
    refused(program.post(f"{place}/assign", {"team": "Care", "person": "x"}), 422, "one_of_both")
    refused(program.post(f"{place}/tags", {"add": ["Nothing"]}), 422, "tag_unknown")
    colleague = factories.make_user(name="Rosa Delgado")
    Conversation.objects.update(assignee=colleague)
    refused(program.post(f"{place}/claim"), 409, "taken")
    Conversation.objects.update(status="resolved")
    factories.make_conversation(stream, conversation.contact)
    refused(program.post(f"{place}/reopen"), 409, "another_is_open")


def test_tags_are_put_on_and_taken_off(program: Program, conversation: Conversation) -> None:
    Tag.objects.create(name="Billing")
    Tag.objects.create(name="Old", is_active=False)
    assert program.get("/tags").json() == {"items": ["Billing"]}
    place = f"/conversations/{conversation.pk}/tags"
    assert program.post(place, {"add": ["billing"]}).json()["tags"] == ["Billing"]
    assert program.post(place, {"remove": ["Billing"]}).json()["tags"] == []


def test_remarks_and_activities(program: Program, conversation: Conversation, priya: User, stream: Stream) -> None:
    rosa = factories.make_user(name="Rosa Delgado")
    factories.make_team(members=[rosa], streams=[stream])
    place = f"/conversations/{conversation.pk}"
    told = program.post(f"{place}/remarks", {"text": "@Rosa, look here"})
    assert told.status_code == 201
    assert (told.json()["kind"], told.json()["actor"]["id"]) == ("remark", priya.pk)
    assert list(Activity.objects.get().mentions.all()) == [rosa]
    assert refused(program.post(f"{place}/remarks", {"text": " "}), 422, "empty_remark").field == "text"
    program.post(f"{place}/resolve")
    newest = program.get(f"{place}/activities", limit=1).json()
    assert [one["kind"] for one in newest["items"]] == ["status_change"]
    older = program.client.get(newest["next"], headers={"Authorization": f"Bearer {program.text}"}).json()
    assert [one["text"] for one in older["items"]] == ["@Rosa, look here"]


def test_flags_are_set_changed_and_taken_off(program: Program, conversation: Conversation) -> None:
    place = f"/conversations/{conversation.pk}/indicators"
    assert program.post(place, {"title": "Line fault open"}).json()["key"] == "line-fault-open"
    told = program.post(
        place, {"title": "Line fault open", "display_class": "warning", "link": "https://example.com/1"}
    )
    assert told.json()["display_class"] == "warning"
    assert [one["key"] for one in program.get(place).json()["items"]] == ["line-fault-open"]
    bad = program.post(place, {"title": "Fault", "link": "javascript:alert(1)"})
    assert (bad.status_code, bad.json()["field"]) == (422, "link")
    assert program.write("DELETE", f"{place}/line-fault-open").status_code == 200
    refused(program.write("DELETE", f"{place}/line-fault-open"), 404, "not_found")
    assert program.get(place).json() == {"items": []}
    assert Indicator.objects.get().removed_at is not None


def test_a_transcript_is_read(program: Program, conversation: Conversation) -> None:
    factories.make_message(conversation, direction="in", body="Hello <b>there</b>")
    program.post(f"/conversations/{conversation.pk}/remarks", {"text": "For the team"})
    told = program.get(f"/conversations/{conversation.pk}/transcript").json()
    assert [(one["kind"], one["who"], one["text"]) for one in told["lines"]] == [
        ("message", "Amira Khan", "Hello <b>there</b>")
    ]
    whole = program.get(f"/conversations/{conversation.pk}/transcript", remarks="true").json()
    assert [one["kind"] for one in whole["lines"]] == ["message", "remark"]


def test_reading_marks_nothing_and_is_noted_for_whoever_sees_everything(conversation: Conversation) -> None:
    from conversations.models import AuditEntry

    Conversation.objects.update(unread_count=3)
    ada = program_of(factories.make_user("administrator"))
    assert ada.get(f"/conversations/{conversation.pk}").json()["unread_count"] == 3
    assert ada.get(f"/contacts/{conversation.contact_id}").status_code == 200
    assert AuditEntry.objects.filter(action="seen_from_outside").count() == 2


def test_contacts_are_found_made_and_changed(program: Program, amira: Contact) -> None:
    assert ids(program.get("/contacts", q="khan")) == [amira.pk]
    assert ids(program.get("/contacts", q="nobody")) == []
    made = program.post("/contacts", {"phone": "07700 900556", "first_name": "Nora"})
    assert made.status_code == 201, made.content
    assert made.json()["phone"] == "+447700900556"
    place = f"/contacts/{made.json()['id']}"
    assert program.write("PATCH", place, {"last_name": "Quist"}).json()["last_name"] == "Quist"
    assert program.get(place).json()["first_name"] == "Nora"
    assert ids(program.get("/contacts", limit=1)) == [made.json()["id"]]
    known = program.post("/contacts", {"phone": amira.phone})
    assert (known.status_code, known.json()["code"], known.json()["field"]) == (422, "number_known", "phone")
    wrong = program.write("PATCH", place, {"email": "nora"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "email")
    factories.make_message(factories.make_conversation(contact=amira))
    refused(program.write("PATCH", place, {"id": 4}), 422, "unknown_field")


@pytest.mark.parametrize("place", ["/conversations", "/contacts", "/streams"])
def test_lists_take_the_same_queries_for_one_row_and_for_twenty(
    place: str, program: Program, stream: Stream, django_assert_max_num_queries: Any
) -> None:
    factories.make_conversation(stream).tags.add(Tag.objects.create(name="Billing"))
    program.get(place)
    with django_assert_max_num_queries(12) as first:
        program.get(place)
    for number in range(20):
        factories.make_conversation(stream, factories.make_contact(f"+4477009005{number:02}"))
    with django_assert_max_num_queries(12) as second:
        assert program.get(place).status_code == 200
    assert len(second) == len(first)
    assert not Message.objects.exists()
