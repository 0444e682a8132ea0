"""Webex Interact: SMS to one or to thousands, with delivery reports, replies and opt-outs.

    sms.py      bulk SMS: one request, one result per number
    lookups.py  account, senders, scheduled requests
    hooks.py    CloudEvents from the provider
    wire.py     key, addresses, refusals

Sources: the provider's "Send SMS API" page and its reference pages. What they leave open is noted where it is
decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from messaging.errors import ConfigurationError, CredentialsRefused, MessagingError, UnsupportedFeature
from messaging.providers.base import Operation, Provider
from messaging.providers.webex_interact import hooks
from messaging.providers.webex_interact.lookups import (
    LARGEST_PAGE,
    CancelScheduled,
    GetAccount,
    InteractAccount,
    ListScheduled,
    ListSenders,
    ScheduledPage,
    Sender,
)
from messaging.providers.webex_interact.sms import (
    LARGEST_REQUEST,
    MERGE_FIELD,
    SCHEDULE_KEYS,
    VALIDITY_DAYS,
    BulkSms,
    Group,
    SendToEach,
    SmsAnswer,
)
from messaging.types import (
    AccountHealth,
    Channel,
    HookEvent,
    HookRequest,
    Limits,
    Option,
    OutboundMessage,
    SendResult,
    StreamConfig,
)


class WebexInteract(Provider):
    """The provider. Stream terms: `sender` is a sender name or a bought number."""

    slug = "webex_interact"
    label = "Webex Interact"
    channels = (Channel.SMS,)
    # STOP and UNSUBSCRIBE are handled there for every number, with a reply of their own, and from then on nothing of
    # ours would reach the number anyway.
    answers_keywords = frozenset({Channel.SMS})
    hook_proof_headers: ClassVar[tuple[str, ...]] = (hooks.SIGNATURE_HEADER,)
    hook_steps: ClassVar[tuple[str, ...]] = (
        "Open Webhooks > Configuration and add the address.",
        "Tick Outbound SMS Submitted, Delivered and Failed, Shortlink Clicked, Inbound SMS Received and SMS Opt Out "
        "Received.",
        "If it offers to sign its calls, enter the same secret in this account: unsigned calls are refused from then "
        "on.",
    )
    default_base_url = "https://api.webexinteract.com"
    hosts = ("api.webexinteract.com",)
    credential_options = (
        Option(
            "access_key",
            "Access key",
            "From Developers > API projects, with the scope SMS.",
            required=True,
            secret=True,
            pattern=r"[\x21-\x7e]{1,1000}",
        ),
        Option(
            "webhook_secret",
            "Webhook secret",
            "Only where the webhook is signed. Several, separated by commas, are all accepted while you change them.",
            secret=True,
            pattern=r"[\x20-\x7e]{1,1000}",
        ),
    )
    stream_options: ClassVar[tuple[Option, ...]] = (
        Option(
            "schedule_key",
            "Name of the schedule field",
            "Accounts on the newer API call it schedule_at.",
            pattern="|".join(SCHEDULE_KEYS),
            default=SCHEDULE_KEYS[0],
        ),
    )
    sender_label = "Sender name or number"

    @classmethod
    def limits(cls, channel: Channel, kind: str = "text") -> Limits:
        """10,000 numbers a request, scheduling 7 days ahead, validity 3 days, 63 units a Unicode part."""
        return Limits(
            recipients_per_request=LARGEST_REQUEST,
            schedule_days=7,
            validity_days=VALIDITY_DAYS,
            unicode_part=63,
            merges_fields=kind == "text",
        )

    @classmethod
    def replaced_words(cls, body: str) -> tuple[str, ...]:
        """Merge fields: ${name} in any text, and no way of writing them so that they stay is documented."""
        return tuple(dict.fromkeys(MERGE_FIELD.findall(body)))

    @classmethod
    def plan(cls, message: OutboundMessage, stream: StreamConfig) -> Operation[SendResult]:
        """Bulk SMS, an entry per number. `template` sends the stored template that all recipients name."""
        if stream.channel is not Channel.SMS or message.kind not in ("text", "template"):
            raise UnsupportedFeature(f"{cls.label} sends texts and stored templates by SMS only.")
        sms = BulkSms(
            sender=stream.sender,
            to=tuple(
                Group((recipient.phone,), recipient.ref, dict(recipient.fields)) for recipient in message.recipients
            ),
            body=message.body if message.kind == "text" else "",
            template_id=_template_id(message) if message.kind == "template" else "",
            send_at=message.send_at,
            valid_until=message.valid_until,
            schedule_key=stream.settings.get("schedule_key") or SCHEDULE_KEYS[0],
        )
        return SendToEach(message.recipients, sms)

    def send_sms(self, sms: BulkSms, *, on_wire: Callable[[], None] | None = None) -> SmsAnswer:
        """Send one request of up to 10,000 numbers; each number is in `messages` or in `errors` of the answer."""
        return self.call(sms, on_wire=on_wire)

    def get_account(self) -> InteractAccount:
        """Status, balance and home of the account."""
        return self.call(GetAccount())

    def senders(self) -> Iterator[Sender]:
        """Every sender of the account, page by page."""
        number = 0
        while True:
            number += 1
            found = self.call(ListSenders(number, LARGEST_PAGE))
            yield from found.items
            if not found.items or number >= found.page.total_pages:
                return

    def list_scheduled(self, search: ListScheduled) -> ScheduledPage:
        """One page of the requests and campaigns that match."""
        return self.call(search)

    def cancel_scheduled(self, request_id: str) -> None:
        """Cancel a whole request that waits for its time; Refused when there is none."""
        self.call(CancelScheduled(request_id))

    def check(self) -> AccountHealth:
        """By the account look-up, which also says whether the account may send."""
        try:
            found = self.get_account()
        except CredentialsRefused:
            return AccountHealth(
                False, f"{self.label} does not accept the access key: copy it again from Developers > API projects."
            )
        except MessagingError as error:
            return AccountHealth(False, f"The test call to {self.label} did not succeed. {error}")
        details = {"account": found.uid, "status": found.status, "balance": f"{found.balance} {found.currency}".strip()}
        if found.status.lower() == "trial":
            return AccountHealth(
                False, f"The key works, but {self.label} has not approved this account for sending yet.", details
            )
        return AccountHealth(True, f"{self.label} accepts the key of account {found.uid}.", details)

    @classmethod
    def verify_hook(cls, hook: HookRequest, credentials: Mapping[str, str]) -> None:
        """The signature, where a `webhook_secret` is configured."""
        hooks.verify(hook, credentials)

    @classmethod
    def parse_hook(cls, hook: HookRequest) -> list[HookEvent]:
        """Delivery reports, customers' messages and opt-outs."""
        return hooks.parse(hook)


def _template_id(message: OutboundMessage) -> str:
    names = {recipient.template.name if recipient.template else "" for recipient in message.recipients}
    if len(names) != 1 or "" in names:
        raise ConfigurationError("All recipients of one request must have the same stored template: name its id.")
    return names.pop()


PROVIDER = WebexInteract
