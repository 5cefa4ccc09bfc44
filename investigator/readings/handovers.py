"""A call that hands the conversation to another agent or to a person moves no money.

Frameworks make a tool of each agent that may take over (`transfer_to_billing`), so its name alone
reads like a payment. What tells them apart is what stands in the trace: a hand-over names no
amount and no account, its target is an agent of the trace or a person, its result says who took
over. Arguments that a payment has make it one, unless an agent of that name then goes on.
"""

from __future__ import annotations

from collections.abc import Mapping

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import json_object
from investigator.ground.patterns import well_formed
from investigator.readings.directives import tool_words
from investigator.readings.languages import word_set
from investigator.readings.utterances import Action

_VERBS = word_set("transfer handoff handover hand delegate route escalate switch forward redirect")
_PAYING = word_set(
    "money fund funds payment payments cash crypto wire bank ach sepa amount balance account"
    " accounts savings checking wallet card iban stock stocks shares ownership token tokens coins"
    " bitcoin points credit credits donation"
)
_PAYMENT_ARGUMENTS = _PAYING | word_set(
    "amounts sum total price value currency quantity cents euros dollars eur usd gbp bic swift"
    " recipient recipients receiver beneficiary payee sender from to source destination url"
    " webhook email host bucket path"
)
_TAKES_OVER = word_set(
    "agent agents assistant assistants human humans operator operators support person people"
    " specialist specialists expert experts representative supervisor manager department team desk"
    " staff bot triage"
)
_TALK = word_set("call chat conversation session control dialog dialogue caller")
_OF_AN_AGENT = word_set("agent assistant bot the")
_SAID = re2.compile(
    r"(?i)^\W*(?:successfully )?(?:transferr(?:ed|ing)|hand(?:ed|ing)(?: it)?(?: off| over)?"
    r"|handoff|delegat(?:ed|ing)|rout(?:ed|ing)|switch(?:ed|ing))"
    r"(?: (?:you|them|control|the (?:conversation|chat|call|user|customer)))?(?: back)? to\b"
)
_TOOK_OVER = ("assistant", "agent", "target_agent", "agent_name", "handoff_to", "goto")
_WINDOW = 2_000


Agents = Mapping[tuple[str, ...], int]
"""Where each agent of a trace was last at work, by its name's words (see `agents_by_name`)."""


def agents_by_name(agents: Mapping[str, int]) -> Agents:
    """Where each agent was last at work, of those whose names mean the same the later."""
    found: dict[tuple[str, ...], int] = {}
    for agent, last in agents.items():
        name = tuple(_name(tool_words(agent)))
        if name:
            found[name] = max(last, found.get(name, last))
    return found


def hands_over(action: Action, agents: Agents, place: int) -> bool:
    """Whether a call, made at a place of the trace, is a hand-over."""
    words = tool_words(action.tool)
    start = next((place for place, word in enumerate(words) if word in _VERBS), None)
    if start is None or set(words[:start]) & _PAYING:
        return False
    target = [word for word in words[start + 1 :] if word not in ("off", "over", "back", "to")]
    named = {tuple(_name(target))} | {tuple(_name(tool_words(text))) for text in _plain(action)}
    known = any(name in agents for name in named)
    told = _is_told(action)
    if _names_who_takes_over(action):
        return True
    if _may_pay(action):
        goes_on = any(agents[name] > place for name in named if name in agents)
        return goes_on or (known and told)
    if known or told or set(target) & _TAKES_OVER:
        return True
    if set(target) & _PAYING or action.hidden:
        return False
    return bool(set(target) & _TALK) or (bool(target) and "to" in words[start + 1 :])


def _name(words: list[str]) -> list[str]:
    """A name without the words that many agents have in theirs."""
    return [word for word in words if word not in _OF_AN_AGENT] or words


def _plain(action: Action) -> list[str]:
    return [text for _, text in action.leaves if 0 < len(text) <= 80]


def _names_who_takes_over(action: Action) -> bool:
    """Whether an argument names an agent or a person as such, and none an amount."""
    leaves = [(set(tool_words(path)), text) for path, text in action.leaves if len(text) <= 80]
    if any(path & _PAYING or _is_figure(text) for path, text in leaves):
        return False
    return any(path & _TAKES_OVER or set(tool_words(text)) & _TAKES_OVER for path, text in leaves)


def _may_pay(action: Action) -> bool:
    """Whether the arguments are such as a payment has: an amount, an account, any figure."""
    return any(
        words & _PAYMENT_ARGUMENTS or ("id" not in words and _is_figure(text))
        for words, text in ((set(tool_words(path)), text) for path, text in action.leaves)
    )


def _is_figure(text: str) -> bool:
    return any(map(str.isdigit, text)) and not any(
        character.isalpha() for character in text[:_WINDOW]
    )


def _is_told(action: Action) -> bool:
    """Whether what came back says who took over."""
    if action.result is None:
        return False
    record = json_object(action.result.text[:_WINDOW]) or {}
    by_name = any(isinstance(record.get(key), str) for key in _TOOK_OVER)
    return by_name or _SAID.search(well_formed(action.result.text[:_WINDOW])) is not None
