"""A rule that a user or the instructions laid down once and a later step broke.

Read are rules of form for every answer ("from now on …", with what `demands` understands), acts
that are forbidden outright ("do not delete anything", "never call …") and acts that need a word
first ("ask me before you …"). A rule with a condition is left alone, and so is one that the user
took back. Where the request of the step that broke it no longer holds the rule's words, though an
earlier one did, the rule was lost before: with the summary that dropped it, if one did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import re2

from investigator.ground.patterns import well_formed
from investigator.readings.assertions import STATE_CHANGES, acts_of, asks
from investigator.readings.directives import kinds_of, sentences_of, tool_words, words_of
from investigator.readings.faults import Fault
from investigator.readings.languages import word_set
from investigator.readings.provenance import PRINCIPALS
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Item, Source, Utterance
from investigator.readings.view import TraceView
from investigator.signals.building import build_signal
from investigator.signals.demands import Demand, demands_of
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Span

_STANDING = re2.compile(
    r"(?i)\b(?:from now on|from here on|always|never|in (?:all|every|each)|every (?:answer|reply"
    r"|message)|all (?:your |further )?(?:answers|replies|messages)|for the rest|until i say)\b"
)
_FORBIDS = re2.compile(
    r"(?i)\b(?:do not|don't|never|must not|may not|are not allowed to)\s+(?:ever |please )?"
    r"([\pL-]+)"
)
_FIRST = re2.compile(
    r"(?i)\b(?:ask|check with|confirm with)\s+(?:me|us|the user|the customer)\s+(?:first\s+)?"
    r"before\s+(?:you\s+)?([\pL-]+)"
)
_CONDITION = re2.compile(
    r"(?i)\b(?:if|when|whenever|unless|until|without|except|only|other than|before|after|more than"
    r"|over|above|outside|instead)\b"
)
_TAKES_BACK = re2.compile(
    r"(?i)\b(?:you (?:can|may) now|go ahead|no longer|forget (?:that|what)|never mind"
    r"|it's (?:ok|fine)|you may|please do|yes)\b"
)
_ANYTHING = word_set("anything any it them that this all everything")
_LITTLE = word_set("the a an of in on at to for from with my our your any or and please again ever")
_LONG = 4_000
"""Characters of a text that lays down rules in passing; a longer one is a policy, with its own
controls."""


class _Read(NamedTuple):
    words: str
    demands: tuple[Demand, ...] = ()
    kinds: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()
    asks_first: bool = False


class _Rule(NamedTuple):
    """A rule and who laid it down; what it says is as `_Read` has it."""

    said: Utterance
    words: str
    demands: tuple[Demand, ...]
    kinds: frozenset[str]
    things: frozenset[str]
    asks_first: bool


def detect_broken_rules(readings: Readings) -> Iterator[Signal]:
    """One signal for each rule, at the first step of its loop that broke it."""
    for items in readings.loops.values():
        rules: list[_Rule] = []
        spoken = _Spoken()
        for item in items:
            if isinstance(item, Utterance) and item.source in PRINCIPALS:
                if item.source is Source.USER and _TAKES_BACK.search(
                    well_formed(item.text[:_LONG])
                ):
                    rules.clear()
                rules += _rules_of(item)
            broken = [rule for rule in rules if _breaks(rule, item, spoken)]
            for rule in broken:
                rules.remove(rule)
                yield _signal(readings, rule, item)
            spoken.hear(item)


class _Spoken:
    """Whether the user has spoken since an assistant asked."""

    def __init__(self) -> None:
        self.confirmed = False
        self._asked = False

    def hear(self, item: Item) -> None:
        """What comes next."""
        if isinstance(item, Action):
            return
        if item.source is Source.ASSISTANT:
            self._asked = self._asked or asks(item.text)
        elif item.source is Source.USER:
            self.confirmed = self._asked


def _rules_of(item: Utterance) -> Iterator[_Rule]:
    plain = well_formed(item.text) if len(item.text) <= _LONG else ""
    if any(form.search(plain) for form in (_STANDING, _FORBIDS, _FIRST)):
        forms = item.source is Source.USER
        yield from (_Rule(item, *read) for read in _read(plain, forms=forms))


@lru_cache(maxsize=256)
def _read(text: str, *, forms: bool) -> tuple[_Read, ...]:
    """The rules of a text; agents of one run are given the same instructions again and again."""
    found: list[_Read] = []
    for sentence in sentences_of(text):
        if forms and _STANDING.search(sentence) and (demands := demands_of(f"{sentence}.")):
            found.append(_Read(sentence, demands))
        first = _FIRST.search(sentence)
        if first is not None:
            things = _things(sentence[first.end() :])
            kinds = kinds_of([first.group(1).lower()]) & STATE_CHANGES
            found.append(_Read(sentence, kinds=kinds, things=things, asks_first=True))
        elif _CONDITION.search(sentence) is None:
            for hit in _FORBIDS.finditer(sentence):
                kinds = kinds_of([hit.group(1).lower()]) & STATE_CHANGES
                found.append(_Read(sentence, kinds=kinds, things=_things(sentence[hit.end() :])))
    return tuple(read for read in found if read.demands or read.kinds)


def _things(rest: str) -> frozenset[str]:
    """What a rule is about, by the next words; empty where it is about anything."""
    words = [word for word in words_of(rest)[:4] if word not in _LITTLE]
    return frozenset() if not words or words[0] in _ANYTHING else frozenset(map(_stem, words[:2]))


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word


def _breaks(rule: _Rule, item: Item, spoken: _Spoken) -> bool:
    if isinstance(item, Utterance):
        answers = item.source is Source.ASSISTANT and bool(item.text.strip())
        return answers and any(demand.broken(item.text) for demand in rule.demands)
    if not rule.kinds or item.hands_over or (rule.asks_first and spoken.confirmed):
        return False
    return bool(acts_of(item.tool) & rule.kinds) and _is_about(rule, item)


def _is_about(rule: _Rule, action: Action) -> bool:
    told = {_stem(word) for word in tool_words(action.tool)}
    told |= {_stem(word) for _, text in action.leaves for word in words_of(text[:_LONG])}
    return not rule.things or rule.things <= told


def _signal(readings: Readings, rule: _Rule, item: Item) -> Signal:
    view = readings.view
    lost = _lost_at(view, rule, item)
    words = view.quote.line(rule.words, 80)
    why = f"goes against what was laid down before: {words}"
    evidence: list[EvidenceRef] = [item.evidence, rule.said.evidence, span_evidence(item.span)]
    if lost is not None:
        evidence.append(view.spoken_evidence(lost))
        why = f"{why}; the rule had been lost from the request"
    return build_signal(
        view,
        detector="broken_rule",
        fault=Fault.BROKEN_RULE if lost is None else Fault.LOST_CONTEXT,
        span=item.span,
        origin=lost,
        evidence=evidence,
        summary=f"{item.tool if isinstance(item, Action) else 'the answer'} {why}",
        strength=0.75 if isinstance(item, Action) else 0.65,
    )


def _lost_at(view: TraceView, rule: _Rule, item: Item) -> Span | None:
    """The summary that dropped the rule, else the first request that no longer held it."""
    calls = view.model_calls_in(view.scope(item.span))
    upto = [call for call in calls if view.position(call) <= view.position(item.span)]
    held = [_holds(view, call, rule.words) for call in upto]
    if not upto or held[-1] or not any(held):
        return None
    first = len(held) - held[::-1].index(True)
    given = "\n".join(message.content or "" for message in view.inputs(upto[first]))
    for call in _model_calls_before(view, upto[first]):
        said = view.said(call).strip()
        if len(said) > len(rule.words) and said in given and rule.words not in said:
            return call
    return upto[first]


def _model_calls_before(view: TraceView, span: Span) -> Sequence[Span]:
    """The few model calls before a span, whoever's they are, the last first."""
    before = [call for call in view.model_calls if view.position(call) < view.position(span)]
    return before[:-4:-1]


def _holds(view: TraceView, call: Span, words: str) -> bool:
    return any(words in " ".join((m.content or "").split()) for m in view.inputs(call))


DETECTOR = Detector("broken_rules", detect_broken_rules)
