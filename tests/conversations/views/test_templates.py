"""The pages of templates: for agents to read, for supervisors to write, checked while somebody types."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from conversations.models import WhatsAppTemplate
from conversations.services.templates import record_status
from tests import factories

pytestmark = pytest.mark.django_db

DRAFT = {
    "name": "visit_reminder",
    "language": "en_GB",
    "category": "utility",
    "header_format": "TEXT",
    "header_text": "Visit on {{1}}",
    "body": "Hello {{1}}, we come at {{2}} sharp.",
    "footer": "Fernhill Broadband",
    "sample-header-1": "Friday",
    "sample-body-1": "Rosa",
    "sample-body-2": "nine",
    "slots": "2",
    "button-0-kind": "URL",
    "button-0-text": "Track",
    "button-0-target": "https://fernhill.example/{{1}}",
    "button-0-sample": "a1b2",
    "button-1-kind": "COPY_CODE",
    "button-1-sample": "SAVE10",
}


@pytest.fixture
def stream() -> Any:
    return factories.make_stream(channel="whatsapp", name="Fernhill Care")


@pytest.fixture
def tom(stream: Any) -> Any:
    user = factories.make_user("supervisor", name="Tom Okafor")
    factories.make_team(members=[user], streams=[stream])
    return user


@pytest.fixture
def supervisor(client: Client, tom: Any) -> Client:
    client.force_login(tom)
    return client


@pytest.fixture
def agent(stream: Any) -> Client:
    user = factories.make_user()
    factories.make_team(members=[user], streams=[stream])
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_the_list_groups_languages_and_counts_use(stream: Any, agent: Client) -> None:
    english = factories.make_template(stream, language="en_GB")
    factories.make_template(stream, language="ar", status="paused")
    factories.make_template(factories.make_stream(channel="whatsapp"), name="of_others")
    conversation = factories.make_conversation(stream)
    for status in ("delivered", "read", "failed"):
        factories.make_message(conversation, kind="template", template=english, status=status)
    page = text_of(agent.get("/templates/"))
    assert page.count('class="template-row"') == 1
    assert "Used 3 times" in page
    assert "1 failed (33%)" in page
    assert "Arabic" in page
    assert "of_others" not in page
    assert "New draft" not in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=engineer+booked", {"engineer_visit"}),
        ("q=bill", {"bill_ready"}),
        ("language=de", {"bill_ready"}),
        ("status=paused", {"bill_ready"}),
        ("category=marketing", set()),
        ("category=nonsense", {"engineer_visit", "bill_ready"}),
    ],
)
def test_the_list_is_filtered(stream: Any, agent: Client, query: str, names: set[str]) -> None:
    factories.make_template(stream)
    body = [{"type": "BODY", "text": "Ihre Rechnung"}]
    factories.make_template(stream, name="bill_ready", language="de", status="paused", components=body)
    page = text_of(agent.get(f"/templates/?{query}"))
    assert {name for name in ("engineer_visit", "bill_ready") if name in page} == names


def test_one_template_with_its_languages_history_and_use(stream: Any, tom: Any, agent: Client) -> None:
    row = factories.make_template(stream, language="en_GB")
    arabic = [{"type": "BODY", "text": "مرحباً {{1}}، الموعد غداً."}]
    factories.make_template(stream, language="ar", components=arabic)
    record_status(row, status="paused", reason="Low quality", actor=tom)
    row.components = [{"type": "BODY", "text": "Dear {{1}}, it is tomorrow."}]
    row.save()
    page = text_of(agent.get(reverse("template", args=[row.pk])))
    assert "Paused: Low quality" in page
    assert "Version 2" in page
    assert "your engineer is booked for" in page  # the earlier wording
    assert "الموعد غداً" in page
    assert "Record what WhatsApp decided" not in page


def test_a_template_of_another_team_is_not_found(agent: Client, supervisor: Client) -> None:
    row = factories.make_template(factories.make_stream(channel="whatsapp"))
    for client in (agent, supervisor):
        for name in ("template", "edit-draft"):
            assert client.get(reverse(name, args=[row.pk])).status_code in (403, 404)
        assert client.post(reverse("template-status", args=[row.pk]), {"status": "gone"}).status_code == 404


def test_a_draft_is_written_checked_and_submitted(stream: Any, supervisor: Client) -> None:
    response = supervisor.post("/templates/new/", {**DRAFT, "stream": stream.pk, "save": "1"})
    row = WhatsAppTemplate.objects.get()
    assert response["Location"] == reverse("template", args=[row.pk])
    assert (row.name, row.language, row.category, row.status) == ("visit_reminder", "en_GB", "utility", "draft")
    assert row.components == [
        {"type": "HEADER", "format": "TEXT", "text": "Visit on {{1}}", "example": {"header_text": ["Friday"]}},
        {
            "type": "BODY",
            "text": "Hello {{1}}, we come at {{2}} sharp.",
            "example": {"body_text": [["Rosa", "nine"]]},
        },
        {"type": "FOOTER", "text": "Fernhill Broadband"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "URL", "text": "Track", "url": "https://fernhill.example/{{1}}", "example": ["a1b2"]},
                {"type": "COPY_CODE", "example": "SAVE10"},
            ],
        },
    ]
    page = text_of(supervisor.get(reverse("edit-draft", args=[row.pk])))
    for value in DRAFT.values():
        assert value in page
    supervisor.post(reverse("template-status", args=[row.pk]), {"status": "pending", "reason": ""})
    row.refresh_from_db()
    assert row.status == "pending"
    assert supervisor.get(reverse("edit-draft", args=[row.pk])).status_code == 302


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": "Visit Reminder"}, "name", "Use lower-case letters"),
        ({"header_text": "x" * 61}, "header_text", "This has 61 characters and WhatsApp takes 60"),
        ({"body": "Hello {{2}} there."}, "body", "Number the variables from {{1}} without gaps"),
        ({"body": "{{1}} is {{2}} there."}, "body", "may not start or end with a variable"),
        ({"footer": "By {{1}}"}, "footer", "Remove the variables"),
        ({"sample-body-2": ""}, "sample-body-2", "Give a sample value for 2"),
        ({"button-0-text": "x" * 26}, "button-0-text", "WhatsApp takes 25"),
        ({"button-0-target": "fernhill"}, "button-0-target", "Give a full web address"),
        ({"button-1-sample": "x" * 16}, "button-1-sample", "at most 15 characters"),
        ({"button-0-kind": "PHONE_NUMBER", "button-0-target": "call"}, "button-0-target", "with country code"),
    ],
)
def test_each_objection_stands_at_its_field_while_typing(
    stream: Any, supervisor: Client, changes: dict[str, str], field: str, sentence: str
) -> None:
    page = text_of(supervisor.post("/templates/check/", {**DRAFT, "stream": stream.pk, **changes}))
    notes = page.split(f'id="notes-{field}"')[1].split("</div>")[0]
    assert sentence in notes
    assert "1 thing WhatsApp would refuse" in page
    assert not WhatsAppTemplate.objects.exists()


def test_a_draft_with_problems_is_saved_and_cannot_be_submitted(stream: Any, supervisor: Client) -> None:
    supervisor.post("/templates/new/", {**DRAFT, "stream": stream.pk, "name": "Visit Reminder", "save": "1"})
    row = WhatsAppTemplate.objects.get()
    refused = supervisor.post(reverse("template-status", args=[row.pk]), {"status": "approved"})
    assert refused.status_code == 422
    assert "WhatsApp would refuse this" in text_of(refused)
    row.refresh_from_db()
    assert row.status == "draft"


def test_the_room_and_words_that_sell_are_said(stream: Any, supervisor: Client) -> None:
    given = {**DRAFT, "stream": stream.pk, "body": "Hello, our offer ends soon."}
    page = text_of(supervisor.post("/templates/check/", given))
    assert "27 of 1,024 characters" in page
    assert "“offer” reads as marketing" in page


def test_samples_follow_the_variables_and_stay_while_they_are_the_same(stream: Any, supervisor: Client) -> None:
    given = {**DRAFT, "stream": stream.pk, "sample_names": "sample-header-1 sample-body-1 sample-body-2"}
    assert 'id="draft-samples"' not in text_of(supervisor.post("/templates/check/", given))
    more = {**given, "body": "Hello {{1}}, {{2}} and {{3}} come."}
    assert 'name="sample-body-3"' in text_of(supervisor.post("/templates/check/", more))


def test_a_button_is_added_without_a_script(stream: Any, supervisor: Client) -> None:
    page = text_of(supervisor.post("/templates/new/", {**DRAFT, "stream": stream.pk, "add_button": "1"}))
    assert 'name="button-2-kind"' in page
    assert 'value="Track"' in page
    assert not WhatsAppTemplate.objects.exists()


def test_a_copy_begins_with_the_same_words(stream: Any, supervisor: Client) -> None:
    row = factories.make_template(stream)
    page = text_of(supervisor.get(f"/templates/new/?copy={row.pk}"))
    assert 'value="engineer_visit_2"' in page
    assert "your engineer is booked for" in page


def test_agents_write_no_templates(stream: Any, agent: Client) -> None:
    row = factories.make_template(stream, status="draft")
    for address in ("/templates/new/", "/templates/import/", reverse("edit-draft", args=[row.pk])):
        assert agent.get(address).status_code == 403
        assert agent.post(address, {**DRAFT, "stream": stream.pk, "save": "1"}).status_code == 403
    assert agent.post("/templates/check/", DRAFT).status_code == 403
    assert agent.post(reverse("template-status", args=[row.pk]), {"status": "approved"}).status_code == 422
    row.refresh_from_db()
    assert row.status == "draft"


def test_an_import_is_shown_before_it_is_done(stream: Any, supervisor: Client) -> None:
    factories.make_template(stream, name="old")
    listed = [{"name": "visit", "language": "en", "category": "UTILITY", "status": "APPROVED", "components": []}]
    listed[0]["components"] = [{"type": "BODY", "text": "We come."}]  # type: ignore[assignment]
    file = io.BytesIO(json.dumps(listed).encode())
    file.name = "templates.json"
    shown = supervisor.post("/templates/import/", {"stream": stream.pk, "file": file, "complete": "on"})
    assert "The file does not hold it" in text_of(shown)
    assert WhatsAppTemplate.objects.count() == 1
    content = shown.context["content"]
    done = supervisor.post(
        "/templates/import/", {"stream": stream.pk, "content": content, "complete": "on", "store": "1"}
    )
    assert done["Location"] == "/templates/"
    assert set(WhatsAppTemplate.objects.values_list("name", "status")) == {("visit", "approved"), ("old", "gone")}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Choose a file."),
        ({"content": "not base64!"}, "Choose the file again."),
        ({"content": "bm90IGEgbGlzdA=="}, "has no rows below"),
    ],
)
def test_a_file_that_is_none(stream: Any, supervisor: Client, given: dict[str, str], sentence: str) -> None:
    refused = supervisor.post("/templates/import/", {"stream": stream.pk, **given})
    assert refused.status_code == 422
    assert sentence in text_of(refused)


def test_the_administration_leads_to_the_import(stream: Any, supervisor: Client) -> None:
    factories.make_template(stream)
    page = text_of(supervisor.get(reverse("admin:conversations_whatsapptemplate_changelist")))
    assert 'href="/templates/import/"' in page
