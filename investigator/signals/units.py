"""A number that came in one unit and is used in another, of the same dimension, is wrong.

The unit is read where a tool's answer names it beside the number ("weight_unit": "lb"); the use
is a later call whose parameter says another ("Weight in kg"), or the answer's own words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import re2

from investigator.canonical import JsonValue
from investigator.inspection.evidence import EvidenceRef
from investigator.signals.building import build_signal
from investigator.signals.formats import answer_of
from investigator.signals.ignored_instructions import final_calls
from investigator.signals.model import Fault, Signal
from investigator.signals.offered_tools import offered_tools
from investigator.signals.view import Attempt, TraceView

_DIMENSIONS = {
    "mass": "kg g mg t lb lbs oz kilogram kilograms gram grams pound pounds ounce ounces tonnes",
    "length": "km m cm mm mi ft yd mile miles metre metres meter meters feet kilometers kilometres",
    "volume": "l ml litre litres liter liters gal gallon gallons",
    "temperature": "°c °f celsius fahrenheit kelvin",
    "money": "eur usd gbp chf nok sek dkk jpy pln cad aud euro euros dollar dollars",
}
_SAME = {
    "lbs": "lb", "pound": "lb", "pounds": "lb", "kilogram": "kg", "kilograms": "kg", "gram": "g",
    "grams": "g", "ounce": "oz", "ounces": "oz", "tonnes": "t", "mile": "mi", "miles": "mi",
    "metre": "m", "metres": "m", "meter": "m", "meters": "m", "feet": "ft", "kilometers": "km",
    "kilometres": "km", "litre": "l", "litres": "l", "liter": "l", "liters": "l", "gallon": "gal",
    "gallons": "gal", "celsius": "°c", "fahrenheit": "°f", "euro": "eur", "euros": "eur",
    "dollar": "usd", "dollars": "usd",
}  # fmt: skip
_UNITS: Mapping[str, str] = {u: d for d, words in _DIMENSIONS.items() for u in words.split()}
_UNIT_KEY = re2.compile(
    r"(?i)(?:^|_)(?:unit|units|uom|currency)$|^(?:unit|currency)_?(?:code)?$|Unit$"
)
_IN = re2.compile(r"(?i)\bin (°?[a-z]+)\b|_(kg|lb|km|mi|g|oz|eur|usd|gbp)$")
_JSON_LIMIT = 20_000
_LEAST = 10
"""Numbers below it are in too many places by chance."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Numbers that came with a unit."""

    attempt: Attempt
    unit: str
    numbers: frozenset[float]


def detect_unit_mismatches(view: TraceView) -> Iterator[Signal]:
    """One signal for each answer of a tool whose numbers are used in another unit."""
    for measured in _measured(view):
        used = _used_in_call(view, measured) or _used_in_answer(view, measured)
        if used is not None:
            words, place = used
            yield build_signal(
                view,
                detector="unit_mismatch",
                fault=Fault.SCHEMA_MISMATCH,
                span=measured.attempt.span,
                evidence=[*view.evidence(measured.attempt), place],
                summary=f"{measured.attempt.tool} answered in {measured.unit}, {words}",
                strength=0.7,
            )


def _measured(view: TraceView) -> Iterator[_Measured]:
    for attempt in view.attempts:
        held = _object(attempt.result) if attempt.failure is None else {}
        units = {
            unit
            for key, value in held.items()
            if _UNIT_KEY.search(key) and isinstance(value, str) and (unit := _unit(value))
        }
        numbers = frozenset(
            float(value)
            for value in held.values()
            if isinstance(value, int | float)
            and not isinstance(value, bool)
            and (abs(value) >= _LEAST or isinstance(value, float))
        )
        if len(units) == 1 and numbers:
            yield _Measured(attempt, units.pop(), numbers)


def _used_in_call(view: TraceView, measured: _Measured) -> tuple[str, EvidenceRef] | None:
    start = view.position(measured.attempt.span)
    scope = view.scope(measured.attempt.span)
    for later in view.attempts:
        if view.position(later.span) <= start or view.scope(later.span) != scope:
            continue
        tool = offered_tools(later.author).get(later.tool) if later.author is not None else None
        for name, value in _object(later.arguments).items():
            if not isinstance(value, int | float) or float(value) not in measured.numbers:
                continue
            wanted = _wanted(name, tool.schemas.get(name) if tool is not None else None)
            if wanted is not None and _other(wanted, measured.unit):
                told = f"and {name} of {later.tool} takes {wanted}"
                return told, view.evidence(later)[0]
    return None


def _used_in_answer(view: TraceView, measured: _Measured) -> tuple[str, EvidenceRef] | None:
    scope = view.scope(measured.attempt.span)
    for span in final_calls(view):
        answer = answer_of(view, span)
        if answer is None or view.scope(span) != scope:
            continue
        for number in sorted(measured.numbers):
            told = re2.search(rf"(?i)\b{re2.escape(f'{number:g}')}0?\s?(°?\pL+)\b", answer)
            unit = _unit(told.group(1)) if told is not None else None
            if unit is not None and _other(unit, measured.unit):
                return f"and the answer says {number:g} {unit}", view.spoken_evidence(span)
    return None


def _wanted(name: str, schema: JsonValue) -> str | None:
    """The only unit that a parameter's name or description says."""
    described = schema.get("description") if isinstance(schema, dict) else None
    texts = (name, described if isinstance(described, str) else "")
    found = {
        unit
        for text in texts
        for match in _IN.finditer(text)
        if (unit := _unit(match.group(1) or match.group(2)))
    }
    return found.pop() if len(found) == 1 else None


def _unit(text: str) -> str | None:
    word = text.strip().lower()
    return _SAME.get(word, word) if word in _UNITS else None


def _other(one: str, another: str) -> bool:
    return one != another and _UNITS[one] == _UNITS[another]


def _object(text: str | None) -> Mapping[str, JsonValue]:
    if text is None or len(text) > _JSON_LIMIT:
        return {}
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}
