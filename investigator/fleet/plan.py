"""What a scan asks of which traces, and how they are cut into shards: made once, kept, compared.

A plan is named by the hash of all that its results depend on. The same scan goes on in its folder;
another one is refused there.
"""

from __future__ import annotations

import hashlib
import heapq
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from investigator.errors import UsageError
from investigator.ground.canonical_json import sha256_json
from investigator.ground.files import replace_file, sync_folder
from investigator.ground.own_patterns import OwnPatterns
from investigator.ground.wording import counted
from investigator.inspection.engine import TraceQuestion
from investigator.runs.fingerprint import fingerprint, own_version
from investigator.runs.freezing import INPUT_FILE
from investigator.runs.investigation import Options
from investigator.runs.scanned_runs import PLAN_FILE
from investigator.runs.settings import Settings
from investigator.runtime.budget import Budget
from investigator.store.open import OpenedSource
from investigator.store.parquet_store import ParquetInspectionAPI, TraceExtent
from investigator.store.trace_selection import TraceSelection
from investigator.traces.parquet import canonical_facts

SHARD_TRACES = 2_000
"""The most traces of a shard: its rows are held until they are written, some 20 kB a trace."""
SHARD_SPANS = 40_000
"""The most spans of a shard, unless one trace has more."""
SHARDS = 16
"""Into so many shards a small source is cut, where each then has `LEAST_TRACES`."""
LEAST_TRACES = 16
_CHUNK = 1 << 20


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShardRange(_Closed):
    """The traces of a selection from one id to another, by the order of the file."""

    first: str
    last: str
    traces: int
    spans: int


class Investigated(_Closed):
    """Which traces get a full run: none, those flagged, a sample of N, or all.

    The sample are the traces whose ids hash lowest; `below` is the hash at which it ends.
    """

    which: Literal["none", "flagged", "sample", "all"] = "none"
    sample: int | None = None
    below: str | None = None

    @classmethod
    def told(cls, text: str) -> Investigated:
        """What the option says.

        Raises:
            UsageError: it is none of the choices.
        """
        which, sign, number = text.partition(":")
        if text in ("none", "flagged", "all"):
            return cls(which=which)  # type: ignore[arg-type]
        if which == "sample" and sign and number.isdecimal() and int(number) > 0:
            return cls(which="sample", sample=int(number))
        raise UsageError(f"--investigate takes flagged, sample:N or all, not '{text}'")

    def takes(self, trace_id: str, *, flagged: bool) -> bool:
        """Whether a trace gets a run, as far as its id and its screening say."""
        match self.which:
            case "none":
                return False
            case "all":
                return True
            case "flagged":
                return flagged
            case "sample":
                return self.below is not None and sample_key(trace_id) <= self.below


class ScanPlan(_Closed):
    """A scan. `source` are the places that were named, `canonical` the file that is read.

    `budgets` are the limits of one run of each question, None where they are the engine's own or no
    run is opened.
    """

    schema_version: Literal["1.0.0"] = "1.0.0"
    name: str
    engine_version: str
    fingerprint: str
    source: tuple[str, ...]
    canonical: str
    canonical_sha256: str
    selection: tuple[str | None, int | None, int | None, str | None]
    questions: tuple[Options, ...]
    investigated: Investigated = Investigated()
    budgets: tuple[Budget | None, ...] = ()
    shards: tuple[ShardRange, ...]

    @property
    def traces(self) -> int:
        """How many traces it is about."""
        return sum(shard.traces for shard in self.shards)

    @property
    def chosen(self) -> TraceSelection:
        """Which traces it is about."""
        return TraceSelection(*self.selection)

    @property
    def asked(self) -> tuple[TraceQuestion[Any], ...]:
        """The questions of each trace."""
        return tuple(
            question
            for options in self.questions
            if isinstance(question := options.asked, TraceQuestion)
        )

    @property
    def redact(self) -> OwnPatterns:
        """The user's own patterns."""
        return self.questions[0].redact


def plan_of(
    opened: OpenedSource,
    questions: Sequence[TraceQuestion[Any]],
    settings: Settings,
    selection: TraceSelection,
    investigated: Investigated = Investigated(),
    budgets: Sequence[Budget | None] = (),
) -> ScanPlan:
    """Cut the traces of a source into shards.

    Raises:
        UsageError: no trace is selected, or a question's materials are not there.
    """
    api = opened.api
    assert isinstance(api, ParquetInspectionAPI), "what is scanned lies in a canonical file"
    sample = _Sample(investigated.sample)
    shards = tuple(_cut(sample.noting(api.extents(selection)), api.count_traces()))
    if not shards:
        raise UsageError(
            f"none of the {counted(api.count_traces(), 'trace')} of '{', '.join(opened.paths)}' "
            "is selected"
        )
    asked = tuple(
        Options.of(question.located(), question.materials(), settings) for question in questions
    )
    opens_runs = investigated.which != "none"
    plan = ScanPlan(
        name="",
        engine_version=own_version(),
        fingerprint=fingerprint(),
        source=opened.paths,
        canonical=os.path.abspath(api.path),
        canonical_sha256=sha256_of_file(api.path),
        selection=(
            selection.project_name,
            selection.start_ns,
            selection.end_ns,
            selection.filter_expr,
        ),
        questions=asked,
        investigated=investigated.model_copy(update={"below": sample.highest}),
        budgets=tuple(budgets) if budgets and opens_runs else (None,) * len(asked),
        shards=shards,
    )
    return plan.model_copy(update={"name": _name_of(plan)})


