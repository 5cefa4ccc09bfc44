"""Guardrails run to their end, and what they stop stays stopped."""

from __future__ import annotations

import pytest

from investigator.controls.checking import Checked
from investigator.controls.checks.guardrails import (
    GuardrailsHonoured,
    GuardrailsRan,
    guardrails_honoured,
    guardrails_ran,
)
from investigator.traces.model import REDACTED, Trace
from tests.builders import readings, span
from tests.controls.runs import ANSWER, answers, guardrail, helper, run, tool


def honoured(trace: Trace) -> Checked:
    """What is said of what guardrails stopped."""
    return guardrails_honoured(readings(trace), GuardrailsHonoured())


NO = [
    '{"passed": false}',
    '{"is_safe": false}',
    '{"tripwire_triggered": true}',
    '{"flagged": true, "categories": {"violence": true}}',
    '{"action": "GUARDRAIL_INTERVENED", "decision": "block"}',
    '{"result": {"verdict": "deny"}}',
    '[{"name": "pii", "outcome": "fail"}]',
    "BLOCKED: the request asks for a weapon",
    "The input was rejected.",
    "false",
]
YES = [
    '{"passed": true}',
    '{"flagged": false}',
    '{"validation_result": "pass", "error": null}',
    "allowed",
    "No violations found",
    "true",
]


@pytest.mark.parametrize("result", NO)
def test_a_call_after_a_no_is_a_breach(result: str) -> None:
    """In whatever words the guardrail says no."""
    found = honoured(run(guardrail("rail", result, at=10), tool("went", "ok", at=30)))
    assert [violation.summary for violation in found.violations] == [
        "the guardrail rail said no, and then search was called"
    ]
    assert "span:rail" in {ref.ref for ref in found.violations[0].evidence}


@pytest.mark.parametrize("result", YES)
def test_a_call_after_a_yes_is_none(result: str) -> None:
    """In whatever words it says yes."""
    found = honoured(run(guardrail("rail", result, at=10), tool("went", "ok", at=30)))
    assert (found.violations, found.missing) == ((), ())


def test_a_refusal_after_a_no_is_fine() -> None:
    """As is what was done before it, and what another agent does."""
    no = '{"passed": false}'
    assert not honoured(run(guardrail("rail", no, at=10), answers("I cannot."))).violations
    assert not honoured(run(tool("went", "ok", at=5), guardrail("rail", no, at=30))).violations
    other = tool("went", "ok", at=50, parent="helper")
    assert not honoured(run(guardrail("rail", no, at=10), helper(), other)).violations


def test_a_text_that_was_stopped_is_not_given() -> None:
    """An output guardrail said no to the answer that the run gave nevertheless."""
    rail = guardrail("rail", '{"passed": false}', at=950, checked=ANSWER)
    assert [v.span_id for v in honoured(run(answers(), rail)).violations] == ["desk"]
    kept = run(answers(), rail, more={"output.value": "I cannot say that."})
    assert not honoured(kept).violations


@pytest.mark.parametrize("result", [REDACTED, "", "42", '{"score": 0.4}', "…[truncated 90 chars]"])
def test_a_decision_that_cannot_be_read_is_missing(result: str) -> None:
    """Hidden, absent, cut, or in a form that nobody knows."""
    found = honoured(run(guardrail("rail", result, at=10), tool("went", "ok", at=30)))
    assert not found.violations
    assert found.missing == ("what the guardrail rail (rail) decided cannot be read",)


def ran(trace: Trace, *required: str) -> Checked:
    """What is said of the guardrails of a run."""
    return guardrails_ran(readings(trace), GuardrailsRan(required=required))


def broken(message: str) -> Trace:
    """A run whose guardrail raised."""
    rail = span("rail", parent="desk", kind="GUARDRAIL", status="ERROR", message=message)
    return run(rail, answers())


def test_guardrails_that_are_needed_ran_to_their_end() -> None:
    """One that broke down did not; one that raised to stop the run did its work."""
    assert not ran(run(guardrail("rail", "ok", at=10)), "rail*").violations
    assert len(ran(broken("KeyError: 'x'")).violations) == 1
    assert not ran(broken("InputGuardrailTripwireTriggered: off topic")).violations
    (violation,) = ran(run(guardrail("rail", "ok", at=10)), "pii").violations
    assert violation.summary == "guardrails ran, but not pii"


def test_where_no_guardrail_is_recorded_nobody_can_tell() -> None:
    """Whether one ran elsewhere."""
    found = ran(run(answers()))
    assert not found.violations
    assert found.missing
