"""Giving the roles of sites that stand already what new sites give them (conversations/permissions.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import migrations

NEEDED = (("auth", "0012_alter_user_first_name_max_length"), ("contenttypes", "0002_remove_content_type_name"))


def granting(of_roles: Mapping[str, Collection[str]], *, model: str, names: Mapping[str, str]) -> migrations.RunPython:
    """An operation that gives roles permissions about a model, by codename; `names` are what they are called.

    A role that a site does not have yet is made whole after the migrations. The migration depends on NEEDED too.
    """

    def grant(apps: Any, schema_editor: Any) -> None:
        kinds, permissions = apps.get_model("contenttypes", "ContentType"), apps.get_model("auth", "Permission")
        kind, _ = kinds.objects.get_or_create(app_label="conversations", model=model)
        for role in apps.get_model("auth", "Group").objects.filter(name__in=of_roles):
            for codename in of_roles[role.name]:
                # Django makes permissions after the migrations: in one leap from before there is none yet.
                permission, _ = permissions.objects.get_or_create(
                    content_type=kind, codename=codename, defaults={"name": names[codename]}
                )
                role.permissions.add(permission)

    return migrations.RunPython(grant, migrations.RunPython.noop)
