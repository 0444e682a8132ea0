"""The second thing somebody shows when they sign in: a code from their phone, or one of their recovery codes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.fields import EncryptedJSONField


class SecondFactor(models.Model):
    """One person's authenticator app (TOTP, RFC 6238), of which a code was shown.

    No provider has a term for it. `recovery_codes` are hashes; each works once and is gone.
    """

    user = models.OneToOneField("conversations.User", on_delete=models.CASCADE, related_name="second_factor")
    secret = EncryptedJSONField(editable=False)
    confirmed_at = models.DateTimeField(auto_now_add=True)
    last_step = models.BigIntegerField(default=0, help_text=_("The half minute of the last code taken."))
    recovery_codes = models.JSONField(default=list, blank=True, editable=False)
    failures = models.PositiveSmallIntegerField(default=0)
    shut_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "second factor"

    def __str__(self) -> str:
        return f"Second factor of {self.user}"
