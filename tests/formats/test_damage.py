"""Damage in any format costs the damaged item alone: it is counted and named, the rest is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from investigator.errors import UnreadableInput
from investigator.formats import FORMATS
from investigator.formats.registry import read_document
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span
from tests.formats.dialogue_writers import WRITERS, Call, Dialogue, Said, openai
from tests.formats.test_format_faults import DOCUMENTS, paths, put
from tests.formats.test_format_values import SMALLEST

Record = dict[str, JsonValue]
Keys = tuple[str | int, ...]

ITEMS: dict[str, Keys] = {
    "OTLP JSON": ("resourceSpans", 0, "scopeSpans", 0, "spans"),
    "MLflow trace": ("data", "spans"),
    "LangSmith ingest request": ("post",),
    "Langfuse export": ("observations",),
    "Jaeger trace": ("spans",),
    "Gemini CLI session": ("messages",),
    "opencode session": ("messages",),
    "ADK session": ("events",),
    "ATIF trajectory": ("steps",),
    "Inspect log": ("samples", 0, "messages"),
    "tau-bench run": ("traj",),
    "Hermes session": ("messages",),
    "SWE-agent trajectory": ("trajectory",),
    "chat transcript": ("messages",),
}
"""Where a record of a format has its items; one that has none is an item of a list itself."""

MESSAGE: Record = {"role": "user", "content": "hi"}
STEP: Record = {"action": "ls", "observation": "a.txt"}
OF_ITEM: dict[str, Record] = {"Hermes session": MESSAGE, "SWE-agent trajectory": STEP}
"""An item of a format whose smallest record has none, or less than an item says."""

_IDS = ("span_id", "spanId", "spanID", "SpanId", "context.span_id", "id", "uuid", "step_id")
_COUNT = 4
ODD: tuple[JsonValue, ...] = (7, None, "odd", [], {}, [[]], True)

ODD_NUMBER = 987654321987
DIALOGUE = Dialogue(
    "Where is it?",
    (
        Said(
            "I look.",
            (
                Call("c1", "look_up", {"x": 1}, "found", failed=False),
                Call("c2", "book", {"y": "b"}, "booked", failed=False),
            ),
        ),
        Said("It is there."),
    ),
)
WHOLE: dict[str, JsonValue] = {
    **DOCUMENTS,
    **{name: write(DIALOGUE) for name, write in {**WRITERS, "openai": openai}.items()},
    **{name: record for name, record in SMALLEST.items() if name != "chat transcript"},
}
"""Documents of many parts; a transcript of one message is none beside something else."""

EACH = pytest.mark.parametrize("name", SMALLEST)


def at(document: JsonValue, keys: Keys) -> JsonValue:
    """What stands at a place of a document."""
    found = document
    for key in keys:
        found = found[key]  # type: ignore[index]
    return found


def holder(document: JsonValue, keys: Keys) -> list[JsonValue]:
    """The list of items of a document."""
    found = at(document, keys)
    assert isinstance(found, list)
    return found


def numbered(item: JsonValue, number: int) -> JsonValue:
    """The item with ids that no other has."""
    if not isinstance(item, dict):
        return item
    told = {key: numbered(at, number) for key, at in item.items()}
    for key in _IDS:
        if isinstance(told.get(key), str):
            told[key] = f"{number + 1:016x}"
    return told


def document_of(name: str) -> tuple[JsonValue, list[JsonValue]]:
    """A document of a format with a few items, and the list that they stand in."""
    keys = ITEMS.get(name, ())
    document: JsonValue = deepcopy(SMALLEST[name]) if keys else [deepcopy(SMALLEST[name])]
    listed = holder(document, keys)
    item = OF_ITEM.get(name) or listed[0]
    listed[:] = [numbered(deepcopy(item), number) for number in range(_COUNT)]
    return document, listed


def told(document: JsonValue) -> tuple[int, int]:
    """How many spans and verdicts a document gives, and how many items are named as none."""
    read = read_document(document, stem="run")
    return len(read.spans) + len(read.evaluations), read.unread


def files(document: JsonValue, tmp_path: Path) -> Iterator[tuple[int, list[Unreadable]]]:
    """What a document gives as a file, and what is said of the rest."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps(document))
    items = list(read_source([file]))
    spans = sum(len(item.stored) for item in items if isinstance(item, Decoded))
    yield spans, [item for item in items if isinstance(item, Unreadable)]


