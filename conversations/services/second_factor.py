"""Codes beside passwords: setting up an authenticator app, asking for its codes, recovery codes.

Nobody is signed in before the second factor was shown, so nothing else has to ask whether it was.
"""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

import pyotp
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from conversations.models import SecondFactor, User
from conversations.models.audit import AuditAction
from conversations.services import audit

ISSUER = "Parley"
RECOVERY_CODES = 10
FREE_FAILURES = 3
SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=15)
STEP = 30  # seconds, as every app has it
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that reads like something else


def is_required_of(user: User) -> bool:
    """Must this person have one? On a production site whoever may enter the administration."""
    return settings.SECOND_FACTOR_REQUIRED and user.is_staff


def factor_of(user: User) -> SecondFactor | None:
    """The one that this person's sign-in asks for."""
    return SecondFactor.objects.filter(user=user).first()


def new_secret() -> str:
    """What an app and we will share, in base32; nothing is kept until a code of it was shown."""
    return pyotp.random_base32()


def address_for_apps(user: User, secret: str) -> str:
    """What the QR code holds: `otpauth://totp/...`, as authenticator apps read it."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)


def confirm(user: User, secret: str, code: str, *, request: HttpRequest | None = None) -> list[str]:
    """Put an app in force with a first code of it; returns the recovery codes, which are shown this once.

    Raises ValidationError (`has_one`, `wrong_code`); then nothing is in force.
    """
    if factor_of(user) is not None:
        raise ValidationError("Your sign-in asks for a code already.", code="has_one")
    factor = SecondFactor(user=user, secret=secret)
    if not secret or not _is_used_up(factor, _plain(code)):
        raise _wrong_code()
    codes = _new_codes(factor)
    with transaction.atomic():
        factor.save()
        audit.record(AuditAction.SECOND_FACTOR, actor=user, subject=user, summary="Set up.", request=request)
    return codes


def check(user: User, code: str, *, request: HttpRequest | None = None) -> None:
    """Take a code of the app, or a recovery code, once.

    Raises ValidationError: `wrong_code`, or `shut` after too many wrong ones (5 s, then twice as long each time, up to
    15 minutes; nobody is locked out for good).
    """
    factor = factor_of(user)
    if factor is None:
        raise ValidationError("Your sign-in asks for no code.", code="none")
    try:
        _take(factor, code)
    except ValidationError:
        audit.record(
            AuditAction.SIGN_IN_FAILED, actor=None, subject=user, summary="The code was not right.", request=request
        )
        raise


def renew_recovery_codes(user: User, *, request: HttpRequest | None = None) -> list[str]:
    """Ten new ones; those before work no more. Raises ValidationError (`none`) without a second factor."""
    factor = factor_of(user)
    if factor is None:
        raise ValidationError("Your sign-in asks for no code.", code="none")
    with transaction.atomic():
        codes = _new_codes(factor)
        factor.save(update_fields=["recovery_codes"])
        audit.record(
            AuditAction.SECOND_FACTOR, actor=user, subject=user, summary="New recovery codes.", request=request
        )
    return codes


def remove(user: User, *, actor: User, request: HttpRequest | None = None) -> bool:
    """Take it away: the next sign-in asks for the password alone, or for setting up a new one. False without one."""
    with transaction.atomic():
        count, _ = SecondFactor.objects.filter(user=user).delete()
        if count:
            audit.record(AuditAction.SECOND_FACTOR, actor=actor, subject=user, summary="Removed.", request=request)
    return bool(count)


def _take(factor: SecondFactor, code: str) -> None:
    """Accept the code and remember it, or count a failure: in one transaction, under the row's lock."""
    with transaction.atomic():
        row = SecondFactor.objects.select_for_update().get(pk=factor.pk)
        now = timezone.now()
        if row.shut_until is not None and row.shut_until > now:
            seconds = max(round((row.shut_until - now).total_seconds()), 1)
            raise ValidationError(
                f"Too many wrong codes. Wait {seconds} second{'s' if seconds > 1 else ''}, then try again.", code="shut"
            )
        is_right = _is_used_up(row, _plain(code))
        if is_right:
            row.failures, row.shut_until = 0, None
        else:
            row.failures += 1
            if row.failures >= FREE_FAILURES:
                row.shut_until = now + min(SHORTEST_WAIT * 2 ** min(row.failures - FREE_FAILURES, 12), LONGEST_WAIT)
        row.save(update_fields=["last_step", "recovery_codes", "failures", "shut_until"])
    if not is_right:
        raise _wrong_code()


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _wrong_code() -> ValidationError:
    return ValidationError(
        "That code is not right. Codes change every 30 seconds: type the one that the app shows now.",
        code="wrong_code",
    )


def _is_used_up(row: SecondFactor, typed: str) -> bool:
    """Is it a code of now, or a recovery code? Then it is marked as used on the row, which the caller saves."""
    mark = _mark(row.user_id, typed)
    if mark in row.recovery_codes:
        row.recovery_codes = [kept for kept in row.recovery_codes if kept != mark]
        return True
    present = int(timezone.now().timestamp()) // STEP
    totp = pyotp.TOTP(row.secret)
    for step in (present - 1, present, present + 1):  # a phone's clock may be half a minute off
        if step > row.last_step and secrets.compare_digest(totp.generate_otp(step).encode(), typed.encode()):
            row.last_step = step
            return True
    return False


def _new_codes(factor: SecondFactor) -> list[str]:
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    factor.recovery_codes = [_mark(factor.user_id, code) for code in codes]
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _mark(user_id: int, code: str) -> str:
    """What is kept of a recovery code: fifty random bits need no slow hash."""
    return salted_hmac("second-factor", f"{user_id}:{code}", algorithm="sha256").hexdigest()
