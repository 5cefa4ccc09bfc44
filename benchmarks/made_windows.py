"""Windows of runs of made-up agents, with a shift in them or without one, and the truth about each.

A seed makes one window of 60 to 300 runs: agents, tenants, regions and models side by side, each
with a level of its own, log-normal latencies with or without a heavy tail, volumes that are even,
rise, or follow the day. In it one or two recorded changes; with a shift one of them is to blame
for latency, tokens, a score, empty answers or answers that say nothing, in all runs that have it
or in a slice of them. Without a shift the changes do nothing (or make runs faster).
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from investigator.ground.canonical_json import JsonValue

_MS = 1_000_000
_HOUR_MS = 3_600_000
_EPOCH_MS = 1_772_438_400_000
"""2026-03-02T08:00:00Z."""
LEAST = 10
"""At least so many runs are before a change that is to blame, of those that it can affect, and
affected after it."""


class Measure(StrEnum):
    """What shifts."""

    LATENCY = "latency"
    TOKENS = "tokens"
    SCORE = "score"
    EMPTY = "empty answers"
    EVASIVE = "answers that say nothing"


class ChangeKind(StrEnum):
    """What is changed, by the names of the engine."""

    MODEL = "model"
    PROMPT = "prompt"
    PARAMETERS = "parameters"
    TOOLS = "tools"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class MadeChange:
    """One change: when, and which runs have it from then on."""

    kind: ChangeKind
    at: int
    agent: str | None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a window; `measure` and `cause` are None where nothing shifts."""

    seed: int
    runs: int
    measure: Measure | None
    cause: MadeChange | None
    changes: tuple[MadeChange, ...]
    slice: tuple[str, str] | None
    affected: int
    words: str = ""


class MadeSpan(NamedTuple):
    """A span as the two writers take it; times are milliseconds since the epoch."""

    span_id: str
    parent: str | None
    name: str
    kind: str
    start: float
    end: float
    said: Mapping[str, Any]


