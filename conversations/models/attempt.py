"""One HTTP request that sent messages, and what it came to for each."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from conversations.models.message import Message
from conversations.models.stream import Stream
from messaging.types import Outcome


def worker_lives(table: str, since: str) -> RawSQL:
    """Has the worker still the session in PostgreSQL that it had at `since`? `table` has the session's backend_pid."""
    return RawSQL(  # noqa: S611 - constants of ours
        f"""EXISTS (SELECT 1 FROM pg_stat_activity AS session
                     WHERE session.pid = {table}.backend_pid AND session.backend_start <= {table}.{since})""",  # noqa: S608
        (),
        output_field=models.BooleanField(),
    )


_WORKER_LIVES = worker_lives("conversations_sendattempt", "started_at")


class SendAttemptQuerySet(models.QuerySet["SendAttempt"]):
    """Questions about attempts."""

    def under_way(self) -> SendAttemptQuerySet:
        """Begun, not ended, and the worker is still there."""
        return self.filter(_WORKER_LIVES, finished_at=None)

    def orphaned(self) -> SendAttemptQuerySet:
        """Begun, not ended, and the worker is gone, or has lost its session."""
        return self.filter(finished_at=None, backend_pid__isnull=False).exclude(_WORKER_LIVES)


class SendAttempt(models.Model):
    """One HTTP request to a provider, without its secrets; it carries 1 to n messages.

    Providers' terms: request_id (Webex Interact); the others name no request.
    """

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="attempts")
    claim = models.UUIDField(unique=True, help_text="The worker's claim: an answer that comes late is known by it.")
    operation = models.CharField(max_length=60, blank=True, help_text="Which call of the provider.")
    messages = models.ManyToManyField(Message, through="AttemptResult", related_name="attempts")
    chunk = models.ForeignKey(
        "conversations.CampaignChunk",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="attempts",
        db_index=False,
    )
    is_bulk = models.BooleanField(default=False, help_text="Did it carry several messages, as a bulk worker's?")
    backend_pid = models.IntegerField(
        null=True, blank=True, help_text="The worker's session in PostgreSQL: when it is gone, so is the worker."
    )
    started_at = models.DateTimeField()
    on_wire_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    request_id = models.CharField(max_length=200, blank=True, help_text="The provider's id of the request.")
    request_method = models.CharField(max_length=8, blank=True)
    request_url = models.CharField(max_length=500, blank=True)
    request_body = models.TextField(blank=True)
    response_body = models.TextField(blank=True)

    objects = SendAttemptQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        indexes = [
            models.Index(fields=("stream",), name="attempt_under_way", condition=Q(finished_at__isnull=True)),
            models.Index(fields=("chunk",), name="attempt_of_chunk", condition=Q(chunk__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.operation} at {self.started_at:%Y-%m-%d %H:%M:%S}"


class AttemptResult(models.Model):
    """What one request came to for one message. No provider has a term for it.

    The constraint is the last guard against doubling: a message can be on the wire, unconfirmed or accepted in
    one attempt only, unless a person released it.
    """

    attempt = models.ForeignKey(SendAttempt, on_delete=models.CASCADE, related_name="results", db_index=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="results")
    on_wire = models.BooleanField(default=False)
    outcome = models.CharField(
        max_length=12, blank=True, choices=[(outcome.value, outcome.value) for outcome in Outcome]
    )
    external_id = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=60, blank=True)
    text = models.TextField(blank=True, help_text=_("The provider's own words."))
    released_at = models.DateTimeField(null=True, blank=True, help_text="When a person accepted a possible double.")
    released_by = models.ForeignKey(
        "conversations.User",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="released_results",
        db_index=False,
    )

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=("attempt", "message"), name="attempt_result_once"),
            models.UniqueConstraint(
                fields=("message",),
                condition=Q(
                    on_wire=True,
                    released_at__isnull=True,
                    outcome__in=("", Outcome.ACCEPTED.value, Outcome.UNCONFIRMED.value),
                ),
                name="message_on_the_wire_once",
            ),
        ]
        indexes = [
            models.Index(fields=("released_by",), name="result_released_by", condition=Q(released_by__isnull=False))
        ]

    def __str__(self) -> str:
        return self.outcome or "under way"
