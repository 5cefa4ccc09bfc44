"""What a trace's spans say of how the agent was set up: nothing of what it did.

Facts are read for each service and agent: model, provider, parameters, prompt, tools, release.
Two traces are compared by `key`; `shown` is the bounded form for people, without secrets. A text
that is too long to show is known by its hash. Hidden content (`__REDACTED__`) is no fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, canonical_json, read_json, sha256_text
from investigator.ground.patterns import well_formed
from investigator.incident.signature import Services
from investigator.readings.quoting import Quoting
from investigator.readings.reading import Readings
from investigator.readings.templates import masked
from investigator.traces.evidence import EvidenceRef, message_evidence, span_evidence
from investigator.traces.model import REDACTED, Span, SpanKind
from investigator.traces.openinference import input_messages_of, tool_definitions_of


class FactKind(StrEnum):
    """What a fact is about; the order is that in which equal changes are told."""

    CONFIG = "config"
    MODEL = "model"
    PROMPT = "prompt"
    TOOLS = "tools"
    PARAMETERS = "parameters"
    PROVIDER = "provider"
    RELEASE = "release"


FACT_LIMIT = 150
"""How many facts of one trace are kept."""

SYSTEM_MESSAGE = "system message"
SYSTEM_MESSAGE_SHAPE = "system message apart from names, dates and numbers"
SYSTEM_MESSAGE_OPENING = "opening of the system message"
COARSER_FORMS = (SYSTEM_MESSAGE_SHAPE, SYSTEM_MESSAGE_OPENING)
"""What stays the same where a system message carries the date, or documents, of its trace."""

_SHOWN = 90
_JSON_LIMIT = 20_000
_PROMPT_LIMIT = 50_000
_OPENING = 300
_SYSTEM_ROLES = frozenset({"system", "developer"})
_OF_ONE_CALL = frozenset(
    {
        "messages",
        "input",
        "prompt",
        "tools",
        "functions",
        "user",
        "metadata",
        "seed",
        "model",
        "extra_headers",
        "extra_body",
        "stream",
        "system",
        "contents",
        "request_id",
        "session_id",
    }
)
"""Invocation parameters that hold the content of a call, or are told as facts of their own."""

_MODEL_KEYS = ("llm.model_name", "embedding.model_name", "reranker.model_name")
_PROVIDER_KEYS = ("llm.provider", "llm.system")
_TEMPLATE_KEYS = (
    ("llm.prompt_template.template", "prompt template"),
    ("llm.prompt_template.version", "prompt template version"),
)
_RELEASE_KEY = re2.compile(
    r"(?i)version|release|revision|commit|deploy|build|rollout|variant|experiment|feature.?flag"
    r"|prompt.?(id|name|label)|^tag\.tags$"
)
_CONTENT_KEY = re2.compile(
    r"(?i)^(llm\.(input|output)_messages|llm\.(tools|prompt|prompts|invocation|token)|input\.|output\.|retrieval\."
    r"|reranker\.|embedding\.|tool\.|tool_call\.|document|message|http\.|url\.|net\."
    r"|gen_ai\.(input|output|prompt|completion|response|tool)|exception\.|prompt_template)"
    r"|protocol|schema"
)
_TOOL_NAMES_KEY = re2.compile(r"(?i)(^|[._-])(available_?tools|tools?_?names)$")


@dataclass(frozen=True, slots=True)
class FactSubject:
    """What a fact is a fact of; `service` and `agent` are empty where unknown."""

    kind: FactKind
    service: str
    agent: str
    name: str

    @property
    def words(self) -> str:
        """For a sentence: `model of agent planner`."""
        return f"{self.name} of {self.agent}" if self.agent else self.name


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one subject in one trace, with the first place that says it."""

    subject: FactSubject
    key: str
    shown: str
    evidence: EvidenceRef


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """The facts of a trace in a stable order, and how many more there were."""

    facts: tuple[Fact, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Said:
    """A raw value with its place; `text` is what is compared."""

    kind: FactKind
    name: str
    text: str
    cite: Callable[[], EvidenceRef]
    long: bool = False


def facts_of(read: Readings, services: Services) -> TraceFacts:
    """What the spans say; of equal facts the first in span order is cited."""
    first: dict[tuple[FactSubject, str], _Said] = {}
    for span in read.trace.spans:
        agent = _name(read.trace.agent_of(span) or "", read.quote)
        for said in _said_by(span, read.quote):
            if said.text and said.text != REDACTED:
                per_agent = agent if said.kind is not FactKind.RELEASE else ""
                subject = FactSubject(said.kind, services[span.span_id], per_agent, said.name)
                first.setdefault((subject, said.text), said)
    order = list(FactKind)
    ranked = sorted(
        first.items(),
        key=lambda item: (
            order.index(item[0][0].kind),
            item[0][0].service,
            item[0][0].agent,
            item[0][0].name,
            item[0][1],
        ),
    )
    kept = tuple(_fact(subject, said, read.quote) for (subject, _), said in ranked[:FACT_LIMIT])
    return TraceFacts(kept, max(0, len(ranked) - FACT_LIMIT))


def _fact(subject: FactSubject, said: _Said, quote: Quoting) -> Fact:
    sha256 = sha256_text(said.text)
    if said.long:
        opening = quote.line(said.text[:1_000], 50)
        shown = f"sha256:{sha256[:12]} “{opening}”"
    else:
        shown = quote.line(said.text[:4_000], _SHOWN)
    return Fact(subject, sha256, shown, said.cite())


def _name(name: str, quote: Quoting) -> str:
    return quote.line(name, _SHOWN) if name else ""


def _said_by(span: Span, quote: Quoting) -> Iterator[_Said]:
    cite = partial(span_evidence, span)
    for key in _MODEL_KEYS:
        if text := span.text(key):
            name = "model" if key == "llm.model_name" else key.replace("_", " ").replace(".", " ")
            yield _Said(FactKind.MODEL, name, text, cite)
    for key in _PROVIDER_KEYS:
        if text := span.text(key):
            yield _Said(FactKind.PROVIDER, key.removeprefix("llm."), text, cite)
    for key, name in _TEMPLATE_KEYS:
        if text := span.text(key):
            yield _Said(FactKind.PROMPT, name, text, cite, long=len(text) > _SHOWN)
    if span.kind is SpanKind.LLM:
        yield from _said_by_model_call(span, cite)
    if span.kind is SpanKind.TOOL:
        yield from _said_of_tool(span, cite, quote)
    yield from _said_of_release(span, cite, quote)


def _said_by_model_call(span: Span, cite: Callable[[], EvidenceRef]) -> Iterator[_Said]:
    messages = input_messages_of(span)
    for index, message in enumerate(messages):
        if message.role in _SYSTEM_ROLES and message.content:
            cite_message = partial(message_evidence, span, index, message)
            for name, text in ((SYSTEM_MESSAGE, message.content), *_coarser(message.content)):
                yield _Said(FactKind.PROMPT, name, text, cite_message, long=True)
            break
    else:
        if messages:
            yield _Said(FactKind.PROMPT, SYSTEM_MESSAGE, "(none)", cite)
    tools = tool_definitions_of(span)
    if tools:
        names = ", ".join(sorted({tool.name or "(unnamed)" for tool in tools}))
        yield _Said(FactKind.TOOLS, "tools offered", names, cite)
        definitions = "\n".join(sorted(tool.json_schema for tool in tools))
        yield _Said(FactKind.TOOLS, "tool definitions", definitions, cite, long=True)
    elif messages:
        yield _Said(FactKind.TOOLS, "tools offered", "(none)", cite)
    parameters = json_object_of(span.text("llm.invocation_parameters"))
    settings = {key: value for key, value in parameters.items() if key not in _OF_ONE_CALL}
    if settings:
        yield _Said(FactKind.PARAMETERS, "parameters", canonical_json(settings), cite)


@lru_cache(maxsize=16)
def _coarser(content: str) -> tuple[tuple[str, str], ...]:
    """The coarser forms of a system message, which many calls in a row share."""
    return (
        (SYSTEM_MESSAGE_SHAPE, masked(content[:_PROMPT_LIMIT])),
        (SYSTEM_MESSAGE_OPENING, masked(content[:_OPENING])),
    )


def _said_of_tool(span: Span, cite: Callable[[], EvidenceRef], quote: Quoting) -> Iterator[_Said]:
    name = span.text("tool.name") or span.name
    for key in ("tool.description", "tool.json_schema"):
        if text := span.text(key):
            about = f"{key.removeprefix('tool.').replace('_', ' ')} of tool {_name(name, quote)}"
            yield _Said(FactKind.TOOLS, about, text, cite, long=len(text) > _SHOWN)


def _said_of_release(
    span: Span, cite: Callable[[], EvidenceRef], quote: Quoting
) -> Iterator[_Said]:
    for raw_key, value in span.attributes.items():
        key = well_formed(raw_key)
        if key == "metadata" or key.endswith(".metadata"):
            if _CONTENT_KEY.search(key) is None:
                held = json_object_of(value if isinstance(value, str) else None)
                inner = {f"{key}.{well_formed(name)}": item for name, item in held.items()}
                yield from _releases(inner, cite, quote)
        elif names_release(key):
            yield from _releases({key: value}, cite, quote)
        elif _TOOL_NAMES_KEY.search(key) is not None and (text := span.text(raw_key)):
            yield _Said(FactKind.TOOLS, _name(key, quote), text, cite, long=len(text) > _SHOWN)


def _releases(
    values: dict[str, JsonValue], cite: Callable[[], EvidenceRef], quote: Quoting
) -> Iterator[_Said]:
    for key, value in values.items():
        if value is None or isinstance(value, dict) or not names_release(key):
            continue
        text = value if isinstance(value, str) else canonical_json(value)
        yield _Said(FactKind.RELEASE, _name(key, quote), text, cite, long=len(text) > _SHOWN)


def names_content(key: str) -> bool:
    """Whether a key holds what was said or done, not who did it or where."""
    return _CONTENT_KEY.search(key) is not None


@lru_cache(maxsize=4_096)
def names_release(key: str) -> bool:
    """Whether a key tells of a version, a release or an experiment."""
    return _RELEASE_KEY.search(key) is not None and _CONTENT_KEY.search(key) is None


def json_object_of(text: str | None) -> dict[str, JsonValue]:
    """Parse text as a JSON object; empty if it isn't one."""
    if text is None or len(text) > _JSON_LIMIT or not text.lstrip().startswith("{"):
        return {}
    try:
        value = read_json(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
