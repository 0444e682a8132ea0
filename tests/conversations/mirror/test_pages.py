"""What people see of the mirror, and what they can do about it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from conversations.models import Activity, Conversation
from conversations.services import conversations
from tests.conversations.mirror.conftest import Cirrus, push

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def priya(client: Client, streams: Any) -> Client:
    client.force_login(streams.priya)
    return client


def page(client: Client, conversation: Conversation) -> str:
    """The page of a conversation."""
    return client.get(reverse("conversation", args=[conversation.pk])).content.decode()


def test_each_entry_says_where_it_stands_and_a_refused_one_can_be_pushed_again(
    priya: Client, conversation: Conversation, cirrus: Cirrus, streams: Any
) -> None:
    remark = conversations.add_remark(conversation, text="Call after four", actor=streams.priya)
    assert page(priya, conversation).count("Not yet pushed") == 2
    push(conversation)
    shown = page(priya, conversation)
    assert "Not yet pushed" not in shown
    assert shown.count("push-pushed") == 2

    Activity.objects.filter(pk=remark.pk).update(push_state="failed", push_text="Object <b>not</b> found")
    shown = page(priya, conversation)
    assert "Refused: <bdi>Object &lt;b&gt;not&lt;/b&gt; found</bdi>" in shown
    address = reverse("push-again", args=[remark.pk])
    assert address in shown
    assert priya.post(address).status_code == 302
    assert "Not yet pushed" in page(priya, conversation)
    said = priya.post(address, follow=True).content.decode()
    assert "no longer refused" in said


def test_a_conversation_that_is_not_mirrored_says_nothing(priya: Client, streams: Any) -> None:
    from tests import factories

    conversation = conversations.open_conversation(stream=streams["webex_interact"], contact=factories.make_contact())
    assert "push-state" not in page(priya, conversation)
