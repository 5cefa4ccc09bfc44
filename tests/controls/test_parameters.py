"""What nobody configured is not applicable, and said so; what is configured is judged."""

from __future__ import annotations

from typing import Any

import pytest

from investigator.controls.evaluate import evaluate
from investigator.controls.library import load_library, parse_library
from investigator.controls.model import ControlLibrary
from investigator.controls.parameters import (
    NOTHING_CONFIGURED,
    SAMPLE_PARAMETERS,
    ControlParameters,
)
from investigator.controls.terms import Verdict
from investigator.traces.model import Trace
from tests.builders import readings, span
from tests.controls import runs
from tests.controls.policy_chat import call, chat, says, user
from tests.controls.runs import answers, run

V1 = load_library("controls-v1")
CHAT = chat(user("find it"), call("search", q="it"), says("found"))
BARE = run(answers(more={"llm.prompt_template.version": None}), more={"service.version": None})
OURS = """\
version: ours
description: Ours.
controls:
  - control_id: ours.tools
    title: Tools
    description: Only these tools.
    severity: high
    applies_when: {tool_calls: true}
    required_evidence: []
    check: {code: {name: call_limit, params: {calls: {parameter: allowed_tools}, at_most: 0}}}
    remediation_template: Look at {span_id}.
"""


def verdicts(library: ControlLibrary, trace: Trace) -> dict[str, tuple[Verdict, tuple[str, ...]]]:
    """The verdict of each control and what it lacks."""
    found = [evaluate(control, readings(trace)) for control in library.controls]
    return {one.control_id: (one.verdict, one.not_configured) for one in found}


@pytest.mark.parametrize("trace", [BARE, CHAT], ids=["spans", "chat"])
def test_what_nobody_configured_is_not_applicable(trace: Trace) -> None:
    """With the name of what is lacking, in a trace that says nothing of it."""
    found = verdicts(V1, trace)
    assert {
        control_id: lacking
        for control_id, (verdict, lacking) in found.items()
        if verdict is Verdict.NOT_APPLICABLE and lacking
    }.items() >= {
        "control.governance.approved_model": ("approved_models",),
        "control.governance.pinned_prompt": ("prompt_versions",),
        "control.guardrails.ran": ("required_guardrails",),
        "control.privacy.retention": ("retention_days",),
    }.items()


def test_what_is_configured_is_judged() -> None:
    """Under a sample of everything no control lacks anything."""
    found = verdicts(V1.configured(SAMPLE_PARAMETERS), runs.sound())
    assert all(lacking == () for _, lacking in found.values())
    assert {v for v, _ in found.values()} == {Verdict.PASS, Verdict.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("configured", "control_id"),
    [
        ({"approved_models": ("other",)}, "control.governance.approved_model"),
        ({"allowed_tools": ("other",)}, "control.tools.allow_list"),
        ({"prompt_versions": ("v9",)}, "control.governance.pinned_prompt"),
        ({"releases": ("9.*",)}, "control.record.attribution"),
        ({"required_guardrails": ("other",)}, "control.guardrails.ran"),
    ],
)
def test_each_parameter_decides(configured: dict[str, Any], control_id: str) -> None:
    """A run that is sound under others is a breach under these."""
    found = verdicts(V1.configured(ControlParameters(**configured)), runs.sound())
    assert found[control_id][0] is Verdict.FAIL
    assert [name for name, (verdict, _) in found.items() if verdict is Verdict.FAIL] == [control_id]


@pytest.mark.parametrize("hide", [runs.redacted, runs.stripped, runs.cut, runs.empty])
def test_what_is_configured_and_cannot_be_seen_is_no_pass(hide: Any) -> None:
    """For any control of the library."""
    found = verdicts(V1.configured(SAMPLE_PARAMETERS), hide(runs.sound()))
    assert not [name for name, (verdict, _) in found.items() if verdict is Verdict.PASS]


def test_a_control_that_does_not_apply_anyway_lacks_nothing() -> None:
    """A run without a model has no use for a list of models."""
    only_tools = run(runs.tool("found", runs.FOUND, at=30))
    assert verdicts(V1, only_tools)["control.governance.approved_model"] == (
        Verdict.NOT_APPLICABLE,
        (),
    )


def test_a_guardrail_that_broke_down_is_told_whatever_is_configured() -> None:
    """It ran, so there is something to judge."""
    broken = span("rail", parent="desk", kind="GUARDRAIL", status="ERROR", message="KeyError: 'x'")
    assert verdicts(V1, run(answers(), broken))["control.guardrails.ran"][0] is Verdict.FAIL


def test_the_library_comes_before_what_is_configured_beside_it() -> None:
    """One by one; what it leaves open is filled in."""
    own = ControlParameters(approved_models=("a",))
    beside = ControlParameters(approved_models=("b",), retention_days=3)
    library = V1.configured(own).configured(beside)
    assert library.parameters == ControlParameters(approved_models=("a",), retention_days=3)
    assert V1.configured(NOTHING_CONFIGURED) is V1
    assert library.content_hash != V1.content_hash


def test_a_check_that_cannot_run_without_a_parameter_does_not_apply() -> None:
    """Whatever its control says of when it does."""
    library = parse_library(OURS, where="ours.yaml")
    assert verdicts(library, CHAT)["ours.tools"] == (Verdict.NOT_APPLICABLE, ("allowed_tools",))
    configured = library.configured(ControlParameters(allowed_tools=("search",)))
    assert verdicts(configured, CHAT)["ours.tools"] == (Verdict.FAIL, ())
