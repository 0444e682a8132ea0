"""RQ's dashboard: for those who manage accounts, within our policy, and never a page that breaks."""

from __future__ import annotations

from typing import Any

import django_rq
import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from conversations.queue import DEFAULT, hint
from tests import factories
from tests.conversations.admin.browsing import signed_in
from tests.conversations.views.reading import read

pytestmark = pytest.mark.django_db


def addresses() -> list[str]:
    """Every address of the dashboard, with something in the place of each part that varies."""
    found = []
    _space, resolver = get_resolver().namespace_dict["django_rq"]
    for pattern in resolver.url_patterns:
        assert isinstance(pattern, URLPattern)
        names = pattern.pattern.converters or {}
        if "token" not in pattern.pattern.regex.groupindex:
            values = {name: 0 if name.endswith("index") else "none" for name in names}
            found.append(reverse(f"django_rq:{pattern.name}", kwargs=values))
    return found


def break_a_job() -> Queue:
    """The queue `default`, with a job that a worker has failed at."""
    queue = Queue("default", connection=django_rq.get_connection("default"), serializer=JSONSerializer)
    queue.enqueue_call("conversations.jobs.no_such_job", args=([1],), job_id="broken", failure_ttl=60)
    SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)
    assert queue.count == 0
    return queue


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_nobody_else_comes_in(role: str) -> None:
    browser = signed_in(factories.make_user(role))
    assert len(addresses()) > 20
    for address in addresses():
        for answer in (browser.get(address), browser.post(address)):
            assert answer.status_code in (302, 403), address
            if answer.status_code == 302:
                assert answer.headers["Location"].startswith(reverse("admin:login")), address
    assert browser.get("/admin/django_rq/dashboard/", follow=True).status_code in (403, 404)


def test_a_stranger_signs_in_first() -> None:
    for address in addresses():
        answer = Client().get(address)
        assert answer.status_code == 302
        assert reverse("sign-in") in answer.headers["Location"] or reverse("admin:login") in answer.headers["Location"]


def test_the_pages_show_the_queues_and_keep_the_policy(admin_browser: Client) -> None:
    break_a_job().enqueue_call("conversations.jobs.process_webhooks", args=([1],), job_id="waiting")
    assert admin_browser.get(reverse("django_rq:home")).content.decode().count("interactive") >= 1
    broken = admin_browser.get(reverse("django_rq:job_detail", args=[1, "broken"]))
    assert "no_such_job" in broken.content.decode()
    with_jobs = [
        reverse("django_rq:jobs", args=[1]),
        reverse("django_rq:failed_jobs", args=[1]),
        reverse("django_rq:delete_job", args=[1, "broken"]),
    ]
    for address in [*addresses(), *with_jobs]:
        answer = admin_browser.get(address)
        assert answer.status_code in (200, 302, 404, 405), address
        text = answer.content.decode()
        assert " style=" not in text, address
        assert " onclick=" not in text, address
        assert "<style" not in text, address
        assert all("src=" in tag.partition(">")[0] for tag in text.split("<script")[1:]), address


def test_a_job_of_ours_that_breaks_is_not_kept_and_the_page_says_where_to_look(admin_browser: Client) -> None:
    assert hint("no_such_job", [1], queue=DEFAULT)
    default = Queue(DEFAULT, connection=django_rq.get_connection(DEFAULT), serializer=JSONSerializer)
    SimpleWorker([default], connection=default.connection, serializer=JSONSerializer).work(burst=True)
    page = read(admin_browser.get(reverse("django_rq:home")))
    failed = page.one("a", href=reverse("django_rq:failed_jobs", args=[1]))
    assert failed.text == "0"
    assert "One that breaks is not kept as failed" in page.text
    told, *_ = [one for one in page.all("p") if "names rows" in one.text]
    assert told.one("a").attributes["href"] == reverse("admin:operations")


def test_a_failed_job_is_put_back(admin_browser: Client) -> None:
    default = break_a_job()
    admin_browser.post(reverse("django_rq:requeue_job", args=[1, "broken"]))
    assert default.count == 1
    asked = admin_browser.post(
        reverse("django_rq:confirm_action", args=[1]), {"action": "delete", "_selected_action": ["broken", "gone"]}
    )
    text = asked.content.decode()
    assert 'name="job_ids" value="broken"' in text
    assert "gone (no longer there)" in text
    assert " style=" not in text
    admin_browser.post(reverse("django_rq:actions", args=[1]), {"action": "delete", "job_ids": ["broken"]})
    assert default.count == 0


@pytest.mark.parametrize(
    ("name", "arguments", "button", "danger"),
    [
        ("clear", [1], "Empty the queue", True),
        ("delete_job", [1, "broken"], "Delete the job", True),
        ("delete_failed_jobs", [1], "Delete them", True),
        ("requeue_all", [1], "Try them again", False),
    ],
)
def test_a_question_names_its_answer_and_the_way_back(
    admin_browser: Client, name: str, arguments: list[Any], button: str, danger: bool
) -> None:
    default = break_a_job()
    default.enqueue_call("conversations.jobs.process_webhooks", args=([1],), job_id="waiting")
    page = read(admin_browser.get(reverse(f"django_rq:{name}", args=arguments)))
    asked = page.one("input", type="submit")
    assert asked.attributes["value"] == button
    assert ("danger" in asked.attributes["class"]) is danger
    back = page.one("a", class_="closelink")
    assert admin_browser.get(back.attributes["href"]).status_code == 200
    admin_browser.post(reverse(f"django_rq:{name}", args=arguments))
    left = {"clear": [], "requeue_all": ["waiting", "broken"]}.get(name, ["waiting"])
    assert default.job_ids == left


def test_the_way_on_from_an_action_is_one_of_ours(admin_browser: Client) -> None:
    answer = admin_browser.post(reverse("django_rq:actions", args=[1]), {"next_url": "https://evil.example/"})
    assert answer.status_code == 400


def test_without_valkey_the_page_says_so(admin_browser: Client, settings: Any) -> None:
    nobody_listens = {"URL": "redis://127.0.0.1:1/0"}
    settings.RQ_QUEUES = {name: config | nobody_listens for name, config in settings.RQ_QUEUES.items()}
    answer = admin_browser.get(reverse("django_rq:home"))
    assert answer.status_code == 503
    assert "Valkey, which holds the wake-up calls" in answer.content.decode()


def test_a_queue_that_is_none_is_not_found(admin_browser: Client) -> None:
    assert admin_browser.get(reverse("django_rq:jobs", args=[77])).status_code == 404
    assert admin_browser.get(reverse("django_rq:job_detail", args=[0, "nothing"])).status_code == 404
