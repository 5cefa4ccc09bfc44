"""Issues recur: a kind of failure that many traces share, followed from scan to scan.

A kind is `new` in the scan that first shows it, `ongoing` after that, `resolved` once so many
traces passed without it that its absence is no chance, `regressed` when it is back after that.
People mute an issue. A scan counts once, however often it is told of.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from investigator.errors import UsageError
from investigator.fleet.failing_rows import (
    FailingRow,
    FailureKind,
    JudgedTraces,
    KindFound,
    failing_rows,
    failure_kinds,
    judged_in,
)
from investigator.ground.files import replace_file, sync_folder
from investigator.ground.wording import counted

ISSUES_FILE = "issues.json"
_EXPECTED = -math.log(1e-4)
"""So many occurrences were to be expected since it was last seen: none of them is chance once in
ten thousand times. Many issues are followed over many scans, so once in a hundred is often."""
_REPRESENTATIVES = 5
_HISTORY = 100


class IssueState(StrEnum):
    """Where an issue stands, those that ask for somebody first."""

    REGRESSED = "regressed"
    NEW = "new"
    ONGOING = "ongoing"
    RESOLVED = "resolved"


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReleaseRate(_Closed):
    """How many traces of a release have the failure; of the release that none names, ''."""

    release: str
    count: int
    traces: int


class Sighting(_Closed):
    """What one scan showed of an issue."""

    scan: str
    count: int
    traces: int
    newest_ns: int | None
    releases: tuple[ReleaseRate, ...] = ()

    @property
    def rate(self) -> float:
        """The share of traces that have it."""
        return self.count / self.traces if self.traces else 0.0


class Issue(_Closed):
    """One kind of failure. `missed` counts the traces judged since it was last seen.

    `count` is of all scans; `rate` that of the last scan that showed it.
    """

    id: str
    engine: str
    lasting: str
    template: str
    title: str
    state: IssueState
    muted: bool = False
    first_seen_ns: int | None
    last_seen_ns: int | None
    count: int
    rate: float
    missed: int = 0
    representatives: tuple[str, ...]
    history: tuple[Sighting, ...]

    @property
    def kind(self) -> FailureKind:
        """What kind of failure it is."""
        return FailureKind(self.lasting, self.template)

    @property
    def shown_state(self) -> str:
        """Its state, or that it was muted."""
        return "muted" if self.muted else self.state.value


class Issues(_Closed):
    """The file: every issue, and the scans that were told of."""

    schema_version: Literal["1.0.0"] = "1.0.0"
    scans: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()

    @property
    def ordered(self) -> list[Issue]:
        """Those that ask for somebody first, then by how often."""
        places = {state: place for place, state in enumerate(IssueState)}
        return sorted(self.issues, key=lambda i: (i.muted, places[i.state], -i.rate, i.id))


def after_scan(before: Issues, scan: str, results: Path) -> Issues:
    """The issues once a scan is known; unchanged by one that is known already."""
    if scan in before.scans:
        return before
    return follow(before, scan, failing_rows(results), judged_in(results))


def follow(
    before: Issues,
    scan: str,
    rows: Iterable[FailingRow],
    judged: Mapping[str, JudgedTraces],
) -> Issues:
    """The issues after a scan that judged so many traces, of which these rows failed."""
    if scan in before.scans:
        return before
    found = failure_kinds(rows, [issue.kind for issue in before.issues])
    known = {issue.kind: issue for issue in before.issues}
    issues = [_followed(issue, found.get(issue.kind), judged, scan) for issue in before.issues]
    issues += [_new(kind, of, judged, scan) for kind, of in found.items() if kind not in known]
    return Issues(scans=(*before.scans, scan), issues=tuple(issues))


def _new(
    kind: FailureKind, found: KindFound, judged: Mapping[str, JudgedTraces], scan: str
) -> Issue:
    sighting = _sighting(found, judged[found.engine], scan)
    starts = [start for start in found.traces.values() if start is not None]
    named = hashlib.sha256(f"{kind.lasting}\n{kind.template}".encode("utf-8", "surrogatepass"))
    return Issue(
        id=named.hexdigest()[:12],
        engine=found.engine,
        lasting=kind.lasting,
        template=kind.template,
        title=found.title,
        state=IssueState.NEW,
        first_seen_ns=min(starts, default=None),
        last_seen_ns=max(starts, default=None),
        count=sighting.count,
        rate=sighting.rate,
        representatives=tuple(sorted(found.traces))[:_REPRESENTATIVES],
        history=(sighting,),
    )


def _followed(
    issue: Issue, found: KindFound | None, judged: Mapping[str, JudgedTraces], scan: str
) -> Issue:
    """An issue after a scan that shows it, or does not."""
    of = judged.get(issue.engine)
    if of is None:
        return issue
    if found is None:
        return _unseen(issue, of, scan)
    sighting = _sighting(found, of, scan)
    starts = [start for start in found.traces.values() if start is not None]
    seen = [*starts, *([] if issue.last_seen_ns is None else [issue.last_seen_ns])]
    is_back = issue.state is IssueState.RESOLVED
    return issue.model_copy(
        update={
            "state": IssueState.REGRESSED if is_back else IssueState.ONGOING,
            "last_seen_ns": max(seen, default=None),
            "count": issue.count + sighting.count,
            "rate": sighting.rate,
            "missed": 0,
            "representatives": tuple(sorted(found.traces))[:_REPRESENTATIVES],
            "history": (*issue.history, sighting)[-_HISTORY:],
        }
    )


def _unseen(issue: Issue, judged: JudgedTraces, scan: str) -> Issue:
    missed = issue.missed + judged.traces
    is_gone = missed * _usual_rate(issue) >= _EXPECTED
    nothing = Sighting(scan=scan, count=0, traces=judged.traces, newest_ns=judged.newest_ns)
    return issue.model_copy(
        update={
            "state": IssueState.RESOLVED if is_gone else _quiet(issue.state),
            "missed": missed,
            "history": (*issue.history, nothing)[-_HISTORY:],
        }
    )


def _quiet(state: IssueState) -> IssueState:
    """What is not new any more, nor back, is known."""
    return IssueState.RESOLVED if state is IssueState.RESOLVED else IssueState.ONGOING


def _usual_rate(issue: Issue) -> float:
    """How often it occurred, over all scans from the first to the last that showed it.

    One more trace is counted, as nobody knows a rate of few traces.
    """
    shown = [n for n, one in enumerate(issue.history) if one.count]
    active = issue.history[: shown[-1] + 1] if shown else ()
    traces = sum(one.traces for one in active)
    return sum(one.count for one in active) / (traces + 1)


def _sighting(found: KindFound, judged: JudgedTraces, scan: str) -> Sighting:
    releases = tuple(
        ReleaseRate(release=name, count=found.releases[name], traces=traces)
        for name, traces in sorted(judged.by_release.items())
    )
    return Sighting(
        scan=scan,
        count=len(found.traces),
        traces=judged.traces,
        newest_ns=judged.newest_ns,
        releases=releases if len(releases) > 1 or releases[0].release else (),
    )


def read_issues(folder: Path) -> Issues:
    """The issues of a folder; none where there is no file.

    Raises:
        UsageError: the file is not one of ours.
    """
    path = folder / ISSUES_FILE
    try:
        return Issues.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Issues()
    except ValidationError as error:
        raise UsageError(f"'{path}' holds no issues: {error.errors()[0]['msg']}") from None


def update_issues(folder: Path, scan: str, results: Path) -> Issues:
    """Tell a folder of issues of a scan, and keep what follows."""
    with _alone_in(folder):
        made = after_scan(read_issues(folder), scan, results)
        _keep(folder, made)
        return made


def mute_issue(folder: Path, issue_id: str, *, muted: bool) -> Issue:
    """Mute an issue, or hear of it again.

    Raises:
        UsageError: there is none whose id begins so, or several.
    """
    with _alone_in(folder):
        issues = read_issues(folder)
        meant = issue_named(issues, issue_id, folder)
        changed = meant.model_copy(update={"muted": muted})
        every = tuple(changed if one.id == meant.id else one for one in issues.issues)
        _keep(folder, issues.model_copy(update={"issues": every}))
        return changed


def issue_named(issues: Issues, issue_id: str, folder: Path) -> Issue:
    """The issue that an id, or the beginning of it, names."""
    meant = [one for one in issues.issues if issue_id and one.id.startswith(issue_id)]
    if len(meant) != 1:
        found = "no issue" if not meant else counted(len(meant), "issue")
        raise UsageError(
            f"{found} '{issue_id}' in {folder} ({len(issues.issues)} known); `investigator issues "
            "list` shows them"
        )
    return meant[0]


def _keep(folder: Path, issues: Issues) -> None:
    replace_file(folder / ISSUES_FILE, (issues.model_dump_json(indent=1) + "\n").encode())
    sync_folder(folder)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Be the only one that changes a folder of issues."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
