"""How large are the prompts of RCA runs? Every trace, with decisions that need no model.

    python -m benchmarks.prompts --data ../shared/data/trail/gaia [--taxonomy trail]
        [--tokenizer smollm2]

No model is asked: each turn is rendered and charged as one of a model. Two deciders: the rules,
and a script that makes 14 turns on every trace: it looks at the whole and at the hottest span,
gives three spans to children that read two pages each, drafts and concludes. Tokens are those
of the estimator that bounds real runs, or those that a tokenizer of `benchmarks.tokens` counts,
the marks of the chat among them. The schema of a turn stands beside its text: some providers
charge for it as a part of the prompt, others do not.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from benchmarks.reports import traces_in
from benchmarks.tokenizers import TOKENIZERS, Count
from investigator.claims.leads import call, said
from investigator.ground.canonical_json import JsonValue, canonical_json, compact_json
from investigator.ground.redaction import Redactor
from investigator.inspection.engine import Prepared
from investigator.model_planner.fence import Asking, new_code
from investigator.model_planner.model_planner import (
    CHAT_TOKENS,
    PROMPT_TOKENS,
    Model,
    ModelPlanner,
)
from investigator.rca.case import RCACase
from investigator.rca.outputs import RCADraft, RCAFinding
from investigator.rca.question import RCA
from investigator.rca.report import RUN_TYPE
from investigator.rca.rules import RCARules
from investigator.rca.taxonomy import Taxonomy, load_taxonomy
from investigator.runs.engines import engine_named
from investigator.runtime import runner
from investigator.runtime.actions import ActionKind
from investigator.runtime.deciders import one_planner
from investigator.runtime.events import DatasetRef, InputRef, PlannerIdentity, RunOpened, Usage
from investigator.runtime.planner import FreePlanner, Planner, Reply, View
from investigator.runtime.strategy import Run
from investigator.runtime.tokens import estimate_tokens
from investigator.store.memory import MemoryInspectionAPI
from investigator.traces.model import Trace

BUDGET = engine_named("rca").default_budget
CHILDREN = 3
LONG_TURNS = 10
"""A run of at least so many children and turns is a long one."""


class Asked(NamedTuple):
    """The two texts of a prompt."""

    system: str
    user: str


class Turn(NamedTuple):
    """One prompt: whose it was, and the schema of its reply."""

    scope: str
    prompt: Asked
    schema: str


class Measured(NamedTuple):
    """The prompts of one run, and how it ended."""

    trace_id: str
    turns: tuple[Turn, ...]
    status: str

    @property
    def children(self) -> int:
        """How many scopes were delegated."""
        return len({turn.scope for turn in self.turns}) - 1

    @property
    def asked(self) -> list[Asked]:
        """All prompts."""
        return [turn.prompt for turn in self.turns]


@dataclass
class Told:
    """A client that says what it was told to say, and counts what it was asked."""

    says: str = ""
    scope: str = ""
    turns: list[Turn] = field(default_factory=list)

    async def complete(
        self,
        prompt: Asked,
        *,
        schema: dict[str, Any],
        max_tokens_out: int,  # noqa: ARG002
    ) -> Reply:
        """What it was told, charged as a model's."""
        tokens = sum(map(estimate_tokens, prompt))
        self.turns.append(Turn(self.scope, prompt, compact_json(schema)))
        used = Usage(llm_calls=1, tokens_in=tokens, tokens_out=estimate_tokens(self.says))
        return Reply(self.says, used)


