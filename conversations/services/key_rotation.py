"""Encrypting everything again with the first of FIELD_ENCRYPTION_KEYS, so that an old key can be dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Model

from conversations.models.fields import EncryptedJSONField

AT_ONCE = 200


def encrypted_columns() -> Iterator[tuple[type[Model], str]]:
    """Every model of ours with an encrypted field, and the field."""
    for model in apps.get_app_config("conversations").get_models():
        for field in model._meta.get_fields():
            if isinstance(field, EncryptedJSONField):
                yield model, field.name


def rotate() -> dict[str, int]:
    """Write every encrypted value anew; returns how many there were, by column.

    Raises ImproperlyConfigured when a value cannot be read by any key; what was written before stays, and the keys
    that were there can still read it.
    """
    return {f"{model.__name__}.{name}": _rotate_column(model, name) for model, name in encrypted_columns()}


def _rotate_column(model: type[Model], name: str) -> int:
    count, after = 0, 0
    rows: Any = model._default_manager
    while ids := list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        after = ids[-1]
        with transaction.atomic():
            for pk, value in rows.filter(pk__in=ids).select_for_update().values_list("pk", name):
                if value is not None:
                    rows.filter(pk=pk).update(**{name: value})
                    count += 1
    return count
