"""Keeps the sandbox's rows in a database of their own: the witness survives whatever happens to the product's."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

DATABASE = "sandbox"


class SandboxRouter:
    """Sends the `sandbox` app to DATABASES["sandbox"], and nothing else there."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """The sandbox's alias for its own models, no opinion on others."""
        return DATABASE if model._meta.app_label == "sandbox" else None

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool | None:
        """Rows of the sandbox relate to each other only."""
        labels = {first._meta.app_label, second._meta.app_label}
        if "sandbox" not in labels:
            return None
        return labels == {"sandbox"}

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """The sandbox's tables are made in the sandbox's database, and no other app's are."""
        if db == DATABASE or app_label == "sandbox":
            return db == DATABASE and app_label == "sandbox"
        return None
