"""A request that was too large for the model began with the output that filled it.

The call that was refused is where it surfaced: what it held was mostly one result. Where a request
grew of many small parts, it began nowhere in particular, and nothing is told here.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.ground.wording import counted
from investigator.readings.faults import Fault
from investigator.readings.model_ends import ModelEnding, ending_of
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence, tool_evidence
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import tool_io_of

_OF_THE_WINDOW = re2.compile(
    r"(?i)context.?(?:length|window|size|limit)|maximum context|too many tokens|token limit"
    r"|prompt (?:is )?too long|input (?:is )?too long|exceeds? the (?:maximum|limit|model)"
    r"|request (?:is )?too large|reduce the length"
)
_WINDOW = 4_000
_MOST = 0.5
"""The share of all that was given from which one result filled the window."""
_LARGE = 20_000
"""Characters below which a result fills no window of today."""


def detect_full_windows(readings: Readings) -> Iterator[Signal]:
    """Model calls that were refused for their size, at the result that made them so large."""
    view = readings.view
    for span in view.model_calls:
        error = error_of(span) or ""
        ended = ending_of(span) if not error else None
        full = ended is not None and ended[0] is ModelEnding.WINDOW
        if full or _OF_THE_WINDOW.search(well_formed(error[:_WINDOW])):
            found = _largest(view, span)
            if found is not None:
                yield _signal(view, span, *found)


def _largest(view: TraceView, span: Span) -> tuple[Span, int] | None:
    """The tool's step whose result is most of what the call held, and its size."""
    before = [a for a in view.attempts if view.position(a.span) <= view.position(span)]
    own = [a for a in before if view.scope(a.span) == view.scope(span) and a.result]
    if not own:
        return None
    sizes = [len(a.result or "") for a in own]
    place = max(range(len(own)), key=sizes.__getitem__)
    given = sum(len(message.content or "") for message in view.inputs(span))
    large = sizes[place] >= max(_LARGE, _MOST * max(given, sum(sizes)))
    attempt = own[place]
    step = attempt.author if attempt.span is span else attempt.span
    return (step, sizes[place]) if large and step is not None else None


def _signal(view: TraceView, span: Span, step: Span, size: int) -> Signal:
    io = tool_io_of(step) if step.kind is SpanKind.TOOL else None
    shown = tool_evidence(step, io) if io is not None else view.spoken_evidence(step)
    name = (io.name if io is not None else None) or step.name
    return build_signal(
        view,
        detector="full_window",
        fault=Fault.RESOURCE_EXHAUSTED,
        span=span,
        origin=step,
        evidence=[span_evidence(span), shown, span_evidence(step)],
        summary=f"the request was too large for the model: {name} had put "
        f"{counted(size, 'character')} in",
        strength=0.9,
    )


DETECTOR = Detector("full_windows", detect_full_windows)