class Decided(ModelPlanner):
    """A model planner whose model says what another planner decides."""

    def __init__(self, decider: Planner, told: Told, prepared: Prepared) -> None:
        model = Model(
            client=told,
            prompt=Asked,
            provider="none",
            name="rules",
            temperature=None,
            max_output_tokens=1500,
            price=lambda tokens_in, tokens_out: tokens_in + 4 * tokens_out,
            estimate=estimate_tokens,
        )
        strategy = prepared.strategy
        super().__init__(
            strategy.space,
            model,
            guide=strategy.guide,
            finalize_tokens=strategy.finalize_tokens,
            asking=Asking(new_code(), BUDGET.tokens),
            outline_of=prepared.outline_of,
        )
        self._decider = decider
        self._told = told

    async def act(self, view: View, max_tokens_out: int) -> Reply:
        """The decided turn, said by the client. Nothing is awaited between telling and saying."""
        decided = await self._decider.act(view, max_tokens_out)
        self._told.says, self._told.scope = decided.text, view.scope_id
        return await super().act(view, max_tokens_out)


class Script(FreePlanner):
    """The same investigation of every trace, as far as it has spans for it."""

    identity = PlannerIdentity(planner="script")

    def __init__(self, case: RCACase) -> None:
        hot = [branch.span_id for branch in case.branches]
        spans = [span.span_id for span in case.trace.spans]
        self._spans = [(hot + spans)[n % len(hot + spans)] for n in range(CHILDREN)]
        self._category = case.taxonomy.categories[0].id

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """The turn of this step."""
        turns = self._root(view) if view.depth == 0 else self._child(view)
        return Reply(turns[view.step], Usage())

    def _root(self, view: View) -> list[str]:
        children: list[JsonValue] = [
            {
                "type": "delegate_subcall",
                "objective": f"What went wrong at span {span_id}, and where did it begin?",
                "context": canonical_json({"span_id": span_id}),
                "use_planner": True,
                "actions": None,
            }
            for span_id in self._spans
        ]
        return [
            call("list_spans", kind=None, errors_only=False, offset=0),
            call("get_span", span_id=self._spans[0], field=None, offset=0),
            canonical_json({"action": children}),
            said(ActionKind.SYNTHESIZE, self._draft(view, self._spans)),
            said(ActionKind.FINALIZE, self._draft(view, self._spans)),
        ]

    def _child(self, view: View) -> list[str]:
        span_id = self._spans[int(view.scope_id.split("/")[1])]
        return [
            call("get_span", span_id=span_id, field=None, offset=0),
            call("get_messages", span_id=span_id, index=None, offset=0),
            said(ActionKind.FINALIZE, self._draft(view, [span_id])),
        ]

    def _draft(self, view: View, spans: Sequence[str]) -> RCADraft:
        ids = list(view.cited)[:2]
        findings = (
            RCAFinding(
                id=f"f{number}",
                description=f"The step {span_id} did not do what it was asked for.",
                confidence=0.4,
                evidence=tuple(ids),
                category=self._category,
                span_id=span_id,
            )
            for number, span_id in enumerate(spans, 1)
        )
        return RCADraft(findings=tuple(findings), gaps=(), summary="So it seems.")


DECIDERS: dict[str, Callable[[RCACase], Planner]] = {"script": Script, "rules": RCARules}


def estimated(system: str, user: str) -> int:
    """What a turn holds for its prompt, but for the schema."""
    return estimate_tokens(system) + estimate_tokens(user) + CHAT_TOKENS


async def measured(
    trace: Trace, taxonomy: Taxonomy, decider: Callable[[RCACase], Planner], run_dir: Path
) -> Measured:
    """Run the engine over a trace, and count."""
    redactor = Redactor()
    question = RCA(trace_id=trace.trace_id)
    materials = question.materials()._replace(content=(taxonomy, None))
    prepared = question.prepare(MemoryInspectionAPI([trace]), materials, redactor)
    case, told = RCACase.of(trace, taxonomy, redactor), Told()
    planner = Decided(decider(case), told, prepared)
    opened = RunOpened(
        run_id=run_dir.name,
        run_type=RUN_TYPE,
        engine_version="benchmark",
        source=("memory",),
        options="{}",
        dataset_ref=DatasetRef(dataset_id="memory", dataset_hash=trace.content_hash),
        input_ref=InputRef(trace_ids=(trace.trace_id,)),
        planner=planner.identity,
        budget=BUDGET,
        concurrency=8,
    )
    run = Run(opened, prepared.strategy, prepared.tools, one_planner(planner))
    record = await runner.start(run, run_dir)
    return Measured(trace.trace_id, tuple(told.turns), record.status.value)


