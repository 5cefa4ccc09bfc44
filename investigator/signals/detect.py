"""All detectors over one trace: pure, in a stable order, each fault told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from investigator.readings.view import TraceView
from investigator.signals.bad_calls import detect_bad_calls
from investigator.signals.exceptions import detect_exceptions
from investigator.signals.formats import detect_format_violations
from investigator.signals.http_status import detect_http_errors
from investigator.signals.ignored_errors import detect_ignored_errors
from investigator.signals.ignored_instructions import detect_ignored_instructions
from investigator.signals.merging import merged
from investigator.signals.model import Signal
from investigator.signals.off_task import detect_off_task_answers
from investigator.signals.passages import detect_bad_passages
from investigator.signals.repetition import detect_repeated_calls
from investigator.signals.retrieval import detect_poor_retrieval
from investigator.signals.tool_results import detect_failed_results
from investigator.signals.truncation import detect_truncated_output
from investigator.signals.unfinished import detect_unfinished_runs
from investigator.signals.units import detect_unit_mismatches
from investigator.signals.unsourced_figures import detect_unsourced_figures
from investigator.signals.unsupported_answers import detect_unsupported_answers
from investigator.traces.model import Trace

DETECTORS: tuple[Callable[[TraceView], Iterator[Signal]], ...] = (
    detect_exceptions,
    detect_failed_results,
    detect_http_errors,
    detect_poor_retrieval,
    detect_bad_passages,
    detect_bad_calls,
    detect_repeated_calls,
    detect_ignored_errors,
    detect_unit_mismatches,
    detect_format_violations,
    detect_ignored_instructions,
    detect_off_task_answers,
    detect_truncated_output,
    detect_unfinished_runs,
    detect_unsupported_answers,
    detect_unsourced_figures,
)


def detect(trace: Trace) -> tuple[Signal, ...]:
    """Every signal of the trace, by where it began (span order), each fault once."""
    view = TraceView(trace)
    return merged((signal for run in DETECTORS for signal in run(view)), trace)
