"""Streams: settings as the provider declares them, a test message through the product's own door, pause and resume."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from conversations.models import (
    AuditEntry,
    Campaign,
    CampaignChunk,
    Contact,
    Conversation,
    Message,
    Stream,
    StreamGate,
    TeamStream,
    User,
)
from conversations.models.stream import UNTIL_RESUMED
from messaging.registry import provider_classes
from tests import factories
from tests.conversations.admin.browsing import act, errors_of, page, signed_in, told

pytestmark = pytest.mark.django_db
LIST = "/admin/conversations/stream/"


def add(browser: Client, account: Any, **fields: Any) -> HttpResponse:
    """Fill in the form of a new stream and save it."""
    sender = "+16285550199" if account.provider == "ccai_platform" else "+447700900150"
    form = {"name": "Service texts", "channel": "sms", "external_id": "enc-new", "sender": sender}
    form |= {"region": "GB", "body_limit": "1600", "reply_within": "240", "checks_per_day": "20", "is_active": "on"}
    form |= {f"option_{one.name}": one.default for one in provider_classes()[account.provider].stream_options}
    return browser.post(f"{LIST}add/?account={account.pk}", form | fields)


def test_the_account_is_chosen_first(admin_browser: Client) -> None:
    text = admin_browser.get(f"{LIST}add/").content.decode()
    assert "Add an account first" in text
    account = factories.make_account()
    assert f'href="?account={account.pk}"' in admin_browser.get(f"{LIST}add/").content.decode()
    for none in ("0", "x", "9" * 30, "-1"):
        assert admin_browser.get(f"{LIST}add/?account={none}").status_code == 200


@pytest.mark.parametrize("provider", provider_classes())
def test_the_form_speaks_the_providers_language(provider: str, admin_browser: Client) -> None:
    cls = provider_classes()[provider]
    account = factories.make_account(provider)
    text = admin_browser.get(f"{LIST}add/?account={account.pk}").content.decode()
    for label in (cls.external_id_label, cls.sender_label, *(one.label for one in cls.stream_options)):
        assert label in text
    assert ('name="external_id"' in text) is bool(cls.external_id_label)
    assert ("WhatsApp</option>" in text) is ("whatsapp" in {str(one) for one in cls.channels})
    assert add(admin_browser, account).status_code == 302
    stream = Stream.objects.get()
    assert stream.account == account
    assert stream.settings == {one.name: one.default for one in cls.stream_options if one.default}


def test_settings_are_checked_and_others_are_kept(admin_browser: Client) -> None:
    stream = factories.make_stream(settings={"stream_id": "7", "kept": "as it was"})
    address = page(Stream, "change", stream.pk)
    form = {
        "name": stream.name,
        "external_id": "e",
        "sender": "+44 7700 (900) 151",
        "region": "gb",
        "body_limit": "160",
        "reply_within": "30",
        "checks_per_day": "5",
    }
    form |= {
        f"{prefix}-{count}": "0"
        for prefix in ("sub_streams", "team_streams")
        for count in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    wrong = admin_browser.post(address, form | {"option_stream_id": "12x"})
    assert list(errors_of(wrong)) == ["option_stream_id"]
    assert admin_browser.post(address, form | {"option_stream_id": "12", "channel": "whatsapp"}).status_code == 302
    stream.refresh_from_db()
    assert stream.settings == {"stream_id": "12", "kept": "as it was"}
    assert (stream.sender, stream.region, stream.channel, stream.body_limit) == ("+447700900151", "GB", "sms", 160)


@pytest.mark.parametrize(
    ("field", "value"), [("region", "XX"), ("region", "1"), ("body_limit", "0"), ("channel", "fax"), ("name", "")]
)
def test_a_wrong_value_is_refused_at_its_field(field: str, value: str, admin_browser: Client) -> None:
    assert list(errors_of(add(admin_browser, factories.make_account(), **{field: value}))) == [field]
    assert not Stream.objects.exists()


def test_a_stream_is_set_up_once(admin_browser: Client) -> None:
    first = factories.make_stream(external_id="enc-new", sender="+447700900150")
    errors = errors_of(add(admin_browser, first.account))
    assert errors == {"external_id": [f"{first} is already set up with this. Change that stream instead."]}


def test_a_test_message_goes_through_the_products_door(admin_browser: Client, administrator: User) -> None:
    stream = factories.make_stream()
    asked = act(admin_browser, "send_test_message", stream)
    key = asked.context["form"]["client_key"].value()  # type: ignore[attr-defined]
    fields = {"number": "07700 900123", "body": "Hello from here", "client_key": key}
    sent = act(admin_browser, "send_test_message", stream, **fields)
    message = Message.objects.get()
    assert (message.status, message.author, message.body) == ("queued", administrator, "Hello from here")
    assert message.conversation.contact.phone == "+447700900123"
    assert page(Message, "change", message.pk) in told(sent)[0]
    act(admin_browser, "send_test_message", stream, **fields)
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("number", "body", "field"),
    [
        ("", "Hello", "number"),
        ("12345", "Hello", "number"),
        ("+4474512XXXXX", "Hello", "number"),
        ("07700 900123", "", "body"),
        ("07700 900123", "x" * 5000, "body"),
        ("07700 900123", "a\uffff", "body"),
    ],
)
def test_a_refused_test_message_leaves_nothing_behind(
    number: str, body: str, field: str, admin_browser: Client
) -> None:
    stream = factories.make_stream()
    answer = act(admin_browser, "send_test_message", stream, number=number, body=body, client_key="k")
    assert list(errors_of(answer)) == [field]
    assert [model.objects.count() for model in (Contact, Conversation, Message)] == [0, 0, 0]
    assert django_rq.get_queue("interactive").count == 0


def test_what_the_gate_says_is_shown(admin_browser: Client) -> None:
    off = factories.make_stream(is_active=False)
    answer = act(admin_browser, "send_test_message", off, number="07700 900123", body="Hello", client_key="k")
    assert "is switched off" in errors_of(answer)["__all__"][0]
    whatsapp = factories.make_stream(channel="whatsapp")
    answer = act(admin_browser, "send_test_message", whatsapp, number="07700 900123", body="Hello", client_key="k")
    assert "Only templates can be sent" in errors_of(answer)["__all__"][0]
    assert not Contact.objects.exists()


def test_one_stream_at_a_time_is_tested(admin_browser: Client) -> None:
    answer = act(admin_browser, "send_test_message", factories.make_stream(), factories.make_stream())
    assert told(answer) == ["Choose one stream to send a test message from."]


def test_a_supervisor_tests_but_does_not_pause(db: None) -> None:
    stream = factories.make_stream()
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[stream])
    browser = signed_in(tom)
    text = browser.get(page(Stream, "change", stream.pk)).content.decode()
    assert "Send test message" in text
    assert ">Pause<" not in text
    assert browser.post(page(Stream, "do", stream.pk, "pause"), {"apply": "1", "reason": "x"}).status_code == 403
    browser.post(
        page(Stream, "do", stream.pk, "send_test_message"),
        {"apply": "1", "number": "07700 900123", "body": "Hello", "client_key": "k"},
    )
    assert Message.objects.get().author == tom
    TeamStream.objects.update(can_send=False)
    refused = browser.post(
        page(Stream, "do", stream.pk, "send_test_message"),
        {"apply": "1", "number": "07700 900123", "body": "Hello", "client_key": "other"},
    )
    assert "not send from it" in errors_of(refused)["__all__"][0]


def test_a_pause_has_a_reason_and_an_end(admin_browser: Client) -> None:
    stream = factories.make_stream()
    assert "reason" in errors_of(act(admin_browser, "pause", stream, minutes="15", reason=""))
    stream.refresh_from_db()
    assert not stream.is_paused
    answer = act(admin_browser, "pause", stream, minutes="60", reason="Storm at the provider")
    assert told(answer) == [f"{stream} is paused."]
    stream.refresh_from_db()
    assert stream.is_paused
    assert stream.paused_until is not None
    assert stream.paused_until - timezone.now() < timedelta(hours=1, minutes=1)
    text = admin_browser.get(LIST).content.decode()
    assert "Paused until" in text
    assert "Storm at the provider" in text
    act(admin_browser, "pause", stream, minutes="", reason="For good")
    assert "For good" in admin_browser.get(LIST).content.decode()
    assert told(act(admin_browser, "resume", stream)) == [f"{stream} sends again."]
    stream.refresh_from_db()
    assert (stream.paused_until, stream.pause_reason) == (None, "")
    assert told(act(admin_browser, "resume", stream))[-1] == f"{stream} is not paused."
    entries = AuditEntry.objects.filter(action="stream_changed", subject_id=stream.pk).order_by("pk")
    assert [(one.summary, one.address) for one in entries] == [
        ("Paused: Storm at the provider", "127.0.0.1"),
        ("Paused: For good", "127.0.0.1"),
        ("Resumed.", "127.0.0.1"),
    ]
    history = admin_browser.get(page(Stream, "history", stream.pk)).content.decode()
    assert "Paused: Storm at the provider" in history
    assert "Resumed." in history


def test_what_waited_is_woken_for_at_once_when_a_stream_is_resumed(admin_browser: Client) -> None:
    paused, other = (factories.make_stream(paused_until=UNTIL_RESUMED) for _ in range(2))
    for stream in (paused, other):
        factories.make_message(factories.make_conversation(stream), status="queued", hinted_at=timezone.now())
        campaign = Campaign.objects.create(stream=stream, name="Outage", status="running")
        CampaignChunk.objects.create(campaign=campaign, number=1, payload=[], rest=[], hinted_at=timezone.now())
    act(admin_browser, "resume", paused)
    assert Message.objects.get(hinted_at=None).stream == paused
    assert CampaignChunk.objects.get(hinted_at=None).campaign.stream == paused


def test_a_rate_is_changed_and_what_workers_write_is_left_alone(admin_browser: Client) -> None:
    gate = StreamGate.objects.create(stream=factories.make_stream(), tokens=3.5, faults=2)
    address = page(StreamGate, "change", gate.pk)
    assert list(errors_of(admin_browser.post(address, {"rate": "0", "burst": "5"}))) == ["rate"]
    form = {"rate": "2.5", "burst": "5", "tokens": "99", "faults": "0", "stream": factories.make_stream().pk}
    assert admin_browser.post(address, form).status_code == 302
    changed = StreamGate.objects.get()
    assert (changed.stream, changed.rate, changed.burst) == (gate.stream, 2.5, 5)
    assert (changed.tokens, changed.faults) == (3.5, 2)
