"""Nothing is kept for longer than the days that are configured, in whatever unit it is told."""

from __future__ import annotations

import json

import pytest

from investigator.controls.checking import Checked
from investigator.controls.checks.retention import Retention, retention
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import REDACTED, Trace
from tests.builders import readings
from tests.controls.policy_chat import call, chat, says, user
from tests.controls.runs import LOOKED_UP, answers, run


def kept(trace: Trace, days: float = 30) -> Checked:
    """What the check says of a run."""
    return retention(readings(trace), Retention(days=days))


def storing(**arguments: JsonValue) -> Trace:
    """A chat in which something is stored."""
    return chat(user("keep it"), call("save_memory", text="a lamp", **arguments), says("kept"))


@pytest.mark.parametrize(
    ("name", "value", "breaks"),
    [
        ("ttl_days", 30, False),
        ("ttl_days", 31, True),
        ("ttl_seconds", 86_400, False),
        ("ttl_seconds", 86_400 * 31, True),
        ("ttlHours", 24 * 31, True),
        ("retention", "30 days", False),
        ("retention", "5 weeks", True),
        ("expires_in", "P1Y", True),
        ("expires_in", "P2W", False),
        ("retention", 90, True),
    ],
)
def test_what_is_stored_says_for_how_long(name: str, value: JsonValue, *, breaks: bool) -> None:
    """A bare number is in the unit of its name."""
    found = kept(storing(**{name: value}))
    assert (bool(found.violations), found.missing) == (breaks, ())


@pytest.mark.parametrize(
    "arguments", [{}, {"ttl": 7}, {"ttl_days": "a while"}, {"ttl_days": REDACTED}], ids=json.dumps
)
def test_what_does_not_say_for_how_long_cannot_be_judged(arguments: dict[str, JsonValue]) -> None:
    """No unit, no duration, hidden, or not a word of it: never a pass."""
    found = kept(storing(**arguments))
    assert not found.violations
    assert found.missing


@pytest.mark.parametrize(("days", "breaks"), [(7, False), (400, True)])
def test_a_declared_retention_counts_for_the_record_and_what_is_stored(
    days: int, *, breaks: bool
) -> None:
    """On a span or its resource."""
    for key in ("retention_days", "resource.data.retention_days"):
        found = kept(run(*LOOKED_UP, answers(), more={key: days}))
        assert (bool(found.violations), found.missing) == (breaks, ())


def test_a_run_that_stores_nothing_keeps_nothing() -> None:
    """What was scanned is said."""
    found = kept(run(*LOOKED_UP, answers()))
    assert (found.violations, found.missing) == ((), ())
    assert found.scanned == "0 calls that store among 1 call, 0 declared retentions"
