"""Keys of the JSON API: kept as a digest, for one person, on some streams; and the answers that are given again."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from conversations.models import ApiKey, AuditEntry, Contact, Conversation, IdempotentRequest, Message, Stream, User
from conversations.services import api_keys, erasure, idempotency
from conversations.services.idempotency import Answer
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def priya() -> User:
    user = factories.make_user(name="Priya Nair", email="priya@fernhill.example")
    factories.make_team(
        members=[user], streams=[factories.make_stream(name="Care"), factories.make_stream(name="Sales")]
    )
    return user


@pytest.fixture
def key(priya: User) -> ApiKey:
    return api_keys.create_api_key(name="Orders", user=priya, scopes=["read", "send"])[0]


def test_a_key_is_shown_once_and_kept_as_a_digest(priya: User) -> None:
    key, text = api_keys.create_api_key(name=" Orders ", user=priya, scopes=["send", "read"], created_by=priya)
    assert api_keys.KEY.fullmatch(text)
    assert text not in json.dumps(list(ApiKey.objects.values()), default=str)
    assert (key.name, key.scopes) == ("Orders", ["read", "send"])
    assert api_keys.find_api_key(text) == key
    entry = AuditEntry.objects.get(action="api_key_changed")
    assert (entry.actor, entry.subject) == (priya, f"Orders (pk_{key.prefix})")
    assert text not in entry.summary


@pytest.mark.parametrize("text", ["", "pk_", "pk_aaaaaaaa_" + "a" * 43, "é" * 60, "pk_aaaaaaaa_" + "a" * 5000, "\0"])
def test_what_is_no_key_is_nobodys(text: str, key: ApiKey) -> None:
    assert api_keys.find_api_key(text) is None


def test_another_secret_under_a_known_prefix_is_refused(priya: User) -> None:
    _, text = api_keys.create_api_key(name="Orders", user=priya, scopes=["read"])
    assert api_keys.find_api_key(text[:-1] + ("a" if text[-1] != "a" else "b")) is None


def test_the_last_use_is_noted_once_a_minute(priya: User) -> None:
    key, text = api_keys.create_api_key(name="Orders", user=priya, scopes=["read"])
    api_keys.find_api_key(text)
    key.refresh_from_db()
    first = key.last_used_at
    assert first is not None
    api_keys.find_api_key(text)
    key.refresh_from_db()
    assert key.last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    api_keys.find_api_key(text)
    key.refresh_from_db()
    assert key.last_used_at >= first


@pytest.mark.parametrize("how", ["expired", "revoked", "switched off"])
def test_a_key_that_is_over_is_refused(how: str, priya: User) -> None:
    key, text = api_keys.create_api_key(name="Orders", user=priya, scopes=["read"])
    if how == "expired":
        ApiKey.objects.update(expires_at=timezone.now())
    elif how == "revoked":
        api_keys.revoke_api_key(key, actor=priya)
    else:
        User.objects.filter(pk=priya.pk).update(is_active=False)
    assert api_keys.find_api_key(text) is None


def test_a_replaced_key_goes_on_for_a_week_and_the_one_before_it_ends(priya: User) -> None:
    key, first = api_keys.create_api_key(name="Orders", user=priya, scopes=["read"])
    second = api_keys.rotate_api_key(key, actor=priya)
    assert api_keys.find_api_key(first) == api_keys.find_api_key(second) == key
    third = api_keys.rotate_api_key(key, actor=priya)
    assert api_keys.find_api_key(first) is None
    assert api_keys.find_api_key(second) == api_keys.find_api_key(third) == key
    ApiKey.objects.update(former_ends_at=timezone.now())
    assert api_keys.find_api_key(second) is None
    api_keys.revoke_api_key(key, actor=priya)
    with pytest.raises(ValidationError, match="revoked"):
        api_keys.rotate_api_key(key, actor=priya)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "name_missing"),
        ({"scopes": []}, "scope_missing"),
        ({"scopes": ["read", "root"]}, "scope_unknown"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expired"),
    ],
)
def test_what_makes_no_key(changes: dict, code: str, priya: User) -> None:
    with pytest.raises(ValidationError) as refusal:
        api_keys.create_api_key(**({"name": "Orders", "user": priya, "scopes": ["read"]} | changes))
    assert refusal.value.code == code
    assert not ApiKey.objects.exists()


def test_a_key_is_for_streams_that_its_user_sees(priya: User) -> None:
    with pytest.raises(ValidationError) as refusal:
        api_keys.create_api_key(name="Orders", user=priya, scopes=["read"], streams=[factories.make_stream()])
    assert refusal.value.code == "stream_unseen"


@pytest.mark.parametrize("role", ["agent", "administrator"])
def test_whoever_is_narrowed_sees_only_those_streams(role: str, priya: User) -> None:
    care, sales = Stream.objects.get(name="Care"), Stream.objects.get(name="Sales")
    for stream in (care, sales):
        factories.make_message(factories.make_conversation(stream))
    user = priya if role == "agent" else factories.make_user("administrator")
    assert (Stream.objects.visible_to(user).count(), Conversation.objects.visible_to(user).count()) == (2, 2)
    user.narrowed_to = frozenset([care.pk])
    assert set(Stream.objects.visible_to(user)) == set(Stream.objects.sendable_by(user)) == {care}
    assert Conversation.objects.visible_to(user).get().stream == care
    assert Message.objects.visible_to(user).get().stream == care
    assert Contact.objects.visible_to(user).count() == 1
    user.narrowed_to = frozenset()
    assert not Stream.objects.visible_to(user).exists()


def test_the_same_request_is_done_once(key: ApiKey) -> None:
    done: list[int] = []

    def act() -> Answer:
        done.append(1)
        return Answer(201, '{"id": 7}')

    assert idempotency.once(key, "a", "same", act) == Answer(201, '{"id": 7}')
    assert idempotency.once(key, "a", "same", act) == Answer(201, '{"id": 7}', is_replay=True)
    with pytest.raises(ValidationError) as refusal:
        idempotency.once(key, "a", "another", act)
    assert refusal.value.code == "key_reused"
    assert len(done) == 1


def test_a_refusal_stores_nothing_and_leaves_the_key_free(key: ApiKey) -> None:
    def refuse() -> Answer:
        factories.make_contact("+447700900555")
        return Answer(422, "{}")

    assert idempotency.once(key, "a", "same", refuse).status == 422
    assert not Contact.objects.exists()
    assert idempotency.once(key, "a", "other", lambda: Answer(200, "")) == Answer(200, "")


def test_answers_are_forgotten_after_a_week(key: ApiKey) -> None:
    for name in ("old", "new"):
        idempotency.once(key, name, "same", lambda: Answer(200, ""))
    IdempotentRequest.objects.filter(key="old").update(created_at=timezone.now() - timedelta(days=7, minutes=1))
    assert idempotency.forget_old(timezone.now()) == 1
    assert IdempotentRequest.objects.get().key == "new"


def test_answers_about_an_erased_person_go_with_them(key: ApiKey) -> None:
    conversation = factories.make_conversation(contact=factories.make_contact("+447700900555"))
    answers = {
        "about": json.dumps({"conversation": conversation.pk}),
        "number": '{"to": "+447700900555"}',
        "other": "{}",
    }
    for name, body in answers.items():
        idempotency.once(key, name, "same", lambda body=body: Answer(201, body))
    erasure.erase(conversation.contact, reason="Asked by letter", actor=None)
    assert list(IdempotentRequest.objects.values_list("key", flat=True)) == ["other"]


def test_the_command_prints_the_key(priya: User) -> None:
    out = StringIO()
    named = ("--name", "Orders", "--user", priya.email, "--scope", "read", "--scope", "send", "--stream", "Care")
    call_command("create_api_key", *named, "--json", stdout=out, expires="2999-01-31T00:00Z", per_minute=60)
    told = json.loads(out.getvalue())
    key = api_keys.find_api_key(told["key"])
    assert key is not None
    assert (key.user, key.scopes, key.rate_per_minute) == (priya, ["read", "send"], 60)
    assert [stream.name for stream in key.streams.all()] == ["Care"]
    assert told["expires_at"] == "2999-01-31T00:00:00+00:00"
    out = StringIO()
    call_command("create_api_key", "--name", "Orders", "--user", priya.email, "--scope", "read", stdout=out)
    assert api_keys.find_api_key(out.getvalue().strip())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"user": "nobody@fernhill.example"}, "Nobody signs in"),
        ({"stream": ["Elsewhere"]}, "no stream called Elsewhere"),
        ({"per_minute": 0}, "1 or more"),
        ({"user": ""}, "Name whom"),
    ],
)
def test_the_command_refuses_in_a_sentence(options: dict, sentence: str, priya: User) -> None:
    given = {"name": "Orders", "user": priya.email, "scope": ["read"], **options}
    with pytest.raises(CommandError, match=sentence):
        call_command("create_api_key", **given)
    assert not ApiKey.objects.exists()
