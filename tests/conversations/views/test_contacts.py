"""The list of contacts, the page of one, and changing one."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Contact, OptIn
from conversations.services import consent
from tests import factories
from tests.conversations.views.conftest import Centre, signed_in
from tests.conversations.views.reading import Element, read
from tests.conversations.views.test_search_page import words_of

MOST_QUERIES = 16
FIELDS = ("first_name", "last_name", "phone", "email", "language", "time_zone", "record")


def form(**given: str) -> dict[str, str]:
    return dict.fromkeys(FIELDS, "") | given


def listed(client: Client, address: str = "/contacts/", **words: str) -> list[str]:
    found = read(client.get(f"{address}?{urlencode(words)}"))
    return [words_of(link.one("bdi")) for link in found.all("a", class_="contact-name")]


@pytest.fixture
def people(centre: Centre) -> list[Contact]:
    """Four contacts: three we spoke with, and one made by hand."""
    made = []
    for first, last, stream, language in (
        ("Amira", "Haddad", centre.care, "ar"),
        ("Mark", "Ellis", centre.texts, "en_GB"),
        ("", "", centre.texts, ""),
    ):
        contact = factories.make_contact(first_name=first, last_name=last, language=language)
        centre.conversation(stream, contact=contact)
        made.append(contact)
    made.append(factories.make_contact(first_name="Zoë"))
    return made


def test_the_list_shows_whom_one_may_see_the_newest_first(people: list[Contact], agent: Client) -> None:
    hidden = factories.make_contact(first_name="Hidden")
    factories.make_conversation(contact=hidden)
    factories.opt_in(people[0])
    assert listed(agent) == ["Zoë", people[2].phone_display, "Mark Ellis", "Amira Haddad"]
    rows = read(agent.get("/contacts/")).one("table", class_="contact-table").one("tbody").all("tr")
    amira = words_of(rows[3])
    for words in (people[0].phone_display, "WhatsApp", "WhatsApp: opted in", "Arabic"):
        assert words in amira
    assert "Not yet" in words_of(rows[0])
    assert "Never" in words_of(rows[0])


def test_the_list_is_sorted_and_filtered(people: list[Contact], agent: Client) -> None:
    consent.record(OptIn(contact=people[1], channel="sms", event="opt_out", source="keyword", wording="STOP"))
    factories.opt_in(people[0])
    number = people[2].phone_display
    assert listed(agent, sort="name") == ["Mark Ellis", "Amira Haddad", "Zoë", number]
    assert listed(agent, q="ami") == ["Amira Haddad"]
    assert listed(agent, q=people[2].phone[-6:]) == [number]
    assert listed(agent, channel="whatsapp") == ["Amira Haddad"]
    assert listed(agent, consent="sms:opted_out") == ["Mark Ellis"]
    assert listed(agent, consent="whatsapp:opted_in", language="ar") == ["Amira Haddad"]
    assert listed(agent, consent="sms:", sort="name") == ["Amira Haddad", "Zoë", number]
    assert listed(agent, language="en") == ["Mark Ellis"]
    assert listed(agent, q="nobody") == []
    for words in (
        {"channel": "fax"},
        {"consent": "x"},
        {"sort": "x"},
        {"cursor": "x"},
        {"cursor": "[1.5]"},
        {"q": "\x00"},
    ):
        assert agent.get(f"/contacts/?{urlencode(words)}").status_code == 200, words


@pytest.mark.parametrize("sort", ["", "name"])
def test_pages_follow_each_other_without_a_gap(sort: str, centre: Centre, agent: Client) -> None:
    for number in range(120):
        factories.make_contact(
            f"+1212555{2000 + number}", first_name="Ann" if number % 3 else "", last_name=f"B{number % 7}"
        )
    seen: list[str] = []
    address = f"/contacts/?{urlencode({'sort': sort})}"
    while True:
        page = read(agent.get(address))
        seen += [
            row.one("a").attributes["href"] for row in page.one("table", class_="contact-table").one("tbody").all("tr")
        ]
        more = page.all("a", class_="button-small")
        if not more:
            break
        address = more[0].attributes["href"]
    assert len(seen) == len(set(seen)) == 120
    order = Contact.objects.by_name() if sort else Contact.objects.order_by("-pk")
    assert seen == [f"/contacts/{pk}/" for pk in order.values_list("pk", flat=True)]


def test_the_number_of_queries_does_not_depend_on_the_rows(
    people: list[Contact], centre: Centre, agent: Client
) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert agent.get(address).status_code == 200
        return len(captured)

    page, said = f"/contacts/{people[0].pk}/", f"/contacts/{people[0].pk}/?show=messages"
    for address in ("/contacts/", page, said):
        queries(address)
    few = [queries(address) for address in ("/contacts/", page, said)]
    for _ in range(12):
        centre.conversation()
        conversation = centre.conversation(centre.care, contact=people[0], status="resolved")
        factories.make_message(conversation, author=centre.tom)
    assert [queries(address) for address in ("/contacts/", page, said)] == few
    assert max(few) <= MOST_QUERIES


def test_the_page_shows_what_was_said_on_every_stream_one_sees(centre: Centre, agent: Client) -> None:
    amira = factories.make_contact(
        "+447700900142", first_name="Amira", email="amira@post.example", time_zone="Asia/Dubai"
    )
    care = centre.conversation(centre.care, contact=amira, last_message_preview="Care")
    texts = centre.conversation(centre.texts, contact=amira, last_message_preview="Texts", status="resolved")
    elsewhere = factories.make_conversation(contact=amira, last_message_preview="Elsewhere")
    for conversation, body in ((care, "On care"), (texts, "On texts"), (elsewhere, "Secret")):
        factories.make_message(conversation, direction="in", body=body)
    consent.record(
        OptIn(
            contact=amira,
            channel="sms",
            event="opt_out",
            source="keyword",
            wording="Secret stop",
            stream=elsewhere.stream,
        )
    )
    page = read(agent.get(f"/contacts/{amira.pk}/"))
    assert [link.attributes["href"] for link in page.all("a", class_="hit-link")] == [
        f"/c/{texts.pk}/",
        f"/c/{care.pk}/",
    ]
    for words in ("amira@post.example", "Dubai", "SMS : opted out", "All decisions (1)"):
        assert words in page.text
    said = read(agent.get(f"/contacts/{amira.pk}/?show=messages"))
    assert [words_of(one) for one in said.all(class_="hit-words")] == ["On texts", "On care"]
    assert "Secret" not in page.text + said.text


def test_older_messages_of_a_contact_follow(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    for number in range(50):
        factories.make_message(amira, direction="in", body=f"Number {number}")
    address = f"/contacts/{amira.contact_id}/?show=messages"
    first = read(agent.get(address))
    second = read(agent.get(first.one("a", class_="button-small").attributes["href"]))
    assert [words_of(one) for one in second.all(class_="hit-words")] == [
        f"Number {number}" for number in range(9, -1, -1)
    ]


def test_a_contact_is_made(centre: Centre, agent: Client) -> None:
    given = form(
        first_name="Rosa", phone="07700 900355", email="rosa@post.example", language="it", time_zone="Europe/Rome"
    )
    answer = agent.post("/contacts/new/", given)
    rosa = Contact.objects.get()
    assert answer.headers["Location"] == f"/contacts/{rosa.pk}/"
    assert (rosa.phone, rosa.language, rosa.time_zone) == ("+447700900355", "it", "Europe/Rome")
    assert rosa.facts == []
    again = agent.post("/contacts/new/", form(phone="+44 7700 900355"))
    assert again.status_code == 422
    page = read(again)
    assert page.one(id="id_phone_error").text == "Rosa has this number already."
    assert page.one("a", href=f"/contacts/{rosa.pk}/").text == "Open that contact"


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"phone": ""}, "phone", "Enter a phone number"),
        ({"phone": "12"}, "phone", "too short"),
        ({"phone": "07700900355", "email": "x"}, "email", "Write the address like"),
        ({"phone": "07700900355", "first_name": "A" * 101}, "first_name", "100"),
    ],
)
def test_a_refused_contact_says_why(
    given: dict[str, str], field: str, sentence: str, centre: Centre, agent: Client
) -> None:
    answer = agent.post("/contacts/new/", form(**given))
    assert answer.status_code == 422
    page = read(answer)
    assert sentence in page.one(id=f"id_{field}_error").text
    assert page.one("input", name=field).attributes["aria-invalid"] == "true"
    assert not Contact.objects.exists()


def test_a_number_of_a_hidden_contact_names_nobody(centre: Centre, agent: Client) -> None:
    factories.make_conversation(contact=factories.make_contact("+447700900355", first_name="Zacharias"))
    answer = agent.post("/contacts/new/", form(phone="07700900355"))
    assert answer.status_code == 422
    assert "Zacharias" not in answer.content.decode()
    assert read(answer).all("a", href="/contacts/") != []


def test_a_contact_is_changed(centre: Centre, agent: Client) -> None:
    amira = centre.conversation().contact
    amira.language, amira.time_zone = "xx", "Mars/Base"
    amira.save()
    page = read(agent.get(f"/contacts/{amira.pk}/edit/"))
    assert page.one("input", name="phone").attributes["value"] == amira.phone_display
    chosen = [one.attributes["value"] for one in page.all("option") if "selected" in one.attributes]
    assert chosen == ["xx", "Mars/Base"]  # what is no choice any more stays
    given = form(first_name="Amirah", phone=amira.phone_display, language="ar")
    assert agent.post(f"/contacts/{amira.pk}/edit/", given).status_code == 302
    amira.refresh_from_db()
    assert (amira.first_name, amira.last_name, amira.language, amira.time_zone) == ("Amirah", "", "ar", "")


def test_a_number_that_was_written_to_stays(centre: Centre, agent: Client) -> None:
    from tests.conversations.test_contacts import tried

    conversation = centre.conversation()
    tried(conversation)
    answer = agent.post(f"/contacts/{conversation.contact_id}/edit/", form(phone="07700900001"))
    assert answer.status_code == 422
    assert "A contact keeps its number once something was sent to it." in read(answer).one(id="id_phone_error").text


def test_who_may_not_write_changes_nothing(centre: Centre) -> None:
    amira = centre.conversation().contact
    reader = factories.make_user()
    reader.groups.clear()
    centre.team.memberships.create(user=reader)
    client = signed_in(reader)
    assert client.get(f"/contacts/{amira.pk}/").status_code == 200
    for address in ("/contacts/new/", f"/contacts/{amira.pk}/edit/"):
        assert client.get(address).status_code == client.post(address, form(phone="07700900001")).status_code == 403


def test_agents_neither_merge_nor_import_nor_export(centre: Centre, agent: Client) -> None:
    amira = centre.conversation().contact
    for address in (f"/contacts/{amira.pk}/merge/", "/contacts/import/", "/contacts/export/"):
        assert agent.get(address).status_code == 403
    page = read(agent.get("/contacts/")).text + read(agent.get(f"/contacts/{amira.pk}/")).text
    assert "Import" not in page
    assert "Merge" not in page


def hits(page: Element) -> list[str]:
    return [words_of(one.one(class_="hit-line")) for one in page.all("a", class_="hit-link")]


def test_two_contacts_are_merged_and_parted_again(centre: Centre, supervisor: Client) -> None:
    rosa = factories.make_contact("+447700900355", first_name="Rosa", last_name="Bellini")
    double = factories.make_contact("+447700900356", first_name="Rosa", email="rosa@post.example")
    earlier = timezone.now() - timedelta(days=1)
    centre.conversation(centre.texts, contact=rosa, last_message_at=earlier)
    moving = centre.conversation(centre.texts, contact=double, last_message_preview="My new number")
    consent.record(OptIn(contact=double, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    found = read(supervisor.get(f"/contacts/{rosa.pk}/merge/?q=rosa"))
    assert hits(found) == ["Rosa"]
    address = found.one("a", class_="hit-link").attributes["href"]
    page = read(supervisor.get(address))
    for words in ("Service texts: My new number", "1 conversation is resolved", "holds for the number that stays: SMS"):
        assert words in words_of(page)
    checked = {
        one.attributes["name"]: one.attributes["value"]
        for one in page.all("input", type="radio")
        if "checked" in one.attributes
    }
    assert checked["email"] == "second"
    assert checked["last_name"] == "first"
    answer = supervisor.post(address, checked)
    assert answer.headers["Location"] == f"/contacts/{rosa.pk}/"
    kept = Contact.objects.get()
    assert (kept.phone, kept.name, kept.email) == ("+447700900355", "Rosa Bellini", "rosa@post.example")
    assert kept.conversations.count() == 2
    assert "Undo the merge" in read(supervisor.get(f"/contacts/{rosa.pk}/")).text
    assert supervisor.post("/contacts/undo-merge/").status_code == 302
    moving.refresh_from_db()
    assert moving.contact.phone == "+447700900356"
    assert "Undo the merge" not in read(supervisor.get(f"/contacts/{rosa.pk}/")).text
    assert supervisor.post("/contacts/undo-merge/").status_code == 403


def test_a_merge_that_cannot_be_done_says_why(centre: Centre, supervisor: Client) -> None:
    rosa, double = factories.make_contact("+447700900355"), factories.make_contact("+447700900356")
    factories.make_message(centre.conversation(contact=double), status="queued")
    address = f"/contacts/{rosa.pk}/merge/?with={double.pk}"
    assert "is waiting to be sent" in read(supervisor.get(address)).text
    given = dict.fromkeys(FIELDS, "first")
    answer = supervisor.post(address, given)
    assert answer.status_code == 422
    assert "is waiting to be sent" in read(answer).text
    assert supervisor.post(address, {"phone": "first"}).status_code == 422
    assert Contact.objects.count() == 2
    assert supervisor.post(address, given | {"phone": "second"}).status_code == 302
    assert Contact.objects.get() == double


def test_a_contact_of_another_team_cannot_be_merged(centre: Centre, supervisor: Client) -> None:
    rosa = factories.make_contact(first_name="Rosa")
    hidden = factories.make_conversation(contact=factories.make_contact(first_name="Rosa", last_name="Hidden")).contact
    page = read(supervisor.get(f"/contacts/{rosa.pk}/merge/?with={hidden.pk}&q=rosa"))
    assert "Hidden" not in page.text
    assert hits(page) == []
