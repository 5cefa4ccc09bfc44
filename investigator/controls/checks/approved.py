"""Signs that somebody let an action pass: a guardrail, a person who was asked, a plain yes."""

from __future__ import annotations

from itertools import pairwise

from investigator.controls.checks.consent import Consent, ConsentWords, consent_in
from investigator.readings.call_outcomes import succeeded
from investigator.readings.conversation import Action, Conversation, Source, Utterance
from investigator.readings.directives import acts_of_tool, kinds_of, tool_words
from investigator.readings.languages import word_set
from investigator.readings.provenance import STRONG, Provenance, normal, values_of_action
from investigator.readings.reading import Readings
from investigator.traces.model import SpanKind, StatusCode

_WORDS = ConsentWords()
_PEOPLE = frozenset({"human", "approval", "approvals", "approve", "confirmation", "confirm"})
_GRANTED = word_set("approved approve yes true confirmed granted accepted allow allowed ok")


def guarded(subject: Readings, action: Action) -> bool:
    """Whether a guardrail span that raised nothing, or a person who was asked, comes before it."""
    step = subject.view.position(action.span)
    guards = (
        span
        for span in subject.trace.spans
        if span.kind is SpanKind.GUARDRAIL and span.status is not StatusCode.ERROR
    )
    return any(subject.view.position(span) <= step for span in guards) or any(
        _granted(earlier)
        for earlier in subject.conversation.actions
        if _came_before(earlier, action)
    )


def _came_before(earlier: Action, action: Action) -> bool:
    return earlier.result is not None and earlier.result.position < action.position


def _granted(asked: Action) -> bool:
    """Whether an action asked a person, who allowed it."""
    if not set(tool_words(asked.tool)) & _PEOPLE or asked.result is None:
        return False
    answer = asked.result.text
    if succeeded(asked) is False:
        return False
    words = set(normal(answer[:400]).replace(":", " ").replace(",", " ").strip("{}.! ").split())
    agreed = bool({word.strip("{}.!") for word in words} & _GRANTED)
    return consent_in(answer, _WORDS) is not Consent.NONE or (
        agreed and not words & {"not", "no", "false", "denied", "rejected"}
    )


def proposals(conversation: Conversation, before: int) -> list[tuple[Utterance, Utterance]]:
    """What the assistant said and the user's next words, for each turn before a position."""
    spoken = conversation.said_by(Source.ASSISTANT, Source.USER, before=before)
    return [
        (said, answer)
        for said, answer in pairwise(spoken)
        if said.source is Source.ASSISTANT and answer.source is Source.USER
    ]


def shown_and_agreed(conversation: Conversation, action: Action, shown: str) -> bool:
    """Whether the assistant had shown these very words and the user's answer was a plain yes."""
    return any(
        shown in normal(said.text) and consent_in(answer.text, _WORDS) is not Consent.NONE
        for said, answer in proposals(conversation, action.position)
    )


def proposed_and_agreed(provenance: Provenance, action: Action) -> bool:
    """Whether the assistant had said that it would act so and the user's answer was a plain yes.

    It said so where it named the kind of act, or a telling value of the arguments.
    """
    kinds = acts_of_tool(action.tool)
    values = [value for _, value in values_of_action(action) if value.kind in STRONG]
    return any(
        consent_in(answer.text, _WORDS) is not Consent.NONE
        and (
            kinds & kinds_of(sorted(provenance.text(said).words))
            or any(provenance.text(said).holds(value) for value in values)
        )
        for said, answer in proposals(provenance.conversation, action.position)
    )
