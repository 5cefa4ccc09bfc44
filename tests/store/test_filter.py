"""A filter means the same in SQL and in Python, and one that does not parse means nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from investigator.errors import FilterSyntaxError
from investigator.store.filter import (
    And,
    Attribute,
    Compare,
    Comparison,
    Contains,
    Filter,
    IsNone,
    Negation,
    Or,
    SpanColumn,
    SpanColumnType,
    matches,
)
from investigator.store.filter_parser import parse_filter
from investigator.store.filter_sql import compile_filter
from investigator.traces.model import Span
from investigator.traces.parquet import COLUMNS, row_of
from tests.builders import span

SPAN = span(
    "a1",
    parent=None,
    kind="LLM",
    name="chat completion",
    start_ms=1_000,
    end_ms=3_500,
    status="ERROR",
    message="rate limit",
    attributes={
        "llm.model_name": "gpt-4o",
        "llm.token_count.total": 120,
        "llm.temperature": 0.5,
        "stream": True,
        "tag.tags": ["prod", 7, True, ["nested"]],
        "nothing": None,
        "text number": "120",
    },
)

HOLD = [
    "status_code == 'ERROR'",
    'span_kind == "LLM" and name != "x"',
    "latency_ms > 1000 and latency_ms <= 2500.0 and 2e3 < latency_ms",
    "llm.model_name == 'gpt-4o'",
    "attributes['llm.model_name'] == 'gpt-4o'",
    "attributes['llm']['model_name'] == 'gpt-4o'",
    "attributes.llm.model_name == 'gpt-4o'",
    "llm.token_count.total == 120.0 and llm.token_count.total >= 120",
    "llm.temperature < 0.75",
    "attributes['stream'] == True and attributes['stream'] != False",
    "attributes['stream'] != 1",
    "attributes['text number'] == '120' and attributes['text number'] != 120",
    "parent_id is None and attributes['nothing'] is None and a.b is None",
    "llm.model_name is not None",
    "not (a.b == 1) and not a.b != 1",
    "'limit' in status_message and 'gpt' in llm.model_name",
    "'x' not in name",
    "'prod' in tag.tags and 7 in tag.tags and True in tag.tags",
    "'nested' not in tag.tags and 1 not in tag.tags",
    "span_kind in ['LLM', 'TOOL'] and span_kind in ('LLM',) and span_kind not in ['TOOL']",
    "span_kind not in []",
    "start_time >= '1970-01-01T00:00:01Z' and end_time < '1970-01-01T00:00:04'",
    "start_time == '1970-01-01T02:00:01+02:00'",
    "context.span_id == 'a1' and trace_id == 't'",
    "name < 'd' and name >= 'chat'",
    "false_start == 1 or status_code == 'ERROR'".replace("false_start", "a.b"),
    r"'it\'s' == a.b or name == 'chat completion'",
]

FAIL = [
    "status_code == 'OK'",
    "a.b == 1",
    "a.b != 1",
    "a.b not in [1]",
    "'x' not in a.b",
    "parent_id != 'x'",
    "attributes['stream'] == 1",
    "attributes['text number'] > 5",
    "llm.token_count.total == '120'",
    "attributes['nothing'] != 1",
    "span_kind in []",
    "1 in llm.token_count.total",
    "status_code == 'ERROR' and (name == 'x' or name == 'y')",
    "not status_code == 'ERROR'",
]

WRONG = [
    ("", 0, "expected a field"),
    ("status_code", 11, "expected a comparison"),
    ("status_code ==", 14, "expected text in quotes"),
    ("status = 'ERROR'", 7, "not a part of the filter language"),
    ("status == 'ERROR'", 0, "unknown field; known are name, span_kind"),
    ("name == 'x", 8, "not closed"),
    ("name == 'x' or", 14, "expected a field"),
    ("name == 'x' name == 'y'", 12, "expected 'and', 'or'"),
    ("(name == 'x'", 12, r"expected '\)'"),
    ("name == 5", 8, "name is a text"),
    ("latency_ms > '5'", 13, "latency_ms is a number"),
    ("start_time > 'noon'", 13, "start_time is a time"),
    ("name == None", 8, "is None"),
    ("'a' == 'b'", 7, "expected a field"),
    ("1 < latency_ms < 5", 15, "expected 'and', 'or'"),
    ("name in 'abc'", 8, r"expected '\['"),
    ("name in ['a' 'b']", 13, "expected ','"),
    ("5 in name", 0, "looks for text"),
    ("a.b > True", 6, "no order"),
    ("attributes == 1", 11, r"expected \["),
    ("attributes[x] == 1", 11, "attribute key in quotes"),
    ("name == x", 8, "expected text in quotes"),
    ("len(name) > 5", 0, "unknown field"),
    ("name == 'x'; drop table spans", 11, "not a part"),
    ("(" * 60 + "name == 'x'" + ")" * 60, 50, "nested deeper"),
]


class Engine:
    """One row in DuckDB, asked by compiled filters."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
        self._connection.execute(f"create table spans({columns})")

    def passes(self, expression: Filter, one: Span) -> bool:
        self._connection.execute("delete from spans")
        marks = ", ".join("?" for _ in COLUMNS)
        self._connection.execute(f"insert into spans values ({marks})", list(row_of(one)))
        compiled = compile_filter(expression, first=1)
        query = f"select {compiled.predicate} from spans"
        row = self._connection.execute(query, list(compiled.parameters)).fetchone()
        assert row is not None
        assert row[0] is not None, "a predicate is never NULL"
        return bool(row[0])

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One DuckDB for the module."""
    made = Engine()
    yield made
    made.close()


@pytest.mark.parametrize("expression", HOLD)
def test_a_filter_that_holds(engine: Engine, expression: str) -> None:
    """In Python and in SQL."""
    assert matches(parse_filter(expression), SPAN)
    assert engine.passes(parse_filter(expression), SPAN)


@pytest.mark.parametrize("expression", FAIL)
def test_a_filter_that_does_not_hold(engine: Engine, expression: str) -> None:
    """In Python and in SQL."""
    assert not matches(parse_filter(expression), SPAN)
    assert not engine.passes(parse_filter(expression), SPAN)


@pytest.mark.parametrize(("expression", "position", "reason"), WRONG)
def test_a_wrong_expression_is_an_error_with_its_position(
    expression: str, position: int, reason: str
) -> None:
    """It never means everything."""
    with pytest.raises(FilterSyntaxError, match=reason) as error:
        parse_filter(expression)
    assert error.value.position == position


def test_times_compare_to_the_nanosecond(engine: Engine) -> None:
    """No double could tell these times apart."""
    late = replace(SPAN, start_ns=1_700_000_000_000_000_001)
    expression = parse_filter("start_time > '2023-11-14T22:13:20.000000000Z'")
    same = parse_filter("start_time == '2023-11-14T22:13:20Z'")
    assert matches(expression, late)
    assert engine.passes(expression, late)
    assert not matches(same, late)
    assert not engine.passes(same, late)


def test_a_list_of_many_values_is_a_filter(engine: Engine) -> None:
    """As a program would write it."""
    many = parse_filter(f"span_id in [{', '.join(repr(f's{i}') for i in range(2000))}, 'a1']")
    assert matches(many, SPAN)
    assert engine.passes(many, SPAN)


words = st.sampled_from(["", "a", "A", "prod", "é", "120", "a'b\"c", "x/y~z", "true", "\x00", "%_"])
numbers = st.sampled_from([0.0, -1.5, 7.0, 120.0, 1e300, 2.0**53]) | st.floats(
    allow_nan=False, allow_infinity=False
)
literals = words | numbers | st.booleans()
attribute_keys = st.sampled_from(["k", "a.b", "x/y~z", 'q"q', "", "0", "$.k", "é", "a'b"])
attributes = attribute_keys.map(Attribute)
scalars = (
    st.none() | st.booleans() | words | numbers | st.integers(-(2**63), 2**63) | st.just(10**400)
)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(words, scalars, max_size=2)
times = st.sampled_from([0, 1, 1_000_000, 3_000_000, 1_700_000_000_000_000_001])


@st.composite
def column_tests(draw: st.DrawFn) -> Filter:
    """A comparison of a column with a value of its type."""
    column = draw(st.sampled_from(SpanColumn))
    op = draw(st.sampled_from(Comparison))
    if column.type is SpanColumnType.NUMBER:
        return Compare(column, op, draw(st.sampled_from([0.0, 1.0, 2.5, 1e12])))
    if column.type is SpanColumnType.TIME:
        return Compare(column, op, draw(times))
    if draw(st.booleans()):
        return Contains(column, draw(words))
    return Compare(column, op, draw(words | st.sampled_from(["LLM", "ERROR", "t"])))


equalities = st.sampled_from([Comparison.EQ, Comparison.NE])
leaves: st.SearchStrategy[Filter] = st.one_of(
    column_tests(),
    st.builds(Compare, attributes, st.sampled_from(Comparison), words | numbers),
    st.builds(Compare, attributes, equalities, st.booleans()),
    st.builds(Contains, attributes, literals),
    st.builds(IsNone, attributes | st.sampled_from(SpanColumn)),
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Negation, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
any_span = st.builds(
    span,
    words.map(lambda text: text or "s"),
    parent=st.none() | words,
    kind=st.sampled_from(["LLM", "TOOL", "UNKNOWN"]),
    name=words,
    start_ms=st.none() | st.integers(0, 4),
    end_ms=st.none() | st.integers(0, 10**12),
    status=st.sampled_from(["OK", "ERROR", "UNSET"]),
    message=words,
    attributes=st.dictionaries(attribute_keys, values, max_size=5),
)


@settings(max_examples=300, deadline=None)
@given(expression=filters, one=any_span)
@example(Compare(Attribute("k"), Comparison.EQ, 1.0), span(attributes={"k": True}))
@example(Contains(Attribute("k"), 1.0), span(attributes={"k": [True, "1"]}))
def test_sql_and_python_agree_on_every_filter_and_span(
    engine: Engine, expression: Filter, one: Span
) -> None:
    """Two readings of one meaning."""
    assert engine.passes(expression, one) == matches(expression, one)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="namelc_ids.'\"[]()=<>!0159, \n\\é", max_size=30) | st.text(max_size=20))
def test_any_text_parses_or_is_a_syntax_error_inside_it(text: str) -> None:
    """Nothing else can come out of the parser."""
    assert 0 <= _error_position(text) <= len(text)


def _error_position(text: str) -> int:
    try:
        parse_filter(text)
    except FilterSyntaxError as error:
        return error.position
    return 0
