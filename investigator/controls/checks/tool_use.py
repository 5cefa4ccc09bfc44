"""Whether agents keep to the tools they were given, and call them as these ask to be called."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import (
    evidence_of_call,
    is_named,
    unseen_calls,
)
from investigator.controls.checks.offered import Offer, Offers, calls_by_name
from investigator.controls.checks.violations import CERTAIN
from investigator.controls.required_evidence import about, unseen
from investigator.ground.canonical_json import json_object
from investigator.ground.wording import counted
from investigator.readings.conversation import Action
from investigator.readings.delegation import delegated_agents
from investigator.readings.json_schema import Judged
from investigator.readings.reading import Readings
from investigator.readings.view import CODE
from investigator.signals.arguments import THE_ARGUMENTS, WHOLE, judged_call
from investigator.traces.evidence import span_evidence, unique
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import tool_io_of

_SHOWN = 4
_TOLD = 3


class AllowedTools(Params):
    """Names of tools that may be called, in which `*` stands for any text.

    Without any, the tools that the trace says an agent was given are the list.
    """

    allowed: tuple[str, ...] = ()


def allowed_tools(subject: Readings, params: AllowedTools) -> Checked:
    """Every call is of a tool that is on the list."""
    actions = subject.conversation.actions
    if params.allowed:
        stray = [action for action in actions if not is_named(action.tool, params.allowed)]
        violations = [
            _stray(subject, action, "is not on the list of allowed tools", ()) for action in stray
        ]
        return _seen(subject, actions, violations, ())
    offers, violations, unknown = Offers(subject), [], []
    everywhere = offers.all
    for action in actions:
        given = offers.to(action)
        if action.tool in (given or everywhere):
            continue
        if given and action.tool != CODE and not offers.unreadable and calls_by_name(action):
            shown = next(iter(given.values()))
            reason = f"was not among the {counted(len(given), 'tool')} that its agent was given"
            violations.append(_stray(subject, action, reason, (shown.span,)))
        else:
            unknown.append(action)
    if unknown and not everywhere and not offers.unreadable:
        return Checked(unconfigured=("allowed",))
    return _seen(
        subject, actions, violations, _unknown(subject, unknown, offers, "whether {} was given")
    )


class ArgumentSchema(Params):
    """`tool_arguments_schema` takes no parameters: the trace's own schemas are asked."""


def tool_arguments_schema(subject: Readings, _params: ArgumentSchema) -> Checked:
    """The arguments of every call fit the schema that its tool was offered with."""
    actions, offers = subject.conversation.actions, Offers(subject)
    violations: list[Violation] = []
    unknown: list[Action] = []
    untold: list[str] = []
    for action in actions:
        given = offers.of(action)
        if not given or any(offer.schema is None for offer in given):
            unknown.append(action)
            continue
        judged = _judged(action, given)
        told = [problem.told(WHOLE) for problem in judged.problems[:_TOLD]]
        violations += [_misfit(subject, action, given[0], told)] if told else []
        untold += [f"a call of {subject.quote.name(action.tool)}: {line}" for line in judged.untold]
    missing = [*_unknown(subject, unknown, offers, "the schema of {}"), *dict.fromkeys(untold)]
    return _seen(subject, actions, violations, missing)


def _judged(action: Action, offers: Sequence[Offer]) -> Judged:
    """A call by the schemas that its tool was offered with: one, unless two tools share a name."""
    cut = unseen(action.arguments or "{}")
    if cut is not None:
        return Judged(untold=(f"{THE_ARGUMENTS} are {cut}",))
    found = [judged_call(action.arguments, offer.schema or {}) for offer in offers]
    fits = [not one.problems and not one.untold for one in found]
    if len(found) > 1 and not all(fits) and not all(one.problems for one in found):
        return Judged(untold=("it was offered with several schemas",))
    if action.span.kind is SpanKind.TOOL and any(p.keyword == "json" for p in found[0].problems):
        # The text is the recorder's, which need not be what the model wrote.
        return Judged(untold=(f"{THE_ARGUMENTS} were not recorded as JSON",))
    return found[0]


