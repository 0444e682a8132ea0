"""The accounts, streams and phones that stand from the first start, with credentials that never change.

The product's demo data repeats these values; it does not import them, because nothing of the product knows the
sandbox. All numbers are reserved for fiction (Ofcom's +44 7700 900xxx, +1 xxx 555 01xx).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .database import writing
from .models import (
    Agent,
    ContentTemplate,
    Provider,
    SandboxAccount,
    SandboxChannel,
    SandboxStream,
    VirtualPhone,
    WhatsAppTemplate,
)

CIRRUS_API_KEY = "sandbox-cirrus-key"
CIRRUS_SMS_STREAM = 532
CIRRUS_SMS_ENCRYPTED = "c2FuZGJveC1zbXM="
CIRRUS_SMS_NUMBER = "+447700900155"
CIRRUS_WHATSAPP_STREAM = 533
CIRRUS_WHATSAPP_ENCRYPTED = "c2FuZGJveC13YQ=="
CIRRUS_WHATSAPP_NUMBER = "+447700900156"
CIRRUS_MANAGERS = {12345678: "priya@fernhill.example", 36574658: "tom@fernhill.example"}

CCAI_SUBDOMAIN = "fernhill"
CCAI_TOKEN = "sandbox-ccai-token"  # noqa: S105 - a fixed word for a made-up account
CCAI_NUMBER = "+16285550199"
CCAI_AGENTS = {1: "priya@fernhill.example", 2: "tom@fernhill.example"}
CCAI_WEBHOOK_SECRETS = {"primary": "sandbox-ccai-primary", "secondary": "sandbox-ccai-secondary"}

WEBEX_ACCESS_KEY = "aky_sandbox0000000000000000000"
WEBEX_SENDER = "FERNHILL"
WEBEX_NUMBER = "+447700900177"
WEBEX_TEMPLATE_ID = "stp_2alB8n4k3BuCjOumRddxXiaA97M"  # the document's

PHONES = {
    "+447700900142": "Amira Haddad",
    "+447700900267": "Mark Ellis",
    "+447700900355": "Rosa Bellini",
    "+447700900488": "דנה כהן",
    "+14155550100": "US test phone",
}

_NAMES = {"priya@fernhill.example": ("Priya", "Nair"), "tom@fernhill.example": ("Tom", "Okafor")}

WHATSAPP_TEMPLATES: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
    (
        "engineer_visit",
        "en_GB",
        [
            {"type": "HEADER", "format": "TEXT", "text": "Your engineer visit"},
            {
                "type": "BODY",
                "text": "Hello {{1}}, your Fernhill engineer is booked for {{2}} between {{3}} and {{4}}. "
                "Reply here to change it.",
            },
            {"type": "FOOTER", "text": "Fernhill Broadband"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Confirm visit"},
                    {"type": "QUICK_REPLY", "text": "Change time"},
                ],
            },
        ],
    ),
    (
        "bill_ready",
        "en_GB",
        [
            {"type": "HEADER", "format": "DOCUMENT"},
            {"type": "BODY", "text": "Hello {{1}}, your bill of {{2}} is ready."},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "URL", "text": "Open my bill", "url": "https://fernhill.example/bills/{{1}}"},
                    {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+447700900155"},
                ],
            },
        ],
    ),
)


def seed(webhook_urls: Mapping[str, str] | None = None) -> None:
    """Make what is missing and put back what was changed; messages, objects and faults stay as they are.

    `webhook_urls` gives the product's address for a provider's slug; the others keep the address they have.
    """
    with writing():
        _seed_cirrus()
        _seed_ccai()
        _seed_webex()
        for number, name in PHONES.items():
            VirtualPhone.objects.get_or_create(number=number, defaults={"name": name})
        for provider, url in (webhook_urls or {}).items():
            SandboxAccount.objects.filter(provider=provider, name=account_name(provider)).update(webhook_url=url)


def account_name(provider: str) -> str:
    """The name of a provider's standing account. Raises ValueError for a provider without one."""
    return f"Fernhill {Provider(provider).label}"


def _account(provider: Provider, **values: Any) -> SandboxAccount:
    account, _ = SandboxAccount.objects.update_or_create(
        provider=provider, name=account_name(provider), defaults=values
    )
    return account


def _agents(account: SandboxAccount, agents: Mapping[int, str]) -> None:
    for position, (agent_id, email) in enumerate(agents.items(), start=1):
        first_name, last_name = _NAMES[email]
        Agent.objects.update_or_create(
            account=account,
            agent_id=agent_id,
            defaults={
                "email": email,
                "first_name": first_name,
                "last_name": last_name,
                "agent_number": position,
            },
        )


def _stream(account: SandboxAccount, name: str, channel: SandboxChannel, **values: Any) -> None:
    SandboxStream.objects.update_or_create(
        account=account, name=name, channel=channel, defaults=values | {"is_active": True}
    )


def _seed_cirrus() -> None:
    account = _account(Provider.CIRRUS, credentials={"api_key": CIRRUS_API_KEY})
    _stream(
        account,
        "Service texts",
        SandboxChannel.SMS,
        stream_id=CIRRUS_SMS_STREAM,
        encrypted_id=CIRRUS_SMS_ENCRYPTED,
        number=CIRRUS_SMS_NUMBER,
        initial_text="Fernhill Care here. How can we help? Reply STOP to opt out.",
    )
    _stream(
        account,
        "Fernhill Care",
        SandboxChannel.WHATSAPP,
        stream_id=CIRRUS_WHATSAPP_STREAM,
        encrypted_id=CIRRUS_WHATSAPP_ENCRYPTED,
        number=CIRRUS_WHATSAPP_NUMBER,
    )
    _agents(account, CIRRUS_MANAGERS)
    for name, language, components in WHATSAPP_TEMPLATES:
        WhatsAppTemplate.objects.update_or_create(
            account=account, name=name, language=language, defaults={"components": components, "status": "APPROVED"}
        )


def _seed_ccai() -> None:
    account = _account(
        Provider.CCAI_PLATFORM,
        credentials={"subdomain": CCAI_SUBDOMAIN, "token": CCAI_TOKEN},
        webhook_secrets=CCAI_WEBHOOK_SECRETS,
    )
    _stream(account, "US support line", SandboxChannel.SMS, number=CCAI_NUMBER)
    _agents(account, CCAI_AGENTS)


def _seed_webex() -> None:
    account = _account(Provider.WEBEX_INTERACT, credentials={"access_key": WEBEX_ACCESS_KEY})
    _stream(
        account,
        "FERNHILL",
        SandboxChannel.SMS,
        sender=WEBEX_SENDER,
        number=WEBEX_NUMBER,
        sender_id="ssd_2rLDt24N3TpQklpvfI6qN9rwHa0",
        number_id="num_2rLDt0d3ulmMWi9wNtFdveMv5fR",
    )
    ContentTemplate.objects.update_or_create(
        account=account,
        template_id=WEBEX_TEMPLATE_ID,
        defaults={
            "name": "Service due",
            "body": "Hello ${firstname},\nyour ${count} service is due by ${date}. Contact us on ${phone} to "
            "schedule an appointment.",
        },
    )
