"""A departure in words: what the failed run did, and what the good one did instead.

Texts of both runs go through the run's redactor before they are cut.
"""

from __future__ import annotations

from typing import assert_never

from investigator.readings.acts import Act, ActKind
from investigator.readings.departures import Departure
from investigator.readings.quoting import Quoting
from investigator.readings.same_values import FORM

_SHOWN = 55
_EXCERPT = 200


def departure_words(one: Departure, quote: Quoting) -> str:
    """One line on a departure."""
    if one.change:
        return f"this step {one.change}"
    theirs = "did nothing of the kind" if one.good is None else _did(one.good, quote)
    if one.act is None:
        return f"the run ends here, where the good run {theirs}"
    named = next((d for d in one.differences if d.path), None)
    same = one.good is not None and _is_same_call(one.act, one.good)
    if same and named is not None and named.path == FORM:
        return f"the answer has the form {named.failed}, in the good run {named.good}"
    if same and named is not None:
        ours, good = (_has(named.path, held, quote) for held in (named.failed, named.good))
        return f"{_name(one.act, quote)} answered {ours}, in the good run {good}"
    if same and one.good is not None and one.act.kind is not ActKind.SAY:
        ours, good = _came(one.act, quote), _came(one.good, quote)
        return f"{_name(one.act, quote)} came to {ours}, in the good run to {good}"
    if named is not None and one.good is not None and one.act.name == one.good.name:
        ours, good = (_has(named.path, held, quote) for held in (named.failed, named.good))
        return f"the run called {quote.name(one.act.name)} {ours}, the good run {good}"
    return f"the run {_did(one.act, quote)}, where the good run {theirs}"


def good_excerpt(one: Departure, quote: Quoting) -> str | None:
    """What the good run has there, redacted and short; None where it has nothing."""
    return None if one.good is None else quote.line(_whole(one.good), _EXCERPT)


def _has(path: str, value: str | None, quote: Quoting) -> str:
    return f"without {path}" if value is None else f"with {path} {_text(value, quote)}"


def _whole(act: Act) -> str:
    if act.kind is ActKind.CALL:
        return f"{act.name}({act.given}) → {act.came or act.failed or 'no result'}"
    return act.came or act.failed or f"{act.name}: nothing"


def _is_same_call(act: Act, good: Act) -> bool:
    return (act.kind, act.name) == (good.kind, good.name) and act.given == good.given


def _name(act: Act, quote: Quoting) -> str:
    name = quote.name(act.name)
    return {ActKind.MODEL: f"the model call {name}"}.get(act.kind, name)


def _did(act: Act, quote: Quoting) -> str:
    match act.kind:
        case ActKind.CALL:
            return f"called {quote.name(act.name)}({quote.line(act.given, _SHOWN)})"
        case ActKind.SAY:
            verb = "answered" if act.is_last else "said"
            return f"{verb} {_text(act.came or None, quote)}"
        case ActKind.SEARCH:
            return f"searched {quote.name(act.name)}"
        case ActKind.WORK | ActKind.MODEL:
            failed = f", which failed with {_text(act.failed, quote)}" if act.failed else ""
            return f"made {_name(act, quote)}{failed}"
        case kind:
            assert_never(kind)


def _came(act: Act, quote: Quoting) -> str:
    if act.failed is not None:
        return f"a failure ({_text(act.failed, quote)})"
    return _text(act.came or None, quote)


def _text(text: str | None, quote: Quoting) -> str:
    return "nothing" if text is None else f"“{quote.line(text, _SHOWN)}”"
