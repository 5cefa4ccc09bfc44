"""Models and prompts are those that were approved, by a version that cannot move."""

from __future__ import annotations

import pytest

from investigator.controls.checking import Checked
from investigator.controls.checks.governance import (
    ApprovedModel,
    PinnedModel,
    PinnedPrompt,
    approved_model,
    pinned_model,
    pinned_prompt_version,
)
from investigator.traces.model import Trace
from tests.builders import readings
from tests.controls.runs import answers, model, run


def on(name: str, **more: str) -> Trace:
    """A run on a model of that name."""
    return run(answers(more={"llm.model_name": name, **more}))


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o-2024-08-06",
        "gpt-4-0613",
        "claude-3-5-sonnet-20241022",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "claude-sonnet-4@20250514",
        "gemini-1.5-pro-002",
        "mistral-large-2407-2024-07",
        "ours@sha256:0a1b2c3d4e5f",
        "ours-classifier:1.4.2",
    ],
)
def test_a_name_with_a_version_is_pinned(name: str) -> None:
    """A date, a numbered snapshot, a digest, a version."""
    found = pinned_model(readings(on(name)), PinnedModel())
    assert (found.violations, found.missing) == ((), ())


@pytest.mark.parametrize(
    ("name", "strength"),
    [("mistral-small-latest", 0.9), ("chat:latest", 0.9), ("gpt-4o", 0.6), ("gpt-4.1-mini", 0.6)],
)
def test_a_name_that_may_move_is_told(name: str, strength: float) -> None:
    """Surely where it says so, less surely where it only has no date and nobody vouches for it."""
    vouched = PinnedModel(pinned=("ours-*",))
    (violation,) = pinned_model(readings(on(name)), vouched).violations
    assert violation.strength == strength


def test_where_nobody_is_asked_to_vouch_a_name_without_a_date_is_not_judged() -> None:
    """Others beside it are."""
    assert pinned_model(readings(on("gpt-4o")), PinnedModel()) == Checked(unconfigured=("pinned",))
    dated, moving = "gpt-4o-2024-08-06", "gpt-4o-latest"
    for name, breaches in ((dated, 0), (moving, 1)):
        both = run(
            answers(more={"llm.model_name": name}),
            model("m", "", at=1, more={"llm.model_name": "gpt-4o"}),
        )
        found = pinned_model(readings(both), PinnedModel())
        assert (len(found.violations), found.unconfigured) == (breaches, ("pinned",))
        assert found.scanned == "1 model call"


def test_the_model_that_answered_may_carry_the_version() -> None:
    """An alias was asked for, and the response names what ran; or a person vouches for it."""
    answered = on("gpt-4o", **{"gen_ai.response.model": "gpt-4o-2024-08-06"})
    assert not pinned_model(readings(answered), PinnedModel()).violations
    vouched = PinnedModel(pinned=("gpt-4o",))
    assert not pinned_model(readings(on("gpt-4o")), vouched).violations


def test_only_approved_models_are_called() -> None:
    """By name or with the provider; every stray name is told once."""
    params = ApprovedModel(approved=("gpt-4o-*", "acme/small"))
    assert not approved_model(readings(on("gpt-4o-2024-08-06")), params).violations
    assert not approved_model(readings(on("small", **{"llm.provider": "acme"})), params).violations
    twice = run(*(model(f"m{i}", "Hm.", at=i, more={"llm.model_name": "other"}) for i in (1, 2)))
    (violation,) = approved_model(readings(twice), params).violations
    assert violation.summary == "other is not an approved model, in 2 model calls"


def test_without_a_list_nothing_is_approved_or_not() -> None:
    """It is not configured, and nothing was looked at."""
    found = approved_model(readings(on("gpt-4o")), ApprovedModel())
    assert found == Checked(unconfigured=("approved",))


def prompted(
    version: str | None, *, above: str = "", approved: tuple[str, ...] = ()
) -> tuple[int, tuple[str, ...]]:
    """Breaches and gaps of a run by a version of a prompt."""
    call = answers(more={"llm.prompt_template.version": version})
    trace = run(call, more={"prompt_version": above} if above else {})
    found = pinned_prompt_version(readings(trace), PinnedPrompt(approved=approved))
    return len(found.violations), found.missing


def test_prompts_are_known_by_a_version_that_does_not_move() -> None:
    """On the call or above it; an alias is a breach, and silence tells nothing."""
    assert prompted("v12") == (0, ())
    assert prompted(None, above="7") == (0, ())
    assert prompted("latest") == (1, ())
    assert prompted("support:production") == (1, ())
    assert prompted(None, approved=("*",)) == (0, ("prompt version is recorded nowhere",))


def test_a_prompt_version_is_one_of_those_that_are_configured() -> None:
    """Any, where none is; a version is then not asked for where no call names one."""
    assert prompted("v12", approved=("v1*",)) == (0, ())
    assert prompted("v22", approved=("v1*",)) == (1, ())
    assert prompted("latest", approved=("*",)) == (1, ())
    bare = run(answers(more={"llm.prompt_template.version": None}))
    found = pinned_prompt_version(readings(bare), PinnedPrompt())
    assert found == Checked(unconfigured=("approved",))
