"""Annotations: what a trace viewer shows beside a span or a trace, made of a run's report.

The verdict stands at the root span of each trace that the report is about, and at the trace
itself; what shows it stands at the spans that the report cites. A name stands once at a span:
where several claims of a report cite one span, its annotation tells all of them and has the
label and the score of the first, the most important.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from pydantic import BaseModel

from investigator.traces.evidence import EvidenceRef

Target: TypeAlias = Literal["span", "trace"]
Annotator: TypeAlias = Literal["CODE", "LLM"]


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation. `score` is from 0 to 1; `explanation` is text, then the JSON it is from."""

    target: Target
    target_id: str
    trace_id: str
    name: str
    annotator_kind: Annotator
    label: str
    score: float | None
    explanation: str


class Remark(NamedTuple):
    """Something that a report says, the part of it that says so, and its references."""

    name: str
    label: str
    score: float | None
    text: str
    source: BaseModel
    by: Annotator
    refs: Sequence[EvidenceRef] = ()


class Remarks(NamedTuple):
    """All that a report says: of which traces, the verdict, and what shows it, in order."""

    trace_ids: tuple[str, ...]
    verdict: Remark
    evidence: Sequence[Remark]


def annotations_of(remarks: Remarks, roots: Mapping[str, str]) -> tuple[Annotation, ...]:
    """The annotations of a report, in a stable order; `roots` gives each trace's root span."""
    verdict = [remarks.verdict]
    at_roots = [
        _annotation("span", roots[trace_id], trace_id, verdict) for trace_id in sorted(roots)
    ]
    at_traces = [_annotation("trace", trace_id, trace_id, verdict) for trace_id in sorted(roots)]
    return (*at_roots, *at_traces, *_at_evidence(remarks.evidence))


def _at_evidence(remarks: Sequence[Remark]) -> Iterator[Annotation]:
    """The remarks by the spans that they cite, each name once at a span."""
    places: dict[tuple[str, str, str], list[Remark]] = {}
    for remark in remarks:
        cited = [(ref.trace_id, ref.span_id) for ref in remark.refs]
        for trace_id, span_id in dict.fromkeys(cited):
            if trace_id and span_id:
                places.setdefault((remark.name, trace_id, span_id), []).append(remark)
    for (_, trace_id, span_id), told in places.items():
        yield _annotation("span", span_id, trace_id, told)


def _annotation(
    target: Target, target_id: str, trace_id: str, remarks: Sequence[Remark]
) -> Annotation:
    first = remarks[0]
    told = "\n\n".join(f"{remark.text}\n\n{remark.source.model_dump_json()}" for remark in remarks)
    return Annotation(
        target, target_id, trace_id, first.name, first.by, first.label, first.score, told
    )
