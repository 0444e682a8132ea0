"""Giving the roles of sites that stand already what new sites give them (conversations/permissions.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import migrations

NEEDED = (("auth", "0012_alter_user_first_name_max_length"), ("contenttypes", "0002_remove_content_type_name"))
VIEW = ("view",)
EVERY = ("add", "change", "delete", "view")


def granting(
    of_roles: Mapping[str, Mapping[str, Collection[str]]], *, names: Mapping[str, str] | None = None
) -> migrations.RunPython:
    """An operation that gives roles what they may do, by model: Django's four verbs, or codenames of our own.

    `names` says what each of those codenames is called. A role that a site does not have yet is made whole after the
    migrations. The migration depends on NEEDED too.
    """
    called = names or {}

    def grant(apps: Any, schema_editor: Any) -> None:
        kinds, permissions = apps.get_model("contenttypes", "ContentType"), apps.get_model("auth", "Permission")
        for role in apps.get_model("auth", "Group").objects.filter(name__in=of_roles):
            for model, words in of_roles[role.name].items():
                kind, _ = kinds.objects.get_or_create(app_label="conversations", model=model)
                label = apps.get_model("conversations", model)._meta.verbose_name
                for word in words:
                    codename, name = (f"{word}_{model}", f"Can {word} {label}") if word in EVERY else (word, called[word])
                    # Django makes permissions after the migrations: in one leap from before there is none yet.
                    permission, _ = permissions.objects.get_or_create(
                        content_type=kind, codename=codename, defaults={"name": name}
                    )
                    role.permissions.add(permission)

    return migrations.RunPython(grant, migrations.RunPython.noop)