def runs_over(
    data: Path, taxonomy: Taxonomy, decider: Callable[[RCACase], Planner]
) -> Iterator[Measured]:
    """The runs over all traces of a folder."""
    with tempfile.TemporaryDirectory() as folder:
        for trace in traces_in(data / "traces"):
            run_dir = Path(folder) / trace.trace_id
            yield anyio.run(measured, trace, taxonomy, decider, run_dir)


def main() -> None:
    """Print the prompts of each run, then of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with traces/")
    parser.add_argument("--taxonomy", default="default", help="a built-in name or a file")
    parser.add_argument("--tokenizer", choices=TOKENIZERS, help="a real one (default: estimate)")
    parser.add_argument("--dir", type=Path, default=Path(".live"), help="where tokenizers are")
    arguments = parser.parse_args()
    taxonomy = load_taxonomy(arguments.taxonomy)
    tokenizer = TOKENIZERS.get(arguments.tokenizer, lambda _: nullcontext(estimated))
    with tokenizer(arguments.dir) as count:
        for name, decider in DECIDERS.items():
            _print_runs(name, runs_over(arguments.data, taxonomy, decider), count)


def prefix_share(prompts: Sequence[Asked]) -> tuple[int, int]:
    """Of the characters of a run's prompts, how many are a prefix of an earlier one; and all."""
    said = [prompt.system + "\0" + prompt.user for prompt in prompts]
    shared = sum(
        max((_alike(text, before) for before in said[:place]), default=0)
        for place, text in enumerate(said)
    )
    return shared, sum(map(len, said))


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _print_runs(name: str, runs: Iterator[Measured], count: Count) -> None:
    print(f"\n{name + ':':33} turns children  max turn  tokens in  status")
    turns: list[int] = []
    with_schema: list[int] = []
    in_runs: list[int] = []
    fresh: list[int] = []
    shares: list[float] = []
    under = 0
    long_runs: list[int] = []
    schemas: dict[str, int] = {}
    for run in runs:
        tokens = [count(*prompt) for prompt in run.asked]
        for turn in run.turns:
            if turn.schema not in schemas:
                schemas[turn.schema] = count("", turn.schema) - count("", "")
        turns += tokens
        with_schema += [n + schemas[turn.schema] for n, turn in zip(tokens, run.turns, strict=True)]
        in_runs.append(sum(tokens))
        shared, total = prefix_share(run.asked)
        shares.append(shared / total)
        fresh.append(round(sum(tokens) * (1 - shared / total)))
        under += sum(estimated(*asked) < n for asked, n in zip(run.asked, tokens, strict=True))
        if run.children >= CHILDREN and len(tokens) >= LONG_TURNS:
            long_runs.append(sum(tokens))
        print(
            f"{run.trace_id:33} {len(tokens):5} {run.children:8}"
            f" {max(tokens):9,} {sum(tokens):10,}  {run.status}"
        )
    _print_spread("text of a turn", turns)
    _print_spread("text of a turn and its schema", with_schema)
    over = sum(n > PROMPT_TOKENS for n in with_schema)
    print(f"prompts over {PROMPT_TOKENS:,} tokens: {over}; under-estimated: {under}")
    _print_spread("text of a run", in_runs)
    _print_spread("of it, no prefix of an earlier prompt", fresh)
    if shares:
        least, middle = min(shares), statistics.median(shares)
        print(f"share that is such a prefix: median {middle:.0%}, least {least:.0%}")
    _print_spread(f"text of a run of {LONG_TURNS} turns and {CHILDREN} children", long_runs)


def _print_spread(name: str, tokens: Sequence[int]) -> None:
    if tokens:
        median = statistics.median(tokens)
        print(f"{name}: {len(tokens)}, median {median:,.0f}, max {max(tokens):,} tokens")


if __name__ == "__main__":
    main()
