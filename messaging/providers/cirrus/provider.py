"""Cirrus / CommBox: SMS and WhatsApp over https://api.commbox.io.

Two calls send SMS: a child on behalf of the agent, which can be looked up afterwards and carries our reference,
and send SMS, which names nothing. WhatsApp text is always a child; templates go 20 to a request and open a
conversation. No delivery report is documented for either channel.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from messaging.errors import CredentialsRefused, MessagingError, WebhookRefused
from messaging.mirror import MirrorEntry, RemoteConversation
from messaging.providers.base import Operation, Provider
from messaging.providers.cirrus import hooks, lookup, mirror, objects, reading, routing, whatsapp
from messaging.providers.cirrus.records import Activity, CirrusObject, Transcript
from messaging.providers.cirrus.routing import object_stream_id
from messaging.providers.cirrus.sms import SendInitialSms, SendSms
from messaging.providers.cirrus.words import ActivityType, StreamProviderType
from messaging.types import (
    AccountHealth,
    Channel,
    HookEvent,
    HookRequest,
    Limits,
    Option,
    OutboundMessage,
    RecipientResult,
    SendResult,
    StreamConfig,
    UploadedMedia,
)


class Cirrus(Provider):
    """Every documented call as a typed method; `stream` says which channel, ids are text.

    Methods raise ConfigurationError before anything is sent, and a ProviderError for every answer that is not a
    documented success.
    """

    slug: ClassVar[str] = "cirrus"
    label: ClassVar[str] = "Cirrus"
    channels: ClassVar[tuple[Channel, ...]] = (Channel.SMS, Channel.WHATSAPP)
    default_base_url: ClassVar[str] = "https://api.commbox.io"
    hosts: ClassVar[tuple[str, ...]] = ("api.commbox.io",)
    external_id_label: ClassVar[str] = "Encrypted stream id"
    sender_label: ClassVar[str] = "Phone number"
    conversation_first: ClassVar[frozenset[Channel]] = frozenset({Channel.WHATSAPP})
    hook_proof_headers: ClassVar[tuple[str, ...]] = ("x-webhook-secret",)
    hook_steps: ClassVar[tuple[str, ...]] = (
        "Open Settings > Webhooks and add a subscription for the entity Object, as REST, with the address.",
        "Tick OnNew, OnNewChild, OnNewActivity and OnUpdateTag, and Include Complete Data.",
        "Choose JSON or XML: Parley reads both.",
    )
    credential_options: ClassVar[tuple[Option, ...]] = (
        Option(
            "api_key",
            "API key",
            "From Settings > API in the Cirrus console. A revoked key works for 30 more days.",
            required=True,
            secret=True,
            pattern=r"[\x21-\x7e]{1,4000}",
        ),
        Option(
            "webhook_secret",
            "Webhook secret",
            "If set, calls to our webhook must carry it in the header X-Webhook-Secret. Several, separated by commas, "
            "are all accepted while you change them.",
            secret=True,
        ),
    )
    stream_options: ClassVar[tuple[Option, ...]] = routing.STREAM_OPTIONS

    @classmethod
    def limits(cls, channel: Channel, kind: str = "text") -> Limits:
        """No limit on an SMS is documented; WhatsApp's text ends at 4,096 characters."""
        if channel is Channel.SMS:
            return Limits(receipts=False)
        if kind == "template":
            return Limits(
                recipients_per_request=whatsapp.MOST_RECIPIENTS, media_kinds=whatsapp.MEDIA_KINDS, receipts=False
            )
        return Limits(body_characters=4096, receipts=False)

    @classmethod
    def plan(cls, message: OutboundMessage, stream: StreamConfig) -> Operation[SendResult]:
        """The operation for a message; see `routing.py`."""
        return routing.plan(message, stream)

    @classmethod
    def plan_lookup(cls, message: OutboundMessage, stream: StreamConfig) -> Operation[RecipientResult | None] | None:
        """Look for our reference in the conversation, or in the customer's; see `lookup.py`."""
        return lookup.plan(message, stream)

    @classmethod
    def mirrors(cls, stream: StreamConfig) -> bool:
        """Streams that say so in their settings."""
        return mirror.mirrors(stream)

    @classmethod
    def plan_entry(cls, entry: MirrorEntry, stream: StreamConfig) -> Operation[SendResult] | None:
        """See `mirror.py`."""
        return mirror.plan_entry(entry, stream)

    @classmethod
    def plan_find(cls, entry: MirrorEntry, stream: StreamConfig) -> Operation[RecipientResult | None] | None:
        """Look for the entry in the conversation; see `mirror.py`."""
        return mirror.plan_find(entry, stream)

    def read_conversation(self, stream: StreamConfig, external_id: str) -> RemoteConversation:
        """Get object, with children and activity log."""
        return mirror.remote_conversation(self.get_object(stream, external_id, include_activity_log=True))

    def read_conversations(
        self, stream: StreamConfig, *, since: datetime, until: datetime, page: int = 1
    ) -> tuple[RemoteConversation, ...]:
        """List objects by the time of their last change, with children and activity log, at most 100."""
        found = self.list_objects(
            stream,
            since=since,
            until=until,
            sort="asc",
            order="updatedtime",
            page=page,
            include_activity_log=True,
        )
        return tuple(mirror.remote_conversation(one) for one in found)

    def read_transcript(self, stream: StreamConfig, external_id: str) -> str:
        """Get transcript."""
        return self.get_transcript(stream, external_id).text

    def check(self) -> AccountHealth:
        """Ask for the system status with the account's key."""
        try:
            said = self.call(reading.SystemStatus())
        except CredentialsRefused:
            return AccountHealth(
                False, "Cirrus does not accept the API key. Copy it again from Settings > API in the Cirrus console."
            )
        except MessagingError as error:
            return AccountHealth(False, f"The test call to Cirrus did not succeed. {error}")
        return AccountHealth(True, f"Cirrus answers: {said}" if said else "Cirrus answers.")

    @classmethod
    def verify_hook(cls, hook: HookRequest, credentials: Mapping[str, str]) -> None:
        """Demand one of the configured secrets, if any: Cirrus itself signs nothing."""
        accepted = [secret.strip().encode() for secret in credentials.get("webhook_secret", "").split(",")]
        accepted = [secret for secret in accepted if secret]
        given = hook.headers.get(cls.hook_proof_headers[0], "").encode()
        # Every secret is compared, so that the time taken says nothing about which one came close.
        matches = [hmac.compare_digest(given, secret) for secret in accepted]
        if accepted and not any(matches):
            raise WebhookRefused("The call does not carry this account's webhook secret.")

    @classmethod
    def parse_hook(cls, hook: HookRequest) -> list[HookEvent]:
        """See `hooks.py`."""
        return hooks.parse(hook)

    # SMS

    def send_initial_sms(self, stream: StreamConfig, phone: str, *, ref: str = "") -> SendResult:
        """Send the first text that is configured on the stream in Cirrus."""
        return self.call(SendInitialSms(stream.external_id, phone, ref))

    def send_sms(self, stream: StreamConfig, phone: str, body: str, *, ref: str = "") -> SendResult:
        """Send a text. The answer names no message."""
        return self.call(SendSms(stream.external_id, phone, body, ref))

    # WhatsApp

    def send_templates(self, stream: StreamConfig, messages: Sequence[whatsapp.TemplateMessage]) -> SendResult:
        """Send templates to 1 to 20 different numbers; one result each."""
        return self.call(whatsapp.SendTemplates(stream.external_id, tuple(messages)))

    def upload_media(self, stream: StreamConfig, *, filename: str, content: bytes, content_type: str) -> UploadedMedia:
        """Upload an image, a video or a document for use in a template's header."""
        return self.call(whatsapp.UploadMedia(stream.external_id, filename, content, content_type))

    def validate_contact(self, stream: StreamConfig, phone: str) -> bool:
        """Is the number on WhatsApp? Only for numbers with an opt-in: many checks without messages get you banned."""
        return self.call(whatsapp.ValidateContact(stream.external_id, phone))

    # Conversations: writing

    def create_object(self, new: objects.CreateObject) -> str:
        """Begin a conversation; returns its id."""
        return self.call(new)

    def create_child(
        self,
        stream: StreamConfig,
        *,
        on_behalf_of: Literal["agent", "customer"],
        message: str,
        customer: str,
        customer_type: StreamProviderType,
        object_id: str = "",
        provider_id: str = "",
        provider_type: StreamProviderType | None = None,
        agent_id: str = "",
        ref: str = "",
    ) -> str:
        """Add a message to the conversation `object_id`, or to the one of `provider_id` and `provider_type`.

        On behalf of the agent it is sent to the customer, on behalf of the customer it is shown to the agents.
        Returns the child's id; `ref` comes back in the child's content.
        """
        child = objects.CreateChild(
            object_stream_id(stream),
            on_behalf_of,
            message,
            customer,
            customer_type,
            object_id=object_id,
            provider_id=provider_id,
            provider_type=provider_type,
            agent_id=agent_id,
            content={"ref": ref} if ref else {},
        )
        return self.call(child)

    def set_status(self, object_id: str, status: str | int) -> None:
        """Set a conversation's status, by our word or their number."""
        self.call(objects.SetStatus(object_id, status))

    def set_content(self, object_id: str, content: Mapping[str, Any]) -> None:
        """Set values in a conversation's content."""
        self.call(objects.SetContent(object_id, content))

    def add_activity(self, object_id: str, text: str, *, source: str, manager_id: int | None = None) -> None:
        """Add an entry to a conversation's activity log."""
        self.call(objects.AddActivity(object_id, text, source, manager_id))

    def add_remark(self, object_id: str, text: str, *, manager_id: int | None = None) -> None:
        """Add a note that the customer does not see."""
        self.call(objects.AddRemark(object_id, text, manager_id))

    def set_indicator(
        self, object_id: str, indicator_id: str, *, title: str, display_class: str = "", link: str = ""
    ) -> None:
        """Put an indicator on a conversation, under a name of our choice."""
        self.call(objects.SetIndicator(object_id, indicator_id, title, display_class, link))

    def delete_indicator(self, object_id: str, indicator_id: str) -> None:
        """Take an indicator off a conversation."""
        self.call(objects.DeleteIndicator(object_id, indicator_id))

    # Conversations: reading

    def get_object(
        self,
        stream: StreamConfig,
        object_id: str,
        *,
        include_children: bool = True,
        include_activity_log: bool = False,
    ) -> CirrusObject:
        """One conversation, its messages newest first."""
        return self.call(reading.GetObject(object_stream_id(stream), object_id, include_children, include_activity_log))

    def list_objects(
        self,
        stream: StreamConfig,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        identity_id: str = "",
        identity_type: StreamProviderType | None = None,
        user_identity_id: str = "",
        sub_stream_id: str = "",
        statuses: Sequence[int] = (),
        sort: Literal["", "asc", "desc"] = "",
        order: Literal["", "createdtime", "closedtime", "prioritytime", "updatedtime"] = "",
        page: int | None = None,
        page_size: int = reading.LARGEST_PAGE,
        include_children: bool = True,
        include_activity_log: bool = False,
    ) -> tuple[CirrusObject, ...]:
        """A stream's conversations within a window or of one customer, at most 100 a call: see `ListObjects`."""
        return self.call(
            reading.ListObjects(
                object_stream_id(stream),
                since=since,
                until=until,
                identity_id=identity_id,
                identity_type=identity_type,
                user_identity_id=user_identity_id,
                sub_stream_id=sub_stream_id,
                statuses=tuple(statuses),
                sort=sort,
                order=order,
                page=page,
                page_size=page_size,
                include_children=include_children,
                include_activity_log=include_activity_log,
            )
        )

    def list_activities(self, object_id: str, activity_type: ActivityType) -> tuple[Activity, ...]:
        """A conversation's activities of one type."""
        return self.call(reading.ListActivities(object_id, activity_type))

    def get_transcript(self, stream: StreamConfig, object_id: str) -> Transcript:
        """A conversation as one text."""
        return self.call(reading.GetTranscript(object_stream_id(stream), object_id))

    def system_status(self) -> str:
        """Their sentence about the system."""
        return self.call(reading.SystemStatus())
