"""A trace as a page shows it: its steps, its spans in time, and what each took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from investigator.ground.wording import counted
from investigator.readings.reading import Readings
from investigator.readings.steps import Step
from investigator.readings.view import error_of
from investigator.traces.evidence import place_of
from investigator.traces.model import Span, Trace, iso_time
from investigator.traces.openinference import token_counts_of

_TEXT_BUDGET = 2_000_000
"""Characters of a page's conversation, so that a browser stays quick."""
_TEXT_MOST, _TEXT_LEAST = 6_000, 240
"""Characters of one text of a step, whatever the number of steps."""
_SPANS = 10_000
"""Spans of the waterfall: the first, and every one that failed or is cited."""


@dataclass(frozen=True, slots=True)
class PageText:
    """A text of a step, cut where it is long; `left` characters are not shown."""

    title: str
    text: str
    left: int = 0
    failed: bool = False


@dataclass(frozen=True, slots=True)
class PageStep:
    """One step of the conversation. `cited_by` are the findings that rest on it, from 1."""

    number: int
    kind: str
    agent: str | None
    tool: str | None
    span_id: str
    started: str | None
    line: str
    texts: tuple[PageText, ...]
    failed: bool
    cited_by: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PageSpan:
    """One row of the waterfall; `start` and `width` are parts of 1000 of the trace's time."""

    span_id: str
    name: str
    kind: str
    depth: int
    start: float
    width: float
    took_ms: float | None
    tokens: int | None
    failed: bool
    cited_by: tuple[int, ...]
    step: int | None


@dataclass(frozen=True, slots=True)
class SpanShare:
    """What one span took of the whole trace, of time or tokens; `part` is from 0 to 1."""

    label: str
    step: int | None
    amount: str
    part: float


