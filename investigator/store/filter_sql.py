"""A filter as a DuckDB predicate that is never NULL: it says what `filter.matches` says.

The predicate reads the columns of the canonical Parquet file. Literals and attribute keys are
bound parameters, never text of the statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from investigator.store.filter import (
    And,
    Attribute,
    Compare,
    Comparison,
    Contains,
    Field,
    Filter,
    IsNone,
    Literal,
    Negation,
    Or,
    SpanColumn,
)

_SQL_COLUMNS = {
    SpanColumn.NAME: "name",
    SpanColumn.SPAN_KIND: "kind",
    SpanColumn.STATUS_CODE: "status",
    SpanColumn.STATUS_MESSAGE: "status_message",
    SpanColumn.SPAN_ID: "span_id",
    SpanColumn.TRACE_ID: "trace_id",
    SpanColumn.PARENT_ID: "parent_id",
    SpanColumn.START_TIME: "start_ns",
    SpanColumn.END_TIME: "end_ns",
    SpanColumn.LATENCY_MS: "((end_ns::hugeint - start_ns::hugeint)::double / 1e6)",
}
_SQL_COMPARISONS = {Comparison.EQ: "=", Comparison.NE: "<>"}
_JSON_NUMBERS = "('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')"


@dataclass(frozen=True, slots=True)
class SqlFilter:
    """A predicate and the values of its parameters, `$first` and on."""

    predicate: str
    parameters: tuple[Literal, ...]


def compile_filter(expression: Filter, *, first: int = 1) -> SqlFilter:
    """The predicate of a filter; its parameters are numbered from `first`."""
    compiler = _Compiler(first)
    predicate = compiler.predicate(expression)
    return SqlFilter(predicate, tuple(compiler.parameters))


class _Compiler:
    def __init__(self, first: int) -> None:
        self._first = first
        self.parameters: list[Literal] = []

    def predicate(self, expression: Filter) -> str:
        match expression:
            case Compare(field, op, value):
                return _known(self._comparison(field, op, value))
            case Contains(field, value):
                return self._contains(field, value)
            case IsNone(field):
                return self._is_none(field)
            case Negation(part):
                return f"(not {self.predicate(part)})"
            case And(parts):
                return self._joined(" and ", parts, "true")
            case Or(parts):
                return self._joined(" or ", parts, "false")
            case _:
                assert_never(expression)

    def _joined(self, word: str, parts: tuple[Filter, ...], empty: str) -> str:
        return f"({word.join(self.predicate(part) for part in parts)})" if parts else empty

    def _bind(self, value: Literal) -> str:
        self.parameters.append(value)
        return f"${self._first + len(self.parameters) - 1}"

    def _json(self, key: str) -> str:
        pointer = "/" + key.replace("~", "~0").replace("/", "~1")
        return f"json_extract(attributes, {self._bind(pointer)})"

    def _comparison(self, field: Field, op: Comparison, value: Literal) -> str:
        if isinstance(field, SpanColumn):
            return f"{_SQL_COLUMNS[field]} {_sql(op)} {self._bind(value)}"
        json = self._json(field.key)
        if op is Comparison.NE:
            equal = self._scalar(json, Comparison.EQ, value)
            return f"json_type({json}) <> 'NULL' and not {_known(equal)}"
        return self._scalar(json, op, value)

    def _scalar(self, json: str, op: Comparison, value: Literal) -> str:
        """Whether a JSON value has the literal's type and compares so; may be NULL."""
        text = f"json_extract_string({json}, '$')"
        match value:
            case bool():
                return f"json_type({json}) = 'BOOLEAN' and {text} = '{str(value).lower()}'"
            case str():
                return f"json_type({json}) = 'VARCHAR' and {text} {_sql(op)} {self._bind(value)}"
            case _:
                return (
                    f"json_type({json}) in {_JSON_NUMBERS}"
                    f" and try_cast({text} as double) {_sql(op)} {self._bind(value)}"
                )

    def _contains(self, field: Field, value: Literal) -> str:
        if isinstance(field, SpanColumn):
            return _known(f"contains({_SQL_COLUMNS[field]}, {self._bind(value)})")
        json = self._json(field.key)
        same = self._scalar("element", Comparison.EQ, value)
        elements = f"list_filter(try_cast({json} as json[]), lambda element: {_known(same)})"
        among = f"json_type({json}) = 'ARRAY' and len({elements}) > 0"
        if not isinstance(value, str):
            return _known(among)
        text = f"json_extract_string({json}, '$')"
        within = f"json_type({json}) = 'VARCHAR' and contains({text}, {self._bind(value)})"
        return f"({_known(among)} or {_known(within)})"

    def _is_none(self, field: Field) -> str:
        if isinstance(field, Attribute):
            return f"(coalesce(json_type({self._json(field.key)}), 'NULL') = 'NULL')"
        return f"({_SQL_COLUMNS[field]} is null)"


def _sql(op: Comparison) -> str:
    return _SQL_COMPARISONS.get(op, op.value)


def _known(predicate: str) -> str:
    return f"coalesce({predicate}, false)"