def _misfit(subject: Readings, action: Action, offer: Offer, told: Sequence[str]) -> Violation:
    return Violation(
        span_id=action.span.span_id,
        summary=f"{subject.quote.name(action.tool)} was called wrongly: {'; '.join(told)}",
        evidence=unique([*evidence_of_call(action), span_evidence(offer.span)]),
        strength=CERTAIN,
    )


class DelegationScope(Params):
    """For names of agents (`*` stands for any text), the tools that each may use.

    An agent that no name fits may use what it was given itself: what the agent above it has is no
    leave. Where the call that opened it lists tools, these are the ones.
    """

    agents: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def delegation_scope(subject: Readings, params: DelegationScope) -> Checked:
    """An agent that another one called stays within what was handed to it."""
    delegates = {span.span_id: span for span in delegated_agents(subject.trace)}
    offers = Offers(subject)
    handed = {span_id: _handed(subject, span) for span_id, span in delegates.items()}
    actions = [a for a in subject.conversation.actions if offers.scope_of(a) in delegates]
    violations: list[Violation] = []
    unknown: list[Action] = []
    for action in actions:
        delegate = delegates[offers.scope_of(action) or ""]
        name = subject.trace.agent_of(delegate) or delegate.name
        terms = [tools for agent, tools in params.agents.items() if is_named(name, (agent,))]
        given = offers.to(action)
        terms += handed.get(delegate.span_id, [])
        if terms:
            kept = is_named(action.tool, [tool for tools in terms for tool in tools])
        else:
            kept = action.tool in given
            if not kept and (not given or offers.unreadable or not calls_by_name(action)):
                unknown.append(action)
                continue
        if not kept:
            violations.append(
                _stray(
                    subject,
                    action,
                    f"is outside what {subject.quote.name(name)} was given",
                    [delegate],
                )
            )
    missing = _unknown(subject, unknown, offers, "whether {} was given")
    found = _seen(subject, actions, violations, missing)
    count = counted(len(delegates), "delegated agent")
    return Checked(found.violations, found.missing, f"{found.scanned} of {count}", found.evidence)


_LISTS = ("allowed_tools", "tools", "tool_names", "allowed_tool_names", "toolset")


def _handed(subject: Readings, delegate: Span) -> list[tuple[str, ...]]:
    """The tools that the call which opened an agent lists for it; empty where it lists none."""
    above = subject.trace.parent(delegate)
    call = None if above is None or above.kind is not SpanKind.TOOL else tool_io_of(above)
    given = json_object(call.arguments or "") if call is not None else None
    listed = (value for key in _LISTS if isinstance(value := (given or {}).get(key), list))
    names = (tuple(one for one in value if isinstance(one, str)) for value in listed)
    return [found for found in names if found][:1]


def _stray(subject: Readings, action: Action, reason: str, shown: Sequence[Span]) -> Violation:
    spans = [action.span, *shown]
    return Violation(
        span_id=action.span.span_id,
        summary=f"{subject.quote.name(action.tool)} was called, which {reason}",
        evidence=unique([*evidence_of_call(action), *map(span_evidence, spans)]),
        strength=CERTAIN,
    )


def _unknown(
    subject: Readings, actions: Sequence[Action], offers: Offers, words: str
) -> tuple[str, ...]:
    """A line for each tool of which nothing is recorded."""
    names = dict.fromkeys(subject.quote.name(action.tool) for action in actions)
    lines = [f"{words.format(name)} is not recorded" for name in names]
    return (*lines, *about(subject, offers.unreadable, "whose tool definitions cannot be read"))


def _seen(
    subject: Readings,
    actions: Sequence[Action],
    violations: Sequence[Violation],
    missing: Sequence[str],
) -> Checked:
    return Checked(
        violations=tuple(violations),
        missing=(*missing, *unseen_calls(subject.conversation)),
        scanned=counted(len(actions), "tool call"),
        evidence=tuple(action.evidence for action in actions[:_SHOWN]),
    )


CHECKS = (
    Check("allowed_tools", AllowedTools, allowed_tools),
    Check("tool_arguments_schema", ArgumentSchema, tool_arguments_schema),
    Check("delegation_scope", DelegationScope, delegation_scope),
)
