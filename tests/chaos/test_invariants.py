"""The judges are judged: each invariant is broken once, in a transaction that is rolled back, and must say so."""

from __future__ import annotations

from conversations.models import Campaign, CampaignRecipient
from tests.chaos import invariants
from tests.chaos.conftest import Chaos
from tests.chaos.provider import Entry

# What breaks it; rules of PostgreSQL that stand in the way are lifted first. There are two accepted messages in
# one conversation, and a campaign to one person, not laid into chunks.
BREAKING = {
    "I2": "UPDATE conversations_message SET status = 'failed'",
    "I3": "DELETE FROM conversations_attemptresult",
    "I4": "UPDATE conversations_message SET status = 'queued', next_attempt_at = NULL",
    "I5": "DELETE FROM conversations_messageevent WHERE to_status = 'sending'",
    "I6": """DROP INDEX message_on_the_wire_once;
             ALTER TABLE conversations_attemptresult DROP CONSTRAINT attempt_result_once;
             INSERT INTO conversations_attemptresult (attempt_id, message_id, on_wire, outcome, external_id, code, text)
             SELECT attempt_id, message_id, on_wire, outcome, '', '', '' FROM conversations_attemptresult""",
    "I7": """ALTER TABLE conversations_message DROP CONSTRAINT message_sending_has_a_claim;
             UPDATE conversations_message SET status = 'sending', claim = NULL""",
    "I8": "UPDATE conversations_messageevent SET from_status = 'draft' WHERE to_status = 'accepted'",
    "I9": """INSERT INTO conversations_optin (contact_id, phone, channel, event, purpose, scope, source, wording,
                                             business_name, evidence, occurred_at, recorded_at)
             SELECT id, phone, 'sms', 'opt_out', '', 'everywhere', 'agent', '', '', '', now(), '2000-01-01'
               FROM conversations_contact""",
    "I10": "UPDATE conversations_message SET valid_until = '2000-01-01'",
    "I11": """UPDATE conversations_message SET queued_at = '2000-01-01'
               WHERE id = (SELECT max(message_id) FROM conversations_attemptresult)""",
    "I12": """UPDATE conversations_streamgate SET rate = 0.1, burst = 1;
              UPDATE conversations_sendattempt SET started_at = '2000-01-01'""",
    "I13": "DROP INDEX message_external_once; UPDATE conversations_message SET external_id = 'tid_same'",
    "I14": """UPDATE conversations_messageevent SET from_status = 'delivered', to_status = 'sent'
               WHERE to_status = 'accepted'""",
    "I15": """DROP INDEX message_external_once;
              ALTER TABLE conversations_message DROP CONSTRAINT message_received_means_inbound;
              UPDATE conversations_message SET direction = 'in', external_id = 'evt_same'""",
    "I19": """ALTER TABLE conversations_message DROP CONSTRAINT conversations_message_client_key_key;
              UPDATE conversations_message SET client_key = 'same'""",
    "I20": "UPDATE conversations_message SET body = 'Something else.'",
    "C1": "UPDATE conversations_campaign SET row_count = 2",
    "C2": "UPDATE conversations_campaign SET planned_row = 2",
    "C3": "UPDATE conversations_campaign SET accepted_count = 1",
    "C4": "UPDATE conversations_campaign SET status = 'running', is_planned = true",
}


def test_every_invariant_notices(chaos: Chaos) -> None:
    with chaos("", "what the invariants are for, done to the rows by hand") as run:
        conversation = run.conversation()
        for message in (run.text(conversation), run.text(conversation)):
            run.wait_for(message, "accepted")
        campaign = Campaign.objects.create(stream=run.stream, name="One", row_count=1, verdict_counts={"send": 1})
        CampaignRecipient.objects.create(campaign=campaign, row=2, phone="+447700900001", verdict="send")
        handset = run.handset
        with run.site.connection() as connection:
            for number, statement in BREAKING.items():
                connection.execute("ALTER TABLE conversations_message DISABLE TRIGGER USER")
                connection.execute("ALTER TABLE conversations_optin DISABLE TRIGGER USER")
                connection.execute("ALTER TABLE conversations_messageevent DISABLE TRIGGER USER")
                connection.execute(statement)
                found = invariants.broken(connection, handset)
                connection.rollback()
                assert number in {line.partition(",")[0] for line in found}, (number, found)
            for doubled in ([*handset, handset[0]], [Entry("00000000-0000-0000-0000-000000000000", "", "", 0.0)]):
                assert invariants.broken(connection, doubled)[0].startswith("I1,")
                connection.rollback()
            assert {*BREAKING, "I1"} == {invariant.number for invariant in invariants.INVARIANTS}
