"""Where people are signed in: what the account page lists, and ends."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SignedInSession(models.Model):
    """One browser that somebody is signed in with. No provider has a term for it.

    Deleting Django's session is what signs out; a row without one is not listed and goes with the next sweep.
    """

    user = models.ForeignKey("conversations.User", on_delete=models.CASCADE, related_name="signed_in_sessions")
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    device = models.CharField(max_length=80, blank=True, help_text=_("Browser and system, as the browser says."))
    address = models.GenericIPAddressField(null=True, blank=True)
    signed_in_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ("-seen_at",)
        verbose_name = "signed-in session"

    def __str__(self) -> str:
        return f"{self.user} on {self.device or 'an unknown device'}"
