"""What every prompt of every scope says, whichever engine asks, and what of it stays the same."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from investigator.runs.planners import PlannerChoice
from investigator.runtime.budget import Budget
from investigator.runtime.turn_schema import strict
from investigator.testing.model_server import Behaviour, ModelServer, ReceivedRequest
from investigator.testing.strict_subset import problems
from tests.live.asking import CONCLUDES, Engine, must_finalize, prompt_of, settings, step_of, turn

ENOUGH = Budget(iterations=120, tool_calls=240, subcalls=90, tokens=2_000_000, wall_time_s=60)
RULES, AFTER_RULES = "## Rules of this scope\n", "\n\n## "
DELEGATES = turn(
    type="delegate_subcall",
    objective="Look closer.",
    context="the whole trace",
    use_planner=True,
    actions=None,
)


def asked(
    engine: Engine, runs: Path, structured: Literal["json_schema", "grammar"]
) -> list[ReceivedRequest]:
    """The requests of a run in which every scope that may delegates, reads twice, concludes."""

    def decide(request: ReceivedRequest) -> Behaviour:
        step = step_of(request)
        if must_finalize(request) or step > 2:
            return CONCLUDES
        may = "delegate_subcall" in prompt_of(request).rpartition("offered: ")[2]
        return DELEGATES if step == 0 and may else engine.reads()

    with ModelServer(decide) as server:
        model = settings(server, structured=structured)
        choice = PlannerChoice(planner="model", model=model)
        engine.ask(choice, runs, ENOUGH, concurrency=1)
        return list(server.requests)


def kept_of(request: ReceivedRequest) -> str:
    """What a scope keeps of its prompt: the system part, objective, context and rules."""
    user = prompt_of(request)
    rules_end = user.index(AFTER_RULES, user.index(RULES) + len(RULES))
    return f"{request.body['messages'][0]['content']}\0{user[:rules_end]}"


def rules_of(request: ReceivedRequest) -> list[str]:
    """The lines of a prompt that say how a scope may delegate."""
    rules = kept_of(request).rpartition(RULES)[2]
    return rules.splitlines()


def schema_of(request: ReceivedRequest) -> dict[str, Any]:
    """The schema that the reply was held to."""
    schema: dict[str, Any] = request.body["response_format"]["json_schema"]["schema"]
    return schema


def test_every_scope_is_told_its_depth_and_when_to_delegate(engine: Engine, tmp_path: Path) -> None:
    """At every depth that a run reaches, in each turn."""
    depths = set()
    for request in asked(engine, tmp_path, "json_schema"):
        depth, policy = rules_of(request)
        assert policy.startswith("delegation_policy: ")
        assert depth.startswith("depth_stop_rule: depth ")
        depths.add(depth.removeprefix("depth_stop_rule: depth ").partition(";")[0])
    assert depths == ({"0", "1", "2"} if engine.name == "rca" else {"1", "2"})


def test_the_turns_of_a_scope_begin_alike(engine: Engine, tmp_path: Path) -> None:
    """With the system part, the objective, the context and the rules, for a provider's cache."""
    requests = asked(engine, tmp_path, "json_schema")
    assert len({request.body["messages"][0]["content"] for request in requests}) == 1
    followed = 0
    for one, next_one in pairwise(requests):
        if step_of(next_one) == step_of(one) + 1 and rules_of(one) == rules_of(next_one):
            assert kept_of(one) == kept_of(next_one)
            followed += 1
    assert followed >= 2


@pytest.mark.parametrize("structured", ["json_schema", "grammar"])
def test_every_schema_that_is_sent_is_in_the_strict_subset(
    engine: Engine, tmp_path: Path, structured: Literal["json_schema", "grammar"]
) -> None:
    """As it is; one for a grammar is, once its bounds are taken away, and has some."""
    for request in asked(engine, tmp_path, structured):
        schema = schema_of(request)
        bounded = bool(problems(schema))
        assert bounded == (structured == "grammar")
        assert problems(strict(schema)) == []
