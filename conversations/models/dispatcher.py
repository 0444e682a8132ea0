"""What the dispatchers say of themselves, for whoever watches the site."""

from __future__ import annotations

from django.db import models


class DispatcherTick(models.Model):
    """The last round of the dispatcher of one host, one row a host. No provider has a term for it.

    Of several dispatchers one leads; each replays the spool of its own host, whose size is here.
    """

    host = models.CharField(max_length=200, primary_key=True)
    process_id = models.PositiveIntegerField()
    leads = models.BooleanField(default=False)
    ticked_at = models.DateTimeField()
    spool_files = models.PositiveIntegerField(default=0, help_text="Answers kept on this host's disk.")
    spool_set_aside = models.PositiveIntegerField(default=0, help_text="Kept answers that could not be stored.")
    spool_has_room = models.BooleanField(default=True, help_text="False stops sending: an answer could not be kept.")

    class Meta:
        ordering = ("host",)

    def __str__(self) -> str:
        return self.host
