"""Who Fernhill Broadband is: the values that the sandbox's standing accounts and phones have too."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from conversations.models.consent import ConsentSource
from conversations.models.message import Purpose
from conversations.models.team import Role

COMPANY = "Fernhill Broadband"
DEMO_PASSWORD = "fernhill-demo"  # noqa: S105 the one password of people who do not exist

# Provider: the account's name, the path below the sandbox's address, the credentials.
ACCOUNTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "cirrus": ("Fernhill Cirrus", "cirrus", {"api_key": "sandbox-cirrus-key"}),
    "ccai_platform": (
        "Fernhill CCAI Platform",
        "ccai_platform/apps/api/v1",
        {
            "subdomain": "fernhill",
            "token": "sandbox-ccai-token",
            "webhook_secret_primary": "sandbox-ccai-primary",
            "webhook_secret_secondary": "sandbox-ccai-secondary",
        },
    ),
    "webex_interact": ("Fernhill Webex Interact", "webex_interact", {"access_key": "aky_sandbox0000000000000000000"}),
}

# Name: provider, and the fields of the stream.
CARE, TEXTS, BULK, US_LINE = "Fernhill Care", "Service texts", "FERNHILL", "US support line"
STREAMS: dict[str, tuple[str, dict[str, Any]]] = {
    CARE: (
        "cirrus",
        {
            "channel": "whatsapp",
            "external_id": "c2FuZGJveC13YQ==",
            "sender": "+447700900156",
            "settings": {"stream_id": "533", "agent_id": "12345678", "manager_id": "12345678", "mirror": "yes"},
        },
    ),
    TEXTS: (
        "cirrus",
        {
            "channel": "sms",
            "external_id": "c2FuZGJveC1zbXM=",
            "sender": "+447700900155",
            "settings": {
                "stream_id": "532",
                "mirror": "yes",
                "opening_text": "Fernhill Care here. How can we help? Reply STOP to opt out.",
            },
            "price": Decimal("0.033"),
        },
    ),
    BULK: (
        "webex_interact",
        {"channel": "sms", "sender": "FERNHILL", "inbound_number": "+447700900177", "price": Decimal("0.041")},
    ),
    US_LINE: ("ccai_platform", {"channel": "sms", "sender": "+16285550199", "region": "US"}),
}
SUB_STREAM = ("Engineer visits", "7")

TEAMS = {"Care": (CARE, TEXTS, BULK, US_LINE), "Billing": (BULK,)}
AGENT_EMAIL, SUPERVISOR_EMAIL = "priya@fernhill.example", "tom@fernhill.example"
OTHER_AGENT_EMAIL, ADMINISTRATOR_EMAIL = "sam@fernhill.example", "admin@fernhill.example"
USERS = (
    (AGENT_EMAIL, "Priya Nair", Role.AGENT, "Care"),
    (SUPERVISOR_EMAIL, "Tom Okafor", Role.SUPERVISOR, "Care"),
    (OTHER_AGENT_EMAIL, "Sam Osei", Role.AGENT, "Billing"),
    (ADMINISTRATOR_EMAIL, "Ada Winter", Role.ADMINISTRATOR, ""),
)
# Provider, user, id there, e-mail address there (CCAI Platform knows an agent by either).
IDENTITIES = (
    ("cirrus", AGENT_EMAIL, "12345678", ""),
    ("cirrus", SUPERVISOR_EMAIL, "36574658", ""),
    ("ccai_platform", AGENT_EMAIL, "1", ""),
    ("ccai_platform", SUPERVISOR_EMAIL, "", SUPERVISOR_EMAIL),
)

# Number: what the company's own systems say.
RECORDS = {
    "+447700900142": "Account: FB-118204\nPlan: Fibre 500\nNext visit: Friday, 08–12",
    "+447700900267": "Account: FB-094471\nPlan: Fibre 150\nBalance: £0.00",
    "+447700900355": "Account: FB-120877\nPlan: Fibre 900",
    "+447700900611": "Account: FB-101190\nPlan: Fibre 150\nCredit: £12.00",
}
AMIRA, MARK, ROSA, DANA, US_PHONE = "+447700900142", "+447700900267", "+447700900355", "+447700900488", "+14155550100"
CONTACTS = (
    (AMIRA, "Amira", "Haddad", "ar", "Europe/London"),
    (MARK, "Mark", "Ellis", "en_GB", "Europe/London"),
    (ROSA, "Rosa", "Bellini", "it", "Europe/London"),
    (DANA, "דנה", "כהן", "he", "Europe/London"),
    (US_PHONE, "US test", "phone", "en_US", "America/Los_Angeles"),
)
_EVERYTHING = "Fernhill Broadband may write to me on WhatsApp about my service and offers."
_SERVICE = "Fernhill Broadband may write to me on WhatsApp about my service."
# Number, channel, purpose (empty: every one), how we know, the words agreed to, the proof, days ago.
OPT_INS = (
    (AMIRA, "whatsapp", "", ConsentSource.FORM, _EVERYTHING, "Web form of account FB-118204", 255),
    (AMIRA, "sms", Purpose.SERVICE, ConsentSource.AGENT, "Text me about my service.", "Call of 4 January", 690),
    (MARK, "whatsapp", Purpose.SERVICE, ConsentSource.FORM, _SERVICE, "Web form of account FB-117731", 80),
    (ROSA, "whatsapp", "", ConsentSource.FORM, _EVERYTHING, "Order form of account FB-120877", 293),
    (DANA, "whatsapp", Purpose.SERVICE, ConsentSource.AGENT, _SERVICE, "Call about account FB-121016", 12),
)


def _body(text: str, *samples: str) -> dict[str, Any]:
    return {"type": "BODY", "text": text, "example": {"body_text": [list(samples)]}}


def _buttons(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(buttons)}


_FOOTER = {"type": "FOOTER", "text": COMPANY}
_VISIT_BUTTONS = ({"type": "QUICK_REPLY", "text": "Confirm visit"}, {"type": "QUICK_REPLY", "text": "Change time"})

# Name, language, category, status, why it has that status, components in Meta's form.
TEMPLATES: tuple[tuple[str, str, str, str, str, list[dict[str, Any]]], ...] = (
    (
        "engineer_visit",
        "en_GB",
        "utility",
        "approved",
        "",
        [
            {"type": "HEADER", "format": "TEXT", "text": "Your engineer visit"},
            _body(
                "Hello {{1}}, your Fernhill engineer is booked for {{2}} between {{3}} and {{4}}. "
                "Reply here to change it.",
                *("Amira", "Thursday 19 November", "12:00", "16:00"),
            ),
            _FOOTER,
            _buttons(*_VISIT_BUTTONS),
        ],
    ),
    (
        "engineer_visit",
        "ar",
        "utility",
        "approved",
        "",
        [
            {"type": "HEADER", "format": "TEXT", "text": "موعد زيارة المهندس"},
            _body(
                "مرحباً {{1}}، موعد زيارة مهندس فيرنهيل هو {{2}} بين {{3}} و{{4}}. للتغيير يمكنك الرد هنا.",
                *("أميرة", "الخميس 19 نوفمبر", "12:00", "16:00"),
            ),
            _FOOTER,
        ],
    ),
    (
        "bill_ready",
        "en_GB",
        "utility",
        "approved",
        "",
        [
            {"type": "HEADER", "format": "DOCUMENT"},
            _body("Hello {{1}}, your bill of {{2}} is ready.", "Mark", "£38.00"),
            _buttons(
                {
                    "type": "URL",
                    "text": "Open my bill",
                    "url": "https://fernhill.example/bills/{{1}}",
                    "example": ["https://fernhill.example/bills/2026-11"],
                },
                {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+447700900155"},
            ),
        ],
    ),
    (
        "planned_work",
        "en_GB",
        "utility",
        "approved",
        "",
        [
            {
                "type": "HEADER",
                "format": "TEXT",
                "text": "Planned work on {{1}}",
                "example": {"header_text": ["26 November"]},
            },
            _body("Hello {{1}}, your line may stop for up to {{2}} minutes that night.", "Amira", "45"),
            _FOOTER,
        ],
    ),
    (
        "fibre_upgrade_offer",
        "en_GB",
        "marketing",
        "approved",
        "",
        [
            {"type": "HEADER", "format": "IMAGE"},
            _body("Hi {{1}}, Fibre 900 has reached {{2}}. Upgrade this month and keep your price.", "Rosa", "Ewell"),
            _buttons({"type": "QUICK_REPLY", "text": "Tell me more"}, {"type": "QUICK_REPLY", "text": "No offers"}),
        ],
    ),
    (
        "return_reminder",
        "en_GB",
        "utility",
        "paused",
        "WhatsApp paused it on 18 November: low quality rating.",
        [_body("Hello {{1}}, please return your old router within 14 days.", "Rosa")],
    ),
)

TAGS = ("Appointment", "Billing", "Hardware")
# Shortcut, title, text, language (empty: any).
CANNED_REPLIES = (
    ("thanks", "Thank you for writing", "Thank you for writing, ${first_name}. I am looking into it now.", ""),
    (
        "refund-timing",
        "When a refund arrives",
        "Your refund goes back to the card you paid with. Banks take 3 to 5 working days.",
        "",
    ),
    ("refund-sorry", "Sorry for a wrong charge", "I am sorry about the wrong charge, ${first_name}.", ""),
    ("refund-cheque", "Refund by cheque", "We will post a cheque to ${postal_address}.", ""),
    ("engineer-late", "The engineer is late", "Your engineer is running late and will arrive by ${time}.", ""),
    (
        "router-restart",
        "Restart the router",
        "Unplug the router, wait 30 seconds and plug it in again. The light turns green after about two minutes.",
        "",
    ),
    ("goodbye", "Goodbye", "Is there anything else I can help with? ${agent_first_name}, ${business_name}", ""),
    ("thanks", "شكر على الرسالة", "شكراً على رسالتك يا ${first_name}. أنظر في الأمر الآن.", "ar"),
)
