"""What a final answer states as fact stands in what was retrieved, or was said before.

What is looked at, and when it counts as given, `readings.grounding` says.
"""

from __future__ import annotations

from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.ground.wording import counted
from investigator.readings.conversation import Action, Source, Utterance
from investigator.readings.grounding import Grounds, ungrounded
from investigator.readings.reading import Readings

_NAMED = 4


class GroundednessParams(Params):
    """How many unsupported things make a breach; whether tool outputs count as retrieval."""

    unsupported: int = Field(default=1, ge=1)
    outputs: bool = False
    quotation_words: int = Field(default=4, ge=2)


def check_groundedness(subject: Readings, params: GroundednessParams) -> Checked:
    """A final answer after a retrieval with figures or quotations that stand nowhere before."""
    conversation = subject.conversation
    sources = (Source.RETRIEVAL, Source.TOOL) if params.outputs else (Source.RETRIEVAL,)
    retrieved = conversation.said_by(*sources)
    answers = [u for u in conversation.said_by(Source.ASSISTANT) if u.text.strip()]
    if not retrieved or not answers or answers[-1].position < retrieved[0].position:
        lost = conversation.missing(*sources)
        return Checked(missing=lost, scanned="no answer that follows a retrieval")
    answer = answers[-1]
    unsupported = ungrounded(
        answer.text, Grounds(_earlier(subject, answer)), quotation_words=params.quotation_words
    )
    named = "; ".join(subject.quote.error(each) for each in unsupported[:_NAMED])
    violation = Violation(
        span_id=answer.span.span_id,
        summary=f"the answer states what nothing before it holds: {named}",
        evidence=(answer.evidence, *(u.evidence for u in retrieved[:2])),
        strength=0.6 if len(unsupported) == 1 else 0.7,
    )
    broken = len(unsupported) >= params.unsupported
    hidden = conversation.missing(*Source)
    return Checked(
        violations=(violation,) if broken and not hidden else (),
        missing=hidden,
        scanned="the figures and quotations of the answer against "
        f"{counted(len(retrieved), 'document')}",
        evidence=(answer.evidence, *(u.evidence for u in retrieved[:2])),
    )


def _earlier(subject: Readings, answer: Utterance) -> list[str]:
    """Everything that was said or given to tools before the answer."""
    return [
        item.arguments if isinstance(item, Action) else item.text
        for item in subject.conversation.before(answer.position)
    ]


CHECKS = (Check("groundedness", GroundednessParams, check_groundedness),)
