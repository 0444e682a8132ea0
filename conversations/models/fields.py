"""Fields that Django does not have."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from conversations.models.composed import Given

E164 = r"^\+[1-9][0-9]{5,14}$"


@cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS must hold Fernet keys (32 bytes in URL-safe base64), separated by commas."
        ) from error


@models.CharField.register_lookup
class AnyOf(models.Lookup):  # generic to the type checker only
    """`phone__any_of=`: one of these numbers, which are one value of the statement; `__in` makes a value of each.

    For texts without a comma: they travel in one text, because psycopg quotes each cell of an array by itself.
    """

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        given = self.rhs if isinstance(self.rhs, Given) else ",".join(self.rhs)  # whoever gives them joins them
        return f"{left} = ANY(string_to_array(%s, ','))", (*values, given)


if TYPE_CHECKING:
    _AnyValue = models.TextField[Any, Any]
else:
    _AnyValue = models.TextField  # generic to the type checker only


class EncryptedJSONField(_AnyValue):
    """A JSON value encrypted at rest with the first of FIELD_ENCRYPTION_KEYS; every key of the list can read it.

    Rotation: put a new key first, save the rows again, drop the old key.
    """

    description = "Encrypted JSON"

    # What django-stubs reads off the class: any JSON value goes in and comes out.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        if not value:
            return None
        try:
            return json.loads(_cipher(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(value.encode()))
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "Stored credentials cannot be read: FIELD_ENCRYPTION_KEYS lacks the key they were saved with."
            ) from error

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(json.dumps(value).encode()).decode()

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        """Serialized data (dumpdata) keeps the value encrypted."""
        return str(self.get_prep_value(self.value_from_object(obj)))
