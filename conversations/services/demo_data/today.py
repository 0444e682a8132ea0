"""What customers wrote today: a shift's work, as an agent finds it on signing in."""

from __future__ import annotations

from typing import NamedTuple

from conversations.services.demo_data.company import BULK, CARE, TEXTS


class Asked(NamedTuple):
    """One customer's question; `mine` is the agent's own work, `begun` an answer that she has begun to write."""

    phone: str
    first_name: str
    last_name: str
    language: str
    stream: str
    minutes_ago: int
    text: str
    tag: str = ""
    mine: bool = False
    begun: str = ""


TODAY = (
    Asked("+447700900610", "Tomasz", "Pawlak", "pl", TEXTS, 12, "Dziękuję, a kiedy przyjdzie technik?", mine=True),
    Asked(
        *("+447700900611", "Olu", "Sowande", "en_GB", TEXTS, 25, "I was promised a credit on this bill.", "Billing"),
        mine=True,
        begun="Thanks Olu, I have added the credit of £12 to your",
    ),
    Asked(
        "+447700900612", "Grace", "Whitcombe", "en_GB", CARE, 95, "The box came open and wet.", "Hardware", mine=True
    ),
    Asked("+447700900613", "فاطمة", "العلي", "ar", CARE, 290, "شكراً جزيلاً لكم، هل يمكن تغيير الموعد؟", mine=True),
    Asked(
        "+447700900614",
        "Nia",
        "Edwards",
        "en_GB",
        CARE,
        340,
        "Can I move house in the middle of my contract?",
        mine=True,
    ),
    Asked("+447700900615", "Henrik", "Lund", "da", TEXTS, 40, "When does my router arrive?", "Hardware", mine=True),
    Asked("+447700900616", "Chloé", "Martin", "fr", CARE, 1390, "Puis-je payer par virement ?", "Billing", mine=True),
    Asked("+447700900620", "Ben", "Carter", "en_GB", TEXTS, 30, "My bill is wrong again.", "Billing"),
    Asked("+447700900621", "Isla", "Moreau", "en_GB", BULK, 47, "Is there an outage in Ewell?"),
    Asked("+447700900622", "Jonas", "Weber", "de", CARE, 64, "Die App lässt sich nicht öffnen."),
    Asked("+447700900623", "Aisha", "Khan", "en_GB", TEXTS, 81, "Cancel my visit on Friday.", "Appointment"),
    Asked("+447700900624", "Peter", "Novak", "cs", BULK, 98, "Call me back about the refund, thank you."),
    Asked("+447700900625", "Mei", "Lin", "en_GB", CARE, 115, "What is my account number?"),
)
