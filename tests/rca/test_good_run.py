"""What a report says where a good run of the same task stands beside the failed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.rca.report import Outcome, RCAReport
from investigator.readings.faults import Fault
from investigator.traces.evidence import EvidenceIndex
from investigator.traces.model import Trace
from tests.rca.running import run_rca
from tests.signals.scripts import FORMS, Said, gives, says, system, user

TOLD = system("You book rooms.")
ASKED = user("Book a room in Bergen for 3 nights, please.")
ROOMS = '{"rooms": [{"room": "R-201", "price": 940}, {"room": "R-305", "price": 1210}]}'
BOOKED = '{"ok": true}'


def run(*parts: Said) -> list[Said]:
    """A run of the task."""
    return [TOLD, ASKED, *parts]


def asks(tool: str, call_id: str = "c1", **arguments: JsonValue) -> Said:
    """A call."""
    given: Mapping[str, JsonValue] = arguments
    return says("", (call_id, tool, given))


LOOKS = (asks("find_rooms", city="Bergen", nights=3), gives("c1", ROOMS))
GOOD = run(
    *LOOKS,
    asks("book_room", "c2", room="R-201", nights=3),
    gives("c2", BOOKED),
    says("I have booked room R-201 for 3 nights at 940."),
)
WRONG_ROOM = run(
    *LOOKS,
    asks("book_room", "c2", room="R-305", nights=3),
    gives("c2", BOOKED),
    says("I have booked room R-305 for 3 nights at 1210."),
)
DOWN = run(
    asks("find_rooms", city="Bergen", nights=3),
    gives("c1", "Error: HTTP 503 Service Unavailable"),
    says("I could not look up any rooms."),
)


def named(trace: Trace, trace_id: str) -> Trace:
    """The same run under another id."""
    return Trace(trace_id, [replace(span, trace_id=trace_id) for span in trace.spans])


def report(
    form: str, failed: Sequence[Said], good: Sequence[Said] = GOOD, *, known: bool = True
) -> RCAReport:
    """The report on a run beside a good one."""
    tools = ("find_rooms", "book_room")
    beside = named(FORMS[form](good, tools), "passed")
    ran = run_rca(FORMS[form](failed, tools), good=beside, failed=known)
    assert ran.strategy.check(ran.report) == []
    return ran.report


@pytest.mark.parametrize("form", FORMS)
def test_the_departure_is_the_first_suspect(form: str) -> None:
    """With its fault, step, evidence of the failed run, and what the good run did."""
    first = report(form, WRONG_ROOM).findings[0]
    assert first.fault is Fault.DEPARTED_ACT
    assert first.step is not None
    assert "R-305" in first.description
    assert "R-201" in first.description
    assert {ref.trace_id for ref in first.evidence_refs} != {"passed"}
    assert first.departs_from is not None
    assert first.departs_from.trace_id == "passed"
    assert "R-201" in (first.departs_from.text or "")


@pytest.mark.parametrize("form", FORMS)
def test_the_reference_into_the_good_run_resolves_there(form: str) -> None:
    """And is checked as the others are."""
    good = named(FORMS[form](GOOD, ()), "passed")
    ran = run_rca(FORMS[form](WRONG_ROOM, ()), good=good, failed=True)
    step = ran.report.findings[0].departs_from
    assert step is not None
    assert step.evidence is not None
    assert step.evidence.trace_id == "passed"
    assert EvidenceIndex(good).problem(step.evidence) is None
    forged = step.evidence.model_copy(update={"excerpt_hash": "0" * 64})
    finding = ran.report.findings[0].model_copy(
        update={"departs_from": step.model_copy(update={"evidence": forged})}
    )
    told = ran.report.model_copy(update={"findings": (finding, *ran.report.findings[1:])})
    assert any("good run" in problem for problem in ran.strategy.check(told))


@pytest.mark.parametrize("form", FORMS)
def test_a_fault_that_was_seen_there_has_the_departure_as_evidence(form: str) -> None:
    """One finding, with the fault's own name and advice."""
    found = report(form, DOWN)
    departing = [f for f in found.findings if f.departs_from is not None]
    assert [f.fault for f in departing] != [Fault.DEPARTED_RESULT]
    assert len(departing) == 1
    assert found.findings[0] == departing[0]
    assert "departs from the good run" in departing[0].description


@pytest.mark.parametrize("form", FORMS)
def test_a_departure_alone_makes_no_failure(form: str) -> None:
    """Two runs may go different ways and both be right."""
    found = report(form, WRONG_ROOM, known=False)
    assert found.outcome is Outcome.UNDETERMINED
    assert [f.confidence < 0.5 for f in found.findings if f.departs_from] == [True]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("known", [True, False])
def test_a_run_that_did_the_same_has_no_departure(form: str, known: bool) -> None:
    """Whatever is known of how it ended."""
    reworded = [*GOOD[:-1], says("Room R-201 is booked for you, 3 nights at 940.")]
    found = report(form, reworded, known=known)
    assert [f for f in found.findings if f.departs_from is not None] == []


@pytest.mark.parametrize("form", FORMS)
def test_what_both_runs_did_is_weaker_than_what_one_did(form: str) -> None:
    """The good run passed with it."""
    empty = (asks("find_hotels", "c0", city="Bergen"), gives("c0", "Error: HTTP 500"))
    both = [[TOLD, ASKED, *empty, *one[2:]] for one in (WRONG_ROOM, GOOD)]
    found = report(form, both[0], both[1])
    assert found.findings[0].departs_from is not None
    others = [f for f in found.findings if "the good run did the same there" in f.description]
    assert all(f.confidence < 0.5 for f in others)


def test_another_task_is_a_gap() -> None:
    """And nothing is compared."""
    other = [TOLD, user("What is the weather in Oslo tomorrow?"), *GOOD[2:]]
    found = report("tree", WRONG_ROOM, other)
    assert [f for f in found.findings if f.departs_from is not None] == []
    assert any("its task is another" in gap for gap in found.gaps)


def test_the_signature_holds_for_another_run_of_the_pair() -> None:
    """It names what was done in place of what, and no id."""

    def signature(prefix: str) -> str | None:
        later = [
            {**m, "tool_call_id": prefix} if m.get("tool_call_id") == "c2" else m
            for m in WRONG_ROOM
        ]
        return report("chat", later).findings[0].signature

    assert report("chat", WRONG_ROOM).findings[0].signature == signature("c2")


def test_planners_are_told_of_the_departure() -> None:
    """In the brief of the first scope, beside the leads."""
    good = named(FORMS["tree"](GOOD, ()), "passed")
    ran = run_rca(FORMS["tree"](WRONG_ROOM, ()), good=good, failed=True)
    root = ran.strategy.plan.root
    assert root is not None
    assert '"good_run"' in root.context
    assert "R-201" in root.context


def test_secrets_of_the_good_run_stay_in_it() -> None:
    """Its excerpts go through the redactor of the run."""
    key = "sk-proj-" + "a1B2" * 10
    good = [TOLD, ASKED, asks("find_rooms", city="Bergen", key=key), *GOOD[3:]]
    failed = [TOLD, ASKED, asks("find_rooms", city="Bodø"), *GOOD[3:]]
    told = report("tree", failed, good)
    assert told.findings[0].departs_from is not None
    assert key not in told.model_dump_json()