class PageTrace:
    """The readings of a trace, as pages want them; `cited` gives a reference's findings."""

    def __init__(self, readings: Readings, cited: Mapping[str, tuple[int, ...]]) -> None:
        self._readings = readings
        self._trace: Trace = readings.trace
        self._cited = cited
        self._whole = readings.quote.whole

    @cached_property
    def steps(self) -> tuple[PageStep, ...]:
        """The conversation."""
        steps = self._readings.steps
        most = _TEXT_BUDGET // max(1, 2 * len(steps))
        limit = min(_TEXT_MOST, max(_TEXT_LEAST, most))
        return tuple(self._step(step, limit) for step in steps)

    def step_of(self, place: str) -> int | None:
        """The step that a reference stands in."""
        return self._steps_by_place.get(place)

    @cached_property
    def _steps_by_place(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for step in self._readings.steps:
            for ref in step.evidence:
                found.setdefault(place_of(ref), step.number)
        for step in self._readings.steps:
            found.setdefault(f"span:{step.span_id}", step.number)
            found.setdefault(f"tool:{step.span_id}", step.number)
        return found

    @cached_property
    def _cited_spans(self) -> Mapping[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for place, ranks in self._cited.items():
            span_id = place.partition(":")[2].partition(":")[0]
            found[span_id] = tuple(sorted({*found.get(span_id, ()), *ranks}))
        return found

    def _step(self, step: Step, limit: int) -> PageStep:
        call = step.call
        failed = call is not None and call.is_error
        texts = [("said", step.text, False), ("calls", ", ".join(step.asks), False)]
        if call is not None:
            texts += [("arguments", call.arguments, False), ("result", call.result or "", failed)]
        ranks = {rank for ref in step.evidence for rank in self._cited.get(place_of(ref), ())}
        ranks |= set(self._cited.get(f"span:{step.span_id}", ()))
        said = next((text for _, text, _ in reversed(texts) if text), "")
        return PageStep(
            number=step.number,
            kind=step.kind.value.lower().replace("_", " "),
            agent=None if step.agent is None else self._whole(step.agent),
            tool=None if call is None or not call.tool else self._whole(call.tool),
            span_id=step.span_id,
            started=iso_time(step.start_ns),
            line=self._readings.quote.line(said, 160),
            texts=tuple(self._text(title, text, limit, bad) for title, text, bad in texts if text),
            failed=failed,
            cited_by=tuple(sorted(ranks)),
        )

    def _text(self, title: str, text: str, limit: int, failed: bool) -> PageText:
        whole = self._whole(text)
        return PageText(title, whole[:limit], max(0, len(whole) - limit), failed)

    @cached_property
    def spans(self) -> tuple[PageSpan, ...]:
        """The waterfall, in the order of the tree."""
        begin, length = self._extent
        rows = [self._span(span, depth, begin, length) for span, depth in self._in_tree()]
        if len(rows) <= _SPANS:
            return tuple(rows)
        kept = [row for row in rows if row.failed or row.cited_by][: _SPANS // 2]
        wanted = {row.span_id for row in [*kept, *rows[: _SPANS - len(kept)]]}
        return tuple(row for row in rows if row.span_id in wanted)

    @property
    def spans_left(self) -> int:
        """Spans that the waterfall does not show."""
        return len(self._trace.spans) - len(self.spans)

    @cached_property
    def took_ms(self) -> float | None:
        """The time from the first start to the last end; None where the trace has no times."""
        length = self._extent[1]
        return length / 1e6 if length else None

    @cached_property
    def _extent(self) -> tuple[int, int]:
        starts = [s.start_ns for s in self._trace.spans if s.start_ns is not None]
        ends = [s.end_ns or s.start_ns for s in self._trace.spans if s.start_ns is not None]
        if not starts:
            return 0, 0
        return min(starts), max(e for e in ends if e is not None) - min(starts)

    def _in_tree(self) -> Iterator[tuple[Span, int]]:
        waiting = [(root, 0) for root in reversed(self._trace.roots)]
        while waiting:
            span, depth = waiting.pop()
            yield span, depth
            children = self._trace.children(span.span_id)
            waiting += [(child, depth + 1) for child in reversed(children)]

    def _span(self, span: Span, depth: int, begin: int, length: int) -> PageSpan:
        start = 0.0 if span.start_ns is None or not length else (span.start_ns - begin) / length
        took = span.latency_ms
        width = 0.0 if took is None or not length else took * 1e6 / length
        return PageSpan(
            span_id=span.span_id,
            name=self._readings.quote.name(span.name),
            kind=span.kind.value,
            depth=min(depth, 24),
            start=round(1000 * start, 1),
            width=round(1000 * width, 1),
            took_ms=took,
            tokens=token_counts_of(span).total,
            failed=error_of(span) is not None,
            cited_by=self._cited_spans.get(span.span_id, ()),
            step=self._steps_by_place.get(f"span:{span.span_id}"),
        )

    @cached_property
    def slowest(self) -> tuple[SpanShare, ...]:
        """The leaves of the tree that took most of the time."""
        whole = self.took_ms or 0.0
        leaves = [s for s in self._trace.spans if not self._trace.children(s.span_id)]
        ranked = sorted(leaves, key=lambda s: -(s.latency_ms or 0.0))[:8]
        return tuple(
            self._share(s, f"{s.latency_ms:,.0f} ms", (s.latency_ms or 0.0) / whole)
            for s in ranked
            if s.latency_ms and whole
        )

    @cached_property
    def dearest(self) -> tuple[SpanShare, ...]:
        """The model calls that took most of the tokens."""
        leaves = [s for s in self._trace.spans if s.kind.value == "LLM"]
        spent = [(s, token_counts_of(s).total or 0) for s in leaves]
        whole = sum(count for _, count in spent)
        ranked = sorted(spent, key=lambda one: -one[1])[:8]
        return tuple(
            self._share(s, counted(count, "token"), count / whole) for s, count in ranked if count
        )

    def _share(self, span: Span, amount: str, part: float) -> SpanShare:
        step = self._steps_by_place.get(f"span:{span.span_id}")
        return SpanShare(self._readings.quote.name(span.name), step, amount, min(1.0, part))
