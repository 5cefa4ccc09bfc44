"""How a turn of the assistant may look: how many calls it asks for, and whether it speaks too.

A turn is one message of a transcript, or all that one model call put out. A call known only
from its tool's own span belongs to no turn that can be told.
"""

from __future__ import annotations

from collections import defaultdict

from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import EVERY_CALL, CallSelector, evidence_of_call
from investigator.controls.checks.policy import checked, chosen_calls
from investigator.controls.checks.violations import broken_by
from investigator.ground.wording import counted
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Source, Utterance
from investigator.traces.evidence import EvidenceKind

Turn = tuple[str, str]
"""The span of a turn, and which message of its input it is; empty for its output."""


class CallsPerTurn(Params):
    """Parameters of `calls_per_turn`."""

    calls: CallSelector = EVERY_CALL
    at_most: int = Field(default=1, ge=1)


def calls_per_turn(subject: Readings, params: CallsPerTurn) -> Checked:
    """No turn asks for more of the calls than it may."""
    calls, missing = chosen_calls(subject.conversation, params.calls)
    turns, unknown = _turns_of(subject, calls)
    violations = [
        broken_by(
            turn[params.at_most],
            f"one turn called {', '.join(action.tool for action in turn)}:"
            f" {counted(len(turn), 'call')} where {params.at_most} may be",
            [ref for action in turn for ref in evidence_of_call(action)],
        )
        for turn in turns.values()
        if len(turn) > params.at_most
    ]
    return checked(subject.conversation, params.calls, calls, violations, missing + unknown)


class NoReplyWithCall(Params):
    """Parameters of `no_reply_with_call`."""

    calls: CallSelector = EVERY_CALL


def no_reply_with_call(subject: Readings, params: NoReplyWithCall) -> Checked:
    """No turn that makes one of the calls says something to the user as well."""
    calls, missing = chosen_calls(subject.conversation, params.calls)
    turns, unknown = _turns_of(subject, calls)
    violations: list[Violation] = []
    for said in subject.conversation.said_by(Source.ASSISTANT):
        turn = turns.get(_turn_of(subject, said))
        if turn and said.text.strip():
            summary = (
                f"a reply came with a call of {turn[0].tool}: {subject.quote.error(said.text)}"
            )
            violations.append(broken_by(turn[0], summary, [said.evidence]))
    return checked(subject.conversation, params.calls, calls, violations, missing + unknown)


def _turns_of(subject: Readings, calls: list[Action]) -> tuple[dict[Turn, list[Action]], list[str]]:
    """The calls by turn, and why it is not known of some which turn asked for them."""
    turns: defaultdict[Turn, list[Action]] = defaultdict(list)
    unknown: list[str] = []
    for action in calls:
        if action.shown.kind is EvidenceKind.MESSAGE:
            turns[_turn_of(subject, action)].append(action)
        else:
            unknown.append(f"which turn asked for {action.tool} is not recorded")
    return turns, unknown


def _turn_of(subject: Readings, item: Action | Utterance) -> Turn:
    index = item.shown.ref.rpartition(":")[2]
    given = len(subject.view.inputs(item.span))
    is_output = item.shown.kind is not EvidenceKind.MESSAGE or int(index) >= given
    return item.span.span_id, "" if is_output else index


CHECKS = (
    Check("calls_per_turn", CallsPerTurn, calls_per_turn),
    Check("no_reply_with_call", NoReplyWithCall, no_reply_with_call),
)