def said(items: list[Decoded | Unreadable]) -> list[tuple[object, ...]]:
    """What a source says, without the ids that its lines are numbered with."""
    stored = [one for item in items if isinstance(item, Decoded) for one in item.stored]
    return [
        (one.kind, one.status, one.attributes) if isinstance(one, Span) else (one.name, one.label)
        for one in stored
    ]


@EACH
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_item_that_is_none_is_counted(name: str, odd: JsonValue, tmp_path: Path) -> None:
    """Between the others, which are read as they are without it."""
    document, listed = document_of(name)
    whole, nothing = told(document)
    assert (whole > 0, nothing) == (True, 0)
    listed.insert(2, odd)
    assert told(document) == (whole, 1)
    ((spans, troubles),) = files(document, tmp_path)
    assert spans == whole
    assert len(troubles) == 1


@EACH
def test_a_line_that_is_cut_off_is_named_with_its_number(name: str, tmp_path: Path) -> None:
    """The lines around it are read."""
    document, listed = document_of(name)
    records = listed if name not in ITEMS else [numbered(deepcopy(document), n) for n in range(4)]
    lines = [json.dumps(one) for one in records]
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join(lines) + "\n")
    whole = list(read_source([file]))
    cut = lines[1][: len(lines[1]) // 2]
    file.write_text("\n".join([lines[0], lines[1], cut, *lines[2:]]) + "\n")
    found = list(read_source([file]))
    assert [item.line for item in found if isinstance(item, Unreadable)] == [3]
    assert said(found) == said(whole)


@EACH
def test_an_item_without_one_of_its_keys_is_read_or_counted(name: str) -> None:
    """Whatever is missing: it is not passed over in silence, and the others stay."""
    document, listed = document_of(name)
    whole, _ = told(document)
    item = listed[2]
    assert isinstance(item, dict)
    each = whole // _COUNT
    for key in list(item):
        listed[2] = {k: at for k, at in item.items() if k != key}
        try:
            spans, unread = told(document)
        except UnreadableInput as error:
            raise AssertionError(f"without {key}: {error}") from error
        assert spans == whole or (whole - each <= spans and unread >= 1), f"without {key}"


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_odd_in_any_list_is_counted_or_kept(name: str) -> None:
    """Inside of messages, calls, attributes and answers too, and in the place of a whole list."""
    document = WHOLE[name]
    whole, _ = told(document)
    for path in (path for path in paths(document) if path and is_of_objects(at(document, path))):
        for place in (0, len(holder(document, path))):
            damaged = deepcopy(document)
            holder(damaged, path).insert(place, ODD_NUMBER)
            spans, unread = told(damaged)
            assert spans >= whole, f"{path} {place}"
            assert unread or is_kept(damaged), f"{path} {place}"
        number = put(document, path, ODD_NUMBER)
        assert is_refused(number) or told(number)[1] or is_kept(number), path


def is_of_objects(value: JsonValue) -> bool:
    """Whether a value is a list of objects."""
    return isinstance(value, list) and bool(value) and all(isinstance(i, dict) for i in value)


def is_refused(document: JsonValue) -> bool:
    """Whether nothing is read of a document."""
    try:
        read_document(document, stem="run")
    except UnreadableInput:
        return True
    return False


def is_kept(document: JsonValue) -> bool:
    """Whether the odd number is in what was read: a payload is kept as the text that it is."""
    spans = read_document(document, stem="run").spans
    return any(str(ODD_NUMBER) in json.dumps(span.to_json()) for span in spans)


def test_every_format_is_tried() -> None:
    """By the names of the values."""
    assert set(ITEMS) <= {known.name for known in FORMATS} == set(SMALLEST)