class MadeRun(NamedTuple):
    """One run: its id, spans, and the score that it was given."""

    trace_id: str
    spans: tuple[MadeSpan, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class Agent:
    """What is usual for one agent."""

    name: str
    seconds: float
    tokens: int
    calls: int
    model: str
    router: tuple[str, ...]
    tool: str


@dataclass
class Style:
    """What is usual for one window."""

    agents: list[Agent]
    tenants: dict[str, float]
    regions: list[str]
    tenant_key: str
    region_key: str
    spread: float
    token_spread: float
    heavy: float
    swing: float
    score_name: str | None
    score_level: float
    base_empty: float
    base_evasive: float
    binary_score: bool
    mix_drift: float
    tenant_weights: list[float] = field(default_factory=list)


@dataclass
class _Draw:
    """The circumstances of one run."""

    agent: Agent
    tenant: str
    region: str
    at_ms: float
    has: list[bool] = field(default_factory=list)
    affected: bool = False


class MadeWindow(NamedTuple):
    """Runs, and the truth about them."""

    truth: Truth
    runs: tuple[MadeRun, ...]


def made_window(seed: int, *, shifted: bool, runs: int | None = None) -> MadeWindow:
    """The window of a seed; with a shift or without, of 60 to 300 runs unless told of how many."""
    rng = random.Random(f"{seed} {shifted}")
    while True:
        found = _attempt(rng, seed, runs, shifted=shifted)
        if found is not None:
            return found


def _attempt(
    rng: random.Random, seed: int, runs: int | None, *, shifted: bool
) -> MadeWindow | None:
    """One window; None where too few runs are affected."""
    style = _style(rng)
    count = rng.randint(60, 300) if runs is None else runs
    draws = _draws(rng, style, count)
    measure = rng.choice(list(Measure)) if shifted else None
    if measure is Measure.SCORE and style.score_name is None:
        style.score_name, style.score_level = "quality", rng.uniform(0.7, 0.95)
    changes = _changes(rng, style, draws)
    cause = changes[0] if shifted else None
    chosen = _slice(rng, style) if shifted and rng.random() < 0.4 else None
    for draw in draws:
        draw.has = [_has(rng, draw, change, draws) for change in changes]
        within = chosen is None or chosen[1] in (draw.tenant, draw.region, draw.agent.name)
        draw.affected = shifted and draw.has[0] and within
    affected = sum(draw.affected for draw in draws)
    if cause is not None and (affected < LEAST or _before(cause, chosen, draws) < LEAST):
        return None
    effect = _effect(rng, measure)
    better = 0.5 if not shifted and changes and rng.random() < 0.15 else 1.0
    made = tuple(
        _run(rng, style, draw, index, changes, measure, effect, better)
        for index, draw in enumerate(draws)
    )
    words = f"effect {effect:.2f} spread {style.spread:.2f} heavy {style.heavy} "
    words += f"swing {style.swing:.2f} drift {style.mix_drift:.1f} agents {len(style.agents)} "
    words += f"tenants {len(style.tenants)} better {better}"
    truth = Truth(seed, count, measure, cause, tuple(changes), chosen, affected, words)
    return MadeWindow(truth, made)


def _before(cause: MadeChange, chosen: tuple[str, str] | None, draws: Sequence[_Draw]) -> int:
    """How many runs before the change are such as it affects later."""
    return sum(
        cause.agent in (None, draw.agent.name)
        and (chosen is None or chosen[1] in (draw.tenant, draw.region, draw.agent.name))
        for draw in draws[: cause.at]
    )


def _style(rng: random.Random) -> Style:
    names = rng.sample(["booking", "billing", "search", "support", "coder", "triage"], 6)
    models = ["nova-2", "orca-large", "swift-4", "lumen-mini", "terra-1"]
    rng.shuffle(models)
    agents = [
        Agent(
            name=f"{names[i]}_agent",
            seconds=math.exp(rng.uniform(math.log(0.8), math.log(25))),
            tokens=int(math.exp(rng.uniform(math.log(200), math.log(6_000)))),
            calls=rng.randint(1, 3),
            model=models[i % 3],
            router=(models[3], models[4]) if rng.random() < 0.2 else (),
            tool=rng.choice(["lookup", "fetch_page", "query_db", "list_orders"]),
        )
        for i in range(rng.choice([1, 1, 2, 3, 4]))
    ]
    tenants = {
        f"{name}": math.exp(rng.gauss(0, 0.25))
        for name in ("acme", "globex", "initech", "umbrella", "hooli", "stark")[: rng.randint(1, 6)]
    }
    return Style(
        agents=agents,
        tenants=tenants,
        regions=["eu-west", "us-east", "ap-south"][: rng.randint(1, 3)],
        tenant_key=rng.choice(["tenant.id", "user.id", "metadata", "customer"]),
        region_key=rng.choice(["cloud.region", "region"]),
        spread=rng.uniform(0.2, 0.6),
        token_spread=rng.uniform(0.15, 0.5),
        heavy=rng.choice([0.0, 0.0, 0.02, 0.05]),
        swing=rng.choice([0.0, 0.0, 0.15, 0.3]),
        score_name=rng.choice([None, "helpfulness", "relevance"]),
        score_level=rng.uniform(0.7, 0.95),
        base_empty=rng.choice([0.0, 0.0, 0.0, 0.03]),
        base_evasive=rng.choice([0.0, 0.03, 0.08]),
        binary_score=rng.random() < 0.3,
        mix_drift=rng.choice([0.0, 0.0, 0.5, 1.0]),
        tenant_weights=[1 / (1 + i) ** rng.uniform(0.2, 1.2) for i in range(len(tenants))],
    )


def _draws(rng: random.Random, style: Style, count: int) -> list[_Draw]:
    hours = rng.choice([2, 8, 24, 72, 168])
    volume = rng.choice(["even", "rising", "day"])
    places = sorted(_place(rng, volume, hours) for _ in range(count))
    found = []
    for place in places:
        weights = [
            1.0 + style.mix_drift * 3 * (place if i == 0 else 1 - place)
            for i in range(len(style.agents))
        ]
        found.append(
            _Draw(
                agent=rng.choices(style.agents, weights)[0],
                tenant=rng.choices(list(style.tenants), style.tenant_weights)[0],
                region=rng.choice(style.regions),
                at_ms=_EPOCH_MS + place * hours * _HOUR_MS,
            )
        )
    return found


def _place(rng: random.Random, volume: str, hours: int) -> float:
    """Where in the window a run begins, from 0 to 1."""
    while True:
        place = rng.random()
        if volume == "rising" and rng.random() > 0.25 + 0.75 * place:
            continue
        if volume == "day" and rng.random() > 0.55 + 0.45 * math.sin(place * hours / 24 * math.tau):
            continue
        return place


def _changes(rng: random.Random, style: Style, draws: Sequence[_Draw]) -> list[MadeChange]:
    """One or two; the second of another kind, elsewhere in time or of another agent."""
    count = len(draws)
    kinds = rng.sample(list(ChangeKind), 2)
    first = MadeChange(
        kinds[0],
        rng.randint(max(LEAST, count // 6), count - max(LEAST, count // 6)),
        rng.choice(style.agents).name if len(style.agents) > 1 and rng.random() < 0.4 else None,
        0.5 if rng.random() < 0.15 else 1.0,
    )
    if rng.random() < 0.5:
        return [first]
    far = [
        place
        for place in range(max(5, count // 10), count - max(5, count // 10))
        if abs(place - first.at) >= max(12, count // 6)
    ]
    others = [a.name for a in style.agents if first.agent is not None and a.name != first.agent]
    if others and rng.random() < 0.5:
        return [first, MadeChange(kinds[1], first.at, rng.choice(others))]
    return [first, MadeChange(kinds[1], rng.choice(far), None)] if far else [first]


def _has(rng: random.Random, draw: _Draw, change: MadeChange, draws: Sequence[_Draw]) -> bool:
    return (
        draw.at_ms >= draws[change.at].at_ms
        and change.agent in (None, draw.agent.name)
        and (change.share >= 1 or rng.random() < change.share)
    )


def _slice(rng: random.Random, style: Style) -> tuple[str, str] | None:
    choices = [("tenant", name) for name in style.tenants if len(style.tenants) > 1]
    choices += [("region", name) for name in style.regions if len(style.regions) > 1]
    choices += [("agent", one.name) for one in style.agents if len(style.agents) > 1]
    return rng.choice(choices) if choices else None


def _effect(rng: random.Random, measure: Measure | None) -> float:
    match measure:
        case Measure.LATENCY | Measure.TOKENS:
            return math.exp(rng.uniform(math.log(2.0), math.log(6.0)))
        case _:
            return rng.uniform(0.3, 0.7)


def _run(
    rng: random.Random,
    style: Style,
    draw: _Draw,
    index: int,
    changes: Sequence[MadeChange],
    measure: Measure | None,
    effect: float,
    better: float,
) -> MadeRun:
    agent, shifted = draw.agent, measure if draw.affected else None
    seconds = agent.seconds * style.tenants[draw.tenant] * rng.lognormvariate(0, style.spread)
    hour = draw.at_ms / _HOUR_MS
    seconds *= 1 + style.swing * math.sin(hour / 24 * math.tau)
    if rng.random() < style.heavy:
        seconds *= rng.uniform(3, 12)
    tokens = agent.tokens * rng.lognormvariate(0, style.token_spread)
    if any(draw.has):
        seconds *= better
    if shifted is Measure.LATENCY:
        seconds *= effect
    if shifted is Measure.TOKENS:
        tokens *= effect
        seconds *= rng.choice([1.0, 1.0, 1.2])
    empty = rng.random() < style.base_empty + (effect if shifted is Measure.EMPTY else 0)
    evasive = rng.random() < style.base_evasive + (effect if shifted is Measure.EVASIVE else 0)
    score = None
    if style.score_name is not None:
        level = style.score_level - (effect if shifted is Measure.SCORE else 0)
        score = float(rng.random() < level) if style.binary_score else level + rng.gauss(0, 0.08)
        score = round(min(1.0, max(0.0, score)), 3)
    answer = "" if empty else _evasion(rng) if evasive else _answer(rng, draw, index)
    spans = tuple(_spans(rng, style, draw, index, changes, seconds, tokens, answer))
    return MadeRun(_hex(rng, 32), spans, score)


def _evasion(rng: random.Random) -> str:
    return rng.choice(
        [
            "I don't know.",
            "I'm sorry, but this topic is not covered by my documents.",
            "I could not find any information about that.",
            "Sorry, I do not have information on this.",
        ]
    )


def _answer(rng: random.Random, draw: _Draw, index: int) -> str:
    thing = rng.choice(["order", "booking", "ticket", "invoice", "parcel"])
    state = rng.choice(["is on its way", "was confirmed", "is ready", "has been booked"])
    return f"Your {thing} {1_000 + index} for {draw.tenant} {state}."


def _spans(
    rng: random.Random,
    style: Style,
    draw: _Draw,
    index: int,
    changes: Sequence[MadeChange],
    seconds: float,
    tokens: float,
    answer: str,
) -> Iterator[MadeSpan]:
    agent = draw.agent
    had = {change.kind for change, has in zip(changes, draw.has, strict=True) if has}
    model = rng.choice(agent.router) if agent.router else agent.model
    setup = {
        "model": f"{agent.model}-next" if ChangeKind.MODEL in had else model,
        "system": f"You are the {agent.name}. Answer from the tools."
        + (" Think step by step and be thorough." if ChangeKind.PROMPT in had else ""),
        "temperature": 0.7 if ChangeKind.PARAMETERS in had else 0.2,
        "tools": [agent.tool, *(["remember"] if ChangeKind.TOOLS in had else [])],
    }
    start, end = draw.at_ms, draw.at_ms + seconds * 1_000
    question = f"What about item {1_000 + index}?"
    tenant: dict[str, JsonValue] = {style.tenant_key: draw.tenant}
    if style.tenant_key == "metadata":
        tenant = {"metadata": json.dumps({"tenant": draw.tenant, "request": index})}
    release = "2.0.0" if ChangeKind.RELEASE in had else "1.9.3"
    root_id = _hex(rng, 16)
    about = {**tenant, style.region_key: draw.region, "service.version": release}
    about |= {"agent": agent.name, "input": question, "output": answer}
    if style.score_name is not None:
        about["score_name"] = style.score_name
    yield MadeSpan(root_id, None, agent.name, "AGENT", start, end, about)
    asked: list[dict[str, Any]] = [{"role": "user", "content": question}]
    step = (end - start) / (agent.calls + 1)
    clock = start
    for call in range(agent.calls):
        width = step * rng.uniform(0.6, 0.8)
        arguments = json.dumps({"item": 1_000 + index, "page": call})
        call_id = f"call_{_hex(rng, 8)}"
        said = {**setup, "asked": list(asked), "calls": (call_id, agent.tool, arguments)}
        said["tokens"] = _counts(rng, tokens / (agent.calls + 1))
        yield MadeSpan(_hex(rng, 16), root_id, "chat", "LLM", clock + 1, clock + width, said)
        result = json.dumps({"item": 1_000 + index, "page": call, "state": "open"})
        done: dict[str, Any] = {
            "tool": agent.tool,
            "arguments": arguments,
            "result": result,
            "call_id": call_id,
        }
        tool_id = _hex(rng, 16)
        yield MadeSpan(tool_id, root_id, agent.tool, "TOOL", clock + width, clock + step - 2, done)
        asked.append({"role": "assistant", "calls": (call_id, agent.tool, arguments)})
        asked.append({"role": "tool", "content": result, "call_id": call_id})
        clock += step
    said = {**setup, "asked": asked, "answer": answer}
    said["tokens"] = _counts(rng, tokens / (agent.calls + 1))
    yield MadeSpan(_hex(rng, 16), root_id, "chat", "LLM", clock + 1, end - 1, said)


def _counts(rng: random.Random, tokens: float) -> tuple[int, int]:
    share = rng.uniform(0.6, 0.8)
    return max(1, int(tokens * share)), max(1, int(tokens * (1 - share)))


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(digits * 4):0{digits}x}"


def write_openinference(window: MadeWindow, path: Path) -> Path:
    """The window as spans with flat OpenInference keys, one JSON array."""
    spans = [_openinference(run, span) for run in window.runs for span in run.spans]
    path.write_text(json.dumps(spans), encoding="utf-8")
    return path


def write_otlp(window: MadeWindow, path: Path) -> Path:
    """The window as OTLP JSON with the keys of `gen_ai`."""
    by_resource: dict[str, list[JsonValue]] = {}
    for run in window.runs:
        version = str(run.spans[0].said["service.version"])
        by_resource.setdefault(version, []).extend(_otlp(run, span) for span in run.spans)
    exported: list[JsonValue] = [
        {
            "resource": {"attributes": _keyed({"service.name": "desk", "service.version": name})},
            "scopeSpans": [{"spans": spans}],
        }
        for name, spans in by_resource.items()
    ]
    path.write_text(json.dumps({"resourceSpans": exported}), encoding="utf-8")
    return path


def _score_event(run: MadeRun, span: MadeSpan) -> dict[str, JsonValue] | None:
    """What an evaluator said of the run; None where none did."""
    if run.score is None or span.parent is not None:
        return None
    return {
        "gen_ai.evaluation.name": span.said["score_name"],
        "gen_ai.evaluation.score.value": run.score,
    }


def _shared(span: MadeSpan) -> dict[str, JsonValue]:
    """What a root says of its circumstances, in either format."""
    left_out = ("agent", "input", "output", "score_name")
    return {key: value for key, value in span.said.items() if key not in left_out}


def _openinference(run: MadeRun, span: MadeSpan) -> dict[str, JsonValue]:
    said = span.said
    attributes: dict[str, JsonValue] = {"openinference.span.kind": span.kind}
    if span.kind == "AGENT":
        attributes |= _shared(span)
        attributes |= {"agent.name": said["agent"], "input.value": said["input"]}
        attributes["output.value"] = said["output"]
    elif span.kind == "TOOL":
        attributes |= {"tool.name": said["tool"], "input.value": said["arguments"]}
        attributes["output.value"] = said["result"]
    else:
        attributes |= _openinference_model_call(said)
    event = _score_event(run, span)
    return {
        "name": span.name,
        "context": {"trace_id": run.trace_id, "span_id": span.span_id},
        "span_kind": span.kind,
        "parent_id": span.parent,
        "start_time": _iso(span.start),
        "end_time": _iso(span.end),
        "status_code": "OK",
        "status_message": "",
        "attributes": attributes,
        "events": []
        if event is None
        else [
            {
                "name": "gen_ai.evaluation.result",
                "timestamp": _iso(span.end),
                "attributes": event,
            }
        ],
    }


def _openinference_model_call(said: Mapping[str, Any]) -> dict[str, JsonValue]:
    prompt, completion = said["tokens"]
    attributes: dict[str, JsonValue] = {
        "llm.model_name": said["model"],
        "llm.invocation_parameters": json.dumps({"temperature": said["temperature"]}),
        "llm.token_count.prompt": prompt,
        "llm.token_count.completion": completion,
        "llm.token_count.total": prompt + completion,
        "llm.finish_reason": "stop" if "answer" in said else "tool_calls",
    }
    for index, name in enumerate(said["tools"]):
        schema = {"type": "function", "function": {"name": name, "description": f"To {name}."}}
        attributes[f"llm.tools.{index}.tool.json_schema"] = json.dumps(schema)
    asked = [{"role": "system", "content": said["system"]}, *said["asked"]]
    answered: dict[str, Any] = {"role": "assistant", "content": said.get("answer")}
    answered |= {"calls": said["calls"]} if "calls" in said else {}
    for place, messages in (("input", asked), ("output", [answered])):
        for index, message in enumerate(messages):
            base = f"llm.{place}_messages.{index}.message."
            attributes[base + "role"] = message["role"]
            if message.get("content") is not None:
                attributes[base + "content"] = message["content"]
            if "call_id" in message:
                attributes[base + "tool_call_id"] = message["call_id"]
            if "calls" in message:
                call = base + "tool_calls.0.tool_call."
                attributes[call + "id"] = message["calls"][0]
                attributes[call + "function.name"] = message["calls"][1]
                attributes[call + "function.arguments"] = message["calls"][2]
    return attributes


def _otlp(run: MadeRun, span: MadeSpan) -> dict[str, JsonValue]:
    said: Mapping[str, Any] = span.said
    if span.kind == "AGENT":
        about = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": said["agent"]}
        about |= _shared(span)
        about["gen_ai.input.messages"] = _parts([{"role": "user", "content": said["input"]}])
        about["gen_ai.output.messages"] = _parts([{"role": "assistant", "content": said["output"]}])
    elif span.kind == "TOOL":
        about = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": said["tool"]}
        about |= {"gen_ai.tool.call.id": said["call_id"]}
        about |= {"gen_ai.tool.call.arguments": said["arguments"]}
        about["gen_ai.tool.call.result"] = said["result"]
    else:
        prompt, completion = said["tokens"]
        answered = {"role": "assistant", "content": said.get("answer")}
        answered |= {"calls": said["calls"]} if "calls" in said else {}
        about = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": said["model"],
            "gen_ai.request.temperature": said["temperature"],
            "gen_ai.usage.input_tokens": prompt,
            "gen_ai.usage.output_tokens": completion,
            "gen_ai.response.finish_reasons": ["stop" if "answer" in said else "tool_calls"],
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": said["system"]}]),
            "gen_ai.input.messages": _parts(said["asked"]),
            "gen_ai.output.messages": _parts([answered]),
            "gen_ai.tool.definitions": json.dumps(
                [{"type": "function", "name": name} for name in said["tools"]]
            ),
        }
    event = _score_event(run, span)
    found: dict[str, JsonValue] = {
        "traceId": run.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "startTimeUnixNano": str(int(span.start * _MS)),
        "endTimeUnixNano": str(int(span.end * _MS)),
        "attributes": _keyed(about),
        "status": {},
    }
    if span.parent is not None:
        found["parentSpanId"] = span.parent
    if event is not None:
        at = str(int(span.end * _MS))
        name = "gen_ai.evaluation.result"
        found["events"] = [{"name": name, "timeUnixNano": at, "attributes": _keyed(event)}]
    return found


def _parts(messages: Sequence[Mapping[str, Any]]) -> str:
    """Messages as the semantic conventions write them."""
    found = []
    for message in messages:
        parts: list[dict[str, JsonValue]] = []
        if "call_id" in message:
            content = message["content"]
            parts.append(
                {"type": "tool_call_response", "id": message["call_id"], "response": content}
            )
        elif message.get("content") is not None:
            parts.append({"type": "text", "content": message["content"]})
        if "calls" in message:
            call_id, name, arguments = message["calls"]
            call: dict[str, JsonValue] = {"type": "tool_call", "id": call_id, "name": name}
            parts.append({**call, "arguments": json.loads(arguments)})
        found.append({"role": message["role"], "parts": parts})
    return json.dumps(found)


def _keyed(values: Mapping[str, JsonValue]) -> list[JsonValue]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: JsonValue) -> dict[str, JsonValue]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(one) for one in value]}}
        case _:
            return {"stringValue": str(value)}


def _iso(ms: float) -> str:
    whole = datetime.fromtimestamp(int(ms) / 1_000, UTC)
    return whole.isoformat(timespec="milliseconds").replace("+00:00", "Z")
