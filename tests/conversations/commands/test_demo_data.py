"""The demo company: made once, true to the sandbox, and claiming nothing that never happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from conversations.models import (
    ConsentState,
    Contact,
    Conversation,
    Message,
    MessageEvent,
    OptIn,
    ProviderAccount,
    SendAttempt,
    Stream,
    User,
    WhatsAppTemplate,
)
from conversations.services import accounts, demo_data
from conversations.services.compose import queue_message
from conversations.services.outbound import deliver
from messaging.whatsapp import validate_template
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db

EVERYTHING = (Contact, Conversation, Message, MessageEvent, OptIn, ProviderAccount, Stream, User, WhatsAppTemplate)


@pytest.fixture(scope="class")
def company(sandbox_process: PlayedSandbox, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The company's rows, for each test as they were made; returns the sandbox's address."""
    with django_db_blocker.unblock(), transaction.atomic():
        demo_data.create(sandbox_url=sandbox_process.url)
        yield sandbox_process.url
        transaction.set_rollback(True)


def test_a_site_with_users_gets_no_company(product_sandbox: PlayedSandbox) -> None:
    User.objects.create_user("owner@example.com", "a password of their own", name="Owner")
    demo_data.create(sandbox_url=product_sandbox.url)
    assert User.objects.count() == 1
    assert not Stream.objects.exists()


def test_it_is_refused_in_production(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(ValidationError, match="its password is no secret"):
        demo_data.create(sandbox_url="http://127.0.0.1:8100")
    assert not User.objects.exists()


@pytest.mark.usefixtures("company", "product_sandbox")
class TestTheCompany:
    """Made once, which takes seconds; no test sees what another one did to it."""

    def test_a_second_time_changes_nothing_but_the_addresses(self, company: str) -> None:
        before = [list(model.objects.order_by("pk").values_list("pk", flat=True)) for model in EVERYTHING]
        Contact.objects.filter(conversations=None).delete()
        demo_data.create(sandbox_url="http://127.0.0.1:8199")
        assert [list(model.objects.order_by("pk").values_list("pk", flat=True)) for model in EVERYTHING] == before
        assert sorted(ProviderAccount.objects.values_list("base_url", flat=True)) == [
            "http://127.0.0.1:8199/ccai_platform/apps/api/v1",
            "http://127.0.0.1:8199/cirrus",
            "http://127.0.0.1:8199/webex_interact",
        ]

    def test_the_sandbox_accepts_every_account(self) -> None:
        healths = [accounts.check_account(account) for account in ProviderAccount.objects.all()]
        assert [health.ok for health in healths] == [True, True, True]

    def test_people_can_sign_in_and_see_what_their_team_sees(self) -> None:
        users = {user.email: user for user in User.objects.all()}
        assert all(user.check_password(demo_data.DEMO_PASSWORD) for user in users.values())
        seen = {email: Stream.objects.visible_to(user).count() for email, user in users.items()}
        assert seen == {
            "priya@fernhill.example": 4,
            "tom@fernhill.example": 4,
            "sam@fernhill.example": 1,
            "admin@fernhill.example": 4,
        }

    def test_the_templates_are_ones_that_whatsapp_could_have_approved(self) -> None:
        problems = {
            str(template): validate_template(template.name, template.category, template.language, template.components)
            for template in WhatsAppTemplate.objects.all()
        }
        assert len(problems) == 6
        assert all(found == [] for found in problems.values()), problems

    def test_the_history_claims_nothing_that_a_provider_would_have_to_confirm(self) -> None:
        # What is put away is from before the sandbox began.
        here = Message.objects.exclude(conversation__status="archived")
        assert set(here.values_list("status", flat=True)) == {"received", "failed", "cancelled"}
        assert not SendAttempt.objects.exists()
        for message in here:
            assert [event.to_status for event in message.events.all()] == [message.status]
            assert message.created_at == message.events.get().created_at
        shown = Conversation.objects.exclude(status="archived")
        assert sorted(shown.values_list("status", flat=True)) == [*["open"] * 17, "resolved"]

    def test_every_opt_in_has_words_and_proof(self) -> None:
        assert all(entry.wording and entry.evidence and entry.business_name for entry in OptIn.objects.all())
        assert ConsentState.objects.count() == OptIn.objects.count() == 5

    def test_the_sandbox_reports_to_us_and_amira_writes_once(
        self, company: str, product_sandbox: PlayedSandbox
    ) -> None:
        demo_data.connect_sandbox(sandbox_url=company, web_url="http://127.0.0.1:8000")
        addresses = {
            account["provider"]: account["webhook_url"] for account in product_sandbox.ask("accounts")["accounts"]
        }
        assert addresses == {
            account.provider: f"http://127.0.0.1:8000/hooks/{account.webhook_token}/"
            for account in ProviderAccount.objects.all()
        }
        amira = {"direction": "from_phone", "phone": "+447700900142"}
        assert len(product_sandbox.messages(**amira)) == 2
        stream = Stream.objects.get(name="Fernhill Care")
        Conversation.objects.create(stream=stream, contact=Contact.objects.get(phone="+447700900142"))
        demo_data.connect_sandbox(sandbox_url=company, web_url="http://127.0.0.1:8000")
        assert len(product_sandbox.messages(**amira)) == 2

    def test_an_agent_can_answer_the_open_texts(self) -> None:
        priya = User.objects.get(email="priya@fernhill.example")
        for conversation in Conversation.objects.current().filter(stream__channel="sms"):
            assert queue_message(conversation=conversation, body="I am on it.", author=priya).status == "queued"

    def test_an_agent_can_answer_whoever_wrote_on_whatsapp_today(
        self, company: str, product_sandbox: PlayedSandbox
    ) -> None:
        for _ in range(2):  # a second start tells Cirrus nothing again
            demo_data.connect_sandbox(sandbox_url=company, web_url="http://127.0.0.1:8000")
        priya = User.objects.get(email="priya@fernhill.example")
        today = Conversation.objects.current().filter(stream__name="Fernhill Care", window_closes_at__gt=timezone.now())
        assert today.count() == 6
        for conversation in today:
            (asked,) = conversation.messages.all()
            (there,) = product_sandbox.messages(phone=conversation.contact.phone)
            assert (there["text"], there["child_id"]) == (asked.body, asked.external_id)
            assert datetime.fromisoformat(there["created_at"]) == pytest.approx(
                asked.created_at, abs=timedelta(seconds=1)
            )
            assert queue_message(conversation=conversation, body="I am on it.", author=priya).status == "queued"
        deliver([message.pk for message in Message.objects.filter(status="queued", conversation__in=today)])
        assert set(Message.objects.filter(body="I am on it.").values_list("status", flat=True)) == {"accepted"}

    def test_a_conversation_begins_when_its_first_message_came(self) -> None:
        for conversation in Conversation.objects.current():
            first = conversation.messages.order_by("created_at")[0]
            assert conversation.activities.get(kind="opened").occurred_at == first.created_at


def test_a_sandbox_that_is_away_is_named(settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:9"  # nobody listens on the port of discard
    accounts.transport.cache_clear()
    with pytest.raises(CommandError, match=r"The sandbox does not answer at http://127\.0\.0\.1:9"):
        call_command("demo_data")
    accounts.transport.cache_clear()
