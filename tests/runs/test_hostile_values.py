"""Whatever a value of a file is, it is read or named: no engine ends in a traceback for it."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from investigator import RunResult, Settings, investigate
from investigator.errors import UnreadableInput
from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue, canonical_json, count_of, read_json
from investigator.ground.json_text import embedded_json, parse_json
from investigator.runtime.status import RunStatus
from tests.asking import question_of
from tests.formats.test_format_faults import DOCUMENTS, paths, put

LONG = "9" * 5_000


def nested(levels: int) -> str:
    """Lists in lists."""
    return "[" * levels + "1" + "]" * levels


PLAIN = [LONG, "-" + LONG, "9" * 400, "1e999", "-1e999", "NaN", "Infinity", "-0", "1e308"]
PLAIN += ["18446744073709551616", "-9223372036854775809", "253402300800000000000", "null", "true"]
PLAIN += [nested(250), nested(400), nested(2_000), "[]", "{}", "[[null]]", '{"": ""}', '{"a": {}}']
TEXTS = ["\\ud800", "a\\u0000b", "", "NaN", "1e999", LONG, "٣٣", "²", "0001-01-01T00:00:00+14:00"]
TEXTS += ["9999-12-31T23:59:59-14:00", f"PT{LONG}S", f"x.{LONG}", "__REDACTED__", "x" * 100_000]
HELD = [LONG, "9" * 400, "1e999", nested(250), nested(2_000), '{"a": NaN, "b": "\\\\ud800"}', "[1"]
"""Of these, texts that hold the like as JSON."""

HOSTILE = [*PLAIN, *(f'"{text}"' for text in TEXTS), *(json.dumps(text) for text in HELD)]
"""JSON texts of values that no decoder expects."""

KEYS = [f"llm.input_messages.{LONG}.message.content", "\ud800", "a\0b", "llm.token_count.total"]
KEYS += ["retrieval.documents.9999999999999999999.document.id", "gen_ai.usage.input_tokens", ""]


def hostile_text(document: JsonValue, data: st.DataObject) -> str:
    """A document with hostile values in some places."""
    spots = data.draw(st.lists(st.sampled_from(list(paths(document))[1:]), min_size=1, max_size=6))
    put_in: dict[str, str] = {}
    for number, path in enumerate(spots):
        mark = f"@{number}@"
        put_in[json.dumps(mark)] = data.draw(st.sampled_from(HOSTILE))
        try:
            value: JsonValue = mark
            if data.draw(st.booleans()):
                value = {data.draw(st.sampled_from(KEYS)): mark}
            document = put(document, path, value)
        except (KeyError, IndexError, TypeError, AssertionError):
            continue  # an earlier value stands there
    text = json.dumps(document)
    for mark, value_text in put_in.items():
        text = text.replace(mark, value_text)
    return text


@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hostile_values_are_read_or_named(name: str, data: st.DataObject) -> None:
    """Spans, each of which can be written down, or a reason."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "run.json"
        file.write_text(hostile_text(DOCUMENTS[name], data))
        for item in read_source([file]):
            if isinstance(item, Decoded):
                for span in item.spans:
                    canonical_json(span.to_json()).encode()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["rca", "compliance", "incident"])
@given(name=st.sampled_from(sorted(DOCUMENTS)), data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_engine_stumbles_over_hostile_values(
    engine: str, name: str, data: st.DataObject
) -> None:
    """Each run ends with a report, or there was nothing to read."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "run.json"
        file.write_text(hostile_text(DOCUMENTS[name], data))
        ids = {
            span.trace_id
            for item in read_source([file])
            if isinstance(item, Decoded)
            for span in item.spans
        }
        if not ids:
            return
        asked = {} if engine == "incident" else {"trace_id": min(ids)}
        settings = Settings(runs_dir=Path(folder) / "runs", cache_dir=Path(folder) / "cache")
        result: RunResult[Any] = investigate(file, question_of(engine, **asked), settings)
        assert result.status in {RunStatus.SUCCEEDED, RunStatus.PARTIAL}, result.error


@pytest.mark.parametrize("text", [LONG, "9" * 400, "-" + LONG, "1e999", "-1e999"])
def test_a_number_that_no_double_holds_is_the_text_it_was_written_as(text: str) -> None:
    """Also inside a text that is JSON itself."""
    assert parse_json(text.encode()) == text
    assert embedded_json(f'{{"a": [{text}]}}') == {"a": [text]}
    assert canonical_json(read_json(text)) == json.dumps(text)


@pytest.mark.parametrize("text", ["9" * 308, "-1", "1.5", "1e308", "18446744073709551616"])
def test_any_other_number_is_itself(text: str) -> None:
    """Integers to the last digit."""
    assert parse_json(text.encode()) == json.loads(text)


def test_json_is_read_to_three_hundred_levels() -> None:
    """Deeper, the walkers over it would run out of stack; brackets in texts are no levels."""
    assert parse_json(nested(299).encode()) is not None
    assert parse_json(json.dumps(["[" * 5_000]).encode()) == ["[" * 5_000]
    assert parse_json(json.dumps([[]] * 5_000).encode()) == [[]] * 5_000
    for levels in (301, 100_000):
        with pytest.raises(UnreadableInput, match="nested too deeply"):
            parse_json(nested(levels).encode())


def test_json_of_too_many_values_is_refused_before_it_is_read() -> None:
    """Twenty bytes of memory for each of text; the message says what to do."""
    with pytest.raises(UnreadableInput, match="6,000,000 values, above the limit of 5,000,000"):
        parse_json(b"[" + b"[]," * 6_000_000 + b"1]")
    assert embedded_json("[" + "{}," * 6_000_000 + "1]") is None


@pytest.mark.parametrize(
    ("text", "count"), [("7", 7), ("٣", 3), ("", None), ("²", None), ("-1", None), (LONG, None)]
)
def test_a_count_has_few_digits(text: str, count: int | None) -> None:
    """What is longer is no index and no number of tokens."""
    assert count_of(text) == count
