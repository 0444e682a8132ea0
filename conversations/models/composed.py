"""Statements that are not composed anew each time: questions with other values, and rows of several tables.

Django composes the statement of a queryset whenever it is asked. For the few of every message on its way that takes
longer than PostgreSQL's answer. What asks for a rule stays a queryset, so that each rule stands in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Expression, Field, Lookup, Model, QuerySet


class Given(Expression):
    """Stands in a queryset for a value that is given, by this name, when the question is asked. It is never None."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """The place of a value, and who knows its name."""
        return "%s", (self,)


@Field.register_lookup
class OneOf(Lookup):
    """`pk__one_of=Given("ids")`: one of a list that is one value of the statement; `__in` makes a value of each."""

    lookup_name = "one_of"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        right, given = self.process_rhs(compiler, connection)
        return f"{left} = ANY({right})", (*values, *given)


class Question:
    """What a queryset asks, composed once, with a Given where a value differs each time."""

    def __init__(self, compose: Callable[[], QuerySet[Any, Any]]) -> None:
        self._compose = compose
        self._composed: tuple[str, tuple[Any, ...]] | None = None

    def ask(self, **given: Any) -> list[tuple[Any, ...]]:
        """The columns of the rows as PostgreSQL gives them: a value of JSON stays text."""
        if self._composed is None:
            self._composed = self._compose().query.sql_with_params()
        statement, values = self._composed
        with connection.cursor() as cursor:
            cursor.execute(statement, [given[one.name] if isinstance(one, Given) else one for one in values])
            return cursor.fetchall()


class Joined:
    """Models whose rows a statement that is written out reads side by side, each under an alias of its table."""

    def __init__(self, **models: type[Model]) -> None:
        self._parts: list[tuple[type[Model], list[str], list[tuple[int, Any]]]] = []
        columns = []
        for alias, model in models.items():
            fields = model._meta.concrete_fields
            columns += [f"{alias}.{field.column}" for field in fields]
            converters = [(place, one) for place, field in enumerate(fields) for one in _converters(field)]
            self._parts.append((model, [field.attname for field in fields], converters))
        self.columns = ", ".join(columns)

    def read(self, row: Sequence[Any]) -> list[Any]:
        """A row of each model from a row that begins with `columns`; None where an outer join found none."""
        found: list[Any] = []
        begin = 0
        for model, names, converters in self._parts:
            values = list(row[begin : begin + len(names)])
            begin += len(names)
            for place, convert in converters:
                values[place] = convert(values[place], None, connection)
            is_there = values[names.index(model._meta.pk.attname)] is not None
            found.append(model.from_db(DEFAULT_DB_ALIAS, names, values) if is_there else None)
        return found


def _converters(field: Field) -> list[Any]:
    return [field.from_db_value] if hasattr(field, "from_db_value") else []
