"""The ledger of permissions, and who may lift an opt-out."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from conversations.models import ConsentState, Contact, OptIn
from conversations.services import consent
from tests import factories

pytestmark = pytest.mark.django_db


def record(contact: Contact, event: str, **fields: Any) -> OptIn:
    fields = {"channel": "sms", "source": "agent", "wording": "May Fernhill text you? Yes."} | fields
    return consent.record(OptIn(contact=contact, event=event, **fields))


def test_the_present_state_is_the_last_decision_per_purpose() -> None:
    contact = factories.make_contact()
    record(contact, "opt_in")
    record(contact, "opt_out", purpose="marketing")
    state = ConsentState.objects.get(phone=contact.phone, channel="sms")
    assert (state.service, state.marketing) == ("opted_in", "opted_out")
    assert OptIn.objects.count() == 2


def test_channels_are_apart() -> None:
    contact = factories.make_contact()
    record(contact, "opt_out")
    assert consent.is_opted_out(contact.phone, "sms")
    assert not consent.is_opted_out(contact.phone, "whatsapp")


def test_an_opt_in_without_its_words_is_refused() -> None:
    with pytest.raises(ValidationError) as found:
        record(factories.make_contact(), "opt_in", wording=" ")
    assert found.value.code == "wording_missing"
    assert not OptIn.objects.exists()
    assert not ConsentState.objects.exists()


@pytest.mark.parametrize(
    ("role", "evidence", "code"),
    [("agent", "Call of 3 March", "not_allowed"), ("supervisor", " ", "proof_missing"), (None, "", "proof_missing")],
)
def test_an_opt_out_is_lifted_by_right_and_with_proof_only(role: str | None, evidence: str, code: str) -> None:
    contact = factories.make_contact()
    record(contact, "opt_out")
    somebody = factories.make_user(role) if role else None
    with pytest.raises(ValidationError) as found:
        record(contact, "opt_in", recorded_by=somebody, evidence=evidence)
    assert found.value.code == code
    assert consent.is_opted_out(contact.phone, "sms")
    assert OptIn.objects.count() == 1


def test_a_supervisor_with_proof_lifts_it() -> None:
    contact = factories.make_contact()
    record(contact, "opt_out")
    record(contact, "opt_in", recorded_by=factories.make_user("supervisor"), evidence="Signed form 118")
    assert not consent.is_opted_out(contact.phone, "sms")


def test_the_customer_lifts_it_alone() -> None:
    contact = factories.make_contact()
    record(contact, "opt_out")
    record(contact, "opt_in", source="keyword", wording="START")
    assert not consent.is_opted_out(contact.phone, "sms")


def test_a_decision_that_reaches_us_twice_is_one_line_in_the_conversation() -> None:
    amira = factories.make_conversation()

    def lines() -> list[str]:
        return list(amira.activities.filter(kind__startswith="opt_").values_list("kind", flat=True))

    for event, said in (("opt_out", ["opt_out"]), ("opt_in", ["opt_out", "opt_in"])):
        for source in ("keyword", "provider"):
            record(amira.contact, event, channel=amira.stream.channel, source=source)
        assert lines() == said
    assert OptIn.objects.count() == 4
    record(amira.contact, "opt_out", channel=amira.stream.channel, source="provider", purpose="marketing")
    record(amira.contact, "opt_out", channel=amira.stream.channel)
    record(amira.contact, "opt_out", channel=amira.stream.channel)
    assert lines() == ["opt_out", "opt_in", "opt_out", "opt_out", "opt_out"]  # what agents record is never left out
