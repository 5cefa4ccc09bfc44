"""What the assistant must not say, or must have said, whatever it calls."""

from __future__ import annotations

from pydantic import model_validator

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import CallSelector
from investigator.controls.checks.violations import WORDED
from investigator.controls.checks.words import Regex, found_in
from investigator.ground.wording import counted
from investigator.readings.conversation import Conversation
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Source, Utterance
from investigator.traces.evidence import EvidenceRef, span_evidence, unique

_SHOWN = 4


class StatementRule(Params):
    """Parameters of `statement_rule`: exactly one of `forbid` and `require`.

    What is forbidden may be said once the user has said `unless_said_by_user`, or once one of
    the calls `unless_called` was made.
    """

    forbid: Regex | None = None
    require: Regex | None = None
    unless_said_by_user: Regex | None = None
    unless_called: CallSelector | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> StatementRule:
        if (self.forbid is None) == (self.require is None):
            raise ValueError("a statement rule has exactly one of forbid and require")
        if self.require is not None and (self.unless_said_by_user or self.unless_called):
            raise ValueError("unless_said_by_user and unless_called go with forbid")
        return self


def statement_rule(subject: Readings, params: StatementRule) -> Checked:
    """Nothing the assistant says is forbidden, or something it says is what is required."""
    conversation = subject.conversation
    said = conversation.said_by(Source.ASSISTANT)
    missing = list(conversation.missing(Source.ASSISTANT))
    if not said:
        missing.append("the trace has no words of the assistant")
    violations: list[Violation] = []
    if params.require is not None and not missing:
        violations += _unsaid(said, params.require)
    for utterance in said if params.forbid is not None else ():
        words = found_in(params.forbid or "", utterance.text)
        if words is None or _is_allowed(conversation, utterance, params):
            continue
        unheard = _unheard(conversation, utterance, params)
        missing += unheard
        if not unheard:
            violations.append(
                _breach(utterance, f"the assistant said {subject.quote.error(words)}", [])
            )
    return Checked(
        violations=tuple(violations),
        missing=tuple(dict.fromkeys(missing)),
        scanned=f"{counted(len(said), 'message')} of the assistant",
        evidence=unique(utterance.evidence for utterance in said[:_SHOWN]),
    )


def _unsaid(said: tuple[Utterance, ...], pattern: str) -> list[Violation]:
    if any(found_in(pattern, utterance.text) is not None for utterance in said):
        return []
    summary = f"nothing that the assistant said matches {pattern}"
    return [_breach(said[-1], summary, [utterance.evidence for utterance in said[:_SHOWN]])]


def _is_allowed(conversation: Conversation, said: Utterance, params: StatementRule) -> bool:
    pattern = params.unless_said_by_user
    heard = conversation.said_by(Source.USER, before=said.position)
    if pattern is not None and any(found_in(pattern, u.text) is not None for u in heard):
        return True
    return params.unless_called is not None and any(
        params.unless_called.fits(item)
        for item in conversation.before(said.position)
        if isinstance(item, Action)
    )


def _unheard(conversation: Conversation, said: Utterance, params: StatementRule) -> tuple[str, ...]:
    """What might allow the words and is not in the trace."""
    if params.unless_said_by_user is None:
        return ()
    if not conversation.said_by(Source.USER):
        return ("the trace has no words of the user",)
    return conversation.missing(Source.USER, before=said.position)


def _breach(said: Utterance, summary: str, beside: list[EvidenceRef]) -> Violation:
    return Violation(
        span_id=said.span.span_id,
        summary=summary,
        evidence=unique([said.evidence, *beside, span_evidence(said.span)]),
        strength=WORDED,
    )


CHECKS = (Check("statement_rule", StatementRule, statement_rule),)
