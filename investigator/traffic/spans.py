"""A run's journal as the spans of one trace: scopes as agents, a model's turns, tool calls.

The run is the root; each scope is an agent below the scope that opened it; what a scope asked of
a model and of tools lies below the scope. A turn of rules is no span: it asks nobody, and what it
decided stands in the tool calls, the children and the answer. What takes no time (a refusal of
the pool, a call answered from an earlier page) is an event of its scope. The same journal gives
the same ids, times and attributes. Nothing is said that the journal does not say, but the
prompts, which are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from investigator.canonical import JsonValue, canonical_json
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
from investigator.runtime.prompting import Rendered
from investigator.runtime.status import RunStatus, ScopeStatus
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode, span_order
from investigator.traffic.attributes import JSON, TEXT, counts, input_messages, output, trouble
from investigator.traffic.draft import Draft, nanoseconds, span_id_of, trace_id_of

ROOT = "0"


def run_spans(
    entries: Sequence[Entry],
    prompts: Mapping[int, Rendered],
    models: Mapping[str, PlannerIdentity],
) -> tuple[Span, ...]:
    """The spans of a run, in span order; of one that has not ended, up to where its journal is.

    `prompts` are those of model turns by the sequence number of their `turn_held`; a turn that is
    not among them has no input messages. `models` say whose each model is, by name.

    Raises:
        ValueError: the journal does not begin with the opening of a run.
    """
    fold = _Fold(prompts, models)
    for entry in entries:
        fold.post(entry)
    return fold.spans()


class _Fold:
    """The spans of a run after some of its events."""

    def __init__(
        self, prompts: Mapping[int, Rendered], models: Mapping[str, PlannerIdentity]
    ) -> None:
        self._prompts = prompts
        self._models = models
        self._opened: RunOpened | None = None
        self._drafts: list[Draft] = []
        self._run: Draft | None = None
        self._scopes: dict[str, Draft] = {}
        self._calls: dict[str, Draft] = {}
        self._calls_of: dict[str, list[Draft]] = {}
        self._ordinals: dict[tuple[str, int, str], int] = {}
        self._synthesis: set[str] = set()
        self._now = 0
        self._died = 0
        self._seq = 0

    def post(self, entry: Entry) -> None:
        """Take one more event in."""
        event = entry.event
        if isinstance(event, RunResumed):
            self._died = self._now
        self._now, self._seq = nanoseconds(entry.ts), entry.seq
        match event:
            case TurnHeld(remote=True):
                self._ask(event)
            case TurnSettled() | TurnFailed():
                self._answer(event)
            case ToolHeld():
                self._call(event)
            case ToolSettled() | ToolFailed():
                self._result(event)
            case HoldLost():
                self._lose(event)
            case ScopesOpened():
                for opened in event.scopes:
                    self._open(opened, event.scope)
            case ScopeClosed():
                self._close(event)
            case _:
                self._post_own(event)

    def _post_own(self, event: AnyEvent) -> None:
        """What takes no time, and the events of the run itself."""
        match event:
            case Refused():
                told: dict[str, JsonValue] = {"what": event.what, "resource": event.resource.value}
                self._note(event, told | {"message": event.message})
            case ToolRepeated():
                self._note(event, {"tool.name": event.tool_name, "of_step": event.of_step})
            case RunOpened():
                self._begin(event)
            case RunResumed():
                self._resume(event)
            case RunEnded():
                self._finish(event)
            case _:
                pass

    def spans(self) -> tuple[Span, ...]:
        """All spans so far."""
        if self._opened is None:
            raise ValueError("the journal does not begin with the opening of a run")
        trace_id = trace_id_of(self._opened.run_id)
        made = (draft.span(trace_id, self._now) for draft in self._drafts)
        return tuple(sorted(made, key=span_order))

    def _draft(
        self,
        place: tuple[str, int, str],
        parent: Draft | None,
        name: str,
        kind: SpanKind,
        attributes: dict[str, JsonValue],
        metadata: dict[str, JsonValue] | None = None,
    ) -> Draft:
        """A span that begins now. `place`: its scope, its step, and what it is of."""
        assert self._opened is not None
        run_id = self._opened.run_id
        ordinal = self._ordinals[place] = self._ordinals.get(place, 0) + 1
        draft = Draft(
            span_id=span_id_of(run_id, *place, ordinal),
            parent_id=None if parent is None else parent.span_id,
            name=name,
            kind=kind,
            start_ns=self._now,
            seq=self._seq,
            attributes={"session.id": run_id, **attributes},
            metadata={"scope": place[0], "step": place[1], **(metadata or {})},
        )
        self._drafts.append(draft)
        return draft

    def _begin(self, event: RunOpened) -> None:
        """The run; one that failed before it began may be opened again."""
        self._opened = event
        if self._run is not None:
            self._run.reopen()
            return
        asked = canonical_json(event.input_ref.model_dump(mode="json", exclude_none=True))
        self._run = self._draft(
            (RUN, 0, "run"),
            None,
            event.run_type,
            SpanKind.AGENT,
            {"agent.name": "investigator", "input.value": asked, "input.mime_type": JSON},
            {
                "run_id": event.run_id,
                "engine_version": event.engine_version,
                "dataset_id": event.dataset_ref.dataset_id,
                "planner": event.planner.planner,
            },
        )

    def _open(self, opened: OpenedScope, parent: str) -> None:
        above = self._run if parent == RUN else self._scopes.get(parent)
        if opened.synthesis:
            self._synthesis.add(opened.scope)
        told: dict[str, JsonValue] = {
            "agent.name": f"scope {opened.scope}",
            "input.value": opened.objective,
            "input.mime_type": TEXT,
        }
        metadata: dict[str, JsonValue] = {
            "opened_by": opened.opened_by,
            "planner_driven": opened.planner_driven,
            "depth": opened.depth,
            **({"context": opened.context} if opened.context else {}),
        }
        place = (opened.scope, 0, "scope")
        name = f"scope {opened.scope}"
        self._scopes[opened.scope] = self._draft(place, above, name, SpanKind.AGENT, told, metadata)

    def _close(self, event: ScopeClosed) -> None:
        scope = self._scopes[event.scope]
        scope.metadata["status"] = event.status.value
        if event.gaps:
            scope.metadata["gaps"] = list(event.gaps)
        if event.answer is not None:
            scope.attributes |= output(event.answer)
        if event.error is not None:
            scope.fail(self._now, event.error.code.value, event.error.message)
        else:
            completed = event.status is ScopeStatus.COMPLETED
            scope.end(self._now, StatusCode.OK if completed else StatusCode.ERROR)

    def _ask(self, event: TurnHeld) -> None:
        """A turn of a model. `asks` names the model where the run may ask several."""
        assert self._opened is not None
        identity = self._opened.planner
        name = event.asks.model if event.asks is not None else identity.model_name
        identity = self._models.get(name or "", identity)
        version = identity.prompt_template_hash
        parameters: dict[str, JsonValue] = {"max_tokens": event.max_tokens_out}
        if identity.temperature is not None:
            parameters["temperature"] = identity.temperature
        metadata: dict[str, JsonValue] = {"offered": [kind.value for kind in event.shown.offered]}
        if event.asks is not None:
            metadata["request_sha256"] = event.asks.request_sha256
        attributes: dict[str, JsonValue] = {
            "llm.invocation_parameters": canonical_json(parameters),
            **({"llm.model_name": name} if name else {}),
            **({"llm.provider": identity.model_provider} if identity.model_provider else {}),
            **({"llm.prompt_template.version": version} if version else {}),
            **input_messages(self._prompts.get(self._seq)),
        }
        self._hold(event, "turn", f"turn {event.step}", SpanKind.LLM, attributes, metadata)

    def _answer(self, event: TurnSettled | TurnFailed) -> None:
        turn = self._calls.pop(event.scope, None)
        if turn is None:
            return
        turn.attributes |= counts(event.usage)
        turn.metadata |= {"requests": event.usage.llm_calls, "estimated": event.usage.estimated}
        if isinstance(event, TurnFailed):
            turn.fail(self._now, event.error.code.value, event.error.message)
            return
        turn.attributes |= {
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": event.reply,
            **output(event.reply),
        }
        turn.end(self._now, StatusCode.OK)

    def _call(self, event: ToolHeld) -> None:
        told: dict[str, JsonValue] = {
            "tool.name": event.tool_name,
            "input.value": event.args,
            "input.mime_type": JSON,
        }
        self._hold(event, "tool", event.tool_name, SpanKind.TOOL, told, {})

    def _result(self, event: ToolSettled | ToolFailed) -> None:
        call = self._calls.pop(event.scope, None)
        if call is None:
            return
        if isinstance(event, ToolSettled):
            call.attributes |= output(event.page)
            call.metadata["redactions"] = event.redactions
            call.end(self._now, StatusCode.OK)
        else:
            call.fail(self._now, *trouble(event))

    def _hold(
        self,
        event: TurnHeld | ToolHeld,
        what: str,
        name: str,
        kind: SpanKind,
        attributes: dict[str, JsonValue],
        metadata: dict[str, JsonValue],
    ) -> None:
        place = (event.scope, event.step, what)
        draft = self._draft(place, self._scopes[event.scope], name, kind, attributes, metadata)
        self._calls[event.scope] = draft
        self._calls_of.setdefault(event.scope, []).append(draft)

    def _lose(self, event: HoldLost) -> None:
        """A call whose process died: it ended no later than what that process wrote last."""
        call = self._calls.pop(event.scope, None)
        if call is not None:
            call.metadata["lost"] = True
            call.fail(
                self._died, "HOLD_LOST", "the process died before the result was written down"
            )

    def _resume(self, event: RunResumed) -> None:
        assert self._run is not None
        if self._run.end_ns is not None:
            self._run.reopen()
        self._run.events.append(SpanEvent("run_resumed", self._now, {}))
        for cut in event.cuts:
            self._cut(cut)

    def _cut(self, cut: Cut) -> None:
        """What a resume undoes was made and paid for all the same; it is marked."""
        for call in self._calls_of.get(cut.scope, ()):
            if call.seq >= cut.from_seq:
                call.metadata["undone"] = True
        if cut.reserve is not None:
            self._scopes[cut.scope].reopen()

    def _finish(self, event: RunEnded) -> None:
        assert self._run is not None
        self._run.metadata["status"] = event.status.value
        for scope_id in (ROOT, *sorted(self._synthesis)):
            scope = self._scopes.get(scope_id)
            answer = None if scope is None else scope.attributes.get("output.value")
            if isinstance(answer, str):
                self._run.attributes |= output(answer)
        if event.error is not None:
            self._run.fail(self._now, event.error.code.value, event.error.message)
        else:
            succeeded = event.status is RunStatus.SUCCEEDED
            self._run.end(self._now, StatusCode.OK if succeeded else StatusCode.ERROR)

    def _note(self, event: Refused | ToolRepeated, told: dict[str, JsonValue]) -> None:
        scope = self._scopes.get(event.scope, self._run)
        if scope is not None:
            scope.events.append(SpanEvent(event.type, self._now, {"step": event.step, **told}))
