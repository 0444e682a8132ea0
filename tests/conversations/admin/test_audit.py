"""The audit: what is written down by itself, what never is, that it stands, and how it is read."""

from __future__ import annotations

import csv
import io

import pgtrigger
import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversations.models import AuditEntry, OptIn, ProviderAccount, Stream, User
from conversations.models.audit import AuditAction
from conversations.services import audit, consent, unconfirmed
from tests import factories
from tests.conversations.admin.browsing import page, signed_in
from tests.conversations.admin.test_accounts import change as change_account
from tests.conversations.admin.test_people import change as change_person
from tests.conversations.admin.test_people import role

pytestmark = pytest.mark.django_db
LIST = "/admin/conversations/auditentry/"


def written(action: AuditAction) -> list[AuditEntry]:
    """The entries of an action, oldest first."""
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


def sign_in(email: str, password: str) -> Client:
    browser = Client(REMOTE_ADDR="192.0.2.7")
    browser.post(reverse("sign-in"), {"username": email, "password": password})
    return browser


def test_who_signs_in_and_out_is_written_down_with_the_address() -> None:
    user = factories.make_user(email="rosa@fernhill.example")
    user.set_password("correct horse battery staple")
    user.save()
    browser = sign_in("Rosa@fernhill.example", "correct horse battery staple")
    browser.post(reverse("sign-out"))
    [came], [left] = written(AuditAction.SIGNED_IN), written(AuditAction.SIGNED_OUT)
    assert (came.actor, came.address, came.subject_id) == (user, "192.0.2.7", user.pk)
    assert left.actor == user


def test_a_failed_sign_in_keeps_nothing_that_was_typed() -> None:
    user = factories.make_user(email="rosa@fernhill.example")
    sign_in("rosa@fernhill.example", "wrong-password-1")
    sign_in("my-secret-password", "wrong-password-2")
    known, unknown = written(AuditAction.SIGN_IN_FAILED)
    assert (known.subject_id, known.actor, known.address) == (user.pk, None, "192.0.2.7")
    assert (unknown.subject, unknown.summary) == ("", "Nobody has the address that was typed.")


def test_another_role_is_written_down_with_the_one_before(admin_browser: Client, administrator: User) -> None:
    rosa = factories.make_user("agent", name="Rosa")
    change_person(admin_browser, rosa, role=role("supervisor"))
    [entry] = written(AuditAction.ROLE_GIVEN)
    assert (entry.actor, entry.subject_id, entry.summary) == (administrator, rosa.pk, "From agent to supervisor.")


def test_what_a_role_may_do_is_written_down() -> None:
    root = factories.make_user("administrator", is_superuser=True)
    group = Group.objects.get(name="agent")
    signed_in(root).post(page(Group, "change", group.pk), {"name": "agent", "permissions": []})
    assert not group.permissions.exists()
    [entry] = written(AuditAction.ROLE_CHANGED)
    assert (entry.actor, entry.subject) == (root, "agent")


def test_a_new_secret_is_named_and_never_kept(admin_browser: Client) -> None:
    account = factories.make_account("webex_interact")
    answer = change_account(admin_browser, account, option_access_key="aky_ffffffffffffffffffffffffffff")
    assert answer.status_code == 302
    [entry] = written(AuditAction.ACCOUNT_CHANGED)
    assert "ccess key" in entry.summary
    assert "aky_" not in entry.summary
    assert ProviderAccount.objects.get(pk=account.pk).credentials["access_key"].endswith("ffff")


def test_a_download_is_written_down_by_whom_it_was_taken() -> None:
    tom = factories.make_user("supervisor")
    browser = signed_in(tom)
    assert b"".join(browser.get("/contacts/export/").streaming_content)  # type: ignore[attr-defined]
    [entry] = written(AuditAction.EXPORTED)
    assert (entry.actor, entry.summary) == (tom, "contacts, as CSV.")


def test_a_refused_download_is_none() -> None:
    browser = signed_in(factories.make_user("agent"))
    assert browser.get("/contacts/export/").status_code in (403, 404)
    assert written(AuditAction.EXPORTED) == []


def test_a_decision_on_an_unconfirmed_message_names_no_customer() -> None:
    stream = factories.make_stream()
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[stream])
    contact = factories.make_contact("+447700900123", first_name="Rosa")
    message = factories.make_message(factories.make_conversation(stream, contact), status="unconfirmed")
    unconfirmed.it_arrived(message, actor=tom, reason="Rosa called from +447700900123")
    [entry] = written(AuditAction.UNCONFIRMED_DECIDED)
    assert (entry.actor, entry.subject, entry.summary) == (tom, f"Message {message.pk}", "It arrived.")


