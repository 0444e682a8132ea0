"""Who may call the sandbox, and from which numbers and names it sends."""

from __future__ import annotations

from django.db import models


class Provider(models.TextChoices):
    """The provider systems of the documents; the values are the first part of every path (see plays.py)."""

    CIRRUS = "cirrus", "Cirrus"
    CCAI_PLATFORM = "ccai_platform", "CCAI Platform"
    WEBEX_INTERACT = "webex_interact", "Webex Interact"


class SandboxChannel(models.TextChoices):
    """How a message reaches a virtual phone."""

    SMS = "sms", "SMS"
    WHATSAPP = "whatsapp", "WhatsApp"


class FaultSetting(models.Model):
    """What goes wrong for a phone or an account: a key of `faults.FAULTS`, its numbers, and how often.

    `fault_settings` may hold `seconds`, `retry_after`, `status`, `location`; `fault_times` is how many requests or
    messages it still applies to, null until it is changed.
    """

    fault = models.CharField(max_length=40, default="ok")
    fault_settings = models.JSONField(default=dict, blank=True)
    fault_times = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        abstract = True


class SandboxAccount(FaultSetting):
    """A customer account at one provider.

    Providers' terms: Cirrus account and API key, CCAI subdomain and token, Webex API project and access key.
    """

    provider = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    # cirrus: api_key; ccai_platform: subdomain, token; webex_interact: access_key
    credentials = models.JSONField(default=dict)
    webhook_url = models.CharField(max_length=500, blank=True)
    # what webhooks are signed with or carry: primary and secondary for ccai_platform, else primary alone
    webhook_secrets = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)  # off: its key is refused with 401
    sms_enabled = models.BooleanField(default=True)
    outbound_enabled = models.BooleanField(default=True)
    sends_receipts = models.BooleanField(default=True)
    status_as_text = models.BooleanField(default=False)  # Cirrus: "200" instead of 200 in the envelope
    webhooks_as_xml = models.BooleanField(default=False)  # Cirrus: the XML rendering of its events
    # Webhooks for what callers and agents of the provider do too: activities, tags, their messages, who is in a chat
    tells_changes = models.BooleanField(default=False)
    requests_per_second = models.PositiveIntegerField(null=True, blank=True)  # above it: 429
    delivered_after = models.FloatField(default=0.4)  # seconds
    read_after = models.FloatField(default=0.8)  # seconds

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="sandbox_account_name")]
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class SandboxStream(models.Model):
    """One number or name that an account sends from, on one channel.

    Providers' terms: Cirrus stream (STREAM_ID and ENCRYPTED_STREAM_ID), CCAI outbound_number, Webex sender.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="streams")
    name = models.CharField(max_length=80)  # what a phone shows above the thread
    channel = models.CharField(max_length=10, choices=SandboxChannel, default=SandboxChannel.SMS)
    stream_id = models.BigIntegerField(null=True, blank=True)  # Cirrus's number for it
    encrypted_id = models.CharField(max_length=200, blank=True)  # decoded: with its plain "="
    sender = models.CharField(max_length=40, blank=True)  # Webex's sender name
    number = models.CharField(max_length=20, blank=True)  # E.164; where customers' answers arrive
    initial_text = models.TextField(blank=True)  # what "send initial SMS" sends
    sender_id = models.CharField(max_length=40, blank=True)  # Webex's ssd_ id
    number_id = models.CharField(max_length=40, blank=True)  # Webex's num_ id
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "stream_id"],
                condition=models.Q(stream_id__isnull=False),
                name="sandbox_stream_number",
            ),
            models.UniqueConstraint(fields=["account", "name", "channel"], name="sandbox_stream_name"),
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Agent(models.Model):
    """A person who answers customers in the provider's own console.

    Providers' terms: Cirrus manager (identityId, UserIdentity, ManagerId), CCAI agent, Webex none.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="agents")
    agent_id = models.BigIntegerField()
    agent_number = models.PositiveIntegerField(default=1)
    email = models.CharField(max_length=255)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "agent_id"], name="sandbox_agent_id")]
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """First and last name, or the address where there is none."""
        return f"{self.first_name} {self.last_name}".strip() or self.email


class WhatsAppTemplate(models.Model):
    """A template as WhatsApp approved it. A name that an account has no row for is shown by its values alone.

    Providers' terms: Cirrus template (whatsapp_hsm_name), the others none.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="whatsapp_templates")
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=10)
    status = models.CharField(max_length=20, default="APPROVED")
    components = models.JSONField(default=list)  # Meta's shape: [{"type": "BODY", "text": "Hello {{1}}"}, ...]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "name", "language"], name="sandbox_whatsapp_template")
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class ContentTemplate(models.Model):
    """A text kept at the provider and named by its id instead of being sent along.

    Providers' terms: Webex template (template_id, stp_ ids), the others none.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="content_templates")
    template_id = models.CharField(max_length=40)
    name = models.CharField(max_length=80, blank=True)
    body = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "template_id"], name="sandbox_content_template")]
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name or self.template_id
