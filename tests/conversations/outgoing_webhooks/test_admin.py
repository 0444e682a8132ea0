"""Webhooks to other systems in the administration: the secret is shown once, and what is told can be told again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from conversations.models import AuditEntry, User, WebhookDelivery, WebhookSubscription
from conversations.services.outgoing import subscriptions
from tests import factories
from tests.conversations.admin.browsing import page, signed_in
from tests.conversations.outgoing_webhooks.conftest import subscribe

pytestmark = pytest.mark.django_db
ADDRESS = "https://billing.example/told"


@pytest.fixture
def admin() -> User:
    return factories.make_user("administrator")


@pytest.fixture
def browser(admin: User) -> Client:
    return signed_in(admin)


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_secret_is_shown_when_it_is_made_and_never_again(browser: Client, admin: User) -> None:
    form = {"name": "Billing", "url": ADDRESS, "owner": admin.pk, "events": ["message.received", "contact.opted_out"]}
    shown = browser.post(page(WebhookSubscription, "add"), form)
    made = WebhookSubscription.objects.get()
    assert made.events == form["events"]
    assert made.created_by == admin
    assert made.secrets[0] in text_of(shown)
    assert "no-store" in shown["Cache-Control"]
    assert AuditEntry.objects.filter(action="webhook_changed", actor=admin).exists()
    again = browser.post(page(WebhookSubscription, "do", made.pk, "rotate_secret"))
    new, former = WebhookSubscription.objects.get().secrets
    assert former == made.secrets[0]
    assert new in text_of(again)
    for name in ("change", "history"):
        text = text_of(browser.get(page(WebhookSubscription, name, made.pk)))
        assert new not in text
        assert former not in text
    listed = page(WebhookSubscription, "changelist")
    assert browser.get(f"{listed}?secrets__startswith=gA").status_code == 400


def test_what_cannot_be_told_is_refused_at_its_field(browser: Client) -> None:
    agent = factories.make_user("agent", is_active=False)
    form = {"name": "Billing", "url": "http://10.0.0.1/", "owner": agent.pk, "events": ["message.received"]}
    text = text_of(browser.post(page(WebhookSubscription, "add"), form))
    assert "An address begins with https://" in text
    assert "choose somebody who is active" in text
    assert not WebhookSubscription.objects.exists()


def test_pausing_resuming_testing_and_replaying(browser: Client) -> None:
    one = subscribe(ADDRESS)
    do = page(WebhookSubscription, "do", one.pk, "pause")
    for action, sentence in (("pause", "waits"), ("pause", "paused already"), ("resume", "Resumed")):
        answer = browser.post(do.replace("/pause/", f"/{action}/"), follow=True)
        assert sentence in text_of(answer)
    browser.post(do.replace("/pause/", "/send_test/"))
    row = WebhookDelivery.objects.get()
    assert row.kind == "test"
    replay = page(WebhookDelivery, "do", row.pk, "replay")
    assert "waits to be delivered already" in text_of(browser.post(replay, follow=True))
    WebhookDelivery.objects.update(status="delivered")
    assert "1 will be told again" in text_of(browser.post(replay, follow=True))
    row.refresh_from_db()
    assert (row.status, row.replays) == ("waiting", 1)
    assert str(row.event_id) in text_of(browser.get(page(WebhookDelivery, "change", row.pk)))


def test_supervisors_hear_of_a_pause_but_do_not_get_in() -> None:
    one = subscribe(ADDRESS)
    tom = signed_in(factories.make_user("supervisor"))
    assert tom.get(page(WebhookSubscription, "changelist"), follow=True).status_code == 403
    assert tom.get(page(WebhookDelivery, "changelist"), follow=True).status_code == 403
    assert tom.get(page(WebhookSubscription, "change", one.pk), follow=True).status_code == 403


def test_the_bell_says_why_it_was_paused_and_leads_there(admin: User, browser: Client) -> None:
    stream = factories.make_stream()
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[stream])
    one = subscribe(ADDRESS)
    assert "Webhooks to other systems" not in text_of(browser.get("/admin/"))
    subscriptions.pause_by_itself(one, reason="Nothing arrived for a day. It answered 500.")
    for user, leads_to in ((admin, page(WebhookSubscription, "change", one.pk)), (tom, "/notifications/")):
        text = text_of(signed_in(user).get("/notifications/"))
        assert "the webhook was paused: Nothing arrived for a day. It answered 500" in text
        assert f'href="{leads_to}"' in text
    first_page = text_of(browser.get("/admin/"))
    assert "Webhooks to other systems that are paused" in first_page
    listed = browser.get(page(WebhookSubscription, "changelist") + "?pause_reason__regex=.")
    assert "Billing" in text_of(listed)
