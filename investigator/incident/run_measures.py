"""What can be counted or measured in one run, whether or not anything failed in it.

A measure that the spans do not give is absent, never zero. Amounts (latency, tokens, cost, calls)
are compared by ratio, scores by difference, and 0 or 1 is a share over several runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from investigator.incident.answer_kinds import is_empty_answer, says_not_known
from investigator.readings.empty_results import is_empty_result
from investigator.traces.evaluations import Evaluation, is_adverse, is_own
from investigator.traces.model import REDACTED, Span, SpanKind, Trace
from investigator.traces.openinference import (
    output_messages_of,
    retrieval_chunks_of,
    token_counts_of,
    tool_io_of,
)

LATENCY = "latency"
MODEL_TIME = "time of a model call"
TOKENS = "tokens"
OUTPUT_TOKENS = "output tokens"
COST = "cost"
CALLS = "calls"
EMPTY_ANSWER = "empty answers"
NOT_KNOWN_ANSWER = "answers that say they do not know"
EMPTY_RESULT = "runs with an empty result"
SCORE = "score "
"""What the measure of an evaluation's name begins with."""

_COST_KEYS = (
    *("llm.cost.total", "gen_ai.usage.cost", "gen_ai.usage.total_cost", "gen_ai.cost.total"),
    *("llm.usage.cost", "cost_usd", "total_cost_usd", "total_cost", "cost"),
)
_CALLS = frozenset({SpanKind.LLM, SpanKind.TOOL, SpanKind.RETRIEVER})
_NO_TEXT = ("", "[]", "{}", "null")
_SCORES = 12
"""So many evaluations of one run, by name, are measures."""


class Scale(StrEnum):
    """How the values of a measure are compared."""

    AMOUNT = "amount"
    SCORE = "score"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of one run; `worse_up` is whether more of it is worse."""

    name: str
    scale: Scale
    value: float
    worse_up: bool = True


def measures_of(trace: Trace, *, heeds_evaluations: bool) -> tuple[Measured, ...]:
    """What the spans and, if they are heeded, the evaluations say, in a stable order."""
    found = [*_amounts(trace), *_shares(trace)]
    if heeds_evaluations:
        found += _scores(trace.evaluations)
    return tuple(found)


def _amounts(trace: Trace) -> Iterator[Measured]:
    calls = [span for span in trace.spans if span.kind in _CALLS]
    models = [span for span in calls if span.kind is SpanKind.LLM]
    root = max(trace.roots, key=lambda span: span.latency_ms or 0.0, default=None)
    latency = _latency(trace, root)
    if latency is not None and latency > 0:
        yield Measured(LATENCY, Scale.AMOUNT, latency)
    times = [ms for span in models if (ms := span.latency_ms) is not None and ms > 0]
    if times:
        yield Measured(MODEL_TIME, Scale.AMOUNT, sum(times) / len(times))
    for name, value in (
        (TOKENS, _summed(models, root, _tokens)),
        (OUTPUT_TOKENS, _summed(models, root, _output_tokens)),
        (COST, _summed(models, root, _cost)),
    ):
        if value is not None and value > 0:
            yield Measured(name, Scale.AMOUNT, value)
    if calls:
        yield Measured(CALLS, Scale.AMOUNT, len(calls))


def _latency(trace: Trace, root: Span | None) -> float | None:
    """From the first start to the last end of the roots, as several may make up one run."""
    if root is None or len(trace.roots) == 1:
        return None if root is None else root.latency_ms
    starts = [span.start_ns for span in trace.roots if span.start_ns is not None]
    ends = [span.end_ns for span in trace.roots if span.end_ns is not None]
    return (max(ends) - min(starts)) / 1e6 if starts and ends else None


def _summed(
    models: Iterable[Span], root: Span | None, of: Callable[[Span], float | None]
) -> float | None:
    """Over the model calls; where they say nothing, what the run itself says."""
    told = [value for span in models if (value := of(span)) is not None]
    if told:
        return sum(told)
    return None if root is None else of(root)


def _tokens(span: Span) -> float | None:
    counts = token_counts_of(span)
    if counts.total is not None:
        return counts.total
    parts = [count for count in (counts.prompt, counts.completion) if count is not None]
    return sum(parts) if parts else None


def _output_tokens(span: Span) -> float | None:
    return token_counts_of(span).completion


def _cost(span: Span) -> float | None:
    for key in _COST_KEYS:
        value = span.attributes.get(key)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    return None


def _shares(trace: Trace) -> Iterator[Measured]:
    answer = _answer_text(trace)
    if answer is not None:
        empty = is_empty_answer(answer)
        yield Measured(EMPTY_ANSWER, Scale.SHARE, float(empty))
        if not empty:
            yield Measured(NOT_KNOWN_ANSWER, Scale.SHARE, float(says_not_known(answer)))
    results = [found for span in trace.spans if (found := _is_empty(span)) is not None]
    if results:
        yield Measured(EMPTY_RESULT, Scale.SHARE, float(any(results)))


def _answer_text(trace: Trace) -> str | None:
    """What the run answered: its root's output, else the last words of a model; None if hidden."""
    root = max(trace.roots, key=lambda span: span.latency_ms or 0.0, default=None)
    models = [span for span in trace.spans if span.kind is SpanKind.LLM]
    for span in (root, *models[-1:]):
        if span is None:
            continue
        text = _words_of(span)
        if text is not None:
            return None if REDACTED in text else text
    return None


def _words_of(span: Span) -> str | None:
    """The text that a span puts out; None where it calls a tool, or puts out nothing recorded."""
    messages = output_messages_of(span)
    if messages:
        last = messages[-1]
        if last.tool_calls and not last.content:
            return None
        return last.content or ""
    return None if span.kind is SpanKind.LLM else span.text("output.value")


def _is_empty(span: Span) -> bool | None:
    """Whether a look-up came back empty; None for a span that is none, or that says nothing."""
    if span.kind is SpanKind.RETRIEVER:
        return not retrieval_chunks_of(span) and (span.text("output.value") or "") in _NO_TEXT
    io = tool_io_of(span)
    if io is None or io.result is None:
        return None
    return is_empty_result(io.result)


def _scores(evaluations: Iterable[Evaluation]) -> Iterator[Measured]:
    """The mean of each evaluation of the run, by name."""
    by_name: dict[str, list[Evaluation]] = {}
    for one in evaluations:
        if not is_own(one.name) and (one.score is not None or one.passed is not None):
            by_name.setdefault(one.name, []).append(one)
    for name in sorted(by_name)[:_SCORES]:
        given = by_name[name]
        values = [one.score if one.score is not None else float(bool(one.passed)) for one in given]
        higher = next((h for one in given if (h := one.higher_is_better) is not None), None)
        passed = all(one.score is None for one in given)
        worse_up = (is_adverse(name) and not passed) if higher is None else not higher
        yield Measured(f"{SCORE}{name}", Scale.SCORE, sum(values) / len(values), worse_up)