def test_permission_recorded_by_hand_is_written_down_and_by_a_customer_is_not() -> None:
    contact, tom = factories.make_contact("+447700900123"), factories.make_user("supervisor")
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword"))
    assert written(AuditAction.CONSENT_CHANGED) == []
    entry = consent.record(OptIn(contact=contact, channel="whatsapp", event="opt_out", source="agent", recorded_by=tom))
    [found] = written(AuditAction.CONSENT_CHANGED)
    assert (found.actor, found.subject_id, found.summary) == (tom, entry.pk, "Opted out, WhatsApp.")
    assert "7700900123" not in found.subject


def test_who_sees_everything_is_noted_once_an_hour_where_no_team_of_theirs_is(administrator: User) -> None:
    outside, own = factories.make_stream(), factories.make_stream()
    agent = factories.make_user("agent")
    factories.make_team(members=[agent], streams=[outside])
    factories.make_team(members=[administrator], streams=[own])
    theirs, ours = factories.make_conversation(outside), factories.make_conversation(own)
    browser = signed_in(administrator)
    for conversation in (theirs, theirs, ours):
        assert browser.get(f"/c/{conversation.pk}/").status_code == 200
    assert signed_in(agent).get(f"/c/{theirs.pk}/").status_code == 200
    [entry] = written(AuditAction.SEEN_FROM_OUTSIDE)
    assert (entry.actor, entry.subject) == (administrator, f"Conversation {theirs.pk}")
    assert browser.get(f"/contacts/{theirs.contact_id}/").status_code == 200
    assert len(written(AuditAction.SEEN_FROM_OUTSIDE)) == 2

    with pgtrigger.ignore("conversations.AuditEntry:audit_stands"):
        AuditEntry.objects.update(at=timezone.now() - audit.SEEN_AGAIN_AFTER)
    browser.get(f"/c/{theirs.pk}/")
    assert len(written(AuditAction.SEEN_FROM_OUTSIDE)) == 3


@pytest.mark.parametrize("change", ["update", "delete"])
def test_an_entry_stands_whoever_asks(change: str) -> None:
    entry = audit.record(AuditAction.EXPORTED, actor=None, summary="contacts, as CSV.")
    rows = AuditEntry.objects.filter(pk=entry.pk)
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        rows.update(summary="nothing") if change == "update" else rows.delete()
    assert refused.value.__cause__.sqlstate == "CC006"  # type: ignore[union-attr]
    assert rows.get().summary == "contacts, as CSV."


def test_the_list_is_searched_and_taken_along_as_it_is_filtered(admin_browser: Client, administrator: User) -> None:
    stream = factories.make_stream(name="Fernhill Care")
    for number in range(3):
        audit.record(AuditAction.STREAM_CHANGED, actor=administrator, subject=stream, summary=f"=change {number}")
    audit.record(AuditAction.EXPORTED, actor=None, summary="contacts, as CSV.")
    shown = admin_browser.get(f"{LIST}?q=Fernhill+Care").content.decode()
    assert shown.count("=change") == 3
    assert "contacts, as CSV." not in shown
    assert f"{LIST}export/?q=Fernhill+Care" in shown
    of_one = admin_browser.get(f"{LIST}?actor={administrator.name.upper()}").content.decode()
    assert of_one.count("=change") == 3
    assert "contacts, as CSV." not in of_one

    answer = admin_browser.get(f"{LIST}export/?q=Fernhill+Care")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["what"] for row in rows] == ["Fernhill Care"] * 3
    assert all(not row["summary"].startswith("=") for row in rows)
    assert written(AuditAction.EXPORTED)[-1].summary == "audit, as CSV."


def test_a_stream_that_is_paused_says_so(admin_browser: Client) -> None:
    stream = factories.make_stream()
    fields = {"reason": "Storm", "minutes": "60", "apply": "1", "action": "pause", "_selected_action": [stream.pk]}
    admin_browser.post(page(Stream, "changelist"), fields)
    assert Stream.objects.get().is_paused
    [entry] = written(AuditAction.STREAM_CHANGED)
    assert entry.summary == "Paused: Storm"
