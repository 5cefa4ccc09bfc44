"""The three engines on the sample traces, and a model that finds something before it is ill."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import re2

from investigator import RunResult, Settings, investigate
from investigator.runs.planners import PlannerChoice
from investigator.runtime.budget import Budget
from investigator.runtime.llm_client import ModelSettings
from investigator.samples import SAMPLE_TRACES
from investigator.store.open import open_files
from investigator.testing.model_server import (
    Answer,
    Behaviour,
    ModelServer,
    ReceivedRequest,
    Tokens,
    says,
)
from tests.asking import question_of

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
HELP = "5010ed12a034dec6f3a29908cb189a39"
FOUND = "the model saw this before the fault"
KEY_VARIABLE = "OUR_KEY"
KEY = "sk-planted-0123456789abcdef"
PER_TOKEN_IN, PER_TOKEN_OUT = 1, 4
"""What a token costs, in micro-USD."""

_TURN = re2.compile(r"## Turn (\d+)\n")


def settings(server: ModelServer, **changes: Any) -> ModelSettings:
    """A priced model of that server, asked once unless told otherwise."""
    given: dict[str, Any] = {
        "model": "scripted",
        "base_url": server.base_url,
        "api_key_env": KEY_VARIABLE,
        "price_in_per_mtok": PER_TOKEN_IN,
        "price_out_per_mtok": PER_TOKEN_OUT,
        "timeout_s": 10,
        "max_retries": 0,
    }
    return ModelSettings(**(given | changes))


def prompt_of(request: ReceivedRequest) -> str:
    """The user's part of a prompt."""
    return str(request.body["messages"][1]["content"])


def step_of(request: ReceivedRequest) -> int:
    """Which turn of its scope is asked for, from 0."""
    return int(_TURN.search(prompt_of(request)).group(1))


def must_finalize(request: ReceivedRequest) -> bool:
    """Whether nothing else is offered."""
    return "offered: finalize\n" in prompt_of(request)


def turn(usage: Tokens | None = None, **action: Any) -> Answer:
    """A reply that is one action; 1,000 tokens in and 100 out unless told otherwise."""
    return says(json.dumps({"action": action}), usage=usage or Tokens(1000, 100))


def output(*findings: Mapping[str, Any]) -> dict[str, Any]:
    """What a scope says in a draft or in the end."""
    return {"findings": list(findings), "gaps": ["a model looked"], "summary": "so far"}


CONCLUDES = turn(type="finalize", output=output())


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine with a question, and a finding that a model can make in its first two turns.

    `of_trace` is the argument that names the trace, where the tools are not bound to one.
    """

    name: str
    question: Mapping[str, Any]
    finding: Mapping[str, Any]
    of_trace: Mapping[str, Any]

    def ask(self, choice: PlannerChoice, runs: Path, budget: Budget, **more: Any) -> RunResult[Any]:
        """A run called `run`."""
        question = question_of(self.name, **self.question)
        made = Settings(planner=choice, budget=budget, runs_dir=runs, run_id="run", **more)
        return investigate(SAMPLE_TRACES, question, made)

    def reads(self) -> Answer:
        """The turn that reads a span, which can be cited then."""
        args = {"span_id": self._span, "field": None, "offset": 0, **self.of_trace}
        return turn(type="tool_call", tool_name="get_span", args=args)

    @property
    def _span(self) -> str:
        return _first_span(str(self.of_trace.get("trace_id") or self.question["trace_id"]))

    def finds(self) -> Answer:
        """The turn that drafts the finding, citing what the first turn read."""
        said = {
            "id": "m1",
            "description": FOUND,
            "confidence": 0.4,
            "evidence": [self._span],
            **self.finding,
        }
        return turn(type="synthesize", output=output(said))

    def then(
        self, fault: Callable[[ReceivedRequest], Behaviour]
    ) -> Callable[[ReceivedRequest], Behaviour]:
        """A model that reads, drafts its finding, and from its third turn on is as told."""

        def decide(request: ReceivedRequest) -> Behaviour:
            match 2 if must_finalize(request) else step_of(request):
                case 0:
                    return self.reads()
                case 1:
                    return self.finds()
            return fault(request)

        return decide


def _first_span(trace_id: str) -> str:
    opened = open_files((str(SAMPLE_TRACES),))
    try:
        return opened.api.get_trace(trace_id).spans[0].span_id
    finally:
        opened.api.close()


def rca() -> Engine:
    """Why did the trip fail?"""
    finding = {"category": "tool_failure", "span_id": _first_span(TRIP)}
    return Engine("rca", {"trace_id": TRIP}, finding, {})


def questions(folder: Path, count: int) -> Path:
    """A library of so many controls, each a question that only a model can judge."""
    controls = [
        {
            "control_id": f"ours.{number}",
            "title": f"Promise {number} is kept",
            "description": "The assistant does what it said that it would do.",
            "severity": "high",
            "applies_when": {"always": True},
            "required_evidence": ["messages"],
            "check": {"model": {"question": f"Does the assistant break promise {number}?"}},
            "remediation_template": "Keep the promise of {span_id}.",
        }
        for number in range(count)
    ]
    path = folder / "questions.yaml"
    library = {"version": "ours-v1", "description": "Promises", "controls": controls}
    path.write_text(json.dumps(library), encoding="utf-8")
    return path


def compliance(folder: Path, controls: int = 1) -> Engine:
    """Does the help desk keep its promises?"""
    question = {"trace_id": HELP, "controls": questions(folder, controls)}
    finding = {"verdict": "fail", "span_id": _first_span(HELP)}
    return Engine("compliance", question, finding, {})


def incident() -> Engine:
    """The window of all samples; tools are not bound to a trace."""
    finding = {"signature": "travel-desk | book | Timeout"}
    return Engine("incident", {}, finding, {"trace_id": TRIP})
