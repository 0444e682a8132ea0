"""Own, team or all: what somebody sees who is limited to some of the conversations on the streams of their teams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from conversations.models import (
    Activity,
    Attachment,
    AuditEntry,
    Contact,
    Conversation,
    Draft,
    InboxCount,
    Message,
    Notification,
    OptIn,
    ReportCount,
    Stream,
    User,
)
from conversations.models.activity import ActivityKind
from conversations.models.team import Reach
from conversations.permissions import sees_calls, sees_reports, watches_floor
from conversations.services import consent, handling
from conversations.services.conversations import open_conversation
from conversations.services.handling import upkeep
from conversations.services.search import Search
from conversations.views.counting import count_filters, count_views
from conversations.views.inbox_query import InboxQuery, View
from conversations.views.listing import read_page
from tests import factories

pytestmark = pytest.mark.django_db

WORD = "kingfisher"


@dataclass
class House:
    """Two teams on one stream, and what each of their people has; the other stream is somebody else's."""

    stream: Stream
    priya: User
    rows: dict[str, Conversation]
    messages: dict[str, Message]

    def limit(self, reach: str) -> User:
        """Priya as she is signed in from now on."""
        User.objects.filter(pk=self.priya.pk).update(reach=reach)
        return User.objects.get(pk=self.priya.pk)

    def browser(self) -> Client:
        """Her browser."""
        client = Client()
        client.force_login(self.priya)
        return client

    def names(self, conversations: Any) -> set[str]:
        """Which of the rows these are."""
        ids = {one if isinstance(one, int) else one.pk for one in conversations}
        return {name for name, row in self.rows.items() if row.pk in ids}


@pytest.fixture
def house() -> House:
    stream, elsewhere = factories.make_stream(name="Care"), factories.make_stream(name="Elsewhere")
    priya, sam, mia = (factories.make_user(name=name) for name in ("Priya Nair", "Sam Osei", "Mia Lund"))
    first = factories.make_team(members=[priya, sam], streams=[stream])
    second = factories.make_team(members=[mia], streams=[stream])
    given: dict[str, dict[str, Any]] = {
        "own": {"assignee": priya},
        "colleague": {"assignee": sam},
        "team": {"team": first},
        "free": {},
        "other team": {"team": second},
        "other person": {"assignee": mia},
        "other person of ours": {"assignee": mia, "team": first},
        "elsewhere": {},
    }
    rows, messages = {}, {}
    for name, fields in given.items():
        row = factories.make_conversation(elsewhere if name == "elsewhere" else stream, **fields)
        messages[name] = factories.make_message(row, direction="in", body=f"About the {WORD}")
        rows[name] = row
    upkeep.add_up_counts()
    return House(stream, priya, rows, messages)


OWN = {"own"}
TEAM = OWN | {"colleague", "team", "free", "other person of ours"}
STREAMS = TEAM | {"other team", "other person"}
EACH = pytest.mark.parametrize(("reach", "seen"), [(Reach.OWN, OWN), (Reach.TEAM, TEAM), (Reach.STREAMS, STREAMS)])


@EACH
def test_rows_of_every_kind_follow_their_conversation(house: House, reach: str, seen: set[str]) -> None:
    user = house.limit(reach)
    for name, row in house.rows.items():
        Draft.objects.create(user=user, conversation=row, kind="reply", body=name)
        Notification.objects.create(user=user, conversation=row, kind="mention", created_at=row.created_at)
        Attachment.objects.create(stream=row.stream, message=house.messages[name], kind="image")
        consent.record(
            OptIn(
                contact=row.contact, stream=row.stream, channel="sms", event="opt_out", source="keyword", wording="STOP"
            )
        )
    assert house.names(Conversation.objects.visible_to(user)) == seen
    for rows in (
        Message.objects.visible_to(user),
        Draft.objects.of(user),
        Notification.objects.of(user),
    ):
        assert house.names(rows.values_list("conversation", flat=True)) == seen
    assert house.names(Attachment.objects.visible_to(user).values_list("message__conversation", flat=True)) == seen
    contacts = {row.contact_id: name for name, row in house.rows.items()}
    assert {contacts[one.pk] for one in Contact.objects.visible_to(user)} == seen
    assert {contacts[one.contact_id] for one in OptIn.objects.visible_to(user)} == seen


@EACH
def test_lists_numbers_and_search_agree(house: House, reach: str, seen: set[str]) -> None:
    user = house.limit(reach)
    listed = house.names(one.conversation for one in read_page(InboxQuery(view=View.ALL), user).rows)
    counts = count_views(user)
    assert (listed, counts["all_open"], counts[f"stream_{house.stream.pk}_open"]) == (seen, len(seen), len(seen))
    assert counts["mine_open"] == 1
    free = house.names(one.conversation for one in read_page(InboxQuery(view=View.UNASSIGNED), user).rows)
    assert counts["unassigned_open"] == len(free) == len(seen & {"team", "free", "other team"})
    assert count_filters([InboxQuery(view=View.ALL)], user) == [str(len(seen))]
    assert house.names(one.conversation for one in Search(WORD, user).messages(20)) == seen
    people = Search(house.rows["other person"].contact.phone, user).people()
    assert bool(people) == ("other person" in seen)


