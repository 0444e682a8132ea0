"""Erasing a person: nothing of them is left in any column or file, and nobody writes to them again."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from conversations.models import (
    Activity,
    Attachment,
    AttemptResult,
    AuditEntry,
    Campaign,
    CampaignChunk,
    CampaignRecipient,
    ConsentState,
    Contact,
    ContactIdentity,
    Conversation,
    ConversationMirror,
    Draft,
    Drift,
    IdempotentRequest,
    Indicator,
    Message,
    MessageEvent,
    NumberCheck,
    OptIn,
    ProofFile,
    ProviderSession,
    Receipt,
    RefusedCall,
    SavedFilter,
    SendAttempt,
    Stream,
    WebhookEvent,
)
from conversations.services import attachment_files, consent, erasure, gate
from conversations.services.api_keys import create_api_key
from conversations.services.campaigns import taking
from conversations.services.opt_in_import import _numbers_opted_out
from tests import factories

pytestmark = pytest.mark.django_db

PHONE, NAME = "+447700900318", "Quillfeather"
NEEDLES = (PHONE[-9:], NAME)

# Tables in which nothing of a customer belongs. A new table stands here, or `seeded` below has a row of it.
WITHOUT_CUSTOMERS = {
    *("auth_group", "auth_permission", "axes_accessattempt", "axes_accessattemptexpiration", "axes_accessfailurelog"),
    *("axes_accesslog", "django_content_type", "django_migrations", "django_session"),
    *("conversations_agentidentity", "conversations_auditentry", "conversations_cannedreply"),
    *("conversations_dispatchertick", "conversations_erasednumber", "conversations_hooksecret"),
    *("conversations_handling", "conversations_inboxcount", "conversations_keywordset"),
    *("conversations_notification", "conversations_provideraccount", "conversations_secondfactor"),
    *("conversations_apikey", "conversations_signedinsession"),
    *("conversations_webhooksubscription", "conversations_webhookdelivery"),  # bodies are made when they are sent
    *("conversations_sendingpolicy", "conversations_stream", "conversations_streamgate", "conversations_substream"),
    *("conversations_reportchange", "conversations_reportcount", "conversations_conversationtimes"),
    "conversations_nextreply",
    *("conversations_workinghours", "conversations_workingperiod", "conversations_holiday"),
    *("conversations_tag", "conversations_team", "conversations_templatestatuschange"),
    *("conversations_templateversion", "conversations_user", "conversations_whatsapptemplate"),
    "conversations_campaign",  # its text is for everybody, its list lies in recipients and chunks
}

TABLES_WITH_TEXT = """
    SELECT DISTINCT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)
     WHERE information_schema.tables.table_schema = 'public' AND table_type = 'BASE TABLE'
       AND (data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'tsvector', 'ARRAY'))
"""


def tables_with_text() -> set[str]:
    """Every table that could hold a word."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES_WITH_TEXT)
        return {name for (name,) in cursor.fetchall()}


def tables_naming(needles: tuple[str, ...] = NEEDLES) -> set[str]:
    """The tables with a needle in any column: as text, within JSON, as bytes, or backwards as search keeps numbers."""
    spellings = [
        f"%{form}%" for one in needles for form in (one, one.encode().hex(), one[::-1], one.lower(), f"\\{one}")
    ]
    found = set()
    with connection.cursor() as cursor:
        for table in tables_with_text():
            cursor.execute(f'SELECT 1 FROM "{table}" AS line WHERE line::text ILIKE ANY(%s) LIMIT 1', [spellings])
            if cursor.fetchone():
                found.add(table)
    return found


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Path) -> None:
    """Files of this test alone: those of tests that were rolled back lie in the common directory."""
    settings.ATTACHMENTS_DIR = str(tmp_path)


@pytest.fixture
def stream() -> Stream:
    return factories.make_stream(factories.make_account(), "whatsapp", business_name="Fernhill")


@pytest.fixture
def person() -> Contact:
    return factories.make_contact(
        PHONE,
        first_name=NAME,
        last_name=f"{NAME}son",
        email=f"{NAME.lower()}@example.org",
        language="en",
        record=f"Mother: {NAME}",
    )


