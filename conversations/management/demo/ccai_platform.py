"""CCAI Platform: outbound SMS in every form, the chat read back, and its refusals word for word."""

from __future__ import annotations

from functools import partial

from conversations.management.demo.stage import Row, RowFailed, Seen, Stage, row
from conversations.models import Message
from conversations.services.demo_data.company import AGENT_EMAIL, STREAMS, SUPERVISOR_EMAIL, US_LINE
from messaging.errors import ConfigurationError, Refused
from messaging.providers.ccai_platform import CCAIPlatform
from messaging.providers.ccai_platform.chats import OutboundSms

ROWS: list[Row] = []
ccai = partial(row, ROWS, "ccai_platform")

# From the range kept for fiction in every American area code.
GUS, HOPE, IDA, JON, KIM = (f"+141555501{number:02}" for number in range(20, 25))
SENDER = STREAMS[US_LINE][1]["sender"]
IN_SESSION = "Outbound SMS failed. Consumer is already in an active SMS session."


def _there(stage: Stage) -> CCAIPlatform:
    provider = stage.provider(stage.stream(US_LINE).account)
    assert isinstance(provider, CCAIPlatform)
    return provider


@ccai("SMS that names no agent", expects="delivered")
def without_agent(stage: Stage) -> Seen:
    message = stage.write(US_LINE, GUS, "Fernhill US: your router has shipped.")
    stage.kept["us"] = str(message.pk)
    return stage.seen(message)


@ccai("The customer answers", expects="in the same conversation")
def answered(stage: Stage) -> Seen:
    return stage.reply(Message.objects.get(pk=stage.kept["us"]), "When will it arrive?")


@ccai("SMS by the agent's id", expects="delivered, assigned to Priya")
def by_agent_id(stage: Stage) -> Seen:
    return _assigned(stage, stage.write(US_LINE, HOPE, "This is Priya from Fernhill.", author=AGENT_EMAIL))


def _assigned(stage: Stage, message: Message) -> Seen:
    seen = stage.seen(message)
    chat = _there(stage).get_chat(Message.objects.get(pk=message.pk).conversation.external_id)
    return Seen(seen.call, f"{seen.got}, assigned to {chat.agent.first_name if chat.agent else 'nobody'}")


@ccai("A second SMS by the same agent, into the open chat", expects="delivered, one chat")
def again_by_agent_id(stage: Stage) -> Seen:
    message = stage.write(US_LINE, HOPE, "Shall I book a visit?", author=AGENT_EMAIL)
    seen = stage.seen(message)
    chats = {letter["thread_id"] for letter in stage.letters(HOPE)}
    chats.add(Message.objects.get(pk=message.pk).conversation.external_id)
    return Seen(seen.call, f"{seen.got}, {'one chat' if len(chats) == 1 else f'{len(chats)} chats'}")


@ccai("SMS by the agent's e-mail address", expects="delivered, assigned to Tom")
def by_agent_email(stage: Stage) -> Seen:
    return _assigned(stage, stage.write(US_LINE, IDA, "This is Tom from Fernhill.", author=SUPERVISOR_EMAIL))


@ccai("SMS with a ticket id", expects="a chat")
def with_ticket(stage: Stage) -> Seen:
    provider = _there(stage)
    chat = provider.send_sms(OutboundSms(JON, SENDER, "About your ticket.", ticket_id="FB-20417", agent_id="1"))
    stage.kept["chat"] = str(chat.id)
    return stage.asked(provider, "a chat")


@ccai("The chat read back whole", expects="assigned, ticket FB-20417, agent Priya, 2 participants")
def chat_read_back(stage: Stage) -> Seen:
    provider = _there(stage)
    chat = provider.get_chat(stage.kept["chat"])
    agent = chat.agent.first_name if chat.agent else "nobody"
    got = f"{chat.status}, ticket {chat.out_ticket_id}, agent {agent}, {len(chat.participants)} participants"
    return stage.asked(provider, got)


@ccai("The chat's messages", expects="agent: About your ticket.")
def messages_read_back(stage: Stage) -> Seen:
    provider = _there(stage)
    found = provider.get_messages(stage.kept["chat"])
    return stage.asked(provider, "; ".join(f"{message.sender_kind}: {message.content}" for message in found))


@ccai("Refused: a second SMS that names no agent (400)", expects=f"failed: {IN_SESSION}")
def in_session(stage: Stage) -> Seen:
    return stage.seen(stage.write(US_LINE, GUS, "One more thing."))


def _refusal(
    stage: Stage, *, to: str = KIM, sender: str = SENDER, text: str = "Hello", kind: str | None = None
) -> Seen:
    provider = _there(stage)
    sms = OutboundSms(to, sender, text) if kind is None else OutboundSms(to, sender, text, chat_type=kind)
    try:
        provider.send_sms(sms)
    except Refused as refusal:
        return stage.asked(provider, f"{refusal.code}: {refusal.text}")
    except ConfigurationError as refusal:
        return Seen("-", f"refused here: {refusal}")
    raise RowFailed("accepted")


@ccai("Refused: no type of chat", expects="chat_type_missing: chat_type needs to be provided")
def no_chat_type(stage: Stage) -> Seen:
    return _refusal(stage, kind="")


@ccai("Refused: a type of chat that there is not", expects="chat_type_refused: valid chat type needs to be provided")
def wrong_chat_type(stage: Stage) -> Seen:
    return _refusal(stage, kind="Carrier pigeon")


@ccai("Refused: SMS switched off", expects="sms_not_enabled: SMS is not enabled")
def sms_off(stage: Stage) -> Seen:
    return _with_switch_off(stage, "sms_enabled")


@ccai("Refused: outbound SMS switched off", expects="outbound_not_enabled: Outbound SMS is not enabled")
def outbound_off(stage: Stage) -> Seen:
    return _with_switch_off(stage, "outbound_enabled")


def _with_switch_off(stage: Stage, switch: str) -> Seen:
    stage.sandbox.post("accounts", {"provider": "ccai_platform", switch: False})
    try:
        return _refusal(stage)
    finally:
        stage.sandbox.post("accounts", {"provider": "ccai_platform", switch: True})


@ccai("Refused: no recipient", expects="recipient_number_missing: end_user_number is required")
def no_recipient(stage: Stage) -> Seen:
    return _refusal(stage, to="")


@ccai("Refused: a recipient that is no number", expects="recipient_number_refused: end_user_number is invalid")
def wrong_recipient(stage: Stage) -> Seen:
    return _refusal(stage, to="12345")


@ccai("Refused: no sender", expects="refused here: The stream has no outbound number: enter the number it writes from.")
def no_sender(stage: Stage) -> Seen:
    return _refusal(stage, sender="")


@ccai("Refused: a sender that is no number", expects="sender_refused: outbound_number is invalid")
def wrong_sender(stage: Stage) -> Seen:
    return _refusal(stage, sender="12")


@ccai("Refused: a sender of another country", expects="non_us_number: Non-US phone number not allowed")
def foreign_sender(stage: Stage) -> Seen:
    return _refusal(stage, sender="+82 000-000-0000")


@ccai("Refused: a sender of somebody else", expects="sender_not_found: outbound_number is not found")
def unknown_sender(stage: Stage) -> Seen:
    return _refusal(stage, sender="+16285550123")


@ccai("Refused: no text", expects="message_missing: message is required")
def no_text(stage: Stage) -> Seen:
    return _refusal(stage, text="")
