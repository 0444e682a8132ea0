"""What is written out or composed once says what Django would say, and a message stays cheap."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import ConsentState, Message, OptIn, SendingPolicy, Stream, SubStream, TeamStream, User
from conversations.models.composed import Given, Question
from conversations.permissions import PermissionBackend, may_send_on
from conversations.services import consent, statements
from conversations.services.compose import queue_message
from conversations.services.outbound import deliver
from tests import factories
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db


def columns(row: object) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}  # type: ignore[attr-defined]


class TestReading:
    """Rows of several tables, read by one statement."""

    def test_a_message_is_read_as_django_reads_it_with_all_that_it_needs(self) -> None:
        stream = factories.make_stream(channel="whatsapp")
        SendingPolicy.objects.create(stream=stream, countries="GB")
        conversation = factories.make_conversation(stream)
        conversation.sub_stream = SubStream.objects.create(stream=stream, name="East", external_id="7")
        conversation.save()
        factories.opt_in(conversation.contact)
        message = factories.make_message(
            conversation,
            status="queued",
            author=factories.make_user(),
            template=factories.make_template(stream),
            template_values={"body": {"1": "Amira"}},
            confirms=conversation.contact.opt_ins.get(),
        )
        (read,) = statements.read_messages([message.pk])
        with CaptureQueriesContext(connection) as asked:
            parts = [read, read.conversation, read.conversation.contact, read.conversation.sub_stream, read.author]
            parts += [read.template, read.stream, read.stream.account, read.stream.policy, read.conversation.stream]
        assert not asked.captured_queries
        for part in parts:
            assert columns(part) == columns(type(part).objects.get(pk=part.pk))
        assert read.stream.policy.stream is read.stream
        assert read.confirms == message.confirms

    def test_what_a_message_has_not_is_none(self) -> None:
        (read,) = statements.read_messages([factories.make_message(status="queued").pk])
        assert (read.author, read.template, read.confirms, read.conversation.sub_stream) == (None, None, None, None)
        with pytest.raises(SendingPolicy.DoesNotExist):
            assert read.stream.policy

    def test_several_are_read_in_the_order_of_sending(self) -> None:
        conversation, now = factories.make_conversation(), timezone.now()
        late = factories.make_message(conversation, status="queued", queued_at=now)
        early = factories.make_message(conversation, status="queued", queued_at=now - timedelta(minutes=1))
        assert [one.pk for one in statements.read_messages([late.pk, early.pk])] == [early.pk, late.pk]


class TestQuestions:
    """Querysets that are composed once."""

    def test_a_question_is_asked_with_other_values_each_time(self) -> None:
        first, second = factories.make_stream(), factories.make_stream()
        question = Question(
            lambda: Stream.objects.filter(pk__one_of=Given("ids"), name=Given("name")).values_list("pk")
        )
        assert question.ask(ids=[first.pk, second.pk], name=first.name) == [(first.pk,)]
        assert question.ask(ids=[first.pk, second.pk], name=second.name) == [(second.pk,)]
        assert question.ask(ids=[], name=first.name) == []

    @pytest.mark.parametrize("purpose", ["service", "marketing"])
    def test_what_holds_for_a_customer_comes_with_its_entry(self, purpose: str) -> None:
        stream, contact = factories.make_stream(business_name="Fernhill"), factories.make_contact()
        assert consent.present(contact.phone, "sms", stream=stream, purpose=purpose) == consent.Present()
        priya = factories.make_user()
        entry = consent.record(
            OptIn(
                contact=contact, channel="sms", event="opt_out", source="agent", evidence="By phone", recorded_by=priya
            )
        )
        for of in (stream, None):
            present = consent.present(contact.phone, "sms", stream=of, purpose=purpose)
            assert (present.decision, present.entry) == ("opted_out", entry)
            assert columns(present.entry) == columns(type(entry).objects.get())
            assert present.entry is not None
            assert present.entry.recorded_by == priya

    def test_the_state_of_another_stream_or_business_is_not_asked(self) -> None:
        stream, other = factories.make_stream(business_name="Fernhill"), factories.make_stream(business_name="Ashdown")
        contact = factories.make_contact()
        consent.record(
            OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", scope="stream", stream=other)
        )
        consent.record(
            OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", scope="brand", stream=other)
        )
        assert ConsentState.objects.count() == 2
        assert not consent.present(contact.phone, "sms", stream=stream).is_out
        assert not consent.present(contact.phone, "sms").is_out
        assert consent.present(contact.phone, "sms", stream=other).is_out


class TestRights:
    """One statement says what Django's two say, and one stream what the list of streams says."""

    def test_rights_are_a_persons_own_and_those_of_their_roles(self) -> None:
        priya = factories.make_user("agent")
        priya.user_permissions.add(Permission.objects.get(codename="lift_opt_out"))
        others = [factories.make_user("supervisor"), factories.make_user("administrator"), factories.make_user("")]
        others += [factories.make_user("agent", is_active=False), factories.make_user("", is_superuser=True)]
        for user in (priya, *others):
            django = ModelBackend().get_all_permissions(User.objects.get(pk=user.pk))
            assert PermissionBackend().get_all_permissions(User.objects.get(pk=user.pk)) == django
        assert User.objects.get(pk=priya.pk).has_perm("conversations.lift_opt_out")

    def test_who_may_write_on_one_stream_is_who_has_it_in_the_list(self) -> None:
        own, silent, foreign = streams = [factories.make_stream() for _ in range(3)]
        people = [factories.make_user(role) for role in ("agent", "supervisor", "administrator", "")]
        people += [factories.make_user("agent", is_active=False), factories.make_user("", is_superuser=True)]
        team = factories.make_team(members=people, streams=[own])
        TeamStream.objects.create(team=team, stream=silent, can_send=False)
        narrowed = User.objects.get(pk=people[0].pk)
        narrowed.narrowed_to = frozenset({silent.pk})
        found = set()
        for user in (*people, narrowed):
            sendable = set(Stream.objects.sendable_by(user))
            assert {stream for stream in streams if may_send_on(user, stream)} == sendable
            found.add(frozenset(sendable))
        assert found == {frozenset(), frozenset({own}), frozenset(streams)}
        assert foreign in streams


