"""A question to WhatsApp whether a number can be reached there, and the answer."""

from __future__ import annotations

from django.db import models


class NumberCheck(models.Model):
    """One check of one number. WhatsApp bans businesses that check many numbers and write to few.

    Providers' terms: validatecontact (Cirrus).
    """

    stream = models.ForeignKey("conversations.Stream", on_delete=models.CASCADE, related_name="number_checks")
    phone = models.CharField(max_length=16)
    on_whatsapp = models.BooleanField(null=True, help_text="Empty while there is no answer.")
    checked_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="number_checks"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=("phone", "-id"), name="number_check_of_phone"),
            models.Index(fields=("stream", "created_at"), name="number_check_of_day"),
        ]

    def __str__(self) -> str:
        return f"Check #{self.pk}"
