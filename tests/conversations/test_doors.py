"""Every way in that can send, tried against everything that the gate refuses.

The table of doors is held against the source: a function of an entry point that calls a sending service and stands in
no row fails, and so does a message that is made anywhere but behind the gate.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import (
    Campaign,
    CampaignChunk,
    Conversation,
    Message,
    WhatsAppTemplate,
)
from conversations.services.campaigns import audience, control, planning, preflight, sending
from conversations.services.gate import can_send
from tests.architecture.sources import ROOT, name_of, python_files
from tests.conversations.doors import (
    AMIRA,
    BY_TIME,
    DOORS,
    REFUSALS,
    Door,
    World,
    api_edit,
    edit,
    late_job,
    make_world,
)

pytestmark = pytest.mark.django_db

SENDS = {
    *("queue_message", "queue_template", "queue_template_batch", "send_reply", "send_again", "send_now"),
    *("edit_waiting", "deliver", "deliver_chunk", "hold_and_send_template"),
}
ENTRIES = ("conversations/views", "conversations/admin", "conversations/management", "conversations/api")
ENTRY_FILES = ("conversations/jobs.py", "conversations/webhooks.py")
# Tried in tests/conversations/dialects: each has a provider's own shape for a refusal.
DIALECTS = {
    f"conversations/api/dialects/{place}"
    for place in (
        *("sending.py:send_text", "ccai_platform/sending.py:send_sms", "cirrus/whatsapp.py:_send"),
        *("cirrus/objects.py:create_object", "cirrus/objects.py:_on_behalf", "cirrus/objects.py:_send_template"),
    )
}
# Tried by a test of their own: their people are many.
CHUNKS = {"conversations/jobs.py:deliver_chunk", "conversations/management/commands/send_campaign.py:_follow"}
# Commands that try the product out, with their own streams, through the services of the other doors.
TRIALS = ("conversations/management/demo/", "conversations/management/benchmark/")


@pytest.fixture
def world(settings: Any) -> World:
    return make_world(settings)


TABLE = [
    pytest.param(door, refusal, id=f"{name}, {about}")
    for name, door in DOORS.items()
    for about, refusal in REFUSALS.items()
    if door.template or not refusal[2]
]


@pytest.mark.parametrize(("door", "refusal"), TABLE)
def test_nothing_passes(world: World, door: Door, refusal: tuple[str, Callable[[World], None], bool]) -> None:
    code, make_it_so, _ = refusal
    try_it = door.prepare(world)
    before = dict(Message.objects.values_list("pk", "status"))
    make_it_so(world)
    told_them = try_it()
    if not (door.offers_streams and code == "stream_off"):
        assert plain(expected(world, door, code)) in plain(told_them)
    after = dict(Message.objects.values_list("pk", "status"))
    assert after.keys() == before.keys(), "nothing new was stored"
    assert not {"sending", "accepted"} & set(after.values())
    left = [pk for pk, status in after.items() if status == "queued"]
    assert code == "quiet_hours" or left == [] or door.prepare in (edit, api_edit)
    assert not Message.objects.filter(pk__in=left, next_attempt_at__lte=timezone.now()).exists()


@pytest.mark.parametrize("about", ["opted out", "opted out of one stream", "another country"])
def test_nobody_in_a_chunk_of_a_campaign_passes(world: World, about: str) -> None:
    campaign = Campaign.objects.create(
        name="Routers", stream=world.texts.stream, created_by=world.tom, body="Hello", keeps_quiet_hours=False
    )
    audience.load_list(campaign, io.BytesIO(f"phone\n{AMIRA}\n".encode()), file_name="routers.csv")
    assert preflight.check(campaign) == []
    control.confirm(campaign, actor=world.tom, people=1)
    planning.plan(campaign.pk)
    code, make_it_so, _ = REFUSALS[about]
    make_it_so(world)
    sending.deliver_chunk(CampaignChunk.objects.get().pk)
    message = Message.objects.get()
    assert (message.status, message.failure_code, message.results.count()) == ("failed", code, 0)


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if door.prepare not in (late_job, *BY_TIME)])
def test_every_door_opens_when_nothing_speaks_against_it(world: World, name: str) -> None:
    try_it = DOORS[name].prepare(world)
    before = list(Message.objects.order_by("pk").values_list("pk", "status", "body"))
    try_it()
    assert list(Message.objects.order_by("pk").values_list("pk", "status", "body")) != before


def expected(world: World, door: Door, code: str) -> str:
    """What the gate itself says."""
    conversation = Conversation.objects.for_list().get(pk=world.conversation(template=door.template).pk)
    template = WhatsAppTemplate.objects.get() if door.template else None
    verdict = can_send(
        stream=conversation.stream,
        contact=conversation.contact,
        kind="template" if door.template else "text",
        purpose="marketing" if door.template else "service",
        at=timezone.now(),
        author=world.tom,
        conversation=conversation,
        template=template,
    )
    assert verdict.code == code
    # Of a night only when it ends: the minute of the question differs, and with it, around midnight, the day.
    ends = re.search(r"Send it at \d\d:\d\d their time", verdict.sentence)
    return ends[0] if code == "quiet_hours" and ends else verdict.sentence


def plain(text: str) -> str:
    return text.replace("&#x27;", "'").replace("\u2068", "").replace("\u2069", "")


def calls_in(path: Any) -> Iterator[str]:
    """The functions of a file that call a sending service, or hand one on."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and any(_sends(one) for one in _own_nodes(node)):
            yield f"{name_of(path)}:{node.name}"


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    waiting_nodes: list[ast.AST] = list(function.body)
    while waiting_nodes:
        node = waiting_nodes.pop()
        yield node
        if not isinstance(node, ast.FunctionDef):
            waiting_nodes.extend(ast.iter_child_nodes(node))


def _sends(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        named = node.func
        name = named.attr if isinstance(named, ast.Attribute) else named.id if isinstance(named, ast.Name) else ""
        return name in SENDS
    # unconfirmed.send_again, handed to a function that calls it
    return isinstance(node, ast.Attribute) and node.attr in SENDS and isinstance(node.value, ast.Name)


def test_every_door_is_in_the_table() -> None:
    known = {door.place for door in DOORS.values()} | CHUNKS | DIALECTS
    found = {
        place
        for path in python_files("conversations")
        if name_of(path).startswith(ENTRIES) or name_of(path) in ENTRY_FILES
        if not name_of(path).startswith(TRIALS)
        for place in calls_in(path)
    }
    assert found - known == set(), "a way in that no refusal was tried at"
    assert known - found == set(), "a door that is gone"


def test_messages_are_made_behind_the_gate_only() -> None:
    makers = {
        name_of(path)
        for path in python_files("conversations")
        if not name_of(path).startswith((*TRIALS, "conversations/services/demo_data", "conversations/migrations"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("Message", "Message.objects.create", "Message.objects.bulk_create")
    }
    # The customers' own; and what colleagues have sent already, on the provider's side.
    theirs = {"conversations/services/arrivals.py"}
    theirs |= {f"conversations/services/mirror/{name}.py" for name in ("arriving", "phone")}
    ours = makers - theirs
    assert ours == {"conversations/services/compose.py", "conversations/services/holding.py"}
    for name in ours:
        asked = (ROOT / name).read_text()
        assert asked.count("verdict_on(") == 1, f"{name} asks the gate in one place, through which its messages go"
