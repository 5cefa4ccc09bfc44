"""Calls of tools that stand in a text as words, in the forms in which models write them.

A runtime that reads calls from text carries them out; any other leaves them as they are. Here is
only said what is written, and whether the text goes on with a result that it wrote itself.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed

_WINDOW = 50_000
_HEAD = 500
_NAME = r"[\"'`]?([A-Za-z_][\w.-]{0,80})[\"'`]?"
_ARGUMENTS = (
    r"[\"'](?:arguments|parameters|args|input|action_input|tool_input|params|kwargs)[\"']\s*:"
)
_TAGGED = {
    r"(?s)<tool_call>\s*" + _NAME + r"\s*[\n<(]": "<tool_call>",
    r"<(?:\w+:)?(?:function|invoke|tool|tool_use|tool_call|call)(?:\s+name)?\s*=\s*" + _NAME: "<",
    r"<tool_name>\s*" + _NAME + r"\s*</tool_name>": "<tool_name>",
    r"\bto=functions\." + _NAME: "to=functions.",
    r"\bfunctions\." + _NAME + r":\d+": "functions.",
    r"\[TOOL_CALLS\]\s*" + _NAME + r"\s*(?:\[ARGS\]|\{)": "[TOOL_CALLS]",
    r"<\|python_tag\|>\s*" + _NAME + r"\s*\(": "<|python_tag|>",
    r"tool\S{0,4}sep\S{0,2}>\s*" + _NAME: "sep",
    r"\bdefault_api\." + _NAME + r"\s*\(": "default_api.",
    # A tool's name as the tag itself, its arguments as tags within.
    r"(?m)^\s*<([a-z]\w*_\w+)>\s*<\w+>": "<",
}
_PLAIN = {
    r"[\"'](?:name|tool|tool_name|function|action|recipient_name)[\"']\s*:\s*"
    + _NAME
    + r"\s*,\s*(?:[\"']\w+[\"']\s*:\s*[\"'][\w.-]*[\"']\s*,\s*)?"
    + _ARGUMENTS: ":",
    r"[\"']function[\"']\s*:\s*\{\s*[\"']name[\"']\s*:\s*" + _NAME: "function",
    _ARGUMENTS + r"\s*\{[^{}]*\}\s*,\s*[\"'](?:name|tool|function)[\"']\s*:\s*" + _NAME: "{",
    r"(?m)^\s*\**Action\**\s*:\s*"
    + _NAME
    + r"\s*(?:\n+\s*\**Action Input\**\s*:|[(\[{])": "Action",
    r"^\s*\[?\s*" + _NAME + r"\((?:\s*\w+\s*=[^()]*)?\)\s*\]?\s*$": "(",
}
_FORMS = tuple((hint, re2.compile(form)) for form, hint in (_TAGGED | _PLAIN).items())
"""Each form with what stands in every text that has it: most texts are spared most searches."""

_RESULT = re2.compile(
    r"(?im)^\s*\**(?:observation|tool (?:result|response|output)|function (?:result|response))\**"
    r"\s*:|<(?:tool_response|tool_result|tool_results|function_results?|function_response"
    r"|observation)>"
)


def calls_written(text: str) -> tuple[str, ...]:
    """The tools that calls in the text name, in no particular order, each once."""
    return tuple(dict.fromkeys(name for name, _ in _found(well_formed(text[-_WINDOW:]))))


def own_result(text: str, tools: Container[str]) -> str | None:
    """What a text gives as the result of a call of a tool that it wrote itself; None for none."""
    head = well_formed(text[-_WINDOW:])
    ends = [end for name, end in _found(head) if name in tools]
    hits = (hit for hit in _RESULT.finditer(head) if ends and hit.start() >= min(ends))
    first = next(hits, None)
    return None if first is None else head[first.end() :].strip()


def is_given_result(text: str) -> bool:
    """Whether a text begins as the result of a call that a runtime hands back in words."""
    head = well_formed(text[:_HEAD])
    found = _RESULT.search(head)
    return found is not None and not head[: found.start()].strip()


def _found(text: str) -> Iterator[tuple[str, int]]:
    for hint, form in _FORMS:
        for hit in form.finditer(text) if hint in text else ():
            yield hit.group(1).rpartition(".")[2].rpartition(":")[2], hit.end()
