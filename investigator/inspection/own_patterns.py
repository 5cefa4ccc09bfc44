"""A user's own patterns hold wherever a run speaks: in briefs, turns of rules, and reports.

Signals and checks are held to the user's redactor while they read, so that nothing is cut short
before it is redacted; what an engine says is redacted once more here, string by string. Ids,
names of tools and members of closed vocabularies stand as they are, since runs work with them;
evidence stays what it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NamedTuple, TypeVar

import re2
from pydantic import AfterValidator, BaseModel

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.redaction import Redactor, holding
from investigator.ground.sensitive import OPTIONAL
from investigator.runtime.actions import Draft
from investigator.runtime.budget import Amounts
from investigator.runtime.endings import Outputs
from investigator.runtime.planner import Planner, Reply, TurnBound, View
from investigator.runtime.strategy import Brief, Ended, Plan, Strategy
from investigator.runtime.tools import Cite
from investigator.traces.evidence import EvidenceRef

_NAME = re2.compile(r"^[A-Za-z0-9_.-]{1,40}$")
_AS_THEY_ARE = frozenset(
    {
        *("id", "of", "lead", "trace_id", "span_id", "span_ids", "evidence", "evidence_refs"),
        *("control_id", "trace_before", "trace_after", "schema_version", "controls_version"),
        *("type", "tool_name", "args", "category", "verdict", "status", "severity"),
        *("timestamp", "start", "end", "at", "first_trace", "last_trace"),
    }
)
"""Fields that hold ids, times, or one of a fixed list of words."""

ModelT = TypeVar("ModelT", bound=BaseModel)


def checked_patterns(patterns: Mapping[str, str]) -> Mapping[str, str]:
    """The patterns, each known to be RE2, by what their marks say.

    Raises:
        UsageError: a name that no mark can hold, or a pattern that is none.
    """
    for name in patterns:
        if not _NAME.search(name):
            raise UsageError(
                f"a redaction is named by letters, digits, '_', '.' and '-' (at most 40), "
                f"not {name!r}"
            )
    Redactor(patterns)
    return patterns


def _valid(patterns: Mapping[str, str]) -> Mapping[str, str]:
    try:
        return checked_patterns(patterns)
    except UsageError as error:
        raise ValueError(str(error)) from None


OwnPatterns = Annotated[Mapping[str, str], AfterValidator(_valid)]
"""RE2 patterns by what `[REDACTED:<name>]` is to say."""


def pattern_told(text: str) -> tuple[str, str]:
    """Name and pattern of `NAME=PATTERN`, or of an optional kind by its name alone.

    Raises:
        UsageError: another form.
    """
    if text in OPTIONAL:
        return text, OPTIONAL[text].pattern
    name, equals, pattern = text.partition("=")
    if not equals or not pattern:
        raise UsageError(
            f"--redact takes NAME=PATTERN, such as customer=CUST-\\d+, or {', '.join(OPTIONAL)}, "
            f"not {text!r}"
        )
    return name, pattern


class Speakers(NamedTuple):
    """Who says something in a run besides tools and models."""

    strategy: Strategy
    planner: Planner
    beside_model: Planner | None


def redacted_speakers(speakers: Speakers, redactor: Redactor) -> Speakers:
    """The same, and nothing that they say holds what the redactor finds."""
    beside = speakers.beside_model
    return Speakers(
        _RedactedStrategy(speakers.strategy, redactor),
        _RedactedPlanner(speakers.planner, redactor),
        None if beside is None else _RedactedPlanner(beside, redactor),
    )


class _RedactedPlanner:
    """Rules whose turns are redacted."""

    def __init__(self, planner: Planner, redactor: Redactor) -> None:
        self._planner = planner
        self._redactor = redactor
        self.identity = planner.identity
        self.remote = planner.remote
        self.latency_floor_s = planner.latency_floor_s

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:
        return self._planner.finalize_bound(prompt_tokens, output_tokens)

    def bound(self, view: View) -> TurnBound:
        return self._planner.bound(view)

    async def act(self, view: View, max_tokens_out: int) -> Reply:
        with holding(self._redactor):
            reply = await self._planner.act(view, max_tokens_out)
        return reply._replace(text=_json_redacted(reply.text, self._redactor))


class _RedactedOutputs:
    """What an engine adds to the answer of a scope is redacted as well."""

    def __init__(self, outputs: Outputs[Any], redactor: Redactor) -> None:
        self._outputs = outputs
        self._redactor = redactor

    def resolve(self, output: Any, cited: dict[str, str]) -> str:
        with holding(self._redactor):
            return _json_redacted(self._outputs.resolve(output, cited), self._redactor)

    def salvage(self, draft: Draft[Any], cited: dict[str, str]) -> str:
        with holding(self._redactor):
            return _json_redacted(self._outputs.salvage(draft, cited), self._redactor)

    def present(self, answer: str, cite: Cite) -> JsonValue:
        return self._outputs.present(answer, cite)


class _RedactedStrategy:
    """An engine whose briefs, answers and report are redacted; all else is the engine's."""

    def __init__(self, strategy: Strategy, redactor: Redactor) -> None:
        self._strategy = strategy
        self._redactor = redactor
        self.outputs = _RedactedOutputs(strategy.outputs, redactor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._strategy, name)

    @property
    def plan(self) -> Plan:
        with holding(self._redactor):
            plan = self._strategy.plan
        return replace(
            plan,
            root=self._brief(plan.root),
            scopes=tuple(brief for scope in plan.scopes if (brief := self._brief(scope))),
            synthesis=self._brief(plan.synthesis),
        )

    def _brief(self, brief: Brief | None) -> Brief | None:
        if brief is None:
            return None
        context = _json_redacted(brief.context, self._redactor) if brief.context else ""
        return brief._replace(
            objective=self._redactor.redact(brief.objective).text, context=context
        )

    def conclude(self, ended: Ended) -> BaseModel | None:
        with holding(self._redactor):
            report = self._strategy.conclude(ended)
        return None if report is None else _model_redacted(report, self._redactor)


def _json_redacted(text: str, redactor: Redactor) -> str:
    return canonical_json(_value_redacted(json.loads(text), redactor))


def _value_redacted(value: Any, redactor: Redactor) -> Any:
    """A value of JSON, or of a report, with its own texts redacted."""
    if type(value) is str:
        return redactor.redact(value).text
    if isinstance(value, EvidenceRef):
        return value
    if isinstance(value, BaseModel):
        return _model_redacted(value, redactor)
    if isinstance(value, list | tuple):
        return type(value)(_value_redacted(item, redactor) for item in value)
    if isinstance(value, dict):
        return {key: _field_redacted(key, item, redactor) for key, item in value.items()}
    return value


def _field_redacted(name: str, value: Any, redactor: Redactor) -> Any:
    """What stands under a name of ours; the context of a child is JSON in JSON."""
    if name in _AS_THEY_ARE:
        return value
    if name == "context" and isinstance(value, str) and value.startswith("{"):
        return _json_redacted(value, redactor)
    return _value_redacted(value, redactor)


def _model_redacted(model: ModelT, redactor: Redactor) -> ModelT:
    told = {name: getattr(model, name) for name in type(model).model_fields}
    return model.model_copy(update=_value_redacted(told, redactor))
