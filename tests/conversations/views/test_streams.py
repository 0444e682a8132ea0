"""The pages of streams: who sees them, the address shown once, the rule, what came, what was refused, and replay."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from conversations.models import AuditEntry, Conversation, HookSecret, RefusedCall, Stream, WebhookEvent
from conversations.services import inbound
from tests import factories
from tests.bad_input.calls import call, said
from tests.conversations.views.conftest import Centre, signed_in

pytestmark = pytest.mark.django_db

OURS = "+447700900177"


@pytest.fixture
def stream(centre: Centre) -> Stream:
    """A third stream of Tom's team, at Webex Interact."""
    account = factories.make_account("webex_interact")
    found = factories.make_stream(account, name="Reminders", external_id="", sender="FERNHILL", inbound_number=OURS)
    centre.team.streams.add(found)
    return found


@pytest.fixture
def administrator(centre: Centre) -> Client:
    return signed_in(factories.make_user("administrator", name="Ada Winter"))


def read_calls() -> None:
    inbound.process_webhooks(list(WebhookEvent.objects.filter(status="received").values_list("pk", flat=True)))


def page_of(client: Client, stream: Stream) -> str:
    """The page, as text."""
    answer = client.get(f"/streams/{stream.pk}/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_supervisors_see_their_streams_and_agents_none(
    supervisor: Client, agent: Client, stranger: Client, stream: Stream
) -> None:
    assert "Reminders" in supervisor.get("/streams/").content.decode()
    assert [one.get("/streams/").status_code for one in (agent, stranger)] == [403, 403]
    assert [one.get(f"/streams/{stream.pk}/").status_code for one in (agent, stranger)] == [404, 404]
    elsewhere = factories.make_user("supervisor")
    assert signed_in(elsewhere).get(f"/streams/{stream.pk}/").status_code == 404
    assert "Reminders" not in signed_in(elsewhere).get("/streams/").content.decode()


def test_a_new_address_is_shown_once_and_only_administrators_make_one(
    administrator: Client, supervisor: Client, stream: Stream
) -> None:
    assert supervisor.post(f"/streams/{stream.pk}/address/").status_code == 403
    assert "An administrator can make another" in page_of(supervisor, stream)
    assert not HookSecret.objects.exists()
    assert administrator.post(f"/streams/{stream.pk}/address/").status_code == 302
    first = page_of(administrator, stream)
    found = re.search(r">(http[^<]+/hooks/([A-Za-z0-9_-]{43})/)</textarea>", first)
    assert found is not None
    again = page_of(administrator, stream)
    assert found[2] not in again
    assert f"/hooks/…{found[2][-4:]}/" in again
    assert found[2] not in page_of(supervisor, stream)
    entry = AuditEntry.objects.filter(action="stream_changed").get()
    assert found[2] not in entry.summary
    path = found[1][found[1].index("/hooks/") :]
    assert Client().head(path).status_code == 200


def test_the_former_address_is_ended_by_hand(administrator: Client, stream: Stream) -> None:
    for _ in range(2):
        administrator.post(f"/streams/{stream.pk}/address/")
    assert "Former, until" in page_of(administrator, stream)
    administrator.post(f"/streams/{stream.pk}/address/end/")
    shown = page_of(administrator, stream)
    assert "The former address takes no more calls." in shown
    assert "Former, until" not in shown
    administrator.post(f"/streams/{stream.pk}/address/end/")
    assert "ended already" in page_of(administrator, stream)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("cirrus", "Tick OnNew, OnNewChild, OnNewActivity and OnUpdateTag"),
        ("ccai_platform", "Copy the primary and the secondary secret"),
        ("webex_interact", "Inbound SMS Received and SMS Opt Out"),
    ],
)
def test_the_page_says_what_to_tick_at_the_provider(administrator: Client, provider: str, words: str) -> None:
    assert words in page_of(administrator, factories.make_stream(factories.make_account(provider)))


def test_it_says_whether_calls_must_prove_themselves(administrator: Client, stream: Stream) -> None:
    assert "the address alone protects it" in page_of(administrator, stream)
    stream.account.credentials = {**stream.account.credentials, "webhook_secret": "0123456789abcdef"}
    stream.account.save()
    shown = page_of(administrator, stream)
    assert "Only calls with this account&#x27;s secret are taken." in shown or "account's secret are taken" in shown
    assert "0123456789abcdef" not in shown


def test_the_rule_is_changed_and_told_in_words(supervisor: Client, stream: Stream) -> None:
    assert "When somebody writes less than 7 days after a conversation was closed, it opens again" in page_of(
        supervisor, stream
    )
    assert supervisor.post(f"/streams/{stream.pk}/rules/", {"reopen_days": "0"}).status_code == 302
    assert "When somebody writes after a conversation was closed, a new one begins." in page_of(supervisor, stream)
    assert AuditEntry.objects.filter(action="stream_changed", subject_id=stream.pk).count() == 1
    for wrong, sentence in (
        ("", "Enter a number of days"),
        ("-1", "Enter 0 or more days"),
        ("4000", "3,650 days at most"),
        ("soon", "Enter a whole number"),
    ):
        answer = supervisor.post(f"/streams/{stream.pk}/rules/", {"reopen_days": wrong})
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
    stream.refresh_from_db()
    assert stream.reopen_days == 0


