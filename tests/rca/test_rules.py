"""The rules decide by what a scope has read, and by nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.claims.leads import READING_ALONE
from investigator.ground.canonical_json import compact_json
from investigator.rca.case import RCACase
from investigator.rca.conclude import confidence_of, description_of
from investigator.rca.outputs import RCADraft
from investigator.rca.rules import (
    HOT_READS,
    READS_A_HYPOTHESIS,
    RCARules,
)
from investigator.runtime.actions import ActionKind
from investigator.runtime.budget import UNLIMITED, Limits
from investigator.runtime.events import ALL_BUT_FINALIZE, Shown
from investigator.runtime.planner import StepSeen, View
from investigator.traces.evidence import evidence_of
from investigator.traces.model import Trace
from tests.builders import REDACTOR, trace
from tests.rca.running import DEFAULT
from tests.signals.steps import agent, llm, only, tool
from tests.signals.test_laws import traces

FAILED = trace(
    agent(name="one"),
    llm("ask", at=1),
    tool("t", error="TimeoutError: no answer", at=2),
    agent("b"),
    tool("u", error="KeyError: 'total'", at=3, parent="b", name="fetch"),
)


ALONE = RCADraft(findings=(), gaps=(), summary=READING_ALONE)
WHOLE = Shown(left=UNLIMITED, time_left=None)


def view(
    step: int = 0,
    *,
    depth: int = 0,
    recent: tuple[StepSeen, ...] = (),
    cited: Mapping[str, str] | None = None,
    shown: Shown = WHOLE,
) -> View:
    """A scope that has seen nothing yet; at depth 1 the child of the first hypothesis."""
    return View(
        scope_id="0",
        depth=depth,
        objective="why?",
        context='{"lead":"h1","of":""}' if depth else "{}",
        step=step,
        offered=shown.offered,
        draft=None,
        recent=recent,
        cited=cited or {},
        shown=shown,
    )


def turn(seen: View, found: Trace = FAILED) -> dict[str, object]:
    """The action, or the first of several."""
    planner = RCARules(RCACase.of(found, DEFAULT, REDACTOR))
    reply = asyncio.run(planner.act(seen, 0))
    assert reply.usage.amounts == (1, 0, 0, 0, 0)
    action = json.loads(reply.text)["action"]
    first: dict[str, object] = action[0] if isinstance(action, list) else action
    return first


def test_scope_zero_looks_at_the_whole_then_at_the_hottest_then_delegates() -> None:
    """One list of spans, two spans, then a child for each hypothesis."""
    tools = [turn(view(step)).get("tool_name") for step in range(1 + HOT_READS)]
    assert tools == ["list_spans", "get_span", "get_span"]
    delegation = turn(view(1 + HOT_READS))
    assert delegation["type"] == "delegate_subcall"
    assert delegation["use_planner"] is True
    assert str(delegation["objective"]).startswith("Show or refute: ")


def test_a_scope_that_got_no_children_reads_what_they_would_have_read() -> None:
    """It notes the refusal in its draft, and reads all that it has not read before."""
    refused = StepSeen(3, ActionKind.DELEGATE, "…", "no subcalls left", ok=False)
    assert turn(view(4, recent=(refused,)))["type"] == "synthesize"
    before = [turn(view(step)) for step in range(1 + HOT_READS)]
    theirs = [turn(view(step, depth=1)) for step in range(2)]
    left = [read for read in theirs if read not in before]
    assert left
    assert [turn(view(5 + n)._replace(draft=ALONE)) for n in range(len(left))] == left


@given(
    traces(),
    st.integers(0, 12),
    st.tuples(*[st.none() | st.integers(0, 99)] * 5),
    st.none() | st.floats(0.1, 99),
)
@settings(max_examples=60, deadline=None)
def test_the_budget_that_is_left_changes_nothing(
    found: Trace, step: int, left: tuple[int | None, ...], time_left: float | None
) -> None:
    """So a report does not depend on what siblings have used: only what is offered counts."""
    shown = Shown(left=Limits(*left), time_left=time_left)
    assert turn(view(step), found) == turn(view(step, shown=shown), found)


def test_at_the_guard_the_rules_answer_with_what_they_have() -> None:
    """Whatever was planned."""
    shown = Shown(left=UNLIMITED, time_left=None, withheld=ALL_BUT_FINALIZE)
    for depth in (0, 1):
        assert turn(view(depth=depth, shown=shown))["type"] == "finalize"


def test_a_child_states_only_what_it_has_read() -> None:
    """A finding cites the short ids of its scope; without any there is none."""
    unread = turn(view(READS_A_HYPOTHESIS, depth=1))
    assert unread["output"] == {
        "findings": [],
        "gaps": [],
        "summary": RCACase.of(FAILED, DEFAULT, REDACTOR).hypotheses[0].statement,
    }
    failed = FAILED.get("t")
    assert failed is not None
    refs = [compact_json(ref.model_dump(mode="json")) for ref in evidence_of(failed)]
    ids = {f"e{number}": text for number, text in enumerate(refs)}
    output = turn(view(READS_A_HYPOTHESIS, depth=1, cited=ids))["output"]
    assert isinstance(output, dict)
    (stated,) = output["findings"]
    assert stated["span_id"] == "t"
    assert set(stated["evidence"]) <= set(ids)


def test_a_fault_that_was_made_good_is_told_so_with_half_the_confidence() -> None:
    """Both in words and in number."""
    signal = only(trace(agent(), tool("t", error="TimeoutError: x", at=1), tool("good", at=2)))
    still_open = replace(signal, recovered_by=None)
    assert confidence_of([signal]) == round(confidence_of([still_open]) / 2, 2)
    assert description_of([signal]) == f"{still_open.summary} (recovered at good)"
    assert description_of([still_open, still_open]) == still_open.summary
