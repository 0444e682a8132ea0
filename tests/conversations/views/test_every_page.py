"""What holds for every page: the policy, no inline script or style, ids once, names for controls, icons that exist."""

from __future__ import annotations

from collections import Counter

import pytest
from django.test import Client

from conversations.models import Campaign, CampaignRecipient
from conversations.models.message import MessageStatus
from conversations.services import conversations
from conversations.views import icons
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import Element, read

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
}


@pytest.fixture
def addresses(centre: Centre) -> list[str]:
    """Every kind of page, with something on it."""
    template = factories.make_template(centre.care)
    amira = centre.conversation(centre.care, assignee=centre.tom, unread_count=2)
    factories.opt_in(amira.contact)
    for status in MessageStatus.values:
        if status == MessageStatus.RECEIVED:
            factories.make_message(amira, direction="in")
        elif status not in (MessageStatus.SENDING, MessageStatus.SCHEDULED):
            factories.make_message(amira, status=status, author=centre.tom)
    conversations.set_indicator(amira, key="k", title="Flag", actor=centre.tom)
    conversations.add_remark(amira, text="Hello", actor=centre.tom)
    texts = centre.conversation(assignee=centre.priya)
    conversations.assign(texts, to=centre.tom, actor=centre.priya)
    draft = Campaign.objects.create(name="Visits", stream=centre.texts, created_by=centre.tom, body="Hello ${name}")
    CampaignRecipient.objects.create(campaign=draft, row=2, given="12", verdict="invalid", reason="Too short.")
    under_way = Campaign.objects.create(name="Works", stream=centre.texts, status="running", row_count=1)
    message = amira.messages.outbound().first()
    assert message is not None
    return [
        "/",
        "/?view=failed",
        "/?view=all&status=resolved&q=x",
        f"/c/{amira.pk}/",
        f"/c/{texts.pk}/?view=all",
        f"/c/{amira.pk}/template/",
        f"/c/{amira.pk}/template/?template={template.pk}",
        f"/m/{message.pk}/attempts/",
        "/new/",
        "/new/?to=07700900042",
        "/search/",
        "/search/?q=amira",
        "/search/palette/?q=amira",
        "/campaigns/",
        "/campaigns/new/",
        *(f"/campaigns/{draft.pk}/{step}/" for step in ("list", "list/rows", "message", "timing", "check")),
        f"/campaigns/{under_way.pk}/",
        "/contacts/",
        f"/contacts/{amira.contact_id}/",
        f"/contacts/{amira.contact_id}/?show=messages",
        f"/contacts/{amira.contact_id}/edit/",
        f"/contacts/{amira.contact_id}/merge/?q=a",
        f"/contacts/{amira.contact_id}/merge/?with={texts.contact_id}",
        "/contacts/new/",
        "/contacts/import/",
        "/account/",
        "/account/password/",
        "/notifications/",
        "/keys/",
        "/nothing-here/",
    ]


def test_every_page_obeys_the_policy_and_is_well_formed(addresses: list[str], supervisor: Client) -> None:
    for address in addresses:
        response = supervisor.get(address)
        assert response.status_code == (404 if "nothing" in address else 200), address
        given = response["Content-Security-Policy"].split("; ")
        assert set(given) >= POLICY, address
        page = read(response)
        _no_inline_code(page, address)
        _ids_stand_once(page, address)
        _controls_have_names(page, address)


def test_pages_with_customers_on_them_are_not_kept_by_browsers(addresses: list[str], supervisor: Client) -> None:
    for address in addresses:
        if address.startswith(("/?", "/c/", "/m/", "/new/")) or address == "/":
            assert "no-store" in supervisor.get(address)["Cache-Control"], address


def test_the_sign_in_and_the_parts_obey_it_too(centre: Centre, supervisor: Client) -> None:
    amira = centre.conversation()
    anonymous = Client()
    for client, address in ((anonymous, "/sign-in/"), (supervisor, f"/inbox/updates/?open={amira.pk}")):
        response = client.get(address)
        assert "default-src 'none'" in response["Content-Security-Policy"]
        _no_inline_code(read(response), address)


def _no_inline_code(page: Element, address: str) -> None:
    for element in page.walk():
        assert element.tag != "style", address
        assert "style" not in element.attributes, (address, element.tag)
        assert not [name for name in element.attributes if name.startswith(("on", "hx-on"))], address
        if element.tag == "script":
            assert element.attributes["src"].startswith("/static/"), address
            assert not element.text, address
        for name in ("href", "src", "action"):
            assert not element.attributes.get(name, "").lower().startswith(("javascript:", "data:")), address


def _ids_stand_once(page: Element, address: str) -> None:
    counts = Counter(element.attributes["id"] for element in page.walk() if "id" in element.attributes)
    assert [one for one, count in counts.items() if count > 1] == [], address


def _controls_have_names(page: Element, address: str) -> None:
    labelled = {label.attributes.get("for") for label in page.all("label")}
    wrapped = {id(control) for label in page.all("label") for control in label.walk()}
    for control in page.walk():
        if control.tag in ("input", "select", "textarea") and control.attributes.get("type") != "hidden":
            named = control.attributes.get("aria-label") or control.attributes.get("id") in labelled
            assert named or id(control) in wrapped, (address, control.attributes)
        if control.tag in ("button", "a", "summary"):
            assert control.text or control.attributes.get("aria-label"), (address, control.attributes)


def test_the_icons_are_one_picture_that_browsers_keep(db: None) -> None:
    response = Client().get(f"/icons.svg?v={icons.version()}")
    assert response["Content-Type"] == "image/svg+xml"
    assert "immutable" in response["Cache-Control"]
    sprite = read(response)
    assert {symbol.attributes["id"] for symbol in sprite.all("symbol")} == set(icons.NAMES)
    assert all(symbol.children for symbol in sprite.all("symbol"))


def test_every_icon_of_the_sprite_is_used_and_no_other(addresses: list[str], supervisor: Client) -> None:
    used = set()
    for address in addresses:
        for use in read(supervisor.get(address)).all("use"):
            name = use.attributes["href"].partition("#")[2]
            assert name in icons.NAMES
            used.add(name)
    assert len(used) > 30
