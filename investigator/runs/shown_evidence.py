"""What a reference, a span or a step of a trace says, whole and redacted, for a person to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.wording import counted
from investigator.inspection.reference_names import ReferenceNames
from investigator.readings.reading import Readings
from investigator.readings.steps import Step
from investigator.readings.view import error_of
from investigator.traces.evidence import (
    EvidenceKind,
    EvidenceRef,
    evaluation_evidence,
    evidence_of,
    place_of,
)
from investigator.traces.model import Span, iso_time
from investigator.traces.openinference import messages_of, retrieval_chunks_of, tool_io_of

_TOLD = ("input.value", "output.value")
_KEPT_APART = ("llm.input_messages.", "llm.output_messages.", "retrieval.documents.", *_TOLD)
"""Attributes that are told as what they mean, not as attributes."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with what it is, such as `arguments`; `failed` where it tells of an error."""

    title: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ShownEvidence:
    """What was asked for: what it is, facts of one line each, and its texts whole."""

    title: str
    trace_id: str
    facts: tuple[tuple[str, str], ...]
    passages: tuple[Passage, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """As a JSON object."""
        return {
            "title": self.title,
            "trace_id": self.trace_id,
            "facts": dict(self.facts),
            "texts": [{"title": one.title, "text": one.text} for one in self.passages],
        }


def evidence_shown(target: str, readings: Iterable[Readings], where: str) -> ShownEvidence:
    """What is named, in the first of the traces that has it; `where` says which those are.

    `target` is a reference (`message:<span>:2`), its short id (`m12`, `t7`), a span's id or the
    beginning of one, or the number of a step.

    Raises:
        UsageError: none has it, or the beginning of an id names several spans.
    """
    for read in readings:
        shown = _Reader(read).shown(target.strip().strip("[]"))
        if shown is not None:
            return shown
    raise UsageError(
        f"nothing in {where} is called '{target}': name a reference as reports do (span:…, "
        "tool:…, message:…:2), a span, or a step's number (`investigator steps` lists them)"
    )


class _Reader:
    """Shows what stands in one trace."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._trace = readings.trace
        self._names = ReferenceNames(readings)
        self._redacted: Callable[[str], str] = readings.quote.whole

    def shown(self, target: str) -> ShownEvidence | None:
        """What is named; None where the trace has nothing of that name."""
        span = self._trace.get(target)
        if span is not None:
            return self._span(span)
        if target.isascii() and target.isdigit() and int(target) < len(self._readings.steps):
            return self._step(self._readings.steps[int(target)])
        return self._reference(target) or self._by_beginning(target)

    def _reference(self, target: str) -> ShownEvidence | None:
        """A reference by its text or its short id."""
        short = target.casefold()
        for ref, show in self._all():
            if target in (ref.ref, place_of(ref)) or self._names.of(ref) == short:
                return show(ref)
        return None

    def _all(self) -> Iterator[tuple[EvidenceRef, Callable[[EvidenceRef], ShownEvidence]]]:
        for span in self._trace.spans:
            for ref in evidence_of(span):
                yield ref, self._evidence
        for one in self._trace.evaluations:
            yield evaluation_evidence(one), self._verdict

    def _by_beginning(self, target: str) -> ShownEvidence | None:
        found = [s for s in self._trace.spans if target and s.span_id.startswith(target)]
        if len(found) > 1:
            some = ", ".join(span.span_id for span in found[:5])
            raise UsageError(f"'{target}' begins the ids of {counted(len(found), 'span')}: {some}")
        return self._span(found[0]) if found else None

    def _step(self, step: Step) -> ShownEvidence:
        call, failed = step.call, step.call is not None and step.call.is_error
        texts: list[tuple[str, str | None, bool]] = [("said", step.text, False)]
        if call is not None:
            texts += [("arguments", call.arguments, False), ("result", call.result, failed)]
        kind = step.kind.value.lower().replace("_", " ")
        tool = f" {call.tool}" if call is not None and call.tool else ""
        facts = (
            ("agent", step.agent),
            ("span", step.span_id),
            ("started", iso_time(step.start_ns)),
            ("asked by", None if step.asked_by is None else f"step {step.asked_by}"),
            ("calls", ", ".join(step.asks)),
            ("references", ", ".join(ref.ref for ref in step.evidence)),
        )
        return self._made(f"step {step.number}: {kind}{tool}", facts, texts, span_id=step.span_id)

    def _span(self, span: Span) -> ShownEvidence:
        io = tool_io_of(span)
        texts: list[tuple[str, str | None, bool]] = [("error", error_of(span), True)]
        if io is not None:
            texts += [("arguments", io.arguments, False), ("result", io.result, False)]
        else:
            told = messages_of(span)
            texts += [(f"message {n}, {m.role}", m.full_text, False) for n, m in enumerate(told)]
            texts += [
                (f"document {c.position}", c.full_text, False) for c in retrieval_chunks_of(span)
            ]
            if not told:
                texts += [(name.partition(".")[0], span.text(name), False) for name in _TOLD]
        others = [
            f"{name}: {span.text(name)}"
            for name in span.attributes
            if not name.startswith(_KEPT_APART)
        ]
        texts.append(("attributes", "\n".join(others), False))
        title = f"span {span.span_id}"
        return self._made(title, self._facts_of(span), texts, span_id=span.span_id)

    def _facts_of(self, span: Span) -> tuple[tuple[str, str | None], ...]:
        took = span.latency_ms
        step = next((s.number for s in self._readings.steps if s.span_id == span.span_id), None)
        return (
            ("name", span.name),
            ("kind", span.kind.value),
            ("status", span.status.value),
            ("agent", self._trace.agent_of(span)),
            ("step", None if step is None else str(step)),
            ("parent", span.parent_id),
            ("started", iso_time(span.start_ns)),
            ("took", None if took is None else f"{took:,.0f} ms"),
        )

    def _evidence(self, ref: EvidenceRef) -> ShownEvidence:
        span = self._trace.get(ref.span_id or "")
        assert span is not None
        if ref.kind is EvidenceKind.SPAN:
            return self._span(span)
        facts = [("reference", ref.ref), *self._facts_of(span)]
        texts: list[tuple[str, str | None, bool]]
        match ref.kind:
            case EvidenceKind.TOOL_IO:
                io = tool_io_of(span)
                assert io is not None
                texts = [("error", error_of(span), True), ("arguments", io.arguments, False)]
                texts.append(("result", io.result, False))
            case EvidenceKind.MESSAGE:
                message = messages_of(span)[int(ref.ref.rpartition(":")[2])]
                texts = [(message.role, message.full_text, False)]
            case _:
                position = place_of(ref).rpartition(":")[2]
                chunks = [c for c in retrieval_chunks_of(span) if str(c.position) == position]
                texts = [
                    (f"document {c.document_id or position}", c.full_text, False) for c in chunks
                ]
        title = ref.kind.value.lower().replace("_", " ")
        return self._made(title, facts, texts, span_id=ref.span_id)

    def _verdict(self, ref: EvidenceRef) -> ShownEvidence:
        one = next(e for e in self._trace.evaluations if evaluation_evidence(e).ref == ref.ref)
        verdict = one.label if one.label is not None else one.passed
        facts = (
            ("reference", ref.ref),
            ("name", one.name),
            ("verdict", None if verdict is None else str(verdict)),
            ("score", None if one.score is None else f"{one.score:g}"),
            ("span", one.span_id),
        )
        told = [("explanation", one.explanation, False)]
        return self._made("evaluation", facts, told, span_id=one.span_id)

    def _made(
        self,
        title: str,
        facts: Iterable[tuple[str, str | None]],
        texts: Iterable[tuple[str, str | None, bool]],
        *,
        span_id: str | None,
    ) -> ShownEvidence:
        span = None if span_id is None else self._trace.get(span_id)
        return ShownEvidence(
            title=self._redacted(title),
            trace_id=self._trace.trace_id if span is None else span.trace_id,
            facts=tuple((name, self._redacted(text)) for name, text in facts if text),
            passages=tuple(
                Passage(name, self._redacted(text), failed) for name, text, failed in texts if text
            ),
        )
