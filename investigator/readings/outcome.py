"""How a run ended, as far as it is known beforehand: one value, from the caller and the data.

The caller's word comes first, then people, code, models. A verdict decides where its source does,
or by a number with a stated threshold and direction; else it is only shown. A verdict on a single
step, and one that the run itself went on from, is none on the whole. Who disagrees is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from investigator.ground.canonical_json import JsonValue
from investigator.ground.wording import counted
from investigator.readings.conversation import Conversation, Source
from investigator.readings.quoting import Quoting
from investigator.runtime.told import Ending, ToldOutcome
from investigator.traces.ancestry import Nearest
from investigator.traces.evaluations import Evaluation, Rater, is_own
from investigator.traces.evidence import EvidenceRef
from investigator.traces.model import Span, SpanKind, Trace

_TEXT_LIMIT = 300
_LINE_LIMIT = 200
_STEPS = frozenset({SpanKind.LLM, SpanKind.TOOL, SpanKind.RETRIEVER, SpanKind.AGENT})
"""What a run goes on with; a further judge is no step of it."""


class Sayer(StrEnum):
    """Whose word it is, from the one that is believed first."""

    CALLER = "caller"
    PERSON = "person"
    CODE = "code"
    MODEL = "model"
    UNKNOWN = "unknown"


_SAYERS = {
    Rater.PERSON: Sayer.PERSON,
    Rater.CODE: Sayer.CODE,
    Rater.MODEL: Sayer.MODEL,
    Rater.UNKNOWN: Sayer.UNKNOWN,
}
_WORDS = {
    Sayer.CALLER: "the caller",
    Sayer.PERSON: "a person",
    Sayer.CODE: "code",
    Sayer.MODEL: "a model",
    Sayer.UNKNOWN: "an unnamed judge",
}


@dataclass(frozen=True, slots=True)
class KnownOutcome:
    """How a run ended: `ended` and `said_by` are None where it is not known.

    `decided_by` are the evaluations that say so, if it was the data; `shown` are lines on
    verdicts that decide nothing, `contradictions` on those that disagree. `sayers` are all whose
    verdict on the whole run was there. `ignored` are the evaluations that were not looked at, as
    was asked. Texts are redacted and bounded.
    """

    ended: Ending | None = None
    said_by: Sayer | None = None
    symptom: str | None = None
    expected: str | None = None
    decided_by: tuple[Evaluation, ...] = ()
    decided: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    sayers: tuple[Sayer, ...] = ()
    ignored: int = 0

    @property
    def given(self) -> bool:
        """Whether the caller gave it."""
        return self.said_by is Sayer.CALLER

    @property
    def failed(self) -> bool:
        """Whether it is known that the run failed."""
        return self.ended == "failed"

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known."""
        told = (self.ended, self.symptom, self.expected, self.decided, self.shown)
        return not any(told)

    @property
    def line(self) -> str:
        """In one line, who says what."""
        if self.said_by is None or self.ended is None:
            return "how the run ended is not known"
        why = f": {'; '.join(self.decided)}" if self.decided else ""
        return f"the run {self.ended}, {_WORDS[self.said_by]} says{why}"


NOT_KNOWN = KnownOutcome()


def ignored_line(count: int) -> str:
    """That evaluations were left out of account, for reports."""
    return f"ignored, as asked: {counted(count, 'evaluation')} in the data"


def told_beforehand(known: KnownOutcome) -> dict[str, JsonValue]:
    """The known outcome as a planner is told of it, marked as the word of whoever said it."""
    if known.is_empty:
        return {}
    words = {
        "symptom, as the caller tells it": known.symptom,
        "expected, as the caller tells it": known.expected,
    }
    return {"outcome": known.line, **{name: text for name, text in words.items() if text}}


def known_outcome(
    trace: Trace,
    conversation: Conversation | None,
    told: ToldOutcome,
    quote: Quoting,
) -> KnownOutcome:
    """What caller and data together say; of the data nothing without a `conversation`."""
    others = sum(not is_own(one.name) for one in trace.evaluations)
    judged = [] if conversation is None else _of_the_whole(trace, conversation)
    verdicts = [(one, verdict_of(one)) for one in judged]
    said: dict[Sayer, Ending] = {}
    if told.ended is not None:
        said[Sayer.CALLER] = told.ended
    for sayer in Sayer:
        own = [passed for one, passed in verdicts if _SAYERS[one.rater] is sayer]
        decided = [passed for passed in own if passed is not None]
        if decided:
            said.setdefault(sayer, "passed" if all(decided) else "failed")
    by = next((sayer for sayer in Sayer if sayer in said), None)
    ended = said[by] if by is not None else None
    decisive = tuple(
        one
        for one, passed in verdicts
        if _SAYERS[one.rater] is by and passed is not None and _ending(passed) == ended
    )
    present = {_SAYERS[one.rater] for one in judged} | ({by} if by is not None else set())
    return KnownOutcome(
        ended=ended,
        said_by=by,
        symptom=_text(told.symptom, quote),
        expected=_text(told.expected, quote),
        decided_by=decisive,
        decided=tuple(_line(one, quote) for one in decisive),
        shown=tuple(_line(one, quote) for one, passed in verdicts if passed is None),
        contradictions=tuple(_contradictions(verdicts, by, ended, quote)),
        sayers=tuple(sayer for sayer in Sayer if sayer in present),
        ignored=others if conversation is None else 0,
    )