class TestTheWire:
    """The second commit."""

    @pytest.fixture
    def claimed(self) -> Message:
        lease = timezone.now() + timedelta(seconds=90)
        message = factories.make_message(status="sending", claim=uuid4(), lease_until=lease)
        return Message.objects.select_related("stream").get(pk=message.pk)

    def test_all_rows_of_an_attempt_are_marked_together(self, claimed: Message) -> None:
        now = timezone.now()
        attempt = statements.begin_attempt([claimed], claim=claimed.claim, at=now)
        assert statements.mark_on_wire(attempt, [claimed.pk], at=now, lease_beyond=now)
        claimed.refresh_from_db()
        attempt.refresh_from_db()
        result = claimed.results.get()
        assert (claimed.on_wire_at, attempt.on_wire_at, result.on_wire, result.outcome) == (now, now, True, "")
        assert (attempt.is_bulk, attempt.backend_pid) == (False, connection.connection.info.backend_pid)

    @pytest.mark.parametrize("change", ["claim", "lease", "validity", "status"])
    def test_nothing_is_sent_when_the_claim_is_over(self, change: str, claimed: Message) -> None:
        now = timezone.now()
        attempt = statements.begin_attempt([claimed], claim=claimed.claim, at=now)
        changed = {
            "claim": {"claim": uuid4()},
            "lease": {"lease_until": now + timedelta(seconds=30)},
            "validity": {"valid_until": now},
            "status": {"status": "unconfirmed"},
        }[change]
        Message.objects.filter(pk=claimed.pk).update(**changed)
        with transaction.atomic():
            beyond = now + timedelta(seconds=40)
            assert not statements.mark_on_wire(attempt, [claimed.pk], at=now, lease_beyond=beyond)


@pytest.mark.django_db(transaction=True)
def test_an_agents_text_takes_thirty_statements_and_three_commits(product_sandbox: PlayedSandbox) -> None:
    stream = factories.make_sandbox_streams(product_sandbox.url)["webex_interact"]
    agent = factories.make_user()
    factories.make_team(members=[agent], streams=[stream])
    conversation = factories.make_conversation(stream, factories.make_contact("+447700900142"))
    for _ in range(2):  # the questions are composed with the first
        message = queue_message(conversation=conversation, body="Your visit is on Friday.", author=agent)
        with CaptureQueriesContext(connection) as asked:
            deliver([message.pk])
        message.refresh_from_db()
        assert message.status == "accepted", message.failure_text
    commits = [one["sql"] for one in asked.captured_queries if one["sql"] == "COMMIT"]
    assert len(commits) == 3
    assert len(asked.captured_queries) - 2 * len(commits) <= 30, [one["sql"][:80] for one in asked.captured_queries]
