"""Results of tau-bench and tau2: each run of a task is a trace, with its reward as a verdict.

tau-bench lists `{"task_id", "trial", "reward", "traj"}`; tau2 has `simulations`. A run passed where
its reward is 1, by the benchmark's own definition.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, headed
from investigator.formats.fields import (
    first,
    leftovers,
    listed,
    nothings,
    record,
    records,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.model import Span

_Fields = dict[str, JsonValue]

_KNOWN = ("messages", "traj", "id", "info")
_MESSAGE_KNOWN = ("role", "content", "tool_calls", "timestamp", "usage", "error", "raw_data", "id")
_PASSED = 1.0


def is_tau(value: Record) -> bool:
    """Whether an object is a run of tau-bench, or the results of tau2."""
    if isinstance(value.get("traj"), list) and "reward" in value and "task_id" in value:
        return True
    return any(map(_is_simulation, records(value.get("simulations")))) or _is_simulation(value)


def _is_simulation(value: Record) -> bool:
    return isinstance(value.get("messages"), list) and "task_id" in value and "reward_info" in value


def decode_tau(document: Record, stem: str) -> Iterator[Span | Evaluation | None]:
    """The turns of every run, each with its reward."""
    info = record(document.get("info"))
    yield from nothings(document.get("simulations"))
    runs = records(document.get("simulations")) or [dict(document)]
    for number, run in enumerate(runs):
        yield from _run(run, info, f"{stem}-{number}" if number else stem)


def _run(run: _Fields, info: _Fields, name: str) -> Iterator[Span | Evaluation | None]:
    messages = listed(first(run, "traj", "messages"))
    trace_id = text(run.get("id")) or name
    model = text(record(info.get("agent_info")).get("llm"))
    entries = [entry for message in messages for entry in _entries(message, model)]
    yield from turn_spans(headed(entries, leftovers(run, _KNOWN)), Numbering(trace_id))
    reward = first(run, "reward")
    reward = record(run.get("reward_info")).get("reward") if reward is None else reward
    if isinstance(reward, int | float) and not isinstance(reward, bool):
        yield Evaluation(
            trace_id=trace_id,
            span_id=None,
            name="reward",
            rater=Rater.CODE,
            score=float(reward),
            threshold=_PASSED,
            higher_is_better=True,
        )


def _entries(message: JsonValue, model: str) -> Iterator[DialogueEntry | None]:
    fields = record(message)
    role = text(fields.get("role"))
    inner = fields.get("tool_messages")
    if isinstance(inner, list) and inner:
        for one in inner:
            yield from _entries(one, model)
    elif not role:
        yield None
    elif role == "tool":
        call_id = first(fields, "tool_call_id", "id")
        failed = fields.get("error") is True
        said = answering(call_id, fields.get("content"), failed=failed, name=fields.get("name"))
        yield DialogueEntry(said=said, at_ns=time_ns(fields.get("timestamp")))
    else:
        said = {key: fields.get(key) for key in ("role", "content", "tool_calls")}
        yield DialogueEntry(
            said={key: at for key, at in said.items() if at is not None},
            at_ns=time_ns(fields.get("timestamp")),
            model=model if role == "assistant" else "",
            usage=fields.get("usage"),
            about=leftovers(fields, _MESSAGE_KNOWN),
        )


FORMAT = Format(
    name="tau-bench run",
    reads="results of tau-bench and tau2",
    looks_like=is_tau,
    decode=decode_tau,
)
