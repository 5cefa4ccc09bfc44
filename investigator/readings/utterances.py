"""What is said and done: words from a source, a call with its result, and what is hidden."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from investigator.ground.canonical_json import JsonValue, json_object
from investigator.traces.evidence import Citation, EvidenceRef
from investigator.traces.model import REDACTED, Span

_NESTED = 100


class Source(StrEnum):
    """Where words came from; the system and the user are trusted, tools and documents are data."""

    SYSTEM = "SYSTEM"
    USER = "USER"
    ASSISTANT = "ASSISTANT"
    TOOL = "TOOL"
    RETRIEVAL = "RETRIEVAL"


UNTRUSTED = frozenset({Source.TOOL, Source.RETRIEVAL})
"""Sources whose words are data: nobody who may give orders wrote them to the agent."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words from one source; `tool` is the tool (or retriever) whose output they are.

    `shown` is where they stand.
    `is_error` says that the source marks them as the answer of a call that failed; `failure` is the
    part of a tool's answer that says so.
    """

    position: int
    source: Source
    text: str
    span: Span
    shown: Citation
    tool: str | None = None
    is_error: bool = False
    failure: str | None = None

    @property
    def evidence(self) -> EvidenceRef:
        """The reference to them."""
        return self.shown.evidence

    @property
    def hidden(self) -> bool:
        """Whether part of the words was withheld from the trace."""
        return REDACTED in self.text


@dataclass(frozen=True, slots=True)
class Action:
    """One call of a tool; `arguments` is canonical JSON where the arguments are JSON.

    `span` is the step that asked for it and `shown` is where the asking stands. `result` is what
    came back, None where the trace does not say. `hands_over` says that it gave the conversation to
    another agent or to a person (see `handovers`). `ran` is the TOOL span that carried it out.
    """

    position: int
    tool: str
    arguments: str
    call_id: str | None
    span: Span
    shown: Citation
    result: Utterance | None = None
    hands_over: bool = False
    ran: Span | None = None

    @property
    def evidence(self) -> EvidenceRef:
        """The reference to the asking."""
        return self.shown.evidence

    @property
    def hidden(self) -> bool:
        """Whether part of the arguments was withheld from the trace."""
        return REDACTED in self.arguments

    @property
    def parsed(self) -> dict[str, JsonValue] | None:
        """The arguments by name; None where they are no JSON object."""
        return json_object(self.arguments)

    @property
    def leaves(self) -> tuple[tuple[str, str], ...]:
        """Every plain value with the path that leads to it (`recipients.0`), as text.

        Arguments that are no JSON object are one value with an empty path.
        """
        found = self.parsed
        if found is None:
            return (("", self.arguments),) if self.arguments else ()
        return tuple(_leaves(found))


Item = Utterance | Action


@dataclass(frozen=True, slots=True)
class Gap:
    """Words of a source that the trace withholds or lacks; `line` says which."""

    position: int
    source: Source
    line: str


def _leaves(value: JsonValue) -> Iterator[tuple[str, str]]:
    pending: list[tuple[tuple[str, ...], JsonValue]] = [((), value)]
    while pending:
        path, item = pending.pop()
        below: Iterable[tuple[object, JsonValue]] = ()
        if len(path) < _NESTED and isinstance(item, dict):
            below = item.items()
        elif len(path) < _NESTED and isinstance(item, list):
            below = enumerate(item)
        elif item is not None:
            yield ".".join(path), item if isinstance(item, str) else json.dumps(item)
        pending += [((*path, str(key)), inner) for key, inner in below][::-1]
