"""Contacts, consent, templates and webhook calls: what each form lets in, and what its action does."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from conversations.models import ConsentState, Contact, Message, OptIn, WebhookEvent, WhatsAppTemplate
from tests import factories
from tests.conversations.admin.browsing import act, errors_of, page, signed_in, told

pytestmark = pytest.mark.django_db


def test_a_contact_keeps_its_number(admin_browser: Client) -> None:
    contact = factories.make_contact("+447700900123")
    address = page(Contact, "change", contact.pk)
    wrong = {"first_name": "Rosa", "email": "rosa", "time_zone": "Europe/Atlantis"}
    assert set(errors_of(admin_browser.post(address, wrong))) == {"email", "time_zone"}
    right = {"first_name": "Rosa", "last_name": "Delgado", "email": "rosa@example.org", "time_zone": "Europe/Lisbon"}
    assert admin_browser.post(address, right | {"phone": "+447700900999"}).status_code == 302
    contact.refresh_from_db()
    assert (contact.phone, contact.name, contact.time_zone) == ("+447700900123", "Rosa Delgado", "Europe/Lisbon")
    assert admin_browser.get(page(Contact, "add")).status_code == 403


def record(browser: Client, whose: Contact, **fields: Any) -> HttpResponse:
    """Fill in the form of a decision."""
    now = timezone.localtime()
    form = {"contact": whose.pk, "channel": "sms", "event": "opt_in", "purpose": "", "source": "agent"}
    form |= {"wording": "May we text you?", "occurred_at_0": f"{now:%Y-%m-%d}", "occurred_at_1": f"{now:%H:%M:%S}"}
    return browser.post(page(OptIn, "add"), form | fields)


def test_a_decision_is_recorded_with_the_state_it_makes(admin_browser: Client, administrator: Any) -> None:
    contact = factories.make_contact()
    answer = record(admin_browser, contact)
    assert answer.status_code == 302
    assert told(answer) == [f"Recorded: Opted in, SMS for {contact}."]
    entry = OptIn.objects.get()
    assert (entry.recorded_by, entry.phone, entry.wording) == (administrator, contact.phone, "May we text you?")
    assert ConsentState.objects.get().service == "opted_in"
    record(admin_browser, contact, event="opt_out", wording="")
    assert OptIn.objects.count() == 2
    assert ConsentState.objects.get().service == "opted_out"


def test_a_decision_without_proof_or_from_tomorrow_is_refused(admin_browser: Client) -> None:
    contact = factories.make_contact()
    assert list(errors_of(record(admin_browser, contact, wording=" "))) == ["wording"]
    tomorrow = timezone.localtime() + timedelta(days=1)
    assert list(errors_of(record(admin_browser, contact, occurred_at_0=f"{tomorrow:%Y-%m-%d}"))) == ["occurred_at"]
    assert list(errors_of(record(admin_browser, contact, event="erased"))) == ["event"]
    assert list(errors_of(record(admin_browser, contact, contact=contact.pk + 1))) == ["contact"]
    assert not OptIn.objects.exists()


def test_a_supervisor_who_may_not_record_does_not(db: None) -> None:
    contact = factories.make_conversation().contact  # on a stream of others
    tom = signed_in(factories.make_user("supervisor"))
    expected = 403 if not factories.make_user("supervisor").has_perm("conversations.add_optin") else 200
    assert record(tom, contact).status_code == expected
    assert not OptIn.objects.exists()


BODY = {"type": "BODY", "text": "Hello {{1}}, see you on Friday.", "example": {"body_text": [["Amira"]]}}


def template(browser: Client, **fields: Any) -> HttpResponse:
    """Fill in the form of a template."""
    stream = factories.make_stream(channel="whatsapp")
    form = {"stream": stream.pk, "name": "visit_reminder", "language": "en", "category": "utility", "status": "draft"}
    components = fields.pop("components", [BODY])
    return browser.post(page(WhatsAppTemplate, "add"), form | {"components": json.dumps(components)} | fields)


def test_a_template_is_kept_and_shown_as_the_customer_sees_it(admin_browser: Client) -> None:
    assert template(admin_browser).status_code == 302
    kept = WhatsAppTemplate.objects.get()
    assert kept.components == [BODY]
    text = admin_browser.get(page(WhatsAppTemplate, "change", kept.pk)).content.decode()
    assert '<p class="preview-body">Hello {{1}}, see you on Friday.</p>' in text


@pytest.mark.parametrize(
    ("fields", "at", "words"),
    [
        ({"name": "Visit Reminder"}, "name", "lower-case"),
        ({"language": "xx"}, "language", "no language xx"),
        ({"components": [{"type": "FOOTER", "text": "x"}]}, "components", "Body text: Write the body"),
        ({"components": [BODY | {"text": "{{1}} is first"}]}, "components", "Body text: The body may not start"),
        ({"components": {"a": 1}}, "components", "must be a list"),
        (
            {"components": [BODY, {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Go", "url": "x"}]}]},
            "components",
            "Buttons 1 url: Give a full web address",
        ),
        ({"components": [BODY, {"type": "NOISE"}]}, "components", "no component NOISE"),
        ({"category": "spam"}, "category", "spam"),
    ],
)
def test_what_whatsapp_would_refuse_is_said_at_the_field(
    fields: dict[str, Any], at: str, words: str, admin_browser: Client
) -> None:
    errors = errors_of(template(admin_browser, **fields))
    assert list(errors) == [at]
    assert words in " ".join(errors[at])
    assert not WhatsAppTemplate.objects.exists()


@pytest.mark.parametrize(
    "typed",
    ["", "[", "[NaN]", '[{"type": "BODY", "text": "a\\u0000"}]', '[{"type": "BODY", "text": "\\ud800"}]', "[" * 9999],
)
def test_json_that_cannot_be_kept_is_refused_at_its_field(typed: str, admin_browser: Client) -> None:
    stream = factories.make_stream(channel="whatsapp")
    form = {"stream": stream.pk, "name": "visit", "language": "en", "category": "utility", "status": "approved"}
    answer = admin_browser.post(page(WhatsAppTemplate, "add"), form | {"components": typed})
    assert list(errors_of(answer)) == ["components"]


def test_an_approved_template_is_taken_as_whatsapp_has_it(admin_browser: Client) -> None:
    old = [{"type": "BODY", "text": "{{1}}"}]
    assert template(admin_browser, name="Old Name", status="approved", components=old).status_code == 302
    assert list(errors_of(template(admin_browser, name="Other", status="approved", components=[]))) == ["components"]


def test_a_template_needs_a_whatsapp_stream(admin_browser: Client) -> None:
    sms = factories.make_stream(channel="sms")
    assert list(errors_of(template(admin_browser, stream=sms.pk))) == ["stream"]


def test_a_call_is_read_again_after_the_cause_was_mended(admin_browser: Client) -> None:
    account = factories.make_account("webex_interact")
    body = {
        "id": "evt_1",
        "type": "sms",
        "source": "x",
        "specversion": "1.0",
        "data": {"unknown": True},
    }
    call = WebhookEvent.objects.create(
        account=account,
        key=uuid.uuid4().hex,
        body=json.dumps(body).encode(),
        status="failed",
        error="StreamNotFound",
        content_type="application/json",
        received_at=timezone.now(),
    )
    broken = WebhookEvent.objects.create(
        account=account, key=uuid.uuid4().hex, body=b"{", status="failed", received_at=timezone.now()
    )
    answer = act(admin_browser, "replay", call, broken)
    assert "1 call read again." in told(answer)
    call.refresh_from_db()
    broken.refresh_from_db()
    assert call.status in ("processed", "unrecognised")
    assert broken.status == "failed"
    assert any(sentence.endswith(broken.error) for sentence in told(answer))
    assert not Message.objects.exists()


def test_who_may_read_calls_does_not_replay_them(db: None) -> None:
    call = WebhookEvent.objects.create(
        account=factories.make_account(), key="k", body=b"{}", status="failed", received_at=timezone.now()
    )
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[factories.make_stream(call.account)])
    browser = signed_in(tom)
    text = browser.get(page(WebhookEvent, "change", call.pk)).content.decode()
    assert "Replay" not in text
    assert browser.post(page(WebhookEvent, "do", call.pk, "replay")).status_code == 403
    call.refresh_from_db()
    assert call.status == "failed"
