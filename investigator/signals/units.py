"""A number that came in one unit and is used in another, of the same dimension, is wrong.

The unit is read where a tool's answer names it beside the number ("weight_unit": "lb"); the use
is a later call whose parameter says another ("Weight in kg"), or the answer's own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, json_object
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView
from investigator.signals.building import build_signal
from investigator.signals.formats import answer_of
from investigator.signals.ignored_instructions import final_calls
from investigator.signals.model import Detector, Signal
from investigator.signals.offered_tools import offered_tools
from investigator.traces.evidence import EvidenceRef

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
_ALIKE: Mapping[str, frozenset[str]] = {
    dimension: frozenset(_SAME.get(word, word) for word in words.split())
    for dimension, words in _DIMENSIONS.items()
}
_UNIT_KEY = re2.compile(
    r"(?i)(?:^|_)(?:unit|units|uom|currency)$|^(?:unit|currency)_?(?:code)?$|Unit$"
)
_IN = re2.compile(r"(?i)\bin (°?[a-z]+)\b|_(kg|lb|km|mi|g|oz|eur|usd|gbp)$")
_SAID = re2.compile(r"\b(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s?(°?\pL+)\b")
_JSON_LIMIT = 20_000
_GREAT = 1e15
_LEAST = 10
"""Whole numbers below it are in too many places by chance."""


@dataclass(frozen=True, slots=True)
class _Use:
    """A place where a number is used in a unit."""

    words: str
    evidence: EvidenceRef


class _Uses:
    """The next use of each number in each unit, in each loop."""

    def __init__(self) -> None:
        self._next: dict[tuple[str | None, float, str], _Use] = {}

    def add(self, scope: str | None, number: float, unit: str, use: _Use) -> None:
        """A use before all that were added so far."""
        self._next[scope, number, unit] = use

    def in_another_unit(self, scope: str | None, number: float, unit: str) -> _Use | None:
        """A use of the number in another unit of the same dimension."""
        others = (other for other in _ALIKE[_UNITS[unit]] if other != unit)
        found = (self._next.get((scope, number, other)) for other in others)
        return next((use for use in found if use is not None), None)


def detect_unit_mismatches(readings: Readings) -> Iterator[Signal]:
    """One signal for each answer of a tool whose numbers are used in another unit."""
    view = readings.view
    in_calls, in_answers = _Uses(), _said_in_answers(view)
    for attempt in reversed(view.attempts):
        scope = view.scope(attempt.span)
        unit, numbers = _measured(attempt)
        used = [
            use
            for uses in (in_calls, in_answers)
            for number in numbers
            if (use := uses.in_another_unit(scope, number, unit)) is not None
        ]
        if used:
            yield build_signal(
                view,
                detector="unit_mismatch",
                fault=Fault.SCHEMA_MISMATCH,
                span=attempt.span,
                evidence=[*view.evidence(attempt), used[0].evidence],
                summary=f"{attempt.tool} answered in {unit}, {used[0].words}",
                strength=0.7,
            )
        for name, number, wanted in _taken(view, attempt):
            told = f"and {name} of {attempt.tool} takes {wanted}"
            in_calls.add(scope, number, wanted, _Use(told, view.evidence(attempt)[0]))


def _measured(attempt: Attempt) -> tuple[str, Sequence[float]]:
    """The one unit that a tool's answer names, and the numbers in it; no numbers without one."""
    held = _object(attempt.result) if attempt.failure is None else {}
    units = {
        unit
        for key, value in held.items()
        if _UNIT_KEY.search(key) and isinstance(value, str) and (unit := _unit(value))
    }
    if len(units) != 1:
        return "", ()
    numbers = {float(value) for value in held.values() if _is_number(value)}
    return units.pop(), sorted(n for n in numbers if abs(n) >= _LEAST or not n.is_integer())


def _taken(view: TraceView, attempt: Attempt) -> Iterator[tuple[str, float, str]]:
    """The numbers that a call hands over, with the unit in which its tool takes each."""
    tool = (
        offered_tools(view, attempt.author).get(attempt.tool)
        if attempt.author is not None
        else None
    )
    for name, value in _object(attempt.arguments).items():
        wanted = _wanted(name, tool.properties.get(name) if tool is not None else None)
        if wanted is not None and _is_number(value):
            yield name, float(value), wanted


def _said_in_answers(view: TraceView) -> _Uses:
    """The numbers of final answers, in the unit that each stands with first."""
    uses = _Uses()
    for span in final_calls(view):
        told: set[float] = set()
        for match in _SAID.finditer(answer_of(view, span) or ""):
            number, unit = float(match.group(1).replace(",", "")), _unit(match.group(2))
            if unit is not None and number not in told:
                told.add(number)
                use = _Use(f"and the answer says {match.group(0)}", view.spoken_evidence(span))
                uses.add(view.scope(span), number, unit, use)
    return uses


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


def _is_number(value: JsonValue) -> TypeGuard[int | float]:
    """A number that a measurement can be; none that is too great to be told apart from others."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _GREAT


def _object(text: str | None) -> Mapping[str, JsonValue]:
    return {} if text is None or len(text) > _JSON_LIMIT else json_object(text) or {}


DETECTOR = Detector("unit_mismatches", detect_unit_mismatches)
