"""Rules of a business policy about tool calls: what must come before, how often, under what terms.

The checks name no tool and no field of their own; a control's parameters do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import (
    CallSelector,
    evidence_of_call,
    unseen_calls,
)
from investigator.controls.checks.violations import broken_by
from investigator.controls.conditions.any_condition import AnyCondition
from investigator.controls.conditions.call_facts import (
    CALL,
    RESULT,
    CallFacts,
    EarlierRecord,
    Heard,
    Operand,
    RecordPattern,
)
from investigator.controls.conditions.paths import comparable_text
from investigator.ground.wording import counted
from investigator.readings.conversation import Conversation
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action
from investigator.traces.evidence import unique
from investigator.traces.model import parse_time

_SHOWN = 4


class CallBefore(Params):
    """Parameters of `call_before`."""

    calls: CallSelector
    earlier: EarlierRecord

    @model_validator(mode="after")
    def _known_roots(self) -> CallBefore:
        require_known_roots(self.earlier.match.values(), known=(CALL,))
        return self


def call_before(subject: Readings, params: CallBefore) -> Checked:
    """Before each of the calls, one of the earlier ones has succeeded."""
    violations: list[Violation] = []
    calls, missing = chosen_calls(subject.conversation, params.calls)
    for action in calls:
        earlier = CallFacts(subject, action).matching(params.earlier)
        made = set(until_sure(earlier))
        if True in made:
            continue
        if made:
            missing.append(f"whether {params.earlier} had succeeded before {action.tool}")
        else:
            summary = f"{action.tool} was called without {params.earlier} before it"
            violations.append(broken_by(action, summary))
    return checked(subject.conversation, params.calls, calls, violations, missing)


def until_sure(calls: Iterable[tuple[Action, bool | None]]) -> Iterator[bool | None]:
    """Whether each of these calls counts, up to the first that surely does."""
    for _, done in calls:
        yield done
        if done:
            return


class CallLimit(Params):
    """Parameters of `call_limit`."""

    calls: CallSelector
    at_most: int = Field(ge=0)
    per: tuple[str, ...] = ()


def call_limit(subject: Readings, params: CallLimit) -> Checked:
    """There are at most so many of the calls, or so many for each value of some arguments."""
    calls, unsure = chosen_calls(subject.conversation, params.calls)
    missing: list[str] = []
    groups: defaultdict[tuple[str, ...], list[Action]] = defaultdict(list)
    for action in calls:
        found = [CallFacts(subject, action).find(f"{CALL}.{path}") for path in params.per]
        missing += [line for one in found for line in one.missing]
        groups[tuple(comparable_text(list(one.values)) for one in found)].append(action)
    violations = [
        broken_by(
            action,
            f"{action.tool} is call {number} of at most {params.at_most}",
            [ref for earlier in group[: params.at_most] for ref in evidence_of_call(earlier)],
        )
        for group in groups.values()
        for number, action in enumerate(group, start=1)
        if number > params.at_most
    ]
    return checked(subject.conversation, params.calls, calls, violations, [*missing, *unsure])


def _as_time(now: object) -> str | None:
    text = now.isoformat() if isinstance(now, datetime) else now
    if text is not None and not isinstance(text, str):
        raise ValueError(f"{text!r} is no ISO 8601 time")
    if text is not None:
        parse_time(text)
    return text


TimeOfCalls = Annotated[str | None, BeforeValidator(_as_time)]
"""The time that stands for that of the calls, where the trace has no true ones."""


def nanoseconds_of(now: str | None) -> int | None:
    """That time, in nanoseconds since the epoch."""
    return None if now is None else parse_time(now)


class CallRule(Params):
    """Parameters of `call_rule`; `now` stands for the time of the calls where it is given."""

    calls: CallSelector
    records: Mapping[str, EarlierRecord] = Field(default_factory=dict)
    when: AnyCondition | None = None
    require: AnyCondition
    now: TimeOfCalls = None

    @model_validator(mode="after")
    def _known_roots(self) -> CallRule:
        asked = [one for one in (self.when, self.require) if one is not None]
        require_known_records(self.records, given=(CALL,))
        known = (CALL, RESULT, *self.records)
        require_known_roots((path for one in asked for path in one.operands()), known=known)
        return self


def call_rule(subject: Readings, params: CallRule) -> Checked:
    """Each of the calls that meets `when` meets `require`."""
    violations: list[Violation] = []
    calls, missing = chosen_calls(subject.conversation, params.calls)
    now_ns = nanoseconds_of(params.now)
    heard = Heard(subject.conversation)
    for action in calls:
        facts = CallFacts(subject, action, params.records, now_ns, heard)
        meant = params.when.ask(facts) if params.when is not None else None
        if meant is not None and meant.holds is False:
            continue
        met = params.require.ask(facts)
        if met.holds is True:
            continue
        if met.holds is None or (meant is not None and meant.holds is None):
            missing += met.missing if meant is None else (*meant.missing, *met.missing)
            continue
        because = "; ".join(dict.fromkeys([meant.seen, met.seen] if meant else [met.seen]))
        shown_by = met.evidence if meant is None else (*meant.evidence, *met.evidence)
        violations.append(broken_by(action, f"{action.tool}, although {because}", shown_by))
    return checked(subject.conversation, params.calls, calls, violations, missing)


def chosen_calls(conversation: Conversation, calls: CallSelector) -> tuple[list[Action], list[str]]:
    """The calls that are meant, and why it is not known of some whether they are."""
    fits = [(action, calls.fits(action)) for action in conversation.actions]
    unsure = [f"how {action.tool} ended is not recorded" for action, fit in fits if fit is None]
    return [action for action, fit in fits if fit], [*unseen_calls(conversation), *unsure]


def checked(
    conversation: Conversation,
    meant: CallSelector,
    calls: list[Action],
    violations: list[Violation],
    missing: list[str],
) -> Checked:
    """What was found in the calls that a check looked at."""
    total = counted(len(conversation.actions), "tool call")
    return Checked(
        violations=tuple(violations),
        missing=tuple(dict.fromkeys(missing)),
        scanned=f"{total}, {len(calls)} of them {meant}",
        evidence=unique(ref for action in calls[:_SHOWN] for ref in evidence_of_call(action)),
    )


def require_known_records(records: Mapping[str, RecordPattern], *, given: tuple[str, ...]) -> None:
    """Refuse records that are matched by anything but what is `given` and the records above them.

    Raises:
        ValueError: such a record, or one of a name that is taken.
    """
    known = list(given)
    for name, record in records.items():
        if name in (CALL, RESULT) or "." in name:
            raise ValueError(f"a record cannot be called {name!r}")
        require_known_roots(record.match.values(), known=known)
        known.append(name)


def require_known_roots(paths: Iterable[Operand], *, known: Collection[str]) -> None:
    """Refuse paths that begin with none of the known roots.

    Raises:
        ValueError: such a path.
    """
    for path in paths:
        root = path.split(".")[0]
        if root not in known:
            near = get_close_matches(root, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"a path begins with {', '.join(known)}"
            raise ValueError(f"{path!r}: no {root!r}; {hint}")


CHECKS = (
    Check("call_before", CallBefore, call_before),
    Check("call_limit", CallLimit, call_limit),
    Check("call_rule", CallRule, call_rule),
)
