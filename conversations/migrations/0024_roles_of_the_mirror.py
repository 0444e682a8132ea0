"""Roles that were made before the mirror existed get what new sites give them."""

from __future__ import annotations

from typing import Any

from django.db import migrations

VIEW = ("view",)
SUPERVISED = dict.fromkeys(("conversationmirror", "drift"), VIEW)
EVERY = ("add", "change", "delete", "view")
OF_ROLES = {"supervisor": SUPERVISED, "administrator": dict.fromkeys(SUPERVISED, EVERY)}


def grant(apps: Any, schema_editor: Any) -> None:
    """Give them; a site that has no such role yet makes it whole after the migrations."""
    kinds, permissions = apps.get_model("contenttypes", "ContentType"), apps.get_model("auth", "Permission")
    for role, models in OF_ROLES.items():
        group = apps.get_model("auth", "Group").objects.filter(name=role).first()
        if group is None:
            continue
        for model, verbs in models.items():
            words = apps.get_model("conversations", model)._meta.verbose_name
            kind, _ = kinds.objects.get_or_create(app_label="conversations", model=model)
            for verb in verbs:
                # Django makes permissions after the migrations: in one leap from before the model there is none yet.
                permission, _ = permissions.objects.get_or_create(
                    content_type=kind, codename=f"{verb}_{model}", defaults={"name": f"Can {verb} {words}"}
                )
                group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = (
        ("conversations", "0023_mirror"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )
    operations = (migrations.RunPython(grant, migrations.RunPython.noop),)
