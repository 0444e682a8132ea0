"""Roles that were made before canned replies and tags existed get what new sites give them."""

from __future__ import annotations

from django.db import migrations

from conversations.migrations._roles import EVERY, NEEDED, granting


class Migration(migrations.Migration):
    dependencies = (("conversations", "0011_permissions"), *NEEDED)
    operations = (granting(
            {
                "supervisor": {"cannedreply": EVERY, "tag": ("add", "change", "view")},
                "administrator": {"cannedreply": EVERY, "tag": EVERY},
            }
        ),)
