"""Score the root cause against Who&When: which agent made the mistake, at which step.

    python -m benchmarks.who_and_when --data ../shared/data/who_and_when/algorithm_generated

Every log of the set is of a failed run, so the first finding is taken whatever its confidence;
where there is none, the second line takes the first turn that acts (that writes code, else that
says anything after the task), which is a guess of this benchmark and no finding. Beside them
stands the rule "the agent's step before the first error". Labels are read here only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.reports import readings, reports_by_rules, reports_from_file, traces_in
from investigator.readings.view import code_in


class Mistake(NamedTuple):
    """Who made it, and the span of the step."""

    agent: str | None
    span_id: str


def main() -> None:
    """Print agent and step accuracy of the reports and of the rule."""
    arguments = _arguments()
    gold = _gold(arguments.data / "gold")
    logs = arguments.data / "logs"
    found = (
        reports_from_file(arguments.reports)
        if arguments.reports
        else reports_by_rules(logs, "default")
    )
    named = {
        key: Mistake(report.findings[0].agent, report.findings[0].span_id)
        for key, report in found.reports.items()
        if report.findings
    }
    _print_line("root cause", gold, named)
    _print_line("… else first to act", gold, _first_to_act(logs) | named)
    _print_line("step before the error", gold, _before_first_error(logs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with logs/ and gold/")
    parser.add_argument("--reports", type=Path, help="one RCAReport a line")
    return parser.parse_args()


def _gold(folder: Path) -> dict[str, Mistake]:
    gold: dict[str, Mistake] = {}
    for path in sorted(folder.glob("*.json")):
        label = json.loads(path.read_text(encoding="utf-8"))
        gold[path.stem] = Mistake(label["mistake_agent"], f"step-{label['mistake_step']}")
    return gold


def _before_first_error(folder: Path) -> dict[str, Mistake]:
    """The author of the first attempt that failed; where none failed, the first turn."""
    named: dict[str, Mistake] = {}
    for trace in traces_in(folder):
        failed = (a.author for a in readings(trace).view.attempts if a.failure is not None)
        span = next((author for author in failed if author is not None), trace.spans[0])
        named[trace.trace_id] = Mistake(trace.agent_of(span), span.span_id)
    return named


def _first_to_act(folder: Path) -> dict[str, Mistake]:
    """The first turn with code, else the second turn (the first states the task)."""
    named: dict[str, Mistake] = {}
    for trace in traces_in(folder):
        view = readings(trace).view
        coded = (span for span in trace.spans if code_in(view.said(span)))
        span = next(coded, trace.spans[min(1, len(trace.spans) - 1)])
        named[trace.trace_id] = Mistake(trace.agent_of(span), span.span_id)
    return named


def _print_line(name: str, gold: Mapping[str, Mistake], named: Mapping[str, Mistake]) -> None:
    agents = sum(key in named and named[key].agent == gold[key].agent for key in gold)
    steps = sum(key in named and named[key].span_id == gold[key].span_id for key in gold)
    print(
        f"{name:22} agent {agents / len(gold):.1%}  step {steps / len(gold):.1%}  "
        f"answered {sum(key in named for key in gold)} of {len(gold)}"
    )


if __name__ == "__main__":
    main()
