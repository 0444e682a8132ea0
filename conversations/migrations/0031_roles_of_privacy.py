"""Roles that were made before these permissions existed get what new sites give them: nobody's numbers are masked."""

from __future__ import annotations

from typing import Any

from django.db import migrations

NAMES = {
    "see_numbers": "Sees whole phone numbers; without it only their last four digits",
    "export_person": "May download everything about one person",
    "erase_person": "May erase everything about one person",
}
OF_ROLES = {"agent": ("see_numbers",), "supervisor": ("see_numbers",), "administrator": tuple(NAMES)}


def grant(apps: Any, schema_editor: Any) -> None:
    """Give them; a site that has no such role yet makes it whole after the migrations."""
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="conversations", model="user"
    )
    permissions = apps.get_model("auth", "Permission").objects
    for role, codenames in OF_ROLES.items():
        group = apps.get_model("auth", "Group").objects.filter(name=role).first()
        for codename in codenames if group is not None else ():
            # Django makes permissions after the migrations.
            permission, _ = permissions.get_or_create(
                content_type=kind, codename=codename, defaults={"name": NAMES[codename]}
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = (
        ("conversations", "0030_erasure"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )
    operations = (migrations.RunPython(grant, migrations.RunPython.noop),)
