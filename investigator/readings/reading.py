"""What a trace says, read once a run and shared by signals, controls and engines."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar, cast

from investigator.ground.redaction import Redactor
from investigator.readings.acting_answers import ActingAnswer, ActingAnswers
from investigator.readings.completeness import completeness
from investigator.readings.conversation import Conversation
from investigator.readings.deeds.call_deeds import CallDeeds
from investigator.readings.following import Obedience
from investigator.readings.graph import StepGraph
from investigator.readings.loop_items import ItemsByLoop, items_by_loop
from investigator.readings.outcome import KnownOutcome, known_outcome
from investigator.readings.producers import Producers
from investigator.readings.provenance import Provenance
from investigator.readings.quotations import Quotations
from investigator.readings.quoting import Quoting
from investigator.readings.requests import Requests
from investigator.readings.steps import Step, steps_of
from investigator.readings.view import TraceView
from investigator.runtime.told import UNTOLD, ToldOutcome
from investigator.traces.evidence import EvidenceIndex
from investigator.traces.model import Trace

Made = TypeVar("Made")


class Readings:
    """The readings of one trace, each made when it is first asked for, and once.

    What is quoted of the trace goes through `quote`, and so through the run's redactor. `told` is
    what the caller said of it; the data's own verdicts on it can be ignored.
    """

    def __init__(
        self,
        trace: Trace,
        redactor: Redactor,
        told: ToldOutcome = UNTOLD,
        *,
        ignore_evaluations: bool = False,
    ) -> None:
        self.trace = trace
        self.quote = Quoting(redactor)
        self._told = told
        self._kept: dict[object, object] = {}
        self.heeds_evaluations = bool(trace.evaluations) and not ignore_evaluations

    def kept(self, make: Callable[[Readings], Made]) -> Made:
        """What `make` makes of this trace, made once however often it is asked for."""
        if make not in self._kept:
            self._kept[make] = make(self)
        return cast(Made, self._kept[make])

    @cached_property
    def view(self) -> TraceView:
        """The calls that were tried, who asked for them, what came back and what failed."""
        return TraceView(self.trace, self.quote)

    @cached_property
    def conversation(self) -> Conversation:
        """What was said and done, in one order."""
        return Conversation.of(self.view)

    @cached_property
    def loops(self) -> ItemsByLoop:
        """What was said and done in each agent's loop."""
        return items_by_loop(self.view, self.conversation)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The run as numbered steps."""
        return steps_of(self.view, self.conversation)

    @cached_property
    def graph(self) -> StepGraph:
        """What each step depends on."""
        return StepGraph(self.view, self.steps)

    @cached_property
    def deeds(self) -> CallDeeds:
        """What each call does."""
        return CallDeeds(self.trace)

    @cached_property
    def requests(self) -> Requests:
        """What the user asked for, forbade and made wait."""
        return Requests(self.conversation)

    @cached_property
    def provenance(self) -> Provenance:
        """Where the values in it came from."""
        return Provenance(self.conversation)

    @cached_property
    def obedience(self) -> Obedience:
        """Which orders in data its actions follow."""
        return Obedience(self.provenance, self.deeds)

    @cached_property
    def acting_answers(self) -> tuple[ActingAnswer, ...]:
        """What its answers do by being shown."""
        return tuple(ActingAnswers(self.conversation, self.provenance, self.obedience).found())

    @cached_property
    def outcome(self) -> KnownOutcome:
        """How the run ended, as far as caller or data say so."""
        heard = self.conversation if self.heeds_evaluations else None
        return known_outcome(self.trace, heard, self._told, self.quote)

    @cached_property
    def producers(self) -> Producers:
        """Who produced each text that can be cited."""
        return Producers(self.trace, self.steps)

    @cached_property
    def quotations(self) -> Quotations:
        """Whether words that are quoted stand in it."""
        return Quotations(self.trace, self.steps, self.quote)

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """Why the absence of signals proves nothing, one a line; empty where it does."""
        return completeness(self.view, self.conversation)

    @cached_property
    def evidence(self) -> EvidenceIndex:
        """What can be cited in it."""
        return EvidenceIndex(self.trace)
