"""The words by which customers stop, start and ask for help, as the supervisors keep them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

_LISTED = _("Whole messages, parted by commas. Case, accents, spaces and signs do not matter.")


class KeywordSet(models.Model):
    """The words of one language, and what customers are answered in it. No provider has a term for it.

    A language without a row has the words of messaging/keywords.py, from which rows are filled at first.
    """

    language = models.CharField(max_length=8, unique=True, help_text=_("Two letters, such as en or fr."))
    stop = models.TextField(help_text=_LISTED)
    start = models.TextField(blank=True, help_text=_LISTED)
    yes = models.TextField(
        blank=True, help_text=_("Whole messages that mean START, but only from somebody who has opted out.")
    )
    help = models.TextField(blank=True, help_text=_LISTED)
    polite = models.TextField(
        blank=True, help_text=_("Words that may stand around a stop word: what comes near is put to an agent.")
    )
    near = models.TextField(blank=True, help_text=_("Phrases in longer messages that are put to an agent."))
    stop_reply = models.TextField(
        blank=True, max_length=480, help_text=_("The one confirmation of an opt-out. {business} is put in.")
    )
    start_reply = models.TextField(
        blank=True, max_length=480, help_text=_("The confirmation of a new subscription. {business} is put in.")
    )
    help_reply = models.TextField(
        blank=True, max_length=480, help_text=_("The answer to HELP. {business} and {contact} are put in.")
    )
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[models.Manager[KeywordSet]] = models.Manager()

    class Meta:
        ordering = ("language",)
        verbose_name = "keywords of a language"
        verbose_name_plural = "keywords"

    def __str__(self) -> str:
        return self.language
