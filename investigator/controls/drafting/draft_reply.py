"""What a model drafts of some sentences, and what of it stands: checked in code, item by item.

A control stands where it names one of the sentences, quotes words that are in it, and is a control
that a library could hold. What does not stand is named, for a repair or for the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from investigator.controls.checks import known_checks
from investigator.controls.drafting.agent_tools import AgentTool, unknown_pattern
from investigator.controls.drafting.policy_sentences import PolicySentence, same_words
from investigator.controls.model import Control
from investigator.ground.json_text import embedded_json
from investigator.ground.placeholders import require_placeholders

_QUESTION = "question"
OF_CALLS = ("call_before", "confirmation_before", "call_limit", "call_rule", "call_after")
CHECKS_OF_A_DRAFT = (
    *OF_CALLS,
    "calls_per_turn",
    "no_reply_with_call",
    "statement_rule",
    "conversation_rule",
)
"""The checks of a business policy; all others need no policy to be asked."""

_FEWEST_WORDS = 2
_BETWEEN = re.compile(r"[^a-z0-9]+")
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


class DraftedControl(BaseModel):
    """One control as a model writes it; all texts are there, empty where they do not apply."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sentence: str
    quote: str
    control_id: str
    title: str
    description: str
    severity: Literal["critical", "high", "medium", "low", "info"]
    check: Literal[
        "question",
        "call_before",
        "confirmation_before",
        "call_limit",
        "call_rule",
        "call_after",
        "calls_per_turn",
        "no_reply_with_call",
        "statement_rule",
        "conversation_rule",
    ]
    params: str
    question: str
    remediation: str


class LeftOut(BaseModel):
    """A sentence that no control is drafted from, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sentence: str
    why: str


class DraftReply(BaseModel):
    """What a model says of some sentences."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    controls: tuple[DraftedControl, ...]
    not_covered: tuple[LeftOut, ...]


def draft_schema() -> dict[str, Any]:
    """The schema that a reply is held to."""
    return DraftReply.model_json_schema()


@dataclass(frozen=True, slots=True)
class Stands:
    """What stands of a reply, by sentence; `problems` are what is wrong with the rest.

    A problem without a sentence is one of the reply as a whole.
    """

    controls: tuple[tuple[PolicySentence, Control], ...]
    left_out: Mapping[str, str]
    problems: tuple[tuple[PolicySentence | None, str], ...]


def standing(
    text: str,
    sentences: Sequence[PolicySentence],
    document: str,
    tools: Sequence[AgentTool] = (),
) -> Stands:
    """Read a reply about these sentences of a document, for an agent with these tools."""
    try:
        items = _items(text)
    except ValueError as error:
        return Stands((), {}, ((None, str(error)),))
    known = {sentence.id: sentence for sentence in sentences}
    controls: list[tuple[PolicySentence, Control]] = []
    problems: list[tuple[PolicySentence | None, str]] = []
    for number, raw in enumerate(items.get("controls") or ()):
        sentence = _sentence_of(raw, known)
        try:
            made = _control(raw, sentence, document)
            _require_tools(made[1], tools)
            controls.append(made)
        except ValueError as error:
            problems += [(sentence, f"controls.{number}: {line}") for line in _lines(error)]
    return Stands(tuple(controls), dict(_left_out(items, known)), tuple(problems))


def _items(text: str) -> dict[str, Any]:
    found = embedded_json(text)
    if found is None and (inner := _OBJECT.search(text)) is not None:
        found = embedded_json(inner.group())
    if not isinstance(found, dict) or not isinstance(found.get("controls"), list):
        raise ValueError("the reply is no JSON object with a list `controls`")
    return dict(found)


def _sentence_of(raw: Any, known: Mapping[str, PolicySentence]) -> PolicySentence | None:
    name = raw.get("sentence") if isinstance(raw, dict) else None
    return known.get(_sentence_id(name))


def _sentence_id(name: object) -> str:
    digits = "".join(one for one in str(name) if one.isdigit())
    return f"s{int(digits)}" if digits and len(digits) < 9 else ""


