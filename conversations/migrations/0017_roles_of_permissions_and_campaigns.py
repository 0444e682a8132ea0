"""Roles that were made before keywords, policies and campaigns existed get what new sites give them."""

from __future__ import annotations

from django.db import migrations

from conversations.migrations._roles import EVERY, NEEDED, VIEW, granting

SUPERVISED = {"campaign": VIEW, "campaignrecipient": VIEW, "keywordset": ("add", "change", "view")}
SUPERVISED |= dict.fromkeys(
    ("sendingpolicy", "templateversion", "templatestatuschange", "attachment", "numbercheck"), VIEW
)


class Migration(migrations.Migration):
    dependencies = (("conversations", "0016_triggers_of_campaigns"), *NEEDED)
    operations = (granting({"supervisor": SUPERVISED, "administrator": dict.fromkeys(SUPERVISED, EVERY)}),)
