"""Roles that were made before the reports existed get what new sites give them."""

from __future__ import annotations

from typing import Any

from django.db import migrations

HOURS = {
    "workinghours": ("add", "change", "view"),
    "workingperiod": ("add", "change", "delete", "view"),
    "holiday": ("add", "change", "delete", "view"),
}
EVERY = ("add", "change", "delete", "view")
KEPT = ("reportchange", "reportcount", "conversationtimes")
OF_ROLES = {"supervisor": HOURS, "administrator": dict.fromkeys((*HOURS, *KEPT), EVERY)}
SEES_REPORTS = ("view_reports", "May see the reports of their streams")


def grant(apps: Any, schema_editor: Any) -> None:
    """Give them; a site that has no such role yet makes it whole after the migrations."""
    kinds, permissions = apps.get_model("contenttypes", "ContentType"), apps.get_model("auth", "Permission")
    for role, models in OF_ROLES.items():
        group = apps.get_model("auth", "Group").objects.filter(name=role).first()
        if group is None:
            continue
        wanted = [("user", *SEES_REPORTS)]
        for model, verbs in models.items():
            words = apps.get_model("conversations", model)._meta.verbose_name
            wanted += [(model, f"{verb}_{model}", f"Can {verb} {words}") for verb in verbs]
        for model, codename, name in wanted:
            kind, _ = kinds.objects.get_or_create(app_label="conversations", model=model)
            # Django makes permissions after the migrations: in one leap from before the model there is none yet.
            permission, _ = permissions.objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": name}
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = (
        ("conversations", "0027_reports"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )
    operations = (migrations.RunPython(grant, migrations.RunPython.noop),)