def test_only_a_provider_that_can_be_asked_is_offered_to_be(administrator: Client, stream: Stream) -> None:
    assert "polls_messages" not in page_of(administrator, stream)
    administrator.post(f"/streams/{stream.pk}/rules/", {"reopen_days": "7", "polls_messages": "on"})
    stream.refresh_from_db()
    assert not stream.polls_messages
    ccai = factories.make_stream(factories.make_account("ccai_platform"))
    assert "polls_messages" in page_of(administrator, ccai)
    administrator.post(f"/streams/{ccai.pk}/rules/", {"reopen_days": "7", "polls_messages": "on"})
    ccai.refresh_from_db()
    assert ccai.polls_messages


def test_what_came_is_listed_and_what_was_not_understood_can_be_replayed(supervisor: Client, stream: Stream) -> None:
    call(stream.account, said("Hello", to=OURS))
    call(stream.account, said("Hello again", key="evt_2", to="+447700900178"))
    call(stream.account, {"type": "com.interact.something.new", "id": "evt_3", "data": {}})
    read_calls()
    shown = page_of(supervisor, stream)
    assert "Message from a customer" in shown
    assert "Unknown: com.interact.something.new" in shown
    assert "No stream of" in shown
    assert "Hello" not in shown  # the words of customers stand in their conversation
    assert "Not understood" in shown
    stream.inbound_number = "+447700900178"
    stream.save()
    failed = WebhookEvent.objects.get(status="failed")
    supervisor.post(f"/streams/{stream.pk}/replay/", {"event": failed.pk})
    assert "Read again: Message from a customer." in page_of(supervisor, stream)
    assert Conversation.objects.get().messages.count() == 2
    unknown = WebhookEvent.objects.get(status="unrecognised")
    supervisor.post(f"/streams/{stream.pk}/replay/", {"event": unknown.pk})
    assert "still of no kind that Parley knows" in page_of(supervisor, stream)
    supervisor.post(f"/streams/{stream.pk}/replay/", {"event": failed.pk})
    assert Conversation.objects.get().messages.count() == 2


def test_what_was_refused_is_listed_and_checked_again(supervisor: Client, stream: Stream) -> None:
    stream.account.credentials = {**stream.account.credentials, "webhook_secret": "0123456789abcdef"}
    stream.account.save()
    assert call(stream.account, said("Hello", to=OURS)).status_code == 403
    shown = page_of(supervisor, stream)
    assert "does not carry the signature" in shown
    refused = RefusedCall.objects.get()
    supervisor.post(f"/streams/{stream.pk}/replay/", {"refused": refused.pk})
    assert "It is still refused." in page_of(supervisor, stream)
    stream.account.credentials = factories.CREDENTIALS["webex_interact"]
    stream.account.save()
    supervisor.post(f"/streams/{stream.pk}/replay/", {"refused": refused.pk})
    assert Conversation.objects.get().messages.get().body == "Hello"
    assert not RefusedCall.objects.exists()


def test_calls_of_streams_one_does_not_see_are_neither_shown_nor_replayed(
    supervisor: Client, stream: Stream, centre: Centre
) -> None:
    hidden = factories.make_stream(stream.account, name="Hidden", external_id="", inbound_number="+447700900179")
    call(stream.account, said("Hello", to="+447700900179"))
    call(stream.account, {"type": "com.interact.something.new", "id": "evt_3", "data": {}})
    read_calls()
    shown = page_of(supervisor, stream)
    assert "No call has come yet" in shown
    assert "are shown to those who see every stream" in shown
    for event in WebhookEvent.objects.all():
        assert supervisor.post(f"/streams/{stream.pk}/replay/", {"event": event.pk}).status_code == 404
    assert WebhookEvent.objects.filter(stream=hidden).count() == 1


def test_hostile_words_of_a_call_are_shown_as_words(supervisor: Client, stream: Stream) -> None:
    call(stream.account, {"type": "<script>alert(1)</script>", "id": "evt_3", "data": {}})
    read_calls()
    shown = page_of(supervisor, stream)
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown


@pytest.mark.parametrize("given", [{"event": "x"}, {"event": "-1"}, {"event": "9" * 30}, {}, {"refused": "12345"}])
def test_a_call_that_is_none_is_404(supervisor: Client, stream: Stream, given: dict[str, Any]) -> None:
    assert supervisor.post(f"/streams/{stream.pk}/replay/", given).status_code == 404
