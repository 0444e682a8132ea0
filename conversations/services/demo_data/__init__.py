"""Fernhill Broadband, a company that does not exist: everything to try the product against the sandbox.

Accounts, streams, agents and phones repeat the sandbox's standing ones by value: nothing of the product knows the
sandbox. What the history may claim is said in history.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations.models import (
    AgentIdentity,
    CannedReply,
    Contact,
    Conversation,
    OptIn,
    ProviderAccount,
    Stream,
    SubStream,
    Tag,
    Team,
    TeamMembership,
    TeamStream,
    User,
    WhatsAppTemplate,
)
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.message import Direction
from conversations.services import consent
from conversations.services.accounts import check_account
from conversations.services.demo_data.company import (
    ACCOUNTS,
    AMIRA,
    CANNED_REPLIES,
    CARE,
    COMPANY,
    CONTACTS,
    DEMO_PASSWORD,
    IDENTITIES,
    OPT_INS,
    RECORDS,
    STREAMS,
    SUB_STREAM,
    SUPERVISOR_EMAIL,
    TAGS,
    TEAMS,
    TEMPLATES,
    USERS,
)
from conversations.services.demo_data.control import SandboxControl
from conversations.services.demo_data.history import History
from conversations.services.demo_data.past import Past
from conversations.services.mirror.telling import wake_what_waited

__all__ = [
    "DEMO_PASSWORD",
    "USERS",
    "SandboxControl",
    "connect_sandbox",
    "create",
]


def create(*, sandbox_url: str) -> None:
    """Make the company in a database without users; in any other only let its accounts follow the sandbox's address.

    Raises ValidationError on a production site: the password is known to everybody.
    """
    if settings.PRODUCTION or not settings.SANDBOX:
        raise ValidationError("Demo data is for a site with the sandbox: its password is no secret.", code="production")
    if User.objects.exists():
        for provider, (name, path, _) in ACCOUNTS.items():
            ProviderAccount.objects.filter(provider=provider, name=name).update(base_url=f"{sandbox_url}/{path}")
        return
    with transaction.atomic():
        accounts = {
            provider: ProviderAccount.objects.create(
                name=name, provider=provider, base_url=f"{sandbox_url}/{path}", credentials=credentials
            )
            for provider, (name, path, credentials) in ACCOUNTS.items()
        }
        streams = {
            name: Stream.objects.create(name=name, account=accounts[provider], business_name=COMPANY, **fields)
            for name, (provider, fields) in STREAMS.items()
        }
        SubStream.objects.create(stream=streams[CARE], name=SUB_STREAM[0], external_id=SUB_STREAM[1])
        users = _people(streams, accounts)
        contacts = {
            phone: Contact.objects.create(
                phone=phone, first_name=first_name, last_name=last_name, language=language, time_zone=time_zone
            )
            for phone, first_name, last_name, language, time_zone in CONTACTS
        }
        _record_opt_ins(contacts, recorder=users[SUPERVISOR_EMAIL])
        for name, language, category, status, reason, components in TEMPLATES:
            WhatsAppTemplate.objects.create(
                stream=streams[CARE],
                name=name,
                language=language,
                category=category,
                status=status,
                status_reason=reason,
                components=components,
            )
        CannedReply.objects.bulk_create(
            CannedReply(shortcut=shortcut, title=title, body=body, language=language)
            for shortcut, title, body, language in CANNED_REPLIES
        )
        Tag.objects.bulk_create(Tag(name=name) for name in TAGS)
        History(streams, contacts, users).write()
        for phone, record in RECORDS.items():
            Contact.objects.filter(phone=phone).update(record=record)
        Past(streams, users).write()


def connect_sandbox(*, sandbox_url: str, web_url: str) -> None:
    """Tell a running sandbox that our pages answer at `web_url`, and let Amira write to us if she has not yet.

    Each account is asked whether it works, so that its streams are shown as healthy.

    The sandbox posts again while the web process is still starting. Raises a ProviderError when it does not answer.
    """
    sandbox = SandboxControl(sandbox_url)
    accounts = ProviderAccount.objects.filter(name__in=[name for name, _, _ in ACCOUNTS.values()])
    hooks = {account.provider: f"{web_url}/hooks/{account.webhook_token}/" for account in accounts}
    there = sandbox.post("seed", {"webhook_urls": hooks})
    for provider in ("cirrus", "ccai_platform"):
        sandbox.post("accounts", {"provider": provider, "tells_changes": True})
    for name, language, _, status, _, components in TEMPLATES:
        values = {"name": name, "language": language, "status": status.upper(), "components": components}
        sandbox.post("templates", {"account": ACCOUNTS["cirrus"][0], **values})
    for account in accounts:
        check_account(account)
    care = next(
        stream["id"] for account in there["accounts"] for stream in account["streams"] if stream["name"] == CARE
    )
    _keep_at_cirrus(sandbox, care)
    if Conversation.objects.filter(stream__name=CARE, contact__phone=AMIRA).exists():
        return
    for text in ("هل يمكن تغيير الموعد إلى يوم الجمعة صباحاً؟", "The red light came on again this evening."):
        sandbox.post("reply", {"phone": AMIRA, "stream": care, "text": text})


def _keep_at_cirrus(sandbox: SandboxControl, stream: int) -> None:
    """What customers of WhatsApp wrote before today lies at Cirrus too: else nobody could answer them there."""
    unknown = Conversation.objects.current().filter(stream__name=CARE, external_id="").select_related("contact")
    for conversation in unknown:
        contact = conversation.contact
        sandbox.post("phones", {"number": contact.phone, "name": contact.full_name})
        for message in conversation.messages.filter(direction=Direction.IN).order_by("created_at", "pk"):
            values = {"phone": contact.phone, "stream": stream, "text": message.body}
            there = sandbox.post("reply", {**values, "written_at": message.created_at.isoformat()})
            message.external_id, conversation.external_id = there["child_id"], there["thread_id"]
            message.save(update_fields=["external_id"])
            conversation.save(update_fields=["external_id"])
        wake_what_waited(conversation.pk)


def _people(streams: Mapping[str, Stream], accounts: Mapping[str, ProviderAccount]) -> dict[str, User]:
    teams = {name: Team.objects.create(name=name) for name in TEAMS}
    for name, names_of_streams in TEAMS.items():
        for stream in names_of_streams:
            TeamStream.objects.create(team=teams[name], stream=streams[stream])
    users = {}
    for email, name, role, team in USERS:
        users[email] = User.objects.create_user(email, DEMO_PASSWORD, role=role, name=name)
        if team:
            TeamMembership.objects.create(team=teams[team], user=users[email])
    for provider, email, external_id, email_there in IDENTITIES:
        AgentIdentity.objects.create(
            user=users[email], account=accounts[provider], external_id=external_id, email=email_there
        )
    return users


def _record_opt_ins(contacts: Mapping[str, Contact], *, recorder: User) -> None:
    for phone, channel, purpose, source, wording, evidence, days_ago in OPT_INS:
        consent.record(
            OptIn(
                contact=contacts[phone],
                channel=channel,
                event=ConsentEventKind.OPT_IN,
                source=source,
                purpose=purpose,
                wording=wording,
                business_name=COMPANY,
                evidence=evidence,
                recorded_by=recorder if source == ConsentSource.AGENT else None,
                occurred_at=timezone.now() - timedelta(days=days_ago),
            )
        )
