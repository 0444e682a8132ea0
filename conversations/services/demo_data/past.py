"""Five weeks of work that is done and put away, so that reports have something to show.

It is from before the sandbox began, which therefore knows nothing of it. Always the same weeks, counted from today.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from random import Random

from django.utils import timezone

from conversations.models import (
    Contact,
    Conversation,
    Holiday,
    Message,
    Stream,
    User,
    WhatsAppTemplate,
    WorkingHours,
    WorkingPeriod,
)
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.services.demo_data.company import AGENT_EMAIL, BULK, CARE, OTHER_AGENT_EMAIL, SUPERVISOR_EMAIL, TEXTS
from conversations.services.reports import keeping

DAYS = 35
PEOPLE = 48
_FIRST = ("Aisha", "Ben", "Chloe", "Daniel", "Ewa", "Femi", "Grace", "Hugo", "Ines", "Jack", "Kwame", "Lucy")
_LAST = ("Adams", "Brown", "Clarke", "Davies")
_BY_WEEKDAY = (14, 11, 13, 10, 9, 3, 1)  # conversations that begin on a day
_BY_HOUR = (0, 0, 0, 0, 0, 0, 0, 2, 5, 9, 11, 9, 6, 5, 8, 8, 6, 5, 3, 2, 1, 1, 0, 0)
_SHARES = {TEXTS: 52, CARE: 34, BULK: 14}  # of a hundred conversations
_QUESTIONS = (
    "My internet has been slow since this morning.",
    "Can I move my engineer visit to next week?",
    "When is my next bill due?",
    "The router shows a red light.",
    "How do I change the name on my account?",
    "Is there a fault in my street?",
)
_ANSWERS = (
    "Thank you for writing. I am looking into it now.",
    "I have moved it. You get a text the evening before.",
    "Unplug the router, wait 30 seconds and plug it in again.",
    "It is fixed at our end. Tell me if it comes back.",
)
_THANKS = ("That works, thank you.", "Perfect, thanks.", "All good now.")


class Past:
    """What was done before today."""

    def __init__(self, streams: Mapping[str, Stream], users: Mapping[str, User]) -> None:
        self._streams = streams
        self._agents = {
            TEXTS: [users[AGENT_EMAIL], users[AGENT_EMAIL], users[SUPERVISOR_EMAIL]],
            CARE: [users[AGENT_EMAIL], users[SUPERVISOR_EMAIL]],
            BULK: [users[OTHER_AGENT_EMAIL]],
        }
        self._dice = Random(DAYS)  # noqa: S311 - the same weeks every time
        self._now = timezone.now()
        self._times: list[datetime] = []
        self._messages: list[Message] = []

    def write(self) -> None:
        """Write all of it."""
        self._working_hours()
        people = [
            Contact(phone=f"+4477009005{number:02}", first_name=_FIRST[number % 12], last_name=_LAST[number // 12])
            for number in range(PEOPLE)
        ]
        Contact.objects.bulk_create(people)
        templates = WhatsAppTemplate.objects.filter(stream=self._streams[CARE], status="approved", language="en_GB")
        visit = templates.get(name="engineer_visit")
        for days_ago in range(DAYS, -1, -1):
            day = timezone.localdate() - timedelta(days=days_ago)
            for _ in range(max(0, _BY_WEEKDAY[day.weekday()] + self._dice.randint(-2, 3))):
                (hour,) = self._dice.choices(range(24), _BY_HOUR)
                at = timezone.make_aware(datetime.combine(day, time(hour, self._dice.randrange(60))))
                if at < self._now - timedelta(hours=2):
                    self._conversation(at, self._dice.choice(people), visit)
        Message.objects.bulk_create(self._messages, batch_size=500)
        for message, at in zip(self._messages, self._times, strict=True):
            message.created_at = at  # Django sets it to now when it writes a row first
        Message.objects.bulk_update(self._messages, ["created_at"], batch_size=500)
        while keeping.measure():
            pass

    def _working_hours(self) -> None:
        hours = WorkingHours.objects.create(name="Care desk", time_zone="Europe/London")
        week = [(day, time(8), time(18)) for day in range(5)] + [(5, time(9), time(13))]
        WorkingPeriod.objects.bulk_create(
            WorkingPeriod(hours=hours, weekday=day, opens_at=opens, closes_at=closes) for day, opens, closes in week
        )
        for month, day, name in ((12, 25, "Christmas Day"), (12, 26, "Boxing Day")):
            Holiday.objects.create(hours=hours, day=timezone.localdate().replace(month=month, day=day), name=name)
        Stream.objects.filter(pk__in=[self._streams[name].pk for name in _SHARES]).update(working_hours=hours)

    def _conversation(self, at: datetime, contact: Contact, visit: WhatsAppTemplate) -> None:
        dice = self._dice
        (name,) = dice.choices(list(_SHARES), list(_SHARES.values()))
        stream, agent = self._streams[name], dice.choice(self._agents[name])
        replied = self._opened(at) + timedelta(seconds=int(dice.lognormvariate(6.5, 0.9)))
        thanked = replied + timedelta(minutes=dice.randint(2, 40))
        # Most is done within the hour; some needs an engineer, and days.
        done = thanked + timedelta(minutes=dice.randint(1, 30) if dice.random() < 0.82 else dice.randint(900, 5000))
        done = min(done, self._now - timedelta(minutes=20))
        conversation = Conversation.objects.create(
            stream=stream,
            contact=contact,
            status="archived",
            assignee=agent,
            resolved_at=done,
            last_message_at=thanked,
            last_inbound_at=thanked,
            last_message_direction=Direction.IN,
            last_message_preview="All good now.",
        )
        self._say(conversation, at, dice.choice(_QUESTIONS))
        self._say(conversation, replied, dice.choice(_ANSWERS), author=agent)
        self._say(conversation, thanked, dice.choice(_THANKS))
        if name == CARE and dice.random() < 0.4:
            booked = replied + timedelta(minutes=1)
            self._say(conversation, booked, visit.name, author=agent, kind=Kind.TEMPLATE, template=visit)

    def _opened(self, at: datetime) -> datetime:
        """When somebody was there to answer: the same day, or the next morning."""
        there = timezone.localtime(at)
        if there.hour >= 18:
            there += timedelta(days=1)
        return there if 8 <= there.hour < 18 else there.replace(hour=8, minute=self._dice.randint(2, 25))

    def _say(self, conversation: Conversation, at: datetime, text: str, **fields: object) -> None:
        fields |= {"conversation": conversation, "stream": conversation.stream, "body": text}
        if "author" in fields:
            status = self._outcome(conversation.stream)
            fields |= {"direction": Direction.OUT, "status": status, "segments": 1, "queued_at": at, "sent_at": at}
            if status == MessageStatus.UNDELIVERED:
                fields |= {"failure_code": "unreachable", "failure_text": "The phone could not be reached."}
        else:
            fields |= {"direction": Direction.IN, "status": MessageStatus.RECEIVED}
        self._times.append(at)
        self._messages.append(Message(**fields))

    def _outcome(self, stream: Stream) -> str:
        if stream == self._streams[BULK]:
            return MessageStatus.ACCEPTED  # nobody has asked for receipts there
        chance = self._dice.random()
        if chance < 0.025:
            return MessageStatus.UNDELIVERED
        if chance < 0.04:
            return MessageStatus.SENT
        return MessageStatus.READ if stream.channel == "whatsapp" and chance < 0.8 else MessageStatus.DELIVERED
