"""Does any kind of secret leave a trace that holds it? Every kind, every engine, every surface.

    python -m benchmarks.secrets [--kind NAME ...] [--jobs 2] [--own]
    python -m benchmarks.secrets --data DIR [--samples N]

Each kind's examples are planted wherever a trace has text: messages, tools' arguments and
outputs, exceptions, documents and their ids, names of spans, values and names of attributes,
metadata. The command line investigates the trace with each engine, shows the run and exports it.
A leak is a secret that stands, plain, escaped as JSON or as a URL, in the journal, the record,
the report, the export, or on the terminal. With `--own` the secret is a customer number that only
a pattern of the user's own finds. Exits with 1 if anything leaks.

With `--data` the traces of a folder are read instead, and what is redacted in them is counted by
kind, as a share of strings and of characters; ids of traces and spans and hashes among it are
counted apart, and must be none. `--samples N` shows so many places of each kind to a person, who
alone can tell which of them are no secrets.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import re2

from investigator.cli.main import main as investigator
from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.ground.redaction import Redactor
from investigator.ground.sensitive import KINDS, OPTIONAL
from investigator.store.reads import texts_of
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode
from investigator.traces.parquet import write_spans

ENGINES = ("rca", "compliance", "incident")
SURFACES = ("journal", "record", "report", "export", "terminal")
_FILES = {"journal": "events.jsonl", "record": "run_record.json", "report": "output.json"}
_OWN = "CUST-48207193"
_OWN_PATTERN = r"customer=CUST-\d{8}"
_ID = re2.compile(r"\b(?:[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})\b")
_LONG = 9
"""A shorter text stands in hashes and numbers by chance."""

_TRACES = 6
_MINUTE_NS = 60_000_000_000
_START_NS = 1_767_225_600_000_000_000


class Planted(NamedTuple):
    """What is planted under a name: texts, the secrets in them, and the flags of the run."""

    name: str
    texts: tuple[str, ...]
    secrets: tuple[str, ...]
    flags: tuple[str, ...] = ()


class Leaks(NamedTuple):
    """On which surfaces an engine's run over what was planted leaks, and its exit code."""

    name: str
    engine: str
    surfaces: tuple[str, ...]
    code: int


def planted_kinds() -> Iterator[Planted]:
    """Every kind of the list, those by option too."""
    for kind in (*KINDS, *OPTIONAL.values()):
        texts = tuple(example.replace("«", "").replace("»", "") for example in kind.finds)
        secrets = tuple(e[e.index("«") + 1 : e.index("»")] for e in kind.finds)
        flags = ("--redact", kind.name) if kind.name in OPTIONAL else ()
        yield Planted(kind.name, texts, secrets, flags)


def planted_own() -> Planted:
    """What only a pattern of the user's own finds, so placed that some cut falls into it."""
    texts = tuple(f"{'x' * before} {_OWN} ordered" for before in (0, 40, 90, 105, 190, 235))
    return Planted("own", texts, (_OWN, _OWN[:9]), ("--redact", _OWN_PATTERN))


