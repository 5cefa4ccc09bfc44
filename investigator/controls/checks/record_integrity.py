"""Whether the record itself can be relied on: whole, attributed, its memory writes explained."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import evidence_of_call, is_named
from investigator.controls.checks.recorded import StepStatements, statements
from investigator.controls.checks.violations import CERTAIN, WORDED
from investigator.controls.required_evidence import about, is_hidden, model_of
from investigator.ground.wording import counted
from investigator.readings.completeness import lacks_of_times, lacks_of_tree
from investigator.readings.conversation import Action, Source
from investigator.readings.directives import tool_words
from investigator.readings.provenance import ValueKind, values_of_action
from investigator.readings.reading import Readings
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span

_SHOWN = 4
_TRACED = frozenset({ValueKind.ADDRESS, ValueKind.URL, ValueKind.CODE})

_OF_THE_PROMPT = "llm.prompt_template.version"
"""Tells one state of an agent from another, but is no release that could be on a list of them."""

RELEASE_KEYS = (
    "service.version",
    "agent.version",
    "app.version",
    "deployment.version",
    "release",
    "version",
    "git.commit",
    "commit",
    _OF_THE_PROMPT,
)
"""Attributes by which the release of an agent is told."""


class CompleteTrace(Params):
    """`complete_trace` takes no parameters."""


def complete_trace(subject: Readings, _params: CompleteTrace) -> Checked:
    """Every span has its parent, ends, and ends after it starts.

    Where the only root has a parent elsewhere, the run was called by something that is not
    recorded here; whether more is missing cannot be told.
    """
    trace = subject.trace
    called = len(trace.roots) == 1 and trace.roots[0].parent_id is not None
    outside = called and not trace.cycle_ids
    found = [lack for lack in lacks_of_tree(subject.trace) if lack.spans]
    violations = [_about(subject, s, w) for s, w in found if not (outside and s == trace.roots)]
    if not subject.view.is_transcript:
        untimely = (lack for lack in lacks_of_times(subject.trace) if lack.spans)
        violations += [_about(subject, *lack) for lack in untimely]
    caller = ("what called the first span is not in the trace",) if outside else ()
    return Checked(
        violations=tuple(violations),
        missing=caller,
        scanned=counted(len(trace.spans), "span"),
        evidence=tuple(map(span_evidence, trace.roots[:_SHOWN])),
    )


def _about(subject: Readings, spans: tuple[Span, ...], what: str) -> Violation:
    return Violation(
        span_id=spans[0].span_id,
        summary=next(about(subject, spans, what)),
        evidence=tuple(map(span_evidence, spans[:_SHOWN])),
        strength=CERTAIN,
    )


class Attribution(Params):
    """The attributes that tell the release of the agent, on a span or above it.

    `releases` are those that may run (`*` stands for any text). Where none is named and no span
    names one, the release is not asked for.
    """

    release_keys: tuple[str, ...] = Field(default=RELEASE_KEYS, min_length=1)
    releases: tuple[str, ...] = ()


def attribution(subject: Readings, params: Attribution) -> Checked:
    """Each model call says which agent made it, on which model, in which release."""
    calls = subject.view.model_calls
    agents = tuple((call, _agent_of(subject, call)) for call in calls)
    asked = [
        StepStatements(subject, "agent", agents),
        StepStatements(subject, "model", tuple((call, model_of(call)) for call in calls)),
    ]
    keys = [k for k in params.release_keys if not (params.releases and k == _OF_THE_PROMPT)]
    release = statements(subject, calls, "release", keys)
    is_asked = bool(params.releases) or any(text is not None for _, text in release.said)
    asked += [release] if is_asked else []
    stray = [violation for one in asked for violation in one.violations()]
    return Checked(
        violations=(*stray, *_other_releases(subject, release, params.releases)),
        missing=tuple(line for one in asked for line in one.missing()),
        scanned=counted(len(calls), "model call"),
        evidence=tuple(map(span_evidence, calls[:_SHOWN])),
        unconfigured=() if is_asked else ("releases",),
    )


def _other_releases(
    subject: Readings, release: StepStatements, allowed: tuple[str, ...]
) -> Iterator[Violation]:
    """A breach for each release that is not among those that may run."""
    by_name: dict[str, list[Span]] = {}
    for span, text in release.said:
        if allowed and text and not is_hidden(text) and not is_named(text, allowed):
            by_name.setdefault(text, []).append(span)
    for name, spans in by_name.items():
        yield Violation(
            span_id=spans[0].span_id,
            summary=f"the release '{subject.quote.name(name)}' is not among those that may run",
            evidence=tuple(map(span_evidence, spans[:_SHOWN])),
            strength=CERTAIN,
        )


def _agent_of(subject: Readings, call: Span) -> str | None:
    named = subject.trace.agent_of(call)
    return named or call.text("service.name") or call.text("resource.service.name")


class MemoryWrites(Params):
    """Words of tool names: a tool with one of each writes to a memory that outlives the run."""

    stores: tuple[str, ...] = Field(
        default=("memory", "memories", "memo", "note", "notes", "knowledge", "preference"),
        min_length=1,
    )
    writes: tuple[str, ...] = Field(
        default=(
            "add", "append", "create", "insert", "put", "record", "remember", "save", "set",
            "store", "take", "update", "upsert", "write",
        ),
        min_length=1,
    )  # fmt: skip

    def writes_memory(self, action: Action) -> bool:
        """Whether the tool's name says that it writes to memory."""
        words = set(tool_words(action.tool))
        return bool(words & set(self.stores) and words & set(self.writes)) or "remember" in words


def memory_writes_traceable(subject: Readings, params: MemoryWrites) -> Checked:
    """What is written to memory (addresses, links, codes) was said by somebody before."""
    written = [a for a in subject.conversation.actions if params.writes_memory(a)]
    violations = tuple(v for action in written if (v := _unsourced(subject, action)) is not None)
    return Checked(
        violations=violations,
        missing=subject.conversation.missing(*Source) if written else (),
        scanned=f"{counted(len(written), 'memory write')} among "
        f"{counted(len(subject.conversation.actions), 'tool call')}",
        evidence=tuple(action.evidence for action in written[:_SHOWN]),
    )


def _unsourced(subject: Readings, action: Action) -> Violation | None:
    told = [
        path
        for path, value in values_of_action(action)
        if value.kind in _TRACED and not subject.provenance.origins_of(value, action.position)
    ]
    if not told:
        return None
    tool = subject.quote.name(action.tool)
    places = dict.fromkeys(subject.quote.name(path or "its arguments") for path in told)
    return Violation(
        span_id=action.span.span_id,
        summary=f"{tool} keeps a value that nobody had said, in {', '.join(places)}",
        evidence=(*evidence_of_call(action), span_evidence(action.span)),
        strength=WORDED,
    )


CHECKS = (
    Check("complete_trace", CompleteTrace, complete_trace),
    Check("attribution", Attribution, attribution),
    Check("memory_writes_traceable", MemoryWrites, memory_writes_traceable),
)
