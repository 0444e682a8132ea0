"""A site on which nothing is set up yet: every page opens, and says what comes next to whoever can do it."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import factories
from tests.conversations.views.conftest import signed_in
from tests.conversations.views.reading import Element, read

pytestmark = pytest.mark.django_db
LISTS = ("/", "/?view=all", "/?view=unassigned", "/new/", "/campaigns/new/", "/streams/", "/reports/")
OF_TEMPLATES = ("/templates/new/", "/templates/import/")
OTHERS = ("/contacts/", "/permissions/", "/templates/", "/campaigns/", "/floor/", "/search/?q=a", "/notifications/")


def empty_state(browser: Client, address: str) -> Element:
    """The words in place of a list."""
    answer = browser.get(address)
    assert answer.status_code == 200, address
    return (read(answer).all(class_="empty-state") + read(answer).all(class_="notices-none"))[0]


@pytest.mark.parametrize("address", [*LISTS, *OF_TEMPLATES])
def test_without_a_stream_the_next_step_is_named_to_whoever_can_take_it(db: None, address: str) -> None:
    administrator = empty_state(signed_in(factories.make_user("administrator")), address)
    assert administrator.one("a", href="/admin/").text == "Set one up in the administration"
    supervisor = empty_state(signed_in(factories.make_user("supervisor")), address)
    assert "An administrator gives them one." in supervisor.text
    assert not supervisor.all("a", href="/admin/")


@pytest.mark.parametrize("address", OTHERS)
def test_every_other_list_says_what_will_be_in_it(db: None, address: str) -> None:
    assert empty_state(signed_in(factories.make_user("supervisor")), address).text.endswith((".", "Make one"))


@pytest.mark.parametrize("address", ["/", "/?view=all", "/?view=unassigned"])
def test_with_a_stream_and_no_message_the_first_one_is_offered(db: None, address: str) -> None:
    priya = factories.make_user()
    factories.make_team(members=[priya], streams=[factories.make_stream()])
    assert empty_state(signed_in(priya), address).all("a", href="/new/")


def test_the_administration_shows_the_first_steps_until_they_are_done(db: None) -> None:
    administrator = factories.make_user("administrator")
    browser = signed_in(administrator)

    def steps() -> list[tuple[str, bool]]:
        found = read(browser.get("/admin/")).all("section", aria_labelledby="first-steps")
        return [(item.text, bool(item.all(class_="chip-good"))) for part in found for item in part.all("li")]

    assert [done for _, done in steps()] == [False] * 4
    account = factories.make_account()
    assert [done for _, done in steps()] == [True, False, False, False]
    stream = factories.make_stream(account)
    factories.make_team(members=[administrator], streams=[stream])
    assert steps() == []
    assert read(signed_in(factories.make_user("supervisor")).get("/admin/")).all("h2", id="first-steps") == []