def _left_out(
    items: dict[str, Any], known: Mapping[str, PolicySentence]
) -> Iterator[tuple[str, str]]:
    told = items.get("not_covered")
    for raw in told if isinstance(told, list) else ():
        sentence = _sentence_of(raw, known)
        if sentence is not None:
            why = raw.get("why")
            yield sentence.id, same_words(why) if isinstance(why, str) and why.strip() else "–"


def _control(
    raw: Any, sentence: PolicySentence | None, document: str
) -> tuple[PolicySentence, Control]:
    drafted = DraftedControl.model_validate(raw)
    if sentence is None:
        raise ValueError(f"sentence: '{drafted.sentence}' is none of the sentences that were given")
    quote = same_words(drafted.quote).strip("\"'“”‘’").removesuffix("…").strip()
    if quote not in sentence.text or len(quote.split()) < min(
        _FEWEST_WORDS, len(sentence.text.split())
    ):
        raise ValueError(f"quote: these are no words of {sentence.id}; copy them as they stand")
    control = Control.model_validate(
        {
            "control_id": _control_id(drafted.control_id) or sentence.id,
            "title": same_words(drafted.title),
            "description": same_words(drafted.description),
            "severity": drafted.severity,
            "check": _check(drafted),
            "applies_when": _applies_when(drafted),
            "required_evidence": ["messages"] if drafted.check == _QUESTION else [],
            "remediation_template": _template(same_words(drafted.remediation)),
            "source": {"document": document, "line": sentence.line, "quote": sentence.text},
        }
    )
    return sentence, control


def _require_tools(control: Control, tools: Sequence[AgentTool]) -> None:
    """A check on calls names tools that there are, where it is known which there are."""
    code = control.check.code
    if not tools or code is None:
        return
    for name in ("calls", "earlier", "later"):
        selector = code.params.get(name)
        named = selector.get("tools", ()) if isinstance(selector, dict) else selector
        patterns = [one for one in named or () if isinstance(one, str)]
        problem = unknown_pattern(patterns, tools)
        if problem is not None:
            raise ValueError(f"params.{name}: {problem}")


def _control_id(written: str) -> str:
    """What was written as an id: small letters and digits, with single marks between them."""
    joined = _BETWEEN.sub(
        lambda mark: mark[0] if mark[0] in (".", "_", "-") else "-", written.casefold()
    )
    return joined.strip("._-")


def _check(drafted: DraftedControl) -> dict[str, Any]:
    if drafted.check == _QUESTION:
        if not drafted.question.strip():
            raise ValueError("question: is empty; a control without a check asks one")
        return {"model": {"question": same_words(drafted.question)}}
    return {"code": {"name": drafted.check, "params": _params(drafted)}}


def _params(drafted: DraftedControl) -> dict[str, Any]:
    found = embedded_json(drafted.params.strip() or "{}")
    if not isinstance(found, dict):
        raise ValueError("params: is no JSON object in a string")
    try:
        known_checks()[drafted.check].params.model_validate(found)
    except ValidationError as error:
        raise ValueError("\n".join(f"params.{line}" for line in _lines(error))) from error
    return dict(found)


def _applies_when(drafted: DraftedControl) -> dict[str, Any]:
    """Where the calls are made that it is about; else where the agent speaks, or calls."""
    if drafted.check in OF_CALLS:
        calls = _params(drafted)["calls"]
        names = calls.get("tools", calls) if isinstance(calls, dict) else calls
        return {"called": names}
    if drafted.check in ("calls_per_turn", "no_reply_with_call"):
        return {"tool_calls": True}
    return (
        {"always": True}
        if drafted.check == "conversation_rule"
        else {"message_role": ["ASSISTANT"]}
    )


def _template(text: str) -> str:
    """What to do; braces that name nothing are left out."""
    try:
        return require_placeholders(text, ("trace_id", "span_id"))
    except ValueError:
        return text.replace("{", "").replace("}", "")


def _lines(error: ValueError) -> list[str]:
    """What is wrong, a line each."""
    if not isinstance(error, ValidationError):
        return str(error).splitlines()
    return [
        f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()
    ]