def verdict_of(one: Evaluation) -> bool | None:
    """Whether it passed; None where the evaluation does not say.

    A number says nothing by itself: whether 0.2 is good depends on what was measured.
    """
    if one.passed is not None:
        return one.passed
    if one.score is None or one.threshold is None or one.higher_is_better is None:
        return None
    if not (math.isfinite(one.score) and math.isfinite(one.threshold)):
        return None
    return one.score >= one.threshold if one.higher_is_better else one.score <= one.threshold


def _of_the_whole(trace: Trace, conversation: Conversation) -> list[Evaluation]:
    """The verdicts on the run as a whole, in their order, each once."""
    candidates = [one for one in dict.fromkeys(trace.evaluations) if not is_own(one.name)]
    if not candidates:
        return []
    end = answer_span(conversation)
    return [
        one
        for one in candidates
        if _is_of_the_end(one, trace, end) and not _was_acted_on(one, trace)
    ]


def answer_span(conversation: Conversation) -> Span | None:
    """The span that gives the run's last words."""
    said = conversation.said_by(Source.ASSISTANT)
    return said[-1].span if said else None


def answer_in(conversation: Conversation) -> EvidenceRef | None:
    """The reference to the run's last words."""
    said = conversation.said_by(Source.ASSISTANT)
    return said[-1].evidence if said else None


def _is_of_the_end(one: Evaluation, trace: Trace, end: Span | None) -> bool:
    """Whether it is on the trace, on a root, or on what gave the run's last words."""
    if one.span_id is None:
        return True
    span = trace.get(one.span_id)
    if span is None:
        return False
    if trace.parent(span) is None and (len(trace.roots) == 1 or end is None):
        return True
    return any(above is span for above in trace.lineage(end))


def _was_acted_on(one: Evaluation, trace: Trace) -> bool:
    """Whether the run went on after it: then it was the run's own, a step of its loop.

    What is dated before the run began is by another clock and tells nothing.
    """
    judges = Nearest(trace.parent, lambda span: span if span.kind is SpanKind.EVALUATOR else None)
    steps = [span for span in trace.spans if span.kind in _STEPS and judges.of(span) is None]
    starts = [s.start_ns for s in steps if s.start_ns is not None and s.span_id != one.span_id]
    begin = min((s.start_ns for s in trace.spans if s.start_ns is not None), default=None)
    if one.ts_ns is None or begin is None or one.ts_ns < begin:
        return False
    return any(start >= one.ts_ns for start in starts)


def _contradictions(
    verdicts: Sequence[tuple[Evaluation, bool | None]],
    by: Sayer | None,
    ended: Ending | None,
    quote: Quoting,
) -> Iterable[str]:
    """Who says otherwise; two criteria of one source may well end differently."""
    for one, passed in verdicts:
        if passed is None or by is None or _ending(passed) == ended:
            continue
        same = _SAYERS[one.rater] is by
        names = [other.name for other, how in verdicts if how is (not passed) and other is not one]
        if not same or one.name in names:
            yield f"the run {ended}, {_WORDS[by]} says; contradicted by {_line(one, quote)}"


def _ending(passed: bool) -> Ending:
    return "passed" if passed else "failed"


def _text(text: str | None, quote: Quoting) -> str | None:
    return quote.line(text, _TEXT_LIMIT) if text else None


def _line(one: Evaluation, quote: Quoting) -> str:
    """One evaluation in words."""
    passed = verdict_of(one)
    told: list[str] = [] if passed is None else [_ending(passed)]
    if one.label is not None:
        told.append(one.label)
    if one.score is not None:
        limit = "" if one.threshold is None else f" (threshold {one.threshold:g})"
        told.append(f"{one.score:g}{limit}")
    why = f": {one.explanation}" if one.explanation else ""
    text = f"{one.name} by {_WORDS[_SAYERS[one.rater]]}: {', '.join(told) or 'no verdict'}{why}"
    return quote.line(text, _LINE_LIMIT)
