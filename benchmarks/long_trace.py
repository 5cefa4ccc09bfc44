"""How many turns does a fault in a trace of a million tokens take, with `run_code` and without?

    python -m benchmarks.long_trace [--tokens 1000000] [--iterations 40]

The trace is made here: an agent asks for the price of one item after another and charges it; one
charge is not the price that was quoted, and the answer says that all were. Nothing else tells the
two texts apart from a thousand others, so whoever looks has to compare them all. Two scripted
readers stand in for a model, over real HTTP, with the prompts that a model gets and the default
budget: one writes code, one reads call by call. Neither knows where the fault is. Printed are
turns, prompt tokens by the runtime's estimate, those of them that are no byte prefix of an earlier
prompt, and whether the charge was named with evidence.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from investigator import RCA, Settings, investigate
from investigator.ground.canonical_json import JsonValue
from investigator.inspection.code_tool import RUN_CODE
from investigator.rca.report import RCAReport
from investigator.runs.engines import engine_named
from investigator.runs.planners import PlannerChoice
from investigator.runtime.llm_client import ModelSettings
from investigator.runtime.tokens import estimate_tokens
from investigator.testing.model_server import Behaviour, ModelServer, ReceivedRequest, Tokens, says
from investigator.traces.model import Span, SpanKind, StatusCode
from investigator.traces.parquet import write_spans

_MS = 1_000_000
_WORDS = (
    *("stock", "warehouse", "shipment", "label", "customs", "parcel", "invoice", "region"),
    *("carrier", "weight", "batch", "supplier", "returned", "inspected", "packed", "counted"),
)
_NOTE_WORDS = 220

_COMPARE = r"""
import re
quoted = {}
for step in steps():
    if step["kind"] != "TOOL":
        continue
    item = re.search(r'"item":"([^"]+)"', step["text"])
    price = re.search(r'"(?:price|charged)":([0-9.]+)', step["text"])
    if not item or not price:
        continue
    if step["tool"] == "quote":
        quoted[item.group(1)] = (step["id"], price.group(1))
    elif item.group(1) in quoted and quoted[item.group(1)][1] != price.group(1):
        print("differs:", quoted[item.group(1)][0], step["id"], step["span"])
