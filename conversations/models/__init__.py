"""The rows of the product, one file a subject (docs/glossary.md ties their names to the providers' words)."""

from conversations.models.account import ProviderAccount
from conversations.models.activity import Activity, Indicator
from conversations.models.api_key import ApiKey, IdempotentRequest
from conversations.models.attachment import Attachment
from conversations.models.attempt import AttemptResult, SendAttempt
from conversations.models.audit import AuditEntry
from conversations.models.campaign import Campaign, CampaignChunk, CampaignRecipient
from conversations.models.canned_reply import CannedReply
from conversations.models.consent import ConsentState, OptIn, ProofFile
from conversations.models.contact import Contact, ContactIdentity
from conversations.models.conversation import Conversation
from conversations.models.dispatcher import DispatcherTick
from conversations.models.draft import Draft
from conversations.models.erasure import ErasedNumber
from conversations.models.hook import HookSecret, RefusedCall
from conversations.models.inbox import Handling, InboxCount, SavedFilter
from conversations.models.keyword_set import KeywordSet
from conversations.models.message import Message, MessageEvent
from conversations.models.mirror import ConversationMirror, Drift
from conversations.models.notification import Notification
from conversations.models.number_check import NumberCheck
from conversations.models.outgoing import WebhookDelivery, WebhookSubscription
from conversations.models.pacing import StreamGate
from conversations.models.policy import SendingPolicy
from conversations.models.report import ConversationTimes, NextReply, ReportChange, ReportCount
from conversations.models.search import ContactSearch, MessageSearch
from conversations.models.second_factor import SecondFactor
from conversations.models.session import ProviderSession
from conversations.models.signed_in import SignedInSession
from conversations.models.stream import Stream, SubStream
from conversations.models.tag import ConversationTag, Tag
from conversations.models.team import AgentIdentity, Team, TeamMembership, TeamStream, User
from conversations.models.template import TemplateStatusChange, TemplateVersion, WhatsAppTemplate
from conversations.models.webhook import Receipt, WebhookEvent
from conversations.models.working_hours import Holiday, WorkingHours, WorkingPeriod

__all__ = [
    "Activity",
    "AgentIdentity",
    "ApiKey",
    "Attachment",
    "AttemptResult",
    "AuditEntry",
    "Campaign",
    "CampaignChunk",
    "CampaignRecipient",
    "CannedReply",
    "ConsentState",
    "Contact",
    "ContactIdentity",
    "ContactSearch",
    "Conversation",
    "ConversationMirror",
    "ConversationTag",
    "ConversationTimes",
    "DispatcherTick",
    "Draft",
    "Drift",
    "ErasedNumber",
    "Handling",
    "Holiday",
    "HookSecret",
    "IdempotentRequest",
    "InboxCount",
    "Indicator",
    "KeywordSet",
    "Message",
    "MessageEvent",
    "MessageSearch",
    "NextReply",
    "Notification",
    "NumberCheck",
    "OptIn",
    "ProofFile",
    "ProviderAccount",
    "ProviderSession",
    "Receipt",
    "RefusedCall",
    "ReportChange",
    "ReportCount",
    "SavedFilter",
    "SecondFactor",
    "SendAttempt",
    "SendingPolicy",
    "SignedInSession",
    "Stream",
    "StreamGate",
    "SubStream",
    "Tag",
    "Team",
    "TeamMembership",
    "TeamStream",
    "TemplateStatusChange",
    "TemplateVersion",
    "User",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookSubscription",
    "WhatsAppTemplate",
    "WorkingHours",
    "WorkingPeriod",
]