@pytest.fixture
def seeded(person: Contact, stream: Stream) -> Conversation:
    """A row with the person's name or number in every table that can hold one."""
    said = f"{NAME} has {PHONE}"
    conversation = factories.make_conversation(
        stream, person, last_message_preview=said, external_id="object-66123", external_status=NAME
    )
    Conversation.objects.filter(pk=conversation.pk).update(external_status="open")
    stored_as = attachment_files.store(said.encode())
    message = factories.make_message(
        conversation,
        author=factories.make_user(),
        body=said,
        status="failed",
        failure_text=said,
        template_values={"body": {"1": NAME}},
        rendered={"header": said},
        verdict={"sentence": said},
        media=[{"kind": "document", "filename": said}],
        external_id=f"wamid.{PHONE}",
        client_key=f"reply to {PHONE}",
    )
    factories.make_message(conversation, direction="in", body=said)
    account = stream.account
    call = WebhookEvent.objects.create(
        account=account,
        key="1" * 64,
        body=json.dumps({"from": PHONE, "name": NAME}).encode(),
        headers={"x-customer": NAME},
        summary=said,
        received_at=timezone.now(),
    )
    RefusedCall.objects.create(
        account=account,
        key="2" * 64,
        status=403,
        reason="No signature",
        body=f"tel=0{PHONE[3:]}&name={NAME}".encode(),
        received_at=timezone.now(),
        last_received_at=timezone.now(),
    )
    ContactIdentity.objects.create(contact=person, account=account, kind="whatsapp", value=PHONE[1:], proof=call)
    attempt = SendAttempt.objects.create(
        stream=stream,
        claim=uuid.uuid4(),
        started_at=timezone.now(),
        request_url=f"/send/{PHONE}",
        request_body=said,
        response_body=said,
    )
    AttemptResult.objects.create(attempt=attempt, message=message, outcome="refused", text=said)
    MessageEvent.objects.create(message=message, to_status="failed", reason=said)
    Receipt.objects.create(account=account, message=message, key="r1", status="failed", phone=PHONE, text=said)
    Activity.objects.create(conversation=conversation, kind="remark", text=said, data={"was": said})
    Indicator.objects.create(conversation=conversation, key="vip", title=f"{NAME} is important")
    Draft.objects.create(user=factories.make_user(), conversation=conversation, kind="reply", body=said)
    ProviderSession.objects.create(conversation=conversation, participants=[{"name": NAME}])
    mirror = ConversationMirror.objects.create(
        stream=stream, external_id="object-66123", conversation=conversation, content={"name": NAME}
    )
    Drift.objects.create(mirror=mirror, conversation=conversation, field="name", ours=NAME, theirs="Other")
    Attachment.objects.create(
        stream=stream, message=message, kind="document", filename=said, stored_as=stored_as, status="kept"
    )
    proof = ProofFile.objects.create(
        name=f"{NAME}.txt", content_type="text/plain", content=said.encode(), added_by=factories.make_user()
    )
    consent.record(
        OptIn(
            contact=person,
            channel="whatsapp",
            event="opt_in",
            source="form",
            wording=f"I, {NAME}, want messages of Fernhill",
            business_name="Fernhill",
            evidence=said,
            evidence_file=proof,
        )
    )
    NumberCheck.objects.create(stream=stream, phone=PHONE, on_whatsapp=True)
    api_key, _text = create_api_key(name="Orders", user=factories.make_user(), scopes=["send"])
    answered = {"status": 201, "body": json.dumps({"body": said}), "fingerprint": "0" * 64}
    IdempotentRequest.objects.create(api_key=api_key, key="one", conversation=conversation, **answered)
    IdempotentRequest.objects.create(api_key=api_key, key="two", **answered)  # as dialects answer
    SavedFilter.objects.create(owner=factories.make_user(), name="Mine", words=f"q={PHONE[1:]}")
    campaign = Campaign.objects.create(name="Visits", stream=stream, status="running")
    row = CampaignRecipient.objects.create(
        campaign=campaign, row=2, given=PHONE, phone=PHONE, fields={"firstname": NAME}, verdict="send"
    )
    CampaignChunk.objects.create(
        campaign=campaign,
        number=1,
        payload=[
            {"recipient": row.pk, "ref": str(uuid.uuid4()), "phone": PHONE, "firstname": NAME, "body": said},
            {"recipient": row.pk, "ref": str(uuid.uuid4()), "phone": "+447700900319", "body": "Hello"},
        ],
        rest=[0, 1],
    )
    LogEntry.objects.create(
        user=factories.make_user("administrator"),
        content_type=ContentType.objects.get_for_model(Contact),
        object_id=str(person.pk),
        object_repr=person.name,
        action_flag=2,
        change_message=said,
    )
    return conversation


