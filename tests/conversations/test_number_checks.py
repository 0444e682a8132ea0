"""Asking WhatsApp about a number: with a permission, so many a day, the answer kept with its age."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversations.models import NumberCheck, OptIn
from conversations.services import consent
from conversations.services.number_checks import check_number
from tests import factories
from tests.sandbox.playing import AMIRA, PlayedSandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> factories.SandboxStreams:
    return factories.make_sandbox_streams(product_sandbox.url)


@pytest.fixture
def amira(streams: factories.SandboxStreams) -> Any:
    contact = factories.make_contact(AMIRA, first_name="Amira")
    factories.make_conversation(streams["whatsapp"], contact)
    return contact


def refused(**given: Any) -> str:
    with pytest.raises(ValidationError) as found:
        check_number(**given)
    return str(found.value.code)


def test_an_answer_is_kept_with_who_asked(streams: factories.SandboxStreams, amira: Any) -> None:
    factories.opt_in(amira)
    check = check_number(stream=streams["whatsapp"], phone=AMIRA, actor=streams.priya)
    assert (check.on_whatsapp, check.checked_by) == (True, streams.priya)


def test_nothing_is_asked_without_a_permission_that_still_holds(
    streams: factories.SandboxStreams, amira: Any, product_sandbox: PlayedSandbox
) -> None:
    given = {"stream": streams["whatsapp"], "phone": AMIRA, "actor": streams.priya}
    assert refused(**given) == "no_opt_in"
    factories.opt_in(amira)
    consent.record(OptIn(contact=amira, channel="whatsapp", event="opt_out", source="agent"))
    assert refused(**given) == "no_opt_in"
    assert refused(**{**given, "stream": streams["cirrus"]}) == "no_whatsapp"
    assert refused(**{**given, "actor": factories.make_user()}) == "not_allowed"
    assert product_sandbox.ledger(kind="request") == []


def test_a_day_has_so_many_checks(streams: factories.SandboxStreams, amira: Any) -> None:
    factories.opt_in(amira)
    stream = streams["whatsapp"]
    stream.checks_per_day = 2
    stream.save()
    given = {"stream": stream, "phone": AMIRA, "actor": None}
    for _ in range(2):
        check_number(**given)
    assert refused(**given) == "too_many_checks"
    NumberCheck.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert check_number(**given).on_whatsapp


def test_a_question_without_an_answer_counts(streams: factories.SandboxStreams, amira: Any) -> None:
    factories.opt_in(amira)
    stream = streams["whatsapp"]
    stream.account.credentials = {"api_key": "revoked"}
    stream.account.save()
    refused(stream=stream, phone=AMIRA, actor=None)
    assert NumberCheck.objects.get().on_whatsapp is None


def test_the_page_of_a_contact_tells_and_asks(streams: factories.SandboxStreams, amira: Any, client: Client) -> None:
    client.force_login(streams.priya)
    address = reverse("contact", args=[amira.pk])
    assert "once a WhatsApp permission is on record" in client.get(address).content.decode()
    factories.opt_in(amira)
    page = client.get(address).content.decode()
    assert "Not known whether the number is on WhatsApp" in page
    assert "WhatsApp bans businesses" in page
    client.post(reverse("check-number", args=[amira.pk]), {"stream": streams["whatsapp"].pk})
    NumberCheck.objects.update(created_at=timezone.now() - timedelta(days=3))
    page = client.get(address).content.decode()
    assert "The number is on WhatsApp" in page
    assert "asked 3 days ago by Priya Nair" in page
    stranger = factories.make_user()
    client.force_login(stranger)
    asked = client.post(reverse("check-number", args=[amira.pk]), {"stream": streams["whatsapp"].pk})
    assert asked.status_code == 404
