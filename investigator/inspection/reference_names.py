"""Short ids that say what they name, the same in every scope of a run.

`m12` is the message of step 12, `t7` the call of step 7, `d7` what step 7 retrieved, `n7` what a
node of the framework decided in it; where a step
has several, the further ones are `t7.2`, … What is no step of its own is named by its span's
place in the trace: `s5` the span, `s5.m3` a message that it repeats, `s5.t` its call; `v1` is the
first verdict that the data carries. In a run over several traces an id begins with its trace's
number, such as `2:m12`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Protocol

from investigator.claims.outputs import reference_key
from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue
from investigator.readings.reading import Readings
from investigator.readings.steps import Step, StepKind
from investigator.runtime.tools import Names
from investigator.traces.evidence import EvidenceKind, EvidenceRef, evaluation_evidence, place_of

_LETTERS = {
    StepKind.TOOL: "t",
    StepKind.HANDOFF: "t",
    StepKind.RETRIEVAL: "d",
    StepKind.DECISION: "n",
}
_DIFF_DIGITS = 8
_BRACKETED = re2.compile(
    r"[(\[](?:\d+:)?[mtdn]\d+(?:\.\d+)?(?:(?:,| and| to|;) ?(?:\d+:)?[mtdn]\d+(?:\.\d+)?)*[)\]]"
)
_ID = re2.compile(r"(?:\d+:)?[mtdn]\d+(?:\.\d+)?")


class _Found(Protocol):
    def group(self, number: int, /) -> str: ...


def ids_in_words(text: str, worded: Callable[[str], str | None]) -> str:
    """A text with the ids that stand in brackets as words: a reader of a report knows no ids.

    Only in brackets: `m5` and `t2` may be names of something else.
    """

    def word(found: _Found) -> str:
        return worded(found.group(0)) or found.group(0)

    return str(_BRACKETED.sub(lambda found: _ID.sub(word, found.group(0)), text))


class ReferenceNames:
    """The short ids of one trace."""

    def __init__(self, readings: Readings, prefix: str = "") -> None:
        self.readings = self._readings = readings
        self._prefix = prefix

    def of(self, ref: EvidenceRef) -> str | None:
        """The id of a reference; None for one of another trace."""
        trace = self._readings.trace
        if not trace.holds(ref.trace_id):
            return None
        if ref.kind is EvidenceKind.EVALUATION:
            return self._of_verdict(ref)
        return self._of_steps.get(place_of(ref)) or self._of_span(ref)

    def of_step(self, step: Step) -> str | None:
        """The id of the step itself, which has its number; None where nothing can be cited."""
        return self._own(step) if step.shown else None

    def _own(self, step: Step) -> str:
        return f"{self._prefix}{_LETTERS.get(step.kind, 'm')}{step.number}"

    def shown_by(self, step: Step) -> dict[str, str]:
        """What whoever reads the step can cite: references as a scope knows them, by id."""
        shown = {self._of_steps[place_of(ref)]: reference_key(ref) for ref in step.evidence}
        # Two steps may have one text, such as the span that both stand in: each has its own id.
        for ref in step.evidence[-1:]:
            shown.setdefault(self._own(step), reference_key(ref))
        return shown

    def worded(self, name: str) -> str | None:
        """A step's id in words; None where it names none."""
        of = f" of trace {self._readings.trace.trace_id}" if self._prefix else ""
        step = self.step_named(name)
        return None if step is None else f"step {step.number}{of}"

    def meant(self, name: str) -> tuple[str, ...]:
        """The references, as a scope knows them, that whoever gives a step's id may mean."""
        step = self.step_named(name)
        return () if step is None else tuple(map(reference_key, step.evidence))

    def step_named(self, name: str) -> Step | None:
        """The step that an id, or its bare number, names; None for none."""
        text = self._local(name).strip("[]# ")
        text = text.removeprefix("step").strip().partition(".")[0]
        digits = text[1:] if text[:1] in ("m", "t", "d", "n") else text
        steps = self._readings.steps
        if not digits.isascii() or not digits.isdigit() or int(digits) >= len(steps):
            return None
        return steps[int(digits)]

    def own_span(self, name: str) -> str | None:
        """The span that is meant by its own id or its place in the trace (`s5`); None for none."""
        if self._readings.trace.get(name) is not None:
            return name
        place = self._local(name).partition(".")[0]
        spans = self._readings.trace.spans
        if place[:1] == "s" and place[1:].isdecimal() and int(place[1:]) < len(spans):
            return spans[int(place[1:])].span_id
        return None

    def _local(self, name: str) -> str:
        """An id without the number of its trace; empty for one of another trace."""
        plain = name.strip("[]# ").casefold()
        number, mark, own = plain.rpartition(":")
        other = bool(mark and self._prefix) and number.strip() + mark != self._prefix
        return "" if other else own.strip()

    def span_named(self, name: str) -> str | None:
        """The span that is meant: by its own id or place, or by a step's id; None for none."""
        step = None if self.own_span(name) is not None else self.step_named(name)
        return self.own_span(name) if step is None else step.span_id

    def place(self, span_id: str) -> str:
        """What a span is called where it is pointed at: its step, else its place in the trace."""
        step = self._own_step.get(span_id)
        name = None if step is None else self.of_step(step)
        if name is not None:
            return name
        position = self._positions.get(span_id)
        return span_id if position is None else f"{self._prefix}s{position}"

    @cached_property
    def _own_step(self) -> Mapping[str, Step]:
        """What each span did: its last step that nobody gave it, else its first."""
        found: dict[str, Step] = {}
        for step in self._readings.steps:
            if step.kind not in (StepKind.SYSTEM, StepKind.USER) or step.span_id not in found:
                found[step.span_id] = step
            if step.call is not None and step.call.result_span_id is not None:
                found.setdefault(step.call.result_span_id, step)
        return found

    @cached_property
    def _of_steps(self) -> Mapping[str, str]:
        """The ids of all that steps show, by place; each belongs to the step that first had it."""
        names: dict[str, str] = {}
        for step in self._readings.steps:
            own = self._own(step)
            new = [shown.place for shown in step.shown if shown.place not in names]
            for number, place in enumerate(dict.fromkeys(new), 1):
                names[place] = own if number == 1 else f"{own}.{number}"
        return names

    def _of_span(self, ref: EvidenceRef) -> str | None:
        position = self._positions.get(ref.span_id or "")
        if position is None:
            return None
        span = f"{self._prefix}s{position}"
        last = place_of(ref).rpartition(":")[2]
        match ref.kind:
            case EvidenceKind.SPAN:
                return span
            case EvidenceKind.TOOL_IO:
                return f"{span}.t"
            case EvidenceKind.MESSAGE:
                return f"{span}.m{last}"
            case EvidenceKind.RETRIEVAL_CHUNK:
                return f"{span}.d{last}"
            case _:
                return None

    def _of_verdict(self, ref: EvidenceRef) -> str | None:
        number = self._verdicts.get(ref.ref)
        return None if number is None else f"{self._prefix}v{number}"

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {span.span_id: place for place, span in enumerate(self._readings.trace.spans)}

    @cached_property
    def _verdicts(self) -> Mapping[str, int]:
        found = map(evaluation_evidence, self._readings.trace.evaluations)
        return {ref.ref: number for number, ref in enumerate(found, 1)}


def names_by(names_of: Callable[[str], ReferenceNames | None]) -> Names:
    """The ids of references into traces of which each has its names, and of config diffs."""

    def name(shown: dict[str, JsonValue]) -> str | None:
        ref = EvidenceRef.model_validate(shown)
        if ref.kind is EvidenceKind.CONFIG_DIFF:
            return f"c{ref.ref.removeprefix('configdiff:')[:_DIFF_DIGITS]}"
        names = None if ref.trace_id is None else names_of(ref.trace_id)
        return None if names is None else names.of(ref)

    return name
