"""Administrators of sites that stand already may make webhooks to other systems, as those of new ones."""

from __future__ import annotations

from django.db import migrations

from conversations.migrations._roles import EVERY, NEEDED, granting


class Migration(migrations.Migration):
    dependencies = (("conversations", "0038_outgoing_webhooks"), *NEEDED)
    operations = (granting({"administrator": dict.fromkeys(("webhooksubscription", "webhookdelivery"), EVERY)}),)