"""


class Made(NamedTuple):
    """The spans, and the charge that is wrong."""

    spans: tuple[Span, ...]
    wrong: str


def made_trace(tokens: int, seed: int = 7) -> Made:
    """A run of about so many tokens."""
    dice = random.Random(seed)
    a_call = estimate_tokens(_note(dice, "item-0000", "price", "1.00"))
    orders = max(tokens // (2 * a_call), 4)
    wrong = dice.randrange(orders // 3, orders)
    spans = [
        _span(
            "root",
            SpanKind.AGENT,
            (0, orders * 20),
            {
                "input.value": "Charge every item at the price that is quoted.",
                "output.value": f"All {orders} items were charged at the price quoted.",
            },
        )
    ]
    for number in range(orders):
        price = f"{dice.randrange(100, 99_999) / 100:.2f}"
        charged = f"{float(price) + 10:.2f}" if number == wrong else price
        spans += _order(dice, number, price, charged)
    return Made(tuple(spans), f"charge-{wrong:05d}")


def _order(dice: random.Random, number: int, price: str, charged: str) -> Iterator[Span]:
    """A quote and a charge, ten milliseconds apart."""
    item = f"item-{number:05d}"
    for place, (tool, key, value) in enumerate(
        (("quote", "price", price), ("charge", "charged", charged))
    ):
        start = number * 20 + place * 10
        told: dict[str, JsonValue] = {
            "tool.name": tool,
            "input.value": f'{{"item":"{item}"}}',
            "output.value": _note(dice, item, key, value),
        }
        yield _span(f"{tool}-{number:05d}", SpanKind.TOOL, (start, start + 5), told)


def _note(dice: random.Random, item: str, key: str, value: str) -> str:
    note = " ".join(dice.choice(_WORDS) for _ in range(_NOTE_WORDS))
    return f'{{"item":"{item}","note":"{note}","{key}":{value}}}'


def _span(name: str, kind: SpanKind, times: tuple[int, int], told: dict[str, JsonValue]) -> Span:
    return Span(
        trace_id="orders",
        span_id=name,
        parent_id=None if name == "root" else "root",
        name=name.partition("-")[0],
        kind=kind,
        start_ns=times[0] * _MS,
        end_ns=times[1] * _MS,
        status=StatusCode.UNSET,
        status_message="",
        attributes=told,
    )


class ByCode:
    """Compares all calls by code, reads the two that differ, concludes."""

    def __init__(self) -> None:
        self._turn = 0
        self._pair: list[str] = []
        self._span = ""

    def __call__(self, prompt: str) -> str:
        """Its next turn."""
        self._turn += 1
        if self._turn == 1:
            return _action("tool_call", tool_name=RUN_CODE, args={"code": _COMPARE, "offset": 0})
        if self._turn == 2:
            found = re.search(r"differs: (\w+) (\w+) (\S+)", prompt)
            *self._pair, self._span = found.groups() if found else ("",)
            code = "\n".join(f"print(text('{step}'))" for step in self._pair) or "print(0)"
            return _action("tool_call", tool_name=RUN_CODE, args={"code": code, "offset": 0})
        ids = [
            found.group(1)
            for step in self._pair
            if (found := re.search(rf"(?m)^{step} \| (\S+)$", prompt))
        ]
        return _concluded(self._span, ids)


class CallByCall:
    """Reads one call after the other until a charge differs from its quote."""

    def __init__(self) -> None:
        self._at = 0
        self._quoted = ""

    def __call__(self, prompt: str) -> str:
        """Its next turn."""
        number, place = divmod(self._at, 2)
        shown = re.findall(r'\\?"(price|charged)\\?":([\d.]+)', prompt)
        if self._at and shown:
            key, value = shown[-1]
            if key == "price":
                self._quoted = value
            elif value != self._quoted:
                ids = re.findall(r"(?m)evidence: (\S+?)(?:;|$)", prompt)[-2:]
                return _concluded(f"charge-{number - 1:05d}", ids)
        self._at += 1
        span_id = f"{('quote', 'charge')[place]}-{number:05d}"
        args = {"span_id": span_id, "part": None, "offset": 0}
        return _action("tool_call", tool_name="get_tool_io", args=args)


def _action(kind: str, **fields: object) -> str:
    return json.dumps({"action": {"type": kind, **fields}})


def _concluded(span_id: str, ids: Sequence[str]) -> str:
    finding = {
        "id": "f1",
        "category": "tool_failure",
        "span_id": span_id,
        "description": "The price that was charged is not the price that was quoted.",
        "confidence": 0.9,
        "evidence": list(ids),
    }
    output = {"findings": [finding] if ids else [], "gaps": [], "summary": "Compared all prices."}
    return _action("finalize", output=output)


class Row(NamedTuple):
    """What one reader took."""

    turns: int
    tokens: int
    fresh: int
    longest: int
    seconds: float
    status: str
    found: bool


def measured(source: Path, wrong: str, reader: Callable[[str], str], iterations: int) -> Row:
    """Run the engine with a reader in place of a model."""

    def decide(request: ReceivedRequest) -> Behaviour:
        prompt = _text(request)
        last = "\noffered: finalize\n" in prompt
        told = _concluded("", ()) if last else reader(prompt)
        return says(told, usage=Tokens(estimate_tokens(prompt), estimate_tokens(told)))

    budget = engine_named("rca").default_budget.model_copy(update={"iterations": iterations})
    began = time.perf_counter()
    with ModelServer(decide) as server, tempfile.TemporaryDirectory() as folder:
        model = ModelSettings(model="scripted", base_url=server.base_url, max_retries=0)
        settings = Settings(
            runs_dir=Path(folder),
            planner=PlannerChoice(planner="model", model=model),
            budget=budget,
        )
        result = investigate(source, RCA(), settings)
        prompts = [_text(request) for request in server.requests]
    report = result.report
    assert report is None or isinstance(report, RCAReport)
    cited = {ref.span_id for ref in report.evidence_refs} if report else set()
    return Row(
        turns=len(prompts),
        tokens=sum(map(estimate_tokens, prompts)),
        fresh=sum(map(estimate_tokens, _fresh(prompts))),
        longest=max(map(estimate_tokens, prompts)),
        seconds=time.perf_counter() - began,
        status=result.status.value,
        found=wrong in cited,
    )


def _text(request: ReceivedRequest) -> str:
    return "\n".join(str(message["content"]) for message in request.body["messages"])


def _fresh(prompts: Sequence[str]) -> list[str]:
    """Each prompt from where it is no prefix of an earlier one."""
    return [
        prompt[max((_shared(prompt, earlier) for earlier in prompts[:at]), default=0) :]
        for at, prompt in enumerate(prompts)
    ]


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def main() -> None:
    """Print what each reader took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--iterations", type=int, default=40)
    arguments = parser.parse_args()
    made = made_trace(arguments.tokens)
    texts = (str(value) for span in made.spans for value in span.attributes.values())
    print(f"{len(made.spans):,} spans, {sum(map(estimate_tokens, texts)):,} tokens")
    print("reader        turns  prompt tokens   fresh  longest      s  status     charge cited")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "spans.parquet"
        write_spans(made.spans, source)
        readers: dict[str, Callable[[], Callable[[str], str]]] = {
            "run_code": ByCode,
            "call by call": CallByCall,
        }
        for name, reader in readers.items():
            row = measured(source, made.wrong, reader(), arguments.iterations)
            print(
                f"{name:12} {row.turns:6} {row.tokens:14,} {row.fresh:7,} {row.longest:8,}"
                f" {row.seconds:6.1f}  {row.status:9}  {'yes' if row.found else 'no'}"
            )


if __name__ == "__main__":
    main()
