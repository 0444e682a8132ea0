"""Fernhill Broadband, a company that does not exist: everything to try the product against the sandbox.

Accounts, streams, agents and phones repeat the sandbox's standing ones by value: nothing of the product knows the
sandbox. The history is written once, see history.py for what it may claim.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations.models import (
    AgentIdentity,
    Contact,
    Conversation,
    OptIn,
    ProviderAccount,
    Stream,
    SubStream,
    Team,
    TeamMembership,
    TeamStream,
    User,
    WhatsAppTemplate,
)
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.services import consent
from conversations.services.demo_data.company import (
    ACCOUNTS,
    AMIRA,
    CARE,
    COMPANY,
    CONTACTS,
    DEMO_PASSWORD,
    IDENTITIES,
    OPT_INS,
    STREAMS,
    SUB_STREAM,
    TEAMS,
    TEMPLATES,
    TOM,
    USERS,
)
from conversations.services.demo_data.history import History
from messaging.transport import Transport
from messaging.types import Request

__all__ = ["DEMO_PASSWORD", "USERS", "connect_sandbox", "create"]


def create(*, sandbox_url: str) -> None:
    """Make what is missing of the company; what is there stays, except that accounts follow the sandbox's address.

    Raises ValidationError on a production site: the password is known to everybody.
    """
    if settings.PRODUCTION or not settings.SANDBOX:
        raise ValidationError("Demo data is for a site with the sandbox: its password is no secret.", code="production")
    with transaction.atomic():
        accounts = {provider: _account(provider, sandbox_url) for provider in ACCOUNTS}
        streams = {name: _stream(name, accounts[values["provider"]], values) for name, values in STREAMS.items()}
        SubStream.objects.get_or_create(
            stream=streams[CARE], external_id=SUB_STREAM[1], defaults={"name": SUB_STREAM[0]}
        )
        users = _people(streams)
        for provider, email, external_id, there in IDENTITIES:
            AgentIdentity.objects.get_or_create(
                user=users[email], account=accounts[provider], defaults={"external_id": external_id, "email": there}
            )
        contacts = {
            phone: Contact.objects.get_or_create(
                phone=phone,
                defaults={"first_name": first, "last_name": last, "language": language, "time_zone": zone},
            )[0]
            for phone, first, last, language, zone in CONTACTS
        }
        _record_opt_ins(contacts, users[TOM])
        for name, language, category, status, reason, components in TEMPLATES:
            WhatsAppTemplate.objects.get_or_create(
                stream=streams[CARE],
                name=name,
                language=language,
                defaults={
                    "category": category,
                    "status": status,
                    "status_reason": reason,
                    "components": components,
                },
            )
        History(streams, contacts, users).write()


def connect_sandbox(*, sandbox_url: str, web_url: str) -> None:
    """Tell a running sandbox where to report to (`web_url` is where our pages answer), and let Amira write to us.

    The sandbox posts again while the web process is still starting. Raises a ProviderError when it does not answer.
    """
    accounts = {provider: ProviderAccount.objects.get(name=ACCOUNTS[provider][0]) for provider in ACCOUNTS}
    hooks = {provider: f"{web_url}/hooks/{account.webhook_token}/" for provider, account in accounts.items()}
    found = _control(sandbox_url, "seed", {"webhook_urls": hooks})["accounts"]
    for name, language, _, status, _, components in TEMPLATES:
        values = {"name": name, "language": language, "status": status.upper(), "components": components}
        _control(sandbox_url, "templates", {"account": ACCOUNTS["cirrus"][0], **values})
    if Conversation.objects.filter(stream__name=CARE, contact__phone=AMIRA).exists():
        return
    care = next(stream["id"] for account in found for stream in account["streams"] if stream["name"] == CARE)
    for text in ("هل يمكن تغيير الموعد إلى يوم الجمعة صباحاً؟", "The red light came on again this evening."):
        _control(sandbox_url, "reply", {"phone": AMIRA, "stream": care, "text": text})


def _control(sandbox_url: str, action: str, values: Mapping[str, Any]) -> dict[str, Any]:
    transport = Transport(extra_hosts={urlsplit(sandbox_url).netloc})
    request = Request(
        "POST",
        f"{sandbox_url}/control/{action}/",
        {"Content-Type": "application/json"},
        json.dumps(values).encode(),
    )
    answer = transport.send(request, hosts=())
    if answer.status != 200:
        raise ValidationError(f"The sandbox refused {action}: {answer.body.decode(errors='replace')[:200]}")
    found: dict[str, Any] = answer.json()
    return found


def _account(provider: str, sandbox_url: str) -> ProviderAccount:
    name, path, credentials = ACCOUNTS[provider]
    account, _ = ProviderAccount.objects.update_or_create(
        name=name,
        defaults={"base_url": f"{sandbox_url}/{path}"},
        create_defaults={"base_url": f"{sandbox_url}/{path}", "provider": provider, "credentials": credentials},
    )
    return account


def _stream(name: str, account: ProviderAccount, values: Mapping[str, Any]) -> Stream:
    fields = {key: value for key, value in values.items() if key != "provider"}
    return Stream.objects.get_or_create(name=name, defaults={"account": account, "business_name": COMPANY, **fields})[0]


def _people(streams: Mapping[str, Stream]) -> dict[str, User]:
    teams = {name: Team.objects.get_or_create(name=name)[0] for name in TEAMS}
    for name, names_of_streams in TEAMS.items():
        for stream in names_of_streams:
            TeamStream.objects.get_or_create(team=teams[name], stream=streams[stream])
    users = {}
    for email, name, role, team in USERS:
        user = User.objects.filter(email=email).first()
        users[email] = user or User.objects.create_user(email, DEMO_PASSWORD, role=role, name=name)
        if team:
            TeamMembership.objects.get_or_create(team=teams[team], user=users[email])
    return users


def _record_opt_ins(contacts: Mapping[str, Contact], recorder: User) -> None:
    for phone, channel, purpose, source, wording, evidence, days in OPT_INS:
        if not OptIn.objects.filter(phone=phone, channel=channel).exists():
            consent.record(
                contact=contacts[phone],
                channel=channel,
                event=ConsentEventKind.OPT_IN,
                source=source,
                purpose=purpose,
                wording=wording,
                business_name=COMPANY,
                evidence=evidence,
                recorded_by=recorder if source == ConsentSource.AGENT else None,
                occurred_at=timezone.now() - timedelta(days=days),
            )
