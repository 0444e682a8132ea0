"""Every address has a class, and nobody gets further than it says. A new address fails here until it has one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from config.asgi import application
from conversations.models import (
    Activity,
    Attachment,
    Campaign,
    Contact,
    Conversation,
    Drift,
    Indicator,
    Message,
    Notification,
    OptIn,
    ProviderAccount,
    SignedInSession,
    Stream,
    Team,
    TeamMembership,
    User,
    WebhookDelivery,
    WhatsAppTemplate,
)
from tests import factories
from tests.browser.test_every_page import NOT_WALKED, PART, names_walked
from tests.conversations.admin.rows import make_rows_of_pages

pytestmark = pytest.mark.django_db

PUBLIC = "public"  # anybody
SIGNED_IN = "signed-in"  # whoever works here; shows the rows that this user may see and no others
OF_A_STREAM = "of a stream"  # a row: for whoever may see its stream, 404 for everybody else
API = "api"  # for keys alone, whoever is signed in: tests/conversations/api/
SUPERVISOR = "supervisor"  # whoever may enter the administration
ADMINISTRATOR = "administrator"
NOBODY = "nobody"  # services write these rows, or keep them

PAGES = {
    "inbox": SIGNED_IN,
    "older-rows": SIGNED_IN,
    "updates": SIGNED_IN,
    "take-oldest": SIGNED_IN,
    "filter": SIGNED_IN,
    "presence": SIGNED_IN,
    "save-filter": SIGNED_IN,
    "delete-filter": OF_A_STREAM,  # a filter of one's own, or a shared one
    "handle-assign": SIGNED_IN,
    "handle-resolve": SIGNED_IN,
    "handle-reopen": SIGNED_IN,
    "handle-snooze": SIGNED_IN,
    "handle-tags": SIGNED_IN,
    "handle-mark": SIGNED_IN,
    "handle-undo": SIGNED_IN,
    "conversation": OF_A_STREAM,
    "older-messages": OF_A_STREAM,
    "reply": OF_A_STREAM,
    "save-draft": OF_A_STREAM,
    "change-stream": OF_A_STREAM,
    "streams-for": OF_A_STREAM,
    "canned-replies": OF_A_STREAM,
    "insert-canned": OF_A_STREAM,
    "colleagues": OF_A_STREAM,
    "conversation-template": OF_A_STREAM,
    "assign": OF_A_STREAM,
    "claim": OF_A_STREAM,
    "resolve": OF_A_STREAM,
    "reopen": OF_A_STREAM,
    "at-conversation": OF_A_STREAM,
    "transcript": OF_A_STREAM,
    "snooze": OF_A_STREAM,
    "tags": OF_A_STREAM,
    "mark": OF_A_STREAM,
    "record-consent": OF_A_STREAM,
    "set-indicator": OF_A_STREAM,
    "remove-indicator": OF_A_STREAM,
    "push-again": OF_A_STREAM,
    "compare-mirror": OF_A_STREAM,
    "said-on-the-phone": OF_A_STREAM,
    "settle-drift": OF_A_STREAM,
    "attempts": OF_A_STREAM,
    "undo-send": OF_A_STREAM,
    "cancel-message": OF_A_STREAM,
    "send-again": OF_A_STREAM,
    "whole-text": OF_A_STREAM,
    "edit-message": OF_A_STREAM,
    "send-now": OF_A_STREAM,
    "message-arrived": OF_A_STREAM,
    "send-anyway": OF_A_STREAM,
    "search": SIGNED_IN,
    "palette": SIGNED_IN,
    "second-factor": SIGNED_IN,
    "new-recovery-codes": SIGNED_IN,
    "remove-second-factor": SIGNED_IN,
    "contacts": SIGNED_IN,
    "new-contact": SIGNED_IN,
    "import-contacts": SIGNED_IN,  # for supervisors, as merging and exporting are
    "export-contacts": SIGNED_IN,
    "undo-merge": SIGNED_IN,
    "contact": OF_A_STREAM,
    "edit-contact": OF_A_STREAM,
    "merge-contact": OF_A_STREAM,
    "check-number": OF_A_STREAM,
    "erase-contact": OF_A_STREAM,  # for administrators, as the next is
    "export-person": OF_A_STREAM,
    "record-permission": OF_A_STREAM,
    "permissions": SIGNED_IN,
    "import-opt-ins": SIGNED_IN,  # for supervisors, as importing and exporting contacts are
    "export-opt-ins": SIGNED_IN,
    "decision": OF_A_STREAM,
    "proof-file": OF_A_STREAM,
    "answer-question": OF_A_STREAM,
    "message": OF_A_STREAM,
    "upload-file": SIGNED_IN,
    "file": OF_A_STREAM,
    "templates": SIGNED_IN,
    "template": OF_A_STREAM,
    "new-draft": SIGNED_IN,  # for supervisors, as all that writes templates is
    "edit-draft": OF_A_STREAM,
    "check-draft": SIGNED_IN,
    "template-status": OF_A_STREAM,
    "import-templates": SIGNED_IN,
    "campaigns": SIGNED_IN,  # for supervisors, as all that writes to many is
    "new-campaign": SIGNED_IN,
    "campaign": OF_A_STREAM,
    "rename-campaign": OF_A_STREAM,
    "delete-campaign": OF_A_STREAM,
    "campaign-list": OF_A_STREAM,
    "campaign-rows": OF_A_STREAM,
    "campaign-rows-file": OF_A_STREAM,
    "campaign-message": OF_A_STREAM,
    "campaign-preview": OF_A_STREAM,
    "campaign-timing": OF_A_STREAM,
    "campaign-check": OF_A_STREAM,
    "campaign-check-progress": OF_A_STREAM,
    "campaign-progress": OF_A_STREAM,
    "campaign-pace": OF_A_STREAM,
    "move-campaign": OF_A_STREAM,
    "campaign-results": OF_A_STREAM,
    "floor": SIGNED_IN,  # for supervisors
    "move-work": OF_A_STREAM,
    "reports": SIGNED_IN,  # for supervisors, about the streams that they see
    "report-file": SIGNED_IN,
    "report-conversations": SIGNED_IN,
    "report-rows": SIGNED_IN,
    "streams": SIGNED_IN,  # for supervisors, as all about what providers call us with is
    "stream": OF_A_STREAM,
    "stream-rules": OF_A_STREAM,
    "new-address": OF_A_STREAM,
    "end-address": OF_A_STREAM,
    "replay-call": OF_A_STREAM,
    "end-session": OF_A_STREAM,
    "look-at-session": OF_A_STREAM,
    "try-in-session": OF_A_STREAM,
    "compose": SIGNED_IN,
    "recipient": SIGNED_IN,
    "new-canned-replies": SIGNED_IN,
    "start-conversation": SIGNED_IN,
    "new-template": SIGNED_IN,
    "measure": SIGNED_IN,
    "template-preview": SIGNED_IN,
    "sign-in": PUBLIC,
    "sign-in-code": SIGNED_IN,  # or has just shown a password: sends everybody else back to it
    "sign-out": SIGNED_IN,
    "account": SIGNED_IN,
    "password": SIGNED_IN,
    "prove": SIGNED_IN,
    "end-other-sessions": SIGNED_IN,
    "end-browser-session": OF_A_STREAM,  # one's own
    "set-theme": SIGNED_IN,
    "set-density": SIGNED_IN,
    "set-available": SIGNED_IN,
    "set-sending": SIGNED_IN,
    "set-notifications": SIGNED_IN,
    "set-keys": SIGNED_IN,
    "notifications": SIGNED_IN,
    "news": SIGNED_IN,
    "read-notifications": SIGNED_IN,
    "read-notification": OF_A_STREAM,  # one's own
    "keys": SIGNED_IN,
    "icons": PUBLIC,
    "webhook": PUBLIC,  # its token is the secret
    "api-reference": SIGNED_IN,
    "api-document": PUBLIC,
    "api-nothing-here": API,
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "metrics": ADMINISTRATOR,  # or whoever bears the token
    "admin:index": SUPERVISOR,
    "admin:operations": SUPERVISOR,
    "admin:login": SUPERVISOR,  # leads to the product's own sign-in
    "admin:logout": SUPERVISOR,
    "admin:password_change": SUPERVISOR,
    "admin:password_change_done": SUPERVISOR,
    "admin:autocomplete": SUPERVISOR,
    "admin:jsi18n": SUPERVISOR,
    "admin:view_on_site": SUPERVISOR,
    "admin:app_list": SUPERVISOR,
    "admin:": SUPERVISOR,  # old addresses of rows, and whatever else begins with /admin/
    "admin:auth_user_password_change": ADMINISTRATOR,
}

# The pages of a model in the administration: who reads, adds, changes and deletes its rows.
MODELS = {
    "conversation": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "message": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "messageevent": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "sendattempt": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "attemptresult": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "receipt": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "webhookevent": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "webhooksubscription": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "webhookdelivery": (ADMINISTRATOR, NOBODY, NOBODY, NOBODY),
    "dispatchertick": (ADMINISTRATOR, NOBODY, NOBODY, ADMINISTRATOR),
    "activity": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "conversationmirror": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "drift": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "indicator": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "tag": (SUPERVISOR, SUPERVISOR, SUPERVISOR, NOBODY),
    "consentstate": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "optin": (SUPERVISOR, SUPERVISOR, NOBODY, NOBODY),
    "contact": (SUPERVISOR, NOBODY, SUPERVISOR, NOBODY),
    "whatsapptemplate": (SUPERVISOR, SUPERVISOR, SUPERVISOR, ADMINISTRATOR),
    "templateversion": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "templatestatuschange": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "attachment": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "numbercheck": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "campaign": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "campaignrecipient": (SUPERVISOR, NOBODY, NOBODY, NOBODY),
    "cannedreply": (SUPERVISOR, SUPERVISOR, SUPERVISOR, SUPERVISOR),
    "stream": (SUPERVISOR, ADMINISTRATOR, ADMINISTRATOR, NOBODY),
    "streamgate": (SUPERVISOR, ADMINISTRATOR, ADMINISTRATOR, NOBODY),
    "sendingpolicy": (SUPERVISOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "keywordset": (SUPERVISOR, SUPERVISOR, SUPERVISOR, NOBODY),
    "workinghours": (SUPERVISOR, SUPERVISOR, SUPERVISOR, ADMINISTRATOR),
    "substream": (SUPERVISOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "provideraccount": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, NOBODY),
    "user": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, NOBODY),
    "team": (SUPERVISOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "teammembership": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "teamstream": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "auditentry": (ADMINISTRATOR, NOBODY, NOBODY, NOBODY),
    "apikey": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, NOBODY),
    "agentidentity": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "group": (NOBODY, NOBODY, NOBODY, NOBODY),  # superusers alone
}
VERBS = {"changelist": 0, "history": 0, "export": 0, "do": 0, "change": 0, "add": 1, "delete": 3}
REACHED_BY = {SUPERVISOR: {SUPERVISOR}, ADMINISTRATOR: {SUPERVISOR, ADMINISTRATOR}}

REFUSED = (401, 403, 404, 405)
METHODS = ("get", "post")

Rows = dict[type[Model], Any]


@dataclass(frozen=True)
class Address:
    """One URL pattern: its name, a path that matches it, and its class."""

    name: str
    path: str
    level: str


def patterns(found: list[Any], route: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """The full name and the full route of every pattern; a pattern without a name has that of its namespace."""
    for one in found:
        if isinstance(one, URLResolver):
            below = f"{space}{one.namespace}:" if one.namespace else space
            yield from patterns(one.url_patterns, route + str(one.pattern), below)
        elif isinstance(one, URLPattern):
            yield space + (one.name or ""), route + str(one.pattern)


def level_of(name: str) -> str:
    """The class of an address; KeyError when nobody has given it one."""
    if name in PAGES:
        return PAGES[name]
    if name.startswith("django_rq:"):
        return ADMINISTRATOR
    if name.startswith(("api:", "dialect-")):
        return API
    found = re.fullmatch(r"admin:(?:conversations|auth)_([a-z]+)_([a-z]+)", name)
    if found is None:
        raise KeyError(name)
    return MODELS[found[1]][VERBS[found[2]]]


def test_every_address_has_a_class() -> None:
    unclassified, names = [], set()
    for name, route in patterns(get_resolver().url_patterns):
        names.add(name)
        try:
            level_of(name)
        except KeyError:
            unclassified.append(f"{name} ({route})")
    assert unclassified == []
    assert set(PAGES) - names == set()
    assert {name.split("_")[1] for name in names if name.endswith("_changelist")} == set(MODELS)


@pytest.fixture
def rows() -> Rows:
    """A row of everything, on a WhatsApp stream of a team; Amira is the customer."""
    found = make_rows_of_pages()
    return {**found, Campaign: Campaign.objects.create(name="Visits to Amira", stream=found[Stream])}


@pytest.fixture
def addresses(rows: Rows) -> list[Address]:
    """Every address, filled in with the rows."""
    return [
        Address(name, f"/{filled_in(route, name, rows)}", level_of(name))
        for name, route in patterns(get_resolver().url_patterns)
    ]


def filled_in(route: str, name: str, rows: Rows) -> str:
    """A path for a route, which names the rows where it names any."""
    values = {
        "pk": row_of_the_page(route, rows).pk,
        "object_id": row_of_the_administration(route, rows).pk,
        "id": rows[User].pk,
        "delivery": rows[WebhookDelivery].pk,
        "ref": rows[Attachment].ref,
        "content_type_id": ContentType.objects.get_for_model(Message).pk,
        "token": rows[ProviderAccount].webhook_token if name == "webhook" else "anything",
        **dict.fromkeys(("stream_id", "status_id", "indicator_id"), "1"),
        **dict.fromkeys(("provider_id", "provider_type", "phone", "delivery"), "1"),
        "app_label": "conversations",
        **dict.fromkeys(("url", "rest"), "nothing/here/"),
        "action": "anything",
        **dict.fromkeys(("queue_index", "scheduler_index", "connection_index", "delivery"), 0),
        **dict.fromkeys(("job_id", "result_id", "key", "scheduler_name", "cron_job_name"), "anything"),
    }
    group = r"\(\?P<(\w+)>[^)]*\)\??"  # of a pattern that is a regular expression
    path = re.sub(rf"{group}|<(?:\w+:)?(\w+)>", lambda found: str(values[found[1] or found[2]]), route)
    path = path.replace("^", "").replace("/?", "/").removesuffix("$")
    assert not set(path) & set("<>^$()?"), f"{name}: say how {route} is filled in"
    return path


def row_of_the_page(route: str, rows: Rows) -> Any:
    if route.startswith("indicators/"):
        return rows[Indicator]
    if route.startswith("mirror/drifts/"):
        return rows[Drift]
    if route.startswith("mirror/"):
        return rows[Activity]
    if route.startswith("notifications/"):
        return rows[Notification]
    if route.startswith("account/sessions/"):
        return rows[SignedInSession]
    if route.startswith("campaigns/"):
        return rows[Campaign]
    if route.startswith("streams/"):
        return rows[Stream]
    if route.startswith("contacts/"):
        return rows[Contact]
    if route.startswith("permissions/questions/"):
        return rows[Activity]
    if route.startswith("permissions/"):
        return rows[OptIn]
    if route.startswith("templates/"):
        return rows[WhatsAppTemplate]
    return rows[Message if route.startswith("m/") else Conversation]


def row_of_the_administration(route: str, rows: Rows) -> Any:
    found = re.match(r"admin/(conversations|auth)/([a-z]+)/", route)
    return rows[apps.get_model(found[1], found[2]) if found else Message]


@pytest.fixture
def given(rows: Rows) -> dict[str, Any]:
    """What a form or an address could name of somebody else's stream."""
    return {
        "stream": rows[Stream].pk,
        "template": rows[WhatsAppTemplate].pk,
        "to": "+447700900555",
        "body": "Hello",
        "mode": "reply",
        "title": "VIP",
        "view": "all",
        "app_label": "conversations",
        "model_name": "message",
        "field_name": "conversation",
    }


