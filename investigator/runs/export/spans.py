"""A run's journal as the spans of one trace: scopes as agents, a model's turns, tool calls.

The run is the root; each scope is an agent below the scope that opened it; what a scope asked of
a model and of tools lies below the scope. A turn of rules is no span: it asks nobody, and what it
decided stands in the tool calls, the children and the answer. What takes no time (a refusal of
the pool, a call answered from an earlier page) is an event of its scope. The same journal gives
the same ids, times and attributes. Nothing is said that the journal does not say, but the
prompts, which are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from investigator.ground.canonical_json import JsonValue
from investigator.model_planner.prompting import Rendered
from investigator.runs.export.attributes import (
    counts,
    input_messages,
    of_note,
    of_run,
    of_scope,
    of_tool_call,
    of_turn,
    output,
    reply,
    trouble,
)
from investigator.runs.export.draft import Drafts, Moment, SpanDraft, nanoseconds
from investigator.runtime.admission import ROOT
from investigator.runtime.events import (
    RUN,
    AnyEvent,
    Cut,
    Entry,
    HoldLost,
    OpenedScope,
    PlannerIdentity,
    Refused,
    RunEnded,
    RunOpened,
    RunResumed,
    ScopeClosed,
    ScopesOpened,
    ToolFailed,
    ToolHeld,
    ToolRepeated,
    ToolSettled,
    TurnFailed,
    TurnHeld,
    TurnSettled,
)
from investigator.runtime.status import RunStatus, ScopeStatus
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode

Metadata = dict[str, JsonValue]


def run_spans(
    opened: RunOpened,
    entries: Sequence[Entry],
    prompts: Mapping[int, Rendered],
    models: Mapping[str, PlannerIdentity],
) -> tuple[Span, ...]:
    """The spans of a run, in span order; of one that has not ended, up to where its journal is.

    `opened` is the first event of `entries`. `prompts` are those of model turns by the sequence
    number of their `turn_held`; a turn that is not among them has no input messages. `models` say
    whose each model is, by name.
    """
    fold = _Fold(opened, nanoseconds(entries[0].ts), prompts, models)
    for entry in entries[1:]:
        fold.post(entry)
    return fold.spans()


class _Fold:
    """The spans of a run after some of its events."""

    def __init__(
        self,
        opened: RunOpened,
        began_ns: int,
        prompts: Mapping[int, Rendered],
        models: Mapping[str, PlannerIdentity],
    ) -> None:
        self._planner = opened.planner
        self._prompts = prompts
        self._models = models
        self._drafts = Drafts(opened.run_id)
        self._scopes: dict[str, SpanDraft] = {}
        self._calls: dict[str, SpanDraft] = {}
        self._calls_of: dict[str, list[SpanDraft]] = {}
        self._syntheses: list[str] = []
        self._now = Moment(began_ns, 0)
        self._died_ns = began_ns
        self._run = self._drafts.begin(
            self._now,
            (RUN, 0, "run"),
            opened.run_type,
            SpanKind.AGENT,
            parent=None,
            attributes=of_run(opened),
            metadata={
                "run_id": opened.run_id,
                "engine_version": opened.engine_version,
                "dataset_id": opened.dataset_ref.dataset_id,
                "planner": opened.planner.planner,
            },
        )

    def spans(self) -> tuple[Span, ...]:
        """All spans so far."""
        return self._drafts.spans(self._now.ns)

    def post(self, entry: Entry) -> None:
        """Take one more event in."""
        if isinstance(entry.event, RunResumed):
            self._died_ns = self._now.ns
        self._now = Moment(nanoseconds(entry.ts), entry.seq)
        match entry.event:
            case TurnHeld(remote=True) as event:
                self._ask(event)
            case ToolHeld() as event:
                self._hold(event, "tool", event.tool_name, SpanKind.TOOL, of_tool_call(event), {})
            case TurnSettled() | TurnFailed() | ToolSettled() | ToolFailed() | HoldLost() as event:
                call = self._calls.pop(event.scope, None)
                if call is not None:
                    self._settle(call, event)
            case ScopesOpened() as event:
                for opened in event.scopes:
                    self._open(opened, event.scope)
            case ScopeClosed() as event:
                self._close(event)
            case Refused() | ToolRepeated() as event:
                note = SpanEvent(event.type, self._now.ns, of_note(event))
                self._scopes.get(event.scope, self._run).events.append(note)
            case _:
                self._post_own(entry.event)

    def _post_own(self, event: AnyEvent) -> None:
        """An event of the run itself; one that failed before it began may be opened again."""
        match event:
            case RunOpened():
                self._planner = event.planner
                self._run.reopen()
            case RunResumed():
                self._run.reopen()
                self._run.events.append(SpanEvent(event.type, self._now.ns, {}))
                for cut in event.cuts:
                    self._cut(cut)
            case RunEnded():
                self._finish(event)
            case _:
                pass

    def _open(self, opened: OpenedScope, parent: str) -> None:
        if opened.synthesis:
            self._syntheses.append(opened.scope)
        metadata: Metadata = {
            "opened_by": opened.opened_by,
            "planner_driven": opened.planner_driven,
            "depth": opened.depth,
        }
        self._scopes[opened.scope] = self._drafts.begin(
            self._now,
            (opened.scope, 0, "scope"),
            f"scope {opened.scope}",
            SpanKind.AGENT,
            parent=self._run if parent == RUN else self._scopes[parent],
            attributes=of_scope(opened),
            metadata=metadata | ({"context": opened.context} if opened.context else {}),
        )

    def _close(self, event: ScopeClosed) -> None:
        scope = self._scopes[event.scope]
        scope.metadata["status"] = event.status.value
        if event.gaps:
            scope.metadata["gaps"] = list(event.gaps)
        if event.answer is not None:
            scope.attributes |= output(event.answer)
        whole = event.status is ScopeStatus.COMPLETED
        scope.end(self._now.ns, StatusCode.OK if whole else StatusCode.ERROR, event.error)

    def _ask(self, event: TurnHeld) -> None:
        attributes = of_turn(event, self._planner, self._models)
        attributes |= input_messages(self._prompts.get(self._now.seq))
        metadata: Metadata = {"offered": [kind.value for kind in event.shown.offered]}
        if event.asks is not None:
            metadata["request_sha256"] = event.asks.request_sha256
        self._hold(event, "turn", f"turn {event.step}", SpanKind.LLM, attributes, metadata)

    def _hold(
        self,
        event: TurnHeld | ToolHeld,
        what: str,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, JsonValue],
        metadata: Metadata,
    ) -> None:
        """A call begins; a scope has one at a time."""
        call = self._drafts.begin(
            self._now,
            (event.scope, event.step, what),
            name,
            kind,
            parent=self._scopes[event.scope],
            attributes=attributes,
            metadata=metadata,
        )
        self._calls[event.scope] = call
        self._calls_of.setdefault(event.scope, []).append(call)

    def _settle(
        self, call: SpanDraft, event: TurnSettled | TurnFailed | ToolSettled | ToolFailed | HoldLost
    ) -> None:
        now = self._now.ns
        if isinstance(event, TurnSettled | TurnFailed):
            call.attributes |= counts(event.usage)
            call.metadata["requests"] = event.usage.llm_calls
            call.metadata["estimated"] = event.usage.estimated
        match event:
            case TurnSettled():
                call.attributes |= reply(event.reply)
                call.end(now, StatusCode.OK)
            case TurnFailed():
                call.end(now, StatusCode.ERROR, event.error)
            case ToolSettled():
                call.attributes |= output(event.page)
                call.metadata["redactions"] = event.redactions
                call.end(now, StatusCode.OK)
            case ToolFailed():
                call.fail(now, *trouble(event))
            case HoldLost():
                # It ended no later than what its process wrote last.
                call.metadata["lost"] = True
                call.fail(self._died_ns, "HOLD_LOST", "the process died before it had the result")

    def _cut(self, cut: Cut) -> None:
        """What a resume undoes was made and paid for all the same; it is marked."""
        for call in self._calls_of.get(cut.scope, ()):
            if call.seq >= cut.from_seq:
                call.metadata["undone"] = True
        if cut.reserve is not None:
            self._scopes[cut.scope].reopen()

    def _finish(self, event: RunEnded) -> None:
        """The run's answer is that of scope 0, or of the synthesis of what scope 0 waited for."""
        self._run.metadata["status"] = event.status.value
        for answer in self._answers():
            self._run.attributes |= output(answer)
        whole = event.status is RunStatus.SUCCEEDED
        self._run.end(self._now.ns, StatusCode.OK if whole else StatusCode.ERROR, event.error)

    def _answers(self) -> Iterator[str]:
        for scope_id in (ROOT, *self._syntheses):
            if scope_id in self._scopes:
                answer = self._scopes[scope_id].attributes.get("output.value")
                if isinstance(answer, str):
                    yield answer
