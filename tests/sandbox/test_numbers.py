"""Numbers of any size, in addresses and in what is posted: an answer of the provider's, never a fault of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from .playing import AMIRA, US_PHONE, PlayedSandbox

NUMBERS = [0, -1, 2**31, 2**63, 10**30, "9" * 5000]
AMIRAS = {"UserStreamProviderId": AMIRA[1:], "Message": "Hello", "User": {"Phone1": AMIRA[1:], "FirstName": "Amira"}}
IN_OBJECTS = ["StreamProviderType", "UserStreamProviderType", "StatusId", "ManagerId", "SubStreamId", "Type"]
IN_CHILDREN = ["Type", "UserIdentity", "UserStreamProviderType"]


def routes(found: list[Any], before: str = "") -> Iterator[str]:
    """Every address of the sandbox, as it is declared."""
    for one in found:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield before + str(one.pattern)


WITH_A_NUMBER = [one for one in routes(get_resolver("messaging.sandbox.urls").url_patterns) if "<int:" in one]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: str(number)[:35])
def test_in_an_address(sandbox: PlayedSandbox, number: int | str):
    broken = {}
    for route in WITH_A_NUMBER:
        path = re.sub(r"<int:\w+>", str(number), route)
        path = re.sub(r"<str:stream_id>", "532", path)
        path = re.sub(r"<str:\w+>", AMIRA[1:], path)
        for method in ("GET", "POST", "PATCH", "DELETE"):
            for provider in ("cirrus", "ccai"):
                ask = getattr(sandbox, provider)
                part = path.removeprefix("cirrus/").removeprefix("ccai_platform/apps/api/v1/")
                status = ask(method, part, {} if method in ("POST", "PATCH") else None).status_code
                if status == 500:  # 501 is how the sandbox says that no document has such a call
                    broken[f"{method} {route}"] = status
        status = sandbox.session.get(f"{sandbox.url}/{path}").status_code
        if status == 500:
            broken[route] = status
    assert broken == {}
    assert len(WITH_A_NUMBER) >= 6


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: str(number)[:35])
def test_in_a_query(sandbox: PlayedSandbox, number: int | str):
    names = ("subStream", "status", "pageSize", "pageNumber")
    queries = [
        "unixStartTime=0&unixEndTime={}",
        "userIdentityId={}",
        *(f"userIdentityId=1&{name}={{}}" for name in names),
    ]
    answers = [sandbox.cirrus("GET", f"streams/532/objects?{query.format(number)}") for query in queries]
    answers += [sandbox.webex("GET", f"assets/v1/senders?page_number={number}")]
    answers += [sandbox.session.get(f"{sandbox.url}/ledger/?before={number}")]
    assert [one.url for one in answers if one.status_code >= 500] == []


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "٣"])
def test_what_is_no_number_is_refused(sandbox: PlayedSandbox, text: str):
    for name in ("userIdentityId", "pageSize", "pageNumber"):
        answer = sandbox.cirrus("GET", "streams/532/objects", params={"userIdentityId": 1} | {name: text})
        assert answer.status_code == 400, name
    assert sandbox.webex("GET", "assets/v1/senders", params={"page_number": text}).status_code == 400


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: str(number)[:35])
def test_in_what_is_posted(sandbox: PlayedSandbox, number: int | str):
    made = sandbox.cirrus("POST", "streams/532/objects", AMIRAS).json()["data"]["id"]
    broken = {}
    for name in IN_OBJECTS:
        answer = sandbox.cirrus("POST", "streams/532/objects", AMIRAS | {name: number})
        if answer.status_code >= 500:
            broken[f"object {name}"] = answer.status_code
    for name in IN_CHILDREN:
        child = {"Type": 0, "UserStreamProviderType": 5, "UserIdentity": 12345678, "IsManager": True} | AMIRAS
        answer = sandbox.cirrus("POST", f"streams/532/objects/{made}/child", child | {name: number})
        if answer.status_code >= 500:
            broken[f"child {name}"] = answer.status_code
    for agent in ("agentId", "agent_id"):
        sms = {"end_user_number": US_PHONE, "outbound_number": "+16285550199", "message": "Hello", agent: number}
        if sandbox.ccai("POST", "sms", sms).status_code >= 500:
            broken[agent] = 500
    if sandbox.cirrus("POST", f"objects/{made}/status/{number}").status_code >= 500:
        broken["status"] = 500
    others = {
        "remarks": {"Text": "x", "ManagerId": number},
        "activitylog": {"Text": "x", "Source": "CRM", "ManagerId": number},
        "stream": {"streamId": 532, "subStreamId": number},
    }
    for path, values in others.items():
        answer = sandbox.cirrus("PATCH" if path == "stream" else "POST", f"objects/{made}/{path}", values)
        if answer.status_code >= 500:
            broken[path] = answer.status_code
    assert broken == {}
    assert sandbox.cirrus("GET", f"streams/532/objects/{made}?includeActivityLog=true").ok
