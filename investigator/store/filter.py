"""A filter expression selects spans; it parses as a whole or not at all.

    status_code == 'ERROR' and latency_ms > 1000
    span_kind in ['LLM', 'TOOL'] and not (llm.model_name == 'gpt-4o')
    'timeout' in attributes['output.value'] or attributes['retrieval']['top_k'] is None
    start_time >= '2025-03-01T00:00:00Z'

A field is a column (`COLUMNS`) or an attribute: `attributes['a.b']`, `attributes['a']['b']` and
bare `a.b` name the same flat key. Each comparison is between a field and a literal:

- Values are typed as in JSON: text, number, truth. Numbers compare as doubles, text by code
  point, and values of different types are unequal and have no order (`'5' == 5` is false).
- Where a span lacks the field, every comparison is false, `!=` and `not in` too; `is None` is
  true. `not` turns any answer round, so `not (a.b == 1)` holds where `a.b` is missing.
- `'x' in field` looks for text in text, or for an element in a list.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias, assert_never

from investigator.ground.canonical_json import JsonValue
from investigator.ground.patterns import well_formed
from investigator.traces.model import Span


class SpanColumnType(StrEnum):
    """What the values of a column are; a time is compared as nanoseconds."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


class SpanColumn(StrEnum):
    """Fields that every span has (though they may be None)."""

    NAME = "name"
    SPAN_KIND = "span_kind"
    STATUS_CODE = "status_code"
    STATUS_MESSAGE = "status_message"
    SPAN_ID = "span_id"
    TRACE_ID = "trace_id"
    PARENT_ID = "parent_id"
    START_TIME = "start_time"
    END_TIME = "end_time"
    LATENCY_MS = "latency_ms"

    @property
    def type(self) -> SpanColumnType:
        """The type of the column's values."""
        match self:
            case SpanColumn.START_TIME | SpanColumn.END_TIME:
                return SpanColumnType.TIME
            case SpanColumn.LATENCY_MS:
                return SpanColumnType.NUMBER
            case _:
                return SpanColumnType.TEXT


class Comparison(StrEnum):
    """Comparison operators."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    @property
    def mirrored(self) -> Comparison:
        """The operator that says the same with its sides exchanged."""
        return _MIRRORED.get(self, self)


_MIRRORED: Mapping[Comparison, Comparison] = MappingProxyType(
    {
        Comparison.LT: Comparison.GT,
        Comparison.GT: Comparison.LT,
        Comparison.LE: Comparison.GE,
        Comparison.GE: Comparison.LE,
    }
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A flat, dotted attribute key."""

    key: str


Field: TypeAlias = SpanColumn | Attribute
Literal: TypeAlias = str | float | bool
"""A number is a float; only a time, in nanoseconds, is an int (which the type lets pass)."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`."""

    field: Field
    op: Comparison
    value: Literal


@dataclass(frozen=True, slots=True)
class Contains:
    """`value in field`: text within text, or an element of a list."""

    field: Field
    value: Literal


@dataclass(frozen=True, slots=True)
class IsNone:
    """`field is None`."""

    field: Field


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of its part."""

    part: Filter


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold (as they do when there are none)."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds (none does when there are none)."""

    parts: tuple[Filter, ...]


Filter: TypeAlias = Compare | Contains | IsNone | Negation | And | Or

_OPERATORS: Mapping[Comparison, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        Comparison.EQ: operator.eq,
        Comparison.NE: operator.ne,
        Comparison.LT: operator.lt,
        Comparison.LE: operator.le,
        Comparison.GT: operator.gt,
        Comparison.GE: operator.ge,
    }
)


def matches(expression: Filter, span: Span) -> bool:
    """Whether the span passes the filter."""
    match expression:
        case Compare(field, op, value):
            return _compare(field_value(span, field), op, value)
        case Contains(field, value):
            return _contains(field_value(span, field), value)
        case IsNone(field):
            return field_value(span, field) is None
        case Negation(part):
            return not matches(part, span)
        case And(parts):
            return all(matches(part, span) for part in parts)
        case Or(parts):
            return any(matches(part, span) for part in parts)
        case _:
            assert_never(expression)


def field_value(span: Span, field: Field) -> JsonValue:
    """The value that a field has on a span; None where it has none."""
    if isinstance(field, Attribute):
        value = span.attributes.get(field.key)
    else:
        value = _column_value(span, field)
    return well_formed(value) if isinstance(value, str) else value


def _column_value(span: Span, column: SpanColumn) -> str | float | None:
    match column:
        case SpanColumn.NAME:
            return span.name
        case SpanColumn.SPAN_KIND:
            return span.kind.value
        case SpanColumn.STATUS_CODE:
            return span.status.value
        case SpanColumn.STATUS_MESSAGE:
            return span.status_message
        case SpanColumn.SPAN_ID:
            return span.span_id
        case SpanColumn.TRACE_ID:
            return span.trace_id
        case SpanColumn.PARENT_ID:
            return span.parent_id
        case SpanColumn.START_TIME:
            return span.start_ns
        case SpanColumn.END_TIME:
            return span.end_ns
        case SpanColumn.LATENCY_MS:
            return span.latency_ms
        case _:
            assert_never(column)


def _compare(found: JsonValue, op: Comparison, wanted: Literal) -> bool:
    if found is None:
        return False
    if _json_type(found) is not _json_type(wanted):
        return op is Comparison.NE
    return _OPERATORS[op](_comparable(found, wanted), wanted)


def _contains(found: JsonValue, wanted: Literal) -> bool:
    if isinstance(found, str):
        return isinstance(wanted, str) and wanted in found
    if isinstance(found, list):
        return any(_compare(element, Comparison.EQ, wanted) for element in found)
    return False


def _json_type(value: JsonValue) -> type:
    if isinstance(value, bool):
        return bool
    return float if isinstance(value, int) else type(value)


def _comparable(found: JsonValue, wanted: Literal) -> JsonValue:
    """Times compare exactly, other numbers as doubles: what none can hold is infinite."""
    if isinstance(found, str):
        return well_formed(found)
    if isinstance(found, bool) or isinstance(wanted, int) or not isinstance(found, int):
        return found
    try:
        return float(found)
    except OverflowError:
        return float("inf") if found > 0 else float("-inf")
