"""The ledger as people see it: filters, pages, proof, recording, and the question in a conversation."""

from __future__ import annotations

import uuid
from datetime import time, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, OptIn, ProofFile, SendingPolicy
from conversations.services import consent, opt_in_keywords
from conversations.views import permissions
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import read

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7 signed"


@pytest.fixture
def amira(centre: Centre) -> Conversation:
    return centre.conversation()


def decide(conversation: Conversation, event: str = "opt_in", **fields: Any) -> OptIn:
    given = {"source": "form", "wording": "Fernhill may write."} | fields
    return consent.record(
        OptIn(contact=conversation.contact, channel=conversation.stream.channel, event=event, **given)
    )


def decisions(page: Any) -> list[str]:
    return [link.text for link in page.all(class_="ledger-link")]


def form(**fields: Any) -> dict[str, Any]:
    return {"event": "opt_in", "channel": "sms", "wording": "Fernhill may write.", "source": "form", **fields}


def test_the_ledger_is_read_page_by_page(amira: Conversation, agent: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(permissions.read_ledger.__kwdefaults__, "size", 2)
    for event in ("opt_in", "double_opt_in", "opt_out"):
        decide(amira, event)
    page = read(agent.get("/permissions/"))
    assert decisions(page) == ["Opted out", "Confirmed the opt-in"]
    older = page.one(class_="search-more").one("a").attributes["href"]
    assert decisions(read(agent.get(older))) == ["Opted in"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("event=opt_out", 1),
        ("channel=whatsapp", 0),
        ("source=form", 2),
        ("purpose=marketing", 2),
        ("q=Amira", 3),
        ("q=Nobody", 0),
        ("force=now", 1),
        ("since=2020-01-01&until=2020-02-01", 0),
        ("since=2020-01-01", 3),
        ("event=nonsense&since=tomorrow&before=x", 3),
    ],
)
def test_filters(amira: Conversation, agent: Client, query: str, count: int) -> None:
    decide(amira, purpose="service")
    decide(amira, "double_opt_in")
    decide(amira, "opt_out", source="agent", purpose="")
    assert len(decisions(read(agent.get(f"/permissions/?{query}")))) == count


def test_others_see_nothing(amira: Conversation, stranger: Client) -> None:
    entry = decide(amira)
    assert decisions(read(stranger.get("/permissions/"))) == []
    assert stranger.get(f"/permissions/{entry.pk}/").status_code == 404


def test_what_has_no_proof_is_found_until_it_has_one(amira: Conversation, agent: Client) -> None:
    entry = decide(amira)
    page = read(agent.get("/permissions/?proof=missing"))
    assert decisions(page) == ["Opted in"]
    one = read(agent.get(f"/permissions/{entry.pk}/"))
    assert "Nothing says where the customer agreed." in one.text
    filled = agent.get(f"/contacts/{amira.contact_id}/permission/?wording=Fernhill+may+write.&channel=sms")
    assert read(filled).one("textarea", name="wording").text == "Fernhill may write."
    proved = form(evidence="Form 118")
    assert agent.post(f"/contacts/{amira.contact_id}/permission/", proved).status_code == 302
    assert decisions(read(agent.get("/permissions/?proof=missing"))) == []


def test_a_file_is_a_proof_and_is_given_out_as_a_download(amira: Conversation, agent: Client) -> None:
    address = f"/contacts/{amira.contact_id}/permission/"
    agent.post(address, form(evidence_file=SimpleUploadedFile("../scan of form.pdf", PDF)))
    entry = OptIn.objects.get()
    assert entry.evidence_file is not None
    assert entry.evidence_file.name == "scan of form.pdf"
    page = read(agent.get(f"/permissions/{entry.pk}/"))
    assert entry.evidence_file.sha256 in page.text
    answer = agent.get(f"/permissions/{entry.pk}/proof/")
    assert answer.content == PDF
    assert answer["Content-Disposition"] == f'attachment; filename="proof-{entry.pk}.pdf"'
    assert "sandbox" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("form.pdf", b"<html><script>"),
        ("form.html", b"<html>"),
        ("form.svg", b"<svg>"),
        ("form.pdf", b""),
        ("form.txt", b"a\x00b"),
        ("form.png", PDF),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    amira: Conversation, agent: Client, name: str, content: bytes
) -> None:
    response = agent.post(
        f"/contacts/{amira.contact_id}/permission/", form(evidence_file=SimpleUploadedFile(name, content))
    )
    assert response.status_code == 422
    assert read(response).one(id="id_evidence_file_error").text
    assert not ProofFile.objects.exists()


