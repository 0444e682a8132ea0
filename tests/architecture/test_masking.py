"""People without `see_numbers` find no whole number at any address, whatever it answers."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from conversations.models import (
    Campaign,
    CampaignRecipient,
    Contact,
    Conversation,
    Message,
    Stream,
    User,
)
from conversations.views.masking import Masker
from tests import factories
from tests.architecture.addresses import Rows, browser, filled_in, patterns
from tests.conversations.admin.rows import make_rows_of_pages

pytestmark = pytest.mark.django_db

TYPED = "Call me: +44 7700 900888, or +447700900887"
NUMBERS = ("7700900888", "7700900887")


@pytest.fixture
def rows() -> Rows:
    """A row of everything; numbers stand wherever somebody may have written something."""
    found = make_rows_of_pages(text=TYPED)
    campaign = Campaign.objects.create(name="Visits to Amira", stream=found[Stream], columns=["firstname"])
    CampaignRecipient.objects.create(
        campaign=campaign, row=2, given="07700 900888", phone="+447700900888", verdict="send", fields={"firstname": "A"}
    )
    Contact.objects.filter(pk=found[Contact].pk).update(first_name="", last_name="")
    factories.make_message(found[Conversation], direction="in", body=TYPED)
    Conversation.objects.filter(pk=found[Conversation].pk).update(unread_count=1, window_closes_at=timezone.now())
    return {**found, Campaign: campaign}


def masked(role: str, rows: Rows) -> User:
    """Somebody of the rows' team in a role of its own, which lacks the permission."""
    user = factories.make_user(role)
    group = user.groups.get()
    group.permissions.remove(*Permission.objects.filter(codename="see_numbers"))
    rows[Stream].teams.first().memberships.create(user=user)  # type: ignore[union-attr]
    return user


def found_in(text: str, numbers: tuple[str, ...]) -> list[str]:
    """The numbers in a text, however they are parted."""
    plain = re.sub(r"(?<=\d)[ \-.()\u00a0]+(?=\d)", "", text)
    return [number for number in numbers if number in plain]


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_no_address_shows_a_whole_number(role: str, rows: Rows) -> None:
    client = browser(masked(role, rows))
    numbers = (*NUMBERS, rows[Contact].phone[3:])
    shown, walked = {}, 0
    for name, route in patterns(get_resolver().url_patterns):
        path = "/" + filled_in(route, name, rows)
        response: Any = client.get(path)
        if response.status_code != 200 or name == "file":
            continue
        body = b"".join(response.streaming_content) if response.streaming else response.content
        walked += 1
        if leaks := found_in(body.decode(errors="replace"), numbers):
            shown[path] = leaks
    assert shown == {}
    assert walked > 40


def test_those_who_may_see_them_do(rows: Rows) -> None:
    user = factories.make_user()
    rows[Stream].teams.first().memberships.create(user=user)
    page = browser(user).get(reverse("contact", args=[rows[Contact].pk])).content.decode()
    assert found_in(page, (rows[Contact].phone[3:],))


@pytest.fixture
def amira() -> Conversation:
    return factories.make_conversation(
        factories.make_stream(name="Texts"), factories.make_contact("+447700900142", first_name="Amira")
    )


@pytest.fixture
def client(amira: Conversation) -> Client:
    user = factories.make_user()
    factories.make_team(members=[user], streams=[amira.stream])
    user.groups.get().permissions.remove(*Permission.objects.filter(codename="see_numbers"))
    return browser(user)


def test_a_link_leads_on_with_the_contact(client: Client, amira: Conversation) -> None:
    page = client.get(reverse("contact", args=[amira.contact_id])).content.decode()
    assert "+44 •••• ••0142" in page
    assert f"?to=contact-{amira.contact_id}" in page
    form = client.get(f"{reverse('compose')}?to=contact-{amira.contact_id}").content.decode()
    assert "Amira" in form
    assert not found_in(form, ("7700900142",))
    sent = {"to": f"contact-{amira.contact_id}", "stream": amira.stream_id, "body": "Hello Amira"}
    assert client.post(reverse("start-conversation"), sent).status_code == 302
    assert client.post(reverse("compose"), {**sent, "client_key": str(uuid.uuid4())}).status_code == 302
    assert Message.objects.get().conversation == amira


def test_a_contact_of_others_cannot_be_named(client: Client) -> None:
    other = factories.make_conversation(contact=factories.make_contact("+447700900143", first_name="Olga"))
    assert "Olga" not in client.get(f"{reverse('compose')}?to=contact-{other.contact_id}").content.decode()


def test_what_somebody_types_stays(client: Client, amira: Conversation) -> None:
    page = client.get(f"{reverse('compose')}?to=%2B44+7700+900142").content.decode()
    assert "+44 7700 900142" in page


def test_saving_the_form_keeps_the_masked_number(client: Client, amira: Conversation) -> None:
    address = reverse("edit-contact", args=[amira.contact_id])
    assert 'value="+44 •••• ••0142"' in client.get(address).content.decode()
    client.post(address, {"phone": "+44 •••• ••0142", "first_name": "Amira", "last_name": "Khan"})
    assert Contact.objects.get(pk=amira.contact_id).phone == "+447700900142"
    assert Contact.objects.get(pk=amira.contact_id).last_name == "Khan"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+447700900142", "+44 •••• ••0142"),
        ("+44 7700 900142, and more", "+44 •••• ••0142, and more"),
        ("to%3D%2B447700900142", "to%3D+44 •••• ••0142"),
        ("&#x2B;447700900142", "+44 •••• ••0142"),
        ("\\u002b447700900142", "+44 •••• ••0142"),
        ("07700 900142", "•••• 0142"),
        ("2026-11-22T10:00:00+00:00", "2026-11-22T10:00:00+00:00"),
        ("a+1234", "a+1234"),
        ("12345678901", "12345678901"),
    ],
)
def test_what_counts_as_a_number(text: str, expected: str) -> None:
    assert Masker().text(text) == expected


def test_cells_hold_numbers_without_their_plus() -> None:
    line = "447700900142,44 7700 900142,Amira,2026-11-22T10:00:00+00:00,17"
    covered = "+44 •••• ••0142,+44 •••• ••0142,Amira,2026-11-22T10:00:00+00:00,17"
    assert Masker(in_cells=True).text(line) == covered
