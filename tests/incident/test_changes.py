"""What changed: named where the spans say it, with the traces on both sides, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from investigator.incident.changes import Change, detect_changes
from investigator.incident.digest import digest
from investigator.incident.report import SuspicionStatus
from investigator.incident.setup_facts import FactKind
from investigator.incident.suspicion import SURE_SPREAD, SURE_STEP, Suspicion, suspected_change
from investigator.snapshots import SnapshotStore, open_snapshots
from investigator.traces.evidence import EvidenceIndex, EvidenceKind
from investigator.traces.model import Trace
from tests.builders import QUOTE, readings
from tests.incident.windows import PROMPT, TIMEOUT, run


def told(
    traces: Iterable[Trace], snapshots: SnapshotStore | None = None
) -> tuple[Suspicion, tuple[Change, ...]]:
    """The suspicion over a window, and all its changes."""
    digests = [digest(readings(trace)) for trace in traces]
    changes = detect_changes(digests, snapshots, QUOTE)
    return suspected_change(digests, changes), changes


def test_a_model_that_changed_before_the_failures_is_asserted() -> None:
    """Old and new value, the traces on both sides and the failures are named, with evidence."""
    window = [run(i) for i in range(6)]
    window += [run(i, model="small-2", error=TIMEOUT) for i in range(6, 10)]
    suspicion, (change,) = told(window)
    assert suspicion.status is SuspicionStatus.ASSERTED
    assert suspicion.changes == (change,)
    assert (change.kind, change.subject) == (FactKind.MODEL, "model of helper")
    assert (change.before, change.after) == (("small-1",), ("small-2",))
    assert (change.trace_before, change.trace_after) == ("t005", "t006")
    assert change.at_ns == window[6].spans[0].start_ns
    assert change.precedes_first_failure
    assert (
        "“search: timeout” in 0 of 6 traces without it and in 4 of 4 with it" in suspicion.statement
    )
    traces = {trace.trace_id: trace for trace in window}
    for ref in suspicion.evidence_refs:
        assert EvidenceIndex(traces[ref.trace_id or ""]).problem(ref) is None
    assert {ref.trace_id for ref in suspicion.evidence_refs} == {"t005", "t006"}


@pytest.mark.parametrize(
    "weaker",
    [
        {"sureness": SURE_SPREAD - 0.001},
        {"strength": SURE_STEP - 0.001},
        {"trace_before": None},
    ],
)
def test_what_just_misses_a_bound_is_a_hypothesis(weaker: dict[str, Any]) -> None:
    """How surely the failures go with the change, how surely it is a step, a trace before it."""
    window = [run(i) for i in range(6)]
    window += [run(i, model="small-2", error=TIMEOUT) for i in range(6, 10)]
    digests = [digest(readings(trace)) for trace in window]
    (change,) = detect_changes(digests, None, QUOTE)
    bound = replace(change, sureness=SURE_SPREAD, strength=max(change.strength, SURE_STEP))
    assert suspected_change(digests, [bound]).status is SuspicionStatus.ASSERTED
    just_missed = replace(bound, **weaker)
    assert suspected_change(digests, [just_missed]).status is SuspicionStatus.HYPOTHESIS


def test_each_kind_of_fact_is_seen_to_change() -> None:
    """Prompt, tools, parameters and release are read where the spans say them."""
    old, new = {"service.version": "1.4.0"}, {"service.version": "1.5.0"}
    window = [run(i, attributes=old) for i in range(5)]
    json = PROMPT + "\nAnswer in JSON."
    failing = {
        FactKind.PROMPT: [run(i, error=TIMEOUT, attributes=old, prompt=json) for i in (5, 6, 7)],
        FactKind.TOOLS: [run(i, error=TIMEOUT, attributes=old, tools=()) for i in (5, 6, 7)],
        FactKind.PARAMETERS: [
            run(i, error=TIMEOUT, attributes=old, temperature=1) for i in (5, 6, 7)
        ],
        FactKind.RELEASE: [run(i, error=TIMEOUT, attributes=new) for i in (5, 6, 7)],
    }
    for kind, after in failing.items():
        suspicion, changes = told([*window, *after])
        assert suspicion.status is SuspicionStatus.ASSERTED, kind
        assert {found.kind for found in changes} == {kind}


def test_what_came_together_is_named_together() -> None:
    """Changes between the same two traces cannot be told apart."""
    window = [run(i) for i in range(5)]
    window += [run(i, error=TIMEOUT, model="m2", temperature=1) for i in range(5, 9)]
    suspicion, _ = told(window)
    assert [change.kind for change in suspicion.changes] == [FactKind.MODEL, FactKind.PARAMETERS]
    assert "at the same place changed: parameters" in suspicion.statement


def test_models_side_by_side_all_along_are_no_change() -> None:
    """A mixture in healthy traces too explains nothing."""
    models = ("a", "b")
    window = [run(i, model=models[i % 2], error=TIMEOUT if i > 5 else None) for i in range(12)]
    suspicion, changes = told(window)
    assert changes == ()
    assert suspicion.status is SuspicionStatus.NONE_FOUND
    both = [run(i, model=models, error=TIMEOUT if i > 5 else None) for i in range(12)]
    assert told(both)[1] == ()


def test_prompts_that_differ_from_trace_to_trace_are_no_change() -> None:
    """A name in the system message is not a new prompt; a date in it hides no new one either."""
    window = [run(i, prompt=f"Help customer {chr(97 + i) * 3}.") for i in range(8)]
    window += [run(i, prompt=f"Help customer {chr(97 + i) * 3}.", error=TIMEOUT) for i in (8, 9)]
    assert told(window)[1] == ()
    dated = [run(i, prompt=f"It is 2026-03-{i + 1:02}. Be brief.") for i in range(6)]
    dated += [
        run(i, prompt=f"It is 2026-03-{i + 1:02}. Answer in JSON.", error=TIMEOUT)
        for i in range(6, 10)
    ]
    suspicion, _ = told(dated)
    assert suspicion.status is SuspicionStatus.ASSERTED
    assert "apart from names, dates and numbers" in suspicion.statement


def test_a_new_prompt_is_seen_though_each_carries_its_own_documents() -> None:
    """Where the whole message varies, its opening tells."""
    rng = random.Random(4)

    def filled(instruction: str) -> str:
        words = " ".join("".join(rng.sample("abcdefghij", 5)) for _ in range(20))
        return f"{instruction} {'Take care. ' * 30}\n{words}"

    window = [run(i, prompt=filled("Answer in words.")) for i in range(6)]
    window += [run(i, prompt=filled("Answer in JSON."), error=TIMEOUT) for i in range(6, 10)]
    suspicion, (change,) = told(window)
    assert suspicion.status is SuspicionStatus.ASSERTED
    assert change.subject == "opening of the system message of helper"


def test_a_change_long_before_the_failures_is_not_asserted() -> None:
    """Many healthy traces after a change speak against it."""
    window = [run(i) for i in range(4)]
    window += [run(i, model="m2", error=TIMEOUT if i > 22 else None) for i in range(4, 26)]
    suspicion, changes = told(window)
    assert len(changes) == 1
    assert suspicion.status is SuspicionStatus.NONE_FOUND
    assert suspicion.statement.endswith("changed without them: model of helper")


def test_a_change_after_the_failures_began_is_not_their_cause() -> None:
    """Failures on both sides alike: the change is told, not suspected."""
    window = [run(i, error=TIMEOUT if i > 2 else None) for i in range(6)]
    window += [run(i, model="m2", error=TIMEOUT) for i in range(6, 12)]
    suspicion, (change,) = told(window)
    assert not change.precedes_first_failure
    assert suspicion.status is not SuspicionStatus.ASSERTED


def test_another_fault_all_along_does_not_hide_what_changed() -> None:
    """Each failure is compared by itself: one that was always there is no obstacle."""
    always = "Error: 404 page not found"
    window = [run(i, error=always, tool="visit") for i in range(6)]
    window += [run(i, error=TIMEOUT, model="m2") for i in range(6, 10)]
    suspicion, _ = told(window)
    assert suspicion.status is SuspicionStatus.ASSERTED
    assert suspicion.changes[0].failure == "search: timeout"


def test_a_rollback_does_not_hide_the_change_that_it_undid(tmp_path: Path) -> None:
    """Old, new, old again: the new value is suspected, by the spans and by the snapshots."""
    bad = range(5, 9)
    window = [
        run(i, model="m2" if i in bad else "m1", error=TIMEOUT if i in bad else None)
        for i in range(14)
    ]
    store = snapshots(
        tmp_path, v1="1969-12-31T00:00:00Z", v2="1970-01-01T00:04:30Z", v3="1970-01-01T00:08:30Z"
    )
    suspicion, changes = told(window, store)
    assert suspicion.status is SuspicionStatus.ASSERTED
    assert {change.after for change in suspicion.changes} == {("m2",), ("v2",)}
    assert [change.after for change in changes if change.score == 0] == [("v3",), ("m1",)]


def test_two_traces_are_too_few_to_assert() -> None:
    """One before and one after give a hypothesis."""
    suspicion, _ = told([run(0), run(1, model="m2", error=TIMEOUT)])
    assert suspicion.status is SuspicionStatus.HYPOTHESIS


def test_nothing_changed_is_an_answer() -> None:
    """Failures without any change say what was compared."""
    suspicion, changes = told([run(i, error=TIMEOUT if i > 4 else None) for i in range(9)])
    assert changes == ()
    assert suspicion.status is SuspicionStatus.NONE_FOUND
    assert "compared: model, prompt, tools, parameters" in suspicion.statement


def test_what_cannot_be_compared_is_unknown() -> None:
    """Without times, or without a healthy trace before, there is no before and after."""
    undated, _ = told([run(i, error=TIMEOUT, timed=False) for i in range(4)])
    assert undated.status is SuspicionStatus.UNKNOWN
    assert undated.gaps == ("4 traces have no times and were not compared",)
    failed_at_once, _ = told([run(i, error=TIMEOUT) for i in range(4)])
    assert failed_at_once.status is SuspicionStatus.UNKNOWN


def test_a_healthy_window_has_nothing_to_explain() -> None:
    """A change without a failure is told; nothing is suspected."""
    suspicion, changes = told([run(i, model="a" if i < 5 else "b") for i in range(10)])
    assert [change.score for change in changes] == [0.0]
    assert suspicion.status is SuspicionStatus.NONE_FOUND
    assert told([])[0].confidence == 0.0


def snapshots(folder: Path, **times: str) -> SnapshotStore:
    """Snapshots that differ in one line, deployed at these times."""
    for tag, time in times.items():
        (folder / tag).mkdir(parents=True)
        (folder / tag / "metadata.yaml").write_text(f"deployed_at: {time}\n")
        (folder / tag / "limits.toml").write_text(f"timeout = {len(times)}{tag}\n")
    return open_snapshots(folder)


def test_a_deployed_snapshot_is_suspected_by_its_diff(tmp_path: Path) -> None:
    """Deployed between the healthy traces and the failing ones: asserted, the diff cited."""
    window = [run(i, error=TIMEOUT if i > 5 else None) for i in range(10)]
    store = snapshots(tmp_path, v1="1969-12-31T00:00:00Z", v2="1970-01-01T00:05:30Z")
    suspicion, (change,) = told(window, store)
    assert suspicion.status is SuspicionStatus.ASSERTED
    assert (change.before, change.after) == (("v1",), ("v2",))
    assert "limits.toml changed" in suspicion.statement
    cited = [ref for ref in suspicion.evidence_refs if ref.kind is EvidenceKind.CONFIG_DIFF]
    assert [store.problem(ref) for ref in cited] == [None]


def test_snapshots_that_do_not_differ_changed_nothing(tmp_path: Path) -> None:
    """A deployment of the same content is no change."""
    store = snapshots(tmp_path, v1="1969-12-31T00:00:00Z", v2="1970-01-01T00:05:30Z")
    for tag in ("v1", "v2"):
        (tmp_path / tag / "limits.toml").write_text("timeout = 3")
    store = open_snapshots(tmp_path)
    window = [run(i, error=TIMEOUT if i > 5 else None) for i in range(10)]
    assert told(window, store)[0].status is SuspicionStatus.NONE_FOUND


def test_a_snapshot_from_before_the_window_is_only_a_hypothesis(tmp_path: Path) -> None:
    """Where every trace failed, the last deployment is worth a look, and no more."""
    store = snapshots(tmp_path, v1="1969-12-30T00:00:00Z", v2="1969-12-31T00:00:00Z")
    suspicion, _ = told([run(i, error=TIMEOUT) for i in range(4)], store)
    assert suspicion.status is SuspicionStatus.HYPOTHESIS
    assert suspicion.confidence < 0.2


@pytest.mark.parametrize("key", ["service.version", "resource.deployment.id", "metadata"])
def test_a_release_that_names_snapshots_brings_their_diff(tmp_path: Path, key: str) -> None:
    """Spans that carry a tag say which snapshots to compare, whatever the times."""
    store = snapshots(tmp_path, v1="2026-01-01T00:00:00Z", v2="2026-01-02T00:00:00Z")

    def said(tag: str) -> dict[str, str]:
        return {key: f'{{"release": "{tag}"}}' if key == "metadata" else tag}

    window = [run(i, attributes=said("v1")) for i in range(5)]
    window += [run(i, attributes=said("v2"), error=TIMEOUT) for i in range(5, 9)]
    suspicion, _ = told(window, store)
    assert suspicion.status is SuspicionStatus.ASSERTED
    assert suspicion.evidence_refs[0].kind is EvidenceKind.CONFIG_DIFF
