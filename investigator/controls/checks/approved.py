"""Signs that somebody let an action pass: a guardrail, a person who was asked, a plain yes."""

from __future__ import annotations

from itertools import pairwise

from investigator.controls.checks.consent import Consent, ConsentWords, consent_in
from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.call_outcomes import succeeded
from investigator.readings.conversation import Action, Conversation, Source, Utterance
from investigator.readings.directives import tool_words
from investigator.readings.foreign_verbs import kinds_named
from investigator.readings.languages import word_set
from investigator.readings.provenance import STRONG, Provenance, normal, values_of_action
from investigator.readings.reading import Readings
from investigator.traces.model import SpanKind, StatusCode

_WORDS = ConsentWords()
_LONG = 400
_YES = re2.compile(
    r"(?i)^\W*(?:ja|jawohl|genau|einverstanden|in ordnung|mach(?:en sie)? das|bestätigt"
    r"|ich bestätige"
    r"|oui|d['’]accord|vas-y|allez-y|je confirme|c['’]est bon|sí|si|claro|vale|de acuerdo|adelante"
    r"|confirmo|hazlo|s[iì]|va bene|certo|confermo|procedi|sim|claro|pode|confirmo|akkoord|prima"
    r"|graag"
    r"|ga je gang|好|好的|是|是的|可以|行|同意|确认|確認|没问题|はい|ええ|お願いします|了解"
    r"|承認します|いいです)"
    r"(?:$|[^\pL]|(?:请|，|。|、|お))"
)
_TAKEN_BACK = re2.compile(
    r"(?i)\b(?:aber|sondern|nicht|kein\w*|erst|warte|mais|pas|attends|pero|no|espera|ma|non|aspetta"
    r"|mas|n[aã]o|espere|maar|niet|wacht)\b|但|不|别|等|けど|でも|しかし|待って|ない"
)
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
        shown in normal(said.text) and agrees(answer.text)
        for said, answer in proposals(conversation, action.position)
    )


def proposed_and_agreed(
    provenance: Provenance, action: Action, kinds: frozenset[str], after: int = -1
) -> bool:
    """Whether the assistant had said that it would act so and the user's answer was a plain yes.

    It said so where it named the kind of act, or a telling value of the arguments; what it said up
    to the position `after` does not count.
    """
    values = [value for _, value in values_of_action(action) if value.kind in STRONG]
    return any(
        agrees(answer.text)
        and (
            kinds & kinds_named(said.text)
            or any(provenance.text(said).holds(value) for value in values)
        )
        for said, answer in proposals(provenance.conversation, action.position)
        if said.position > after
    )


def agrees(text: str) -> bool:
    """Whether a message is a plain yes, in a language that is understood."""
    if consent_in(text, _WORDS) is not Consent.NONE:
        return True
    plain = well_formed(text[:_LONG]).strip()
    return _YES.search(plain) is not None and _TAKEN_BACK.search(plain) is None