def snapshot() -> dict[str, list[Any]]:
    """Everything that the product has stored, except when people signed in."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in apps.get_app_config("conversations").get_models()
        if model is not User
    }


def browser(user: User | None = None) -> Client:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


def elsewhere(role: str) -> User:
    """Somebody with a team and a stream, both not those of the rows."""
    user = factories.make_user(role, name="Sam Osei")
    factories.make_team(members=[user], streams=[factories.make_stream()])
    return user


def supervisor_of(rows: Rows) -> User:
    """Somebody who supervises the stream of the rows."""
    user = factories.make_user("supervisor", name="Tom Okafor")
    TeamMembership.objects.create(team=rows[Team], user=user)
    return user


def answers(client: Client, found: list[Address], given: dict[str, Any]) -> Iterator[tuple[Address, str, Any]]:
    """The answer to a GET and to a POST of each address."""
    for address in found:
        for method in METHODS:
            yield address, f"{method} {address.path}", getattr(client, method)(address.path, given)


def is_sent_away(response: Any) -> bool:
    """Is whoever asked sent to the sign-in, or where the administration says that it is not for them?"""
    gates = (reverse(settings.LOGIN_URL), reverse("admin:login"), reverse("admin:index"))
    return response.status_code == 302 and response["Location"].partition("?")[0] in gates


def test_strangers_see_the_public_pages_and_no_others(addresses: list[Address], given: dict[str, Any]) -> None:
    client, before = browser(), snapshot()
    closed = [one for one in addresses if one.level != PUBLIC]
    let_in = {
        request: response.status_code
        for _, request, response in answers(client, closed, given)
        if not (response.status_code in REFUSED or is_sent_away(response))
    }
    assert let_in == {}
    public = [one for one in addresses if one.level == PUBLIC]
    shut_out = {one.name: status for one in public if (status := client.get(one.path).status_code) not in (200, 405)}
    assert shut_out == {}
    assert snapshot() == before


def test_live_events_are_for_people_who_are_signed_in() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(application({"type": "http", "path": "/events", "headers": []}, receive, send))
    assert sent[0]["status"] == 401
    assert b"".join(message.get("body", b"") for message in sent[1:]) == b""


def test_an_agent_of_another_team_gets_nowhere(addresses: list[Address], given: dict[str, Any]) -> None:
    client, before = browser(elsewhere("agent")), snapshot()
    closed = [one for one in addresses if one.level not in (PUBLIC, SIGNED_IN)]
    let_in = {
        request: response.status_code
        for address, request, response in answers(client, closed, given)
        if not (response.status_code in REFUSED or (address.level != OF_A_STREAM and is_sent_away(response)))
    }
    assert let_in == {}
    assert snapshot() == before


def test_pages_for_everybody_show_and_change_nothing_of_other_teams(
    addresses: list[Address], given: dict[str, Any]
) -> None:
    client, before = browser(elsewhere("agent")), snapshot()
    beside = ("sign-out", "api-reference")  # the examples of the reference are about an Amira too
    own_pages = [one for one in addresses if one.level == SIGNED_IN and one.name not in beside]
    wrong = {
        request: response.status_code
        for _, request, response in answers(client, own_pages, given)
        if response.status_code >= 500 or re.search(rb"Amira|Khan\b", response.content)
    }
    assert wrong == {}
    assert snapshot() == before


def test_a_supervisor_of_another_team_finds_no_row(addresses: list[Address], given: dict[str, Any]) -> None:
    client, before = browser(elsewhere("supervisor")), snapshot()
    # Tags, keywords and working hours lie on no stream: every supervisor keeps them.
    of_rows = re.compile(
        r"admin:(?:conversations|auth)_(?!(?:tag|keywordset|workinghours)_)[a-z]+_(?:change|history|delete|do)"
    )
    shared = "(?:tag|keywordset|workinghours)"
    of_rows = re.compile(rf"admin:(?:conversations|auth)_(?!{shared}_)[a-z]+_(?:change|history|delete|do)")
    closed = [one for one in addresses if one.level == OF_A_STREAM or of_rows.fullmatch(one.name)]
    let_in = {
        request: response.status_code
        for _, request, response in answers(client, closed, given)
        if response.status_code not in REFUSED
    }
    assert let_in == {}
    lists = [one.path for one in addresses if one.name.endswith("_changelist")]
    assert [path for path in lists if b"Amira" in client.get(path).content] == []
    assert snapshot() == before


def test_a_supervisor_does_not_get_the_administrators_pages(
    addresses: list[Address], given: dict[str, Any], rows: Rows
) -> None:
    client, before = browser(supervisor_of(rows)), snapshot()
    closed = [one for one in addresses if one.level in (ADMINISTRATOR, NOBODY)]
    assert any(one.name == "django_rq:home" for one in closed)
    let_in = {
        request: response.status_code
        for _, request, response in answers(client, closed, given)
        if response.status_code not in REFUSED
    }
    assert let_in == {}
    assert snapshot() == before


@pytest.mark.parametrize("role", ["supervisor", "administrator"])
def test_nobody_is_led_to_an_error(role: str, addresses: list[Address], given: dict[str, Any], rows: Rows) -> None:
    client = browser(supervisor_of(rows) if role == "supervisor" else factories.make_user(role))
    broken = {
        address.path: status
        for address in addresses
        if (status := client.get(address.path, given if address.name == "admin:autocomplete" else None).status_code)
        >= 500
    }
    assert broken == {}


def test_every_page_of_the_workspace_is_walked_by_a_browser_or_excused(addresses: list[Address], rows: Rows) -> None:
    """A page that nobody looks at for contrast, width and errors fails here; so does an excuse that is not true."""
    client = browser(supervisor_of(rows))
    of_the_workspace = [one for one in addresses if ":" not in one.name and not one.name.startswith("dialect-")]
    answers_get = {one.name: one.path for one in of_the_workspace if client.get(one.path).status_code != 405}
    walked = names_walked()
    assert set(answers_get) - walked - set(NOT_WALKED) == set()
    assert walked & set(NOT_WALKED) == set()
    assert (walked | set(NOT_WALKED)) - {one.name for one in of_the_workspace} == set()
    shown = {name: client.get(answers_get[name]) for name, reason in NOT_WALKED.items() if reason == PART}
    assert [name for name, one in shown.items() if one.status_code == 200 and b"<html" in one.content] == []


@pytest.mark.parametrize("model", MODELS)
def test_rows_are_written_in_the_administration_by_those_who_may(model: str, rows: Rows) -> None:
    read, add, change, delete = MODELS[model]
    row = next(one for kind, one in rows.items() if kind._meta.model_name == model)
    below = f"admin:{row._meta.app_label}_{model}"
    people = {SUPERVISOR: supervisor_of(rows), ADMINISTRATOR: factories.make_user("administrator", name="Ada Winter")}
    for role, user in people.items():
        client = browser(user)
        shown = client.get(reverse(f"{below}_change", args=[row.pk]))
        seen = {
            "list": client.get(reverse(f"{below}_changelist")).status_code == 200,
            "page": shown.status_code == 200,
            "add": client.get(reverse(f"{below}_add")).status_code == 200,
            "change": b'name="_save"' in shown.content,
            "delete": client.get(reverse(f"{below}_delete", args=[row.pk])).status_code == 200,
        }
        levels = {"list": read, "page": read, "add": add, "change": change, "delete": delete}
        assert seen == {page: level in REACHED_BY[role] for page, level in levels.items()}, role
