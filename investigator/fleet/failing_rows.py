"""What failed in a scan, by what kind of failure: the rows of its tables that fail a build.

Rows whose signatures have the same lasting parts and texts that are alike are of one kind, by the
measure by which the incident engine clusters failures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from investigator.claims.rows import SEPARATOR, lasting
from investigator.readings.likenesses import led_by
from investigator.readings.templates import masked
from investigator.runs.scanned_runs import SHARDS_FOLDER
from investigator.traces.databases import LOOKUPS, PARQUET, Row

_FINDINGS = (
    f"select engine, signature, trace_id, start_ns, release, description from {PARQUET} where fails"
)
_CONTROLS = (
    f"select engine, signature, trace_id, start_ns, release, control_id || ': ' || title"
    f" from {PARQUET} where fails"
)
_JUDGED = (
    f"select engine, coalesce(release, ''), count(*), max(start_ns) from {PARQUET}"
    f" where verdict is not null group by all"
)


class FailingRow(NamedTuple):
    """A finding or a control verdict that fails a build."""

    engine: str
    signature: str
    trace_id: str
    start_ns: int | None
    release: str | None
    text: str


class FailureKind(NamedTuple):
    """What kind a failure is: the lasting parts of its signature, and its text, templated."""

    lasting: str
    template: str


@dataclass(slots=True)
class KindFound:
    """A kind of failure in one scan: which traces have it, when, and in which releases."""

    engine: str
    title: str
    traces: dict[str, int | None] = field(default_factory=dict)
    releases: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class JudgedTraces:
    """How many traces a question judged, by release ('' where none is known), and the newest."""

    by_release: Mapping[str, int]
    newest_ns: int | None

    @property
    def traces(self) -> int:
        """All of them."""
        return sum(self.by_release.values())


def failing_rows(results: Path) -> Iterator[FailingRow]:
    """The rows that fail, shard by shard."""
    for name, query in (("findings", _FINDINGS), ("controls", _CONTROLS)):
        for row in _rows(results, name, query):
            yield FailingRow(*row)


def judged_in(results: Path) -> dict[str, JudgedTraces]:
    """What each question judged."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    newest: dict[str, int] = {}
    for engine, release, count, start_ns in _rows(results, "traces", _JUDGED):
        counts[engine][release] += count
        if start_ns is not None:
            newest[engine] = max(newest.get(engine, start_ns), start_ns)
    return {engine: JudgedTraces(dict(of), newest.get(engine)) for engine, of in counts.items()}


def failure_kinds(
    rows: Iterable[FailingRow], known: Iterable[FailureKind] = ()
) -> dict[FailureKind, KindFound]:
    """The rows by kind; a kind that is `known` keeps its name."""
    held = list(rows)
    names: defaultdict[str, list[str]] = defaultdict(list)
    for kind in known:
        names[kind.lasting].append(kind.template)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in held:
        counts[lasting(row.signature)][_template(row)] += 1
    leaders = {last: led_by(of, names[last]) for last, of in counts.items()}
    found: dict[FailureKind, KindFound] = {}
    for row in held:
        last = lasting(row.signature)
        kind = FailureKind(last, leaders[last][_template(row)])
        own = found.setdefault(kind, KindFound(row.engine, row.text))
        if row.trace_id not in own.traces:
            own.releases[row.release or ""] += 1
        own.traces[row.trace_id] = row.start_ns
    return found


def _template(row: FailingRow) -> str:
    """What the signature says besides its lasting parts; it is templated already."""
    rest = row.signature.removeprefix(lasting(row.signature)).removeprefix(SEPARATOR)
    return masked(rest)


def _rows(results: Path, table: str, query: str) -> Iterator[Row]:
    for path in sorted(results.glob(f"{SHARDS_FOLDER}/*/{table}.parquet")):
        file = LOOKUPS.open(path)
        try:
            yield from file.rows(query)
        finally:
            file.close()
