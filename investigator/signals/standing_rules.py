"""A rule that the user or the instructions set once, and a later step broke.

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

from investigator.ground import lazy_re2 as re2
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
_WORD_FIRST = (
    r"(?:my|our|his|her|their|explicit|prior|written) (?:\w+ )?(?:approval|confirmation|consent"
    r"|permission|ok|okay|go-?ahead|say-?so|sign-?off|yes|agreement|word)"
    r"|(?:asking|checking with|consulting|hearing from|telling) (?:me|us)"
    r"|(?:i|we)(?:'ve| have| had)? (?:explicitly |first )?(?:confirm|approv|agree|sign|said|say"
    r"|okay|allow|consent|seen|see)\w*"
)
_UNTIL = re2.compile(
    r"(?i)(?:\b(?:do not|don't|never|must not|may not)\s+(?:ever |please )?([\pL-]+)"
    r"|\b(?:nothing|no \pL+|none of \w+)(?: \w+)? (?:gets?|is|are|be|goes|may be|must be|should be"
    r"|is to be) (\pL+))\b[^.;:]{0,60}\b(?:without|until|before|unless)\s+"
    rf"(?:having |getting |you have )?(?:{_WORD_FIRST})"
)
_WAIT = re2.compile(
    r"(?i)\b(?:get|wait for|need|obtain|have|require) (?:my|our) (?:\w+ )?(?:approval|confirmation"
    r"|consent|permission|ok|okay|go-?ahead|sign-?off)\b[^.;:]{0,40}\bbefore (?:you )?([\pL-]+)"
    r"|\b(?:i|we) (?:want|need|have|would like) to (?:approve|confirm|see|sign off)\b[^.;:]{0,60}"
    r"\bbefore (?:you |it is |they are |anything is )?([\pL-]+)"
)
_OFF_LIMITS = re2.compile(
    r"(?i)^\W*([\pL]+ing)\b([^.;:,]{0,60}?) (?:is|are) (?:strictly |absolutely |completely )?"
    r"(?:off[ -]limits|forbidden|prohibited|banned|a no-go"
    r"|not (?:allowed|permitted|acceptable|ok|okay))"
)
_FORBIDS_BESIDES = (
    re2.compile(
        r"(?i)\b(?:under no circumstances|in no case|at no time|on no account)\s+(?:may|should|must"
        r"|shall|are|can|do) (?:you |we )?(?:ever |to )?([\pL-]+)"
    ),
    re2.compile(r"(?i)\b(?:i|we) (?:do not|don't|never) want you to (?:ever )?([\pL-]+)"),
    re2.compile(
        r"(?i)\b(?:refrain from|abstain from|stay away from|keep from|avoid|stop) ([\pL-]+ing)\b"
    ),
)
_PASSIVE = re2.compile(
    r"(?i)\b(?:nothing|no (\pL+)|none of (?:the|my|our) (\pL+)) (?:is|are|may|must|should|can|shall"
    r"|will)(?: to| ever)? be (\pL+)"
)
_ASKED_FIRST = (
    re2.compile(
        r"(?i)\bbefore (?:you )?(?:ever )?([\pL-]+)\b([^,.;]{0,60}),\s*(?:please |always |first )*"
        r"(?:get|ask|check|wait|obtain|confirm|talk)\b[^.;]{0,30}\b(?:my|me|our|us)\b"
    ),
    re2.compile(
        r"(?i)\b(\pL+)()\s+(?:need|needs|require|requires) (?:my|our) (?:\w+ )?(?:approval"
        r"|confirmation|consent|permission|ok|okay|go-?ahead|sign-?off)\b"
    ),
    re2.compile(
        r"(?i)\b(?:i|we) (?:must|have to|need to|want to|will) (?:approve|confirm|okay|sign off on)"
        r" (?:every|each|all|any) (\pL+)()\b"
    ),
)
_ALIKE = 4
"""So many first letters two forms of a verb have in common (close, closing)."""
_ASK_WORDS = word_set(
    "ask asking tell telling let know check checking consult run approve approval permission"
    " confirm confirmation consent okay ok go-ahead sign-off say sign notify inform contact need"
    " needs get wait hear see make made do done give"
)
_ASKS_ME = re2.compile(
    r"(?i)\b(?:ask|asking|tell|telling|check|checking|consult|consulting|hear(?:ing)? from|let"
    r"|past|by|with)\s+(?:me|us)\b|\b(?:my|our) (?:\w+ )?(?:approval|permission"
    r"|confirmation|consent"
    r"|okay|ok|go-?ahead|sign-?off|word)\b|\b(?:i|we)(?:'ve| have)? (?:say so|said so"
    r"|approved?|agreed?"
    r"|confirm(?:ed)?|okay(?:ed)?)\b"
)
_COMES_FIRST = re2.compile(r"(?i)\b(?:before|first|until|unless|without|prior to)\b")
_PROHIBITS = re2.compile(
    r"(?i)\b(?:don't|do not|never|must not|mustn't|may not|should not|shouldn't|cannot|can't|no|not"
    r"|nothing|forbidden|prohibited|off[ -]limits|refrain|avoid|banned)\b"
)
_OF_OTHERS = re2.compile(
    r"(?i)\b(?:i|we|he|she|it|they|there|this|that|which|who)(?:'ve|'s|'re)? (?:\w+ )?(?:don't"
    r"|do not|never|not|no|can't|cannot|haven't|didn't|doesn't|won't|wasn't|isn't)\b"
    r"|\b(?:forget|hesitate|mind"
    r"|worry|want|need|know|think)\b"
)
"""Sentences about what somebody does not do, or "do not forget to", forbid nothing."""
_WORDS = 18
"""A longer sentence says more than one rule."""
_NO_THINGS = word_set(
    "must never not no be is are been ever to may should can will make sure that please any"
    " strictly absolutely forbidden prohibited banned off limits under circumstances"
)
_LEAD = re2.compile(
    r"(?i)^(?:before (?:we|you) (?:start|begin|go on|do anything)\b[^,:]{0,20}[,:]\s*|(?:one|first)"
    r" thing(?: first)?[,:]\s*|first(?: of all)?[,:]\s*)"
)
"""What leads up to a rule and is no condition of it."""

_CONDITION = re2.compile(
    r"(?i)\b(?:if|when|whenever|unless|until|without|except|only|other than|before|after|more than"
    r"|over|above|outside|instead)\b"
)
_TAKES_BACK = re2.compile(
    r"(?i)\b(?:you (?:can|may) now|go ahead|no longer|forget (?:that|what)|never mind"
    r"|it's (?:ok|fine)|you may|please do|yes)\b"
)
_ANYTHING = word_set("anything any it them that this all everything")
_LITTLE = word_set(
    "the a an of in on at to for from with my our your or and please again ever me us you i we"
    " there here now this that these those"
)
_ENDS_ACTS = word_set(
    "archive close cancel revoke block ban kick unsubscribe uninstall terminate clear discard"
)
"""Acts that are filed with deleting and erase nothing: forbidden only by their own name."""
_ONE_THING = ({"mail", "email", "message"}, {"file", "document"}, {"meeting", "event"})
"""Names that people and tools use for one thing."""
_PHRASE_END = re2.compile(
    r"[,;:.!?()]|\b(?:whatever|no matter|under any|in any case|at all)\b"
    r"|\b(?:from|in|on|of) this\b"
)
_BEFORE_CONDITION = re2.compile(r"(?i)\b(?:without|until|before|unless)\b")
_FORMS = (
    *(_STANDING, _FORBIDS, _FIRST, _UNTIL, _WAIT, _OFF_LIMITS, _PASSIVE),
    *(*_FORBIDS_BESIDES, *_ASKED_FIRST, _ASKS_ME, _PROHIBITS),
)
_CUES = re2.compile(
    r"(?i)n't\b|\bno(?:t|ne|thing)?\b|\b(?:cannot|never|refrain|abstain|stay away|keep from|avoid"
    r"|stop|forbidden|prohibited|banned|off[ -]limits|before|first|until|unless|without|prior to"
    r"|approv|confirm|consent|permission|ok\b|okay|go-?ahead|sign)"
)
"""A sentence without one of these neither forbids nor makes wait: each form above has one."""

_LONG = 4_000
"""Characters of a text that lays down rules in passing; a longer one is a policy, with its own
controls."""


class _Read(NamedTuple):
    words: str
    demands: tuple[Demand, ...] = ()
    kinds: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()
    asks_first: bool = False
    verb: str = ""


class _Rule(NamedTuple):
    """A rule and who laid it down; what it says is as `_Read` has it."""

    said: Utterance
    words: str
    demands: tuple[Demand, ...]
    kinds: frozenset[str]
    things: frozenset[str]
    asks_first: bool
    verb: str


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
    if any(form.search(plain) for form in _FORMS):
        forms = item.source is Source.USER
        yield from (_Rule(item, *read) for read in _read(plain, forms=forms))


@lru_cache(maxsize=256)
def _read(text: str, *, forms: bool) -> tuple[_Read, ...]:
    """The rules of a text; agents of one run are given the same instructions again and again."""
    found: list[_Read] = []
    for sentence in sentences_of(text):
        if forms and _STANDING.search(sentence) and (demands := demands_of(f"{sentence}.")):
            found.append(_Read(sentence, demands))
        found += _acts_ruled(sentence) if _CUES.search(sentence) else ()
    return tuple(read for read in found if read.demands or read.kinds)


def _acts_ruled(sentence: str) -> Iterator[_Read]:
    """The acts that a sentence forbids, or wants asked for first."""
    until = _UNTIL.search(sentence)
    if until is not None:
        verb = until.group(1) or until.group(2)
        rest = sentence[until.end(1) :] if until.group(1) else ""
        yield _about(sentence, verb, _BEFORE_CONDITION.split(rest)[0], asks_first=True)
        return
    first = _FIRST.search(sentence) or _WAIT.search(sentence)
    if first is not None:
        verb = next(filter(None, first.groups()))
        yield _about(sentence, verb, sentence[first.end() :], asks_first=True)
        return
    read = tuple(one for one in _in_set_forms(sentence) if one.kinds)
    yield from read or _in_any_words(sentence)


def _in_any_words(sentence: str) -> Iterator[_Read]:
    """A short sentence that names an act and forbids it, or wants somebody asked before it."""
    words = words_of(sentence)
    if len(words) > _WORDS or sentence.endswith("?"):
        return
    acts = [n for n, w in enumerate(words) if w not in _ASK_WORDS and _kinds(w)]
    if not acts:
        return
    if _ASKS_ME.search(sentence) and _COMES_FIRST.search(sentence):
        yield _about(sentence, words[acts[-1]], "", asks_first=True)
    elif _forbids(sentence):
        act = acts[-1]
        thing = words[max(act - 4, 0) : act] if act == len(words) - 1 else words[act + 1 :]
        named = [word for word in thing if word not in _NO_THINGS]
        yield _about(sentence, words[act], " ".join(named[:2]))


def _forbids(sentence: str) -> bool:
    """Whether a sentence forbids what it names, without a condition."""
    conditional = _CONDITION.search(_LEAD.sub("", sentence)) is not None
    of_others = _OF_OTHERS.search(sentence) is not None
    return _PROHIBITS.search(sentence) is not None and not of_others and not conditional


def _kinds(word: str) -> frozenset[str]:
    return kinds_of([word, word.removesuffix("s")]) & STATE_CHANGES


def _in_set_forms(sentence: str) -> Iterator[_Read]:
    for form in _ASKED_FIRST:
        if (hit := form.search(sentence)) is not None:
            yield _about(sentence, hit.group(1), hit.group(2), asks_first=True)
            return
    plain = _LEAD.sub("", sentence)
    if _CONDITION.search(plain) is None:
        for hit in (one for form in (_FORBIDS, *_FORBIDS_BESIDES) for one in form.finditer(plain)):
            yield _about(sentence, hit.group(1), plain[hit.end() :])
        if (passive := _PASSIVE.search(plain)) is not None:
            thing = passive.group(1) or passive.group(2) or ""
            yield _about(sentence, passive.group(3), thing)
        if (off := _OFF_LIMITS.search(plain)) is not None:
            yield _about(sentence, off.group(1), off.group(2))


def _about(sentence: str, verb: str, rest: str, *, asks_first: bool = False) -> _Read:
    kinds = kinds_of([verb.lower(), verb.lower().removesuffix("s")]) & STATE_CHANGES
    return _Read(sentence, (), kinds, _things(rest), asks_first, verb.lower())


def _things(rest: str) -> frozenset[str]:
    """What a rule is about, by the next words; empty where it is about anything."""
    phrase = _PHRASE_END.split(rest, 1)[0]
    words = [word for word in words_of(phrase)[:4] if word not in _LITTLE]
    return frozenset() if not words or words[0] in _ANYTHING else frozenset(map(_stem, words[:2]))


def _stem(word: str) -> str:
    plain = word.removesuffix("s") if len(word) > 3 else word
    return next((min(names) for names in _ONE_THING if plain in names), plain)


def _breaks(rule: _Rule, item: Item, spoken: _Spoken) -> bool:
    if isinstance(item, Utterance):
        answers = item.source is Source.ASSISTANT and bool(item.text.strip())
        return answers and any(demand.broken(item.text) for demand in rule.demands)
    if not rule.kinds or item.hands_over or (rule.asks_first and spoken.confirmed):
        return False
    return _is_act(rule, item) and _is_about(rule, item)


def _is_act(rule: _Rule, action: Action) -> bool:
    """Whether a tool does the act of a rule; what only ends a thing is told apart by its name."""
    if not acts_of(action.tool) & rule.kinds:
        return False
    ending = _ENDS_ACTS & {rule.verb, *tool_words(action.tool)}
    return not ending or any(
        word[:_ALIKE] == rule.verb[:_ALIKE] for word in tool_words(action.tool)
    )


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
