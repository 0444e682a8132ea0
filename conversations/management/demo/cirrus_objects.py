"""Cirrus: conversations there, created, written into, noted on and read back by the provider's typed methods."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.utils import timezone

from conversations.management.demo.stage import Row, Seen, Stage, row
from conversations.models import Stream
from conversations.services.demo_data.company import TEXTS
from messaging.providers.cirrus import Cirrus, CreateObject
from messaging.providers.cirrus.records import UserDetails
from messaging.providers.cirrus.words import ActivityType, StreamProviderType

ROWS: list[Row] = []
cirrus = partial(row, ROWS, "cirrus")

FAY = "+447700900610"
MANAGER, AGENT = 12345678, "12345678"
SMS = StreamProviderType.TELEPHONE


def _there(stage: Stage) -> tuple[Cirrus, Stream]:
    stream = stage.stream(TEXTS)
    provider = stage.provider(stream.account)
    assert isinstance(provider, Cirrus)
    return provider, stream


@cirrus("Conversations: create one, with its first text to the customer", expects="an id, 1 text on the phone")
def create(stage: Stage) -> Seen:
    provider, stream = _there(stage)
    new = CreateObject(
        stream.settings["stream_id"],
        "Fernhill: your fault FB-20417 is open.",
        SMS,
        provider_id=FAY,
        customer=FAY,
        customer_type=SMS,
        manager_id=MANAGER,
        create_child=True,
        user=UserDetails(phone=FAY.removeprefix("+"), email="fay@example.com", first_name="Fay", last_name="Grant"),
    )
    stage.kept["object"] = provider.create_object(new)
    seen = stage.asked(provider, "an id")
    return Seen(seen.call, f"{seen.got}, {len(stage.letters(FAY))} text on the phone")


@cirrus("Conversations: a message on behalf of the customer, by id", expects="an id")
def child_of_customer(stage: Stage) -> Seen:
    provider, stream = _there(stage)
    made = provider.create_child(
        stream.config,
        on_behalf_of="customer",
        message="Still no light.",
        customer=FAY,
        customer_type=SMS,
        object_id=stage.kept["object"],
    )
    return stage.asked(provider, "an id" if made else "no id")


@cirrus("Conversations: a message on behalf of the customer, by number", expects="an id")
def child_of_customer_by_number(stage: Stage) -> Seen:
    provider, stream = _there(stage)
    made = provider.create_child(
        stream.config,
        on_behalf_of="customer",
        message="It blinks red.",
        customer=FAY,
        customer_type=SMS,
        provider_id=FAY,
        provider_type=SMS,
    )
    return stage.asked(provider, "an id" if made else "no id")


@cirrus("Conversations: a message on behalf of the agent, by number", expects="2 texts on the phone")
def child_of_agent(stage: Stage) -> Seen:
    provider, stream = _there(stage)
    provider.create_child(
        stream.config,
        on_behalf_of="agent",
        message="An engineer comes on Friday.",
        customer=FAY,
        customer_type=SMS,
        provider_id=FAY,
        provider_type=SMS,
        agent_id=AGENT,
    )
    return stage.asked(provider, f"{len(stage.letters(FAY))} texts on the phone")


@cirrus("Conversations: set the status to resolved", expects="done")
def set_status(stage: Stage) -> Seen:
    provider, _ = _there(stage)
    provider.set_status(stage.kept["object"], "resolved")
    return stage.asked(provider, "done")


@cirrus("Conversations: set values in the content", expects="done")
def set_content(stage: Stage) -> Seen:
    provider, _ = _there(stage)
    provider.set_content(stage.kept["object"], {"fault": "FB-20417"})
    return stage.asked(provider, "done")


@cirrus("Conversations: add to the activity log", expects="done")
def add_activity(stage: Stage) -> Seen:
    provider, _ = _there(stage)
    provider.add_activity(stage.kept["object"], "Line test passed", source="Parley", manager_id=MANAGER)
    return stage.asked(provider, "done")


@cirrus("Conversations: add a remark", expects="done")
def add_remark(stage: Stage) -> Seen:
    provider, _ = _there(stage)
    provider.add_remark(stage.kept["object"], "Book it as a fault visit, no charge.", manager_id=MANAGER)
    return stage.asked(provider, "done")


@cirrus("Conversations: set an indicator", expects="done")
def set_indicator(stage: Stage) -> Seen:
    provider, _ = _there(stage)
    provider.set_indicator(
        stage.kept["object"],
        "fault",
        title="Line fault open",
        display_class="icon-fault",
        link="https://fernhill.example/faults/FB-20417",
    )
    return stage.asked(provider, "done")


@cirrus("Conversations: delete the indicator", expects="done")
def delete_indicator(stage: Stage) -> Seen:
    provider, _ = _there(stage)
    provider.delete_indicator(stage.kept["object"], "fault")
    return stage.asked(provider, "done")


@cirrus(
    "Conversations: read one with its messages and activity log",
    expects="resolved, content kept, 4 messages, 3 activities",
)
def read_back(stage: Stage) -> Seen:
    provider, stream = _there(stage)
    found = provider.get_object(stream.config, stage.kept["object"], include_activity_log=True)
    content = "content kept" if found.content == {"fault": "FB-20417"} else "another content"
    got = f"{found.status}, {content}, {len(found.children)} messages, {len(found.activities)} activities"
    return stage.asked(provider, got)


@cirrus("Conversations: read the activities of one type", expects="remark: Book it as a fault visit, no charge.")
def read_activities(stage: Stage) -> Seen:
    provider, _ = _there(stage)
    found = provider.list_activities(stage.kept["object"], ActivityType.REMARK)
    return stage.asked(provider, "; ".join(f"{activity.word}: {activity.text}" for activity in found))


@cirrus("Conversations: read the transcript", expects="all 4 messages")
def read_transcript(stage: Stage) -> Seen:
    provider, stream = _there(stage)
    text = provider.get_transcript(stream.config, stage.kept["object"]).text
    wanted = ("FB-20417 is open", "Still no light", "It blinks red", "comes on Friday")
    there = sum(part in text for part in wanted)
    return stage.asked(provider, f"all {there} messages" if there == len(wanted) else f"{there} messages")


@cirrus("Conversations: list a stream's, changed lately (polling)", expects="it is among them")
def poll(stage: Stage) -> Seen:
    provider, stream = _there(stage)
    now = timezone.now()
    found = provider.list_objects(
        stream.config, since=now - timedelta(minutes=10), until=now + timedelta(minutes=1), order="updatedtime"
    )
    return stage.asked(provider, _is_among(stage, [one.id for one in found]))


@cirrus("Conversations: list those of one customer", expects="it is among them")
def list_of_customer(stage: Stage) -> Seen:
    provider, stream = _there(stage)
    found = provider.list_objects(stream.config, identity_id=FAY, identity_type=SMS)
    return stage.asked(provider, _is_among(stage, [one.id for one in found]))


def _is_among(stage: Stage, ids: list[str]) -> str:
    return "it is among them" if stage.kept["object"] in ids else f"not among {len(ids)}"


@cirrus("The system's status", expects="System is operational")
def system_status(stage: Stage) -> Seen:
    provider, _ = _there(stage)
    return stage.asked(provider, provider.system_status())
