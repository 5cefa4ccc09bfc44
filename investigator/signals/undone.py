"""What an agent says it did but didn't: a call written as text, an invented result, a claimed act.

A call that stands in a text is one where the runtime took it for words: nothing ran, and what
came next was no result. In a loop that is driven by text, calls stand in texts and are run. An
act is claimed without a call where the agent had tools and its loop shows no call, or none of
that kind that worked. Whoever was given the material in the request itself may say that it was
read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.assertions import (
    acts_claimed,
    acts_of,
    asks,
    claims_a_look,
    declines,
)
from investigator.readings.call_outcomes import succeeded
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.utterances import UNTRUSTED, Action, Item, Source, Utterance
from investigator.readings.written_calls import calls_written, is_given_result, own_result
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.offered_tools import offered_tools
from investigator.signals.recovery import Corrections
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Span

_GIVEN = 1_500
"""A request of this many characters brings the material along that its answer says to have read."""
_LISTED = 30_000
_TO_BE_SHOWN = re2.compile(
    r"(?i)\b(?:show|give|write|see)\b[^.?\n]{0,40}"
    r"\b(?:example|sample|snippet|syntax|format|call)s?\b"
    r"|\bhow (?:do|does|would|should|can|could|is|are)\b[^.?\n]{0,60}\b(?:call|use|invoke|write"
    r"|written|called|invoked|used)\b|\bwhat (?:does|would|do)\b[^.?\n]{0,60}\blook like\b"
    r"|\b(?:explain|document)\b"
)
_OF_TOOLS = re2.compile(r"(?i)\b(?:tools?|functions?)\b")
_CODE_NAME = re2.compile(r"\b[a-z][a-z\d]*(?:_[a-z\d]+)+\b")
_HEAD = 80
_BACK = 20
"""So many items back is seen how the loop carries calls out."""


def detect_undone_acts(readings: Readings) -> Iterator[Signal]:
    """Calls written as text, results that a model wrote itself, acts claimed without a call."""
    for scope, items in readings.loops.items():
        tools = _tools(readings, scope, items)
        yield from _written(readings, items, tools)
        claimed = _claimed(readings, scope, items, tools)
        if claimed is not None:
            yield claimed


def _tools(readings: Readings, scope: str | None, items: Sequence[Item]) -> frozenset[str]:
    """The tools of a loop: offered, called, or named as such in its instructions."""
    calls = readings.view.model_calls_in(scope)
    names = {name for call in (calls[:1] or ()) for name in offered_tools(readings.view, call)}
    called = {item.tool for item in items if isinstance(item, Action)}
    return frozenset(names | called | _told_in_instructions(items))


def _told_in_instructions(items: Sequence[Item]) -> set[str]:
    """The names, as code would write them, in the lines of the instructions about tools."""
    told = (
        well_formed(i.text[:_LISTED])
        for i in items
        if isinstance(i, Utterance) and i.source is Source.SYSTEM
    )
    lines = (line for text in told for line in text.splitlines() if _OF_TOOLS.search(line))
    return {name for line in lines for name in _CODE_NAME.findall(line)}


def _written(readings: Readings, items: Sequence[Item], tools: frozenset[str]) -> Iterator[Signal]:
    told = "\n".join(
        item.text[:_LISTED]
        for item in items
        if isinstance(item, Utterance) and item.source is Source.SYSTEM
    )
    asked = [i for i in items if isinstance(i, Utterance) and i.source is Source.USER]
    for place, item in enumerate(items):
        if not isinstance(item, Utterance) or not _is_spoken(readings, item):
            continue
        named = [n for n in calls_written(item.text) if n in tools or _is_named(n, told)]
        if not named:
            continue
        invented = own_result(item.text, frozenset(named))
        if invented is not None and not _was_observed(invented, items[:place]):
            yield _signal(
                readings,
                Fault.INVENTED_OBSERVATION,
                item,
                f"the model wrote the result of {named[0]} itself; nothing had run",
                beside=asked[:1],
            )
        elif not _is_run(items, place) and not _is_asked_to_be_shown(asked):
            yield _signal(
                readings,
                Fault.WRITTEN_CALL,
                item,
                f"the call of {named[0]} stands in the text of the answer, so that nothing ran",
                beside=asked[-1:],
            )


def _is_asked_to_be_shown(asked: Sequence[Utterance]) -> bool:
    """Whether somebody wrote a call himself, or wants to see how one is written."""
    last = asked[-1].text if asked else ""
    wants = _TO_BE_SHOWN.search(well_formed(last[-_GIVEN:])) is not None
    return wants or any(calls_written(one.text) for one in asked)


def _is_spoken(readings: Readings, item: Utterance) -> bool:
    """Whether a step put the words out itself; a history that is handed on may write them anew."""
    said = readings.view.outputs(item.span)
    own = item.source is Source.ASSISTANT
    return own and (not said or any(message.content == item.text for message in said))


def _is_named(name: str, told: str) -> bool:
    """Whether a name that no prose would use stands in the instructions."""
    return ("_" in name or any(map(str.isupper, name[1:]))) and name in told


def _was_observed(text: str, before: Sequence[Item]) -> bool:
    head = text[:_HEAD]
    return any(
        isinstance(item, Utterance)
        and item.source in (*UNTRUSTED, Source.USER)
        and head in item.text
        for item in before
    )


def _is_run(items: Sequence[Item], place: int) -> bool:
    """Whether a call followed, or a result; also where a loop driven by text ended on a call."""
    for item in items[place + 1 :]:
        if isinstance(item, Action) or item.source in UNTRUSTED:
            return True
        if item.source is Source.USER:
            return is_given_result(item.text)
        if item.source is Source.ASSISTANT and item.text.strip():
            return False
    before = range(max(place - _BACK, 0), place)
    return any(_hands_back(items, earlier) for earlier in before)


def _hands_back(items: Sequence[Item], place: int) -> bool:
    """Whether an earlier call in words was answered: then the runtime reads calls from text."""
    item = items[place]
    if not isinstance(item, Utterance) or item.source is not Source.ASSISTANT:
        return False
    return bool(calls_written(item.text)) and _is_run(items[: place + 2], place)


def _claimed(
    readings: Readings, scope: str | None, items: Sequence[Item], tools: frozenset[str]
) -> Signal | None:
    """The claim of an act, at the end of a loop, that no call bears out."""
    said = [i for i in items if isinstance(i, Utterance) and i.source is Source.ASSISTANT]
    if not said or not tools:
        return None
    answer = said[-1]
    actions = [item for item in items if isinstance(item, Action)]
    if not actions:
        return _claimed_idly(readings, scope, items, answer)
    failed = [a for a in actions if succeeded(a) is False]
    done = frozenset().union(*(acts_of(a.tool) for a in actions if succeeded(a) is not False))
    for sentence, kinds in acts_claimed(answer.text):
        tried = [a for a in failed if acts_of(a.tool) & kinds and not kinds & done]
        if tried and not declines(answer.text) and not _was_made_good(readings, tried[-1]):
            why = f"the answer says that it was done ({sentence}), and {tried[-1].tool} had failed"
            evidence = [_result(tried[-1]), tried[-1].evidence]
            return _signal(readings, Fault.CLAIMED_ACT, answer, why, evidence=evidence)
    return None


def _was_made_good(readings: Readings, tried: Action) -> bool:
    """Whether a later call corrected a failed one, or a look showed what it made."""
    view = readings.view
    corrections = Corrections(view)
    return any(
        attempt.tool == tried.tool
        and attempt.arguments == tried.arguments
        and attempt.failure is not None
        and corrections.of(place) is not None
        for place, attempt in enumerate(view.attempts)
    )


def _claimed_idly(
    readings: Readings, scope: str | None, items: Sequence[Item], answer: Utterance
) -> Signal | None:
    """An agent that had tools and called none, and says what it did with them."""
    given = sum(len(i.text) for i in items if isinstance(i, Utterance) and i.source is Source.USER)
    looked = any(isinstance(item, Utterance) and item.source in UNTRUSTED for item in items)
    if looked or given >= _GIVEN or asks(answer.text) or _delegated(readings, scope):
        return None
    acts = next((sentence for sentence, _ in acts_claimed(answer.text)), None)
    if acts is None and not claims_a_look(answer.text):
        return None
    why = "the agent had tools, called none, and says what it found or did with them"
    asked = [i for i in items if isinstance(i, Utterance) and i is not answer][-1:]
    return _signal(readings, Fault.CLAIMED_ACT, answer, why, beside=asked)


def _delegated(readings: Readings, scope: str | None) -> bool:
    """Whether something ran below the agent that its loop does not show."""
    view = readings.view
    own = (None if scope is None else view.trace.get(scope),)
    stack = [child for one in own if one is not None for child in view.trace.children(one.span_id)]
    models = set(map(id, view.model_calls))
    while stack:
        span = stack.pop()
        if id(span) not in models and not view.trace.children(span.span_id):
            return True
        stack += view.trace.children(span.span_id)
    return False


def _result(action: Action) -> EvidenceRef:
    return action.evidence if action.result is None else action.result.evidence


def _signal(
    readings: Readings,
    fault: Fault,
    item: Utterance,
    why: str,
    *,
    beside: Sequence[Utterance] = (),
    evidence: Sequence[EvidenceRef] = (),
) -> Signal:
    span: Span = item.span
    others = [one.evidence for one in beside]
    return build_signal(
        readings.view,
        detector="undone_act",
        fault=fault,
        span=span,
        evidence=[item.evidence, *evidence, *others, span_evidence(span)],
        summary=why,
        strength=0.75,
    )


DETECTOR = Detector("undone_acts", detect_undone_acts)