def erase(person: Contact, **how: Any) -> erasure.Erased:
    return erasure.erase(person, **{"reason": "Asked for it by letter", "actor": None, **how})


def test_every_table_is_seeded_or_holds_no_customers(seeded: Conversation) -> None:
    assert tables_with_text() - tables_naming() - WITHOUT_CUSTOMERS == set()
    assert tables_naming() & WITHOUT_CUSTOMERS == set()


@pytest.mark.django_db(transaction=True)
def test_nothing_of_the_person_is_left(seeded: Conversation, person: Contact, settings: Any) -> None:
    others = factories.make_message(factories.make_conversation(seeded.stream, factories.make_contact()), body="Mine")
    told = erase(person)
    assert tables_naming() == set()
    files = [path for path in Path(settings.ATTACHMENTS_DIR).rglob("*") if path.is_file()]
    assert [path for path in files if NAME.encode() in path.read_bytes()] == []
    assert (told.conversations, told.messages, told.files, told.raw_records) == (1, 2, 1, 2)
    others.refresh_from_db()
    assert others.body == "Mine"
    person.refresh_from_db()
    assert (person.name, person.phone_display, person.email) == ("Erased person", "Erased", "")
    seeded.refresh_from_db()
    assert (seeded.status, seeded.messages.count()) == ("archived", 2)


def test_the_audit_says_who_erased_whom_and_why(seeded: Conversation, person: Contact) -> None:
    admin = factories.make_user("administrator")
    erase(person, actor=admin)
    entry = AuditEntry.objects.get(action="erased")
    assert (entry.actor, entry.subject) == (admin, f"Contact {person.pk}")
    assert entry.summary == "1 conversations, 2 messages, 1 files. Asked for it by letter"


@pytest.mark.parametrize("reason", ["", "  ", f"{NAME.lower()} asked for it", "Owner of 0 7700 900318 asked"])
def test_a_reason_is_needed_that_names_nobody(person: Contact, reason: str) -> None:
    with pytest.raises(ValidationError):
        erase(person, reason=reason)
    person.refresh_from_db()
    assert person.erased_at is None


def test_what_waits_is_cancelled_and_what_is_being_sent_is_waited_for(stream: Stream, person: Contact) -> None:
    conversation = factories.make_conversation(stream, person)
    waiting = factories.make_message(conversation, status="queued")
    leaving = factories.make_message(conversation, status="sending", claim=uuid.uuid4(), lease_until=timezone.now())
    with pytest.raises(ValidationError) as refused:
        erase(person)
    assert refused.value.code == "not_now"
    Message.objects.filter(pk=leaving.pk).update(status="accepted")
    assert erase(person).cancelled == 1
    waiting.refresh_from_db()
    assert (waiting.status, waiting.body) == ("cancelled", "")


