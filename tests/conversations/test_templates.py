"""Templates: versions and statuses kept by PostgreSQL, drafts, and imports with a report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from conversations.models import Message, WhatsAppTemplate
from conversations.models.message import MessageStatus
from conversations.models.template import TemplateStatus
from conversations.services import compose, templates
from conversations.services.template_files import FileProblem, Incoming, read_templates
from conversations.services.template_sync import Change, Report, sync_templates
from tests import factories

pytestmark = pytest.mark.django_db

BODY = {"type": "BODY", "text": "Hello {{1}}, we come at {{2}} sharp.", "example": {"body_text": [["Rosa", "9"]]}}
LISTED = {"name": "visit", "language": "en_GB", "category": "UTILITY", "status": "APPROVED", "components": [BODY]}


@pytest.fixture
def stream() -> Any:
    return factories.make_stream(channel="whatsapp")


@pytest.fixture
def tom(stream: Any) -> Any:
    user = factories.make_user("supervisor", name="Tom Okafor")
    factories.make_team(members=[user], streams=[stream])
    return user


def imported(stream: Any, *listed: dict[str, Any], **options: Any) -> Report:
    return sync_templates(stream=stream, found=read_templates(json.dumps(listed).encode()), actor=None, **options)


def changes(report: Report) -> list[tuple[str, str]]:
    return [(line.change.value, line.name) for line in report.lines]


def test_every_wording_is_kept_with_who_wrote_it(stream: Any, tom: Any) -> None:
    row = templates.save_draft(
        stream=stream, name="visit", language="en_GB", category="utility", components=[BODY], actor=tom
    )
    other = {**BODY, "text": "Hello {{1}}, we come at {{2}} o'clock."}
    templates.save_draft(
        stream=stream, name="visit", language="en_GB", category="utility", components=[other], actor=tom, template=row
    )
    assert row.version == 2
    assert [(one.number, one.components[0]["text"], one.made_by) for one in row.versions.all()] == [
        (2, other["text"], tom),
        (1, BODY["text"], tom),
    ]
    stale = WhatsAppTemplate.objects.get(pk=row.pk)
    stale.version = 1
    stale.save()
    assert WhatsAppTemplate.objects.get(pk=row.pk).version == 2


def test_a_kept_wording_cannot_be_changed(stream: Any) -> None:
    row = factories.make_template(stream)
    with pytest.raises(DatabaseError, match="kept as it was"), transaction.atomic():
        row.versions.update(category="marketing")


def test_every_status_is_kept_with_its_reason(stream: Any, tom: Any) -> None:
    row = templates.save_draft(
        stream=stream, name="visit", language="en_GB", category="utility", components=[BODY], actor=tom
    )
    templates.record_status(row, status="pending", reason="", actor=tom)
    templates.record_status(row, status="rejected", reason="Promotional", actor=tom)
    assert [(one.from_status, one.to_status, one.reason) for one in row.status_changes.all()] == [
        ("pending", "rejected", "Promotional"),
        ("draft", "pending", ""),
        ("", "draft", ""),
    ]


def test_a_draft_with_problems_is_kept_and_not_submitted(stream: Any, tom: Any) -> None:
    row = templates.save_draft(
        stream=stream, name="Visit now", language="en_GB", category="utility", components=[BODY], actor=tom
    )
    with pytest.raises(ValidationError) as refused:
        templates.record_status(row, status="pending", reason="", actor=tom)
    assert refused.value.code == "has_problems"
    row.refresh_from_db()
    assert row.status == TemplateStatus.DRAFT


@pytest.mark.parametrize(("role", "is_there"), [("agent", True), ("supervisor", False)])
def test_templates_are_written_by_supervisors_of_the_stream(stream: Any, role: str, is_there: bool) -> None:
    user = factories.make_user(role)
    factories.make_team(members=[user], streams=[stream if is_there else factories.make_stream()])
    with pytest.raises(ValidationError) as refused:
        templates.save_draft(stream=stream, name="a", language="en", category="utility", components=[], actor=user)
    assert refused.value.code == "not_allowed"


def test_what_whatsapp_holds_is_not_edited_and_a_name_is_taken_once(stream: Any, tom: Any) -> None:
    row = factories.make_template(stream, name="visit")
    given: dict[str, Any] = {"stream": stream, "name": "visit", "language": "en", "category": "utility"}
    for template, code in ((row, "not_a_draft"), (None, "name_taken")):
        with pytest.raises(ValidationError) as refused:
            templates.save_draft(**given, components=[BODY], actor=tom, template=template)
        assert refused.value.code == code


def test_an_import_says_what_is_new_changed_the_same_gone_and_wrong(stream: Any) -> None:
    imported(stream, LISTED, {**LISTED, "name": "old"}, {**LISTED, "name": "3 buttons"})
    draft = factories.make_template(stream, name="mine", status="draft")
    report = imported(
        stream,
        {**LISTED, "status": "PAUSED"},
        {**LISTED, "name": "3 buttons"},
        {**LISTED, "name": "fresh", "language": {"code": "en-gb"}},
        {**LISTED, "name": "broken", "components": [{"type": "BODY", "text": "Hello {{a b}}"}]},
        {**LISTED, "name": "fresh"},
    )
    assert changes(report) == [
        ("changed", "visit"),
        ("same", "3 buttons"),
        ("new", "fresh"),
        ("wrong", "broken"),
        ("wrong", "fresh"),
        ("gone", "old"),
    ]
    assert report.lines[0].sentence == "Approved to paused."
    assert report.lines[3].place == 4
    statuses = dict(WhatsAppTemplate.objects.filter(stream=stream).values_list("name", "status"))
    assert statuses == {"visit": "paused", "3 buttons": "approved", "fresh": "approved", "old": "gone", "mine": "draft"}
    assert [row.change for row in report.worth_reading][:2] == [Change.WRONG, Change.WRONG]
    assert WhatsAppTemplate.objects.get(pk=draft.pk).seen_at is None


def test_a_dry_run_says_the_same_and_stores_nothing(stream: Any) -> None:
    imported(stream, LISTED)
    before = list(WhatsAppTemplate.objects.values())
    report = imported(stream, {**LISTED, "name": "other"}, dry_run=True)
    assert changes(report) == [("new", "other"), ("gone", "visit")]
    assert not report.stored
    assert list(WhatsAppTemplate.objects.values()) == before


def test_a_file_with_some_templates_leaves_the_others(stream: Any) -> None:
    imported(stream, LISTED)
    assert changes(imported(stream, {**LISTED, "name": "other"}, complete=False)) == [("new", "other")]


def test_a_template_that_was_used_is_never_deleted_and_comes_back(stream: Any) -> None:
    imported(stream, LISTED)
    row = WhatsAppTemplate.objects.get()
    factories.make_message(factories.make_conversation(stream), kind="template", template=row)
    report = imported(stream, {**LISTED, "name": "other"})
    assert "1 messages that used it" in report.lines[1].sentence
    imported(stream, LISTED, complete=False)
    row.refresh_from_db()
    assert (row.status, row.status_changes.count()) == ("approved", 3)


def test_a_message_keeps_its_words_and_its_version(stream: Any) -> None:
    imported(stream, LISTED)
    row = WhatsAppTemplate.objects.get()
    conversation = factories.make_conversation(stream)
    factories.opt_in(conversation.contact)
    message = compose.queue_template(conversation=conversation, template=row, values={"body": ["Rosa", "9"]})
    other = {**BODY, "text": "Dear {{1}}, we come at {{2}} sharp."}
    imported(stream, {**LISTED, "components": [other]})
    message.refresh_from_db()
    assert message.body == "Hello Rosa, we come at 9 sharp."
    assert message.template_version is not None
    assert message.template_version.components == [BODY]
    row.refresh_from_db()
    assert row.version == 2


def test_a_waiting_message_that_would_say_something_else_is_stopped(stream: Any) -> None:
    imported(stream, LISTED)
    conversation = factories.make_conversation(stream)
    factories.opt_in(conversation.contact)
    message = compose.queue_template(
        conversation=conversation,
        template=WhatsAppTemplate.objects.get(),
        values={"body": ["Rosa", "9"]},
        scheduled_for=factories.timezone.now() + factories.timedelta(hours=1),
    )
    footer = {"type": "FOOTER", "text": "Fernhill"}
    assert "stopped" not in imported(stream, {**LISTED, "components": [BODY, footer]}).lines[0].sentence
    other = {**BODY, "text": "Dear {{1}}, we come at {{2}} sharp."}
    assert "1 waiting message stopped" in imported(stream, {**LISTED, "components": [other]}).lines[0].sentence
    assert Message.objects.get(pk=message.pk).status == MessageStatus.CANCELLED


def test_csv_with_components_or_with_parts() -> None:
    rows = [
        "name,language,category,status,header,body,footer,samples,buttons,components",
        'visit,en-GB,UTILITY,Approved,Visit {{1}},"Hello {{1}}, we come.",Fernhill,tomorrow|Rosa,'
        '"[{""type"": ""QUICK_REPLY"", ""text"": ""Yes""}]",',
        "bill,en,utility,in appeal,DOCUMENT,Your bill,,,,",
        'odd name,xx,utility,,,,,,,"[{""type"": ""BODY"", ""text"": ""Hi""}]"',
        "broken,en,utility,,,,,,{not json,",
    ]
    visit, bill, odd, broken = read_templates("\r\n".join(rows).encode())
    assert visit == Incoming(
        2,
        "visit",
        "en_GB",
        "utility",
        "approved",
        "",
        [
            {"type": "HEADER", "format": "TEXT", "text": "Visit {{1}}", "example": {"header_text": ["tomorrow"]}},
            {"type": "BODY", "text": "Hello {{1}}, we come.", "example": {"body_text": [["Rosa"]]}},
            {"type": "FOOTER", "text": "Fernhill"},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]},
        ],
    )
    assert (bill.status, bill.reason) == ("pending", "WhatsApp says in appeal")
    assert bill.components[0] == {"type": "HEADER", "format": "DOCUMENT"}
    assert (odd.name, odd.language, odd.status) == ("odd name", "xx", "")
    assert broken.problem == "Its components or buttons are not JSON."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"[]", "The file holds no template."),
        (b"[{", "The file is not JSON: it cannot be read in line 1."),
        (b'{"data": 7}', "The file holds no list of templates. Export them again from WhatsApp."),
        (b"[" * 100_000, "The file is not JSON: it cannot be read."),
        (b'["\xff"]', "The file is not in UTF-8. Save it as UTF-8 and try again."),
        (b"title,language\nvisit,en", "The file has no column called name. Name it in the first row."),
        (b"PK\x03\x04", "This is a workbook or an archive with another name. Open it and save it as CSV UTF-8."),
    ],
)
def test_what_is_no_list_of_templates(content: bytes, sentence: str) -> None:
    with pytest.raises(FileProblem) as refused:
        read_templates(content)
    assert refused.value.sentence == sentence


def test_metas_list_with_pages_reasons_and_odd_rows() -> None:
    found = read_templates(
        json.dumps(
            {
                "data": [
                    {**LISTED, "status": "REJECTED", "rejected_reason": "TAG_CONTENT_MISMATCH", "id": "17"},
                    {**LISTED, "status": "SLEEPING"},
                    {**LISTED, "name": "nul\u0000"},
                    "text",
                ],
                "paging": {},
            }
        ).encode()
    )
    assert (found[0].status, found[0].reason, found[0].external_id) == ("rejected", "TAG CONTENT MISMATCH", "17")
    assert [one.problem for one in found[1:]] == [
        "sleeping is no status of WhatsApp.",
        "It holds a character that cannot be kept. Export it again from WhatsApp.",
        "This is not a template.",
    ]
