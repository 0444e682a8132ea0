"""Administrators whose role was made before there were API keys get what new sites give them."""

from __future__ import annotations

from django.db import migrations

from conversations.migrations._roles import NEEDED, granting


class Migration(migrations.Migration):
    dependencies = (("conversations", "0035_api_keys"), *NEEDED)
    operations = (granting({"administrator": {"apikey": ("add", "change", "view")}}),)
