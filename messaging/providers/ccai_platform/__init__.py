"""CCAI Platform (Google Cloud Contact Center as a Service, UJET): outbound SMS that opens a chat.

    chats.py     sending, and the chat object with its messages
    sessions.py  chats as the product's sessions: who holds one, what the customer wrote, its end
    hooks.py     signed chat webhooks and session events
    wire.py      authentication, the address, refusals

Not for campaigns: the provider says that several messages to one number within a day do not work unless an
agent's id comes with them, and documents no delivery report and no limit on the length of a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from messaging.errors import (
    ConfigurationError,
    CredentialsRefused,
    MessagingError,
    Refused,
    UnsupportedFeature,
)
from messaging.phone import region_of
from messaging.providers.base import Operation, Provider
from messaging.providers.ccai_platform import hooks, wire
from messaging.providers.ccai_platform.chats import (
    CHAT_TYPES,
    Chat,
    ChatMessage,
    GetChat,
    GetChatMessages,
    OutboundSms,
    ProbeSms,
    SendText,
)
from messaging.providers.ccai_platform.sessions import EndChat, ReadSession, ReadWhatCustomerWrote
from messaging.types import (
    AccountHealth,
    Channel,
    HookEvent,
    HookRequest,
    InboundMessage,
    Limits,
    Option,
    OutboundMessage,
    SendResult,
    Session,
    StreamConfig,
)

_SECRET = r"[\x21-\x7e]{1,500}"  # noqa: S105 the form of a secret, not one


class CCAIPlatform(Provider):
    """The provider. Stream terms: `sender` is the outbound number; a conversation's external id is the chat's."""

    slug = "ccai_platform"
    label = "CCAI Platform"
    channels = (Channel.SMS,)
    default_base_url = "https://{subdomain}.{domain}/apps/api/v1"
    hosts = (".ccaiplatform.com", ".ujet.co")
    credential_options = (
        Option(
            "subdomain",
            "Subdomain",
            "The first part of the address that agents sign in at.",
            required=True,
            pattern=wire.LABEL,
        ),
        Option(
            "token",
            "API token",
            "From Settings > Developer Settings > API Credentials; it is shown once.",
            required=True,
            secret=True,
            pattern=wire.TOKEN,
        ),
        Option(
            "domain",
            "Domain",
            "The rest of that address.",
            pattern=wire.DOMAIN,
            default=wire.DEFAULT_DOMAIN,
        ),
        Option(
            "webhook_secret_primary",
            "Primary webhook secret",
            "From Settings > Developer Settings > Webhooks. With either secret set, unsigned calls are refused.",
            secret=True,
            pattern=_SECRET,
        ),
        Option("webhook_secret_secondary", "Secondary webhook secret", secret=True, pattern=_SECRET),
        Option(
            "webhook_user",
            "Session export user",
            "User name and password entered under Session Data Export: those calls carry no signature.",
            pattern=r"[\x21-\x39\x3b-\x7e]{1,100}",
        ),
        Option("webhook_password", "Session export password", secret=True, pattern=_SECRET),
    )
    proofs_of_an_earlier_send: ClassVar[frozenset[str]] = frozenset({"session_active"})
    hook_proof_headers: ClassVar[tuple[str, ...]] = hooks.PROOF_HEADERS
    hook_steps: ClassVar[tuple[str, ...]] = (
        "For chats: under Settings > Developer Settings > Webhooks add the address, and subscribe to message received, "
        "participant joined, participant left, chat ended and chat dismissed.",
        "Copy the primary and the secondary secret from there into this account: from then on unsigned calls are "
        "refused.",
        "For sessions: under Settings > Developer Settings > Session Data Export add the same address with a user and "
        "a password, and enter both in this account.",
        "Without either, let Parley ask for messages every minute: the switch is beside the rule for closed ones.",
    )
    stream_options: ClassVar[tuple[Option, ...]] = (
        Option(
            "chat_type",
            "Chat type",
            "Messaging (SMS), unless the provider says otherwise for this account.",
            pattern=r"Messaging \(SMS\)|Messaging \(API\)|SMS",
            default=CHAT_TYPES[0],
        ),
    )
    sender_label = "Outbound number"

    @classmethod
    def limits(cls, channel: Channel, kind: str = "text") -> Limits:
        """One number a request; no length, scheduling, validity or delivery report is documented."""
        return Limits(receipts=False)

    @classmethod
    def sender_problem(cls, sender: str) -> str:
        """The outbound number is one of the United States: the provider refuses others, of +1 too."""
        if region_of(sender) == "US":
            return ""
        return f"{cls.label} sends from numbers of the United States only. Enter one, for example +1 628 555 0199."

    @classmethod
    def plan(cls, message: OutboundMessage, stream: StreamConfig) -> Operation[SendResult]:
        """An outbound SMS, with the agent's id or else e-mail. `valid_until` has no counterpart and is left out."""
        if stream.channel is not Channel.SMS or message.kind != "text":
            raise UnsupportedFeature(f"{cls.label} sends texts by SMS only.")
        if message.send_at:
            raise UnsupportedFeature(f"{cls.label} cannot send later: it sends at once.")
        if len(message.recipients) != 1:
            raise ConfigurationError(f"{cls.label} takes one recipient in a request, not {len(message.recipients)}.")
        recipient = message.recipients[0]
        sms = OutboundSms(
            end_user_number=recipient.phone,
            outbound_number=stream.sender,
            message=message.body,
            ticket_id=message.ticket_id,
            agent_id=message.agent_id,
            agent_email=message.agent_email,
            chat_type=stream.settings.get("chat_type") or CHAT_TYPES[0],
        )
        return SendText(recipient.ref, sms)

    @classmethod
    def plan_session(cls, conversation_id: str) -> Operation[Session]:
        """Read the chat."""
        return ReadSession(conversation_id)

    @classmethod
    def plan_session_messages(cls, conversation_id: str) -> Operation[tuple[InboundMessage, ...]]:
        """Read what the customer wrote in the chat."""
        return ReadWhatCustomerWrote(conversation_id)

    @classmethod
    def plan_end_of_session(cls, conversation_id: str, *, agent_id: str) -> Operation[Session]:
        """Finish the chat in the name of an agent."""
        return EndChat(conversation_id, agent_id)

    def send_sms(self, sms: OutboundSms, *, on_wire: Callable[[], None] | None = None) -> Chat:
        """Send one text and get the chat that it opened or joined."""
        return self.call(sms, on_wire=on_wire)

    def get_chat(self, chat_id: str) -> Chat:
        """One chat; Refused with code `not_found` when there is none."""
        return self.call(GetChat(chat_id))

    def get_messages(self, chat_id: str) -> tuple[ChatMessage, ...]:
        """The messages of one chat, for accounts without webhooks."""
        return self.call(GetChatMessages(chat_id))

    def check(self) -> AccountHealth:
        """By an SMS without a number, which the provider refuses in words that say whether SMS is switched on."""
        try:
            refusal = self.call(ProbeSms())
        except MessagingError as error:
            return AccountHealth(False, self._sentence_for(error))
        if refusal in ("sms_not_enabled", "outbound_not_enabled"):
            return AccountHealth(
                False, f"{self.label} does not allow outgoing texts for this account: turn them on in its settings."
            )
        return AccountHealth(True, f"{self.label} accepts the subdomain and the token.")

    @classmethod
    def _sentence_for(cls, error: MessagingError) -> str:
        if isinstance(error, CredentialsRefused):
            return (
                f"{cls.label} does not accept the subdomain and the token: make a new token in Settings > Developer "
                "Settings > API Credentials."
            )
        if isinstance(error, Refused) or getattr(error, "code", "") == "unreadable_answer":
            return f"The address answers, but not as {cls.label} does: check the subdomain and the domain."
        return f"The test call to {cls.label} did not succeed. {error}"

    @classmethod
    def verify_hook(cls, hook: HookRequest, credentials: Mapping[str, str]) -> None:
        """A signature by either webhook secret, or the session export's password, where they are configured."""
        hooks.verify(hook, credentials)

    @classmethod
    def parse_hook(cls, hook: HookRequest) -> list[HookEvent]:
        """Customers' messages, and what happens to chats."""
        return hooks.parse(hook)


PROVIDER = CCAIPlatform
