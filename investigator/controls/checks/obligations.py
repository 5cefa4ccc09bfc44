"""What a policy asks to be done, and was not: an act that is due, a read that the task needed.

Both are judged at the end of the conversation: what was said and read by then is known.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import CallSelector, evidence_of_call
from investigator.controls.checks.policy import (
    TimeOfCalls,
    checked,
    chosen_calls,
    nanoseconds_of,
    require_known_records,
    require_known_roots,
    until_sure,
)
from investigator.controls.checks.violations import WORDED
from investigator.controls.conditions.any_condition import AnyCondition
from investigator.controls.conditions.call_facts import (
    CALL,
    RESULT,
    CallFacts,
    EarlierRecord,
    Heard,
)
from investigator.ground.wording import counted
from investigator.readings.call_outcomes import succeeded
from investigator.readings.conversation import Conversation
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Source, Utterance
from investigator.traces.evidence import EvidenceRef, span_evidence, unique


class CallAfter(Params):
    """Parameters of `call_after`."""

    calls: CallSelector
    records: Mapping[str, EarlierRecord] = Field(default_factory=dict)
    when: AnyCondition
    later: EarlierRecord
    now: TimeOfCalls = None

    @model_validator(mode="after")
    def _known_roots(self) -> CallAfter:
        require_known_records(self.records, given=(CALL, RESULT))
        require_known_roots(self.later.match.values(), known=(CALL, RESULT))
        require_known_roots(self.when.operands(), known=(CALL, RESULT, *self.records))
        return self


def call_after(subject: Readings, params: CallAfter) -> Checked:
    """After each of the calls that meets `when`, one of the later ones was tried."""
    conversation = subject.conversation
    calls, missing = chosen_calls(conversation, params.calls)
    heard, end = Heard(conversation), len(conversation.items)
    violations: list[Violation] = []
    for action in calls:
        facts = CallFacts(
            subject, action, params.records, nanoseconds_of(params.now), heard, until=end
        )
        made = set(until_sure(facts.alike(facts.later, params.later)))
        if True in made or succeeded(action) is False:
            continue
        due = params.when.ask(facts)
        if due.holds is None or (due.holds and made):
            missing += due.missing or (f"whether {params.later} was called for {action.tool}",)
        elif due.holds:
            told = f"{params.later} was not called, although {due.seen}"
            shown = [*evidence_of_call(action), *due.evidence]
            violations.append(_undone(conversation, action, told, shown))
    return checked(conversation, params.calls, calls, violations, missing)


class ConversationRule(Params):
    """Parameters of `conversation_rule`."""

    records: Mapping[str, EarlierRecord] = Field(default_factory=dict)
    when: AnyCondition | None = None
    require: AnyCondition
    now: TimeOfCalls = None

    @model_validator(mode="after")
    def _known_roots(self) -> ConversationRule:
        require_known_records(self.records, given=())
        asked = [one for one in (self.when, self.require) if one is not None]
        paths = [path for one in asked for path in one.operands()]
        require_known_roots(paths, known=tuple(self.records))
        return self


def conversation_rule(subject: Readings, params: ConversationRule) -> Checked:
    """A conversation that meets `when` meets `require` by its end."""
    conversation = subject.conversation
    if not conversation.items:
        return Checked(missing=("the trace shows no messages and no tool calls",))
    facts = CallFacts(subject, None, params.records, nanoseconds_of(params.now))
    meant = None if params.when is None else params.when.ask(facts)
    scanned = (
        f"{counted(len(conversation.utterances), 'message')}, "
        f"{counted(len(conversation.actions), 'tool call')}"
    )
    if meant is not None and meant.holds is False:
        return Checked(scanned=scanned, evidence=unique(meant.evidence))
    met = params.require.ask(facts)
    refs = unique((*(meant.evidence if meant else ()), *met.evidence))
    if met.holds is True:
        return Checked(scanned=scanned, evidence=refs)
    if met.holds is None or (meant is not None and meant.holds is None):
        missing = (*(meant.missing if meant else ()), *met.missing)
        return Checked(missing=missing, scanned=scanned, evidence=refs)
    because = "; ".join(dict.fromkeys([meant.seen, met.seen] if meant else [met.seen]))
    broken = _undone(conversation, None, because, refs)
    return Checked((broken,), scanned=scanned, evidence=refs)


def _undone(
    conversation: Conversation,
    action: Action | None,
    told: str,
    shown: tuple[EvidenceRef, ...] | list[EvidenceRef],
) -> Violation:
    """A breach by what never came, at the last words after which it could have come."""
    said = conversation.said_by(Source.ASSISTANT)
    after = -1 if action is None else action.position
    last: Utterance | Action | None = said[-1] if said and said[-1].position > after else action
    if last is None:
        last = conversation.items[-1]
    return Violation(
        span_id=last.span.span_id,
        summary=told,
        evidence=unique([last.evidence, *shown, span_evidence(last.span)]),
        strength=WORDED,
    )


CHECKS = (
    Check("call_after", CallAfter, call_after),
    Check("conversation_rule", ConversationRule, conversation_rule),
)
