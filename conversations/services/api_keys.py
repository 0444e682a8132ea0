"""Keys of the JSON API: made, shown once, looked up, replaced and revoked."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from hmac import compare_digest

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from conversations.models import ApiKey, Stream, User
from conversations.models.api_key import ApiScope
from conversations.models.audit import AuditAction
from conversations.services import audit

KEY = re.compile(r"pk_([a-z2-7]{8})_[A-Za-z0-9_-]{32,64}")
CHANGEOVER = timedelta(days=7)  # how long the former key goes on after a rotation
NOTED_EVERY = timedelta(minutes=1)  # how exactly the last use is known
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def create_api_key(
    *,
    name: str,
    user: User,
    scopes: Iterable[str],
    streams: Collection[Stream] = (),
    expires_at: datetime | None = None,
    rate_per_minute: int | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Make a key that acts for `user`; returns it with its text, which cannot be shown again.

    Raises ValidationError without a name, without a scope, for a stream that the user does not see, for somebody who
    is switched off, and for an end that has passed.
    """
    more = {"rate_per_minute": rate_per_minute} if rate_per_minute else {}
    key = ApiKey(name=name, user=user, scopes=list(scopes), expires_at=expires_at, **more)
    return key, store_new_key(key, streams=streams, created_by=created_by)


@transaction.atomic
def store_new_key(key: ApiKey, *, streams: Collection[Stream], created_by: User | None) -> str:
    """Store a key that was filled in; returns its text. Raises as create_api_key does; then nothing is stored."""
    key.name = key.name.strip()
    key.scopes = check_new_key(
        name=key.name, user=key.user, scopes=key.scopes, streams=streams, expires_at=key.expires_at
    )
    key.prefix, text = _new_text()
    key.hashed_key = _digest(text)
    key.created_by = created_by
    key.save(force_insert=True)
    key.streams.set(streams)
    _note(key, created_by, f"Made for {key.user}: {', '.join(key.scopes)}.")
    return text


def find_api_key(text: str) -> ApiKey | None:
    """The key with this text, with its user; None for one that nobody has, that has ended or that was revoked."""
    found = KEY.fullmatch(text)
    if found is None:
        return None
    now, digest = timezone.now(), _digest(text)
    same = Q(prefix=found[1]) | Q(former_prefix=found[1], former_ends_at__gt=now)
    for key in ApiKey.objects.in_use(now).filter(same).select_related("user"):
        kept = key.hashed_key if key.prefix == found[1] else key.former_hashed_key
        if compare_digest(kept, digest):
            if key.last_used_at is None or key.last_used_at < now - NOTED_EVERY:
                ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
            return key
    return None


def acting_user(key: ApiKey) -> User:
    """Whom a key acts for, as a program, narrowed to its streams where it has any.

    `visible_to` of every model then finds no more, and no conversation becomes theirs by what the program sends.
    """
    key.user.is_program = True
    key.user.narrowed_to = frozenset(key.streams.values_list("pk", flat=True)) or None
    return key.user


@transaction.atomic
def rotate_api_key(key: ApiKey, *, actor: User | None) -> str:
    """Give a key a new text and return it; the present one goes on for a week, one before that ends now.

    Raises ValidationError (`revoked`) for a key that was revoked.
    """
    row = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    if row.revoked_at is not None:
        raise ValidationError("This key was revoked. Make a new one.", code="revoked")
    row.former_prefix, row.former_hashed_key = row.prefix, row.hashed_key
    row.former_ends_at = timezone.now() + CHANGEOVER
    row.prefix, text = _new_text()
    row.hashed_key = _digest(text)
    row.save(update_fields=["prefix", "hashed_key", "former_prefix", "former_hashed_key", "former_ends_at"])
    _note(row, actor, f"Replaced. The former one, pk_{row.former_prefix}, works for another week.")
    key.refresh_from_db(fields=["prefix", "hashed_key", "former_prefix", "former_hashed_key", "former_ends_at"])
    return text


@transaction.atomic
def revoke_api_key(key: ApiKey, *, actor: User | None) -> None:
    """Refuse a key, and the one before it, from now on; once revoked it stays so."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        _note(key, actor, "Revoked.")
    key.refresh_from_db(fields=["revoked_at"])


def check_streams(user: User, streams: Iterable[Stream]) -> None:
    """Raise ValidationError (`stream_unseen`) for a stream that the key's user does not see."""
    named = list(streams)
    seen = set(Stream.objects.visible_to(user).filter(pk__in=[one.pk for one in named]).values_list("pk", flat=True))
    if unseen := [one for one in named if one.pk not in seen]:
        raise ValidationError(f"{user} does not see {unseen[0]}. Leave it out.", code="stream_unseen")


def check_new_key(
    *, name: str, user: User, scopes: Iterable[str], streams: Collection[Stream], expires_at: datetime | None
) -> list[str]:
    """What a key may be used for, in the order of the scopes. Raises ValidationError with what is wrong."""
    wanted = set(scopes)
    if not name.strip():
        raise ValidationError("Say which program the key is for.", code="name_missing")
    if not wanted:
        raise ValidationError("Choose what the key may be used for.", code="scope_missing")
    if unknown := wanted - set(ApiScope.values):
        known = ", ".join(ApiScope.values)
        raise ValidationError(f"There is no scope {min(unknown)}. Choose among {known}.", code="scope_unknown")
    if not user.is_active:
        raise ValidationError(f"{user} is switched off, so the key would not work.", code="user_inactive")
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError("Choose an end that lies ahead.", code="expired")
    check_streams(user, streams)
    return [scope for scope in ApiScope.values if scope in wanted]


def _new_text() -> tuple[str, str]:
    """A new prefix, and the whole key: 32 random bytes after it."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return prefix, f"pk_{prefix}_{secrets.token_urlsafe(32)}"


def _digest(text: str) -> str:
    """What is kept of a key. It is random, so a slow hash would protect nothing."""
    return hashlib.sha256(text.encode()).hexdigest()


def _note(key: ApiKey, actor: User | None, summary: str) -> None:
    audit.record(AuditAction.API_KEY_CHANGED, actor=actor, subject=key, summary=summary)
