"""Runs whose traffic is exported, and what tests read off an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from investigator import investigate
from investigator.runs.investigation import RunResult
from investigator.runs.planners import PlannerChoice
from investigator.runtime.budget import Budget
from investigator.runtime.llm_client import ModelSettings
from investigator.samples import SAMPLE_TRACES
from investigator.testing.model_server import Behaviour, ModelServer, Tokens, says
from investigator.traces.model import Span, SpanKind
from tests.asking import asked

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
KEY_NAME = "TRAFFIC_TEST_KEY"
KEY = "sk-planted-0123456789abcdef"
ENOUGH = Budget(iterations=120, tool_calls=240, subcalls=90, tokens=2_000_000, wall_time_s=60)


def turn(**action: Any) -> Behaviour:
    """A reply that is one action, with an account of 1,000 tokens in and 100 out."""
    return says(json.dumps({"action": action}), usage=Tokens(1000, 100))


def reads(tool: str = "list_spans", **args: Any) -> Behaviour:
    """A turn that calls a tool; without arguments, lists all spans."""
    return turn(
        type="tool_call",
        tool_name=tool,
        args=args or {"kind": None, "errors_only": False, "offset": 0},
    )


CONCLUDES = turn(
    type="finalize", output={"findings": [], "gaps": ["a model looked"], "summary": "nothing"}
)


DELEGATES = turn(
    type="delegate_subcall",
    objective="look at the errors",
    context="the whole trace",
    use_planner=True,
    actions=None,
)


def settings(server: ModelServer, **more: Any) -> ModelSettings:
    """A priced model on this machine."""
    told = {
        "model": "scripted",
        "price_in_per_mtok": 1.0,
        "price_out_per_mtok": 4.0,
        "max_retries": 0,
        **more,
    }
    return ModelSettings(base_url=server.base_url, api_key_env=KEY_NAME, timeout_s=10, **told)


def asked_of(
    server: ModelServer, runs_dir: Path, *, planner: str = "model", **more: Any
) -> RunResult[Any]:
    """A run on the sample that the server's model decides, with the id `run`."""
    choice = PlannerChoice.model_validate({"planner": planner, "model": settings(server)})
    return investigated(runs_dir, planner=choice, **more)


def investigated(runs_dir: Path, **more: Any) -> RunResult[Any]:
    """A run on the sample with the id `run`: of rca unless told otherwise."""
    about = {} if "engine" in more else {"trace_id": TRIP}
    told = {**about, "budget": ENOUGH, "runs_dir": runs_dir, "run_id": "run", **more}
    source = told.pop("source", SAMPLE_TRACES)
    return investigate(source, *asked(**told))


def of_kind(spans: tuple[Span, ...], kind: SpanKind) -> list[Span]:
    """The spans of a kind, in their order."""
    return [span for span in spans if span.kind is kind]


def prompt(span: Span) -> list[str | None]:
    """The system and the user message of a model's turn."""
    return [span.text(f"llm.input_messages.{place}.message.content") for place in (0, 1)]


def sent(server: ModelServer) -> list[list[str]]:
    """The messages of each request that came in."""
    return [[m["content"] for m in request.body["messages"]] for request in server.requests]