def test_nobody_writes_to_an_erased_person(stream: Stream, person: Contact) -> None:
    sms = factories.make_stream(stream.account, "sms")
    factories.make_conversation(sms, person)
    erase(person)
    person.refresh_from_db()

    def verdict(contact: Contact) -> str:
        found = gate.can_send(stream=sms, contact=contact, kind="text", purpose="service", at=timezone.now())
        return found.code

    assert verdict(person) == "erased"
    assert verdict(Contact(phone=PHONE)) == "opted_out"
    assert verdict(Contact(phone="+447700900320")) == "allowed"
    found = gate.refusals_of(stream=sms, kind="text", purpose="marketing", phones=[PHONE, "+447700900320"])
    assert {phone: one.code for phone, one in found.items()} == {PHONE: "opted_out"}
    assert _numbers_opted_out([PHONE, "+447700900320"]) == {(PHONE, "sms"), (PHONE, "whatsapp")}
    back = factories.make_contact(PHONE)
    assert verdict(back) == "opted_out"
    assert set(back.opt_ins.values_list("channel", "event")) == {("sms", "erased"), ("whatsapp", "erased")}
    assert ConsentState.objects.filter(phone=PHONE, service="opted_out", marketing="opted_out").count() == 2


def test_postgresql_refuses_what_a_shell_would_send(stream: Stream, person: Contact) -> None:
    erase(person)
    back = factories.make_contact(PHONE)
    message = factories.make_message(factories.make_conversation(stream, back), status="queued")
    with pytest.raises(Exception, match="opted out"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(status="sending", claim=uuid.uuid4(), lease_until=timezone.now())


def test_contacts_written_by_copy_are_recalled(stream: Stream, person: Contact) -> None:
    erase(person)
    Contact.objects.bulk_create([Contact(phone="+447700900322"), Contact(phone=PHONE)])
    assert set(OptIn.objects.filter(event="erased", phone=PHONE).values_list("channel", flat=True)) == {
        "sms",
        "whatsapp",
    }


def test_a_new_permission_with_proof_lifts_it(person: Contact) -> None:
    erase(person)
    back = factories.make_contact(PHONE)
    permission = {"contact": back, "channel": "sms", "event": "opt_in", "source": "form", "wording": "Yes to Fernhill"}
    with pytest.raises(ValidationError) as refused:
        consent.record(OptIn(**permission))
    assert refused.value.code == "proof_missing"
    consent.record(OptIn(**permission, evidence="Letter of 22 November"))
    assert not consent.is_opted_out(PHONE, "sms")
    assert consent.is_opted_out(PHONE, "whatsapp")


def test_a_campaign_under_way_leaves_the_person_out(seeded: Conversation, person: Contact) -> None:
    chunk = CampaignChunk.objects.get()
    CampaignChunk.objects.filter(pk=chunk.pk).update(status="sending", claim=uuid.uuid4(), lease_until=timezone.now())
    with pytest.raises(ValidationError) as refused:
        erase(person)
    assert refused.value.code == "not_now"
    CampaignChunk.objects.filter(pk=chunk.pk).update(status="ready", claim=None, lease_until=None)
    erase(person)
    chunk.refresh_from_db()
    assert list(taking.refused_among(chunk, chunk.campaign, [0, 1])) == [0]


def test_a_session_without_the_key_writes_no_contact(person: Contact) -> None:
    erase(person)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL parley.erasure_key = ''")
    with pytest.raises(Exception, match="lacks the key"), transaction.atomic():
        factories.make_contact("+447700900323")


def test_the_key_decides_the_hash(person: Contact) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT parley_number_key(%s), parley_number_key(%s)", [PHONE, "+447700900319"])
        first, other = cursor.fetchone()
        cursor.execute("SET LOCAL parley.erasure_key = 'aabb'")
        cursor.execute("SELECT parley_number_key(%s)", [PHONE])
        (elsewhere,) = cursor.fetchone()
    assert len({first, other, elsewhere}) == 3


def test_an_erased_contact_stays_empty(person: Contact) -> None:
    erase(person)
    person.refresh_from_db()
    person.first_name = NAME
    with pytest.raises(Exception, match="contact_erased_stays_empty"), transaction.atomic():
        person.save()


def test_a_contact_that_takes_the_number_later_is_opted_out(stream: Stream, person: Contact) -> None:
    erase(person)
    other = factories.make_contact("+447700900321")
    other.phone = PHONE
    other.save()
    assert consent.is_opted_out(PHONE, "sms")
