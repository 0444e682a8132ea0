"""Every recorded webhook body, JSON and XML, through the real address: what it says, and what becomes of it here."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from conversations.models import Message, ProviderAccount, Receipt, Stream, WebhookEvent
from conversations.services import inbound
from tests import factories

pytestmark = pytest.mark.django_db

RECORDED = Path(__file__).parent.parent / "messaging/providers"
FILES = sorted(RECORDED.glob("*/payloads/hook_*"))
NAMES = [f"{path.parent.parent.name}/{path.name}" for path in FILES]

# What the address answers is 200 for all of them, of every provider. For those that the sandbox plays: what each says,
# what became of it, messages of customers there.
SAYS: dict[str, tuple[str, str, int]] = {
    "ccai_platform/hook_chat_dismissed.json": ("Dismissed", "processed", 0),
    "ccai_platform/hook_chat_ended.json": ("Ended", "processed", 0),
    "ccai_platform/hook_message_from_agent.json": ("Agent message", "processed", 0),
    "ccai_platform/hook_message_from_customer.json": ("Message from a customer", "processed", 1),
    "ccai_platform/hook_message_from_customer_with_numbers.json": ("Message from a customer", "processed", 1),
    "ccai_platform/hook_message_status_delivered.json": ("Report: delivered", "processed", 0),
    "ccai_platform/hook_message_status_failed.json": ("Report: failed", "processed", 0),
    "ccai_platform/hook_message_status_sent.json": ("Report: sent", "processed", 0),
    "ccai_platform/hook_participant_joined.json": ("Participant joined", "processed", 0),
    "ccai_platform/hook_participant_left.json": ("Participant left", "processed", 0),
    "ccai_platform/hook_session_events.json": ("Session (2)", "parked", 0),
    "cirrus/hook_on_child_status.json": ("Report: delivered, Report: failed", "unrecognised", 0),
    "cirrus/hook_on_new.xml": ("Message from a customer", "processed", 1),
    "cirrus/hook_on_new_activity.json": ("Activity", "processed", 0),
    "cirrus/hook_on_new_activity.xml": ("Activity", "processed", 0),
    "cirrus/hook_on_new_child.json": ("Message from a customer", "processed", 1),
    "cirrus/hook_on_new_child.xml": ("Message from a customer", "processed", 1),
    "cirrus/hook_on_new_child_reaction.json": ("Reaction", "processed", 1),
    "cirrus/hook_on_new_child_location.xml": ("Location", "processed", 1),
    "cirrus/hook_on_new_child_two_writers.json": ("Agent message, Message from a customer", "processed", 1),
    "cirrus/hook_on_new_payload.json": ("Message from a customer", "processed", 1),
    "cirrus/hook_on_update_tag.json": ("Tags", "processed", 0),
    "cirrus/hook_on_update_tag.xml": ("Tags", "processed", 0),
    "cirrus/hook_tag_on_add.json": ("Unknown: Tag.OnAdd", "unrecognised", 0),
    "webex_interact/hook_clicked.json": ("Link opened", "processed", 0),
    "webex_interact/hook_delivered.json": ("Report: delivered", "processed", 0),
    "webex_interact/hook_failed.json": ("Report: failed", "processed", 0),
    "webex_interact/hook_inbound.json": ("Message from a customer", "processed", 1),
    "webex_interact/hook_opt_out.json": ("Opt-out", "processed", 0),
    "webex_interact/hook_submitted.json": ("Report: sent", "processed", 0),
}


PLAYED = {name.split("/")[0] for name in SAYS}


def test_every_recorded_body_is_tried() -> None:
    assert {name for name in NAMES if name.split("/")[0] in PLAYED} == set(SAYS)


def a_line(provider: str) -> tuple[ProviderAccount, list[Stream]]:
    """An account with the streams and the conversation that the recorded bodies name."""
    account = factories.make_account(provider)
    if provider == "cirrus":
        text = factories.make_stream(account, external_id="a", settings={"stream_id": "71"})
        chat = factories.make_stream(account, "whatsapp", external_id="b", settings={"stream_id": "72"})
        factories.make_conversation(text, factories.make_contact("+12025550143"), external_id="901730")
        return account, [text, chat]
    if provider == "ccai_platform":
        stream = factories.make_stream(account, external_id="", sender="+16285550199")
        factories.make_conversation(stream, factories.make_contact("+14155550100"), external_id="114")
        return account, [stream]
    stream = factories.make_stream(account, external_id="", sender="Mattco", inbound_number="+447810000009")
    conversation = factories.make_conversation(stream, factories.make_contact("+447810000001"))
    factories.make_message(conversation, status="accepted", external_id="tid_35T5b3cQmfqTu6jcedrdVcSmNHr")
    return account, [stream]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_recorded_body(path: Path) -> None:
    provider = path.parent.parent.name
    account, _ = a_line(provider)
    kind = "application/xml" if path.suffix == ".xml" else "application/json"
    for _ in range(2):  # told twice, as providers do
        answer = Client().post(f"/hooks/{account.webhook_token}/", path.read_bytes(), content_type=kind)
        assert answer.status_code == 200
        inbound.process_webhooks(list(WebhookEvent.objects.filter(status="received").values_list("pk", flat=True)))
    event = WebhookEvent.objects.get()
    if provider not in PLAYED:
        assert event.status != "received"  # read, whatever it says
        return
    says, status, said = SAYS[f"{provider}/{path.name}"]
    assert event.status == status, event.error
    assert event.summary.startswith(says)
    assert Message.objects.filter(direction="in").count() == said
    if says.startswith("Report"):
        assert Receipt.objects.count() == says.count("Report") + (path.name == "hook_on_child_status.json")
    inbound.replay(event)
    assert Message.objects.filter(direction="in").count() == said
