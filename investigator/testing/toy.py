"""The smallest engine: it reads numbered cells and reports which it read.

It knows no trace, so the runtime can be tested and timed by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from investigator.errors import SpanNotFound
from investigator.ground.canonical_json import JsonValue, canonical_json, sha256_text
from investigator.runtime.actions import (
    ActionKind,
    ActionSpace,
    DelegateSubcall,
    Draft,
    DraftFinding,
    Finalize,
    Synthesize,
    turn_text,
)
from investigator.runtime.budget import Budget
from investigator.runtime.deciders import one_planner
from investigator.runtime.events import DatasetRef, InputRef, OpenedScope, RunOpened
from investigator.runtime.planner import Planner
from investigator.runtime.status import Artifact
from investigator.runtime.strategy import Brief, Ended, Plan, Run
from investigator.runtime.tools import Cite, Tool, ToolAnswer, ToolArgs, ToolRegistry


class CellArgs(ToolArgs):
    """Which cell to read."""

    cell: int


class CellFinding(DraftFinding):
    """A cell that was read, by the short id of its reference."""

    evidence: str


class CellAnswer(BaseModel):
    """What a scope says in the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    evidence: tuple[str, ...]


class CellReport(BaseModel):
    """The toy's report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: str
    children: tuple[str, ...]
    gaps: tuple[str, ...]


class CellOutputs:
    """Resolves short ids; an id that was never given makes the output invalid."""

    def resolve(self, output: CellAnswer, cited: Mapping[str, str]) -> str:
        """The answer with its references."""
        unknown = [short for short in output.evidence if short not in cited]
        if unknown:
            raise ValueError(f"{unknown[0]} was never read")
        refs = [json.loads(cited[short]) for short in output.evidence]
        return canonical_json({"text": output.text, "refs": refs})

    def problems(self, draft: Draft[Any], cited: Mapping[str, str]) -> list[str]:
        """Ids that were never given."""
        unread = (f.evidence for f in draft.findings if f.evidence and f.evidence not in cited)
        return [f"no evidence '{short}' was read" for short in unread]

    def cautions(self, draft: Draft[Any], cited: Mapping[str, str]) -> list[str]:  # noqa: ARG002
        """None: cells bear whatever is said of them."""
        return []

    def salvage(self, draft: Draft[Any], cited: Mapping[str, str]) -> str:
        """The draft's summary and what it cites."""
        refs = [json.loads(cited[f.evidence]) for f in draft.findings if f.evidence in cited]
        return canonical_json({"text": draft.summary, "refs": refs})

    def present(self, answer: str, cite: Cite) -> JsonValue:
        """The answer with ids that the parent can cite."""
        parsed = json.loads(answer)
        return {"text": parsed["text"], "evidence": [cite(ref) for ref in parsed["refs"]]}


def cell_tool(cells: Mapping[int, str]) -> Tool[CellArgs]:
    """`read_cell` over the given cells."""

    async def run(args: CellArgs, cite: Cite) -> ToolAnswer:
        if args.cell not in cells:
            raise SpanNotFound(f"no cell {args.cell}")
        text = cells[args.cell]
        return ToolAnswer({"id": cite({"cell": args.cell}), "text": text}, sha256_text(text))

    return Tool("read_cell", "Read one cell.", CellArgs, run)


class Cells(dict[int, str]):
    """Every cell there is: cell n holds `cell n`."""

    def __missing__(self, cell: int) -> str:
        return f"cell {cell}"

    def __contains__(self, cell: object) -> bool:
        return isinstance(cell, int) and cell >= 0


ALONE = Plan(root=Brief("read cells"))


class ToyStrategy:
    """The toy engine."""

    artifact = Artifact("toy_report", "1")
    guide = "Read cells and say which you read."
    finalize_tokens = (100, 50)

    def __init__(self, tools: ToolRegistry, plan: Plan = ALONE) -> None:
        self.plan = plan
        self.space = ActionSpace(tools.tools, Draft[CellFinding], CellAnswer)
        self.outputs = CellOutputs()

    def conclude(self, ended: Ended) -> CellReport | None:
        """The answer of the synthesis or of scope 0, and those of all others.

        Siblings without a synthesis have nobody to answer for them all.
        """
        last = ended.synthesis or ended.root
        nobody = self.plan.root is None and self.plan.synthesis is None and self.plan.scopes
        if last.answer is None and not nobody:
            return None
        return CellReport(
            answer=last.answer or "",
            children=tuple(c.answer or "" for c in ended.closed.values() if c is not last),
            gaps=tuple(ended.gaps),
        )

    def takes_model(self, scope: OpenedScope) -> bool:  # noqa: ARG002
        """Everywhere."""
        return True

    def check(self, report: BaseModel) -> list[str]:  # noqa: ARG002
        """Nothing to check."""
        return []


def toy_run(
    planner: Planner,
    *,
    budget: Budget | None = None,
    cells: Mapping[int, str] | None = None,
    concurrency: int = 8,
    run_id: str = "toy",
    plan: Plan = ALONE,
    best_effort: bool = False,
) -> Run:
    """A run of the toy engine; without a plan, of scope 0 alone."""
    tools = ToolRegistry([cell_tool(Cells() if cells is None else cells)])
    opened = RunOpened(
        run_id=run_id,
        run_type="toy",
        engine_version="0",
        source=(),
        options="{}",
        dataset_ref=DatasetRef(dataset_id="cells", dataset_hash=None),
        input_ref=InputRef(),
        planner=planner.identity,
        budget=budget or Budget(),
        concurrency=concurrency,
        best_effort=best_effort,
    )
    return Run(opened, ToyStrategy(tools, plan), tools, one_planner(planner))


def read(cell: int) -> str:
    """The turn that reads a cell."""
    return f'{{"action":{{"type":"tool_call","tool_name":"read_cell","args":{{"cell":{cell}}}}}}}'


def synthesize(summary: str, *evidence: str) -> str:
    """The turn that updates the draft, one finding a reference."""
    findings = tuple(CellFinding(id=e, evidence=e) for e in evidence)
    draft = Draft[CellFinding](findings=findings, gaps=(), summary=summary)
    return turn_text(Synthesize[Draft[CellFinding]](type=ActionKind.SYNTHESIZE, output=draft))


def finalize(text: str, *evidence: str) -> str:
    """The turn that ends the scope."""
    answer = CellAnswer(text=text, evidence=evidence)
    return turn_text(Finalize[CellAnswer](type=ActionKind.FINALIZE, output=answer))


def delegate(*objectives: str) -> str:
    """The turn that opens a planner-driven child for each objective."""
    children = [
        DelegateSubcall[Any](
            type=ActionKind.DELEGATE,
            objective=objective,
            context="",
            use_planner=True,
            actions=None,
        )
        for objective in objectives
    ]
    return turn_text(children[0] if len(children) == 1 else children)