def test_what_was_said_on_a_stream_that_one_does_not_see_stays_there(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    elsewhere = factories.make_stream(name="Secret line")
    entry = decide(amira, stream=elsewhere, evidence="Call 7")
    page = read(agent.get(f"/permissions/{entry.pk}/")).text
    assert "Said on a stream that you do not see." in page
    assert "Call 7" not in page
    assert agent.get(f"/permissions/{entry.pk}/proof/").status_code == 404


@pytest.mark.parametrize(("answer", "opted_out"), [("opt-out", True), ("no", False)])
def test_a_question_is_answered_in_the_conversation(
    amira: Conversation, agent: Client, answer: str, opted_out: bool
) -> None:
    message = factories.make_message(amira, direction="in", body="pls stop")
    question = opt_in_keywords.ask_whether_opted_out(amira, message)
    box = read(agent.get(f"/c/{amira.pk}/")).one(class_="opt-out-question")
    assert "may be asking us to stop" in box.text
    assert [button.attributes["data-key"] for button in box.all("button")] == ["Y", "N"]
    address = box.one("form").attributes["action"]
    assert agent.post(address, {"answer": "perhaps"}).status_code == 302
    assert opt_in_keywords.open_questions(amira) == [question]
    agent.post(address, {"answer": answer})
    assert consent.is_opted_out(amira.contact.phone, "sms") is opted_out
    page = read(agent.get(f"/c/{amira.pk}/"))
    assert not page.all(class_="opt-out-question")
    said = "an opt-out" if opted_out else "no opt-out"
    assert f"Priya Nair said that this was {said}" in page.one(id="timeline").text


def test_a_message_says_why_it_was_permitted(amira: Conversation, agent: Client) -> None:
    entry = decide(amira, evidence="Form 1")
    agent.post(f"/c/{amira.pk}/reply/", {"mode": "reply", "body": "Hello", "client_key": str(uuid.uuid4())})
    message = amira.messages.outbound().get()
    why = read(agent.get(f"/m/{message.pk}/attempts/")).one(class_="why")
    assert "Priya Nair may write on Service texts." in why.text
    assert f"Decision {entry.pk}: opted in by a form" in why.text
    assert why.one("a").attributes["href"] == f"/permissions/{entry.pk}/"


def test_a_file_is_imported_in_two_steps(centre: Centre, agent: Client, supervisor: Client, settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8100"
    assert agent.get("/permissions/import/").status_code == 403
    assert agent.get("/permissions/export/").status_code == 403
    given = {
        "content": "phone\n+447700900001\n+447700900002\n",
        "region": "GB",
        "channel": "sms",
        "event": "opt_in",
        "wording": "Fernhill may write.",
    }
    assert "Say where the list comes from" in supervisor.post("/permissions/import/", given).content.decode()
    given["evidence"] = "Web form, November"
    page = read(supervisor.post("/permissions/import/", given))
    assert "2 rows read" in page.text
    assert not OptIn.objects.exists()
    fields = {one.attributes["name"]: one.attributes.get("value", "") for one in page.one("main").all("input")}
    texts = {one.attributes["name"]: one.text for one in page.one("main").all("textarea")}
    assert fields["channel"] == "sms"
    assert texts["evidence"] == "Web form, November"
    response = supervisor.post("/permissions/import/", given | {"store": "yes"})
    assert response["Location"] == "/permissions/"
    assert OptIn.objects.count() == 2
    text = b"".join(supervisor.get("/permissions/export/?event=opt_in")).decode()  # type: ignore[call-overload]
    assert text.count(",447700900") == 2


def test_at_night_the_morning_is_offered(centre: Centre, agent: Client) -> None:
    now = timezone.now()
    opens = (now + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    closes = (opens + timedelta(hours=1)).time()
    if opens.time() > closes:  # the hour before midnight
        opens, closes = opens.replace(hour=4), time(5)
    SendingPolicy.objects.create(stream=centre.texts, quiet_hours="unasked", opens_at=opens.time(), closes_at=closes)
    amira = centre.conversation(contact=factories.make_contact(first_name="Amira", time_zone="UTC"))
    form = {"mode": "reply", "body": "Good news 100%", "client_key": str(uuid.uuid4())}
    response = agent.post(f"/c/{amira.pk}/reply/", form)
    assert response.status_code == 422
    composer = read(response).one(id="composer")
    assert "their time" in composer.text
    offered = composer.one("input", name="scheduled_for").attributes["value"]
    assert "checked" in composer.one("input", name="later").attributes
    assert agent.post(f"/c/{amira.pk}/reply/", form | {"later": "on", "scheduled_for": offered}).status_code == 302
    message = amira.messages.get()
    assert message.status == "scheduled"
    assert message.scheduled_for is not None
    assert (message.scheduled_for.hour, message.scheduled_for.minute) == (opens.hour, 0)
