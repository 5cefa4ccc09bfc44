"""An acquittal is earned: a run is called free of failure by checks that it passed, each listed.

A check that is not met, or that code cannot make, leaves the outcome open and says what is
missing. The checks are code's, whoever planned the investigation: a model adds to them and skips
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from investigator.ground import lazy_re2 as re2
from investigator.ground.wording import counted
from investigator.rca.report import POLICY, AcquittalCheck
from investigator.readings.assertions import (
    STATE_CHANGES,
    acts_claimed,
    acts_of,
    announced_in,
    asks,
    asks_to_be_told,
    claims_a_look,
    declines,
    is_call,
    says_something,
    trouble_in,
    trouble_told,
)
from investigator.readings.conversation import UNTRUSTED, Action, Source, Utterance
from investigator.readings.grounding import Grounds, ungrounded
from investigator.readings.languages import language_of
from investigator.readings.orders_in_text import read_text
from investigator.readings.partial_results import part_of
from investigator.readings.provenance import SearchedText
from investigator.readings.reading import Readings
from investigator.readings.view import error_of
from investigator.signals.model import Signal
from investigator.traces.model import SpanKind

if TYPE_CHECKING:
    from investigator.rca.policy_verdicts import Policy

_REFUTED = "fault that code saw is", "faults that code saw are"
_NAMED = 3
_ANSWERED, _BORNE_OUT, _ANNOUNCED = (
    "every call was answered",
    "its acts are borne out",
    "what it announced was done",
)
_OF_THE_END = frozenset({_ANSWERED, _BORNE_OUT, _ANNOUNCED})
_LATIN = 0.9
"""A text too short to tell its language is read as English if so much of it is ASCII."""
_TOOLS = re2.compile(r"(?i)\b(?:tools?|functions?)\b")


@dataclass(frozen=True)
class Acquittal:
    """What speaks for one run; `signals` are the faults that were seen in it.

    Where it had a `policy` to keep, each of its demands is a check. `refuted` are those of the
    signals that a planner refuted: they are stated no more, and still nobody is acquitted by its
    word. `stated` are faults that it saw and code did not: a planner adds to the checks.
    """

    readings: Readings
    signals: Sequence[Signal]
    policy: Policy | None = None
    refuted: frozenset[Signal] = frozenset()
    stated: tuple[str, ...] = ()

    @cached_property
    def checks(self) -> tuple[AcquittalCheck, ...]:
        """Every check, in the order in which a person would make them."""
        return (
            self._complete(),
            self._answered(),
            self._understood(),
            self._calls_answered(),
            self._read_to_the_end(),
            self._figures_borne_out(),
            self._acts_borne_out(),
            self._looks_borne_out(),
            self._obstacles_borne_out(),
            self._nothing_announced(),
            self._demands_met(),
            self._no_open_fault(),
            *((self._nothing_stated(),) if self.stated else ()),
            self._no_bad_outcome(),
            *(() if self.policy is None else self.policy.checks),
        )

    @property
    def of_the_end(self) -> tuple[AcquittalCheck, ...]:
        """Those that ask whether what was told at the end was done."""
        return tuple(check for check in self.checks if check.name in _OF_THE_END)

    @property
    def earned(self) -> bool:
        """Whether every check is met."""
        return all(check.met for check in self.checks)

    @property
    def missing(self) -> tuple[str, ...]:
        """What stands in the way, one a line."""
        return tuple(check.missing for check in self.checks if check.missing is not None)

    @cached_property
    def answer(self) -> Utterance | None:
        """The assistant's last words; None where it acted after them and handed nobody over."""
        said = [one for one in self._said(Source.ASSISTANT) if says_something(one.text)]
        if not said or is_call(said[-1].text):
            return None
        later = [action for action in self.actions if action.position > said[-1].position]
        return said[-1] if not later or any(action.hands_over for action in later) else None

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every call."""
        return self.readings.conversation.actions

    @cached_property
    def succeeded(self) -> tuple[Action, ...]:
        """The calls that gave a result that is no error."""
        return tuple(filter(_succeeded, self.actions))

    @property
    def changes(self) -> int:
        """How many calls changed something; to hand over to somebody else changes nothing."""
        return sum(
            bool(acts_of(action.tool) & STATE_CHANGES) and not action.hands_over
            for action in self.succeeded
        )

    @property
    def is_dialogue(self) -> bool:
        """Whether the user spoke more than once."""
        return len(self._said(Source.USER)) > 1

    @cached_property
    def _done(self) -> frozenset[str]:
        return frozenset().union(*(acts_of(action.tool) for action in self.succeeded))

    @property
    def _text(self) -> str:
        return "" if self.answer is None else self.answer.text

    def _said(self, *sources: Source) -> tuple[Utterance, ...]:
        return self.readings.conversation.said_by(*sources)

    @cached_property
    def _observed(self) -> tuple[Utterance, ...]:
        """What the answer may rest on: all words but the assistant's."""
        return self._said(Source.SYSTEM, Source.USER, Source.TOOL, Source.RETRIEVAL)

    def _complete(self) -> AcquittalCheck:
        gaps = self.readings.gaps
        missing = "; ".join(gaps[:_NAMED]) if gaps else None
        looked_at = counted(len(self.readings.trace.spans), "span")
        return _check("the trace is complete", missing, looked_at, known=True)

    def _answered(self) -> AcquittalCheck:
        missing = "the run ends without an answer" if self.answer is None else None
        return _check("there is an answer", missing, "the last words of the run", known=True)

    def _understood(self) -> AcquittalCheck:
        """English can be read. A question in another language that is known asks to be told, so
        an answer with a figure that was observed is one; what else it may ask is not known."""
        asked = self._said(Source.USER)
        foreign = [one for one in asked if not _is_english(one.text)]
        missing = None if asked else "the trace does not say what a user asked"
        if not all(_is_question(one.text) and self._tells_a_figure for one in foreign):
            missing = "what was asked is in a language that is not understood"
        return _check(
            "the request can be read",
            missing,
            counted(len(asked), "message of the user", "messages of the user"),
        )

    @property
    def _tells_a_figure(self) -> bool:
        observed = (SearchedText(one.text).figures for one in self._said(*UNTRUSTED))
        return not SearchedText(self._text).figures.isdisjoint(frozenset().union(*observed))

    def _calls_answered(self) -> AcquittalCheck:
        """Where a trace records results, a call without one was dropped."""
        records = any(action.result is not None for action in self.actions)
        lost = [a for a in self.actions if a.result is None and not a.hands_over and records]
        missing = f"{self._name(lost[0])} was called and never answered" if lost else None
        looked_at = counted(len(self.actions), "call")
        return _check(_ANSWERED, missing, looked_at, known=True)

    def _read_to_the_end(self) -> AcquittalCheck:
        """A result that says that there is more was followed by a further read."""
        answered = [action for action in self.actions if action.result is not None]
        last = {action.tool: action for action in answered}
        parted = [a for a in last.values() if a.result and part_of(a.result.text)]
        missing = f"{self._name(parted[0])} had more to give" if parted else None
        looked_at = counted(len(answered), "result")
        return _check("what came in parts was read to its end", missing, looked_at)

    def _figures_borne_out(self) -> AcquittalCheck:
        """What the run itself wrote may be told of, too."""
        written = (a.arguments for a in self.succeeded if acts_of(a.tool) & STATE_CHANGES)
        known = [*(one.text for one in self._observed), *written]
        found = ungrounded(self._text, Grounds(known))
        named = "; ".join(map(self.readings.quote.error, found[:_NAMED]))
        missing = f"no observation gives {named}" if found else None
        looked_at = f"figures and quotations of the answer, {counted(len(known), 'text')}"
        return _check("its figures are borne out", missing, looked_at)

    def _acts_borne_out(self) -> AcquittalCheck:
        claimed = list(acts_claimed(self._text))
        lacking = next((said for said, kinds in claimed if not kinds & self._done), None)
        missing = self._told("it says so, and no call did it", lacking)
        looked_at = f"{counted(len(claimed), 'claim')}, {counted(len(self.succeeded), 'call')}"
        return _check(_BORNE_OUT, missing, looked_at, known=True)

    def _looks_borne_out(self) -> AcquittalCheck:
        """Whoever says to have checked something had been given something to look at."""
        together = self.readings.view.is_transcript
        given: set[str | None] = set()
        idle = None
        for item in self.readings.conversation.items:
            agent = None if together else self.readings.trace.agent_of(item.span)
            if isinstance(item, Action) or item.source in UNTRUSTED:
                given.add(agent)
            elif item.source is Source.ASSISTANT and agent not in given and idle is None:
                idle = item.text if claims_a_look(item.text) else None
        missing = self._told("it says that it looked, and nothing was called", idle)
        looked_at = counted(
            len(self._said(Source.ASSISTANT)),
            "message of the assistant",
            "messages of the assistant",
        )
        return _check("what it says that it checked was looked at", missing, looked_at)

    def _obstacles_borne_out(self) -> AcquittalCheck:
        failed = len(self.succeeded) < sum(a.result is not None for a in self.actions)
        told = frozenset() if failed else trouble_told(self._text)
        observed = self._observed if told else ()
        invented = sorted(told.difference(*(trouble_in(one.text) for one in observed)))
        missing = f"nothing that was observed is '{invented[0]}'" if invented else None
        return _check("its obstacles are borne out", missing, counted(len(self._observed), "text"))

    def _nothing_announced(self) -> AcquittalCheck:
        """The last words announce nothing, and whoever had tools and used none asks something.

        To hand over is what was announced, where a hand-over follows.
        """
        missing = None
        last = self.actions[-1] if self.actions else None
        gone = self.answer and last and last.hands_over and last.position > self.answer.position
        if not asks(self._text) and not gone:
            announced = announced_in(self._text)
            missing = self._told("the run ends with an act announced", announced)
            if announced is None and not self.actions and self._has_tools:
                missing = "it had tools and called none"
        return _check(_ANNOUNCED, missing, "the last words of the run")

    @property
    def _has_tools(self) -> bool:
        offered = any(map(self.readings.view.tools_offered, self.readings.view.model_calls))
        told = self._said(Source.SYSTEM, Source.ASSISTANT)
        return offered or any(_TOOLS.search(one.text) for one in told)

    def _demands_met(self) -> AcquittalCheck:
        """In a conversation it counts what was said to a demand, then or later."""
        asked = [
            (directive.text, directive.kinds & STATE_CHANGES, one.position)
            for one in self._said(Source.USER)
            for directive in read_text(one.text)[0]
            if directive.kinds & STATE_CHANGES and not asks_to_be_told(directive.text)
        ]
        refused = max((one.position for one in self._refusals), default=-1)
        unmet = next((t for t, kinds, at in asked if not kinds & self._done and at > refused), None)
        excused = declines(self._text) or asks(self._text) or self._hands_over
        written = not self.actions and any("create" in kinds for _, kinds, _ in asked)
        missing = None if excused or written else self._told("nothing shows that it did", unmet)
        looked_at = f"{counted(len(asked), 'demand')}, {counted(len(self.succeeded), 'call')}"
        return _check("what was asked is done, or declined with a reason", missing, looked_at)

    @property
    def _refusals(self) -> tuple[Utterance, ...]:
        """What the assistant of a conversation had declined before its last words."""
        said = self._said(Source.ASSISTANT) if self.is_dialogue else ()
        return tuple(one for one in said if declines(one.text))

    @property
    def _hands_over(self) -> bool:
        return any(action.hands_over for action in self.actions)

    def _no_open_fault(self) -> AcquittalCheck:
        seen = [one for one in self.signals if one.open and one.detector != POLICY]
        faults = [one for one in seen if one not in self.refuted]
        missing = faults[0].summary if faults else None
        if seen and not faults:
            missing = f"{counted(len(seen), *_REFUTED)} refuted by the planner alone"
        looked_at = counted(len(self.signals), "signal")
        return _check("no fault is left open", missing, looked_at, known=bool(faults))

    def _nothing_stated(self) -> AcquittalCheck:
        """What a planner found and could not show well enough for a failure."""
        looked_at = counted(len(self.stated), "finding")
        return _check("the planner found no fault", self.stated[0], looked_at)

    def _no_bad_outcome(self) -> AcquittalCheck:
        known = self.readings.outcome
        missing = known.line if known.failed else None
        read = counted(len(self.readings.trace.evaluations) - known.ignored, "evaluation")
        ignored = f"; {counted(known.ignored, 'evaluation')} ignored, as asked"
        looked_at = f"the caller's word, {read}{ignored if known.ignored else ''}"
        return _check("no bad outcome is known", missing, looked_at, known=True)

    def _name(self, action: Action) -> str:
        return self.readings.quote.name(action.tool)

    def _told(self, what: str, text: str | None) -> str | None:
        return None if text is None else f"{what}: {self.readings.quote.error(text)}"


def _check(
    name: str, missing: str | None, looked_at: str, *, known: bool = False
) -> AcquittalCheck:
    """`known` says that code can tell that it is not met, and not only that it cannot see it."""
    met = True if missing is None else False if known else None
    return AcquittalCheck(name=name, met=met, looked_at=looked_at, missing=missing)


def _succeeded(action: Action) -> bool:
    result = action.result
    if result is None or result.is_error or result.failure is not None:
        return False
    return result.span.kind is not SpanKind.TOOL or error_of(result.span) is None


def _is_english(text: str) -> bool:
    """As far as can be told: what is too short has to be in English letters."""
    language = language_of(text)
    if language is not None:
        return language == "english"
    letters = [character for character in text if character.isalpha()]
    return sum(map(str.isascii, letters)) >= _LATIN * len(letters)


def _is_question(text: str) -> bool:
    return language_of(text) is not None and text.rstrip().endswith("?")