def _name_of(plan: ScanPlan) -> str:
    """The hash of what the results depend on: not where the traces lie."""
    said = plan.model_dump(mode="json", exclude={"name", "canonical"})
    return sha256_json(said)[:32]


def _cut(extents: Iterator[TraceExtent], count: int) -> Iterator[ShardRange]:
    """Ranges of about equal length, in order."""
    most = max(LEAST_TRACES, min(SHARD_TRACES, -(-count // SHARDS)))
    held: list[TraceExtent] = []
    spans = 0
    for extent in extents:
        if held and (len(held) >= most or spans + extent.spans > SHARD_SPANS):
            yield _range(held, spans)
            held, spans = [], 0
        held.append(extent)
        spans += extent.spans
    if held:
        yield _range(held, spans)


def _range(held: Sequence[TraceExtent], spans: int) -> ShardRange:
    return ShardRange(first=held[0].trace_id, last=held[-1].trace_id, traces=len(held), spans=spans)


def sample_key(trace_id: str) -> str:
    """A trace's place in every sample: the same in each scan, and by nothing that it says."""
    return hashlib.sha256(trace_id.encode("utf-8", "surrogatepass")).hexdigest()


class _Sample:
    """The lowest N hashes of the ids that pass by."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._kept: list[int] = []

    def noting(self, extents: Iterator[TraceExtent]) -> Iterator[TraceExtent]:
        for extent in extents:
            if self._size is not None:
                lowest = -int(sample_key(extent.trace_id), 16)
                if len(self._kept) < self._size:
                    heapq.heappush(self._kept, lowest)
                else:
                    heapq.heappushpop(self._kept, lowest)
            yield extent

    @property
    def highest(self) -> str | None:
        """The hash of the last trace of the sample; None where none was asked for."""
        return f"{-self._kept[0]:064x}" if self._kept else None


def sha256_of_file(path: Path) -> str:
    """Hex sha256 of a file's content."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def keep_plan(plan: ScanPlan, results: Path) -> ScanPlan:
    """Begin the scan in its folder, or go on with it.

    Raises:
        UsageError: the folder holds another scan, or something else.
    """
    path = results / PLAN_FILE
    if path.is_file():
        there = read_plan(results)
        if there.name != plan.name:
            raise UsageError(
                f"'{results}' holds another scan ({_difference(there, plan)}): name a new folder "
                "with -o, or ask the same again to go on with that one"
            )
        return there
    if results.is_dir() and any(_is_foreign(one) for one in results.iterdir()):
        raise UsageError(f"'{results}' holds files that are no scan: name a new folder with -o")
    results.mkdir(parents=True, exist_ok=True)
    replace_file(path, (plan.model_dump_json(indent=1) + "\n").encode())
    sync_folder(results)
    return plan


def _is_foreign(path: Path) -> bool:
    return path.name != INPUT_FILE and not path.name.startswith(".")


def read_plan(results: Path) -> ScanPlan:
    """The plan of a scan.

    Raises:
        UsageError: there is none, or it is of another version.
    """
    path = results / PLAN_FILE
    try:
        return ScanPlan.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(
            f"no scan in '{results}' (it has no {PLAN_FILE}); `investigator scan SOURCE -o "
            f"{results}` makes one"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"'{path}' cannot be read: {place}: {first['msg']}") from None


def require_same_input(plan: ScanPlan) -> None:
    """Raise `UsageError` where other code would decide now, or the traces are not there."""
    if plan.fingerprint != fingerprint():
        raise UsageError(
            f"the scan was begun by other code (fingerprint {plan.fingerprint[:12]}, here "
            f"{fingerprint()[:12]}): go on with the version that began it, or name a new folder"
        )
    if canonical_facts(plan.canonical) is None:
        raise UsageError(
            f"the traces of the scan are not in '{plan.canonical}' any more; the same `scan` "
            "command reads them again"
        )


def _difference(there: ScanPlan, asked: ScanPlan) -> str:
    """The first thing in which two scans differ, in words."""
    for what, before, now in (
        ("it is of another source", there.source, asked.source),
        ("its traces have changed since", there.canonical_sha256, asked.canonical_sha256),
        ("other code decided", there.fingerprint, asked.fingerprint),
        ("it asked for another window or filter", there.selection, asked.selection),
        ("it asked something else", there.questions, asked.questions),
        ("it investigated others", there.investigated, asked.investigated),
        ("its runs had other limits", there.budgets, asked.budgets),
    ):
        if before != now:
            return what
    return "it was cut otherwise"
