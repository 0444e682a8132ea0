"""Every address of the project: its class, and a path that leads there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver

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


def browser(user: User | None = None) -> Client:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


def supervisor_of(rows: Rows) -> User:
    """Somebody who supervises the stream of the rows."""
    user = factories.make_user("supervisor", name="Tom Okafor")
    TeamMembership.objects.create(team=rows[Team], user=user)
    return user
