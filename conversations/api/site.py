"""The API as a whole: every resource, and the document that describes it."""

from __future__ import annotations

from functools import cache
from typing import Any

from ninja import NinjaAPI
from ninja.security import HttpBearer

from conversations.api import (
    campaigns,
    contacts,
    conversations,
    media,
    messages,
    notes,
    opt_ins,
    reports,
    streams,
    templates,
    webhooks,
)
from conversations.api.door import StrictParser
from conversations.api.errors import Refusal, answer_exceptions

DESCRIPTION = """
Everything that the pages do, for programs: the same rules, the same permissions, the same sentences.

Send `Authorization: Bearer pk_...` with every request. A key acts for one person, within its scopes and streams.
Every write needs an `Idempotency-Key`. Lists come in pages: follow `next`. Refusals are `{code, message, field}`.

A program that was written for one of the providers works here too, with the same keys, at `/dialects/cirrus/`,
`/dialects/ccai_platform/` and `/dialects/webex_interact/`. `docs/dialects.md` has a request of each to paste.
"""


class Key(HttpBearer):
    """Only describes how a key is sent: the door has let nobody else in (door.py)."""

    def __call__(self, request: Any) -> Any:
        return True

    def authenticate(self, request: Any, token: str) -> Any:
        return True


api = NinjaAPI(
    title="Parley API",
    version="1",
    description=DESCRIPTION.strip(),
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
    parser=StrictParser(),
    auth=Key(),
)
answer_exceptions(api)
OURS = (streams, contacts, conversations, messages, notes, opt_ins, templates, campaigns, media, reports, webhooks)
for resource in OURS:
    api.add_router("", resource.router)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, the same for everybody."""
    told = dict(api.get_openapi_schema(path_prefix="/api/v1/"))
    told["components"]["schemas"][Refusal.__name__] = Refusal.model_json_schema()
    return told