def planted_spans(told: Planted) -> Iterator[Span]:
    """Traces of an agent that reads documents and calls a tool; in the later half it fails."""
    for number in range(_TRACES):
        text = told.texts[number % len(told.texts)]
        yield from _trace(number, text, failing=number >= _TRACES // 2)


def _trace(number: int, text: str, *, failing: bool) -> Iterator[Span]:
    trace_id = f"{number + 1:032x}"
    start = _START_NS + number * _MINUTE_NS
    made: list[tuple[str, SpanKind, dict[str, JsonValue]]] = [
        (text, SpanKind.AGENT, _root(text)),
        ("plan", SpanKind.LLM, _model(text, calls=True)),
        (f"search {text}", SpanKind.RETRIEVER, _documents(text)),
        ("lookup", SpanKind.TOOL, _tool(text)),
        ("answer", SpanKind.LLM, _model(text, calls=False)),
    ]
    for place, (name, kind, attributes) in enumerate(made):
        failed = failing and kind is SpanKind.TOOL
        raised: dict[str, JsonValue] = {
            "exception.type": "TimeoutError",
            "exception.message": f"lookup failed: {text}",
            "exception.stacktrace": f"Traceback (most recent call last):\nTimeoutError: {text}",
        }
        yield Span(
            trace_id=trace_id,
            span_id=f"{16 * (number + 1) + place:016x}",
            parent_id=None if place == 0 else f"{16 * (number + 1):016x}",
            name=name,
            kind=kind,
            start_ns=start + place * 1_000_000,
            end_ns=start + (place + 8) * 1_000_000,
            status=StatusCode.ERROR if failed else StatusCode.OK,
            status_message=f"TimeoutError: {text}" if failed else "",
            attributes=attributes,
            events=(SpanEvent("exception", start, raised),) if failed else (),
        )


def _root(text: str) -> dict[str, JsonValue]:
    return {
        "input.value": f"Please help: {text}",
        "output.value": f"I could not do it. {text}",
        "resource.openinference.project.name": f"shop {text}",
        "metadata": json.dumps({"note": text, "nested": json.dumps({"deep": text})}),
        f"tag.{text}": "set",
        "user.note": text,
    }


def _model(text: str, *, calls: bool) -> dict[str, JsonValue]:
    said: dict[str, JsonValue] = {
        "llm.model_name": "small-1",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": f"You help.\n{text}",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": f"Please help: {text}",
        "llm.output_messages.0.message.role": "assistant",
    }
    call = "llm.output_messages.0.message.tool_calls.0.tool_call.function"
    if calls:
        said[f"{call}.name"] = "lookup"
        said[f"{call}.arguments"] = json.dumps({"query": text, "dry_run": False})
    else:
        said["llm.input_messages.2.message.role"] = "tool"
        said["llm.input_messages.2.message.content"] = json.dumps({"found": [text]})
        said["llm.output_messages.0.message.content"] = f"I could not do it. {text}"
    return said


def _documents(text: str) -> dict[str, JsonValue]:
    return {
        "input.value": "parcel",
        "retrieval.documents.0.document.content": f"Handbook.\n{text}",
        "retrieval.documents.0.document.id": text,
        "retrieval.documents.0.document.metadata": json.dumps({"source": text}),
        "retrieval.documents.1.document.content": "Opening hours.",
        "retrieval.documents.1.document.id": f"doc:{text}:2",
    }


def _tool(text: str) -> dict[str, JsonValue]:
    return {
        "tool.name": "lookup",
        "tool.description": f"Looks things up. {text}",
        "input.value": json.dumps({"query": text, "dry_run": False}),
        "output.value": json.dumps({"rows": [], "said": f"nothing for\n{text}"}),
    }


def leaks_of(engine: str, told: Planted) -> Leaks:
    """Run an engine over what is planted, as a user would, and look at all that it leaves."""
    with tempfile.TemporaryDirectory() as folder:
        source, runs = Path(folder) / "traces.parquet", Path(folder) / "runs"
        write_spans(planted_spans(told), source)
        one = () if engine == "incident" else ("--trace-id", f"{_TRACES:032x}")
        at = ("--runs-dir", str(runs))
        screen = io.StringIO()
        with redirect_stdout(screen), redirect_stderr(screen):
            code = _called(engine, str(source), *one, *at, "--run-id", "r", *told.flags)
            _called(engine, str(source), *one, *at, "--json", "--run-id", "j", *told.flags)
            _called("runs", "show", "r", *at)
            _called("runs", "list", *at)
            _called("runs", "verify", "r", *at)
            if not told.flags:  # lists have no patterns of a user's own
                _called("traces", str(source))
            _called("runs", "export", "r", *at, "-o", str(Path(folder) / "export.json"))
        shown = {name: (runs / "r" / file).read_text() for name, file in _FILES.items()}
        shown["export"] = (Path(folder) / "export.json").read_text()
        shown["terminal"] = screen.getvalue()
    leaked = tuple(name for name in SURFACES if _holds(shown[name], told.secrets))
    return Leaks(told.name, engine, leaked, code)


def _called(*argv: str) -> int:
    try:
        investigator(argv)
    except SystemExit as ended:
        return int(ended.code or 0)


def _holds(text: str, secrets: Sequence[str]) -> bool:
    """Whether a secret stands in a text in any spelling; a terminal may have broken its lines.

    Of four digits in the middle of a hash that is not said.
    """
    joined = "".join(text.split())
    return any(
        _stands(spelled, text) or _stands("".join(spelled.split()), joined)
        for secret in secrets
        for spelled in _spellings(secret)
    )


def _stands(spelled: str, text: str) -> bool:
    if len(spelled) >= _LONG:
        return spelled in text
    return bool(re2.search(rf"(?:^|[^0-9A-Za-z]){re2.escape(spelled)}(?:$|[^0-9A-Za-z])", text))


def _spellings(secret: str) -> set[str]:
    once = json.dumps(secret)[1:-1]
    return {secret, once, json.dumps(once)[1:-1], quote(secret, safe="")}


def plant(kinds: Sequence[str], *, own: bool, jobs: int) -> int:
    """Print where each kind leaks; how many places do."""
    told = [planted_own()] if own else [p for p in planted_kinds() if p.name in kinds or not kinds]
    context = get_context("spawn")
    leaks: dict[tuple[str, str], Leaks] = {}
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for engine in ENGINES:
            for found in pool.map(partial(leaks_of, engine), told):
                leaks[found.name, engine] = found
    print(f"{'kind':24} " + " ".join(f"{surface:>9}" for surface in SURFACES))
    for name in (planted.name for planted in told):
        cells = []
        for surface in SURFACES:
            where = [e[0] for e in ENGINES if surface in leaks[name, e].surfaces]
            cells.append("".join(where) or "-")
        print(f"{name:24} " + " ".join(f"{cell:>9}" for cell in cells))
    count = sum(len(found.surfaces) for found in leaks.values())
    unfit = sum(found.code not in (0, 3) for found in leaks.values())
    places = len(leaks) * len(SURFACES)
    print(
        f"{len(told)} kinds x {len(ENGINES)} engines x {len(SURFACES)} surfaces: {count} leaks "
        f"in {places:,} places; {unfit} runs ended with neither 0 nor 3"
    )
    return count + unfit


class Redactions(NamedTuple):
    """What is redacted in a folder: strings and characters looked at, and places by marker."""

    strings: int
    characters: int
    touched: int
    ids: int
    places: Counter[str]
    taken: Counter[str]
    seconds: float
    samples: dict[str, Counter[tuple[str, str, str]]]


def redactions_in(folder: Path) -> Redactions:
    """Redact each different text of the traces in a folder."""
    strings = characters = touched = ids = 0
    places: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    samples: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    seconds = 0.0
    redactor = Redactor()
    for text, own_ids in _texts(folder):
        strings, characters = strings + 1, characters + len(text)
        started = time.process_time()
        redacted = redactor.redact(text)
        seconds += time.process_time() - started
        touched += bool(redacted.cuts)
        for cut in redacted.cuts:
            marker = redacted.text[cut.new_start : cut.new_end]
            secret = text[cut.start : cut.end]
            ids += secret in own_ids
            places[marker] += 1
            taken[marker] += len(secret)
            around = text[max(cut.start - 40, 0) : cut.start], secret, text[cut.end : cut.end + 20]
            samples[marker][around] += 1
    return Redactions(strings, characters, touched, ids, places, taken, seconds, samples)


def _texts(folder: Path) -> Iterator[tuple[str, set[str]]]:
    """Each text once, with what is an id or a hash where it stands."""
    seen: set[str] = set()
    for item in read_source([folder]):
        if not isinstance(item, Decoded):
            continue
        known = {span.trace_id for span in item.spans} | {span.span_id for span in item.spans}
        for span in item.spans:
            for _, text in texts_of(span):
                if text not in seen:
                    seen.add(text)
                    yield text, known
        for identity in known:
            yield identity, known


def survey(data: Path, samples: int) -> int:
    """Print what is redacted in each folder of traces; how many ids are."""
    ids = 0
    inside = sorted(path for path in data.iterdir() if path.is_dir()) if data.is_dir() else []
    for folder in inside or [data]:
        try:
            found = redactions_in(folder)
        except OSError as error:
            print(f"{folder.name}: {error}", file=sys.stderr)
            continue
        if not found.strings:
            continue
        ids += found.ids
        share = sum(found.taken.values()) / max(found.characters, 1)
        print(
            f"{folder.name}: {found.strings:,} strings, {found.touched / found.strings:.2%} with "
            f"something redacted; {share:.3%} of {found.characters:,} characters; ids {found.ids}; "
            f"{found.seconds / max(found.characters, 1) * 1e9:.0f} ns a character"
        )
        for marker, count in found.places.most_common():
            print(f"  {marker:28} {count:7,} places, {found.taken[marker]:9,} characters")
            some = sorted(found.samples[marker])
            for before, secret, after in random.Random(0).sample(some, min(samples, len(some))):
                print(f"      {before!r} >> {secret[:80]!r} << {after!r}")
    return ids


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kind", action="append", default=[])
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--samples", type=int, default=0)
    asked = parser.parse_args()
    if asked.data is not None:
        return min(survey(asked.data, asked.samples), 1)
    return min(plant(asked.kind, own=asked.own, jobs=asked.jobs), 1)


if __name__ == "__main__":
    sys.exit(main())
