"""A look that was for one thing and came back with another's record gave wrong data.

Seen where an argument names the thing (`customer_id`) and the record, or each record of the list,
has a field of that name with another value, and the one asked for stands nowhere in the result.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, read_json
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import Corrections, is_look

_PARSED = 200_000
_LISTED = 50
_DEPTH = 3
_NAMES = re2.compile(
    r"^(?:id|\w*(?:id|number|no|code|email|sku|isbn|iban|symbol|ticker|username|login|key|slug))$"
)
_NO_THING = re2.compile(
    r"^(?:\w*(?:request|session|trace|span|call|correlation|client|tenant|api|access|sort|order)?key"
    r"|(?:request|session|trace|span|call|correlation|run|job|thread)id|pageno|pagenumber"
    r"|(?:zip|postal|country|currency|language|status|error|area)code|phonenumber)$"
)
_HOLDERS = ("result", "data", "response", "body", "record", "item", "output", "content", "results",
            "items", "records", "rows")  # fmt: skip


def detect_wrong_subjects(readings: Readings) -> Iterator[Signal]:
    """Looks that were answered with the record of something else."""
    view = readings.view
    corrections: Corrections | None = None
    for place, attempt in enumerate(view.attempts):
        other = _other(attempt) if attempt.failure is None and is_look(attempt) else None
        if other is not None:
            corrections = corrections or Corrections(view, lambda one: _other(one) is None)
            yield _signal(view, attempt, other, recovered_by=corrections.of(place))


def _signal(
    view: TraceView, attempt: Attempt, other: tuple[str, str, str], *, recovered_by: str | None
) -> Signal:
    name, asked, given = other
    return build_signal(
        view,
        detector="wrong_subject",
        fault=Fault.WRONG_SUBJECT,
        span=attempt.span,
        evidence=view.evidence(attempt),
        summary=f"{attempt.tool} was asked for {name} {asked} and answered with {given}",
        strength=0.7,
        recovered_by=recovered_by,
    )


def _other(attempt: Attempt) -> tuple[str, str, str] | None:
    """The name, the value asked for and the one given; None where they are the same or unknown."""
    result = (attempt.result or "").strip()
    if result[:1] not in ("{", "[") or len(result) > _PARSED:
        return None
    asked = _named(_parsed(attempt.arguments))
    if not asked:
        return None
    lowered = result.lower()
    wanted = {name: value for name, value in asked.items() if value.lower() not in lowered}
    if not wanted:
        return None
    records = _records(_parsed(result), _DEPTH)
    for name, value in wanted.items():
        given = [record.get(name) for record in records[:_LISTED]]
        if given and all(one is not None and _is_other(value, one) for one in given):
            return name, value, str(given[0])
    return None


def _is_other(asked: str, given: str) -> bool:
    """Whether two names differ in more than their spelling; one may be short for the other."""
    one, two = (str(_PLAIN.sub("", text)).lower().lstrip("0") for text in (asked, given))
    return bool(one and two) and one not in two and two not in one


_PLAIN = re2.compile(r"[^\pL\d]")


def _parsed(text: str) -> JsonValue:
    if text[:1] not in ("{", "["):
        return None
    try:
        value: JsonValue = read_json(text)
    except (ValueError, RecursionError):
        return None
    return value


def _named(value: JsonValue) -> dict[str, str]:
    """The fields of an object that name a thing."""
    fields = value.items() if isinstance(value, dict) else ()
    plain = {_plain(key): item for key, item in fields}
    return {
        key: str(item)
        for key, item in plain.items()
        if isinstance(item, str | int)
        and not isinstance(item, bool)
        and len(str(item)) > 1
        and _NAMES.search(key) is not None
        and _NO_THING.search(key) is None
    }


def _records(value: JsonValue, depth: int) -> list[dict[str, str]]:
    """The records that a result gives, out of their envelopes, by the names of things in them."""
    if isinstance(value, list):
        return [one for item in value if isinstance(item, dict) for one in _records(item, 0)]
    if not isinstance(value, dict):
        return []
    named = _named(value)
    for key, item in value.items():
        plain = _plain(key)
        if depth and plain in _HOLDERS and isinstance(item, dict | list) and not named:
            return _records(item, depth - 1)
        if isinstance(item, dict):
            # `{"customer": {"id": 7}}` names the customer as `customer_id` would.
            named |= {f"{plain}{inner}": said for inner, said in _named(item).items()}
    return [named]


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


DETECTOR = Detector("wrong_subjects", detect_wrong_subjects)
