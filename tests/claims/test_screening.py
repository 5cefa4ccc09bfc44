"""A screening says, to the byte, what a run by rules says of the same question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from investigator import RCA, Compliance
from investigator.ground.redaction import Redactor
from investigator.inspection.engine import Materials, TraceQuestion
from investigator.readings.reading import Readings
from investigator.runs.engines import engine_named
from investigator.runs.sources import open_source
from investigator.runtime.clock import Clock
from investigator.runtime.deciders import one_planner
from investigator.runtime.driver import Result, drive
from investigator.runtime.events import AnyEvent
from investigator.runtime.execution import LiveExecution
from investigator.runtime.ledger import Ledger
from investigator.runtime.strategy import Run
from investigator.samples import SAMPLE_TRACES, SEEDED
from investigator.store.memory import MemoryInspectionAPI
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.model import Trace
from tests.running import opening

QUESTIONS: dict[str, TraceQuestion[Any]] = {
    "rca": RCA(),
    "known to have failed": RCA(outcome="failed", symptom="wrong total"),
    "with a taxonomy and controls": RCA(taxonomy="trail", controls="controls-v1"),
    "controls": Compliance(),
    "verdicts ignored": Compliance(ignore_evaluations=True),
}


class _Nowhere:
    """A journal that keeps nothing."""

    def append(self, event: AnyEvent) -> None: ...


def sample_traces(cache: Path) -> Iterator[Trace]:
    """Traces that ship with the package: the samples, and some of the demo agent's."""
    for source, most in ((SAMPLE_TRACES, 20), (SEEDED / "traces.parquet", 8)):
        opened = open_source(source, cache_dir=cache)
        try:
            listed = opened.api.list_traces(limit=most)
            yield from opened.api.get_traces([row.trace_id for row in listed])
        finally:
            opened.api.close()


def ran(question: TraceQuestion[Any], materials: Materials, trace: Trace) -> Result:
    """The end of a run by rules, all its turns and reads made."""
    prepared = question.prepare(MemoryInspectionAPI([trace]), materials, Redactor())
    decides = one_planner(prepared.planner)
    engine = engine_named(question.engine)
    run = Run(
        opening(engine.run_type, decides, engine.default_budget, dataset_hash=trace.content_hash),
        prepared.strategy,
        prepared.tools,
        decides,
    )
    clock = Clock(monotonic=time.monotonic)
    execution = LiveExecution(ledger=Ledger(), recorder=_Nowhere(), clock=clock)
    execution.record(run.opened)
    return asyncio.run(drive(run, execution, clock))


def screened(question: TraceQuestion[Any], materials: Materials, trace: Trace) -> Result:
    """The end of a screening."""
    redactor = Redactor()
    redactor.keep((trace.trace_id, *(span.span_id for span in trace.spans)))
    return question.screen(question.readings_of(trace, redactor), materials)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_screening_says_what_a_run_by_rules_says(name: str, tmp_path: Path) -> None:
    """Of each trace that ships, and of it with verdicts of a person."""
    question = QUESTIONS[name]
    materials = question.materials()
    for trace in sample_traces(tmp_path):
        asked = question.about(trace.trace_id)
        for one in (trace, judged(trace)):
            run, screening = ran(asked, materials, one), screened(asked, materials, one)
            assert screening == run, one.trace_id


def judged(trace: Trace) -> Trace:
    """The trace with bad verdicts on it, more of them than one page of spans names."""
    verdicts = [
        Evaluation(
            trace_id=trace.trace_id,
            span_id=None if number else trace.spans[-1].span_id,
            name=f"check {number}",
            rater=Rater.PERSON,
            passed=False,
        )
        for number in range(8)
    ]
    return Trace(trace.trace_id, trace.spans, verdicts)


def test_what_one_question_read_does_not_change_what_another_says(tmp_path: Path) -> None:
    """Two questions share the readings of a trace."""
    first, second = RCA(), Compliance()
    alone, beside = second.materials(), first.materials()
    for trace in sample_traces(tmp_path):
        readings = Readings(trace, Redactor())
        first.screen(readings, beside)
        shared = second.about(trace.trace_id).screen(readings, alone)
        assert shared == screened(second.about(trace.trace_id), alone, trace)
