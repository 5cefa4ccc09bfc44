"""The stop sequences of a model call: the provider cuts them, and what follows, off the answer.

Sources record them as an attribute of its own (`gen_ai.request.stop_sequences`), among the
parameters (`llm.invocation_parameters`), or in the request as it was sent (`input.value`), each
under the provider's own name: `stop`, `stop_sequences`, `stopSequences`, `stop_strings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, json_object, read_json
from investigator.readings.view import TraceView
from investigator.traces.model import Span, SpanKind

_NAMES = r"(?:ls_?)?stop(?:_?(?:seqs?|sequences?|strings?|tokens?|words?))?|end_?sequences?"
_NAME = re2.compile(rf"(?i)(?:{_NAMES})")
_FIRST_WORDS = ("stop", "ls", "end")
_IN_TEXT = re2.compile(
    rf"""(?i)(?:["'](?:{_NAMES})["']\s*:|\b(?:{_NAMES})\s*=)\s*"""
    r"""(\[[^\]]{0,400}|\([^)]{0,400}|"[^"\n]{0,100}"|'[^'\n]{0,100}')"""
)
_QUOTED = re2.compile(r""""([^"\n]+)"|'([^'\n]+)'""")
_INDEX = re2.compile(r"(?:\.\d+)+$")
_SAID = ("output.", "llm.output_messages.", "llm.input_messages.", "retrieval.")
"""Attributes of what was said or found: a `stop` in there is no parameter."""
_DEPTH = 6
"""How deep a request nests its parameters at most; Bedrock's and Google's are at two."""


def stops_of(view: TraceView, span: Span) -> tuple[str, ...]:
    """Every stop sequence recorded of a model call, each once, in the order found.

    A framework and the client that it calls may each have a span of the same call, and only one
    of them may record the parameters.
    """
    spans = (span, view.trace.parent(span), *view.trace.children(span.span_id))
    calls = [call for call in spans if call is not None and call.kind is SpanKind.LLM]
    found = (stop for call in calls for key in call.attributes for stop in _recorded(call, key))
    return tuple(dict.fromkeys(stop for stop in found if stop.strip()))


def as_generated(answer: str, stops: tuple[str, ...]) -> tuple[str, ...]:
    """The answer, and what it may have been before a stop sequence was cut off its end."""
    return (answer, *(answer + stop for stop in stops))


def is_cut_off(marker: str, answer: str, stops: tuple[str, ...]) -> bool:
    """Whether a stop sequence cut a marker, or the end of it, off the end of an answer."""
    for stop in stops:
        place = 0 if marker in stop else marker.find(stop.strip())
        if place == 0 or (place > 0 and answer.endswith(marker[:place])):
            return True
    return False


def _recorded(span: Span, key: str) -> Iterator[str]:
    if key.startswith(_SAID):
        return
    value = span.attributes[key]
    if _is_name((_INDEX.sub("", key) if key[-1:].isdigit() else key).rpartition(".")[2]):
        yield from _sequences(value)
    elif isinstance(value, dict):
        yield from _within(value, _DEPTH)
    elif isinstance(value, str):
        yield from _in_text(value, _DEPTH)


def _is_name(name: str) -> bool:
    return name.lower().startswith(_FIRST_WORDS) and _NAME.fullmatch(name) is not None


def _within(held: Mapping[str, JsonValue], depth: int) -> Iterator[str]:
    """The stop sequences among parameters, those that are nested or written as text included."""
    for key, value in held.items():
        if _is_name(key):
            yield from _sequences(value)
        elif depth and isinstance(value, dict):
            yield from _within(value, depth - 1)
        elif depth and isinstance(value, str) and value.startswith("{"):
            yield from _in_text(value, depth - 1)


def _in_text(text: str, depth: int) -> Iterator[str]:
    """Parameters as JSON text, or as what is left of it, or as Python prints them."""
    lowered = text.lower()
    if "stop" not in lowered and "end_seq" not in lowered and "endseq" not in lowered:
        return
    held = json_object(text)
    if held is not None:
        yield from _within(held, depth)
        return
    for found in _IN_TEXT.finditer(text):
        yield from (double or single for double, single in _QUOTED.findall(found.group(1)))


def _sequences(value: JsonValue) -> Iterator[str]:
    """One sequence, or a list of them, also as the JSON text of such a list."""
    if isinstance(value, str) and value.startswith("["):
        try:
            listed = read_json(value)
        except (ValueError, RecursionError):
            listed = None
        value = listed if isinstance(listed, list) else value
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one