@EACH
def test_addresses_of_what_is_not_seen_are_404(house: House, reach: str, seen: set[str]) -> None:
    house.limit(reach)
    browser = house.browser()
    for name, row in house.rows.items():
        wanted = 200 if name in seen else 404
        for address in (f"/c/{row.pk}/", f"/m/{house.messages[name].pk}/", f"/contacts/{row.contact_id}/"):
            assert browser.get(address, follow=True).status_code == wanted, (name, address)
        assert browser.post(f"/c/{row.pk}/resolve/").status_code in ((200, 204, 302) if name in seen else (404,)), name


def test_pages_of_a_limited_list_are_whole(house: House) -> None:
    user = house.limit(Reach.TEAM)
    first = read_page(InboxQuery(view=View.ALL), user, size=3)
    assert len(first.rows) == 3
    rest = read_page(InboxQuery(view=View.ALL), user, cursor=first.next_cursor, size=3)
    assert house.names(one.conversation for one in (*first.rows, *rest.rows)) == TEAM


def test_the_next_one_can_be_taken_by_somebody_who_sees_their_own_only(house: House) -> None:
    user = house.limit(Reach.OWN)
    taken = handling.take_next(user)
    assert taken is not None
    assert house.names([taken]) <= {"free", "team"}
    assert Conversation.objects.visible_to(user).filter(pk=taken.pk).exists()


def test_writing_to_a_customer_never_opens_what_is_not_seen(house: House) -> None:
    user, row = house.limit(Reach.OWN), house.rows["other person"]
    with pytest.raises(ValidationError) as refused:
        open_conversation(stream=house.stream, contact=row.contact, actor=user)
    assert refused.value.code == "not_yours"
    assert open_conversation(stream=house.stream, contact=row.contact) == row, "what a customer writes arrives as ever"
    Conversation.objects.filter(pk=row.pk).update(status="resolved", resolved_at=row.created_at)
    Conversation.objects.filter(pk=row.pk).update(resolved_at="2026-11-01T00:00Z")
    mine = open_conversation(stream=house.stream, contact=row.contact, actor=user)
    assert mine != row
    assert mine.assignee == user
    assert not Activity.objects.filter(conversation=row, kind=ActivityKind.STATUS_CHANGE).exists()


@pytest.fixture
def supervisor(house: House) -> User:
    user = factories.make_user("supervisor")
    factories.make_team(members=[user], streams=[house.stream])
    return user


def test_what_is_about_whole_streams_is_closed_to_the_limited(house: House, supervisor: User) -> None:
    client = Client()
    client.force_login(supervisor)
    closed = ("/reports/", "/floor/", "/admin/")
    assert [client.get(address).status_code for address in closed] == [200, 200, 200]
    assert InboxCount.objects.visible_to(supervisor).exists()
    User.objects.filter(pk=supervisor.pk).update(reach=Reach.TEAM)
    limited = User.objects.get(pk=supervisor.pk)
    assert [sees_reports(limited), watches_floor(limited), sees_calls(limited), limited.is_staff] == [False] * 4
    assert not ReportCount.objects.visible_to(limited).exists()
    assert not InboxCount.objects.visible_to(limited).exists(), "none of them is theirs"
    assert [client.get(address).status_code for address in closed] == [403, 403, 302]
    assert "/reports/" not in client.get("/").content.decode()


def test_whoever_sees_every_stream_is_not_limited(house: House) -> None:
    admin = factories.make_user("administrator", reach=Reach.OWN)
    assert not admin.is_limited
    assert Conversation.objects.visible_to(admin).count() == len(house.rows)


def test_a_limit_is_set_by_an_administrator_and_audited(house: House) -> None:
    admin = factories.make_user("administrator")
    client = Client()
    client.force_login(admin)
    address = f"/admin/conversations/user/{house.priya.pk}/change/"
    page = client.get(address)
    data = {**page.context["adminform"].form.initial, "reach": "own", "role": house.priya.groups.get().pk}
    data = {name: value for name, value in data.items() if value is not None} | {"theme": ""}
    for formset in page.context["inline_admin_formsets"]:
        data |= {f"{formset.formset.prefix}-{key}": 0 for key in ("TOTAL_FORMS", "INITIAL_FORMS")}
    client.post(address, data)
    house.priya.refresh_from_db()
    assert house.priya.reach == "own"
    assert AuditEntry.objects.filter(action="person_changed", summary__icontains="sees conversations").exists()
