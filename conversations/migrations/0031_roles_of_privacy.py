"""Roles that were made before these permissions existed get what new sites give them: nobody's numbers are masked."""

from __future__ import annotations

from django.db import migrations

from conversations.migrations._roles import NEEDED, granting

NAMES = {
    "see_numbers": "Sees whole phone numbers; without it only their last four digits",
    "export_person": "May download everything about one person",
    "erase_person": "May erase everything about one person",
}


class Migration(migrations.Migration):
    dependencies = (("conversations", "0030_erasure"), *NEEDED)
    operations = (granting(
            {
                "agent": {"user": ("see_numbers",)},
                "supervisor": {"user": ("see_numbers",)},
                "administrator": {"user": tuple(NAMES)},
            },
            names=NAMES,
        ),)
