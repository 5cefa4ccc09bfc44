"""Whether guardrails ran to their end, and whether what they stopped stayed stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import evidence_of_call, is_named
from investigator.controls.checks.violations import CERTAIN, WORDED
from investigator.controls.required_evidence import unseen
from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, read_json
from investigator.ground.patterns import well_formed
from investigator.ground.wording import counted
from investigator.readings.conversation import Action, Source
from investigator.readings.languages import word_set
from investigator.readings.reading import Readings
from investigator.readings.view import error_of
from investigator.traces.evidence import EvidenceRef, span_evidence, unique
from investigator.traces.model import Span, SpanKind

_SHOWN = 4
_DEPTH = 4
_TELLING = 12
_WINDOW = 4_000
_TRUE_STOPS = word_set(
    "blocked block flagged triggered tripwire_triggered tripwiretriggered violation violated "
    "rejected denied refused unsafe intervened"
)
_TRUE_LETS = word_set("passed pass allowed allow safe valid approved ok")
_DECIDES = word_set(
    "action decision verdict outcome result status label validator_result validation_result "
    "guardrail_result"
)
_TRIPPED = re2.compile(r"(?i)tripwire|\bblocked\b|\btriggered\b|\bviolat(?:ion|es|ed)\b")
_STOPS = re2.compile(
    r"(?i)^\W*(?:(?:the |this )?(?:request|input|output|content|message|response|prompt)?\W*"
    r"(?:is |was |has been )?)?(?:block(?:ed)?|den(?:y|ied)|reject(?:ed)?|refused?|fail(?:ed)?"
    r"|unsafe|flagged|intervened|triggered|tripwire|stop(?:ped)?|violat(?:ion|ed)|disallowed"
    r"|forbidden)\b"
)
_LETS = re2.compile(
    r"(?i)^\W*(?:(?:the |this )?(?:request|input|output|content|message|response|prompt)?\W*"
    r"(?:is |was |has been )?)?(?:allow(?:ed)?|pass(?:ed)?|safe|ok(?:ay)?|approved?|accept(?:ed)?"
    r"|valid|success|none|clean|no (?:violations?|issues?)|not (?:blocked|flagged|triggered))\b"
)


class GuardrailsRan(Params):
    """Names of guardrails that each run needs (`*` stands for any text); any one where empty."""

    required: tuple[str, ...] = ()


def guardrails_ran(subject: Readings, params: GuardrailsRan) -> Checked:
    """The guardrails that are needed are in the trace, and none of them broke down."""
    rails = _rails(subject)
    broken = [(rail, text) for rail in rails if (text := error_of(rail)) and not _stopped(rail)]
    absent = [name for name in params.required if not any(is_named(r.name, (name,)) for r in rails)]
    shown = tuple(map(span_evidence, (*rails, *subject.trace.roots)[:_SHOWN]))
    violations = [
        Violation(
            span_id=rail.span_id,
            summary=f"the guardrail {subject.quote.name(rail.name)} broke down: "
            f"{subject.quote.error(text)}",
            evidence=unique([span_evidence(rail), *map(span_evidence, subject.trace.roots[:1])]),
            strength=CERTAIN,
        )
        for rail, text in broken
    ]
    if rails and shown:
        violations += [
            Violation(
                span_id=rails[0].span_id,
                summary=f"guardrails ran, but not {subject.quote.name(name)}",
                evidence=shown,
                strength=WORDED,
            )
            for name in absent
        ]
    return Checked(
        violations=tuple(violations),
        missing=() if rails else ("no guardrail is recorded; whether one ran cannot be told",),
        scanned=counted(len(rails), "guardrail"),
        evidence=shown,
    )


class GuardrailsHonoured(Params):
    """`guardrails_honoured` takes no parameters."""


class _Passed(NamedTuple):
    """What went past a guardrail that had said no."""

    span: Span
    what: str
    evidence: tuple[EvidenceRef, ...]


def guardrails_honoured(subject: Readings, _params: GuardrailsHonoured) -> Checked:
    """After a guardrail said no, its agent calls no tool, and the text it stopped is not given."""
    rails = _rails(subject)
    decided = [(rail, _stopped(rail)) for rail in rails]
    stopped = [rail for rail, stop in decided if stop]
    return Checked(
        violations=tuple(
            _passed_over(subject, rail, passed)
            for rail in stopped
            for passed in _went_on(subject, rail)
        ),
        missing=tuple(
            f"what the guardrail {subject.quote.name(rail.name)} "
            f"({subject.quote.name(rail.span_id)}) decided cannot be read"
            for rail, stop in decided
            if stop is None
        ),
        scanned=f"{counted(len(rails), 'guardrail')}, {len(stopped)} of which said no",
        evidence=tuple(map(span_evidence, rails[:_SHOWN])),
    )


def _rails(subject: Readings) -> tuple[Span, ...]:
    return tuple(span for span in subject.trace.spans if span.kind is SpanKind.GUARDRAIL)


def _stopped(rail: Span) -> bool | None:
    """Whether the guardrail said no, if only by an exception; None where that cannot be read."""
    if _TRIPPED.search(well_formed((error_of(rail) or "")[:_WINDOW])):
        return True
    text = rail.text("output.value")
    if text is None or unseen(text) is not None:
        return None
    try:
        value: JsonValue = read_json(text)
    except (ValueError, RecursionError):
        value = text
    said = set(_decisions(value, _DEPTH))
    return True if True in said else False if False in said else None


def _decisions(value: JsonValue, depth: int) -> Iterator[bool]:
    """What a result says, as far as it says yes or no: in a word, or in fields of such names."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, str):
        yield from _said(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            name = key.strip().lower().replace("-", "_")
            plain = name.removeprefix("is_").removeprefix("was_")
            if isinstance(item, bool):
                if plain in _TRUE_STOPS or plain in _TRUE_LETS:
                    yield item is (plain in _TRUE_STOPS)
            elif name in _DECIDES and isinstance(item, str):
                yield from _said(item)
            elif depth and isinstance(item, dict | list):
                yield from _decisions(item, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            if isinstance(item, dict):
                yield from _decisions(item, depth - 1)


def _said(text: str) -> Iterator[bool]:
    plain = well_formed(text[:_WINDOW])
    if _STOPS.search(plain):
        yield True
    elif _LETS.search(plain):
        yield False


def _went_on(subject: Readings, rail: Span) -> Iterator[_Passed]:
    """Calls that the guardrail's agent made after it, and the stopped text where it was given."""
    view, scope = subject.view, subject.view.scope(rail)
    after = [a for a in subject.conversation.actions if _is_after(subject, rail, a.span)]
    for action in (a for a in after if scope is None or view.scope(a.span) == scope):
        yield _Passed(action.span, f"{subject.quote.name(action.tool)} was called", _shown(action))
        break
    text = (rail.text("input.value") or "").strip()
    if len(text) < _TELLING or unseen(text) is not None:
        return
    for answer in subject.conversation.said_by(Source.ASSISTANT)[-1:]:
        root = next((r for r in subject.trace.roots if view.trace.encloses(r, rail)), None)
        given = (root.text("output.value") or "") if root is not None else ""
        later = _is_after(subject, rail, answer.span)
        if text in given or (later and text in answer.text):
            span = root if root is not None and text in given else answer.span
            evidence = (span_evidence(span), answer.evidence)
            yield _Passed(span, "the text that it stopped was given as the answer", evidence)


def _is_after(subject: Readings, rail: Span, span: Span) -> bool:
    later = subject.view.position(span) > subject.view.position(rail)
    return later and not subject.trace.encloses(rail, span)


def _shown(action: Action) -> tuple[EvidenceRef, ...]:
    return (*evidence_of_call(action), span_evidence(action.span))


def _passed_over(subject: Readings, rail: Span, passed: _Passed) -> Violation:
    return Violation(
        span_id=passed.span.span_id,
        summary=f"the guardrail {subject.quote.name(rail.name)} said no, and then {passed.what}",
        evidence=unique([*passed.evidence, span_evidence(rail)]),
        strength=CERTAIN,
    )


CHECKS = (
    Check("guardrails_ran", GuardrailsRan, guardrails_ran),
    Check("guardrails_honoured", GuardrailsHonoured, guardrails_honoured),
)
